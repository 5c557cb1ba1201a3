//! What registrars said. A message is stored before it is acknowledged, and once.

use billet_domain::id::{InstanceId, SellerId};
use chrono::{DateTime, Utc};

use super::{FromRow, Row, StoreError, Tx, Unit};
use crate::params;

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Ours, for lists.
    pub id: i64,
    /// Whose.
    pub instance_id: InstanceId,
    /// The registrar's own id for it.
    pub message_id: String,
    /// When it was put into the queue there; 1970 when that is not told.
    pub queued_at: DateTime<Utc>,
    /// What it is about: `transfer`, `renewed`, ...
    pub kind: String,
    /// About which domain; empty if about none.
    pub domain: String,
    /// In the registrar's words.
    pub words: String,
    /// As it came, without secrets.
    pub raw: String,
    /// When it was stored.
    pub received_at: DateTime<Utc>,
    /// When the registrar was told that it is stored.
    pub acknowledged_at: Option<DateTime<Utc>>,
}

impl FromRow for Message {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get(0)?,
            instance_id: row.get(1)?,
            message_id: row.get(2)?,
            queued_at: row.get(3)?,
            kind: row.get(4)?,
            domain: row.get(5)?,
            words: row.get(6)?,
            raw: row.get(7)?,
            received_at: row.get(8)?,
            acknowledged_at: row.get(9)?,
        })
    }
}

/// Stores a message; answers whether it is new.
///
/// # Errors
/// [`StoreError`].
pub async fn keep(unit: &mut Unit, message: &Message) -> Result<bool, StoreError> {
    let seller_id = unit.seller_id;
    let count = unit
        .execute(
            "INSERT INTO registrar_messages (seller_id, id, instance_id, message_id, queued_at, kind, domain, words, raw, received_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
            params![
                seller_id,
                message.id,
                message.instance_id,
                &message.message_id,
                message.queued_at,
                &message.kind,
                &message.domain,
                &message.words,
                &message.raw,
                message.received_at
            ],
        )
        .await?;
    Ok(count > 0)
}

/// The registrar was told that a message is stored.
///
/// # Errors
/// [`StoreError`].
pub async fn acknowledged(unit: &mut Unit, message: &Message) -> Result<(), StoreError> {
    let (seller_id, now) = (unit.seller_id, unit.now);
    unit.execute(
        "UPDATE registrar_messages SET acknowledged_at = $5 WHERE seller_id = $1 AND instance_id = $2 AND message_id = $3 \
         AND queued_at = $4 AND acknowledged_at IS NULL",
        params![seller_id, message.instance_id, &message.message_id, message.queued_at, now],
    )
    .await?;
    Ok(())
}

/// A page of messages before one of them, the newest first, with one more than `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn list(tx: &mut Tx, seller_id: SellerId, before: i64, limit: i64) -> Result<Vec<Message>, StoreError> {
    let text = "SELECT id, instance_id, message_id, queued_at, kind, domain, words, raw, received_at, acknowledged_at \
                FROM registrar_messages WHERE seller_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
    tx.all(text, params![seller_id, before, limit + 1]).await
}
