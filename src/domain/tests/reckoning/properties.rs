//! What holds for every timeline, in whatever order its facts are heard of and whenever is billed in between.

use std::collections::{BTreeMap, BTreeSet};

use billet_domain::due::{Billed, Due, covered_days, due};
use billet_domain::owed::{ChargeKind, ComponentKey, Owed, Rating, Statement, Usage, Window, owed};
use billet_domain::period::Period;
use billet_domain::timeline::Timeline;
use chrono::{Duration, NaiveDate};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::books::Books;
use crate::world::{Boundaries, World, world};

/// The same cases in every run and no files beside: a failing case is shrunk and printed, and becomes a worked example.
pub fn config() -> ProptestConfig {
    let rng_seed = RngSeed::Fixed(0xB1_11E7);
    ProptestConfig { cases: 1_500, rng_seed, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn billed_in_steps_it_costs_what_it_costs_at_once(world in world(Boundaries::Fixed)) {
        let books = bill(&world);
        let statement = finally(&world);
        let once = at_once(&world, &statement);
        let totals = books.totals();
        for key in once.keys().chain(totals.keys()) {
            prop_assert_eq!(totals.get(key).unwrap_or(&0), once.get(key).unwrap_or(&0), "{:?}", key);
        }
        check_coverage(&world, &statement, &books.remaining());
    }

    #[test]
    fn where_cycles_move_only_settled_days_keep_what_they_cost(world in world(Boundaries::Moving)) {
        let books = bill(&world);
        let statement = finally(&world);
        let remaining = books.remaining();
        check_coverage(&world, &statement, &remaining);
        let once = at_once(&world, &statement);
        let kept = kept_by_moved_cycles(&world, &statement, &remaining);
        let totals = books.totals();
        for key in once.keys().chain(totals.keys()) {
            let expected = once.get(key).unwrap_or(&0) + kept.get(key).unwrap_or(&0);
            prop_assert_eq!(*totals.get(key).unwrap_or(&0), expected, "{:?}", key);
        }
    }

    #[test]
    fn the_order_of_hearing_does_not_matter(
        world in world(Boundaries::Fixed),
        passes in prop::collection::vec(0_usize..6, 32),
        turns in 0_usize..14,
    ) {
        let last = world.cut_offs.len() - 1;
        let mut other = world.clone();
        for ((heard, _), pass) in other.facts.iter_mut().zip(&passes) {
            *heard = (*pass).min(last);
        }
        for ((heard, ..), pass) in other.used.iter_mut().zip(passes.iter().rev()) {
            *heard = (*pass).min(last);
        }
        let turns = turns % other.facts.len();
        other.facts.rotate_left(turns);
        prop_assert_eq!(Timeline::new(world.facts_by(last)), Timeline::new(other.facts_by(last)));
        let without_nothing = |books: &Books| {
            books.totals().into_iter().filter(|(_, total)| *total != 0).collect::<BTreeMap<_, _>>()
        };
        prop_assert_eq!(without_nothing(&bill(&world)), without_nothing(&bill(&other)));
    }

    #[test]
    fn a_window_and_what_was_before_it_are_the_whole(
        world in world(Boundaries::Moving),
        after in 0_i64..560,
        days in 0_i64..200,
    ) {
        let timeline = Timeline::new(world.facts_by(usize::MAX));
        let usage = world.usage_by(usize::MAX);
        let after = world.cut_offs[0] + Duration::days(after - 280);
        let until = after + Duration::days(days);
        let whole = state(&world, &timeline, &usage, Window::until(until));
        let before = state(&world, &timeline, &usage, Window::until(after));
        let window = state(&world, &timeline, &usage, Window { after: Some(after), until });
        prop_assert_eq!(window.next_point, whole.next_point);
        let mut union = before.owed;
        union.extend(window.owed);
        union.sort_by(|a, b| (a.period, &a.key).cmp(&(b.period, &b.key)));
        prop_assert_eq!(union, whole.owed);
    }
}

fn state(world: &World, timeline: &Timeline, usage: &Usage, window: Window) -> Statement {
    owed(timeline, &world.book, usage, window).expect("amounts within range")
}

/// What is owed when everything is known.
fn finally(world: &World) -> Statement {
    let timeline = Timeline::new(world.facts_by(usize::MAX));
    let until = *world.cut_offs.last().expect("one at least");
    state(world, &timeline, &world.usage_by(usize::MAX), Window::until(until))
}

/// Bills pass by pass and checks after each what must hold by then.
fn bill(world: &World) -> Books {
    let mut books = Books::default();
    let mut settled = None;
    for (pass, until) in world.cut_offs.iter().enumerate() {
        let timeline = Timeline::new(world.facts_by(pass));
        let usage = world.usage_by(pass);
        let statement = state(world, &timeline, &usage, Window::until(*until));
        let pass_over = |books: &Books| due(&statement, &books.remaining(), world.currency).expect("within range");
        if let Some(after) = settled.filter(|_| !world.news_before(pass)) {
            // The fast path says and settles the same; behind what is settled it says nothing, and nothing is unsettled.
            let window = state(world, &timeline, &usage, Window { after: Some(after), until: *until });
            let fast = due(&window, &[], world.currency).expect("within range");
            assert_eq!(fast.settled_until, Some(after.max(*until)));
            assert_eq!(window.next_point, statement.next_point);
            if after <= *until {
                assert_eq!(fast.charges, pass_over(&books).charges);
            } else {
                assert_eq!(fast.charges, []);
            }
        }
        let Due { charges, settled_until } = pass_over(&books);
        books.post(&charges);
        books.check_credits();
        assert_eq!(pass_over(&books), Due { charges: vec![], settled_until }, "a second pass bills nothing");
        check_next_point(world, &timeline, &usage, &statement);
        settled = settled_until;
    }
    books
}

/// Nothing is owed between the cut-off date and the next point.
fn check_next_point(world: &World, timeline: &Timeline, usage: &Usage, statement: &Statement) {
    let until = statement.window.until;
    let before = match statement.next_point {
        Some(next) => next.pred_opt().expect("in range"),
        None => until + Duration::days(1_500),
    };
    assert!(before >= until, "a point that is over");
    let between = state(world, timeline, usage, Window { after: Some(until), until: before });
    assert_eq!(between.owed, []);
}

/// What each component costs when all is billed at once.
fn at_once(world: &World, statement: &Statement) -> BTreeMap<ComponentKey, i64> {
    let mut totals = BTreeMap::new();
    for owed in &statement.owed {
        *totals.entry(owed.key.clone()).or_default() += part(world, &owed.rating, owed.period);
    }
    totals
}

fn part(world: &World, rating: &Rating, period: Period) -> i64 {
    rating.basis.part(period, world.currency).expect("within range")
}

/// Every owed day is covered by exactly one line that settles it, no other day by any. Days that are worth nothing, not
/// even a rounded cent, may be on no line, or stay on one that is otherwise credited.
fn check_coverage(world: &World, statement: &Statement, remaining: &[Billed]) {
    let whole = |key: &ComponentKey| key.kind != ChargeKind::Recurring;
    let mut owed: Vec<_> = statement.owed.iter().map(|owed| (&owed.key, owed.period, &owed.rating)).collect();
    let mut lines: Vec<_> = remaining.iter().map(|line| (&line.key, line.period, &line.rating)).collect();
    for side in [&mut owed, &mut lines] {
        side.retain(|(key, period, rating)| whole(key) && part(world, rating, *period) != 0);
        side.sort_by_key(|(key, period, _)| (*key, *period));
    }
    let amounts = |side: &[(&ComponentKey, Period, &Rating)]| -> Vec<_> {
        side.iter()
            .map(|(key, period, rating)| ((*key).clone(), *period, rating.quantity, rating.basis.amount))
            .collect()
    };
    assert_eq!(amounts(&lines), amounts(&owed), "set-up fees and usage are billed as a whole");
    let keys: BTreeSet<&ComponentKey> =
        statement.owed.iter().map(|owed| &owed.key).chain(remaining.iter().map(|line| &line.key)).collect();
    for key in keys.into_iter().filter(|key| key.kind == ChargeKind::Recurring) {
        let lines: Vec<&Billed> = remaining.iter().filter(|line| line.key == *key).collect();
        let expected = by_day(statement.owed.iter().filter(|owed| owed.key == *key));
        let ahead = by_day(statement.ahead.iter().filter(|owed| owed.key == *key));
        let covered = covered_days(remaining, key);
        let days: BTreeSet<NaiveDate> = expected.keys().chain(covered.keys()).copied().collect();
        for day in days {
            let this_day = Period::new(day, day.succ_opt().expect("in range"));
            let covering = || lines.iter().filter(|line| line.period.contains(day));
            let owed = expected.get(&day).or_else(|| ahead.get(&day));
            let settling = owed.and_then(|owed| covering().find(|line| line.rating.settles(&owed.rating)));
            for line in covering().filter(|line| Some(line.line_id) != settling.map(|line| line.line_id)) {
                assert_eq!(part(world, &line.rating, this_day), 0, "{day} is charged and not owed, or twice: {line:?}");
            }
            if let (Some(owed), None) = (expected.get(&day), settling) {
                assert_eq!(part(world, &owed.rating, this_day), 0, "{day} is owed and not charged: {owed:?}");
            }
        }
    }
}

fn by_day<'a>(owed: impl Iterator<Item = &'a Owed>) -> BTreeMap<NaiveDate, &'a Owed> {
    let mut days = BTreeMap::new();
    for owed in owed {
        for day in owed.period.from.iter_days().take_while(|day| *day < owed.period.to) {
            assert!(days.insert(day, owed).is_none(), "{day} is owed twice: {owed:?}");
        }
    }
    days
}

/// By how much the days that stay billed in a cycle of another place, or that are owed only ahead, differ from what
/// they would cost now.
fn kept_by_moved_cycles(world: &World, statement: &Statement, remaining: &[Billed]) -> BTreeMap<ComponentKey, i64> {
    let mut kept = BTreeMap::new();
    for line in remaining.iter().filter(|line| line.key.kind == ChargeKind::Recurring) {
        for (owed, is_now) in
            statement.owed.iter().map(|owed| (owed, 1)).chain(statement.ahead.iter().map(|owed| (owed, 0)))
        {
            let days = line.period.intersect(owed.period);
            let settled = owed.key == line.key && !days.is_empty() && line.rating.settles(&owed.rating);
            if settled && (line.rating.basis != owed.rating.basis || is_now == 0) {
                let difference = part(world, &line.rating, days) - is_now * part(world, &owed.rating, days);
                *kept.entry(line.key.clone()).or_default() += difference;
            }
        }
    }
    kept
}
