//! Promotion codes and who redeemed them.

use billet_domain::id::{CustomerId, PlanId, PromotionId, SellerId, SubscriptionId};
use billet_domain::money::Currency;
use billet_domain::timeline::Reduction;
use chrono::NaiveDate;
use serde::Serialize;

use super::{FromRow, Json, Row, StoreError, Tx, Unit};
use crate::{for_update, params};

/// A promotion code's conditions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Promotion {
    /// Which.
    pub id: PromotionId,
    /// As it was made; compared without regard to case.
    pub code: String,
    /// What it takes off.
    pub reduction: Reduction,
    /// Only for subscriptions in this currency.
    pub currency: Option<Currency>,
    /// For how many cycles; without end when absent.
    pub cycles: Option<u32>,
    /// First day on which it can be redeemed.
    pub valid_from: Option<NaiveDate>,
    /// Day after the last.
    pub valid_to: Option<NaiveDate>,
    /// Only for these plans; for all when empty.
    pub plan_ids: Vec<PlanId>,
    /// How often one customer can redeem it.
    pub redemptions_per_customer_max: Option<u32>,
    /// How often it can be redeemed in all.
    pub redemptions_max: Option<u32>,
    /// How often it was.
    pub redemption_count: i64,
}

/// What a limit is stored as: 0 for none.
fn limit(stored: u32) -> Option<u32> {
    (stored != 0).then_some(stored)
}

impl FromRow for Promotion {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let currency: String = row.get(3)?;
        Ok(Self {
            id: row.get(0)?,
            code: row.get(1)?,
            reduction: row.get::<Json<_>>(2)?.0,
            currency: if currency.is_empty() { None } else { Some(row.get(3)?) },
            cycles: limit(row.get(4)?),
            valid_from: row.get(5)?,
            valid_to: row.get(6)?,
            plan_ids: row.get::<Json<_>>(7)?.0,
            redemptions_per_customer_max: limit(row.get(8)?),
            redemptions_max: limit(row.get(9)?),
            redemption_count: row.get(10)?,
        })
    }
}

/// What codes are compared by: codes are ASCII.
#[must_use]
pub fn code_key(code: &str) -> String {
    code.to_ascii_lowercase()
}

/// Stores a promotion that nobody has redeemed yet.
///
/// # Errors
/// [`StoreError`]; [`StoreError::Conflict`] when the code is taken.
pub async fn insert(unit: &mut Unit, promotion: &Promotion) -> Result<(), StoreError> {
    let seller_id = unit.seller_id;
    unit.execute(
        "INSERT INTO promotions (seller_id, id, code, code_key, reduction, currency, cycles, valid_from, valid_to, \
         plan_ids, redemptions_per_customer_max, redemptions_max, redemption_count) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0)",
        params![
            seller_id,
            promotion.id,
            &promotion.code,
            code_key(&promotion.code),
            Json(&promotion.reduction),
            promotion.currency.map_or("", Currency::code),
            promotion.cycles.unwrap_or(0),
            promotion.valid_from,
            promotion.valid_to,
            Json(&promotion.plan_ids),
            promotion.redemptions_per_customer_max.unwrap_or(0),
            promotion.redemptions_max.unwrap_or(0)
        ],
    )
    .await?;
    Ok(())
}

/// Whether the seller has a promotion with this code.
///
/// # Errors
/// [`StoreError`].
pub async fn code_taken(tx: &mut Tx, seller_id: SellerId, code: &str) -> Result<bool, StoreError> {
    let found: Option<(i64,)> = tx
        .optional(
            "SELECT id FROM promotions WHERE seller_id = $1 AND code_key = $2",
            params![seller_id, code_key(code)],
        )
        .await?;
    Ok(found.is_some())
}

/// One promotion, held until the unit ends.
///
/// # Errors
/// [`StoreError`].
pub async fn lock(unit: &mut Unit, id: PromotionId) -> Result<Option<Promotion>, StoreError> {
    let seller_id = unit.seller_id;
    unit.optional(
        for_update!(
            "SELECT id, code, reduction, currency, cycles, valid_from, valid_to, plan_ids, \
             redemptions_per_customer_max, redemptions_max, redemption_count \
             FROM promotions WHERE seller_id = $1 AND id = $2"
        ),
        params![seller_id, id],
    )
    .await
}

/// One promotion by its code, held until the unit ends: redemptions of one code come one after the other, so that its
/// limits hold.
///
/// # Errors
/// [`StoreError`].
pub async fn lock_by_code(unit: &mut Unit, code: &str) -> Result<Option<Promotion>, StoreError> {
    let seller_id = unit.seller_id;
    unit.optional(
        for_update!(
            "SELECT id, code, reduction, currency, cycles, valid_from, valid_to, plan_ids, \
             redemptions_per_customer_max, redemptions_max, redemption_count \
             FROM promotions WHERE seller_id = $1 AND code_key = $2"
        ),
        params![seller_id, code_key(code)],
    )
    .await
}

/// A page of a seller's promotions by code, with one more than `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn list(tx: &mut Tx, seller_id: SellerId, after_key: &str, limit: i64) -> Result<Vec<Promotion>, StoreError> {
    tx.all(
        "SELECT id, code, reduction, currency, cycles, valid_from, valid_to, plan_ids, \
         redemptions_per_customer_max, redemptions_max, redemption_count \
         FROM promotions WHERE seller_id = $1 AND code_key > $2 ORDER BY code_key LIMIT $3",
        params![seller_id, after_key, limit + 1],
    )
    .await
}

/// Sets the day from which a promotion cannot be redeemed any more.
///
/// # Errors
/// [`StoreError`].
pub async fn end(unit: &mut Unit, id: PromotionId, valid_to: NaiveDate) -> Result<(), StoreError> {
    let seller_id = unit.seller_id;
    unit.execute(
        "UPDATE promotions SET valid_to = $3 WHERE seller_id = $1 AND id = $2",
        params![seller_id, id, valid_to],
    )
    .await?;
    Ok(())
}

/// How often a promotion was redeemed by a customer in all, and for one subscription.
///
/// # Errors
/// [`StoreError`].
pub async fn redemptions(
    tx: &mut Tx,
    seller_id: SellerId,
    id: PromotionId,
    customer_id: CustomerId,
    subscription_id: SubscriptionId,
) -> Result<(i64, i64), StoreError> {
    tx.one(
        "SELECT (SELECT COUNT(*) FROM promotion_redemptions \
         WHERE seller_id = $1 AND promotion_id = $2 AND customer_id = $3), \
         (SELECT COUNT(*) FROM promotion_redemptions \
         WHERE seller_id = $1 AND promotion_id = $2 AND subscription_id = $4)",
        params![seller_id, id, customer_id, subscription_id],
    )
    .await
}

/// Notes a redemption and counts it. The promotion has to be held by [`lock_by_code`].
///
/// # Errors
/// [`StoreError`].
pub async fn redeem(
    unit: &mut Unit,
    id: PromotionId,
    subscription_id: SubscriptionId,
    customer_id: CustomerId,
) -> Result<(), StoreError> {
    let (seller_id, now) = (unit.seller_id, unit.now);
    unit.execute(
        "INSERT INTO promotion_redemptions (seller_id, promotion_id, subscription_id, customer_id, redeemed_at) \
         VALUES ($1, $2, $3, $4, $5)",
        params![seller_id, id, subscription_id, customer_id, now],
    )
    .await?;
    unit.execute(
        "UPDATE promotions SET redemption_count = redemption_count + 1 WHERE seller_id = $1 AND id = $2",
        params![seller_id, id],
    )
    .await?;
    Ok(())
}

/// The seller's time zone, by its IANA name: days begin there.
///
/// # Errors
/// [`StoreError`].
pub async fn time_zone(tx: &mut Tx, seller_id: SellerId) -> Result<String, StoreError> {
    let (name,): (String,) = tx.one("SELECT time_zone FROM sellers WHERE id = $1", params![seller_id]).await?;
    Ok(name)
}
