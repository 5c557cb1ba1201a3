//! The calls: one event with `Report`, several with `ReportStream`. The connection is made when it is first needed.

use std::collections::VecDeque;
use std::future::Future;

use billet_domain::hook::Hook;
use tokio::time::timeout_at;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Streaming};

use super::super::settings::Target;
use super::Pace;
use super::verdict::{Stop, Verdict};
use crate::proto::billet::v1::hook_service_client::HookServiceClient;
use crate::proto::billet::v1::{
    HookEvent, HookOutcome, HookResult, ReportRequest, ReportStreamRequest, ReportStreamResponse,
};
use crate::proto::hook::encode;

/// An event that waits in the spool.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Its name in the spool.
    pub id: String,
    /// What is sent.
    pub hook: Hook,
}

/// What the daemon did with an event, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome(pub String);

/// Carries events to the daemon.
pub struct Courier<'a> {
    target: &'a Target,
    pace: &'a Pace,
    client: Option<HookServiceClient<Channel>>,
    authorization: Option<MetadataValue<Ascii>>,
}

impl<'a> Courier<'a> {
    pub fn new(target: &'a Target, pace: &'a Pace) -> Self {
        let bearer = target.token.as_ref().and_then(|token| format!("Bearer {}", token.secret()).parse().ok());
        let authorization = bearer.map(|mut bearer: MetadataValue<Ascii>| {
            bearer.set_sensitive(true);
            bearer
        });
        Self { target, pace, client: None, authorization }
    }

    /// Reports one event.
    pub async fn report(&mut self, event: &Waiting) -> Result<Outcome, Verdict> {
        let request = self.request(ReportRequest { event: Some(self.message(event)) });
        let mut client = self.client().await?;
        let response = self.in_time(client.report(request)).await?;
        outcome(response.into_inner().result)
    }

    /// Reports several; the answers come with [`Courier::next`].
    pub async fn report_all(&mut self, events: &VecDeque<Waiting>) -> Result<Streaming<ReportStreamResponse>, Verdict> {
        let messages: Vec<_> =
            events.iter().map(|event| ReportStreamRequest { event: Some(self.message(event)) }).collect();
        let request = self.request(tokio_stream::iter(messages));
        let mut client = self.client().await?;
        Ok(self.in_time(client.report_stream(request)).await?.into_inner())
    }

    /// The next event that the daemon has; `None` after the last.
    pub async fn next(
        &self,
        answers: &mut Streaming<ReportStreamResponse>,
    ) -> Result<Option<(String, Outcome)>, Verdict> {
        match self.in_time(answers.message()).await? {
            Some(answer) => Ok(Some((answer.event_id, outcome(answer.result)?))),
            None => Ok(None),
        }
    }

    fn message(&self, event: &Waiting) -> HookEvent {
        encode(&event.hook, self.target.instance)
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Some(authorization) = &self.authorization {
            request.metadata_mut().insert("authorization", authorization.clone());
        }
        request
    }

    async fn client(&mut self) -> Result<HookServiceClient<Channel>, Verdict> {
        if let Some(client) = &self.client {
            return Ok(client.clone());
        }
        let endpoint = endpoint(self.target).map_err(Verdict::Stop)?;
        let connected = timeout_at(self.pace.answer_until(), endpoint.connect()).await;
        let channel = connected.map_err(|_| Verdict::Stop(Stop::timeout()))?.map_err(|error| {
            Verdict::Stop(Stop {
                code: "UNAVAILABLE".into(),
                message: format!("cannot reach {}: {}", self.target.url, innermost(&error)),
                needs_person: false,
            })
        })?;
        Ok(self.client.insert(HookServiceClient::new(channel)).clone())
    }

    async fn in_time<T>(&self, call: impl Future<Output = Result<T, tonic::Status>>) -> Result<T, Verdict> {
        match timeout_at(self.pace.answer_until(), call).await {
            Ok(answer) => answer.map_err(|status| Verdict::of(&status)),
            Err(_) => Err(Verdict::Stop(Stop::timeout())),
        }
    }
}

fn endpoint(target: &Target) -> Result<Endpoint, Stop> {
    let wrong = |error: tonic::transport::Error| {
        Stop::settings(format!("the setting url is wrong: `{}`: {}", target.url, innermost(&error)))
    };
    let endpoint = Endpoint::from_shared(target.url.clone()).map_err(wrong)?;
    match (endpoint.uri().scheme_str(), endpoint.uri().host()) {
        (Some("http"), Some(_)) => Ok(endpoint),
        (Some("https"), Some(_)) => {
            let tls = match &target.ca_pem {
                Some(pem) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(pem)),
                None => ClientTlsConfig::new().with_native_roots(),
            };
            endpoint.tls_config(tls).map_err(wrong)
        }
        _ => Err(Stop::settings(format!("the setting url is wrong: `{}` is not http:// or https://", target.url))),
    }
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// What the daemon says it did. An answer that does not say so is none: the event stays.
fn outcome(result: Option<HookResult>) -> Result<Outcome, Verdict> {
    let Some(result) = result else {
        return Err(Verdict::Stop(Stop::nonsense("the daemon's answer says nothing about the event")));
    };
    let word = match HookOutcome::try_from(result.outcome) {
        Ok(HookOutcome::Unspecified) => {
            return Err(Verdict::Stop(Stop::nonsense("the daemon's answer says nothing about the event")));
        }
        Ok(HookOutcome::Applied) => "applied",
        Ok(HookOutcome::Duplicate) => "known already",
        Ok(HookOutcome::Parked) => "waits in the inbox",
        Ok(HookOutcome::Noted) => "noted",
        Ok(HookOutcome::Dismissed) => "dismissed",
        // From a later version of the daemon.
        Err(_) => "taken",
    };
    let reason = if result.reason.is_empty() { result.detail } else { result.reason };
    Ok(Outcome(if reason.is_empty() { word.to_owned() } else { format!("{word}: {reason}") }))
}
