//! A billing run: everything that is due of a seller up to a day, in batches. A batch is one transaction that bills,
//! moves the run's cursor on and counts; a daemon that dies costs its batch, and whoever goes on begins after the last.
//! Each batch is a step ahead of the run's job, whose attempts count anew from it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use billet_domain::id::{CustomerId, RunId, SellerId, SubscriptionId};
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::json;

use super::bill::{Order, Outcome, bill};
use super::provision::reconcile;
use super::{Billing, BillingError};
use crate::metrics;
use crate::store::job::{self, NewJob};
use crate::store::run::{self, Run, RunFailure, RunState};
use crate::store::seller::{self, Seller};
use crate::store::subscription::{self, Cursor};
use crate::store::{StoreError, Unit, customer};

/// The kind of the job that works a run off.
pub const RUN: &str = "billing_run";
/// How many subscriptions a batch has where nothing else is set, unless one customer has more.
pub const BATCH: i64 = 1_000;
/// The most subscriptions of a batch.
pub const BATCH_MAX: i64 = 4_000;
/// With this attempt a batch is one customer, and cannot be smaller.
const ATTEMPTS_SHRINKING_MAX: u32 = 5;
/// How often in a row the smallest batch is tried before the job goes back to the queue, whose pauses are longer.
const TRIES_MAX: u32 = 6;
/// The longest pause before the second try; it doubles with each further one.
const PAUSE_FIRST: Duration = Duration::from_millis(10);
/// Identifiers that a batch may use.
const IDS_PER_BATCH: i64 = 64_000;

/// Plans a run, or finds the one of that day that is not over.
///
/// # Errors
/// [`BillingError::Store`].
pub async fn plan(unit: &mut Unit, cutoff: NaiveDate, scheduled: bool) -> Result<Run, BillingError> {
    let seller_id = unit.seller_id;
    if let Some(open) = run::open_of_day(unit, seller_id, cutoff).await? {
        return Ok(open);
    }
    let run = Run {
        id: RunId(unit.id()?),
        cutoff_date: cutoff,
        state: RunState::Planned,
        scheduled,
        cursor: Cursor::default(),
        subscription_count: 0,
        done_count: 0,
        invoice_count: 0,
        failure_count: 0,
        gross: BTreeMap::new(),
        created_at: unit.now,
        finished_at: None,
    };
    if !run::insert(unit, &run).await? {
        // The nightly run of that day was done; it is not planned twice.
        return Ok(Run { state: RunState::Finished, ..run });
    }
    unit.event("run.planned", run.id, json!({ "cutoff": cutoff, "scheduled": scheduled }));
    let payload = json!({ "run": run.id });
    job::enqueue(unit, NewJob { kind: RUN, payload, unique_key: Some(job_key(run.id)), run_at: unit.now })?;
    Ok(run)
}

/// The unique key of a run's job.
fn job_key(id: RunId) -> String {
    format!("run:{id}")
}

/// Plans the nightly run of a seller for the day of an instant.
///
/// # Errors
/// [`BillingError`].
pub async fn plan_nightly(unit: &mut Unit, due_at: DateTime<Utc>) -> Result<(), BillingError> {
    let seller_id = unit.seller_id;
    let seller = seller::get(unit, seller_id).await?.ok_or_else(|| BillingError::not_found("seller", seller_id))?;
    plan(unit, seller.date_of(due_at), true).await?;
    reconcile::plan_nightly(unit).await
}

/// Stops a run after the batch at work.
///
/// # Errors
/// [`BillingError::NotFound`].
pub async fn cancel(unit: &mut Unit, id: RunId) -> Result<Run, BillingError> {
    let mut run = run::lock(unit, id).await?.ok_or_else(|| BillingError::not_found("run", id))?;
    if !run.state.is_over() {
        run.state = RunState::Cancelled;
        run.finished_at = Some(unit.now);
        run::update(unit, &run).await?;
        unit.event("run.cancelled", id, json!({ "done": run.done_count }));
    }
    Ok(run)
}

/// Works a run off, batch by batch. Safe to call again at any time, also side by side: a batch holds the run's row.
/// `attempt` (from 1) says how often this was begun since the run's last batch: what was in vain before is tried with fewer
/// subscriptions, as a daemon may have died of a batch, or before it was done.
///
/// # Errors
/// [`BillingError`] when a batch could not be done, a transient one after a few tries; what was done before stays done.
pub async fn work(billing: &Billing, seller_id: SellerId, id: RunId, attempt: u32) -> Result<Run, BillingError> {
    let largest = billing.run_batch;
    let mut size = first_size(largest, attempt);
    // In vain and in a row, with the smallest batch.
    let mut tries = 0;
    loop {
        match batch(billing, seller_id, id, size).await {
            Ok(run) if run.state.is_over() => return Ok(run),
            Ok(_) => (size, tries) = (largest.min(size.saturating_mul(2)), 0),
            Err(error) if size > 1 && !is_outage(&error) => {
                tracing::warn!(%error, %id, size, "a batch of the run is tried again with fewer subscriptions");
                metrics::RUN_BATCHES.of(["retried"]).increment(1);
                size = fewer(size);
            }
            Err(error) if error.is_transient() && tries + 1 < TRIES_MAX => {
                tries += 1;
                tracing::warn!(%error, %id, tries, "the smallest batch of the run is tried again");
                metrics::RUN_BATCHES.of(["retried"]).increment(1);
                tokio::time::sleep(pause(tries, rand::random())).await;
            }
            Err(error) => {
                metrics::RUN_BATCHES.of(["failed"]).increment(1);
                return Err(error);
            }
        }
    }
}

fn first_size(largest: i64, attempt: u32) -> i64 {
    (1..attempt.min(ATTEMPTS_SHRINKING_MAX)).fold(largest, |size, _| fewer(size))
}

/// The pause after that many tries: between a half and the whole of the doubled pause, so that two who are in each other's
/// way do not meet again. `jitter` is between 0 and 1.
fn pause(tries: u32, jitter: f64) -> Duration {
    let full = PAUSE_FIRST.saturating_mul(1 << tries.saturating_sub(1).min(TRIES_MAX));
    full.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}

fn fewer(size: i64) -> i64 {
    (size / 8).max(1)
}

/// What keeps a seller from issuing anything.
const OUTAGES: [&str; 4] = ["CLOCK_WENT_BACK", "NO_SERIES", "SELLER_INCOMPLETE", "SERIES_EXHAUSTED"];

/// Whether fewer subscriptions would not help.
fn is_outage(error: &BillingError) -> bool {
    matches!(error, BillingError::Store(StoreError::Database(_))) || OUTAGES.contains(&error.reason())
}

async fn batch(billing: &Billing, seller_id: SellerId, id: RunId, size: i64) -> Result<Run, BillingError> {
    let begun_at = Instant::now();
    let actor = format!("run:{id}");
    let mut unit = billing.store.begin_large(seller_id, &actor, billing.now(), IDS_PER_BATCH).await?;
    let mut run = run::lock(&mut unit, id).await?.ok_or_else(|| BillingError::not_found("run", id))?;
    if run.state.is_over() {
        return Ok(run);
    }
    if run.state == RunState::Planned {
        run.state = RunState::Running;
        run.subscription_count = subscription::due_count(&mut unit, seller_id, run.cutoff_date).await?;
    }
    let page = due_page(&mut unit, &run, size).await?;
    let Some((last_customer, last_subscription)) = page.last().copied() else {
        finish(&mut unit, &mut run).await?;
        unit.commit().await?;
        return Ok(run);
    };
    let seller =
        seller::get(&mut unit, seller_id).await?.ok_or_else(|| BillingError::not_found("seller", seller_id))?;
    let outcome = match bill_page(&mut unit, &seller, &run, &page).await {
        Ok(outcome) => outcome,
        Err(error) if size == 1 && !error.is_transient() && !is_outage(&error) => {
            drop(unit);
            return skip(billing, seller_id, id, &page, &error).await;
        }
        Err(error) => return Err(error),
    };
    run.cursor = Cursor { customer: last_customer.0, subscription: last_subscription.0 };
    count(&mut run, page.len(), &outcome);
    let failures: Vec<RunFailure> = outcome
        .failures
        .into_iter()
        .map(|failure| RunFailure {
            subscription_id: failure.subscription_id,
            reason: failure.reason.to_owned(),
            detail: failure.detail,
        })
        .collect();
    run::insert_failures(&mut unit, id, &failures).await?;
    run::update(&mut unit, &run).await?;
    measure(&mut unit, "done", page.len(), failures.len());
    job::got_ahead(&mut unit, &job_key(id)).await?;
    unit.commit().await?;
    metrics::RUN_BATCH_SECONDS.record(begun_at.elapsed());
    Ok(run)
}

/// For the metrics: a batch that counts once it has committed.
fn measure(unit: &mut Unit, outcome: &'static str, looked_at: usize, failed: usize) {
    unit.count(metrics::RUN_BATCHES.of([outcome]), 1);
    unit.count(metrics::RUN_SUBSCRIPTIONS.of([]), looked_at as u64);
    unit.count(metrics::RUN_FAILURES.of([]), failed as u64);
}

/// The next due subscriptions: whole customers, so that what one customer owes comes together, unless one alone has more
/// than a batch holds.
async fn due_page(unit: &mut Unit, run: &Run, size: i64) -> Result<Vec<(CustomerId, SubscriptionId)>, BillingError> {
    let seller_id = unit.seller_id;
    let mut page = subscription::due_page(unit, seller_id, run.cutoff_date, run.cursor, size + 1).await?;
    if i64::try_from(page.len()).unwrap_or(i64::MAX) <= size {
        return Ok(page);
    }
    let (first, last) = (page.first().map(|row| row.0), page.last().map(|row| row.0));
    if first != last {
        page.retain(|(customer, _)| Some(*customer) != last);
        return Ok(page);
    }
    let mut page = subscription::due_page(unit, seller_id, run.cutoff_date, run.cursor, BATCH_MAX).await?;
    page.retain(|(customer, _)| Some(*customer) == first);
    Ok(page)
}

async fn bill_page(
    unit: &mut Unit,
    seller: &Seller,
    run: &Run,
    page: &[(CustomerId, SubscriptionId)],
) -> Result<Outcome, BillingError> {
    let customer_ids: BTreeSet<CustomerId> = page.iter().map(|(customer, _)| *customer).collect();
    let customer_ids: Vec<CustomerId> = customer_ids.into_iter().collect();
    let customers = customer::lock(unit, &customer_ids).await?.into_iter().map(|one| (one.id, one)).collect();
    let mut due = subscription::by_ids(unit, seller.id, page.iter().map(|(_, id)| *id)).await?;
    // Under the lock: somebody else may have billed them meanwhile.
    due.retain(|one| one.next_billing_on.is_some_and(|next| next <= run.cutoff_date));
    let order = Order { cutoff: run.cutoff_date, run_id: Some(run.id), draft: false };
    let outcome = bill(unit, seller, &customers, &due, order).await?;
    // What keeps the seller from issuing anything is no failure of these subscriptions: the run waits until it is mended.
    match outcome.failures.iter().find(|failure| OUTAGES.contains(&failure.reason)) {
        Some(failure) => Err(BillingError::precondition(failure.reason, seller.id, failure.detail.clone())),
        None => Ok(outcome),
    }
}

fn count(run: &mut Run, looked_at: usize, outcome: &Outcome) {
    run.done_count += i64::try_from(looked_at).unwrap_or(i64::MAX);
    run.invoice_count += i64::try_from(outcome.issued.len()).unwrap_or(i64::MAX);
    run.failure_count += i64::try_from(outcome.failures.len()).unwrap_or(i64::MAX);
    for issued in &outcome.issued {
        let sum = run.gross.entry(issued.currency).or_default();
        *sum = sum.saturating_add(issued.signed_gross_minor());
    }
}

async fn finish(unit: &mut Unit, run: &mut Run) -> Result<(), BillingError> {
    run.state = if run.failure_count == 0 { RunState::Finished } else { RunState::FinishedWithFailures };
    run.finished_at = Some(unit.now);
    run::update(unit, run).await?;
    unit.event(
        "run.finished",
        run.id,
        json!({
            "subscriptions": run.done_count, "invoices": run.invoice_count, "failures": run.failure_count,
            "gross_minor": run.gross,
        }),
    );
    Ok(())
}

/// Notes that a customer could not be billed at all and goes on after it.
async fn skip(
    billing: &Billing,
    seller_id: SellerId,
    id: RunId,
    page: &[(CustomerId, SubscriptionId)],
    error: &BillingError,
) -> Result<Run, BillingError> {
    let mut unit = billing.begin(seller_id, &format!("run:{id}")).await?;
    let mut run = run::lock(&mut unit, id).await?.ok_or_else(|| BillingError::not_found("run", id))?;
    let Some((customer, last)) = page.last() else { return Ok(run) };
    let failures: Vec<RunFailure> = page
        .iter()
        .map(|(_, subscription_id)| RunFailure {
            subscription_id: *subscription_id,
            reason: error.reason().to_owned(),
            detail: error.to_string(),
        })
        .collect();
    run.cursor = Cursor { customer: customer.0, subscription: last.0 };
    run.done_count += i64::try_from(page.len()).unwrap_or(i64::MAX);
    run.failure_count += i64::try_from(failures.len()).unwrap_or(i64::MAX);
    run::insert_failures(&mut unit, id, &failures).await?;
    run::update(&mut unit, &run).await?;
    measure(&mut unit, "skipped", page.len(), failures.len());
    job::got_ahead(&mut unit, &job_key(id)).await?;
    unit.commit().await?;
    Ok(run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        assert_eq!((pause(1, 1.0), pause(1, 0.0)), (PAUSE_FIRST, PAUSE_FIRST / 2));
        let longest: Vec<Duration> = (1..TRIES_MAX).map(|tries| pause(tries, 1.0)).collect();
        assert!(longest.is_sorted() && longest.iter().sum::<Duration>() < Duration::from_secs(1), "{longest:?}");
        assert!(pause(u32::MAX, 2.0) < Duration::from_secs(1));
    }
}
