//! Where hooks queue up. Callers come one by one; what waits together is applied together, in one transaction: that is
//! what makes many small reports as fast as the disk allows. On PostgreSQL several clerks do it side by side, so that one
//! reads and reckons while another's documents are written; an account's hooks always go to the same clerk.

mod meter;

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use billet_domain::id::SellerId;
use futures::FutureExt as _;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

pub use self::meter::Queued;
use self::meter::{DeskMeter, Tally};
use super::{Answer, Report, apply_within as apply, ids_for};
use crate::billing::{Billing, BillingError};
use crate::store::StoreError;

/// How many hooks may wait for a clerk. A caller that finds the queue full waits for its turn.
const QUEUE_MAX: usize = 2_048;
/// How many clerks there are on PostgreSQL. (SQLite has one writer.)
const CLERKS: usize = 2;
/// How many are applied together.
const BATCH_MAX: usize = 256;
/// How many identifiers one report may need at most.
const IDS_MAX: i64 = 64_000;
/// How often a set is tried when another transaction is in the way.
const ATTEMPTS_MAX: u32 = 5;

/// The source of a report that breaks the code on purpose: nothing is known that would do so otherwise.
#[cfg(test)]
pub const BREAKS: &str = "breaks the code";

struct Waiting {
    seller_id: SellerId,
    report: Report,
    answer: oneshot::Sender<Result<Answer, BillingError>>,
}

/// The queues, one a clerk; clones share them.
#[derive(Clone)]
pub struct HookDesk {
    queues: Arc<[mpsc::Sender<Waiting>]>,
}

impl HookDesk {
    /// Opens the desk: a task that ends when every clone is gone and the queues are empty.
    #[must_use]
    pub fn open(billing: &Billing) -> (Self, tokio::task::JoinHandle<()>) {
        let count = if billing.store.engine().is_postgres() { CLERKS } else { 1 };
        let mut clerks = JoinSet::new();
        let queues = (0..count)
            .map(|_| {
                let (queue, waiting) = mpsc::channel(QUEUE_MAX);
                clerks.spawn(serve(billing.clone(), waiting));
                queue
            })
            .collect();
        let all = async move {
            while let Some(ended) = clerks.join_next().await {
                if let Err(error) = ended {
                    tracing::error!(%error, "a clerk of the hook desk broke down");
                }
            }
        };
        (Self { queues }, tokio::spawn(all))
    }

    /// Applies a report and waits until it is durable.
    ///
    /// # Errors
    /// [`BillingError`]; [`BillingError::Stale`] when the daemon is stopping.
    pub async fn report(&self, seller_id: SellerId, report: Report) -> Result<Answer, BillingError> {
        let stopping = || BillingError::Stale { detail: "the daemon is stopping, try again".to_owned() };
        let (answer, done) = oneshot::channel();
        let queue = self.queue(&report);
        queue.send(Waiting { seller_id, report, answer }).await.map_err(|_| stopping())?;
        let broken = || BillingError::Store(StoreError::Corrupt("a hook broke the clerk of the desk".to_owned()));
        done.await.map_err(|_| if queue.is_closed() { stopping() } else { broken() })?
    }

    /// What tells how many reports wait.
    #[must_use]
    pub fn queued(&self) -> Queued {
        Queued::of(self)
    }

    /// The queue of the clerk who has this account.
    fn queue(&self, report: &Report) -> &mpsc::Sender<Waiting> {
        let mut hasher = DefaultHasher::new();
        (report.instance_id, &report.hook.external_ref).hash(&mut hasher);
        let count = self.queues.len() as u64;
        &self.queues[usize::try_from(hasher.finish() % count).unwrap_or_default()]
    }
}

async fn serve(billing: Billing, mut waiting: mpsc::Receiver<Waiting>) {
    let meter = DeskMeter::new();
    let mut batch = Vec::with_capacity(BATCH_MAX);
    while waiting.recv_many(&mut batch, BATCH_MAX).await > 0 {
        let mut by_seller: BTreeMap<SellerId, Vec<Waiting>> = BTreeMap::new();
        for one in batch.drain(..) {
            by_seller.entry(one.seller_id).or_default().push(one);
        }
        for (seller_id, set) in by_seller {
            // A hook that breaks the code must not end the desk: those in its set are told that something is wrong inside,
            // which makes their spools go on with others.
            if AssertUnwindSafe(serve_set(&billing, &meter, seller_id, set)).catch_unwind().await.is_err() {
                tracing::error!(%seller_id, "a set of hooks broke the clerk; it goes on with the next");
            }
        }
    }
}

async fn serve_set(billing: &Billing, meter: &DeskMeter, seller_id: SellerId, set: Vec<Waiting>) {
    let begun_at = Instant::now();
    let mut tally = Tally::default();
    let reports: Vec<Report> = set.iter().map(|one| one.report.clone()).collect();
    match try_apply(billing, seller_id, &reports).await {
        Ok(answers) => {
            // Before anybody hears of it: who has an answer finds it counted.
            answers.iter().for_each(|answer| tally.count(answer));
            meter.note(tally, begun_at.elapsed());
            for (one, answer) in set.into_iter().zip(answers) {
                // A caller that has gone away finds its answer when it reports again.
                let _ = one.answer.send(answer);
            }
        }
        Err(error) if set.len() == 1 => {
            tracing::warn!(%error, "a hook could not be applied");
            tally.fail();
            meter.note(tally, begun_at.elapsed());
            if let Some(one) = set.into_iter().next() {
                let _ = one.answer.send(Err(error));
            }
        }
        // One of them spoils the set: each by itself.
        Err(error) => {
            tracing::debug!(%error, count = set.len(), "a set of hooks is applied one by one");
            for one in set {
                let begun_at = Instant::now();
                let mut tally = Tally::default();
                let answer = match try_apply(billing, seller_id, std::slice::from_ref(&one.report)).await {
                    Ok(mut answers) => {
                        let answer = answers.pop().unwrap_or_else(|| Err(BillingError::not_found("hook", "")));
                        tally.count(&answer);
                        answer
                    }
                    Err(error) => {
                        tally.fail();
                        Err(error)
                    }
                };
                // Each is a set of its own here.
                meter.note(tally, begun_at.elapsed());
                let _ = one.answer.send(answer);
            }
        }
    }
}

async fn try_apply(
    billing: &Billing,
    seller_id: SellerId,
    reports: &[Report],
) -> Result<Vec<Result<Answer, BillingError>>, BillingError> {
    #[cfg(test)]
    assert!(reports.iter().all(|one| one.hook.source != BREAKS), "as the test wants it");
    let mut attempt = 1;
    let mut ids = ids_for(reports.len());
    loop {
        match apply(billing, seller_id, reports, ids).await {
            // One that leads to very many lines: with room for them.
            Err(BillingError::Store(StoreError::IdsExhausted)) if reports.len() == 1 && ids < IDS_MAX => ids = IDS_MAX,
            Err(error) if error.is_transient() && attempt < ATTEMPTS_MAX => {
                tokio::time::sleep(Duration::from_millis(5 * u64::from(attempt))).await;
                attempt += 1;
            }
            done => return done,
        }
    }
}
