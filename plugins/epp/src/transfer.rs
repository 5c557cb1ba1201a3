//! Transfers (RFC 5730 section 2.9.3.4, RFC 5731 section 3.2.4): asked for by the gaining registrar, decided by the losing one.

use billet_plugin::v1::{
    DecideTransferRequest, DecideTransferResponse, DomainAction, Operation, ProblemKind, Transfer, TransferDecision,
    TransferDomainRequest, TransferDomainResponse, TransferState,
};
use billet_plugin::{Answer, Done, Failure};

use crate::client::Client;
use crate::command::Command;
use crate::deadline::Deadline;
use crate::info::{Info, is_of_operation, is_repeated};
use crate::instant;
use crate::namespace;
use crate::price;
use crate::response::Response;
use crate::xml::Element;

/// TransferDomain.
///
/// # Errors
/// Those of a change.
pub async fn request(client: &Client, request: TransferDomainRequest) -> Answer<TransferDomainResponse> {
    let operation = request.operation.as_ref();
    let until = client.change_deadline(operation);
    if request.years > crate::registration::YEARS_MAX || request.auth_code.is_empty() {
        let words = "a transfer needs the auth_code of the losing side, and 0 to 10 years";
        return Err(Failure::refused(ProblemKind::Invalid, "", words));
    }
    if is_repeated(operation)
        && let Some(done) = look(client, &request, until).await?
    {
        return Ok(done);
    }
    let asked = (DomainAction::Transfer, request.years);
    let agreed = price::agree(client, &request.name, asked, request.price_max.as_ref(), until).await?;
    let mut warnings = agreed.warnings.clone();
    if !request.contacts.is_empty() || !request.name_servers.is_empty() {
        let words =
            "contacts and name servers are not part of a transfer in EPP: set them with UpdateDomain when it is done";
        warnings.push(words.to_owned());
    }
    let years =
        (request.years > 0).then(|| Element::leaf("domain:period", request.years.to_string()).attr("unit", "y"));
    let command =
        transfer("request", &request.name, years, Some(&request.auth_code)).extended(agreed.extension("transfer"));
    match client.change(&command, operation, until, &[&request.auth_code]).await {
        Ok(response) => {
            let transfer = read(&response).unwrap_or_else(|| Transfer {
                name: request.name.clone(),
                state: if response.is_pending() { TransferState::Pending } else { TransferState::Approved }.into(),
                requested_by: client.client_id().to_owned(),
                ..Transfer::default()
            });
            let charged = price::charged(&response);
            let value = TransferDomainResponse { transfer: Some(transfer), charged, ..Default::default() };
            Ok(Done::new(value).with_warnings(warnings))
        }
        Err(Failure::Unknown(problem)) => match look(client, &request, until).await {
            Ok(Some(done)) => Ok(done.with_warnings(warnings)),
            _ => Err(Failure::Unknown(problem)),
        },
        // 2300, 2304, 2106: it may be our own request that is under way.
        Err(failure) if failure.is_refused(ProblemKind::State) => match look(client, &request, until).await {
            Ok(Some(done)) => Ok(done),
            _ => Err(failure),
        },
        Err(failure) => Err(failure),
    }
}

/// Our request if it is under way, or done since the operation began.
async fn look(
    client: &Client,
    request: &TransferDomainRequest,
    until: Deadline,
) -> Result<Option<Done<TransferDomainResponse>>, Failure> {
    let transfer = query(client, &request.name, Some(&request.auth_code), until).await?;
    let transfer = transfer.filter(|transfer| transfer.requested_by == client.client_id());
    let ours = transfer.filter(|transfer| match transfer.state() {
        TransferState::Pending => true,
        TransferState::Approved => acted_for(transfer, request.operation.as_ref()),
        _ => false,
    });
    // A transfer that is done changed the secret, and then its query is refused; the domain itself tells.
    let ours = match ours {
        Some(transfer) => Some(transfer),
        None => arrived(client, request, until).await?,
    };
    Ok(ours.map(|transfer| Done::already(TransferDomainResponse { transfer: Some(transfer), ..Default::default() })))
}

/// The transfer of a domain that came here since the operation began.
async fn arrived(
    client: &Client,
    request: &TransferDomainRequest,
    until: Deadline,
) -> Result<Option<Transfer>, Failure> {
    let info = match Info::find(client, &request.name, until).await {
        Ok(info) => info,
        Err(Failure::Refused(_)) => None,
        Err(failure) => return Err(failure),
    };
    let info = info.filter(|info| info.sponsor == client.client_id());
    let since = |info: &Info| info.transferred_at.filter(|at| is_of_operation(*at, request.operation.as_ref()));
    Ok(info.and_then(|info| {
        Some(Transfer {
            state: TransferState::Approved.into(),
            requested_by: client.client_id().to_owned(),
            acted_at: Some(instant::timestamp(since(&info)?)),
            expires_at: info.expires_at.map(instant::timestamp),
            name: info.name,
            ..Transfer::default()
        })
    }))
}

/// Whether a transfer was asked for since the operation began.
fn acted_for(transfer: &Transfer, operation: Option<&Operation>) -> bool {
    transfer.requested_at.as_ref().and_then(instant::of_timestamp).is_some_and(|at| is_of_operation(at, operation))
}

/// The latest transfer of a domain; `None` when there is none, or the registry does not tell.
///
/// # Errors
/// Those of a question.
pub async fn query(
    client: &Client,
    name: &str,
    auth_code: Option<&str>,
    until: Deadline,
) -> Result<Option<Transfer>, Failure> {
    match client.ask_with(&transfer("query", name, None, auth_code), until, auth_code.unwrap_or_default()).await {
        Ok(response) => Ok(read(&response)),
        // 2301, 2201, 2202, 2303: none is under way, or it is not ours to see.
        Err(Failure::Refused(_)) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// DecideTransfer.
///
/// # Errors
/// Those of a change.
pub async fn decide(client: &Client, request: DecideTransferRequest) -> Answer<DecideTransferResponse> {
    let operation = request.operation.as_ref();
    let until = client.change_deadline(operation);
    let (op, wanted) = match request.decision() {
        TransferDecision::Approve => ("approve", TransferState::Approved),
        TransferDecision::Reject => ("reject", TransferState::Rejected),
        TransferDecision::Cancel => ("cancel", TransferState::Cancelled),
        TransferDecision::Unspecified => {
            return Err(Failure::refused(ProblemKind::Invalid, "", "decision: approve, reject or cancel"));
        }
    };
    let answer = |transfer| DecideTransferResponse { transfer: Some(transfer), ..Default::default() };
    let look = || async {
        let transfer = query(client, &request.name, None, until).await.ok().flatten();
        transfer.filter(|transfer| transfer.state() == wanted && has_part(client, transfer))
    };
    if is_repeated(operation)
        && let Some(transfer) = look().await
    {
        return Ok(Done::already(answer(transfer)));
    }
    match client.change(&transfer(op, &request.name, None, None), operation, until, &[]).await {
        Ok(response) => {
            let said = read(&response);
            Ok(Done::new(answer(said.unwrap_or_else(|| Transfer {
                name: request.name.clone(),
                state: wanted.into(),
                acted_by: client.client_id().to_owned(),
                ..Transfer::default()
            }))))
        }
        Err(Failure::Unknown(problem)) => {
            look().await.map(|transfer| Done::new(answer(transfer))).ok_or(Failure::Unknown(problem))
        }
        // 2301: it was decided already, and perhaps so.
        Err(failure) if failure.is_refused(ProblemKind::State) => {
            look().await.map(|transfer| Done::already(answer(transfer))).ok_or(failure)
        }
        Err(failure) => Err(failure),
    }
}

fn has_part(client: &Client, transfer: &Transfer) -> bool {
    [&transfer.requested_by, &transfer.acted_by].iter().any(|one| *one == client.client_id())
}

/// What `trnData` tells, in an answer or in a message.
#[must_use]
pub fn read(response: &Response) -> Option<Transfer> {
    let data = response.data.of(namespace::DOMAIN, "trnData")?;
    let at = |name: &str| instant::read(data.text_of(name)).map(instant::timestamp);
    Some(Transfer {
        name: data.text_of("name").to_ascii_lowercase(),
        state: state(data.text_of("trStatus")).into(),
        requested_by: data.text_of("reID").to_owned(),
        requested_at: at("reDate"),
        acted_by: data.text_of("acID").to_owned(),
        acted_at: at("acDate"),
        expires_at: at("exDate"),
    })
}

fn state(word: &str) -> TransferState {
    match word {
        "pending" => TransferState::Pending,
        "clientApproved" | "serverApproved" => TransferState::Approved,
        "clientRejected" => TransferState::Rejected,
        "clientCancelled" | "serverCancelled" => TransferState::Cancelled,
        _ => TransferState::Unspecified,
    }
}

fn transfer(op: &str, name: &str, years: Option<Element>, auth_code: Option<&str>) -> Command {
    let auth = auth_code
        .filter(|code| !code.is_empty())
        .map(|code| Element::new("domain:authInfo").with(Element::leaf("domain:pw", code)));
    let object = Element::new("domain:transfer")
        .attr("xmlns:domain", namespace::DOMAIN)
        .with(Element::leaf("domain:name", name))
        .with_all(years)
        .with_all(auth);
    Command::new(Element::new("transfer").attr("op", op).with(object))
}
