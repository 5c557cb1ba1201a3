//! What the simulated server holds.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::secret::Secret;

/// A user: an administrator, a reseller, or an account.
#[derive(Debug, Clone)]
pub struct DirectAdminUser {
    /// `admin`, `reseller` or `user`.
    pub usertype: String,
    /// Who made it: the owner.
    pub creator: String,
    /// The main domain.
    pub domain: String,
    /// The contact address.
    pub email: String,
    /// The package.
    pub package: String,
    /// Its address.
    pub ip: String,
    /// The password last set.
    pub password: Secret,
    /// The reason, empty for none, while it is suspended.
    pub suspended: Option<String>,
    /// By the server's clock.
    pub created_at: DateTime<Utc>,
    /// Disk space used, in megabytes.
    pub disk_mb: f64,
    /// Traffic of this month, in megabytes.
    pub bandwidth_mb: f64,
}

/// What the server holds.
#[derive(Debug)]
pub(super) struct State {
    pub(super) users: BTreeMap<String, DirectAdminUser>,
    /// The administrator's user packages with their limits.
    pub(super) packages: BTreeMap<String, BTreeMap<String, String>>,
    /// Addresses with their status.
    pub(super) ips: BTreeMap<String, String>,
}

impl State {
    pub(super) fn new(packages: &[String], now: DateTime<Utc>) -> Self {
        let admin = DirectAdminUser {
            usertype: "admin".to_owned(),
            creator: "root".to_owned(),
            domain: String::new(),
            email: "admin@directadmin.simulator.example".to_owned(),
            package: String::new(),
            ip: "192.0.2.40".to_owned(),
            password: Secret::random(),
            suspended: None,
            created_at: now,
            disk_mb: 0.0,
            bandwidth_mb: 0.0,
        };
        let ips = [("192.0.2.40", "server"), ("192.0.2.41", "free"), ("192.0.2.42", "shared")];
        let limits = [("quota", "1000"), ("bandwidth", "unlimited"), ("vdomains", "3"), ("mysql", "10"), ("cgi", "ON")];
        let limits: BTreeMap<String, String> = limits.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Self {
            users: BTreeMap::from([("admin".to_owned(), admin)]),
            packages: packages
                .iter()
                .cloned()
                .chain(["default".to_owned()])
                .map(|name| (name, limits.clone()))
                .collect(),
            ips: ips.map(|(ip, status)| (ip.to_owned(), status.to_owned())).into(),
        }
    }
}
