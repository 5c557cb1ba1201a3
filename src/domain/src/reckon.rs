//! From a cycle and its conditions to what is owed for it.

use rust_decimal::{Decimal, RoundingStrategy};

use crate::cycles::{BilledCycle, Part};
use crate::money::MoneyError;
use crate::owed::{ChargeKind, ComponentKey, Owed, Rating, Statement, Usage};
use crate::period::{Basis, Period};
use crate::plan::{Charging, Component};
use crate::timeline::Reduction;
use crate::walk::{Conditions, Promotion};

/// The set-up fees of the plan that is in force on the first billed day; later plans charge none.
pub(crate) fn setup(conditions: &Conditions<'_>, day: Period, statement: &mut Statement) -> Result<(), MoneyError> {
    let Some(owed) = statement.side(day.from) else { return Ok(()) };
    for component in &conditions.terms.components {
        if component.charging != Charging::Setup {
            continue;
        }
        let quantity = conditions.quantity(component);
        let amount = discounted(conditions, component, quantity)?;
        let rated = (quantity, amount, String::new());
        owed.extend(owe(conditions, component, ChargeKind::Setup, (day, day), rated));
    }
    Ok(())
}

/// What is charged in advance for a cycle: its parts, by conditions.
pub(crate) fn recurring(
    parts: &[Part<'_, '_>],
    cycle: BilledCycle,
    promotions: &[&Promotion<'_>],
    statement: &mut Statement,
) -> Result<(), MoneyError> {
    let Some(owed) = statement.side(cycle.days.from) else { return Ok(()) };
    let before = owed.len();
    for part in parts.iter().filter(|part| !part.conditions.unbilled()) {
        let mut reductions = Reductions::new(promotions);
        for component in &part.conditions.terms.components {
            if component.charging != Charging::Recurring {
                continue;
            }
            let quantity = part.conditions.quantity(component);
            let full = discounted(part.conditions, component, quantity)?;
            let (amount, codes) = reductions.apply(full)?;
            let rated = (quantity, amount, codes);
            let next = owe(part.conditions, component, ChargeKind::Recurring, (part.days, cycle.full), rated);
            let joined = next.as_ref().is_some_and(|next| join(&mut owed[before..], next));
            owed.extend(next.filter(|_| !joined));
        }
    }
    Ok(())
}

/// What was used in a cycle: whole for as long as plan version and price stay, whatever else changes in between.
pub(crate) fn usage(
    parts: &[Part<'_, '_>],
    cycle: BilledCycle,
    usage: &Usage,
    statement: &mut Statement,
) -> Result<(), MoneyError> {
    for same_terms in parts.chunk_by(|a, b| std::ptr::eq(a.conditions.terms, b.conditions.terms)) {
        let components = same_terms.first().map(|part| &part.conditions.terms.components);
        for component in components.into_iter().flatten() {
            let Charging::Usage { metric, included } = &component.charging else { continue };
            let price = |part: &Part<'_, '_>| {
                (part.conditions.unit_price(component), part.conditions.discount_percent(component))
            };
            for same_price in same_terms.chunk_by(|a, b| price(a) == price(b)) {
                let (Some(first), Some(last)) = (same_price.first(), same_price.last()) else { continue };
                let period = Period::new(first.days.from, last.days.to);
                let Some(owed) = statement.side(period.to) else { continue };
                let days = Decimal::from(period.days());
                let share =
                    included.checked_mul(days).ok_or(MoneyError::Overflow)? / Decimal::from(cycle.full.days().max(1));
                let beyond = usage.within(metric, period).checked_sub(share).ok_or(MoneyError::Overflow)?;
                let quantity = beyond
                    .max(Decimal::ZERO)
                    .round_dp_with_strategy(QUANTITY_DECIMALS, RoundingStrategy::MidpointAwayFromZero);
                let rated = (quantity, discounted(first.conditions, component, quantity)?, String::new());
                // Usage is not spread over days: its own period is the whole of its basis.
                owed.extend(owe(first.conditions, component, ChargeKind::Usage, (period, period), rated));
            }
        }
    }
    Ok(())
}

/// A share of an included quantity rarely ends; a line shows what it multiplies.
const QUANTITY_DECIMALS: u32 = 6;

/// Price times quantity, less the line discount.
fn discounted(conditions: &Conditions<'_>, component: &Component, quantity: Decimal) -> Result<Decimal, MoneyError> {
    let full = conditions.unit_price(component).checked_mul(quantity).ok_or(MoneyError::Overflow)?;
    less_percent(full, conditions.discount_percent(component))
}

fn less_percent(amount: Decimal, percent: Decimal) -> Result<Decimal, MoneyError> {
    let kept = Decimal::ONE_HUNDRED.checked_sub(percent).ok_or(MoneyError::Overflow)? / Decimal::ONE_HUNDRED;
    amount.checked_mul(kept).ok_or(MoneyError::Overflow)
}

/// The promotions of one cycle, and what is left of the amounts they take off.
struct Reductions<'p> {
    left: Vec<(&'p str, Reduction)>,
}

impl<'p> Reductions<'p> {
    fn new(promotions: &[&'p Promotion<'_>]) -> Self {
        Self { left: promotions.iter().map(|promotion| (promotion.code, promotion.reduction)).collect() }
    }

    /// A component's price after the promotions, and the codes of those that lowered it.
    fn apply(&mut self, full: Decimal) -> Result<(Decimal, String), MoneyError> {
        let mut amount = full;
        let mut codes = String::new();
        for (code, reduction) in &mut self.left {
            let reduced = match reduction {
                Reduction::Percent(percent) => less_percent(amount, *percent)?,
                Reduction::Amount(left) => {
                    let off = amount.min(*left);
                    *left = left.checked_sub(off).ok_or(MoneyError::Overflow)?;
                    amount.checked_sub(off).ok_or(MoneyError::Overflow)?
                }
            };
            if reduced != amount {
                codes = if codes.is_empty() { (*code).to_owned() } else { format!("{codes}, {code}") };
                amount = reduced;
            }
        }
        Ok((amount, codes))
    }
}

/// What is owed for the days of a part (first of the pair) of a cycle (second), unless it is nothing.
fn owe(
    conditions: &Conditions<'_>,
    component: &Component,
    kind: ChargeKind,
    (period, cycle): (Period, Period),
    (quantity, amount, promotion): (Decimal, Decimal, String),
) -> Option<Owed> {
    let terms = conditions.terms;
    (!amount.is_zero()).then(|| Owed {
        key: ComponentKey { plan_id: terms.plan_id, component: component.code.clone(), kind },
        period,
        rating: Rating {
            version_id: terms.version_id,
            cycle: terms.cycle,
            name: format!("{} · {}", terms.name, component.name),
            tax_class: component.tax_class.clone(),
            quantity,
            unit_price: conditions.unit_price(component),
            discount_percent: conditions.discount_percent(component),
            promotion,
            basis: Basis { cycle, amount },
        },
    })
}

/// Days that go on under the same rating belong to one interval, even if something else changed between them.
fn join(this_cycle: &mut [Owed], next: &Owed) -> bool {
    let goes_on =
        |known: &&mut Owed| known.period.to == next.period.from && known.key == next.key && known.rating == next.rating;
    this_cycle.iter_mut().rev().find(goes_on).map(|known| known.period.to = next.period.to).is_some()
}
