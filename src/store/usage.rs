//! What was used. A record's key makes counting it twice impossible.

use std::collections::BTreeMap;

use billet_domain::id::{SellerId, SubscriptionId};
use billet_domain::owed::Usage;
use billet_domain::period::Period;
use rust_decimal::Decimal;

use super::{FromRow, Kind, Row, Rows, StoreError, Table, Tx, Unit, id_set};
use crate::with_ids;

static USAGE: Table = Table {
    name: "usage_records",
    columns: &[
        ("seller_id", Kind::Int),
        ("subscription_id", Kind::Int),
        ("record_key", Kind::Text),
        ("metric", Kind::Text),
        ("used_from", Kind::Text),
        ("used_to", Kind::Text),
        ("quantity", Kind::Text),
        ("recorded_at", Kind::Int),
    ],
};

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Whose.
    pub subscription_id: SubscriptionId,
    /// Unique for the subscription.
    pub key: String,
    /// What was counted.
    pub metric: String,
    /// On which days.
    pub period: Period,
    /// How much.
    pub quantity: Decimal,
}

impl FromRow for Record {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            subscription_id: row.get(0)?,
            key: row.get(1)?,
            metric: row.get(2)?,
            period: Period::new(row.get(3)?, row.get(4)?),
            quantity: row.get(5)?,
        })
    }
}

/// Stores records; those that are there already are left alone.
///
/// # Errors
/// [`StoreError`].
pub async fn insert(unit: &mut Unit, records: &[Record]) -> Result<(), StoreError> {
    let mut rows = Rows::new(&USAGE);
    for record in records {
        rows.push([
            unit.seller_id.into(),
            record.subscription_id.into(),
            record.key.as_str().into(),
            record.metric.as_str().into(),
            record.period.from.into(),
            record.period.to.into(),
            record.quantity.into(),
            unit.now.into(),
        ]);
    }
    unit.insert_new(rows).await?;
    Ok(())
}

/// Everything that subscriptions used, by day. A record over several days counts in equal parts, what is left of the
/// division on the last day.
///
/// # Errors
/// [`StoreError`].
pub async fn of(
    tx: &mut Tx,
    seller_id: SellerId,
    ids: impl IntoIterator<Item = SubscriptionId>,
) -> Result<BTreeMap<SubscriptionId, Usage>, StoreError> {
    let sql = with_ids!(
        "SELECT subscription_id, record_key, metric, used_from, used_to, quantity FROM usage_records WHERE seller_id = $1 AND subscription_id ",
        2,
        ""
    );
    let ids = id_set(ids.into_iter().map(|id| id.0));
    let mut found: BTreeMap<SubscriptionId, Usage> = BTreeMap::new();
    for record in tx.all::<Record>(sql, &[seller_id.into(), ids]).await? {
        let usage = found.entry(record.subscription_id).or_default();
        let days = record.period.days().max(1);
        let share = (record.quantity / Decimal::from(days)).trunc_with_scale(6);
        let last = record.quantity - share * Decimal::from(days - 1);
        let mut day = record.period.from;
        for index in 1..=days {
            usage.add(&record.metric, day, if index == days { last } else { share });
            day = day.succ_opt().unwrap_or(day);
        }
    }
    Ok(found)
}
