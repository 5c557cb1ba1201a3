//! The two engines side by side. Above this file a statement is a text with `$1` parameters that both understand;
//! where they differ (sets as parameters, bulk rows, locks, error names) the difference stands here.

use std::collections::HashMap;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::str::FromStr;
use std::sync::{LazyLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{PgPool, SqlitePool, SqliteTransaction};

use super::StoreError;
use super::reach::reach;
use super::value::{FromRow, Row, Value};
use crate::metrics;

/// A statement for both engines: one text where one serves both, two where they differ.
#[derive(Debug, Clone, Copy)]
pub struct Sql {
    /// For SQLite.
    pub sqlite: &'static str,
    /// For PostgreSQL.
    pub postgres: &'static str,
}

impl From<&'static str> for Sql {
    fn from(both: &'static str) -> Self {
        Self { sqlite: both, postgres: both }
    }
}

/// A statement with a set of integers as a parameter: `with_ids!("SELECT .. WHERE id ", 2, " ORDER BY id")` finds those
/// whose id is in the set `$2`, given as [`id_set`].
///
/// PostgreSQL takes a sub-select for a table of unknown size and joins it, which may mean to walk over everything that a
/// seller has; an array is looked up by the index, whatever is known about the tables.
#[macro_export]
macro_rules! with_ids {
    ($before:literal, $parameter:literal, $after:literal) => {
        $crate::store::Sql {
            sqlite: concat!($before, "IN (SELECT value FROM json_each($", $parameter, "))", $after),
            postgres: concat!(
                $before,
                "= ANY (ARRAY(SELECT json_array_elements_text($",
                $parameter,
                "::json)::bigint))",
                $after
            ),
        }
    };
}

/// The same for a set of texts, given as [`text_set`].
#[macro_export]
macro_rules! with_texts {
    ($before:literal, $parameter:literal, $after:literal) => {
        $crate::store::Sql {
            sqlite: concat!($before, "IN (SELECT value FROM json_each($", $parameter, "))", $after),
            postgres: concat!(
                $before,
                "= ANY (ARRAY(SELECT json_array_elements_text($",
                $parameter,
                "::json)))",
                $after
            ),
        }
    };
}

/// A statement that locks the rows it reads until the transaction ends. SQLite has one writer at a time anyway.
#[macro_export]
macro_rules! for_update {
    ($text:literal) => {
        $crate::store::Sql { sqlite: $text, postgres: concat!($text, " FOR UPDATE") }
    };
}

/// A set of integers as one parameter.
pub fn id_set(ids: impl IntoIterator<Item = i64>) -> Value {
    let mut text = String::from("[");
    for id in ids {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&id.to_string());
    }
    text.push(']');
    Value::Text(Some(text))
}

/// A set of texts as one parameter.
pub fn text_set<'a>(texts: impl IntoIterator<Item = &'a str>) -> Value {
    Value::from(serde_json::Value::from_iter(texts).to_string())
}

/// The database: one writer and a few readers on SQLite, a pool on PostgreSQL.
#[derive(Debug, Clone)]
pub enum Engine {
    /// One file.
    Sqlite {
        /// A single connection: SQLite has one writer at a time, and waiting here is fairer than its busy handler.
        writer: SqlitePool,
        /// Read-only connections; they see the last commit.
        readers: SqlitePool,
    },
    /// A server.
    Postgres(PgPool),
}

/// How many connections read at once.
const READERS_MAX: u32 = 8;
/// How many connections to PostgreSQL.
const POSTGRES_CONNECTIONS_MAX: u32 = 16;
/// How long to wait for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

impl Engine {
    /// Whether this is PostgreSQL.
    #[must_use]
    pub fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Opens a database by its URL: `sqlite:path/to/file.db` (made when missing) or `postgres://user@host/name`. A server
    /// that is not there yet is waited for: the daemon may be started before its database.
    ///
    /// # Errors
    /// [`StoreError::Address`] for another kind of URL, [`StoreError::Database`] when it cannot be opened,
    /// [`StoreError::Silent`] when a server does not answer.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        Self::open_within(url, ACQUIRE_TIMEOUT, ACQUIRE_TIMEOUT).await
    }

    /// The same, waiting for a server that is not there for `patience`, and for one that does not answer for
    /// `answer_within`.
    ///
    /// # Errors
    /// As [`Engine::open`].
    pub async fn open_within(url: &str, patience: Duration, answer_within: Duration) -> Result<Self, StoreError> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.trim_start_matches("//");
            return Self::open_sqlite(Path::new(path)).await;
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let options = PgConnectOptions::from_str(url)?.application_name("billet");
            reach(&options, patience, answer_within).await?;
            let pool = PgPoolOptions::new()
                .max_connections(POSTGRES_CONNECTIONS_MAX)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .test_before_acquire(false)
                .connect_with(options)
                .await?;
            return Ok(Self::Postgres(pool));
        }
        Err(StoreError::Address(url.split(':').next().unwrap_or_default().to_owned()))
    }

    async fn open_sqlite(path: &Path) -> Result<Self, StoreError> {
        // Customers, prices and hashes of tokens are in it: for its owner alone. SQLite makes the files beside it alike.
        std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path).map_err(sqlx::Error::Io)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(30))
            .pragma("cache_size", "-65536")
            .pragma("temp_store", "memory")
            // Pages: with the usual 1,000 nearly every set that is written would wait for the log to be written back.
            .pragma("wal_autocheckpoint", "16000")
            .statement_cache_capacity(256);
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .connect_with(options.clone())
            .await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS_MAX)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .connect_with(options.read_only(true))
            .await?;
        Ok(Self::Sqlite { writer, readers })
    }

    /// What the engine is called: `sqlite` or `postgres`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }

    /// Begins a transaction that may write. On SQLite it holds the write lock from the start, so that it cannot fail
    /// half-way for want of it.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        Ok(match self {
            Self::Sqlite { writer, .. } => Tx::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// Begins a transaction that only reads and sees one state throughout.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn snapshot(&self) -> Result<Tx, StoreError> {
        Ok(match self {
            Self::Sqlite { readers, .. } => Tx::Sqlite(readers.begin().await?),
            Self::Postgres(pool) => {
                Tx::Postgres(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
            }
        })
    }

    /// Closes all connections; SQLite writes its log back.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// A transaction on either engine. Dropped without [`Tx::commit`] it is rolled back.
pub enum Tx {
    /// On SQLite.
    Sqlite(SqliteTransaction<'static>),
    /// On PostgreSQL.
    Postgres(sqlx::PgTransaction<'static>),
}

macro_rules! bound {
    ($query:expr, $params:expr) => {{
        let mut query = $query;
        for value in $params {
            query = match value {
                Value::Int(int) => query.bind(*int),
                Value::Text(text) => query.bind(text.as_deref()),
                Value::Bytes(bytes) => query.bind(bytes.as_slice()),
            };
        }
        query
    }};
}

impl Tx {
    /// Whether this is PostgreSQL.
    #[must_use]
    pub fn is_postgres(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// All rows of a query.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn all<T: FromRow>(&mut self, sql: impl Into<Sql>, params: &[Value]) -> Result<Vec<T>, StoreError> {
        let sql = sql.into();
        #[cfg(test)]
        super::testing::heard(sql.sqlite);
        match self {
            Self::Sqlite(tx) => {
                let rows = bound!(sqlx::query(sql.sqlite), params).fetch_all(&mut **tx).await?;
                rows.into_iter().map(|row| T::from_row(&Row::Sqlite(row))).collect()
            }
            Self::Postgres(tx) => {
                let rows = bound!(sqlx::query(sql.postgres), params).fetch_all(&mut **tx).await?;
                rows.into_iter().map(|row| T::from_row(&Row::Postgres(row))).collect()
            }
        }
    }

    /// The first row of a query, if there is one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn optional<T: FromRow>(
        &mut self,
        sql: impl Into<Sql>,
        params: &[Value],
    ) -> Result<Option<T>, StoreError> {
        Ok(self.all(sql, params).await?.into_iter().next())
    }

    /// The one row of a query that always has one (a count, a sum).
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when there is none.
    pub async fn one<T: FromRow>(&mut self, sql: impl Into<Sql>, params: &[Value]) -> Result<T, StoreError> {
        self.optional(sql, params).await?.ok_or_else(|| StoreError::Corrupt("a row is missing".to_owned()))
    }

    /// Runs a statement; answers how many rows it touched.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn execute(&mut self, sql: impl Into<Sql>, params: &[Value]) -> Result<u64, StoreError> {
        let sql = sql.into();
        #[cfg(test)]
        super::testing::heard(sql.sqlite);
        Ok(match self {
            Self::Sqlite(tx) => bound!(sqlx::query(sql.sqlite), params).execute(&mut **tx).await?.rows_affected(),
            Self::Postgres(tx) => bound!(sqlx::query(sql.postgres), params).execute(&mut **tx).await?.rows_affected(),
        })
    }

    /// Inserts rows in one statement, however many there are.
    ///
    /// # Errors
    /// [`StoreError`]; a row that breaks a unique key makes the whole statement fail.
    pub async fn insert(&mut self, rows: Rows) -> Result<u64, StoreError> {
        self.bulk(&rows, "").await
    }

    /// Inserts rows in one statement and leaves those alone that are there already.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn insert_new(&mut self, rows: Rows) -> Result<u64, StoreError> {
        self.bulk(&rows, " ON CONFLICT DO NOTHING").await
    }

    /// Updates rows in one statement: the first `keys` columns of the table's description find the row, the others are
    /// set. Answers how many rows it touched.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn update(&mut self, rows: Rows, keys: usize) -> Result<u64, StoreError> {
        if rows.is_empty() {
            return Ok(0);
        }
        match self {
            Self::Sqlite(tx) => {
                let text = text_of(rows.table, Statement::SqliteUpdate(keys));
                #[cfg(test)]
                super::testing::heard(text);
                Ok(sqlx::query(text).bind(rows.to_json()).execute(&mut **tx).await?.rows_affected())
            }
            Self::Postgres(tx) => {
                let text = text_of(rows.table, Statement::PostgresUpdate(keys));
                let query = bound_columns(sqlx::query(text), &rows);
                Ok(query.execute(&mut **tx).await?.rows_affected())
            }
        }
    }

    /// The next `limit` rows of a seller after a value of one integer column, in its order, as they would be inserted, with
    /// the value of the last of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn page(
        &mut self,
        table: &'static Table,
        key: &'static str,
        seller_id: billet_domain::id::SellerId,
        after: i64,
        limit: i64,
    ) -> Result<(Rows, Option<i64>), StoreError> {
        let text = text_of(table, Statement::Page(key));
        let params = [Value::from(seller_id), Value::from(after), Value::from(limit)];
        let found: Vec<Row> = match self {
            Self::Sqlite(tx) => {
                let rows = bound!(sqlx::query(text), &params).fetch_all(&mut **tx).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Self::Postgres(tx) => {
                let rows = bound!(sqlx::query(text), &params).fetch_all(&mut **tx).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        };
        let mut rows = Rows::new(table);
        let mut last = None;
        for row in found {
            for (index, (name, kind)) in table.columns.iter().enumerate() {
                let value = match kind {
                    Kind::Int => Value::Int(row.get(index)?),
                    Kind::Text => Value::Text(row.get(index)?),
                };
                if let (true, Value::Int(int)) = (*name == key, &value) {
                    last = *int;
                }
                rows.values.push(value);
            }
        }
        Ok((rows, last))
    }

    async fn bulk(&mut self, rows: &Rows, conflict: &'static str) -> Result<u64, StoreError> {
        if rows.is_empty() {
            return Ok(0);
        }
        let table = rows.table;
        match self {
            Self::Sqlite(tx) => {
                let text = text_of(table, Statement::SqliteInsert(conflict));
                #[cfg(test)]
                super::testing::heard(text);
                Ok(sqlx::query(text).bind(rows.to_json()).execute(&mut **tx).await?.rows_affected())
            }
            Self::Postgres(tx) => {
                let text = text_of(table, Statement::PostgresInsert(conflict));
                let query = bound_columns(sqlx::query(text), rows);
                Ok(query.execute(&mut **tx).await?.rows_affected())
            }
        }
    }

    /// Makes everything durable.
    ///
    /// # Errors
    /// [`StoreError::Database`]; then nothing has happened.
    pub async fn commit(self) -> Result<(), StoreError> {
        let begun_at = Instant::now();
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::Postgres(tx) => tx.commit().await?,
        }
        metrics::COMMIT_SECONDS.record(begun_at.elapsed());
        Ok(())
    }
}

type PgQuery<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;

fn bound_columns<'q>(mut query: PgQuery<'q>, rows: &'q Rows) -> PgQuery<'q> {
    for (index, (_, kind)) in rows.table.columns.iter().enumerate() {
        query = match kind {
            Kind::Int => query.bind(rows.ints(index)),
            Kind::Text => query.bind(rows.texts(index)),
        };
    }
    query
}

/// What a column of a bulk insert holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Integers.
    Int,
    /// Texts.
    Text,
}

/// A table and the columns that a bulk insert fills.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// In the order of the values.
    pub columns: &'static [(&'static str, Kind)],
}

/// A statement that is made from a table's description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Statement {
    SqliteInsert(&'static str),
    PostgresInsert(&'static str),
    SqliteUpdate(usize),
    PostgresUpdate(usize),
    Page(&'static str),
}

type Texts = HashMap<(usize, Statement), &'static str>;

/// Statements that were made already. There are a few for each table of this program, so that they can be kept for ever.
static TEXTS: LazyLock<RwLock<Texts>> = LazyLock::new(RwLock::default);

/// The text of a statement, made when it is needed for the first time.
fn text_of(table: &'static Table, statement: Statement) -> &'static str {
    let key = (std::ptr::from_ref(table).addr(), statement);
    if let Some(text) = TEXTS.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return text;
    }
    let text = match statement {
        Statement::SqliteInsert(conflict) => table.sqlite_insert(conflict),
        Statement::PostgresInsert(conflict) => table.postgres_insert(conflict),
        Statement::SqliteUpdate(keys) => table.sqlite_update(keys),
        Statement::PostgresUpdate(keys) => table.postgres_update(keys),
        Statement::Page(key) => table.page(key),
    };
    let mut texts = TEXTS.write().unwrap_or_else(PoisonError::into_inner);
    texts.entry(key).or_insert_with(|| Box::leak(text.into_boxed_str()))
}

impl Table {
    fn page(&self, key: &str) -> String {
        let Self { name, .. } = self;
        let names = self.names();
        format!("SELECT {names} FROM {name} WHERE seller_id = $1 AND {key} > $2 ORDER BY seller_id, {key} LIMIT $3")
    }

    fn names(&self) -> String {
        self.columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    fn sqlite_insert(&self, conflict: &str) -> String {
        let fields: Vec<String> =
            (0..self.columns.len()).map(|index| format!("json_extract(value, '$[{index}]')")).collect();
        // WHERE true keeps SQLite from reading ON as part of a join.
        format!(
            "INSERT INTO {} ({}) SELECT {} FROM json_each($1) WHERE true{conflict}",
            self.name,
            self.names(),
            fields.join(", ")
        )
    }

    fn arrays(&self) -> String {
        let arrays: Vec<String> = self
            .columns
            .iter()
            .enumerate()
            .map(|(index, (_, kind))| match kind {
                Kind::Int => format!("${}::bigint[]", index + 1),
                Kind::Text => format!("${}::text[]", index + 1),
            })
            .collect();
        arrays.join(", ")
    }

    fn postgres_insert(&self, conflict: &str) -> String {
        let Self { name, .. } = self;
        format!("INSERT INTO {name} ({}) SELECT * FROM UNNEST({}){conflict}", self.names(), self.arrays())
    }

    /// An update from rows of a source that is called `fresh`.
    fn update_from(&self, keys: usize, source: &str) -> String {
        let Self { name: table, .. } = self;
        let (keys, set) = self.columns.split_at(keys);
        let set: Vec<String> = set.iter().map(|(name, _)| format!("{name} = fresh.{name}")).collect();
        let keys: Vec<String> = keys.iter().map(|(name, _)| format!("{table}.{name} = fresh.{name}")).collect();
        format!("UPDATE {table} SET {} FROM {source} WHERE {}", set.join(", "), keys.join(" AND "))
    }

    fn sqlite_update(&self, keys: usize) -> String {
        let fields: Vec<String> = self
            .columns
            .iter()
            .enumerate()
            .map(|(index, (name, _))| format!("json_extract(value, '$[{index}]') AS {name}"))
            .collect();
        self.update_from(keys, &format!("(SELECT {} FROM json_each($1)) AS fresh", fields.join(", ")))
    }

    fn postgres_update(&self, keys: usize) -> String {
        self.update_from(keys, &format!("UNNEST({}) AS fresh ({})", self.arrays(), self.names()))
    }
}

/// Rows to be inserted together.
#[derive(Debug)]
pub struct Rows {
    table: &'static Table,
    values: Vec<Value>,
}

impl Rows {
    /// No rows yet.
    #[must_use]
    pub fn new(table: &'static Table) -> Self {
        Self { table, values: Vec::new() }
    }

    /// Of which table.
    #[must_use]
    pub fn table(&self) -> &'static Table {
        self.table
    }

    /// Adds a row: one value per column of the table, in its order.
    pub fn push<const N: usize>(&mut self, row: [Value; N]) {
        assert_eq!(N, self.table.columns.len(), "a row of {} has another number of columns", self.table.name);
        self.values.extend(row);
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len() / self.table.columns.len()
    }

    fn to_json(&self) -> String {
        let mut text = String::with_capacity(self.values.len() * 16);
        text.push('[');
        for (index, row) in self.values.chunks(self.table.columns.len()).enumerate() {
            text.push_str(if index == 0 { "[" } else { ",[" });
            for (index, value) in row.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                match value {
                    Value::Int(Some(int)) => text.push_str(itoa::Buffer::new().format(*int)),
                    Value::Text(Some(string)) => push_json_text(&mut text, string),
                    Value::Int(None) | Value::Text(None) | Value::Bytes(_) => text.push_str("null"),
                }
            }
            text.push(']');
        }
        text.push(']');
        text
    }

    fn column(&self, index: usize) -> impl Iterator<Item = &Value> {
        self.values.iter().skip(index).step_by(self.table.columns.len())
    }

    fn ints(&self, index: usize) -> Vec<Option<i64>> {
        self.column(index).map(|value| if let Value::Int(int) = value { *int } else { None }).collect()
    }

    fn texts(&self, index: usize) -> Vec<Option<&str>> {
        self.column(index).map(|value| if let Value::Text(text) = value { text.as_deref() } else { None }).collect()
    }
}

/// Writes a text as JSON. A NUL would end the text inside SQLite and be refused by PostgreSQL, so it is left out here;
/// what comes from outside is checked long before.
fn push_json_text(out: &mut String, text: &str) {
    if text.bytes().any(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        let clean = text.replace('\0', "");
        out.push_str(&serde_json::Value::from(clean).to_string());
    } else {
        out.push('"');
        out.push_str(text);
        out.push('"');
    }
}
