//! What PostgreSQL's planner knows about tables. Every key begins with `seller_id`; without statistics a table is taken for
//! small and any value for rare, so that an index is read over all rows of a seller where two columns would find a few.
//! Autovacuum looks once a minute; a table that grows in its first minute would be slow until then. (SQLite's statistics
//! are part of its schema, see the end of its first migration.)

use sqlx::AssertSqlSafe;

use super::{Engine, StoreError};

/// From how many rows on statistics make a difference.
const ROWS_MIN: i64 = 500;

/// Gathers statistics of tables that have grown and that nobody has looked at yet; answers which. Does nothing on SQLite.
///
/// # Errors
/// [`StoreError`].
pub async fn gather_first(engine: &Engine) -> Result<Vec<String>, StoreError> {
    let Engine::Postgres(pool) = engine else { return Ok(Vec::new()) };
    let names: Vec<(String,)> = sqlx::query_as(
        "SELECT relname FROM pg_stat_user_tables WHERE schemaname = current_schema() AND n_live_tup >= $1 \
         AND last_analyze IS NULL AND last_autoanalyze IS NULL ORDER BY relname",
    )
    .bind(ROWS_MIN)
    .fetch_all(pool)
    .await?;
    for (name,) in &names {
        // From the catalogue, quoted as an identifier.
        let quoted = name.replace('"', "\"\"");
        sqlx::query(AssertSqlSafe(format!("ANALYZE \"{quoted}\""))).execute(pool).await?;
    }
    Ok(names.into_iter().map(|(name,)| name).collect())
}

/// Gathers statistics of all tables. Does nothing on SQLite.
///
/// # Errors
/// [`StoreError`].
pub async fn gather(engine: &Engine) -> Result<(), StoreError> {
    if let Engine::Postgres(pool) = engine {
        sqlx::query("ANALYZE").execute(pool).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::stores;

    #[tokio::test]
    async fn a_table_that_has_grown_is_looked_at_once() {
        for store in stores().await {
            let engine = store.store.engine();
            let Engine::Postgres(pool) = engine else {
                assert!(gather_first(engine).await.expect("nothing to do").is_empty());
                continue;
            };
            sqlx::query("CREATE TABLE grown AS SELECT n FROM generate_series(1, 600) AS n")
                .execute(pool)
                .await
                .expect("rows");
            // Counters reach the catalogue within a second or so.
            let mut looked_at = Vec::new();
            for _ in 0..100 {
                looked_at = gather_first(engine).await.expect("gathered");
                if !looked_at.is_empty() {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            assert_eq!(looked_at, ["grown"]);
            for _ in 0..100 {
                if gather_first(engine).await.expect("gathered").is_empty() {
                    return;
                }
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            panic!("the table is looked at again and again");
        }
    }
}
