//! What panels say about packages, again and again: money moves only where they say something new.

use billet_domain::id::PlanVersionId;
use billet_domain::plan::{PlanPolicy, Terms, TermsBook};
use billet_domain::timeline::{AnchorPolicy, FactKind, Timing};
use rust_decimal_macros::dec;

use crate::catalogue::{MONTHLY, base, book, change, option, plan, reported, start};
use crate::story::Story;

/// Plans A and B, and a second, dearer version of A.
fn plans(policy: PlanPolicy) -> TermsBook {
    let a = Terms { policy, ..plan(1, "A", MONTHLY, [base(dec!(10)), option("disk", dec!(3))]) };
    let b = Terms { policy, ..plan(2, "B", MONTHLY, [base(dec!(25)), option("disk", dec!(3))]) };
    let dearer = plan(1, "A", MONTHLY, [base(dec!(40)), option("disk", dec!(3))]);
    let dearer = Terms { version_id: PlanVersionId(3), policy, ..dearer };
    book([a, b, dearer])
}

/// Reported with the package `small`, which stands for A, on 1 April, and billed for April.
fn april(policy: PlanPolicy) -> Story {
    let mut story = Story::new(plans(policy));
    let FactKind::Started { version_id, cycle, anchor_day, trial_until, quantities, .. } = start(1, MONTHLY) else {
        panic!("a start")
    };
    let package = Some("small".to_owned());
    story.tell("2026-04-01", FactKind::Started { version_id, cycle, anchor_day, trial_until, quantities, package });
    assert_eq!(story.bill("2026-04-01"), ["A · base 2026-04-01..2026-05-01 10.00"]);
    story
}

#[test]
fn the_same_package_again_changes_nothing_whatever_its_plan_costs_by_now() {
    for change_anchor in [AnchorPolicy::Keep, AnchorPolicy::Reset] {
        let mut story = april(PlanPolicy { change_anchor, ..PlanPolicy::default() });
        story.tell("2026-04-11", reported("small", 3, []));
        assert!(story.bill("2026-04-11").is_empty());
        assert_eq!(story.bill("2026-05-01"), ["A · base 2026-05-01..2026-06-01 10.00"]);
    }
}

#[test]
fn what_was_agreed_here_is_not_undone_by_a_panel_that_repeats_itself() {
    let mut story = april(PlanPolicy::default());
    story.tell("2026-04-11", change(2, MONTHLY));
    let changed = story.bill("2026-04-11");
    assert_eq!(changed, ["A · base 2026-04-11..2026-05-01 -6.67", "B · base 2026-04-11..2026-05-01 16.67"]);
    story.tell("2026-04-12", reported("small", 1, []));
    assert!(story.bill("2026-04-12").is_empty());
    // The panel follows, and says so: nothing new either. Then somebody goes back there.
    story.tell("2026-04-13", reported("large", 2, []));
    assert!(story.bill("2026-04-13").is_empty());
    story.tell("2026-04-21", reported("small", 3, []));
    assert_eq!(
        story.bill("2026-04-21"),
        ["B · base 2026-04-21..2026-05-01 -8.33", "A · base 2026-04-21..2026-05-01 13.33"],
        "a plan that is begun now has the version of now"
    );
}

#[test]
fn another_package_of_the_same_plan_sets_its_quantities_and_keeps_the_version() {
    let mut story = april(PlanPolicy::default());
    story.tell("2026-04-11", reported("small with disk", 3, [("disk", dec!(2))]));
    assert_eq!(story.bill("2026-04-11"), ["A · disk x 2 2026-04-11..2026-05-01 4.00"]);
    assert_eq!(
        story.bill("2026-05-01"),
        ["A · base 2026-05-01..2026-06-01 10.00", "A · disk x 2 2026-05-01..2026-06-01 6.00"]
    );
}

#[test]
fn a_panel_that_goes_back_before_the_change_counts_takes_it_back() {
    let mut story = april(PlanPolicy { change_timing: Timing::PeriodEnd, ..PlanPolicy::default() });
    story.tell("2026-04-11", reported("large", 2, []));
    story.tell("2026-04-20", reported("small", 1, []));
    assert_eq!(story.bill("2026-05-01"), ["A · base 2026-05-01..2026-06-01 10.00"]);
    // What was agreed here for the next cycle stays, whatever the panel repeats.
    story.tell("2026-05-02", change(2, MONTHLY));
    story.tell("2026-05-03", reported("small", 1, []));
    story.tell("2026-05-04", reported("tiny", 1, []));
    assert_eq!(story.bill("2026-06-01"), ["B · base 2026-06-01..2026-07-01 25.00"]);
}
