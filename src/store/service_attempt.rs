//! Each attempt at a step of a service, with the panel's words.

use billet_domain::id::{InstanceId, SellerId, SubscriptionId};
use billet_domain::provision::Step;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{FromRow, Kind, Row, Rows, StoreError, Table, Tx, Unit, Word};
use crate::params;

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It has not ended, or nobody heard of it.
    Running,
    /// Done by this attempt.
    Done,
    /// Done before.
    DoneAlready,
    /// What it is about is not there.
    Missing,
    /// What should be made is there.
    Conflict,
    /// Nothing was done; later again.
    RetryLater,
    /// Refused.
    Refused,
    /// Nobody can tell.
    Unknown,
    /// A person passed over it.
    Skipped,
    /// A person did it.
    ByHand,
}

impl Outcome {
    /// As stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::DoneAlready => "done_already",
            Self::Missing => "missing",
            Self::Conflict => "conflict",
            Self::RetryLater => "retry_later",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
            Self::Skipped => "skipped",
            Self::ByHand => "by_hand",
        }
    }
}

/// An attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Of which service.
    pub subscription_id: SubscriptionId,
    /// Counts the service's attempts.
    pub step_number: i64,
    /// Which attempt it was since the service last got ahead, counted from 1.
    pub attempt: u32,
    /// What was tried.
    pub step: Step,
    /// Where.
    pub instance_id: Option<InstanceId>,
    /// Under which name.
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The class of what was in the way; empty when nothing was.
    pub problem: String,
    /// The panel's words, or the person's.
    pub words: String,
    /// When it began.
    pub begun_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
}

impl FromRow for Attempt {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            subscription_id: row.get(0)?,
            step_number: row.get(1)?,
            attempt: row.get(2)?,
            step: row.get::<Word<_>>(3)?.0,
            instance_id: row.get(4)?,
            name: row.get(5)?,
            outcome: row.get::<Word<_>>(6)?.0,
            problem: row.get(7)?,
            words: row.get(8)?,
            begun_at: row.get(9)?,
            ended_at: row.get(10)?,
        })
    }
}

static ATTEMPTS: Table = Table {
    name: "service_attempts",
    columns: &[
        ("seller_id", Kind::Int),
        ("subscription_id", Kind::Int),
        ("step_number", Kind::Int),
        ("attempt", Kind::Int),
        ("step", Kind::Text),
        ("instance_id", Kind::Int),
        ("name", Kind::Text),
        ("outcome", Kind::Text),
        ("problem", Kind::Text),
        ("words", Kind::Text),
        ("begun_at", Kind::Int),
        ("ended_at", Kind::Int),
    ],
};

/// Gathers a new attempt for the unit.
pub fn add(unit: &mut Unit, attempt: &Attempt) {
    let row = [
        unit.seller_id.into(),
        attempt.subscription_id.into(),
        attempt.step_number.into(),
        attempt.attempt.into(),
        attempt.step.as_str().into(),
        attempt.instance_id.into(),
        attempt.name.as_str().into(),
        Word(attempt.outcome).into(),
        attempt.problem.as_str().into(),
        attempt.words.as_str().into(),
        attempt.begun_at.into(),
        attempt.ended_at.into(),
    ];
    unit.add(&ATTEMPTS, row);
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Of which service.
    pub subscription_id: SubscriptionId,
    /// Which attempt.
    pub step_number: i64,
    /// How.
    pub outcome: Outcome,
    /// The class of what was in the way.
    pub problem: String,
    /// In words.
    pub words: String,
}

static ENDINGS: Table = Table {
    name: "service_attempts",
    columns: &[
        ("seller_id", Kind::Int),
        ("subscription_id", Kind::Int),
        ("step_number", Kind::Int),
        ("outcome", Kind::Text),
        ("problem", Kind::Text),
        ("words", Kind::Text),
        ("ended_at", Kind::Int),
    ],
};

/// Writes how attempts ended, in one statement.
///
/// # Errors
/// [`StoreError`].
pub async fn end(unit: &mut Unit, endings: impl IntoIterator<Item = Ending>) -> Result<(), StoreError> {
    let mut rows = Rows::new(&ENDINGS);
    for one in endings {
        rows.push([
            unit.seller_id.into(),
            one.subscription_id.into(),
            one.step_number.into(),
            Word(one.outcome).into(),
            one.problem.into(),
            one.words.into(),
            unit.now.into(),
        ]);
    }
    unit.update(rows, 3).await?;
    Ok(())
}

/// A page of a service's attempts before a number, the newest first, with one more than `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn list(
    tx: &mut Tx,
    seller_id: SellerId,
    id: SubscriptionId,
    before: i64,
    limit: i64,
) -> Result<Vec<Attempt>, StoreError> {
    let text = "SELECT subscription_id, step_number, attempt, step, instance_id, name, outcome, problem, words, begun_at, ended_at \
                FROM service_attempts WHERE seller_id = $1 AND subscription_id = $2 \
                AND step_number < $3 ORDER BY step_number DESC LIMIT $4";
    tx.all(text, params![seller_id, id, before, limit + 1]).await
}
