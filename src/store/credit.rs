//! What customers have to their credit: payments and documents that give money back, as far as they are not used.

use billet_domain::id::{CustomerId, InvoiceId, PaymentId, SellerId};
use billet_domain::money::Currency;
use billet_domain::settle::{Credit, Source};
use chrono::NaiveDate;

use super::{FromRow, Row, Sql, StoreError, Tx, id_set};
use crate::params;

/// Credit of a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnedCredit {
    /// Whose.
    pub customer_id: CustomerId,
    /// In which currency.
    pub currency: Currency,
    /// The credit.
    pub credit: Credit,
}

impl FromRow for OwnedCredit {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let (is_payment, id): (bool, i64) = (row.get(0)?, row.get(1)?);
        let source = if is_payment { Source::Payment(PaymentId(id)) } else { Source::CreditNote(InvoiceId(id)) };
        Ok(Self {
            customer_id: row.get(2)?,
            currency: row.get(3)?,
            credit: Credit {
                source,
                since: row.get::<NaiveDate>(4)?,
                total_minor: row.get(5)?,
                left_minor: row.get(6)?,
            },
        })
    }
}

/// SQLite is told the index: without statistics it would rather walk through all rows of the seller.
macro_rules! credits {
    ($unallocated:literal, $unused:literal, $set:literal) => {
        concat!(
            "SELECT CAST(1 AS BIGINT), id, customer_id, currency, received_on, amount_minor, unallocated_minor ",
            "FROM payments ",
            $unallocated,
            "WHERE seller_id = $1 AND unallocated_minor > 0 AND customer_id ",
            $set,
            " UNION ALL ",
            "SELECT CAST(0 AS BIGINT), invoice_id, customer_id, currency, issued_on, gross_minor, open_minor ",
            "FROM open_items ",
            $unused,
            "WHERE seller_id = $1 AND open_minor > 0 AND kind <> 'invoice' AND customer_id ",
            $set
        )
    };
}

/// Everything that is left of the credit of these customers, in no particular order.
///
/// # Errors
/// [`StoreError`].
pub async fn of_customers(
    tx: &mut Tx,
    seller_id: SellerId,
    customer_ids: impl IntoIterator<Item = CustomerId>,
) -> Result<Vec<OwnedCredit>, StoreError> {
    let text = Sql {
        sqlite: credits!(
            "INDEXED BY payments_unallocated ",
            "INDEXED BY open_items_credit ",
            "IN (SELECT value FROM json_each($2))"
        ),
        postgres: credits!("", "", "= ANY (ARRAY(SELECT json_array_elements_text($2::json)::bigint))"),
    };
    tx.all(text, params![seller_id, id_set(customer_ids.into_iter().map(|id| id.0))]).await
}

macro_rules! any_credit {
    ($unallocated:literal, $unused:literal) => {
        concat!(
            "SELECT id FROM (SELECT id FROM payments ",
            $unallocated,
            "WHERE seller_id = $1 AND unallocated_minor > 0 LIMIT 1) AS paid UNION ALL ",
            "SELECT invoice_id FROM (SELECT invoice_id FROM open_items ",
            $unused,
            "WHERE seller_id = $1 AND open_minor > 0 AND kind <> 'invoice' LIMIT 1) AS noted LIMIT 1"
        )
    };
}

/// Whether any customer of the seller has any credit: two looks into indexes, so that the common batch of new invoices
/// can do without the search by customer.
///
/// # Errors
/// [`StoreError`].
pub async fn is_any(tx: &mut Tx, seller_id: SellerId) -> Result<bool, StoreError> {
    let text = Sql {
        sqlite: any_credit!("INDEXED BY payments_unallocated ", "INDEXED BY open_items_credit "),
        postgres: any_credit!("", ""),
    };
    let found: Option<(i64,)> = tx.optional(text, params![seller_id]).await?;
    Ok(found.is_some())
}
