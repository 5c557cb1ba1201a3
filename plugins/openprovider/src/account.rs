//! The account itself: whether it can be reached, and its credit; and the list of its domains.

use billet_plugin::v1::{
    GetDomainRequest, GetDomainResponse, ListDomainsRequest, ListDomainsResponse, ProblemKind, TestRegistrarResponse,
};
use billet_plugin::{Answer, Done, Failure};
use chrono::Utc;
use serde::Deserialize;

use crate::Openprovider;
use crate::budget::Budget;
use crate::client::Call;
use crate::domain::or_default;
use crate::failure::Trouble;
use crate::lookup::{self, Rows};
use crate::money::{Amount, money};
use crate::name::Name;

/// The API gives no more rows at once.
const PAGE_MAX: u32 = 100;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Reseller {
    #[serde(deserialize_with = "or_default")]
    id: i64,
    balance: Option<Amount>,
    reserved_balance: Option<Amount>,
    settings: Option<ResellerSettings>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ResellerSettings {
    #[serde(deserialize_with = "or_default")]
    currency: String,
}

/// Reads the account: what is free to spend is the balance without what pending orders hold.
pub(crate) async fn test(plugin: &Openprovider) -> Answer<TestRegistrarResponse> {
    let call = Call::get(&["resellers"]).query("with_settings", &true);
    let reply = plugin.client.send::<Reseller>(call, plugin.manner.time_max).await.map_err(Trouble::asking)?;
    let reseller = reply.data;
    let currency = reseller.settings.map(|settings| settings.currency).unwrap_or_default();
    let held = reseller.reserved_balance.and_then(|held| held.decimal()).unwrap_or_default();
    let balance = reseller.balance.and_then(|balance| money(balance.decimal()? - held, &currency));
    let server = format!("Openprovider REST API, reseller {}", reseller.id);
    let response = TestRegistrarResponse { server, balance, ..TestRegistrarResponse::default() };
    Ok(Done::new(response).with_warnings(reply.warnings))
}

/// Reads a domain.
pub(crate) async fn get(plugin: &Openprovider, request: &GetDomainRequest) -> Answer<GetDomainResponse> {
    let name = Name::parse(&request.name)?;
    let budget = Budget::of(plugin.manner.time_max);
    let found = lookup::expect(plugin, &name, &budget).await?;
    let row = lookup::read(plugin, found.id, &budget).await.map_err(Trouble::asking)?;
    let domain = Some(row.shown(Utc::now()));
    Ok(Done::new(GetDomainResponse { domain, ..GetDomainResponse::default() }))
}

/// A page of domains by their numbers, oldest first: what comes in between is found at the end.
pub(crate) async fn list(plugin: &Openprovider, request: &ListDomainsRequest) -> Answer<ListDomainsResponse> {
    let offset: usize = match request.page_token.as_str() {
        "" => 0,
        token => {
            token.parse().map_err(|_| Failure::refused(ProblemKind::Invalid, "", "page_token: not one of ours"))?
        }
    };
    let limit = request.page_size.clamp(1, PAGE_MAX);
    let call = Call::get(&["domains"]).query("limit", &limit).query("offset", &offset).query("order_by.id", &"asc");
    let reply = plugin.client.send::<Rows>(call, plugin.manner.time_max).await.map_err(Trouble::asking)?;
    let rows = reply.data.results;
    let next = offset + rows.len();
    let next_page_token = if rows.is_empty() || next >= reply.data.total { String::new() } else { next.to_string() };
    let now = Utc::now();
    // What failed or is gone for good is no domain; its row stays in the list all the same.
    let domains = rows.iter().filter(|row| row.state(now).is_some()).map(|row| row.shown(now)).collect();
    let response = ListDomainsResponse { domains, next_page_token, ..ListDomainsResponse::default() };
    Ok(Done::new(response).with_warnings(reply.warnings))
}
