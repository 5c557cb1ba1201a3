//! A billing run whose daemon dies again and again.

use std::collections::BTreeMap;

use billet_domain::document::Party;
use billet_domain::id::SellerId;
use billet_domain::period::Cycle;
use rust_decimal_macros::dec;

use super::*;
use crate::billing::Clock;
use crate::billing::catalog::plan::{NewPlan, create as create_plan};
use crate::billing::catalog::testing::content;
use crate::billing::customer::{NewCustomer, create_all};
use crate::billing::seller::found_operator;
use crate::billing::subscribe::{NewSubscription, subscribe};
use crate::billing::testing::{some_seller, start};
use crate::jobs::queue::{Attempt, LEASE, Queue};
use crate::jobs::{ATTEMPTS_MAX, take_over};
use crate::store::job::{self, JobState};
use crate::store::run::{Run, RunState};
use crate::store::testing::stores;
use crate::store::{Store, run as runs};

/// More than a job has attempts.
pub(super) const CUSTOMERS: usize = 30;

fn customer(number: usize) -> NewCustomer {
    let party = Party {
        name: format!("Customer {number}"),
        address_line: "Musterweg 1".to_owned(),
        post_code: "20095".to_owned(),
        city: "Hamburg".to_owned(),
        country: "DE".to_owned(),
        ..Party::default()
    };
    NewCustomer { party, ..NewCustomer::default() }
}

/// A seller with a due subscription of each customer, and a planned run.
pub(super) async fn planned(store: &Store) -> (Billing, SellerId, RunId) {
    let billing = Billing::new(store.clone(), Clock::simulated(start()));
    let (seller, _) = found_operator(&billing, some_seller("Hosting GmbH"), "owner").await.expect("a seller");
    let mut unit = billing.begin(seller.id, "tok_1").await.expect("begins");
    let new = NewPlan {
        code: "web".to_owned(),
        name: "Web".to_owned(),
        description: String::new(),
        addon: false,
        orderable: true,
    };
    let (plan, _) = create_plan(&mut unit, new, content(dec!(5))).await.expect("a plan");
    let customers = create_all(&mut unit, (0..CUSTOMERS).map(customer).collect()).await.expect("customers");
    unit.flush().await.expect("written");
    for (number, customer) in customers.iter().enumerate() {
        let new = NewSubscription {
            customer_id: customer.id,
            plan_id: plan.id,
            version_id: None,
            currency: None,
            cycle: Cycle::MONTHLY,
            anchor_day: None,
            start_date: None,
            trial_days: 0,
            quantities: BTreeMap::new(),
            options: BTreeMap::new(),
            project_id: None,
            parent_id: None,
            label: String::new(),
            promotion_code: None,
            instance_id: None,
            external_ref: None,
        };
        subscribe(&mut unit, &seller, customer, new, &format!("key-{number}")).await.expect("subscribed");
    }
    unit.flush().await.expect("written");
    let run = run::plan(&mut unit, start().date_naive(), false).await.expect("a run");
    unit.commit().await.expect("commits");
    (billing, seller.id, run.id)
}

pub(super) async fn claimed(billing: &Billing) -> (Queue, Job) {
    let queue = Queue::new(billing.clone(), vec![run::RUN], LEASE);
    let job = queue.claim().await.expect("claimed").pop().expect("the run's job");
    (queue, job)
}

pub(super) async fn stands(billing: &Billing, seller_id: SellerId, id: RunId) -> Run {
    let mut tx = billing.store.snapshot().await.expect("a snapshot");
    runs::get(&mut tx, seller_id, id).await.expect("readable").expect("the run")
}

pub(super) async fn jobs(billing: &Billing, seller_id: SellerId) -> Vec<Job> {
    let mut tx = billing.store.snapshot().await.expect("a snapshot");
    let all = job::list(&mut tx, seller_id, None, 0, 1_000).await.expect("readable");
    all.into_iter().filter(|job| job.kind == run::RUN).collect()
}

#[tokio::test]
async fn a_run_whose_daemon_dies_after_each_batch_comes_to_its_end() {
    for fresh in stores().await {
        let (billing, seller_id, id) = planned(&fresh.store).await;
        // Four in a row die before they did anything: from here on a batch is one customer.
        for _ in 0..4 {
            claimed(&billing).await;
            take_over(&billing).await.expect("taken over");
        }
        let mut deaths = 0;
        loop {
            let (queue, job) = claimed(&billing).await;
            let before = stands(&billing, seller_id, id).await.done_count;
            // It is as if it had died four times again, so that batches stay small.
            let job = Job { attempt_count: job.attempt_count.max(5), ..job };
            let mut commits = fresh.store.commits();
            commits.mark_unchanged();
            let outcome = tokio::select! {
                biased;
                outcome = billing_run(billing.clone(), job.clone()) => Some(outcome),
                _ = commits.changed() => None,
            };
            if let Some(outcome) = outcome {
                queue.settle(&[Attempt { job, outcome }]).await.expect("settled");
                break;
            }
            deaths += 1;
            let (now, left) = (stands(&billing, seller_id, id).await, jobs(&billing, seller_id).await);
            assert_eq!(left[0].state, JobState::Running, "death {deaths}");
            if now.state.is_over() {
                // Where the machine is busy it may come that far before it is seen to die; its job is still there.
                assert_eq!(now.done_count, i64::try_from(CUSTOMERS).expect("few"), "{now:?}");
            } else {
                assert!(now.done_count > before, "{now:?}");
                assert_eq!(left[0].attempt_count, 1, "death {deaths}");
            }
            take_over(&billing).await.expect("taken over");
        }
        assert!(deaths > ATTEMPTS_MAX, "{deaths} deaths");
        let done = stands(&billing, seller_id, id).await;
        let all = i64::try_from(CUSTOMERS).expect("few");
        assert_eq!(done.state, RunState::Finished);
        assert_eq!((done.done_count, done.invoice_count, done.failure_count), (all, all, 0));
        assert_eq!(jobs(&billing, seller_id).await, []);
    }
}

#[tokio::test]
async fn a_run_that_never_gets_ahead_dies_and_can_be_tried_again() {
    for fresh in stores().await {
        let (billing, seller_id, id) = planned(&fresh.store).await;
        for _ in 0..ATTEMPTS_MAX {
            claimed(&billing).await;
            take_over(&billing).await.expect("taken over");
        }
        let dead = jobs(&billing, seller_id).await.remove(0);
        assert_eq!(dead.state, JobState::Dead);
        assert_eq!(stands(&billing, seller_id, id).await.done_count, 0);
        let mut unit = billing.begin(seller_id, "tok_1").await.expect("begins");
        crate::billing::job::retry(&mut unit, dead.id).await.expect("back in the queue");
        unit.commit().await.expect("commits");
        let (queue, job) = claimed(&billing).await;
        let outcome = billing_run(billing.clone(), job.clone()).await;
        queue.settle(&[Attempt { job, outcome }]).await.expect("settled");
        let done = stands(&billing, seller_id, id).await;
        assert_eq!((done.state, done.invoice_count), (RunState::Finished, 30));
        assert_eq!(jobs(&billing, seller_id).await, []);
    }
}
