//! Brings domains here from other registrars, and answers requests to let one go.

use billet_plugin::v1::{
    DecideTransferRequest, DecideTransferResponse, DomainAction, Operation, ProblemKind, Transfer, TransferDecision,
    TransferDomainRequest, TransferDomainResponse, TransferState,
};
use billet_plugin::{Answer, Done, Failure};
use chrono::Utc;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::Openprovider;
use crate::budget::Budget;
use crate::client::Call;
use crate::contact::{self, Handles};
use crate::domain::{NameServer, Row};
use crate::failure::{DUPLICATE, Trouble};
use crate::lookup;
use crate::moment;
use crate::money::permit;
use crate::name::Name;
use crate::pricing;
use crate::registration::{Ordered, name_servers};

#[derive(Serialize)]
struct TransferRequest<'a> {
    domain: &'a Name,
    auth_code: &'a str,
    autorenew: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner_handle: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    admin_handle: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tech_handle: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    billing_handle: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    import_contacts_from_registry: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    name_servers: Vec<NameServer>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    import_nameservers_from_registry: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    ns_group: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accept_premium_fee: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "String::is_empty")]
    comments: String,
}

/// Asks to transfer a domain here.
pub(crate) async fn transfer(plugin: &Openprovider, request: &TransferDomainRequest) -> Answer<TransferDomainResponse> {
    let name = Name::parse(&request.name)?;
    let operation = request.operation.as_ref();
    let budget = Budget::left_to(operation, plugin.manner.time_max);
    if request.years > 1 {
        // The call has no period: a transfer brings what the registry grants.
        return Err(refused(
            ProblemKind::Invalid,
            "years: a transfer takes none, or the one that it grants".to_owned(),
        ));
    }
    let name_servers = name_servers(&request.name_servers)?;
    if let Some(row) = lookup::find(plugin, &name, &budget).await.map_err(Trouble::asking)?
        && let Some(ended) = standing(&row, &name, operation)
    {
        return ended;
    }
    let quote = pricing::quote(plugin, &name, DomainAction::Transfer, 1, &budget).await.map_err(Trouble::asking)?;
    permit(quote.price.as_ref(), quote.premium, request.price_max.as_ref())?;
    let handles =
        if request.contacts.is_empty() { None } else { Some(contact::all(plugin, &request.contacts, &budget).await?) };
    let of = |part: fn(&Handles) -> &str| handles.as_ref().map(part);
    let fee = quote.premium.then_some(quote.price.as_ref()).flatten().and_then(|price| {
        let fee = rust_decimal::Decimal::from(price.units) + rust_decimal::Decimal::new(price.nanos.into(), 9);
        RawValue::from_string(fee.normalize().to_string()).ok()
    });
    let body = TransferRequest {
        domain: &name,
        auth_code: &request.auth_code,
        autorenew: &plugin.manner.autorenew,
        owner_handle: of(|handles| &handles.owner),
        admin_handle: of(|handles| &handles.admin),
        tech_handle: of(|handles| &handles.tech),
        billing_handle: of(|handles| &handles.billing),
        import_contacts_from_registry: handles.is_none(),
        import_nameservers_from_registry: name_servers.is_empty(),
        // Without a group a transfer that imports its name servers is refused (223).
        ns_group: name_servers.is_empty().then_some(plugin.manner.ns_group.as_str()),
        name_servers,
        accept_premium_fee: fee,
        comments: lookup::mark(operation),
    };
    let call = Call::post(&["domains", "transfer"], &body).secret(&request.auth_code);
    let trouble = match plugin.client.send::<Ordered>(call, budget.for_change()).await {
        Ok(reply) => {
            let row = Row::ordered(reply.data.id, name, reply.data.status);
            let transfer = Some(shown(&row));
            let response =
                TransferDomainResponse { transfer, charged: quote.price, ..TransferDomainResponse::default() };
            return Ok(Done::new(response).with_warnings(reply.warnings));
        }
        Err(trouble) => trouble,
    };
    if trouble.is_unsure() || trouble.is(DUPLICATE) {
        let owner = handles.as_ref().map(|handles| handles.owner.as_str()).unwrap_or_default();
        if let Ok(Some(row)) = lookup::find(plugin, &name, &budget).await
            && lookup::is_ours(&row, operation, owner)
            && row.state(Utc::now()).is_some()
        {
            let words = "the answer to the order was lost; the transfer was found in the account afterwards".to_owned();
            let transfer = Some(shown(&row));
            let response =
                TransferDomainResponse { transfer, charged: quote.price, ..TransferDomainResponse::default() };
            return Ok(Done::new(response).with_warnings(vec![words]));
        }
    }
    Err(trouble.changing())
}

/// What stands in the way of an order: a domain of that name that is here or on its way.
fn standing(row: &Row, name: &Name, operation: Option<&Operation>) -> Option<Answer<TransferDomainResponse>> {
    let ours = lookup::is_repeated(operation) && lookup::is_ours(row, operation, "");
    if row.has_failed() && ours {
        let words = format!("the transfer of {} was placed and failed at the registry", name.whole());
        return Some(Err(refused(ProblemKind::State, words)));
    }
    if row.is("DEL") || row.state(Utc::now()).is_none() {
        return None;
    }
    if !ours {
        let words = format!("{} is in this account already (status {})", name.whole(), row.status);
        return Some(Err(refused(ProblemKind::Conflict, words)));
    }
    let response = TransferDomainResponse { transfer: Some(shown(row)), ..TransferDomainResponse::default() };
    Some(Ok(Done::already(response)))
}

/// A transfer here, as far as a row tells it.
fn shown(row: &Row) -> Transfer {
    let state = match row.status.to_ascii_uppercase().as_str() {
        "ACT" => TransferState::Approved,
        "FAI" | "REJ" => TransferState::Rejected,
        "DEL" => TransferState::Cancelled,
        _ => TransferState::Pending,
    };
    Transfer {
        name: row.domain.whole(),
        state: state.into(),
        requested_at: row.ordered_at().map(moment::timestamp),
        expires_at: row.expires_at().filter(|_| state == TransferState::Approved).map(moment::timestamp),
        ..Transfer::default()
    }
}

#[derive(Serialize)]
struct ApproveRequest<'a> {
    domain: &'a Name,
    id: i64,
    approve: u8,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Success {
    success: Option<bool>,
}

/// Lets a domain go, keeps it, or withdraws the request to bring one here.
pub(crate) async fn decide(plugin: &Openprovider, request: &DecideTransferRequest) -> Answer<DecideTransferResponse> {
    let name = Name::parse(&request.name)?;
    let budget = Budget::left_to(request.operation.as_ref(), plugin.manner.time_max);
    let decision = request.decision();
    if decision == TransferDecision::Unspecified {
        return Err(refused(ProblemKind::Invalid, "decision: expected approve, reject or cancel".to_owned()));
    }
    let found = lookup::find(plugin, &name, &budget).await.map_err(Trouble::asking)?;
    let missing = || refused(ProblemKind::NotFound, format!("{} is not in this account", name.whole()));
    let row = found.ok_or_else(missing)?;
    if decision == TransferDecision::Cancel {
        return cancel(plugin, &row, &budget).await;
    }
    let approve = u8::from(decision == TransferDecision::Approve);
    let body = ApproveRequest { domain: &row.domain, id: row.id, approve };
    let call = Call::post(&["domains", &row.id.to_string(), "transfer", "approve"], &body);
    let reply = plugin.client.send::<Success>(call, budget.for_change()).await.map_err(Trouble::changing)?;
    if reply.data.success == Some(false) {
        return Err(refused(
            ProblemKind::State,
            format!("Openprovider did not decide the transfer of {}", name.whole()),
        ));
    }
    let state = if approve == 1 { TransferState::Approved } else { TransferState::Rejected };
    Ok(Done::new(decided(&row, state)).with_warnings(reply.warnings))
}

/// There is no call of its own: a pending order is deleted, where the registry permits it. A domain that has arrived never
/// is: whether it still is pending is read right before.
async fn cancel(plugin: &Openprovider, row: &Row, budget: &Budget) -> Answer<DecideTransferResponse> {
    if row.has_failed() || row.is("DEL") {
        return Ok(Done::already(decided(row, TransferState::Cancelled)));
    }
    if !row.is_pending() || !(row.is_transfer() || row.is("SCH")) {
        let words = format!("{} is not on its way here (status {})", row.domain.whole(), row.status);
        return Err(refused(ProblemKind::State, words));
    }
    if !row.transfer_cancel_supported {
        let words = format!("the registry of .{} does not let a transfer be withdrawn", row.domain.extension);
        return Err(refused(ProblemKind::State, words));
    }
    let call = Call::delete(&["domains", &row.id.to_string()]);
    match plugin.client.send::<Ordered>(call, budget.for_change()).await {
        Ok(reply) => Ok(Done::new(decided(row, TransferState::Cancelled)).with_warnings(reply.warnings)),
        Err(trouble) => {
            if trouble.is_unsure()
                && let Ok(found) = lookup::find(plugin, &row.domain, budget).await
                && found.is_none_or(|row| row.is("DEL") || row.has_failed())
            {
                return Ok(Done::new(decided(row, TransferState::Cancelled)));
            }
            Err(trouble.changing())
        }
    }
}

fn decided(row: &Row, state: TransferState) -> DecideTransferResponse {
    let transfer = Transfer { state: state.into(), ..shown(row) };
    DecideTransferResponse { transfer: Some(transfer), ..DecideTransferResponse::default() }
}

fn refused(kind: ProblemKind, words: String) -> Failure {
    Failure::refused(kind, "", words)
}
