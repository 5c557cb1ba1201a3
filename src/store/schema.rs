//! Bringing a database's schema up to date. Forward only; migrations/README.md has the rules.

use sqlx::migrate::{MigrateError, Migrator};

use super::{Engine, StoreError};

static SQLITE: Migrator = sqlx::migrate!("migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("migrations/postgres");

/// The newest version this program knows.
#[must_use]
pub fn known_version() -> i64 {
    SQLITE.iter().map(|migration| migration.version).max().unwrap_or_default()
}

/// The version of the database, `None` when it is empty.
///
/// # Errors
/// [`StoreError::Database`].
pub async fn found_version(engine: &Engine) -> Result<Option<i64>, StoreError> {
    let exists = match engine {
        Engine::Sqlite { .. } => "SELECT count(*) FROM sqlite_master WHERE name = '_sqlx_migrations'",
        Engine::Postgres(_) => {
            "SELECT count(*) FROM information_schema.tables WHERE table_name = '_sqlx_migrations' AND table_schema = current_schema()"
        }
    };
    let mut tx = engine.snapshot().await?;
    let (count,): (i64,) = tx.one(exists, &[]).await?;
    if count == 0 {
        return Ok(None);
    }
    let (version,): (Option<i64>,) = tx.one("SELECT max(version) FROM _sqlx_migrations", &[]).await?;
    Ok(version)
}

/// Refuses a database of a newer program.
///
/// # Errors
/// [`StoreError::NewerSchema`].
pub async fn check(engine: &Engine) -> Result<(), StoreError> {
    let known = known_version();
    match found_version(engine).await? {
        Some(found) if found > known => Err(StoreError::NewerSchema { found, known }),
        _ => Ok(()),
    }
}

/// Applies the migrations that are missing. Several daemons may start at once: PostgreSQL has an advisory lock, and on
/// SQLite the single writer connection of a process is joined by a lock file around the whole migration.
///
/// # Errors
/// [`StoreError::NewerSchema`], [`StoreError::Migration`].
pub async fn migrate(engine: &Engine) -> Result<(), StoreError> {
    check(engine).await?;
    let outcome = match engine {
        Engine::Sqlite { writer, .. } => SQLITE.run(writer).await,
        Engine::Postgres(pool) => POSTGRES.run(pool).await,
    };
    outcome.map_err(|error| match error {
        MigrateError::VersionMissing(found) => StoreError::NewerSchema { found, known: known_version() },
        other => StoreError::Migration(other.to_string()),
    })
}
