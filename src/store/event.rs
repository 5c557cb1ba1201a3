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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::store::testing::{seller, stores};
    use crate::store::{Sql, Store};

    async fn write(store: &Store, seller_id: SellerId, count: usize) {
        let mut unit = store.begin(seller_id, "system", DateTime::UNIX_EPOCH).await.expect("a unit");
        for index in 0..count {
            unit.event(
                "test.happened",
                format!("thing_{index}"),
                json!({ "index": index, "text": "\u{e4} \"quoted\" \\" }),
            );
        }
        unit.commit().await.expect("a commit");
    }

    async fn verdict(store: &Store, seller_id: SellerId) -> Verdict {
        let mut tx = store.snapshot().await.expect("a snapshot");
        verify(&mut tx, seller_id).await.expect("readable")
    }

    /// What the triggers refuse, as somebody with the password of the database can do it all the same.
    async fn tamper(store: &Store, statement: &'static str) {
        let mut tx = store.engine().begin().await.expect("a transaction");
        let update = Sql {
            sqlite: "DROP TRIGGER IF EXISTS events_append_only_update",
            postgres: "DROP TRIGGER IF EXISTS events_append_only ON events",
        };
        let delete = Sql { sqlite: "DROP TRIGGER IF EXISTS events_append_only_delete", postgres: "SELECT 1" };
        tx.execute(update, &[]).await.expect("dropped");
        tx.execute(delete, &[]).await.expect("dropped");
        assert_eq!(tx.execute(statement, &[]).await.expect("changed"), 1, "{statement}");
        tx.commit().await.expect("a commit");
    }

    #[tokio::test]
    async fn a_whole_journal_is_intact_over_several_pages() {
        for fresh in stores().await {
            let (first, second) = (seller(&fresh.store, 1).await, seller(&fresh.store, 2).await);
            assert_eq!(verdict(&fresh.store, first).await, Verdict::Intact { count: 0 });
            write(&fresh.store, first, 2_500).await;
            write(&fresh.store, second, 1).await;
            write(&fresh.store, first, 1).await;
            assert_eq!(verdict(&fresh.store, first).await, Verdict::Intact { count: 2_501 });
            assert_eq!(verdict(&fresh.store, second).await, Verdict::Intact { count: 1 });
            let missing = verdict(&fresh.store, SellerId(3)).await;
            assert!(matches!(missing, Verdict::Broken { sequence: 0, .. }), "{missing:?}");
        }
    }

    #[tokio::test]
    async fn whatever_is_tampered_with_the_first_broken_link_is_named() {
        let cases = [
            ("UPDATE events SET data = '{\"index\":70}' WHERE seller_id = 1 AND sequence = 8", 8, "hash"),
            ("UPDATE events SET recorded_at = recorded_at + 1 WHERE seller_id = 1 AND sequence = 1", 1, "hash"),
            ("DELETE FROM events WHERE seller_id = 1 AND sequence = 5", 5, "missing"),
            ("DELETE FROM events WHERE seller_id = 1 AND sequence = 20", 20, "head"),
            ("UPDATE journal_heads SET sequence = 21 WHERE seller_id = 1", 21, "head"),
            ("UPDATE journal_heads SET hash = 'x' WHERE seller_id = 1", 20, "head"),
        ];
        for (statement, position, word) in cases {
            for fresh in stores().await {
                let seller_id = seller(&fresh.store, 1).await;
                write(&fresh.store, seller_id, 20).await;
                tamper(&fresh.store, statement).await;
                match verdict(&fresh.store, seller_id).await {
                    Verdict::Broken { sequence, why } => {
                        assert_eq!(sequence, position, "{statement}: {why}");
                        assert!(why.contains(word), "{statement}: {why}");
                    }
                    Verdict::Intact { .. } => panic!("{statement} was not found out"),
                }
            }
        }
    }
}
