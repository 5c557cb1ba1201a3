//! stand-in until merged
use super::BillingError;
use crate::store::Unit;
use billet_domain::id::InvoiceId;
pub async fn write_off(_unit: &mut Unit, _id: InvoiceId, _reason: &str) -> Result<(), BillingError> { Ok(()) }
