//! Number series: the ones that a new seller begins with, and changing them.

use billet_domain::document::DocumentKind;
use billet_domain::id::{SellerId, SeriesId};
use billet_domain::series::Pattern;
use serde_json::json;

use super::BillingError;
use crate::store::series::{self, Series, TakeError};
use crate::store::{self, Unit};

/// What documents of a new seller are numbered by.
const FIRST: [(DocumentKind, &str); 3] = [
    (DocumentKind::Invoice, "RE-{year}-{number:5}"),
    (DocumentKind::CreditNote, "GS-{year}-{number:5}"),
    (DocumentKind::Cancellation, "ST-{year}-{number:5}"),
];

/// The largest number that a series can be set to: twelve digits, as wide as a pattern can pad.
pub const NUMBER_MAX: i64 = 999_999_999_999;

/// Gives a new seller its series.
pub(super) async fn found(unit: &mut Unit, seller_id: SellerId) -> Result<(), BillingError> {
    let mut first = Vec::with_capacity(FIRST.len());
    for (kind, pattern) in FIRST {
        let id = SeriesId(unit.id()?);
        let pattern = pattern.to_owned();
        first.push(Series { id, kind, pattern, yearly: true, last_issued_on: None, next_number: 1 });
    }
    Ok(series::insert(unit, seller_id, &first).await?)
}

/// What a series is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSeries {
    /// Of which documents.
    pub kind: DocumentKind,
    /// Such as `RE-{year}-{number:5}`.
    pub pattern: String,
    /// Whether numbers begin at 1 again each year.
    pub yearly: bool,
    /// The next number; as it is when none.
    pub next_number: Option<i64>,
}

/// Sets the series of a kind of document. Numbers of documents stay unique and without gaps: the patterns of two series
/// cannot lead to the same number, numbers are only raised before the first was given, and a series that has given
/// numbers of a year goes on to do so.
///
/// # Errors
/// [`BillingError::Invalid`] with fields below `series`, `SERIES_IN_USE`, `NUMBERS_COULD_MEET`.
pub async fn set(unit: &mut Unit, new: NewSeries) -> Result<Series, BillingError> {
    let pattern = Pattern::parse(&new.pattern, new.yearly)
        .map_err(|error| BillingError::invalid("series.pattern", error.to_string()))?;
    if new.next_number.is_some_and(|number| !(1..=NUMBER_MAX).contains(&number)) {
        return Err(BillingError::invalid("series.next_number", format!("between 1 and {NUMBER_MAX}")));
    }
    let seller_id = unit.seller_id;
    let seller =
        store::seller::get(unit, seller_id).await?.ok_or_else(|| BillingError::not_found("seller", seller_id))?;
    let all = series::lock_all(unit).await?;
    for other in all.iter().filter(|other| other.kind != new.kind) {
        if Pattern::parse(&other.pattern, other.yearly).is_ok_and(|other| other.may_meet(&pattern)) {
            let detail = format!(
                "numbers of `{}` could be those of another series (`{}`): numbers of documents are unique",
                new.pattern, other.pattern
            );
            return Err(BillingError::precondition("NUMBERS_COULD_MEET", other.id, detail));
        }
    }
    let Some(before) = all.into_iter().find(|series| series.kind == new.kind) else {
        let id = SeriesId(unit.id()?);
        let NewSeries { kind, pattern, yearly, next_number } = new;
        let next_number = next_number.unwrap_or(1);
        let series = Series { id, kind, pattern, yearly, last_issued_on: None, next_number };
        series::insert(unit, seller_id, std::slice::from_ref(&series)).await?;
        journal(unit, None, &series);
        return Ok(series);
    };
    let next_now = before.next_on(seller.today(unit.now));
    let in_use = |words: &str| Err(BillingError::precondition("SERIES_IN_USE", before.id, words));
    let mut after = Series { pattern: new.pattern, yearly: new.yearly, ..before.clone() };
    if before.last_issued_on.is_some() && before.yearly && !new.yearly {
        return in_use("the series has given numbers that begin again each year; going on without would repeat them");
    }
    match new.next_number {
        None => {}
        Some(next) if next == next_now => {}
        Some(_) if before.last_issued_on.is_some() => {
            return in_use("the series has given numbers: the next one follows the last, without a gap");
        }
        Some(next) if next < next_now => {
            return in_use("the next number of a series can only be raised");
        }
        Some(next) => after.next_number = next,
    }
    if after != before {
        series::update(unit, &after).await?;
        journal(unit, Some(&before), &after);
    }
    Ok(after)
}

fn journal(unit: &mut Unit, before: Option<&Series>, after: &Series) {
    let told = |series: &Series| json!({ "pattern": series.pattern, "yearly": series.yearly, "next_number": series.next_number });
    let data = json!({ "document_kind": after.kind, "from": before.map(told), "to": told(after) });
    unit.event("series.set", after.id, data);
}

impl From<TakeError> for BillingError {
    fn from(error: TakeError) -> Self {
        let detail = error.to_string();
        match error {
            TakeError::Missing(_) => Self::precondition("NO_SERIES", "", detail),
            TakeError::WentBack { id, .. } => Self::precondition("CLOCK_WENT_BACK", id, detail),
            TakeError::Exhausted { id } => Self::precondition("SERIES_EXHAUSTED", id, detail),
            TakeError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests;
