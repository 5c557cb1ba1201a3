//! One piece of work: which attempt it is, and how much time it has.

use std::time::Duration;

use billet_plugin::Failure;
use billet_plugin::v1::{Operation, ProblemKind};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use tokio::time::Instant;

/// So far may the panel's clock be behind ours.
const CLOCK_SKEW_S: i64 = 120;
/// Plesk gives dates by its own time zone, which is at most so far behind UTC.
const BEHIND_UTC_H: i64 = 12;
/// What a change leaves for looking afterwards, at most; and at most a fifth of what is left.
const LOOK_TIME_MAX: Duration = Duration::from_secs(15);

/// Until when to be done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Time(Option<Instant>);

impl Time {
    /// Only the client's own bound.
    pub(crate) const OPEN: Self = Self(None);

    /// What is left; `None` without a bound.
    ///
    /// # Errors
    /// Later, when nothing is left: nothing was sent then.
    pub(crate) fn left(self) -> Result<Option<Duration>, Failure> {
        let Some(end) = self.0 else { return Ok(None) };
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Failure::later(ProblemKind::Unavailable, "", "no time is left for this attempt"));
        }
        Ok(Some(left))
    }

    /// What is left for a change, so that there is time to look when no answer comes.
    pub(crate) fn left_for_change(self) -> Result<Option<Duration>, Failure> {
        Ok(self.left()?.map(|left| left - LOOK_TIME_MAX.min(left / 5)))
    }
}

/// An operation as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Work {
    pub(crate) id: String,
    first_attempt_at: DateTime<Utc>,
    attempt: u32,
    pub(crate) time: Time,
}

impl Work {
    /// An absent operation is a first attempt that begins now.
    pub(crate) fn of(operation: Option<Operation>) -> Self {
        let operation = operation.unwrap_or_default();
        let first = operation.first_attempt_at.and_then(|at| DateTime::from_timestamp(at.seconds, 0));
        let left = operation.time_left.and_then(|left| Duration::try_from(left).ok());
        Self {
            id: operation.id,
            first_attempt_at: first.unwrap_or_else(Utc::now),
            attempt: operation.attempt,
            time: Time(left.map(|left| Instant::now() + left.min(Duration::from_secs(86_400)))),
        }
    }

    /// It may have been done already.
    pub(crate) fn is_repeated(&self) -> bool {
        self.attempt > 1
    }

    /// Whether something that was made on this date (the panel's) may have been made by this work.
    pub(crate) fn may_have_made(&self, created: Option<NaiveDate>) -> bool {
        let since = self.first_attempt_at - TimeDelta::seconds(CLOCK_SKEW_S) - TimeDelta::hours(BEHIND_UTC_H);
        created.is_none_or(|created| created >= since.date_naive())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_the_first_attempt_is_not_ours() {
        let first: DateTime<Utc> = "2027-02-02T13:00:00Z".parse().expect("a time");
        let at = prost_types::Timestamp { seconds: first.timestamp(), nanos: 0 };
        let work = Work::of(Some(Operation { first_attempt_at: Some(at), attempt: 2, ..Operation::default() }));
        let day = |day| NaiveDate::from_ymd_opt(2027, 2, day);
        assert!(work.is_repeated() && work.may_have_made(day(2)) && work.may_have_made(day(3)));
        assert!(!work.may_have_made(day(1)));
    }

    #[test]
    fn a_change_leaves_time_to_look() {
        let left = prost_types::Duration { seconds: 100, nanos: 0 };
        let work = Work::of(Some(Operation { time_left: Some(left), ..Operation::default() }));
        let change = work.time.left_for_change().expect("time").expect("a bound");
        assert!(change > Duration::from_secs(84) && change <= Duration::from_secs(85), "{change:?}");
        let none =
            Work::of(Some(Operation { time_left: Some(prost_types::Duration::default()), ..Operation::default() }));
        assert!(none.time.left().is_err());
        assert_eq!(Time::OPEN.left(), Ok(None));
    }
}
