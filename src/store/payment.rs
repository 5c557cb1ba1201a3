//! Money that came in, or with a negative amount went out.

use billet_domain::id::{CustomerId, PaymentId, SellerId};
use billet_domain::money::Currency;
use billet_domain::settle::{Credit, Source};
use chrono::{DateTime, NaiveDate, Utc};

use super::engine::{Kind, Rows, Table};
use super::{FromRow, Row, StoreError, Tx, Unit};
use crate::params;

/// A payment, or with a negative amount a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// Which.
    pub id: PaymentId,
    /// From whom, or to whom.
    pub customer_id: CustomerId,
    /// In which currency.
    pub currency: Currency,
    /// How much; negative when it was paid out.
    pub amount_minor: i64,
    /// What of it settles nothing yet; zero for refunds.
    pub unallocated_minor: i64,
    /// The day the money came or went.
    pub received_on: NaiveDate,
    /// `bank`, `cash`, ...
    pub method: String,
    /// The bank's or gateway's own name for it, unique with the method.
    pub reference: Option<String>,
    /// When it was booked.
    pub created_at: DateTime<Utc>,
}

impl Payment {
    /// As credit.
    #[must_use]
    pub fn as_credit(&self) -> Credit {
        Credit {
            source: Source::Payment(self.id),
            since: self.received_on,
            total_minor: self.amount_minor,
            left_minor: self.unallocated_minor,
        }
    }
}

impl FromRow for Payment {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get(0)?,
            customer_id: row.get(1)?,
            currency: row.get(2)?,
            amount_minor: row.get(3)?,
            unallocated_minor: row.get(4)?,
            received_on: row.get(5)?,
            method: row.get(6)?,
            reference: row.get(7)?,
            created_at: row.get(8)?,
        })
    }
}

macro_rules! payments {
    ($after:literal) => {
        concat!(
            "SELECT id, customer_id, currency, amount_minor, unallocated_minor, received_on, method, reference, ",
            "created_at FROM payments WHERE seller_id = $1 ",
            $after
        )
    };
}

static NEW: Table = Table {
    name: "payments",
    columns: &[
        ("seller_id", Kind::Int),
        ("id", Kind::Int),
        ("customer_id", Kind::Int),
        ("currency", Kind::Text),
        ("amount_minor", Kind::Int),
        ("unallocated_minor", Kind::Int),
        ("received_on", Kind::Text),
        ("method", Kind::Text),
        ("reference", Kind::Text),
        ("created_at", Kind::Int),
    ],
};

static CHANGED: Table = Table {
    name: "payments",
    columns: &[("seller_id", Kind::Int), ("id", Kind::Int), ("unallocated_minor", Kind::Int)],
};

/// Gathers a new payment.
pub fn add(unit: &mut Unit, payment: &Payment) {
    let row = [
        unit.seller_id.into(),
        payment.id.into(),
        payment.customer_id.into(),
        payment.currency.into(),
        payment.amount_minor.into(),
        payment.unallocated_minor.into(),
        payment.received_on.into(),
        payment.method.as_str().into(),
        payment.reference.as_deref().into(),
        payment.created_at.into(),
    ];
    unit.add(&NEW, row);
}

/// Changes to what is left of payments, to be written together.
pub struct Changes {
    seller_id: SellerId,
    rows: Rows,
}

impl Changes {
    /// None yet.
    #[must_use]
    pub fn new(seller_id: SellerId) -> Self {
        Self { seller_id, rows: Rows::new(&CHANGED) }
    }

    /// What is left of a payment now.
    pub fn left(&mut self, id: PaymentId, unallocated_minor: i64) {
        self.rows.push([self.seller_id.into(), id.into(), unallocated_minor.into()]);
    }

    /// Writes them in one statement.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn write(self, unit: &mut Unit) -> Result<(), StoreError> {
        unit.update(self.rows, 2).await?;
        Ok(())
    }
}

/// One.
///
/// # Errors
/// [`StoreError`].
pub async fn get(tx: &mut Tx, seller_id: SellerId, id: PaymentId) -> Result<Option<Payment>, StoreError> {
    tx.optional(payments!("AND id = $2"), params![seller_id, id]).await
}

/// The one with a method and reference.
///
/// # Errors
/// [`StoreError`].
pub async fn by_reference(
    tx: &mut Tx,
    seller_id: SellerId,
    method: &str,
    reference: &str,
) -> Result<Option<Payment>, StoreError> {
    tx.optional(payments!("AND method = $2 AND reference = $3"), params![seller_id, method, reference]).await
}

/// Where a page of the list ends: the instant and the id of its last row.
pub type Position = (DateTime<Utc>, PaymentId);

/// A page of payments, newest first, with one more than `limit`: of one customer or of all.
///
/// # Errors
/// [`StoreError`].
pub async fn list(
    tx: &mut Tx,
    seller_id: SellerId,
    customer_id: Option<CustomerId>,
    after: Option<Position>,
    limit: i64,
) -> Result<Vec<Payment>, StoreError> {
    let (before_us, before_id) =
        after.map_or((i64::MAX, i64::MAX), |(created_at, id)| (created_at.timestamp_micros(), id.0));
    match customer_id {
        Some(customer_id) => {
            let text = payments!(
                "AND customer_id = $2 AND (created_at, id) < ($3, $4) ORDER BY created_at DESC, id DESC LIMIT $5"
            );
            tx.all(text, params![seller_id, customer_id, before_us, before_id, limit + 1]).await
        }
        None => {
            let text = payments!("AND (created_at, id) < ($2, $3) ORDER BY created_at DESC, id DESC LIMIT $4");
            tx.all(text, params![seller_id, before_us, before_id, limit + 1]).await
        }
    }
}
