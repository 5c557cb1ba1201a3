//! Whether the books, the open items, the payments and the allocations tell the same story. Each check is one pass over
//! the tables concerned that adds up two sides by a key and tells where they differ; when none does, all is well.

use billet_domain::id::{AllocationId, CustomerId, InvoiceId, PaymentId, SellerId};
use billet_domain::invoice::Breakdown;
use billet_domain::money::{Currency, Money};

use crate::params;
use crate::store::open_item::OpenItem;
use crate::store::{FromRow, Json, Row, StoreError, Tx};

/// How many disagreements of one sort are told.
const TOLD_MAX: i64 = 100;
/// How many documents are looked at together.
const LOOKED_AT_MAX: i64 = 1_000;

/// What is inconsistent in a seller's books, in words; empty when everything agrees. Reads all of the seller's entries,
/// open items, payments and allocations; tells at most 100 findings of each sort.
///
/// # Errors
/// [`StoreError`].
pub async fn audit(tx: &mut Tx, seller_id: SellerId) -> Result<Vec<String>, StoreError> {
    let mut findings = Vec::new();
    for check in CHECKS {
        let pairs: Vec<Pair> = tx.all(check.sides, params![seller_id, TOLD_MAX]).await?;
        findings.extend(pairs.iter().map(|pair| check.tell(pair)));
    }
    documents(tx, seller_id, &mut findings).await?;
    states(tx, seller_id, &mut findings).await?;
    allocations(tx, seller_id, &mut findings).await?;
    Ok(findings)
}

/// Two sums that should be the same.
struct Pair {
    key: i64,
    currency: Currency,
    left_minor: i64,
    right_minor: i64,
}

impl FromRow for Pair {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { key: row.get(0)?, currency: row.get(1)?, left_minor: row.get(2)?, right_minor: row.get(3)? })
    }
}

/// A comparison of two sums by key and currency.
struct Check {
    /// What the key names.
    subject: fn(i64) -> String,
    /// What the left sum is.
    left: &'static str,
    /// What the right sum is.
    right: &'static str,
    sides: &'static str,
}

impl Check {
    fn tell(&self, pair: &Pair) -> String {
        let money = |minor| Money::new(minor, pair.currency);
        format!(
            "{}: {}: {}, but {}: {}",
            (self.subject)(pair.key),
            self.left,
            money(pair.left_minor),
            self.right,
            money(pair.right_minor)
        )
    }
}

/// A statement that adds up rows of (key, currency, left, right) and answers where the sums differ.
macro_rules! sides {
    ($first:literal $(, $next:literal)*) => {
        concat!(
            "SELECT subject, currency, CAST(SUM(one) AS BIGINT), CAST(SUM(other) AS BIGINT) FROM (SELECT ",
            $first,
            $(" UNION ALL SELECT ", $next,)*
            ") AS sides GROUP BY subject, currency HAVING SUM(one) <> SUM(other) ORDER BY subject LIMIT $2"
        )
    };
}

fn customer(key: i64) -> String {
    CustomerId(key).to_string()
}

fn invoice(key: i64) -> String {
    InvoiceId(key).to_string()
}

fn payment(key: i64) -> String {
    PaymentId(key).to_string()
}

const CHECKS: &[Check] = &[
    Check {
        subject: customer,
        left: "the ledger's receivables",
        right: "the open invoices",
        sides: sides!(
            "customer_id AS subject, currency, amount_minor AS one, 0 AS other FROM ledger_entries \
             WHERE seller_id = $1 AND debit_account = 'receivable'",
            "customer_id, currency, -amount_minor, 0 FROM ledger_entries \
             WHERE seller_id = $1 AND credit_account = 'receivable'",
            "customer_id, currency, 0, open_minor FROM open_items WHERE seller_id = $1 AND kind = 'invoice'"
        ),
    },
    Check {
        subject: customer,
        left: "the ledger's credit entries",
        right: "what payments and credit notes have left",
        sides: sides!(
            "customer_id AS subject, currency, amount_minor AS one, 0 AS other FROM ledger_entries \
             WHERE seller_id = $1 AND credit_account = 'customer_credit'",
            "customer_id, currency, -amount_minor, 0 FROM ledger_entries \
             WHERE seller_id = $1 AND debit_account = 'customer_credit'",
            "customer_id, currency, 0, unallocated_minor FROM payments WHERE seller_id = $1",
            "customer_id, currency, 0, open_minor FROM open_items WHERE seller_id = $1 AND kind <> 'invoice'"
        ),
    },
    Check {
        subject: invoice,
        left: "the ledger's entries for it",
        right: "the document",
        sides: sides!(
            "document_id AS subject, currency, amount_minor AS one, 0 AS other FROM ledger_entries \
             WHERE seller_id = $1 AND (kind = 'issue' AND debit_account = 'receivable' \
                 OR kind = 'credit' AND credit_account = 'customer_credit')",
            "document_id, currency, -amount_minor, 0 FROM ledger_entries \
             WHERE seller_id = $1 AND (kind = 'issue' AND credit_account = 'receivable' \
                 OR kind = 'credit' AND debit_account = 'customer_credit')",
            "invoice_id, currency, 0, gross_minor FROM open_items WHERE seller_id = $1"
        ),
    },
    Check {
        subject: invoice,
        left: "what counts as settled",
        right: "allocations and write-offs",
        sides: sides!(
            "invoice_id AS subject, currency, gross_minor - open_minor AS one, written_off_minor AS other \
             FROM open_items WHERE seller_id = $1",
            "invoice_id, currency, 0, amount_minor FROM allocations \
             WHERE seller_id = $1 AND released_at IS NULL AND invoice_id IS NOT NULL",
            "source_id, currency, 0, amount_minor FROM allocations \
             WHERE seller_id = $1 AND released_at IS NULL AND source_kind = 'credit_note'"
        ),
    },
    Check {
        subject: invoice,
        left: "what counts as credited",
        right: "allocations of credit notes",
        sides: sides!(
            "invoice_id AS subject, currency, credited_minor AS one, 0 AS other FROM open_items WHERE seller_id = $1",
            "invoice_id, currency, 0, amount_minor FROM allocations \
             WHERE seller_id = $1 AND released_at IS NULL AND source_kind = 'credit_note' AND invoice_id IS NOT NULL"
        ),
    },
    Check {
        subject: invoice,
        left: "what counts as written off",
        right: "the ledger's write-offs",
        sides: sides!(
            "invoice_id AS subject, currency, written_off_minor AS one, 0 AS other FROM open_items WHERE seller_id = $1",
            "document_id, currency, 0, amount_minor FROM ledger_entries \
             WHERE seller_id = $1 AND kind = 'write_off' AND debit_account = 'write_off'",
            "document_id, currency, 0, -amount_minor FROM ledger_entries \
             WHERE seller_id = $1 AND kind = 'write_off' AND credit_account = 'write_off'"
        ),
    },
    Check {
        subject: payment,
        left: "what is used of it",
        right: "its allocations",
        // A refund has a negative amount and nothing left; what it was paid out of adds up to it.
        sides: sides!(
            "id AS subject, currency, amount_minor - unallocated_minor AS one, 0 AS other FROM payments \
             WHERE seller_id = $1",
            "source_id, currency, 0, amount_minor FROM allocations \
             WHERE seller_id = $1 AND released_at IS NULL AND source_kind = 'payment'",
            "refund_id, currency, 0, -amount_minor FROM allocations \
             WHERE seller_id = $1 AND released_at IS NULL AND refund_id IS NOT NULL"
        ),
    },
    Check {
        subject: payment,
        left: "the ledger's cash entries for it",
        right: "the payment",
        sides: sides!(
            "document_id AS subject, currency, amount_minor AS one, 0 AS other FROM ledger_entries \
             WHERE seller_id = $1 AND debit_account = 'cash'",
            "document_id, currency, -amount_minor, 0 FROM ledger_entries \
             WHERE seller_id = $1 AND credit_account = 'cash'",
            "id, currency, 0, amount_minor FROM payments WHERE seller_id = $1"
        ),
    },
];

/// Issued documents without an open item that says the same, and the other way round.
async fn documents(tx: &mut Tx, seller_id: SellerId, findings: &mut Vec<String>) -> Result<(), StoreError> {
    let strangers: Vec<(InvoiceId,)> = tx
        .all(
            "SELECT i.id FROM invoices i LEFT JOIN open_items o ON o.seller_id = i.seller_id AND o.invoice_id = i.id \
             WHERE i.seller_id = $1 AND i.number IS NOT NULL AND (o.invoice_id IS NULL OR o.kind <> i.kind \
                 OR o.customer_id <> i.customer_id OR o.currency <> i.currency OR o.gross_minor <> ABS(i.gross_minor)) \
             UNION SELECT o.invoice_id FROM open_items o \
                 LEFT JOIN invoices i ON i.seller_id = o.seller_id AND i.id = o.invoice_id \
                 WHERE o.seller_id = $1 AND i.number IS NULL \
             ORDER BY 1 LIMIT $2",
            params![seller_id, TOLD_MAX],
        )
        .await?;
    for (invoice_id,) in strangers {
        findings.push(format!("{invoice_id}: the issued document and its open item do not say the same"));
    }
    Ok(())
}

/// Issued documents that do not add up, in words: net and tax to gross, lines less allowances to net; at most 100. SQL
/// finds those whose lines alone are not the net; their allowances, which are kept as JSON, are looked at here.
///
/// # Errors
/// [`StoreError`].
pub async fn audit_documents(tx: &mut Tx, seller_id: SellerId) -> Result<Vec<String>, StoreError> {
    let mut findings = Vec::new();
    let mut after = InvoiceId(0);
    loop {
        let unlike: Vec<(InvoiceId, Json<Breakdown>, i64, i64)> = tx
            .all(
                "SELECT i.id, i.breakdown, CAST(i.net_minor - COALESCE(l.net, 0) AS BIGINT), \
                     CAST(i.gross_minor - i.net_minor - i.tax_minor AS BIGINT) FROM invoices i \
                 LEFT JOIN (SELECT n.invoice_id, \
                         SUM(CASE WHEN o.kind = 'invoice' THEN n.net_minor ELSE -n.net_minor END) AS net \
                     FROM invoice_lines n JOIN invoices o ON o.seller_id = n.seller_id AND o.id = n.invoice_id \
                     WHERE n.seller_id = $1 GROUP BY n.invoice_id) l ON l.invoice_id = i.id \
                 WHERE i.seller_id = $1 AND i.id > $3 AND i.number IS NOT NULL \
                     AND (i.net_minor <> COALESCE(l.net, 0) OR i.gross_minor <> i.net_minor + i.tax_minor) \
                 ORDER BY i.id LIMIT $2",
                params![seller_id, LOOKED_AT_MAX, after],
            )
            .await?;
        let Some((last, ..)) = unlike.last() else { return Ok(findings) };
        after = *last;
        for (id, Json(breakdown), beyond_lines_minor, beyond_minor) in unlike {
            let allowances_minor: i64 = breakdown.allowances.iter().map(|one| one.net_minor).sum();
            if beyond_minor == 0 && beyond_lines_minor == -allowances_minor {
                continue;
            }
            findings.push(format!("{id}: the issued document is not the sum of its lines, allowances and taxes"));
            if findings.len() == TOLD_MAX as usize {
                return Ok(findings);
            }
        }
    }
}

/// States that are not those which the amounts give.
async fn states(tx: &mut Tx, seller_id: SellerId, findings: &mut Vec<String>) -> Result<(), StoreError> {
    // `Item::state` in SQL.
    let odd: Vec<OpenItem> = tx
        .all(
            "SELECT customer_id, currency, invoice_id, kind, issued_on, due_date, gross_minor, open_minor, \
                 credited_minor, written_off_minor, cancelled_by, state FROM open_items \
             WHERE seller_id = $1 AND state <> CASE \
                 WHEN open_minor > 0 AND open_minor = gross_minor THEN 'issued' \
                 WHEN open_minor > 0 THEN 'partly_paid' \
                 WHEN cancelled_by IS NOT NULL THEN 'cancelled' \
                 WHEN written_off_minor > 0 THEN 'written_off' \
                 WHEN credited_minor > 0 THEN 'credited' \
                 ELSE 'paid' END \
             ORDER BY invoice_id LIMIT $2",
            params![seller_id, TOLD_MAX],
        )
        .await?;
    for OpenItem { item, state, .. } in odd {
        findings.push(format!("{}: its state is {state:?}, its amounts say {:?}", item.invoice_id, item.state()));
    }
    Ok(())
}

/// Allocations between what does not belong together.
async fn allocations(tx: &mut Tx, seller_id: SellerId, findings: &mut Vec<String>) -> Result<(), StoreError> {
    let strangers: Vec<(AllocationId,)> = tx
        .all(
            "SELECT a.id FROM allocations a \
             LEFT JOIN open_items o ON o.seller_id = a.seller_id AND o.invoice_id = a.invoice_id AND o.kind = 'invoice' \
             LEFT JOIN open_items n ON n.seller_id = a.seller_id AND n.invoice_id = a.source_id AND n.kind <> 'invoice' \
             LEFT JOIN payments p ON p.seller_id = a.seller_id AND p.id = a.source_id \
             LEFT JOIN payments r ON r.seller_id = a.seller_id AND r.id = a.refund_id \
             WHERE a.seller_id = $1 AND ( \
                 COALESCE(o.customer_id, r.customer_id, 0) <> a.customer_id \
                 OR COALESCE(o.currency, r.currency, '') <> a.currency \
                 OR COALESCE(CASE WHEN a.source_kind = 'payment' THEN p.customer_id ELSE n.customer_id END, 0) \
                     <> a.customer_id \
                 OR COALESCE(CASE WHEN a.source_kind = 'payment' THEN p.currency ELSE n.currency END, '') \
                     <> a.currency) \
             ORDER BY a.id LIMIT $2",
            params![seller_id, TOLD_MAX],
        )
        .await?;
    for (id,) in strangers {
        findings.push(format!("{id}: it joins what is not of one customer and currency"));
    }
    Ok(())
}
