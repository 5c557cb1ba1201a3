//! Domains at registrars. When a domain expires is the registry's to say and never reckoned here; what is kept beside it
//! is how far the registry's years serve what the customer pays for, and that moves only when the registry's day does.

use chrono::{Months, NaiveDate};
use serde::{Deserialize, Serialize};

use super::{Ended, Next, Presence, Puzzle, Step, Verdict};

/// How far a registry's clock may be from ours, in microseconds: a domain that is this much older than our first attempt
/// may still be what the attempt made.
const CLOCKS_APART_MAX_US: i64 = 300 * 1_000_000;
/// No domain is registered for longer (ICANN; most registries follow).
pub const YEARS_MAX: u32 = 10;
/// The days of ten years, for rounding differences of dates to years.
const DAYS_PER_DECADE: i64 = 3_652;

/// How a domain is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DomainState {
    /// Not yet.
    Absent,
    /// It is the customer's, and stays.
    Held,
    /// Not any more: it is left to expire. Billet deletes no domain.
    Released,
}

/// What a subscription wants of a domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainWanted {
    /// How.
    pub state: DomainState,
    /// Its name, in ASCII and lower case.
    pub name: String,
    /// For how many years it is registered first, and what a period of the contract is.
    pub years: u32,
    /// It comes from another registrar.
    #[serde(default)]
    pub transfer: bool,
    /// How many years a transfer adds at this registry; none at some.
    #[serde(default)]
    pub transfer_years: u32,
    /// The first day of the contract.
    pub started_on: NaiveDate,
    /// Up to which day it is invoiced, or paid where the seller waits for that.
    #[serde(default)]
    pub covered_until: Option<NaiveDate>,
    /// The expiry that is to be renewed away from: near enough, or a person asked for it.
    #[serde(default)]
    pub renews: Option<NaiveDate>,
    /// The expiry that a person wants renewed away from, however far it is.
    #[serde(default)]
    pub renewal_asked: Option<NaiveDate>,
    /// How often a person has asked to restore it.
    #[serde(default)]
    pub restores_asked: u32,
    /// Its name servers; any when absent.
    #[serde(default)]
    pub name_servers: Option<Vec<String>>,
    /// Whether transfers away are locked; either when absent.
    #[serde(default)]
    pub locked: Option<bool>,
}

/// How a domain stands at its registry (RFC 5731, RFC 3915), for its registrar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Registered here.
    #[default]
    Active,
    /// Asked for; the registry has not decided.
    PendingCreate,
    /// On its way here or away.
    PendingTransfer,
    /// Past its expiry, to be renewed as usual.
    Expired,
    /// Deleted; a restore costs its fee.
    Redemption,
    /// A restore is asked for.
    PendingRestore,
    /// About to be free; nothing helps.
    PendingDelete,
    /// At another registrar.
    Elsewhere,
}

impl Standing {
    /// As stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::PendingCreate => "pending_create",
            Self::PendingTransfer => "pending_transfer",
            Self::Expired => "expired",
            Self::Redemption => "redemption",
            Self::PendingRestore => "pending_restore",
            Self::PendingDelete => "pending_delete",
            Self::Elsewhere => "elsewhere",
        }
    }
}

/// How the transfer to us stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferState {
    /// We have begun to ask for it and not heard how that ended.
    Requested,
    /// Asked for; the other side or the registry decides.
    Pending,
    /// It is done.
    Approved,
    /// Refused or let lapse.
    Rejected,
    /// Withdrawn by us.
    Cancelled,
}

impl TransferState {
    /// As stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
        }
    }
}

/// What is known of a domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Domain {
    /// Whether it is there.
    pub presence: Presence,
    /// Whether the rest can be relied on; if not, it is looked up first.
    pub certain: bool,
    /// It was said meanwhile that something happened: what is being done does not make it certain.
    #[serde(default)]
    pub news: bool,
    /// How it stands at the registry, when it is there.
    #[serde(default)]
    pub standing: Standing,
    /// When it expires, by the registry.
    #[serde(default)]
    pub expires_on: Option<NaiveDate>,
    /// Up to which day of the contract the registry's years reach.
    #[serde(default)]
    pub served_until: Option<NaiveDate>,
    /// How the transfer to us stands.
    #[serde(default)]
    pub transfer: Option<TransferState>,
    /// How often it was restored since it was asked for.
    #[serde(default)]
    pub restores_done: u32,
    /// The name servers at the registry.
    #[serde(default)]
    pub name_servers: Vec<String>,
    /// Whether transfers away are locked.
    #[serde(default)]
    pub locked: bool,
    /// The registry's own id.
    #[serde(default)]
    pub registrar_id: String,
    /// When we first tried to register or transfer it, microseconds UTC.
    #[serde(default)]
    pub begun_at_us: Option<i64>,
    /// It went to another registrar.
    #[serde(default)]
    pub left: bool,
}

impl Domain {
    /// Not here yet.
    #[must_use]
    pub fn absent() -> Self {
        Self {
            presence: Presence::Absent,
            certain: true,
            news: false,
            standing: Standing::Active,
            expires_on: None,
            served_until: None,
            transfer: None,
            restores_done: 0,
            name_servers: Vec::new(),
            locked: false,
            registrar_id: String::new(),
            begun_at_us: None,
            left: false,
        }
    }
}

/// A domain as a registrar shows it; what it does not show is absent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DomainSeen {
    /// How it stands.
    pub standing: Option<Standing>,
    /// When it expires.
    pub expires_on: Option<NaiveDate>,
    /// When it was registered, microseconds UTC.
    pub created_at_us: Option<i64>,
    /// How a transfer stands.
    pub transfer: Option<TransferState>,
    /// Its name servers.
    pub name_servers: Option<Vec<String>>,
    /// Whether transfers away are locked.
    pub locked: Option<bool>,
    /// The registry's own id; empty when not told.
    pub registrar_id: String,
}

/// The whole years between two days, rounded: the days of a registry and of a contract are some days apart.
#[must_use]
pub fn years_between(from: NaiveDate, to: NaiveDate) -> i64 {
    let days = (to - from).num_days() * 10;
    (days + days.signum() * DAYS_PER_DECADE / 2) / DAYS_PER_DECADE
}

/// A day so many years later.
#[must_use]
pub fn years_later(day: NaiveDate, years: i64) -> NaiveDate {
    let months = Months::new(u32::try_from(years.unsigned_abs().saturating_mul(12)).unwrap_or(u32::MAX));
    let moved = if years < 0 { day.checked_sub_months(months) } else { day.checked_add_months(months) };
    moved.unwrap_or(day)
}

/// For how many years it is to be renewed now: what is covered and not served, if this expiry is to be renewed away from.
#[must_use]
pub fn renewal_years(wanted: &DomainWanted, known: &Domain) -> u32 {
    if known.expires_on.is_none() || wanted.renews != known.expires_on {
        return 0;
    }
    let (Some(served), Some(covered)) = (known.served_until, wanted.covered_until) else { return 0 };
    u32::try_from(years_between(served, covered).clamp(0, i64::from(YEARS_MAX))).unwrap_or(0)
}

pub(super) fn next(wanted: &DomainWanted, known: &Domain) -> Next {
    if !known.certain {
        return Next::Do(Step::Look);
    }
    match (wanted.state, known.presence) {
        (DomainState::Released, Presence::Absent) if known.transfer == Some(TransferState::Pending) => {
            Next::Do(Step::WithdrawTransfer)
        }
        (DomainState::Absent | DomainState::Released, _) => Next::Settled,
        (DomainState::Held, Presence::Absent) if !wanted.transfer => Next::Do(Step::Register),
        (DomainState::Held, Presence::Absent) => match known.transfer {
            None | Some(TransferState::Requested) => Next::Do(Step::Transfer),
            Some(TransferState::Pending | TransferState::Approved) => Next::Watch,
            Some(TransferState::Rejected | TransferState::Cancelled) => Next::Person(Puzzle::TransferFailed),
        },
        (DomainState::Held, Presence::Gone) if known.left => Next::Person(Puzzle::TransferredAway),
        (DomainState::Held, Presence::Gone) => Next::Person(Puzzle::GoneAtPanel),
        (DomainState::Held, Presence::Present) => keep(wanted, known),
    }
}

/// What comes next for a domain that is here and stays.
fn keep(wanted: &DomainWanted, known: &Domain) -> Next {
    match known.standing {
        Standing::PendingCreate | Standing::PendingTransfer | Standing::PendingRestore => Next::Watch,
        Standing::Redemption if wanted.restores_asked > known.restores_done => Next::Do(Step::Restore),
        Standing::Redemption => Next::Person(Puzzle::InRedemption),
        Standing::PendingDelete => Next::Person(Puzzle::BeingDeleted),
        // Found so, it is gone already.
        Standing::Elsewhere => Next::Do(Step::Look),
        Standing::Active | Standing::Expired => {
            if renewal_years(wanted, known) > 0 {
                Next::Do(Step::Renew)
            } else if wanted.name_servers.as_ref().is_some_and(|servers| !same(servers, &known.name_servers)) {
                Next::Do(Step::SetNameServers)
            } else if wanted.locked.is_some_and(|locked| locked != known.locked) {
                Next::Do(Step::SetLock)
            } else {
                Next::Settled
            }
        }
    }
}

/// Registries keep name servers in an order of their own.
fn same(one: &[String], other: &[String]) -> bool {
    let sorted = |names: &[String]| {
        let mut names: Vec<String> = names.iter().map(|name| name.trim_end_matches('.').to_ascii_lowercase()).collect();
        names.sort();
        names.dedup();
        names
    };
    sorted(one) == sorted(other)
}

pub(super) fn begun(known: &Domain, step: Step, now_us: i64) -> Domain {
    let mut known = known.clone();
    // Whatever was said before, the step sees.
    known.news = false;
    match step {
        Step::Look => {}
        Step::Register | Step::Transfer => {
            known.begun_at_us.get_or_insert(now_us);
            if step == Step::Transfer {
                known.transfer = Some(TransferState::Requested);
            }
            known.certain = false;
        }
        _ => known.certain = false,
    }
    known
}

pub(super) fn learn(wanted: &DomainWanted, before: &Domain, step: Step, ended: &Ended) -> (Domain, Verdict) {
    let (mut known, verdict) = conclude(wanted, before.clone(), step, ended);
    if known.news {
        known.certain = false;
        known.news = false;
    }
    (known, verdict)
}

fn conclude(wanted: &DomainWanted, mut known: Domain, step: Step, ended: &Ended) -> (Domain, Verdict) {
    match (step, ended) {
        (_, Ended::Later(after)) => {
            // Nothing was done, so what was known before it still is, unless it had been doubtful anyway.
            known.certain = step != Step::Look;
            undo_request(&mut known, step);
            (known, Verdict::Again(*after))
        }
        (_, Ended::Unknown) => (known, Verdict::Again(None)),
        (Step::Look, Ended::Told { domain, .. }) => found(wanted, known, domain),
        (Step::Look, Ended::Missing) => missing(wanted, known),
        // A domain of another registrar's is not shown everywhere: that a transfer is under way stays so.
        (Step::Look, _) if known.presence == Presence::Absent && known.transfer == Some(TransferState::Pending) => {
            known.certain = true;
            (known, Verdict::Ahead)
        }
        (Step::Look, _) => (known, Verdict::Person(Puzzle::Refused)),
        (Step::Register, Ended::Conflict) => (known, Verdict::Ahead),
        (Step::Register | Step::Transfer, Ended::Missing | Ended::Refused)
        | (Step::Transfer, Ended::Conflict)
        | (_, Ended::Refused) => {
            known.certain = true;
            undo_request(&mut known, step);
            (known, Verdict::Person(Puzzle::Refused))
        }
        // What it needs is missing, or the domain itself: it is looked up, and not tried again at once.
        (_, Ended::Missing | Ended::Conflict) => (known, Verdict::Again(None)),
        (_, Ended::Done { .. } | Ended::Told { .. }) => {
            let seen = if let Ended::Told { domain, .. } = ended { Some(&**domain) } else { None };
            done(wanted, known, step, seen)
        }
    }
}

/// A transfer was not asked for after all.
fn undo_request(known: &mut Domain, step: Step) {
    if step == Step::Transfer && known.transfer == Some(TransferState::Requested) {
        known.transfer = None;
    }
}

/// A change was done.
fn done(wanted: &DomainWanted, mut known: Domain, step: Step, seen: Option<&DomainSeen>) -> (Domain, Verdict) {
    // What the answer did not show is looked up.
    known.certain = seen.is_some();
    match step {
        Step::Register => arrive(&mut known, wanted, i64::from(wanted.years)),
        Step::Transfer => {
            known.transfer = Some(seen.and_then(|seen| seen.transfer).unwrap_or(TransferState::Pending));
            // Done at once, it is here: the registry says until when.
            known.certain = known.transfer != Some(TransferState::Approved);
        }
        Step::WithdrawTransfer => {
            known.transfer = Some(TransferState::Cancelled);
            known.certain = true;
        }
        Step::Restore => known.restores_done = wanted.restores_asked,
        Step::Renew => known.certain = seen.is_some_and(|seen| seen.expires_on.is_some()),
        Step::SetNameServers => {
            known.name_servers = wanted.name_servers.clone().unwrap_or(known.name_servers);
        }
        Step::SetLock => known.locked = wanted.locked.unwrap_or(known.locked),
        _ => {}
    }
    if let Some(seen) = seen.filter(|_| known.presence == Presence::Present) {
        take(&mut known, seen);
    }
    (known, Verdict::Ahead)
}

/// It is here now, and the registry's years reach so far.
fn arrive(known: &mut Domain, wanted: &DomainWanted, years: i64) {
    known.presence = Presence::Present;
    known.standing = Standing::Active;
    known.expires_on = None;
    known.left = false;
    known.served_until = Some(years_later(wanted.started_on, years));
}

/// The registry shows a domain of this name.
fn found(wanted: &DomainWanted, mut known: Domain, seen: &DomainSeen) -> (Domain, Verdict) {
    let elsewhere = seen.standing == Some(Standing::Elsewhere);
    let on_its_way = seen.standing == Some(Standing::PendingTransfer);
    match known.presence {
        Presence::Present | Presence::Gone if elsewhere => {
            known.presence = Presence::Gone;
            known.left = true;
            known.certain = true;
            return (known, Verdict::Ahead);
        }
        Presence::Present | Presence::Gone => {
            known.presence = Presence::Present;
            known.left = false;
        }
        Presence::Absent if wanted.transfer && (elsewhere || on_its_way) => {
            known.transfer = match known.transfer {
                // It was asked for, and is not under way any more.
                Some(TransferState::Pending) if elsewhere => Some(TransferState::Rejected),
                Some(TransferState::Requested) if elsewhere => None,
                Some(TransferState::Requested | TransferState::Pending) => Some(TransferState::Pending),
                other => other,
            };
            known.certain = true;
            return (known, Verdict::Ahead);
        }
        Presence::Absent if wanted.transfer && known.begun_at_us.is_some() => {
            known.transfer = Some(TransferState::Approved);
            arrive(&mut known, wanted, i64::from(wanted.transfer_years));
        }
        Presence::Absent if !wanted.transfer && !elsewhere && is_ours(&known, seen) => {
            arrive(&mut known, wanted, i64::from(wanted.years));
        }
        Presence::Absent => return (known, Verdict::Person(Puzzle::NotOurs)),
    }
    take(&mut known, seen);
    known.certain = true;
    (known, Verdict::Ahead)
}

/// The registry has no domain of this name.
fn missing(wanted: &DomainWanted, mut known: Domain) -> (Domain, Verdict) {
    known.certain = true;
    match known.presence {
        Presence::Absent if wanted.transfer => {
            known.transfer = None;
            (known, Verdict::Person(Puzzle::Refused))
        }
        Presence::Absent => (known, Verdict::Ahead),
        Presence::Present | Presence::Gone => {
            known.presence = Presence::Gone;
            (known, Verdict::Ahead)
        }
    }
}

/// Whether a domain that is with our registrar before we know of having registered it is what an attempt of ours has made.
fn is_ours(known: &Domain, seen: &DomainSeen) -> bool {
    let Some(begun) = known.begun_at_us else { return false };
    seen.created_at_us.is_some_and(|at| at >= begun.saturating_sub(CLOCKS_APART_MAX_US))
}

/// Takes over what the registry shows. When its expiry has moved by years, so many more, or fewer, are served: who moved it
/// does not matter.
fn take(known: &mut Domain, seen: &DomainSeen) {
    if let Some(standing) = seen.standing {
        known.standing = standing;
    }
    if let Some(expires_on) = seen.expires_on {
        if let (Some(before), Some(served)) = (known.expires_on, known.served_until) {
            known.served_until = Some(years_later(served, years_between(before, expires_on)));
        }
        known.expires_on = Some(expires_on);
    }
    if let Some(name_servers) = &seen.name_servers {
        known.name_servers.clone_from(name_servers);
    }
    known.locked = seen.locked.unwrap_or(known.locked);
    if !seen.registrar_id.is_empty() {
        known.registrar_id.clone_from(&seen.registrar_id);
    }
}

/// A person says that it was done by hand: the registry is asked how it stands, and what is there is ours.
pub(super) fn fulfilled(mut known: Domain, wanted: &DomainWanted) -> Domain {
    if wanted.state == DomainState::Held && known.presence != Presence::Present {
        let years = if wanted.transfer { wanted.transfer_years } else { wanted.years };
        arrive(&mut known, wanted, i64::from(years));
        known.transfer = known.transfer.map(|_| TransferState::Approved);
    }
    known.restores_done = known.restores_done.max(wanted.restores_asked);
    known.certain = false;
    known
}

/// A person wants it tried again: what is gone is made anew, a transfer that failed is asked for again.
pub(super) fn made_anew(known: Domain) -> Domain {
    match known.presence {
        Presence::Gone => Domain { certain: false, ..Domain::absent() },
        Presence::Absent => Domain { transfer: None, certain: known.begun_at_us.is_none(), ..known },
        Presence::Present => known,
    }
}

#[cfg(test)]
mod tests;
