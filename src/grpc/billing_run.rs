//! BillingRunService.

use std::time::Duration;

use billet_domain::id::{RunId, SellerId};
use futures::stream::{self, BoxStream, StreamExt as _};
use tonic::{Request, Response, Status};

use super::call::{Begun, Call, open};
use super::convert::{date_optional, parse, to_date, to_instant, to_money};
use super::page;
use super::subscription::seller_of;
use crate::billing::{Billing, BillingError, run};
use crate::proto::billet::v1 as pb;
use crate::proto::billet::v1::billing_run_service_server::BillingRunService;
use crate::store;
use crate::store::run::{Run, RunState};

/// How often a watched run is looked at, at most; another daemon may be at work on it.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The service.
#[derive(Debug, Clone)]
pub struct BillingRunApi {
    /// What it stands on.
    pub billing: Billing,
}

fn to_run(run: &Run) -> pb::Run {
    let state = match run.state {
        RunState::Planned => pb::RunState::Planned,
        RunState::Running => pb::RunState::Running,
        RunState::Finished => pb::RunState::Finished,
        RunState::FinishedWithFailures => pb::RunState::FinishedWithFailures,
        RunState::Cancelled => pb::RunState::Cancelled,
    };
    pb::Run {
        id: run.id.to_string(),
        cutoff_date: Some(to_date(run.cutoff_date)),
        state: state.into(),
        scheduled: run.scheduled,
        subscription_count: run.subscription_count,
        done_count: run.done_count,
        invoice_count: run.invoice_count,
        failure_count: run.failure_count,
        gross_amounts: run.gross.iter().map(|(currency, minor)| to_money(*minor, *currency)).collect(),
        created_at: Some(to_instant(run.created_at)),
        finished_at: run.finished_at.map(to_instant),
    }
}

async fn read(billing: &Billing, seller_id: SellerId, id: RunId) -> Result<Run, BillingError> {
    let mut tx = billing.store.snapshot().await?;
    store::run::get(&mut tx, seller_id, id).await?.ok_or_else(|| BillingError::not_found("run", id))
}

#[tonic::async_trait]
impl BillingRunService for BillingRunApi {
    async fn start_run(&self, request: Request<pb::StartRunRequest>) -> Result<Response<pb::StartRunResponse>, Status> {
        let (caller, request) = open(request)?;
        let cutoff = date_optional("cutoff_date", request.cutoff_date)?;
        let begun = Call::begin(&self.billing, &caller, "StartRun", &request.request_id, &request).await?;
        let mut call = match begun {
            Begun::Fresh(call) => call,
            Begun::Again(answer) => return Ok(answer),
        };
        let seller = seller_of(&mut call.unit, caller.seller_id).await?;
        let today = seller.today(call.unit.now);
        let cutoff = cutoff.unwrap_or(today);
        if cutoff > today {
            return Err(BillingError::invalid("cutoff_date", format!("not ahead of today ({today})")).into());
        }
        let run = run::plan(&mut call.unit, cutoff, false).await?;
        call.finish(pb::StartRunResponse { run: Some(to_run(&run)) }).await
    }

    async fn get_run(&self, request: Request<pb::GetRunRequest>) -> Result<Response<pb::GetRunResponse>, Status> {
        let (caller, request) = open(request)?;
        let run = read(&self.billing, caller.seller_id, parse("id", &request.id)?).await?;
        Ok(Response::new(pb::GetRunResponse { run: Some(to_run(&run)) }))
    }

    async fn list_runs(&self, request: Request<pb::ListRunsRequest>) -> Result<Response<pb::ListRunsResponse>, Status> {
        let (caller, request) = open(request)?;
        let size = page::size(request.page_size)?;
        let before = page::before_moment(&request.page_token)?;
        let mut tx = self.billing.store.snapshot().await?;
        let mut found = store::run::list(&mut tx, caller.seller_id, before, size).await?;
        let next_page_token = page::cut(&mut found, size, |one| page::moment(one.created_at, one.id.0));
        let runs = found.iter().map(to_run).collect();
        Ok(Response::new(pb::ListRunsResponse { runs, next_page_token }))
    }

    type WatchRunStream = BoxStream<'static, Result<pb::WatchRunResponse, Status>>;

    async fn watch_run(&self, request: Request<pb::WatchRunRequest>) -> Result<Response<Self::WatchRunStream>, Status> {
        let (caller, request) = open(request)?;
        let id: RunId = parse("id", &request.id)?;
        let first = read(&self.billing, caller.seller_id, id).await?;
        let (billing, seller_id) = (self.billing.clone(), caller.seller_id);
        // The first look is shown at once, then each change, until the run is over.
        let looks = stream::unfold(Some((first.clone(), None::<Run>)), move |state| {
            let billing = billing.clone();
            async move {
                let (mut now, shown) = state?;
                while shown.as_ref() == Some(&now) {
                    tokio::time::sleep(LOOK_EVERY).await;
                    now = match read(&billing, seller_id, id).await {
                        Ok(run) => run,
                        Err(error) => return Some((Err(Status::from(error)), None)),
                    };
                }
                let message = pb::WatchRunResponse { run: Some(to_run(&now)) };
                let next = (!now.state.is_over()).then(|| (now.clone(), Some(now)));
                Some((Ok(message), next))
            }
        });
        Ok(Response::new(looks.boxed()))
    }

    async fn cancel_run(
        &self,
        request: Request<pb::CancelRunRequest>,
    ) -> Result<Response<pb::CancelRunResponse>, Status> {
        let (caller, request) = open(request)?;
        let id = parse("id", &request.id)?;
        let begun = Call::begin(&self.billing, &caller, "CancelRun", &request.request_id, &request).await?;
        let mut call = match begun {
            Begun::Fresh(call) => call,
            Begun::Again(answer) => return Ok(answer),
        };
        let run = run::cancel(&mut call.unit, id).await?;
        call.finish(pb::CancelRunResponse { run: Some(to_run(&run)) }).await
    }

    async fn list_run_failures(
        &self,
        request: Request<pb::ListRunFailuresRequest>,
    ) -> Result<Response<pb::ListRunFailuresResponse>, Status> {
        let (caller, request) = open(request)?;
        let id: RunId = parse("run_id", &request.run_id)?;
        let size = page::size(request.page_size)?;
        let after = page::after_id(&request.page_token)?.unwrap_or(0);
        let mut tx = self.billing.store.snapshot().await?;
        let mut found = store::run::failures(&mut tx, caller.seller_id, id, after, size).await?;
        let next_page_token = page::cut(&mut found, size, |one| one.subscription_id.0.to_string());
        let failures = found
            .into_iter()
            .map(|failure| pb::RunFailure {
                subscription_id: failure.subscription_id.to_string(),
                reason: failure.reason,
                detail: failure.detail,
            })
            .collect();
        Ok(Response::new(pb::ListRunFailuresResponse { failures, next_page_token }))
    }
}
