//! Setting how an instance is reached: checked against its plugin's schema, secrets sealed.

use std::collections::BTreeMap;

use billet_domain::id::{InstanceId, SellerId};
use billet_plugin::v1::{AccountNaming, PluginKind};
use serde_json::{Map, Value, json};

use super::error::Violation;
use super::{Billing, BillingError, edit};
use crate::plugins::seal::{Keys, SealError};
use crate::plugins::{Described, HostError};
use crate::store::instance::Instance;
use crate::store::instance_settings::{self as store, InstanceSettings};
use crate::store::{Unit, schedule};

/// How many instances are sealed again in one go.
const PAGE: i64 = 500;
/// The longest secret, in bytes: a private key with its chain fits.
const SECRET_BYTES_MAX: usize = 64 * 1024;

/// What is to change.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Changes {
    /// All settings, without secrets.
    pub settings: Option<Map<String, Value>>,
    /// Secrets by name; an empty one is removed.
    pub secrets: BTreeMap<String, String>,
    /// How many calls at once.
    pub concurrency_max: Option<Option<i64>>,
    /// No new accounts.
    pub maintenance: Option<bool>,
    /// How many accounts.
    pub accounts_max: Option<Option<i64>>,
    /// How many accounts at once.
    pub creates_max: Option<Option<i64>>,
    /// The share of new accounts.
    pub weight: Option<i64>,
}

/// What a secret is sealed for: it opens nowhere else.
fn belongs_to(seller_id: SellerId, instance_id: InstanceId, name: &str) -> String {
    format!("{seller_id} {instance_id} {name}")
}

/// What an instance's plugin is: asked before a transaction begins, as a program has to be started for it.
///
/// # Errors
/// `NO_PLUGIN`, `PLUGIN_BROKEN`.
pub async fn described<'a>(billing: &'a Billing, plugin: &str) -> Result<&'a Described, BillingError> {
    billing.host.describe(plugin).await.map_err(|error| {
        let reason = match &error {
            HostError::Unknown(..) => "NO_PLUGIN",
            HostError::Broken(..) => "PLUGIN_BROKEN",
        };
        BillingError::precondition(reason, plugin, error.to_string())
    })
}

/// Changes the settings of an instance, as read by [`super::instance::locked`]. They take effect with the next call.
///
/// # Errors
/// [`BillingError::Invalid`] with the property; `NO_SECRET_KEY`, `SECRET_UNREADABLE`.
pub async fn configure(
    unit: &mut Unit,
    keys: &Keys,
    plugin: &Described,
    instance: &Instance,
    changes: Changes,
) -> Result<InstanceSettings, BillingError> {
    let seller_id = unit.seller_id;
    let before = store::get(unit, seller_id, instance.id)
        .await?
        .unwrap_or_else(|| InstanceSettings::none(instance.id, unit.now));
    let mut open = open_all(keys, seller_id, &before)?;
    let mut after = before.clone();
    for (name, secret) in changes.secrets {
        if secret.len() > SECRET_BYTES_MAX {
            return Err(BillingError::invalid(format!("secrets.{name}"), format!("at most {SECRET_BYTES_MAX} bytes")));
        }
        if secret.is_empty() {
            open.remove(&name);
            after.secrets.remove(&name);
        } else if open.get(&name) != Some(&secret) {
            let sealed =
                keys.seal(&belongs_to(seller_id, instance.id, &name), &secret).map_err(|error| sealing(&error))?;
            after.secrets.insert(name.clone(), sealed);
            open.insert(name, secret);
        }
    }
    after.settings = changes.settings.unwrap_or(after.settings);
    after.concurrency_max = changes.concurrency_max.unwrap_or(after.concurrency_max);
    after.maintenance = changes.maintenance.unwrap_or(after.maintenance);
    after.accounts_max = changes.accounts_max.unwrap_or(after.accounts_max);
    after.creates_max = changes.creates_max.unwrap_or(after.creates_max);
    after.weight = changes.weight.unwrap_or(after.weight);
    if (&after.settings, &after.secrets) != (&before.settings, &before.secrets) {
        let faults = plugin.schema.faults(&after.settings, &open);
        if !faults.is_empty() {
            let violations = faults
                .into_iter()
                .map(|fault| {
                    let secret = plugin.schema.secrets().contains(&fault.property);
                    let place = if secret { "secrets" } else { "settings.settings" };
                    let field = if fault.property.is_empty() {
                        place.to_owned()
                    } else {
                        format!("{place}.{}", fault.property)
                    };
                    Violation { field, description: fault.words }
                })
                .collect();
            return Err(BillingError::Invalid { violations });
        }
    }
    after.named_by_domain = plugin.description.account_naming() == AccountNaming::Domain;
    if after == before {
        return Ok(after);
    }
    after.revision = before.revision + 1;
    after.updated_at = unit.now;
    store::set(unit, &after).await?;
    if plugin.description.kind() == PluginKind::Registrar {
        // From now on somebody reads its messages.
        schedule::begin(unit, schedule::REGISTRARS, unit.now).await?;
    }
    let mut changed = edit::changes(&journaled(&before), &journaled(&after));
    let secrets: Vec<&String> = after
        .secrets
        .iter()
        .filter(|(name, sealed)| before.secrets.get(*name) != Some(sealed))
        .map(|(name, _)| name)
        .chain(before.secrets.keys().filter(|name| !after.secrets.contains_key(*name)))
        .collect();
    if !secrets.is_empty() {
        changed.insert("secrets_changed".to_owned(), json!(secrets));
    }
    unit.event("instance.configured", instance.id, Value::Object(changed));
    Ok(after)
}

/// Opens all secrets of an instance.
///
/// # Errors
/// `NO_SECRET_KEY`, `SECRET_UNREADABLE`.
pub fn open_all(
    keys: &Keys,
    seller_id: SellerId,
    settings: &InstanceSettings,
) -> Result<BTreeMap<String, String>, BillingError> {
    settings
        .secrets
        .iter()
        .map(|(name, sealed)| {
            let belongs_to = belongs_to(seller_id, settings.instance_id, name);
            Ok((name.clone(), keys.open(&belongs_to, sealed).map_err(|error| sealing(&error))?))
        })
        .collect()
}

/// Seals the secrets of all instances of the unit's seller under the current key; answers how many were under another.
///
/// # Errors
/// `NO_SECRET_KEY`, `SECRET_UNREADABLE`.
pub async fn reseal(unit: &mut Unit, keys: &Keys) -> Result<i64, BillingError> {
    if keys.is_empty() {
        return Err(sealing(&SealError::NoKey));
    }
    let seller_id = unit.seller_id;
    let (mut after, mut count) = (InstanceId(0), 0);
    loop {
        let page = store::lock_after(unit, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.instance_id;
        for mut settings in page {
            let old: Vec<String> = settings
                .secrets
                .iter()
                .filter(|(_, sealed)| !keys.is_current(sealed))
                .map(|(name, _)| name.clone())
                .collect();
            if old.is_empty() {
                continue;
            }
            let open = open_all(keys, seller_id, &settings)?;
            for name in &old {
                let secret = open.get(name).map(String::as_str).unwrap_or_default();
                let sealed = keys
                    .seal(&belongs_to(seller_id, settings.instance_id, name), secret)
                    .map_err(|error| sealing(&error))?;
                settings.secrets.insert(name.clone(), sealed);
                count += 1;
            }
            store::set(unit, &settings).await?;
        }
    }
    if count > 0 {
        unit.event("secrets.resealed", seller_id, json!({ "count": count, "key": keys.current() }));
    }
    Ok(count)
}

fn sealing(error: &SealError) -> BillingError {
    let reason = match error {
        SealError::NoKey | SealError::File { .. } => "NO_SECRET_KEY",
        SealError::UnknownKey(_) | SealError::Broken => "SECRET_UNREADABLE",
    };
    BillingError::precondition(reason, "secrets", error.to_string())
}

fn journaled(settings: &InstanceSettings) -> Value {
    json!({
        "settings": settings.settings,
        "concurrency_max": settings.concurrency_max,
        "maintenance": settings.maintenance,
        "accounts_max": settings.accounts_max,
        "creates_max": settings.creates_max,
        "weight": settings.weight,
    })
}
