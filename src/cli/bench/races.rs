//! What daemons that share a database must not do to each other, played with the benchmarks' world: two desks stand for two
//! daemons. On SQLite a writing unit is alone, so that nothing can happen there; it has to come out the same.

use std::sync::Arc;
use std::time::Duration;

use billet_domain::hook::{Change, Hook};
use billet_domain::id::CustomerId;
use billet_domain::period::Cycle;
use tokio::task::JoinSet;

use super::burst::account;
use super::world::{PACKAGES, World, start};
use crate::billing::catalog::mapping::{self, NewMapping};
use crate::billing::hook::desk::HookDesk;
use crate::billing::hook::{self, Report};
use crate::billing::link;
use crate::jobs::handlers::worker;
use crate::store::customer;
use crate::store::hook::{Filter, HookState, StoredHook, parked};
use crate::store::job::{self, Job};
use crate::store::link::{Link, LinkKind};
use crate::store::mapping::Reporter;
use crate::store::parked::REPLAY;
use crate::store::seller;
use crate::store::subscription::{Filter as Which, ServiceState, list};
use crate::store::testing::{Fresh, stores, waiting_for_locks};

const ACCOUNTS: u32 = 40;

async fn world(fresh: &Fresh) -> Arc<World> {
    Arc::new(World::found(&fresh.store).await.expect("a world"))
}

fn report(world: &World, number: u32, what: &str, minutes: i64, change: Change) -> Report {
    let hook = Hook {
        event_id: format!("{what}-{number}"),
        happened_at: start() + chrono::Duration::minutes(minutes),
        external_ref: account(number),
        change,
        source: String::new(),
    };
    Report { instance_id: world.instance_id, hook, is_dated: true }
}

fn created(world: &World, number: u32, package: &str) -> Report {
    let change = Change::AccountCreated {
        package: package.to_owned(),
        domain: format!("{}.example", account(number)),
        contact_email: String::new(),
        owner: String::new(),
    };
    report(world, number, "created", 0, change)
}

async fn link_to_customer(world: &World, number: u32) -> CustomerId {
    let customer_id = world.customers(number, 1).await.expect("a customer").remove(0);
    let mut unit = world.billing.begin(world.seller_id, "system").await.expect("a unit");
    let new = Link { instance_id: world.instance_id, kind: LinkKind::ExternalRef, value: account(number), customer_id };
    link::create(&mut unit, new).await.expect("linked");
    unit.commit().await.expect("committed");
    customer_id
}

async fn waiting(world: &World) -> Vec<StoredHook> {
    let mut tx = world.billing.store.snapshot().await.expect("a snapshot");
    parked(&mut tx, world.seller_id, &Filter::default(), 0, 1_000).await.expect("hooks")
}

/// How the accounts' subscriptions stand.
async fn states(world: &World) -> Vec<ServiceState> {
    let mut tx = world.billing.store.snapshot().await.expect("a snapshot");
    let found = list(&mut tx, world.seller_id, &Which::default(), 0, 1_000).await.expect("subscriptions");
    found.iter().map(|one| one.service_state).collect()
}

async fn jobs(world: &World) -> Vec<Job> {
    let mut tx = world.billing.store.snapshot().await.expect("a snapshot");
    let all = job::list(&mut tx, world.seller_id, None, 0, 1_000).await.expect("jobs");
    all.into_iter().filter(|job| job.kind == REPLAY).collect()
}

/// Waits until something holds, for a minute at most.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..6_000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never came: {what}");
}

async fn everything_is_tried_again(world: &World) {
    let running = worker(world.billing.clone(), 2).start();
    for _ in 0..200 {
        if waiting(world).await.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    running.stop(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_comes_and_goes_at_two_daemons_at_once_has_gone() {
    for fresh in stores().await {
        let world = world(&fresh).await;
        for number in 0..ACCOUNTS {
            link_to_customer(&world, number).await;
        }
        let (here, _) = HookDesk::open(&world.billing);
        let (there, _) = HookDesk::open(&world.billing);
        let mut calls = JoinSet::new();
        for number in 0..ACCOUNTS {
            let (desk, told) = (here.clone(), created(&world, number, PACKAGES[0]));
            let seller_id = world.seller_id;
            calls.spawn(async move { desk.report(seller_id, told).await });
            let (desk, told) = (there.clone(), report(&world, number, "gone", 5, Change::AccountTerminated));
            calls.spawn(async move { desk.report(seller_id, told).await });
        }
        while let Some(answer) = calls.join_next().await {
            answer.expect("no panic").expect("an answer");
        }
        assert_eq!(waiting(&world).await, [], "everything was applied");
        assert_eq!(states(&world).await, vec![ServiceState::Terminated; ACCOUNTS as usize]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_tried_again_by_two_at_once_is_applied_once_and_stays_so() {
    for fresh in stores().await {
        let world = world(&fresh).await;
        let reports: Vec<Report> = (0..ACCOUNTS).map(|number| created(&world, number, PACKAGES[0])).collect();
        hook::apply(&world.billing, world.seller_id, &reports).await.expect("parked");
        let stale = waiting(&world).await;
        assert_eq!(stale.len(), ACCOUNTS as usize, "nobody is known");
        for number in 0..ACCOUNTS {
            link_to_customer(&world, number).await;
        }
        let mut tries = JoinSet::new();
        for _ in 0..4 {
            let (world, stale) = (Arc::clone(&world), stale.clone());
            tries.spawn(async move {
                let mut unit =
                    world.billing.store.begin_large(world.seller_id, "replay", start(), 10_000).await.expect("a unit");
                let seller = seller::get(&mut unit, world.seller_id).await.expect("read").expect("a seller");
                hook::replay(&mut unit, &seller, &stale).await.expect("tried");
                unit.commit().await.expect("committed");
            });
        }
        while let Some(ended) = tries.join_next().await {
            ended.expect("no panic");
        }
        assert_eq!(waiting(&world).await, []);
        assert_eq!(states(&world).await, vec![ServiceState::Active; ACCOUNTS as usize]);
    }
}

async fn map(world: &World, package: &str) {
    let mut unit = world.billing.begin(world.seller_id, "system").await.expect("a unit");
    let new = NewMapping {
        reporter: Reporter::Instance(world.instance_id),
        package: package.to_owned(),
        plan_id: world.business.0.id,
        currency: None,
        cycle: Cycle::MONTHLY,
        settings: std::collections::BTreeMap::new(),
    };
    mapping::set(&mut unit, new).await.expect("mapped");
    unit.commit().await.expect("committed");
}

/// Whatever order chance gives them, on both engines. Chance alone never met the moment at which the catalogue's lock counts,
/// as the job that tries again ran after everything: for that see the next test.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_package_is_seen_by_whoever_maps_it() {
    for fresh in stores().await {
        let world = world(&fresh).await;
        let (desk, _) = HookDesk::open(&world.billing);
        for number in 0..ACCOUNTS {
            link_to_customer(&world, number).await;
        }
        for number in 0..ACCOUNTS {
            let package = format!("package-{number}");
            let told = desk.report(world.seller_id, created(&world, number, &package));
            let (answer, ()) = tokio::join!(told, map(&world, &package));
            answer.expect("an answer");
        }
        everything_is_tried_again(&world).await;
        assert_eq!(waiting(&world).await, []);
        assert_eq!(states(&world).await, vec![ServiceState::Active; ACCOUNTS as usize]);
    }
}

/// The very moment: a hook has looked for the mapping in vain and has not committed yet, when the mapping is added and parked
/// hooks are tried again. Whoever adds it has to wait for the hook (`store/hold.rs`), or nobody ever sees that it was
/// parked. Without the lock this fails each time.
#[tokio::test(flavor = "multi_thread")]
async fn a_hook_that_is_about_to_be_parked_is_waited_for_by_whoever_maps_its_package() {
    for fresh in stores().await {
        let world = world(&fresh).await;
        if !world.billing.store.snapshot().await.expect("a snapshot").is_postgres() {
            // A writing unit is alone there: nobody can be in between.
            continue;
        }
        let customer_id = link_to_customer(&world, 0).await;
        let running = worker(world.billing.clone(), 2).start();
        // The hook stops at its customer, with the catalogue read.
        let mut holding = world.billing.begin(world.seller_id, "system").await.expect("a unit");
        customer::lock(&mut holding, &[customer_id]).await.expect("locked");
        let (desk, _) = HookDesk::open(&world.billing);
        let (seller_id, told) = (world.seller_id, created(&world, 0, "new-package"));
        let reporting = tokio::spawn(async move { desk.report(seller_id, told).await });
        until("the hook waits", async || waiting_for_locks(&fresh.store).await >= 1).await;
        let mapper = Arc::clone(&world);
        let mapping = tokio::spawn(async move { map(&mapper, "new-package").await });
        until("the mapping waits too, or is there", async || {
            mapping.is_finished() || waiting_for_locks(&fresh.store).await >= 2
        })
        .await;
        if mapping.is_finished() {
            // Then its job has run before the hook is parked.
            until("no job is left", async || jobs(&world).await.is_empty()).await;
        }
        drop(holding);
        let answer = reporting.await.expect("no panic").expect("an answer");
        mapping.await.expect("mapped");
        until("no job is left", async || jobs(&world).await.is_empty()).await;
        running.stop(Duration::from_secs(10)).await;
        assert_eq!(answer.hook.state, HookState::Parked, "it came first");
        assert_eq!(waiting(&world).await, [], "the job saw it");
        assert_eq!(states(&world).await, [ServiceState::Active]);
    }
}
