//! A Plesk server: the XML API over HTTP, and the event manager.

mod client;
mod customer;
mod endpoint;
mod events;
mod filter;
mod ip;
mod operation;
mod options;
mod panel;
mod refusal;
mod reseller;
mod server;
mod service_plan;
mod session;
mod state;
mod webspace;
mod xml;

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use tokio_util::task::TaskTracker;

pub use client::{PleskClient, PleskError, Subscribed};
pub use events::{HandlerId, HandlerResult, HandlerRun};
pub use options::PleskOptions;
pub use state::{Customer, Hosting, Reseller, Subscription, status};

use crate::error::SimulatorError;
use crate::fault::Fault;
use crate::server::Loopback;
use operation::OPERATIONS;
use panel::Panel;

/// A running Plesk server. It stops when it is shut down or dropped.
pub struct Plesk {
    panel: Arc<Panel>,
    server: Loopback,
}

impl Plesk {
    /// Starts a server on 127.0.0.1.
    ///
    /// # Errors
    /// If the port cannot be opened.
    pub async fn start(options: PleskOptions) -> Result<Self, SimulatorError> {
        let (port, tasks) = (options.port, TaskTracker::new());
        let panel = Arc::new(Panel::new(options, tasks.clone()));
        let server = Loopback::start(port, endpoint::router(Arc::clone(&panel)), tasks).await?;
        Ok(Self { panel, server })
    }

    /// Where it listens, such as `http://127.0.0.1:40001`; the XML API is at `/enterprise/control/agent.php`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// The administrator's password, for `HTTP_AUTH_LOGIN: admin` and `HTTP_AUTH_PASSWD`.
    #[must_use]
    pub fn password(&self) -> &str {
        self.panel.password.reveal()
    }

    /// A secret key, for `KEY` instead of login and password.
    #[must_use]
    pub fn secret_key(&self) -> &str {
        self.panel.secret_key.reveal()
    }

    /// A client that calls this server over HTTP as its administrator.
    #[must_use]
    pub fn client(&self) -> PleskClient {
        PleskClient::new(self.server.address(), self.panel.password.clone(), &self.panel.options.ip)
    }

    /// Ends it: running operations and handlers end first.
    pub async fn shutdown(self) {
        self.server.shutdown().await;
    }

    /// Registers a command as `plesk bin event_handler --create -event EVENT -command ...` does, for example
    /// `("client_create", ["/usr/bin/billet", "hook", "plesk", "client_create"])`. Each run has the event's values in
    /// its environment, as `OLD_*` and `NEW_*`; the event's name is not among them.
    ///
    /// # Errors
    /// For an event that is not simulated, an empty command, or too many handlers.
    pub fn event_handler_create<A: Into<String>>(
        &self,
        event: &str,
        argv: impl IntoIterator<Item = A>,
    ) -> Result<HandlerId, SimulatorError> {
        self.panel.events.create(event, argv.into_iter().map(Into::into).collect())
    }

    /// Removes a handler. Whether there was one.
    pub fn event_handler_remove(&self, id: HandlerId) -> bool {
        self.panel.events.remove(id)
    }

    /// The events that are simulated, as `plesk bin event_handler --list-events` would list them.
    #[must_use]
    pub fn events() -> &'static [&'static str] {
        &events::EVENTS
    }

    /// What became of the handlers' runs, oldest first: the last 1,000.
    #[must_use]
    pub fn handler_runs(&self) -> Vec<HandlerRun> {
        self.panel.events.runs()
    }

    /// Lets the next `operation`, such as `webspace.add`, meet `fault`; several wait for several operations. A refusal
    /// has the code 1023. An HTTP error or a dropped connection befalls the whole packet.
    ///
    /// # Panics
    /// If the operation is not simulated, or 100 faults wait for it already.
    pub fn fail_next(&self, operation: &str, fault: Fault) {
        let known: Vec<&str> = OPERATIONS.iter().map(|operation| operation.name).collect();
        self.panel.faults.push(operation, fault, &known);
    }

    /// Sets the panel's clock, which stands still from then on. Handlers get it as `BILLET_HOOK_AT`.
    pub fn set_now(&self, now: DateTime<Utc>) {
        self.panel.clock.set(now);
    }

    /// A customer as it stands, without a call.
    #[must_use]
    pub fn customer(&self, login: &str) -> Option<Customer> {
        self.panel.state().customers.values().find(|customer| customer.login == login).cloned()
    }

    /// A reseller as it stands, without a call.
    #[must_use]
    pub fn reseller(&self, login: &str) -> Option<Reseller> {
        self.panel.state().resellers.values().find(|reseller| reseller.login == login).cloned()
    }

    /// The name of the plan a reseller has, none if it has none or does not exist.
    #[must_use]
    pub fn reseller_plan_of(&self, login: &str) -> Option<String> {
        let guid = self.reseller(login)?.plan_guid?;
        self.panel.state().reseller_plans.values().find(|plan| plan.guid == guid).map(|plan| plan.name.clone())
    }

    /// The login name and the address that a session was made for.
    #[must_use]
    pub fn session(&self, id: &str) -> Option<(String, String)> {
        self.panel.sessions.find(id)
    }

    /// A subscription as it stands, without a call.
    #[must_use]
    pub fn subscription(&self, domain: &str) -> Option<Subscription> {
        self.panel.state().subscriptions.values().find(|subscription| subscription.name == domain).cloned()
    }

    /// The name of the plan a subscription has, none if it has none or does not exist.
    #[must_use]
    pub fn plan_of(&self, domain: &str) -> Option<String> {
        let guid = self.subscription(domain)?.plan_guid?;
        self.panel.state().plan(&guid).map(|plan| plan.name.clone())
    }

    /// Sets what a subscription takes up on the disk and has transferred this month, in bytes.
    ///
    /// # Errors
    /// If there is no such subscription.
    pub fn set_used(&self, domain: &str, disk_bytes: u64, traffic_bytes: u64) -> Result<(), SimulatorError> {
        self.change(domain, |subscription| {
            (subscription.disk_used_bytes, subscription.traffic_bytes) = (disk_bytes, traffic_bytes);
        })
    }

    /// Sets a subscription's own status bits (see [`status`]) as somebody else at the panel would, without an event:
    /// what a nightly comparison has to find.
    ///
    /// # Errors
    /// If there is no such subscription.
    pub fn set_status(&self, domain: &str, bits: u32) -> Result<(), SimulatorError> {
        self.change(domain, |subscription| subscription.status = bits)
    }

    /// Sets what a subscription transferred on one day, in bytes, as `get_traffic` shows it.
    ///
    /// # Errors
    /// If there is no such subscription.
    pub fn set_traffic_on(&self, domain: &str, day: NaiveDate, bytes: u64) -> Result<(), SimulatorError> {
        self.change(domain, |subscription| {
            subscription.traffic_days.insert(day, bytes);
        })
    }

    /// Sets how many mailboxes and databases a subscription has.
    ///
    /// # Errors
    /// If there is no such subscription.
    pub fn set_counts(&self, domain: &str, mailboxes: u32, databases: u32) -> Result<(), SimulatorError> {
        self.change(domain, |subscription| {
            (subscription.mailboxes, subscription.databases) = (mailboxes, databases);
        })
    }

    /// Customises a subscription, as editing it in the panel does: it is locked, its plan's changes pass it by.
    ///
    /// # Errors
    /// If there is no such subscription.
    pub fn customise(&self, domain: &str) -> Result<(), SimulatorError> {
        self.change(domain, |subscription| (subscription.locked, subscription.synchronized) = (true, false))
    }

    fn change(&self, domain: &str, change: impl FnOnce(&mut Subscription)) -> Result<(), SimulatorError> {
        let mut state = self.panel.state();
        let found = state.subscriptions.values_mut().find(|subscription| subscription.name == domain);
        change(found.ok_or_else(|| SimulatorError::Unknown(domain.to_owned()))?);
        Ok(())
    }
}

impl fmt::Debug for Plesk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plesk").field("url", &self.url()).finish_non_exhaustive()
    }
}
