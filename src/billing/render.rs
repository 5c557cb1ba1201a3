//! Writes an issued document as a file. It is complete from what was stored when it was issued, so that it can be written
//! again, and it is written once: the file that was made first stays.

use std::collections::BTreeMap;

use billet_domain::document::{Document, DocumentAllowance, DocumentKind, DocumentLine, TaxSubtotal};
use billet_domain::explain::explain;
use billet_domain::id::{InvoiceId, SellerId};
use billet_domain::money::Currency;
use billet_domain::owed::ChargeKind;

use super::issue::{BuyerSnapshot, SellerSnapshot};
use super::{Billing, BillingError};
use crate::store::document_file::{self, DocumentFile};
use crate::store::invoice::{self, Invoice, Line, LineKind};
use crate::store::{StoreError, Tx};

/// The format of the printed document.
pub const PDF: &str = "pdf";

/// An issued document with everything that is printed on it.
///
/// # Errors
/// [`BillingError::NotFound`], `NOT_ISSUED`.
pub async fn document(tx: &mut Tx, seller_id: SellerId, id: InvoiceId) -> Result<Document, BillingError> {
    let invoice = invoice::get(tx, seller_id, id).await?.ok_or_else(|| BillingError::not_found("invoice", id))?;
    let (Some(number), Some(issue_date)) = (invoice.number.clone(), invoice.issue_date) else {
        return Err(BillingError::precondition("NOT_ISSUED", id, "a draft has no document"));
    };
    let lines = invoice::lines(tx, seller_id, [id]).await?.remove(&id).unwrap_or_default();
    let seller: SellerSnapshot = snapshot(tx, seller_id, &invoice.seller_snapshot).await?;
    let buyer: BuyerSnapshot = snapshot(tx, seller_id, &invoice.buyer_snapshot).await?;
    let preceding = invoice::by_ids(tx, seller_id, invoice.preceding.iter().copied())
        .await?
        .into_iter()
        .filter_map(|original| Some((original.number?, original.issue_date?)))
        .collect();
    Ok(Document {
        kind: invoice.kind,
        number,
        issue_date,
        due_date: invoice.due_date,
        currency: invoice.currency,
        tax_inclusive: invoice.tax_inclusive,
        seller: seller.party,
        buyer: buyer.party,
        buyer_reference: buyer.number,
        preceding,
        lines: lines.into_iter().map(|line| document_line(&invoice, line, &buyer.language)).collect(),
        allowances: allowances(&invoice),
        taxes: taxes(&invoice),
        net_minor: invoice.net_minor,
        tax_minor: invoice.tax_minor,
        gross_minor: invoice.gross_minor,
        pay_to: seller.pay_to,
        payment_terms: String::new(),
        note: invoice.note.clone(),
        language: buyer.language,
    })
}

async fn snapshot<T: serde::de::DeserializeOwned>(
    tx: &mut Tx,
    seller_id: SellerId,
    hash: &str,
) -> Result<T, BillingError> {
    let body = invoice::snapshot(tx, seller_id, hash).await?;
    body.and_then(|body| serde_json::from_str(&body).ok())
        .ok_or_else(|| StoreError::Corrupt(format!("the snapshot {hash} is missing or unreadable")).into())
}

/// The way a line's days were charged; `None` for lines by hand.
#[must_use]
pub fn charge_kind(kind: LineKind) -> Option<ChargeKind> {
    match kind {
        LineKind::Recurring => Some(ChargeKind::Recurring),
        LineKind::Setup => Some(ChargeKind::Setup),
        LineKind::Usage => Some(ChargeKind::Usage),
        LineKind::Manual => None,
    }
}

/// How a line was reckoned, in words.
#[must_use]
pub fn explanation(line: &Line, currency: Currency, language: &str) -> String {
    match (charge_kind(line.kind), &line.rating, line.period) {
        (Some(kind), Some(rating), Some(period)) => explain(kind, rating, period, currency, language),
        _ => String::new(),
    }
}

fn document_line(invoice: &Invoice, line: Line, language: &str) -> DocumentLine {
    // On the document amounts stand in its own direction; a line against it gives back (or takes) within it.
    let direction = if invoice.kind == DocumentKind::Invoice { 1 } else { -1 };
    let against = direction * line.amount_minor < 0;
    DocumentLine {
        position: line.position,
        explanation: explanation(&line, invoice.currency, language),
        period: line.period.filter(|_| line.kind != LineKind::Setup).map(|period| (period.from, period.to)),
        quantity: if against { -line.quantity } else { line.quantity },
        unit_price: line.unit_price,
        amount_minor: direction * line.amount_minor,
        net_minor: direction * line.net_minor,
        tax_category: line.tax.category,
        tax_rate: line.tax.rate,
        name: line.name,
    }
}

fn allowances(invoice: &Invoice) -> Vec<DocumentAllowance> {
    let allowances = invoice.breakdown.allowances.iter();
    allowances
        .map(|allowance| DocumentAllowance {
            reason: String::new(),
            percent: allowance.percent,
            net_minor: allowance.net_minor,
            tax_category: allowance.tax.category.clone(),
            tax_rate: allowance.tax.rate,
        })
        .collect()
}

fn taxes(invoice: &Invoice) -> Vec<TaxSubtotal> {
    let mut rows: BTreeMap<(String, rust_decimal::Decimal), TaxSubtotal> = BTreeMap::new();
    for row in &invoice.breakdown.taxes {
        let subtotal = rows.entry((row.tax.category.clone(), row.tax.rate)).or_insert_with(|| TaxSubtotal {
            category: row.tax.category.clone(),
            rate: row.tax.rate,
            taxable_minor: 0,
            tax_minor: 0,
            exemption_reason: row.tax.exemption_reason.clone(),
        });
        subtotal.taxable_minor += row.taxable_minor;
        subtotal.tax_minor += row.tax_minor;
    }
    rows.into_values().collect()
}

/// The PDF of an issued document: the kept one, or a new one that is kept from now on.
///
/// # Errors
/// [`BillingError::NotFound`], `NOT_ISSUED`, `NOT_RENDERED` when it cannot be written.
pub async fn pdf(billing: &Billing, seller_id: SellerId, id: InvoiceId) -> Result<DocumentFile, BillingError> {
    let document = {
        let mut tx = billing.store.snapshot().await?;
        if let Some(file) = document_file::get(&mut tx, seller_id, id, PDF).await? {
            return Ok(file);
        }
        document(&mut tx, seller_id, id).await?
    };
    let file = tokio::task::spawn_blocking(move || write(&document))
        .await
        .map_err(|error| {
            BillingError::precondition("NOT_RENDERED", id, format!("writing the document failed: {error}"))
        })?
        .map_err(|detail| BillingError::precondition("NOT_RENDERED", id, detail))?;
    let mut unit = billing.begin(seller_id, "system").await?;
    document_file::insert_new(&mut unit, id, PDF, file).await?;
    let kept = document_file::get(&mut unit, seller_id, id, PDF).await?;
    unit.commit().await?;
    kept.ok_or_else(|| BillingError::not_found("document", id))
}

#[cfg(feature = "pdf")]
fn write(document: &Document) -> Result<DocumentFile, String> {
    let content = billet_documents::pdf::render(document).map_err(|error| error.to_string())?;
    let file_name = billet_documents::file_name(document);
    Ok(DocumentFile { file_name, media_type: "application/pdf".to_owned(), content })
}

#[cfg(not(feature = "pdf"))]
fn write(document: &Document) -> Result<DocumentFile, String> {
    Err(format!("{}: this program was built without the feature `pdf`", billet_documents::file_name(document)))
}
