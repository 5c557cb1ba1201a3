//! Crash safety: the daemon is killed again and again while panels report and a run is at work, and the books end as if
//! nothing had happened. Documents may be cut differently; what they add up to may not. On PostgreSQL the same with two
//! daemons that work at the same hooks and runs.

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
/// How often one of two daemons on one database is killed.
const KILLS_OF_TWO: usize = 30;
/// When the panels report and the runs are at work: a few days after it happened, so that runs up to several days are
/// possible. The night's run is the one of this day.
const TODAY: &str = "2027-03-04T08:00:00Z";
/// Leases of the dead end soon, so that their jobs change hands while others die.
const SETTINGS: &[&str] = &["--job-lease-s", "2"];
/// Small batches, so that two daemons are at it in turns.
const SETTINGS_OF_TWO: &[&str] = &["--job-lease-s", "2", "--run-batch", "25"];
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

async fn set_up(billet: &mut Billet) -> String {
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
    billet.move_clock(TODAY).await;
    token
}

/// Panels' callers at a daemon: which accounts each of them reports about.
fn report_at(daemon: &watch::Receiver<Caller>, reporters: &mut JoinSet<()>) {
    for caller in 0..CALLERS {
        let accounts = (0..ACCOUNTS).map(|index| index * CALLERS + caller).collect();
        reporters.spawn(report(daemon.clone(), accounts));
    }
}

async fn start_run(billet: &Billet, cutoff: Option<&str>) -> String {
    let request = pb::StartRunRequest {
        request_id: format!("the-run-{}", cutoff.unwrap_or("of today")),
        cutoff_date: cutoff.and_then(date),
    };
    billet.owner.runs().start_run(request).await.expect("a run").into_inner().run.expect("a run").id
}

/// Plays the story and kills the daemon that often on the way. (The database of what this answers is there as long as it.)
async fn play(engine: Engine, kills: usize, seed: u64) -> (Books, Billet) {
    let mut billet = Billet::start_with(engine, SETTINGS).await;
    let token = set_up(&mut billet).await;
    let (now, daemon) = watch::channel(billet.caller(&token).await);
    let mut reporters = JoinSet::new();
    report_at(&daemon, &mut reporters);
    let run = start_run(&billet, None).await;

    let mut random = StdRng::seed_from_u64(seed);
    for _ in 0..kills {
        tokio::time::sleep(Duration::from_millis(random.random_range(5..150))).await;
        billet.kill();
        billet.restart().await;
        now.send_replace(billet.caller(&token).await);
    }
    (rest(&mut billet, reporters, &[run]).await, billet)
}

/// The same with two daemons on one database. Both are told the same hooks at once, and four runs that want the same
/// subscriptions are at work at once. Now one of them is killed, now the other, now both.
async fn play_with_two(kills: usize, seed: u64) -> (Books, Billet) {
    let mut billet = Billet::start_with(Engine::Postgres, SETTINGS_OF_TWO).await;
    let token = set_up(&mut billet).await;
    let places = [0, billet.join()];
    let mut reporters = JoinSet::new();
    let mut callers = Vec::new();
    for place in places {
        let (now, daemon) = watch::channel(billet.caller_at(place, &token).await);
        report_at(&daemon, &mut reporters);
        callers.push(now);
    }
    let mut runs = Vec::new();
    // What is due today was due on each of these days.
    for cutoff in [Some("2027-03-01"), Some("2027-03-02"), Some("2027-03-03"), None] {
        runs.push(start_run(&billet, cutoff).await);
    }

    let mut random = StdRng::seed_from_u64(seed);
    for _ in 0..kills {
        tokio::time::sleep(Duration::from_millis(random.random_range(5..300))).await;
        let dying: &[usize] = match random.random_range(0..5u32) {
            0 | 1 => &places[..1],
            2 | 3 => &places[1..],
            _ => &places,
        };
        for place in dying {
            billet.kill_at(*place);
        }
        for place in dying {
            billet.restart_at_place(*place).await;
            callers[*place].send_replace(billet.caller_at(*place, &token).await);
        }
    }
    (rest(&mut billet, reporters, &runs).await, billet)
}

/// Waits until everything is reported and billed, and closes the books.
async fn rest(billet: &mut Billet, mut reporters: JoinSet<()>, runs: &[String]) -> Books {
    while let Some(reported) = reporters.join_next().await {
        reported.expect("everything was reported");
    }
    let mut failures = 0;
    for run in runs {
        failures += finished(billet, run).await.failure_count;
    }
    let books = books(billet, failures).await;
    billet.assert_books_balance().await;
    billet.stop().await;
    billet.assert_checks();
    books
}

/// Waits for the run. Where the machine is so slow that a job never got ahead between two kills, it has given up after a dozen
/// daemons that died over it: then it is put back, as a person would, who knows that it was not the job's fault.
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
        for job in dead {
            assert_eq!(job.last_error, "the daemon that worked on it stopped", "{job:?}");
            let request = pb::RetryJobRequest { request_id: billet.request_id(), id: job.id };
            billet.owner.admin().retry_job(request).await.expect("put back");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the run did not end: {}", billet.log());
}

async fn books(billet: &Billet, failures: i64) -> Books {
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
    Books { net, days, facts, failures }
}

fn assert_same(undisturbed: &Books, killed: &Books, seed: u64) {
    assert_eq!(undisturbed.failures, killed.failures, "seed {seed}: failures of the runs");
    assert_eq!(undisturbed.net, killed.net, "seed {seed}: net");
    assert_eq!(undisturbed.days, killed.days, "seed {seed}: days");
    assert_eq!(undisturbed.facts, killed.facts, "seed {seed}: facts");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn daemons_that_are_killed_fifty_times_keep_the_same_books() {
    assert!(START.starts_with("2027-03-01"), "the stories are of that day");
    let seed = 20_270_301;
    for engine in Engine::all() {
        let (undisturbed, _alone) = play(engine, 0, 0).await;
        let (killed, _database) = play(engine, KILLS, seed).await;
        assert_same(&undisturbed, &killed, seed);
        if engine == Engine::Postgres {
            let (killed, _database) = play_with_two(KILLS_OF_TWO, seed).await;
            assert_same(&undisturbed, &killed, seed);
        }
    }
}
