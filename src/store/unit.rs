//! A unit of work: one transaction of one use case. Rows are gathered and written in sets when it commits (or when
//! [`Unit::flush`] is called because they have to be read), events are chained to the journal last.
//!
//! Locks are always taken in the same order, so that no two units can wait for each other: customers, number series,
//! journal.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use billet_domain::id::SellerId;
use billet_domain::journal;
use chrono::{DateTime, Utc};
use tokio::sync::watch;

use super::engine::{Kind, Rows, Table, Tx};
use super::ids::{Ids, Reserved};
use super::{Engine, StoreError, Value};
use crate::metrics::Counter;
use crate::params;

/// How many ids a unit has unless it asks for more.
const IDS_DEFAULT: i64 = 5_000;

/// The database with what a process keeps beside it.
#[derive(Debug, Clone)]
pub struct Store {
    engine: Engine,
    ids: Arc<Ids>,
    commits: watch::Sender<u64>,
}

impl Store {
    /// Opens a database by its URL and brings its schema up to date.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let engine = Engine::open(url).await?;
        super::schema::migrate(&engine).await?;
        Ok(Self { engine, ids: Arc::default(), commits: watch::Sender::new(0) })
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Whether the database answers: reads one row of one table.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn answers(&self) -> Result<(), StoreError> {
        let mut tx = self.snapshot().await?;
        let _: (i64,) = tx.one("SELECT count(*) FROM (SELECT 1 FROM sellers LIMIT 1) AS first", &[]).await?;
        Ok(())
    }

    /// Changes with every commit of this process: for those who wait for news.
    #[must_use]
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.commits.subscribe()
    }

    /// Begins a unit of work for a seller.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin(&self, seller_id: SellerId, actor: &str, now: DateTime<Utc>) -> Result<Unit, StoreError> {
        self.begin_large(seller_id, actor, now, IDS_DEFAULT).await
    }

    /// Begins a unit of work that needs up to `ids` identifiers.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin_large(
        &self,
        seller_id: SellerId,
        actor: &str,
        now: DateTime<Utc>,
        ids: i64,
    ) -> Result<Unit, StoreError> {
        let ids = self.ids.reserve(&self.engine, ids).await?;
        let tx = self.engine.begin().await?;
        Ok(Unit {
            tx,
            ids,
            commits: self.commits.clone(),
            seller_id,
            actor: actor.to_owned(),
            now,
            pending: Vec::new(),
            events: Vec::new(),
            counted: Vec::new(),
        })
    }

    /// Begins a transaction that only reads.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn snapshot(&self) -> Result<Tx, StoreError> {
        self.engine.snapshot().await
    }
}

/// Something that happened, before it has its place in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// In whose journal.
    pub seller_id: SellerId,
    /// `invoice.issued`, `subscription.changed`, ...
    pub kind: &'static str,
    /// What it is about.
    pub subject: String,
    /// Why, when somebody said.
    pub reason: String,
    /// All of it, as JSON.
    pub data: serde_json::Value,
}

/// A transaction of one use case. Dropped without [`Unit::commit`] nothing has happened.
pub struct Unit {
    tx: Tx,
    ids: Reserved,
    commits: watch::Sender<u64>,
    /// For whom.
    pub seller_id: SellerId,
    /// Who or what causes it (`tok_3`, `hook:ins_1`, `run:run_5`, `system`).
    pub actor: String,
    /// The instant of everything in it.
    pub now: DateTime<Utc>,
    pending: Vec<Rows>,
    events: Vec<Event>,
    counted: Vec<(Counter, u64)>,
}

impl Deref for Unit {
    type Target = Tx;

    fn deref(&self) -> &Tx {
        &self.tx
    }
}

impl DerefMut for Unit {
    fn deref_mut(&mut self) -> &mut Tx {
        &mut self.tx
    }
}

pub(super) static EVENTS: Table = Table {
    name: "events",
    columns: &[
        ("seller_id", Kind::Int),
        ("sequence", Kind::Int),
        ("kind", Kind::Text),
        ("subject", Kind::Text),
        ("actor", Kind::Text),
        ("reason", Kind::Text),
        ("data", Kind::Text),
        ("recorded_at", Kind::Int),
        ("hash", Kind::Text),
    ],
};

impl Unit {
    /// A new identifier.
    ///
    /// # Errors
    /// [`StoreError::IdsExhausted`].
    pub fn id(&mut self) -> Result<i64, StoreError> {
        self.ids.take()
    }

    /// Gathers a row; it is written with all others of its table in one statement, tables in the order in which they
    /// were first named.
    pub fn add<const N: usize>(&mut self, table: &'static Table, row: [Value; N]) {
        match self.pending.iter_mut().find(|rows| std::ptr::eq(rows.table(), table)) {
            Some(rows) => rows.push(row),
            None => {
                let mut rows = Rows::new(table);
                rows.push(row);
                self.pending.push(rows);
            }
        }
    }

    /// Notes what happened, for the journal.
    pub fn event(&mut self, kind: &'static str, subject: impl ToString, data: serde_json::Value) {
        self.event_because(kind, subject, "", data);
    }

    /// Notes what happened and why.
    #[expect(clippy::needless_pass_by_value, reason = "identifiers are small and copied")]
    pub fn event_because(&mut self, kind: &'static str, subject: impl ToString, reason: &str, data: serde_json::Value) {
        let subject = subject.to_string();
        self.events.push(Event { seller_id: self.seller_id, kind, subject, reason: reason.to_owned(), data });
    }

    /// Notes what happened in another seller's journal (a reseller that was made).
    pub fn event_of(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Counts for the metrics what is true once the unit has committed; what is rolled back was never counted.
    pub fn count(&mut self, counter: Counter, count: u64) {
        self.counted.push((counter, count));
    }

    /// Writes the gathered rows, so that they can be read within the unit.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn flush(&mut self) -> Result<(), StoreError> {
        for rows in std::mem::take(&mut self.pending) {
            self.tx.insert(rows).await?;
        }
        Ok(())
    }

    /// Writes everything and makes it durable.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing has happened.
    pub async fn commit(mut self) -> Result<(), StoreError> {
        self.flush().await?;
        self.chain_events().await?;
        self.tx.commit().await?;
        for (counter, count) in self.counted {
            counter.increment(count);
        }
        self.commits.send_modify(|count| *count = count.wrapping_add(1));
        Ok(())
    }

    async fn chain_events(&mut self) -> Result<(), StoreError> {
        let mut by_seller: BTreeMap<SellerId, Vec<Event>> = BTreeMap::new();
        for event in std::mem::take(&mut self.events) {
            by_seller.entry(event.seller_id).or_default().push(event);
        }
        for (seller_id, events) in by_seller {
            let count = i64::try_from(events.len()).unwrap_or(i64::MAX);
            // Holds the head until the commit: the next unit of this seller chains to what this one wrote.
            let (last, mut hash): (i64, String) = self
                .tx
                .one(
                    "UPDATE journal_heads SET sequence = sequence + $2 WHERE seller_id = $1 RETURNING sequence, hash",
                    params![seller_id, count],
                )
                .await?;
            let mut rows = Rows::new(&EVENTS);
            for (sequence, event) in (last - count + 1..).zip(events) {
                let data = event.data.to_string();
                let entry = journal::Entry {
                    sequence,
                    kind: event.kind,
                    subject: &event.subject,
                    actor: &self.actor,
                    reason: &event.reason,
                    data: &data,
                    recorded_at_us: self.now.timestamp_micros(),
                };
                hash = journal::link(&hash, &entry);
                rows.push([
                    seller_id.into(),
                    sequence.into(),
                    event.kind.into(),
                    event.subject.into(),
                    self.actor.as_str().into(),
                    event.reason.into(),
                    data.into(),
                    self.now.into(),
                    hash.as_str().into(),
                ]);
            }
            self.tx.insert(rows).await?;
            self.tx
                .execute("UPDATE journal_heads SET hash = $2 WHERE seller_id = $1", params![seller_id, hash])
                .await?;
        }
        Ok(())
    }
}
