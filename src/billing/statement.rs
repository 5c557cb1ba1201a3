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

#[cfg(test)]
mod tests {
    use billet_domain::document::DocumentKind;
    use billet_domain::id::InvoiceId;
    use billet_domain::money::Money;
    use chrono::TimeDelta;

    use super::*;
    use crate::billing::pay::{self, NewPayment};
    use crate::billing::settle::{NewItem, settle};
    use crate::billing::write_off::write_off;
    use crate::store::fixture::{self, TODAY};
    use crate::store::testing::stores;

    #[tokio::test]
    async fn a_statement_tells_what_happened_and_is_the_same_whenever_it_is_asked_for() {
        for fresh in stores().await {
            let (seller_id, customers) = fixture::seller(&fresh.store, 2).await;
            let customer_id = customers[0];
            let day = |days: i64| TODAY + TimeDelta::days(days);
            let noon = |days| day(days).and_hms_opt(12, 0, 0).expect("noon").and_utc();
            let mut documents = Vec::new();
            // Invoices on two days, the second with negative tax; money in between; the rest is given up.
            for (days, net_minor, tax_minor) in [(0, 10_000, 1_900), (2, 5_000, -500)] {
                let mut unit = fresh.store.begin(seller_id, "tok_1", noon(days)).await.expect("begins");
                let invoice_id = InvoiceId(unit.id().expect("an id"));
                let gross_minor = net_minor + tax_minor;
                let (kind, currency) = (DocumentKind::Invoice, Currency::EUR);
                fixture::document(&mut unit, invoice_id, customer_id, kind, currency, gross_minor).await;
                let (due_date, preceding) = (None, Vec::new());
                let item = NewItem {
                    invoice_id,
                    customer_id,
                    kind,
                    currency,
                    due_date,
                    net_minor,
                    tax_minor,
                    gross_minor,
                    preceding,
                };
                settle(&mut unit, day(days), vec![item]).await.expect("settles");
                unit.commit().await.expect("commits");
                documents.push(invoice_id);
                let mut unit = fresh.store.begin(seller_id, "tok_1", noon(days + 1)).await.expect("begins");
                let new = NewPayment {
                    customer_id,
                    amount: Money::new(6_000, Currency::EUR),
                    moved_on: None,
                    method: String::new(),
                    reference: Some(format!("TX-{days}")),
                };
                pay::record(&mut unit, new, &[], false).await.expect("booked");
                unit.commit().await.expect("commits");
            }
            let mut unit = fresh.store.begin(seller_id, "tok_1", noon(4)).await.expect("begins");
            write_off(&mut unit, documents[1], "lost").await.expect("written off");
            unit.commit().await.expect("commits");

            let mut tx = fresh.store.snapshot().await.expect("begins");
            let all = statement(&mut tx, seller_id, customer_id, Currency::EUR, None, day(4)).await.expect("short");
            let lines: Vec<_> = all
                .lines
                .iter()
                .map(|line| (line.posted_on, line.kind, line.reference.as_str(), line.amount_minor, line.balance_minor))
                .collect();
            let (first, second) = (format!("R-{}", documents[0].0), format!("R-{}", documents[1].0));
            assert_eq!(
                lines,
                [
                    (day(0), EntryKind::Issue, first.as_str(), 11_900, 11_900),
                    (day(1), EntryKind::Payment, "TX-0", -6_000, 5_900),
                    (day(2), EntryKind::Issue, second.as_str(), 4_500, 10_400),
                    (day(3), EntryKind::Payment, "TX-2", -6_000, 4_400),
                    (day(4), EntryKind::WriteOff, second.as_str(), -4_400, 0),
                ]
            );
            assert_eq!((all.opening_minor, all.closing_minor), (0, 0));

            let period = Some(Period::new(day(1), day(3)));
            let part = statement(&mut tx, seller_id, customer_id, Currency::EUR, period, day(4)).await.expect("short");
            assert_eq!((part.opening_minor, part.lines.len(), part.closing_minor), (11_900, 2, 10_400));
            assert_eq!(part.lines, all.lines[1..3]);
            let past = statement(&mut tx, seller_id, customer_id, Currency::EUR, None, day(1)).await.expect("short");
            assert_eq!(past.closing_minor, 5_900, "as of that day");
            for (customer_id, currency) in [(customers[1], "EUR"), (customer_id, "PLN")] {
                let currency = currency.parse().expect("a currency");
                let none = statement(&mut tx, seller_id, customer_id, currency, None, day(4)).await.expect("short");
                assert_eq!((none.lines.len(), none.closing_minor), (0, 0));
            }
        }
    }
}
