//! Money: whole minor units of an ISO 4217 currency, arithmetic that refuses to wrap, and the one rounding rule.

use std::fmt;
use std::str::FromStr;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The largest amount, in minor units (100,000,000,000.00 with two decimals), either way. Payments, lines and documents
/// beyond it are refused: then the sum of nearly a million of the largest still fits 64 bits, in the program and in SQL,
/// where a sum that does not fit would make the books unreadable for good.
pub const AMOUNT_MINOR_MAX: i64 = 10_000_000_000_000;

/// Why an amount could not be reckoned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The code is not in ISO 4217, or the currency has no minor unit of 0, 2 or 3 decimals.
    #[error("`{0}` is not a currency that can be billed in (ISO 4217 code expected)")]
    UnknownCurrency(String),
    /// Two currencies were mixed.
    #[error("{0} and {1} cannot be added")]
    CurrencyMismatch(Currency, Currency),
    /// The amount is beyond [`AMOUNT_MINOR_MAX`], or a sum does not fit 64 bits of minor units.
    #[error("an amount is too large (at most 10,000,000,000,000 minor units)")]
    Overflow,
    /// An amount has more decimals than its currency.
    #[error("{amount} has more decimals than {currency} has ({digits})")]
    TooPrecise {
        /// What was given.
        amount: Decimal,
        /// In which currency.
        currency: Currency,
        /// How many decimals it has.
        digits: u32,
    },
}

/// An ISO 4217 currency with 0, 2 or 3 decimals (the table is the crate `iso_currency`'s).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// The euro.
    pub const EUR: Self = Self(iso_currency::Currency::EUR);

    /// The three-letter code.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// How many decimals the minor unit has: 0 (JPY), 2 (EUR) or 3 (KWD).
    #[must_use]
    pub fn minor_digits(self) -> u32 {
        u32::from(self.0.exponent().unwrap_or(2))
    }

    /// Rounds an amount in units (euros) to minor units (cents), half away from zero: the only place where
    /// an amount becomes money.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] beyond [`AMOUNT_MINOR_MAX`].
    pub fn round_to_minor(self, units: Decimal) -> Result<i64, MoneyError> {
        units
            .checked_mul(Decimal::from(10_i64.pow(self.minor_digits())))
            .map(|minor| minor.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero))
            .and_then(|minor| i64::try_from(minor).ok())
            .ok_or(MoneyError::Overflow)
            .and_then(bounded)
    }

    /// Minor units (cents) as units (euros), exactly.
    #[must_use]
    pub fn units(self, minor: i64) -> Decimal {
        Decimal::new(minor, self.minor_digits())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl PartialOrd for Currency {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Currency {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.code().cmp(other.code())
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(code: &str) -> Result<Self, MoneyError> {
        iso_currency::Currency::from_code(code)
            .filter(|currency| matches!(currency.exponent(), Some(0 | 2 | 3)))
            .map(Self)
            .ok_or_else(|| MoneyError::UnknownCurrency(code.chars().take(16).collect()))
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// An amount of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// Whole minor units (cents), negative when owed the other way.
    pub minor: i64,
    /// Of this currency.
    pub currency: Currency,
}

impl Money {
    /// An amount of minor units.
    #[must_use]
    pub fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// An exact amount of units (euros).
    ///
    /// # Errors
    /// [`MoneyError::TooPrecise`] when it has more decimals than the currency, [`MoneyError::Overflow`].
    pub fn from_units(units: Decimal, currency: Currency) -> Result<Self, MoneyError> {
        let minor = currency.round_to_minor(units)?;
        if currency.units(minor) == units {
            Ok(Self { minor, currency })
        } else {
            Err(MoneyError::TooPrecise { amount: units, currency, digits: currency.minor_digits() })
        }
    }

    /// The sum.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`], [`MoneyError::Overflow`].
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        if self.currency != other.currency {
            return Err(MoneyError::CurrencyMismatch(self.currency, other.currency));
        }
        let minor = self.minor.checked_add(other.minor).ok_or(MoneyError::Overflow)?;
        Ok(Self { minor, ..self })
    }

    /// The amount in units (euros), exactly.
    #[must_use]
    pub fn units(self) -> Decimal {
        self.currency.units(self.minor)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.units(), self.currency)
    }
}

/// An amount that is not beyond [`AMOUNT_MINOR_MAX`].
///
/// # Errors
/// [`MoneyError::Overflow`].
pub fn bounded(minor: i64) -> Result<i64, MoneyError> {
    if minor.unsigned_abs() <= AMOUNT_MINOR_MAX.unsigned_abs() { Ok(minor) } else { Err(MoneyError::Overflow) }
}

/// Adds minor units, refusing to wrap.
///
/// # Errors
/// [`MoneyError::Overflow`].
pub fn sum_minor(amounts: impl IntoIterator<Item = i64>) -> Result<i64, MoneyError> {
    amounts.into_iter().try_fold(0_i64, |sum, minor| sum.checked_add(minor).ok_or(MoneyError::Overflow))
}

/// Splits a total over weights so that the parts add up to it exactly: largest remainder (Hamilton's method).
/// Ties go to the earlier part. With all weights zero the first part takes all; without weights there are no parts.
///
/// # Errors
/// [`MoneyError::Overflow`] when a weight is negative or the product leaves 128 bits.
pub fn split_minor(total_minor: i64, weights: &[i64]) -> Result<Vec<i64>, MoneyError> {
    if weights.iter().any(|weight| *weight < 0) {
        return Err(MoneyError::Overflow);
    }
    let sum: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
    if sum == 0 {
        let mut parts = vec![0; weights.len()];
        if let Some(first) = parts.first_mut() {
            *first = total_minor;
        }
        return Ok(parts);
    }
    let sign = total_minor.signum();
    let total = i128::from(total_minor).abs();
    let mut parts = Vec::with_capacity(weights.len());
    let mut remainders = Vec::with_capacity(weights.len());
    for (index, weight) in weights.iter().enumerate() {
        let product = total.checked_mul(i128::from(*weight)).ok_or(MoneyError::Overflow)?;
        parts.push(i64::try_from(product / sum).map_err(|_| MoneyError::Overflow)?);
        remainders.push((std::cmp::Reverse(product % sum), index));
    }
    let given: i128 = parts.iter().map(|part| i128::from(*part)).sum();
    let missing = usize::try_from(total - given).map_err(|_| MoneyError::Overflow)?;
    remainders.sort_unstable();
    for (_, index) in remainders.into_iter().take(missing) {
        parts[index] += 1;
    }
    for part in &mut parts {
        *part *= sign;
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rust_decimal_macros::dec;

    use super::*;

    fn currency(code: &str) -> Currency {
        code.parse().expect("a known currency")
    }

    #[test]
    fn decimals_are_those_of_the_currency() {
        assert_eq!(currency("JPY").round_to_minor(dec!(10.5)), Ok(11));
        assert_eq!(currency("EUR").round_to_minor(dec!(-0.005)), Ok(-1));
        assert_eq!(currency("KWD").round_to_minor(dec!(1.0005)), Ok(1001));
        assert!("XAU".parse::<Currency>().is_err(), "gold has no minor unit");
        assert!("eur".parse::<Currency>().is_err() || currency("eur") == Currency::EUR);
        assert!("EURO".parse::<Currency>().is_err());
    }

    #[test]
    fn nothing_wraps() {
        assert_eq!(sum_minor([i64::MAX, 1]), Err(MoneyError::Overflow));
        assert_eq!(Currency::EUR.round_to_minor(Decimal::MAX), Err(MoneyError::Overflow));
        let mixed = Money::new(1, Currency::EUR).checked_add(Money::new(1, currency("PLN")));
        assert!(matches!(mixed, Err(MoneyError::CurrencyMismatch(..))));
        assert!(Money::from_units(dec!(1.001), Currency::EUR).is_err());
    }

    #[test]
    fn an_amount_has_a_largest_value_either_way() {
        let most = Currency::EUR.units(AMOUNT_MINOR_MAX);
        assert_eq!(Money::from_units(most, Currency::EUR), Ok(Money::new(AMOUNT_MINOR_MAX, Currency::EUR)));
        assert_eq!(Currency::EUR.round_to_minor(-most), Ok(-AMOUNT_MINOR_MAX));
        for beyond in [most + dec!(0.01), -most - dec!(0.01), dec!(92233720368547758.07)] {
            assert_eq!(Money::from_units(beyond, Currency::EUR), Err(MoneyError::Overflow));
        }
        assert_eq!(bounded(i64::MIN), Err(MoneyError::Overflow));
    }

    #[test]
    fn a_hundred_over_three_is_34_33_33() {
        assert_eq!(split_minor(100, &[1, 1, 1]), Ok(vec![34, 33, 33]));
        assert_eq!(split_minor(-100, &[1, 1, 1]), Ok(vec![-34, -33, -33]));
        assert_eq!(split_minor(7, &[0, 0]), Ok(vec![7, 0]));
    }

    proptest! {
        #[test]
        fn parts_add_up_and_stay_within_one_of_their_share(
            total in -1_000_000_000_i64..1_000_000_000,
            weights in prop::collection::vec(0_i64..1_000_000, 1..20),
        ) {
            let parts = split_minor(total, &weights).expect("fits");
            prop_assert_eq!(parts.iter().sum::<i64>(), total);
            let sum: i64 = weights.iter().sum();
            if sum > 0 {
                for (part, weight) in parts.iter().zip(&weights) {
                    let share = Decimal::from(total) * Decimal::from(*weight) / Decimal::from(sum);
                    prop_assert!((Decimal::from(*part) - share).abs() <= Decimal::ONE);
                }
            }
        }
    }
}
