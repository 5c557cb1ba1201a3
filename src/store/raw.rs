//! What the database itself can do, as a measure for what is built on it: one-row commits, and the very rows of a
//! billing run without the billing. Only `billet bench` uses this, on databases of its own.

use std::time::{Duration, Instant};

use billet_domain::id::SellerId;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::engine::Table;
use super::{Store, StoreError, customer, invoice, job, ledger, open_item, unit};
use crate::params;

/// Makes a database on a PostgreSQL server; `url` is without a database's name.
///
/// # Errors
/// [`StoreError`].
pub async fn create_database(url: &str, name: &str) -> Result<(), StoreError> {
    administer(url, format!("CREATE DATABASE {name}")).await
}

/// Drops it.
///
/// # Errors
/// [`StoreError`].
pub async fn drop_database(url: &str, name: &str) -> Result<(), StoreError> {
    administer(url, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await
}

async fn administer(url: &str, statement: String) -> Result<(), StoreError> {
    let mut connection = PgConnection::connect(&format!("{url}/postgres")).await?;
    sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

/// How many transactions of one row a second are made durable one after the other.
///
/// # Errors
/// [`StoreError`].
pub async fn one_row_commits(store: &Store, during: Duration) -> Result<f64, StoreError> {
    let engine = store.engine();
    let mut tx = engine.begin().await?;
    tx.execute("CREATE TABLE IF NOT EXISTS bench_commits (id BIGINT PRIMARY KEY, body TEXT NOT NULL)", &[]).await?;
    let (mut id,): (i64,) = tx.one("SELECT count(*) FROM bench_commits", &[]).await?;
    tx.commit().await?;
    let mut count = 0_u32;
    let began = Instant::now();
    while began.elapsed() < during {
        id += 1;
        count += 1;
        let mut tx = engine.begin().await?;
        tx.execute("INSERT INTO bench_commits (id, body) VALUES ($1, $2)", params![id, "one row"]).await?;
        tx.commit().await?;
    }
    Ok(f64::from(count) / began.elapsed().as_secs_f64())
}

/// A table that is copied: which, the column that it is read by, and how many of its rows a document has.
struct Copied {
    table: &'static Table,
    key: &'static str,
    after: i64,
    per_document: i64,
}

/// What was copied.
#[derive(Debug, Clone, Copy, Default)]
pub struct Raw {
    /// Only the writing, commits included.
    pub took: Duration,
    /// How many documents.
    pub documents: u64,
    /// How many lines.
    pub lines: u64,
    /// How many rows of all tables.
    pub rows: u64,
}

/// Copies what a run wrote into another database.
pub struct Copier {
    seller_id: SellerId,
    /// The seller's last event before the run.
    sequence: i64,
}

impl Copier {
    /// Remembers where the database stands before the run.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn before(store: &Store, seller_id: SellerId) -> Result<Self, StoreError> {
        let mut tx = store.snapshot().await?;
        let head = "SELECT sequence FROM journal_heads WHERE seller_id = $1";
        let (sequence,) = tx.one(head, params![seller_id]).await?;
        Ok(Self { seller_id, sequence })
    }

    /// Writes the rows of the run, `batch` documents in a transaction, through the same inserts; the customers, who are
    /// referred to, are copied before and not counted.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn copy(
        &self,
        from: &Store,
        to: &Store,
        batch: i64,
        mut copied: impl FnMut(u64),
    ) -> Result<Raw, StoreError> {
        let mut customers = [Copied { table: &customer::CUSTOMERS, key: "id", after: 0, per_document: 1 }];
        while self.step(from, to, &mut customers, batch, &mut Raw::default()).await? > 0 {}
        let table = |table, key, per_document| Copied { table, key, after: 0, per_document };
        let mut tables = [
            table(&invoice::INVOICES, "id", 1),
            table(&invoice::LINES, "invoice_id", 3),
            table(&open_item::NEW, "invoice_id", 1),
            table(&ledger::ENTRIES, "id", 2),
            table(&job::JOBS, "id", 1),
            Copied { table: &unit::EVENTS, key: "sequence", after: self.sequence, per_document: 1 },
        ];
        let mut raw = Raw::default();
        while self.step(from, to, &mut tables, batch, &mut raw).await? > 0 {
            copied(batch.unsigned_abs());
        }
        Ok(raw)
    }

    /// Copies the next rows of each table in one transaction; answers how many.
    async fn step(
        &self,
        from: &Store,
        to: &Store,
        tables: &mut [Copied],
        batch: i64,
        raw: &mut Raw,
    ) -> Result<u64, StoreError> {
        let mut tx = from.snapshot().await?;
        let mut pages = Vec::with_capacity(tables.len());
        for Copied { table, key, after, per_document } in tables.iter_mut() {
            let (rows, last) = tx.page(table, key, self.seller_id, *after, batch * *per_document).await?;
            *after = last.unwrap_or(*after);
            pages.push(rows);
        }
        drop(tx);
        let copied: u64 = pages.iter().map(|rows| rows.len() as u64).sum();
        raw.documents += pages.first().map_or(0, |rows| rows.len() as u64);
        raw.lines += pages.get(1).map_or(0, |rows| rows.len() as u64);
        raw.rows += copied;
        let began = Instant::now();
        let mut tx = to.engine().begin().await?;
        for rows in pages {
            tx.insert(rows).await?;
        }
        tx.commit().await?;
        raw.took += began.elapsed();
        Ok(copied)
    }
}
