//! A Virtualmin server: its remote API (`/virtual-server/remote.cgi`), whose calls are command-line programs.

mod change;
mod domains;
mod endpoint;
mod plans;
mod programs;
mod resellers;
mod state;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use tokio_util::task::TaskTracker;

pub use state::VirtualServer;

use crate::clock::Clock;
use crate::error::SimulatorError;
use crate::fault::{Fault, Faults};
use crate::secret::Secret;
use crate::server::Loopback;
use state::State;

/// How a simulated Virtualmin server is set up. Start from `VirtualminOptions::default()`.
#[derive(Debug, Clone, Default)]
pub struct VirtualminOptions {
    /// The port on 127.0.0.1; 0 takes any free one.
    pub port: u16,
    /// Plans it starts with, without limits; `Default Plan` is always there.
    pub plans: Vec<String>,
    /// Virtualmin Pro, which has resellers.
    pub pro: bool,
    /// As versions before May 2024: success is reported for a domain that exists (virtualmin-gpl issue 799).
    pub reports_success_for_existing: bool,
}

/// A server's inside.
struct Panel {
    options: VirtualminOptions,
    password: Secret,
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

/// A running Virtualmin server. It stops when it is shut down or dropped.
pub struct Virtualmin {
    panel: Arc<Panel>,
    server: Loopback,
}

impl Virtualmin {
    /// Starts a server on 127.0.0.1.
    ///
    /// # Errors
    /// If the port cannot be opened.
    pub async fn start(options: VirtualminOptions) -> Result<Self, SimulatorError> {
        let (port, tasks) = (options.port, TaskTracker::new());
        let panel = Arc::new(Panel {
            state: Mutex::new(State::new(&options.plans)),
            options,
            password: Secret::random(),
            clock: Clock::default(),
            faults: Faults::default(),
            tasks: tasks.clone(),
        });
        let server = Loopback::start(port, endpoint::router(Arc::clone(&panel)), tasks).await?;
        Ok(Self { panel, server })
    }

    /// Where it listens, such as `http://127.0.0.1:40001`; the API is at `/virtual-server/remote.cgi`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// The password of Webmin's user `root`, for Basic authentication.
    #[must_use]
    pub fn password(&self) -> &str {
        self.panel.password.reveal()
    }

    /// Ends it: running calls end first.
    pub async fn shutdown(self) {
        self.server.shutdown().await;
    }

    /// Lets the next call of `program` meet `fault`. A refusal whose reason begins with `~` comes without the usage text,
    /// as a program's failure in the middle of its work does.
    ///
    /// # Panics
    /// If the program is not simulated, or 100 faults wait for it already.
    pub fn fail_next(&self, program: &str, fault: Fault) {
        self.panel.faults.push(program, fault, &programs::PROGRAMS);
    }

    /// Sets the server's clock, which stands still from then on.
    pub fn set_now(&self, now: DateTime<Utc>) {
        self.panel.clock.set(now);
    }

    /// A virtual server as it stands, without a call.
    #[must_use]
    pub fn virtual_server(&self, domain: &str) -> Option<VirtualServer> {
        self.panel.state().servers.get(domain).cloned()
    }

    /// Adds a server below another one, of the same user, as its owner can.
    ///
    /// # Errors
    /// If there is no such server.
    pub fn add_sub_server(&self, parent: &str, domain: &str) -> Result<(), SimulatorError> {
        let now = self.panel.clock.now();
        let mut state = self.panel.state();
        let above = state.servers.get(parent).cloned().ok_or_else(|| SimulatorError::Unknown(parent.to_owned()))?;
        let below = VirtualServer { id: state.next_id(now), parent: Some(parent.to_owned()), created_at: now, ..above };
        state.servers.insert(domain.to_owned(), below);
        Ok(())
    }

    /// Disables a server with this reason, as its owner or the administrator can in the panel.
    ///
    /// # Errors
    /// If there is no such server.
    pub fn disable(&self, domain: &str, reason: &str) -> Result<(), SimulatorError> {
        let mut state = self.panel.state();
        let server = state.servers.get_mut(domain).ok_or_else(|| SimulatorError::Unknown(domain.to_owned()))?;
        server.disabled = Some(reason.to_owned());
        Ok(())
    }

    /// Sets what a server uses, in bytes.
    ///
    /// # Errors
    /// If there is no such server.
    pub fn set_used(&self, domain: &str, disk_bytes: u64, bandwidth_bytes: u64) -> Result<(), SimulatorError> {
        let mut state = self.panel.state();
        let server = state.servers.get_mut(domain).ok_or_else(|| SimulatorError::Unknown(domain.to_owned()))?;
        (server.disk_bytes, server.bandwidth_bytes) = (disk_bytes, bandwidth_bytes);
        Ok(())
    }
}

impl fmt::Debug for Virtualmin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Virtualmin").field("url", &self.url()).finish_non_exhaustive()
    }
}
