//! Sums of money, from the digits that stand in the answer to `google.type.Money` and back, without floating point.

use std::cmp::Ordering;

use billet_plugin::Failure;
use billet_plugin::google::r#type::Money;
use billet_plugin::v1::ProblemKind;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::Deserialize;
use serde_json::value::RawValue;

/// Openprovider writes amounts as JSON numbers; the text of the number is kept as it came.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Amount(Box<RawValue>);

impl Amount {
    /// Exactly what is written there; `None` when it is not a number.
    pub(crate) fn decimal(&self) -> Option<Decimal> {
        let text = self.0.get().trim_matches('"');
        let exact = if text.contains(['e', 'E']) { Decimal::from_scientific(text) } else { text.parse() };
        exact.ok()
    }

    /// As money of this currency.
    pub(crate) fn money(&self, currency: &str) -> Option<Money> {
        money(self.decimal()?, currency)
    }
}

/// A price in one currency, as the API has it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Price {
    #[serde(default)]
    pub(crate) currency: String,
    pub(crate) price: Amount,
}

impl Price {
    pub(crate) fn money(&self) -> Option<Money> {
        self.price.money(&self.currency)
    }
}

/// The same price twice: in the product's currency, and in the one that the account is kept in.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PriceGroup {
    pub(crate) product: Option<Price>,
    pub(crate) reseller: Option<Price>,
}

impl PriceGroup {
    /// What the account is charged.
    pub(crate) fn charged(&self) -> Option<Money> {
        self.reseller.as_ref().or(self.product.as_ref())?.money()
    }
}

/// `google.type.Money` holds nine decimals. What has more (a double of the server's, printed: 11.979999999999999) is
/// rounded there, half away from zero.
pub(crate) fn money(amount: Decimal, currency: &str) -> Option<Money> {
    if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return None;
    }
    let amount = amount.round_dp_with_strategy(9, RoundingStrategy::MidpointAwayFromZero);
    let (whole, rest) = (amount.trunc(), amount.fract());
    let units = whole.to_string().parse().ok()?;
    let nanos = (rest * Decimal::from(1_000_000_000)).trunc().to_string().parse().ok()?;
    Some(Money { currency_code: currency.to_ascii_uppercase(), units, nanos })
}

/// Money as a decimal; `None` when it is malformed (nanos out of range, or of the other sign).
fn decimal(money: &Money) -> Option<Decimal> {
    let (units, nanos) = (money.units, i64::from(money.nanos));
    let mixed = (units > 0 && nanos < 0) || (units < 0 && nanos > 0);
    (!mixed && nanos.abs() < 1_000_000_000).then(|| Decimal::from(units) + Decimal::new(nanos, 9))
}

/// Refuses what is dearer than the caller permits. Without a limit any standard price will do, and no premium one.
///
/// # Errors
/// [`ProblemKind::Limit`] when it is too dear; [`ProblemKind::Invalid`] when the two cannot be compared.
pub(crate) fn permit(price: Option<&Money>, premium: bool, price_max: Option<&Money>) -> Result<(), Failure> {
    let refused = |kind, words: String| Err(Failure::refused(kind, "", words));
    let Some(max) = price_max else {
        return if premium {
            let price = price.map_or_else(|| "an unknown price".to_owned(), shown);
            refused(ProblemKind::Limit, format!("this is a premium name, for {price}: a price limit must be given"))
        } else {
            Ok(())
        };
    };
    let Some(limit) = decimal(max) else {
        return refused(ProblemKind::Invalid, "price_max: units and nanos do not fit together".to_owned());
    };
    let Some((price, amount)) = price.and_then(|price| Some((price, decimal(price)?))) else {
        return refused(ProblemKind::Limit, format!("Openprovider tells no price, and {} is the limit", shown(max)));
    };
    if !price.currency_code.eq_ignore_ascii_case(&max.currency_code) {
        let words = format!("it costs {}; a limit in {} cannot be held against it", shown(price), max.currency_code);
        return refused(ProblemKind::Invalid, words);
    }
    match amount.cmp(&limit) {
        Ordering::Greater => {
            refused(ProblemKind::Limit, format!("it costs {}, more than the limit of {}", shown(price), shown(max)))
        }
        _ => Ok(()),
    }
}

/// `11.98 EUR`.
fn shown(money: &Money) -> String {
    let amount = decimal(money).unwrap_or_default().normalize();
    format!("{amount} {}", money.currency_code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn euros(text: &str) -> Money {
        let price = format!(r#"{{"currency":"EUR","price":{text}}}"#);
        let price: Price = serde_json::from_str(&price).expect("a price");
        price.money().expect("money")
    }

    #[test]
    fn digits_stay_what_they_are() {
        let parts = |text| {
            let money = euros(text);
            (money.units, money.nanos)
        };
        assert_eq!(parts("8.06"), (8, 60_000_000));
        assert_eq!(parts("0.1"), (0, 100_000_000));
        assert_eq!(parts("\"23.96\""), (23, 960_000_000));
        assert_eq!(parts("0"), (0, 0));
        assert_eq!(parts("-1.5"), (-1, -500_000_000));
        assert_eq!(parts("1.2e3"), (1_200, 0));
        assert_eq!(parts("1e-2"), (0, 10_000_000));
        assert_eq!(parts("11.979999999999999"), (11, 980_000_000), "a printed double");
        assert_eq!(parts("9007199254740993"), (9_007_199_254_740_993, 0), "no double holds this one");
    }

    #[test]
    fn what_is_not_a_price_is_none() {
        for text in [r#"{"currency":"EUR","price":"free"}"#, r#"{"currency":"","price":1}"#, r#"{"price":true}"#] {
            let price: Price = serde_json::from_str(text).expect("it parses");
            assert_eq!(price.money(), None, "{text}");
        }
    }

    #[test]
    fn a_limit_holds_to_the_last_nano() {
        let limit = euros("10");
        assert!(permit(Some(&euros("10.00")), true, Some(&limit)).is_ok());
        for (price, kind) in [
            (Some(euros("10.000000001")), ProblemKind::Limit),
            (Some(Money { currency_code: "USD".to_owned(), units: 1, nanos: 0 }), ProblemKind::Invalid),
            (None, ProblemKind::Limit),
        ] {
            let refused = permit(price.as_ref(), false, Some(&limit)).expect_err("refused");
            assert!(refused.is_refused(kind), "{refused:?}");
        }
        assert!(permit(Some(&euros("999")), false, None).is_ok(), "any standard price");
        assert!(permit(Some(&euros("1")), true, None).is_err_and(|failure| failure.is_refused(ProblemKind::Limit)));
    }
}
