//! Crash safety: the daemon is killed again and again while panels report and a run is at work, and the books end as if
//! nothing had happened. Documents may be cut differently; what they add up to may not.

#[allow(dead_code, reason = "the journeys use the rest of it")]
#[path = "journeys/catalogue.rs"]
mod catalogue;
#[allow(dead_code, reason = "the journeys use the rest of it")]
#[path = "journeys/harness.rs"]
mod harness;
#[allow(dead_code, reason = "the journeys use the rest of it")]
#[path = "journeys/panel.rs"]
mod panel;

use std::collections::BTreeMap;
use std::time::Duration;

use billet::proto::billet::v1 as pb;
use billet::proto::billet::v1::hook_event::Change;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::harness::{Billet, Caller, Engine, START, cents, date};
use crate::panel::event;

/// How often the daemon is killed.
const KILLS: usize = 50;
/// Panels' callers at once.
const CALLERS: usize = 8;
/// Accounts that each caller reports about, one after the other.
const ACCOUNTS: usize = 12;
/// Subscriptions that are due in the run: enough that a daemon dies in the middle of it on SQLite, again and again.
const DUE: usize = 1_000;
/// How long everything may take to come to rest after the last kill.
const REST: Duration = Duration::from_secs(180);

/// What is left of a story: it must not depend on how often the daemon died.
#[derive(Debug, PartialEq, Eq)]
struct Books {
    /// Net cents by what is billed (the label of the subscription and the component).
    net: BTreeMap<String, i64>,
    /// Days billed less days given back, likewise.
    days: BTreeMap<String, i64>,
    /// How many facts each account has.
    facts: BTreeMap<String, usize>,
    /// Subscriptions that the run could not bill.
    failures: i64,
}

/// An account's month: created, two packages, suspended and back; every third is terminated, every fourth uses traffic.
fn story(account: usize) -> Vec<(String, Change)> {
    let changed = |to: &str| {
        Change::PackageChanged(pb::PackageChanged { from_package: String::new(), to_package: to.to_owned() })
    };
    let at = |hour: usize| format!("2027-03-01T{:02}:{:02}:00Z", hour, account % 60);
    let mut events = vec![
        (
            at(0),
            Change::AccountCreated(pb::AccountCreated {
                package: "starter".to_owned(),
                owner: "root".to_owned(),
                ..Default::default()
            }),
        ),
        (at(1), changed("pro")),
        (at(2), Change::AccountSuspended(pb::AccountSuspended { reason: "late".to_owned() })),
        (at(3), Change::AccountUnsuspended(pb::AccountUnsuspended {})),
        (at(4), changed("starter")),
    ];
    if account.is_multiple_of(4) {
        let usage = pb::UsageReported {
            metric: "traffic".to_owned(),
            quantity: harness::decimal("7.5"),
            from: date("2027-03-01"),
            to: date("2027-03-02"),
        };
        events.push((at(5), Change::UsageReported(usage)));
    }
    if account.is_multiple_of(3) {
        events.push((at(6), Change::AccountTerminated(pb::AccountTerminated {})));
    }
    events
}

/// Reports every event until the daemon says that it has it, whatever happens to the daemon meanwhile.
async fn report(mut daemon: watch::Receiver<Caller>, accounts: Vec<usize>) {
    for account in accounts {
        for (index, (at, change)) in story(account).into_iter().enumerate() {
            let told = event(&format!("a{account}-{index}"), &format!("acct{account}"), &at, change);
            loop {
                let request = pb::ReportRequest { event: Some(told.clone()) };
                let caller = daemon.borrow_and_update().clone();
                match tokio::time::timeout(Duration::from_secs(20), caller.hooks().report(request)).await {
                    Ok(Ok(answer)) => {
                        let result = answer.into_inner().result.expect("a result");
                        let taken = matches!(result.outcome(), pb::HookOutcome::Applied | pb::HookOutcome::Duplicate);
                        assert!(taken && result.reason.is_empty(), "{result:?}");
                        break;
                    }
                    // It died, or is not up again.
                    _ => tokio::time::sleep(Duration::from_millis(10)).await,
                }
            }
        }
    }
}

async fn set_up(billet: &Billet) -> String {
    let usage =
        pb::Component { metric: "traffic".to_owned(), ..catalogue::component("traffic", pb::Charging::Usage, "0.10") };
    let policy = pb::PlanPolicy { suspension_pauses_billing: true, ..Default::default() };
    let components = |price: &str| vec![catalogue::component("base", pb::Charging::Recurring, price), usage.clone()];
    let starter = billet.plan("starter", components("31.00"), Some(policy)).await;
    let pro = billet.plan("pro", components("62.31"), Some(policy)).await;
    let (instance, token) = billet.panel("whm1", pb::UnknownCustomerPolicy::Park).await;
    billet.map(&instance, "starter", &starter).await;
    billet.map(&instance, "pro", &pro).await;
    let mut customers = Vec::new();
    for index in 0..40 {
        customers.push(billet.customer(&format!("Customer {index}")).await);
    }
    for account in 0..CALLERS * ACCOUNTS {
        billet.link(&customers[account % customers.len()], &instance, &format!("acct{account}")).await;
    }
    for index in 0..DUE {
        let request = pb::CreateSubscriptionRequest {
            request_id: billet.request_id(),
            customer_id: customers[index % customers.len()].clone(),
            plan_id: pro.clone(),
            start_date: date("2027-02-10"),
            label: format!("due{index}"),
            ..Default::default()
        };
        billet.owner.subscriptions().create_subscription(request).await.expect("a subscription");
    }
    token
}

/// Plays the story and kills the daemon that often on the way.
async fn play(engine: Engine, kills: usize, seed: u64) -> Books {
    let mut billet = Billet::start(engine).await;
    let token = set_up(&billet).await;
    let request = pb::StartRunRequest { request_id: "the-run".to_owned(), cutoff_date: None };
    let (now, daemon) = watch::channel(billet.caller(&token).await);
    let mut reporters = JoinSet::new();
    for caller in 0..CALLERS {
        let accounts = (0..ACCOUNTS).map(|index| index * CALLERS + caller).collect();
        reporters.spawn(report(daemon.clone(), accounts));
    }
    let run = billet.owner.runs().start_run(request).await.expect("a run").into_inner().run.expect("a run");

    let mut random = StdRng::seed_from_u64(seed);
    for _ in 0..kills {
        tokio::time::sleep(Duration::from_millis(random.random_range(5..150))).await;
        billet.kill();
        billet.restart().await;
        now.send_replace(billet.caller(&token).await);
    }
    while let Some(reported) = reporters.join_next().await {
        reported.expect("everything was reported");
    }
    let run = finished(&billet, &run.id).await;
    let books = books(&billet, &run).await;
    billet.assert_books_balance().await;
    billet.stop().await;
    billet.assert_checks();
    books
}

/// Waits for the run. However often its daemon died, its job did not: it got ahead now and then.
async fn finished(billet: &Billet, id: &str) -> pb::Run {
    let patience = std::time::Instant::now();
    while patience.elapsed() < REST {
        let request = pb::GetRunRequest { id: id.to_owned() };
        let run = billet.owner.runs().get_run(request).await.expect("it is there").into_inner().run.expect("a run");
        if run.state() == pb::RunState::Finished {
            return run;
        }
        let request = pb::ListJobsRequest { state: pb::JobState::Dead.into(), ..Default::default() };
        let dead = billet.owner.admin().list_jobs(request).await.expect("jobs").into_inner().jobs;
        assert!(dead.is_empty(), "{dead:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the run did not end: {}", billet.log());
}

async fn books(billet: &Billet, run: &pb::Run) -> Books {
    let (mut net, mut days, mut facts) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let mut labels = BTreeMap::new();
    let mut page_token = String::new();
    loop {
        let request = pb::ListSubscriptionsRequest { page_size: 1_000, page_token, ..Default::default() };
        let page = billet.owner.subscriptions().list_subscriptions(request).await.expect("a list").into_inner();
        for one in page.subscriptions {
            let request = pb::ListFactsRequest { subscription_id: one.id.clone() };
            let told = billet.owner.subscriptions().list_facts(request).await.expect("facts").into_inner().facts;
            assert!(facts.insert(one.label.clone(), told.len()).is_none(), "{} is there twice", one.label);
            labels.insert(one.id, one.label);
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let documents = billet.documents().await;
    for document in &documents {
        let direction = if document.kind() == pb::InvoiceKind::Invoice { 1 } else { -1 };
        for line in &document.lines {
            let key = format!("{} {}", labels[&line.subscription_id], line.component);
            let amount = direction * cents(line.net_amount.as_ref());
            *net.entry(key.clone()).or_insert(0) += amount;
            *days.entry(key).or_insert(0) += i64::from(line.days) * amount.signum();
        }
    }
    // Numbers have no gaps, whatever died.
    let mut numbers: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for document in &documents {
        let (series, number) = document.number.rsplit_once('-').expect("a number");
        numbers.entry(series.to_owned()).or_default().push(number.parse().expect("digits"));
    }
    for (series, mut given) in numbers {
        given.sort_unstable();
        assert!(given.iter().copied().eq(1..=u32::try_from(given.len()).expect("few")), "{series}: {given:?}");
    }
    Books { net, days, facts, failures: run.failure_count }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_is_killed_fifty_times_keeps_the_same_books() {
    assert!(START.starts_with("2027-03-01"), "the stories are of that day");
    for engine in Engine::all() {
        let undisturbed = play(engine, 0, 0).await;
        let seed = 20_270_301;
        let killed = play(engine, KILLS, seed).await;
        assert_eq!(undisturbed.failures, killed.failures, "seed {seed}: failures of the run");
        assert_eq!(undisturbed.net, killed.net, "seed {seed}: net");
        assert_eq!(undisturbed.days, killed.days, "seed {seed}: days");
        assert_eq!(undisturbed.facts, killed.facts, "seed {seed}: facts");
    }
}
