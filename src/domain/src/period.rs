//! Calendar periods and the cycles that divide a subscription's time.

use chrono::{Datelike, Days, Months, NaiveDate};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Half-open dates `[from, to)`: `to` is the day after the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Period {
    /// First day.
    pub from: NaiveDate,
    /// Day after the last.
    pub to: NaiveDate,
}

impl Period {
    /// `[from, to)`; empty when `to <= from`.
    #[must_use]
    pub fn new(from: NaiveDate, to: NaiveDate) -> Self {
        Self { from, to }
    }

    /// How many days, never negative.
    #[must_use]
    pub fn days(self) -> i64 {
        (self.to - self.from).num_days().max(0)
    }

    /// Whether no day is in it.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.to <= self.from
    }

    /// Whether the day is in it.
    #[must_use]
    pub fn contains(self, day: NaiveDate) -> bool {
        self.from <= day && day < self.to
    }

    /// The days in both; empty when there are none.
    #[must_use]
    pub fn intersect(self, other: Self) -> Self {
        Self::new(self.from.max(other.from), self.to.min(other.to))
    }
}

/// The unit of a billing cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CycleUnit {
    /// Days.
    Day,
    /// Seven days.
    Week,
    /// Calendar months.
    Month,
    /// Calendar years.
    Year,
}

/// How often a subscription is billed: every `count` units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cycle {
    /// Days, weeks, months or years.
    pub unit: CycleUnit,
    /// From 1 to [`Cycle::COUNT_MAX`].
    pub count: u32,
}

impl Cycle {
    /// The longest cycle is this many units.
    pub const COUNT_MAX: u32 = 1_000;
    /// One calendar month.
    pub const MONTHLY: Self = Self { unit: CycleUnit::Month, count: 1 };
    /// One calendar year.
    pub const YEARLY: Self = Self { unit: CycleUnit::Year, count: 1 };

    /// A cycle of at least one unit and at most [`Cycle::COUNT_MAX`]; `None` otherwise.
    #[must_use]
    pub fn new(unit: CycleUnit, count: u32) -> Option<Self> {
        (1..=Self::COUNT_MAX).contains(&count).then_some(Self { unit, count })
    }

    /// The number of calendar months, if the cycle is made of months or years.
    fn months(self) -> Option<i64> {
        match self.unit {
            CycleUnit::Month => Some(self.units()),
            CycleUnit::Year => Some(12 * self.units()),
            CycleUnit::Day | CycleUnit::Week => None,
        }
    }

    fn days(self) -> i64 {
        match self.unit {
            CycleUnit::Week => 7 * self.units(),
            _ => self.units(),
        }
    }

    /// The count within its range, whatever was read from outside: a cycle of no length would never end.
    fn units(self) -> i64 {
        i64::from(self.count.clamp(1, Self::COUNT_MAX))
    }
}

/// A cycle laid on the calendar: its boundaries, in both directions, without end.
///
/// Month cycles have an anchor day from 1 to 31: a month without it uses its last day and the next month returns to
/// the anchor (31 Jan, 28 Feb, 31 Mar). Day and week cycles count from the base date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// Its length.
    pub cycle: Cycle,
    /// One of its boundaries (for month cycles: any day of a month that has a boundary).
    base: NaiveDate,
    /// 1-31; only month cycles use it.
    anchor_day: u32,
}

impl Schedule {
    /// Boundaries at `base` and every cycle before and after it; the anchor day is the day of `base`.
    #[must_use]
    pub fn from_base(cycle: Cycle, base: NaiveDate) -> Self {
        Self { cycle, base, anchor_day: base.day() }
    }

    /// Boundaries on the anchor day (1-31), the first of them on or after `start`.
    #[must_use]
    pub fn anchored(cycle: Cycle, start: NaiveDate, anchor_day: u32) -> Self {
        let mut schedule = Self { cycle, base: start, anchor_day: anchor_day.clamp(1, 31) };
        if cycle.months().is_some() && schedule.boundary(0) < start {
            schedule.base = shift_months(first_of_month(start), 1);
        }
        schedule
    }

    /// Another cycle length, counted from the given boundary, with the same anchor day.
    #[must_use]
    pub fn with_cycle(self, cycle: Cycle, from_boundary: NaiveDate) -> Self {
        Self { cycle, base: from_boundary, anchor_day: self.anchor_day }
    }

    /// The anchor day, 1-31.
    #[must_use]
    pub fn anchor_day(self) -> u32 {
        self.anchor_day
    }

    /// The k-th boundary counted from the base, k of either sign.
    fn boundary(self, k: i64) -> NaiveDate {
        match self.cycle.months() {
            Some(months) => {
                let month = shift_months(first_of_month(self.base), k.saturating_mul(months));
                let last = last_day(month);
                month.with_day(self.anchor_day.min(last)).unwrap_or(month)
            }
            None => shift_days(self.base, k.saturating_mul(self.cycle.days())),
        }
    }

    /// The number of the cycle that contains the day, counted from the base, of either sign.
    pub(crate) fn index(self, day: NaiveDate) -> i64 {
        match self.cycle.months() {
            Some(months) => {
                let apart = i64::from(day.year() - self.base.year()) * 12 + i64::from(day.month())
                    - i64::from(self.base.month());
                let k = apart.div_euclid(months);
                if self.boundary(k) > day { k - 1 } else { k }
            }
            None => (day - self.base).num_days().div_euclid(self.cycle.days()),
        }
    }

    /// The cycle that contains the day.
    #[must_use]
    pub fn containing(self, day: NaiveDate) -> Period {
        let k = self.index(day);
        Period::new(self.boundary(k), self.boundary(k + 1))
    }
}

fn first_of_month(day: NaiveDate) -> NaiveDate {
    day.with_day(1).unwrap_or(day)
}

/// The number of days of a month, given any of its days.
fn last_day(month: NaiveDate) -> u32 {
    u32::from(month.num_days_in_month())
}

/// At the edges of the calendar (years before -262143 and after 262142) a shift stops at the edge.
fn shift_months(day: NaiveDate, months: i64) -> NaiveDate {
    let amount = Months::new(u32::try_from(months.unsigned_abs()).unwrap_or(u32::MAX));
    let shifted = if months < 0 { day.checked_sub_months(amount) } else { day.checked_add_months(amount) };
    shifted.unwrap_or_else(|| edge(months))
}

fn shift_days(day: NaiveDate, days: i64) -> NaiveDate {
    let amount = Days::new(days.unsigned_abs());
    let shifted = if days < 0 { day.checked_sub_days(amount) } else { day.checked_add_days(amount) };
    shifted.unwrap_or_else(|| edge(days))
}

fn edge(direction: i64) -> NaiveDate {
    if direction < 0 { NaiveDate::MIN } else { NaiveDate::MAX }
}

/// How a full cycle's amount spreads over its days: what is owed up to a day is the amount times the days so far over
/// the days of the cycle, rounded once. A part costs the difference of two such values, so parts add up to the whole
/// in any order and any number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    /// The full cycle.
    pub cycle: Period,
    /// What the full cycle costs after discounts, in units of the currency, not rounded.
    pub amount: Decimal,
}

impl Basis {
    /// What the part costs, in minor units.
    ///
    /// # Errors
    /// [`crate::money::MoneyError::Overflow`].
    pub fn part(&self, part: Period, currency: crate::money::Currency) -> Result<i64, crate::money::MoneyError> {
        let upper = self.up_to(part.to, currency)?;
        let lower = self.up_to(part.from, currency)?;
        upper.checked_sub(lower).ok_or(crate::money::MoneyError::Overflow)
    }

    fn up_to(&self, day: NaiveDate, currency: crate::money::Currency) -> Result<i64, crate::money::MoneyError> {
        let passed = (day - self.cycle.from).num_days();
        let whole = self.cycle.days().max(1);
        if passed == whole {
            return currency.round_to_minor(self.amount);
        }
        // Multiplied before it is divided: 28-digit division is exact enough for any half cent to fall right.
        let units = self.amount.checked_mul(Decimal::from(passed)).ok_or(crate::money::MoneyError::Overflow)?
            / Decimal::from(whole);
        currency.round_to_minor(units)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rust_decimal_macros::dec;

    use super::*;
    use crate::money::Currency;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn boundaries(schedule: Schedule, from: &str, count: usize) -> Vec<String> {
        let mut at = day(from);
        let mut found = Vec::new();
        for _ in 0..count {
            let cycle = schedule.containing(at);
            found.push(cycle.from.to_string());
            at = cycle.to;
        }
        found
    }

    #[test]
    fn the_31st_returns_after_short_months() {
        let schedule = Schedule::from_base(Cycle::MONTHLY, day("2026-01-31"));
        let expected = ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"];
        assert_eq!(boundaries(schedule, "2026-01-31", 5), expected);
        assert_eq!(schedule.containing(day("2026-03-30")), Period::new(day("2026-02-28"), day("2026-03-31")));
    }

    #[test]
    fn a_leap_day_every_year() {
        let schedule = Schedule::from_base(Cycle::YEARLY, day("2024-02-29"));
        assert_eq!(
            boundaries(schedule, "2024-02-29", 5),
            ["2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]
        );
    }

    #[test]
    fn the_first_boundary_is_on_or_after_the_start() {
        let monthly = Schedule::anchored(Cycle::MONTHLY, day("2026-02-01"), 13);
        assert_eq!(monthly.containing(day("2026-02-01")), Period::new(day("2026-01-13"), day("2026-02-13")));
        let late = Schedule::anchored(Cycle::MONTHLY, day("2026-02-14"), 13);
        assert_eq!(late.containing(day("2026-02-14")), Period::new(day("2026-02-13"), day("2026-03-13")));
        let quarterly = Cycle::new(CycleUnit::Month, 3).expect("valid");
        let quarter = Schedule::anchored(quarterly, day("2026-02-14"), 13);
        assert_eq!(quarter.containing(day("2026-02-14")), Period::new(day("2025-12-13"), day("2026-03-13")));
    }

    #[test]
    fn start_1_february_anchor_13_is_12_of_31_days() {
        let cycle = Schedule::anchored(Cycle::MONTHLY, day("2026-02-01"), 13).containing(day("2026-02-01"));
        let part = Period::new(day("2026-02-01"), cycle.to);
        assert_eq!((part.days(), cycle.days()), (12, 31));
        assert_eq!(Basis { cycle, amount: dec!(31.00) }.part(part, Currency::EUR), Ok(1200));
    }

    proptest! {
        #[test]
        fn cycles_tile_the_calendar(
            base in 0_i64..20_000,
            probe in -5_000_i64..5_000,
            unit in prop::sample::select(vec![CycleUnit::Day, CycleUnit::Week, CycleUnit::Month, CycleUnit::Year]),
            count in 1_u32..37,
            anchor in 1_u32..32,
        ) {
            let base = day("1990-01-01") + chrono::Duration::days(base);
            let at = base + chrono::Duration::days(probe);
            let schedule = Schedule::anchored(Cycle { unit, count }, base, anchor);
            let cycle = schedule.containing(at);
            prop_assert!(cycle.contains(at));
            prop_assert_eq!(schedule.containing(cycle.to).from, cycle.to);
            prop_assert_eq!(schedule.containing(cycle.from.pred_opt().expect("in range")).to, cycle.from);
            let first = schedule.containing(base);
            prop_assert!(first.from == base || first.to > base);
        }

        #[test]
        fn parts_add_up_to_the_whole(
            cents in -1_000_000_i64..1_000_000,
            scale in 2_u32..5,
            mut cuts in prop::collection::vec(0_i64..=365, 0..6),
        ) {
            let cycle = Period::new(day("2026-03-01"), day("2027-03-01"));
            let basis = Basis { cycle, amount: Decimal::new(cents, scale) };
            cuts.extend([0, 365]);
            cuts.sort_unstable();
            let dates: Vec<_> = cuts.iter().map(|days| cycle.from + chrono::Duration::days(*days)).collect();
            let sum: i64 = dates
                .windows(2)
                .map(|pair| basis.part(Period::new(pair[0], pair[1]), Currency::EUR).expect("fits"))
                .sum();
            prop_assert_eq!(sum, Currency::EUR.round_to_minor(basis.amount).expect("fits"));
        }
    }
}
