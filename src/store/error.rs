//! What can go wrong between here and the database.

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A unique key refused a row: somebody else did it first.
    #[error("already there: {0}")]
    Conflict(String),
    /// The transaction ran into another one and can be tried again.
    #[error("another transaction was in the way")]
    Retry,
    /// What is stored cannot be read.
    #[error("the database holds something unreadable: {0}")]
    Corrupt(String),
    /// The URL is of no known engine.
    #[error("`{0}` is no database: `sqlite:FILE` or `postgres://...` is expected")]
    Address(String),
    /// The database was made by a newer version.
    #[error("the database has schema version {found}, this program knows versions up to {known}: use a newer billet")]
    NewerSchema {
        /// In the database.
        found: i64,
        /// Known here.
        known: i64,
    },
    /// A unit of work needed more identifiers than it reserved: its batch is larger than its bound.
    #[error("more identifiers were needed than reserved")]
    IdsExhausted,
    /// A migration failed.
    #[error("the schema could not be brought up to date: {0}")]
    Migration(String),
    /// The server takes connections and says nothing.
    #[error("the server does not answer within {seconds} s")]
    Silent {
        /// How long it was waited for.
        seconds: u64,
    },
    /// Anything else the database says.
    #[error("database: {0}")]
    Database(sqlx::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if let sqlx::Error::Database(database) = &error {
            if database.is_unique_violation() {
                let name = database.constraint().map_or_else(|| database.message().to_owned(), str::to_owned);
                return Self::Conflict(name);
            }
            // 40001 serialization failure, 40P01 deadlock (PostgreSQL, appendix A); 5 busy, 517 busy snapshot (SQLite).
            if matches!(database.code().as_deref(), Some("40001" | "40P01" | "5" | "517")) {
                return Self::Retry;
            }
        }
        Self::Database(error)
    }
}
