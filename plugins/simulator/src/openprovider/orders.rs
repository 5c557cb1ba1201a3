//! Registrations, transfers, renewals, restores and deletions: what costs money or ends something.

use chrono::{DateTime, Months, Utc};
use serde_json::{Value, json};

use super::call::{Call, amount};
use super::options::OpenproviderOptions;
use super::prices::{premium_cents, price_cents};
use super::refusal::Refusal;
use super::state::{Domain, ROWS_MAX, State, extension};
use crate::secret::Secret;

/// What an answer's `data` is.
pub(super) type Answered = Result<Value, Refusal>;

/// The name servers of Openprovider's own DNS.
pub(super) const OWN_GROUP: &str = "dns-openprovider";
const OWN_NAME_SERVERS: [&str; 3] = ["ns1.openprovider.nl", "ns2.openprovider.be", "ns3.openprovider.eu"];

pub(super) fn create(options: &OpenproviderOptions, state: &mut State, call: &Call, now: DateTime<Utc>) -> Answered {
    let name = call.name()?;
    let extension = extension(options, &name)?;
    let years = period(call)?;
    if years < extension.years_min {
        return Err(Refusal::wrong_period());
    }
    if state.live(&name).is_some() {
        return Err(Refusal::duplicate());
    }
    if options.taken.contains(&name) || state.elsewhere.contains_key(&name) {
        return Err(Refusal::registry("Object exists"));
    }
    for role in ["owner_handle", "admin_handle", "tech_handle", "billing_handle"] {
        known_handle(state, call.text(role))?;
    }
    accept_fee(options, call, &name)?;
    let cents = price_cents(options, &name, "create", years)?;
    state.afford(cents)?;
    let mut domain = ordered(state, call, name, now)?;
    domain.years = years;
    if extension.waits {
        domain.held_cents = cents;
    } else {
        domain.activate(now);
        state.balance_cents -= cents;
    }
    Ok(insert(state, domain))
}

pub(super) fn transfer(options: &OpenproviderOptions, state: &mut State, call: &Call, now: DateTime<Utc>) -> Answered {
    let name = call.name()?;
    extension(options, &name)?;
    if state.live(&name).is_some() {
        return Err(Refusal::duplicate());
    }
    // The code is checked first, even for a name that nobody has.
    if state.elsewhere.get(&name).is_none_or(|code| code != call.text("auth_code")) {
        return Err(Refusal::wrong_auth_code());
    }
    let imports = call.member("import_contacts_from_registry") == true;
    if !imports {
        known_handle(state, call.text("owner_handle"))?;
    }
    accept_fee(options, call, &name)?;
    let cents = price_cents(options, &name, "transfer", 1)?;
    state.afford(cents)?;
    let mut domain = ordered(state, call, name, now)?;
    domain.transferred = true;
    domain.cancellable = true;
    domain.held_cents = cents;
    Ok(insert(state, domain))
}

pub(super) fn renew(options: &OpenproviderOptions, state: &mut State, call: &Call) -> Answered {
    let years = period(call)?;
    let domain = state.domain(call.id())?;
    if domain.status != "ACT" {
        return Err(Refusal::wrong_state());
    }
    let cents = price_cents(options, &domain.name.clone(), "renew", years)?;
    state.afford(cents)?;
    state.balance_cents -= cents;
    let domain = state.domain_mut(call.id())?;
    domain.expires_at = domain.expires_at.and_then(|at| at.checked_add_months(Months::new(12 * years)));
    Ok(json!({"status": domain.status}))
}

pub(super) fn restore(state: &mut State, call: &Call, now: DateTime<Utc>) -> Answered {
    let domain = state.domain_mut(call.id())?;
    if domain.status != "DEL" || domain.restorable_until.is_none_or(|until| until <= now) {
        return Err(Refusal::wrong_state());
    }
    "ACT".clone_into(&mut domain.status);
    domain.delete_status.clear();
    domain.restorable_until = None;
    Ok(json!({"status": domain.status}))
}

pub(super) fn delete(state: &mut State, call: &Call, now: DateTime<Utc>) -> Answered {
    let domain = state.domain_mut(call.id())?;
    match domain.status.as_str() {
        "ACT" => domain.delete(now),
        // A failed order is deleted for its refund, a pending one only where the registry lets it be withdrawn.
        "FAI" => "DEL".clone_into(&mut domain.status),
        "REQ" if domain.transferred && domain.cancellable => {
            "DEL".clone_into(&mut domain.status);
            domain.held_cents = 0;
        }
        _ => return Err(Refusal::wrong_state()),
    }
    Ok(json!({"status": domain.status}))
}

pub(super) fn approve(state: &mut State, call: &Call) -> Answered {
    let id = state.domain(call.id())?.id;
    if !state.leaving.remove(&id) {
        return Err(Refusal::wrong_state());
    }
    match call.member("approve").as_i64() {
        Some(1) => {
            state.domains.remove(&id);
        }
        Some(0) => {}
        _ => return Err(Refusal::undocumented("approve is 0 or 1")),
    }
    Ok(json!({"success": true}))
}

/// The domain that an order makes, not yet decided.
fn ordered(state: &mut State, call: &Call, name: String, now: DateTime<Utc>) -> Result<Domain, Refusal> {
    if state.domains.len() >= ROWS_MAX {
        return Err(Refusal::registry("the simulator keeps no more domains"));
    }
    let mut servers: Vec<(u64, String)> = Vec::new();
    for server in call.member("name_servers").as_array().into_iter().flatten() {
        let name = server.get("name").and_then(Value::as_str).ok_or_else(Refusal::no_name_servers)?;
        servers.push((server.get("seq_nr").and_then(Value::as_u64).unwrap_or_default(), name.to_owned()));
    }
    servers.sort();
    let mut name_servers: Vec<String> = servers.into_iter().map(|(_, name)| name).collect();
    let grouped = name_servers.is_empty();
    if grouped {
        if call.text("ns_group").is_empty() {
            return Err(Refusal::no_name_servers());
        }
        name_servers = OWN_NAME_SERVERS.iter().map(|name| (*name).to_owned()).collect();
    }
    let imports = call.member("import_nameservers_from_registry") == true;
    let text = |name: &str| call.text(name).to_owned();
    Ok(Domain {
        id: state.next_id(),
        name,
        status: "REQ".to_owned(),
        delete_status: String::new(),
        transferred: false,
        owner_handle: text("owner_handle"),
        other_handles: [text("admin_handle"), text("tech_handle"), text("billing_handle")],
        name_servers,
        keys: call.member("dnssec_keys").as_array().cloned().unwrap_or_default(),
        signed_here: grouped && !imports && call.text("ns_group") == OWN_GROUP,
        locked: false,
        private: call.member("is_private_whois_enabled") == true,
        comments: text("comments"),
        autorenew: text("autorenew"),
        auth_code: Secret::random(),
        ordered_at: now,
        expires_at: None,
        restorable_until: None,
        cancellable: false,
        years: 1,
        held_cents: 0,
    })
}

fn insert(state: &mut State, domain: Domain) -> Value {
    let answer = json!({"id": domain.id, "status": domain.status, "auth_code": domain.auth_code.reveal()});
    state.elsewhere.remove(&domain.name);
    state.domains.insert(domain.id, domain);
    answer
}

fn period(call: &Call) -> Result<u32, Refusal> {
    let years = call.member("period").as_u64().and_then(|years| u32::try_from(years).ok());
    years.filter(|years| (1..=10).contains(years)).ok_or_else(Refusal::wrong_period)
}

pub(super) fn known_handle(state: &State, handle: &str) -> Result<(), Refusal> {
    if state.customers.contains_key(handle) { Ok(()) } else { Err(Refusal::no_handle(handle)) }
}

/// A premium name is sold only at the fee that the caller repeats, to the cent.
fn accept_fee(options: &OpenproviderOptions, call: &Call, name: &str) -> Result<(), Refusal> {
    let Some(cents) = premium_cents(options, name) else { return Ok(()) };
    let accepted = call.member("accept_premium_fee");
    let same = accepted.as_f64().is_some_and(|fee| amount(cents).as_f64() == Some(fee));
    if same { Ok(()) } else { Err(Refusal::premium(&amount(cents).to_string())) }
}
