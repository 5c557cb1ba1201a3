//! What the simulated server holds.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};

use super::exit::{Failed, NOT_EXIST, SUSPENDED, failed};
use crate::secret::Secret;

/// A user, which is an account.
#[derive(Debug, Clone)]
pub struct HestiaUser {
    /// The person's name.
    pub name: String,
    /// The contact address.
    pub contact: String,
    /// The package.
    pub package: String,
    /// The password last set.
    pub password: Secret,
    /// `user` or `admin`.
    pub role: String,
    /// The panel's language for this user; empty for the default.
    pub language: String,
    /// Whether it is suspended. HestiaCP keeps no reason.
    pub suspended: bool,
    /// By the panel's clock, in whole seconds.
    pub created_at: DateTime<Utc>,
    /// Its web domains.
    pub domains: BTreeMap<String, HestiaDomain>,
    /// Disk space used, in megabytes.
    pub disk_mb: u64,
    /// Traffic of this month, in megabytes.
    pub bandwidth_mb: u64,
}

/// A web domain.
#[derive(Debug, Clone)]
pub struct HestiaDomain {
    /// Whether name server and mail server know it too.
    pub with_dns_and_mail: bool,
    /// By the panel's clock.
    pub created_at: DateTime<Utc>,
}

/// What the server holds.
#[derive(Debug)]
pub(super) struct State {
    pub(super) users: BTreeMap<String, HestiaUser>,
    /// Limits and templates by package.
    pub(super) packages: BTreeMap<String, BTreeMap<String, String>>,
    /// Files in /tmp that v-make-tmp-file wrote.
    pub(super) files: HashMap<String, String>,
}

impl State {
    pub(super) fn new(packages: &[String], now: DateTime<Utc>) -> Self {
        let admin = HestiaUser {
            name: "Admin".to_owned(),
            contact: "admin@hestia.simulator.example".to_owned(),
            package: "system".to_owned(),
            password: Secret::random(),
            role: "admin".to_owned(),
            language: String::new(),
            suspended: false,
            created_at: now,
            domains: BTreeMap::new(),
            disk_mb: 0,
            bandwidth_mb: 0,
        };
        let names = ["system", "default"].into_iter().chain(packages.iter().map(String::as_str));
        let packages = names.map(|name| (name.to_owned(), super::packages::unlimited())).collect();
        Self { users: BTreeMap::from([("admin".to_owned(), admin)]), packages, files: HashMap::new() }
    }

    pub(super) fn user(&mut self, name: &str) -> Result<&mut HestiaUser, Failed> {
        self.users.get_mut(name).ok_or_else(|| failed(NOT_EXIST, format!("user {name} doesn't exist")))
    }

    /// A user that is not suspended.
    pub(super) fn active(&mut self, name: &str) -> Result<&mut HestiaUser, Failed> {
        let user = self.user(name)?;
        if user.suspended {
            return Err(failed(SUSPENDED, format!("user {name} is suspended")));
        }
        Ok(user)
    }

    /// A limit of a package; `None` when it is unlimited.
    pub(super) fn limit(&self, package: &str, name: &str) -> Option<u64> {
        self.packages.get(package)?.get(name)?.parse().ok()
    }

    /// Who has a domain.
    pub(super) fn owner_of(&self, domain: &str) -> Option<&str> {
        self.users.iter().find(|(_, user)| user.domains.contains_key(domain)).map(|(name, _)| name.as_str())
    }
}
