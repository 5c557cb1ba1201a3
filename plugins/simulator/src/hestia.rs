//! A HestiaCP server: its REST API (`POST /api/`), whose calls are command lines with exit codes.

mod commands;
mod domains;
mod endpoint;
mod exit;
mod packages;
mod state;
mod users;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use tokio_util::task::TaskTracker;

pub use state::{HestiaDomain, HestiaUser};

use crate::clock::Clock;
use crate::error::SimulatorError;
use crate::fault::{Fault, Faults};
use crate::secret::Secret;
use crate::server::Loopback;
use state::State;

/// How a simulated HestiaCP server is set up. Start from `HestiaOptions::default()`.
#[derive(Debug, Clone)]
pub struct HestiaOptions {
    /// The port on 127.0.0.1; 0 takes any free one.
    pub port: u16,
    /// The server's own name.
    pub hostname: String,
    /// The version it reports.
    pub version: String,
    /// Packages it starts with, without limits; `system` and `default` are always there.
    pub packages: Vec<String>,
    /// The commands that the access key may call; empty for all.
    pub permitted: Vec<String>,
}

impl Default for HestiaOptions {
    fn default() -> Self {
        Self {
            port: 0,
            hostname: "hestia.simulator.example".to_owned(),
            version: "1.9.4".to_owned(),
            packages: Vec::new(),
            permitted: Vec::new(),
        }
    }
}

/// A server's inside.
struct Panel {
    options: HestiaOptions,
    access_key: String,
    secret_key: Secret,
    state: Mutex<State>,
    clock: Clock,
    faults: Faults,
    tasks: TaskTracker,
}

impl Panel {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running HestiaCP server. It stops when it is shut down or dropped.
pub struct Hestia {
    panel: Arc<Panel>,
    server: Loopback,
}

impl Hestia {
    /// Starts a server on 127.0.0.1. It has the user `admin`.
    ///
    /// # Errors
    /// If the port cannot be opened.
    pub async fn start(options: HestiaOptions) -> Result<Self, SimulatorError> {
        let (port, tasks, clock) = (options.port, TaskTracker::new(), Clock::default());
        let key = format!("{}{}", Secret::random().reveal(), Secret::random().reveal());
        let (access_key, secret_key) = (key[..20].to_uppercase(), Secret::new(&key[20..60]));
        let state = Mutex::new(State::new(&options.packages, clock.now()));
        let faults = Faults::default();
        let panel = Arc::new(Panel { options, access_key, secret_key, state, clock, faults, tasks: tasks.clone() });
        let server = Loopback::start(port, endpoint::router(Arc::clone(&panel)), tasks).await?;
        Ok(Self { panel, server })
    }

    /// Where it listens, such as `http://127.0.0.1:40001`; the API is at `/api/`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// The id of the access key: 20 characters.
    #[must_use]
    pub fn access_key(&self) -> &str {
        &self.panel.access_key
    }

    /// The secret of the access key: 40 characters.
    #[must_use]
    pub fn secret_key(&self) -> &str {
        self.panel.secret_key.reveal()
    }

    /// Ends it: running calls end first.
    pub async fn shutdown(self) {
        self.server.shutdown().await;
    }

    /// Lets the next call of `command` meet `fault`. The reason of a refusal may begin with the exit code: `8 Limit`.
    ///
    /// # Panics
    /// If the command is not simulated, or 100 faults wait for it already.
    pub fn fail_next(&self, command: &str, fault: Fault) {
        self.panel.faults.push(command, fault, &commands::COMMANDS);
    }

    /// Sets the panel's clock, which stands still from then on. Its time zone is UTC.
    pub fn set_now(&self, now: DateTime<Utc>) {
        self.panel.clock.set(now);
    }

    /// A user as it stands, without a call.
    #[must_use]
    pub fn user(&self, name: &str) -> Option<HestiaUser> {
        self.panel.state().users.get(name).cloned()
    }

    /// Sets what a user uses, in megabytes, as the nightly count does.
    ///
    /// # Errors
    /// If there is no such user.
    pub fn set_used(&self, name: &str, disk_mb: u64, bandwidth_mb: u64) -> Result<(), SimulatorError> {
        let mut state = self.panel.state();
        let user = state.users.get_mut(name).ok_or_else(|| SimulatorError::Unknown(name.to_owned()))?;
        (user.disk_mb, user.bandwidth_mb) = (disk_mb, bandwidth_mb);
        Ok(())
    }
}

impl fmt::Debug for Hestia {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hestia").field("url", &self.url()).finish_non_exhaustive()
    }
}
