//! The queue, the worker and the scheduler on both engines.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use billet_domain::id::{JobId, SellerId};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use tokio::sync::Notify;

use super::queue::{Attempt, LEASE, Queue};
use super::{ATTEMPTS_MAX, Job, JobError, PAUSE_MAX, Worker, handlers, pause, take_over};
use crate::billing::{Billing, Clock};
use crate::store::event::{self, Verdict};
use crate::store::job::{self, JobState, NewJob};
use crate::store::testing::{Fresh, plan, seller, statements, stores};
use crate::store::{Store, StoreError};

fn start() -> DateTime<Utc> {
    "2026-11-24T12:00:00Z".parse().expect("an instant")
}

/// A billing with a seller, on a clock that stands still.
async fn billing(fresh: &Fresh) -> (Billing, SellerId) {
    let seller_id = seller(&fresh.store, 1).await;
    (Billing::new(fresh.store.clone(), Clock::simulated(start())), seller_id)
}

fn job(kind: &'static str, number: usize) -> NewJob {
    NewJob { kind, payload: json!({ "number": number }), unique_key: None, run_at: start() }
}

async fn enqueue(billing: &Billing, seller_id: SellerId, jobs: impl IntoIterator<Item = NewJob>) -> Vec<JobId> {
    let mut unit = billing.store.begin_large(seller_id, "system", billing.now(), 5_000).await.expect("a unit");
    let ids = jobs.into_iter().map(|new| job::enqueue(&mut unit, new).expect("an id")).collect();
    unit.commit().await.expect("a commit");
    ids
}

async fn jobs(store: &Store, seller_id: SellerId) -> Vec<Job> {
    let mut tx = store.snapshot().await.expect("a snapshot");
    job::list(&mut tx, seller_id, None, 0, 10_000).await.expect("readable")
}

async fn kinds_of_events(store: &Store, seller_id: SellerId) -> Vec<String> {
    let mut tx = store.snapshot().await.expect("a snapshot");
    assert!(matches!(event::verify(&mut tx, seller_id).await, Ok(Verdict::Intact { .. })));
    event::after(&mut tx, seller_id, 0, 1_000).await.expect("readable").into_iter().map(|event| event.kind).collect()
}

/// Waits until something holds, for half a minute at most.
async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    for _ in 0..1_500 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it never came: {what}");
}

fn failed(job: Job, error: JobError) -> [Attempt; 1] {
    [Attempt { job, outcome: Err(error) }]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_claimers_do_each_of_4000_jobs_once() {
    for fresh in stores().await {
        let (billing, seller_id) = billing(&fresh).await;
        enqueue(&billing, seller_id, (0..4_000).map(|number| job("count", number))).await;
        let done: Arc<Mutex<HashMap<JobId, u32>>> = Arc::default();
        let claimers = (0..8).map(|_| {
            let (queue, done) = (Queue::new(billing.clone(), vec!["count"], LEASE), Arc::clone(&done));
            tokio::spawn(async move {
                loop {
                    let claimed = queue.claim().await.expect("claimed");
                    if claimed.is_empty() {
                        // Others may hold the rest for an instant; what is left over shows at the end.
                        return;
                    }
                    assert!(claimed.len() <= 32);
                    {
                        let mut done = done.lock().expect("not poisoned");
                        claimed.iter().for_each(|job| *done.entry(job.id).or_default() += 1);
                    }
                    let attempts: Vec<Attempt> =
                        claimed.into_iter().map(|job| Attempt { job, outcome: Ok(()) }).collect();
                    queue.settle(&attempts).await.expect("settled");
                }
            })
        });
        for claimer in claimers.collect::<Vec<_>>() {
            claimer.await.expect("no panic");
        }
        let done = done.lock().expect("not poisoned").clone();
        assert!(done.values().all(|count| *count == 1), "a job was done twice");
        assert_eq!(done.len(), 4_000);
        assert_eq!(jobs(&fresh.store, seller_id).await, []);
    }
}

#[tokio::test]
async fn a_lease_that_ran_out_is_taken_over_and_its_old_owner_has_no_say() {
    for fresh in stores().await {
        let (billing, seller_id) = billing(&fresh).await;
        let ids = enqueue(&billing, seller_id, [job("work", 1)]).await;
        let killed = Queue::new(billing.clone(), vec!["work"], Duration::ZERO);
        let other = Queue::new(billing.clone(), vec!["work"], LEASE);
        let first = killed.claim().await.expect("claimed").remove(0);
        tokio::time::sleep(Duration::from_millis(5)).await;
        let again = other.claim().await.expect("claimed");
        assert_eq!(again.len(), 1, "the lease of zero seconds is over");
        assert_eq!((again[0].id, again[0].attempt_count), (ids[0], 2));
        assert!(again[0].last_error.contains("stopped"));
        killed.settle(&failed(first.clone(), JobError::Dead("mine".to_owned()))).await.expect("settled");
        killed.settle(&[Attempt { job: first.clone(), outcome: Ok(()) }]).await.expect("settled");
        assert!(killed.extend([first.id]).await.expect("asked").is_empty());
        let mut unit = billing.begin(seller_id, "system").await.expect("a unit");
        assert!(!job::complete_within(&mut unit, &first).await.expect("asked"));
        drop(unit);
        let now = jobs(&fresh.store, seller_id).await.remove(0);
        assert_eq!((now.state, now.attempt_count), (JobState::Running, 2));
        assert!(other.claim().await.expect("claimed").is_empty(), "its lease holds");
        other.settle(&[Attempt { job: again[0].clone(), outcome: Ok(()) }]).await.expect("settled");
        assert_eq!(jobs(&fresh.store, seller_id).await, []);
    }
}

#[tokio::test]
async fn what_fails_comes_back_later_and_dies_after_twelve_attempts() {
    for fresh in stores().await {
        let (billing, seller_id) = billing(&fresh).await;
        enqueue(&billing, seller_id, [job("work", 1)]).await;
        let queue = Queue::new(billing.clone(), vec!["work"], LEASE);
        for attempt in 1..=ATTEMPTS_MAX {
            let claimed = queue.claim().await.expect("claimed").pop().expect("due");
            assert_eq!(claimed.attempt_count, attempt);
            let error = JobError::Fail(format!("no luck at {attempt}"));
            queue.settle(&failed(claimed, error)).await.expect("settled");
            assert!(queue.claim().await.expect("claimed").is_empty(), "it waits");
            let waiting = jobs(&fresh.store, seller_id).await.remove(0);
            assert_eq!(waiting.last_error, format!("no luck at {attempt}"));
            if attempt < ATTEMPTS_MAX {
                assert_eq!(waiting.state, JobState::Ready);
                let pause = waiting.run_at - billing.now();
                assert!(
                    pause > TimeDelta::seconds(2) && pause <= TimeDelta::from_std(PAUSE_MAX).expect("fits"),
                    "{pause}"
                );
                billing.clock.advance(waiting.run_at).expect("ahead");
            }
        }
        assert_eq!(jobs(&fresh.store, seller_id).await[0].state, JobState::Dead);
        assert_eq!(kinds_of_events(&fresh.store, seller_id).await, ["job.died"]);
        billing.clock.advance(start() + TimeDelta::days(300)).expect("ahead");
        assert!(queue.claim().await.expect("claimed").is_empty(), "the dead stay dead");
    }
}

#[tokio::test]
async fn a_handler_can_ask_for_a_pause_or_give_up_and_a_person_can_try_again() {
    for fresh in stores().await {
        let (billing, seller_id) = billing(&fresh).await;
        let id = enqueue(&billing, seller_id, [job("work", 1)]).await[0];
        let queue = Queue::new(billing.clone(), vec!["work"], LEASE);
        let claimed = queue.claim().await.expect("claimed").remove(0);
        let mut unit = billing.begin(seller_id, "tok_1").await.expect("a unit");
        let refused = crate::billing::job::retry(&mut unit, id).await.expect_err("at work");
        assert_eq!(refused.reason(), "JOB_RUNNING");
        drop(unit);
        queue.settle(&failed(claimed, JobError::Retry { after: Duration::from_secs(7_200) })).await.expect("settled");
        assert_eq!(jobs(&fresh.store, seller_id).await[0].run_at, start() + TimeDelta::hours(2));
        billing.clock.advance(start() + TimeDelta::hours(2)).expect("ahead");
        let claimed = queue.claim().await.expect("claimed").remove(0);
        queue.settle(&failed(claimed, JobError::Dead("the account is gone".to_owned()))).await.expect("settled");
        assert_eq!(jobs(&fresh.store, seller_id).await[0].state, JobState::Dead);

        let mut unit = billing.begin(seller_id, "tok_1").await.expect("a unit");
        crate::billing::job::retry(&mut unit, id).await.expect("back in the queue");
        unit.commit().await.expect("a commit");
        assert_eq!(queue.claim().await.expect("claimed")[0].attempt_count, 1);
        assert_eq!(kinds_of_events(&fresh.store, seller_id).await, ["job.died", "job.retried"]);
    }
}

#[tokio::test]
async fn a_unique_key_belongs_to_one_unfinished_job() {
    for fresh in stores().await {
        let (billing, seller_id) = billing(&fresh).await;
        let keyed = |number| NewJob { unique_key: Some("render:inv_1".to_owned()), ..job("work", number) };
        enqueue(&billing, seller_id, [keyed(1)]).await;
        let mut unit = billing.begin(seller_id, "system").await.expect("a unit");
        assert_eq!(job::enqueue_new(&mut unit, [keyed(2), job("work", 3)]).await.expect("queued"), 1);
        unit.commit().await.expect("a commit");
        let mut unit = billing.begin(seller_id, "system").await.expect("a unit");
        job::enqueue(&mut unit, keyed(4)).expect("an id");
        assert!(matches!(unit.commit().await, Err(StoreError::Conflict(_))));
        let queue = Queue::new(billing.clone(), vec!["work"], LEASE);
        let attempts = queue.claim().await.expect("claimed").into_iter().map(|job| Attempt { job, outcome: Ok(()) });
        queue.settle(&attempts.collect::<Vec<_>>()).await.expect("settled");
        enqueue(&billing, seller_id, [keyed(5)]).await;
        assert_eq!(jobs(&fresh.store, seller_id).await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_run_handlers_and_survive_their_panics() {
    for fresh in stores().await {
        let (billing, seller_id) = billing(&fresh).await;
        let count = Arc::new(AtomicU32::new(0));
        let worker = || {
            let count = Arc::clone(&count);
            Worker::new(billing.clone(), 4)
                .on("count", move |billing, job| {
                    let count = Arc::clone(&count);
                    async move {
                        // Its effect and its end in one unit.
                        let mut unit = billing.begin(job.seller_id, "system").await?;
                        assert!(job::complete_within(&mut unit, &job).await?);
                        unit.event("test.counted", job.id, json!({}));
                        unit.commit().await?;
                        count.fetch_add(1, Ordering::SeqCst);
                        Ok(())
                    }
                })
                .on("panic", |_, job| async move { panic!("job {} cannot be", job.payload) })
                .start()
        };
        let running = [worker(), worker()];
        enqueue(&billing, seller_id, (0..100).map(|number| job("count", number))).await;
        enqueue(&billing, seller_id, [job("panic", 1), job("of_a_newer_daemon", 2)]).await;
        until("100 jobs are done", || async { count.load(Ordering::SeqCst) >= 100 }).await;
        until("the panic is written down", || async {
            jobs(&fresh.store, seller_id).await.iter().any(|job| job.last_error.contains("cannot be"))
        })
        .await;
        for running in running {
            running.stop(Duration::from_secs(10)).await;
        }
        let left = jobs(&fresh.store, seller_id).await;
        let left: Vec<_> = left.iter().map(|job| (job.kind.as_str(), job.state, job.attempt_count)).collect();
        assert_eq!(left, [("panic", JobState::Ready, 1), ("of_a_newer_daemon", JobState::Ready, 0)]);
        assert_eq!(count.load(Ordering::SeqCst), 100);
        assert_eq!(kinds_of_events(&fresh.store, seller_id).await.len(), 100);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_stops_gives_back_what_it_did_not_finish() {
    for fresh in stores().await {
        let (billing, seller_id) = billing(&fresh).await;
        let begun = Arc::new(Notify::new());
        let told = Arc::clone(&begun);
        let running = Worker::new(billing.clone(), 1)
            .on("endless", move |_, _| {
                told.notify_one();
                std::future::pending()
            })
            .start();
        enqueue(&billing, seller_id, (0..5).map(|number| job("endless", number))).await;
        begun.notified().await;
        running.stop(Duration::from_millis(50)).await;
        let left = jobs(&fresh.store, seller_id).await;
        assert_eq!(left.len(), 5);
        assert!(left.iter().all(|job| job.state == JobState::Ready && job.attempt_count == 0), "{left:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_job_keeps_its_lease() {
    let all = stores().await;
    let work = all.iter().map(|fresh| async move {
        let (billing, seller_id) = billing(fresh).await;
        let begun = Arc::new(AtomicU32::new(0));
        let worker = || {
            let begun = Arc::clone(&begun);
            Worker::new(billing.clone(), 1)
                .with_lease(Duration::from_secs(2))
                .on("long", move |_, _| {
                    begun.fetch_add(1, Ordering::SeqCst);
                    async {
                        tokio::time::sleep(Duration::from_secs(5)).await;
                        Ok(())
                    }
                })
                .start()
        };
        let running = [worker(), worker()];
        enqueue(&billing, seller_id, [job("long", 1)]).await;
        until("the job is done", || async { jobs(&fresh.store, seller_id).await.is_empty() }).await;
        for running in running {
            running.stop(Duration::from_secs(10)).await;
        }
        assert_eq!(begun.load(Ordering::SeqCst), 1, "it was begun once");
    });
    futures::future::join_all(work).await;
}

#[test]
fn pauses_grow_to_an_hour_and_never_beyond() {
    assert_eq!(pause(1, 0.0), Duration::from_millis(2_500));
    assert_eq!(pause(1, 1.0), Duration::from_secs(5));
    assert_eq!(pause(3, 1.0), Duration::from_secs(20));
    assert_eq!(pause(ATTEMPTS_MAX, 1.0), PAUSE_MAX);
    assert_eq!(pause(u32::MAX, 1.0), PAUSE_MAX);
    assert_eq!(pause(ATTEMPTS_MAX, 0.0), PAUSE_MAX / 2);
    let span: Duration = (1..ATTEMPTS_MAX).map(|attempt| pause(attempt, 0.0)).sum();
    assert!(span > Duration::from_hours(1), "a panel that is away for an hour kills no job: {span:?}");
}

#[tokio::test]
async fn the_list_of_kinds_is_what_the_worker_does() {
    let fresh = stores().await.remove(0);
    let (billing, _) = billing(&fresh).await;
    let known = &handlers::worker(billing.clone(), 1).kinds() | &handlers::asker(billing, 1).kinds();
    assert_eq!(known, handlers::KINDS.iter().copied().collect());
}

#[tokio::test]
async fn jobs_are_counted_by_state_from_indexes_and_not_beyond_a_bound() {
    for fresh in stores().await {
        let (billing, seller_id) = billing(&fresh).await;
        enqueue(&billing, seller_id, (0..7).map(|number| job("counted", number))).await;
        let mut tx = billing.store.engine().begin().await.expect("a transaction");
        for (state, count) in [("running", 2_i64), ("dead", 1)] {
            let sql = "UPDATE jobs SET state = $1 WHERE id IN (SELECT id FROM jobs WHERE state = 'ready' LIMIT $2)";
            tx.execute(sql, &[state.into(), count.into()]).await.expect("changed");
        }
        let counts = job::counts(&mut tx, 100).await.expect("counts");
        assert_eq!(counts, job::Counts { ready: 4, running: 2, dead: 1 });
        let counts = job::counts(&mut tx, 3).await.expect("counts");
        assert_eq!(counts, job::Counts { ready: 3, running: 2, dead: 1 });
        drop(tx);
        if !billing.store.engine().is_postgres() {
            let statement = statements().into_iter().find(|text| text.contains("AS dead)")).expect("it was heard");
            let plan = plan(&billing.store, &statement.replace("$1", "3")).await.join("\n");
            for index in ["jobs_ready", "jobs_leased", "jobs_dead"] {
                assert!(plan.contains(&format!("USING COVERING INDEX {index}")), "{plan}");
            }
        }
    }
}

/// A job that says with its key that it got ahead.
fn keyed() -> NewJob {
    NewJob { unique_key: Some("run:run_1".to_owned()), ..job("work", 1) }
}

async fn get_ahead(billing: &Billing, seller_id: SellerId) {
    let mut unit = billing.begin(seller_id, "system").await.expect("a unit");
    job::got_ahead(&mut unit, "run:run_1").await.expect("noted");
    unit.commit().await.expect("a commit");
}

/// Daemons of which each claims the job and dies of it.
struct Mortals<'a> {
    billing: &'a Billing,
    seller_id: SellerId,
    /// On a database of their own: the next one need not wait for the lease.
    alone: bool,
}

impl Mortals<'_> {
    /// The life of one, and the beginning of the next; answers what it claimed.
    async fn die(&self, ahead: bool) -> Option<Job> {
        let lease = if self.alone { LEASE } else { Duration::ZERO };
        let queue = Queue::new(self.billing.clone(), vec!["work"], lease);
        let claimed = queue.claim().await.expect("claimed").pop();
        if ahead {
            get_ahead(self.billing, self.seller_id).await;
        }
        if self.alone {
            take_over(self.billing).await.expect("taken over");
        } else {
            tokio::time::sleep(Duration::from_millis(2)).await;
            let next = Queue::new(self.billing.clone(), vec!["none"], LEASE);
            assert!(next.claim().await.expect("recovered").is_empty());
        }
        claimed
    }
}

#[tokio::test]
async fn a_job_that_kills_its_daemon_each_time_dies_after_twelve_attempts() {
    for alone in [false, true] {
        for fresh in stores().await {
            let (billing, seller_id) = billing(&fresh).await;
            enqueue(&billing, seller_id, [keyed()]).await;
            let mortals = Mortals { billing: &billing, seller_id, alone };
            for attempt in 1..=ATTEMPTS_MAX {
                assert_eq!(jobs(&fresh.store, seller_id).await[0].state, JobState::Ready);
                let claimed = mortals.die(false).await.expect("it is open again");
                assert_eq!(claimed.attempt_count, attempt);
            }
            let dead = jobs(&fresh.store, seller_id).await.remove(0);
            assert_eq!((dead.state, dead.attempt_count), (JobState::Dead, ATTEMPTS_MAX));
            assert!(dead.last_error.contains("stopped"), "{dead:?}");
            assert_eq!(mortals.die(false).await, None);
            assert_eq!(kinds_of_events(&fresh.store, seller_id).await, ["job.died"]);
        }
    }
}

#[tokio::test]
async fn a_job_that_got_ahead_before_its_daemon_died_has_its_attempts_again() {
    for alone in [false, true] {
        for fresh in stores().await {
            let (billing, seller_id) = billing(&fresh).await;
            enqueue(&billing, seller_id, [keyed(), job("other", 2)]).await;
            let mortals = Mortals { billing: &billing, seller_id, alone };
            // Three times as many deaths as it has attempts, with a step ahead before each fourth.
            for death in 0..3 * ATTEMPTS_MAX {
                let claimed = mortals.die(death % 4 == 0).await.expect("it lives");
                let since_step = death.checked_sub(1).map_or(1, |before| 2 + before % 4);
                assert_eq!(claimed.attempt_count, since_step, "death {death}");
            }
            // What is not at work cannot get ahead; and from here on it never does.
            let before = jobs(&fresh.store, seller_id).await.remove(0).attempt_count;
            get_ahead(&billing, seller_id).await;
            assert_eq!(jobs(&fresh.store, seller_id).await[0].attempt_count, before);
            for _ in before..ATTEMPTS_MAX {
                assert!(mortals.die(false).await.is_some());
            }
            let left = jobs(&fresh.store, seller_id).await;
            let left: Vec<_> = left.iter().map(|job| (job.kind.as_str(), job.state)).collect();
            assert_eq!(left, [("work", JobState::Dead), ("other", JobState::Ready)]);
            assert_eq!(kinds_of_events(&fresh.store, seller_id).await, ["job.died"]);
        }
    }
}

#[tokio::test]
async fn what_fails_after_it_got_ahead_counts_from_there() {
    for fresh in stores().await {
        let (billing, seller_id) = billing(&fresh).await;
        enqueue(&billing, seller_id, [keyed()]).await;
        let mortals = Mortals { billing: &billing, seller_id, alone: false };
        for _ in 1..ATTEMPTS_MAX {
            mortals.die(false).await.expect("it is open again");
        }
        let queue = Queue::new(billing.clone(), vec!["work"], LEASE);
        let last = queue.claim().await.expect("claimed").remove(0);
        assert_eq!(last.attempt_count, ATTEMPTS_MAX);
        get_ahead(&billing, seller_id).await;
        queue.settle(&failed(last, JobError::Fail("no luck".to_owned()))).await.expect("settled");
        let now = jobs(&fresh.store, seller_id).await.remove(0);
        assert_eq!((now.state, now.attempt_count), (JobState::Ready, 1));
        assert!(now.run_at - billing.now() <= TimeDelta::seconds(5), "the pause of a first failure: {now:?}");
        assert!(kinds_of_events(&fresh.store, seller_id).await.is_empty());
        // Stopping in order gives the attempt back.
        billing.clock.advance(now.run_at).expect("ahead");
        let claimed = queue.claim().await.expect("claimed").remove(0);
        assert_eq!(claimed.attempt_count, 2);
        get_ahead(&billing, seller_id).await;
        assert_eq!(queue.release().await.expect("released"), 1);
        assert_eq!(jobs(&fresh.store, seller_id).await[0].attempt_count, 0);
    }
}

#[tokio::test]
async fn who_lost_a_lease_writes_no_death_into_the_journal() {
    for fresh in stores().await {
        let (billing, seller_id) = billing(&fresh).await;
        enqueue(&billing, seller_id, [keyed()]).await;
        let slow = Queue::new(billing.clone(), vec!["work"], Duration::ZERO);
        let lost = slow.claim().await.expect("claimed").remove(0);
        tokio::time::sleep(Duration::from_millis(2)).await;
        let other = Queue::new(billing.clone(), vec!["work"], LEASE);
        assert_eq!(other.claim().await.expect("claimed").len(), 1);
        slow.settle(&failed(lost, JobError::Dead("mine".to_owned()))).await.expect("settled");
        assert_eq!(jobs(&fresh.store, seller_id).await[0].state, JobState::Running);
        assert!(kinds_of_events(&fresh.store, seller_id).await.is_empty());
    }
}
