//! Does what is due at a time of day, once, however many daemons there are: the row that says when is held while the work
//! is planned, and moved on in the same unit of work.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use billet_domain::id::SellerId;
use chrono::{DateTime, Days, NaiveTime, Utc};
use chrono_tz::Tz;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::Moves;
use crate::billing::{Billing, BillingError};
use crate::metrics;
use crate::store::schedule::{self, NIGHTLY_RUN};
use crate::store::statistics;
use crate::store::{Store, Unit};

/// How often the schedules are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often it is looked whether tables have grown.
const STATISTICS_EVERY: Duration = Duration::from_secs(5);
/// How many sellers are read at once.
const PAGE: i64 = 500;
/// How long a seller is left alone after planning for it failed; doubles with each further failure.
const TROUBLE_PAUSE: Duration = Duration::from_secs(5);
/// The longest of these pauses.
const TROUBLE_PAUSE_MAX: Duration = Duration::from_mins(5);

/// Plans the work of a nightly run that was due at an instant, in a unit of the seller. It only plans (a run, a job): the
/// unit is short and the work itself belongs in jobs.
pub type Plan = Arc<
    dyn for<'a> Fn(&'a Billing, &'a mut Unit, DateTime<Utc>) -> BoxFuture<'a, Result<(), BillingError>> + Send + Sync,
>;

/// The first instant after another at which clocks in a zone show a time of day (`billet_domain::nightly`).
pub type Next = fn(DateTime<Utc>, Tz, NaiveTime) -> DateTime<Utc>;

/// Plans nightly runs.
#[derive(Clone)]
pub struct Scheduler {
    billing: Billing,
    next: Next,
    plan: Plan,
}

/// A seller for which planning failed.
struct Trouble {
    until: Instant,
    pause: Duration,
}

impl Scheduler {
    /// A scheduler that plans with `plan`.
    #[must_use]
    pub fn new(billing: Billing, next: Next, plan: Plan) -> Self {
        Self { billing, next, plan }
    }

    /// Works until it is told to stop: looks every second, and at once when a simulated clock moves.
    pub async fn run(self, stop: CancellationToken) {
        let mut moves = Moves::of(&self.billing.clock);
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Beside it: a large table takes a while.
        let _statistics = AbortOnDropHandle::new(tokio::spawn(gather_statistics(self.billing.store.clone())));
        let mut troubles = HashMap::new();
        let looked_at = metrics::SCHEDULES_LOOKED_AT.of([]);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = moves.next() => {}
                _ = look.tick() => {}
            }
            // Before it looks: what it then finds was due at this instant.
            let now = self.billing.now();
            match self.look(&stop, &mut troubles).await {
                #[expect(clippy::cast_precision_loss, reason = "exact for the next hundred thousand years")]
                Ok(()) => looked_at.set(now.timestamp_millis() as f64 / 1_000.0),
                Err(error) => tracing::error!(%error, "the schedules cannot be read"),
            }
        }
    }

    async fn look(
        &self,
        stop: &CancellationToken,
        troubles: &mut HashMap<SellerId, Trouble>,
    ) -> Result<(), BillingError> {
        let mut after = SellerId(0);
        loop {
            let mut tx = self.billing.store.snapshot().await?;
            let sellers = schedule::sellers_due(&mut tx, NIGHTLY_RUN, self.billing.now(), after, PAGE).await?;
            drop(tx);
            let Some(last) = sellers.last() else { return Ok(()) };
            after = *last;
            for seller_id in sellers {
                if stop.is_cancelled() {
                    return Ok(());
                }
                if troubles.get(&seller_id).is_some_and(|trouble| trouble.until > Instant::now()) {
                    continue;
                }
                match AssertUnwindSafe(self.plan_for(seller_id)).catch_unwind().await {
                    Ok(Ok(_)) => {
                        troubles.remove(&seller_id);
                        continue;
                    }
                    Ok(Err(error)) => tracing::error!(seller = %seller_id, %error, "a nightly run cannot be planned"),
                    Err(_) => tracing::error!(seller = %seller_id, "planning a nightly run panicked"),
                }
                let pause =
                    troubles.get(&seller_id).map_or(TROUBLE_PAUSE, |trouble| trouble.pause * 2).min(TROUBLE_PAUSE_MAX);
                troubles.insert(seller_id, Trouble { until: Instant::now() + pause, pause });
            }
        }
    }

    /// Plans what is due for a seller and moves its schedule on; `None` when nothing is due, or another daemon is at it.
    async fn plan_for(&self, seller_id: SellerId) -> Result<Option<DateTime<Utc>>, BillingError> {
        let mut unit = self.billing.begin(seller_id, "system").await?;
        let Some(due) = schedule::claim(&mut unit, NIGHTLY_RUN).await? else { return Ok(None) };
        let (newest, next) = newest_missed(self.next, &due, unit.now);
        (self.plan)(&self.billing, &mut unit, newest).await?;
        schedule::set(&mut unit, NIGHTLY_RUN, next).await?;
        unit.commit().await?;
        tracing::info!(seller = %seller_id, due_at = %newest, %next, "a nightly run was planned");
        Ok(Some(newest))
    }
}

async fn gather_statistics(store: Store) {
    let mut look = tokio::time::interval(STATISTICS_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        look.tick().await;
        match statistics::gather_first(store.engine()).await {
            Ok(tables) if tables.is_empty() => {}
            Ok(tables) => tracing::info!(tables = tables.join(", "), "the planner's statistics were gathered"),
            Err(error) => tracing::warn!(%error, "the planner's statistics cannot be gathered"),
        }
    }
}

/// The newest instant that is due, and the next that is not. After a downtime one run is enough: it bills everything that
/// has come due up to its date.
fn newest_missed(next: Next, due: &schedule::Due, now: DateTime<Utc>) -> (DateTime<Utc>, DateTime<Utc>) {
    // Within three days there is one, whatever clocks were changed in between; years of downtime need no longer walk.
    let recent = now.checked_sub_days(Days::new(3)).unwrap_or(now);
    let mut newest = due.due_at;
    let mut candidate = next(newest.max(recent), due.time_zone, due.nightly_run_at);
    while candidate <= now {
        newest = candidate;
        candidate = next(newest, due.time_zone, due.nightly_run_at);
    }
    (newest, candidate)
}

#[cfg(test)]
mod tests {
    use chrono::{TimeZone as _, Timelike as _};
    use serde_json::json;

    use super::*;
    use crate::billing::Clock;
    use crate::store::event;
    use crate::store::testing::{seller, stores};

    /// Daily at that time of UTC: the zone's own rules are the domain's and tested there.
    fn daily(after: DateTime<Utc>, _: Tz, at: NaiveTime) -> DateTime<Utc> {
        let today = Utc.from_utc_datetime(&after.date_naive().and_time(at));
        if today > after { today } else { today + Days::new(1) }
    }

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("an instant")
    }

    fn scheduler(billing: &Billing) -> Scheduler {
        let plan: Plan = Arc::new(|_, unit, due_at| {
            Box::pin(async move {
                if unit.seller_id == SellerId(2) {
                    return Err(BillingError::precondition("NO", unit.seller_id, "not this one"));
                }
                assert_ne!(unit.seller_id, SellerId(3), "as the test wants it");
                unit.event("run.planned", "run_1", json!({ "due_at": due_at }));
                Ok(())
            })
        });
        Scheduler::new(billing.clone(), daily, plan)
    }

    async fn planned(billing: &Billing, seller_id: i64) -> Vec<String> {
        let mut tx = billing.store.snapshot().await.expect("a snapshot");
        let events = event::after(&mut tx, SellerId(seller_id), 0, 100).await.expect("readable");
        events.into_iter().map(|event| event.data).collect()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn several_schedulers_plan_each_night_once_and_a_downtime_once() {
        for fresh in stores().await {
            let billing = Billing::new(fresh.store.clone(), Clock::simulated(at("2026-11-24T01:59:00Z")));
            for id in 1..=4 {
                let seller_id = seller(&fresh.store, id).await;
                let mut unit = billing.begin(seller_id, "system").await.expect("a unit");
                schedule::set(&mut unit, NIGHTLY_RUN, at("2026-11-24T02:00:00Z")).await.expect("set");
                unit.commit().await.expect("a commit");
            }
            let stop = CancellationToken::new();
            let look = || async {
                let looks = (0..4).map(|_| {
                    let (scheduler, stop) = (scheduler(&billing), stop.clone());
                    tokio::spawn(async move { scheduler.look(&stop, &mut HashMap::new()).await })
                });
                for look in looks.collect::<Vec<_>>() {
                    match look.await.expect("no panic") {
                        Ok(()) => {}
                        Err(error) => panic!("the schedules cannot be read: {error}"),
                    }
                }
            };
            look().await;
            assert_eq!(planned(&billing, 1).await.len(), 0, "not due yet");
            billing.clock.advance(at("2026-11-24T02:00:00Z")).expect("ahead");
            look().await;
            look().await;
            assert_eq!(planned(&billing, 1).await, [r#"{"due_at":"2026-11-24T02:00:00Z"}"#]);
            billing.clock.advance(at("2026-11-25T03:00:00Z")).expect("ahead");
            look().await;
            assert_eq!(planned(&billing, 1).await.len(), 2);
            billing.clock.advance(at("2028-01-10T01:00:00Z")).expect("ahead");
            look().await;
            assert_eq!(planned(&billing, 1).await[2..], [r#"{"due_at":"2028-01-09T02:00:00Z"}"#]);
            assert_eq!(planned(&billing, 4).await.len(), 3, "the troubles of sellers 2 and 3 are theirs alone");
            assert_eq!(planned(&billing, 2).await.len() + planned(&billing, 3).await.len(), 0);
            let mut tx = fresh.store.snapshot().await.expect("a snapshot");
            let due =
                schedule::sellers_due(&mut tx, NIGHTLY_RUN, billing.now(), SellerId(0), 10).await.expect("readable");
            assert_eq!(due, [SellerId(2), SellerId(3)], "what could not be planned is still due");
        }
    }

    #[tokio::test]
    async fn a_move_of_the_clock_wakes_the_scheduler() {
        for fresh in stores().await {
            let billing = Billing::new(fresh.store.clone(), Clock::simulated(at("2026-11-24T00:00:00Z")));
            let seller_id = seller(&fresh.store, 1).await;
            let mut unit = billing.begin(seller_id, "system").await.expect("a unit");
            schedule::set(&mut unit, NIGHTLY_RUN, at("2026-11-24T02:00:00Z")).await.expect("set");
            unit.commit().await.expect("a commit");
            let stop = CancellationToken::new();
            let running = tokio::spawn(scheduler(&billing).run(stop.clone()));
            let mut commits = fresh.store.commits();
            commits.mark_unchanged();
            billing.clock.advance(at("2026-11-24T02:30:00Z")).expect("ahead");
            tokio::time::timeout(Duration::from_secs(30), commits.changed()).await.expect("in time").expect("open");
            assert_eq!(planned(&billing, 1).await.len(), 1);
            stop.cancel();
            running.await.expect("it ends");
        }
    }

    #[test]
    fn the_newest_night_counts() {
        let due = schedule::Due {
            due_at: at("2020-01-01T02:00:00Z"),
            time_zone: chrono_tz::UTC,
            nightly_run_at: NaiveTime::from_hms_opt(2, 0, 0).expect("a time"),
        };
        let (newest, next) = newest_missed(daily, &due, at("2026-11-24T02:00:00Z"));
        assert_eq!((newest, next), (at("2026-11-24T02:00:00Z"), at("2026-11-25T02:00:00Z")));
        assert_eq!(newest.hour(), 2);
        let (newest, next) = newest_missed(daily, &due, due.due_at);
        assert_eq!((newest, next), (due.due_at, at("2020-01-02T02:00:00Z")));
    }
}
