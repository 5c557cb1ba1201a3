//! Runs handlers, a bounded number at once. One task claims jobs and settles them in batches, each handler runs in a task
//! of its own: a handler that panics or hangs harms nobody else.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use billet_domain::id::JobId;
use futures::FutureExt as _;
use tokio::task::{AbortHandle, Id, JoinError, JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::queue::{Attempt, LEASE, Queue};
use super::{Handler, Job, JobError, Moves};
use crate::billing::Billing;
use crate::metrics::{self, Histogram};

/// How often the queue is looked at when nothing else wakes the worker: other daemons may have left work.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Commits come in swarms; this is waited for after one, so that a swarm costs one look.
const SWARM_PAUSE: Duration = Duration::from_millis(5);
/// How long a job that ended waits for others to be written down with it, while there are more to do.
const SETTLE_AFTER: Duration = Duration::from_millis(20);
/// How many are written down together.
const SETTLE_MAX: usize = 256;
/// The pause after the database failed.
const TROUBLE_PAUSE: Duration = Duration::from_secs(1);

/// Does jobs.
pub struct Worker {
    billing: Billing,
    slots: usize,
    lease: Duration,
    is_hurried: bool,
    kinds: HashMap<&'static str, Known>,
}

/// A kind of job that it does.
#[derive(Clone)]
struct Known {
    handler: Handler,
    seconds: Histogram,
}

impl Worker {
    /// A worker that runs up to `slots` handlers at once.
    #[must_use]
    pub fn new(billing: Billing, slots: usize) -> Self {
        Self { billing, slots: slots.max(1), lease: LEASE, is_hurried: true, kinds: HashMap::new() }
    }

    /// With another handler: does the jobs of a kind.
    #[must_use]
    pub fn on<F, R>(mut self, kind: &'static str, handler: F) -> Self
    where
        F: Fn(Billing, Job) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), JobError>> + Send + 'static,
    {
        let handler: Handler = std::sync::Arc::new(move |billing, job| handler(billing, job).boxed());
        self.kinds.insert(kind, Known { handler, seconds: metrics::JOB_SECONDS.of([kind]) });
        self
    }

    /// The kinds that it does.
    #[cfg(test)]
    pub(super) fn kinds(&self) -> std::collections::BTreeSet<&'static str> {
        self.kinds.keys().copied().collect()
    }

    /// Looks every second only, not after each commit: for work that may wait a moment, so that it costs those nothing who leave
    /// other work by the thousand.
    #[must_use]
    pub fn unhurried(mut self) -> Self {
        self.is_hurried = false;
        self
    }

    /// With leases that last that long instead of [`LEASE`].
    #[must_use]
    pub fn with_lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Begins.
    #[must_use]
    pub fn start(self) -> Running {
        let stop = CancellationToken::new();
        let queue = Queue::new(self.billing.clone(), self.kinds.keys().copied().collect(), self.lease);
        let bench = Bench {
            stop: stop.clone(),
            queue,
            worker: self,
            at_work: JoinSet::new(),
            held: HashMap::new(),
            waiting: VecDeque::new(),
            ended: Vec::new(),
            ended_at: None,
        };
        Running { stop, task: tokio::spawn(bench.run()) }
    }
}

/// A worker that was started. Dropped without [`Running::stop`] it ends at once, and what it held is taken by others when
/// the leases end.
pub struct Running {
    stop: CancellationToken,
    task: JoinHandle<Bench>,
}

impl Running {
    /// Takes no more jobs, waits up to `grace` for those at work, gives the rest back.
    pub async fn stop(mut self, grace: Duration) {
        self.stop.cancel();
        match (&mut self.task).await {
            Ok(bench) => bench.finish(grace).await,
            Err(error) => tracing::error!(%error, "the worker had stopped; its leases end by themselves"),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A job whose handler runs.
struct Held {
    job_id: JobId,
    handle: AbortHandle,
    lease_end: Instant,
}

/// A worker at work.
struct Bench {
    stop: CancellationToken,
    worker: Worker,
    queue: Queue,
    at_work: JoinSet<Attempt>,
    held: HashMap<Id, Held>,
    /// Claimed and not begun, with the end of the lease.
    waiting: VecDeque<(Job, Instant)>,
    /// Ended and not written down.
    ended: Vec<Attempt>,
    /// When the first of these ended.
    ended_at: Option<Instant>,
}

impl Bench {
    async fn run(mut self) -> Self {
        let mut commits = self.worker.billing.store.commits();
        let mut moves = Moves::of(&self.worker.billing.clock);
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut keep = tokio::time::interval(self.queue.lease() / 4);
        keep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.stop.is_cancelled() {
            let trouble = !self.turn().await;
            let hungry = self.at_work.len() < self.worker.slots && !trouble;
            tokio::select! {
                () = self.stop.cancelled() => break,
                Some(ended) = self.at_work.join_next_with_id() => self.note(ended),
                _ = keep.tick() => self.keep_leases().await,
                _ = commits.changed(), if hungry && self.worker.is_hurried => tokio::time::sleep(SWARM_PAUSE).await,
                () = moves.next(), if hungry => {}
                _ = look.tick(), if hungry => {}
                () = tokio::time::sleep(TROUBLE_PAUSE), if trouble => {}
                () = tokio::time::sleep(SETTLE_AFTER), if self.ended_at.is_some() && !trouble => {}
            }
        }
        self
    }

    /// Writes down what ended, begins what waits, claims more. `false` when the database failed.
    async fn turn(&mut self) -> bool {
        loop {
            while let Some(ended) = self.at_work.try_join_next_with_id() {
                self.note(ended);
            }
            self.begin_waiting();
            if self.shall_settle() && !self.settle().await {
                return false;
            }
            self.begin_waiting();
            if self.at_work.len() >= self.worker.slots || self.stop.is_cancelled() {
                return true;
            }
            let lease_end = Instant::now() + self.queue.lease();
            match self.queue.claim().await {
                Ok(jobs) if jobs.is_empty() => return true,
                Ok(jobs) => self.waiting.extend(jobs.into_iter().map(|job| (job, lease_end))),
                Err(error) => {
                    tracing::error!(%error, "jobs cannot be claimed");
                    return false;
                }
            }
        }
    }

    /// Whether it is time to write down what ended: at once when nothing else is to do, else in batches.
    fn shall_settle(&self) -> bool {
        self.ended.len() >= SETTLE_MAX
            || self.ended_at.is_some_and(|ended_at| self.waiting.is_empty() || ended_at.elapsed() >= SETTLE_AFTER)
    }

    fn begin_waiting(&mut self) {
        while self.at_work.len() < self.worker.slots {
            let Some((job, lease_end)) = self.waiting.pop_front() else { return };
            let job_id = job.id;
            // Only known kinds are claimed.
            let Some(known) = self.worker.kinds.get(job.kind.as_str()).cloned() else { continue };
            let handle = self.at_work.spawn(attempt(known, self.worker.billing.clone(), job));
            self.held.insert(handle.id(), Held { job_id, handle, lease_end });
        }
    }

    fn note(&mut self, ended: Result<(Id, Attempt), JoinError>) {
        match ended {
            Ok((id, attempt)) => {
                self.held.remove(&id);
                self.ended.push(attempt);
                self.ended_at.get_or_insert_with(Instant::now);
            }
            // It was aborted, because its lease was lost: there is nothing to write down.
            Err(error) => {
                self.held.remove(&error.id());
            }
        }
    }

    async fn settle(&mut self) -> bool {
        if self.ended.is_empty() {
            return true;
        }
        match self.queue.settle(&self.ended).await {
            Ok(()) => {
                self.ended.clear();
                self.ended_at = None;
                true
            }
            Err(error) => {
                tracing::error!(%error, "ended jobs cannot be written down");
                false
            }
        }
    }

    /// Prolongs the leases of everything held, and stops what is not held any more: somebody else may be at it.
    async fn keep_leases(&mut self) {
        let ids: Vec<JobId> =
            self.held.values().map(|held| held.job_id).chain(self.waiting.iter().map(|(job, _)| job.id)).collect();
        if ids.is_empty() {
            return;
        }
        let lease_end = Instant::now() + self.queue.lease();
        match self.queue.extend(ids).await {
            Ok(still) => {
                for held in self.held.values_mut().filter(|held| still.contains(&held.job_id)) {
                    held.lease_end = lease_end;
                }
                for (_, end) in self.waiting.iter_mut().filter(|(job, _)| still.contains(&job.id)) {
                    *end = lease_end;
                }
                // A handler may have removed its own job in its unit of work and be about to return: it is not held any
                // more and ends by itself, or is stopped when the lease that it had ends.
            }
            Err(error) => tracing::error!(%error, "leases cannot be prolonged"),
        }
        let now = Instant::now();
        self.waiting.retain(|(_, lease_end)| *lease_end > now);
        for held in self.held.values().filter(|held| held.lease_end <= now) {
            tracing::error!(job = %held.job_id, "the lease was lost, the job is stopped here");
            held.handle.abort();
        }
    }

    async fn finish(mut self, grace: Duration) {
        let end = Instant::now() + grace;
        while !self.at_work.is_empty() {
            let Ok(Some(ended)) = tokio::time::timeout_at(end, self.at_work.join_next_with_id()).await else { break };
            self.note(ended);
        }
        self.at_work.shutdown().await;
        self.settle().await;
        match self.queue.release().await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "jobs were given back"),
            Err(error) => tracing::error!(%error, "jobs cannot be given back; their leases end by themselves"),
        }
    }
}

async fn attempt(known: Known, billing: Billing, job: Job) -> Attempt {
    let span = tracing::info_span!("job", id = %job.id, kind = job.kind, attempt = job.attempt_count);
    let Known { handler, seconds } = known;
    let begun_at = Instant::now();
    let given = job.clone();
    let work = AssertUnwindSafe(async move { handler(billing, given).await }).catch_unwind();
    let outcome = work.instrument(span).await.unwrap_or_else(|panic| {
        let words =
            panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Err(JobError::Fail(format!("the handler panicked: {}", words.unwrap_or("without words"))))
    });
    seconds.record(begun_at.elapsed());
    Attempt { job, outcome }
}
