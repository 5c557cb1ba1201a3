use chrono::TimeDelta;
use proptest::prelude::*;

use super::super::{Known, Wanted, begun, learn, next};
use super::*;

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

fn wanted(transfer: bool) -> DomainWanted {
    DomainWanted {
        state: DomainState::Held,
        name: "shop.example".to_owned(),
        years: 1,
        transfer,
        transfer_years: 1,
        started_on: day("2027-03-01"),
        covered_until: None,
        renews: None,
        renewal_asked: None,
        restores_asked: 0,
        name_servers: None,
        locked: None,
    }
}

/// A domain at the registry.
#[derive(Debug, Clone)]
struct Entry {
    ours: bool,
    standing: Standing,
    expires_on: NaiveDate,
    created_at_us: i64,
    name_servers: Vec<String>,
    locked: bool,
}

/// A registry with one name, and what was paid to it.
#[derive(Debug, Clone)]
struct Registry {
    today: NaiveDate,
    now_us: i64,
    entry: Option<Entry>,
    registrations: u32,
    years_renewed: i64,
    transfers: u32,
    restores: u32,
}

/// What the network does to a call.
#[derive(Debug, Clone, Copy)]
enum Fault {
    None,
    /// It never arrives.
    Before,
    /// It is done, and nobody hears of it.
    After,
    /// The registry has no time.
    Busy,
    /// It is done, and the answer shows nothing.
    Bare,
}

impl Registry {
    fn new() -> Self {
        Self {
            today: day("2027-03-01"),
            now_us: 0,
            entry: None,
            registrations: 0,
            years_renewed: 0,
            transfers: 0,
            restores: 0,
        }
    }

    fn entry(&mut self) -> &mut Entry {
        self.entry.as_mut().expect("registered")
    }

    fn call(&mut self, wanted: &DomainWanted, known: &Domain, step: Step, fault: Fault) -> Ended {
        match fault {
            Fault::Busy => return Ended::Later(Some(TimeDelta::seconds(1))),
            Fault::Before => return Ended::Unknown,
            Fault::None | Fault::After | Fault::Bare => {}
        }
        match (self.act(wanted, known, step), fault) {
            (_, Fault::After) => Ended::Unknown,
            (Ended::Told { already, .. }, Fault::Bare) if step != Step::Look => Ended::Done { already, seen: None },
            (ended, _) => ended,
        }
    }

    fn act(&mut self, wanted: &DomainWanted, known: &Domain, step: Step) -> Ended {
        let (today, now_us) = (self.today, self.now_us);
        let Some(entry) = &mut self.entry else {
            if step != Step::Register {
                return Ended::Missing;
            }
            let expires_on = years_later(today, i64::from(wanted.years));
            self.registrations += 1;
            self.entry = Some(Entry {
                ours: true,
                standing: Standing::Active,
                expires_on,
                created_at_us: now_us,
                name_servers: Vec::new(),
                locked: false,
            });
            return self.told();
        };
        match step {
            Step::Look => {}
            Step::Register => return Ended::Conflict,
            Step::Transfer if entry.ours || entry.standing == Standing::PendingTransfer => return Ended::Refused,
            Step::Transfer => {
                entry.standing = Standing::PendingTransfer;
                self.transfers += 1;
                let seen = DomainSeen { transfer: Some(TransferState::Pending), ..DomainSeen::default() };
                return Ended::Told { already: false, domain: Box::new(seen) };
            }
            Step::WithdrawTransfer => entry.standing = Standing::Active,
            // As EPP has it: only from the day that is named.
            Step::Renew if known.expires_on == Some(entry.expires_on) => {
                let years = i64::from(renewal_years(wanted, known));
                assert!(years > 0, "a renewal of nothing");
                entry.expires_on = years_later(entry.expires_on, years);
                entry.standing = Standing::Active;
                self.years_renewed += years;
            }
            Step::Renew => return Ended::Refused,
            Step::Restore if entry.standing == Standing::Redemption => {
                entry.standing = Standing::Active;
                self.restores += 1;
            }
            Step::Restore => return Ended::Refused,
            Step::SetNameServers => entry.name_servers = wanted.name_servers.clone().unwrap_or_default(),
            Step::SetLock => entry.locked = wanted.locked.unwrap_or_default(),
            _ => panic!("not a step of domains: {step:?}"),
        }
        self.told()
    }

    fn told(&self) -> Ended {
        let entry = self.entry.as_ref().expect("registered");
        let elsewhere = !entry.ours && entry.standing != Standing::PendingTransfer;
        let seen = DomainSeen {
            standing: Some(if elsewhere { Standing::Elsewhere } else { entry.standing }),
            expires_on: Some(entry.expires_on),
            created_at_us: Some(entry.created_at_us),
            transfer: None,
            name_servers: Some(entry.name_servers.iter().rev().cloned().collect()),
            locked: Some(entry.locked),
            registrar_id: "D1".to_owned(),
        };
        Ended::Told { already: false, domain: Box::new(seen) }
    }

    /// Somebody else has the domain.
    fn held_by_others(&mut self) {
        self.entry = Some(Entry {
            ours: false,
            standing: Standing::Active,
            expires_on: day("2027-09-15"),
            created_at_us: -1_000_000_000_000,
            name_servers: Vec::new(),
            locked: false,
        });
    }

    fn approve(&mut self) {
        let entry = self.entry();
        entry.ours = true;
        entry.standing = Standing::Active;
        entry.expires_on = years_later(entry.expires_on, 1);
    }
}

/// Steps until it is settled, waits or a person is needed; each step meets a fault, then none.
fn run(registry: &mut Registry, wanted: &DomainWanted, mut known: Domain, faults: &[Fault]) -> (Domain, Next) {
    let mut faults = faults.iter().copied();
    for _ in 0..200 {
        registry.now_us += 1_000_000;
        let mut wanted = wanted.clone();
        // As the daemon derives it: within a month of its expiry, or when a person asked.
        wanted.renews = known
            .expires_on
            .filter(|on| *on <= registry.today + TimeDelta::days(30) || wanted.renewal_asked == Some(*on));
        let (want, was) = (Wanted::Domain(wanted.clone()), Known::Domain(known.clone()));
        let Next::Do(step) = next(&want, &was) else { return (known, next(&want, &was)) };
        let Known::Domain(before) = begun(&was, step, registry.now_us) else { panic!("a domain") };
        let ended = registry.call(&wanted, &before, step, faults.next().unwrap_or(Fault::None));
        let (Known::Domain(after), verdict) = learn(&want, &Known::Domain(before), step, &ended) else {
            panic!("a domain");
        };
        known = after;
        match verdict {
            Verdict::Ahead | Verdict::Again(_) => {}
            Verdict::OtherName => panic!("a domain has one name"),
            Verdict::Person(puzzle) => return (known, Next::Person(puzzle)),
        }
    }
    panic!("it does not settle: {known:?}");
}

#[test]
fn years_are_rounded() {
    for (from, to, years) in [
        ("2027-03-01", "2028-03-01", 1),
        ("2027-03-06", "2028-03-01", 1),
        ("2027-03-01", "2027-08-20", 0),
        ("2027-03-01", "2029-03-09", 2),
        ("2028-02-29", "2029-02-28", 1),
        ("2028-03-01", "2027-03-01", -1),
        ("2027-03-01", "2037-03-01", 10),
    ] {
        assert_eq!(years_between(day(from), day(to)), years, "{from} to {to}");
    }
}

#[test]
fn a_domain_is_registered_and_renewed_when_it_is_covered_and_near() {
    let mut registry = Registry::new();
    let mut want = wanted(false);
    let (known, next) = run(&mut registry, &want, Domain::absent(), &[]);
    assert_eq!((next, known.expires_on), (Next::Settled, Some(day("2028-03-01"))));
    // Covered for the first year, and near: nothing is to be renewed.
    want.covered_until = Some(day("2028-03-01"));
    registry.today = day("2028-02-10");
    let (known, _) = run(&mut registry, &want, known, &[]);
    assert_eq!(registry.years_renewed, 0);
    // Covered for the second, and not near.
    want.covered_until = Some(day("2029-03-01"));
    registry.today = day("2027-12-01");
    let (known, _) = run(&mut registry, &want, known, &[]);
    assert_eq!(registry.years_renewed, 0);
    registry.today = day("2028-02-10");
    let (known, _) = run(&mut registry, &want, known, &[]);
    assert_eq!((registry.years_renewed, known.expires_on), (1, Some(day("2029-03-01"))));
    // A person wants two more years at once, and they are invoiced.
    want.covered_until = Some(day("2031-03-01"));
    want.renewal_asked = known.expires_on;
    let (known, _) = run(&mut registry, &want, known, &[]);
    assert_eq!((registry.years_renewed, known.expires_on), (3, Some(day("2031-03-01"))));
    assert_eq!(known.served_until, want.covered_until);
}

#[test]
fn what_somebody_renewed_by_hand_is_not_renewed_again() {
    let mut registry = Registry::new();
    let mut want = wanted(false);
    let (known, _) = run(&mut registry, &want, Domain::absent(), &[]);
    registry.entry().expires_on = day("2029-03-01");
    want.covered_until = Some(day("2029-03-01"));
    registry.today = day("2029-02-10");
    let (known, next) = run(&mut registry, &want, Domain { certain: false, ..known }, &[]);
    assert_eq!((registry.years_renewed, next, known.expires_on), (0, Next::Settled, Some(day("2029-03-01"))));
    want.covered_until = Some(day("2030-03-01"));
    run(&mut registry, &want, known, &[]);
    assert_eq!(registry.years_renewed, 1);
}

#[test]
fn a_transfer_is_watched_until_it_is_decided() {
    let mut registry = Registry::new();
    registry.held_by_others();
    let want = wanted(true);
    let (known, next) = run(&mut registry, &want, Domain::absent(), &[Fault::After]);
    assert_eq!((next, known.transfer, registry.transfers), (Next::Watch, Some(TransferState::Pending), 1));
    // A look that finds it pending, then one that finds it here.
    let (known, next) = run(&mut registry, &want, Domain { certain: false, ..known }, &[]);
    assert_eq!(next, Next::Watch);
    registry.approve();
    let (known, next) = run(&mut registry, &want, Domain { certain: false, ..known }, &[]);
    assert_eq!((next, known.transfer), (Next::Settled, Some(TransferState::Approved)));
    assert_eq!((known.expires_on, known.served_until), (Some(day("2028-09-15")), Some(day("2028-03-01"))));
    // The year that is paid next is renewed when the registry's day is near, not the contract's.
    let mut want = DomainWanted { covered_until: Some(day("2029-03-01")), ..want };
    registry.today = day("2028-03-01");
    let (known, _) = run(&mut registry, &want, known, &[]);
    assert_eq!(registry.years_renewed, 0);
    registry.today = day("2028-09-01");
    want.covered_until = Some(day("2029-03-01"));
    let (known, _) = run(&mut registry, &want, known, &[]);
    assert_eq!((registry.years_renewed, known.expires_on), (1, Some(day("2029-09-15"))));
    // It leaves.
    registry.entry().ours = false;
    let (known, next) = run(&mut registry, &want, Domain { certain: false, ..known }, &[]);
    assert_eq!((next, known.left), (Next::Person(Puzzle::TransferredAway), true));
    let over = DomainWanted { state: DomainState::Released, ..want };
    assert_eq!(run(&mut registry, &over, known, &[]).1, Next::Settled);
}

#[test]
fn a_transfer_that_failed_is_a_persons() {
    let mut registry = Registry::new();
    registry.held_by_others();
    let want = wanted(true);
    let (known, _) = run(&mut registry, &want, Domain::absent(), &[]);
    registry.entry().standing = Standing::Active;
    let (known, next) = run(&mut registry, &want, Domain { certain: false, ..known }, &[]);
    assert_eq!((next, known.transfer), (Next::Person(Puzzle::TransferFailed), Some(TransferState::Rejected)));
    // Tried again, and withdrawn because the contract ends.
    let (known, next) = run(&mut registry, &want, made_anew(known), &[]);
    assert_eq!((next, registry.transfers), (Next::Watch, 2));
    let over = DomainWanted { state: DomainState::Released, ..want };
    let (known, next) = run(&mut registry, &over, known, &[]);
    assert_eq!((next, known.transfer), (Next::Settled, Some(TransferState::Cancelled)));
    assert_eq!(registry.entry().standing, Standing::Active);
}

#[test]
fn a_name_that_others_have_is_left_alone() {
    let mut registry = Registry::new();
    registry.held_by_others();
    let (_, next) = run(&mut registry, &wanted(false), Domain::absent(), &[]);
    assert_eq!(next, Next::Person(Puzzle::NotOurs));
    // With our registrar, but older than the order: somebody else's order.
    registry.entry().ours = true;
    let (_, next) = run(&mut registry, &wanted(false), Domain::absent(), &[Fault::Before]);
    assert_eq!((next, registry.registrations), (Next::Person(Puzzle::NotOurs), 0));
}

#[test]
fn redemption_needs_a_persons_word_each_time() {
    let mut registry = Registry::new();
    let mut want = wanted(false);
    let (known, _) = run(&mut registry, &want, Domain::absent(), &[]);
    registry.entry().standing = Standing::Redemption;
    registry.today = day("2028-04-20");
    let (known, next) = run(&mut registry, &want, Domain { certain: false, ..known }, &[]);
    assert_eq!(next, Next::Person(Puzzle::InRedemption));
    want.restores_asked = 1;
    want.covered_until = Some(day("2029-03-01"));
    let (known, next) = run(&mut registry, &want, known, &[]);
    assert_eq!((next, registry.restores, registry.years_renewed), (Next::Settled, 1, 1));
    registry.entry().standing = Standing::Redemption;
    let (known, next) = run(&mut registry, &want, Domain { certain: false, ..known }, &[]);
    assert_eq!((next, registry.restores), (Next::Person(Puzzle::InRedemption), 1));
    registry.entry().standing = Standing::PendingDelete;
    let (_, next) = run(&mut registry, &want, Domain { certain: false, ..known }, &[]);
    assert_eq!(next, Next::Person(Puzzle::BeingDeleted));
}

#[test]
fn news_while_a_step_is_at_work_are_looked_at_afterwards() {
    let want = Wanted::Domain(wanted(false));
    let mut registry = Registry::new();
    let (known, _) = run(&mut registry, &wanted(false), Domain::absent(), &[]);
    let before = begun(&Known::Domain(Domain { certain: false, ..known }), Step::Look, 1);
    let Known::Domain(before) = before else { panic!("a domain") };
    let ended = registry.act(&wanted(false), &before, Step::Look);
    let told = Known::Domain(Domain { news: true, ..before });
    let (after, _) = learn(&want, &told, Step::Look, &ended);
    assert_eq!(next(&want, &after), Next::Do(Step::Look));
    let (after, _) = learn(&want, &begun(&after, Step::Look, 2), Step::Look, &ended);
    assert_eq!(next(&want, &after), Next::Settled);
}

fn a_fault() -> impl Strategy<Value = Fault> {
    prop::sample::select(vec![Fault::None, Fault::Before, Fault::After, Fault::Busy, Fault::Bare])
}

proptest! {
    /// Years go by, each invoiced or not, and each step may meet a fault: the domain is registered or transferred once,
    /// each covered year is renewed once and no other, and what is known is what the registry says.
    #[test]
    fn each_covered_year_is_bought_once(
        transfer in any::<bool>(),
        years in prop::collection::vec(
            (any::<bool>(), any::<bool>(), prop::collection::vec(a_fault(), 0..10), any::<bool>()),
            1..6,
        ),
        first in prop::collection::vec(a_fault(), 0..10),
    ) {
        let mut registry = Registry::new();
        let mut want = wanted(transfer);
        if transfer {
            registry.held_by_others();
        }
        let (mut known, mut next) = run(&mut registry, &want, Domain::absent(), &first);
        if transfer {
            prop_assert_eq!(next, Next::Watch);
            registry.approve();
            (known, next) = run(&mut registry, &want, Domain { certain: false, ..known }, &[]);
        }
        prop_assert_eq!(next, Next::Settled);
        let begins_with = registry.entry().expires_on;
        let mut covered = 0;
        want.covered_until = Some(years_later(want.started_on, 1));
        for (invoiced, doubted, faults, servers) in years {
            // Close to the registry's day, if it can be renewed at all.
            registry.today = registry.entry().expires_on - TimeDelta::days(5);
            if invoiced {
                covered += 1;
                want.covered_until = Some(years_later(want.started_on, 1 + covered));
            }
            if servers {
                want.name_servers = Some(vec!["ns1.host.example".to_owned(), format!("ns{covered}.host.example")]);
            }
            want.locked = Some(invoiced);
            known.certain = !doubted;
            (known, next) = run(&mut registry, &want, known, &faults);
            prop_assert_eq!(next, Next::Settled);
            prop_assert_eq!(registry.years_renewed, covered);
            prop_assert_eq!(known.expires_on, Some(years_later(begins_with, covered)));
            prop_assert_eq!(known.expires_on, Some(registry.entry().expires_on));
            prop_assert_eq!(known.served_until, want.covered_until);
            prop_assert_eq!(registry.entry().locked, invoiced);
        }
        prop_assert_eq!((registry.registrations, registry.transfers), if transfer { (0, 1) } else { (1, 0) });
    }
}
