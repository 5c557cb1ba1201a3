//! How a subscription stands on a day, for people and for refusing what makes no sense.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::id::PlanVersionId;
use crate::period::{Cycle, Period};
use crate::plan::TermsBook;
use crate::timeline::{FactError, Timeline};
use crate::walk::walk;

/// How a subscription stands on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The plan version in force.
    pub version_id: PlanVersionId,
    /// The cycle in force.
    pub cycle: Cycle,
    /// The running cycle's dates; in a trial the first cycle's, empty when the subscription ended before it.
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
    /// Whether a plan, a quantity or the end waits for a later day and can be withdrawn. (A moved anchor cannot.)
    pub change_pending: bool,
    /// The plan version and cycle that wait to come into force.
    pub pending: Option<(PlanVersionId, Cycle)>,
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
    let last = walk.stretches.last().map(|last| &last.conditions);
    let conditions = last.or(walk.unlived.as_ref()).ok_or(FactError::NotStarted)?;
    let terms = conditions.terms;
    let day = day.max(billed_from);
    let period = if last.is_some() { conditions.schedule.containing(day) } else { Period::new(day, day) };
    Ok(State {
        version_id: terms.version_id,
        cycle: terms.cycle,
        period,
        anchor_day: conditions.schedule.anchor_day(),
        quantities: terms
            .components
            .iter()
            .map(|component| (component.code.clone(), conditions.quantity(component)))
            .collect(),
        paused: conditions.paused,
        unbilled: conditions.unbilled(),
        suspended: conditions.suspended,
        ended_on: walk.ended_on,
        change_pending: walk.change_pending,
        pending: walk.pending.map(|terms| (terms.version_id, terms.cycle)),
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
