//! More or fewer of a component.

use std::collections::BTreeMap;

use billet_domain::id::PlanVersionId;
use billet_domain::plan::TermsBook;
use billet_domain::timeline::{FactKind, Timing};
use rust_decimal::Decimal;
use rust_decimal_macros::dec;

use crate::catalogue::{MONTHLY, base, book, change_with, option, plan, quantity, start, start_with};
use crate::story::Story;

fn plans() -> TermsBook {
    book([
        plan(1, "A", MONTHLY, [base(dec!(10)), option("mailbox", dec!(2))]),
        plan(2, "B", MONTHLY, [base(dec!(25)), option("mailbox", dec!(1)), option("backup", dec!(6))]),
    ])
}

fn timed(component: &str, quantity: Decimal, timing: Timing) -> FactKind {
    FactKind::QuantityChanged { component: component.to_owned(), quantity, timing: Some(timing) }
}

/// April with three mailboxes, billed.
fn april() -> Story {
    let mut story = Story::new(plans());
    story.tell("2026-04-01", start_with(1, MONTHLY, None, None, [("mailbox", dec!(3))]));
    assert_eq!(
        story.bill("2026-04-01"),
        ["A · base 2026-04-01..2026-05-01 10.00", "A · mailbox x 3 2026-04-01..2026-05-01 6.00"]
    );
    story
}

#[test]
fn more_of_a_component_from_a_day_on() {
    // Three cost 6.00: 2.00 used, 4.00 back. Five cost 10.00: 10.00 - 3.33 = 6.67 for the rest.
    let mut story = april();
    story.tell("2026-04-11", quantity("mailbox", dec!(5)));
    assert_eq!(
        story.bill("2026-04-11"),
        ["A · mailbox x 3 2026-04-11..2026-05-01 -4.00", "A · mailbox x 5 2026-04-11..2026-05-01 6.67"]
    );
}

#[test]
fn an_option_is_added_and_dropped_again() {
    let mut story = Story::new(plans());
    story.tell("2026-04-01", start(1, MONTHLY));
    assert_eq!(story.bill("2026-04-01"), ["A · base 2026-04-01..2026-05-01 10.00"]);
    // One for 20 of 30 days: 2.00 - 0.67 = 1.33.
    story.tell("2026-04-11", quantity("mailbox", dec!(1)));
    assert_eq!(story.bill("2026-04-11"), ["A · mailbox 2026-04-11..2026-05-01 1.33"]);
    // Dropped ten days later: 2.00 - 1.33 = 0.67 back.
    story.tell("2026-04-21", quantity("mailbox", dec!(0)));
    assert_eq!(story.bill("2026-04-21"), ["A · mailbox 2026-04-21..2026-05-01 -0.67"]);
    assert_eq!(story.bill("2026-05-01"), ["A · base 2026-05-01..2026-06-01 10.00"]);
}

#[test]
fn of_several_on_one_day_the_last_counts() {
    let mut story = april();
    story.tell("2026-04-11", quantity("mailbox", dec!(9)));
    story.tell("2026-04-11", quantity("mailbox", dec!(3)));
    assert_eq!(story.bill("2026-04-11"), [""; 0]);
}

#[test]
fn half_a_unit_is_a_quantity() {
    // 2.00 x 2.5 = 5.00.
    let mut story = Story::new(plans());
    story.tell("2026-04-01", start_with(1, MONTHLY, None, None, [("mailbox", dec!(2.5)), ("base", dec!(0))]));
    assert_eq!(story.bill("2026-04-01"), ["A · mailbox x 2.5 2026-04-01..2026-05-01 5.00"]);
}

#[test]
fn without_proration_and_at_the_periods_end_the_cycle_stays() {
    for timing in [Timing::AtOnceUnprorated, Timing::PeriodEnd] {
        let mut story = april();
        story.tell("2026-04-11", timed("mailbox", dec!(5), timing));
        assert_eq!(story.bill("2026-04-30"), [""; 0]);
        assert_eq!(
            story.bill("2026-05-01"),
            ["A · base 2026-05-01..2026-06-01 10.00", "A · mailbox x 5 2026-05-01..2026-06-01 10.00"]
        );
    }
}

#[test]
fn the_later_request_makes_a_waiting_one_void() {
    let mut story = april();
    story.tell("2026-04-11", timed("mailbox", dec!(5), Timing::PeriodEnd));
    story.tell("2026-04-12", timed("mailbox", dec!(4), Timing::PeriodEnd));
    assert_eq!(
        story.bill("2026-05-01"),
        ["A · base 2026-05-01..2026-06-01 10.00", "A · mailbox x 4 2026-05-01..2026-06-01 8.00"]
    );
    // So does a plan change that names the component.
    let mut named = april();
    named.tell("2026-05-01", timed("mailbox", dec!(5), Timing::PeriodEnd));
    named.tell(
        "2026-05-01",
        FactKind::PlanChanged {
            version_id: PlanVersionId(2),
            cycle: MONTHLY,
            timing: None,
            anchor: None,
            quantities: BTreeMap::from([("mailbox".to_owned(), dec!(2))]),
        },
    );
    assert_eq!(
        named.bill("2026-06-01"),
        [
            "B · base 2026-05-01..2026-06-01 25.00",
            "B · mailbox x 2 2026-05-01..2026-06-01 2.00",
            "B · base 2026-06-01..2026-07-01 25.00",
            "B · mailbox x 2 2026-06-01..2026-07-01 2.00",
        ]
    );
}

#[test]
fn quantities_follow_a_plan_change_where_the_new_plan_knows_them() {
    // A: 6.67 and 4.00 back. B: 16.67, and three mailboxes at 1.00: 3.00 - 1.00 = 2.00.
    let mut story = april();
    story.tell("2026-04-11", crate::catalogue::change(2, MONTHLY));
    assert_eq!(
        story.bill("2026-04-11"),
        [
            "A · base 2026-04-11..2026-05-01 -6.67",
            "A · mailbox x 3 2026-04-11..2026-05-01 -4.00",
            "B · base 2026-04-11..2026-05-01 16.67",
            "B · mailbox x 3 2026-04-11..2026-05-01 2.00",
        ]
    );
}

#[test]
fn an_option_of_the_plan_that_waits_can_be_ordered_already() {
    let mut story = april();
    assert!(story.would_take("2026-04-12", quantity("backup", dec!(1))).is_err());
    story.tell("2026-04-11", change_with(2, MONTHLY, Some(Timing::AtOnceUnprorated), None));
    story.tell("2026-04-12", quantity("backup", dec!(1)));
    assert_eq!(
        story.bill("2026-05-01"),
        [
            "B · backup 2026-05-01..2026-06-01 6.00",
            "B · base 2026-05-01..2026-06-01 25.00",
            "B · mailbox x 3 2026-05-01..2026-06-01 3.00",
        ]
    );
}

#[test]
fn a_change_of_one_component_does_not_split_the_line_of_another() {
    // Known before April is billed: the base has one line; three for ten days are 2.00, five for twenty 6.67.
    let mut story = Story::new(plans());
    story.tell("2026-04-01", start_with(1, MONTHLY, None, None, [("mailbox", dec!(3))]));
    story.tell("2026-04-11", quantity("mailbox", dec!(5)));
    assert_eq!(
        story.bill("2026-04-11"),
        [
            "A · mailbox x 3 2026-04-01..2026-04-11 2.00",
            "A · base 2026-04-01..2026-05-01 10.00",
            "A · mailbox x 5 2026-04-11..2026-05-01 6.67",
        ]
    );
}
