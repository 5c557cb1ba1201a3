//! How long a call may take.

use std::time::Duration;

use billet_plugin::v1::Operation;
use tokio::time::Instant;

/// No call takes longer, whatever the host says.
const CALL_TIME_MAX: Duration = Duration::from_secs(3_600);
/// How much of a change's time is kept for looking what became of it, at most.
const LOOK_TIME_MAX: Duration = Duration::from_secs(10);

/// An instant by which something must be over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(Instant);

impl Deadline {
    /// From now on.
    #[must_use]
    pub fn after(time: Duration) -> Self {
        Self(Instant::now() + time.min(CALL_TIME_MAX))
    }

    /// Of a change: the time that the host leaves, or twice the time of one exchange when it says nothing.
    #[must_use]
    pub fn of(operation: Option<&Operation>, exchange_time_max: Duration) -> Self {
        let left = operation.and_then(|operation| operation.time_left).and_then(|left| Duration::try_from(left).ok());
        Self::after(left.unwrap_or(exchange_time_max * 2))
    }

    /// The instant.
    #[must_use]
    pub fn at(self) -> Instant {
        self.0
    }

    /// The earlier one.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self(self.0.min(other.0))
    }

    /// What is left.
    #[must_use]
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Earlier by a quarter of what is left, so that there is time to look afterwards.
    #[must_use]
    pub fn with_time_to_look(self) -> Self {
        Self(self.0 - (self.left() / 4).min(LOOK_TIME_MAX))
    }
}
