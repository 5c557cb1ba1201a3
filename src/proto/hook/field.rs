//! The rules of single fields.

use chrono::{Datelike, NaiveDate};
use rust_decimal::Decimal;

use crate::proto::google::r#type as google;

/// The most years a domain can be registered or renewed for.
const YEARS_MAX: u32 = 10;

/// A field of a reported event that breaks its rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {problem}")]
pub struct FieldError {
    /// Its path within the event: `external_ref`, `usage_reported.from`.
    pub field: &'static str,
    /// Which rule.
    pub problem: FieldProblem,
}

impl FieldError {
    pub(super) const fn new(field: &'static str, problem: FieldProblem) -> Self {
        Self { field, problem }
    }
}

/// The rule that a field breaks. Written so that it reads on from the field's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldProblem {
    /// Required and absent or blank.
    #[error("is required")]
    Missing,
    /// Absent where there is no event id either.
    #[error("is required when there is no `event_id`")]
    MissingWithoutEventId,
    /// Longer than it may be.
    #[error("has {chars} characters, and may have {chars_max}")]
    TooLong {
        /// How long it is, in characters.
        chars: usize,
        /// How long it may be.
        chars_max: usize,
    },
    /// Has characters that nobody can see.
    #[error("has control characters")]
    ControlCharacters,
    /// No instance id.
    #[error("is not an instance: it should look like `ins_1042`")]
    NotAnInstance,
    /// No instant that the calendar knows.
    #[error("is not an instant")]
    NotAnInstant,
    /// Before the beginning of computers' time.
    #[error("is before 1970")]
    BeforeClocks,
    /// No whole date that the calendar knows.
    #[error("is not a date with year, month and day")]
    NotADate,
    /// A period that is empty or runs backwards.
    #[error("is not after `from`")]
    NotAfterFrom,
    /// No decimal number of up to 28 digits.
    #[error("is not a decimal number of up to 28 digits")]
    NotADecimal,
    /// Below zero.
    #[error("is negative")]
    Negative,
    /// Too few or too many years.
    #[error("is {years}, and may be {years_min} to {years_max}")]
    YearsOutOfRange {
        /// What was given.
        years: u32,
        /// The fewest.
        years_min: u32,
        /// The most.
        years_max: u32,
    },
}

/// A name: no control characters, not too long, perhaps empty.
pub(super) fn name(field: &'static str, given: String, chars_max: usize) -> Result<String, FieldError> {
    if given.chars().any(char::is_control) {
        return Err(FieldError::new(field, FieldProblem::ControlCharacters));
    }
    within(field, given, chars_max)
}

/// Text for people: as a name, but with line breaks and tabs. (PostgreSQL stores no NUL; none of the others is any use.)
pub(super) fn text(field: &'static str, given: String, chars_max: usize) -> Result<String, FieldError> {
    if given.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(FieldError::new(field, FieldProblem::ControlCharacters));
    }
    within(field, given, chars_max)
}

fn within(field: &'static str, given: String, chars_max: usize) -> Result<String, FieldError> {
    match given.chars().count() {
        chars if chars > chars_max => Err(FieldError::new(field, FieldProblem::TooLong { chars, chars_max })),
        _ => Ok(given),
    }
}

pub(super) fn decimal(field: &'static str, given: Option<google::Decimal>) -> Result<Decimal, FieldError> {
    let given = given.ok_or(FieldError::new(field, FieldProblem::Missing))?.value;
    // google.type.Decimal allows an exponent and a leading plus sign.
    let number = match given.contains(['e', 'E']) {
        true => Decimal::from_scientific(&given),
        false => Decimal::from_str_exact(&given),
    };
    match number {
        Err(_) => Err(FieldError::new(field, FieldProblem::NotADecimal)),
        Ok(number) if number.is_sign_negative() && !number.is_zero() => {
            Err(FieldError::new(field, FieldProblem::Negative))
        }
        Ok(number) => Ok(number),
    }
}

pub(super) fn from_decimal(number: Decimal) -> google::Decimal {
    google::Decimal { value: number.to_string() }
}

pub(super) fn day(field: &'static str, given: Option<google::Date>) -> Result<NaiveDate, FieldError> {
    let given = given.ok_or(FieldError::new(field, FieldProblem::Missing))?;
    let parts = (u32::try_from(given.month), u32::try_from(given.day));
    match parts {
        (Ok(month), Ok(day)) if (1..=9999).contains(&given.year) => NaiveDate::from_ymd_opt(given.year, month, day),
        _ => None,
    }
    .ok_or(FieldError::new(field, FieldProblem::NotADate))
}

pub(super) fn from_day(date: NaiveDate) -> google::Date {
    google::Date { year: date.year(), month: date.month().cast_signed(), day: date.day().cast_signed() }
}

pub(super) fn years(field: &'static str, years: u32, years_min: u32) -> Result<u32, FieldError> {
    match years {
        _ if (years_min..=YEARS_MAX).contains(&years) => Ok(years),
        _ => Err(FieldError::new(field, FieldProblem::YearsOutOfRange { years, years_min, years_max: YEARS_MAX })),
    }
}
