//! What should have been charged: the first half of the one idea. A pure function of the timeline, of what was used,
//! and of a date; it knows nothing of invoices.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::id::{PlanId, PlanVersionId};
use crate::money::MoneyError;
use crate::period::{Basis, Cycle, Period};
use crate::plan::{Charging, Component, TermsBook};
use crate::timeline::{FactError, Reduction, Timeline};
use crate::walk::{Conditions, Promotion, Stretch, Walk, walk};

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
    /// for a cycle of the same length, even if the cycle's boundaries differ.
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
    /// Everything with a billing point up to this day is known to be settled.
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
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Statement {
    /// Disjoint for each key, in order of date.
    pub owed: Vec<Owed>,
    /// The first billing point after the window, if there is one: nothing more is owed before it unless a fact or
    /// usage is added.
    pub next_point: Option<NaiveDate>,
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

/// A bound on the cycles of one subscription: daily cycles for a hundred years.
pub const CYCLES_MAX: usize = 36_525;

/// What should have been charged up to a date: intervals of days with component, quantity and price.
///
/// # Errors
/// [`OwedError`] when terms are missing or an amount leaves the range.
pub fn owed(timeline: &Timeline, book: &TermsBook, usage: &Usage, window: Window) -> Result<Statement, OwedError> {
    let walk = walk(timeline, book, None)?;
    let mut reckoner = Reckoner { usage, window, statement: Statement::default() };
    reckoner.setup(&walk);
    let mut promotions: Vec<RunningPromotion> =
        walk.promotions.iter().map(|promotion| RunningPromotion { promotion, used: 0 }).collect();
    let mut cycles = 0;
    for group in walk.stretches.chunk_by(|a, b| same_schedule(&a.conditions, &b.conditions)) {
        let Some(first) = group.first() else { continue };
        let end = group.last().and_then(|last| last.to);
        let mut at = first.from;
        while end.is_none_or(|end| at < end) {
            cycles += 1;
            if cycles > CYCLES_MAX {
                return Err(OwedError::TooManyCycles(window.until));
            }
            let cycle = first.conditions.schedule.containing(at);
            let days = Period::new(at, end.map_or(cycle.to, |end| end.min(cycle.to)));
            let reductions = take_promotions(&mut promotions, at);
            for stretch in group {
                reckoner.cycle(stretch, cycle, days, &reductions)?;
            }
            if at > window.until {
                break;
            }
            at = days.to;
        }
    }
    reckoner.statement.owed.sort_by(|a, b| (a.period, &a.key).cmp(&(b.period, &b.key)));
    Ok(reckoner.statement)
}

/// The state of a subscription on a day, for people and for refusing what makes no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The plan version in force.
    pub version_id: PlanVersionId,
    /// The cycle in force.
    pub cycle: Cycle,
    /// The running cycle's dates.
    pub period: Period,
    /// The anchor day, 1-31.
    pub anchor_day: u32,
    /// Quantities by component code, all components.
    pub quantities: BTreeMap<String, Decimal>,
    /// Whether billing is paused by a person.
    pub paused: bool,
    /// Whether the days are not charged: paused, or suspended on a plan that does not charge for suspensions.
    pub unbilled: bool,
    /// Whether a suspension is in force.
    pub suspended: bool,
    /// The first day without service, when that day has come.
    pub ended_on: Option<NaiveDate>,
    /// Whether a change or the end waits for a later day.
    pub change_pending: bool,
    /// The first billed day.
    pub billed_from: NaiveDate,
}

/// The state on a day, as far as facts up to that day tell.
///
/// # Errors
/// [`FactError::NotStarted`], [`FactError::NoTerms`].
pub fn state_on(timeline: &Timeline, book: &TermsBook, day: NaiveDate) -> Result<State, FactError> {
    let walk = walk(timeline, book, Some(day))?;
    let billed_from = walk.billed_from.ok_or(FactError::NotStarted)?;
    let (conditions, terms) = match walk.stretches.last() {
        Some(last) => (Some(&last.conditions), last.conditions.terms),
        None => (None, walk.first_terms.ok_or(FactError::NotStarted)?),
    };
    let day = day.max(billed_from);
    let period = conditions.map_or(Period::new(day, day), |conditions| conditions.schedule.containing(day));
    Ok(State {
        version_id: terms.version_id,
        cycle: terms.cycle,
        period,
        anchor_day: conditions.map_or(1, |conditions| conditions.schedule.anchor_day()),
        quantities: terms
            .components
            .iter()
            .map(|component| {
                let quantity =
                    conditions.map_or(component.default_quantity, |conditions| conditions.quantity(component));
                (component.code.clone(), quantity)
            })
            .collect(),
        paused: conditions.is_some_and(|conditions| conditions.paused),
        unbilled: conditions.is_some_and(Conditions::unbilled),
        suspended: conditions.is_some_and(|conditions| conditions.suspended),
        ended_on: walk.ended_on,
        change_pending: !walk.deferred.is_empty(),
        billed_from,
    })
}

/// The first day without service that the facts known so far lead to, also when it lies ahead.
///
/// # Errors
/// [`FactError::NoTerms`].
pub fn ends_on(timeline: &Timeline, book: &TermsBook) -> Result<Option<NaiveDate>, FactError> {
    Ok(walk(timeline, book, None)?.ended_on)
}

fn same_schedule(a: &Conditions<'_>, b: &Conditions<'_>) -> bool {
    a.schedule == b.schedule && a.schedule_since == b.schedule_since
}

struct RunningPromotion<'a> {
    promotion: &'a Promotion<'a>,
    used: u32,
}

/// The promotions that hold for the cycle whose billing point is `at`; each counts the cycle.
fn take_promotions<'a>(promotions: &mut [RunningPromotion<'a>], at: NaiveDate) -> Vec<(&'a str, Reduction)> {
    promotions
        .iter_mut()
        .filter(|running| running.promotion.from <= at)
        .filter(|running| running.promotion.cycles.is_none_or(|cycles| running.used < cycles))
        .map(|running| {
            running.used += 1;
            (running.promotion.code, running.promotion.reduction)
        })
        .collect()
}

struct Reckoner<'a> {
    usage: &'a Usage,
    window: Window,
    statement: Statement,
}

impl Reckoner<'_> {
    /// Whether a charge with this billing point belongs to the window; remembers the first one after it.
    fn wants(&mut self, point: NaiveDate) -> bool {
        if point > self.window.until {
            let next = self.statement.next_point.map_or(point, |known| known.min(point));
            self.statement.next_point = Some(next);
        }
        self.window.has(point)
    }

    fn setup(&mut self, walk: &Walk<'_>) {
        let Some(on) = walk.billed_from else { return };
        let terms = walk
            .stretches
            .iter()
            .find(|stretch| stretch.to.is_none_or(|to| to > stretch.from))
            .map(|stretch| stretch.conditions.terms)
            .or(walk.first_terms);
        let conditions = walk.stretches.first().map(|stretch| &stretch.conditions);
        for component in terms.iter().flat_map(|terms| &terms.components) {
            let quantity = conditions.map_or(component.default_quantity, |conditions| conditions.quantity(component));
            let amount = component.unit_price.saturating_mul(quantity);
            if component.charging != Charging::Setup || amount.is_zero() || !self.wants(on) {
                continue;
            }
            let Some(terms) = terms else { continue };
            let day = Period::new(on, on.succ_opt().unwrap_or(on));
            self.statement.owed.push(Owed {
                key: key(terms.plan_id, component, ChargeKind::Setup),
                period: day,
                rating: Rating {
                    version_id: terms.version_id,
                    cycle: terms.cycle,
                    name: format!("{} · {}", terms.name, component.name),
                    tax_class: component.tax_class.clone(),
                    quantity,
                    unit_price: component.unit_price,
                    discount_percent: Decimal::ZERO,
                    promotion: String::new(),
                    basis: Basis { cycle: day, amount },
                },
            });
        }
    }

    /// One stretch within one cycle: `days` are the days of the cycle under this schedule, the first of them the
    /// billing point.
    fn cycle(
        &mut self,
        stretch: &Stretch<'_>,
        cycle: Period,
        days: Period,
        reductions: &[(&str, Reduction)],
    ) -> Result<(), OwedError> {
        let part = Period::new(stretch.from.max(days.from), stretch.to.map_or(days.to, |to| to.min(days.to)));
        if part.is_empty() {
            return Ok(());
        }
        let conditions = &stretch.conditions;
        let advance = !conditions.unbilled() && self.wants(days.from);
        let mut amounts_off: Vec<Decimal> = reductions
            .iter()
            .map(|(_, reduction)| match reduction {
                Reduction::Amount(amount) => *amount,
                Reduction::Percent(_) => Decimal::ZERO,
            })
            .collect();
        for component in &conditions.terms.components {
            match &component.charging {
                Charging::Recurring if advance => {
                    self.recurring(conditions, component, cycle, part, reductions, &mut amounts_off)?;
                }
                Charging::Usage { metric, included } if self.wants(part.to) => {
                    self.usage(conditions, component, cycle, part, metric, *included)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn recurring(
        &mut self,
        conditions: &Conditions<'_>,
        component: &Component,
        cycle: Period,
        part: Period,
        reductions: &[(&str, Reduction)],
        amounts_off: &mut [Decimal],
    ) -> Result<(), OwedError> {
        let quantity = conditions.quantity(component);
        let unit_price = conditions.unit_price(component);
        let discount_percent = conditions.discount_percent(component);
        let mut amount = unit_price.checked_mul(quantity).ok_or(MoneyError::Overflow)?;
        amount = less_percent(amount, discount_percent)?;
        let mut promotion = String::new();
        for ((code, reduction), amount_off) in reductions.iter().zip(amounts_off) {
            let reduced = match reduction {
                Reduction::Percent(percent) => less_percent(amount, *percent)?,
                Reduction::Amount(_) => {
                    let off = amount.min(*amount_off);
                    *amount_off -= off;
                    amount - off
                }
            };
            if reduced != amount {
                promotion = if promotion.is_empty() { (*code).to_owned() } else { format!("{promotion}, {code}") };
                amount = reduced;
            }
        }
        if amount.is_zero() {
            return Ok(());
        }
        let rating = rating(conditions, component, quantity, unit_price, Basis { cycle, amount });
        self.statement.owed.push(Owed {
            key: key(conditions.terms.plan_id, component, ChargeKind::Recurring),
            period: part,
            rating: Rating { discount_percent, promotion, ..rating },
        });
        Ok(())
    }

    fn usage(
        &mut self,
        conditions: &Conditions<'_>,
        component: &Component,
        cycle: Period,
        part: Period,
        metric: &str,
        included: Decimal,
    ) -> Result<(), OwedError> {
        let share = included.checked_mul(Decimal::from(part.days())).ok_or(MoneyError::Overflow)?
            / Decimal::from(cycle.days().max(1));
        let quantity = (self.usage.within(metric, part) - share).max(Decimal::ZERO).round_dp(6);
        let unit_price = conditions.unit_price(component);
        let amount = unit_price.checked_mul(quantity).ok_or(MoneyError::Overflow)?;
        if amount.is_zero() {
            return Ok(());
        }
        // Usage is not spread over days: its own period is the whole of its basis.
        let rating = rating(conditions, component, quantity, unit_price, Basis { cycle: part, amount });
        let key = key(conditions.terms.plan_id, component, ChargeKind::Usage);
        self.statement.owed.push(Owed { key, period: part, rating });
        Ok(())
    }
}

fn less_percent(amount: Decimal, percent: Decimal) -> Result<Decimal, MoneyError> {
    let kept = (Decimal::ONE_HUNDRED - percent) / Decimal::ONE_HUNDRED;
    amount.checked_mul(kept).ok_or(MoneyError::Overflow)
}

fn key(plan_id: PlanId, component: &Component, kind: ChargeKind) -> ComponentKey {
    ComponentKey { plan_id, component: component.code.clone(), kind }
}

fn rating(
    conditions: &Conditions<'_>,
    component: &Component,
    quantity: Decimal,
    unit_price: Decimal,
    basis: Basis,
) -> Rating {
    Rating {
        version_id: conditions.terms.version_id,
        cycle: conditions.terms.cycle,
        name: format!("{} · {}", conditions.terms.name, component.name),
        tax_class: component.tax_class.clone(),
        quantity,
        unit_price,
        discount_percent: Decimal::ZERO,
        promotion: String::new(),
        basis,
    }
}
