//! What was used beyond the included quantity, charged when the cycle has ended.

use billet_domain::plan::TermsBook;
use billet_domain::timeline::{Ending, FactKind};
use rust_decimal_macros::dec;

use crate::catalogue::{
    MONTHLY, base, book, cancel, change, discount, option, plan, price, quantity, start, start_with, traffic,
};
use crate::story::Story;

fn plans() -> TermsBook {
    book([
        plan(1, "A", MONTHLY, [traffic(dec!(30), dec!(0.10)), option("mailbox", dec!(2))]),
        plan(2, "B", MONTHLY, [traffic(dec!(60), dec!(0.05)), base(dec!(60))]),
    ])
}

fn april() -> Story {
    let mut story = Story::new(plans());
    story.tell("2026-04-01", start(1, MONTHLY));
    story
}

#[test]
fn beyond_the_included_quantity_at_the_end_of_the_cycle() {
    // 50 used, 30 included: 20 x 0.10 = 2.00. The 30th counts, 1 May does not.
    let mut story = april();
    story.used("2026-04-05", dec!(40));
    story.used("2026-04-30", dec!(10));
    story.used("2026-05-01", dec!(7));
    assert_eq!(story.bill("2026-04-30"), [""; 0]);
    assert_eq!(story.next_point().as_deref(), Some("2026-05-01"));
    assert_eq!(story.bill("2026-05-01"), ["A · traffic x 20 2026-04-01..2026-05-01 2.00"]);
    assert_eq!(story.bill("2026-06-01"), [""; 0], "7 of 30");
}

#[test]
fn a_part_of_a_cycle_includes_its_share() {
    // Anchor 13, start 1 Feb: 12 of 31 days include 30 x 12/31 = 11.612903. 15 - 11.612903 = 3.387097; x 0.10 = 0.34.
    let mut story = Story::new(plans());
    story.tell("2026-02-01", start_with(1, MONTHLY, Some(13), None, []));
    story.used("2026-02-05", dec!(15));
    assert_eq!(story.bill("2026-02-13"), ["A · traffic x 3.387097 2026-02-01..2026-02-13 0.34"]);
}

#[test]
fn a_plan_change_ends_the_account_of_the_old_plan() {
    // A until the 11th: 25 used, 10 included, 15 x 0.10 = 1.50. B for 20 of 30 days: 44 used, 40 included, 4 x 0.05.
    let mut story = april();
    story.used("2026-04-10", dec!(25));
    story.used("2026-04-11", dec!(44));
    story.tell("2026-04-11", change(2, MONTHLY));
    assert_eq!(
        story.bill("2026-05-01"),
        [
            "A · traffic x 15 2026-04-01..2026-04-11 1.50",
            "B · base 2026-04-11..2026-05-01 40.00",
            "B · traffic x 4 2026-04-11..2026-05-01 0.20",
            "B · base 2026-05-01..2026-06-01 60.00",
        ]
    );
}

#[test]
fn what_arrives_late_replaces_the_line() {
    let mut story = april();
    story.used("2026-04-05", dec!(50));
    assert_eq!(story.bill("2026-05-01"), ["A · traffic x 20 2026-04-01..2026-05-01 2.00"]);
    story.used("2026-04-20", dec!(10));
    assert_eq!(
        story.bill("2026-05-05"),
        ["A · traffic x 20 2026-04-01..2026-05-01 -2.00", "A · traffic x 30 2026-04-01..2026-05-01 3.00"]
    );
    // A correction downwards, to below what is included.
    story.used("2026-04-20", dec!(-40));
    assert_eq!(story.bill("2026-05-05"), ["A · traffic x 30 2026-04-01..2026-05-01 -3.00"]);
}

#[test]
fn a_plan_change_heard_of_late_splits_what_was_billed() {
    // Billed for April: 69 - 30 = 39 x 0.10 = 3.90. With the change on the 11th as above.
    let mut story = april();
    story.used("2026-04-10", dec!(25));
    story.used("2026-04-11", dec!(44));
    assert_eq!(story.bill("2026-05-01"), ["A · traffic x 39 2026-04-01..2026-05-01 3.90"]);
    story.tell("2026-04-11", change(2, MONTHLY));
    assert_eq!(
        story.bill("2026-05-01"),
        [
            "A · traffic x 15 2026-04-01..2026-04-11 1.50",
            "A · traffic x 39 2026-04-01..2026-05-01 -3.90",
            "B · base 2026-04-11..2026-05-01 40.00",
            "B · traffic x 4 2026-04-11..2026-05-01 0.20",
            "B · base 2026-05-01..2026-06-01 60.00",
        ]
    );
}

#[test]
fn the_same_quantity_in_other_days_is_another_line() {
    // A has nothing included, in either version; all was used after the 11th. The line for the month is given back.
    let version = |number| billet_domain::plan::Terms {
        version_id: billet_domain::id::PlanVersionId(number),
        ..plan(1, "A", MONTHLY, [traffic(dec!(0), dec!(0.10))])
    };
    let mut story = Story::new(book([version(11), version(12)]));
    story.tell("2026-04-01", start(11, MONTHLY));
    story.used("2026-04-20", dec!(20));
    assert_eq!(story.bill("2026-05-01"), ["A · traffic x 20 2026-04-01..2026-05-01 2.00"]);
    story.tell("2026-04-11", change(12, MONTHLY));
    assert_eq!(
        story.bill("2026-05-01"),
        ["A · traffic x 20 2026-04-01..2026-05-01 -2.00", "A · traffic x 20 2026-04-11..2026-05-01 2.00"]
    );
}

#[test]
fn other_changes_do_not_split_the_account() {
    // 28 in the first ten days and none later stay within the 30 of the cycle, whatever else changes on the 11th.
    let mut story = april();
    story.used("2026-04-10", dec!(28));
    story.tell("2026-04-11", quantity("mailbox", dec!(3)));
    story.tell("2026-04-16", FactKind::Paused);
    story.tell("2026-04-21", FactKind::Resumed);
    assert!(story.bill("2026-05-01").iter().all(|line| !line.contains("traffic")));
}

#[test]
fn a_price_of_ones_own_splits_it_and_a_discount_counts() {
    // Until the 11th 0.10 with 10 included, 14 used: 0.40. Then 0.20 less 25 % with 20 included, 30 used: 1.50.
    let mut story = april();
    story.used("2026-04-10", dec!(14));
    story.used("2026-04-20", dec!(30));
    story.tell("2026-04-11", price("traffic", Some(dec!(0.20))));
    story.tell("2026-04-11", discount("traffic", dec!(25)));
    assert_eq!(
        story.bill("2026-05-01"),
        ["A · traffic x 4 2026-04-01..2026-04-11 0.40", "A · traffic x 10 2026-04-11..2026-05-01 1.50"]
    );
}

#[test]
fn the_end_settles_what_was_used() {
    // At once on the 11th: 25 used, 10 included. Without refund the cycle stays whole, with all that it includes.
    let mut refunded = april();
    refunded.used("2026-04-10", dec!(25));
    refunded.tell("2026-04-11", cancel(Ending::AtOnceRefund));
    assert_eq!(refunded.bill("2026-04-11"), ["A · traffic x 15 2026-04-01..2026-04-11 1.50"]);
    let mut kept = april();
    kept.used("2026-04-10", dec!(25));
    kept.tell("2026-04-11", cancel(Ending::AtOnceNoRefund));
    assert_eq!(kept.bill("2026-05-01"), [""; 0]);
}
