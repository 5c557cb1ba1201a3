//! Currencies without decimals and with three, and amounts too small to be money.

use billet_domain::timeline::Ending;
use rust_decimal::Decimal;
use rust_decimal_macros::dec;

use crate::catalogue::{MONTHLY, base, book, cancel, change, plan, quantity, start};
use crate::story::Story;

fn april(currency: &str, a: Decimal, b: Decimal) -> Story {
    let plans = [plan(1, "A", MONTHLY, [base(a)]), plan(2, "B", MONTHLY, [base(b)])];
    let mut story = Story::new(book(plans)).in_currency(currency);
    story.tell("2026-04-01", start(1, MONTHLY));
    story
}

#[test]
fn yen_have_no_decimals() {
    // 1000 x 10/30 = 333.3 -> 333 is used, 667 comes back. 2500 x 10/30 = 833.3 -> 833, 1667 is due.
    let mut story = april("JPY", dec!(1000), dec!(2500));
    assert_eq!(story.bill("2026-04-01"), ["A · base 2026-04-01..2026-05-01 1000"]);
    story.tell("2026-04-11", change(2, MONTHLY));
    assert_eq!(
        story.bill("2026-04-11"),
        ["A · base 2026-04-11..2026-05-01 -667", "B · base 2026-04-11..2026-05-01 1667"]
    );
}

#[test]
fn dinars_have_three_decimals() {
    // 10.000 x 10/30 = 3.333, 6.667 comes back. 25.000 x 10/30 = 8.333, 16.667 is due.
    let mut story = april("KWD", dec!(10), dec!(25));
    assert_eq!(story.bill("2026-04-01"), ["A · base 2026-04-01..2026-05-01 10.000"]);
    story.tell("2026-04-11", change(2, MONTHLY));
    assert_eq!(
        story.bill("2026-04-11"),
        ["A · base 2026-04-11..2026-05-01 -6.667", "B · base 2026-04-11..2026-05-01 16.667"]
    );
}

#[test]
fn half_a_cent_is_rounded_away_from_zero_on_the_line() {
    // 0.125 -> 0.13 for the whole; 15 of 30 days are 0.0625 -> 0.06, so 0.07 comes back.
    let mut story = april("EUR", dec!(0.125), dec!(1));
    assert_eq!(story.bill("2026-04-01"), ["A · base 2026-04-01..2026-05-01 0.13"]);
    story.tell("2026-04-16", cancel(Ending::AtOnceRefund));
    assert_eq!(story.bill("2026-04-16"), ["A · base 2026-04-16..2026-05-01 -0.07"]);
}

#[test]
fn a_cent_over_a_month_is_charged_once_however_it_is_cut() {
    // 0.01 over 30 days: nothing up to day 14, one cent from day 15 on (0.005 rounds up).
    let mut story = april("EUR", dec!(0.01), dec!(0.02));
    assert_eq!(story.bill("2026-04-01"), ["A · base 2026-04-01..2026-05-01 0.01"]);
    // The first four days of A become B: 0.02 x 4/30 = 0.0027 -> nothing; A's four days were worth nothing either.
    story.tell("2026-04-01", change(2, MONTHLY));
    story.tell("2026-04-05", change(1, MONTHLY));
    assert_eq!(story.bill("2026-04-05"), [""; 0]);
    // Two units from day 11: 0.01 comes back (days 11 to 30 hold the cent), 0.02 x 20/30: 0.02 - 0.01 = 0.01 is due.
    story.tell("2026-04-11", quantity("base", dec!(2)));
    assert_eq!(
        story.bill("2026-04-11"),
        ["A · base 2026-04-11..2026-05-01 -0.01", "A · base x 2 2026-04-11..2026-05-01 0.01"]
    );
    assert_eq!(story.total(), "0.01");
}
