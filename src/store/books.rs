//! Whether the books say the same as what they are the books of. A ledger row is balanced by its shape; what can go
//! wrong is that the balance of an account is not the sum of the open items behind it.

use billet_domain::id::SellerId;
use billet_domain::money::Currency;

use super::{FromRow, Row, StoreError, Tx};

/// A seller's accounts in one currency that do not agree, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disagreement {
    /// Whose.
    pub seller_id: SellerId,
    /// In which currency.
    pub currency: Currency,
    /// What the ledger says that customers owe.
    pub receivable_minor: i64,
    /// What is open of their invoices.
    pub open_minor: i64,
    /// What the ledger says that customers have to their credit.
    pub credit_minor: i64,
    /// What of payments and credit notes is unused.
    pub unused_minor: i64,
}

impl FromRow for Disagreement {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            seller_id: row.get(0)?,
            currency: row.get(1)?,
            receivable_minor: row.get(2)?,
            open_minor: row.get(3)?,
            credit_minor: row.get(4)?,
            unused_minor: row.get(5)?,
        })
    }
}

/// Where ledger and open items disagree, over all sellers, `limit` at most. Reads both tables whole.
///
/// # Errors
/// [`StoreError`].
pub async fn disagreements(tx: &mut Tx, limit: i64) -> Result<Vec<Disagreement>, StoreError> {
    tx.all(
        "SELECT seller_id, currency, receivable, open, credit, unused FROM ( \
             SELECT seller_id, currency, CAST(SUM(receivable) AS BIGINT) AS receivable, CAST(SUM(open) AS BIGINT) AS open, \
                 CAST(SUM(credit) AS BIGINT) AS credit, CAST(SUM(unused) AS BIGINT) AS unused FROM ( \
                 SELECT seller_id, currency, \
                     CASE WHEN debit_account = 'receivable' THEN amount_minor WHEN credit_account = 'receivable' THEN -amount_minor ELSE 0 END AS receivable, \
                     0 AS open, \
                     CASE WHEN credit_account = 'customer_credit' THEN amount_minor WHEN debit_account = 'customer_credit' THEN -amount_minor ELSE 0 END AS credit, \
                     0 AS unused FROM ledger_entries \
                 UNION ALL \
                 SELECT seller_id, currency, 0, CASE WHEN kind = 'invoice' THEN open_minor ELSE 0 END, \
                     0, CASE WHEN kind = 'invoice' THEN 0 ELSE open_minor END FROM open_items WHERE open_minor > 0 \
                 UNION ALL \
                 SELECT seller_id, currency, 0, 0, 0, unallocated_minor FROM payments WHERE unallocated_minor > 0 \
             ) AS movements GROUP BY seller_id, currency \
         ) AS balances WHERE receivable <> open OR credit <> unused ORDER BY seller_id, currency LIMIT $1",
        crate::params![limit],
    )
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::{seller, stores};

    #[tokio::test]
    async fn an_open_item_without_its_entry_is_found() {
        for fresh in stores().await {
            let seller_id = seller(&fresh.store, 1).await;
            let mut tx = fresh.store.engine().begin().await.expect("a transaction");
            assert_eq!(disagreements(&mut tx, 10).await.expect("readable"), []);
            let entry = "INSERT INTO ledger_entries (seller_id, id, posted_on, kind, debit_account, credit_account, currency, amount_minor, \
                 customer_id, document_id, recorded_at) VALUES ($1, $2, '2026-11-01', 'issue', $3, $4, 'EUR', $5, 7, 9, 0)";
            for (id, debit, credit, amount) in [
                (1_i64, "receivable", "revenue", 1_000_i64),
                (2, "receivable", "tax", 190),
                (3, "cash", "customer_credit", 500),
                (4, "customer_credit", "receivable", 300),
            ] {
                tx.execute(entry, crate::params![seller_id, id, debit, credit, amount]).await.expect("an entry");
            }
            let found = disagreements(&mut tx, 10).await.expect("readable");
            let expected = Disagreement {
                seller_id,
                currency: "EUR".parse().expect("a currency"),
                receivable_minor: 890,
                open_minor: 0,
                credit_minor: 200,
                unused_minor: 0,
            };
            assert_eq!(found, [expected]);
        }
    }
}
