//! What a document adds up to: allowances, tax per category and rate, totals. Pure arithmetic over signed amounts; a
//! credit note is composed from the negated amounts, and since rounding is symmetric it mirrors its invoice.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::money::{Currency, MoneyError, bounded, sum_minor};
use crate::tax::Tax;

/// What a line brings into a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineAmount {
    /// As agreed, in minor units: gross when prices include tax, else net. Negative when the line gives back.
    pub amount_minor: i64,
    /// How it is taxed; a line that gives back has the tax of the line it gives back.
    pub tax: Tax,
    /// Document-level allowance on it in percent, 0-100; likewise.
    pub allowance_percent: Decimal,
}

/// A document-level allowance (EN 16931 BG-20).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowance {
    /// BT-94.
    pub percent: Decimal,
    /// As agreed, in minor units; positive when it lowers the total.
    pub amount_minor: i64,
    /// BT-92.
    pub net_minor: i64,
    /// BT-95, BT-96.
    pub tax: Tax,
}

/// A row of the tax breakdown (EN 16931 BG-23).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subtotal {
    /// BT-118, BT-119, BT-120.
    pub tax: Tax,
    /// BT-116.
    pub taxable_minor: i64,
    /// BT-117.
    pub tax_minor: i64,
}

/// Allowances and taxes of a document.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Breakdown {
    /// One per category, rate and percent.
    pub allowances: Vec<Allowance>,
    /// One per category and rate.
    pub taxes: Vec<Subtotal>,
}

/// What a document adds up to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Totals {
    /// BT-131 of each line, in the order given.
    pub line_net_minor: Vec<i64>,
    /// Allowances and taxes.
    pub breakdown: Breakdown,
    /// BT-109.
    pub net_minor: i64,
    /// BT-110.
    pub tax_minor: i64,
    /// BT-112.
    pub gross_minor: i64,
}

/// Adds a document up: line amounts, less allowances, then tax once per category and rate on the sum (EN 16931
/// BR-CO-17). With tax-inclusive prices the gross total is the sum of the gross lines, to the cent, and the net amounts
/// of the lines are differences of rounded running sums, so that they add up to the taxable amount exactly.
///
/// # Errors
/// [`MoneyError::Overflow`].
pub fn total(lines: &[LineAmount], tax_inclusive: bool, currency: Currency) -> Result<Totals, MoneyError> {
    let mut groups: BTreeMap<&Tax, Group> = BTreeMap::new();
    let mut line_net_minor = Vec::with_capacity(lines.len());
    for line in lines {
        let group = groups.entry(&line.tax).or_default();
        line_net_minor.push(group.take(line.amount_minor, &line.tax, tax_inclusive)?);
        if !line.allowance_percent.is_zero() {
            let base = group.allowance_bases.entry(line.allowance_percent).or_default();
            *base = base.checked_add(line.amount_minor).ok_or(MoneyError::Overflow)?;
        }
    }
    let mut totals = Totals { line_net_minor, ..Totals::default() };
    for (tax, mut group) in groups {
        for (percent, base_minor) in std::mem::take(&mut group.allowance_bases) {
            let share = Decimal::from(base_minor).checked_mul(percent).ok_or(MoneyError::Overflow)?;
            let amount_minor = round(share / Decimal::ONE_HUNDRED)?;
            if amount_minor == 0 {
                continue;
            }
            let net_minor = -group.take(-amount_minor, tax, tax_inclusive)?;
            totals.breakdown.allowances.push(Allowance { percent, amount_minor, net_minor, tax: tax.clone() });
        }
        let taxable_minor = group.net_minor;
        let tax_minor = if tax_inclusive {
            group.amount_minor.checked_sub(taxable_minor).ok_or(MoneyError::Overflow)?
        } else {
            let tax = currency.units(taxable_minor).checked_mul(tax.rate).ok_or(MoneyError::Overflow)?;
            currency.round_to_minor(tax / Decimal::ONE_HUNDRED)?
        };
        totals.breakdown.taxes.push(Subtotal { tax: tax.clone(), taxable_minor, tax_minor });
    }
    totals.net_minor = sum_minor(totals.breakdown.taxes.iter().map(|row| row.taxable_minor))?;
    totals.tax_minor = sum_minor(totals.breakdown.taxes.iter().map(|row| row.tax_minor))?;
    bounded(totals.net_minor)?;
    totals.gross_minor =
        totals.net_minor.checked_add(totals.tax_minor).ok_or(MoneyError::Overflow).and_then(bounded)?;
    Ok(totals)
}

/// Running sums of one category and rate.
#[derive(Default)]
struct Group {
    /// As agreed.
    amount_minor: i64,
    /// Net of it, rounded.
    net_minor: i64,
    allowance_bases: BTreeMap<Decimal, i64>,
}

impl Group {
    /// Adds an amount as agreed; answers its net share.
    fn take(&mut self, amount_minor: i64, tax: &Tax, tax_inclusive: bool) -> Result<i64, MoneyError> {
        self.amount_minor = self.amount_minor.checked_add(amount_minor).ok_or(MoneyError::Overflow)?;
        let net_minor = if tax_inclusive {
            let hundredfold = Decimal::from(self.amount_minor) * Decimal::ONE_HUNDRED;
            round(hundredfold / (Decimal::ONE_HUNDRED + tax.rate))?
        } else {
            self.amount_minor
        };
        let share = net_minor.checked_sub(self.net_minor).ok_or(MoneyError::Overflow)?;
        self.net_minor = net_minor;
        Ok(share)
    }
}

fn round(minor: Decimal) -> Result<i64, MoneyError> {
    let rounded = minor.round_dp_with_strategy(0, rust_decimal::RoundingStrategy::MidpointAwayFromZero);
    i64::try_from(rounded).map_err(|_| MoneyError::Overflow)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rust_decimal_macros::dec;

    use super::*;
    use crate::money::AMOUNT_MINOR_MAX;

    fn tax(rate: Decimal) -> Tax {
        Tax { category: "S".to_owned(), rate, exemption_reason: String::new() }
    }

    fn line(amount_minor: i64, rate: Decimal, allowance_percent: Decimal) -> LineAmount {
        LineAmount { amount_minor, tax: tax(rate), allowance_percent }
    }

    #[test]
    fn tax_is_reckoned_once_on_the_sum() {
        // Three times 0.33 at 19 %: on the sum 0.99 it is 0.1881 -> 0.19, line by line it would be 0.18.
        let lines = [line(33, dec!(19), dec!(0)), line(33, dec!(19), dec!(0)), line(33, dec!(19), dec!(0))];
        let totals = total(&lines, false, Currency::EUR).expect("fits");
        assert_eq!((totals.net_minor, totals.tax_minor, totals.gross_minor), (99, 19, 118));
    }

    #[test]
    fn a_document_has_a_largest_amount() {
        let half = AMOUNT_MINOR_MAX / 2;
        let untaxed = [line(half, dec!(0), dec!(0)), line(half, dec!(0), dec!(0))];
        assert_eq!(total(&untaxed, false, Currency::EUR).map(|totals| totals.gross_minor), Ok(AMOUNT_MINOR_MAX));
        // The tax leads beyond it.
        let taxed = [line(half, dec!(19), dec!(0)), line(half, dec!(19), dec!(0))];
        assert_eq!(total(&taxed, false, Currency::EUR), Err(MoneyError::Overflow));
        let more = [line(half, dec!(0), dec!(0)), line(half + 1, dec!(0), dec!(0))];
        assert_eq!(total(&more, true, Currency::EUR), Err(MoneyError::Overflow));
    }

    #[test]
    fn the_allowance_comes_before_the_tax() {
        let totals = total(&[line(10_000, dec!(20), dec!(10))], false, Currency::EUR).expect("fits");
        assert_eq!((totals.net_minor, totals.tax_minor, totals.gross_minor), (9_000, 1_800, 10_800));
        assert_eq!(totals.breakdown.allowances[0].amount_minor, 1_000);
    }

    #[test]
    fn the_gross_that_was_shown_is_the_gross_on_the_invoice() {
        let totals =
            total(&[line(999, dec!(19), dec!(0)), line(999, dec!(19), dec!(0))], true, Currency::EUR).expect("fits");
        assert_eq!((totals.net_minor, totals.tax_minor, totals.gross_minor), (1_679, 319, 1_998));
        assert_eq!(totals.line_net_minor.iter().sum::<i64>(), 1_679);
    }

    proptest! {
        #[test]
        fn what_is_shown_adds_up(
            lines in prop::collection::vec((-1_000_000_i64..1_000_000, 0_usize..3, 0_usize..3), 1..20),
            tax_inclusive: bool,
        ) {
            let lines: Vec<LineAmount> = lines
                .into_iter()
                .map(|(amount, rate, percent)| {
                    line(amount, [dec!(19), dec!(7), dec!(5.5)][rate], [dec!(0), dec!(10), dec!(33.3)][percent])
                })
                .collect();
            let totals = total(&lines, tax_inclusive, Currency::EUR).expect("fits");
            let allowances: i64 = totals.breakdown.allowances.iter().map(|allowance| allowance.net_minor).sum();
            prop_assert_eq!(totals.line_net_minor.iter().sum::<i64>() - allowances, totals.net_minor);
            if tax_inclusive {
                let agreed: i64 = lines.iter().map(|line| line.amount_minor).sum::<i64>()
                    - totals.breakdown.allowances.iter().map(|allowance| allowance.amount_minor).sum::<i64>();
                prop_assert_eq!(totals.gross_minor, agreed);
            }
            let negated: Vec<LineAmount> =
                lines.iter().map(|line| LineAmount { amount_minor: -line.amount_minor, ..line.clone() }).collect();
            let mirrored = total(&negated, tax_inclusive, Currency::EUR).expect("fits");
            prop_assert_eq!(mirrored.gross_minor, -totals.gross_minor);
            prop_assert_eq!(mirrored.tax_minor, -totals.tax_minor);
        }
    }
}
