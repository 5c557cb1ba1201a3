//! When the nightly run of a seller starts: a time of day in its time zone, also on the days when clocks are changed.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;

/// How a time of day is written.
const FORMAT: &str = "%H:%M";

/// Reads `HH:MM`, two digits each.
#[must_use]
pub fn parse_time(text: &str) -> Option<NaiveTime> {
    // chrono alone would take `2:5` too.
    (text.len() == 5).then(|| NaiveTime::parse_from_str(text, FORMAT).ok()).flatten()
}

/// Writes `HH:MM`.
#[must_use]
pub fn format_time(time: NaiveTime) -> String {
    time.format(FORMAT).to_string()
}

/// Whether it is a whole minute, as `HH:MM` can say it.
#[must_use]
pub fn is_whole_minute(time: NaiveTime) -> bool {
    time.second() == 0 && time.nanosecond() == 0
}

/// The first instant later than `after` at which clocks in `zone` show `at`.
///
/// On a day when that time is skipped it is the instant that it would have been without the change (RFC 5545, section
/// 3.3.5: 02:30 becomes 03:30); when it comes twice it is the first.
#[must_use]
pub fn next_nightly(after: DateTime<Utc>, zone: Tz, at: NaiveTime) -> DateTime<Utc> {
    let today = after.with_timezone(&zone).date_naive();
    // From the day before: a skipped time can end up on the next day. A zone may skip a whole day (Pacific/Apia did);
    // then two days share one instant, and the third is certainly later.
    let first = today.checked_sub_days(Days::new(1)).unwrap_or(today);
    (0..=4)
        .filter_map(|days| Some(instant(zone, first.checked_add_days(Days::new(days))?.and_time(at))))
        .find(|instant| *instant > after)
        // Only at the end of the calendar.
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// The instant at which a day begins in `zone`; where midnight is skipped, what comes instead of it.
#[must_use]
pub fn start_of_day(zone: Tz, day: NaiveDate) -> DateTime<Utc> {
    instant(zone, day.and_time(NaiveTime::MIN))
}

fn instant(zone: Tz, local: NaiveDateTime) -> DateTime<Utc> {
    if let Some(first) = zone.from_local_datetime(&local).earliest() {
        return first.with_timezone(&Utc);
    }
    // Skipped: as the clocks were a day before.
    let day_before = local.checked_sub_signed(TimeDelta::days(1)).unwrap_or(local);
    let offset_s = zone.offset_from_utc_datetime(&day_before).fix().local_minus_utc();
    local.checked_sub_signed(TimeDelta::seconds(i64::from(offset_s))).unwrap_or(local).and_utc()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn next(after: &str, zone: Tz, at: &str) -> String {
        let after: DateTime<Utc> = after.parse().expect("an instant");
        next_nightly(after, zone, parse_time(at).expect("a time")).to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    }

    #[test]
    fn it_is_later_the_same_day_or_the_next() {
        let berlin = Tz::Europe__Berlin;
        assert_eq!(next("2026-01-10T00:00:00Z", berlin, "02:30"), "2026-01-10T01:30:00Z");
        assert_eq!(next("2026-01-10T01:29:59Z", berlin, "02:30"), "2026-01-10T01:30:00Z");
        assert_eq!(next("2026-01-10T01:30:00Z", berlin, "02:30"), "2026-01-11T01:30:00Z", "strictly later");
        assert_eq!(next("2026-01-10T23:30:00Z", berlin, "00:10"), "2026-01-11T23:10:00Z", "already the 11th there");
        assert_eq!(next("2026-01-10T00:00:00Z", Tz::Pacific__Kiritimati, "02:00"), "2026-01-10T12:00:00Z");
        assert_eq!(next("2026-01-10T00:00:00Z", Tz::UTC, "00:00"), "2026-01-11T00:00:00Z");
    }

    #[test]
    fn a_skipped_time_moves_forward_and_the_next_day_is_as_usual() {
        let berlin = Tz::Europe__Berlin;
        // 29 March 2026: 02:00 becomes 03:00.
        assert_eq!(next("2026-03-28T12:00:00Z", berlin, "02:30"), "2026-03-29T01:30:00Z");
        assert_eq!(next("2026-03-29T01:30:00Z", berlin, "02:30"), "2026-03-30T00:30:00Z");
        assert_eq!(next("2026-03-28T12:00:00Z", berlin, "03:00"), "2026-03-29T01:00:00Z");
        // Cairo's clocks go ahead at midnight: 24 April 2026 begins at 01:00.
        assert_eq!(next("2026-04-23T12:00:00Z", Tz::Africa__Cairo, "00:15"), "2026-04-23T22:15:00Z");
    }

    #[test]
    fn a_time_that_comes_twice_is_taken_the_first_time_only() {
        let berlin = Tz::Europe__Berlin;
        // 25 October 2026: 03:00 becomes 02:00.
        assert_eq!(next("2026-10-24T12:00:00Z", berlin, "02:30"), "2026-10-25T00:30:00Z");
        assert_eq!(next("2026-10-25T00:30:00Z", berlin, "02:30"), "2026-10-26T01:30:00Z");
        // Half an hour, in Lord Howe.
        assert_eq!(next("2026-04-04T00:00:00Z", Tz::Australia__Lord_Howe, "01:45"), "2026-04-04T14:45:00Z");
    }

    #[test]
    fn a_day_that_a_zone_left_out_has_no_second_run() {
        // Samoa had no 30 December 2011.
        let apia = Tz::Pacific__Apia;
        assert_eq!(next("2011-12-29T12:00:00Z", apia, "02:00"), "2011-12-30T12:00:00Z");
        assert_eq!(next("2011-12-30T12:00:00Z", apia, "02:00"), "2011-12-31T12:00:00Z");
    }

    #[test]
    fn times_are_read_strictly_and_written_alike() {
        assert_eq!(parse_time("02:05").map(format_time).as_deref(), Some("02:05"));
        for wrong in ["", "2:05", "02:5", "24:00", "02:60", "02:05:00", "+2:05", "ab:cd"] {
            assert_eq!(parse_time(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn runs_follow_each_other_by_about_a_day_in_every_zone(
            zone in prop::sample::select(chrono_tz::TZ_VARIANTS.as_slice()),
            second in 946_684_800_i64..2_200_000_000,
            minute in 0_u32..1_440,
        ) {
            let after = DateTime::<Utc>::from_timestamp(second, 0).expect("in range");
            let at = NaiveTime::from_num_seconds_from_midnight_opt(minute * 60, 0).expect("in range");
            let first = next_nightly(after, zone, at);
            prop_assert!(first > after);
            prop_assert!(first - after <= TimeDelta::hours(49));
            let second = next_nightly(first, zone, at);
            prop_assert!(second - first >= TimeDelta::hours(20) && second - first <= TimeDelta::hours(49));
            // Anything in between finds the same.
            prop_assert_eq!(next_nightly(second - TimeDelta::seconds(1), zone, at), second);
        }
    }
}
