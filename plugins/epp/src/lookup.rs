//! Reading domains.

use billet_plugin::v1::{
    Domain, GetAuthCodeRequest, GetAuthCodeResponse, GetDomainRequest, GetDomainResponse, ProblemKind,
};
use billet_plugin::{Answer, Done, Failure};

use crate::client::Client;
use crate::contact;
use crate::deadline::Deadline;
use crate::info::Info;

/// GetDomain.
///
/// # Errors
/// Those of a question.
pub async fn get(client: &Client, request: GetDomainRequest) -> Answer<GetDomainResponse> {
    let until = client.question_deadline();
    let info = Info::ask(client, &request.name, until).await?;
    let (domain, warnings) = whole(client, &info, until).await;
    Ok(Done::new(GetDomainResponse { domain: Some(domain), ..Default::default() }).with_warnings(warnings))
}

/// A domain with what its holder's contact tells. A contact that cannot be read is a warning.
pub async fn whole(client: &Client, info: &Info, until: Deadline) -> (Domain, Vec<String>) {
    if info.registrant.is_empty() || info.sponsor != client.client_id() {
        return (info.domain(client.client_id(), false), Vec::new());
    }
    match contact::is_hidden(client, &info.registrant, until).await {
        Ok(hidden) => (info.domain(client.client_id(), hidden.unwrap_or(false)), Vec::new()),
        Err(failure) => {
            let warning = format!("whether the holder is shown cannot be told: {}", failure.problem().words);
            (info.domain(client.client_id(), false), vec![warning])
        }
    }
}

/// GetAuthCode.
///
/// # Errors
/// [`ProblemKind::Unsupported`] when the registry keeps it to itself, and those of a question.
pub async fn auth_code(client: &Client, request: GetAuthCodeRequest) -> Answer<GetAuthCodeResponse> {
    let info = Info::ask(client, &request.name, client.question_deadline()).await?;
    if info.sponsor != client.client_id() {
        let words = format!("{} is looked after by {}", info.name, info.sponsor);
        return Err(Failure::refused(ProblemKind::Permission, "", words));
    }
    match info.auth_code {
        Some(auth_code) => Ok(Done::new(GetAuthCodeResponse { auth_code, ..Default::default() })),
        None => {
            let words = "the registry does not tell it; set a new one with UpdateDomain and hand that over";
            Err(Failure::refused(ProblemKind::Unsupported, "", words))
        }
    }
}
