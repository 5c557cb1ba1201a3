//! Promotion codes: made, ended, redeemed. A redemption becomes a fact of the subscription; what it takes off is then
//! the timeline's affair and does not change when the promotion ends.

use std::collections::BTreeSet;

use billet_domain::id::{CustomerId, PlanId, PromotionId, SubscriptionId};
use billet_domain::money::{Currency, Money};
use billet_domain::timeline::{FactKind, NUMBER_MAX, Reduction};
use chrono::NaiveDate;
use chrono_tz::Tz;
use rust_decimal::Decimal;
use serde_json::json;

use crate::billing::BillingError;
use crate::billing::catalog::version::SCALE_MAX;
use crate::store::promotion::{self, Promotion};
use crate::store::{StoreError, Unit, plan};

/// Most plans that a promotion names.
pub const PLANS_MAX: usize = 500;
/// Most cycles that a promotion holds for, if it does not hold without end.
pub const CYCLES_MAX: u32 = 1_000;

/// A promotion to be made. `None` is without limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPromotion {
    /// Unique for the seller, without regard to case.
    pub code: String,
    /// What it takes off.
    pub reduction: Reduction,
    /// Only for subscriptions in this currency; needed with an amount.
    pub currency: Option<Currency>,
    /// For how many cycles.
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
}

/// Makes a promotion.
///
/// # Errors
/// [`BillingError::Invalid`] (field paths begin with `promotion`), CODE_TAKEN.
pub async fn create(unit: &mut Unit, new: NewPromotion) -> Result<Promotion, BillingError> {
    check(&new)?;
    let seller_id = unit.seller_id;
    let known = plan::known(unit, seller_id, &new.plan_ids).await?;
    if let Some(index) = new.plan_ids.iter().position(|id| !known.contains(id)) {
        return Err(BillingError::invalid(format!("promotion.plan_ids[{index}]"), "there is no such plan"));
    }
    if promotion::code_taken(unit, seller_id, &new.code).await? {
        let detail = format!("there is a promotion with the code `{}` already", new.code);
        return Err(BillingError::Exists { reason: "CODE_TAKEN", detail });
    }
    let promotion = Promotion {
        id: PromotionId(unit.id()?),
        code: new.code,
        reduction: new.reduction,
        currency: new.currency,
        cycles: new.cycles,
        valid_from: new.valid_from,
        valid_to: new.valid_to,
        plan_ids: new.plan_ids,
        redemptions_per_customer_max: new.redemptions_per_customer_max,
        redemptions_max: new.redemptions_max,
        redemption_count: 0,
    };
    promotion::insert(unit, &promotion).await?;
    unit.event("promotion.created", promotion.id, json!(promotion));
    Ok(promotion)
}

fn check(new: &NewPromotion) -> Result<(), BillingError> {
    match (&new.reduction, new.currency) {
        (Reduction::Percent(percent), _) => {
            let fits = *percent > Decimal::ZERO && *percent <= Decimal::ONE_HUNDRED;
            if !fits || percent.normalize().scale() > SCALE_MAX {
                let range = format!("more than 0, at most 100, with at most {SCALE_MAX} decimals");
                return Err(BillingError::invalid("promotion.percent", range));
            }
        }
        (Reduction::Amount(_), None) => {
            return Err(BillingError::invalid("promotion.currency_code", "is required with an amount"));
        }
        (Reduction::Amount(amount), Some(currency)) => {
            if *amount <= Decimal::ZERO || *amount > NUMBER_MAX {
                return Err(BillingError::invalid("promotion.amount", "more than 0, at most 1,000,000,000"));
            }
            Money::from_units(*amount, currency)
                .map_err(|error| BillingError::invalid("promotion.amount", error.to_string()))?;
        }
    }
    if new.cycles.is_some_and(|cycles| cycles > CYCLES_MAX) {
        let range = format!("at most {CYCLES_MAX}, or 0 for without end");
        return Err(BillingError::invalid("promotion.cycles", range));
    }
    if let (Some(from), Some(to)) = (new.valid_from, new.valid_to)
        && to <= from
    {
        return Err(BillingError::invalid(
            "promotion.valid_to",
            "is the day after the last and must be later than `valid_from`",
        ));
    }
    if new.plan_ids.len() > PLANS_MAX {
        return Err(BillingError::invalid("promotion.plan_ids", format!("at most {PLANS_MAX}")));
    }
    let mut seen = BTreeSet::new();
    match new.plan_ids.iter().position(|id| !seen.insert(*id)) {
        Some(index) => Err(BillingError::invalid(format!("promotion.plan_ids[{index}]"), "is there already")),
        None => Ok(()),
    }
}

/// Ends a promotion for new redemptions, from today on (in the seller's time zone). One that has ended stays as it is.
///
/// # Errors
/// [`BillingError::NotFound`].
pub async fn end(unit: &mut Unit, id: PromotionId) -> Result<Promotion, BillingError> {
    let mut promotion = promotion::lock(unit, id).await?.ok_or_else(|| BillingError::not_found("promotion", id))?;
    let today = today(unit).await?;
    if promotion.valid_to.is_some_and(|valid_to| valid_to <= today) {
        return Ok(promotion);
    }
    promotion::end(unit, id, today).await?;
    unit.event(
        "promotion.ended",
        id,
        json!({ "code": promotion.code, "valid_to": today, "valid_to_before": promotion.valid_to }),
    );
    promotion.valid_to = Some(today);
    Ok(promotion)
}

async fn today(unit: &mut Unit) -> Result<NaiveDate, BillingError> {
    let seller_id = unit.seller_id;
    let name = promotion::time_zone(unit, seller_id).await?;
    let zone: Tz = name.parse().map_err(|_| StoreError::Corrupt(format!("{name:?} is no time zone")))?;
    Ok(unit.now.with_timezone(&zone).date_naive())
}

/// Redeems a code for a subscription on a day; answers the fact that the subscription's timeline has to get.
///
/// Redemptions of one code wait for each other until their units end, so that its limits hold. The lock is taken after
/// the customer's.
///
/// # Errors
/// UNKNOWN_PROMOTION, PROMOTION_REDEEMED_ALREADY (by this subscription), PROMOTION_NOT_VALID (on that day),
/// PROMOTION_NOT_FOR_PLAN, PROMOTION_CURRENCY, PROMOTION_USED_UP, PROMOTION_USED_BY_CUSTOMER.
pub async fn redeem(
    unit: &mut Unit,
    code: &str,
    subscription_id: SubscriptionId,
    customer_id: CustomerId,
    plan_id: PlanId,
    currency: Currency,
    on: NaiveDate,
) -> Result<FactKind, BillingError> {
    let seller_id = unit.seller_id;
    let code = code.trim();
    // No promotion has a code of other characters, and the database may not take them.
    let found = if code.bytes().all(|byte| byte.is_ascii_graphic()) {
        promotion::lock_by_code(unit, code).await?
    } else {
        None
    };
    let promotion = found.ok_or_else(|| {
        let code: String = code.chars().take(64).collect();
        BillingError::precondition("UNKNOWN_PROMOTION", &code, format!("there is no promotion with the code `{code}`"))
    })?;
    let (by_customer, by_subscription) =
        promotion::redemptions(unit, seller_id, promotion.id, customer_id, subscription_id).await?;
    let refuse = |reason, detail: String| Err(BillingError::precondition(reason, promotion.id, detail));
    let code = &promotion.code;
    if by_subscription > 0 {
        return refuse("PROMOTION_REDEEMED_ALREADY", format!("`{code}` was redeemed for {subscription_id} already"));
    }
    let begun = promotion.valid_from.is_none_or(|from| from <= on);
    if !begun || promotion.valid_to.is_some_and(|to| on >= to) {
        return refuse("PROMOTION_NOT_VALID", format!("`{code}` cannot be redeemed on {on}"));
    }
    if !promotion.plan_ids.is_empty() && !promotion.plan_ids.contains(&plan_id) {
        return refuse("PROMOTION_NOT_FOR_PLAN", format!("`{code}` cannot be redeemed for {plan_id}"));
    }
    if let Some(needed) = promotion.currency.filter(|needed| *needed != currency) {
        return refuse("PROMOTION_CURRENCY", format!("`{code}` is for subscriptions in {needed}, not {currency}"));
    }
    let used_up = |count: i64, max: Option<u32>| max.is_some_and(|max| count >= i64::from(max));
    if used_up(promotion.redemption_count, promotion.redemptions_max) {
        let count = promotion.redemption_count;
        return refuse("PROMOTION_USED_UP", format!("`{code}` was redeemed {count} times, as often as it can be"));
    }
    if used_up(by_customer, promotion.redemptions_per_customer_max) {
        let detail = format!("{customer_id} redeemed `{code}` {by_customer} times, as often as one customer can");
        return refuse("PROMOTION_USED_BY_CUSTOMER", detail);
    }
    promotion::redeem(unit, promotion.id, subscription_id, customer_id).await?;
    unit.event(
        "promotion.redeemed",
        promotion.id,
        json!({ "code": code, "subscription_id": subscription_id, "customer_id": customer_id, "on": on }),
    );
    Ok(FactKind::Promoted {
        promotion_id: promotion.id,
        code: promotion.code,
        reduction: promotion.reduction,
        cycles: promotion.cycles,
    })
}

#[cfg(test)]
mod tests;
