//! How long a call may take, over all the requests that it makes.

use std::time::{Duration, Instant};

use billet_plugin::v1::Operation;

/// What is kept back of a change's time, to look afterwards what became of it.
const LOOK_TIME_MAX: Duration = Duration::from_secs(15);

/// With less than this a change is not begun: nobody would hear what became of it.
const CHANGE_TIME_MIN: Duration = Duration::from_secs(1);

/// The time that is left.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    end: Instant,
}

impl Budget {
    /// For a question.
    pub(crate) fn of(time: Duration) -> Self {
        Self { end: Instant::now() + time }
    }

    /// For a change: what the host leaves it; without that, several requests' time.
    pub(crate) fn left_to(operation: Option<&Operation>, time_max: Duration) -> Self {
        let told = operation.and_then(|operation| operation.time_left).and_then(|left| Duration::try_from(left).ok());
        Self::of(told.unwrap_or(time_max * 4))
    }

    /// For the next request.
    pub(crate) fn left(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// For the request that changes something: a part is kept back for the look afterwards. Nothing when too little is left.
    pub(crate) fn for_change(&self) -> Duration {
        let left = self.left();
        if left < CHANGE_TIME_MIN { Duration::ZERO } else { left - LOOK_TIME_MAX.min(left / 4) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_leaves_time_to_look() {
        let budget = Budget::of(Duration::from_secs(8));
        assert!(budget.for_change() <= Duration::from_secs(6));
        let told =
            Operation { time_left: Some(prost_types::Duration { seconds: 2, nanos: 0 }), ..Operation::default() };
        assert!(Budget::left_to(Some(&told), Duration::from_secs(60)).left() <= Duration::from_secs(2));
        assert!(Budget::left_to(None, Duration::from_secs(60)).left() > Duration::from_secs(200));
        assert_eq!(Budget::of(Duration::from_millis(900)).for_change(), Duration::ZERO);
    }
}
