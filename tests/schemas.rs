//! Holds the two schemas side by side. Both engines are migrated as a daemon does it, and what their catalogues then say
//! must be the same: tables, columns in their order, which may be null, keys, indexes and what triggers refuse.

use std::collections::{BTreeMap, BTreeSet};

use billet::store::Store;
use sqlx::{AssertSqlSafe, Connection as _, Row as _};

/// A schema, as far as both engines have it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Schema {
    tables: BTreeMap<String, Vec<Column>>,
    /// By name; keys that have no name of ours are `table: unique (columns)`.
    indexes: BTreeMap<String, Index>,
    /// `table update`, `table delete`: what a trigger refuses, with its condition.
    refused: BTreeSet<String>,
}

#[derive(Debug, PartialEq, Eq)]
struct Column {
    name: String,
    kind: &'static str,
    nullable: bool,
}

#[derive(Debug, PartialEq, Eq)]
struct Index {
    table: String,
    unique: bool,
    /// Columns and expressions, in order.
    columns: String,
    /// The rows that it holds; empty for all.
    condition: String,
}

#[tokio::test]
async fn both_engines_have_the_same_schema() {
    let sqlite = sqlite().await;
    assert!(
        sqlite.tables.len() > 20 && sqlite.indexes.len() > sqlite.tables.len(),
        "the catalogue was read: {sqlite:#?}"
    );
    assert!(sqlite.refused.contains("events update") && sqlite.refused.contains("invoices delete if issued"));
    let Some(postgres) = postgres().await else {
        assert!(std::env::var("CI").is_err(), "in CI both engines are compared: BILLET_TEST_POSTGRES is not set");
        eprintln!("BILLET_TEST_POSTGRES is not set: the schema of PostgreSQL was not looked at");
        return;
    };
    let names = |schema: &Schema| schema.tables.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&sqlite), names(&postgres), "tables");
    for (table, columns) in &sqlite.tables {
        assert_eq!(Some(columns), postgres.tables.get(table), "columns of {table}");
    }
    assert_eq!(sqlite.indexes, postgres.indexes, "indexes and keys");
    assert_eq!(sqlite.refused, postgres.refused, "what triggers refuse");
}

#[test]
fn both_engines_have_the_same_migrations() {
    let names = |engine: &str| {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(engine);
        let entries = std::fs::read_dir(folder).expect("a folder");
        entries.map(|entry| entry.expect("an entry").file_name()).collect::<BTreeSet<_>>()
    };
    assert_eq!(names("sqlite"), names("postgres"));
}

#[test]
fn conditions_are_compared_by_what_they_say() {
    let said = "((open_minor > 0) AND (kind <> 'invoice'::text))";
    assert_eq!(plain(said), plain("open_minor > 0 AND kind <> 'invoice'"));
    assert_eq!(plain("COALESCE(parent_id, (0)::bigint)"), plain("coalesce(parent_id, 0)"));
    assert_ne!(plain("open_minor > 0"), plain("open_minor >= 0"));
}

/// A condition or expression without what the engines add to it: parentheses, casts, spaces, capitals.
fn plain(text: &str) -> String {
    let text = ["::text", "::bigint", "::integer", "(", ")"]
        .iter()
        .fold(text.to_lowercase(), |text, noise| text.replace(noise, ""));
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

async fn sqlite() -> Schema {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = format!("sqlite:{}", folder.path().join("billet.db").display());
    Store::open(&url).await.expect("migrates").engine().close().await;
    let mut db = sqlx::SqliteConnection::connect(&url).await.expect("opens");
    let mut schema = Schema::default();

    let tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~'";
    let rows = sqlx::query(tables).fetch_all(&mut db).await.expect("tables");
    for table in names(&rows, |row| row.get(0)) {
        let pragma = format!("SELECT name, type, \"notnull\", pk FROM pragma_table_info('{table}') ORDER BY cid");
        let rows = sqlx::query(AssertSqlSafe(pragma)).fetch_all(&mut db).await.expect("columns");
        let mut columns = Vec::new();
        let mut key: Vec<(i64, String)> = Vec::new();
        for row in rows {
            let (name, kind): (String, String) = (row.get(0), row.get(1));
            let (not_null, place): (i64, i64) = (row.get(2), row.get(3));
            columns.push(Column { name: name.clone(), kind: kind_of(&kind), nullable: not_null == 0 && place == 0 });
            if place > 0 {
                key.push((place, name));
            }
        }
        key.sort();
        let key: Vec<String> = key.into_iter().map(|(_, name)| name).collect();
        schema.note_key(&table, &key.join(", "));
        schema.tables.insert(table, columns);
    }

    let indexes = "SELECT m.name, m.tbl_name, l.\"unique\", l.origin, coalesce(m.sql, '') \
                   FROM sqlite_master m JOIN pragma_index_list(m.tbl_name) l ON l.name = m.name WHERE m.type = 'index'";
    for row in sqlx::query(indexes).fetch_all(&mut db).await.expect("indexes") {
        let (name, table, unique): (String, String, i64) = (row.get(0), row.get(1), row.get(2));
        let (origin, text): (String, String) = (row.get(3), row.get(4));
        if origin == "pk" {
            continue;
        }
        let (columns, condition) = if origin == "c" {
            of_statement(&text)
        } else {
            let columns = format!("SELECT name FROM pragma_index_info('{name}') ORDER BY seqno");
            let rows = sqlx::query(AssertSqlSafe(columns)).fetch_all(&mut db).await.expect("columns of a key");
            (names(&rows, |row| row.get(0)).join(", "), String::new())
        };
        schema.note_index(&name, origin == "c", Index { table, unique: unique == 1, columns, condition });
    }

    let triggers = "SELECT tbl_name, sql FROM sqlite_master WHERE type = 'trigger'";
    for row in sqlx::query(triggers).fetch_all(&mut db).await.expect("triggers") {
        let (table, text): (String, String) = (row.get(0), row.get(1));
        assert!(text.contains("RAISE(ABORT"), "a trigger refuses: {text}");
        schema.note_trigger(&table, &text);
    }
    db.close().await.expect("closes");
    schema
}

async fn postgres() -> Option<Schema> {
    let server = std::env::var("BILLET_TEST_POSTGRES").ok()?;
    let name = format!("billet_schemas_{}", std::process::id());
    let mut admin = sqlx::PgConnection::connect(&format!("{server}/postgres")).await.expect("the test server answers");
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut admin).await.expect("a database");
    let url = format!("{server}/{name}");
    Store::open(&url).await.expect("migrates").engine().close().await;
    let mut db = sqlx::PgConnection::connect(&url).await.expect("opens");
    let mut schema = Schema::default();

    let columns = "SELECT c.table_name::text, c.column_name::text, c.data_type::text, c.is_nullable::text \
                   FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name) \
                   WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE' ORDER BY c.table_name, c.ordinal_position";
    for row in sqlx::query(columns).fetch_all(&mut db).await.expect("columns") {
        let (table, name): (String, String) = (row.get(0), row.get(1));
        let (kind, nullable): (String, String) = (row.get(2), row.get(3));
        let column = Column { name, kind: kind_of(&kind), nullable: nullable == "YES" };
        schema.tables.entry(table).or_default().push(column);
    }

    let indexes = "SELECT i.tablename::text, i.indexname::text, i.indexdef, x.indisunique, x.indisprimary, \
                   EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = x.indexrelid) \
                   FROM pg_indexes i JOIN pg_index x ON x.indexrelid = (quote_ident(i.schemaname) || '.' || quote_ident(i.indexname))::regclass \
                   WHERE i.schemaname = 'public'";
    for row in sqlx::query(indexes).fetch_all(&mut db).await.expect("indexes") {
        let (table, name, text): (String, String, String) = (row.get(0), row.get(1), row.get(2));
        let (unique, primary, constraint): (bool, bool, bool) = (row.get(3), row.get(4), row.get(5));
        let (columns, condition) = of_statement(&text);
        if primary {
            schema.note_key(&table, &columns);
        } else {
            schema.note_index(&name, !constraint, Index { table, unique, columns, condition });
        }
    }

    let triggers = "SELECT c.relname::text, pg_get_triggerdef(t.oid), pg_get_functiondef(t.tgfoid) FROM pg_trigger t \
                    JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal";
    for row in sqlx::query(triggers).fetch_all(&mut db).await.expect("triggers") {
        let (table, text, function): (String, String, String) = (row.get(0), row.get(1), row.get(2));
        assert!(function.contains("RAISE EXCEPTION"), "a trigger refuses: {function}");
        schema.note_trigger(&table, &format!("{text} {function}"));
    }
    db.close().await.expect("closes");
    sqlx::query(AssertSqlSafe(format!("DROP DATABASE {name}"))).execute(&mut admin).await.expect("goes");
    Some(schema)
}

fn names<R>(rows: &[R], name: impl Fn(&R) -> String) -> Vec<String> {
    rows.iter().map(name).collect()
}

/// What a column can hold, in words for both engines.
fn kind_of(declared: &str) -> &'static str {
    match declared.to_lowercase().as_str() {
        "integer" | "bigint" => "integer",
        "text" => "text",
        "blob" | "bytea" => "bytes",
        // sqlx's own table of migrations has types of its own on each engine.
        "boolean" => "boolean",
        "timestamp" | "timestamp with time zone" => "instant",
        other => panic!("a type that only one engine knows: {other}"),
    }
}

/// Columns and condition out of `CREATE INDEX ... ON table (columns) WHERE condition`.
fn of_statement(text: &str) -> (String, String) {
    let (before, condition) =
        text.split_once(" WHERE ").or_else(|| text.split_once("\n    WHERE ")).unwrap_or((text, ""));
    let (_, columns) = before.split_once('(').expect("an index has columns");
    (plain(columns), plain(condition))
}

impl Schema {
    fn note_key(&mut self, table: &str, columns: &str) {
        let key =
            Index { table: table.to_owned(), unique: true, columns: columns.to_owned(), condition: String::new() };
        self.indexes.insert(format!("{table}: primary key"), key);
    }

    fn note_index(&mut self, name: &str, named: bool, index: Index) {
        let name = if named { name.to_owned() } else { format!("{}: unique ({})", index.table, index.columns) };
        self.indexes.insert(name, index);
    }

    fn note_trigger(&mut self, table: &str, text: &str) {
        let text = text.to_lowercase();
        let issued = if text.contains("number is not null") { " if issued" } else { "" };
        let (head, _) = text.split_once(" on ").expect("a trigger is on a table");
        for action in ["update", "delete", "insert"].iter().filter(|action| head.contains(&format!(" {action}"))) {
            self.refused.insert(format!("{table} {action}{issued}"));
        }
    }
}
