//! Giving up what is open on an invoice.

use billet_domain::id::InvoiceId;
use billet_domain::ledger::{Account, EntryKind, posting};
use serde_json::json;

use super::BillingError;
use super::settle::{amount, locked_invoice, today};
use crate::store::open_item::{self, OpenItem};
use crate::store::{Unit, ledger};

/// Gives up what is open on an invoice as a loss: nothing is open any more. Locks the customer. Answers the invoice as
/// it stands then.
///
/// # Errors
/// [`BillingError::NotFound`] for what is no issued invoice; [`BillingError::Invalid`] without a reason;
/// [`BillingError::Precondition`] `NOTHING_OPEN`, `NOT_AN_INVOICE`.
pub async fn write_off(unit: &mut Unit, invoice_id: InvoiceId, reason: &str) -> Result<OpenItem, BillingError> {
    if reason.trim().is_empty() {
        return Err(BillingError::invalid("reason", "is required: it is kept in the journal"));
    }
    let mut invoice = locked_invoice(unit, invoice_id).await?;
    let lost_minor = invoice.item.open_minor;
    let Some(posting) = posting(Account::WriteOff, Account::Receivable, lost_minor) else {
        let detail = format!("nothing is open on {invoice_id}");
        return Err(BillingError::precondition("NOTHING_OPEN", invoice_id, detail));
    };
    invoice.item.open_minor = 0;
    invoice.item.written_off_minor += lost_minor;
    invoice.state = invoice.item.state();
    let OpenItem { customer_id, currency, .. } = invoice;
    let (id, posted_on, kind) = (unit.id()?, today(unit).await?, EntryKind::WriteOff);
    let document_id = invoice_id.0;
    ledger::add(unit, &ledger::Entry { id, posted_on, kind, posting, currency, customer_id, document_id });
    let mut changes = open_item::Changes::new(unit.seller_id);
    changes.invoice(&invoice.item);
    changes.write(unit).await?;
    let data = json!({ "customer": customer_id, "invoice": invoice_id, "amount": amount(lost_minor, currency) });
    unit.event_because("invoice.written_off", invoice_id, reason, data);
    Ok(invoice)
}
