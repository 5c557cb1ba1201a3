//! What the simulated server holds.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use chrono::{DateTime, Utc};

use super::call::Refusal;
use super::limits::Limits;
use super::privileges::ordinary;
use crate::secret::Secret;

/// How many removed accounts showbw still remembers.
const DEPARTED_MAX: usize = 1_000;

/// How many months of bandwidth an account keeps.
const MONTHS_MAX: usize = 120;

/// An account on the server.
#[derive(Debug, Clone)]
pub struct Account {
    /// The account's name, 16 characters at most.
    pub user: String,
    /// The main domain.
    pub domain: String,
    /// The package.
    pub plan: String,
    /// `root`, a reseller's user, or the account itself.
    pub owner: String,
    /// The contact address, empty if none.
    pub contact_email: String,
    /// The password last set.
    pub password: Secret,
    /// When it was created, by the panel's clock.
    pub created_at: DateTime<Utc>,
    /// Set while the account is suspended.
    pub suspension: Option<Suspension>,
    /// Whether it may have accounts of its own.
    pub reseller: bool,
    /// What it may use.
    pub limits: Limits,
    /// Disk space used, in KiB.
    pub disk_used_kib: u64,
    /// Files and folders.
    pub inodes_used: u64,
    /// Bytes transferred by (year, month).
    pub bandwidth_bytes: BTreeMap<(i32, u32), u64>,
}

/// Why and since when an account is suspended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspension {
    /// The words of whoever suspended it.
    pub reason: String,
    /// By the panel's clock.
    pub at: DateTime<Utc>,
    /// Whether only root may lift it.
    pub locked: bool,
}

impl Account {
    /// Keeps the bytes of a month, forgetting the oldest month if there are too many.
    pub(super) fn set_bandwidth(&mut self, year: i32, month: u32, bytes: u64) {
        self.bandwidth_bytes.insert((year, month), bytes);
        if self.bandwidth_bytes.len() > MONTHS_MAX {
            self.bandwidth_bytes.pop_first();
        }
    }
}

/// A hosting plan.
#[derive(Debug, Clone)]
pub(super) struct Package {
    pub(super) limits: Limits,
    pub(super) feature_list: String,
}

/// What a reseller may do and have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// By the names of myprivs.
    pub privileges: BTreeSet<&'static str>,
    /// How many accounts it may own; `None` for no limit.
    pub accounts_max: Option<u64>,
    /// In MiB; `None` for no limit.
    pub disk_mib_max: Option<u64>,
    /// In MiB a month; `None` for no limit.
    pub bandwidth_mib_max: Option<u64>,
    /// Whether it may hand out more than it has.
    pub overselling: bool,
}

/// Accounts, packages and who may call.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) accounts: BTreeMap<String, Account>,
    pub(super) packages: BTreeMap<String, Package>,
    pub(super) tokens: HashMap<String, Secret>,
    pub(super) resellers: BTreeMap<String, Standing>,
    /// Saved lists of privileges, by name.
    pub(super) acl_lists: BTreeMap<String, BTreeSet<&'static str>>,
    /// Removed accounts, oldest first.
    pub(super) departed: VecDeque<Account>,
}

impl State {
    /// The account, if the caller may touch it: root may touch all, a reseller itself and those it owns.
    pub(super) fn account(&self, caller: &str, user: &str) -> Result<&Account, Refusal> {
        let account = self.accounts.get(user).filter(|account| may_touch(caller, account));
        account.ok_or_else(|| no_access(user))
    }

    /// The same, to change it.
    pub(super) fn account_mut(&mut self, caller: &str, user: &str) -> Result<&mut Account, Refusal> {
        self.account(caller, user)?;
        self.accounts.get_mut(user).ok_or_else(|| no_access(user))
    }

    /// The accounts that the caller sees, by name.
    pub(super) fn visible<'a>(&'a self, caller: &'a str) -> impl Iterator<Item = &'a Account> {
        self.accounts.values().filter(move |account| may_touch(caller, account))
    }

    /// Makes an account a reseller, unless it is one.
    pub(super) fn promote(&mut self, user: &str) {
        if let Some(account) = self.accounts.get_mut(user) {
            account.reseller = true;
            self.tokens.entry(user.to_owned()).or_insert_with(Secret::random);
            let standing = || Standing { privileges: ordinary(), ..Standing::default() };
            self.resellers.entry(user.to_owned()).or_insert_with(standing);
        }
    }

    /// Takes an account away; showbw remembers it for a while.
    pub(super) fn remove(&mut self, user: &str) {
        self.tokens.remove(user);
        self.resellers.remove(user);
        if let Some(account) = self.accounts.remove(user) {
            self.departed.push_back(account);
        }
        while self.departed.len() > DEPARTED_MAX {
            self.departed.pop_front();
        }
    }

    /// The account that has this main domain.
    pub(super) fn by_domain(&self, domain: &str) -> Option<&Account> {
        self.accounts.values().find(|account| account.domain == domain)
    }
}

/// Root may touch every account, a reseller itself and those it owns.
pub(super) fn may_touch(caller: &str, account: &Account) -> bool {
    caller == super::ROOT || account.owner == caller || account.user == caller
}

fn no_access(user: &str) -> Refusal {
    Refusal::exception(format!("You do not have access to an account named “{user}”."))
}
