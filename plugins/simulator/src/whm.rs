//! A cPanel & WHM server: WHM API 1 over HTTP, and standardized hooks.

mod api0;
mod call;
mod change;
mod client;
mod create;
mod endpoint;
mod hooks;
mod limits;
mod listing;
mod naming;
mod options;
mod packages;
mod panel;
mod parameters;
mod privileges;
mod reseller_state;
mod resellers;
mod state;
mod suspend;

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio_util::task::TaskTracker;

pub use client::{Created, WhmClient, WhmError};
pub use hooks::{Hook, HookId, HookResult, HookRun, Stage};
pub use limits::{Limit, Limits};
pub use options::WhmOptions;
pub use state::{Account, Standing, Suspension};

use crate::error::SimulatorError;
use crate::fault::Fault;
use crate::secret::Secret;
use crate::server::Loopback;
use panel::Panel;

/// The administrator's user.
const ROOT: &str = "root";

/// The functions that are simulated.
const FUNCTIONS: [&str; 32] = [
    "version",
    "createacct",
    "verify_new_username",
    "removeacct",
    "suspendacct",
    "unsuspendacct",
    "changepackage",
    "modifyacct",
    "passwd",
    "listaccts",
    "accountsummary",
    "listpkgs",
    "addpkg",
    "showbw",
    "get_disk_usage",
    "setupreseller",
    "listresellers",
    "create_user_session",
    "unsetupreseller",
    "setresellerlimits",
    "acctcounts",
    "setacls",
    "saveacllist",
    "myprivs",
    "suspendreseller",
    "unsuspendreseller",
    "terminatereseller",
    "listsuspended",
    "listlockedaccounts",
    "gethostname",
    "get_current_users_count",
    "get_maximum_users",
];

/// A running WHM server. It stops when it is shut down or dropped.
pub struct Whm {
    panel: Arc<Panel>,
    server: Loopback,
    token: Secret,
}

impl Whm {
    /// Starts a server on 127.0.0.1.
    ///
    /// # Errors
    /// If the port cannot be opened.
    pub async fn start(options: WhmOptions) -> Result<Self, SimulatorError> {
        let token = Secret::random();
        let (port, tasks) = (options.port, TaskTracker::new());
        let panel = Arc::new(Panel::new(options, token.clone(), tasks.clone()));
        let server = Loopback::start(port, endpoint::router(Arc::clone(&panel)), tasks).await?;
        Ok(Self { panel, server, token })
    }

    /// Where it listens, such as `http://127.0.0.1:40001`; functions are below `/json-api/`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Root's API token, for `Authorization: whm root:TOKEN`.
    #[must_use]
    pub fn token(&self) -> &str {
        self.token.reveal()
    }

    /// The API token of an account that is a reseller.
    #[must_use]
    pub fn reseller_token(&self, user: &str) -> Option<Secret> {
        self.panel.state().tokens.get(user).filter(|_| user != ROOT).cloned()
    }

    /// A client that calls this server over HTTP as root.
    #[must_use]
    pub fn client(&self) -> WhmClient {
        WhmClient::new(self.server.address(), ROOT, self.token.clone())
    }

    /// Ends it: running calls and hooks end first.
    pub async fn shutdown(self) {
        self.server.shutdown().await;
    }

    /// Registers a script as `manage_hooks add script ... --manual` does, for example
    /// `("Whostmgr", "Accounts::Create", "post", ["/usr/bin/billet", "hook", "cpanel"])`. Each run gets one JSON
    /// object on stdin, and answers `1 message` or `0 message`.
    ///
    /// # Errors
    /// For an event or stage the panel does not have, an empty command, or too many hooks.
    pub fn manage_hooks_add<A: Into<String>>(
        &self,
        category: &str,
        event: &str,
        stage: &str,
        argv: impl IntoIterator<Item = A>,
    ) -> Result<HookId, SimulatorError> {
        self.panel.hooks.add((category, event, stage), argv.into_iter().map(Into::into).collect(), false)
    }

    /// The same with the attribute `blocking`: at the stage `pre` anything but `1` stops the work.
    ///
    /// # Errors
    /// As `manage_hooks_add`.
    pub fn manage_hooks_add_blocking<A: Into<String>>(
        &self,
        category: &str,
        event: &str,
        stage: &str,
        argv: impl IntoIterator<Item = A>,
    ) -> Result<HookId, SimulatorError> {
        self.panel.hooks.add((category, event, stage), argv.into_iter().map(Into::into).collect(), true)
    }

    /// Removes a hook, as `manage_hooks delete` does. Whether there was one.
    pub fn manage_hooks_delete(&self, id: &str) -> bool {
        self.panel.hooks.delete(id)
    }

    /// The registered hooks, in the order they run.
    #[must_use]
    pub fn manage_hooks_list(&self) -> Vec<Hook> {
        self.panel.hooks.list()
    }

    /// What became of the hooks' runs, oldest first: the last 1,000.
    #[must_use]
    pub fn hook_runs(&self) -> Vec<HookRun> {
        self.panel.hooks.runs()
    }

    /// Lets the next call of `function` meet `fault`; several wait for several calls.
    ///
    /// # Panics
    /// If the function is not simulated, or 100 faults wait for it already.
    pub fn fail_next(&self, function: &str, fault: Fault) {
        self.panel.faults.push(function, fault, &FUNCTIONS);
    }

    /// Sets the panel's clock, which stands still from then on. Hooks get it as `BILLET_HOOK_AT`.
    pub fn set_now(&self, now: DateTime<Utc>) {
        self.panel.clock.set(now);
    }

    /// An account as it stands, without a call.
    #[must_use]
    pub fn account(&self, user: &str) -> Option<Account> {
        self.panel.state().accounts.get(user).cloned()
    }

    /// What a reseller may do and have, without a call.
    #[must_use]
    pub fn reseller(&self, user: &str) -> Option<Standing> {
        self.panel.state().resellers.get(user).cloned()
    }

    /// All accounts by name, without a call.
    #[must_use]
    pub fn accounts(&self) -> Vec<Account> {
        self.panel.state().accounts.values().cloned().collect()
    }

    /// Sets what an account takes up on the disk, in KiB and number of files.
    ///
    /// # Errors
    /// If there is no such account.
    pub fn set_disk_used(&self, user: &str, kib: u64, inodes: u64) -> Result<(), SimulatorError> {
        self.change(user, |account| (account.disk_used_kib, account.inodes_used) = (kib, inodes))
    }

    /// Sets what an account has transferred in a month (1 to 12), in bytes. It counts up over the month on a real
    /// panel.
    ///
    /// # Errors
    /// If there is no such account.
    pub fn set_bandwidth_used(&self, user: &str, year: i32, month: u32, bytes: u64) -> Result<(), SimulatorError> {
        self.change(user, |account| account.set_bandwidth(year, month, bytes))
    }

    fn change(&self, user: &str, change: impl FnOnce(&mut Account)) -> Result<(), SimulatorError> {
        let mut state = self.panel.state();
        let account = state.accounts.get_mut(user).ok_or_else(|| SimulatorError::Unknown(user.to_owned()))?;
        change(account);
        Ok(())
    }
}

impl fmt::Debug for Whm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Whm").field("url", &self.url()).finish_non_exhaustive()
    }
}
