//! Configured panels and registrars.

use billet_plugin::v1::ListAccountsRequest;
use tonic::{Request, Response, Status};

use std::time::Instant;

use super::auth::Caller;
use super::call::{Begun, Call, open};
use super::convert::instance::{copy_instance, new_instance, to_instance};
use super::convert::instance_settings::{answered, changes, to_account, to_plugin, to_problem, to_settings};
use super::convert::parse;
use super::{mask, page};
use crate::billing::{Billing, BillingError, instance, instance_settings, panel};
use crate::proto::billet::v1 as pb;
use crate::proto::billet::v1::instance_service_server::InstanceService;
use crate::store;

/// InstanceService.
#[derive(Debug, Clone)]
pub struct InstanceApi {
    /// The use cases.
    pub billing: Billing,
}

/// What stands before a name where an id is asked for.
const BY_NAME: &str = "name:";

impl InstanceApi {
    /// The instance with an id or a name.
    async fn find(&self, caller: &Caller, field: &str, id: &str) -> Result<store::instance::Instance, BillingError> {
        let mut tx = self.billing.store.snapshot().await?;
        let found = match id.strip_prefix(BY_NAME) {
            Some(name) => store::instance::by_name(&mut tx, caller.seller_id, name).await?,
            None => store::instance::get(&mut tx, caller.seller_id, parse(field, id)?).await?,
        };
        found.ok_or_else(|| BillingError::not_found("instance", id))
    }
}

#[tonic::async_trait]
impl InstanceService for InstanceApi {
    async fn create_instance(
        &self,
        request: Request<pb::CreateInstanceRequest>,
    ) -> Result<Response<pb::CreateInstanceResponse>, Status> {
        let (caller, request) = open(request)?;
        let mut call =
            match Call::begin(&self.billing, &caller, "CreateInstance", &request.request_id, &request).await? {
                Begun::Fresh(call) => call,
                Begun::Again(answer) => return Ok(answer),
            };
        let new = new_instance(request.instance.unwrap_or_default())?;
        let instance = instance::create(&mut call.unit, new).await?;
        call.finish(pb::CreateInstanceResponse { instance: Some(to_instance(instance)) }).await
    }

    async fn get_instance(
        &self,
        request: Request<pb::GetInstanceRequest>,
    ) -> Result<Response<pb::GetInstanceResponse>, Status> {
        let (caller, request) = open(request)?;
        let instance = self.find(&caller, "id", &request.id).await?;
        Ok(Response::new(pb::GetInstanceResponse { instance: Some(to_instance(instance)) }))
    }

    async fn list_instances(
        &self,
        request: Request<pb::ListInstancesRequest>,
    ) -> Result<Response<pb::ListInstancesResponse>, Status> {
        let (caller, request) = open(request)?;
        let size = page::size(request.page_size)?;
        let after = page::after(&request.page_token)?.unwrap_or_default();
        let mut tx = self.billing.store.snapshot().await?;
        let mut instances = store::instance::list(&mut tx, caller.seller_id, &after, size).await?;
        let next_page_token = page::cut(&mut instances, size, |instance| instance.name.clone());
        let instances = instances.into_iter().map(to_instance).collect();
        Ok(Response::new(pb::ListInstancesResponse { instances, next_page_token }))
    }

    async fn update_instance(
        &self,
        request: Request<pb::UpdateInstanceRequest>,
    ) -> Result<Response<pb::UpdateInstanceResponse>, Status> {
        let (caller, request) = open(request)?;
        let mut call =
            match Call::begin(&self.billing, &caller, "UpdateInstance", &request.request_id, &request).await? {
                Begun::Fresh(call) => call,
                Begun::Again(answer) => return Ok(answer),
            };
        let given = request.instance.unwrap_or_default();
        let before = instance::locked(&mut call.unit, parse("instance.id", &given.id)?).await?;
        let mut wanted = to_instance(before.clone());
        mask::apply(request.update_mask.as_ref(), |path| copy_instance(path, &given, &mut wanted))?;
        let after = instance::update(&mut call.unit, &before, new_instance(wanted)?).await?;
        call.finish(pb::UpdateInstanceResponse { instance: Some(to_instance(after)) }).await
    }

    async fn list_plugins(
        &self,
        request: Request<pb::ListPluginsRequest>,
    ) -> Result<Response<pb::ListPluginsResponse>, Status> {
        open(request)?;
        let mut plugins = Vec::new();
        for name in self.billing.host.names() {
            let described = self.billing.host.describe(name).await.map_err(|error| error.to_string());
            plugins.push(to_plugin(name, described));
        }
        Ok(Response::new(pb::ListPluginsResponse { plugins }))
    }

    async fn configure_instance(
        &self,
        request: Request<pb::ConfigureInstanceRequest>,
    ) -> Result<Response<pb::ConfigureInstanceResponse>, Status> {
        let (caller, request) = open(request)?;
        let id = request.settings.as_ref().map(|settings| settings.instance_id.as_str()).unwrap_or_default();
        let found = self.find(&caller, "settings.instance_id", id).await?;
        // Before the transaction: a plugin's program may have to be started for it.
        let plugin = instance_settings::described(&self.billing, &found.plugin).await?;
        let mut call =
            match Call::begin(&self.billing, &caller, "ConfigureInstance", &request.request_id, &request).await? {
                Begun::Fresh(call) => call,
                Begun::Again(answer) => return Ok(answer),
            };
        let instance = instance::locked(&mut call.unit, found.id).await?;
        let changes = changes(request)?;
        let after =
            instance_settings::configure(&mut call.unit, &self.billing.keys, plugin, &instance, changes).await?;
        call.finish(pb::ConfigureInstanceResponse { settings: Some(to_settings(after)) }).await
    }

    async fn get_instance_settings(
        &self,
        request: Request<pb::GetInstanceSettingsRequest>,
    ) -> Result<Response<pb::GetInstanceSettingsResponse>, Status> {
        let (caller, request) = open(request)?;
        let instance = self.find(&caller, "instance_id", &request.instance_id).await?;
        let mut tx = self.billing.store.snapshot().await?;
        let settings = store::instance_settings::get(&mut tx, caller.seller_id, instance.id)
            .await?
            .unwrap_or_else(|| store::instance_settings::InstanceSettings::none(instance.id, instance.created_at));
        Ok(Response::new(pb::GetInstanceSettingsResponse { settings: Some(to_settings(settings)) }))
    }

    async fn test_instance(
        &self,
        request: Request<pb::TestInstanceRequest>,
    ) -> Result<Response<pb::TestInstanceResponse>, Status> {
        let (caller, request) = open(request)?;
        let instance = self.find(&caller, "instance_id", &request.instance_id).await?;
        let began = Instant::now();
        let answer = panel::test(&self.billing, caller.seller_id, instance.id, &instance.plugin).await?;
        let latency = began.elapsed().try_into().ok();
        Ok(Response::new(match answer {
            Ok(done) => pb::TestInstanceResponse {
                problem: None,
                version: done.value.version,
                hostname: done.value.hostname,
                missing_permissions: done.value.missing_permissions,
                warnings: done.warnings,
                latency,
            },
            Err(failure) => pb::TestInstanceResponse {
                problem: Some(to_problem(&failure)),
                latency,
                ..pb::TestInstanceResponse::default()
            },
        }))
    }

    async fn list_instance_accounts(
        &self,
        request: Request<pb::ListInstanceAccountsRequest>,
    ) -> Result<Response<pb::ListInstanceAccountsResponse>, Status> {
        let (caller, request) = open(request)?;
        let instance = self.find(&caller, "instance_id", &request.instance_id).await?;
        let page_size = page::size(request.page_size)?.try_into().unwrap_or(1);
        let (page_token, owner) = (request.page_token, request.owner);
        let asked = ListAccountsRequest { page_size, page_token, owner };
        let answer = panel::list_accounts(&self.billing, caller.seller_id, instance.id, asked).await?;
        let page = answered(answer)?;
        Ok(Response::new(pb::ListInstanceAccountsResponse {
            accounts: page.accounts.into_iter().map(to_account).collect(),
            next_page_token: page.next_page_token,
        }))
    }

    async fn reseal_secrets(
        &self,
        request: Request<pb::ResealSecretsRequest>,
    ) -> Result<Response<pb::ResealSecretsResponse>, Status> {
        let (caller, request) = open(request)?;
        let mut call = match Call::begin(&self.billing, &caller, "ResealSecrets", &request.request_id, &request).await?
        {
            Begun::Fresh(call) => call,
            Begun::Again(answer) => return Ok(answer),
        };
        let resealed_count = instance_settings::reseal(&mut call.unit, &self.billing.keys).await?;
        let key_id = self.billing.keys.current().to_owned();
        call.finish(pb::ResealSecretsResponse { resealed_count, key_id }).await
    }
}

#[cfg(test)]
mod settings_tests;
#[cfg(test)]
mod tests;
