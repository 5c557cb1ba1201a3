//! Rows that tests of the books stand on, written directly: sellers, customers, and issued documents without lines.

use billet_domain::document::{DocumentKind, Party};
use billet_domain::id::{CustomerId, InvoiceId, SellerId};
use billet_domain::journal;
use billet_domain::money::Currency;
use chrono::{NaiveDate, Utc};

use super::{Json, Store, Tx, Unit, Word};
use crate::params;

/// A seller in Berlin with some customers. The first of a database is the operator, the others are its resellers.
pub async fn seller(store: &Store, customers: usize) -> (SellerId, Vec<CustomerId>) {
    let ids_max = i64::try_from(customers + 1).expect("few");
    let mut unit = store.begin_large(SellerId(0), "system", Utc::now(), ids_max).await.expect("begins");
    let seller_id = SellerId(unit.id().expect("an id"));
    let party = Party { name: "Hosting GmbH".to_owned(), ..Party::default() };
    unit.execute(
        "INSERT INTO sellers (id, parent_id, party, time_zone, currency, language, payment_term_days, credit_policy, \
         tax_rules, iban, bic, nightly_run_at, bill_changes_at_once, created_at) \
         VALUES ($1, (SELECT MIN(id) FROM sellers), $2, 'Europe/Berlin', 'EUR', 'en', 14, 'credit_note', '[]', '', '', \
         '02:00', 1, 0)",
        params![seller_id, Json(&party)],
    )
    .await
    .expect("a seller");
    unit.execute(
        "INSERT INTO journal_heads (seller_id, sequence, hash) VALUES ($1, 0, $2)",
        params![seller_id, journal::GENESIS],
    )
    .await
    .expect("its journal");
    let mut ids = Vec::new();
    for _ in 0..customers {
        let id = CustomerId(unit.id().expect("an id"));
        unit.execute(
            "INSERT INTO customers (seller_id, id, number, party, search_text, business, currency, language, \
             payment_term_days, grouping, credit_policy, allowance_percent, metadata, created_at) \
             VALUES ($1, $2, $3, $4, '', 1, 'EUR', 'en', NULL, 'customer', '', '0', '{}', 0)",
            params![seller_id, id, id.to_string(), Json(&party)],
        )
        .await
        .expect("a customer");
        ids.push(id);
    }
    unit.commit().await.expect("commits");
    (seller_id, ids)
}

/// A document as it is when it was issued; its number is its id.
pub async fn document(
    unit: &mut Unit,
    id: InvoiceId,
    customer_id: CustomerId,
    kind: DocumentKind,
    currency: Currency,
    gross_minor: i64,
) {
    let seller_id = unit.seller_id;
    unit.execute(
        "INSERT INTO invoices (seller_id, id, customer_id, project_id, kind, number, issue_date, due_date, currency, \
         tax_inclusive, net_minor, tax_minor, gross_minor, breakdown, preceding, seller_snapshot, buyer_snapshot, note, \
         run_id, created_at) \
         VALUES ($1, $2, $3, NULL, $4, $5, '2026-01-01', NULL, $6, 0, $7, 0, $7, '{}', '[]', '', '', '', NULL, 0)",
        params![seller_id, id, customer_id, Word(kind), format!("R-{}", id.0), currency, gross_minor],
    )
    .await
    .expect("a document");
}

/// How many events of a kind there are about a subject.
pub async fn event_count(tx: &mut Tx, seller_id: SellerId, kind: &str, subject: &str) -> i64 {
    let (count,): (i64,) = tx
        .one(
            "SELECT COUNT(*) FROM events WHERE seller_id = $1 AND kind = $2 AND subject = $3",
            params![seller_id, kind, subject],
        )
        .await
        .expect("counts");
    count
}

/// Changes a stored amount behind the back of everything, to see whether the audit finds it.
pub async fn falsify_open_amount(unit: &mut Unit, id: InvoiceId, open_minor: i64) {
    let seller_id = unit.seller_id;
    unit.execute(
        "UPDATE open_items SET open_minor = $3 WHERE seller_id = $1 AND invoice_id = $2",
        params![seller_id, id, open_minor],
    )
    .await
    .expect("changes");
}

/// The day everything happens on in most tests, at noon.
pub const TODAY: NaiveDate = NaiveDate::from_ymd_opt(2026, 3, 10).expect("a date");
