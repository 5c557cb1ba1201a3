//! Promotions between the protocol and the domain.

use billet_domain::money::Currency;
use billet_domain::timeline::Reduction;

use super::{code, date_optional, decimal_text, parse, parse_optional, to_date, to_decimal};
use crate::billing::BillingError;
use crate::billing::promotion::NewPromotion;
use crate::proto::billet::v1 as pb;
use crate::store::promotion::Promotion;

/// A promotion to be made.
///
/// # Errors
/// [`BillingError::Invalid`] with the field.
pub fn new_promotion(given: Option<&pb::Promotion>) -> Result<NewPromotion, BillingError> {
    let given = given.ok_or_else(|| BillingError::invalid("promotion", "is required"))?;
    let reduction = match &given.reduction {
        Some(pb::promotion::Reduction::Percent(percent)) => {
            Reduction::Percent(decimal_text("promotion.percent", &percent.value)?.normalize())
        }
        Some(pb::promotion::Reduction::Amount(amount)) => {
            Reduction::Amount(decimal_text("promotion.amount", &amount.value)?.normalize())
        }
        None => return Err(BillingError::invalid("promotion.percent", "either this or `amount` is needed")),
    };
    let plan_ids = given.plan_ids.iter().enumerate();
    let plan_ids = plan_ids.map(|(index, id)| parse(&format!("promotion.plan_ids[{index}]"), id));
    let limit = |number: u32| (number != 0).then_some(number);
    Ok(NewPromotion {
        code: code("promotion.code", &given.code)?,
        reduction,
        currency: parse_optional("promotion.currency_code", &given.currency_code)?,
        cycles: limit(given.cycles),
        valid_from: date_optional("promotion.valid_from", given.valid_from)?,
        valid_to: date_optional("promotion.valid_to", given.valid_to)?,
        plan_ids: plan_ids.collect::<Result<_, _>>()?,
        redemptions_per_customer_max: limit(given.redemptions_per_customer_max),
        redemptions_max: limit(given.redemptions_max),
    })
}

/// A promotion for the protocol.
#[must_use]
pub fn to_promotion(promotion: Promotion) -> pb::Promotion {
    let reduction = match promotion.reduction {
        Reduction::Percent(percent) => pb::promotion::Reduction::Percent(to_decimal(percent)),
        Reduction::Amount(amount) => pb::promotion::Reduction::Amount(to_decimal(amount)),
    };
    pb::Promotion {
        id: promotion.id.to_string(),
        code: promotion.code,
        reduction: Some(reduction),
        currency_code: promotion.currency.map_or("", Currency::code).to_owned(),
        cycles: promotion.cycles.unwrap_or(0),
        valid_from: promotion.valid_from.map(to_date),
        valid_to: promotion.valid_to.map(to_date),
        plan_ids: promotion.plan_ids.iter().map(ToString::to_string).collect(),
        redemptions_per_customer_max: promotion.redemptions_per_customer_max.unwrap_or(0),
        redemptions_max: promotion.redemptions_max.unwrap_or(0),
        redemption_count: promotion.redemption_count,
    }
}
