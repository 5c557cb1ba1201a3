//! Which facts make sense: what a person or a program asks for is refused with a reason before it becomes a fact.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};
use rust_decimal::Decimal;

use crate::id::PlanVersionId;
use crate::period::Cycle;
use crate::plan::TermsBook;
use crate::state::state_on;
use crate::timeline::{Fact, FactError, FactKind, NUMBER_MAX, Reduction, Timeline};

impl Timeline {
    /// Whether the fact may be recorded. (What already happened at a panel is not refused but parked.)
    ///
    /// # Errors
    /// The first [`FactError`] that applies.
    pub fn admit(&self, fact: &Fact, book: &TermsBook) -> Result<(), FactError> {
        check_date("on", fact.on)?;
        check_numbers(&fact.kind)?;
        if let FactKind::Started { version_id, cycle, quantities, .. } = &fact.kind {
            if self.started_on().is_some() {
                return Err(FactError::StartedTwice);
            }
            return check_components(fact.on, (*version_id, *cycle), quantities.keys(), book);
        }
        let started = self.started_on().ok_or(FactError::NotStarted)?;
        if fact.on < started {
            return Err(FactError::BeforeStart { on: fact.on, started });
        }
        let state = state_on(self, book, fact.on)?;
        if let Some(ended) = state.ended_on {
            return Err(FactError::AfterEnd { on: fact.on, ended });
        }
        let in_force = (state.version_id, state.cycle);
        match &fact.kind {
            FactKind::PlanChanged { version_id, cycle, quantities, .. }
            | FactKind::PackageReported { version_id, cycle, quantities, .. } => {
                check_components(fact.on, (*version_id, *cycle), quantities.keys(), book)
            }
            FactKind::QuantityChanged { component, .. } => {
                // A plan that waits for the next cycle is the one the customer has ordered for already.
                let waits = state.pending.map(|terms| check_components(fact.on, terms, [component], book));
                check_components(fact.on, in_force, [component], book).or_else(|error| waits.unwrap_or(Err(error)))
            }
            FactKind::PriceSet { component, .. } | FactKind::LineDiscounted { component, .. } => {
                check_components(fact.on, in_force, [component], book)
            }
            FactKind::Paused if state.paused => Err(FactError::WrongState("paused already")),
            FactKind::Resumed if !state.paused => Err(FactError::WrongState("not paused")),
            FactKind::Withdrawn if !state.change_pending => {
                Err(FactError::WrongState("not waiting for a change or a cancellation"))
            }
            _ => Ok(()),
        }
    }
}

fn check_components<'a>(
    on: NaiveDate,
    terms: (PlanVersionId, Cycle),
    codes: impl IntoIterator<Item = &'a String>,
    book: &TermsBook,
) -> Result<(), FactError> {
    let terms = book.get(&terms).ok_or(FactError::NoTerms(terms.0))?;
    for code in codes {
        if terms.component(code).is_none() {
            return Err(FactError::UnknownComponent { on, component: code.clone() });
        }
    }
    Ok(())
}

fn check_numbers(kind: &FactKind) -> Result<(), FactError> {
    let within = |what: &str, range, given: Decimal, max: Decimal| {
        if given.is_sign_negative() && !given.is_zero() || given > max || given.scale() > 12 {
            Err(FactError::OutOfRange { what: what.to_owned(), range, given: given.to_string() })
        } else {
            Ok(())
        }
    };
    const AMOUNT: &str = "between 0 and 1,000,000,000 with at most 12 decimals";
    const PERCENT: &str = "between 0 and 100 with at most 12 decimals";
    let each = |quantities: &BTreeMap<String, Decimal>| {
        let mut given = quantities.iter();
        given.try_for_each(|(code, quantity)| within(&format!("quantities[{code}]"), AMOUNT, *quantity, NUMBER_MAX))
    };
    match kind {
        FactKind::Started { quantities, anchor_day, trial_until, .. } => {
            each(quantities)?;
            trial_until.map_or(Ok(()), |day| check_date("trial_until", day))?;
            anchor_day.map_or(Ok(()), check_anchor)
        }
        FactKind::PlanChanged { quantities, .. } | FactKind::PackageReported { quantities, .. } => each(quantities),
        FactKind::QuantityChanged { quantity, .. } => within("quantity", AMOUNT, *quantity, NUMBER_MAX),
        FactKind::PriceSet { unit_price: Some(price), .. } => within("unit_price", AMOUNT, *price, NUMBER_MAX),
        FactKind::LineDiscounted { percent, .. } => within("percent", PERCENT, *percent, Decimal::ONE_HUNDRED),
        FactKind::Promoted { reduction: Reduction::Percent(percent), .. } => {
            within("percent", PERCENT, *percent, Decimal::ONE_HUNDRED)
        }
        FactKind::Promoted { reduction: Reduction::Amount(amount), .. } => {
            within("amount", AMOUNT, *amount, NUMBER_MAX)
        }
        FactKind::AnchorMoved { anchor_day } => check_anchor(*anchor_day),
        FactKind::PriceSet { unit_price: None, .. }
        | FactKind::Paused
        | FactKind::Resumed
        | FactKind::Suspended
        | FactKind::Unsuspended
        | FactKind::Cancelled { .. }
        | FactKind::Withdrawn => Ok(()),
    }
}

fn check_anchor(day: u32) -> Result<(), FactError> {
    if (1..=31).contains(&day) {
        Ok(())
    } else {
        Err(FactError::OutOfRange { what: "anchor_day".to_owned(), range: "between 1 and 31", given: day.to_string() })
    }
}

/// Outside of these years stands a typing error or an unset field, and every reckoning with days stays in the calendar.
fn check_date(what: &'static str, day: NaiveDate) -> Result<(), FactError> {
    if (1900..=9999).contains(&day.year()) {
        Ok(())
    } else {
        Err(FactError::OutOfRange {
            what: what.to_owned(),
            range: "between 1900-01-01 and 9999-12-31",
            given: day.to_string(),
        })
    }
}
