//! Free days before the first billed one.

use billet_domain::timeline::{Ending, FactKind};
use rust_decimal_macros::dec;

use crate::catalogue::{MONTHLY, base, book, cancel, change, plan, setup, start_with};
use crate::story::Story;

/// A trial from 1 to 15 January.
fn trial(anchor_day: Option<u32>) -> Story {
    let plans = [
        plan(1, "A", MONTHLY, [base(dec!(31)), setup(dec!(5))]),
        plan(2, "B", MONTHLY, [base(dec!(62)), setup(dec!(7))]),
    ];
    let mut story = Story::new(book(plans));
    story.tell("2026-01-01", start_with(1, MONTHLY, anchor_day, Some("2026-01-15"), []));
    story
}

#[test]
fn billing_begins_when_the_trial_ends() {
    let mut story = trial(None);
    assert_eq!(story.bill("2026-01-14"), [""; 0]);
    assert_eq!(story.next_point().as_deref(), Some("2026-01-15"));
    assert_eq!(
        story.bill("2026-01-15"),
        ["A · setup 2026-01-15..2026-01-16 5.00", "A · base 2026-01-15..2026-02-15 31.00"]
    );
}

#[test]
fn the_anchor_cuts_the_first_cycle_after_a_trial() {
    // 15 Jan..1 Feb: 17 of January's 31 days.
    let mut story = trial(Some(1));
    assert_eq!(
        story.bill("2026-01-15"),
        ["A · setup 2026-01-15..2026-01-16 5.00", "A · base 2026-01-15..2026-02-01 17.00"]
    );
}

#[test]
fn cancelled_at_once_in_the_trial_nothing_is_ever_billed() {
    for ending in [Ending::AtOnceRefund, Ending::AtOnceNoRefund] {
        let mut story = trial(None);
        story.tell("2026-01-10", cancel(ending));
        assert_eq!(story.ends_on().as_deref(), Some("2026-01-10"));
        assert_eq!(story.bill("2026-12-31"), [""; 0]);
        assert_eq!(story.next_point(), None);
    }
}

#[test]
fn cancelled_to_the_periods_end_the_trial_is_served_and_can_be_resumed() {
    let mut story = trial(None);
    story.tell("2026-01-10", cancel(Ending::PeriodEnd));
    assert_eq!(story.ends_on().as_deref(), Some("2026-01-15"));
    assert_eq!(story.state("2026-01-12").ended_on, None);
    assert_eq!(story.bill("2026-01-12"), [""; 0]);
    assert_eq!(story.next_point(), None);
    story.tell("2026-01-13", FactKind::Withdrawn);
    assert_eq!(story.ends_on(), None);
    assert_eq!(
        story.bill("2026-01-15"),
        ["A · setup 2026-01-15..2026-01-16 5.00", "A · base 2026-01-15..2026-02-15 31.00"]
    );
}

#[test]
fn a_change_in_the_trial_makes_the_new_plan_the_starting_one() {
    let mut story = trial(None);
    story.tell("2026-01-10", change(2, MONTHLY));
    assert_eq!(
        story.bill("2026-01-15"),
        ["B · setup 2026-01-15..2026-01-16 7.00", "B · base 2026-01-15..2026-02-15 62.00"]
    );
}

#[test]
fn paused_in_the_trial_and_still_when_it_ends() {
    // Resumed on 20 Jan: of 15 Jan..15 Feb five days are not charged. 31.00 x 26/31 = 26.00.
    let mut story = trial(None);
    story.tell("2026-01-10", FactKind::Paused);
    assert_eq!(story.bill("2026-01-15"), ["A · setup 2026-01-15..2026-01-16 5.00"]);
    story.tell("2026-01-20", FactKind::Resumed);
    assert_eq!(story.bill("2026-01-20"), ["A · base 2026-01-20..2026-02-15 26.00"]);
}
