//! Facts that are heard of after their days were billed.

use billet_domain::timeline::{Ending, FactKind};
use rust_decimal_macros::dec;

use crate::catalogue::{MONTHLY, YEARLY, base, book, cancel, change, discount, plan, quantity, setup, start};
use crate::story::Story;

fn story() -> Story {
    Story::new(book([
        plan(1, "A", MONTHLY, [base(dec!(30)), setup(dec!(5))]),
        plan(2, "B", MONTHLY, [base(dec!(60))]),
        plan(3, "C", YEARLY, [base(dec!(365))]),
    ]))
}

fn from_april() -> Story {
    let mut story = story();
    story.tell("2026-04-01", start(1, MONTHLY));
    story
}

#[test]
fn a_start_long_ago_bills_each_cycle_once_and_the_set_up_fee_once() {
    let mut story = story();
    story.tell("2025-11-15", start(1, MONTHLY));
    assert_eq!(
        story.bill("2026-02-01"),
        [
            "A · setup 2025-11-15..2025-11-16 5.00",
            "A · base 2025-11-15..2025-12-15 30.00",
            "A · base 2025-12-15..2026-01-15 30.00",
            "A · base 2026-01-15..2026-02-15 30.00",
        ]
    );
    assert_eq!(story.bill("2026-02-15"), ["A · base 2026-02-15..2026-03-15 30.00"]);
}

#[test]
fn a_plan_change_long_ago_replaces_every_cycle_since() {
    // From 11 April: 20.00 of April, then May and June.
    let mut story = from_april();
    assert_eq!(story.bill("2026-06-10").len(), 4);
    story.tell("2026-04-11", change(2, MONTHLY));
    assert_eq!(
        story.bill("2026-06-10"),
        [
            "A · base 2026-04-11..2026-05-01 -20.00",
            "B · base 2026-04-11..2026-05-01 40.00",
            "A · base 2026-05-01..2026-06-01 -30.00",
            "B · base 2026-05-01..2026-06-01 60.00",
            "A · base 2026-06-01..2026-07-01 -30.00",
            "B · base 2026-06-01..2026-07-01 60.00",
        ]
    );
}

#[test]
fn an_end_before_what_was_billed_gives_it_all_back() {
    let mut story = from_april();
    assert_eq!(story.bill("2026-05-15").len(), 3);
    story.tell("2026-04-11", cancel(Ending::AtOnceRefund));
    assert_eq!(
        story.bill("2026-05-15"),
        ["A · base 2026-04-11..2026-05-01 -20.00", "A · base 2026-05-01..2026-06-01 -30.00"]
    );
    assert_eq!(story.total(), "15.00", "5.00 for setting it up and ten days");
}

#[test]
fn an_end_before_anything_was_billed_bills_what_was_used() {
    let mut story = from_april();
    story.tell("2026-04-11", cancel(Ending::AtOnceRefund));
    assert_eq!(
        story.bill("2026-05-15"),
        ["A · setup 2026-04-01..2026-04-02 5.00", "A · base 2026-04-01..2026-04-11 10.00"]
    );
}

#[test]
fn two_changes_heard_of_in_the_wrong_order_come_out_as_in_the_right_one() {
    // B from 11 to 21 April, then A again with a discount of 10 %: 10.00 + 20.00 + 9.00 and the fee of 5.00.
    let facts = || {
        [
            ("2026-04-11", change(2, MONTHLY)),
            ("2026-04-21", change(1, MONTHLY)),
            ("2026-04-21", discount("base", dec!(10))),
        ]
    };
    let mut in_order = from_april();
    for (on, fact) in facts() {
        in_order.tell(on, fact);
        in_order.bill("2026-04-25");
    }
    let [change_to_b, change_to_a, discounted] = facts();
    let mut reversed = from_april();
    for (on, fact) in [change_to_a, change_to_b, discounted] {
        reversed.tell(on, fact);
        reversed.bill("2026-04-25");
    }
    assert_eq!((in_order.total().as_str(), reversed.total().as_str()), ("44.00", "44.00"));
}

#[test]
fn a_correction_of_a_correction_leaves_the_first_lines_alone() {
    // Three, then five, then three again, each from 11 April: the lines for five are given back, three are charged anew.
    let mut story = Story::new(book([plan(1, "A", MONTHLY, [base(dec!(30))])]));
    story.tell("2026-04-01", start(1, MONTHLY));
    assert_eq!(story.bill("2026-04-01"), ["A · base 2026-04-01..2026-05-01 30.00"]);
    story.tell("2026-04-11", quantity("base", dec!(2)));
    assert_eq!(
        story.bill("2026-04-12"),
        ["A · base 2026-04-11..2026-05-01 -20.00", "A · base x 2 2026-04-11..2026-05-01 40.00"]
    );
    story.tell("2026-04-11", quantity("base", dec!(1)));
    assert_eq!(
        story.bill("2026-04-12"),
        ["A · base x 2 2026-04-11..2026-05-01 -40.00", "A · base 2026-04-11..2026-05-01 20.00"]
    );
    assert_eq!(story.total(), "30.00");
}

#[test]
fn a_pause_in_a_year_that_was_paid() {
    // 365 days at 1.00: 10 of them are given back.
    let mut story = story();
    story.tell("2026-01-01", start(3, YEARLY));
    assert_eq!(story.bill("2026-01-01"), ["C · base 2026-01-01..2027-01-01 365.00"]);
    story.tell("2026-03-01", FactKind::Paused);
    story.tell("2026-03-11", FactKind::Resumed);
    assert_eq!(story.bill("2026-06-01"), ["C · base 2026-03-01..2026-03-11 -10.00"]);
    // A second one, of five days; what is before, between and after stays on the line.
    story.tell("2026-05-01", FactKind::Paused);
    story.tell("2026-05-06", FactKind::Resumed);
    assert_eq!(story.bill("2026-06-01"), ["C · base 2026-05-01..2026-05-06 -5.00"]);
    story.tell("2026-12-01", cancel(Ending::AtOnceRefund));
    assert_eq!(story.bill("2026-12-01"), ["C · base 2026-12-01..2027-01-01 -31.00"]);
}
