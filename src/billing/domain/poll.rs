//! What registrars say. A message is acknowledged only after it is stored: whoever dies in between reads it again, and it is
//! stored once.

use std::collections::BTreeMap;
use std::time::Duration;

use billet_domain::id::{InstanceId, SellerId};
use billet_domain::journal::sha256_hex;
use billet_plugin::Failure;
use billet_plugin::v1::{
    AcknowledgeMessageRequest, Operation, PollMessageRequest, RegistrarMessage, RegistrarMessageKind, TransferState,
};
use chrono::{DateTime, Utc};
use serde_json::json;

use super::super::{Billing, BillingError, panel};
use super::doubt;
use crate::store::registrar_message::{self, Message};
use crate::store::{Unit, domain, service};

/// Who does it.
const ACTOR: &str = "registrar";
/// How long a registrar may take for one question.
const ASK_TIME_MAX: Duration = Duration::from_mins(1);
/// How many messages are read in one go; the next one goes on.
const MESSAGES_MAX: usize = 1_000;
/// The longest words that are kept, in characters.
const WORDS_MAX: usize = 2_000;
/// The longest message that is kept, in characters.
const RAW_MAX: usize = 64 * 1_024;
/// The longest id of a message, in characters.
const ID_MAX: usize = 200;

/// Reads a registrar's messages until there are none; answers how many were stored.
///
/// # Errors
/// As [`panel::connect`]; what the registrar says is the failure inside, and what was read before it is stored.
pub async fn poll(
    billing: &Billing,
    seller_id: SellerId,
    instance_id: InstanceId,
) -> Result<Result<usize, Failure>, BillingError> {
    let running = match panel::connect(billing, seller_id, instance_id).await? {
        Ok(running) => running,
        Err(failure) => return Ok(Err(failure)),
    };
    let mut count = 0;
    let mut last = String::new();
    for _ in 0..MESSAGES_MAX {
        let message = match running.call(PollMessageRequest {}, ASK_TIME_MAX).await {
            Ok(done) => done.value.message,
            Err(failure) => return Ok(Err(failure)),
        };
        // One that stays although it was acknowledged would come for ever.
        let Some(message) = message.filter(|message| message.id != last) else { break };
        last.clone_from(&message.id);
        let kept = to_keep(instance_id, &message, billing.now());
        let mut unit = billing.store.begin(seller_id, ACTOR, billing.now()).await?;
        if keep(&mut unit, kept.clone(), &message).await? {
            count += 1;
        }
        unit.commit().await?;
        let request = AcknowledgeMessageRequest {
            operation: Some(Operation {
                id: format!("poll-{}", &sha256_hex(format!("{instance_id} {}", message.id).as_bytes())[..24]),
                attempt: 1,
                ..Operation::default()
            }),
            id: message.id,
        };
        if let Err(failure) = running.call(request, ASK_TIME_MAX).await {
            return Ok(Err(failure));
        }
        let mut unit = billing.store.begin(seller_id, ACTOR, billing.now()).await?;
        registrar_message::acknowledged(&mut unit, &kept).await?;
        unit.commit().await?;
    }
    Ok(Ok(count))
}

fn to_keep(instance_id: InstanceId, message: &RegistrarMessage, now: DateTime<Utc>) -> Message {
    let clipped = |text: &str, max: usize| text.chars().filter(|one| *one != '\0').take(max).collect::<String>();
    let queued_at = message.queued_at.as_ref().and_then(|at| DateTime::from_timestamp(at.seconds, 0));
    Message {
        id: 0,
        instance_id,
        message_id: clipped(&message.id, ID_MAX),
        queued_at: queued_at.unwrap_or_default(),
        kind: kind(message.kind()).to_owned(),
        domain: clipped(&message.domain_name, 253).to_ascii_lowercase(),
        words: clipped(&message.words, WORDS_MAX),
        raw: clipped(&message.raw, RAW_MAX),
        received_at: now,
        acknowledged_at: None,
    }
}

fn kind(kind: RegistrarMessageKind) -> &'static str {
    match kind {
        RegistrarMessageKind::Unspecified => "other",
        RegistrarMessageKind::Transfer => "transfer",
        RegistrarMessageKind::PendingAction => "pending_action",
        RegistrarMessageKind::Renewed => "renewed",
        RegistrarMessageKind::Changed => "changed",
        RegistrarMessageKind::Deleted => "deleted",
        RegistrarMessageKind::LowBalance => "low_balance",
    }
}

/// Stores a message, and lets the domain be looked at that it is about; answers whether it is new.
async fn keep(unit: &mut Unit, mut kept: Message, message: &RegistrarMessage) -> Result<bool, BillingError> {
    kept.id = unit.id()?;
    if !registrar_message::keep(unit, &kept).await? {
        return Ok(false);
    }
    let seller_id = unit.seller_id;
    let found = if kept.domain.is_empty() { None } else { domain::by_name(unit, seller_id, &kept.domain).await? };
    let transfer = message.transfer.as_ref().map(|transfer| match transfer.state() {
        TransferState::Unspecified => "",
        TransferState::Pending => "pending",
        TransferState::Approved => "approved",
        TransferState::Rejected => "rejected",
        TransferState::Cancelled => "cancelled",
    });
    unit.event(
        "registrar.message",
        kept.instance_id,
        json!({
            "id": kept.message_id, "kind": kept.kind, "domain": kept.domain, "words": kept.words, "transfer": transfer,
            "subscription": found.as_ref().map(|one| one.subscription_id),
        }),
    );
    if let Some(found) = found {
        let mut services: BTreeMap<_, _> = service::lock(unit, [found.subscription_id]).await?;
        doubt(unit, &mut services).await?;
    }
    Ok(true)
}
