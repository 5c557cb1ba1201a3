//! Where time comes from. Nothing else asks the system.

use std::sync::PoisonError;
use std::sync::RwLock;

use chrono::{DateTime, SubsecRound, Utc};
use tokio::sync::watch;

/// The system's clock, or one that stands still until it is moved: for tests, the demo and for trying things out.
#[derive(Debug)]
pub enum Clock {
    /// The system's.
    System,
    /// Stands still.
    Simulated {
        /// Its instant.
        now: RwLock<DateTime<Utc>>,
        /// Changes when it is moved.
        moved: watch::Sender<DateTime<Utc>>,
    },
}

/// A simulated clock can only be moved ahead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClockError {
    /// The daemon runs on the system's clock.
    #[error("this daemon runs on the system's clock, which cannot be moved")]
    NotSimulated,
    /// Time does not run backwards.
    #[error("the clock stands at {now} and can only be moved ahead")]
    Backwards {
        /// Where it stands.
        now: DateTime<Utc>,
    },
}

impl Clock {
    /// A clock that stands still at an instant.
    #[must_use]
    pub fn simulated(now: DateTime<Utc>) -> Self {
        let now = now.trunc_subsecs(6);
        Self::Simulated { now: RwLock::new(now), moved: watch::Sender::new(now) }
    }

    /// Now, to the microsecond.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        match self {
            Self::System => Utc::now().trunc_subsecs(6),
            Self::Simulated { now, .. } => *now.read().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Whether it is a simulated one.
    #[must_use]
    pub fn is_simulated(&self) -> bool {
        matches!(self, Self::Simulated { .. })
    }

    /// Changes when a simulated clock is moved; `None` for the system's.
    #[must_use]
    pub fn moves(&self) -> Option<watch::Receiver<DateTime<Utc>>> {
        match self {
            Self::System => None,
            Self::Simulated { moved, .. } => Some(moved.subscribe()),
        }
    }

    /// Moves a simulated clock ahead.
    ///
    /// # Errors
    /// [`ClockError`].
    pub fn advance(&self, to: DateTime<Utc>) -> Result<(), ClockError> {
        let Self::Simulated { now, moved } = self else { return Err(ClockError::NotSimulated) };
        let to = to.trunc_subsecs(6);
        let mut now = now.write().unwrap_or_else(PoisonError::into_inner);
        if to < *now {
            return Err(ClockError::Backwards { now: *now });
        }
        *now = to;
        moved.send_replace(to);
        Ok(())
    }
}
