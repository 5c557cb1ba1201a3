//! What an operator sets for a Plesk server.

use std::fmt;
use std::time::Duration;

use billet_plugin::http::{Trust, base_url};
use billet_plugin::v1::ProblemKind;
use billet_plugin::{Failure, Settings};
use serde::Deserialize;

use crate::failure::refused;
use crate::status;

/// The settings as a JSON Schema.
pub(crate) const SCHEMA: &str = include_str!("settings.json");

/// How long a call may take unless set: Plesk creates a subscription in about a minute on a busy server.
const TIMEOUT_S: u64 = 180;
const TIMEOUT_S_MAX: u64 = 900;

/// As set. No `Debug`: there are secrets in it.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PleskSettings {
    pub(crate) url: String,
    #[serde(default)]
    pub(crate) secret_key: String,
    #[serde(default)]
    pub(crate) login: String,
    #[serde(default)]
    pub(crate) password: String,
    #[serde(default)]
    pub(crate) acts_as: Role,
    #[serde(default)]
    pub(crate) ip_address: String,
    #[serde(default)]
    pub(crate) password_for: PasswordFor,
    #[serde(default)]
    pub(crate) sync_customised: bool,
    #[serde(default)]
    pub(crate) remove_empty_customers: bool,
    #[serde(default)]
    ca_pem: String,
    #[serde(default)]
    pin_sha256: String,
    #[serde(default = "timeout")]
    timeout_s: u64,
}

fn timeout() -> u64 {
    TIMEOUT_S
}

/// Whose credentials these are: it decides which suspensions are ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    #[default]
    Administrator,
    Reseller,
}

impl Role {
    /// The status bit that these credentials set and clear.
    pub(crate) fn own_bit(self) -> u32 {
        match self {
            Self::Administrator => status::BY_ADMINISTRATOR,
            Self::Reseller => status::BY_RESELLER,
        }
    }
}

/// Which password an account has: that of its system user (FTP, SSH), that of the customer who logs in to the panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PasswordFor {
    #[default]
    Both,
    SystemUser,
    Customer,
}

impl PleskSettings {
    pub(crate) fn read(settings: &Settings) -> Result<Self, Failure> {
        let invalid = |words: &str| refused(ProblemKind::Invalid, words);
        let read: Self = settings.read()?;
        base_url(&read.url)?;
        let by_login = !read.login.is_empty() || !read.password.is_empty();
        match (read.secret_key.is_empty(), by_login) {
            (true, false) => return Err(invalid("set `secret_key`, or `login` and `password`")),
            (false, true) => return Err(invalid("set either `secret_key` or `login` and `password`, not both")),
            (true, true) if read.login.is_empty() || read.password.is_empty() => {
                return Err(invalid("`login` and `password` belong together"));
            }
            _ => {}
        }
        let sendable = |text: &str| text.chars().all(|c| c.is_ascii_graphic() || c == ' ' || !c.is_ascii());
        if ![&read.secret_key, &read.login, &read.password].iter().all(|text| sendable(text)) {
            return Err(invalid("`secret_key`, `login`, `password`: control characters cannot be sent in a header"));
        }
        if !(1..=TIMEOUT_S_MAX).contains(&read.timeout_s) {
            return Err(invalid("`timeout_s` must be from 1 to 900"));
        }
        if !read.ip_address.is_empty() && read.ip_address.parse::<std::net::IpAddr>().is_err() {
            return Err(invalid("`ip_address` is not an IP address"));
        }
        Ok(read)
    }

    pub(crate) fn trust(&self) -> Trust {
        Trust { ca_pem: self.ca_pem.clone(), pin_sha256: self.pin_sha256.clone() }
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_s)
    }

    /// The address without a slash at its end.
    pub(crate) fn base(&self) -> &str {
        self.url.trim_end_matches('/')
    }
}

impl fmt::Debug for PleskSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PleskSettings").field("url", &self.url).field("acts_as", &self.acts_as).finish_non_exhaustive()
    }
}
