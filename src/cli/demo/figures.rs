//! Amounts, dates and instants, from the demonstration's words into the protocol's and back.

use chrono::{DateTime, Datelike as _, NaiveDate, NaiveTime, TimeZone as _, Utc};
use chrono_tz::Tz;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;

use super::error::DemoError;
use crate::proto::google::r#type as gt;

/// Where the seller of the demonstration is.
pub const ZONE: Tz = chrono_tz::Europe::Berlin;
/// What it bills in.
pub const CURRENCY: &str = "EUR";

/// A day of the year in which it plays.
pub fn day(month: u32, day: u32) -> Result<NaiveDate, DemoError> {
    NaiveDate::from_ymd_opt(2026, month, day).ok_or_else(|| DemoError::Figure(format!("2026-{month}-{day}")))
}

/// The instant at which clocks there show a time of day, `HH:MM`.
pub fn instant(date: NaiveDate, time: &str) -> Result<DateTime<Utc>, DemoError> {
    let wrong = || DemoError::Figure(format!("{date} {time}"));
    let time = NaiveTime::parse_from_str(time, "%H:%M").map_err(|_| wrong())?;
    Ok(ZONE.from_local_datetime(&date.and_time(time)).earliest().ok_or_else(wrong)?.to_utc())
}

/// For the protocol.
pub fn to_timestamp(instant: DateTime<Utc>) -> prost_types::Timestamp {
    let nanos = i32::try_from(instant.timestamp_subsec_nanos()).unwrap_or_default();
    prost_types::Timestamp { seconds: instant.timestamp(), nanos }
}

/// For the protocol.
pub fn to_date(date: NaiveDate) -> gt::Date {
    let part = |part: u32| i32::try_from(part).unwrap_or_default();
    gt::Date { year: date.year(), month: part(date.month()), day: part(date.day()) }
}

/// From the protocol: `11 Mar`.
pub fn short_date(date: Option<&gt::Date>) -> String {
    from_date(date).map(|date| date.format("%-d %b").to_string()).unwrap_or_default()
}

/// From the protocol.
pub fn from_date(date: Option<&gt::Date>) -> Option<NaiveDate> {
    let date = date?;
    NaiveDate::from_ymd_opt(date.year, u32::try_from(date.month).ok()?, u32::try_from(date.day).ok()?)
}

/// For the protocol.
pub fn decimal(text: &str) -> gt::Decimal {
    gt::Decimal { value: text.to_owned() }
}

/// For the protocol.
pub fn euros(text: &str) -> Result<gt::Money, DemoError> {
    let wrong = || DemoError::Figure(text.to_owned());
    let amount: Decimal = text.parse().map_err(|_| wrong())?;
    let nanos = (amount.fract() * Decimal::from(1_000_000_000)).to_i32().ok_or_else(wrong)?;
    Ok(gt::Money { currency_code: CURRENCY.to_owned(), units: amount.trunc().to_i64().ok_or_else(wrong)?, nanos })
}

/// From the protocol; an absent amount is zero.
pub fn amount(money: Option<&gt::Money>) -> Decimal {
    let whole = money.map_or(0, |money| money.units);
    let nanos = money.map_or(0, |money| i64::from(money.nanos));
    Decimal::from(whole) + Decimal::new(nanos, 9)
}

/// With two decimals, as people read it.
pub fn shown(money: Option<&gt::Money>) -> String {
    two_places(amount(money))
}

/// With two decimals.
pub fn two_places(amount: Decimal) -> String {
    format!("{amount:.2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_come_back_as_they_went() {
        for text in ["0.00", "19.16", "-22.85", "1234.05"] {
            assert_eq!(shown(Some(&euros(text).expect("an amount"))), text);
        }
        assert!(euros("ten").is_err());
    }

    #[test]
    fn days_begin_in_berlin() {
        let winter = instant(day(3, 1).expect("a day"), "09:00").expect("an instant");
        let summer = instant(day(4, 1).expect("a day"), "09:00").expect("an instant");
        assert_eq!((winter.to_rfc3339(), summer.to_rfc3339()), ("2026-03-01T08:00:00+00:00".into(), "2026-04-01T07:00:00+00:00".into()));
        assert!(day(2, 30).is_err());
    }
}
