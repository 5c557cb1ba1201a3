//! Chaos: 2,000 services on four simulated panels while calls fail in every way that calls fail, contracts change and the
//! daemon is killed. Then the faults stop, and every service comes to what its subscription says: no account exists twice,
//! nothing is lost, nothing that Billet did not make is touched, and the journal tells how it came about.

#[allow(dead_code, reason = "the journeys use the rest of it")]
#[path = "journeys/catalogue.rs"]
mod catalogue;
#[allow(dead_code, reason = "the journeys use the rest of it")]
#[path = "journeys/exposition.rs"]
mod exposition;
#[allow(dead_code, reason = "the journeys use the rest of it")]
#[path = "journeys/harness.rs"]
mod harness;
#[allow(dead_code, reason = "the journeys use the rest of it")]
#[path = "journeys/hosting.rs"]
mod hosting;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use billet::proto::billet::v1 as pb;
use billet::proto::billet::v1::subscription_change::Change;
use billet_simulator::{DirectAdmin, Fault, Plesk, PleskOptions, Whm, WhmOptions};
use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt as _, stream};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::harness::{Billet, Engine, START};

/// How many services.
const SERVICES: usize = 2_000;
/// Customers that they belong to.
const CUSTOMERS: usize = 100;
/// How often the daemon is killed.
const KILLS: usize = 4;
/// How many accounts there are that Billet knows nothing of.
const STRANGERS: usize = 20;

/// What a subscription shall come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Active,
    Large,
    Suspended,
    Terminated,
}

/// Of each ten: six run, two of them with the other package, one is suspended and released, one suspended, two end.
fn end(number: usize) -> End {
    match number % 10 {
        0 | 1 => End::Large,
        2 => End::Suspended,
        3 | 4 => End::Terminated,
        _ => End::Active,
    }
}

/// The panels.
struct Panels {
    instances: Vec<String>,
    whms: [Whm; 2],
    plesk: Plesk,
    directadmin: DirectAdmin,
}

impl Panels {
    async fn start(billet: &Billet) -> Self {
        let (one, whm1) = billet.whm("whm1", WhmOptions::default(), 2, 1).await;
        let (two, whm2) = billet.whm("whm2", WhmOptions::default(), 2, 4).await;
        let (three, plesk) = billet.plesk("plesk1", PleskOptions::default(), 2, 1).await;
        let (four, directadmin) = billet.directadmin("da1", 2, 2).await;
        Self { instances: vec![one, two, three, four], whms: [whm1, whm2], plesk, directadmin }
    }

    /// Accounts of somebody else, under names and domains that Billet would choose.
    async fn strangers(&self) {
        for number in 0..STRANGERS {
            for whm in &self.whms {
                let domain = format!("stranger{number}.example");
                whm.client().create_account(&format!("taken{number}"), &domain, "small", "").await.expect("made");
            }
        }
    }

    /// Something goes wrong with a call that comes.
    fn trouble(&self, random: &mut StdRng) {
        let fault = match random.random_range(0..10) {
            0..3 => Fault::HttpError(503),
            3..6 => Fault::DoThenDrop,
            6 => Fault::DelayThenDo(Duration::from_millis(2_500)),
            7 => Fault::HttpError(429),
            8 => Fault::HttpError(500),
            _ => Fault::Refuse("the server is in a bad mood".to_owned()),
        };
        let pick = |random: &mut StdRng, of: &[&'static str]| of[random.random_range(0..of.len())];
        match random.random_range(0..4) {
            index @ 0..2 => {
                let of = ["createacct", "createacct", "suspendacct", "unsuspendacct", "changepackage", "removeacct"];
                self.whms[index].fail_next(pick(random, &of), fault);
            }
            2 => {
                let of =
                    ["webspace.add", "webspace.set", "webspace.switch-subscription", "webspace.del", "customer.add"];
                self.plesk.fail_next(pick(random, &of), fault);
            }
            _ => {
                let of = ["CMD_API_ACCOUNT_USER", "CMD_API_SELECT_USERS", "CMD_API_MODIFY_USER"];
                self.directadmin.fail_next(pick(random, &of), fault);
            }
        }
    }
}

async fn changed(billet: &Billet, id: &str, change: Change) {
    let request = pb::ChangeSubscriptionRequest {
        request_id: format!("{id}-changed"),
        id: id.to_owned(),
        change: Some(pb::SubscriptionChange { effective_date: None, change: Some(change) }),
        ..Default::default()
    };
    // The daemon may be dead at this moment: a call is repeated until it is answered, and takes effect once.
    for _ in 0..200 {
        match billet.owner.subscriptions().change_subscription(request.clone()).await {
            Ok(_) => return,
            Err(status)
                if matches!(
                    status.code(),
                    tonic::Code::Unavailable | tonic::Code::Aborted | tonic::Code::Unknown | tonic::Code::Cancelled
                ) =>
            {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(status) => panic!("{id}: {status}"),
        }
    }
    panic!("{id} could not be changed");
}

async fn held(billet: &Billet, id: &str) {
    let request = pb::HoldServiceRequest {
        request_id: format!("{id}-hold"),
        subscription_id: id.to_owned(),
        hold: "overdue".to_owned(),
        reason: "not paid".to_owned(),
    };
    billet.owner.provisioning().hold_service(request).await.expect("held");
}

async fn released(billet: &Billet, id: &str) {
    let request = pb::ReleaseServiceRequest {
        request_id: format!("{id}-release"),
        subscription_id: id.to_owned(),
        hold: "overdue".to_owned(),
        reason: "paid".to_owned(),
    };
    billet.owner.provisioning().release_service(request).await.expect("released");
}

/// Moves the clock ahead by so much.
async fn pass(billet: &mut Billet, clock: &mut DateTime<Utc>, by: TimeDelta) {
    *clock += by;
    let to = prost_types::Timestamp { seconds: clock.timestamp(), nanos: 0 };
    billet.owner.admin().advance_clock(pb::AdvanceClockRequest { to: Some(to) }).await.expect("the clock moves");
}

fn counts(services: &[pb::Service]) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for service in services {
        *counts.entry(service.state().as_str_name()).or_default() += 1;
    }
    counts
}

/// Whether nothing is to be done any more.
fn at_rest(services: &[pb::Service]) -> bool {
    let rest = [pb::ProvisioningState::Settled, pb::ProvisioningState::Gone];
    services
        .iter()
        .all(|one| rest.contains(&one.state()) && !one.running && one.wanted_state() != pb::AccountState::Absent)
}

/// A person looks at what waits and tries again.
async fn retried(billet: &Billet, services: &[pb::Service], round: usize) {
    for service in services.iter().filter(|one| one.state() == pb::ProvisioningState::Waiting) {
        assert_ne!(service.problem, "GONE_AT_PANEL", "{service:?}");
        let request = pb::RetryServiceRequest {
            request_id: format!("{}-retry-{round}", service.subscription_id),
            subscription_id: service.subscription_id.clone(),
        };
        billet.owner.provisioning().retry_service(request).await.expect("tried again");
    }
}

/// All accounts at an instance, through its adapter.
async fn accounts(billet: &Billet, instance: &str) -> Vec<pb::InstanceAccount> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = pb::ListInstanceAccountsRequest {
            instance_id: instance.to_owned(),
            page_size: 500,
            page_token: page_token.clone(),
            ..Default::default()
        };
        // A fault that was left may still be met.
        let Ok(page) = billet.owner.instances().list_instance_accounts(request).await else { continue };
        let page = page.into_inner();
        all.extend(page.accounts);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return all;
        }
    }
}

async fn story(engine: Engine, seed: u64) {
    // Those of a daemon that was killed are waited for in real time on PostgreSQL.
    let mut billet = Billet::start_with(engine, &["--job-lease-s", "5"]).await;
    let mut clock: DateTime<Utc> = START.parse().expect("an instant");
    let (small, large) = billet.hosting_plans(pb::CreateWhen::Accepted).await;
    let panels = Arc::new(Panels::start(&billet).await);
    panels.strangers().await;

    // From here on things go wrong.
    let on = Arc::new(AtomicBool::new(true));
    let troubles = tokio::spawn({
        let (panels, on) = (Arc::clone(&panels), Arc::clone(&on));
        async move {
            let mut random = StdRng::seed_from_u64(seed);
            let mut count = 0;
            // Not more than the simulators keep waiting for a function.
            while on.load(Ordering::Relaxed) && count < 350 {
                panels.trouble(&mut random);
                count += 1;
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
            count
        }
    });
    let customers: Vec<String> = stream::iter(0..CUSTOMERS)
        .then(|number| {
            let billet = &billet;
            async move { billet.customer(&format!("Customer {number}")).await }
        })
        .collect()
        .await;
    let ids: Vec<String> = stream::iter(0..SERVICES)
        .map(|number| {
            let (billet, customer, small) = (&billet, &customers[number % CUSTOMERS], &small);
            // Some want the very domains' names that strangers have.
            let domain = if number % 100 == 7 {
                format!("taken{}.example", number / 100)
            } else {
                format!("shop{number}.example")
            };
            async move { billet.order(customer, small, &domain, false).await }
        })
        .buffered(16)
        .collect()
        .await;

    // Contracts change, the daemon dies, time passes.
    let mut random = StdRng::seed_from_u64(seed + 1);
    for (part, chunk) in ids.chunks(SERVICES / KILLS).enumerate() {
        for (index, id) in chunk.iter().enumerate() {
            let number = part * (SERVICES / KILLS) + index;
            match end(number) {
                End::Large => {
                    let to = pb::ChangePlan { plan_id: large.clone(), ..Default::default() };
                    changed(&billet, id, Change::Plan(to)).await;
                }
                End::Suspended => held(&billet, id).await,
                End::Terminated => {
                    let cancel = pb::Cancel { ending: pb::Ending::AtOnceRefund.into(), ..Default::default() };
                    changed(&billet, id, Change::Cancel(cancel)).await;
                }
                End::Active if number % 10 == 5 => {
                    held(&billet, id).await;
                    released(&billet, id).await;
                }
                End::Active => {}
            }
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(50..800))).await;
        billet.kill();
        billet.restart().await;
        pass(&mut billet, &mut clock, TimeDelta::minutes(1)).await;
    }
    on.store(false, Ordering::Relaxed);
    let troubles = troubles.await.expect("troubles end");
    assert!(troubles > 100, "{troubles} faults are no chaos");
    // What panels do late comes within seconds here, and within minutes of billing time elsewhere: the clock runs ahead only now.
    tokio::time::sleep(Duration::from_secs(4)).await;

    // Everything comes to rest: pauses pass, persons look after what waits.
    let mut services = Vec::new();
    for round in 0..400 {
        services = billet.services().await;
        if at_rest(&services) {
            break;
        }
        retried(&billet, &services, round).await;
        // On SQLite the daemon that was killed is known to be dead; on PostgreSQL its leases have to end, in real time.
        pass(&mut billet, &mut clock, TimeDelta::minutes(5)).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    assert!(
        at_rest(&services),
        "{:?}\n{:?}",
        counts(&services),
        services.iter().find(|one| !at_rest(std::slice::from_ref(one)))
    );

    // What the panels have is what the subscriptions say, each account once, and nothing else.
    let mut found: BTreeMap<String, (String, pb::InstanceAccount)> = BTreeMap::new();
    let mut strangers = 0;
    for instance in &panels.instances {
        for account in accounts(&billet, instance).await {
            if account.domain.starts_with("stranger") {
                strangers += 1;
                continue;
            }
            if account.domain.is_empty() {
                continue;
            }
            let twice = found.insert(account.domain.clone(), (instance.clone(), account));
            assert!(twice.is_none(), "an account exists twice: {twice:?}");
        }
    }
    assert_eq!(strangers, 2 * STRANGERS, "strangers' accounts are left alone");
    let by_id: BTreeMap<&str, &pb::Service> = services.iter().map(|one| (one.subscription_id.as_str(), one)).collect();
    let mut names = BTreeSet::new();
    for (number, id) in ids.iter().enumerate() {
        let service = by_id[id.as_str()];
        let account = found.remove(&service.domain);
        match (end(number), account) {
            (End::Terminated, None) => {}
            // It was held before it was made: nothing is made to be suspended.
            (End::Suspended, None) if service.known_state() == pb::AccountState::Absent => {}
            (End::Terminated, there) => panic!("{service:?} should be gone, and there is {there:?}"),
            (_, None) => panic!("{service:?} is not there"),
            (wanted, Some((instance, account))) => {
                assert_eq!(
                    (instance.as_str(), account.username.as_str()),
                    (service.instance_id.as_str(), service.name.as_str())
                );
                assert!(names.insert((instance, account.username.clone())));
                let package = if wanted == End::Large { "large" } else { "small" };
                assert_eq!(account.package, package, "{service:?} {account:?}");
                assert_eq!(account.suspended, wanted == End::Suspended, "{service:?} {account:?}");
            }
        }
    }
    assert!(found.is_empty(), "nobody wants these: {found:?}");

    // The journal tells of each how it came about, and its attempts have no end left open.
    for id in ids.iter().step_by(97) {
        let told = pb::ListEventsRequest { subject: id.clone(), page_size: 200, ..Default::default() };
        let told = billet.owner.events().list_events(told).await.expect("events").into_inner().events;
        let kinds: BTreeSet<&str> = told.iter().map(|event| event.kind.as_str()).collect();
        assert!(kinds.is_superset(&BTreeSet::from(["service.ordered", "service.wanted"])), "{id}: {kinds:?}");
        let made = by_id[id.as_str()].has_credentials;
        assert!(!made || kinds.contains("service.placed"), "{id}: {kinds:?}");
        let attempts = pb::ListAttemptsRequest { subscription_id: id.clone(), ..Default::default() };
        let attempts = billet.owner.provisioning().list_attempts(attempts).await.expect("listed").into_inner().attempts;
        assert!(attempts.iter().all(|one| one.outcome() != pb::AttemptOutcome::Running), "{attempts:?}");
    }
    billet.stop().await;
    billet.assert_checks();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_service_comes_to_what_its_subscription_says() {
    for engine in Engine::all() {
        let began = std::time::Instant::now();
        story(engine, 20_261_125).await;
        println!("{engine:?}: {} services after {:?}", SERVICES, began.elapsed());
    }
}
