//! Accounts at hosting panels.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Ended, Next, Puzzle, Step, Verdict};

/// How far a panel's clock may be from ours, in microseconds: an account that is this much older than our first attempt
/// may still be what the attempt made.
const CLOCKS_APART_MAX_US: i64 = 300 * 1_000_000;
/// How often it is looked before a change that was not answered is taken for one that never happens: panels go on with
/// what nobody waits for any more, for minutes. With the pauses between attempts it is five minutes.
const LOOKS_MAX: u32 = 5;
/// How many names are tried for a new account.
const NAMES_MAX: u32 = 8;

/// How an account is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountState {
    /// Not yet.
    Absent,
    /// It runs.
    Active,
    /// It is there and does not run.
    Suspended,
    /// Not any more.
    Terminated,
}

/// What a subscription wants of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountWanted {
    /// How.
    pub state: AccountState,
    /// With which package; any when absent.
    pub package: Option<String>,
    /// Under which main domain.
    pub domain: String,
    /// Why it is suspended, for people.
    #[serde(default)]
    pub reason: String,
}

/// Whether an account is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// It was never made.
    Absent,
    /// It is there, and it is ours.
    Present,
    /// It was there and is not any more.
    Gone,
}

/// Whose suspension it is. What others suspended is never lifted because an invoice was paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Suspended {
    /// Billet's.
    Ours,
    /// The administrator's, the reseller's, the customer's or the panel's own.
    Others,
}

/// What is known of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Whether it is there.
    pub presence: Presence,
    /// Whether the rest can be relied on; if not, it is looked up first.
    pub certain: bool,
    /// Absent when it runs.
    #[serde(default)]
    pub suspension: Option<Suspended>,
    /// Its package, as far as known.
    #[serde(default)]
    pub package: Option<String>,
    /// The main domain at the panel.
    #[serde(default)]
    pub domain: String,
    /// The panel's own id, where it has one.
    #[serde(default)]
    pub panel_id: String,
    /// When it was made, by the panel's clock, microseconds UTC.
    #[serde(default)]
    pub created_at_us: Option<i64>,
    /// When we first tried to make it under its present name, microseconds UTC.
    #[serde(default)]
    pub create_begun_at_us: Option<i64>,
    /// How many names were given up because somebody else has them.
    #[serde(default)]
    pub names_tried: u32,
    /// The panel refused to make it, because there is something with its name or its domain.
    #[serde(default)]
    pub conflict: bool,
    /// The change that was begun last and has not ended, as far as known.
    #[serde(default)]
    pub attempting: Option<Step>,
    /// Changes that were not answered, and how often each: they may still come.
    #[serde(default)]
    pub astray: BTreeMap<Step, u32>,
    /// How often it was looked for them.
    #[serde(default)]
    pub looks: u32,
}

impl Account {
    /// Not made yet.
    #[must_use]
    pub fn absent() -> Self {
        Self {
            presence: Presence::Absent,
            certain: true,
            suspension: None,
            package: None,
            domain: String::new(),
            panel_id: String::new(),
            created_at_us: None,
            create_begun_at_us: None,
            names_tried: 0,
            conflict: false,
            attempting: None,
            astray: BTreeMap::new(),
            looks: 0,
        }
    }

    /// There, as somebody reports it; to be looked up before anything is done.
    #[must_use]
    pub fn reported() -> Self {
        Self { presence: Presence::Present, certain: false, ..Self::absent() }
    }

    /// Nobody heard how the change ended that was being made.
    fn unanswered(&mut self) {
        if let Some(step) = self.attempting.take() {
            *self.astray.entry(step).or_default() += 1;
            self.looks = 0;
        }
    }

    /// Nothing is on its way any more.
    fn nothing_astray(&mut self) {
        self.astray.clear();
        self.looks = 0;
    }
}

/// An account as a panel shows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Seen {
    /// The main domain.
    pub domain: String,
    /// The panel's own id; empty where there is none.
    pub panel_id: String,
    /// Its package; absent when not told.
    pub package: Option<String>,
    /// `Some` when it is suspended: ours, somebody else's, or nobody knows whose.
    pub suspension: Option<Option<Suspended>>,
    /// When it was made, microseconds UTC; absent when not told.
    pub created_at_us: Option<i64>,
    /// Whether it carries our own id; absent where the panel keeps none.
    pub carries_our_id: Option<bool>,
}

pub(super) fn next(wanted: &AccountWanted, known: &Account) -> Next {
    if !known.certain {
        return Next::Do(Step::Look);
    }
    match difference(wanted, known) {
        // What is on its way could still make it otherwise.
        Next::Settled if !known.astray.is_empty() => Next::Do(Step::Look),
        next => next,
    }
}

fn difference(wanted: &AccountWanted, known: &Account) -> Next {
    match (wanted.state, known.presence) {
        (AccountState::Absent, _)
        | (AccountState::Terminated, Presence::Absent | Presence::Gone)
        | (AccountState::Suspended, Presence::Absent) => Next::Settled,
        (AccountState::Terminated, Presence::Present) => Next::Do(Step::Terminate),
        (AccountState::Active, Presence::Absent) => Next::Do(Step::Create),
        (AccountState::Active | AccountState::Suspended, Presence::Gone) => Next::Person(Puzzle::GoneAtPanel),
        (AccountState::Suspended, Presence::Present) if known.suspension.is_none() => Next::Do(Step::Suspend),
        (AccountState::Active, Presence::Present) if known.suspension == Some(Suspended::Ours) => {
            Next::Do(Step::Unsuspend)
        }
        // A suspended account gets its package when it runs again: not every panel changes one that is suspended.
        (AccountState::Active, Presence::Present)
            if known.suspension.is_none() && wanted.package.is_some() && wanted.package != known.package =>
        {
            Next::Do(Step::ChangePackage)
        }
        (AccountState::Active | AccountState::Suspended, Presence::Present) => Next::Settled,
    }
}

pub(super) fn begun(known: &Account, step: Step, now_us: i64) -> Account {
    let mut known = known.clone();
    // Whoever was at it before has died.
    known.unanswered();
    if step == Step::Create {
        known.create_begun_at_us.get_or_insert(now_us);
    }
    if step != Step::Look {
        known.attempting = Some(step);
        known.certain = false;
    }
    known
}

pub(super) fn learn(wanted: &AccountWanted, before: &Account, step: Step, ended: &Ended) -> (Account, Verdict) {
    // What was assumed when the step was begun holds until something better is known.
    let mut known = before.clone();
    match ended {
        Ended::Unknown => known.unanswered(),
        // A panel makes an account's changes one after the other: what came before this one has come.
        Ended::Done { .. } if step != Step::Look => {
            known.attempting = None;
            known.nothing_astray();
        }
        _ => known.attempting = None,
    }
    match (step, ended) {
        (_, Ended::Later(after)) => {
            // Nothing was done, so what was known before it still is, unless it had been doubtful anyway.
            known.certain = step != Step::Look;
            (known, Verdict::Again(*after))
        }
        (_, Ended::Unknown) => (known, Verdict::Again(None)),
        (Step::Look, Ended::Done { seen: Some(seen), .. }) => found(wanted, known, seen),
        (Step::Look, Ended::Missing) => missing(known),
        // It says nothing about the account.
        (Step::Look, Ended::Done { .. } | Ended::Conflict | Ended::Refused) => {
            (known, Verdict::Person(Puzzle::Refused))
        }
        (Step::Create, Ended::Conflict) => {
            known.conflict = true;
            (known, Verdict::Ahead)
        }
        (Step::Create, Ended::Done { seen, .. }) => {
            known.presence = Presence::Present;
            known.suspension = None;
            known.package.clone_from(&wanted.package);
            known.domain.clone_from(&wanted.domain);
            known.conflict = false;
            if let Some(seen) = seen {
                take(&mut known, seen);
            }
            known.certain = true;
            (known, Verdict::Ahead)
        }
        (Step::Terminate, Ended::Done { .. } | Ended::Missing) => {
            known.presence = Presence::Gone;
            known.certain = true;
            (known, Verdict::Ahead)
        }
        // It is looked up: perhaps it was renamed or moved, perhaps it is gone.
        (_, Ended::Missing) => (known, Verdict::Ahead),
        (_, Ended::Conflict | Ended::Refused) => {
            known.certain = true;
            (known, Verdict::Person(Puzzle::Refused))
        }
        (Step::Suspend, Ended::Done { already, seen }) => {
            let origin = seen.as_ref().and_then(|seen| seen.suspension.flatten());
            // Who finds it suspended at the first attempt has not done it.
            let ours = !already || before.astray.contains_key(&Step::Suspend);
            known.suspension = Some(origin.unwrap_or(if ours { Suspended::Ours } else { Suspended::Others }));
            known.certain = true;
            (known, Verdict::Ahead)
        }
        (Step::Unsuspend, Ended::Done { .. }) => {
            known.suspension = None;
            known.certain = true;
            (known, Verdict::Ahead)
        }
        (Step::ChangePackage, Ended::Done { .. }) => {
            known.package.clone_from(&wanted.package);
            known.certain = true;
            (known, Verdict::Ahead)
        }
        // Steps and answers of domains.
        _ => (known, Verdict::Person(Puzzle::Refused)),
    }
}

/// The panel shows an account of our name.
fn found(wanted: &AccountWanted, mut known: Account, seen: &Seen) -> (Account, Verdict) {
    match known.presence {
        Presence::Absent if is_ours(wanted, &known, seen) => {
            known.presence = Presence::Present;
            known.conflict = false;
        }
        Presence::Absent if known.names_tried < NAMES_MAX => {
            let tried = known.names_tried + 1;
            return (Account { names_tried: tried, ..Account::absent() }, Verdict::OtherName);
        }
        Presence::Absent => return (known, Verdict::Person(Puzzle::NotOurs)),
        // It was removed and somebody made another one of the same name.
        Presence::Present | Presence::Gone if replaced(&known, seen) => {
            known.presence = Presence::Gone;
            known.certain = true;
            known.nothing_astray();
            return (known, Verdict::Ahead);
        }
        Presence::Present | Presence::Gone => known.presence = Presence::Present,
    }
    let before = known.suspension;
    let suspending = known.astray.contains_key(&Step::Suspend);
    arrived(&mut known, seen);
    take(&mut known, seen);
    known.suspension = seen.suspension.map(|origin| {
        origin.unwrap_or(if before == Some(Suspended::Ours) || suspending {
            Suspended::Ours
        } else {
            Suspended::Others
        })
    });
    known.certain = true;
    let is_awaited = difference(wanted, &known) == Next::Settled && !known.astray.is_empty();
    (known, if is_awaited { Verdict::Again(None) } else { Verdict::Ahead })
}

/// Of what was on its way, what is seen now has come; the rest is not waited for for ever.
fn arrived(known: &mut Account, seen: &Seen) {
    let has_other_package = seen.package.is_some() && seen.package != known.package;
    known.astray.retain(|step, count| match step {
        Step::Create => false,
        // What was sent twice may come once more.
        _ if *count > 1 => true,
        Step::Suspend => seen.suspension.is_none(),
        Step::Unsuspend => seen.suspension.is_some(),
        Step::ChangePackage => !has_other_package,
        _ => true,
    });
    known.looks += 1;
    if known.astray.is_empty() || known.looks >= LOOKS_MAX {
        known.nothing_astray();
    }
}

/// The panel has no account of our name.
fn missing(mut known: Account) -> (Account, Verdict) {
    known.certain = true;
    match known.presence {
        Presence::Absent if known.conflict => {
            // Not the name then, but the domain: no other name helps.
            known.conflict = false;
            (known, Verdict::Person(Puzzle::NotOurs))
        }
        // It may be on its way still: made again now, there would be two, and given up, there would be one that nobody knows of.
        Presence::Absent if known.astray.contains_key(&Step::Create) && known.looks < LOOKS_MAX => {
            known.looks += 1;
            known.certain = false;
            (known, Verdict::Again(None))
        }
        Presence::Absent => {
            known.nothing_astray();
            (known, Verdict::Ahead)
        }
        Presence::Present | Presence::Gone => {
            known.presence = Presence::Gone;
            known.nothing_astray();
            (known, Verdict::Ahead)
        }
    }
}

/// Whether an account that is there before we know of having made it is what an attempt of ours has made.
fn is_ours(wanted: &AccountWanted, known: &Account, seen: &Seen) -> bool {
    if let Some(ours) = seen.carries_our_id {
        return ours;
    }
    let Some(begun) = known.create_begun_at_us else { return false };
    seen.domain.eq_ignore_ascii_case(&wanted.domain)
        && seen.created_at_us.is_some_and(|at| at >= begun.saturating_sub(CLOCKS_APART_MAX_US))
}

/// Whether what is there is another account than the one that was known.
fn replaced(known: &Account, seen: &Seen) -> bool {
    if seen.carries_our_id == Some(true) {
        return false;
    }
    let other_id = !known.panel_id.is_empty() && !seen.panel_id.is_empty() && known.panel_id != seen.panel_id;
    let younger = known
        .created_at_us
        .zip(seen.created_at_us)
        .is_some_and(|(known, seen)| seen > known.saturating_add(CLOCKS_APART_MAX_US));
    other_id || younger
}

fn take(known: &mut Account, seen: &Seen) {
    if !seen.domain.is_empty() {
        known.domain.clone_from(&seen.domain);
    }
    if !seen.panel_id.is_empty() {
        known.panel_id.clone_from(&seen.panel_id);
    }
    if seen.package.is_some() {
        known.package.clone_from(&seen.package);
    }
    known.created_at_us = seen.created_at_us.or(known.created_at_us);
}

pub(super) fn fulfilled(mut known: Account, wanted: &AccountWanted) -> Account {
    known.certain = true;
    known.conflict = false;
    known.attempting = None;
    known.nothing_astray();
    match wanted.state {
        AccountState::Absent => {}
        AccountState::Active | AccountState::Suspended => {
            known.presence = Presence::Present;
            known.package = wanted.package.clone().or(known.package);
            if known.domain.is_empty() {
                known.domain.clone_from(&wanted.domain);
            }
            // Whoever did it by hand did it for us.
            known.suspension = (wanted.state == AccountState::Suspended).then_some(Suspended::Ours);
        }
        AccountState::Terminated => known.presence = Presence::Gone,
    }
    known
}

#[cfg(test)]
mod tests;
