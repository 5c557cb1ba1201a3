//! Facts that make no sense are refused with a reason.

use billet_domain::owed::{Usage, Window, owed};
use billet_domain::plan::TermsBook;
use billet_domain::timeline::{Ending, Fact, FactError, FactKind, NUMBER_MAX, Timeline};
use chrono::NaiveDate;
use rust_decimal_macros::dec;

use crate::catalogue::{
    MONTHLY, YEARLY, base, book, cancel, change, day, discount, option, plan, price, quantity, start, start_with,
};
use crate::story::Story;

fn plans() -> TermsBook {
    book([plan(1, "A", MONTHLY, [base(dec!(30))]), plan(2, "B", MONTHLY, [base(dec!(60)), option("backup", dec!(4))])])
}

fn running() -> Story {
    let mut story = Story::new(plans());
    story.tell("2026-04-01", start(1, MONTHLY));
    story
}

fn what(result: Result<(), FactError>) -> String {
    match result {
        Err(FactError::OutOfRange { what, .. }) => what,
        other => panic!("not out of range: {other:?}"),
    }
}

#[test]
fn before_the_start_after_the_end_and_twice() {
    assert_eq!(Story::new(plans()).would_take("2026-04-01", FactKind::Paused), Err(FactError::NotStarted));
    let mut story = running();
    assert_eq!(story.would_take("2026-04-02", start(1, MONTHLY)), Err(FactError::StartedTwice));
    let (on, started) = (day("2026-03-31"), day("2026-04-01"));
    assert_eq!(story.would_take("2026-03-31", FactKind::Paused), Err(FactError::BeforeStart { on, started }));
    story.tell("2026-04-11", cancel(Ending::AtOnceRefund));
    let (on, ended) = (day("2026-04-12"), day("2026-04-11"));
    assert_eq!(story.would_take("2026-04-12", change(2, MONTHLY)), Err(FactError::AfterEnd { on, ended }));
    assert_eq!(story.would_take("2026-04-10", change(2, MONTHLY)), Ok(()), "it happened before the end");
}

#[test]
fn unknown_plans_and_components() {
    let story = running();
    let version = billet_domain::id::PlanVersionId(1);
    assert_eq!(story.would_take("2026-04-02", change(1, YEARLY)), Err(FactError::NoTerms(version)));
    for fact in [quantity("backup", dec!(1)), price("backup", None), discount("backup", dec!(1))] {
        let unknown = FactError::UnknownComponent { on: day("2026-04-02"), component: "backup".to_owned() };
        assert_eq!(story.would_take("2026-04-02", fact), Err(unknown));
    }
    let started = Story::new(plans()).would_take("2026-04-01", start_with(1, MONTHLY, None, None, [("x", dec!(1))]));
    assert!(matches!(started, Err(FactError::UnknownComponent { .. })));
}

#[test]
fn what_does_not_fit_the_state() {
    let mut story = running();
    assert_eq!(story.would_take("2026-04-02", FactKind::Resumed), Err(FactError::WrongState("not paused")));
    story.tell("2026-04-02", FactKind::Paused);
    assert_eq!(story.would_take("2026-04-03", FactKind::Paused), Err(FactError::WrongState("paused already")));
    let nothing_waits = Err(FactError::WrongState("not waiting for a change or a cancellation"));
    assert_eq!(story.would_take("2026-04-03", FactKind::Withdrawn), nothing_waits);
    story.tell("2026-04-03", FactKind::AnchorMoved { anchor_day: 5 });
    assert_eq!(story.would_take("2026-04-03", FactKind::Withdrawn), nothing_waits, "a moved anchor is not withdrawn");
}

#[test]
fn numbers_and_dates_out_of_range() {
    let story = running();
    let refused = |kind| what(story.would_take("2026-04-02", kind));
    assert_eq!(refused(quantity("base", dec!(-1))), "quantity");
    assert_eq!(refused(quantity("base", NUMBER_MAX + dec!(1))), "quantity");
    assert_eq!(refused(price("base", Some(dec!(0.0000000000001)))), "unit_price");
    assert_eq!(refused(discount("base", dec!(100.1))), "percent");
    assert_eq!(refused(FactKind::AnchorMoved { anchor_day: 0 }), "anchor_day");
    assert_eq!(refused(FactKind::AnchorMoved { anchor_day: 32 }), "anchor_day");
    for year in ["1899-12-31", "+10000-01-01", "-0001-01-01"] {
        assert_eq!(what(story.would_take(year, FactKind::Paused)), "on");
        assert_eq!(what(Story::new(plans()).would_take(year, start(1, MONTHLY))), "on");
        let trial = start_with(1, MONTHLY, None, Some(year), []);
        assert_eq!(what(Story::new(plans()).would_take("2026-01-01", trial)), "trial_until");
    }
    assert_eq!(Story::new(plans()).would_take("1900-01-01", start(1, MONTHLY)), Ok(()));
    assert_eq!(story.would_take("9999-12-31", FactKind::Paused), Ok(()));
}

#[test]
fn the_edges_of_the_calendar_are_no_cliff() {
    // What was never admitted can still be walked without a panic and without an endless loop.
    for on in [NaiveDate::MIN, NaiveDate::MAX, day("9999-12-31"), day("1900-01-01")] {
        for anchor in [None, Some(1), Some(31)] {
            let fact = |key: &str, kind| Fact { on, at_us: 0, key: key.to_owned(), kind };
            let timeline = Timeline::new(vec![
                fact("a", start_with(1, MONTHLY, anchor, None, [])),
                fact("b", change(2, MONTHLY)),
                fact("c", FactKind::AnchorMoved { anchor_day: 31 }),
                fact("d", cancel(Ending::PeriodEnd)),
            ]);
            let until = on.checked_add_days(chrono::Days::new(400)).unwrap_or(on);
            let answer = owed(&timeline, &plans(), &Usage::default(), Window::until(until));
            assert!(answer.is_ok(), "{answer:?}");
        }
    }
}
