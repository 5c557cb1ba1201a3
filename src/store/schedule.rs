//! When something has to be done for a seller next. One row per seller and kind; who works on it holds the row.

use billet_domain::id::SellerId;
use chrono::{DateTime, NaiveTime, Utc};
use chrono_tz::Tz;

use super::{FromRow, Row, Sql, StoreError, Tx, Unit};
use crate::params;

/// The kind of the nightly billing run.
pub const NIGHTLY_RUN: &str = "nightly_run";

/// The kind of the look at registrars' messages and at domains that are due.
pub const REGISTRARS: &str = "registrars";

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Since when.
    pub due_at: DateTime<Utc>,
    /// The seller's.
    pub time_zone: Tz,
    /// When its nightly run starts, in its time zone.
    pub nightly_run_at: NaiveTime,
}

impl FromRow for Due {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let zone: String = row.get(1)?;
        let at: String = row.get(2)?;
        Ok(Self {
            due_at: row.get(0)?,
            time_zone: zone.parse().map_err(|_| StoreError::Corrupt(format!("{zone:?} is no time zone")))?,
            nightly_run_at: NaiveTime::parse_from_str(&at, "%H:%M")
                .map_err(|_| StoreError::Corrupt(format!("{at:?} is no time of day")))?,
        })
    }
}

/// Sets when a kind is due next for the unit's seller.
///
/// # Errors
/// [`StoreError`].
pub async fn set(unit: &mut Unit, kind: &str, due_at: DateTime<Utc>) -> Result<(), StoreError> {
    let seller_id = unit.seller_id;
    unit.execute(
        "INSERT INTO schedules (seller_id, kind, due_at) VALUES ($1, $2, $3) \
         ON CONFLICT (seller_id, kind) DO UPDATE SET due_at = excluded.due_at",
        params![seller_id, kind, due_at],
    )
    .await?;
    Ok(())
}

/// Sets when a kind is due first for the unit's seller; one that is set already stays.
///
/// # Errors
/// [`StoreError`].
pub async fn begin(unit: &mut Unit, kind: &str, due_at: DateTime<Utc>) -> Result<(), StoreError> {
    let seller_id = unit.seller_id;
    unit.execute(
        "INSERT INTO schedules (seller_id, kind, due_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        params![seller_id, kind, due_at],
    )
    .await?;
    Ok(())
}

/// The sellers for which a kind is due, by id, after `after`, `limit` at most.
///
/// # Errors
/// [`StoreError`].
pub async fn sellers_due(
    tx: &mut Tx,
    kind: &str,
    now: DateTime<Utc>,
    after: SellerId,
    limit: i64,
) -> Result<Vec<SellerId>, StoreError> {
    let sellers: Vec<(SellerId,)> = tx
        .all(
            "SELECT seller_id FROM schedules WHERE kind = $1 AND due_at <= $2 AND seller_id > $3 ORDER BY seller_id LIMIT $4",
            params![kind, now, after, limit],
        )
        .await?;
    Ok(sellers.into_iter().map(|(seller_id,)| seller_id).collect())
}

/// Takes what is due for the unit's seller until the unit ends; `None` when nothing is, or when another daemon has it.
///
/// # Errors
/// [`StoreError`].
pub async fn claim(unit: &mut Unit, kind: &str) -> Result<Option<Due>, StoreError> {
    let (seller_id, now) = (unit.seller_id, unit.now);
    let claim = Sql {
        sqlite: "SELECT schedules.due_at, sellers.time_zone, sellers.nightly_run_at FROM schedules \
                 JOIN sellers ON sellers.id = schedules.seller_id \
                 WHERE schedules.seller_id = $1 AND schedules.kind = $2 AND schedules.due_at <= $3",
        postgres: "SELECT schedules.due_at, sellers.time_zone, sellers.nightly_run_at FROM schedules \
                 JOIN sellers ON sellers.id = schedules.seller_id \
                 WHERE schedules.seller_id = $1 AND schedules.kind = $2 AND schedules.due_at <= $3 \
                 FOR UPDATE OF schedules SKIP LOCKED",
    };
    unit.optional(claim, params![seller_id, kind, now]).await
}
