//! The panel's clock: the machine's, until a test or the demo sets another.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, SecondsFormat, Utc};

/// The environment variable that tells a hook or an event handler the simulated time.
pub const HOOK_AT: &str = "BILLET_HOOK_AT";

/// The machine's clock, or a simulated instant that stands still until it is moved.
#[derive(Debug, Default)]
pub(crate) struct Clock(Mutex<Option<DateTime<Utc>>>);

impl Clock {
    /// From here on the panel believes it is `now`.
    pub(crate) fn set(&self, now: DateTime<Utc>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }

    /// The simulated instant if one was set, else the machine's.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.simulated().unwrap_or_else(Utc::now)
    }

    /// The variable that a script is given so that it knows the simulated time. None on the machine's clock:
    /// a script then looks at its own, as it does on a real panel.
    pub(crate) fn environment(&self) -> Option<(String, String)> {
        let now = self.simulated()?;
        Some((HOOK_AT.to_owned(), now.to_rfc3339_opts(SecondsFormat::AutoSi, true)))
    }

    fn simulated(&self) -> Option<DateTime<Utc>> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
