//! What names cost: the price of one order, and the price list.

use billet_plugin::google::r#type::Money;
use billet_plugin::v1::{
    DomainAction, DomainPrice, GetTldPricingRequest, GetTldPricingResponse, ProblemKind, TldPricing,
};
use billet_plugin::{Answer, Done, Failure};
use serde::Deserialize;

use crate::Openprovider;
use crate::budget::Budget;
use crate::client::Call;
use crate::domain::or_default;
use crate::failure::Trouble;
use crate::money::PriceGroup;
use crate::name::Name;

/// How many extensions one request asks for.
const PAGE: usize = 100;
/// How many pages are read: Openprovider has some 2,000 extensions.
const PAGES_MAX: usize = 50;
/// How many extensions a caller may name.
const NAMED_MAX: usize = 500;

/// The price of one order.
#[derive(Debug, Default)]
pub(crate) struct Quote {
    /// In the account's currency, for the whole period.
    pub(crate) price: Option<Money>,
    pub(crate) premium: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PriceAnswer {
    #[serde(deserialize_with = "or_default")]
    is_premium: bool,
    price: Option<PriceGroup>,
}

/// Asks what an action costs for so many years.
pub(crate) async fn quote(
    plugin: &Openprovider,
    name: &Name,
    action: DomainAction,
    years: u32,
    budget: &Budget,
) -> Result<Quote, Trouble> {
    let operation = match action {
        DomainAction::Renew => "renew",
        DomainAction::Transfer => "transfer",
        DomainAction::Restore => "restore",
        DomainAction::Register | DomainAction::Unspecified => "create",
    };
    let call = Call::get(&["domains", "prices"])
        .query("domain.name", &name.name)
        .query("domain.extension", &name.extension)
        .query("operation", &operation)
        .query("period", &years);
    let answer: PriceAnswer = plugin.client.send(call, budget.left()).await?.data;
    let price = answer.price.as_ref().and_then(PriceGroup::charged);
    Ok(Quote { price, premium: answer.is_premium })
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Tlds {
    #[serde(deserialize_with = "or_default")]
    results: Vec<Tld>,
    #[serde(deserialize_with = "or_default")]
    total: usize,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Tld {
    #[serde(deserialize_with = "or_default")]
    name: String,
    #[serde(deserialize_with = "or_default")]
    min_period: u32,
    prices: Option<Prices>,
    quarantine_period: Option<u32>,
    soft_quarantine_period: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Prices {
    create_price: Option<PriceGroup>,
    renew_price: Option<PriceGroup>,
    transfer_price: Option<PriceGroup>,
    restore_price: Option<PriceGroup>,
}

/// The price list, or the part of it that is asked for.
pub(crate) async fn list(plugin: &Openprovider, request: &GetTldPricingRequest) -> Answer<GetTldPricingResponse> {
    if request.tlds.len() > NAMED_MAX {
        let words = format!("tlds: at most {NAMED_MAX}, or none for all");
        return Err(Failure::refused(ProblemKind::Invalid, "", words));
    }
    let named: Vec<String> = request.tlds.iter().map(|tld| tld.trim_matches('.').to_ascii_lowercase()).collect();
    // One request's bound for each page.
    let mut pricings = Vec::new();
    if named.is_empty() {
        for page in 0..PAGES_MAX {
            let offset = page * PAGE;
            let tlds = read(plugin, Call::get(&["tlds"]).query("limit", &PAGE).query("offset", &offset)).await?;
            let count = tlds.results.len();
            pricings.extend(tlds.results.into_iter().map(pricing));
            if count == 0 || offset + count >= tlds.total {
                break;
            }
        }
    }
    for some in named.chunks(PAGE) {
        let call = Call::get(&["tlds"]).query("limit", &PAGE).query("offset", &0);
        let call = some.iter().fold(call, |call, tld| call.query("extensions", &tld));
        let tlds = read(plugin, call).await?;
        pricings.extend(tlds.results.into_iter().map(pricing).filter(|pricing| named.contains(&pricing.tld)));
    }
    pricings.sort_by(|a, b| a.tld.cmp(&b.tld));
    pricings.dedup_by(|a, b| a.tld == b.tld);
    Ok(Done::new(GetTldPricingResponse { pricings, ..GetTldPricingResponse::default() }))
}

async fn read(plugin: &Openprovider, call: Call) -> Result<Tlds, Failure> {
    let call = call.query("with_price", &true);
    let reply = plugin.client.send(call, plugin.manner.time_max).await.map_err(Trouble::asking)?;
    Ok(reply.data)
}

fn pricing(tld: Tld) -> TldPricing {
    let years = tld.min_period.max(1);
    let prices = tld.prices.unwrap_or_default();
    let listed = [
        (DomainAction::Register, prices.create_price, years),
        (DomainAction::Renew, prices.renew_price, years),
        (DomainAction::Transfer, prices.transfer_price, years),
        (DomainAction::Restore, prices.restore_price, 0),
    ];
    let prices = listed.into_iter().filter_map(|(action, price, years)| {
        let price = price?.charged()?;
        Some(DomainPrice { action: action.into(), years, price: Some(price) })
    });
    TldPricing {
        tld: tld.name.to_ascii_lowercase(),
        prices: prices.collect(),
        // Soft quarantine: after expiry, reactivated for no more than a renewal.
        grace_days: tld.soft_quarantine_period,
        redemption_days: tld.quarantine_period,
        renew_before_days: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Documented {
        data: PriceAnswer,
    }

    #[test]
    fn the_price_is_what_the_account_is_charged() {
        let text = include_str!("../fixtures/price.json");
        let answer: Documented = serde_json::from_str(text).expect("as documented");
        let price = answer.data.price.as_ref().and_then(PriceGroup::charged).expect("a price");
        assert_eq!((price.currency_code.as_str(), price.units, price.nanos), ("EUR", 11, 980_000_000));
        assert!(!answer.data.is_premium);
    }
}
