//! Billing runs: where each stands, and what it could not bill.

use std::collections::BTreeMap;

use billet_domain::id::{RunId, SellerId, SubscriptionId};
use billet_domain::money::Currency;
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::subscription::Cursor;
use super::{FromRow, Json, Kind, Row, Rows, StoreError, Table, Tx, Unit, Word};
use crate::{for_update, params};

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Waits for a worker.
    Planned,
    /// At work.
    Running,
    /// Everything is billed.
    Finished,
    /// Everything is billed but for its failures.
    FinishedWithFailures,
    /// Stopped by a person.
    Cancelled,
}

impl RunState {
    /// Whether nothing more will happen.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Finished | Self::FinishedWithFailures | Self::Cancelled)
    }
}

/// A run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Which.
    pub id: RunId,
    /// What is due up to this day.
    pub cutoff_date: NaiveDate,
    /// Where it stands.
    pub state: RunState,
    /// Whether the scheduler planned it.
    pub scheduled: bool,
    /// The last subscription it looked at.
    pub cursor: Cursor,
    /// Due when it began.
    pub subscription_count: i64,
    /// Looked at.
    pub done_count: i64,
    /// Documents issued.
    pub invoice_count: i64,
    /// Could not be billed.
    pub failure_count: i64,
    /// Gross per currency; what is given back counts negative.
    pub gross: BTreeMap<Currency, i64>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it was done.
    pub finished_at: Option<DateTime<Utc>>,
}

impl FromRow for Run {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get(0)?,
            cutoff_date: row.get(1)?,
            state: row.get::<Word<_>>(2)?.0,
            scheduled: row.get(3)?,
            cursor: Cursor { customer: row.get(4)?, subscription: row.get(5)? },
            subscription_count: row.get(6)?,
            done_count: row.get(7)?,
            invoice_count: row.get(8)?,
            failure_count: row.get(9)?,
            gross: row.get::<Json<_>>(10)?.0,
            created_at: row.get(11)?,
            finished_at: row.get(12)?,
        })
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, cutoff_date, state, scheduled, cursor_customer, cursor_subscription, subscription_count, done_count, ",
            "invoice_count, failure_count, gross, created_at, finished_at FROM runs ",
            $rest
        )
    };
}

/// Stores a run; answers false when the nightly run of that day is there already.
///
/// # Errors
/// [`StoreError`].
pub async fn insert(unit: &mut Unit, run: &Run) -> Result<bool, StoreError> {
    let seller_id = unit.seller_id;
    let inserted = unit
        .execute(
            "INSERT INTO runs (seller_id, id, cutoff_date, state, scheduled, cursor_customer, cursor_subscription, \
             subscription_count, done_count, invoice_count, failure_count, gross, created_at, finished_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING",
            params![
                seller_id,
                run.id,
                run.cutoff_date,
                Word(run.state),
                run.scheduled,
                run.cursor.customer,
                run.cursor.subscription,
                run.subscription_count,
                run.done_count,
                run.invoice_count,
                run.failure_count,
                Json(&run.gross),
                run.created_at,
                run.finished_at
            ],
        )
        .await?;
    Ok(inserted == 1)
}

/// One run.
///
/// # Errors
/// [`StoreError`].
pub async fn get(tx: &mut Tx, seller_id: SellerId, id: RunId) -> Result<Option<Run>, StoreError> {
    tx.optional(select!("WHERE seller_id = $1 AND id = $2"), params![seller_id, id]).await
}

/// One run, locked: only one worker moves it on at a time.
///
/// # Errors
/// [`StoreError`].
pub async fn lock(unit: &mut Unit, id: RunId) -> Result<Option<Run>, StoreError> {
    let seller_id = unit.seller_id;
    unit.optional(
        for_update!(
            "SELECT id, cutoff_date, state, scheduled, cursor_customer, cursor_subscription, subscription_count, done_count, invoice_count, failure_count, gross, created_at, finished_at FROM runs WHERE seller_id = $1 AND id = $2"
        ),
        params![seller_id, id],
    )
    .await
}

/// The run of a seller and day that is not over, if there is one.
///
/// # Errors
/// [`StoreError`].
pub async fn open_of_day(tx: &mut Tx, seller_id: SellerId, cutoff: NaiveDate) -> Result<Option<Run>, StoreError> {
    tx.optional(
        select!("WHERE seller_id = $1 AND cutoff_date = $2 AND state IN ('planned', 'running') ORDER BY id LIMIT 1"),
        params![seller_id, cutoff],
    )
    .await
}

/// A page of runs before one that was asked for at an instant (microseconds) and has an id, newest first, with one more than `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn list(tx: &mut Tx, seller_id: SellerId, before: (i64, i64), limit: i64) -> Result<Vec<Run>, StoreError> {
    tx.all(
        select!("WHERE seller_id = $1 AND (created_at, id) < ($2, $3) ORDER BY created_at DESC, id DESC LIMIT $4"),
        params![seller_id, before.0, before.1, limit + 1],
    )
    .await
}

/// Stores where a run stands.
///
/// # Errors
/// [`StoreError`].
pub async fn update(unit: &mut Unit, run: &Run) -> Result<(), StoreError> {
    let seller_id = unit.seller_id;
    unit.execute(
        "UPDATE runs SET state = $3, cursor_customer = $4, cursor_subscription = $5, subscription_count = $6, \
         done_count = $7, invoice_count = $8, failure_count = $9, gross = $10, finished_at = $11 \
         WHERE seller_id = $1 AND id = $2",
        params![
            seller_id,
            run.id,
            Word(run.state),
            run.cursor.customer,
            run.cursor.subscription,
            run.subscription_count,
            run.done_count,
            run.invoice_count,
            run.failure_count,
            Json(&run.gross),
            run.finished_at
        ],
    )
    .await?;
    Ok(())
}

/// A subscription that a run could not bill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunFailure {
    /// Which.
    pub subscription_id: SubscriptionId,
    /// In one word.
    pub reason: String,
    /// In words.
    pub detail: String,
}

impl FromRow for RunFailure {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { subscription_id: row.get(0)?, reason: row.get(1)?, detail: row.get(2)? })
    }
}

static FAILURES: Table = Table {
    name: "run_failures",
    columns: &[
        ("seller_id", Kind::Int),
        ("run_id", Kind::Int),
        ("subscription_id", Kind::Int),
        ("reason", Kind::Text),
        ("detail", Kind::Text),
    ],
};

/// Keeps what a run could not bill.
///
/// # Errors
/// [`StoreError`].
pub async fn insert_failures(unit: &mut Unit, run_id: RunId, failures: &[RunFailure]) -> Result<(), StoreError> {
    let mut rows = Rows::new(&FAILURES);
    for failure in failures {
        rows.push([
            unit.seller_id.into(),
            run_id.into(),
            failure.subscription_id.into(),
            failure.reason.as_str().into(),
            failure.detail.as_str().into(),
        ]);
    }
    unit.insert_new(rows).await?;
    Ok(())
}

/// A page of failures by subscription, with one more than `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn failures(
    tx: &mut Tx,
    seller_id: SellerId,
    run_id: RunId,
    after: i64,
    limit: i64,
) -> Result<Vec<RunFailure>, StoreError> {
    tx.all(
        "SELECT subscription_id, reason, detail FROM run_failures \
         WHERE seller_id = $1 AND run_id = $2 AND subscription_id > $3 ORDER BY subscription_id LIMIT $4",
        params![seller_id, run_id, after, limit + 1],
    )
    .await
}
