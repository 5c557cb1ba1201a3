//! Plan changes. April has 30 days: a change on the 11th leaves 20 of them.

use billet_domain::plan::{PlanPolicy, TermsBook};
use billet_domain::timeline::{AnchorPolicy, FactKind, Timing};
use rust_decimal_macros::dec;

use crate::catalogue::{
    MONTHLY, YEARLY, base, book, change, change_with, discount, option, plan, quantity, setup, start, start_with,
};
use crate::story::Story;

fn plans() -> TermsBook {
    book([
        plan(1, "A", MONTHLY, [base(dec!(10)), setup(dec!(5))]),
        plan(2, "B", MONTHLY, [base(dec!(25)), setup(dec!(7))]),
        plan(3, "C", MONTHLY, [base(dec!(60))]),
        plan(1, "A", YEARLY, [base(dec!(120))]),
    ])
}

/// On plan A from 1 April, and billed for April.
fn april() -> Story {
    let mut story = Story::new(plans());
    story.tell("2026-04-01", start(1, MONTHLY));
    assert_eq!(
        story.bill("2026-04-01"),
        ["A · setup 2026-04-01..2026-04-02 5.00", "A · base 2026-04-01..2026-05-01 10.00"]
    );
    story
}

#[test]
fn on_day_11_of_30_a_credit_and_a_charge_to_the_cent() {
    // A: 10.00 x 10/30 = 3.333 -> 3.33 is used, 6.67 comes back. B: 25.00 x 10/30 = 8.33, so 16.67 for the rest.
    let mut story = april();
    story.tell("2026-04-11", change(2, MONTHLY));
    assert_eq!(
        story.bill("2026-04-11"),
        ["A · base 2026-04-11..2026-05-01 -6.67", "B · base 2026-04-11..2026-05-01 16.67"]
    );
    assert_eq!(story.bill("2026-05-01"), ["B · base 2026-05-01..2026-06-01 25.00"]);
}

#[test]
fn known_before_anything_is_billed_the_parts_are_the_same() {
    let mut story = Story::new(plans());
    story.tell("2026-04-01", start(1, MONTHLY));
    story.tell("2026-04-11", change(2, MONTHLY));
    assert_eq!(
        story.bill("2026-04-11"),
        [
            "A · setup 2026-04-01..2026-04-02 5.00",
            "A · base 2026-04-01..2026-04-11 3.33",
            "B · base 2026-04-11..2026-05-01 16.67",
        ]
    );
}

#[test]
fn the_set_up_fee_is_that_of_the_starting_plan() {
    // B's fee of 7.00 is not charged on the change, nor A's again on the way back.
    let mut story = april();
    story.tell("2026-04-11", change(2, MONTHLY));
    story.tell("2026-04-21", change(1, MONTHLY));
    assert!(story.bill("2026-04-30").iter().all(|line| !line.contains("setup")));
    // A change on the very first day makes B the starting plan: A's fee comes back.
    let mut first_day = april();
    first_day.tell("2026-04-01", change(2, MONTHLY));
    assert_eq!(
        first_day.bill("2026-04-01"),
        [
            "A · setup 2026-04-01..2026-04-02 -5.00",
            "B · setup 2026-04-01..2026-04-02 7.00",
            "A · base 2026-04-01..2026-05-01 -10.00",
            "B · base 2026-04-01..2026-05-01 25.00",
        ]
    );
}

#[test]
fn of_several_changes_on_one_day_the_last_counts() {
    // C: 60.00 - 60.00 x 10/30 = 40.00. B never held for a day.
    let mut story = april();
    story.tell("2026-04-11", change(2, MONTHLY));
    story.tell("2026-04-11", change(3, MONTHLY));
    assert_eq!(
        story.bill("2026-04-11"),
        ["A · base 2026-04-11..2026-05-01 -6.67", "C · base 2026-04-11..2026-05-01 40.00"]
    );
    // Billed in between, B is given back as it was charged.
    let mut billed = april();
    billed.tell("2026-04-11", change(2, MONTHLY));
    assert_eq!(billed.bill("2026-04-11").len(), 2);
    billed.tell("2026-04-11", change(3, MONTHLY));
    assert_eq!(
        billed.bill("2026-04-11"),
        ["B · base 2026-04-11..2026-05-01 -16.67", "C · base 2026-04-11..2026-05-01 40.00"]
    );
    assert_eq!(billed.total(), story.total());
}

#[test]
fn a_change_back_on_the_same_day_costs_nothing() {
    let mut story = april();
    story.tell("2026-04-11", change(2, MONTHLY));
    story.tell("2026-04-11", change(1, MONTHLY));
    assert_eq!(story.bill("2026-04-11"), [""; 0]);
}

#[test]
fn a_change_back_after_ten_days_adds_up_to_the_cent() {
    // A holds 1..11 and 21..31, B 11..21. A, cumulated: 3.33, 6.67, 10.00. B: 8.33, 16.67, 25.00.
    // At once: A 3.33, B 16.67 - 8.33 = 8.34, A 10.00 - 6.67 = 3.33; together 15.00.
    let mut at_once = Story::new(plans());
    at_once.tell("2026-04-01", start(1, MONTHLY));
    at_once.tell("2026-04-11", change(2, MONTHLY));
    at_once.tell("2026-04-21", change(1, MONTHLY));
    assert_eq!(
        at_once.bill("2026-04-21"),
        [
            "A · setup 2026-04-01..2026-04-02 5.00",
            "A · base 2026-04-01..2026-04-11 3.33",
            "B · base 2026-04-11..2026-04-21 8.34",
            "A · base 2026-04-21..2026-05-01 3.33",
        ]
    );
    // Step by step: 10.00 - 6.67 + 16.67, then - 8.33 + 3.33: the same.
    let mut stepwise = april();
    stepwise.tell("2026-04-11", change(2, MONTHLY));
    assert_eq!(stepwise.bill("2026-04-11").len(), 2);
    stepwise.tell("2026-04-21", change(1, MONTHLY));
    assert_eq!(
        stepwise.bill("2026-04-21"),
        ["B · base 2026-04-21..2026-05-01 -8.33", "A · base 2026-04-21..2026-05-01 3.33"]
    );
    assert_eq!((at_once.total().as_str(), stepwise.total().as_str()), ("20.00", "20.00"));
    // Both heard of at the end: the last ten days were billed as they are owed and are left alone.
    let mut late = april();
    late.tell("2026-04-11", change(2, MONTHLY));
    late.tell("2026-04-21", change(1, MONTHLY));
    assert_eq!(
        late.bill("2026-04-21"),
        ["A · base 2026-04-11..2026-04-21 -3.34", "B · base 2026-04-11..2026-04-21 8.34"]
    );
    assert_eq!(late.total(), "20.00");
}

#[test]
fn on_the_boundary_day_the_new_plan_has_the_whole_cycle() {
    let mut story = april();
    story.tell("2026-05-01", change(2, MONTHLY));
    assert_eq!(story.bill("2026-05-01"), ["B · base 2026-05-01..2026-06-01 25.00"]);
    let mut billed_ahead = april();
    assert_eq!(billed_ahead.bill("2026-05-01"), ["A · base 2026-05-01..2026-06-01 10.00"]);
    billed_ahead.tell("2026-05-01", change(2, MONTHLY));
    assert_eq!(
        billed_ahead.bill("2026-05-01"),
        ["A · base 2026-05-01..2026-06-01 -10.00", "B · base 2026-05-01..2026-06-01 25.00"]
    );
}

#[test]
fn at_once_without_proration_the_money_follows_at_the_next_cycle() {
    let unprorated = || change_with(2, MONTHLY, Some(Timing::AtOnceUnprorated), None);
    let mut story = april();
    story.tell("2026-04-11", unprorated());
    assert_eq!(story.bill("2026-04-30"), [""; 0]);
    assert_eq!(story.bill("2026-05-01"), ["B · base 2026-05-01..2026-06-01 25.00"]);
    // On a boundary day there is nothing to prorate: it counts from that day.
    let mut boundary = april();
    boundary.tell("2026-05-01", unprorated());
    assert_eq!(boundary.bill("2026-05-01"), ["B · base 2026-05-01..2026-06-01 25.00"]);
}

#[test]
fn at_the_periods_end_a_boundary_day_begins_a_whole_period() {
    let at_end = || change_with(2, MONTHLY, Some(Timing::PeriodEnd), None);
    let mut story = april();
    story.tell("2026-04-11", at_end());
    assert_eq!(story.state("2026-04-11").pending.map(|(version, _)| version.0), Some(2));
    assert_eq!(story.bill("2026-05-01"), ["B · base 2026-05-01..2026-06-01 25.00"]);
    let mut boundary = april();
    boundary.tell("2026-05-01", at_end());
    assert_eq!(
        boundary.bill("2026-06-01"),
        ["A · base 2026-05-01..2026-06-01 10.00", "B · base 2026-06-01..2026-07-01 25.00"]
    );
}

#[test]
fn a_change_that_waits_can_be_withdrawn_or_replaced() {
    let mut withdrawn = april();
    withdrawn.tell("2026-04-11", change_with(2, MONTHLY, Some(Timing::PeriodEnd), None));
    withdrawn.tell("2026-04-15", FactKind::Withdrawn);
    assert_eq!(withdrawn.bill("2026-05-01"), ["A · base 2026-05-01..2026-06-01 10.00"]);
    let mut replaced = april();
    replaced.tell("2026-04-11", change_with(2, MONTHLY, Some(Timing::PeriodEnd), None));
    replaced.tell("2026-04-15", change_with(3, MONTHLY, Some(Timing::PeriodEnd), None));
    assert_eq!(replaced.bill("2026-05-01"), ["C · base 2026-05-01..2026-06-01 60.00"]);
    // A change at once makes the waiting one void: 60.00 - 60.00 x 14/30 (28.00) = 32.00; A: 10.00 - 4.67 = 5.33.
    let mut overtaken = april();
    overtaken.tell("2026-04-11", change_with(2, MONTHLY, Some(Timing::PeriodEnd), None));
    overtaken.tell("2026-04-15", change(3, MONTHLY));
    assert_eq!(
        overtaken.bill("2026-05-01"),
        [
            "A · base 2026-04-15..2026-05-01 -5.33",
            "C · base 2026-04-15..2026-05-01 32.00",
            "C · base 2026-05-01..2026-06-01 60.00",
        ]
    );
}

#[test]
fn with_a_reset_anchor_a_whole_cycle_begins() {
    let mut story = april();
    story.tell("2026-04-11", change_with(2, MONTHLY, None, Some(AnchorPolicy::Reset)));
    assert_eq!(
        story.bill("2026-04-11"),
        ["A · base 2026-04-11..2026-05-01 -6.67", "B · base 2026-04-11..2026-05-11 25.00"]
    );
    assert_eq!(story.state("2026-04-11").anchor_day, 11);
    assert_eq!(story.bill("2026-05-11"), ["B · base 2026-05-11..2026-06-11 25.00"]);
}

#[test]
fn a_reset_on_the_same_plan_re_bills_nothing() {
    // 20 days of the new cycle 11 Apr..11 May (30 days) are billed; the last ten are left: 10.00 - 6.67 = 3.33.
    let mut story = april();
    story.tell("2026-04-11", change_with(1, MONTHLY, None, Some(AnchorPolicy::Reset)));
    assert_eq!(story.bill("2026-04-11"), ["A · base 2026-05-01..2026-05-11 3.33"]);
}

#[test]
fn from_monthly_to_yearly_in_the_middle_of_a_month() {
    // The year keeps the anchor: 1 Apr 2026..1 Apr 2027, 365 days, of which 10 are over. 120.00 x 10/365 = 3.2877 ->
    // 3.29, so 116.71 for the rest. Of the month 6.67 comes back.
    let mut story = april();
    story.tell("2026-04-11", change(1, YEARLY));
    assert_eq!(
        story.bill("2026-04-11"),
        ["A · base 2026-04-11..2026-05-01 -6.67", "A · base 2026-04-11..2027-04-01 116.71"]
    );
    assert_eq!(story.next_point().as_deref(), Some("2027-04-01"));
    // And back to monthly on 16 Apr: 120.00 x 15/365 = 4.93 is used, 115.07 comes back; 10.00 x 15/30 = 5.00 is due.
    story.tell("2026-04-16", change(1, MONTHLY));
    assert_eq!(
        story.bill("2026-04-16"),
        ["A · base 2026-04-16..2026-05-01 5.00", "A · base 2026-04-16..2027-04-01 -115.07"]
    );
    assert_eq!(story.bill("2026-05-01"), ["A · base 2026-05-01..2026-06-01 10.00"]);
}

#[test]
fn a_downgrade_leaves_a_credit() {
    // C to A on 16 Apr: 60.00 x 15/30 = 30.00 comes back, 5.00 is due.
    let mut story = Story::new(plans());
    story.tell("2026-04-01", start(3, MONTHLY));
    assert_eq!(story.bill("2026-04-01"), ["C · base 2026-04-01..2026-05-01 60.00"]);
    story.tell("2026-04-16", change(1, MONTHLY));
    assert_eq!(
        story.bill("2026-04-16"),
        ["C · base 2026-04-16..2026-05-01 -30.00", "A · base 2026-04-16..2026-05-01 5.00"]
    );
    assert_eq!(story.total(), "35.00");
}

#[test]
fn a_new_version_bills_again_only_what_costs_otherwise() {
    let version = |number, base_price, mailbox_price| {
        let terms = plan(1, "A", MONTHLY, [base(base_price), option("mailbox", mailbox_price)]);
        billet_domain::plan::Terms { version_id: billet_domain::id::PlanVersionId(number), ..terms }
    };
    let mut story = Story::new(book([version(11, dec!(10), dec!(2)), version(12, dec!(10), dec!(3))]));
    story.tell("2026-04-01", start_with(11, MONTHLY, None, None, [("mailbox", dec!(3))]));
    assert_eq!(
        story.bill("2026-04-01"),
        ["A · base 2026-04-01..2026-05-01 10.00", "A · mailbox x 3 2026-04-01..2026-05-01 6.00"]
    );
    // Mailboxes: 6.00 x 20/30 = 4.00 comes back; 9.00 x 20/30 = 6.00 is due. The base costs what it did.
    story.tell("2026-04-11", change(12, MONTHLY));
    assert_eq!(
        story.bill("2026-04-11"),
        ["A · mailbox x 3 2026-04-11..2026-05-01 -4.00", "A · mailbox x 3 2026-04-11..2026-05-01 6.00"]
    );
}

#[test]
fn as_much_money_for_another_quantity_is_billed_otherwise() {
    // Two at 5.00 are not one at 10.00: the line has to say what was sold.
    let half = billet_domain::plan::Terms {
        version_id: billet_domain::id::PlanVersionId(12),
        ..plan(1, "A", MONTHLY, [option("base", dec!(5))])
    };
    let mut story = Story::new(book([plan(1, "A", MONTHLY, [base(dec!(10))]), half]));
    story.tell("2026-04-01", start_with(1, MONTHLY, None, None, [("base", dec!(1))]));
    assert_eq!(story.bill("2026-04-01"), ["A · base 2026-04-01..2026-05-01 10.00"]);
    story.tell("2026-04-16", change(12, MONTHLY));
    story.tell("2026-04-16", quantity("base", dec!(2)));
    assert_eq!(
        story.bill("2026-04-16"),
        ["A · base 2026-04-16..2026-05-01 -5.00", "A · base x 2 2026-04-16..2026-05-01 5.00"]
    );
    // Nor are two at half the price.
    let mut halved = april();
    halved.tell("2026-04-16", quantity("base", dec!(2)));
    halved.tell("2026-04-16", discount("base", dec!(50)));
    assert_eq!(
        halved.bill("2026-04-16"),
        ["A · base 2026-04-16..2026-05-01 -5.00", "A · base x 2 2026-04-16..2026-05-01 5.00"]
    );
}

#[test]
fn what_a_change_leaves_open_is_the_new_plans_policy() {
    let policy =
        PlanPolicy { change_timing: Timing::PeriodEnd, change_anchor: AnchorPolicy::Reset, ..PlanPolicy::default() };
    let patient = billet_domain::plan::Terms { policy, ..plan(2, "B", MONTHLY, [base(dec!(25))]) };
    let mut story = Story::new(book([plan(1, "A", MONTHLY, [base(dec!(10))]), patient]));
    story.tell("2026-04-01", start(1, MONTHLY));
    story.tell("2026-04-11", change(2, MONTHLY));
    assert_eq!(
        story.bill("2026-05-01"),
        ["A · base 2026-04-01..2026-05-01 10.00", "B · base 2026-05-01..2026-06-01 25.00"]
    );
    // Back to A, whose policy is at once: 25.00 x 21/31 = 16.94 comes back... of the whole: 25.00 x 10/31 = 8.06 is used.
    // A: 10.00 x 10/31 = 3.2258 -> 3.23, so 6.77.
    story.tell("2026-05-11", change(1, MONTHLY));
    assert_eq!(
        story.bill("2026-05-11"),
        ["B · base 2026-05-11..2026-06-01 -16.94", "A · base 2026-05-11..2026-06-01 6.77"]
    );
}
