//! Plesk's dates as instants. It tells dates by its own time zone, which it does not tell: they are taken as UTC.

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveTime, Utc};
use prost_types::Timestamp;

/// The beginning of a day.
pub(crate) fn midnight(date: NaiveDate) -> Timestamp {
    Timestamp { seconds: date.and_time(NaiveTime::MIN).and_utc().timestamp(), nanos: 0 }
}

/// A month as its first day and the first day of the next.
pub(crate) fn month_of(instant: DateTime<Utc>) -> (NaiveDate, NaiveDate) {
    let day = instant.date_naive();
    let first = day.with_day(1).unwrap_or(day);
    (first, first.checked_add_months(Months::new(1)).unwrap_or(first))
}
