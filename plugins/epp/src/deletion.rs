//! Deleting a domain (RFC 5731 section 3.2.2). Most registries keep it restorable for 30 days (RFC 3915).

use billet_plugin::v1::{DeleteDomainRequest, DeleteDomainResponse, ProblemKind};
use billet_plugin::{Answer, Done, Failure};

use crate::client::Client;
use crate::command::{Command, Object};
use crate::deadline::Deadline;
use crate::info::{Info, is_repeated};
use crate::xml::Element;

/// DeleteDomain.
///
/// # Errors
/// Those of a change.
pub async fn delete(client: &Client, request: DeleteDomainRequest) -> Answer<DeleteDomainResponse> {
    let operation = request.operation.as_ref();
    let until = client.change_deadline(operation);
    let already = || Ok(Done::already(DeleteDomainResponse::default()));
    // Registries that answer a second delete with 1001 exist, so a repeated one looks first.
    if is_repeated(operation) && is_gone(client, &request.name, until).await? {
        return already();
    }
    let command = Command::about("delete", Object::Domain, [Element::leaf("domain:name", &request.name)]);
    match client.change(&command, operation, until, &[]).await {
        Ok(_) => Ok(Done::new(DeleteDomainResponse::default())),
        Err(failure) if failure.is_refused(ProblemKind::NotFound) => already(),
        Err(Failure::Unknown(problem)) => match is_gone(client, &request.name, until).await {
            Ok(true) => Ok(Done::new(DeleteDomainResponse::default())),
            _ => Err(Failure::Unknown(problem)),
        },
        Err(failure) if failure.is_refused(ProblemKind::State) => match is_gone(client, &request.name, until).await {
            Ok(true) => already(),
            _ => Err(failure),
        },
        Err(failure) => Err(failure),
    }
}

/// Gone, or on its way. Somebody else's domain is neither: there it is the registry that refuses.
async fn is_gone(client: &Client, name: &str, until: Deadline) -> Result<bool, Failure> {
    let info = Info::find(client, name, until).await?;
    Ok(info.is_none_or(|info| info.sponsor == client.client_id() && info.has("pendingDelete")))
}
