//! Reductions: line discount first, then promotions; and prices of one's own.

use billet_domain::plan::TermsBook;
use billet_domain::timeline::{AnchorPolicy, Ending, FactKind, Reduction};
use rust_decimal_macros::dec;

use crate::catalogue::{
    MONTHLY, base, book, cancel, change, change_with, discount, option, plan, price, promotion, setup, start,
    start_with,
};
use crate::story::Story;

fn plans() -> TermsBook {
    book([
        plan(1, "A", MONTHLY, [base(dec!(30)), option("backup", dec!(4)), setup(dec!(5))]),
        plan(2, "B", MONTHLY, [base(dec!(60))]),
        plan(3, "C", MONTHLY, [base(dec!(3)), option("backup", dec!(4))]),
    ])
}

fn from_april(fact: FactKind) -> Story {
    let mut story = Story::new(plans());
    story.tell("2026-04-01", start_with(1, MONTHLY, None, None, [("setup", dec!(0))]));
    story.tell("2026-04-01", fact);
    story
}

#[test]
fn percent_for_two_cycles() {
    let mut story = from_april(promotion("SPRING", Reduction::Percent(dec!(20)), Some(2)));
    assert_eq!(
        story.bill("2026-06-01"),
        [
            "A · base 2026-04-01..2026-05-01 24.00",
            "A · base 2026-05-01..2026-06-01 24.00",
            "A · base 2026-06-01..2026-07-01 30.00",
        ]
    );
}

#[test]
fn an_amount_without_end() {
    let mut story = from_april(promotion("FIVE", Reduction::Amount(dec!(5)), None));
    let lines = story.bill("2027-03-01");
    assert_eq!(lines.len(), 12);
    assert!(lines.iter().all(|line| line.ends_with(" 25.00")), "{lines:?}");
}

#[test]
fn it_holds_from_the_first_cycle_that_begins_on_or_after_its_day() {
    let mut story = from_april(discount("base", dec!(0)));
    story.tell("2026-04-02", promotion("SPRING", Reduction::Percent(dec!(20)), Some(1)));
    assert_eq!(
        story.bill("2026-06-01"),
        [
            "A · base 2026-04-01..2026-05-01 30.00",
            "A · base 2026-05-01..2026-06-01 24.00",
            "A · base 2026-06-01..2026-07-01 30.00",
        ]
    );
}

#[test]
fn an_amount_comes_off_component_by_component_and_never_below_zero() {
    // 5.00 off: the base of 3.00 is free and has no line; 2.00 are left to come off the backup's 4.00.
    let mut story = Story::new(plans());
    story.tell("2026-04-01", start_with(3, MONTHLY, None, None, [("backup", dec!(1))]));
    story.tell("2026-04-01", promotion("FIVE", Reduction::Amount(dec!(5)), Some(1)));
    assert_eq!(story.bill("2026-04-01"), ["C · backup 2026-04-01..2026-05-01 2.00"]);
}

#[test]
fn a_line_discount_comes_before_a_promotion() {
    // 30.00 less 10 % is 27.00, less 20 % is 21.60; with 5.00 off after it 16.60.
    let mut story = from_april(promotion("SPRING", Reduction::Percent(dec!(20)), None));
    story.tell("2026-04-01", promotion("FIVE", Reduction::Amount(dec!(5)), None));
    story.tell("2026-04-01", discount("base", dec!(10)));
    assert_eq!(story.bill("2026-04-01"), ["A · base 2026-04-01..2026-05-01 16.60"]);
}

#[test]
fn the_first_part_of_a_cycle_counts_as_a_cycle() {
    // Anchor 11, start 1 Apr: the cycle 11 Mar..11 Apr has 31 days, ten are left. 24.00 x 10/31 = 7.74.
    let mut story = Story::new(plans());
    story.tell("2026-04-01", start_with(1, MONTHLY, Some(11), None, [("setup", dec!(0))]));
    story.tell("2026-04-01", promotion("SPRING", Reduction::Percent(dec!(20)), Some(1)));
    assert_eq!(
        story.bill("2026-04-11"),
        ["A · base 2026-04-01..2026-04-11 7.74", "A · base 2026-04-11..2026-05-11 30.00"]
    );
}

#[test]
fn free_cycles_have_no_line_and_give_nothing_back() {
    let mut story = from_april(promotion("FREE", Reduction::Percent(dec!(100)), Some(1)));
    assert_eq!(story.bill("2026-04-01"), [""; 0]);
    story.tell("2026-04-11", cancel(Ending::AtOnceRefund));
    assert_eq!(story.bill("2026-04-11"), [""; 0]);
}

#[test]
fn it_stays_over_a_plan_change_and_counts_the_cycle_once() {
    // A at 24.00: 16.00 back. B at 48.00: 32.00. May is the second cycle, June is not promoted any more.
    let mut story = from_april(promotion("SPRING", Reduction::Percent(dec!(20)), Some(2)));
    assert_eq!(story.bill("2026-04-01"), ["A · base 2026-04-01..2026-05-01 24.00"]);
    story.tell("2026-04-11", change(2, MONTHLY));
    assert_eq!(
        story.bill("2026-06-01"),
        [
            "A · base 2026-04-11..2026-05-01 -16.00",
            "B · base 2026-04-11..2026-05-01 32.00",
            "B · base 2026-05-01..2026-06-01 48.00",
            "B · base 2026-06-01..2026-07-01 60.00",
        ]
    );
}

#[test]
fn a_reset_heard_of_late_shifts_the_cycles_that_count() {
    // Promoted were April and May. With a reset on 11 April the two are 1..11 April and 11 April..11 May: the days from
    // 11 May on lose the promotion. Charged again: 11..31 May of the cycle 11 May..11 June (31 days) at 30.00, with the
    // ten days of June: the whole cycle. Given back: 24.00 x 21/31 of May, 24.00 - 7.74 = 16.26.
    let mut story = from_april(promotion("SPRING", Reduction::Percent(dec!(20)), Some(2)));
    assert_eq!(story.bill("2026-05-12").len(), 2);
    story.tell("2026-04-11", change_with(1, MONTHLY, None, Some(AnchorPolicy::Reset)));
    assert_eq!(
        story.bill("2026-05-12"),
        ["A · base 2026-05-11..2026-06-01 -16.26", "A · base 2026-05-11..2026-06-11 30.00"]
    );
}

#[test]
fn cycles_are_counted_on_when_the_anchor_has_moved() {
    // Three cycles from 2 April: May, 1..13 June (12 of 31 days), 13 June; not 13 July.
    // 24.00 x 31 days whole; 24.00 x 12/31 = 9.29.
    let mut story = from_april(FactKind::AnchorMoved { anchor_day: 1 });
    story.tell("2026-04-02", promotion("SPRING", Reduction::Percent(dec!(20)), Some(3)));
    story.tell("2026-05-10", FactKind::AnchorMoved { anchor_day: 13 });
    let mut lines = story.bill("2026-05-31");
    lines.extend(story.bill("2026-06-01"));
    lines.extend(story.bill("2026-06-13"));
    lines.extend(story.bill("2026-07-13"));
    assert_eq!(
        lines,
        [
            "A · base 2026-04-01..2026-05-01 30.00",
            "A · base 2026-05-01..2026-06-01 24.00",
            "A · base 2026-06-01..2026-06-13 9.29",
            "A · base 2026-06-13..2026-07-13 24.00",
            "A · base 2026-07-13..2026-08-13 30.00",
        ]
    );
}

#[test]
fn heard_of_late_it_gives_back_the_difference_line_by_line() {
    let mut story = from_april(discount("base", dec!(0)));
    assert_eq!(story.bill("2026-05-01").len(), 2);
    story.tell("2026-04-01", promotion("SPRING", Reduction::Percent(dec!(20)), Some(1)));
    assert_eq!(
        story.bill("2026-05-01"),
        ["A · base 2026-04-01..2026-05-01 -30.00", "A · base 2026-04-01..2026-05-01 24.00"]
    );
}

#[test]
fn a_price_of_ones_own_from_a_day_on() {
    // 30.00: 20.00 back. 21.00: 14.00 for the same days; then 21.00, until the plan's price returns on 16 May:
    // of 31 days 15 at 21.00 (10.16) and 16 at 30.00 (30.00 - 14.52 = 15.48).
    let mut story = from_april(discount("base", dec!(0)));
    assert_eq!(story.bill("2026-04-01").len(), 1);
    story.tell("2026-04-11", price("base", Some(dec!(21))));
    assert_eq!(
        story.bill("2026-04-11"),
        ["A · base 2026-04-11..2026-05-01 -20.00", "A · base 2026-04-11..2026-05-01 14.00"]
    );
    story.tell("2026-05-16", price("base", None));
    assert_eq!(
        story.bill("2026-05-16"),
        ["A · base 2026-05-01..2026-05-16 10.16", "A · base 2026-05-16..2026-06-01 15.48"]
    );
}

#[test]
fn prices_and_discounts_of_ones_own_end_with_the_plan() {
    let mut story = from_april(price("base", Some(dec!(21))));
    story.tell("2026-04-01", discount("base", dec!(10)));
    assert_eq!(story.bill("2026-04-01"), ["A · base 2026-04-01..2026-05-01 18.90"]);
    story.tell("2026-05-01", change(2, MONTHLY));
    assert_eq!(story.bill("2026-05-01"), ["B · base 2026-05-01..2026-06-01 60.00"]);
}

#[test]
fn a_set_up_fee_can_have_a_price_of_its_own() {
    let mut story = Story::new(plans());
    story.tell("2026-04-01", start(1, MONTHLY));
    story.tell("2026-04-01", price("setup", Some(dec!(4))));
    story.tell("2026-04-01", discount("setup", dec!(50)));
    story.tell("2026-04-01", promotion("SPRING", Reduction::Percent(dec!(20)), None));
    assert_eq!(
        story.bill("2026-04-01"),
        ["A · setup 2026-04-01..2026-04-02 2.00", "A · base 2026-04-01..2026-05-01 24.00"],
        "a promotion is off the recurring components only"
    );
}
