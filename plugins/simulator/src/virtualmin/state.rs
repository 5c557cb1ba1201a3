//! What the simulated server holds.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::secret::Secret;

/// A virtual server: a top-level one is an account.
#[derive(Debug, Clone)]
pub struct VirtualServer {
    /// The panel's id.
    pub id: String,
    /// The Unix user.
    pub user: String,
    /// The password last set.
    pub password: Secret,
    /// The plan's name.
    pub plan: String,
    /// The contact address.
    pub email: String,
    /// For people.
    pub description: String,
    /// The reseller that it belongs to.
    pub reseller: Option<String>,
    /// The domain of the server above it.
    pub parent: Option<String>,
    /// By the server's clock.
    pub created_at: DateTime<Utc>,
    /// The reason, while it is disabled.
    pub disabled: Option<String>,
    /// Whether its user has a login to Webmin.
    pub has_webmin: bool,
    /// Disk space used, in bytes.
    pub disk_bytes: u64,
    /// Traffic of the current period, in bytes.
    pub bandwidth_bytes: u64,
}

/// A plan. None is unlimited.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    pub(super) id: String,
    pub(super) owner: Option<String>,
    /// `quota` in KiB, `max-bw` in bytes, `max-doms`, `max-mailbox`, `max-dbs`, `max-alias`.
    pub(super) limits: BTreeMap<String, u64>,
}

/// A reseller (Pro).
#[derive(Debug, Clone)]
pub(super) struct Reseller {
    pub(super) email: String,
    pub(super) description: String,
    pub(super) locked: bool,
    pub(super) limits: BTreeMap<String, u64>,
}

/// What the server holds.
#[derive(Debug)]
pub(super) struct State {
    /// By domain.
    pub(super) servers: BTreeMap<String, VirtualServer>,
    /// By name.
    pub(super) plans: BTreeMap<String, Plan>,
    /// By name.
    pub(super) resellers: BTreeMap<String, Reseller>,
    ids: u64,
}

impl State {
    pub(super) fn new(plans: &[String]) -> Self {
        let names = std::iter::once("Default Plan").chain(plans.iter().map(String::as_str));
        let plan = |(at, name): (usize, &str)| (name.to_owned(), Plan { id: at.to_string(), ..Plan::default() });
        let plans = names.enumerate().map(plan).collect();
        Self { servers: BTreeMap::new(), plans, resellers: BTreeMap::new(), ids: 0 }
    }

    /// Seconds and a running number, as the panel's ids are seconds and a process id.
    pub(super) fn next_id(&mut self, now: DateTime<Utc>) -> String {
        self.ids += 1;
        format!("{}{}", now.timestamp(), 10_000 + self.ids)
    }

    /// Who owns a Unix user.
    pub(super) fn server_of(&self, user: &str) -> Option<(&String, &VirtualServer)> {
        self.servers.iter().find(|(_, server)| server.user == user && server.parent.is_none())
    }

    /// A plan by its name (in any case) or id.
    pub(super) fn plan(&self, wanted: &str) -> Option<(&String, &Plan)> {
        self.plans.iter().find(|(name, plan)| name.eq_ignore_ascii_case(wanted) || plan.id == wanted)
    }
}
