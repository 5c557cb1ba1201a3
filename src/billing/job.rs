//! Jobs that a person looks after: those that gave up are put back into the queue.

use billet_domain::id::JobId;
use serde_json::json;

use super::BillingError;
use crate::store::Unit;
use crate::store::job::{self, Job, JobState};

/// Puts a job back into the queue, due now and with all its attempts before it: one that gave up, or one that waits for
/// its next attempt.
///
/// # Errors
/// [`BillingError::NotFound`] also for jobs that are done meanwhile; `JOB_RUNNING` while it is at work.
pub async fn retry(unit: &mut Unit, id: JobId) -> Result<Job, BillingError> {
    let job = job::lock(unit, id).await?.ok_or_else(|| BillingError::not_found("job", id))?;
    if job.state == JobState::Running {
        return Err(BillingError::precondition("JOB_RUNNING", id, "the job is at work right now"));
    }
    let run_at = unit.now;
    job::ready(unit, id, run_at).await?;
    unit.event(
        "job.retried",
        id,
        json!({ "kind": job.kind, "payload": job.payload, "attempt_count": job.attempt_count }),
    );
    Ok(Job { state: JobState::Ready, attempt_count: 0, run_at, ..job })
}
