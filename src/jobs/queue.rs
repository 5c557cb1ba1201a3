//! What a worker asks of the database, each in one transaction: claim, settle, keep, give back.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use billet_domain::id::{JobId, SellerId};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::handlers::KINDS;
use super::tally::Tally;
use super::{ATTEMPTS_MAX, JobError, RETRY_AFTER_MAX, pause};
use crate::billing::{Billing, BillingError};
use crate::store::job::{self, Failure, Job, JobState};
use crate::store::{Event, StoreError, Unit};

/// How long a lease lasts. A killed daemon's jobs are taken by others after this time.
pub const LEASE: Duration = Duration::from_mins(1);
/// How many jobs are claimed at once.
pub const BATCH_MAX: i64 = 32;

/// From how many attempts on a job makes the worker careful: jobs are claimed one at a time then. Otherwise those that were
/// claimed beside a job that kills its daemon, and never began, would run out of attempts with it.
const CAREFUL_FROM: u32 = 3;

/// What a daemon that was killed leaves as the reason.
const LOST: &str = "the daemon that worked on it stopped";

/// An attempt that came to its end.
#[derive(Debug)]
pub struct Attempt {
    /// The job as claimed.
    pub job: Job,
    /// How it went.
    pub outcome: Result<(), JobError>,
}

/// The queue as one worker sees it.
#[derive(Debug, Clone)]
pub struct Queue {
    billing: Billing,
    owner: String,
    kinds: Vec<&'static str>,
    lease: Duration,
}

impl Queue {
    /// For the kinds that a worker has handlers for: what it does not know it leaves to newer daemons.
    pub fn new(billing: Billing, kinds: Vec<&'static str>, lease: Duration) -> Self {
        let owner = format!("{}-{}", std::process::id(), uuid::Uuid::now_v7().simple());
        Self { billing, owner, kinds, lease }
    }

    /// How long its leases last.
    pub fn lease(&self) -> Duration {
        self.lease
    }

    /// Leases are in real time, whatever clock the daemon runs on: see `store/job.rs`.
    fn real_now() -> DateTime<Utc> {
        Utc::now()
    }

    fn lease_until(&self) -> DateTime<Utc> {
        Self::real_now() + self.lease
    }

    /// Claims what is due; first opens leases that ran out.
    pub async fn claim(&self) -> Result<Vec<Job>, BillingError> {
        let now = self.billing.now();
        let mut tx = self.billing.store.snapshot().await?;
        let (due, lost) = job::news(&mut tx, &self.kinds, now, Self::real_now()).await?;
        drop(tx);
        if lost {
            recover(&self.billing, &self.kinds, Self::real_now()).await?;
        }
        if !(due || lost) {
            return Ok(Vec::new());
        }
        let mut tx = self.billing.store.engine().begin().await?;
        let careful = job::attempted_among_next(&mut tx, now, CAREFUL_FROM, BATCH_MAX).await?;
        let limit = if careful { 1 } else { BATCH_MAX };
        let jobs = job::claim(&mut tx, &self.owner, &self.kinds, now, self.lease_until(), limit).await?;
        tx.commit().await?;
        Ok(jobs)
    }

    /// Writes down how attempts went, all in one transaction: done ones go, failed ones wait or die. On an error nothing
    /// of it is stored and it can be called again.
    pub async fn settle(&self, attempts: &[Attempt]) -> Result<(), BillingError> {
        let now = self.billing.now();
        let done = attempts.iter().filter(|attempt| attempt.outcome.is_ok()).map(|attempt| attempt.job.id);
        let begun = self.attempt_counts(attempts).await?;
        let mut tally = Tally::default();
        let mut failures = Vec::new();
        let mut dead = Vec::new();
        for Attempt { job, outcome } in attempts {
            let kind = known(&self.kinds, &job.kind);
            let Err(error) = outcome else {
                tally.count(kind, "done");
                continue;
            };
            // Whose lease was lost is somebody else's to judge.
            let Some(attempt) = begun.get(&job.id).copied() else { continue };
            let failure = failure(job, attempt, error, now, rand::random());
            tracing::warn!(job = %job.id, kind = job.kind, attempt, state = ?failure.state, %error, "a job failed");
            tally.count(kind, if failure.state == JobState::Dead { "dead" } else { "failed" });
            if failure.state == JobState::Dead {
                dead.push((Job { attempt_count: attempt, ..job.clone() }, failure.last_error.clone()));
            }
            failures.push(failure);
        }
        if dead.is_empty() {
            let mut tx = self.billing.store.engine().begin().await?;
            job::complete(&mut tx, &self.owner, done).await?;
            job::fail(&mut tx, &self.owner, failures).await?;
            tx.commit().await?;
            tally.tell();
            return Ok(());
        }
        let mut unit = self.unit(dead[0].0.seller_id).await?;
        job::complete(&mut unit, &self.owner, done).await?;
        job::fail(&mut unit, &self.owner, failures).await?;
        for (job, why) in dead {
            note_death(&mut unit, &job, &why);
        }
        unit.commit().await?;
        tally.tell();
        Ok(())
    }

    /// How often those that failed were begun: less than when they were claimed if they got ahead before they failed.
    async fn attempt_counts(&self, attempts: &[Attempt]) -> Result<HashMap<JobId, u32>, StoreError> {
        let failed: Vec<JobId> =
            attempts.iter().filter(|attempt| attempt.outcome.is_err()).map(|attempt| attempt.job.id).collect();
        if failed.is_empty() {
            return Ok(HashMap::new());
        }
        let mut tx = self.billing.store.snapshot().await?;
        job::attempt_counts(&mut tx, &self.owner, failed).await
    }

    /// Prolongs leases; answers which jobs are still held.
    pub async fn extend(&self, ids: impl IntoIterator<Item = JobId>) -> Result<HashSet<JobId>, StoreError> {
        let mut tx = self.billing.store.engine().begin().await?;
        let held = job::extend(&mut tx, &self.owner, ids, self.lease_until()).await?;
        tx.commit().await?;
        Ok(held.into_iter().collect())
    }

    /// Gives back whatever is still held.
    pub async fn release(&self) -> Result<u64, StoreError> {
        let mut tx = self.billing.store.engine().begin().await?;
        let count = job::release(&mut tx, &self.owner).await?;
        tx.commit().await?;
        Ok(count)
    }

    async fn unit(&self, seller_id: SellerId) -> Result<Unit, BillingError> {
        self.billing.begin(seller_id, "system").await
    }
}

/// Opens all jobs that are held to everybody again, or lets them die as after any other attempt: for a daemon that begins
/// and is alone on its database, so that whoever held them is dead. Answers how many there were.
///
/// # Errors
/// [`StoreError`].
pub async fn take_over(billing: &Billing) -> Result<usize, StoreError> {
    recover(billing, KINDS, DateTime::<Utc>::MAX_UTC).await
}

/// The kind as the code writes it, for the metrics; what newer daemons stored is not known.
fn known(kinds: &[&'static str], kind: &str) -> &'static str {
    kinds.iter().find(|known| **known == kind).copied().unwrap_or("unknown")
}

async fn recover(billing: &Billing, kinds: &[&'static str], lease_before: DateTime<Utc>) -> Result<usize, StoreError> {
    // Deaths are written to the journals of their sellers; whose the unit is does not matter.
    let mut unit = billing.store.begin(SellerId(0), "system", billing.now()).await?;
    let jobs = job::recover(&mut unit, lease_before, ATTEMPTS_MAX, LOST).await?;
    let mut tally = Tally::default();
    for job in &jobs {
        tracing::warn!(job = %job.id, kind = job.kind, attempt = job.attempt_count, state = ?job.state, "a job was lost");
        tally.count(known(kinds, &job.kind), if job.state == JobState::Dead { "dead" } else { "lost" });
        if job.state == JobState::Dead {
            note_death(&mut unit, job, LOST);
        }
    }
    unit.commit().await?;
    tally.tell();
    Ok(jobs.len())
}

fn note_death(unit: &mut Unit, job: &Job, why: &str) {
    unit.event_of(Event {
        seller_id: job.seller_id,
        kind: "job.died",
        subject: job.id.to_string(),
        reason: why.to_owned(),
        data: json!({ "kind": job.kind, "payload": job.payload, "attempt_count": job.attempt_count }),
    });
}

fn failure(job: &Job, attempt: u32, error: &JobError, now: DateTime<Utc>, jitter: f64) -> Failure {
    let dead = matches!(error, JobError::Dead(_)) || attempt >= ATTEMPTS_MAX;
    let pause = pause(attempt, jitter);
    let pause = match error {
        JobError::Retry { after } => (*after).min(RETRY_AFTER_MAX).max(pause),
        JobError::Fail(_) | JobError::Dead(_) => pause,
    };
    let pause = TimeDelta::from_std(pause).unwrap_or(TimeDelta::MAX);
    Failure {
        id: job.id,
        state: if dead { JobState::Dead } else { JobState::Ready },
        run_at: now.checked_add_signed(pause).unwrap_or(now),
        last_error: error.to_string(),
    }
}
