//! Works off what is to be done at panels: hands out steps, lets panels be called, writes down how it went. Rounds are
//! transactions over sets (`billing/provision/round.rs`), so that a thousand accounts cost few commits; each instance has
//! places of its own, so that a panel that is dead keeps nobody else waiting.

mod deriver;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use billet_domain::id::{InstanceId, SellerId, SubscriptionId};
use billet_domain::provision::Ended;
use chrono::Utc;
use futures::FutureExt as _;
use tokio::sync::{Notify, Semaphore};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use self::deriver::Deriver;
use super::{LEASE, Moves};
use crate::billing::provision::call::{Ending, Task, perform};
use crate::billing::provision::round::{Dispatcher, round, take_back};
use crate::billing::{Billing, BillingError, panel};
use crate::metrics;
use crate::store::plan_service::{self, Capacity};
use crate::store::service::{self, Queue};
use crate::store::service_attempt::Outcome;

/// How often it is looked whether there is something to do, besides after commits.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Commits come in swarms; this is waited for after one.
const SWARM_PAUSE: Duration = Duration::from_millis(5);
/// The pause after the database failed.
const TROUBLE_PAUSE: Duration = Duration::from_secs(1);
/// How many steps are at work at once, over all instances.
const STEPS_MAX: usize = 512;
/// How many of an instance are at work at once where neither it nor its plugin says.
const STEPS_PER_INSTANCE: usize = 4;
/// For each account that is being made at an instance so many more are handed out: they wait for their turn here, so that none of the
/// instance's places is empty while a round is written down.
const AHEAD: usize = 3;
/// How long an ended step waits for others to be written down with it, while there are more that wait for their turn.
const SETTLE_AFTER: Duration = Duration::from_millis(10);
/// How many queues are looked at.
const QUEUES_MAX: i64 = 10_000;

/// Provisions.
pub struct Provisioner {
    billing: Billing,
    owner: String,
    stop: CancellationToken,
    at_work: JoinSet<Ending>,
    /// What is at work, by what it is about: each is prolonged, and freed when it ends.
    held: HashMap<(SellerId, SubscriptionId), Queue>,
    /// Ended and not written down.
    ended: BTreeMap<SellerId, Vec<Ending>>,
    /// The places for accounts that are being made, by instance and their number.
    makers: HashMap<(InstanceId, usize), Arc<Semaphore>>,
    /// Queues that have something, as far as known.
    hot: BTreeSet<Queue>,
    looked_at: Option<Instant>,
    /// How long a lease lasts; it is prolonged while the step is at work.
    lease: Duration,
}

/// A provisioner that was started. Dropped without [`Running::stop`] it ends at once; what it held is looked up by others.
pub struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    /// Hands out nothing more, waits up to `grace` for the steps at work and writes down how they ended.
    pub async fn stop(mut self, grace: Duration) {
        self.stop.cancel();
        if tokio::time::timeout(grace, &mut self.task).await.is_err() {
            tracing::warn!("steps at panels were at work still: what they did is looked up later");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Provisioner {
    /// For a daemon.
    #[must_use]
    pub fn new(billing: Billing) -> Self {
        Self {
            billing,
            owner: format!("{}-{}", std::process::id(), uuid::Uuid::now_v7().simple()),
            stop: CancellationToken::new(),
            at_work: JoinSet::new(),
            held: HashMap::new(),
            ended: BTreeMap::new(),
            makers: HashMap::new(),
            hot: BTreeSet::new(),
            looked_at: None,
            lease: LEASE,
        }
    }

    /// With leases of another length.
    #[must_use]
    pub fn with_lease(self, lease: Duration) -> Self {
        Self { lease, ..self }
    }

    /// Begins.
    #[must_use]
    pub fn start(self) -> Running {
        Running { stop: self.stop.clone(), task: tokio::spawn(self.run()) }
    }

    async fn run(mut self) {
        let derived = Arc::new(Notify::new());
        // Ends with this task, however that ends.
        let mut beside = JoinSet::new();
        beside.spawn(self.deriver(&derived).run());
        let mut commits = self.billing.store.commits();
        let mut moves = Moves::of(&self.billing.clock);
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut keep = tokio::time::interval(self.lease / 4);
        keep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // A commit of our own is no news.
        let mut news = true;
        while !self.stop.is_cancelled() {
            let trouble = match self.turn(news).await {
                Ok(()) => false,
                Err(error) => {
                    tracing::error!(%error, "provisioning cannot go on for now");
                    true
                }
            };
            commits.borrow_and_update();
            news = false;
            tokio::select! {
                () = self.stop.cancelled() => break,
                () = tokio::time::sleep(TROUBLE_PAUSE), if trouble => news = true,
                Some(ended) = self.at_work.join_next(), if !trouble => {
                    self.note(ended);
                    if self.makers.values().any(|places| places.available_permits() == 0) {
                        tokio::time::sleep(SETTLE_AFTER).await;
                    }
                }
                _ = keep.tick() => self.keep_leases().await,
                () = derived.notified(), if !trouble => news = true,
                Some(ended) = beside.join_next() => {
                    if self.stop.is_cancelled() {
                        break;
                    }
                    tracing::error!(?ended, "what derives broke down; it begins again");
                    tokio::time::sleep(TROUBLE_PAUSE).await;
                    beside.spawn(self.deriver(&derived).run());
                }
                _ = commits.changed(), if !trouble => {
                    tokio::time::sleep(SWARM_PAUSE).await;
                    news = true;
                }
                () = moves.next() => news = true,
                _ = look.tick() => news = true,
            }
        }
        self.finish().await;
        // What it is at is a batch, and ends by itself.
        while beside.join_next().await.is_some() {}
    }

    fn deriver(&self, derived: &Arc<Notify>) -> Deriver {
        Deriver { billing: self.billing.clone(), stop: self.stop.clone(), derived: Arc::clone(derived) }
    }

    /// Waits for what is at work, and writes it down.
    async fn finish(&mut self) {
        while let Some(ended) = self.at_work.join_next().await {
            self.note(ended);
        }
        for (seller_id, endings) in std::mem::take(&mut self.ended) {
            if let Err(error) = self.round(seller_id, &endings, &BTreeMap::new()).await {
                tracing::error!(%error, "how steps ended could not be written down: it is looked up later");
            }
        }
        if let Err(error) = self.give_up_turns().await {
            tracing::warn!(%error, "turns could not be given up: they end by themselves");
        }
    }

    async fn give_up_turns(&self) -> Result<(), BillingError> {
        let mut tx = self.billing.store.engine().begin().await?;
        service::give_up_turns(&mut tx, &self.owner).await?;
        Ok(tx.commit().await?)
    }

    fn note(&mut self, ended: Result<Ending, tokio::task::JoinError>) {
        match ended {
            Ok(ending) => {
                self.held.remove(&(ending.task.seller_id, ending.task.subscription_id));
                self.ended.entry(ending.task.seller_id).or_default().push(ending);
            }
            // Panics are caught inside; only an abort comes here, and nobody aborts.
            Err(error) => tracing::error!(%error, "a step was lost: its lease ends by itself"),
        }
    }

    /// Writes down what ended, hands out more, until there is nothing to do at once.
    async fn turn(&mut self, news: bool) -> Result<(), BillingError> {
        while let Some(ended) = self.at_work.try_join_next() {
            self.note(ended);
        }
        if news || self.looked_at.is_none_or(|at| at.elapsed() >= LOOK_EVERY) {
            self.look().await?;
        }
        // Each turn is bounded: queues that are full or empty are left out, and what ends later makes another turn.
        let mut sellers: BTreeSet<SellerId> = self.ended.keys().copied().collect();
        let offers = self.offers().await?;
        sellers.extend(offers.keys().map(|queue| queue.seller_id));
        for seller_id in sellers {
            let queues: BTreeMap<Queue, usize> = offers
                .iter()
                .filter(|(queue, _)| queue.seller_id == seller_id)
                .map(|(queue, free)| (*queue, *free))
                .collect();
            let endings = self.ended.remove(&seller_id).unwrap_or_default();
            match self.round(seller_id, &endings, &queues).await {
                Ok(()) => {}
                // Somebody else was faster; it is tried again with the next turn.
                Err(error) if error.is_transient() => {
                    tracing::debug!(%error, "a round is repeated");
                    self.ended.entry(seller_id).or_default().splice(..0, endings);
                    tokio::time::sleep(SWARM_PAUSE).await;
                }
                Err(error) => {
                    self.ended.entry(seller_id).or_default().splice(..0, endings);
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Looks what there is to do.
    async fn look(&mut self) -> Result<(), BillingError> {
        self.looked_at = Some(Instant::now());
        take_back(&self.billing, Utc::now(), false).await?;
        let mut tx = self.billing.store.snapshot().await?;
        self.hot = service::queues(&mut tx, self.billing.now(), QUEUES_MAX).await?.into_iter().collect();
        Ok(())
    }

    /// How many steps of each queue may be begun.
    async fn offers(&mut self) -> Result<BTreeMap<Queue, usize>, BillingError> {
        if self.hot.is_empty() || self.at_work.len() >= STEPS_MAX {
            return Ok(BTreeMap::new());
        }
        let mut at_work: BTreeMap<Queue, usize> = BTreeMap::new();
        for queue in self.held.values() {
            *at_work.entry(*queue).or_default() += 1;
        }
        let mut by_seller: BTreeMap<SellerId, BTreeSet<InstanceId>> = BTreeMap::new();
        for queue in &self.hot {
            by_seller.entry(queue.seller_id).or_default().extend(queue.instance_id);
        }
        let mut usable: HashMap<InstanceId, Capacity> = HashMap::new();
        for (seller_id, instances) in by_seller {
            let mut tx = self.billing.store.snapshot().await?;
            usable.extend(plan_service::usable(&mut tx, seller_id, instances).await?);
        }
        let mut left = STEPS_MAX - self.at_work.len();
        let mut offers = BTreeMap::new();
        let mut useless = Vec::new();
        for queue in &self.hot {
            let Some(instance_id) = queue.instance_id else {
                offers.insert(*queue, 0);
                continue;
            };
            let Some(capacity) = usable.get(&instance_id) else {
                useless.push(*queue);
                continue;
            };
            let limit = match (queue.creating, capacity.creates_max, capacity.concurrency_max) {
                (true, max, _) => usize::try_from(max.unwrap_or(1)).unwrap_or(1) * (1 + AHEAD),
                (false, _, Some(max)) => usize::try_from(max).unwrap_or(1),
                (false, _, None) => self.plugins_own(&capacity.plugin).await,
            };
            let free = limit.saturating_sub(at_work.get(queue).copied().unwrap_or_default()).min(left);
            if free > 0 {
                left -= free;
                offers.insert(*queue, free);
            }
        }
        for queue in useless {
            self.hot.remove(&queue);
        }
        Ok(offers)
    }

    async fn plugins_own(&self, plugin: &str) -> usize {
        let own = panel::concurrency_max(&self.billing, plugin).await.unwrap_or_default();
        usize::try_from(own).unwrap_or_default().max(STEPS_PER_INSTANCE)
    }

    async fn round(
        &mut self,
        seller_id: SellerId,
        endings: &[Ending],
        queues: &BTreeMap<Queue, usize>,
    ) -> Result<(), BillingError> {
        let real_now = Utc::now();
        let dispatcher = Dispatcher { owner: &self.owner, lease_until: real_now + self.lease, real_now };
        let done = round(&self.billing, dispatcher, seller_id, endings, queues).await?;
        for queue in &done.drained {
            self.hot.remove(queue);
        }
        self.hot.extend(done.filled);
        for task in done.tasks {
            let creating = task.step == billet_domain::provision::Step::Create;
            let queue = Queue { seller_id, instance_id: Some(task.instance_id), creating };
            self.held.insert((seller_id, task.subscription_id), queue);
            let places = task.at_once.map(|at_once| {
                let places = self.makers.entry((task.instance_id, at_once));
                Arc::clone(places.or_insert_with(|| Arc::new(Semaphore::new(at_once.max(1)))))
            });
            self.at_work.spawn(guarded(self.billing.clone(), task, places, self.stop.clone()));
        }
        Ok(())
    }

    /// Prolongs the leases of everything at work. What was lost ends by itself, and is not written down then.
    async fn keep_leases(&mut self) {
        let ids: Vec<SubscriptionId> = self.held.keys().map(|(_, id)| *id).collect();
        if ids.is_empty() {
            return;
        }
        let kept = async {
            let mut tx = self.billing.store.engine().begin().await?;
            let kept = service::extend(&mut tx, &self.owner, ids, Utc::now() + self.lease).await?;
            tx.commit().await?;
            Ok::<_, BillingError>(kept)
        };
        match kept.await {
            Ok(kept) if kept.len() < self.held.len() => {
                tracing::warn!(lost = self.held.len() - kept.len(), "leases of steps at work were lost");
            }
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "leases of steps at work cannot be prolonged"),
        }
    }
}

/// Does a task, when it is its turn, with a net under it: who panics has perhaps done it.
async fn guarded(billing: Billing, task: Task, places: Option<Arc<Semaphore>>, stop: CancellationToken) -> Ending {
    let lost = task.clone();
    let begun_at = Instant::now();
    let place = match &places {
        None => None,
        Some(places) => tokio::select! {
            biased;
            () = stop.cancelled() => None,
            place = places.acquire() => place.ok(),
        },
    };
    if places.is_some() && place.is_none() {
        return Ending {
            task: lost,
            ended: Ended::Later(None),
            outcome: Outcome::RetryLater,
            problem: "BUSY".to_owned(),
            words: "the daemon stopped before it was its turn".to_owned(),
        };
    }
    let step = task.step;
    let ending = AssertUnwindSafe(perform(billing, task)).catch_unwind().await.unwrap_or_else(|_| Ending {
        task: lost,
        ended: Ended::Unknown,
        outcome: Outcome::Unknown,
        problem: "UNAVAILABLE".to_owned(),
        words: "the adapter broke down".to_owned(),
    });
    drop(place);
    metrics::STEP_SECONDS.of([step.as_str()]).record(begun_at.elapsed());
    ending
}

/// Takes back what a daemon that died was at, without waiting for its leases: for a database that nobody else has.
///
/// # Errors
/// [`BillingError`].
pub async fn take_over(billing: &Billing) -> Result<usize, BillingError> {
    let mut tx = billing.store.engine().begin().await?;
    service::clear_turns(&mut tx).await?;
    tx.commit().await?;
    let mut all = 0;
    loop {
        let count = take_back(billing, Utc::now(), true).await?;
        all += count;
        if count == 0 {
            return Ok(all);
        }
    }
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
