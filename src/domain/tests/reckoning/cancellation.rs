//! The end, in each manner.

use billet_domain::plan::{PlanPolicy, Terms};
use billet_domain::timeline::{Ending, FactError, FactKind, Timing};
use rust_decimal_macros::dec;

use crate::catalogue::{MONTHLY, YEARLY, base, book, cancel, change, change_with, day, discount, plan, setup, start};
use crate::story::Story;

fn april() -> Story {
    let plans = [
        plan(1, "A", MONTHLY, [base(dec!(30)), setup(dec!(5))]),
        plan(2, "B", MONTHLY, [base(dec!(60))]),
        plan(1, "A", YEARLY, [base(dec!(366))]),
    ];
    let mut story = Story::new(book(plans));
    story.tell("2026-04-01", start(1, MONTHLY));
    assert_eq!(story.bill("2026-04-01").len(), 2);
    story
}

#[test]
fn at_the_periods_end() {
    let mut story = april();
    story.tell("2026-04-11", cancel(Ending::PeriodEnd));
    assert_eq!(story.ends_on().as_deref(), Some("2026-05-01"));
    assert_eq!(story.state("2026-04-11").ended_on, None);
    assert_eq!(story.state("2026-05-01").ended_on, Some(day("2026-05-01")));
    assert_eq!(story.bill("2027-01-01"), [""; 0]);
    assert_eq!(story.next_point(), None);
}

#[test]
fn at_once_with_refund() {
    let mut story = april();
    story.tell("2026-04-11", cancel(Ending::AtOnceRefund));
    assert_eq!(story.ends_on().as_deref(), Some("2026-04-11"));
    assert_eq!(story.bill("2026-04-11"), ["A · base 2026-04-11..2026-05-01 -20.00"]);
    assert_eq!(story.next_point(), None);
}

#[test]
fn at_once_without_refund() {
    // The service ends on the day; the month stays charged.
    let mut story = april();
    story.tell("2026-04-11", cancel(Ending::AtOnceNoRefund));
    assert_eq!(story.ends_on().as_deref(), Some("2026-04-11"));
    assert_eq!(story.bill("2027-01-01"), [""; 0]);
    assert_eq!(
        story.would_take("2026-04-12", FactKind::Withdrawn),
        Err(FactError::AfterEnd { on: day("2026-04-12"), ended: day("2026-04-11") })
    );
}

#[test]
fn on_the_boundary_day() {
    // To the end of the period that begins that day; at once, no day of it is charged.
    let mut served = april();
    served.tell("2026-05-01", cancel(Ending::PeriodEnd));
    assert_eq!(served.bill("2026-06-30"), ["A · base 2026-05-01..2026-06-01 30.00"]);
    for ending in [Ending::AtOnceRefund, Ending::AtOnceNoRefund] {
        let mut story = april();
        story.tell("2026-05-01", cancel(ending));
        assert_eq!(story.bill("2026-06-30"), [""; 0]);
    }
}

#[test]
fn on_the_first_day_only_the_set_up_fee_stays() {
    let mut story = april();
    story.tell("2026-04-01", cancel(Ending::AtOnceRefund));
    assert_eq!(story.bill("2026-04-01"), ["A · base 2026-04-01..2026-05-01 -30.00"]);
    assert_eq!(story.total(), "5.00");
}

#[test]
fn the_plan_in_force_decides_what_is_left_open() {
    let policy = PlanPolicy { ending: Ending::PeriodEnd, ..PlanPolicy::default() };
    let patient = Terms { policy, ..plan(2, "B", MONTHLY, [base(dec!(60))]) };
    let mut story = Story::new(book([plan(1, "A", MONTHLY, [base(dec!(30))]), patient]));
    story.tell("2026-04-01", start(1, MONTHLY));
    story.tell("2026-04-11", FactKind::Cancelled { ending: None });
    assert_eq!(story.ends_on().as_deref(), Some("2026-04-11"));
    // A change to B on the 10th is heard of later: then B's policy decides.
    story.tell("2026-04-10", change(2, MONTHLY));
    assert_eq!(story.ends_on().as_deref(), Some("2026-05-01"));
}

#[test]
fn withdrawn_before_its_day_it_never_was() {
    let mut story = april();
    story.tell("2026-04-11", cancel(Ending::PeriodEnd));
    assert_eq!(story.bill("2026-04-11"), [""; 0]);
    story.tell("2026-04-20", FactKind::Withdrawn);
    assert_eq!(story.ends_on(), None);
    assert_eq!(story.bill("2026-05-01"), ["A · base 2026-05-01..2026-06-01 30.00"]);
}

#[test]
fn a_withdrawal_heard_of_late_charges_what_was_left_out() {
    let mut story = april();
    story.tell("2026-04-11", cancel(Ending::PeriodEnd));
    assert_eq!(story.bill("2026-06-05"), [""; 0]);
    story.tell("2026-04-20", FactKind::Withdrawn);
    assert_eq!(
        story.bill("2026-06-05"),
        ["A · base 2026-05-01..2026-06-01 30.00", "A · base 2026-06-01..2026-07-01 30.00"]
    );
}

#[test]
fn a_second_cancellation_replaces_the_first() {
    let mut story = april();
    story.tell("2026-04-11", cancel(Ending::PeriodEnd));
    story.tell("2026-04-21", cancel(Ending::AtOnceRefund));
    assert_eq!(story.bill("2026-04-21"), ["A · base 2026-04-21..2026-05-01 -10.00"]);
}

#[test]
fn a_plan_change_after_a_cancellation_does_not_undo_it() {
    let mut story = april();
    story.tell("2026-04-11", cancel(Ending::PeriodEnd));
    story.tell("2026-04-21", change(2, MONTHLY));
    assert_eq!(
        story.bill("2026-06-30"),
        ["A · base 2026-04-21..2026-05-01 -10.00", "B · base 2026-04-21..2026-05-01 20.00"]
    );
    assert_eq!(story.ends_on().as_deref(), Some("2026-05-01"));
}

#[test]
fn the_end_takes_waiting_changes_with_it() {
    let mut story = april();
    story.tell("2026-04-11", change_with(2, MONTHLY, Some(Timing::PeriodEnd), None));
    story.tell("2026-04-12", cancel(Ending::PeriodEnd));
    assert_eq!(story.bill("2026-06-30"), [""; 0]);
}

#[test]
fn what_was_discounted_is_given_back_discounted() {
    // 30.00 less 10 % is 27.00; 20 of 30 days are 18.00.
    let mut story = Story::new(book([plan(1, "A", MONTHLY, [base(dec!(30))])]));
    story.tell("2026-04-01", start(1, MONTHLY));
    story.tell("2026-04-01", discount("base", dec!(10)));
    assert_eq!(story.bill("2026-04-01"), ["A · base 2026-04-01..2026-05-01 27.00"]);
    story.tell("2026-04-11", cancel(Ending::AtOnceRefund));
    assert_eq!(story.bill("2026-04-11"), ["A · base 2026-04-11..2026-05-01 -18.00"]);
}

#[test]
fn a_year_is_given_back_by_its_days() {
    // 2028 is a leap year: by 1 March 31 + 29 = 60 of 366 days are used, 306 days at 1.00 come back.
    let mut story = Story::new(book([plan(1, "A", YEARLY, [base(dec!(366))])]));
    story.tell("2028-01-01", start(1, YEARLY));
    assert_eq!(story.bill("2028-01-01"), ["A · base 2028-01-01..2029-01-01 366.00"]);
    story.tell("2028-03-01", cancel(Ending::AtOnceRefund));
    assert_eq!(story.bill("2028-03-01"), ["A · base 2028-03-01..2029-01-01 -306.00"]);
}
