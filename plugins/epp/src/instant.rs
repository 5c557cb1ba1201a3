//! Instants and dates, as EPP and as the protocol write them.

use billet_plugin::google::r#type::Date;
use chrono::{DateTime, Datelike, NaiveDateTime, Utc};
use prost_types::Timestamp;

/// An instant as registries write it: RFC 3339; without a zone it is UTC (RFC 5731 section 2.4). `None` for anything else.
#[must_use]
pub fn read(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text)
        .map(|at| at.with_timezone(&Utc))
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").map(|at| at.and_utc()))
        .ok()
}

/// As the protocol writes it.
#[must_use]
pub fn timestamp(at: DateTime<Utc>) -> Timestamp {
    Timestamp { seconds: at.timestamp(), nanos: i32::try_from(at.timestamp_subsec_nanos()).unwrap_or(0) }
}

/// As Rust has it; `None` when it cannot be.
#[must_use]
pub fn of_timestamp(timestamp: &Timestamp) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(timestamp.seconds, u32::try_from(timestamp.nanos).ok()?)
}

/// The day of an instant in UTC, which is the day of a registry's `curExpDate`.
#[must_use]
pub fn day(at: DateTime<Utc>) -> Date {
    Date { year: at.year(), month: i32::try_from(at.month()).unwrap_or(0), day: i32::try_from(at.day()).unwrap_or(0) }
}

/// `2027-11-24`.
#[must_use]
pub fn day_text(date: &Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year, date.month, date.day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_write_instants_in_several_ways() {
        for text in ["2026-11-24T12:57:06.500Z", "2026-11-24T13:57:06.500+01:00", "2026-11-24T12:57:06.500"] {
            let at = read(text).expect(text);
            assert_eq!(at.to_rfc3339(), "2026-11-24T12:57:06.500+00:00", "{text}");
            assert_eq!(of_timestamp(&timestamp(at)), Some(at));
            assert_eq!(day_text(&day(at)), "2026-11-24");
        }
        assert_eq!(read("yesterday"), None);
    }
}
