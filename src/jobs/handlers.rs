//! What each kind of job does.

use std::time::Duration;

use billet_domain::id::{InstanceId, InvoiceId, RunId, SubscriptionId};
use billet_plugin::Failure;
use serde::Deserialize;

use super::{Job, JobError, Worker};
use crate::billing::provision::reconcile::{RECONCILE, reconcile};
use crate::billing::{Billing, BillingError, domain, hook, issue, render, run};
use crate::store::hook::Filter;
use crate::store::parked::{REPLAY, Replay};
use crate::store::{drift, instance, seller};

/// How many parked hooks are tried in one transaction.
const REPLAY_BATCH: i64 = 200;

/// Every kind of job.
pub const KINDS: &[&str] = &[issue::RENDER, run::RUN, REPLAY, domain::CARE, domain::LEFT, domain::POLL, RECONCILE];
/// How often a comparison that failed is tried again before it is left to the next night.
const RECONCILE_ATTEMPTS_MAX: u32 = 3;
/// After which time.
const RECONCILE_PAUSE: Duration = Duration::from_mins(5);

/// A worker that knows every kind of job but those of [`asker`].
#[must_use]
pub fn worker(billing: Billing, slots: usize) -> Worker {
    Worker::new(billing, slots)
        .on(issue::RENDER, render_document)
        .on(run::RUN, billing_run)
        .on(REPLAY, replay_parked)
        .on(domain::CARE, domain_care)
        .on(domain::LEFT, domain_left)
}

/// A worker for what panels and registrars are asked: it waits for others, who may take minutes, and nothing else waits for it.
#[must_use]
pub fn asker(billing: Billing, slots: usize) -> Worker {
    Worker::new(billing, slots).unhurried().on(domain::POLL, registrar_messages).on(RECONCILE, reconcile_instance)
}

fn payload<T: for<'de> Deserialize<'de>>(job: &Job) -> Result<T, JobError> {
    serde_json::from_value(job.payload.clone()).map_err(|error| JobError::Dead(format!("unreadable payload: {error}")))
}

#[derive(Deserialize)]
struct Rendering {
    invoice: InvoiceId,
}

async fn render_document(billing: Billing, job: Job) -> Result<(), JobError> {
    let Rendering { invoice } = payload(&job)?;
    if !cfg!(feature = "pdf") {
        tracing::debug!(%invoice, "no document is written: built without the feature `pdf`");
        return Ok(());
    }
    render::pdf(&billing, job.seller_id, invoice).await?;
    Ok(())
}

#[derive(Deserialize)]
struct Running {
    run: RunId,
}

async fn billing_run(billing: Billing, job: Job) -> Result<(), JobError> {
    let Running { run } = payload(&job)?;
    run::work(&billing, job.seller_id, run, job.attempt_count).await?;
    Ok(())
}

#[derive(Deserialize)]
struct Polling {
    instance: InstanceId,
}

/// Reads a registrar's messages. One that cannot be reached is asked again with the next look at the clock, for ever.
async fn registrar_messages(billing: Billing, job: Job) -> Result<(), JobError> {
    let Polling { instance } = payload(&job)?;
    match domain::poll::poll(&billing, job.seller_id, instance).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(failure)) => {
            tracing::warn!(%instance, %failure, "a registrar's messages cannot be read now");
            Ok(())
        }
        Err(error) if error.is_transient() || matches!(error, BillingError::Store(_)) => Err(error.into()),
        Err(error) => {
            tracing::warn!(%instance, %error, "a registrar cannot be asked for messages");
            Ok(())
        }
    }
}

#[derive(Deserialize)]
struct Comparing {
    instance: InstanceId,
    number: i64,
}

/// Compares a panel with the books. One that cannot be reached is tried again a few times.
async fn reconcile_instance(billing: Billing, job: Job) -> Result<(), JobError> {
    let Comparing { instance, number } = payload(&job)?;
    let mut tx = billing.store.snapshot().await?;
    let last = drift::reconciliation(&mut tx, job.seller_id, instance).await?;
    drop(tx);
    if job.attempt_count <= 1 && last.as_ref().is_some_and(|last| last.finished_count >= number) {
        // One that was asked for later is finished already.
        return Ok(());
    }
    // What was asked for until now is answered by this one.
    let number = last.map_or(number, |last| last.asked_count.max(number));
    match reconcile(&billing, job.seller_id, instance, number).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(failure)) => {
            tracing::warn!(%instance, %failure, "a panel cannot be compared with the books now");
            let again = !matches!(failure, Failure::Refused(_)) && job.attempt_count < RECONCILE_ATTEMPTS_MAX;
            if again { Err(JobError::Retry { after: RECONCILE_PAUSE }) } else { Ok(()) }
        }
        Err(error) if error.is_transient() || matches!(error, BillingError::Store(_)) => Err(error.into()),
        Err(error) => {
            tracing::warn!(%instance, %error, "a panel cannot be compared with the books");
            Ok(())
        }
    }
}

/// Cares for the domains of a seller that are due.
async fn domain_care(billing: Billing, job: Job) -> Result<(), JobError> {
    while domain::care::care(&billing, job.seller_id).await? > 0 {}
    Ok(())
}

#[derive(Deserialize)]
struct Leaving {
    subscription: SubscriptionId,
}

async fn domain_left(billing: Billing, job: Job) -> Result<(), JobError> {
    let Leaving { subscription } = payload(&job)?;
    domain::care::left(&billing, job.seller_id, subscription).await?;
    Ok(())
}

/// Tries parked hooks again, in batches from the oldest to the newest; what still waits is passed over.
async fn replay_parked(billing: Billing, job: Job) -> Result<(), JobError> {
    let which: Replay = payload(&job)?;
    let instances = match (&which.instance_id, which.instance_group.as_str()) {
        (Some(id), _) => vec![Some(*id)],
        (None, "") => vec![None],
        (None, group) => {
            let mut tx = billing.store.snapshot().await?;
            instance::of_group(&mut tx, job.seller_id, group).await?.into_iter().map(Some).collect()
        }
    };
    for instance_id in instances {
        let filter = Filter { instance_id, reason: which.reason.clone(), package: which.package.clone() };
        let mut after = 0;
        loop {
            let ids = REPLAY_BATCH * 60;
            let mut unit = billing.store.begin_large(job.seller_id, "replay", billing.now(), ids).await?;
            let mut waiting =
                crate::store::hook::parked(&mut unit, job.seller_id, &filter, after, REPLAY_BATCH).await?;
            let more = i64::try_from(waiting.len()).unwrap_or(i64::MAX) > REPLAY_BATCH;
            waiting.truncate(usize::try_from(REPLAY_BATCH).unwrap_or(usize::MAX));
            let Some(last) = waiting.last() else { break };
            after = last.id.0;
            let seller = seller::get(&mut unit, job.seller_id)
                .await?
                .ok_or_else(|| BillingError::not_found("seller", job.seller_id))?;
            hook::replay(&mut unit, &seller, &waiting).await?;
            unit.commit().await?;
            if !more {
                break;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod obstacles;
#[cfg(test)]
mod tests;
