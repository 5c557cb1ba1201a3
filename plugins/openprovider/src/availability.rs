//! Whether names are free, and ideas for others.

use std::collections::HashMap;

use billet_plugin::google::r#type::Money;
use billet_plugin::v1::{
    Availability, CheckAvailabilityRequest, CheckAvailabilityResponse, DomainAction, DomainPrice, ProblemKind,
    SuggestDomainsRequest, SuggestDomainsResponse,
};
use billet_plugin::{Answer, Done, Failure};
use serde::{Deserialize, Serialize};

use crate::Openprovider;
use crate::budget::Budget;
use crate::client::Call;
use crate::domain::or_default;
use crate::failure::{Trouble, plain};
use crate::money::{Amount, PriceGroup};
use crate::name::Name;

/// How many names one request asks for: with many more at once the API answers wrongly.
const BATCH: usize = 15;
/// How many names a caller may ask for.
const NAMES_MAX: usize = 50;
/// How many ideas a caller may ask for.
const IDEAS_MAX: u32 = 100;

/// What a check tells about a name.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Checked {
    #[serde(deserialize_with = "or_default")]
    domain: String,
    #[serde(deserialize_with = "or_default")]
    status: String,
    #[serde(deserialize_with = "or_default")]
    reason: String,
    #[serde(deserialize_with = "or_default")]
    pub(crate) is_premium: bool,
    premium: Option<Premium>,
    price: Option<PriceGroup>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Premium {
    #[serde(deserialize_with = "or_default")]
    currency: String,
    price: Option<PremiumPrice>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PremiumPrice {
    create: Option<Amount>,
}

impl Checked {
    pub(crate) fn is_free(&self) -> bool {
        self.status.eq_ignore_ascii_case("free")
    }

    /// Why it is not free, in the registry's words.
    pub(crate) fn reason(&self) -> String {
        let reason = plain(&self.reason);
        if reason.is_empty() { self.status.clone() } else { reason }
    }

    /// The fee of a premium name, in the currency that it has there.
    pub(crate) fn premium_fee(&self) -> Option<&Amount> {
        self.premium.as_ref()?.price.as_ref()?.create.as_ref()
    }

    /// What a year costs.
    pub(crate) fn price(&self) -> Option<Money> {
        let standard = self.price.as_ref().and_then(PriceGroup::charged);
        if !self.is_premium {
            return standard;
        }
        let currency = self.premium.as_ref().map(|premium| premium.currency.as_str()).unwrap_or_default();
        self.premium_fee().and_then(|fee| fee.money(currency)).or(standard)
    }

    fn shown(&self, name: &str) -> Availability {
        let price = self.price().filter(|_| self.is_free());
        Availability {
            name: name.to_owned(),
            available: self.is_free(),
            reason: if self.is_free() { String::new() } else { self.reason() },
            premium: self.is_premium,
            prices: price.map(register_price).into_iter().collect(),
        }
    }
}

fn register_price(price: Money) -> DomainPrice {
    DomainPrice { action: DomainAction::Register.into(), years: 1, price: Some(price) }
}

#[derive(Serialize)]
struct CheckRequest<'a> {
    domains: &'a [Name],
    with_price: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Checks {
    #[serde(deserialize_with = "or_default")]
    results: Vec<Checked>,
}

/// Checks up to a batch of names. The answers come in any order.
async fn batch(plugin: &Openprovider, names: &[Name], budget: &Budget) -> Result<HashMap<String, Checked>, Trouble> {
    let call = Call::post(&["domains", "check"], &CheckRequest { domains: names, with_price: true });
    let checks: Checks = plugin.client.send(call, budget.left()).await?.data;
    Ok(checks.results.into_iter().map(|checked| (checked.domain.to_ascii_lowercase(), checked)).collect())
}

/// Checks one name before it is ordered.
pub(crate) async fn one(plugin: &Openprovider, name: &Name, budget: &Budget) -> Result<Checked, Trouble> {
    let mut answers = batch(plugin, std::slice::from_ref(name), budget).await?;
    answers.remove(&name.whole()).ok_or_else(|| {
        Trouble::Garbled(format!("the availability of {} was asked for, and the answer does not tell it", name.whole()))
    })
}

/// Checks names for a shop.
pub(crate) async fn check(
    plugin: &Openprovider,
    request: &CheckAvailabilityRequest,
) -> Answer<CheckAvailabilityResponse> {
    if request.names.is_empty() || request.names.len() > NAMES_MAX {
        return Err(Failure::refused(ProblemKind::Invalid, "", format!("names: expected 1 to {NAMES_MAX}")));
    }
    let names = request.names.iter().map(|name| Name::parse(name)).collect::<Result<Vec<_>, _>>()?;
    let (answers, warnings) = in_batches(plugin, &names).await?;
    let availabilities = request.names.iter().zip(&names).map(|(asked, name)| match answers.get(&name.whole()) {
        Some(checked) => checked.shown(asked),
        None => Availability {
            name: asked.clone(),
            reason: "Openprovider did not answer for this name".to_owned(),
            ..Availability::default()
        },
    });
    let availabilities = availabilities.collect();
    let response = CheckAvailabilityResponse { availabilities, ..CheckAvailabilityResponse::default() };
    Ok(Done::new(response).with_warnings(warnings))
}

/// One registry that hangs must not hide the others: a batch without an answer is told as a warning, unless all are.
async fn in_batches(plugin: &Openprovider, names: &[Name]) -> Result<(HashMap<String, Checked>, Vec<String>), Failure> {
    let mut answers = HashMap::new();
    let mut warnings = Vec::new();
    let mut failure = None;
    for some in names.chunks(BATCH) {
        match batch(plugin, some, &Budget::of(plugin.manner.time_max)).await {
            Ok(answered) => answers.extend(answered),
            Err(trouble) => {
                let failed = trouble.asking();
                if !matches!(&failed, Failure::RetryLater { .. }) {
                    return Err(failed);
                }
                warnings.push(failed.problem().words.clone());
                failure = Some(failed);
            }
        }
    }
    match failure {
        Some(failure) if answers.is_empty() => Err(failure),
        _ => Ok((answers, warnings)),
    }
}

#[derive(Serialize)]
struct SuggestRequest<'a> {
    name: &'a str,
    limit: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tlds: Vec<String>,
    /// Without obscene ones.
    sensitive: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Suggestions {
    #[serde(deserialize_with = "or_default")]
    results: Vec<Suggestion>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Suggestion {
    #[serde(deserialize_with = "or_default")]
    name: String,
}

/// Ideas, of which only those are told that are free.
pub(crate) async fn suggest(plugin: &Openprovider, request: &SuggestDomainsRequest) -> Answer<SuggestDomainsResponse> {
    let query = request.query.trim();
    if query.is_empty() || query.chars().count() > 253 {
        return Err(Failure::refused(ProblemKind::Invalid, "", "query: expected 1 to 253 characters"));
    }
    let limit = request.count_max.clamp(1, IDEAS_MAX);
    let tlds = request.tlds.iter().map(|tld| tld.trim_matches('.').to_ascii_lowercase()).collect();
    let body = SuggestRequest { name: query, limit, tlds, sensitive: true };
    let call = Call::post(&["domains", "suggest-name"], &body);
    let reply = plugin.client.send::<Suggestions>(call, plugin.manner.time_max).await.map_err(Trouble::asking)?;
    let ideas = reply.data.results.iter().filter_map(|idea| Name::parse(&idea.name).ok());
    let ideas: Vec<Name> = ideas.take(limit as usize).collect();
    let (answers, mut warnings) = in_batches(plugin, &ideas).await?;
    let free = ideas.iter().map(Name::whole).filter_map(|name| Some(answers.get(&name)?.shown(&name)));
    let suggestions = free.filter(|availability| availability.available).collect();
    warnings.extend(reply.warnings);
    let response = SuggestDomainsResponse { suggestions, ..SuggestDomainsResponse::default() };
    Ok(Done::new(response).with_warnings(warnings))
}
