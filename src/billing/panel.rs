//! An instance at work: what acts on panels and registrars begins here.

use std::sync::Arc;
use std::time::Duration;

use billet_domain::id::{InstanceId, SellerId};
use billet_plugin::v1::{ListAccountsRequest, ListAccountsResponse, TestConnectionRequest, TestConnectionResponse};
use billet_plugin::v1::{PluginKind, ProblemKind, TestRegistrarRequest};
use billet_plugin::{Answer, Done, Failure};

use super::instance_settings::{described, open_all};
use super::{Billing, BillingError};
use crate::plugins::{InstanceSpec, Running};
use crate::store::{instance, instance_settings};

/// How long somebody who asks waits for a panel.
const ASK_TIME_MAX: Duration = Duration::from_secs(50);

/// The instance at work, with its settings as they are now.
///
/// # Errors
/// [`BillingError::NotFound`], `INSTANCE_DISABLED`, `INSTANCE_NOT_CONFIGURED`, `NO_SECRET_KEY`, `SECRET_UNREADABLE`,
/// `NO_PLUGIN`, `PLUGIN_BROKEN`; what the plugin says to the settings is the failure inside.
pub async fn connect(
    billing: &Billing,
    seller_id: SellerId,
    id: InstanceId,
) -> Result<Result<Arc<Running>, Failure>, BillingError> {
    let mut tx = billing.store.snapshot().await?;
    let instance =
        instance::get(&mut tx, seller_id, id).await?.ok_or_else(|| BillingError::not_found("instance", id))?;
    let settings = instance_settings::get(&mut tx, seller_id, id).await?;
    drop(tx);
    if !instance.enabled {
        return Err(BillingError::precondition("INSTANCE_DISABLED", id, "the instance is switched off"));
    }
    let settings = settings.filter(|settings| settings.revision > 0).ok_or_else(|| {
        let detail = "nothing says how the instance is reached: ConfigureInstance sets it";
        BillingError::precondition("INSTANCE_NOT_CONFIGURED", id, detail)
    })?;
    described(billing, &instance.plugin).await?;
    let spec = InstanceSpec {
        id,
        plugin: instance.plugin,
        revision: settings.revision,
        secrets: open_all(&billing.keys, seller_id, &settings)?,
        values: settings.settings,
        concurrency: settings.concurrency_max.and_then(|count| u32::try_from(count).ok()),
    };
    Ok(billing.host.instance(&spec).await)
}

/// How many calls of an instance a plugin wants to have at once.
///
/// # Errors
/// `NO_PLUGIN`, `PLUGIN_BROKEN`.
pub async fn concurrency_max(billing: &Billing, plugin: &str) -> Result<u32, BillingError> {
    Ok(described(billing, plugin).await?.description.concurrency_max)
}

/// Asks whether an instance can be reached.
///
/// # Errors
/// As [`connect`]; what the panel says is the answer inside.
pub async fn test(
    billing: &Billing,
    seller_id: SellerId,
    id: InstanceId,
    plugin: &str,
) -> Result<Answer<TestConnectionResponse>, BillingError> {
    let running = match connect(billing, seller_id, id).await? {
        Ok(running) => running,
        Err(failure) => return Ok(Err(failure)),
    };
    Ok(match described(billing, plugin).await?.description.kind() {
        PluginKind::Panel => running.call(TestConnectionRequest {}, ASK_TIME_MAX).await,
        PluginKind::Registrar => running.call(TestRegistrarRequest {}, ASK_TIME_MAX).await.map(|done| Done {
            value: TestConnectionResponse { version: done.value.server, ..TestConnectionResponse::default() },
            already: done.already,
            warnings: done.warnings,
        }),
        kind => {
            let words = format!("a {kind:?} plugin cannot be tested yet");
            Err(Failure::refused(ProblemKind::Unsupported, "", words))
        }
    })
}

/// A page of the accounts at a panel.
///
/// # Errors
/// As [`connect`]; what the panel says is the answer inside.
pub async fn list_accounts(
    billing: &Billing,
    seller_id: SellerId,
    id: InstanceId,
    request: ListAccountsRequest,
) -> Result<Answer<ListAccountsResponse>, BillingError> {
    Ok(match connect(billing, seller_id, id).await? {
        Ok(running) => running.call(request, ASK_TIME_MAX).await,
        Err(failure) => Err(failure),
    })
}
