//! Fresh databases for tests: SQLite always, PostgreSQL where `BILLET_TEST_POSTGRES` names a server (`tests/run` does).

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Connection as _, Row as _};

use super::{Engine, Store};

/// A database of one test; its files go when it is dropped.
pub struct Fresh {
    /// Open and migrated.
    pub store: Store,
    _folder: tempfile::TempDir,
}

static NEXT: AtomicU32 = AtomicU32::new(0);

thread_local! {
    static HEARD: RefCell<BTreeSet<&'static str>> = const { RefCell::new(BTreeSet::new()) };
}

/// Takes down a statement for SQLite that is run on this thread.
pub fn heard(text: &'static str) {
    HEARD.with_borrow_mut(|heard| heard.insert(text));
}

/// The statements that were run on this thread so far: those of one test.
pub fn statements() -> BTreeSet<&'static str> {
    HEARD.with_borrow(Clone::clone)
}

/// How SQLite would run a statement: the lines of EXPLAIN QUERY PLAN.
pub async fn plan(store: &Store, statement: &str) -> Vec<String> {
    let Engine::Sqlite { writer, .. } = store.engine() else { panic!("SQLite alone explains itself this way") };
    let text = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
    let rows = sqlx::query(text).fetch_all(writer).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    rows.iter().map(|row| row.get::<String, _>(3)).collect()
}

/// One fresh database per engine.
pub async fn stores() -> Vec<Fresh> {
    let mut fresh = Vec::new();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = format!("sqlite:{}", folder.path().join("billet.db").display());
    fresh.push(Fresh { store: Store::open(&url).await.expect("a fresh database"), _folder: folder });
    match std::env::var("BILLET_TEST_POSTGRES") {
        Ok(server) => {
            let name = format!("billet_unit_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
            let mut admin =
                sqlx::PgConnection::connect(&format!("{server}/postgres")).await.expect("the test server answers");
            sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}")))
                .execute(&mut admin)
                .await
                .expect("a fresh database");
            let store = Store::open(&format!("{server}/{name}")).await.expect("a fresh database");
            fresh.push(Fresh { store, _folder: tempfile::tempdir().expect("a temporary folder") });
        }
        Err(_) => {
            assert!(std::env::var("CI").is_err(), "in CI both engines are tested: BILLET_TEST_POSTGRES is not set");
        }
    }
    fresh
}

/// A seller with an empty journal, without going through the use cases.
pub async fn seller(store: &Store, id: i64) -> billet_domain::id::SellerId {
    let mut tx = store.engine().begin().await.expect("a transaction");
    tx.execute(
        "INSERT INTO sellers (id, parent_id, party, time_zone, currency, language, payment_term_days, credit_policy, tax_rules, iban, bic, \
         nightly_run_at, bill_changes_at_once, created_at) \
         VALUES ($1, (SELECT min(id) FROM sellers), '{}', 'Europe/Berlin', 'EUR', 'en', 14, 'credit_note', '[]', '', '', '02:00', 1, 0)",
        &[id.into()],
    )
    .await
    .expect("a seller");
    tx.execute(
        "INSERT INTO journal_heads (seller_id, sequence, hash) VALUES ($1, 0, $2)",
        &[id.into(), billet_domain::journal::GENESIS.into()],
    )
    .await
    .expect("its journal");
    tx.commit().await.expect("a commit");
    billet_domain::id::SellerId(id)
}

/// How many transactions of the database wait for a lock at this moment; none ever on SQLite.
pub async fn waiting_for_locks(store: &Store) -> i64 {
    let mut tx = store.snapshot().await.expect("a snapshot");
    if !tx.is_postgres() {
        return 0;
    }
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let (count,): (i64,) = tx.one(sql, &[]).await.expect("the activity");
    count
}
