//! What SQLite makes of the statements of the daily business: an index has to find what is wanted, never a walk over
//! everything that a seller has.

use billet_domain::id::{CustomerId, InvoiceId};
use billet_domain::money::{Currency, Money};
use indicatif::ProgressBar;

use super::burst::{Burst, Counter, account};
use super::hooks::open_accounts;
use super::place::Place;
use super::runs::{measure, subscribe};
use super::world::World;
use super::{Kind, PlaceArgs, ProvisionArgs, provision};
use crate::billing::hook::desk::HookDesk;
use crate::billing::pay::{self, NewPayment};
use crate::billing::{correct, hook, run, statement};
use crate::store::hook as stored_hook;
use crate::store::subscription::{Filter, list};
use crate::store::testing::{plan, statements};
use crate::store::{invoice, seller};

async fn place() -> Place {
    Place::make(&PlaceArgs { store: Kind::Sqlite, postgres_url: None, dir: None }).await.expect("two databases")
}

/// Few rows, whatever happens: a walk over them is no matter.
const SMALL: [&str; 14] = [
    "sellers",
    "series",
    "instances",
    "plans",
    "plan_versions",
    "package_mappings",
    "promotions",
    "tokens",
    "schedules",
    "id_blocks",
    "journal_heads",
    "runs",
    "create_turns",
    "reconciliations",
];

/// Why a step of a plan is slow, if it is.
fn walks(step: &str) -> bool {
    let mut words = step.split_whitespace();
    let (kind, table) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if SMALL.contains(&table) || !matches!(kind, "SCAN" | "SEARCH") {
        return false;
    }
    let reads_json = ["json_each", "fresh", "SUBQUERY", "CONSTANT", "moved", "due", "lost"].contains(&table);
    (kind == "SCAN" && !reads_json) || step.contains("(seller_id=?)")
}

/// Statements that walk over a seller's rows on purpose.
fn may_walk(statement: &str) -> bool {
    // Rows come from JSON; the searches are for foreign keys that were deferred, of which there are none.
    statement.starts_with("INSERT INTO")
        // Which migrations there were, once per start.
        || statement.contains("sqlite_master")
        // Once per run, over the index of what is due.
        || statement.starts_with("SELECT count(*) FROM subscriptions")
        // The schema's own few rows, when the database is opened.
        || statement.contains(" sqlite_master ")
        // The first row that there is.
        || statement.starts_with("SELECT id FROM (SELECT id FROM payments INDEXED BY payments_unallocated")
}

async fn customers(world: &World) -> Vec<CustomerId> {
    let mut tx = world.billing.store.snapshot().await.expect("begins");
    let found = list(&mut tx, world.seller_id, &Filter::default(), 0, 10).await.expect("subscriptions");
    found.iter().map(|one| one.customer_id).collect()
}

#[tokio::test]
async fn statements_of_the_daily_business_find_what_they_want() {
    let place = place().await;
    let world = World::found(&place.store).await.expect("a seller");
    open_accounts(&world, 8).await.expect("accounts");
    let (desk, _task) = HookDesk::open(&world.billing);
    let burst = Burst {
        billing: world.billing.clone(),
        seller_id: world.seller_id,
        instance_id: world.instance_id,
        accounts: 8,
        count: 32,
        callers: 4,
    };
    let (_, latencies) = burst.go(&Counter::Desk(desk), &ProgressBar::hidden()).await.expect("hooks");
    assert_eq!(latencies.len(), 32);

    subscribe(&world, 10).await.expect("subscriptions");
    let mut unit = world.billing.begin(world.seller_id, "system").await.expect("begins");
    let today = world.billing.now().date_naive();
    let planned = run::plan(&mut unit, today, false).await.expect("a run");
    unit.commit().await.expect("commits");
    let done = run::work(&world.billing, world.seller_id, planned.id, 1).await.expect("works");
    assert_eq!(done.invoice_count, 10);

    let seller_id = world.seller_id;
    let customer_id = customers(&world).await.pop().expect("a customer");
    let mut unit = world.billing.begin(seller_id, "system").await.expect("begins");
    let filter = invoice::Filter { customer_id: Some(customer_id), ..Default::default() };
    let invoices = invoice::list(&mut unit, seller_id, &filter, (i64::MAX, i64::MAX), 10).await.expect("invoices");
    let open: Vec<InvoiceId> = invoices.iter().filter(|one| one.number.is_some()).map(|one| one.id).take(1).collect();
    let new = NewPayment {
        customer_id,
        amount: Money::new(100_000, Currency::EUR),
        moved_on: None,
        method: String::new(),
        reference: Some("bank-1".to_owned()),
    };
    pay::record(&mut unit, new, &[], false).await.expect("a payment");
    let seller = seller::get(&mut unit, seller_id).await.expect("reads").expect("the seller");
    if let Some(id) = open.first() {
        // Whether it can be cancelled does not matter here, only what is asked on the way.
        let _ = correct::cancel(&mut unit, &seller, *id, "for the plans", false).await;
    }
    unit.commit().await.expect("commits");

    let mut unit = world.billing.begin(seller_id, "system").await.expect("begins");
    for filter in [
        Filter { customer_id: Some(customer_id), ..Filter::default() },
        Filter { instance_id: Some(world.instance_id), external_ref: Some(account(1)), ..Filter::default() },
    ] {
        assert!(!list(&mut unit, seller_id, &filter, 0, 10).await.expect("subscriptions").is_empty());
    }
    statement::statement(&mut unit, seller_id, customer_id, Currency::EUR, None, today).await.expect("a statement");
    let filter = stored_hook::Filter::default();
    let parked = stored_hook::parked(&mut unit, seller_id, &filter, 0, 10).await.expect("the inbox");
    hook::replay(&mut unit, &seller, &parked).await.expect("replays");
    drop(unit);

    // Accounts at panels, in a database of their own.
    let other = self::place().await;
    provision::measure(&other, &accounts_args()).await.expect("accounts");

    let heard = statements();
    assert!(heard.len() > 60, "only {} statements were run", heard.len());
    let mut slow = Vec::new();
    for text in heard.iter().filter(|text| !text.starts_with("CREATE") && !may_walk(text)) {
        let steps = plan(&place.store, text).await;
        if steps.iter().any(|step| walks(step)) {
            slow.push(format!("{text}\n    {}", steps.join("\n    ")));
        }
    }
    assert!(slow.is_empty(), "{} of {} statements walk:\n\n{}", slow.len(), heard.len(), slow.join("\n\n"));
}

fn accounts_args() -> ProvisionArgs {
    let place = PlaceArgs { store: Kind::Sqlite, postgres_url: None, dir: None };
    ProvisionArgs { place, count: 40, instances: 2, creates_max: 4, latency_ms: 1 }
}

#[tokio::test]
async fn accounts_are_measured_as_they_are_made() {
    let place = place().await;
    let report = provision::measure(&place, &accounts_args()).await.expect("measures");
    assert_eq!((report.bench, report.count), ("provision", 40));
    assert!(report.rate_per_s > 0.0 && report.p50_ms >= 1.0, "{report:?}");
}

#[tokio::test]
async fn a_run_is_measured_with_its_own_rows() {
    let place = place().await;
    let report = measure(&place, 120).await.expect("measures");
    assert_eq!((report.bench, report.store, report.count), ("run", "sqlite", 120));
    assert!(report.rate_per_s > 0.0 && report.raw_rate_per_s > 0.0 && report.rss_mib_max > 0.0);
    // An invoice, three lines, an open item, two entries, a job and an event each; the run's own job and two events.
    assert_eq!(report.more["rows"], 120 * 9 + 3);
}

/// PostgreSQL joins a sub-select, and looks an array up by the index.
#[test]
fn sets_are_arrays_on_postgres() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
    let mut read = 0;
    for entry in std::fs::read_dir(folder).expect("the store's sources") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            let text = std::fs::read_to_string(&path).expect("a source");
            read += 1;
            for (before, _) in text.match_indices("(SELECT json_array_elements_text(").map(|(at, _)| text.split_at(at))
            {
                assert!(before.ends_with("= ANY (ARRAY"), "{}: a set that is not an array", path.display());
            }
        }
    }
    assert!(read > 20, "only {read} sources were read");
}
