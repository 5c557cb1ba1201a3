//! The registry's messages (RFC 5730 section 2.9.2.3): read one at a time, removed only when they are acknowledged.

use billet_plugin::redact::redact;
use billet_plugin::v1::{
    AcknowledgeMessageRequest, AcknowledgeMessageResponse, PollMessageRequest, PollMessageResponse, ProblemKind,
    RegistrarMessage, RegistrarMessageKind,
};
use billet_plugin::{Answer, Done, Failure};

use crate::client::Client;
use crate::command::Command;
use crate::confidential::frame_without_secrets;
use crate::deadline::Deadline;
use crate::instant;
use crate::namespace;
use crate::response::Response;
use crate::transfer;
use crate::xml::Element;

/// How much of a message travels, in octets.
const RAW_BYTES_MAX: usize = 64 * 1024;
/// How much of its words.
const WORDS_CHARACTERS_MAX: usize = 2_000;

/// PollMessage.
///
/// # Errors
/// Those of a question.
pub async fn poll(client: &Client, _: PollMessageRequest) -> Answer<PollMessageResponse> {
    let response = head(client, client.question_deadline()).await?;
    let message = message(&response, &client.settings.password);
    Ok(Done::new(PollMessageResponse { message, ..Default::default() }))
}

async fn head(client: &Client, until: Deadline) -> Result<Response, Failure> {
    client.ask(&Command::new(Element::new("poll").attr("op", "req")), until).await
}

/// AcknowledgeMessage.
///
/// # Errors
/// Those of a change.
pub async fn acknowledge(client: &Client, request: AcknowledgeMessageRequest) -> Answer<AcknowledgeMessageResponse> {
    let operation = request.operation.as_ref();
    let until = client.change_deadline(operation);
    if request.id.is_empty() {
        return Err(Failure::refused(ProblemKind::Invalid, "", "the message's id is missing"));
    }
    let command = Command::new(Element::new("poll").attr("op", "ack").attr("msgID", &request.id));
    match client.change(&command, operation, until, &[]).await {
        Ok(_) => Ok(Done::new(AcknowledgeMessageResponse::default())),
        Err(failure) if failure.is_refused(ProblemKind::NotFound) => {
            Ok(Done::already(AcknowledgeMessageResponse::default()))
        }
        // The queue has an order: when another message is the oldest now, this one has gone.
        Err(Failure::Unknown(problem)) => match head(client, until).await {
            Ok(head) if head.queue.as_ref().is_none_or(|queue| queue.id != request.id) => {
                Ok(Done::new(AcknowledgeMessageResponse::default()))
            }
            _ => Err(Failure::Unknown(problem)),
        },
        Err(failure) => Err(failure),
    }
}

/// The message of an answer to a poll; `None` when no message waits. What cannot be understood is handed on as it is: a
/// message that nobody understands must not stop those behind it.
#[must_use]
pub fn message(response: &Response, password: &str) -> Option<RegistrarMessage> {
    let queue = response.queue.as_ref().filter(|_| response.code == 1301)?;
    let transfer = transfer::read(response);
    let (kind, domain_name) = about(response);
    // The registry may write the secret of a transfer into its words too.
    let secrets: Vec<&str> = secrets(&response.data).into_iter().chain([password]).collect();
    let words = redact(&queue.words, secrets.iter().copied());
    Some(RegistrarMessage {
        id: queue.id.clone(),
        queued_at: instant::read(&queue.queued_at).map(instant::timestamp),
        words: words.chars().take(WORDS_CHARACTERS_MAX).collect(),
        kind: kind.into(),
        domain_name,
        transfer,
        raw: frame_without_secrets(&response.frame, &secrets, RAW_BYTES_MAX),
        count: queue.count,
    })
}

fn about(response: &Response) -> (RegistrarMessageKind, String) {
    let of = |name: &str| response.data.of(namespace::DOMAIN, name);
    let name = ["trnData", "panData", "renData", "infData", "creData"]
        .iter()
        .find_map(|name| of(name))
        .map_or(String::new(), |data| data.text_of("name").to_ascii_lowercase());
    let change = response.extension.of(namespace::CHANGE_POLL, "changeData").map(|data| data.text_of("operation"));
    let kind = match change {
        Some("delete") => RegistrarMessageKind::Deleted,
        Some("renew" | "autoRenew") => RegistrarMessageKind::Renewed,
        Some("autoDelete" | "autoPurge") => RegistrarMessageKind::Deleted,
        Some("transfer") if of("trnData").is_some() => RegistrarMessageKind::Transfer,
        Some(_) => RegistrarMessageKind::Changed,
        None if of("trnData").is_some() => RegistrarMessageKind::Transfer,
        None if of("panData").is_some() => RegistrarMessageKind::PendingAction,
        None if of("renData").is_some() => RegistrarMessageKind::Renewed,
        None if response.data.of(namespace::LOW_BALANCE, "pollData").is_some() => RegistrarMessageKind::LowBalance,
        None if of("infData").is_some() => RegistrarMessageKind::Changed,
        None => RegistrarMessageKind::Unspecified,
    };
    (kind, name)
}

/// The secrets of transfers that stand in an element, however deep.
fn secrets(element: &Element) -> Vec<&str> {
    let own = (element.local() == "pw" && !element.text.is_empty()).then_some(element.text.as_str());
    own.into_iter().chain(element.children.iter().flat_map(secrets)).collect()
}
