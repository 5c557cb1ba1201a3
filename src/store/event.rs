//! Reading the journal: pages, what comes after a position, and whether its chain is whole. Writing it is the last thing
//! of every unit of work (`unit.rs`).

use billet_domain::id::SellerId;
use billet_domain::journal;
use chrono::{DateTime, Utc};

use super::{FromRow, Row, StoreError, Tx};
use crate::params;

/// How many events are read at once when the chain is verified.
const VERIFY_PAGE: i64 = 1_000;

/// An event as it stands in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its position, from 1.
    pub sequence: i64,
    /// `invoice.issued`, ...
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// Who caused it.
    pub actor: String,
    /// Why, when somebody said.
    pub reason: String,
    /// All of it, as JSON, byte for byte as its hash covers it.
    pub data: String,
    /// When.
    pub recorded_at: DateTime<Utc>,
    /// Over the hash before it and all of this.
    pub hash: String,
}

impl FromRow for Recorded {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            sequence: row.get(0)?,
            kind: row.get(1)?,
            subject: row.get(2)?,
            actor: row.get(3)?,
            reason: row.get(4)?,
            data: row.get(5)?,
            recorded_at: row.get(6)?,
            hash: row.get(7)?,
        })
    }
}

impl Recorded {
    fn entry(&self) -> journal::Entry<'_> {
        journal::Entry {
            sequence: self.sequence,
            kind: &self.kind,
            subject: &self.subject,
            actor: &self.actor,
            reason: &self.reason,
            data: &self.data,
            recorded_at_us: self.recorded_at.timestamp_micros(),
        }
    }
}

/// A seller's events after a position, in order, `limit` at most.
///
/// # Errors
/// [`StoreError`].
pub async fn after(tx: &mut Tx, seller_id: SellerId, sequence: i64, limit: i64) -> Result<Vec<Recorded>, StoreError> {
    tx.all(
        "SELECT sequence, kind, subject, actor, reason, data, recorded_at, hash FROM events \
         WHERE seller_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3",
        params![seller_id, sequence, limit],
    )
    .await
}

/// The same, only events about one subject.
///
/// # Errors
/// [`StoreError`].
pub async fn about(
    tx: &mut Tx,
    seller_id: SellerId,
    subject: &str,
    sequence: i64,
    limit: i64,
) -> Result<Vec<Recorded>, StoreError> {
    tx.all(
        "SELECT sequence, kind, subject, actor, reason, data, recorded_at, hash FROM events \
         WHERE seller_id = $1 AND subject = $2 AND sequence > $3 ORDER BY sequence LIMIT $4",
        params![seller_id, subject, sequence, limit],
    )
    .await
}

/// The position and hash of a seller's last event; `None` when the seller has no journal.
///
/// # Errors
/// [`StoreError`].
pub async fn head(tx: &mut Tx, seller_id: SellerId) -> Result<Option<(i64, String)>, StoreError> {
    tx.optional("SELECT sequence, hash FROM journal_heads WHERE seller_id = $1", params![seller_id]).await
}

/// Sellers after one, by id, each with whether it has a journal, `limit` at most.
///
/// # Errors
/// [`StoreError`].
pub async fn sellers(tx: &mut Tx, after: SellerId, limit: i64) -> Result<Vec<(SellerId, bool)>, StoreError> {
    tx.all(
        "SELECT sellers.id, CAST(CASE WHEN journal_heads.seller_id IS NULL THEN 0 ELSE 1 END AS BIGINT) FROM sellers \
         LEFT JOIN journal_heads ON journal_heads.seller_id = sellers.id \
         WHERE sellers.id > $1 ORDER BY sellers.id LIMIT $2",
        params![after, limit],
    )
    .await
}

/// Whether a journal is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every hash is right and the last one is the head's.
    Intact {
        /// How many events there are.
        count: i64,
    },
    /// Something was changed, taken out or put in.
    Broken {
        /// The first position where the chain does not hold.
        sequence: i64,
        /// In words.
        why: String,
    },
}

/// Walks a seller's journal from its beginning, a page at a time, in one snapshot: the memory it takes does not grow with
/// the journal.
///
/// # Errors
/// [`StoreError`].
pub async fn verify(tx: &mut Tx, seller_id: SellerId) -> Result<Verdict, StoreError> {
    let broken = |sequence, why: String| Ok(Verdict::Broken { sequence, why });
    let Some((head_sequence, head_hash)) = head(tx, seller_id).await? else {
        return broken(0, "the journal has no head".to_owned());
    };
    let mut last = 0;
    let mut hash = journal::GENESIS.to_owned();
    loop {
        let page = after(tx, seller_id, last, VERIFY_PAGE).await?;
        if page.is_empty() {
            break;
        }
        for event in page {
            if event.sequence != last + 1 {
                return broken(last + 1, format!("the event is missing; the next one there is {}", event.sequence));
            }
            hash = journal::link(&hash, &event.entry());
            if hash != event.hash {
                return broken(
                    event.sequence,
                    "its hash is not that of its content and the event before it".to_owned(),
                );
            }
            last = event.sequence;
        }
    }
    if last != head_sequence {
        return broken(last + 1, format!("the head says that there are {head_sequence} events, {last} are there"));
    }
    if hash != head_hash {
        return broken(last, "the head holds another hash than the last event".to_owned());
    }
    Ok(Verdict::Intact { count: last })
}
