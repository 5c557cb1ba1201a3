//! Saying that what a panel calls somebody is a customer. Hooks that waited for it are tried again.

use serde_json::json;

use super::BillingError;
use crate::store::link::{self, Link, LinkKind};
use crate::store::parked::Replay;
use crate::store::{self, Unit, parked};

/// Why a hook of an unknown customer waits in the inbox.
pub const UNKNOWN_CUSTOMER: &str = "UNKNOWN_CUSTOMER";

/// Ties a customer to a name at a panel; a link that is there already stays. Answers how many hooks of the instance wait
/// for a customer to be known and will be tried again.
///
/// # Errors
/// [`BillingError::NotFound`] for the customer or the instance, `LINK_TAKEN` when the name is another customer's.
pub async fn create(unit: &mut Unit, mut link: Link) -> Result<i64, BillingError> {
    if link.kind == LinkKind::Email {
        link.value = link.value.to_lowercase();
        if !is_address(&link.value) {
            return Err(BillingError::invalid("email", "not an e-mail address"));
        }
    }
    let seller_id = unit.seller_id;
    if store::instance::get(unit, seller_id, link.instance_id).await?.is_none() {
        return Err(BillingError::not_found("instance", link.instance_id));
    }
    if store::customer::get(unit, seller_id, link.customer_id).await?.is_none() {
        return Err(BillingError::not_found("customer", link.customer_id));
    }
    let key = (link.instance_id, link.kind, link.value.as_str());
    match link::find(unit, seller_id, &[key]).await?.into_iter().next() {
        Some(found) if found.customer_id != link.customer_id => {
            let detail = format!("the name belongs to {} at {}", found.customer_id, link.instance_id);
            return Err(BillingError::Exists { reason: "LINK_TAKEN", detail });
        }
        Some(_) => {}
        None => {
            link::insert(unit, &link).await?;
            // An address is personal, and the journal cannot forget.
            let value = (link.kind != LinkKind::Email).then_some(&link.value);
            let data = json!({ "instance_id": link.instance_id, "kind": link.kind, "value": value });
            unit.event("customer.linked", link.customer_id, data);
        }
    }
    let reason = UNKNOWN_CUSTOMER.to_owned();
    let which = Replay { instance_id: Some(link.instance_id), reason, ..Replay::default() };
    parked::replay(unit, &which).await?;
    Ok(parked::count(unit, seller_id, link.instance_id, UNKNOWN_CUSTOMER).await?)
}

fn is_address(text: &str) -> bool {
    let parts = text.split_once('@');
    parts.is_some_and(|(local, host)| !local.is_empty() && !host.is_empty() && !host.contains('@'))
        && !text.contains(char::is_whitespace)
}
