//! A server's inside: its state behind one lock, its clock, event manager and faults.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio_util::task::TaskTracker;

use super::events::EventManager;
use super::operation::Operation;
use super::options::PleskOptions;
use super::session::Sessions;
use super::state::{ADMIN_ID, State};
use super::xml::Element;
use crate::clock::Clock;
use crate::fault::Faults;
use crate::secret::Secret;

/// The plan every server has from the start.
const DEFAULT_PLAN: &str = "Default Domain";

/// The reseller plan every server has from the start.
const DEFAULT_RESELLER_PLAN: &str = "Default Reseller";

#[derive(Debug)]
pub(super) struct Panel {
    pub(super) options: PleskOptions,
    pub(super) password: Secret,
    pub(super) secret_key: Secret,
    pub(super) guid: String,
    pub(super) clock: Clock,
    pub(super) events: EventManager,
    pub(super) faults: Faults,
    pub(super) sessions: Sessions,
    pub(super) tasks: TaskTracker,
    state: Mutex<State>,
}

impl Panel {
    pub(super) fn new(options: PleskOptions, tasks: TaskTracker) -> Self {
        let mut state = State::default();
        for name in std::iter::once(DEFAULT_PLAN).chain(options.plans.iter().map(String::as_str)) {
            state.add_plan(name, "", ADMIN_ID, Vec::new());
        }
        for name in std::iter::once(DEFAULT_RESELLER_PLAN).chain(options.reseller_plans.iter().map(String::as_str)) {
            state.add_reseller_plan(name);
        }
        Self {
            password: Secret::random(),
            secret_key: Secret::random(),
            guid: uuid::Uuid::new_v4().to_string(),
            clock: Clock::default(),
            events: EventManager::new(options.handler_time_max),
            faults: Faults::default(),
            sessions: Sessions::default(),
            tasks,
            state: Mutex::new(state),
            options,
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does an operation, then lets the handlers of its events run. The lock is free by then.
    pub(super) async fn perform(&self, operation: &Operation, body: &Element) -> Vec<Element> {
        let mut occurrences = Vec::new();
        let results = (operation.run)(self, &mut self.state(), body, &mut occurrences);
        let environment: Vec<_> = self.options.hook_env.iter().cloned().chain(self.clock.environment()).collect();
        self.events.report(&occurrences, &environment).await;
        results
    }
}
