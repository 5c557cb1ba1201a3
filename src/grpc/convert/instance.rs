//! Instances between the protocol and the domain.

use super::{TEXT_MAX, code, text, to_instant};
use crate::billing::BillingError;
use crate::billing::instance::NewInstance;
use crate::proto::billet::v1 as pb;
use crate::store::instance::{Instance, UnknownCustomer};

/// What an instance is to be.
///
/// # Errors
/// [`BillingError::Invalid`] with fields below `instance`.
pub fn new_instance(given: pb::Instance) -> Result<NewInstance, BillingError> {
    let unknown_customer = match pb::UnknownCustomerPolicy::try_from(given.unknown_customer) {
        Ok(pb::UnknownCustomerPolicy::Unspecified | pb::UnknownCustomerPolicy::Park) => UnknownCustomer::Park,
        Ok(pb::UnknownCustomerPolicy::Create) => UnknownCustomer::Create,
        Err(_) => return Err(BillingError::invalid("instance.unknown_customer", "no such policy")),
    };
    Ok(NewInstance {
        plugin: plugin_name(given.plugin)?,
        name: code("instance.name", &given.name)?,
        group: if given.group.is_empty() { given.group } else { code("instance.group", &given.group)? },
        url: text("instance.url", &given.url, TEXT_MAX, false)?,
        unknown_customer,
        enabled: given.enabled,
    })
}

fn plugin_name(given: String) -> Result<String, BillingError> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if given.len() > 32 || !given.starts_with(|c: char| c.is_ascii_lowercase()) || !given.chars().all(fits) {
        let problem = "the name of a plugin such as `cpanel`: 1 to 32 small letters, digits or `-`, a letter first";
        return Err(BillingError::invalid("instance.plugin", problem));
    }
    Ok(given)
}

/// An instance for the protocol.
#[must_use]
pub fn to_instance(instance: Instance) -> pb::Instance {
    let unknown_customer = match instance.unknown_customer {
        UnknownCustomer::Park => pb::UnknownCustomerPolicy::Park,
        UnknownCustomer::Create => pb::UnknownCustomerPolicy::Create,
    };
    pb::Instance {
        id: instance.id.to_string(),
        plugin: instance.plugin,
        name: instance.name,
        group: instance.group,
        url: instance.url,
        unknown_customer: unknown_customer.into(),
        enabled: instance.enabled,
        created_at: Some(to_instant(instance.created_at)),
    }
}

/// Copies one field that an update may name; answers whether there is such a field.
pub fn copy_instance(path: &str, from: &pb::Instance, to: &mut pb::Instance) -> bool {
    match path {
        "name" => to.name.clone_from(&from.name),
        "group" => to.group.clone_from(&from.group),
        "url" => to.url.clone_from(&from.url),
        "unknown_customer" => to.unknown_customer = from.unknown_customer,
        "enabled" => to.enabled = from.enabled,
        _ => return false,
    }
    true
}
