//! One piece of work at a panel: how much time it has, whether it is done for the second time, and whether what is found
//! there can be its doing.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::outcome::Failure;
use crate::v1::{Operation, ProblemKind};

/// The most that is kept back of a change's time, to look what came of it when no answer comes.
const LOOK_TIME_MAX: Duration = Duration::from_secs(15);
/// The share that is kept back when there is little time.
const LOOK_SHARE: u32 = 4;
/// How far the panel's clock may be behind ours, in seconds.
const SKEW_S_MAX: i64 = 120;

/// A piece of work, or a question.
#[derive(Debug, Clone, Copy)]
pub struct Work {
    deadline: Option<Instant>,
    attempt: u32,
    began_unix_s: i64,
}

impl Work {
    /// What the host told about it.
    #[must_use]
    pub fn of(operation: Option<&Operation>) -> Self {
        let left = operation.and_then(|operation| operation.time_left);
        // A negative duration means that the time is over.
        let left = left.map(|left| Duration::try_from(left).unwrap_or(Duration::ZERO));
        let began = operation.and_then(|operation| operation.first_attempt_at);
        Self {
            deadline: left.and_then(|left| Instant::now().checked_add(left)),
            attempt: operation.map_or(1, |operation| operation.attempt),
            began_unix_s: began.map_or_else(now_unix_s, |began| began.seconds),
        }
    }

    /// A question, which only its own limit bounds.
    #[must_use]
    pub fn question() -> Self {
        Self::of(None)
    }

    /// Whether an earlier attempt may have done it.
    #[must_use]
    pub fn is_repeated(&self) -> bool {
        self.attempt > 1
    }

    /// Whether something that was made at this instant can be of this work: not before its first attempt, as far as the
    /// two clocks agree (two minutes).
    #[must_use]
    pub fn can_have_made(&self, created_unix_s: i64) -> bool {
        created_unix_s >= self.began_unix_s.saturating_sub(SKEW_S_MAX)
    }

    /// How long a change may take, at most `longest`: some time is kept back to look.
    ///
    /// # Errors
    /// When there is none. Nothing was sent.
    pub fn change(&self, longest: Duration) -> Result<Duration, Failure> {
        let Some(left) = self.left() else { return Ok(longest) };
        positive(left.saturating_sub(LOOK_TIME_MAX.min(left / LOOK_SHARE)).min(longest))
    }

    /// How long a look may take, at most `longest`.
    ///
    /// # Errors
    /// When there is no time. Nothing was sent.
    pub fn look(&self, longest: Duration) -> Result<Duration, Failure> {
        positive(self.left().map_or(longest, |left| left.min(longest)))
    }

    fn left(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }
}

fn positive(time: Duration) -> Result<Duration, Failure> {
    if time.is_zero() {
        return Err(Failure::later(ProblemKind::Unavailable, "", "the time for this call is over; nothing was sent"));
    }
    Ok(time)
}

fn now_unix_s() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(seconds: i64) -> Work {
        let time_left = Some(prost_types::Duration { seconds, nanos: 0 });
        let first_attempt_at = Some(prost_types::Timestamp { seconds: 1_000, nanos: 0 });
        Work::of(Some(&Operation { time_left, first_attempt_at, attempt: 2, ..Operation::default() }))
    }

    #[test]
    fn some_time_is_kept_back_to_look() {
        let minute = Duration::from_secs(60);
        assert_eq!(with(100).change(minute).expect("time"), minute);
        let change = with(40).change(minute).expect("time");
        assert!(change <= Duration::from_secs(30) && change > Duration::from_secs(28), "{change:?}");
        assert!(with(40).look(minute).expect("time") > change);
        assert_eq!(Work::question().change(minute).expect("time"), minute);
        for over in [0, -5] {
            assert!(matches!(with(over).change(minute), Err(Failure::RetryLater { .. })));
            assert!(matches!(with(over).look(minute), Err(Failure::RetryLater { .. })));
        }
    }

    #[test]
    fn what_is_older_than_the_work_is_not_its_doing() {
        assert!(with(1).is_repeated() && !Work::question().is_repeated());
        assert!(with(1).can_have_made(1_000) && with(1).can_have_made(880));
        assert!(!with(1).can_have_made(879));
    }
}
