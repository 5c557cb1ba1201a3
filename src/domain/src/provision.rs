//! Provisioning is reconciliation as billing is: what a subscription wants less what is known to run is the next step.
//!
//! [`next`] compares, somebody does the step, [`learn`] says what is known afterwards. A crash, a timeout or a change in
//! between changes what is known or wanted, never the rule: it converges. What cannot be told is looked up before anything
//! else is done.

mod account;
mod domain;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

pub use account::{Account, AccountState, AccountWanted, Presence, Seen, Suspended};
pub use domain::{
    Domain, DomainSeen, DomainState, DomainWanted, Standing, TransferState, YEARS_MAX, renewal_years, years_between,
    years_later,
};

/// What a subscription wants to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Wanted {
    /// An account at a hosting panel.
    Account(AccountWanted),
    /// A domain at a registrar.
    Domain(DomainWanted),
}

/// What is known to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Known {
    /// An account at a hosting panel.
    Account(Account),
    /// A domain at a registrar.
    Domain(Domain),
}

/// One thing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Ask how it stands; changes nothing.
    Look,
    /// Make it.
    Create,
    /// Suspend it.
    Suspend,
    /// Lift our suspension.
    Unsuspend,
    /// Give it the wanted package.
    ChangePackage,
    /// Remove it.
    Terminate,
    /// Register the domain.
    Register,
    /// Ask for its transfer from another registrar.
    Transfer,
    /// Take that back.
    WithdrawTransfer,
    /// Renew it.
    Renew,
    /// Take it out of its redemption period.
    Restore,
    /// Give it the wanted name servers.
    SetNameServers,
    /// Lock or unlock transfers away.
    SetLock,
}

impl Step {
    /// As stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Look => "look",
            Self::Create => "create",
            Self::Suspend => "suspend",
            Self::Unsuspend => "unsuspend",
            Self::ChangePackage => "change_package",
            Self::Terminate => "terminate",
            Self::Register => "register",
            Self::Transfer => "transfer",
            Self::WithdrawTransfer => "withdraw_transfer",
            Self::Renew => "renew",
            Self::Restore => "restore",
            Self::SetNameServers => "set_name_servers",
            Self::SetLock => "set_lock",
        }
    }

    /// Whether the panel or registrar is told who it is for.
    #[must_use]
    pub fn names_customer(self) -> bool {
        matches!(self, Self::Create | Self::Register | Self::Transfer)
    }
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing: it is as it is wanted, or as near as Billet may bring it.
    Settled,
    /// This.
    Do(Step),
    /// It is under way and somebody else's turn: look again after a while.
    Watch,
    /// A person has to decide.
    Person(Puzzle),
}

impl Next {
    /// The step to be done when its time has come.
    #[must_use]
    pub fn step(self) -> Option<Step> {
        match self {
            Self::Do(step) => Some(step),
            Self::Watch => Some(Step::Look),
            Self::Settled | Self::Person(_) => None,
        }
    }
}

/// Why a person has to decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Puzzle {
    /// What should run was there and is not any more, and Billet has not removed it.
    GoneAtPanel,
    /// Something of that name or domain is there, and it is not ours.
    NotOurs,
    /// The panel refuses, in its own words, and repeating it will not help.
    Refused,
    /// It was tried as often as makes sense.
    GaveUp,
    /// No place for it: every instance of the group is full, in maintenance or not configured.
    NoPlace,
    /// The wanted package is one of another group of instances: the account would have to move.
    MoveNeeded,
    /// No key for secrets is configured, so no first password can be kept.
    NoSecretKey,
    /// The transfer was refused, withdrawn or let lapse.
    TransferFailed,
    /// The domain went to another registrar.
    TransferredAway,
    /// The domain is in its redemption period: restoring it costs a fee.
    InRedemption,
    /// The domain is about to be deleted, and nothing helps.
    BeingDeleted,
}

impl Puzzle {
    /// As stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GoneAtPanel => "GONE_AT_PANEL",
            Self::NotOurs => "NOT_OURS",
            Self::Refused => "REFUSED",
            Self::GaveUp => "GAVE_UP",
            Self::NoPlace => "NO_PLACE",
            Self::MoveNeeded => "MOVE_NEEDED",
            Self::NoSecretKey => "NO_SECRET_KEY",
            Self::TransferFailed => "TRANSFER_FAILED",
            Self::TransferredAway => "TRANSFERRED_AWAY",
            Self::InRedemption => "IN_REDEMPTION",
            Self::BeingDeleted => "BEING_DELETED",
        }
    }
}

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It is done.
    Done {
        /// It had been done before.
        already: bool,
        /// How the account stands now, where the panel said so.
        seen: Option<Seen>,
    },
    /// It is done, and so the domain stands now.
    Told {
        /// It had been done before.
        already: bool,
        /// As far as the registrar said.
        domain: Box<DomainSeen>,
    },
    /// What it is about does not exist.
    Missing,
    /// What should be made is there, or something with its name.
    Conflict,
    /// Nothing was done, it may work later.
    Later(Option<TimeDelta>),
    /// Nothing was done, and repeating it will not help.
    Refused,
    /// Nobody can tell whether it was done.
    Unknown,
}

/// What follows from how a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Something is known now that was not: go on.
    Ahead,
    /// Try again, after that long at least.
    Again(Option<TimeDelta>),
    /// The name is taken by somebody else: go on under another one.
    OtherName,
    /// A person has to decide.
    Person(Puzzle),
}

/// What comes next.
#[must_use]
pub fn next(wanted: &Wanted, known: &Known) -> Next {
    match (wanted, known) {
        (Wanted::Account(wanted), Known::Account(known)) => account::next(wanted, known),
        (Wanted::Domain(wanted), Known::Domain(known)) => domain::next(wanted, known),
        // Stored by nobody.
        (Wanted::Account(_), Known::Domain(_)) | (Wanted::Domain(_), Known::Account(_)) => {
            Next::Person(Puzzle::NotOurs)
        }
    }
}

/// What is known before a step is begun: should nobody ever hear of it again, this is what has to be assumed.
#[must_use]
pub fn begun(known: &Known, step: Step, now_us: i64) -> Known {
    match known {
        Known::Account(known) => Known::Account(account::begun(known, step, now_us)),
        Known::Domain(known) => Known::Domain(domain::begun(known, step, now_us)),
    }
}

/// What is known after a step, and what follows. `name` and `external_id` are ours.
#[must_use]
pub fn learn(wanted: &Wanted, known: &Known, step: Step, ended: &Ended) -> (Known, Verdict) {
    match (wanted, known) {
        (Wanted::Account(wanted), Known::Account(known)) => {
            let (known, verdict) = account::learn(wanted, known, step, ended);
            (Known::Account(known), verdict)
        }
        (Wanted::Domain(wanted), Known::Domain(known)) => {
            let (known, verdict) = domain::learn(wanted, known, step, ended);
            (Known::Domain(known), verdict)
        }
        (Wanted::Account(_), Known::Domain(_)) | (Wanted::Domain(_), Known::Account(_)) => {
            (known.clone(), Verdict::Person(Puzzle::NotOurs))
        }
    }
}

impl Wanted {
    /// The domain, or the account's main one.
    #[must_use]
    pub fn domain_name(&self) -> &str {
        match self {
            Self::Account(account) => &account.domain,
            Self::Domain(domain) => &domain.name,
        }
    }

    /// Whether nothing is to run any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        match self {
            Self::Account(account) => account.state == AccountState::Terminated,
            Self::Domain(domain) => domain.state == DomainState::Released,
        }
    }
}

impl Known {
    /// The same, but to be looked up before anything is done.
    #[must_use]
    pub fn doubted(self) -> Self {
        match self {
            Self::Account(account) => Self::Account(Account { certain: false, ..account }),
            Self::Domain(domain) => Self::Domain(Domain { certain: false, ..domain }),
        }
    }

    /// As if what is wanted had been done: a person says so.
    #[must_use]
    pub fn fulfilled(self, wanted: &Wanted) -> Self {
        match (self, wanted) {
            (Self::Account(known), Wanted::Account(wanted)) => Self::Account(account::fulfilled(known, wanted)),
            (Self::Domain(known), Wanted::Domain(wanted)) => Self::Domain(domain::fulfilled(known, wanted)),
            (known, _) => known,
        }
    }

    /// What is gone is to be made anew: a person says so.
    #[must_use]
    pub fn made_anew(self) -> Self {
        match self {
            Self::Account(_) => Self::Account(Account { certain: false, ..Account::absent() }),
            Self::Domain(known) => Self::Domain(domain::made_anew(known)),
        }
    }
}
