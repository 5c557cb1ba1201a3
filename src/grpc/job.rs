//! Jobs for AdminService.

use tonic::{Response, Status};

use super::auth::Caller;
use super::call::{Begun, Call};
use super::convert::{parse, to_instant};
use super::page;
use crate::billing::{Billing, BillingError};
use crate::proto::billet::v1 as pb;
use crate::store::job::{self, Job, JobState};

/// Lists the jobs of the caller's seller.
///
/// # Errors
/// INVALID_ARGUMENT for a malformed page or an unknown state.
pub async fn list_jobs(
    billing: &Billing,
    caller: &Caller,
    request: &pb::ListJobsRequest,
) -> Result<pb::ListJobsResponse, Status> {
    let state = state(request.state)?;
    let size = page::size(request.page_size)?;
    let after = page::after_id(&request.page_token)?.unwrap_or_default();
    let mut tx = billing.store.snapshot().await?;
    let mut jobs = job::list(&mut tx, caller.seller_id, state, after, size).await?;
    let next_page_token = page::cut(&mut jobs, size, |job| job.id.0.to_string());
    Ok(pb::ListJobsResponse { jobs: jobs.into_iter().map(to_job).collect(), next_page_token })
}

/// Puts a job back into the queue.
///
/// # Errors
/// NOT_FOUND, FAILED_PRECONDITION while it is at work.
pub async fn retry_job(
    billing: &Billing,
    caller: &Caller,
    request: &pb::RetryJobRequest,
) -> Result<Response<pb::RetryJobResponse>, Status> {
    let mut call = match Call::begin(billing, caller, "RetryJob", &request.request_id, request).await? {
        Begun::Fresh(call) => call,
        Begun::Again(answer) => return Ok(answer),
    };
    let job = crate::billing::job::retry(&mut call.unit, parse("id", &request.id)?).await?;
    call.finish(pb::RetryJobResponse { job: Some(to_job(job)) }).await
}

fn state(given: i32) -> Result<Option<JobState>, BillingError> {
    match pb::JobState::try_from(given) {
        Ok(pb::JobState::Unspecified) => Ok(None),
        Ok(pb::JobState::Ready) => Ok(Some(JobState::Ready)),
        Ok(pb::JobState::Running) => Ok(Some(JobState::Running)),
        Ok(pb::JobState::Dead) => Ok(Some(JobState::Dead)),
        Err(_) => Err(BillingError::invalid("state", "not a state of a job")),
    }
}

fn to_job(job: Job) -> pb::Job {
    let state = match job.state {
        JobState::Ready => pb::JobState::Ready,
        JobState::Running => pb::JobState::Running,
        JobState::Dead => pb::JobState::Dead,
    };
    pb::Job {
        id: job.id.to_string(),
        kind: job.kind,
        payload_json: job.payload.to_string(),
        state: state.into(),
        attempt_count: job.attempt_count,
        run_at: Some(to_instant(job.run_at)),
        last_error: job.last_error,
    }
}
