//! Faults on demand: what the next call of a function meets.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How many faults may wait for one function.
const QUEUE_MAX: usize = 100;

/// A delay is never longer than this, so that a forgotten fault cannot hang a test run.
const DELAY_MAX: Duration = Duration::from_secs(60);

/// What goes wrong with a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is done; the answer is this HTTP status with an HTML page, as a proxy or an overloaded panel gives.
    HttpError(u16),
    /// Nothing is done; the panel refuses with this reason in its own way.
    Refuse(String),
    /// Everything is done, but only after this long (60 seconds at most). A caller that gives up earlier does not stop it.
    DelayThenDo(Duration),
    /// Everything is done, hooks included; then the connection closes without an answer.
    DoThenDrop,
}

/// The faults that wait, by function; each is met once, in the order they were asked for.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<HashMap<String, VecDeque<Fault>>>);

impl Faults {
    /// Lets the next call of `function` meet `fault`.
    ///
    /// # Panics
    /// If `known` does not name the function or too many faults wait for it: a mistake in the test.
    pub(crate) fn push(&self, function: &str, fault: Fault, known: &[&str]) {
        assert!(known.contains(&function), "there is no function '{function}'; there are: {}", known.join(", "));
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = queues.entry(function.to_owned()).or_default();
        assert!(queue.len() < QUEUE_MAX, "{QUEUE_MAX} faults already wait for '{function}'");
        queue.push_back(fault);
    }

    /// The fault that this call of `function` meets, if any; it is used up.
    pub(crate) fn take(&self, function: &str) -> Option<Fault> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(function)?.pop_front()
    }
}

impl Fault {
    /// Waits as a delayed call does; returns at once for every other fault.
    pub(crate) async fn delay(&self) {
        if let Fault::DelayThenDo(how_long) = self {
            tokio::time::sleep((*how_long).min(DELAY_MAX)).await;
        }
    }
}
