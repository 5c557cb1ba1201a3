//! Those a seller bills, their projects, and what panels call them.

use billet_domain::id::CustomerId;
use billet_domain::money::Currency;
use tonic::{Request, Response, Status};

use super::call::{Begun, Call, open};
use super::convert::customer::{copy_customer, new_customer, to_customer, to_project};
use super::convert::{parse, period, required, text, to_date, to_money};
use super::{mask, page};
use crate::billing::statement::statement;
use crate::billing::{Billing, BillingError, customer, link, project};
use crate::proto::billet::v1 as pb;
use crate::proto::billet::v1::customer_service_server::CustomerService;
use crate::proto::billet::v1::link_customer_request::Link as Named;
use crate::store;
use crate::store::link::{Link, LinkKind};

/// CustomerService.
#[derive(Debug, Clone)]
pub struct CustomerApi {
    /// The use cases.
    pub billing: Billing,
}

/// What stands before a customer number where an id is asked for.
const BY_NUMBER: &str = "number:";
/// The longest name of somebody at a panel, in characters.
const LINK_LENGTH_MAX: usize = 255;

#[tonic::async_trait]
impl CustomerService for CustomerApi {
    async fn create_customer(
        &self,
        request: Request<pb::CreateCustomerRequest>,
    ) -> Result<Response<pb::CreateCustomerResponse>, Status> {
        let (caller, request) = open(request)?;
        let mut call =
            match Call::begin(&self.billing, &caller, "CreateCustomer", &request.request_id, &request).await? {
                Begun::Fresh(call) => call,
                Begun::Again(answer) => return Ok(answer),
            };
        let new = new_customer(request.customer.unwrap_or_default())?;
        let customer = customer::create(&mut call.unit, new).await?;
        call.finish(pb::CreateCustomerResponse { customer: Some(to_customer(customer, Vec::new())) }).await
    }

    async fn get_customer(
        &self,
        request: Request<pb::GetCustomerRequest>,
    ) -> Result<Response<pb::GetCustomerResponse>, Status> {
        let (caller, request) = open(request)?;
        let mut tx = self.billing.store.snapshot().await?;
        let found = match request.id.strip_prefix(BY_NUMBER) {
            Some(number) => store::customer::by_number(&mut tx, caller.seller_id, number).await?,
            None => store::customer::get(&mut tx, caller.seller_id, parse("id", &request.id)?).await?,
        };
        let not_found = || BillingError::not_found("customer", &request.id);
        let customer = found.filter(|customer| caller.may_see(customer.id).is_ok()).ok_or_else(not_found)?;
        let balances = store::customer::balances(&mut tx, caller.seller_id, customer.id).await?;
        Ok(Response::new(pb::GetCustomerResponse { customer: Some(to_customer(customer, balances)) }))
    }

    async fn list_customers(
        &self,
        request: Request<pb::ListCustomersRequest>,
    ) -> Result<Response<pb::ListCustomersResponse>, Status> {
        let (caller, request) = open(request)?;
        let size = page::size(request.page_size)?;
        let after = page::after_id(&request.page_token)?.unwrap_or_default();
        let query = text("query", &request.query, 200, false)?;
        let mut tx = self.billing.store.snapshot().await?;
        let mut customers = store::customer::list(&mut tx, caller.seller_id, &query, after, size).await?;
        let next_page_token = page::cut(&mut customers, size, |customer| customer.id.0.to_string());
        let customers = customers.into_iter().map(|customer| to_customer(customer, Vec::new())).collect();
        Ok(Response::new(pb::ListCustomersResponse { customers, next_page_token }))
    }

    async fn update_customer(
        &self,
        request: Request<pb::UpdateCustomerRequest>,
    ) -> Result<Response<pb::UpdateCustomerResponse>, Status> {
        let (caller, request) = open(request)?;
        let mut call =
            match Call::begin(&self.billing, &caller, "UpdateCustomer", &request.request_id, &request).await? {
                Begun::Fresh(call) => call,
                Begun::Again(answer) => return Ok(answer),
            };
        let given = request.customer.unwrap_or_default();
        let before = customer::locked(&mut call.unit, parse("customer.id", &given.id)?).await?;
        let mut wanted = to_customer(before.clone(), Vec::new());
        mask::apply(request.update_mask.as_ref(), |path| copy_customer(path, &given, &mut wanted))?;
        let after = customer::update(&mut call.unit, &before, new_customer(wanted)?).await?;
        call.finish(pb::UpdateCustomerResponse { customer: Some(to_customer(after, Vec::new())) }).await
    }

    async fn link_customer(
        &self,
        request: Request<pb::LinkCustomerRequest>,
    ) -> Result<Response<pb::LinkCustomerResponse>, Status> {
        let (caller, request) = open(request)?;
        let mut call = match Call::begin(&self.billing, &caller, "LinkCustomer", &request.request_id, &request).await? {
            Begun::Fresh(call) => call,
            Begun::Again(answer) => return Ok(answer),
        };
        let (kind, value) = match &request.link {
            Some(Named::Owner(name)) => (LinkKind::Owner, required("owner", name, LINK_LENGTH_MAX)?),
            Some(Named::ExternalRef(name)) => (LinkKind::ExternalRef, required("external_ref", name, LINK_LENGTH_MAX)?),
            Some(Named::Email(address)) => (LinkKind::Email, required("email", address, LINK_LENGTH_MAX)?),
            None => return Err(BillingError::invalid("link", "owner, external_ref or email is needed").into()),
        };
        let link = Link {
            instance_id: parse("instance_id", &request.instance_id)?,
            kind,
            value,
            customer_id: parse("customer_id", &request.customer_id)?,
        };
        let replayed_hook_count = link::create(&mut call.unit, link).await?;
        call.finish(pb::LinkCustomerResponse { replayed_hook_count }).await
    }

    async fn create_project(
        &self,
        request: Request<pb::CreateProjectRequest>,
    ) -> Result<Response<pb::CreateProjectResponse>, Status> {
        let (caller, request) = open(request)?;
        let mut call = match Call::begin(&self.billing, &caller, "CreateProject", &request.request_id, &request).await?
        {
            Begun::Fresh(call) => call,
            Begun::Again(answer) => return Ok(answer),
        };
        let given = request.project.unwrap_or_default();
        let customer_id = parse("project.customer_id", &given.customer_id)?;
        let name = required("project.name", &given.name, 200)?;
        let project = project::create(&mut call.unit, customer_id, name).await?;
        call.finish(pb::CreateProjectResponse { project: Some(to_project(project)) }).await
    }

    async fn list_projects(
        &self,
        request: Request<pb::ListProjectsRequest>,
    ) -> Result<Response<pb::ListProjectsResponse>, Status> {
        let (caller, request) = open(request)?;
        let size = page::size(request.page_size)?;
        let after = page::after_id(&request.page_token)?.unwrap_or_default();
        let customer_id: CustomerId = parse("customer_id", &request.customer_id)?;
        caller.may_see(customer_id)?;
        let mut tx = self.billing.store.snapshot().await?;
        if store::customer::get(&mut tx, caller.seller_id, customer_id).await?.is_none() {
            return Err(BillingError::not_found("customer", customer_id).into());
        }
        let mut projects = store::project::list(&mut tx, caller.seller_id, customer_id, after, size).await?;
        let next_page_token = page::cut(&mut projects, size, |project| project.id.0.to_string());
        let projects = projects.into_iter().map(to_project).collect();
        Ok(Response::new(pb::ListProjectsResponse { projects, next_page_token }))
    }

    async fn get_statement(
        &self,
        request: Request<pb::GetStatementRequest>,
    ) -> Result<Response<pb::GetStatementResponse>, Status> {
        let (caller, request) = open(request)?;
        let customer_id: CustomerId = parse("customer_id", &request.customer_id)?;
        caller.may_see(customer_id)?;
        let currency: Currency = parse("currency_code", &request.currency_code)?;
        let period = request.period.map(|given| period("period", Some(given))).transpose()?;
        let mut tx = self.billing.store.snapshot().await?;
        let missing = || BillingError::not_found("customer", customer_id);
        store::customer::get(&mut tx, caller.seller_id, customer_id).await?.ok_or_else(missing)?;
        let seller = store::seller::get(&mut tx, caller.seller_id).await?.ok_or_else(missing)?;
        let today = seller.today(self.billing.now());
        let told = statement(&mut tx, caller.seller_id, customer_id, currency, period, today).await?;
        let money = |minor| Some(to_money(minor, told.currency));
        Ok(Response::new(pb::GetStatementResponse {
            opening_balance: money(told.opening_minor),
            lines: told
                .lines
                .iter()
                .map(|line| pb::StatementLine {
                    date: Some(to_date(line.posted_on)),
                    kind: line.kind.as_str().to_owned(),
                    reference: line.reference.clone(),
                    amount: money(line.amount_minor),
                    balance: money(line.balance_minor),
                })
                .collect(),
            closing_balance: money(told.closing_minor),
        }))
    }
}

#[cfg(test)]
mod tests;
