//! Durable work. A use case leaves a job in its own transaction (`store/job.rs`); a [`Worker`] of any daemon claims it
//! under a lease, runs the handler of its kind and removes it. What fails is tried again with growing pauses and dies,
//! visibly, after [`ATTEMPTS_MAX`] attempts. A daemon that dies over a job has failed at it like any other. A job that does
//! its work in parts says so with each part (`store::job::got_ahead`), and its attempts count anew.
//!
//! A job is done at least once: a daemon may die between the handler's commit and the removal of the job. A handler is
//! therefore safe to repeat, or removes its job in its own unit of work (`store::job::complete_within`).
//!
//! The [`Scheduler`] does what is due at a time of day, [`Registrars`] looks after registrars all day long.

pub mod handlers;
mod provisioner;
mod queue;
mod registrars;
mod scheduler;
mod tally;
#[cfg(test)]
mod tests;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use tokio::sync::watch;

pub use provisioner::{Provisioner, Running as Provisioning, take_over as take_over_steps};
pub use queue::{LEASE, take_over};
pub use registrars::Registrars;
pub use scheduler::{Next, Plan, Scheduler};
pub use worker::{Running, Worker};

use crate::billing::{Billing, BillingError, Clock};
pub use crate::store::job::Job;

/// How often a job is begun without getting ahead before it dies.
pub const ATTEMPTS_MAX: u32 = 12;
/// The pause after the first failure; it doubles with each further one. Twelve attempts span two to three hours.
const PAUSE_FIRST: Duration = Duration::from_secs(5);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_hours(1);
/// The longest pause that a handler can ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_hours(24);

/// Does the jobs of one kind.
pub type Handler = Arc<dyn Fn(Billing, Job) -> BoxFuture<'static, Result<(), JobError>> + Send + Sync>;

/// How an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// Not now: come back after this time at the earliest (at most a day). It counts as an attempt.
    #[error("asked to be tried again in {} s", after.as_secs())]
    Retry {
        /// From now.
        after: Duration,
    },
    /// It failed; trying again may help.
    #[error("{0}")]
    Fail(String),
    /// It failed for good: trying again cannot help.
    #[error("{0}")]
    Dead(String),
}

impl From<BillingError> for JobError {
    /// What a use case refuses may be mended by a person meanwhile, so that everything is tried again.
    fn from(error: BillingError) -> Self {
        Self::Fail(format!("{}: {error}", error.reason()))
    }
}

impl From<crate::store::StoreError> for JobError {
    fn from(error: crate::store::StoreError) -> Self {
        BillingError::from(error).into()
    }
}

/// The moves of a simulated clock; the system's never moves by itself.
struct Moves(Option<watch::Receiver<DateTime<Utc>>>);

impl Moves {
    fn of(clock: &Clock) -> Self {
        Self(clock.moves())
    }

    /// Ends with the next move.
    async fn next(&mut self) {
        if let Some(moved) = &mut self.0
            && moved.changed().await.is_ok()
        {
            return;
        }
        std::future::pending::<()>().await;
    }
}

/// The pause after the attempt of this number (from 1) failed: between a half and the whole of the doubled pause, so that
/// jobs that failed together do not come back together. `jitter` is between 0 and 1.
fn pause(attempt: u32, jitter: f64) -> Duration {
    let doublings = attempt.saturating_sub(1).min(20);
    let full = PAUSE_FIRST.saturating_mul(1 << doublings).min(PAUSE_MAX);
    full.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}
