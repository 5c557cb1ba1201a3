//! Taking a domain back out of its redemption period (RFC 3915): a request, then a report, which the registry needs to have
//! within days or it deletes the domain after all.

use billet_plugin::google::r#type::Money;
use billet_plugin::v1::{DomainAction, DomainState, ProblemKind, RestoreDomainRequest, RestoreDomainResponse};
use billet_plugin::{Answer, Done, Failure};
use chrono::{DateTime, SecondsFormat, Utc};

use crate::client::Client;
use crate::command::{Command, Object};
use crate::deadline::Deadline;
use crate::info::Info;
use crate::lookup;
use crate::namespace;
use crate::price;
use crate::xml::Element;

/// What a registrar states in a report; the wording is prescribed (RFC 3915 section 4.2.5).
const STATEMENTS: [&str; 2] = [
    "This registrar has not restored the Registered Name in order to assume the rights to use or sell the Registered Name \
     for itself or for any third party.",
    "The information in this report is true to best of this registrar's knowledge, and this registrar acknowledges that \
     intentionally supplying false information in this report shall constitute an incorrigible material breach of the \
     Registry-Registrar Agreement.",
];

/// RestoreDomain.
///
/// # Errors
/// Those of a change.
pub async fn restore(client: &Client, request: RestoreDomainRequest) -> Answer<RestoreDomainResponse> {
    let operation = request.operation.as_ref();
    let until = client.change_deadline(operation);
    if !client.greeting(until).await?.offers(namespace::RGP) {
        let words = "the registry has no redemption period (RFC 3915)";
        return Err(Failure::refused(ProblemKind::Unsupported, "", words));
    }
    let before = Info::ask(client, &request.name, until).await?;
    let (mut charged, mut warnings) = (None, Vec::new());
    match before.state(client.client_id(), Utc::now()) {
        DomainState::Active | DomainState::Expired => {
            let (domain, warnings) = lookup::whole(client, &before, until).await;
            let value = RestoreDomainResponse { domain: Some(domain), ..Default::default() };
            return Ok(Done::already(value).with_warnings(warnings));
        }
        DomainState::TransferredAway => {
            let words = format!("{} is looked after by {}", before.name, before.sponsor);
            return Err(Failure::refused(ProblemKind::Permission, "", words));
        }
        // An earlier attempt asked for it; the report is missing.
        DomainState::PendingRestore => {}
        // Whether it can still be restored, the registry decides.
        _ => (charged, warnings) = ask(client, &request, until).await?,
    }
    let asked = Info::ask(client, &request.name, until).await.map_err(|failure| in_doubt(&failure))?;
    if asked.state(client.client_id(), Utc::now()) == DomainState::PendingRestore {
        let command = update(&request.name, report(&before, &request.reason, Utc::now()));
        match client.change(&command, operation, until, &[]).await {
            Ok(response) => charged = charged.or_else(|| price::charged(&response)),
            Err(Failure::Unknown(problem)) => {
                let now = Info::ask(client, &request.name, until).await.map_err(|failure| in_doubt(&failure))?;
                if now.state(client.client_id(), Utc::now()) == DomainState::PendingRestore {
                    return Err(Failure::Unknown(problem));
                }
            }
            Err(failure) => return Err(failure),
        }
    }
    let now = Info::ask(client, &request.name, until).await.map_err(|failure| in_doubt(&failure))?;
    let (domain, more) = lookup::whole(client, &now, until).await;
    warnings.extend(more);
    Ok(Done::new(RestoreDomainResponse { domain: Some(domain), charged, ..Default::default() }).with_warnings(warnings))
}

/// Asks for the restore. When no answer comes, a look tells.
async fn ask(
    client: &Client,
    request: &RestoreDomainRequest,
    until: Deadline,
) -> Result<(Option<Money>, Vec<String>), Failure> {
    let asked = (DomainAction::Restore, 0);
    let agreed = price::agree(client, &request.name, asked, request.price_max.as_ref(), until).await?;
    let restore = Element::new("rgp:restore").attr("op", "request");
    let command = update(&request.name, restore).extended(agreed.extension("update"));
    match client.change(&command, request.operation.as_ref(), until, &[]).await {
        Ok(response) => Ok((price::charged(&response), agreed.warnings)),
        Err(Failure::Unknown(problem)) => {
            let now = Info::ask(client, &request.name, until).await.map_err(|failure| in_doubt(&failure))?;
            match now.state(client.client_id(), Utc::now()) {
                DomainState::PendingRestore | DomainState::Active | DomainState::Expired => Ok((None, agreed.warnings)),
                _ => Err(Failure::Unknown(problem)),
            }
        }
        Err(failure) => Err(failure),
    }
}

/// After the restore was asked for, a look that fails leaves the outcome in doubt, not undone.
fn in_doubt(failure: &Failure) -> Failure {
    Failure::unknown(format!("the restore was asked for, and how the domain stands cannot be read: {failure}"))
}

fn update(name: &str, restore: Element) -> Command {
    let children = [Element::leaf("domain:name", name), Element::new("domain:chg")];
    Command::about("update", Object::Domain, children)
        .extended(Some(Element::new("rgp:update").attr("xmlns:rgp", namespace::RGP).with(restore)))
}

fn report(before: &Info, reason: &str, now: DateTime<Utc>) -> Element {
    let at = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let data = described(before);
    let reason = if reason.trim().is_empty() { "Registrant error." } else { reason };
    // The deletion was the last change before the restore.
    let deleted_at = before.updated_at.or(before.created_at).unwrap_or(now);
    let report = Element::new("rgp:report")
        .with(Element::leaf("rgp:preData", &data))
        .with(Element::leaf("rgp:postData", &data))
        .with(Element::leaf("rgp:delTime", at(deleted_at)))
        .with(Element::leaf("rgp:resTime", at(now)))
        .with(Element::leaf("rgp:resReason", reason))
        .with_all(STATEMENTS.iter().map(|statement| Element::leaf("rgp:statement", *statement)));
    Element::new("rgp:restore").attr("op", "report").with(report)
}

/// The registration data of a domain in a line. A restore changes none of them.
fn described(info: &Info) -> String {
    let servers: Vec<&str> = info.name_servers.iter().map(|server| server.name.as_str()).collect();
    let contacts: Vec<String> = info.contacts.iter().map(|(role, handle)| format!("{role} {handle}")).collect();
    let day = |at: Option<DateTime<Utc>>| at.map_or("-".to_owned(), |at| at.format("%Y-%m-%d").to_string());
    format!(
        "Domain Name: {}; Registrant: {}; Contacts: {}; Name Servers: {}; Created: {}; Expires: {}",
        info.name,
        info.registrant,
        contacts.join(", "),
        servers.join(", "),
        day(info.created_at),
        day(info.expires_at)
    )
}
