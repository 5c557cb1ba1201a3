//! Common types between the protocol and the domain. What does not fit is refused with the field's path.

pub mod customer;
pub mod domain;
pub mod drift;
pub mod instance;

pub mod instance_settings;
pub mod invoice;
pub mod mapping;
pub mod plan;
pub mod promotion;
pub mod provisioning;
pub mod seller;
pub mod subscription;
pub mod token;

use std::collections::BTreeMap;
use std::str::FromStr;

use billet_domain::document::{Party, is_country};
use billet_domain::money::{Currency, Money};
use billet_domain::period::{Cycle, CycleUnit, Period};
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::billing::BillingError;
use crate::proto::billet::v1 as pb;
use crate::proto::google::r#type as gt;

/// The longest free text, in characters.
pub const TEXT_MAX: usize = 500;

/// Parses an identifier, a currency or anything else that is written as text.
///
/// # Errors
/// [`BillingError::Invalid`] with the field.
pub fn parse<T: FromStr<Err: std::fmt::Display>>(field: &str, text: &str) -> Result<T, BillingError> {
    if text.is_empty() {
        return Err(BillingError::invalid(field, "is required"));
    }
    text.parse().map_err(|error: T::Err| BillingError::invalid(field, error.to_string()))
}

/// The same, `None` when empty.
///
/// # Errors
/// [`BillingError::Invalid`] with the field.
pub fn parse_optional<T: FromStr<Err: std::fmt::Display>>(field: &str, text: &str) -> Result<Option<T>, BillingError> {
    if text.is_empty() { Ok(None) } else { parse(field, text).map(Some) }
}

/// A text within bounds and without control characters (line breaks are allowed where `lines` says so).
///
/// # Errors
/// [`BillingError::Invalid`] with the field.
pub fn text(field: &str, given: &str, max: usize, lines: bool) -> Result<String, BillingError> {
    if given.chars().count() > max {
        return Err(BillingError::invalid(field, format!("at most {max} characters")));
    }
    if given.chars().any(|c| c.is_control() && !(lines && matches!(c, '\n' | '\t'))) {
        return Err(BillingError::invalid(field, "control characters are not allowed"));
    }
    Ok(given.trim().to_owned())
}

/// A text that must not be empty.
///
/// # Errors
/// [`BillingError::Invalid`] with the field.
pub fn required(field: &str, given: &str, max: usize) -> Result<String, BillingError> {
    let text = text(field, given, max, false)?;
    if text.is_empty() {
        return Err(BillingError::invalid(field, "is required"));
    }
    Ok(text)
}

/// A code: letters, digits, `-`, `_`, `.`, 1 to 64.
///
/// # Errors
/// [`BillingError::Invalid`] with the field.
pub fn code(field: &str, given: &str) -> Result<String, BillingError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if given.is_empty() || given.len() > 64 || !given.chars().all(fits) {
        return Err(BillingError::invalid(field, "1 to 64 letters, digits, `-`, `_` or `.`"));
    }
    Ok(given.to_owned())
}

/// A date; `None` when absent.
///
/// # Errors
/// [`BillingError::Invalid`] for a date that is not in the calendar or outside of 1970 to 9999.
pub fn date_optional(field: &str, given: Option<gt::Date>) -> Result<Option<NaiveDate>, BillingError> {
    let Some(given) = given else { return Ok(None) };
    let (Ok(month), Ok(day)) = (u32::try_from(given.month), u32::try_from(given.day)) else {
        return Err(BillingError::invalid(field, "not a date"));
    };
    NaiveDate::from_ymd_opt(given.year, month, day)
        .filter(|date| (1970..=9999).contains(&date.year()))
        .map(Some)
        .ok_or_else(|| {
            BillingError::invalid(field, "a calendar date between 1970 and 9999 is needed (year, month and day)")
        })
}

/// A date that must be there.
///
/// # Errors
/// [`BillingError::Invalid`].
pub fn date(field: &str, given: Option<gt::Date>) -> Result<NaiveDate, BillingError> {
    date_optional(field, given)?.ok_or_else(|| BillingError::invalid(field, "is required"))
}

/// A date for the protocol.
#[must_use]
pub fn to_date(date: NaiveDate) -> gt::Date {
    // Months and days are below 32.
    gt::Date { year: date.year(), month: date.month().cast_signed(), day: date.day().cast_signed() }
}

/// A period that must be there and not be empty.
///
/// # Errors
/// [`BillingError::Invalid`].
pub fn period(field: &str, given: Option<pb::Period>) -> Result<Period, BillingError> {
    let given = given.ok_or_else(|| BillingError::invalid(field, "is required"))?;
    let period = Period::new(date(&format!("{field}.from"), given.from)?, date(&format!("{field}.to"), given.to)?);
    if period.is_empty() {
        return Err(BillingError::invalid(
            format!("{field}.to"),
            "is the day after the last and must be later than `from`",
        ));
    }
    Ok(period)
}

/// A period for the protocol.
#[must_use]
pub fn to_period(period: Period) -> pb::Period {
    pb::Period { from: Some(to_date(period.from)), to: Some(to_date(period.to)) }
}

/// A decimal number; `None` when absent.
///
/// # Errors
/// [`BillingError::Invalid`].
pub fn decimal_optional(field: &str, given: Option<&gt::Decimal>) -> Result<Option<Decimal>, BillingError> {
    given.map(|given| decimal_text(field, &given.value)).transpose()
}

/// A decimal number that must be there.
///
/// # Errors
/// [`BillingError::Invalid`].
pub fn decimal(field: &str, given: Option<&gt::Decimal>) -> Result<Decimal, BillingError> {
    decimal_optional(field, given)?.ok_or_else(|| BillingError::invalid(field, "is required"))
}

/// A decimal number written as text.
///
/// # Errors
/// [`BillingError::Invalid`].
pub fn decimal_text(field: &str, text: &str) -> Result<Decimal, BillingError> {
    Decimal::from_str_exact(text.trim())
        .map_err(|_| BillingError::invalid(field, "not a decimal number such as `12.50`"))
}

/// A decimal number for the protocol, without trailing zeros.
#[must_use]
pub fn to_decimal(number: Decimal) -> gt::Decimal {
    gt::Decimal { value: number.normalize().to_string() }
}

/// Quantities by component code.
///
/// # Errors
/// [`BillingError::Invalid`].
pub fn quantities<'a>(
    field: &str,
    given: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> Result<BTreeMap<String, Decimal>, BillingError> {
    given
        .into_iter()
        .map(|(code, quantity)| Ok((code.clone(), decimal_text(&format!("{field}[{code}]"), quantity)?)))
        .collect()
}

/// An amount of money that must be there, exact in its currency.
///
/// # Errors
/// [`BillingError::Invalid`] for an unknown currency, nanos that do not fit, or more decimals than the currency has.
pub fn money(field: &str, given: Option<&gt::Money>) -> Result<Money, BillingError> {
    let given = given.ok_or_else(|| BillingError::invalid(field, "is required"))?;
    let currency: Currency = parse(&format!("{field}.currency_code"), &given.currency_code)?;
    if given.nanos.abs() > 999_999_999 || given.units.signum() * i64::from(given.nanos.signum()) < 0 {
        return Err(BillingError::invalid(format!("{field}.nanos"), "below one unit and of the sign of `units`"));
    }
    let units = Decimal::from(given.units) + Decimal::new(i64::from(given.nanos), 9);
    Money::from_units(units, currency).map_err(|error| BillingError::invalid(field, error.to_string()))
}

/// An amount of money for the protocol.
#[must_use]
pub fn to_money(minor: i64, currency: Currency) -> gt::Money {
    let units = currency.units(minor);
    let nanos = (units.fract() * Decimal::from(1_000_000_000)).to_i32().unwrap_or_default();
    gt::Money { currency_code: currency.code().to_owned(), units: units.trunc().to_i64().unwrap_or_default(), nanos }
}

/// An instant; `None` when absent.
///
/// # Errors
/// [`BillingError::Invalid`].
pub fn instant_optional(
    field: &str,
    given: Option<prost_types::Timestamp>,
) -> Result<Option<DateTime<Utc>>, BillingError> {
    let Some(given) = given else { return Ok(None) };
    u32::try_from(given.nanos)
        .ok()
        .and_then(|nanos| DateTime::from_timestamp(given.seconds, nanos))
        .filter(|instant| (1970..=9999).contains(&instant.year()))
        .map(|instant| Some(chrono::SubsecRound::trunc_subsecs(instant, 6)))
        .ok_or_else(|| BillingError::invalid(field, "not an instant between 1970 and 9999"))
}

/// An instant for the protocol.
#[must_use]
pub fn to_instant(instant: DateTime<Utc>) -> prost_types::Timestamp {
    let nanos = instant.timestamp_subsec_nanos().min(999_999_999);
    prost_types::Timestamp { seconds: instant.timestamp(), nanos: nanos.cast_signed() }
}

/// A cycle; `None` when absent.
///
/// # Errors
/// [`BillingError::Invalid`].
pub fn cycle_optional(field: &str, given: Option<pb::Cycle>) -> Result<Option<Cycle>, BillingError> {
    let Some(given) = given else { return Ok(None) };
    let unit = match pb::CycleUnit::try_from(given.unit) {
        Ok(pb::CycleUnit::Day) => CycleUnit::Day,
        Ok(pb::CycleUnit::Week) => CycleUnit::Week,
        Ok(pb::CycleUnit::Month) => CycleUnit::Month,
        Ok(pb::CycleUnit::Year) => CycleUnit::Year,
        _ => return Err(BillingError::invalid(format!("{field}.unit"), "day, week, month or year is needed")),
    };
    Cycle::new(unit, given.count)
        .map(Some)
        .ok_or_else(|| BillingError::invalid(format!("{field}.count"), format!("between 1 and {}", Cycle::COUNT_MAX)))
}

/// A cycle for the protocol.
#[must_use]
pub fn to_cycle(cycle: Cycle) -> pb::Cycle {
    let unit = match cycle.unit {
        CycleUnit::Day => pb::CycleUnit::Day,
        CycleUnit::Week => pb::CycleUnit::Week,
        CycleUnit::Month => pb::CycleUnit::Month,
        CycleUnit::Year => pb::CycleUnit::Year,
    };
    pb::Cycle { unit: unit.into(), count: cycle.count }
}

/// A party. Its name is required; whether the address is complete is asked when a document is issued.
///
/// # Errors
/// [`BillingError::Invalid`].
pub fn party(field: &str, given: Option<&pb::Party>) -> Result<Party, BillingError> {
    let given = given.ok_or_else(|| BillingError::invalid(field, "is required"))?;
    let at = |name: &str| format!("{field}.{name}");
    let short = |name: &str, value: &str| text(&at(name), value, 200, false);
    let country = short("country_code", &given.country_code)?;
    if !country.is_empty() && !is_country(&country) {
        return Err(BillingError::invalid(
            at("country_code"),
            "no country of ISO 3166-1: two capital letters such as `DE`",
        ));
    }
    Ok(Party {
        name: required(&at("name"), &given.name, 200)?,
        address_line: short("address_line", &given.address_line)?,
        address_line_2: short("address_line_2", &given.address_line_2)?,
        post_code: short("post_code", &given.post_code)?,
        city: short("city", &given.city)?,
        country,
        vat_id: short("vat_id", &given.vat_id)?,
        tax_number: short("tax_number", &given.tax_number)?,
        registration: short("registration", &given.registration)?,
        email: short("email", &given.email)?,
        phone: short("phone", &given.phone)?,
    })
}

/// A party for the protocol.
#[must_use]
pub fn to_party(party: Party) -> pb::Party {
    pb::Party {
        name: party.name,
        address_line: party.address_line,
        address_line_2: party.address_line_2,
        post_code: party.post_code,
        city: party.city,
        country_code: party.country,
        vat_id: party.vat_id,
        tax_number: party.tax_number,
        registration: party.registration,
        email: party.email,
        phone: party.phone,
    }
}
