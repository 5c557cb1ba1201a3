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

#[cfg(test)]
mod tests {
    use billet_domain::id::{SellerId, TokenId};
    use billet_domain::role::Role;
    use serde_json::json;

    use super::*;
    use crate::billing::Clock;
    use crate::store::job::NewJob;
    use crate::store::testing::{seller, stores};

    fn caller(seller_id: i64) -> Caller {
        Caller {
            token_id: TokenId(1),
            seller_id: SellerId(seller_id),
            roles: vec![Role::Owner],
            instance_id: None,
            customer_id: None,
        }
    }

    #[tokio::test]
    async fn jobs_are_listed_in_pages_and_only_to_their_seller() {
        for fresh in stores().await {
            let billing = Billing::new(fresh.store.clone(), Clock::System);
            for id in [1, 2] {
                let seller_id = seller(&fresh.store, id).await;
                let mut unit = billing.begin(seller_id, "system").await.expect("a unit");
                for number in 0..3 {
                    let new = NewJob {
                        kind: "work",
                        payload: json!({ "number": number }),
                        unique_key: None,
                        run_at: unit.now,
                    };
                    job::enqueue(&mut unit, new).expect("an id");
                }
                unit.commit().await.expect("a commit");
            }
            let request = pb::ListJobsRequest { page_size: 2, ..Default::default() };
            let first = list_jobs(&billing, &caller(1), &request).await.expect("a page");
            assert_eq!(first.jobs.len(), 2);
            assert_eq!(first.jobs[0].payload_json, r#"{"number":0}"#);
            let request = pb::ListJobsRequest { page_token: first.next_page_token, ..request };
            let second = list_jobs(&billing, &caller(1), &request).await.expect("a page");
            assert_eq!((second.jobs.len(), second.next_page_token.as_str()), (1, ""));
            let dead = pb::ListJobsRequest { state: pb::JobState::Dead.into(), ..Default::default() };
            assert_eq!(list_jobs(&billing, &caller(1), &dead).await.expect("a page").jobs, []);
            let unknown = pb::ListJobsRequest { state: 99, ..Default::default() };
            let refused = list_jobs(&billing, &caller(1), &unknown).await.expect_err("no state");
            assert_eq!(refused.code(), tonic::Code::InvalidArgument);

            let id = first.jobs[0].id.clone();
            let request = |request_id: &str| pb::RetryJobRequest { request_id: request_id.to_owned(), id: id.clone() };
            let foreign = retry_job(&billing, &caller(2), &request("a")).await.expect_err("another seller's");
            assert_eq!(foreign.code(), tonic::Code::NotFound);
            let answer = retry_job(&billing, &caller(1), &request("b")).await.expect("ready").into_inner();
            let again = retry_job(&billing, &caller(1), &request("b")).await.expect("the same").into_inner();
            assert_eq!(answer, again);
        }
    }
}
