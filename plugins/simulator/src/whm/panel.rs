//! A server's inside: its state behind one lock, its clock, hooks and faults.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio_util::task::TaskTracker;

use super::ROOT;
use super::call::Refusal;
use super::hooks::{Event, Hooks, Stage};
use super::limits::Limits;
use super::options::WhmOptions;
use super::state::{Account, Package, State};
use crate::clock::Clock;
use crate::fault::Faults;
use crate::secret::Secret;

/// A server's inside.
#[derive(Debug)]
pub(super) struct Panel {
    pub(super) options: WhmOptions,
    state: Mutex<State>,
    pub(super) clock: Clock,
    pub(super) hooks: Hooks,
    pub(super) faults: Faults,
    pub(super) tasks: TaskTracker,
}

impl Panel {
    pub(super) fn new(options: WhmOptions, token: Secret, tasks: TaskTracker) -> Self {
        let mut state = State::default();
        state.tokens.insert(ROOT.to_owned(), token);
        let names = std::iter::once("default").chain(options.packages.iter().map(String::as_str));
        for name in names {
            let package = Package { limits: Limits::default(), feature_list: "default".to_owned() };
            state.packages.insert(name.to_owned(), package);
        }
        let hooks = Hooks::new(options.hook_time_max);
        Self { options, state: Mutex::new(state), clock: Clock::default(), hooks, faults: Faults::default(), tasks }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One look at the state or one change of it, never across a hook.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut State) -> Result<T, Refusal>) -> Result<T, Refusal> {
        work(&mut self.state())
    }

    /// Runs the hooks before the work; a blocking one may stop it.
    pub(super) async fn before(&self, event: Event, data: &Value) -> Result<(), Refusal> {
        let ran = self.hooks.run(event, Stage::Pre, data, &self.hook_environment()).await;
        ran.map_err(|message| Refusal::exception(format!("A hook stopped this action: {message}")))
    }

    /// Runs the hooks after the work, whose failures change nothing any more.
    pub(super) async fn after(&self, event: Event, data: &Value) {
        let _ = self.hooks.run(event, Stage::Post, data, &self.hook_environment()).await;
    }

    fn hook_environment(&self) -> Vec<(String, String)> {
        self.options.hook_env.iter().cloned().chain(self.clock.environment()).collect()
    }
}

impl Account {
    /// All accounts share the server's address.
    pub(super) fn ip<'a>(&self, panel: &'a Panel) -> &'a str {
        &panel.options.ip
    }
}
