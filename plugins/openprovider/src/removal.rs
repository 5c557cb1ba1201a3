//! Deletes domains, and takes them back out of quarantine.

use billet_plugin::google::r#type::Money;
use billet_plugin::v1::{
    DeleteDomainRequest, DeleteDomainResponse, DomainAction, ProblemKind, RestoreDomainRequest, RestoreDomainResponse,
};
use billet_plugin::{Answer, Done, Failure};
use chrono::Utc;
use serde::Serialize;

use crate::Openprovider;
use crate::budget::Budget;
use crate::client::Call;
use crate::domain::Row;
use crate::failure::Trouble;
use crate::lookup;
use crate::money::permit;
use crate::name::Name;
use crate::pricing;
use crate::registration::Ordered;

/// Deletes a domain: it goes to quarantine where the registry has one.
pub(crate) async fn delete(plugin: &Openprovider, request: &DeleteDomainRequest) -> Answer<DeleteDomainResponse> {
    let name = Name::parse(&request.name)?;
    let budget = Budget::left_to(request.operation.as_ref(), plugin.manner.time_max);
    let found = lookup::find(plugin, &name, &budget).await.map_err(Trouble::asking)?;
    let gone = |row: &Option<Row>| row.as_ref().is_none_or(|row| row.is("DEL"));
    let Some(row) = found.filter(|row| !row.is("DEL")) else {
        return Ok(Done::already(DeleteDomainResponse::default()));
    };
    let call = Call::delete(&["domains", &row.id.to_string()]);
    match plugin.client.send::<Ordered>(call, budget.for_change()).await {
        Ok(reply) => Ok(Done::new(DeleteDomainResponse::default()).with_warnings(reply.warnings)),
        Err(trouble) => {
            let lost = trouble.is_unsure() || trouble.is_missing();
            if lost && lookup::find(plugin, &name, &budget).await.is_ok_and(|found| gone(&found)) {
                return Ok(Done::new(DeleteDomainResponse::default()));
            }
            Err(trouble.changing())
        }
    }
}

#[derive(Serialize)]
struct RestoreRequest<'a> {
    domain: &'a Name,
    id: i64,
}

/// Takes a domain back out of quarantine. The API has no room for a reason.
pub(crate) async fn restore(plugin: &Openprovider, request: &RestoreDomainRequest) -> Answer<RestoreDomainResponse> {
    let name = Name::parse(&request.name)?;
    let budget = Budget::left_to(request.operation.as_ref(), plugin.manner.time_max);
    let row = lookup::expect(plugin, &name, &budget).await?;
    if row.is("ACT") || row.is("RRQ") {
        return Ok(Done::already(response(&row, None)));
    }
    if !row.is("DEL") {
        let words = format!("{} is not in quarantine (status {})", name.whole(), row.status);
        return Err(Failure::refused(ProblemKind::State, "", words));
    }
    let quote = pricing::quote(plugin, &name, DomainAction::Restore, 1, &budget).await.map_err(Trouble::asking)?;
    permit(quote.price.as_ref(), quote.premium, request.price_max.as_ref())?;
    let body = RestoreRequest { domain: &row.domain, id: row.id };
    let call = Call::post(&["domains", &row.id.to_string(), "restore"], &body);
    match plugin.client.send::<Ordered>(call, budget.for_change()).await {
        Ok(reply) => {
            let read = lookup::read(plugin, row.id, &budget).await;
            let after = read.unwrap_or_else(|_| row.with_status(reply.data.status));
            Ok(Done::new(response(&after, quote.price)).with_warnings(reply.warnings))
        }
        Err(trouble) => {
            if trouble.is_unsure()
                && let Ok(after) = lookup::read(plugin, row.id, &budget).await
                && (after.is("ACT") || after.is("RRQ"))
            {
                let words = "the answer to the restore was lost; the domain was found restored afterwards".to_owned();
                return Ok(Done::new(response(&after, quote.price)).with_warnings(vec![words]));
            }
            Err(trouble.changing())
        }
    }
}

fn response(row: &Row, charged: Option<Money>) -> RestoreDomainResponse {
    RestoreDomainResponse { domain: Some(row.shown(Utc::now())), charged, ..RestoreDomainResponse::default() }
}
