//! Configured panels and registrars.

use tonic::{Request, Response, Status};

use super::call::{Begun, Call, open};
use super::convert::instance::{copy_instance, new_instance, to_instance};
use super::convert::parse;
use super::{mask, page};
use crate::billing::{Billing, BillingError, instance};
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
        let mut tx = self.billing.store.snapshot().await?;
        let found = match request.id.strip_prefix(BY_NAME) {
            Some(name) => store::instance::by_name(&mut tx, caller.seller_id, name).await?,
            None => store::instance::get(&mut tx, caller.seller_id, parse("id", &request.id)?).await?,
        };
        let instance = found.ok_or_else(|| BillingError::not_found("instance", &request.id))?;
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
}

#[cfg(test)]
mod tests;
