//! Renews domains. The API adds a period at each call, whatever was done before, so the day on which the domain expires
//! decides whether there is anything left to do.

use std::cmp::Ordering;

use billet_plugin::google::r#type::{Date, Money};
use billet_plugin::v1::{DomainAction, ProblemKind, RenewDomainRequest, RenewDomainResponse};
use billet_plugin::{Answer, Done, Failure};
use chrono::NaiveDate;
use serde::Serialize;

use crate::Openprovider;
use crate::budget::Budget;
use crate::client::Call;
use crate::domain::Row;
use crate::failure::Trouble;
use crate::lookup;
use crate::moment;
use crate::money::permit;
use crate::name::Name;
use crate::pricing;
use crate::registration::Ordered;

#[derive(Serialize)]
struct RenewRequest<'a> {
    domain: &'a Name,
    id: i64,
    period: u32,
}

/// Renews a domain.
pub(crate) async fn renew(plugin: &Openprovider, request: &RenewDomainRequest) -> Answer<RenewDomainResponse> {
    let name = Name::parse(&request.name)?;
    let budget = Budget::left_to(request.operation.as_ref(), plugin.manner.time_max);
    if !(1..=10).contains(&request.years) {
        return Err(refused(ProblemKind::Invalid, format!("years `{}`: expected 1 to 10", request.years)));
    }
    let expected = request.expires_on.as_ref().and_then(day).ok_or_else(|| {
        let words = "expires_on: needed, because Openprovider adds a period at each call";
        refused(ProblemKind::Invalid, words.to_owned())
    })?;
    let row = lookup::expect(plugin, &name, &budget).await?;
    let Some(expires) = row.expires_at() else {
        return Err(Failure::later(ProblemKind::Unavailable, "", "Openprovider does not tell when the domain expires"));
    };
    match expires.date_naive().cmp(&expected) {
        Ordering::Greater => return Ok(Done::already(response(&row, None))),
        Ordering::Less => {
            let words = format!("{} expires on {}, before {expected}", name.whole(), expires.date_naive());
            return Err(refused(ProblemKind::State, words));
        }
        Ordering::Equal => {}
    }
    if row.is("DEL") {
        let words = format!("{} is deleted: it is to be restored, not renewed", name.whole());
        return Err(refused(ProblemKind::State, words));
    }
    if !row.is("ACT") {
        let words = format!("other work on {} is under way (status {})", name.whole(), row.status);
        return Err(Failure::later(ProblemKind::Busy, row.status, words));
    }
    let quote = pricing::quote(plugin, &name, DomainAction::Renew, request.years, &budget).await;
    let quote = quote.map_err(Trouble::asking)?;
    permit(quote.price.as_ref(), quote.premium, request.price_max.as_ref())?;
    let body = RenewRequest { domain: &row.domain, id: row.id, period: request.years };
    let call = Call::post(&["domains", &row.id.to_string(), "renew"], &body);
    let sent = plugin.client.send::<Ordered>(call, budget.for_change()).await;
    let after = match &sent {
        Err(trouble) if !trouble.is_unsure() => None,
        _ => lookup::read(plugin, row.id, &budget).await.ok(),
    };
    let moved = after.filter(|row| row.expires_at().is_some_and(|at| at.date_naive() > expected));
    match (sent, moved) {
        (Ok(reply), Some(row)) => Ok(Done::new(response(&row, quote.price)).with_warnings(reply.warnings)),
        (Ok(reply), None) => {
            let mut warnings = reply.warnings;
            warnings
                .push(format!("the renewal was taken; the new day of expiry is not told yet ({})", reply.data.status));
            let response = RenewDomainResponse { charged: quote.price, ..RenewDomainResponse::default() };
            Ok(Done::new(response).with_warnings(warnings))
        }
        (Err(_), Some(row)) => {
            let words = "the answer to the renewal was lost; the domain was found renewed afterwards".to_owned();
            Ok(Done::new(response(&row, quote.price)).with_warnings(vec![words]))
        }
        (Err(trouble), None) => Err(trouble.changing()),
    }
}

fn response(row: &Row, charged: Option<Money>) -> RenewDomainResponse {
    let expires_at = row.expires_at().map(moment::timestamp);
    RenewDomainResponse { expires_at, charged, ..RenewDomainResponse::default() }
}

fn day(date: &Date) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(date.year, date.month.try_into().ok()?, date.day.try_into().ok()?)
}

fn refused(kind: ProblemKind, words: String) -> Failure {
    Failure::refused(kind, "", words)
}
