//! Sellers within sellers, and their number series.

use billet_domain::id::SellerId;
use prost::Message as _;
use tonic::{Request, Response, Status};

use super::call::{Begun, Call, open};
use super::convert::seller::{copy_seller, new_seller, new_series, to_seller, to_series};
use super::convert::{parse_optional, required};
use super::{mask, page};
use crate::billing::{Billing, BillingError, seller, series};
use crate::proto::billet::v1 as pb;
use crate::proto::billet::v1::reseller_service_server::ResellerService;
use crate::store::seller::Seller;
use crate::store::{self, Tx};

/// ResellerService.
#[derive(Debug, Clone)]
pub struct ResellerApi {
    /// The use cases.
    pub billing: Billing,
}

/// A seller that the caller may see: its own or a direct reseller.
async fn visible(tx: &mut Tx, own: SellerId, asked: SellerId) -> Result<Seller, BillingError> {
    store::seller::get(tx, asked)
        .await?
        .filter(|seller| seller.id == own || seller.parent_id == Some(own))
        .ok_or_else(|| BillingError::not_found("seller", asked))
}

#[tonic::async_trait]
impl ResellerService for ResellerApi {
    async fn create_reseller(
        &self,
        request: Request<pb::CreateResellerRequest>,
    ) -> Result<Response<pb::CreateResellerResponse>, Status> {
        let (caller, request) = open(request)?;
        let mut call =
            match Call::begin(&self.billing, &caller, "CreateReseller", &request.request_id, &request).await? {
                Begun::Fresh(call) => call,
                Begun::Again(answer) => return Ok(answer),
            };
        let new = new_seller(request.seller.unwrap_or_default())?;
        let owner_name = required("owner_name", &request.owner_name, 200)?;
        let (seller, owner) = seller::found(&mut call.unit, Some(caller.seller_id), new, &owner_name).await?;
        let kept = pb::CreateResellerResponse { seller: Some(to_seller(seller)), owner_token: String::new() };
        let shown_once = pb::CreateResellerResponse { owner_token: owner.secret, ..kept.clone() };
        call.finish_keeping(kept.encode_to_vec(), shown_once).await
    }

    async fn get_seller(
        &self,
        request: Request<pb::GetSellerRequest>,
    ) -> Result<Response<pb::GetSellerResponse>, Status> {
        let (caller, request) = open(request)?;
        let asked = parse_optional("id", &request.id)?.unwrap_or(caller.seller_id);
        let mut tx = self.billing.store.snapshot().await?;
        let seller = visible(&mut tx, caller.seller_id, asked).await?;
        Ok(Response::new(pb::GetSellerResponse { seller: Some(to_seller(seller)) }))
    }

    async fn list_resellers(
        &self,
        request: Request<pb::ListResellersRequest>,
    ) -> Result<Response<pb::ListResellersResponse>, Status> {
        let (caller, request) = open(request)?;
        let size = page::size(request.page_size)?;
        let after = page::after_id(&request.page_token)?.unwrap_or_default();
        let mut tx = self.billing.store.snapshot().await?;
        let mut sellers = store::seller::resellers(&mut tx, caller.seller_id, after, size).await?;
        let next_page_token = page::cut(&mut sellers, size, |seller| seller.id.0.to_string());
        let sellers = sellers.into_iter().map(to_seller).collect();
        Ok(Response::new(pb::ListResellersResponse { sellers, next_page_token }))
    }

    async fn update_seller(
        &self,
        request: Request<pb::UpdateSellerRequest>,
    ) -> Result<Response<pb::UpdateSellerResponse>, Status> {
        let (caller, request) = open(request)?;
        let mut call = match Call::begin(&self.billing, &caller, "UpdateSeller", &request.request_id, &request).await? {
            Begun::Fresh(call) => call,
            Begun::Again(answer) => return Ok(answer),
        };
        let given = request.seller.unwrap_or_default();
        let asked = parse_optional("seller.id", &given.id)?.unwrap_or(caller.seller_id);
        if asked != caller.seller_id {
            // A reseller changes itself.
            return Err(BillingError::not_found("seller", asked).into());
        }
        let before = seller::locked(&mut call.unit).await?;
        let mut wanted = to_seller(before.clone());
        mask::apply(request.update_mask.as_ref(), |path| copy_seller(path, &given, &mut wanted))?;
        let after = seller::update(&mut call.unit, &before, new_seller(wanted)?).await?;
        call.finish(pb::UpdateSellerResponse { seller: Some(to_seller(after)) }).await
    }

    async fn set_series(
        &self,
        request: Request<pb::SetSeriesRequest>,
    ) -> Result<Response<pb::SetSeriesResponse>, Status> {
        let (caller, request) = open(request)?;
        let mut call = match Call::begin(&self.billing, &caller, "SetSeries", &request.request_id, &request).await? {
            Begun::Fresh(call) => call,
            Begun::Again(answer) => return Ok(answer),
        };
        let new = new_series(request.series.unwrap_or_default())?;
        let now = call.unit.now;
        let seller = visible(&mut call.unit, caller.seller_id, caller.seller_id).await?;
        let series = series::set(&mut call.unit, new).await?;
        call.finish(pb::SetSeriesResponse { series: Some(to_series(series, seller.today(now))) }).await
    }

    async fn list_series(
        &self,
        request: Request<pb::ListSeriesRequest>,
    ) -> Result<Response<pb::ListSeriesResponse>, Status> {
        let (caller, _) = open(request)?;
        let mut tx = self.billing.store.snapshot().await?;
        let seller = visible(&mut tx, caller.seller_id, caller.seller_id).await?;
        let today = seller.today(self.billing.now());
        let series = store::series::list(&mut tx, caller.seller_id).await?;
        let series = series.into_iter().map(|series| to_series(series, today)).collect();
        Ok(Response::new(pb::ListSeriesResponse { series }))
    }
}

#[cfg(test)]
mod tests;
