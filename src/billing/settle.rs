//! stand-in until merged
use super::BillingError;
use crate::store::Unit;
use billet_domain::document::DocumentKind;
use billet_domain::id::{CustomerId, InvoiceId};
use billet_domain::money::Currency;
use chrono::NaiveDate;
pub struct NewItem {
    pub invoice_id: InvoiceId, pub customer_id: CustomerId, pub kind: DocumentKind, pub currency: Currency, pub due_date: Option<NaiveDate>,
    pub net_minor: i64, pub tax_minor: i64, pub gross_minor: i64, pub preceding: Vec<InvoiceId>,
}
pub async fn settle(_unit: &mut Unit, _on: NaiveDate, _items: Vec<NewItem>) -> Result<(), BillingError> { Ok(()) }
