//! The adapter beside a simulated server, or beside one that answers from a script.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use billet_plugin::v1::{Account, AccountRef, CreateAccountRequest, GetAccountRequest, Operation, ProblemKind};
use billet_plugin::{Answer, Configured, Failure, Panel, Settings};
use billet_simulator::{Plesk, PleskOptions};
use chrono::{DateTime, Utc};

/// The first password of the account in the tests.
pub(crate) const PASSWORD: &str = "s3cret-Word";

/// When the operations of the tests begin.
pub(crate) fn start() -> DateTime<Utc> {
    "2027-02-01T09:30:00Z".parse().expect("a time")
}

/// The adapter and what it calls.
pub(crate) struct Bench {
    pub(crate) plesk: Plesk,
    pub(crate) panel: Arc<dyn Panel>,
}

impl Bench {
    pub(crate) async fn start() -> Self {
        Self::with(serde_json::json!({})).await
    }

    /// With more settings than the address and the key.
    pub(crate) async fn with(more: serde_json::Value) -> Self {
        let options = PleskOptions {
            plans: vec!["Basic".to_owned(), "Pro".to_owned()],
            reseller_plans: vec!["Gold Reseller".to_owned()],
            ..PleskOptions::default()
        };
        Self::of(options, more).await
    }

    pub(crate) async fn of(options: PleskOptions, more: serde_json::Value) -> Self {
        let plesk = Plesk::start(options).await.expect("the simulator starts");
        plesk.set_now(start());
        let panel = configured(&plesk.url(), more, &[("secret_key", plesk.secret_key())]).expect("good settings");
        Self { plesk, panel }
    }

    /// With an account.
    pub(crate) async fn with_account() -> Self {
        let bench = Self::start().await;
        bench.panel.create_account(wanted()).await.expect("created");
        bench
    }

    pub(crate) async fn account(&self) -> Answer<Account> {
        let request = GetAccountRequest { r#ref: Some(reference()) };
        let done = self.panel.get_account(request).await?;
        Ok(billet_plugin::Done::new(done.value.account.expect("an account")))
    }

    /// The reference with the panel's own id.
    pub(crate) async fn whole_reference(&self) -> AccountRef {
        self.account().await.expect("it is there").value.r#ref.expect("a reference")
    }
}

/// The adapter as it is configured.
pub(crate) fn configured(
    url: &str,
    more: serde_json::Value,
    secrets: &[(&str, &str)],
) -> Result<Arc<dyn Panel>, Failure> {
    let serde_json::Value::Object(mut values) = more else { panic!("settings are an object") };
    values.insert("url".to_owned(), url.into());
    let secrets: BTreeMap<String, String> =
        secrets.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let settings = Settings { instance: "ins_1".to_owned(), values, secrets };
    match (billet_plesk::PLUGIN.configure)(&settings)? {
        Configured::Panel(panel) => Ok(panel),
        other => panic!("not a panel: {other:?}"),
    }
}

/// A first attempt.
pub(crate) fn first() -> Option<Operation> {
    attempt(1)
}

/// The same work, for the n-th time.
pub(crate) fn attempt(attempt: u32) -> Option<Operation> {
    Some(Operation {
        id: "op-7".to_owned(),
        attempt,
        first_attempt_at: Some(prost_types::Timestamp { seconds: start().timestamp(), nanos: 0 }),
        time_left: Some(prost_types::Duration { seconds: 30, nanos: 0 }),
    })
}

/// The account of the tests.
pub(crate) fn wanted() -> CreateAccountRequest {
    CreateAccountRequest {
        operation: first(),
        username: "acme".to_owned(),
        domain: "acme.example".to_owned(),
        package: "Basic".to_owned(),
        password: PASSWORD.to_owned(),
        email: "ops@acme.example".to_owned(),
        contact_name: "Anna A".to_owned(),
        external_id: "svc_17".to_owned(),
        ..CreateAccountRequest::default()
    }
}

pub(crate) const CUSTOMER: &str = "ops-acme.example";

pub(crate) fn reference() -> AccountRef {
    AccountRef { username: "acme".to_owned(), domain: "acme.example".to_owned(), panel_id: String::new() }
}

/// The failure, which must be a refusal of this kind; its words.
pub(crate) fn refused<T: std::fmt::Debug>(answer: Answer<T>, kind: ProblemKind) -> String {
    let failure = answer.expect_err("refused");
    assert!(failure.is_refused(kind), "{kind:?} is expected: {failure:?}");
    assert!(!format!("{failure:?}").contains(PASSWORD), "{failure:?}");
    failure.problem().words.clone()
}

/// The failure, which must say that nobody knows.
pub(crate) fn unknown<T: std::fmt::Debug>(answer: Answer<T>) -> String {
    match answer.expect_err("unknown") {
        Failure::Unknown(problem) => problem.words,
        other => panic!("unknown is expected: {other:?}"),
    }
}

/// The failure, which must ask to try later; kind and words.
pub(crate) fn later<T: std::fmt::Debug>(answer: Answer<T>) -> (ProblemKind, String) {
    match answer.expect_err("later") {
        Failure::RetryLater { problem, .. } => (problem.kind(), problem.words),
        other => panic!("later is expected: {other:?}"),
    }
}

/// One answer of a scripted server.
#[derive(Debug, Clone)]
pub(crate) struct Scripted {
    pub(crate) status: u16,
    pub(crate) body: String,
    pub(crate) headers: Vec<(&'static str, &'static str)>,
}

/// A packet as Plesk answers.
pub(crate) fn packet(content: &str) -> Scripted {
    let body = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><packet version=\"1.6.9.1\">{content}</packet>");
    Scripted { status: 200, body, headers: vec![("content-type", "text/xml;charset=UTF-8")] }
}

#[derive(Default)]
struct Script {
    answers: VecDeque<Scripted>,
    requests: Vec<(HeaderMap, String)>,
}

/// A server that answers from a script, and what it was asked.
#[derive(Clone)]
pub(crate) struct ScriptedPlesk {
    script: Arc<Mutex<Script>>,
    pub(crate) url: String,
}

impl ScriptedPlesk {
    pub(crate) async fn start(answers: impl IntoIterator<Item = Scripted>) -> Self {
        let script = Arc::new(Mutex::new(Script { answers: answers.into_iter().collect(), requests: Vec::new() }));
        let router = Router::new().route("/enterprise/control/agent.php", post(answer)).with_state(Arc::clone(&script));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { script, url }
    }

    /// The adapter with a secret key.
    pub(crate) fn panel(&self) -> Arc<dyn Panel> {
        configured(&self.url, serde_json::json!({}), &[("secret_key", "the-secret-key")]).expect("good settings")
    }

    pub(crate) fn packets(&self) -> Vec<String> {
        let script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        script.requests.iter().map(|(_, body)| body.clone()).collect()
    }

    pub(crate) fn header(&self, name: &str) -> Option<Vec<u8>> {
        let script = self.script.lock().unwrap_or_else(PoisonError::into_inner);
        Some(script.requests.first()?.0.get(name)?.as_bytes().to_vec())
    }
}

async fn answer(State(script): State<Arc<Mutex<Script>>>, headers: HeaderMap, body: Bytes) -> Response {
    let mut script = script.lock().unwrap_or_else(PoisonError::into_inner);
    script.requests.push((headers, String::from_utf8_lossy(&body).into_owned()));
    match script.answers.pop_front() {
        Some(Scripted { status, body, headers }) => {
            let status = StatusCode::from_u16(status).expect("a status");
            let mut response = (status, body).into_response();
            for (name, value) in headers {
                response.headers_mut().insert(name, value.parse().expect("a header"));
            }
            response
        }
        None => StatusCode::GONE.into_response(),
    }
}
