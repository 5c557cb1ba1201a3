//! A customer's account on paper: what it owed, what happened, what it owes.

use billet_domain::id::{CustomerId, SellerId};
use billet_domain::ledger::EntryKind;
use billet_domain::money::{Currency, MoneyError};
use billet_domain::period::Period;
use chrono::{Days, NaiveDate};

use super::BillingError;
use crate::store::{Tx, ledger};

/// The most lines of a statement.
pub const LINES_MAX: usize = 10_000;

/// One movement on a customer's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The booking date.
    pub posted_on: NaiveDate,
    /// Why.
    pub kind: EntryKind,
    /// The id of the document, payment or refund.
    pub document_id: i64,
    /// The document's number or the payment's reference; empty when it has none.
    pub reference: String,
    /// Positive raises what the customer owes.
    pub amount_minor: i64,
    /// After this movement.
    pub balance_minor: i64,
}

/// A customer's account in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// In which currency.
    pub currency: Currency,
    /// Before the first line: positive when the customer owed.
    pub opening_minor: i64,
    /// In the order of booking.
    pub lines: Vec<Line>,
    /// After the last line.
    pub closing_minor: i64,
}

/// A customer's account in one currency for a period, or for all time up to and with `today`. It is a sum of ledger
/// entries, so that a statement of the past comes out the same whenever it is asked for. Allocations are left out: they
/// only say what settles what.
///
/// # Errors
/// [`BillingError::Precondition`] `STATEMENT_TOO_LONG` above [`LINES_MAX`] lines.
pub async fn statement(
    tx: &mut Tx,
    seller_id: SellerId,
    customer_id: CustomerId,
    currency: Currency,
    period: Option<Period>,
    today: NaiveDate,
) -> Result<Statement, BillingError> {
    let tomorrow = today.checked_add_days(Days::new(1)).unwrap_or(today);
    let Period { from, to } = period.unwrap_or(Period::new(NaiveDate::default(), tomorrow));
    let opening_minor = ledger::balance_before(tx, seller_id, customer_id, currency, from).await?;
    let limit = i64::try_from(LINES_MAX + 1).unwrap_or(i64::MAX);
    let movements = ledger::movements(tx, seller_id, customer_id, currency, (from, to), limit).await?;
    if movements.len() > LINES_MAX {
        let detail = format!("more than {LINES_MAX} movements from {from} up to {to}: ask for a shorter period");
        return Err(BillingError::precondition("STATEMENT_TOO_LONG", customer_id, detail));
    }
    let mut balance_minor = opening_minor;
    let mut lines = Vec::with_capacity(movements.len());
    for moved in movements {
        balance_minor = balance_minor.checked_add(moved.amount_minor).ok_or(MoneyError::Overflow)?;
        lines.push(Line {
            posted_on: moved.posted_on,
            kind: moved.kind,
            document_id: moved.document_id,
            reference: moved.reference,
            amount_minor: moved.amount_minor,
            balance_minor,
        });
    }
    Ok(Statement { currency, opening_minor, lines, closing_minor: balance_minor })
}
