//! What should have been charged: the first half of the one idea. A pure function of the timeline, of what was used,
//! and of a date; it knows nothing of invoices.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::cycles::{self, PromotedCycles, Run};
use crate::id::{PlanId, PlanVersionId};
use crate::money::MoneyError;
use crate::period::{Basis, Cycle, Period};
use crate::plan::TermsBook;
use crate::reckon;
pub use crate::state::{State, ends_on, state_on};
use crate::timeline::{FactError, Timeline};
use crate::walk::{Walk, walk};

/// What a charge is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargeKind {
    /// Days of a recurring component.
    Recurring,
    /// A one-off fee.
    Setup,
    /// What was used in a cycle beyond the included quantity.
    Usage,
}

/// Which component of which plan: what has to be equal for a day to count as billed already.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ComponentKey {
    /// The plan, over its versions.
    pub plan_id: PlanId,
    /// The component's code.
    pub component: String,
    /// What kind of charge.
    pub kind: ChargeKind,
}

/// How a charge came about: enough to explain a line, and to compare it with another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rating {
    /// Which version's terms.
    pub version_id: PlanVersionId,
    /// The cycle these terms are for.
    pub cycle: Cycle,
    /// Plan and component in words.
    pub name: String,
    /// Decides the tax treatment.
    pub tax_class: String,
    /// Amount of units.
    pub quantity: Decimal,
    /// Per unit and cycle, in units of the currency, before discounts.
    pub unit_price: Decimal,
    /// Percent off this component, before promotions.
    pub discount_percent: Decimal,
    /// Code of the promotion that lowered the price, empty if none.
    pub promotion: String,
    /// The full cycle and what it costs after discounts.
    pub basis: Basis,
}

impl Rating {
    /// Whether a day charged in one way needs nothing when it is owed in the other: same quantity, price and amount
    /// for a cycle of the same length, even if the cycle's boundaries differ. (Names, tax classes and the reasons of a
    /// reduction do not matter: the amount does.)
    #[must_use]
    pub fn settles(&self, other: &Self) -> bool {
        self.quantity == other.quantity
            && self.unit_price == other.unit_price
            && self.cycle == other.cycle
            && self.basis.amount == other.basis.amount
    }
}

/// One interval that should have been charged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    /// For what.
    pub key: ComponentKey,
    /// For which days; a set-up fee has its first day.
    pub period: Period,
    /// At what price.
    pub rating: Rating,
}

/// What was used, by metric and day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    by_metric: BTreeMap<String, BTreeMap<NaiveDate, Decimal>>,
}

impl Usage {
    /// Adds a quantity to a day.
    pub fn add(&mut self, metric: &str, day: NaiveDate, quantity: Decimal) {
        let days = self.by_metric.entry(metric.to_owned()).or_default();
        let sum = days.entry(day).or_default();
        *sum = sum.saturating_add(quantity);
    }

    /// The sum over the days of a period.
    #[must_use]
    pub fn within(&self, metric: &str, period: Period) -> Decimal {
        let Some(days) = self.by_metric.get(metric).filter(|_| !period.is_empty()) else { return Decimal::ZERO };
        days.range(period.from..period.to).fold(Decimal::ZERO, |sum, (_, quantity)| sum.saturating_add(*quantity))
    }
}

/// Which billing points to look at: `after` exclusive, `until` inclusive. The billing point of a recurring charge is
/// the day its cycle begins (or the subscription, if later), that of usage the day after the last, that of a set-up
/// fee the first billed day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Everything with a billing point up to this day is known to be settled: [`crate::due::Due::settled_until`], if no
    /// fact, and no usage of an earlier day, has been added since.
    pub after: Option<NaiveDate>,
    /// The cut-off date.
    pub until: NaiveDate,
}

impl Window {
    /// Everything up to a date.
    #[must_use]
    pub fn until(until: NaiveDate) -> Self {
        Self { after: None, until }
    }

    fn has(self, point: NaiveDate) -> bool {
        point <= self.until && self.after.is_none_or(|after| point > after)
    }
}

/// What is owed within a window, and when there will be more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The window.
    pub window: Window,
    /// Disjoint for each key, in order of date.
    pub owed: Vec<Owed>,
    /// What will be owed after the window, for [`AHEAD_DAYS`] and a cycle at least, as far as is known; left empty when
    /// the window has an `after`. Nothing of it is to be charged yet, but what was charged of it already, before an
    /// anchor or a cut-off date moved, stays as it is.
    pub ahead: Vec<Owed>,
    /// The first billing point after the window, if there is one: nothing more is owed before it unless a fact or
    /// usage is added.
    pub next_point: Option<NaiveDate>,
}

impl Statement {
    /// Where something with this billing point belongs, if anywhere.
    pub(crate) fn side(&mut self, point: NaiveDate) -> Option<&mut Vec<Owed>> {
        if self.window.has(point) {
            Some(&mut self.owed)
        } else {
            Some(&mut self.ahead).filter(|_| self.window.after.is_none())
        }
    }
}

/// Why what is owed cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OwedError {
    /// The timeline refers to something unknown.
    #[error(transparent)]
    Fact(#[from] FactError),
    /// An amount is too large.
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// More cycles than [`CYCLES_MAX`].
    #[error("more than {CYCLES_MAX} cycles between the start and {0}")]
    TooManyCycles(NaiveDate),
}

/// A bound on the cycles that one call looks at: daily cycles for a hundred years.
pub const CYCLES_MAX: usize = 36_525;

/// Nobody is expected to bill further ahead than this: so far a cut-off date can go back without taking back what was
/// billed in short cycles.
pub const AHEAD_DAYS: u64 = 100;

/// What should have been charged up to a date: intervals of days with component, quantity and price.
///
/// A window with an `after` costs the same however old the subscription is.
///
/// # Errors
/// [`OwedError`] when terms are missing or an amount leaves the range.
pub fn owed(timeline: &Timeline, book: &TermsBook, usage: &Usage, window: Window) -> Result<Statement, OwedError> {
    let walk = walk(timeline, book, None)?;
    let runs: Vec<Run<'_, '_>> = cycles::runs(&walk.stretches).collect();
    let promotions: Vec<_> = walk.promotions.iter().map(|promotion| PromotedCycles::new(promotion, &runs)).collect();
    let next_point = cycles::next_point(&runs, window.until);
    let mut statement = Statement { window, owed: Vec::new(), ahead: Vec::new(), next_point };
    owe_setup(&walk, &mut statement)?;
    // A cycle that ends on or before this day has no billing point in the window.
    let settled = window.after.map_or(NaiveDate::MIN, |after| after.min(window.until));
    let ahead = window.until.checked_add_days(Days::new(AHEAD_DAYS)).unwrap_or(NaiveDate::MAX);
    let (mut begun, mut looked_at) = (0, 0);
    for run in &runs {
        let horizon = if window.after.is_some() { window.until } else { run.cycle_after(window.until).max(ahead) };
        for cycle in run.cycles_from(settled).take_while(|cycle| cycle.days.from <= horizon) {
            looked_at += 1;
            if looked_at > CYCLES_MAX {
                return Err(OwedError::TooManyCycles(window.until));
            }
            let number = begun + cycle.number;
            let promoted: Vec<_> = promotions.iter().filter_map(|held| held.holds(number, cycle.days.from)).collect();
            let parts: Vec<_> = run.parts(cycle.days).collect();
            reckon::recurring(&parts, cycle, &promoted, &mut statement)?;
            reckon::usage(&parts, cycle, usage, &mut statement)?;
        }
        begun += run.count();
    }
    statement.owed.sort_by(|a, b| (a.period, &a.key).cmp(&(b.period, &b.key)));
    Ok(statement)
}

/// Set-up fees fall due on the first billed day, even if the subscription ended on it; not after an unlived trial.
fn owe_setup(walk: &Walk<'_>, statement: &mut Statement) -> Result<(), MoneyError> {
    let first = walk.stretches.first().map(|first| &first.conditions);
    let only = walk.unlived.as_ref().filter(|_| !walk.had_trial);
    let (Some(conditions), Some(on)) = (first.or(only), walk.billed_from) else { return Ok(()) };
    let later = Some(on).filter(|on| *on > statement.window.until);
    statement.next_point = statement.next_point.into_iter().chain(later).min();
    reckon::setup(conditions, Period::new(on, on.succ_opt().unwrap_or(on)), statement)
}
