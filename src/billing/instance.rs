//! Configuring the panels and registrars that report to a seller.

use billet_domain::id::InstanceId;
use serde_json::{Value, json};

use super::{BillingError, edit};
use crate::store::instance::{self, Instance, UnknownCustomer};
use crate::store::parked::Replay;
use crate::store::{Unit, parked};

/// Why hooks of an instance that is switched off wait in the inbox.
pub const INSTANCE_DISABLED: &str = "INSTANCE_DISABLED";

/// What an instance is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewInstance {
    /// `cpanel`, `plesk`, ...
    pub plugin: String,
    /// Unique for the seller.
    pub name: String,
    /// Instances that share package mappings; may be empty.
    pub group: String,
    /// Where it is, for people; may be empty.
    pub url: String,
    /// What a new account of an unknown customer leads to.
    pub unknown_customer: UnknownCustomer,
    /// Whether its hooks are taken.
    pub enabled: bool,
}

impl NewInstance {
    fn into_instance(self, unit: &Unit, id: InstanceId) -> Instance {
        let Self { plugin, name, group, url, unknown_customer, enabled } = self;
        Instance { id, plugin, name, group, url, unknown_customer, enabled, created_at: unit.now }
    }
}

/// Makes an instance of the unit's seller.
///
/// # Errors
/// `NAME_TAKEN`.
pub async fn create(unit: &mut Unit, new: NewInstance) -> Result<Instance, BillingError> {
    refuse_taken(unit, &new.name).await?;
    let id = InstanceId(unit.id()?);
    let instance = new.into_instance(unit, id);
    instance::insert(unit, &instance).await?;
    unit.event("instance.created", id, journaled(&instance));
    Ok(instance)
}

/// An instance of the unit's seller, locked against other changes of it.
///
/// # Errors
/// [`BillingError::NotFound`].
pub async fn locked(unit: &mut Unit, id: InstanceId) -> Result<Instance, BillingError> {
    instance::lock(unit, id).await?.ok_or_else(|| BillingError::not_found("instance", id))
}

/// Changes an instance, as read by [`locked`], into what it is to be; its plugin stays. When it is switched on again,
/// the hooks that waited for that are tried again.
///
/// # Errors
/// `NAME_TAKEN`.
pub async fn update(unit: &mut Unit, before: &Instance, new: NewInstance) -> Result<Instance, BillingError> {
    let after =
        Instance { plugin: before.plugin.clone(), created_at: before.created_at, ..new.into_instance(unit, before.id) };
    let changes = edit::changes(&journaled(before), &journaled(&after));
    if changes.is_empty() {
        return Ok(after);
    }
    if after.name != before.name {
        refuse_taken(unit, &after.name).await?;
    }
    instance::update(unit, &after).await?;
    if after.enabled && !before.enabled {
        let which = Replay { instance_id: Some(after.id), reason: INSTANCE_DISABLED.to_owned(), ..Replay::default() };
        parked::replay(unit, &which).await?;
    }
    unit.event("instance.updated", after.id, Value::Object(changes));
    Ok(after)
}

async fn refuse_taken(unit: &mut Unit, name: &str) -> Result<(), BillingError> {
    let seller_id = unit.seller_id;
    match instance::by_name(unit, seller_id, name).await? {
        Some(other) => {
            let detail = format!("the name `{name}` is that of {}", other.id);
            Err(BillingError::Exists { reason: "NAME_TAKEN", detail })
        }
        None => Ok(()),
    }
}

fn journaled(instance: &Instance) -> Value {
    json!({
        "plugin": instance.plugin,
        "name": instance.name,
        "group": instance.group,
        "url": instance.url,
        "unknown_customer": instance.unknown_customer,
        "enabled": instance.enabled,
    })
}
