//! Reads and changes domains and contacts.

use serde_json::{Value, json};

use super::call::Call;
use super::orders::{Answered, known_handle};
use super::refusal::Refusal;
use super::state::{Customer, Domain, ROWS_MAX, State};
use crate::secret::Secret;

/// The API gives no more domains at once.
const PAGE_MAX: usize = 100;

/// Deleted and failed ones are in the list, too.
pub(super) fn list(state: &State, call: &Call) -> Answered {
    let (full_name, status) = (call.parameter("full_name").to_ascii_lowercase(), call.parameter("status"));
    let wanted = |domain: &&Domain| {
        (full_name.is_empty() || domain.name == full_name) && (status.is_empty() || domain.status == status)
    };
    let mut rows: Vec<&Domain> = state.domains.values().filter(wanted).collect();
    if call.parameter("order_by.id") == "desc" {
        rows.reverse();
    }
    Ok(call.page(rows.into_iter().map(|domain| domain.shown(false)).collect(), PAGE_MAX))
}

pub(super) fn get(state: &State, call: &Call) -> Answered {
    Ok(state.domain(call.id())?.shown(call.parameter("with_registry_statuses") == "true"))
}

pub(super) fn update(state: &mut State, call: &Call) -> Answered {
    for role in ["owner_handle", "admin_handle", "tech_handle", "billing_handle"] {
        if !call.member(role).is_null() {
            known_handle(state, call.text(role))?;
        }
    }
    let domain = state.domain_mut(call.id())?;
    if domain.status != "ACT" {
        return Err(Refusal::wrong_state());
    }
    if let Some(servers) = call.member("name_servers").as_array() {
        let names = servers.iter().filter_map(|server| server.get("name")?.as_str()).map(str::to_owned);
        let names: Vec<String> = names.collect();
        if names.is_empty() {
            return Err(Refusal::no_name_servers());
        }
        if names.iter().any(|name| name.ends_with(".invalid")) {
            return Err(Refusal::registry("Parent domain does not exist for host"));
        }
        domain.name_servers = names;
    }
    if let Some(keys) = call.member("dnssec_keys").as_array() {
        let whole = |key: &Value| key.get("pub_key").and_then(Value::as_str).is_some_and(|key| !key.is_empty());
        if !keys.iter().all(whole) {
            return Err(Refusal::undocumented("a DNSSEC key without pub_key"));
        }
        // While its own DNS signs the zone, other keys are dropped, and the answer is success.
        if !domain.signed_here {
            domain.keys.clone_from(keys);
        }
        if keys.is_empty() && call.member("is_dnssec_enabled") == false {
            domain.signed_here = false;
        }
    }
    if let Some(locked) = call.member("is_locked").as_bool() {
        domain.locked = locked;
    }
    if let Some(private) = call.member("is_private_whois_enabled").as_bool() {
        domain.private = private;
    }
    let [admin, tech, billing] = &mut domain.other_handles;
    let handles = [
        ("owner_handle", &mut domain.owner_handle),
        ("admin_handle", admin),
        ("tech_handle", tech),
        ("billing_handle", billing),
        ("comments", &mut domain.comments),
        ("autorenew", &mut domain.autorenew),
    ];
    for (name, place) in handles {
        if !call.member(name).is_null() {
            call.text(name).clone_into(place);
        }
    }
    // `auth_code` is taken and changes nothing.
    Ok(json!({"id": domain.id, "status": domain.status}))
}

pub(super) fn auth_code(state: &State, call: &Call) -> Answered {
    let domain = state.domain(call.id())?;
    if domain.status != "ACT" {
        return Err(Refusal::wrong_state());
    }
    Ok(json!({"auth_code": domain.auth_code.reveal(), "success": true, "type": "external"}))
}

pub(super) fn reset_auth_code(state: &mut State, call: &Call) -> Answered {
    let domain = state.domain_mut(call.id())?;
    if domain.status != "ACT" {
        return Err(Refusal::wrong_state());
    }
    domain.auth_code = Secret::random();
    Ok(json!({"auth_code": domain.auth_code.reveal(), "success": true, "type": "external"}))
}

pub(super) fn create_customer(state: &mut State, call: &Call) -> Answered {
    let lacking = [
        ("name", "first_name"),
        ("name", "last_name"),
        ("phone", "country_code"),
        ("phone", "area_code"),
        ("phone", "subscriber_number"),
        ("address", "street"),
        ("address", "city"),
        ("address", "country"),
    ];
    for (member, part) in lacking {
        if call.member(member).get(part).and_then(Value::as_str).is_none_or(str::is_empty) {
            return Err(Refusal::undocumented(&format!("a customer without {member}.{part}")));
        }
    }
    if state.customers.len() >= ROWS_MAX {
        return Err(Refusal::registry("the simulator keeps no more customers"));
    }
    let handle = format!("XX{:06}-EX", state.next_id());
    let customer = Customer { handle: handle.clone(), comments: call.text("comments").to_owned(), body: call.body() };
    state.customers.insert(handle.clone(), customer);
    Ok(json!({"handle": handle}))
}

fn shown(customer: &Customer) -> Value {
    let mut shown = customer.body.clone();
    if let Some(members) = shown.as_object_mut() {
        members.insert("handle".to_owned(), customer.handle.clone().into());
        members.insert("is_deleted".to_owned(), false.into());
    }
    shown
}

/// A pattern is found anywhere in the text; `*` at its ends changes nothing then.
pub(super) fn customers(state: &State, call: &Call) -> Answered {
    let pattern = call.parameter("comment_pattern").trim_matches('*');
    let rows = state.customers.values().filter(|customer| customer.comments.contains(pattern)).map(shown);
    Ok(call.page(rows.collect(), PAGE_MAX))
}

pub(super) fn customer(state: &State, call: &Call) -> Answered {
    state.customers.get(&call.value).map(shown).ok_or_else(|| Refusal::no_handle(&call.value))
}
