//! The event manager: handlers are commands that run after an event, with its data in their environment.
//!
//! Names: Plesk's administrator guide "Event Parameters Passed by Event Handlers", its extensions guide "Old and New
//! Values Combinations", and what public handler scripts read (`NEW_DOMAIN_GUID`, `NEW_CLIENT_GUID`).

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::state::{CONTACT, Customer, State, Subscription};
use crate::error::SimulatorError;
use crate::script::{Ending, Script};

/// How many handlers may be registered.
const HANDLERS_MAX: usize = 100;

/// How many runs are remembered.
const RUNS_MAX: usize = 1_000;

/// The events that are simulated, by the names `plesk bin event_handler` knows them by.
pub(super) const EVENTS: [&str; 12] = [
    CUSTOMER_CREATED,
    CUSTOMER_UPDATED,
    CUSTOMER_DELETED,
    CUSTOMER_STATUS,
    SUBSCRIPTION_CREATED,
    SUBSCRIPTION_UPDATED,
    SUBSCRIPTION_DELETED,
    SUBSCRIPTION_STATUS,
    SUBSCRIPTION_LIMITS,
    HOSTING_CREATED,
    HOSTING_UPDATED,
    HOSTING_DELETED,
];
pub(super) const CUSTOMER_CREATED: &str = "client_create";
pub(super) const CUSTOMER_UPDATED: &str = "client_update";
pub(super) const CUSTOMER_DELETED: &str = "client_delete";
pub(super) const CUSTOMER_STATUS: &str = "client_status_update";
pub(super) const SUBSCRIPTION_CREATED: &str = "domain_create";
pub(super) const SUBSCRIPTION_UPDATED: &str = "domain_update";
pub(super) const SUBSCRIPTION_DELETED: &str = "domain_delete";
pub(super) const SUBSCRIPTION_STATUS: &str = "domain_status_update";
pub(super) const SUBSCRIPTION_LIMITS: &str = "domain_limits_update";
pub(super) const HOSTING_CREATED: &str = "phys_hosting_create";
pub(super) const HOSTING_UPDATED: &str = "phys_hosting_update";
pub(super) const HOSTING_DELETED: &str = "phys_hosting_delete";

/// Names one handler.
pub type HandlerId = u32;

/// Something that happened, with its old and new values: no `Debug`, there are passwords among them.
pub(super) struct Occurrence {
    event: &'static str,
    variables: Vec<(String, String)>,
}

/// Values by the second part of their names (`DOMAIN_NAME`).
pub(super) type Values = Vec<(&'static str, String)>;

impl Occurrence {
    /// An event with what was (`OLD_*`) and what is (`NEW_*`).
    pub(super) fn new(event: &'static str, old: Values, new: Values) -> Self {
        let named = |prefix: &'static str, values: Values| {
            values.into_iter().map(move |(name, value)| (format!("{prefix}_{name}"), value))
        };
        Self { event, variables: named("OLD", old).chain(named("NEW", new)).collect() }
    }
}

/// A customer's values; the password is not among them.
pub(super) fn customer_values(customer: &Customer) -> Values {
    let contact =
        CONTACT.iter().map(|(name, variable)| (*variable, customer.contact.get(name).cloned().unwrap_or_default()));
    std::iter::once(("LOGIN_NAME", customer.login.clone())).chain(contact).collect()
}

/// What names a subscription.
pub(super) fn subscription_values(state: &State, subscription: &Subscription) -> Values {
    let (_, owner_guid) = state.owner(subscription.owner_id);
    vec![
        ("DOMAIN_NAME", subscription.name.clone()),
        ("DOMAIN_GUID", subscription.guid.clone()),
        ("CLIENT_GUID", owner_guid.to_owned()),
    ]
}

/// The values of a subscription's hosting, without its password; empty if it has none.
pub(super) fn hosting_values(state: &State, subscription: &Subscription) -> Values {
    let Some(hosting) = &subscription.hosting else {
        return Vec::new();
    };
    let mut values = subscription_values(state, subscription);
    values.extend([("SYSTEM_USER", hosting.system_user.clone()), ("IP_ADDRESS", hosting.ip.clone())]);
    values
}

/// What a handler's run came to. Plesk does not care.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HandlerResult {
    /// It ended with this code, none if a signal ended it.
    Exited(Option<i32>),
    /// It ran longer than it may and was killed.
    TimedOut,
    /// It could not be started.
    NotRun(String),
}

/// One run of one handler. It does not hold the values, which have passwords among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandlerRun {
    /// The handler that ran.
    pub id: HandlerId,
    /// The event, such as `client_create`.
    pub event: &'static str,
    /// What came of it.
    pub result: HandlerResult,
}

#[derive(Debug, Clone)]
struct Handler {
    id: HandlerId,
    event: &'static str,
    argv: Vec<String>,
}

/// The handlers of one server and what became of their runs.
#[derive(Debug)]
pub(super) struct EventManager {
    handlers: Mutex<Vec<Handler>>,
    runs: Mutex<VecDeque<HandlerRun>>,
    time_max: Duration,
}

impl EventManager {
    pub(super) fn new(time_max: Duration) -> Self {
        Self { handlers: Mutex::default(), runs: Mutex::default(), time_max }
    }

    pub(super) fn create(&self, event: &str, argv: Vec<String>) -> Result<HandlerId, SimulatorError> {
        let Some(event) = EVENTS.iter().find(|known| **known == event) else {
            return Err(SimulatorError::UnknownEvent { event: event.to_owned(), known: EVENTS.join(", ") });
        };
        if argv.is_empty() {
            return Err(SimulatorError::NoCommand);
        }
        let mut handlers = self.handlers.lock().unwrap_or_else(PoisonError::into_inner);
        if handlers.len() >= HANDLERS_MAX {
            return Err(SimulatorError::TooManyHooks { max: HANDLERS_MAX });
        }
        let id = handlers.iter().map(|handler| handler.id).max().unwrap_or(0) + 1;
        handlers.push(Handler { id, event, argv });
        Ok(id)
    }

    /// Whether there was such a handler.
    pub(super) fn remove(&self, id: HandlerId) -> bool {
        let mut handlers = self.handlers.lock().unwrap_or_else(PoisonError::into_inner);
        let before = handlers.len();
        handlers.retain(|handler| handler.id != id);
        handlers.len() < before
    }

    pub(super) fn runs(&self) -> Vec<HandlerRun> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// Runs the handlers of these events, one after the other in the order things happened.
    pub(super) async fn report(&self, occurrences: &[Occurrence], environment: &[(String, String)]) {
        for occurrence in occurrences {
            let handlers = self.handlers.lock().unwrap_or_else(PoisonError::into_inner).clone();
            for handler in handlers.iter().filter(|handler| handler.event == occurrence.event) {
                let result = self.run_one(handler, occurrence, environment).await;
                self.remember(HandlerRun { id: handler.id, event: handler.event, result });
            }
        }
    }

    async fn run_one(
        &self,
        handler: &Handler,
        occurrence: &Occurrence,
        environment: &[(String, String)],
    ) -> HandlerResult {
        let environment = [environment, &occurrence.variables].concat();
        let script = Script { argv: &handler.argv, environment: &environment, stdin: &[], time_max: self.time_max };
        match script.run().await {
            Ending::Exited { code, .. } => HandlerResult::Exited(code),
            Ending::TimedOut => HandlerResult::TimedOut,
            Ending::NotRun(why) => HandlerResult::NotRun(why),
        }
    }

    fn remember(&self, run: HandlerRun) {
        if run.result != HandlerResult::Exited(Some(0)) {
            tracing::warn!(event = run.event, result = ?run.result, "an event handler failed");
        }
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        if runs.len() >= RUNS_MAX {
            runs.pop_front();
        }
        runs.push_back(run);
    }
}
