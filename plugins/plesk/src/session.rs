//! SingleSignOn and TestConnection.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use billet_plugin::v1::{
    ProblemKind, SignOnService, SingleSignOnRequest, SingleSignOnResponse, TestConnectionRequest,
    TestConnectionResponse,
};
use billet_plugin::{Answer, Done, Failure};

use crate::Plesk;
use crate::client::{Reply, expected};
use crate::failure::refused;
use crate::packet::Packet;
use crate::webspace::named;
use crate::work::Time;
use crate::xml::Element;

/// Calls that only the administrator may make.
const FOR_ADMINISTRATORS: [&str; 7] = [
    "GetCapacity",
    "ListResellers",
    "CreateReseller",
    "SetResellerLimits",
    "SuspendReseller",
    "UnsuspendReseller",
    "TerminateReseller",
];

impl Plesk {
    pub(crate) async fn test(&self, _: TestConnectionRequest) -> Answer<TestConnectionResponse> {
        let packet = Packet::of("server", "get", [Element::new("gen_info"), Element::new("stat")]);
        let answer = self.client.ask_one(&packet, Time::OPEN).await;
        let first = answer.and_then(|replies| replies.into_iter().next().map(Reply::done).transpose());
        match first.map(|reply| reply.map(|reply| reply.result).unwrap_or_default()) {
            Ok(result) => Ok(Done::new(TestConnectionResponse {
                version: result
                    .at(&["stat", "version", "plesk_version"])
                    .map(|one| one.text.clone())
                    .unwrap_or_default(),
                hostname: result.at(&["gen_info", "server_name"]).map(|one| one.text.clone()).unwrap_or_default(),
                ..TestConnectionResponse::default()
            })),
            // The credentials are good, and a reseller's.
            Err(failure) if failure.problem().code == "1006" => {
                let protocols = Packet::of("server", "get_protos", []);
                self.client.ask_one(&protocols, Time::OPEN).await?;
                Ok(Done::new(TestConnectionResponse {
                    missing_permissions: FOR_ADMINISTRATORS.iter().map(|call| (*call).to_owned()).collect(),
                    ..TestConnectionResponse::default()
                }))
            }
            Err(failure) => Err(failure),
        }
    }

    pub(crate) async fn sign_on(&self, request: SingleSignOnRequest) -> Answer<SingleSignOnResponse> {
        let address: IpAddr = request.client_ip.parse().map_err(|_| {
            refused(ProblemKind::Invalid, "the visitor's IP address is needed: Plesk binds the session to it")
        })?;
        let service = request.service();
        let reference = named(request.r#ref)?;
        let login = match service {
            SignOnService::Webmail => return Err(Failure::unsupported("SingleSignOn to webmail")),
            SignOnService::Server if reference.username.is_empty() => {
                return Err(refused(ProblemKind::Invalid, "the login name is needed"));
            }
            SignOnService::Server => reference.username,
            SignOnService::Panel | SignOnService::Unspecified => {
                let webspace = self.the(&reference, Time::OPEN).await?;
                // The session is the owner's. Only a customer's own session may be given to the account's user.
                let owner = self.customer(&webspace.owner_login, Time::OPEN).await?;
                let words = || {
                    format!("it belongs to {}, who is no customer: the session would be theirs", webspace.owner_login)
                };
                owner.ok_or_else(|| refused(ProblemKind::State, words()))?.login
            }
        };
        let data = Element::new("data")
            .with(Element::leaf("user_ip", STANDARD.encode(address.to_string())))
            .with(Element::new("source_server"));
        let packet = Packet::of("server", "create_session", [Element::leaf("login", &login), data]);
        let reply = self.client.ask_one(&packet, Time::OPEN).await?.into_iter().next();
        let id = expected(reply.map(Reply::done).transpose()?.map(|reply| reply.id), "the session")?;
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_,".contains(&byte)) {
            return Err(Failure::later(ProblemKind::Unavailable, "", "Plesk's answer has no session id"));
        }
        let url = format!("{}/enterprise/rsession_init.php?PLESKSESSID={id}", self.settings.base());
        Ok(Done::new(SingleSignOnResponse { url, ..SingleSignOnResponse::default() }))
    }
}
