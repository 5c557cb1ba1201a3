use chrono::TimeDelta;
use proptest::prelude::*;

use super::super::{Known, Wanted, begun, learn, next};
use super::*;

fn wanted(state: AccountState, package: &str) -> AccountWanted {
    let package = Some(package.to_owned()).filter(|package| !package.is_empty());
    AccountWanted { state, package, domain: "shop.example".to_owned(), reason: String::new() }
}

/// A panel with one name on it, as far as the rules can see it.
#[derive(Debug, Clone, Default)]
struct Panel {
    account: Option<Seen>,
    now_us: i64,
    /// What comes after so many more looks, or with the next change.
    on_its_way: Vec<(u32, AccountWanted, Step)>,
}

/// What the network does to a call.
#[derive(Debug, Clone, Copy)]
enum Fault {
    None,
    /// It never arrives.
    Before,
    /// It is done, and nobody hears of it.
    After,
    /// Nobody hears of it, and it is done only after so many looks.
    Late(u32),
    /// The panel has no time.
    Busy,
}

impl Panel {
    fn call(&mut self, wanted: &AccountWanted, step: Step, fault: Fault) -> Ended {
        let is_change = step != Step::Look;
        match fault {
            Fault::Busy => return Ended::Later(Some(TimeDelta::seconds(1))),
            Fault::Before => return Ended::Unknown,
            Fault::Late(looks) if is_change => {
                self.on_its_way.push((looks, wanted.clone(), step));
                return Ended::Unknown;
            }
            Fault::None | Fault::After | Fault::Late(_) => {}
        }
        let mut waiting = std::mem::take(&mut self.on_its_way);
        waiting.iter_mut().for_each(|(looks, ..)| *looks = looks.saturating_sub(1));
        let (comes, stays) = waiting.into_iter().partition(|(looks, ..)| is_change || *looks == 0);
        self.on_its_way = stays;
        for (_, wanted, step) in comes {
            self.act(&wanted, step);
        }
        let ended = self.act(wanted, step);
        if matches!(fault, Fault::After) { Ended::Unknown } else { ended }
    }

    fn act(&mut self, wanted: &AccountWanted, step: Step) -> Ended {
        let already = |already| Ended::Done { already, seen: None };
        match (step, &mut self.account) {
            (Step::Create, Some(_)) => Ended::Conflict,
            (Step::Create, None) => {
                let seen = Seen {
                    domain: wanted.domain.clone(),
                    package: wanted.package.clone(),
                    created_at_us: Some(self.now_us),
                    ..Seen::default()
                };
                self.account = Some(seen.clone());
                Ended::Done { already: false, seen: Some(seen) }
            }
            (_, None) => Ended::Missing,
            (Step::Look, Some(seen)) => Ended::Done { already: false, seen: Some(seen.clone()) },
            (Step::Suspend, Some(seen)) => {
                let was = seen.suspension.is_some();
                let origin = *seen.suspension.get_or_insert(Some(Suspended::Ours));
                Ended::Done { already: was, seen: Some(Seen { suspension: Some(origin), ..Seen::default() }) }
            }
            (Step::Unsuspend, Some(seen)) => already(seen.suspension.take().is_none()),
            (Step::ChangePackage, Some(seen)) => {
                let was = seen.package == wanted.package;
                seen.package.clone_from(&wanted.package);
                already(was)
            }
            (Step::Terminate, Some(_)) => {
                self.account = None;
                already(false)
            }
            (step, Some(_)) => panic!("no step of accounts: {step:?}"),
        }
    }
}

/// Steps until it is settled or a person is needed; each step meets a fault, then none.
fn run(panel: &mut Panel, wanted: &AccountWanted, mut known: Known, faults: &[Fault]) -> (Known, Next, usize) {
    let want = Wanted::Account(wanted.clone());
    let mut faults = faults.iter().copied();
    for steps in 0..200 {
        panel.now_us += 1_000_000;
        let Next::Do(step) = next(&want, &known) else { return (known.clone(), next(&want, &known), steps) };
        let before = begun(&known, step, panel.now_us);
        let ended = panel.call(wanted, step, faults.next().unwrap_or(Fault::None));
        let (after, verdict) = learn(&want, &before, step, &ended);
        known = after;
        match verdict {
            Verdict::Ahead | Verdict::Again(_) => {}
            Verdict::OtherName => panel.account = None,
            Verdict::Person(puzzle) => return (known, Next::Person(puzzle), steps),
        }
    }
    panic!("it does not settle: {known:?}");
}

fn absent() -> Known {
    Known::Account(Account::absent())
}

#[test]
fn an_account_is_made_suspended_changed_and_removed() {
    let mut panel = Panel::default();
    let (known, next, steps) = run(&mut panel, &wanted(AccountState::Active, "small"), absent(), &[]);
    assert_eq!((next, steps), (Next::Settled, 1));
    let (known, _, steps) = run(&mut panel, &wanted(AccountState::Active, "large"), known, &[]);
    assert_eq!((panel.account.clone().and_then(|seen| seen.package).as_deref(), steps), (Some("large"), 1));
    let (known, _, _) = run(&mut panel, &wanted(AccountState::Suspended, "large"), known, &[]);
    assert_eq!(panel.account.clone().and_then(|seen| seen.suspension), Some(Some(Suspended::Ours)));
    let (known, _, _) = run(&mut panel, &wanted(AccountState::Active, "large"), known, &[]);
    assert_eq!(panel.account.clone().and_then(|seen| seen.suspension), None);
    let (known, next, _) = run(&mut panel, &wanted(AccountState::Terminated, "large"), known, &[]);
    assert_eq!((panel.account.is_none(), next), (true, Next::Settled));
    let (_, next, steps) = run(&mut panel, &wanted(AccountState::Terminated, "large"), known, &[]);
    assert_eq!((next, steps), (Next::Settled, 0));
}

#[test]
fn a_suspension_of_others_is_never_lifted() {
    let mut panel = Panel::default();
    let (known, ..) = run(&mut panel, &wanted(AccountState::Active, ""), absent(), &[]);
    if let Some(account) = &mut panel.account {
        account.suspension = Some(Some(Suspended::Others));
    }
    let (known, ..) = run(&mut panel, &wanted(AccountState::Suspended, ""), known, &[]);
    let (_, next, _) = run(&mut panel, &wanted(AccountState::Active, ""), known, &[]);
    assert_eq!(next, Next::Settled);
    assert_eq!(panel.account.and_then(|seen| seen.suspension), Some(Some(Suspended::Others)));
}

#[test]
fn a_suspension_that_nobody_answered_for_is_ours() {
    let mut panel = Panel::default();
    let (known, ..) = run(&mut panel, &wanted(AccountState::Active, ""), absent(), &[]);
    // A panel that keeps no reasons.
    let want = wanted(AccountState::Suspended, "");
    let before = begun(&known, Step::Suspend, 1);
    let (after, _) = learn(&Wanted::Account(want.clone()), &before, Step::Suspend, &Ended::Unknown);
    let seen = Seen { domain: "shop.example".to_owned(), suspension: Some(None), ..Seen::default() };
    let looked = Ended::Done { already: false, seen: Some(seen.clone()) };
    let (after, _) = learn(&Wanted::Account(want.clone()), &after, Step::Look, &looked);
    assert!(matches!(&after, Known::Account(account) if account.suspension == Some(Suspended::Ours)), "{after:?}");
    // Without an attempt of ours it is somebody else's.
    let (after, _) = learn(&Wanted::Account(want), &known.doubted(), Step::Look, &looked);
    assert!(matches!(&after, Known::Account(account) if account.suspension == Some(Suspended::Others)), "{after:?}");
}

#[test]
fn what_others_made_is_not_taken_for_ours() {
    // Older than our attempt, or under another domain: the name is taken.
    for seen in [
        Seen { domain: "shop.example".to_owned(), created_at_us: Some(0), ..Seen::default() },
        Seen { domain: "other.example".to_owned(), created_at_us: Some(10_000_000_000), ..Seen::default() },
        Seen { domain: "shop.example".to_owned(), ..Seen::default() },
        Seen { domain: "shop.example".to_owned(), carries_our_id: Some(false), ..Seen::default() },
    ] {
        let want = Wanted::Account(wanted(AccountState::Active, ""));
        let before = begun(&absent(), Step::Create, 10_000_000_000);
        let (known, _) = learn(&want, &before, Step::Create, &Ended::Conflict);
        assert_eq!(next(&want, &known), Next::Do(Step::Look));
        let (known, verdict) =
            learn(&want, &known, Step::Look, &Ended::Done { already: false, seen: Some(seen.clone()) });
        assert_eq!(verdict, Verdict::OtherName, "{seen:?}");
        assert!(matches!(&known, Known::Account(account) if account.names_tried == 1 && account.certain));
    }
    // A conflict although the name is free is about the domain: no other name helps.
    let want = Wanted::Account(wanted(AccountState::Active, ""));
    let (known, _) = learn(&want, &begun(&absent(), Step::Create, 1), Step::Create, &Ended::Conflict);
    let (_, verdict) = learn(&want, &known, Step::Look, &Ended::Missing);
    assert_eq!(verdict, Verdict::Person(Puzzle::NotOurs));
}

#[test]
fn what_may_be_on_its_way_is_waited_for() {
    let want = Wanted::Account(wanted(AccountState::Suspended, ""));
    let (mut known, _) = learn(&want, &begun(&absent(), Step::Create, 1), Step::Create, &Ended::Unknown);
    for _ in 0..LOOKS_MAX {
        assert_eq!(next(&want, &known), Next::Do(Step::Look), "not believed yet");
        let (after, verdict) = learn(&want, &known, Step::Look, &Ended::Missing);
        assert_eq!(verdict, Verdict::Again(None));
        known = after;
    }
    let (gone, verdict) = learn(&want, &known, Step::Look, &Ended::Missing);
    assert_eq!((verdict, next(&want, &gone)), (Verdict::Ahead, Next::Settled));
    // Here it comes.
    let seen = Seen { domain: "shop.example".to_owned(), created_at_us: Some(2), ..Seen::default() };
    let (found, _) = learn(&want, &known, Step::Look, &Ended::Done { already: false, seen: Some(seen) });
    assert_eq!(next(&want, &found), Next::Do(Step::Suspend));
}

#[test]
fn another_account_under_the_old_name_is_left_alone() {
    let mut panel = Panel::default();
    let (known, ..) = run(&mut panel, &wanted(AccountState::Active, ""), absent(), &[]);
    if let Some(account) = &mut panel.account {
        account.created_at_us = Some(1_000_000_000_000);
    }
    let (_, next, _) = run(&mut panel, &wanted(AccountState::Terminated, ""), known.clone().doubted(), &[]);
    assert_eq!((next, panel.account.is_some()), (Next::Settled, true));
    let (_, next, _) = run(&mut panel, &wanted(AccountState::Active, ""), known.doubted(), &[]);
    assert_eq!(next, Next::Person(Puzzle::GoneAtPanel));
}

fn a_fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        prop::sample::select(vec![Fault::None, Fault::Before, Fault::After, Fault::Busy]),
        (1..=LOOKS_MAX).prop_map(Fault::Late),
    ]
}

proptest! {
    /// Whatever faults meet which steps: in the end it is as wanted, and there never were two accounts.
    #[test]
    fn it_converges(
        stories in prop::collection::vec(
            (
                prop::sample::select(vec![AccountState::Active, AccountState::Suspended, AccountState::Terminated]),
                prop::sample::select(vec!["small", "large"]),
                prop::collection::vec(a_fault(), 0..12),
            ),
            1..5,
        ),
    ) {
        let (mut panel, mut known) = (Panel::default(), absent());
        for (state, package, faults) in stories {
            let want = wanted(state, package);
            let gone = matches!(&known, Known::Account(account) if account.presence == Presence::Gone);
            let (after, next, _) = run(&mut panel, &want, known, &faults);
            known = after;
            let there = panel.account.as_ref();
            // Nothing is left to be done to what is gone.
            let comes = panel.on_its_way.iter().any(|(_, _, step)| there.is_some() || *step == Step::Create);
            prop_assert!(!comes, "settled before {:?} came", panel.on_its_way);
            match state {
                AccountState::Active if gone => prop_assert_eq!(next, Next::Person(Puzzle::GoneAtPanel)),
                AccountState::Active => {
                    prop_assert_eq!(next, Next::Settled);
                    prop_assert!(there.is_some_and(|seen| seen.suspension.is_none()));
                    prop_assert_eq!(there.and_then(|seen| seen.package.as_deref()), Some(package));
                }
                AccountState::Suspended if !gone => {
                    prop_assert_eq!(next, Next::Settled);
                    prop_assert!(there.is_none_or(|seen| seen.suspension == Some(Some(Suspended::Ours))));
                }
                AccountState::Terminated => {
                    prop_assert_eq!(next, Next::Settled);
                    prop_assert!(there.is_none());
                }
                _ => {}
            }
        }
    }
}
