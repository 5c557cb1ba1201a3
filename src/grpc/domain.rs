//! Domains.

use std::collections::BTreeMap;

use billet_domain::id::{CustomerId, SellerId, SubscriptionId};
use billet_domain::money::Currency;
use billet_plugin::Failure;
use chrono::NaiveDate;
use tonic::{Request, Response, Status};

use super::auth::Caller;
use super::call::{Begun, Call, open};
use super::convert::domain::{from_tld, to_check, to_costs, to_domain, to_message, to_tld};
use super::convert::instance_settings::answered;
use super::convert::invoice::whole;
use super::convert::provisioning::reason;
use super::convert::{date_optional, parse, parse_optional};
use super::page;
use super::subscription::{all_billed, seller_of};
use crate::billing::change::bill_changed;
use crate::billing::domain::order::{NewDomain, order};
use crate::billing::domain::{ask, change, price_list};
use crate::billing::issue::Issued;
use crate::billing::{Billing, BillingError, customer};
use crate::proto::billet::v1 as pb;
use crate::proto::billet::v1::domain_service_server::DomainService;
use crate::store::domain::{self, After};
use crate::store::{Tx, plan, registrar_message, service, subscription, tld};

/// DomainService.
#[derive(Debug, Clone)]
pub struct DomainApi {
    /// The use cases.
    pub billing: Billing,
}

/// What stands before a name where an id is asked for.
const BY_NAME: &str = "name:";

/// The subscription of a domain that is named by its id or its name.
async fn find(tx: &mut Tx, seller_id: SellerId, given: &str) -> Result<SubscriptionId, BillingError> {
    let found = match given.strip_prefix(BY_NAME) {
        Some(name) => domain::by_name(tx, seller_id, &name.to_ascii_lowercase()).await?,
        None => domain::get(tx, seller_id, parse("subscription_id", given)?).await?,
    };
    Ok(found.ok_or_else(|| BillingError::not_found("domain", given))?.subscription_id)
}

/// Domains as they stand, in the order of their rows.
async fn views(tx: &mut Tx, seller_id: SellerId, rows: Vec<domain::Domain>) -> Result<Vec<pb::Domain>, BillingError> {
    let ids: Vec<SubscriptionId> = rows.iter().map(|one| one.subscription_id).collect();
    let mut services = service::by_ids(tx, seller_id, ids.iter().copied()).await?;
    let subscriptions = subscription::by_ids(tx, seller_id, ids).await?;
    let subscriptions: BTreeMap<SubscriptionId, _> = subscriptions.into_iter().map(|one| (one.id, one)).collect();
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            let service = services.remove(&row.subscription_id)?;
            let subscription = subscriptions.get(&row.subscription_id)?;
            Some(to_domain(row, service, subscription))
        })
        .collect())
}

/// One domain as it stands.
async fn view(tx: &mut Tx, seller_id: SellerId, id: SubscriptionId) -> Result<Option<pb::Domain>, BillingError> {
    let row = domain::get(tx, seller_id, id).await?.ok_or_else(|| BillingError::not_found("domain", id))?;
    Ok(views(tx, seller_id, vec![row]).await?.pop())
}

impl DomainApi {
    async fn id_of(&self, caller: &Caller, given: &str) -> Result<SubscriptionId, BillingError> {
        let mut tx = self.billing.store.snapshot().await?;
        find(&mut tx, caller.seller_id, given).await
    }

    async fn currency(&self, caller: &Caller, given: &str) -> Result<Currency, BillingError> {
        if let Some(currency) = parse_optional("currency_code", given)? {
            return Ok(currency);
        }
        let mut tx = self.billing.store.snapshot().await?;
        Ok(seller_of(&mut tx, caller.seller_id).await?.currency)
    }

    /// Orders a domain and bills it, if asked to.
    async fn ordered(
        &self,
        call: &mut Call,
        caller: &Caller,
        request_id: &str,
        new: NewDomain,
        bill_now: bool,
    ) -> Result<(Option<pb::Domain>, Vec<pb::Invoice>), Status> {
        let unit = &mut call.unit;
        let seller = seller_of(unit, caller.seller_id).await?;
        let customer = customer::locked(unit, new.customer_id).await?;
        let key = format!("request:{request_id}");
        let made = order(unit, &self.billing.keys, &seller, &customer, new, &key).await?;
        let invoices = if bill_now {
            let outcome = all_billed(bill_changed(unit, &seller, &customer, [made.id]).await?)?;
            unit.flush().await?;
            whole(unit, seller.id, outcome.issued.iter().map(|issued| issued.id)).await?
        } else {
            unit.flush().await?;
            Vec::new()
        };
        Ok((view(unit, seller.id, made.id).await?, invoices))
    }
}

async fn after_change(
    call: &mut Call,
    id: SubscriptionId,
    issued: &[Issued],
) -> Result<(Option<pb::Domain>, Vec<pb::Invoice>), Status> {
    let unit = &mut call.unit;
    unit.flush().await?;
    let seller_id = unit.seller_id;
    let invoices = whole(unit, seller_id, issued.iter().map(|one| one.id)).await?;
    Ok((view(unit, seller_id, id).await?, invoices))
}

fn asked<T>(answer: Result<T, Failure>) -> Result<T, Status> {
    answered(answer.map(billet_plugin::Done::new))
}

fn filled(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

/// Begins a mutating call, or answers it as before.
macro_rules! begun {
    ($api:expr, $caller:expr, $method:literal, $request:expr) => {
        match Call::begin(&$api.billing, &$caller, $method, &$request.request_id, &$request).await? {
            Begun::Fresh(call) => call,
            Begun::Again(answer) => return Ok(answer),
        }
    };
}

#[tonic::async_trait]
impl DomainService for DomainApi {
    async fn check_domains(
        &self,
        request: Request<pb::CheckDomainsRequest>,
    ) -> Result<Response<pb::CheckDomainsResponse>, Status> {
        let (caller, request) = open(request)?;
        let currency = self.currency(&caller, &request.currency_code).await?;
        let checked = asked(ask::check(&self.billing, caller.seller_id, currency, &request.names).await?)?;
        let checks = checked.into_iter().map(|one| to_check(one, currency)).collect::<Result<_, _>>()?;
        Ok(Response::new(pb::CheckDomainsResponse { checks }))
    }

    async fn register_domain(
        &self,
        request: Request<pb::RegisterDomainRequest>,
    ) -> Result<Response<pb::RegisterDomainResponse>, Status> {
        let (caller, request) = open(request)?;
        let customer_id: CustomerId = parse("customer_id", &request.customer_id)?;
        let mut call = begun!(self, caller, "RegisterDomain", request);
        let new = NewDomain {
            name: request.name,
            customer_id,
            years: request.years,
            auth_code: None,
            name_servers: request.name_servers,
            locked: request.locked,
            promotion_code: filled(&request.promotion_code),
        };
        let (domain, invoices) = self.ordered(&mut call, &caller, &request.request_id, new, request.bill_now).await?;
        call.finish(pb::RegisterDomainResponse { domain, invoices }).await
    }

    async fn transfer_domain(
        &self,
        request: Request<pb::TransferDomainRequest>,
    ) -> Result<Response<pb::TransferDomainResponse>, Status> {
        let (caller, request) = open(request)?;
        let customer_id: CustomerId = parse("customer_id", &request.customer_id)?;
        let mut call = begun!(self, caller, "TransferDomain", request);
        let new = NewDomain {
            name: request.name,
            customer_id,
            years: 1,
            auth_code: Some(request.auth_code),
            name_servers: request.name_servers,
            locked: request.locked,
            promotion_code: filled(&request.promotion_code),
        };
        let (domain, invoices) = self.ordered(&mut call, &caller, &request.request_id, new, request.bill_now).await?;
        call.finish(pb::TransferDomainResponse { domain, invoices }).await
    }

    async fn retry_transfer(
        &self,
        request: Request<pb::RetryTransferRequest>,
    ) -> Result<Response<pb::RetryTransferResponse>, Status> {
        let (caller, request) = open(request)?;
        let id = self.id_of(&caller, &request.subscription_id).await?;
        let mut call = begun!(self, caller, "RetryTransfer", request);
        change::retry_transfer(&mut call.unit, &self.billing.keys, id, &request.auth_code).await?;
        let (domain, _) = after_change(&mut call, id, &[]).await?;
        call.finish(pb::RetryTransferResponse { domain }).await
    }

    async fn get_domain(
        &self,
        request: Request<pb::GetDomainRequest>,
    ) -> Result<Response<pb::GetDomainResponse>, Status> {
        let (caller, request) = open(request)?;
        let mut tx = self.billing.store.snapshot().await?;
        let id = find(&mut tx, caller.seller_id, &request.subscription_id).await?;
        let domain = view(&mut tx, caller.seller_id, id).await?;
        Ok(Response::new(pb::GetDomainResponse { domain }))
    }

    async fn list_domains(
        &self,
        request: Request<pb::ListDomainsRequest>,
    ) -> Result<Response<pb::ListDomainsResponse>, Status> {
        let (caller, request) = open(request)?;
        let size = page::size(request.page_size)?;
        let mut tx = self.billing.store.snapshot().await?;
        let before = date_optional("expires_before", request.expires_before)?;
        let (mut rows, next_page_token);
        if let Some(before) = before {
            let after = after_expiry(&request.page_token)?;
            rows = domain::expiring(&mut tx, caller.seller_id, before, after, size).await?;
            next_page_token = page::cut(&mut rows, size, |one| {
                let day = one.expires_on.map(|day| day.to_string()).unwrap_or_default();
                format!("{day} {}", one.subscription_id.0)
            });
        } else {
            let after = page::after_id(&request.page_token)?.unwrap_or_default();
            rows = domain::list(&mut tx, caller.seller_id, after, size).await?;
            next_page_token = page::cut(&mut rows, size, |one| one.subscription_id.0.to_string());
        }
        let domains = views(&mut tx, caller.seller_id, rows).await?;
        Ok(Response::new(pb::ListDomainsResponse { domains, next_page_token }))
    }

    async fn renew_domain(
        &self,
        request: Request<pb::RenewDomainRequest>,
    ) -> Result<Response<pb::RenewDomainResponse>, Status> {
        let (caller, request) = open(request)?;
        let id = self.id_of(&caller, &request.subscription_id).await?;
        let mut call = begun!(self, caller, "RenewDomain", request);
        let seller = seller_of(&mut call.unit, caller.seller_id).await?;
        let (_, issued) = change::renew(&mut call.unit, &seller, id, request.years).await?;
        let (domain, invoices) = after_change(&mut call, id, &issued).await?;
        call.finish(pb::RenewDomainResponse { domain, invoices }).await
    }

    async fn restore_domain(
        &self,
        request: Request<pb::RestoreDomainRequest>,
    ) -> Result<Response<pb::RestoreDomainResponse>, Status> {
        let (caller, request) = open(request)?;
        let id = self.id_of(&caller, &request.subscription_id).await?;
        let mut call = begun!(self, caller, "RestoreDomain", request);
        let seller = seller_of(&mut call.unit, caller.seller_id).await?;
        let (_, issued) = change::restore(&mut call.unit, &seller, id, reason(&request.reason)?).await?;
        let (domain, invoices) = after_change(&mut call, id, &issued).await?;
        call.finish(pb::RestoreDomainResponse { domain, invoices }).await
    }

    async fn set_name_servers(
        &self,
        request: Request<pb::SetNameServersRequest>,
    ) -> Result<Response<pb::SetNameServersResponse>, Status> {
        let (caller, request) = open(request)?;
        let id = self.id_of(&caller, &request.subscription_id).await?;
        let mut call = begun!(self, caller, "SetNameServers", request);
        change::set_name_servers(&mut call.unit, id, &request.name_servers).await?;
        let (domain, _) = after_change(&mut call, id, &[]).await?;
        call.finish(pb::SetNameServersResponse { domain }).await
    }

    async fn set_lock(&self, request: Request<pb::SetLockRequest>) -> Result<Response<pb::SetLockResponse>, Status> {
        let (caller, request) = open(request)?;
        let id = self.id_of(&caller, &request.subscription_id).await?;
        let mut call = begun!(self, caller, "SetLock", request);
        change::set_lock(&mut call.unit, id, request.locked).await?;
        let (domain, _) = after_change(&mut call, id, &[]).await?;
        call.finish(pb::SetLockResponse { domain }).await
    }

    async fn set_auto_renew(
        &self,
        request: Request<pb::SetAutoRenewRequest>,
    ) -> Result<Response<pb::SetAutoRenewResponse>, Status> {
        let (caller, request) = open(request)?;
        let id = self.id_of(&caller, &request.subscription_id).await?;
        let mut call = begun!(self, caller, "SetAutoRenew", request);
        let seller = seller_of(&mut call.unit, caller.seller_id).await?;
        let key = format!("request:{}", request.request_id);
        change::set_auto_renew(&mut call.unit, &seller, id, request.auto_renew, &key).await?;
        let (domain, _) = after_change(&mut call, id, &[]).await?;
        call.finish(pb::SetAutoRenewResponse { domain }).await
    }

    async fn get_auth_code(
        &self,
        request: Request<pb::GetAuthCodeRequest>,
    ) -> Result<Response<pb::GetAuthCodeResponse>, Status> {
        let (caller, request) = open(request)?;
        let id = self.id_of(&caller, &request.subscription_id).await?;
        // What is kept for repetitions has no secret in it: a repeated call reads it anew, and is in the journal once.
        match Call::begin::<pb::GetAuthCodeResponse>(
            &self.billing,
            &caller,
            "GetAuthCode",
            &request.request_id,
            &request,
        )
        .await?
        {
            Begun::Fresh(mut call) => {
                ask::note_auth_code(&mut call.unit, id).await?;
                call.finish(pb::GetAuthCodeResponse::default()).await?;
            }
            Begun::Again(_) => {}
        }
        let auth_code = asked(ask::auth_code(&self.billing, caller.seller_id, id).await?)?;
        Ok(Response::new(pb::GetAuthCodeResponse { auth_code }))
    }

    async fn sync_domain(
        &self,
        request: Request<pb::SyncDomainRequest>,
    ) -> Result<Response<pb::SyncDomainResponse>, Status> {
        let (caller, request) = open(request)?;
        let id = self.id_of(&caller, &request.subscription_id).await?;
        let mut call = begun!(self, caller, "SyncDomain", request);
        change::look(&mut call.unit, id).await?;
        let (domain, _) = after_change(&mut call, id, &[]).await?;
        call.finish(pb::SyncDomainResponse { domain }).await
    }

    async fn list_registrar_messages(
        &self,
        request: Request<pb::ListRegistrarMessagesRequest>,
    ) -> Result<Response<pb::ListRegistrarMessagesResponse>, Status> {
        let (caller, request) = open(request)?;
        let size = page::size(request.page_size)?;
        let before = page::after_id(&request.page_token)?.unwrap_or(i64::MAX);
        let mut tx = self.billing.store.snapshot().await?;
        let mut found = registrar_message::list(&mut tx, caller.seller_id, before, size).await?;
        let next_page_token = page::cut(&mut found, size, |one| one.id.to_string());
        let messages = found.into_iter().map(to_message).collect();
        Ok(Response::new(pb::ListRegistrarMessagesResponse { messages, next_page_token }))
    }

    async fn set_tld(&self, request: Request<pb::SetTldRequest>) -> Result<Response<pb::SetTldResponse>, Status> {
        let (caller, request) = open(request)?;
        let mut call = begun!(self, caller, "SetTld", request);
        let seller = seller_of(&mut call.unit, caller.seller_id).await?;
        let list = from_tld(request.tld.unwrap_or_default())?;
        let currency = list.currency.unwrap_or(seller.currency);
        let (rules, version) = price_list::set(&mut call.unit, list).await?;
        call.finish(pb::SetTldResponse { tld: Some(to_tld(rules, Some(&version), currency)) }).await
    }

    async fn list_tlds(&self, request: Request<pb::ListTldsRequest>) -> Result<Response<pb::ListTldsResponse>, Status> {
        let (caller, request) = open(request)?;
        let currency = self.currency(&caller, &request.currency_code).await?;
        let size = page::size(request.page_size)?;
        let after = page::after(&request.page_token)?.unwrap_or_default();
        let mut tx = self.billing.store.snapshot().await?;
        let mut found = tld::list(&mut tx, caller.seller_id, &after, size).await?;
        let next_page_token = page::cut(&mut found, size, |one| one.tld.clone());
        let plans: Vec<_> = found.iter().map(|one| one.plan_id).collect();
        let versions = plan::newest(&mut tx, caller.seller_id, &plans).await?;
        let versions: BTreeMap<_, _> = versions.into_iter().map(|(plan, version)| (plan.id, version)).collect();
        let tlds = found
            .into_iter()
            .map(|one| {
                let version = versions.get(&one.plan_id);
                to_tld(one, version, currency)
            })
            .collect();
        Ok(Response::new(pb::ListTldsResponse { tlds, next_page_token }))
    }

    async fn get_tld_costs(
        &self,
        request: Request<pb::GetTldCostsRequest>,
    ) -> Result<Response<pb::GetTldCostsResponse>, Status> {
        let (caller, request) = open(request)?;
        let instance_id = parse("instance_id", &request.instance_id)?;
        let costs = answered(ask::costs(&self.billing, caller.seller_id, instance_id, request.tlds).await?)?;
        Ok(Response::new(pb::GetTldCostsResponse { costs: costs.into_iter().map(to_costs).collect() }))
    }
}

/// Where a page of domains by expiry begins.
fn after_expiry(token: &str) -> Result<After, BillingError> {
    let Some(key) = page::after(token)? else { return Ok(After::default()) };
    key.split_once(' ')
        .and_then(|(day, id)| {
            let expires_on: NaiveDate = day.parse().ok()?;
            Some(After { expires_on: Some(expires_on), subscription_id: id.parse().ok()? })
        })
        .ok_or_else(|| BillingError::invalid("page_token", "not a token of a previous answer"))
}
