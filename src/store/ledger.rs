//! The books. Entries are only ever added; every balance is a sum of them.

mod audit;

use billet_domain::id::{CustomerId, SellerId};
use billet_domain::ledger::{EntryKind, Posting};
use billet_domain::money::Currency;
use chrono::NaiveDate;

use super::engine::{Kind, Table};
use super::{FromRow, Row, StoreError, Tx, Unit, Word};
use crate::params;

pub use audit::{audit, audit_documents};

pub(super) static ENTRIES: Table = Table {
    name: "ledger_entries",
    columns: &[
        ("seller_id", Kind::Int),
        ("id", Kind::Int),
        ("posted_on", Kind::Text),
        ("kind", Kind::Text),
        ("debit_account", Kind::Text),
        ("credit_account", Kind::Text),
        ("currency", Kind::Text),
        ("amount_minor", Kind::Int),
        ("customer_id", Kind::Int),
        ("document_id", Kind::Int),
        ("recorded_at", Kind::Int),
    ],
};

/// An entry for the books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Its id.
    pub id: i64,
    /// The seller's date.
    pub posted_on: NaiveDate,
    /// Why.
    pub kind: EntryKind,
    /// From where to where, how much.
    pub posting: Posting,
    /// In which currency.
    pub currency: Currency,
    /// On whose account.
    pub customer_id: CustomerId,
    /// What it books: the id of a document, payment, refund or allocation.
    pub document_id: i64,
}

/// Gathers an entry.
pub fn add(unit: &mut Unit, entry: &Entry) {
    let row = [
        unit.seller_id.into(),
        entry.id.into(),
        entry.posted_on.into(),
        entry.kind.as_str().into(),
        entry.posting.debit.as_str().into(),
        entry.posting.credit.as_str().into(),
        entry.currency.into(),
        entry.posting.amount_minor.into(),
        entry.customer_id.into(),
        entry.document_id.into(),
        unit.now.into(),
    ];
    unit.add(&ENTRIES, row);
}

/// What moved between two accounts in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// The debited account.
    pub debit: String,
    /// The credited account.
    pub credit: String,
    /// In which currency.
    pub currency: Currency,
    /// The sum.
    pub amount_minor: i64,
}

impl FromRow for Flow {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { debit: row.get(0)?, credit: row.get(1)?, currency: row.get(2)?, amount_minor: row.get(3)? })
    }
}

/// The sums of all entries up to and with a day, by pair of accounts and currency. Reads the whole ledger once.
///
/// # Errors
/// [`StoreError`].
pub async fn flows(tx: &mut Tx, seller_id: SellerId, as_of: Option<NaiveDate>) -> Result<Vec<Flow>, StoreError> {
    tx.all(
        "SELECT debit_account, credit_account, currency, CAST(SUM(amount_minor) AS BIGINT) FROM ledger_entries \
         WHERE seller_id = $1 AND posted_on <= $2 GROUP BY debit_account, credit_account, currency",
        params![seller_id, as_of.unwrap_or(LAST_DAY)],
    )
    .await
}

/// Later than any date that is booked on: dates are compared as texts of four-digit years.
const LAST_DAY: NaiveDate = match NaiveDate::from_ymd_opt(9999, 12, 31) {
    Some(day) => day,
    None => NaiveDate::MIN,
};

/// What moved on a customer's account by one document, payment or refund on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Movement {
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
}

impl FromRow for Movement {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            posted_on: row.get(0)?,
            kind: row.get::<Word<_>>(1)?.0,
            document_id: row.get(2)?,
            amount_minor: row.get(3)?,
            reference: row.get(4)?,
        })
    }
}

/// Movements on a customer's account from a day up to the day before another, in the order of booking, at most `limit`.
/// Allocations are left out: they move nothing between the customer and the seller.
///
/// # Errors
/// [`StoreError`].
pub async fn movements(
    tx: &mut Tx,
    seller_id: SellerId,
    customer_id: CustomerId,
    currency: Currency,
    (from, to): (NaiveDate, NaiveDate),
    limit: i64,
) -> Result<Vec<Movement>, StoreError> {
    // Ids are unique over all tables, so that a document id finds either an invoice or a payment.
    tx.all(
        "SELECT posted_on, kind, document_id, amount_minor, COALESCE(\
             (SELECT i.number FROM invoices i WHERE i.seller_id = $1 AND i.id = moved.document_id), \
             (SELECT p.reference FROM payments p WHERE p.seller_id = $1 AND p.id = moved.document_id), '') \
         FROM (SELECT posted_on, kind, document_id, MIN(recorded_at) AS booked_at, CAST(SUM(\
                 CASE WHEN debit_account IN ('receivable', 'customer_credit') THEN amount_minor ELSE 0 END - \
                 CASE WHEN credit_account IN ('receivable', 'customer_credit') THEN amount_minor ELSE 0 END\
             ) AS BIGINT) AS amount_minor \
             FROM ledger_entries \
             WHERE seller_id = $1 AND customer_id = $2 AND currency = $3 AND posted_on >= $4 AND posted_on < $5 \
                 AND kind NOT IN ('allocation', 'release') \
             GROUP BY posted_on, kind, document_id) AS moved \
         ORDER BY posted_on, booked_at, document_id LIMIT $6",
        params![seller_id, customer_id, currency, from, to, limit],
    )
    .await
}

/// A customer's balance before a day: positive when it owes.
///
/// # Errors
/// [`StoreError`].
pub async fn balance_before(
    tx: &mut Tx,
    seller_id: SellerId,
    customer_id: CustomerId,
    currency: Currency,
    day: NaiveDate,
) -> Result<i64, StoreError> {
    let (minor,): (i64,) = tx
        .one(
            "SELECT CAST(COALESCE(SUM(\
                 CASE WHEN debit_account IN ('receivable', 'customer_credit') THEN amount_minor ELSE 0 END - \
                 CASE WHEN credit_account IN ('receivable', 'customer_credit') THEN amount_minor ELSE 0 END), 0) AS BIGINT) \
             FROM ledger_entries WHERE seller_id = $1 AND customer_id = $2 AND currency = $3 AND posted_on < $4",
            params![seller_id, customer_id, currency, day],
        )
        .await?;
    Ok(minor)
}
