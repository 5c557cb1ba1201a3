//! The durable queue. A job is a row; who works on it holds a lease, and a lease that ran out is open to everybody again.
//!
//! Two clocks: `run_at` is billing time and follows the daemon's clock, which may be a simulated one. Leases follow the
//! system's clock, always: they tell a daemon that works from one that was killed, and a daemon dies in real time even
//! where the simulated clock stands still.

use std::collections::HashMap;

use billet_domain::id::{JobId, SellerId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::engine::{Kind, Rows, Table};
use super::{FromRow, Json, Row, Sql, StoreError, Tx, Unit, Value, Word, id_set, text_set};
use crate::{for_update, params, with_ids};

/// Longest text of [`Job::last_error`], in characters.
const ERROR_MAX: usize = 2_000;

/// Where a job stands. A job that is done has no row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Waits for its time or a worker.
    Ready,
    /// At work, under a lease.
    Running,
    /// Gave up; a person has to look.
    Dead,
}

impl JobState {
    /// As stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Dead => "dead",
        }
    }
}

/// A job to be queued.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// `render_document`, `billing_run`, ...: which handler does it.
    pub kind: &'static str,
    /// What it works on. Identifiers, no personal data: it is shown to operators and kept in the journal when it dies.
    pub payload: serde_json::Value,
    /// There is one job with this key at most, over all sellers, until it is done; one that gave up still has its key.
    pub unique_key: Option<String>,
    /// Not before.
    pub run_at: DateTime<Utc>,
}

/// A job as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Which.
    pub id: JobId,
    /// Whose.
    pub seller_id: SellerId,
    /// Which handler does it.
    pub kind: String,
    /// What it works on.
    pub payload: serde_json::Value,
    /// See [`NewJob::unique_key`].
    pub unique_key: Option<String>,
    /// Where it stands.
    pub state: JobState,
    /// How often it was begun since it last got ahead: see [`got_ahead`].
    pub attempt_count: u32,
    /// Not before, in billing time.
    pub run_at: DateTime<Utc>,
    /// Who works on it, or worked on it last.
    pub lease_owner: Option<String>,
    /// Why it failed last; empty when it did not.
    pub last_error: String,
}

impl FromRow for Job {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get(0)?,
            seller_id: row.get(1)?,
            kind: row.get(2)?,
            payload: row.get::<Json<_>>(3)?.0,
            unique_key: row.get(4)?,
            state: row.get::<Word<_>>(5)?.0,
            attempt_count: row.get(6)?,
            run_at: row.get(7)?,
            lease_owner: row.get(8)?,
            last_error: row.get(9)?,
        })
    }
}

pub(super) static JOBS: Table = Table {
    name: "jobs",
    columns: &[
        ("id", Kind::Int),
        ("seller_id", Kind::Int),
        ("kind", Kind::Text),
        ("payload", Kind::Text),
        ("unique_key", Kind::Text),
        ("state", Kind::Text),
        ("attempt_count", Kind::Int),
        ("run_at", Kind::Int),
        ("last_error", Kind::Text),
        ("created_at", Kind::Int),
    ],
};

fn row(id: i64, seller_id: SellerId, job: NewJob, now: DateTime<Utc>) -> [Value; 10] {
    [
        id.into(),
        seller_id.into(),
        job.kind.into(),
        job.payload.to_string().into(),
        job.unique_key.into(),
        Word(JobState::Ready).into(),
        0_i64.into(),
        job.run_at.into(),
        "".into(),
        now.into(),
    ]
}

/// Queues a job of the unit's seller; it exists when the unit commits. A key that an unfinished job has makes the commit
/// fail with [`StoreError::Conflict`]: [`enqueue_new`] is for jobs that may be there already.
///
/// # Errors
/// [`StoreError::IdsExhausted`].
pub fn enqueue(unit: &mut Unit, job: NewJob) -> Result<JobId, StoreError> {
    let (id, seller_id, now) = (unit.id()?, unit.seller_id, unit.now);
    unit.add(&JOBS, row(id, seller_id, job, now));
    Ok(JobId(id))
}

/// Queues those jobs whose key no unfinished job has; answers how many.
///
/// # Errors
/// [`StoreError`].
pub async fn enqueue_new(unit: &mut Unit, jobs: impl IntoIterator<Item = NewJob>) -> Result<u64, StoreError> {
    let mut rows = Rows::new(&JOBS);
    for job in jobs {
        rows.push(row(unit.id()?, unit.seller_id, job, unit.now));
    }
    unit.insert_new(rows).await
}

/// A queue that was empty when PostgreSQL took its statistics looks small to it: it would collect and sort all jobs for each
/// batch (140 ms with 200,000 of them) instead of reading the beginning of the index (0.4 ms).
async fn read_by_index(tx: &mut Tx) -> Result<(), StoreError> {
    if tx.is_postgres() {
        tx.execute("SELECT set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true)", &[])
            .await?;
    }
    Ok(())
}

/// Whether there is something to claim, and whether there are leases that ran out. Reads only: a daemon with nothing to
/// do takes no lock.
///
/// # Errors
/// [`StoreError`].
pub async fn news(
    tx: &mut Tx,
    kinds: &[&str],
    now: DateTime<Utc>,
    real_now: DateTime<Utc>,
) -> Result<(bool, bool), StoreError> {
    let news = Sql {
        sqlite: "SELECT (SELECT count(*) FROM (SELECT 1 FROM jobs WHERE state = 'ready' AND run_at <= $1 \
                 AND kind IN (SELECT value FROM json_each($2)) LIMIT 1) AS due), \
                 (SELECT count(*) FROM (SELECT 1 FROM jobs WHERE state = 'running' AND lease_until < $3 LIMIT 1) AS lost)",
        postgres: "SELECT (SELECT count(*) FROM (SELECT 1 FROM jobs WHERE state = 'ready' AND run_at <= $1 \
                 AND kind = ANY (ARRAY(SELECT json_array_elements_text($2::json))) LIMIT 1) AS due), \
                 (SELECT count(*) FROM (SELECT 1 FROM jobs WHERE state = 'running' AND lease_until < $3 LIMIT 1) AS lost)",
    };
    read_by_index(tx).await?;
    tx.one(news, params![now, text_set(kinds.iter().copied()), real_now]).await
}

/// Whether one of the next jobs has been attempted so often, within the next `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn attempted_among_next(
    tx: &mut Tx,
    now: DateTime<Utc>,
    attempts: u32,
    limit: i64,
) -> Result<bool, StoreError> {
    let sql = "SELECT count(*) FROM (SELECT attempt_count FROM jobs WHERE state = 'ready' AND run_at <= $1 \
               ORDER BY run_at, id LIMIT $2) AS next WHERE attempt_count >= $3";
    let (count,): (i64,) = tx.one(sql, params![now, limit, i64::from(attempts)]).await?;
    Ok(count > 0)
}

/// Takes up to `limit` jobs that are due, the oldest first, under a lease. Nobody else gets them until it ends. What is
/// begun counts as an attempt, so that a job that takes its daemon down with it comes to an end as well.
///
/// # Errors
/// [`StoreError`].
pub async fn claim(
    tx: &mut Tx,
    owner: &str,
    kinds: &[&str],
    now: DateTime<Utc>,
    lease_until: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Job>, StoreError> {
    let claim = Sql {
        sqlite: "UPDATE jobs SET state = 'running', attempt_count = attempt_count + 1, lease_owner = $1, lease_until = $2 \
                 WHERE id IN (SELECT id FROM jobs WHERE state = 'ready' AND run_at <= $3 \
                 AND kind IN (SELECT value FROM json_each($4)) ORDER BY run_at, id LIMIT $5) \
                 RETURNING id, seller_id, kind, payload, unique_key, state, attempt_count, run_at, lease_owner, last_error",
        postgres: "WITH picked AS MATERIALIZED (SELECT id FROM jobs WHERE state = 'ready' AND run_at <= $3 \
                 AND kind = ANY (ARRAY(SELECT json_array_elements_text($4::json))) ORDER BY run_at, id LIMIT $5 FOR UPDATE SKIP LOCKED) \
                 UPDATE jobs SET state = 'running', attempt_count = attempt_count + 1, lease_owner = $1, lease_until = $2 \
                 FROM picked WHERE jobs.id = picked.id \
                 RETURNING jobs.id, seller_id, kind, payload, unique_key, state, attempt_count, run_at, lease_owner, last_error",
    };
    read_by_index(tx).await?;
    let kinds = text_set(kinds.iter().copied());
    let mut jobs: Vec<Job> = tx.all(claim, params![owner, lease_until, now, kinds, limit]).await?;
    // RETURNING promises no order.
    jobs.sort_by_key(|job| (job.run_at, job.id));
    Ok(jobs)
}

/// Prolongs leases; answers which of the jobs are still held.
///
/// # Errors
/// [`StoreError`].
pub async fn extend(
    tx: &mut Tx,
    owner: &str,
    ids: impl IntoIterator<Item = JobId>,
    lease_until: DateTime<Utc>,
) -> Result<Vec<JobId>, StoreError> {
    let sql = with_ids!(
        "UPDATE jobs SET lease_until = $2 WHERE state = 'running' AND lease_owner = $1 AND id ",
        3,
        " RETURNING id"
    );
    let held: Vec<(JobId,)> = tx.all(sql, params![owner, lease_until, id_set(ids.into_iter().map(|id| id.0))]).await?;
    Ok(held.into_iter().map(|(id,)| id).collect())
}

/// Removes jobs that are done. Those whose lease was lost meanwhile are left alone.
///
/// # Errors
/// [`StoreError`].
pub async fn complete(tx: &mut Tx, owner: &str, ids: impl IntoIterator<Item = JobId>) -> Result<u64, StoreError> {
    let sql = with_ids!("DELETE FROM jobs WHERE state = 'running' AND lease_owner = $1 AND id ", 2, "");
    tx.execute(sql, params![owner, id_set(ids.into_iter().map(|id| id.0))]).await
}

/// Removes a job in the unit of its own effect, so that both happen once or not at all. `false` when the lease was lost:
/// then the unit has to be dropped, somebody else does the job.
///
/// # Errors
/// [`StoreError`].
pub async fn complete_within(unit: &mut Unit, job: &Job) -> Result<bool, StoreError> {
    let owner = job.lease_owner.as_deref().unwrap_or_default();
    Ok(complete(unit, owner, [job.id]).await? == 1)
}

/// How an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which.
    pub id: JobId,
    /// [`JobState::Ready`] to try again, or [`JobState::Dead`].
    pub state: JobState,
    /// When to try again.
    pub run_at: DateTime<Utc>,
    /// Why.
    pub last_error: String,
}

static FAILURES: Table = Table {
    name: "jobs",
    columns: &[
        ("id", Kind::Int),
        ("lease_owner", Kind::Text),
        ("state", Kind::Text),
        ("run_at", Kind::Int),
        ("last_error", Kind::Text),
        ("lease_until", Kind::Int),
    ],
};

/// Writes down how attempts failed. Jobs whose lease was lost meanwhile are left alone.
///
/// # Errors
/// [`StoreError`].
pub async fn fail(tx: &mut Tx, owner: &str, failures: impl IntoIterator<Item = Failure>) -> Result<u64, StoreError> {
    let mut rows = Rows::new(&FAILURES);
    for failure in failures {
        let last_error: String = failure.last_error.chars().take(ERROR_MAX).collect();
        rows.push([
            failure.id.into(),
            owner.into(),
            Word(failure.state).into(),
            failure.run_at.into(),
            last_error.into(),
            Value::Int(None),
        ]);
    }
    tx.update(rows, 2).await
}

/// Gives back everything that an owner holds: it did not come to it. Does not count as an attempt.
///
/// # Errors
/// [`StoreError`].
pub async fn release(tx: &mut Tx, owner: &str) -> Result<u64, StoreError> {
    tx.execute(
        "UPDATE jobs SET state = 'ready', attempt_count = attempt_count - 1, lease_owner = NULL, lease_until = NULL \
         WHERE state = 'running' AND lease_owner = $1",
        params![owner],
    )
    .await
}

/// Notes that the job with a key did part of its work for good: its attempts count anew, with the one at work as the
/// first. Belongs in the unit that did that part, as its last statement: it holds the job's row until the commit.
///
/// Only for work that ends after a bounded number of such parts, or the job could be tried for ever.
///
/// # Errors
/// [`StoreError`].
pub async fn got_ahead(unit: &mut Unit, unique_key: &str) -> Result<(), StoreError> {
    unit.execute(
        "UPDATE jobs SET attempt_count = 1 WHERE unique_key = $1 AND state = 'running' AND attempt_count > 1",
        params![unique_key],
    )
    .await?;
    Ok(())
}

/// The attempts of jobs that an owner still holds, as they count now.
///
/// # Errors
/// [`StoreError`].
pub async fn attempt_counts(
    tx: &mut Tx,
    owner: &str,
    ids: impl IntoIterator<Item = JobId>,
) -> Result<HashMap<JobId, u32>, StoreError> {
    let sql =
        with_ids!("SELECT id, attempt_count FROM jobs WHERE state = 'running' AND lease_owner = $1 AND id ", 2, "");
    let counts: Vec<(JobId, u32)> = tx.all(sql, params![owner, id_set(ids.into_iter().map(|id| id.0))]).await?;
    Ok(counts.into_iter().collect())
}

/// Opens jobs whose lease ends before an instant to everybody again, or lets them die after `attempts_max`; answers them
/// as they are now. Each counts as the attempt that it was.
///
/// # Errors
/// [`StoreError`].
pub async fn recover(
    tx: &mut Tx,
    lease_before: DateTime<Utc>,
    attempts_max: u32,
    last_error: &str,
) -> Result<Vec<Job>, StoreError> {
    tx.all(
        "UPDATE jobs SET state = CASE WHEN attempt_count >= $2 THEN 'dead' ELSE 'ready' END, lease_owner = NULL, \
         lease_until = NULL, last_error = $3 WHERE state = 'running' AND lease_until < $1 \
         RETURNING id, seller_id, kind, payload, unique_key, state, attempt_count, run_at, lease_owner, last_error",
        params![lease_before, attempts_max, last_error],
    )
    .await
}

/// A page of a seller's jobs, oldest first, with one more than `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn list(
    tx: &mut Tx,
    seller_id: SellerId,
    state: Option<JobState>,
    after: i64,
    limit: i64,
) -> Result<Vec<Job>, StoreError> {
    let state = state.map(JobState::as_str).unwrap_or_default();
    tx.all(
        "SELECT id, seller_id, kind, payload, unique_key, state, attempt_count, run_at, lease_owner, last_error FROM jobs \
         WHERE seller_id = $1 AND id > $2 AND ($3 = '' OR state = $3) ORDER BY id LIMIT $4",
        params![seller_id, after, state, limit + 1],
    )
    .await
}

/// One job, locked until the unit ends.
///
/// # Errors
/// [`StoreError`].
pub async fn lock(unit: &mut Unit, id: JobId) -> Result<Option<Job>, StoreError> {
    let seller_id = unit.seller_id;
    unit.optional(
        for_update!(
            "SELECT id, seller_id, kind, payload, unique_key, state, attempt_count, run_at, lease_owner, last_error FROM jobs \
             WHERE seller_id = $1 AND id = $2"
        ),
        params![seller_id, id],
    )
    .await
}

/// Makes a job ready at an instant, with all its attempts before it.
///
/// # Errors
/// [`StoreError`].
pub async fn ready(unit: &mut Unit, id: JobId, run_at: DateTime<Utc>) -> Result<u64, StoreError> {
    let seller_id = unit.seller_id;
    unit.execute(
        "UPDATE jobs SET state = 'ready', run_at = $3, attempt_count = 0 WHERE seller_id = $1 AND id = $2 AND state <> 'running'",
        params![seller_id, id, run_at],
    )
    .await
}

/// How many jobs there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Wait for their time or a worker.
    pub ready: i64,
    /// At work, on any daemon.
    pub running: i64,
    /// Gave up.
    pub dead: i64,
}

/// How many jobs of all sellers are in each state, counted to `at_most`. Each state has an index, so that this costs what
/// it counts and no more.
///
/// # Errors
/// [`StoreError`].
pub async fn counts(tx: &mut Tx, at_most: i64) -> Result<Counts, StoreError> {
    let (ready, running, dead) = tx
        .one(
            "SELECT (SELECT count(*) FROM (SELECT 1 FROM jobs WHERE state = 'ready' LIMIT $1) AS ready), \
             (SELECT count(*) FROM (SELECT 1 FROM jobs WHERE state = 'running' LIMIT $1) AS running), \
             (SELECT count(*) FROM (SELECT 1 FROM jobs WHERE state = 'dead' LIMIT $1) AS dead)",
            params![at_most],
        )
        .await?;
    Ok(Counts { ready, running, dead })
}

/// How many jobs of all sellers gave up.
///
/// # Errors
/// [`StoreError`].
pub async fn dead_count(tx: &mut Tx) -> Result<i64, StoreError> {
    let (count,) = tx.one("SELECT count(*) FROM jobs WHERE state = 'dead'", &[]).await?;
    Ok(count)
}
