//! The registrar Openprovider: one reseller account behind its REST API.

mod call;
mod contract;
mod dns;
mod domains;
mod endpoint;
mod options;
mod orders;
mod prices;
mod refusal;
mod state;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use tokio_util::task::TaskTracker;

pub use options::{Extension, OpenproviderOptions};
pub use state::{Customer, Domain, Record};

use crate::clock::Clock;
use crate::error::SimulatorError;
use crate::fault::{Fault, Faults};
use crate::secret::Secret;
use crate::server::Loopback;
use state::State;

/// What stands behind the API.
struct Desk {
    options: OpenproviderOptions,
    password: Secret,
    clock: Clock,
    faults: Faults,
    state: Mutex<State>,
    tasks: TaskTracker,
}

impl Desk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running Openprovider. It stops when it is shut down or dropped.
pub struct Openprovider {
    desk: Arc<Desk>,
    server: Loopback,
}

impl fmt::Debug for Openprovider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Openprovider").field("url", &self.url()).finish_non_exhaustive()
    }
}

impl Openprovider {
    /// Starts a server on 127.0.0.1.
    ///
    /// # Errors
    /// If the port cannot be opened.
    pub async fn start(options: OpenproviderOptions) -> Result<Self, SimulatorError> {
        let (port, tasks) = (options.port, TaskTracker::new());
        let desk = Arc::new(Desk {
            state: Mutex::new(State::new(&options)),
            options,
            password: Secret::random(),
            clock: Clock::default(),
            faults: Faults::default(),
            tasks: tasks.clone(),
        });
        let server = Loopback::start(port, endpoint::router(Arc::clone(&desk)), tasks).await?;
        Ok(Self { desk, server })
    }

    /// Where the API is, such as `http://127.0.0.1:40001/v1`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.server.address())
    }

    /// The user name.
    #[must_use]
    pub fn username(&self) -> &str {
        &self.desk.options.username
    }

    /// The password.
    #[must_use]
    pub fn password(&self) -> &str {
        self.desk.password.reveal()
    }

    /// Ends it: running calls end first.
    pub async fn shutdown(self) {
        self.server.shutdown().await;
    }

    /// Lets the next call of an operation (`CreateDomain`) meet `fault`; several wait for several calls.
    ///
    /// # Panics
    /// If the operation is not simulated, or 100 faults wait for it already.
    pub fn fail_next(&self, operation: &str, fault: Fault) {
        let known: Vec<&str> = contract::OPERATIONS.iter().map(|operation| operation.id).collect();
        self.desk.faults.push(operation, fault, &known);
    }

    /// How often an operation was called, with a good token and as documented.
    #[must_use]
    pub fn calls(&self, operation: &str) -> u64 {
        self.desk.state().calls.get(operation).copied().unwrap_or_default()
    }

    /// Makes all tokens worthless.
    pub fn expire_tokens(&self) {
        self.desk.state().tokens.clear();
    }

    /// Sets the registrar's clock, which stands still from then on.
    pub fn set_now(&self, now: DateTime<Utc>) {
        self.desk.clock.set(now);
    }

    /// The registry says yes to what was asked for.
    ///
    /// # Errors
    /// If nothing of that name is pending.
    pub fn settle(&self, name: &str) -> Result<(), SimulatorError> {
        let now = self.desk.clock.now();
        if self.desk.state().settle(name, now) { Ok(()) } else { Err(SimulatorError::Unknown(name.to_owned())) }
    }

    /// The registry says no to what was asked for.
    ///
    /// # Errors
    /// If nothing of that name is pending.
    pub fn fail(&self, name: &str) -> Result<(), SimulatorError> {
        if self.desk.state().fail(name) { Ok(()) } else { Err(SimulatorError::Unknown(name.to_owned())) }
    }

    /// Another registrar asks for a domain.
    ///
    /// # Errors
    /// If it is not here.
    pub fn ask_for(&self, name: &str) -> Result<(), SimulatorError> {
        self.change(name, |_| {})?;
        let mut state = self.desk.state();
        let id = state.live(name).map(|domain| domain.id);
        state.leaving.extend(id);
        Ok(())
    }

    /// Changes a domain behind the API's back.
    ///
    /// # Errors
    /// If it is not here.
    pub fn change(&self, name: &str, change: impl FnOnce(&mut Domain)) -> Result<(), SimulatorError> {
        let mut state = self.desk.state();
        let id = state.live(name).map(|domain| domain.id);
        match id.and_then(|id| state.domains.get_mut(&id)) {
            Some(domain) => {
                change(domain);
                Ok(())
            }
            None => Err(SimulatorError::Unknown(name.to_owned())),
        }
    }

    /// All domains by number, without a call.
    #[must_use]
    pub fn domains(&self) -> Vec<Domain> {
        self.desk.state().domains.values().cloned().collect()
    }

    /// All contacts, without a call.
    #[must_use]
    pub fn customers(&self) -> Vec<Customer> {
        self.desk.state().customers.values().cloned().collect()
    }

    /// The records of a zone, without a call.
    #[must_use]
    pub fn records(&self, zone: &str) -> Option<Vec<Record>> {
        self.desk.state().zones.get(zone).cloned()
    }

    /// A name server's addresses, without a call.
    #[must_use]
    pub fn name_server(&self, name: &str) -> Option<(String, String)> {
        self.desk.state().name_servers.get(name).cloned()
    }

    /// The credit in hundredths, without what pending orders hold.
    #[must_use]
    pub fn credit_cents(&self) -> i64 {
        let state = self.desk.state();
        state.balance_cents - state.reserved_cents()
    }
}
