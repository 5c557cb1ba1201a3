//! Days that are not charged.

use billet_domain::plan::{PlanPolicy, Terms};
use billet_domain::timeline::FactKind;
use rust_decimal_macros::dec;

use crate::catalogue::{MONTHLY, base, book, plan, start};
use crate::story::Story;

/// April, billed at 30.00.
fn april(suspension_pauses_billing: bool) -> Story {
    let policy = PlanPolicy { suspension_pauses_billing, ..PlanPolicy::default() };
    let mut story = Story::new(book([Terms { policy, ..plan(1, "A", MONTHLY, [base(dec!(30))]) }]));
    story.tell("2026-04-01", start(1, MONTHLY));
    assert_eq!(story.bill("2026-04-01"), ["A · base 2026-04-01..2026-05-01 30.00"]);
    story
}

#[test]
fn a_pause_gives_back_and_a_resumption_charges() {
    let mut story = april(false);
    story.tell("2026-04-11", FactKind::Paused);
    assert_eq!(story.bill("2026-04-11"), ["A · base 2026-04-11..2026-05-01 -20.00"]);
    story.tell("2026-04-21", FactKind::Resumed);
    assert_eq!(story.bill("2026-04-21"), ["A · base 2026-04-21..2026-05-01 10.00"]);
}

#[test]
fn heard_of_together_only_the_pause_is_given_back() {
    let mut story = april(false);
    story.tell("2026-04-11", FactKind::Paused);
    story.tell("2026-04-21", FactKind::Resumed);
    assert_eq!(story.bill("2026-04-21"), ["A · base 2026-04-11..2026-04-21 -10.00"]);
}

#[test]
fn whole_cycles_are_left_out() {
    // Resumed on 16 May: 16 of 31 days are left, 30.00 - 30.00 x 15/31 (14.516 -> 14.52) = 15.48.
    let mut story = april(false);
    story.tell("2026-04-11", FactKind::Paused);
    assert_eq!(story.bill("2026-05-10").len(), 1);
    assert_eq!(story.next_point(), None, "nothing is due until somebody resumes");
    story.tell("2026-05-16", FactKind::Resumed);
    assert_eq!(story.bill("2026-05-16"), ["A · base 2026-05-16..2026-06-01 15.48"]);
    assert_eq!(story.next_point().as_deref(), Some("2026-06-01"));
}

#[test]
fn a_resumption_that_lies_ahead_is_not_forgotten() {
    let mut story = april(false);
    story.tell("2026-05-01", FactKind::Paused);
    story.tell("2026-08-16", FactKind::Resumed);
    assert_eq!(story.bill("2026-04-30"), [""; 0]);
    // The part of August is charged with its cycle.
    assert_eq!(story.next_point().as_deref(), Some("2026-08-01"));
    assert_eq!(story.bill("2026-08-01"), ["A · base 2026-08-16..2026-09-01 15.48"]);
}

#[test]
fn a_suspension_is_charged_unless_the_plan_says_otherwise() {
    let mut charged = april(false);
    charged.tell("2026-04-11", FactKind::Suspended);
    assert!(charged.state("2026-04-11").suspended && !charged.state("2026-04-11").unbilled);
    assert_eq!(charged.bill("2026-05-01"), ["A · base 2026-05-01..2026-06-01 30.00"]);

    let mut free = april(true);
    free.tell("2026-04-11", FactKind::Suspended);
    assert!(free.state("2026-04-11").unbilled);
    assert_eq!(free.bill("2026-05-01"), ["A · base 2026-04-11..2026-05-01 -20.00"]);
    free.tell("2026-06-01", FactKind::Unsuspended);
    assert_eq!(free.bill("2026-06-01"), ["A · base 2026-06-01..2026-07-01 30.00"]);
}

#[test]
fn paused_and_suspended_both_have_to_be_lifted() {
    let mut story = april(true);
    story.tell("2026-04-11", FactKind::Paused);
    story.tell("2026-04-13", FactKind::Suspended);
    story.tell("2026-04-16", FactKind::Resumed);
    story.tell("2026-04-21", FactKind::Unsuspended);
    assert_eq!(story.bill("2026-04-21"), ["A · base 2026-04-11..2026-04-21 -10.00"]);
}

#[test]
fn paused_and_resumed_on_one_day_is_nothing() {
    let mut story = april(false);
    story.tell("2026-04-11", FactKind::Paused);
    story.tell("2026-04-11", FactKind::Resumed);
    assert_eq!(story.bill("2026-04-11"), [""; 0]);
}
