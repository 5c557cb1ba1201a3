//! Where cycles begin and end, and what the first part of one costs.

use billet_domain::owed::{Usage, Window, owed};
use billet_domain::period::{Cycle, CycleUnit};
use billet_domain::timeline::{Fact, FactKind, Timeline};
use rust_decimal::Decimal;
use rust_decimal_macros::dec;

use crate::catalogue::{
    MONTHLY, QUARTERLY, YEARLY, base, book, change, day, discount, plan, price, setup, start, start_with, traffic,
};
use crate::story::Story;

fn story(cycle: Cycle, price: Decimal) -> Story {
    Story::new(book([plan(1, "Basic", cycle, [base(price)])]))
}

#[test]
fn start_1_february_anchor_13_costs_12_of_31_days() {
    // The cycle that contains 1 Feb runs from 13 Jan to 13 Feb: 31 days, of which 12 are used. 31.00 x 12/31 = 12.00.
    let mut story = story(MONTHLY, dec!(31));
    story.tell("2026-02-01", start_with(1, MONTHLY, Some(13), None, []));
    assert_eq!(story.bill("2026-02-01"), ["Basic · base 2026-02-01..2026-02-13 12.00"]);
    assert_eq!(story.next_point().as_deref(), Some("2026-02-13"));
    assert_eq!(story.bill("2026-02-12"), [""; 0]);
    assert_eq!(story.bill("2026-02-13"), ["Basic · base 2026-02-13..2026-03-13 31.00"]);
}

#[test]
fn the_first_part_is_rounded_once() {
    // 9.99 x 12/31 = 3.8671 -> 3.87.
    let mut story = story(MONTHLY, dec!(9.99));
    story.tell("2026-02-01", start_with(1, MONTHLY, Some(13), None, []));
    assert_eq!(story.bill("2026-02-01"), ["Basic · base 2026-02-01..2026-02-13 3.87"]);
}

#[test]
fn a_start_on_the_31st_keeps_the_31st() {
    let mut story = story(MONTHLY, dec!(10));
    story.tell("2026-01-31", start(1, MONTHLY));
    assert_eq!(
        story.bill("2026-04-30"),
        [
            "Basic · base 2026-01-31..2026-02-28 10.00",
            "Basic · base 2026-02-28..2026-03-31 10.00",
            "Basic · base 2026-03-31..2026-04-30 10.00",
            "Basic · base 2026-04-30..2026-05-31 10.00",
        ]
    );
}

#[test]
fn anchor_31_in_february() {
    // The anchor of February is its last day: the cycle is 31 Jan..28 Feb, 28 days; from the 10th 18 of them are left.
    let mut story = story(MONTHLY, dec!(28));
    story.tell("2026-02-10", start_with(1, MONTHLY, Some(31), None, []));
    assert_eq!(
        story.bill("2026-02-28"),
        ["Basic · base 2026-02-10..2026-02-28 18.00", "Basic · base 2026-02-28..2026-03-31 28.00"]
    );
    // In a leap year it is the 29th: 31 Jan..29 Feb, 29 days, 19 of them left. 28.00 x 19/29 = 18.3448 -> 18.34.
    let mut leap = self::story(MONTHLY, dec!(28));
    leap.tell("2028-02-10", start_with(1, MONTHLY, Some(31), None, []));
    assert_eq!(leap.bill("2028-02-10"), ["Basic · base 2028-02-10..2028-02-29 18.34"]);
}

#[test]
fn a_year_from_a_leap_day_returns_to_it() {
    let mut story = story(YEARLY, dec!(120));
    story.tell("2024-02-29", start(1, YEARLY));
    assert_eq!(
        story.bill("2028-03-01"),
        [
            "Basic · base 2024-02-29..2025-02-28 120.00",
            "Basic · base 2025-02-28..2026-02-28 120.00",
            "Basic · base 2026-02-28..2027-02-28 120.00",
            "Basic · base 2027-02-28..2028-02-29 120.00",
            "Basic · base 2028-02-29..2029-02-28 120.00",
        ]
    );
}

#[test]
fn a_yearly_cycle_counts_the_days_of_that_very_year() {
    // Anchor 13, start 1 Feb 2026: 12 of the 365 days from 13 Feb 2025. 365.00 x 12/365 = 12.00.
    let mut common = story(YEARLY, dec!(365));
    common.tell("2026-02-01", start_with(1, YEARLY, Some(13), None, []));
    assert_eq!(common.bill("2026-02-01"), ["Basic · base 2026-02-01..2026-02-13 12.00"]);
    // Anchor 1, start 20 Feb 2025: the cycle 1 Mar 2024..1 Mar 2025 misses 29 Feb 2024; 9 of 365 days.
    let mut after_leap_day = story(YEARLY, dec!(365));
    after_leap_day.tell("2025-02-20", start_with(1, YEARLY, Some(1), None, []));
    assert_eq!(after_leap_day.bill("2025-02-20"), ["Basic · base 2025-02-20..2025-03-01 9.00"]);
    // Anchor 1, start 20 Feb 2024: the cycle 1 Mar 2023..1 Mar 2024 has 366 days, 10 of them left. 366.00 -> 10.00.
    let mut with_leap_day = story(YEARLY, dec!(366));
    with_leap_day.tell("2024-02-20", start_with(1, YEARLY, Some(1), None, []));
    assert_eq!(with_leap_day.bill("2024-02-20"), ["Basic · base 2024-02-20..2024-03-01 10.00"]);
}

#[test]
fn a_quarter_with_an_anchor_waits_for_the_day_not_for_the_quarter() {
    // Start 14 Feb, anchor 13: the first boundary is 13 Mar. 13 Dec..13 Mar has 90 days, 27 of them left: 90.00 -> 27.00.
    let mut story = story(QUARTERLY, dec!(90));
    story.tell("2026-02-14", start_with(1, QUARTERLY, Some(13), None, []));
    assert_eq!(
        story.bill("2026-03-13"),
        ["Basic · base 2026-02-14..2026-03-13 27.00", "Basic · base 2026-03-13..2026-06-13 90.00"]
    );
}

#[test]
fn weeks_days_and_years_count_from_the_start() {
    let lengths = [
        (CycleUnit::Week, 2, "2026-01-29"),
        (CycleUnit::Day, 10, "2026-01-25"),
        (CycleUnit::Month, 6, "2026-07-15"),
        (CycleUnit::Year, 2, "2028-01-15"),
        (CycleUnit::Year, 3, "2029-01-15"),
    ];
    for (unit, count, to) in lengths {
        let cycle = Cycle::new(unit, count).expect("a valid cycle");
        let mut story = story(cycle, dec!(7));
        story.tell("2026-01-15", start(1, cycle));
        assert_eq!(story.bill("2026-01-15"), [format!("Basic · base 2026-01-15..{to} 7.00")]);
        assert_eq!(story.next_point().as_deref(), Some(to));
    }
}

#[test]
fn nothing_is_due_before_the_start() {
    let mut story = Story::new(book([plan(1, "Basic", MONTHLY, [base(dec!(10)), setup(dec!(5))])]));
    story.tell("2026-03-01", start(1, MONTHLY));
    assert_eq!(story.bill("2026-02-28"), [""; 0]);
    assert_eq!(story.next_point().as_deref(), Some("2026-03-01"));
    assert_eq!(
        story.bill("2026-03-01"),
        ["Basic · setup 2026-03-01..2026-03-02 5.00", "Basic · base 2026-03-01..2026-04-01 10.00"]
    );
}

#[test]
fn an_anchor_moves_at_the_end_of_the_running_cycle() {
    // January stays as it is. From 1 Feb the cycle that contains it is 13 Jan..13 Feb: 12 of 31 days.
    let mut story = story(MONTHLY, dec!(31));
    story.tell("2026-01-01", start(1, MONTHLY));
    assert_eq!(story.bill("2026-01-01"), ["Basic · base 2026-01-01..2026-02-01 31.00"]);
    story.tell("2026-01-10", FactKind::AnchorMoved { anchor_day: 13 });
    assert_eq!(story.bill("2026-01-31"), [""; 0]);
    assert_eq!(story.next_point().as_deref(), Some("2026-02-01"));
    assert_eq!(
        story.bill("2026-02-13"),
        ["Basic · base 2026-02-01..2026-02-13 12.00", "Basic · base 2026-02-13..2026-03-13 31.00"]
    );
}

#[test]
fn a_moved_anchor_re_bills_nothing_that_was_billed_ahead() {
    // February was billed two weeks ahead when the anchor moves. Its days stay as they were charged; of the cycle
    // 13 Feb..13 Mar (28 days) the last 12 are left: 31.00 - 31.00 x 16/28 (17.714 -> 17.71) = 13.29.
    let mut story = story(MONTHLY, dec!(31));
    story.tell("2026-01-01", start(1, MONTHLY));
    assert_eq!(story.bill("2026-02-01").len(), 2);
    story.tell("2026-01-20", FactKind::AnchorMoved { anchor_day: 13 });
    assert_eq!(story.bill("2026-02-01"), [""; 0]);
    assert_eq!(story.next_point().as_deref(), Some("2026-02-13"));
    assert_eq!(story.bill("2026-02-13"), ["Basic · base 2026-03-01..2026-03-13 13.29"]);
    assert_eq!(story.bill("2026-03-13"), ["Basic · base 2026-03-13..2026-04-13 31.00"]);
}

#[test]
fn an_anchor_that_waits_does_not_cut_the_cycle_of_a_later_change() {
    // The move waits for 1 February, but on that day a year is running. It ends on 1 January 2027; from then on the cycle
    // is the one from 13 January 2026: 12 of its 365 days are left.
    let plans = [plan(1, "Basic", MONTHLY, [base(dec!(31))]), plan(1, "Basic", YEARLY, [base(dec!(365))])];
    let mut story = Story::new(book(plans));
    story.tell("2026-01-01", start(1, MONTHLY));
    story.tell("2026-01-10", FactKind::AnchorMoved { anchor_day: 13 });
    story.tell("2026-01-16", change(1, YEARLY));
    // 15 of January's 31 days; then the year from 1 January (365 days) less its first 15 days.
    assert_eq!(
        story.bill("2026-12-31"),
        ["Basic · base 2026-01-01..2026-01-16 15.00", "Basic · base 2026-01-16..2027-01-01 350.00"]
    );
    assert_eq!(
        story.bill("2027-01-13"),
        ["Basic · base 2027-01-01..2027-01-13 12.00", "Basic · base 2027-01-13..2028-01-13 365.00"]
    );
}

#[test]
fn what_is_agreed_with_the_start_comes_after_it() {
    // All at one instant: the keys alone would put the price before the start, where it would be lost.
    let fact = |key: &str, kind| Fact { on: day("2026-01-01"), at_us: 7, key: key.to_owned(), kind };
    let timeline =
        Timeline::new(vec![fact("a price", price("base", Some(dec!(9)))), fact("b start", start(1, MONTHLY))]);
    let plans = book([plan(1, "Basic", MONTHLY, [base(dec!(31))])]);
    let statement =
        owed(&timeline, &plans, &Usage::default(), Window::until(day("2026-01-01"))).expect("small numbers");
    assert_eq!(statement.owed[0].rating.unit_price, dec!(9));
}

#[test]
fn of_two_moves_the_later_counts() {
    let mut story = story(MONTHLY, dec!(31));
    story.tell("2026-01-01", start(1, MONTHLY));
    story.tell("2026-01-10", FactKind::AnchorMoved { anchor_day: 20 });
    story.tell("2026-01-11", FactKind::AnchorMoved { anchor_day: 13 });
    assert_eq!(
        story.bill("2026-02-01"),
        ["Basic · base 2026-01-01..2026-02-01 31.00", "Basic · base 2026-02-01..2026-02-13 12.00"]
    );
}

#[test]
fn an_earlier_cut_off_date_takes_nothing_back() {
    // A nightly run bills two weeks ahead; a person bills up to today, after something that changes no money.
    let components = [base(dec!(31)), setup(dec!(5)), traffic(dec!(0), dec!(0.10))];
    let mut story = Story::new(book([plan(1, "Basic", MONTHLY, components)]));
    story.tell("2026-01-01", start(1, MONTHLY));
    story.used("2026-01-05", dec!(20));
    assert_eq!(
        story.bill("2026-02-01"),
        [
            "Basic · setup 2026-01-01..2026-01-02 5.00",
            "Basic · base 2026-01-01..2026-02-01 31.00",
            "Basic · traffic x 20 2026-01-01..2026-02-01 2.00",
            "Basic · base 2026-02-01..2026-03-01 31.00",
        ]
    );
    story.tell("2026-01-20", discount("base", dec!(0)));
    for until in ["2026-01-20", "2026-02-01", "2025-12-20", "2026-01-01", "2026-02-28"] {
        assert_eq!(story.bill(until), [""; 0], "{until}");
    }
    assert_eq!(story.bill("2026-03-01"), ["Basic · base 2026-03-01..2026-04-01 31.00"]);
}
