//! Random histories of many customers through the use cases, interleaved by date; the books, the numbers and the covered
//! days have to hold all the way. `BILLET_HISTORIES_SEED` repeats a run: it is told on failure.

#[path = "histories/check.rs"]
mod check;
#[path = "histories/drafts.rs"]
mod drafts;
#[path = "histories/money.rs"]
mod money;
#[path = "histories/step.rs"]
mod step;
#[path = "histories/world.rs"]
mod world;

use billet::billing::run;
use billet::store::run::failures;
use billet::store::{Store, raw};
use chrono::{Days, NaiveDate, TimeDelta};
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use crate::step::History;
use crate::world::World;

/// How likely a customer does something on a day, in thousandths: about nine steps in fourteen months.
const STEP_PER_MILLE: u32 = 20;
/// Of how many steps one is looked at with all books.
const SAMPLED_OF: u32 = 20;
/// The most steps that are followed by an audit: each reads all books.
const SAMPLES_MAX: u32 = 100;

fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).expect("a date")
}

/// What came of a run.
#[derive(Debug, PartialEq, Eq)]
struct Night {
    documents: i64,
    failures: i64,
}

const NOTHING_DUE: Night = Night { documents: 0, failures: 0 };

/// Bills what is due up to the day.
async fn nightly(world: &World, on: NaiveDate) -> Night {
    let mut unit = world.billing.begin(world.seller.id, "system").await.expect("begins");
    let planned = run::plan(&mut unit, on, false).await.expect("a run");
    unit.commit().await.expect("commits");
    let done = run::work(&world.billing, world.seller.id, planned.id, 1).await.expect("works");
    // Days on a draft that changed meanwhile wait until somebody issues or discards it.
    let mut tx = world.billing.store.snapshot().await.expect("a snapshot");
    let failed = failures(&mut tx, world.seller.id, done.id, 0, 5_000).await.expect("failures");
    assert_eq!(i64::try_from(failed.len()), Ok(done.failure_count), "{done:?}");
    assert!(failed.iter().all(|one| one.reason == "DRAFT_IN_THE_WAY"), "run of {on}: {failed:?}");
    Night { documents: done.invoice_count, failures: done.failure_count }
}

async fn live(store: Store, customers: u32) {
    let seed: u64 = std::env::var("BILLET_HISTORIES_SEED").map_or(20_270_101, |text| text.parse().expect("a number"));
    eprintln!("seed {seed} (BILLET_HISTORIES_SEED)");
    let began = std::time::Instant::now();
    let mut rng = StdRng::seed_from_u64(seed);
    let world = World::found(store, customers).await;
    let mut histories: Vec<History> = (0u32..)
        .zip(&world.customers)
        .map(|(number, customer)| History::new(number, *customer, seed ^ u64::from(number)))
        .collect();
    let (mut today, end, mut samples) = (day(2027, 1, 1), day(2028, 2, 28), 0);
    let mut days = 0;
    while today <= end {
        let noon = today.and_hms_opt(11, 0, 0).expect("noon").and_utc();
        world.billing.clock.advance(noon).expect("time goes on");
        let mut order: Vec<usize> = (0..histories.len()).collect();
        order.retain(|_| rng.random_ratio(STEP_PER_MILLE, 1_000));
        order.shuffle(&mut rng);
        for (nth, at) in (0i64..).zip(order) {
            world.billing.clock.advance(noon + TimeDelta::seconds(nth)).expect("time goes on");
            histories[at].step(&world).await;
            if samples < SAMPLES_MAX && rng.random_ratio(1, SAMPLED_OF) {
                samples += 1;
                check::books(&world, &histories[at].told()).await;
            }
        }
        if days % 7 == 0 {
            nightly(&world, today).await;
            check::books(&world, &format!("run of {today}")).await;
        }
        days += 1;
        today = today.checked_add_days(Days::new(1)).expect("a date");
    }
    let mut waited = 0;
    for history in &mut histories {
        for ended in 0.. {
            if !history.has_drafts {
                break;
            }
            assert!(ended < 100, "a draft does not come to its end in {}", history.told());
            waited += 1;
            let name = if rng.random_ratio(1, 2) { "issue_draft" } else { "discard_draft" };
            history.take(&world, name).await;
        }
    }
    assert!(waited > 0, "no draft waited to the end");
    assert_eq!(nightly(&world, end).await.failures, 0, "no draft is in the way any more");
    assert_eq!(nightly(&world, end).await, NOTHING_DUE, "the same day bills once");
    assert_eq!(nightly(&world, end).await, NOTHING_DUE, "the same day bills once");
    check::books(&world, "the end").await;
    check::coverage(&world, &histories, end).await;
    check::numbers(&world).await;
    check::journal(&world).await;
    check::hooks_again(&world, &histories).await;
    let mut counts = std::collections::BTreeMap::new();
    for ((step, outcome), count) in histories.iter().flat_map(|history| &history.counts) {
        *counts.entry((*step, *outcome)).or_insert(0u32) += count;
    }
    // A hundred customers are too few for what is rare.
    let rare = (customers >= 1_000).then_some(drafts::IN_THE_WAY);
    for step in step::NAMES.into_iter().chain([drafts::DAYS_DRAFTED]).chain(rare) {
        assert!(counts.get(&(step, "done")).copied().unwrap_or_default() > 0, "no {step} succeeded: {counts:?}");
    }
    eprintln!("{counts:?} in {:?}", began.elapsed());
}

#[tokio::test]
async fn a_thousand_histories_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("billet.db").display());
    let store = Store::open(&url).await.expect("opens");
    live(store, 1_000).await;
}

#[tokio::test]
async fn a_hundred_histories_on_postgres() {
    let Ok(url) = std::env::var("BILLET_TEST_POSTGRES") else {
        eprintln!("BILLET_TEST_POSTGRES is not set: left out");
        return;
    };
    let name = format!("billet_histories_{}", std::process::id());
    raw::create_database(&url, &name).await.expect("a database");
    let store = Store::open(&format!("{url}/{name}")).await.expect("opens");
    let outcome = tokio::spawn(live(store, 100)).await;
    raw::drop_database(&url, &name).await.expect("dropped");
    outcome.expect("the histories hold");
}
