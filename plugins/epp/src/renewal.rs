//! Renewing a domain (RFC 5731 section 3.2.3). `curExpDate` makes it idempotent: a renewal that was done already is refused
//! by the registry, as the domain no longer expires on that day, and nothing is charged twice.

use billet_plugin::google::r#type::Date;
use billet_plugin::v1::{DomainAction, ProblemKind, RenewDomainRequest, RenewDomainResponse};
use billet_plugin::{Answer, Done, Failure};

use crate::client::Client;
use crate::command::{Command, Object};
use crate::deadline::Deadline;
use crate::info::{Info, is_repeated};
use crate::instant;
use crate::namespace;
use crate::price;
use crate::registration::YEARS_MAX;
use crate::xml::Element;

/// RenewDomain.
///
/// # Errors
/// Those of a change.
pub async fn renew(client: &Client, request: RenewDomainRequest) -> Answer<RenewDomainResponse> {
    let operation = request.operation.as_ref();
    let until = client.change_deadline(operation);
    if request.years == 0 || request.years > YEARS_MAX {
        return Err(Failure::refused(ProblemKind::Invalid, "", format!("years: 1 to {YEARS_MAX}")));
    }
    let Some(day) = request.expires_on else {
        let words = "expires_on is missing: without it a repeated renewal would be charged twice";
        return Err(Failure::refused(ProblemKind::Invalid, "", words));
    };
    if is_repeated(operation)
        && let Some(done) = look(client, &request.name, &day, until).await?
    {
        return Ok(done);
    }
    let asked = (DomainAction::Renew, request.years);
    let agreed = price::agree(client, &request.name, asked, request.price_max.as_ref(), until).await?;
    let children = [
        Element::leaf("domain:name", &request.name),
        Element::leaf("domain:curExpDate", instant::day_text(&day)),
        Element::leaf("domain:period", request.years.to_string()).attr("unit", "y"),
    ];
    let command = Command::about("renew", Object::Domain, children).extended(agreed.extension("renew"));
    match client.change(&command, operation, until, &[]).await {
        Ok(response) => {
            let data = response.data.of(namespace::DOMAIN, "renData").cloned().unwrap_or_default();
            let expires_at = instant::read(data.text_of("exDate")).map(instant::timestamp);
            let charged = price::charged(&response);
            let value = RenewDomainResponse { expires_at, charged, ..Default::default() };
            Ok(Done::new(value).with_warnings(agreed.warnings))
        }
        Err(Failure::Unknown(problem)) => match look(client, &request.name, &day, until).await {
            Ok(Some(done)) => Ok(done),
            _ => Err(Failure::Unknown(problem)),
        },
        // 2306, 2105, 2004: registries say several things when the day is no longer the day.
        Err(failure) if failure.is_refused(ProblemKind::Invalid) || failure.is_refused(ProblemKind::State) => {
            match look(client, &request.name, &day, until).await {
                Ok(Some(done)) => Ok(done),
                _ => Err(failure),
            }
        }
        Err(failure) => Err(failure),
    }
}

/// Done already when the domain is ours and expires later than on that day.
async fn look(
    client: &Client,
    name: &str,
    day: &Date,
    until: Deadline,
) -> Result<Option<Done<RenewDomainResponse>>, Failure> {
    let info = Info::ask(client, name, until).await?;
    let Some(expires_at) = info.expires_at.filter(|_| info.sponsor == client.client_id()) else { return Ok(None) };
    let now = instant::day(expires_at);
    if (now.year, now.month, now.day) <= (day.year, day.month, day.day) {
        return Ok(None);
    }
    let expires_at = Some(instant::timestamp(expires_at));
    Ok(Some(Done::already(RenewDomainResponse { expires_at, ..Default::default() })))
}
