//! The time that a call of the host's has, and what of it the panel may use: when the panel does not answer, some of it
//! must be left to look what came of it.

use std::time::{Duration, Instant};

use billet_plugin::Failure;
use billet_plugin::v1::{Operation, ProblemKind};

/// The most that is kept back for looking.
const LOOK_TIME_MAX: Duration = Duration::from_secs(15);
/// The share of the time that is kept back, when there is little of it.
const LOOK_SHARE: u32 = 4;

/// How much time there is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    deadline: Instant,
}

impl Budget {
    /// For work that the host gave so much time, or else `longest` and the time to look.
    pub(crate) fn of(operation: Option<&Operation>, longest: Duration) -> Self {
        let left = operation.and_then(|operation| operation.time_left);
        // A negative duration means that the time is over.
        let left = left.map(|left| left.try_into().unwrap_or(Duration::ZERO));
        Self { deadline: Instant::now() + left.unwrap_or(longest + LOOK_TIME_MAX) }
    }

    fn left(self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// For a change, at most `longest`, so that there is time left to look.
    ///
    /// # Errors
    /// When there is none: nothing was sent.
    pub(crate) fn change(self, longest: Duration) -> Result<Duration, Failure> {
        let left = self.left();
        positive(left.saturating_sub(LOOK_TIME_MAX.min(left / LOOK_SHARE)).min(longest))
    }

    /// For a question, at most `longest`.
    ///
    /// # Errors
    /// When there is no time: nothing was sent.
    pub(crate) fn question(self, longest: Duration) -> Result<Duration, Failure> {
        positive(self.left().min(longest))
    }
}

fn positive(time: Duration) -> Result<Duration, Failure> {
    if time.is_zero() {
        return Err(Failure::later(ProblemKind::Unavailable, "", "the time for this call is over; nothing was sent"));
    }
    Ok(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(seconds: i64) -> Budget {
        let time_left = Some(prost_types::Duration { seconds, nanos: 0 });
        Budget::of(Some(&Operation { time_left, ..Operation::default() }), Duration::from_secs(60))
    }

    #[test]
    fn some_time_is_kept_back_to_look() {
        let minute = Duration::from_secs(60);
        let change = with(100).change(minute).expect("time");
        assert_eq!(change, minute);
        let change = with(40).change(minute).expect("time");
        assert!(change <= Duration::from_secs(30) && change > Duration::from_secs(28), "{change:?}");
        assert!(with(40).question(minute).expect("time") > change);
        let change = Budget::of(None, minute).change(minute).expect("time without an operation");
        assert!(change > Duration::from_secs(55), "{change:?}");
    }

    #[test]
    fn no_time_means_that_nothing_is_sent() {
        for seconds in [0, -5] {
            let failure = with(seconds).change(Duration::from_secs(60)).expect_err("no time");
            assert!(matches!(failure, Failure::RetryLater { .. }), "{failure:?}");
        }
    }
}
