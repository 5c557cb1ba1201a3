//! Availability, prices, credit: what is asked before something is bought.

use serde_json::{Value, json};

use super::call::{Call, amount, whole};
use super::options::{Extension, OpenproviderOptions};
use super::orders::Answered;
use super::refusal::Refusal;
use super::state::{State, extension};

pub(super) fn premium_cents(options: &OpenproviderOptions, name: &str) -> Option<i64> {
    options.premium.iter().find(|(premium, _)| premium == name).map(|(_, cents)| *cents)
}

/// The price of an operation for the whole period, in hundredths.
pub(super) fn price_cents(
    options: &OpenproviderOptions,
    name: &str,
    operation: &str,
    years: u32,
) -> Result<i64, Refusal> {
    let extension = extension(options, name)?;
    let yearly = match (operation, premium_cents(options, name)) {
        ("create" | "transfer", Some(fee)) => fee,
        ("create", None) => extension.create_cents,
        ("renew", _) => extension.renew_cents,
        ("transfer", None) => extension.transfer_cents,
        // Soft quarantine: no more than nothing.
        ("restore", _) => return Ok(0),
        _ => return Err(Refusal::undocumented("an operation other than create, renew, transfer, restore")),
    };
    Ok(yearly * i64::from(years))
}

fn group(options: &OpenproviderOptions, cents: i64) -> Value {
    let price = json!({"currency": options.currency, "price": amount(cents)});
    json!({"product": price, "reseller": price})
}

/// The answers come in another order than the questions, as they do there.
pub(super) fn check(options: &OpenproviderOptions, state: &State, call: &Call) -> Answered {
    let asked = call.member("domains").as_array().ok_or_else(|| Refusal::undocumented("domains that are no list"))?;
    let mut results = Vec::new();
    for domain in asked.iter().rev() {
        let name = whole(domain)?;
        let extension = extension(options, &name)?;
        let held = options.taken.contains(&name) || state.elsewhere.contains_key(&name) || state.live(&name).is_some();
        let premium = premium_cents(options, &name);
        let mut result = json!({
            "domain": name, "status": if held { "active" } else { "free" },
            "reason": if held { "Domain exists" } else { "" }, "is_premium": premium.is_some(),
        });
        if let Some(members) = result.as_object_mut() {
            if call.member("with_price") == true {
                members.insert("price".to_owned(), group(options, premium.unwrap_or(extension.create_cents)));
            }
            if let Some(cents) = premium {
                let premium = json!({"currency": options.currency, "price": {"create": amount(cents)}});
                members.insert("premium".to_owned(), premium);
            }
        }
        results.push(result);
    }
    Ok(json!({"results": results}))
}

pub(super) fn suggest(options: &OpenproviderOptions, call: &Call) -> Answered {
    let limit = call.member("limit").as_u64().unwrap_or(10).try_into().unwrap_or(usize::MAX);
    let tlds: Vec<&str> = call.member("tlds").as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let wanted = |extension: &&Extension| tlds.is_empty() || tlds.contains(&extension.name.as_str());
    let word = call.text("name").split('.').next().unwrap_or_default().to_ascii_lowercase();
    let ideas = ["", "online", "shop"].iter().flat_map(|end| {
        let extensions = options.extensions.iter().filter(wanted);
        let word = format!("{word}{end}");
        extensions.map(move |extension| {
            json!({"domain": word, "tld": extension.name, "name": format!("{word}.{}", extension.name)})
        })
    });
    Ok(json!({"results": ideas.take(limit).collect::<Vec<_>>()}))
}

pub(super) fn price(options: &OpenproviderOptions, call: &Call) -> Answered {
    let name = format!("{}.{}", call.parameter("domain.name"), call.parameter("domain.extension"));
    let years = u32::try_from(call.number("period", 1)).map_err(|_| Refusal::wrong_period())?;
    let cents = price_cents(options, &name, call.parameter("operation"), years)?;
    let premium = premium_cents(options, &name).is_some();
    Ok(json!({"price": group(options, cents), "is_premium": premium, "is_promotion": false}))
}

pub(super) fn tlds(options: &OpenproviderOptions, call: &Call) -> Answered {
    let named = call.parameters("extensions");
    let wanted = |extension: &&Extension| named.is_empty() || named.contains(&extension.name);
    let rows = options.extensions.iter().filter(wanted).map(|extension| {
        let years = i64::from(extension.years_min);
        let priced = |cents: i64| group(options, cents);
        let prices = json!({
            "create_price": priced(extension.create_cents * years), "renew_price": priced(extension.renew_cents * years),
            "transfer_price": priced(extension.transfer_cents * years),
            "restore_price": priced(extension.restore_cents), "min_period": years, "max_period": 10,
        });
        let prices = if call.parameter("with_price") == "true" { prices } else { Value::Null };
        json!({
            "name": extension.name, "min_period": years, "max_period": 10, "quarantine_period": 30,
            "soft_quarantine_period": 40, "status": "ACT", "prices": prices,
        })
    });
    let rows = rows.collect();
    Ok(call.page(rows, 500))
}

pub(super) fn reseller(options: &OpenproviderOptions, state: &State, call: &Call) -> Answered {
    let settings = json!({"currency": options.currency});
    Ok(json!({
        "id": 4_711, "balance": amount(state.balance_cents), "reserved_balance": amount(state.reserved_cents()),
        "settings": if call.parameter("with_settings") == "true" { settings } else { Value::Null },
    }))
}
