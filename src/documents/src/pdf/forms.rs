//! How a language writes numbers, money and dates.

use std::collections::BTreeMap;

use billet_domain::money::Currency;
use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::Deserialize;

/// The part of a language file that says how things are written. Patterns name their places in braces.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Forms {
    /// In chrono's format.
    date: String,
    decimal_point: String,
    thousands: String,
    percent: String,
    money: String,
    money_by_code: String,
    days: String,
    dated: String,
    /// Signs of currencies that the language's readers know; the others are written by their ISO 4217 code.
    symbols: BTreeMap<String, String>,
}

impl Forms {
    pub(super) fn date(&self, date: NaiveDate) -> String {
        date.format(&self.date).to_string()
    }

    /// First and last day, both inclusive; a single day stands alone.
    pub(super) fn days(&self, first: NaiveDate, last: NaiveDate) -> String {
        if last <= first {
            return self.date(first);
        }
        fill(&self.days, &[("first", &self.date(first)), ("last", &self.date(last))])
    }

    /// A document's number with its date.
    pub(super) fn dated(&self, number: &str, date: NaiveDate) -> String {
        fill(&self.dated, &[("number", number), ("date", &self.date(date))])
    }

    /// A number without trailing zeros, but with at least so many decimals.
    pub(super) fn number(&self, value: Decimal, decimals_min: u32) -> String {
        let mut value = value.normalize();
        if value.scale() < decimals_min {
            value.rescale(decimals_min);
        }
        let digits = value.abs().to_string();
        let (whole, fraction) = digits.split_once('.').unwrap_or((&digits, ""));
        let mut written = String::new();
        if value.is_sign_negative() && !value.is_zero() {
            written.push('\u{2212}');
        }
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && (whole.len() - index).is_multiple_of(3) {
                written.push_str(&self.thousands);
            }
            written.push(digit);
        }
        if !fraction.is_empty() {
            written.push_str(&self.decimal_point);
            written.push_str(fraction);
        }
        written
    }

    pub(super) fn percent(&self, rate: Decimal) -> String {
        fill(&self.percent, &[("number", &self.number(rate, 0))])
    }

    /// An amount with the currency's own number of decimals.
    pub(super) fn money(&self, minor: i64, currency: Currency) -> String {
        self.price(currency.units(minor), currency)
    }

    /// A price in units of the currency, with at least the currency's decimals and as many more as it has.
    pub(super) fn price(&self, units: Decimal, currency: Currency) -> String {
        let amount = self.number(units.abs(), currency.minor_digits());
        let sign = if units.is_sign_negative() && !units.is_zero() { "\u{2212}" } else { "" };
        let written = match self.symbols.get(currency.code()) {
            Some(symbol) => fill(&self.money, &[("amount", &amount), ("symbol", symbol)]),
            None => fill(&self.money_by_code, &[("amount", &amount), ("code", currency.code())]),
        };
        format!("{sign}{written}")
    }
}

/// Puts values into the `{places}` of a pattern, in one pass: braces inside a value stay as they are, and so does
/// a place without a value.
pub(super) fn fill(pattern: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let place = after
            .split_once('}')
            .and_then(|(name, tail)| values.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value, tail)));
        match place {
            Some((value, tail)) => {
                filled.push_str(value);
                rest = tail;
            }
            None => {
                filled.push('{');
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    filled
}

/// An IBAN in groups of four, as it is read and typed.
pub(super) fn iban_in_fours(iban: &str) -> String {
    let mut grouped = String::new();
    for (index, character) in iban.chars().filter(|character| !character.is_whitespace()).enumerate() {
        if index > 0 && index % 4 == 0 {
            grouped.push(' ');
        }
        grouped.push(character);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use rust_decimal_macros::dec;

    use super::*;
    use crate::pdf::language::Language;

    fn forms(code: &str) -> &'static Forms {
        &Language::of(code).expect("language files parse").forms
    }

    fn currency(code: &str) -> Currency {
        code.parse().expect("a known currency")
    }

    #[test]
    fn money_is_written_as_the_language_does() {
        let written = |language, minor, code| forms(language).money(minor, currency(code));
        assert_eq!(written("de", 123_456, "EUR"), "1.234,56\u{a0}€");
        assert_eq!(written("en", 123_456, "EUR"), "€1,234.56");
        assert_eq!(written("pl", 123_456, "PLN"), "1\u{a0}234,56\u{a0}zł");
        assert_eq!(written("de", 123_456, "PLN"), "1.234,56\u{a0}PLN");
        assert_eq!(written("en", -5, "CHF"), "\u{2212}CHF\u{a0}0.05");
        assert_eq!(written("de", -123, "EUR"), "\u{2212}1,23\u{a0}€");
        assert_eq!(written("de", 1_234_567, "JPY"), "1.234.567\u{a0}JPY");
        assert_eq!(written("de", 1_234_567, "KWD"), "1.234,567\u{a0}KWD");
        assert_eq!(written("de", 0, "EUR"), "0,00\u{a0}€");
        assert_eq!(written("de", i64::MIN, "EUR"), "\u{2212}92.233.720.368.547.758,08\u{a0}€");
    }

    #[test]
    fn unit_prices_keep_their_own_decimals() {
        assert_eq!(forms("de").price(dec!(0.00450), Currency::EUR), "0,0045\u{a0}€");
        assert_eq!(forms("de").price(dec!(5), Currency::EUR), "5,00\u{a0}€");
        assert_eq!(forms("de").price(dec!(5.10), currency("JPY")), "5,1\u{a0}JPY");
        assert_eq!(forms("en").price(Decimal::MAX, currency("KWD")), "KWD\u{a0}79,228,162,514,264,337,593,543,950,335");
    }

    #[test]
    fn quantities_lose_trailing_zeros() {
        assert_eq!(forms("de").number(dec!(1.000), 0), "1");
        assert_eq!(forms("de").number(dec!(-1234.50), 0), "\u{2212}1.234,5");
        assert_eq!(forms("de").number(dec!(-0.0), 0), "0");
        assert_eq!(forms("en").number(dec!(999), 0), "999");
        assert_eq!(forms("en").percent(dec!(8.10)), "8.1%");
        assert_eq!(forms("de").percent(dec!(19)), "19\u{a0}%");
    }

    #[test]
    fn dates_are_written_as_the_language_does() {
        let day = NaiveDate::from_ymd_opt(2026, 2, 1).expect("a date");
        let last = NaiveDate::from_ymd_opt(2026, 2, 28).expect("a date");
        assert_eq!(forms("de").days(day, last), "01.02.2026 – 28.02.2026");
        assert_eq!(forms("en").days(day, last), "1 Feb 2026 – 28 Feb 2026");
        assert_eq!(forms("de").days(day, day), "01.02.2026");
        assert_eq!(forms("pl").dated("FV/1", day), "FV/1 z dnia 01.02.2026");
    }

    #[test]
    fn a_value_with_braces_is_not_filled_again() {
        assert_eq!(fill("{a} and {b}", &[("a", "{b}"), ("b", "x")]), "{b} and x");
        assert_eq!(fill("{unknown} {a", &[("a", "x")]), "{unknown} {a");
    }

    #[test]
    fn an_iban_is_grouped_in_fours() {
        assert_eq!(iban_in_fours("DE02 120300000000202051"), "DE02 1203 0000 0000 2020 51");
        assert_eq!(iban_in_fours(""), "");
    }
}
