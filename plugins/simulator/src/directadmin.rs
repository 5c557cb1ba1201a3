//! A DirectAdmin server: its legacy API (`/CMD_API_*`), forms in and urlencoded answers out.

mod change;
mod commands;
mod endpoint;
mod reading;
mod state;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use tokio_util::task::TaskTracker;

pub use state::DirectAdminUser;

use crate::clock::Clock;
use crate::error::SimulatorError;
use crate::fault::{Fault, Faults};
use crate::secret::Secret;
use crate::server::Loopback;
use state::State;

/// How a simulated DirectAdmin server is set up. Start from `DirectAdminOptions::default()`.
#[derive(Debug, Clone)]
pub struct DirectAdminOptions {
    /// The port on 127.0.0.1; 0 takes any free one.
    pub port: u16,
    /// The administrator's user packages; `default` is always there.
    pub packages: Vec<String>,
    /// How many users the licence permits.
    pub users_max: usize,
    /// A wrong login is answered with the login page and HTTP 200, as older versions do; else with 401.
    pub login_page: bool,
    /// Deleting a user reports an error although it is done, as has been seen in the field.
    pub delete_reports_error: bool,
}

impl Default for DirectAdminOptions {
    fn default() -> Self {
        Self { port: 0, packages: Vec::new(), users_max: 10_000, login_page: true, delete_reports_error: false }
    }
}

/// A server's inside.
struct Panel {
    options: DirectAdminOptions,
    login_key: Secret,
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

/// A running DirectAdmin server. It stops when it is shut down or dropped.
pub struct DirectAdmin {
    panel: Arc<Panel>,
    server: Loopback,
}

impl DirectAdmin {
    /// Starts a server on 127.0.0.1. It has the administrator `admin`.
    ///
    /// # Errors
    /// If the port cannot be opened.
    pub async fn start(options: DirectAdminOptions) -> Result<Self, SimulatorError> {
        let (port, tasks, clock) = (options.port, TaskTracker::new(), Clock::default());
        let panel = Arc::new(Panel {
            state: Mutex::new(State::new(&options.packages, clock.now())),
            options,
            login_key: Secret::random(),
            clock,
            faults: Faults::default(),
            tasks: tasks.clone(),
        });
        let server = Loopback::start(port, endpoint::router(Arc::clone(&panel)), tasks).await?;
        Ok(Self { panel, server })
    }

    /// Where it listens, such as `http://127.0.0.1:40001`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// A login key of `admin`, for Basic authentication.
    #[must_use]
    pub fn login_key(&self) -> &str {
        self.panel.login_key.reveal()
    }

    /// Ends it: running calls end first.
    pub async fn shutdown(self) {
        self.server.shutdown().await;
    }

    /// Lets the next call of `command` (`CMD_API_ACCOUNT_USER`) meet `fault`.
    ///
    /// # Panics
    /// If the command is not simulated, or 100 faults wait for it already.
    pub fn fail_next(&self, command: &str, fault: Fault) {
        self.panel.faults.push(command, fault, &commands::COMMANDS);
    }

    /// Sets the server's clock, which stands still from then on. Its time zone is UTC.
    pub fn set_now(&self, now: DateTime<Utc>) {
        self.panel.clock.set(now);
    }

    /// A user as it stands, without a call.
    #[must_use]
    pub fn user(&self, name: &str) -> Option<DirectAdminUser> {
        self.panel.state().users.get(name).cloned()
    }

    /// Suspends a user for this reason, as the administrator or the panel does.
    ///
    /// # Errors
    /// If there is no such user.
    pub fn suspend(&self, name: &str, reason: &str) -> Result<(), SimulatorError> {
        self.change(name, |user| user.suspended = Some(reason.to_owned()))
    }

    /// Sets what a user uses, in megabytes.
    ///
    /// # Errors
    /// If there is no such user.
    pub fn set_used(&self, name: &str, disk_mb: f64, bandwidth_mb: f64) -> Result<(), SimulatorError> {
        self.change(name, |user| (user.disk_mb, user.bandwidth_mb) = (disk_mb, bandwidth_mb))
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut DirectAdminUser)) -> Result<(), SimulatorError> {
        let mut state = self.panel.state();
        change(state.users.get_mut(name).ok_or_else(|| SimulatorError::Unknown(name.to_owned()))?);
        Ok(())
    }
}

impl fmt::Debug for DirectAdmin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectAdmin").field("url", &self.url()).finish_non_exhaustive()
    }
}
