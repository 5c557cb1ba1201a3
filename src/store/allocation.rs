//! What credit is used for. A row is written once; taking it back only marks it.

use billet_domain::id::{AllocationId, CustomerId, InvoiceId, PaymentId, SellerId};
use billet_domain::money::Currency;
use billet_domain::settle::{Credit, Source, Target};
use chrono::{DateTime, Utc};

use super::engine::{Kind, Table};
use super::{FromRow, Row, Sql, StoreError, Tx, Unit, id_set};
use crate::{params, with_ids};

/// An allocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allocation {
    /// Which.
    pub id: AllocationId,
    /// Whose.
    pub customer_id: CustomerId,
    /// Where the credit comes from.
    pub source: Source,
    /// What it is used for.
    pub target: Target,
    /// In which currency.
    pub currency: Currency,
    /// More than zero.
    pub amount_minor: i64,
    /// When it was booked.
    pub created_at: DateTime<Utc>,
    /// When it was taken back.
    pub released_at: Option<DateTime<Utc>>,
}

const PAYMENT: &str = "payment";
const CREDIT_NOTE: &str = "credit_note";

impl FromRow for Allocation {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let (kind, source_id): (String, i64) = (row.get(2)?, row.get(3)?);
        let source = match kind.as_str() {
            PAYMENT => Source::Payment(PaymentId(source_id)),
            CREDIT_NOTE => Source::CreditNote(InvoiceId(source_id)),
            _ => return Err(StoreError::Corrupt(format!("`{kind}` is no source of credit"))),
        };
        let target = match (row.get::<Option<InvoiceId>>(4)?, row.get::<Option<PaymentId>>(5)?) {
            (Some(invoice_id), None) => Target::Invoice(invoice_id),
            (None, Some(refund_id)) => Target::Refund(refund_id),
            _ => return Err(StoreError::Corrupt("an allocation is for an invoice or a refund".to_owned())),
        };
        Ok(Self {
            id: row.get(0)?,
            customer_id: row.get(1)?,
            source,
            target,
            currency: row.get(6)?,
            amount_minor: row.get(7)?,
            created_at: row.get(8)?,
            released_at: row.get(9)?,
        })
    }
}

static NEW: Table = Table {
    name: "allocations",
    columns: &[
        ("seller_id", Kind::Int),
        ("id", Kind::Int),
        ("customer_id", Kind::Int),
        ("source_kind", Kind::Text),
        ("source_id", Kind::Int),
        ("invoice_id", Kind::Int),
        ("refund_id", Kind::Int),
        ("currency", Kind::Text),
        ("amount_minor", Kind::Int),
        ("created_at", Kind::Int),
        ("released_at", Kind::Int),
    ],
};

/// Gathers a new allocation.
pub fn add(unit: &mut Unit, allocation: &Allocation) {
    let (kind, source_id) = match allocation.source {
        Source::Payment(id) => (PAYMENT, id.0),
        Source::CreditNote(id) => (CREDIT_NOTE, id.0),
    };
    let (invoice_id, refund_id) = match allocation.target {
        Target::Invoice(id) => (Some(id), None),
        Target::Refund(id) => (None, Some(id)),
    };
    let row = [
        unit.seller_id.into(),
        allocation.id.into(),
        allocation.customer_id.into(),
        kind.into(),
        source_id.into(),
        invoice_id.into(),
        refund_id.into(),
        allocation.currency.into(),
        allocation.amount_minor.into(),
        allocation.created_at.into(),
        allocation.released_at.into(),
    ];
    unit.add(&NEW, row);
}

/// Marks allocations as taken back.
///
/// # Errors
/// [`StoreError::Retry`] when one of them was taken back meanwhile.
pub async fn release(unit: &mut Unit, ids: &[AllocationId]) -> Result<(), StoreError> {
    if ids.is_empty() {
        return Ok(());
    }
    let (seller_id, now) = (unit.seller_id, unit.now);
    let text = with_ids!(
        "UPDATE allocations SET released_at = $3 WHERE seller_id = $1 AND released_at IS NULL AND id ",
        2,
        ""
    );
    let touched = unit.execute(text, params![seller_id, id_set(ids.iter().map(|id| id.0)), now]).await?;
    if usize::try_from(touched) == Ok(ids.len()) { Ok(()) } else { Err(StoreError::Retry) }
}

/// One, taken back or not.
///
/// # Errors
/// [`StoreError`].
pub async fn get(tx: &mut Tx, seller_id: SellerId, id: AllocationId) -> Result<Option<Allocation>, StoreError> {
    tx.optional(
        "SELECT id, customer_id, source_kind, source_id, invoice_id, refund_id, currency, amount_minor, created_at, \
         released_at FROM allocations WHERE seller_id = $1 AND id = $2",
        params![seller_id, id],
    )
    .await
}

/// SQLite is told the index: without statistics it would rather walk through all rows of the seller.
macro_rules! of_payments {
    ($by_source:literal, $set:literal) => {
        concat!(
            "SELECT id, customer_id, source_kind, source_id, invoice_id, refund_id, currency, amount_minor, created_at, ",
            "released_at FROM allocations ",
            $by_source,
            "WHERE seller_id = $1 AND released_at IS NULL AND source_kind = 'payment' AND source_id ",
            $set,
            " ORDER BY created_at, id"
        )
    };
}

macro_rules! payments_of_invoices {
    ($by_invoice:literal, $set:literal) => {
        concat!(
            "SELECT a.id, a.invoice_id, a.amount_minor, p.id, p.received_on, p.amount_minor, p.unallocated_minor ",
            "FROM allocations AS a ",
            $by_invoice,
            "JOIN payments p ON p.seller_id = a.seller_id AND p.id = a.source_id ",
            "WHERE a.seller_id = $1 AND a.released_at IS NULL AND a.source_kind = 'payment' AND a.invoice_id ",
            $set,
            " ORDER BY a.created_at, a.id"
        )
    };
}

/// What these payments are used for, without what was taken back, in the order of booking.
///
/// # Errors
/// [`StoreError`].
pub async fn of_payments(tx: &mut Tx, seller_id: SellerId, ids: &[PaymentId]) -> Result<Vec<Allocation>, StoreError> {
    let text = Sql {
        sqlite: of_payments!("INDEXED BY allocations_by_source ", "IN (SELECT value FROM json_each($2))"),
        postgres: of_payments!("", "= ANY (ARRAY(SELECT json_array_elements_text($2::json)::bigint))"),
    };
    tx.all(text, params![seller_id, id_set(ids.iter().map(|id| id.0))]).await
}

/// What settles these invoices by payments, in the order of booking, each with how much came with the payment, what is
/// left of it, and the day it came.
///
/// # Errors
/// [`StoreError`].
pub async fn payments_of_invoices(
    tx: &mut Tx,
    seller_id: SellerId,
    ids: impl IntoIterator<Item = InvoiceId>,
) -> Result<Vec<PaidBy>, StoreError> {
    let text = Sql {
        sqlite: payments_of_invoices!("INDEXED BY allocations_by_invoice ", "IN (SELECT value FROM json_each($2))"),
        postgres: payments_of_invoices!("", "= ANY (ARRAY(SELECT json_array_elements_text($2::json)::bigint))"),
    };
    tx.all(text, params![seller_id, id_set(ids.into_iter().map(|id| id.0))]).await
}

/// A payment that settles an invoice, at least in part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaidBy {
    /// The allocation.
    pub allocation_id: AllocationId,
    /// The invoice.
    pub invoice_id: InvoiceId,
    /// How much of the invoice it settles.
    pub amount_minor: i64,
    /// The payment.
    pub payment: Credit,
}

impl FromRow for PaidBy {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            allocation_id: row.get(0)?,
            invoice_id: row.get(1)?,
            amount_minor: row.get(2)?,
            payment: Credit {
                source: Source::Payment(row.get(3)?),
                since: row.get(4)?,
                total_minor: row.get(5)?,
                left_minor: row.get(6)?,
            },
        })
    }
}
