//! Openprovider's dates: `2019-01-27 0:55:17`, sometimes without the leading zero, and zeros for none. Expiry and creation
//! are in UTC; the date of an order and of the last change are in Amsterdam's time.

use chrono::{DateTime, NaiveDateTime, TimeZone as _, Utc};
use chrono_tz::Europe::Amsterdam;
use prost_types::Timestamp;

/// An instant in UTC.
pub(crate) fn utc(text: &str) -> Option<DateTime<Utc>> {
    naive(text).map(|at| at.and_utc())
}

/// An instant in Amsterdam's time. In the hour that happens twice a year it is the earlier one: what is older than an
/// attempt is never taken for its work.
pub(crate) fn amsterdam(text: &str) -> Option<DateTime<Utc>> {
    Amsterdam.from_local_datetime(&naive(text)?).earliest().map(|at| at.to_utc())
}

fn naive(text: &str) -> Option<NaiveDateTime> {
    let text = text.trim();
    if text.starts_with("0000") {
        return None;
    }
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").ok()
}

/// As the protocol has it.
pub(crate) fn timestamp(at: DateTime<Utc>) -> Timestamp {
    Timestamp { seconds: at.timestamp(), nanos: 0 }
}

/// From the protocol.
pub(crate) fn instant(at: &Timestamp) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(at.seconds, u32::try_from(at.nanos).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_they_are_written() {
        let shown = |at: Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339());
        assert_eq!(shown(utc("2019-01-27 0:55:17")).as_deref(), Some("2019-01-27T00:55:17+00:00"));
        assert_eq!(shown(amsterdam("2019-07-27 00:55:17")).as_deref(), Some("2019-07-26T22:55:17+00:00"));
        assert_eq!(shown(amsterdam("2019-01-27 00:55:17")).as_deref(), Some("2019-01-26T23:55:17+00:00"));
        for none in ["0000-00-00 00:00:00", "", "soon"] {
            assert_eq!((utc(none), amsterdam(none)), (None, None), "{none}");
        }
    }
}
