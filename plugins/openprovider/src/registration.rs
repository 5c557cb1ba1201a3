//! Registers domains. The API registers again at each call it is given, so an attempt that may have been made before looks
//! first, and one whose answer was lost looks afterwards.

use billet_plugin::google::r#type::Money;
use billet_plugin::v1::{
    DnssecKey, DomainAction, Operation, ProblemKind, RegisterDomainRequest, RegisterDomainResponse,
};
use billet_plugin::{Answer, Done, Failure};
use chrono::Utc;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::Openprovider;
use crate::availability::{self, Checked};
use crate::budget::Budget;
use crate::client::Call;
use crate::contact::{self, Handles};
use crate::domain::{Key, NameServer, Row, or_default};
use crate::failure::{DUPLICATE, Trouble};
use crate::lookup;
use crate::money::permit;
use crate::name::{Name, host};
use crate::pricing::{self, Quote};

/// The longest period.
const YEARS_MAX: u32 = 10;
/// As many as registries take.
const NAME_SERVERS_MAX: usize = 13;
/// Fields of `additional_data` that are text; single registries want them.
const ADDITIONAL: &str = " abogado_acceptance admin_sing_pass_id ae_acceptance allocation_token auth_code bank_acceptance \
    company_registration_number coop_acceptance customer_uin eligibility_type eligibility_type_relationship \
    es_annex_acceptance ftld_token gay_donation_acceptance gay_rights_protection_acceptance id_number id_type idn_script \
    insurance_acceptance intended_use law_acceptance legal_type maintainer membership_id \
    mobile_phone_number_verification ngo_ong_eligibility_acceptance ngo_ong_policy_acceptance passport_number \
    rurf_blocked_domains self_service trademark trademark_id travel_acceptance vat verification_code vote_acceptance \
    voto_acceptance ";

#[derive(Serialize)]
struct CreateRequest<'a> {
    domain: &'a Name,
    period: u32,
    unit: &'static str,
    owner_handle: &'a str,
    admin_handle: &'a str,
    tech_handle: &'a str,
    billing_handle: &'a str,
    autorenew: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    name_servers: Vec<NameServer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ns_group: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dnssec_keys: Vec<Key>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_dnssec_enabled: bool,
    is_private_whois_enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    accept_premium_fee: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    additional_data: &'a std::collections::BTreeMap<String, String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    comments: String,
}

/// What is told of an order that was placed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Ordered {
    pub(crate) id: i64,
    #[serde(deserialize_with = "or_default")]
    pub(crate) status: String,
}

/// Registers a domain.
pub(crate) async fn register(plugin: &Openprovider, request: &RegisterDomainRequest) -> Answer<RegisterDomainResponse> {
    let name = Name::parse(&request.name)?;
    let operation = request.operation.as_ref();
    let budget = Budget::left_to(operation, plugin.manner.time_max);
    if !(1..=YEARS_MAX).contains(&request.years) {
        return Err(invalid(format!("years `{}`: expected 1 to {YEARS_MAX}", request.years)));
    }
    let name_servers = name_servers(&request.name_servers)?;
    let dnssec_keys = keys(&request.dnssec)?;
    if let Some(field) = request.extra.keys().find(|field| !ADDITIONAL.contains(&format!(" {field} "))) {
        let field: String = field.chars().take(60).collect();
        return Err(invalid(format!("extra: Openprovider has no field `{field}`")));
    }
    if lookup::is_repeated(operation)
        && let Some(done) = earlier(plugin, &name, request, &budget).await?
    {
        return Ok(done);
    }
    let checked = availability::one(plugin, &name, &budget).await.map_err(Trouble::asking)?;
    if !checked.is_free() {
        let words = format!("{} cannot be registered: {}", name.whole(), checked.reason());
        return Err(Failure::refused(ProblemKind::Conflict, "", words));
    }
    let quote = quote(plugin, &name, request.years, &checked, &budget).await?;
    permit(quote.price.as_ref(), quote.premium, request.price_max.as_ref())?;
    let handles = contact::all(plugin, &request.contacts, &budget).await?;
    let body = CreateRequest {
        domain: &name,
        period: request.years,
        unit: "y",
        owner_handle: &handles.owner,
        admin_handle: &handles.admin,
        tech_handle: &handles.tech,
        billing_handle: &handles.billing,
        autorenew: &plugin.manner.autorenew,
        ns_group: name_servers.is_empty().then_some(plugin.manner.ns_group.as_str()),
        name_servers,
        is_dnssec_enabled: !dnssec_keys.is_empty(),
        dnssec_keys,
        is_private_whois_enabled: request.id_protected,
        accept_premium_fee: premium_fee(&checked, &quote)?,
        additional_data: &request.extra,
        comments: lookup::mark(operation),
    };
    let call = Call::post(&["domains"], &body);
    match plugin.client.send::<Ordered>(call, budget.for_change()).await {
        Ok(reply) => {
            let read = lookup::read(plugin, reply.data.id, &budget).await;
            Ok(placed(read, &reply.data, &name, quote.price, reply.warnings))
        }
        Err(trouble) => look(plugin, &name, operation, &handles, quote.price, trouble, &budget).await,
    }
}

/// What an attempt before this one did, if it did anything.
async fn earlier(
    plugin: &Openprovider,
    name: &Name,
    request: &RegisterDomainRequest,
    budget: &Budget,
) -> Result<Option<Done<RegisterDomainResponse>>, Failure> {
    let operation = request.operation.as_ref();
    let Some(row) = lookup::find(plugin, name, budget).await.map_err(Trouble::asking)? else { return Ok(None) };
    let marked = lookup::is_ours(&row, operation, "");
    if row.has_failed() && marked {
        let words = format!("the registration of {} was placed and failed at the registry", name.whole());
        return Err(Failure::refused(ProblemKind::State, row.status, words));
    }
    if row.state(Utc::now()).is_none() || row.is("DEL") {
        return Ok(None);
    }
    let ours = marked || {
        let handles = contact::all(plugin, &request.contacts, budget).await?;
        lookup::is_ours(&row, operation, &handles.owner)
    };
    if !ours {
        let words = format!("{} is in this account already, and did not come of this order", name.whole());
        return Err(Failure::refused(ProblemKind::Conflict, "", words));
    }
    Ok(Some(Done::already(response(&row, None))))
}

/// What a year, or as many as are asked for, will cost.
async fn quote(
    plugin: &Openprovider,
    name: &Name,
    years: u32,
    checked: &Checked,
    budget: &Budget,
) -> Result<Quote, Failure> {
    let told = pricing::quote(plugin, name, DomainAction::Register, years, budget).await;
    let quote = match told {
        Ok(quote) => quote,
        // A price for one year stands in the check as well.
        Err(_) if years == 1 && checked.price().is_some() => Quote { price: checked.price(), premium: false },
        Err(trouble) => return Err(trouble.asking()),
    };
    Ok(Quote { price: quote.price, premium: quote.premium || checked.is_premium })
}

/// The fee that is accepted, digit by digit as the check told it.
fn premium_fee(checked: &Checked, quote: &Quote) -> Result<Option<Box<RawValue>>, Failure> {
    if !quote.premium {
        return Ok(None);
    }
    let fee = checked.premium_fee().and_then(|fee| RawValue::from_string(fee.decimal()?.to_string()).ok());
    let untold = || Failure::refused(ProblemKind::Limit, "", "this is a premium name, and its fee is not told");
    fee.map(Some).ok_or_else(untold)
}

/// The order was taken; nothing that fails afterwards changes that.
fn placed(
    read: Result<Row, Trouble>,
    ordered: &Ordered,
    name: &Name,
    charged: Option<Money>,
    mut warnings: Vec<String>,
) -> Done<RegisterDomainResponse> {
    let row = read.unwrap_or_else(|trouble| {
        let words = trouble.asking().problem().words.clone();
        warnings.push(format!("the order was placed; the domain could not be read afterwards: {words}"));
        Row::ordered(ordered.id, name.clone(), ordered.status.clone())
    });
    Done::new(response(&row, charged)).with_warnings(warnings)
}

/// After a failed order: a duplicate may be ours, and a lost answer may have been a yes.
async fn look(
    plugin: &Openprovider,
    name: &Name,
    operation: Option<&Operation>,
    handles: &Handles,
    charged: Option<Money>,
    trouble: Trouble,
    budget: &Budget,
) -> Answer<RegisterDomainResponse> {
    let duplicate = trouble.is(DUPLICATE);
    if !duplicate && !trouble.is_unsure() {
        return Err(trouble.changing());
    }
    if let Ok(Some(row)) = lookup::find(plugin, name, budget).await
        && lookup::is_ours(&row, operation, &handles.owner)
    {
        if row.has_failed() {
            let words = format!("the registration of {} was placed and failed at the registry", name.whole());
            return Err(Failure::refused(ProblemKind::State, row.status, words));
        }
        if row.state(Utc::now()).is_some() {
            let words = "the answer to the order was lost; the domain was found in the account afterwards".to_owned();
            let done = if duplicate { Done::already(response(&row, None)) } else { Done::new(response(&row, charged)) };
            return Ok(done.with_warnings(vec![words]));
        }
    }
    Err(trouble.changing())
}

fn response(row: &Row, charged: Option<Money>) -> RegisterDomainResponse {
    RegisterDomainResponse { domain: Some(row.shown(Utc::now())), charged, ..RegisterDomainResponse::default() }
}

/// Name servers in order, as the API takes them.
///
/// # Errors
/// [`ProblemKind::Invalid`].
pub(crate) fn name_servers(names: &[String]) -> Result<Vec<NameServer>, Failure> {
    if names.len() > NAME_SERVERS_MAX {
        return Err(invalid(format!("name_servers: at most {NAME_SERVERS_MAX}")));
    }
    let numbered = names.iter().zip(1..);
    numbered.map(|(name, seq_nr)| Ok(NameServer { name: host(name)?, seq_nr })).collect()
}

/// Keys as the API takes them: whole ones, from which the registry makes its own digests.
///
/// # Errors
/// [`ProblemKind::Invalid`] for a key that is given as a digest only.
pub(crate) fn keys(keys: &[DnssecKey]) -> Result<Vec<Key>, Failure> {
    let taken = keys.iter().map(|key| {
        let pub_key: String = key.public_key.split_whitespace().collect();
        if pub_key.is_empty() || key.flags == 0 {
            let words = "dnssec: Openprovider takes the key itself (flags, algorithm, public key), not its digest (DS)";
            return Err(invalid(words.to_owned()));
        }
        Ok(Key { alg: key.algorithm, flags: key.flags, protocol: 3, pub_key })
    });
    taken.collect()
}

fn invalid(words: String) -> Failure {
    Failure::refused(ProblemKind::Invalid, "", words)
}
