//! Whether names are free, and what they cost (RFC 5731 section 3.1.1, RFC 8748).

use billet_plugin::v1::{
    Availability, CheckAvailabilityRequest, CheckAvailabilityResponse, DomainAction, GetTldPricingRequest,
    GetTldPricingResponse, ProblemKind, TldPricing,
};
use billet_plugin::{Answer, Done, Failure};

use crate::client::Client;
use crate::command::{Command, Object};
use crate::deadline::Deadline;
use crate::namespace;
use crate::price::{self, Quote};
use crate::response::Response;
use crate::xml::Element;

/// Names in one question of the protocol.
const NAMES_MAX: usize = 50;
/// Names in one command: registries take no more than a few.
const NAMES_OF_COMMAND_MAX: usize = 10;
/// Zones in one question about prices.
const ZONES_MAX: usize = 100;
/// What prices are asked for.
const ASKED: [(DomainAction, u32); 4] =
    [(DomainAction::Register, 1), (DomainAction::Renew, 1), (DomainAction::Transfer, 1), (DomainAction::Restore, 1)];

/// CheckAvailability.
///
/// # Errors
/// Those of a question.
pub async fn check(client: &Client, request: CheckAvailabilityRequest) -> Answer<CheckAvailabilityResponse> {
    if request.names.is_empty() || request.names.len() > NAMES_MAX {
        let words = format!("names: 1 to {NAMES_MAX}");
        return Err(Failure::refused(ProblemKind::Invalid, "", words));
    }
    let until = client.question_deadline();
    let priced = client.greeting(until).await?.offers(namespace::FEE);
    let mut availabilities = Vec::with_capacity(request.names.len());
    for names in request.names.chunks(NAMES_OF_COMMAND_MAX) {
        availabilities.extend(check_some(client, names, priced, until).await?);
    }
    Ok(Done::new(CheckAvailabilityResponse { availabilities, ..Default::default() }))
}

/// A name that the registry does not take makes the whole command fail at some; then each is asked about alone.
async fn check_some(
    client: &Client,
    names: &[String],
    priced: bool,
    until: Deadline,
) -> Result<Vec<Availability>, Failure> {
    match ask(client, names, priced, until).await {
        Ok(response) => return Ok(names.iter().map(|name| read(&response, name)).collect()),
        Err(Failure::Refused(problem)) if is_about_names(problem.kind()) => {}
        Err(failure) => return Err(failure),
    }
    let mut availabilities = Vec::with_capacity(names.len());
    for name in names {
        let one = std::slice::from_ref(name);
        let mut answer = ask(client, one, priced, until).await;
        // It may have been the prices that the registry did not like.
        if priced && answer.as_ref().is_err_and(|failure| is_about_names(failure.kind())) {
            answer = ask(client, one, false, until).await;
        }
        availabilities.push(match answer {
            Ok(response) => read(&response, name),
            Err(Failure::Refused(problem)) if is_about_names(problem.kind()) => {
                Availability { name: name.clone(), reason: problem.words, ..Availability::default() }
            }
            Err(failure) => return Err(failure),
        });
    }
    Ok(availabilities)
}

fn is_about_names(kind: ProblemKind) -> bool {
    matches!(kind, ProblemKind::Invalid | ProblemKind::Unsupported)
}

async fn ask(client: &Client, names: &[String], priced: bool, until: Deadline) -> Result<Response, Failure> {
    let command = Command::about("check", Object::Domain, names.iter().map(|name| Element::leaf("domain:name", name)))
        .extended(priced.then(|| price::check(&ASKED, &client.settings.currency)));
    client.ask(&command, until).await
}

fn read(response: &Response, name: &str) -> Availability {
    let data = response.data.of(namespace::DOMAIN, "chkData").cloned().unwrap_or_default();
    let answer = data.all("cd").find(|one| one.text_of("name").eq_ignore_ascii_case(name));
    let quotes = price::read(response, name);
    Availability {
        name: name.to_owned(),
        available: answer
            .and_then(|answer| answer.get("name"))
            .is_some_and(|answer| matches!(answer.attribute("avail"), "1" | "true")),
        reason: answer.map_or("the registry did not answer about it", |answer| answer.text_of("reason")).to_owned(),
        premium: quotes.iter().any(|quote| quote.premium),
        prices: quotes.iter().filter_map(Quote::price).collect(),
    }
}

/// GetTldPricing: what a name costs that nobody has. EPP has no price list.
///
/// # Errors
/// [`ProblemKind::Unsupported`] when the registry tells no prices, and those of a question.
pub async fn pricing(client: &Client, request: GetTldPricingRequest) -> Answer<GetTldPricingResponse> {
    let until = client.question_deadline();
    let zones = if request.tlds.is_empty() { client.settings.zones.clone() } else { request.tlds };
    if zones.is_empty() || zones.len() > ZONES_MAX {
        let words = format!("tlds: 1 to {ZONES_MAX}, or set `zones` for this instance");
        return Err(Failure::refused(ProblemKind::Invalid, "", words));
    }
    if !client.greeting(until).await?.offers(namespace::FEE) {
        let words = "the registry has no fee extension (RFC 8748), so it does not tell prices";
        return Err(Failure::refused(ProblemKind::Unsupported, "", words));
    }
    let mut pricings = Vec::with_capacity(zones.len());
    let mut warnings = Vec::new();
    for zone in zones {
        let zone = zone.trim_matches('.').to_ascii_lowercase();
        // Long and random enough to be neither taken nor dear.
        let name = format!("billet-{}.{zone}", uuid::Uuid::new_v4().simple());
        match ask(client, std::slice::from_ref(&name), true, until).await {
            Ok(response) => pricings.push(TldPricing {
                tld: zone,
                prices: price::read(&response, &name).iter().filter_map(Quote::price).collect(),
                ..TldPricing::default()
            }),
            Err(Failure::Refused(problem)) if is_about_names(problem.kind()) => {
                warnings.push(format!("{zone}: {}", problem.words));
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(Done::new(GetTldPricingResponse { pricings, ..Default::default() }).with_warnings(warnings))
}
