//! The operator `customer`: add, get, set, del.

use std::collections::BTreeMap;

use super::events::{
    CUSTOMER_CREATED, CUSTOMER_DELETED, CUSTOMER_STATUS, CUSTOMER_UPDATED, Occurrence, SUBSCRIPTION_STATUS,
    customer_values,
};
use super::filter::{Found, added, results, select};
use super::panel::Panel;
use super::refusal::Refusal;
use super::state::{CONTACT, Customer, State, status};
use super::webspace;
use super::xml::Element;
use crate::secret::Secret;

const WHAT: &str = "Client";

/// The shortest password Plesk takes.
const PASSWORD_CHARS_MIN: usize = 5;

/// Adds a customer. The event's environment has the password in clear.
pub(super) fn add(panel: &Panel, state: &mut State, body: &Element, events: &mut Vec<Occurrence>) -> Vec<Element> {
    added(try_add(panel, state, body, events))
}

fn try_add(
    panel: &Panel,
    state: &mut State,
    body: &Element,
    events: &mut Vec<Occurrence>,
) -> Result<Vec<Element>, Refusal> {
    let info = body.get("gen_info").ok_or_else(|| Refusal::parse("customer.add: 'gen_info' is missing"))?;
    let required = |name: &str| {
        info.text_of(name).ok_or_else(|| Refusal::parse(format!("customer.add: '{name}' is missing or empty")))
    };
    required("pname")?;
    let (login, password) = (required("login")?, required("passwd")?);
    free_login(state, login)?;
    let owner_id = state.owner_id(info)?;
    if state.customers.len() >= panel.options.customers_max {
        return Err(Refusal::limit("The limit on the number of customers is reached."));
    }
    let mut customer = Customer {
        id: 0,
        guid: uuid::Uuid::new_v4().to_string(),
        login: login.to_owned(),
        password: accepted(password)?,
        contact: BTreeMap::new(),
        owner_id,
        external_id: String::new(),
        description: String::new(),
        status: 0,
        created_on: panel.clock.now().date_naive(),
    };
    overlay(&mut customer, info)?;
    customer.id = state.next_id();
    let mut new = customer_values(&customer);
    new.push(("PASSWORD", password.to_owned()));
    events.push(Occurrence::new(CUSTOMER_CREATED, Vec::new(), new));
    let members = vec![Element::leaf("id", customer.id.to_string()), Element::leaf("guid", &customer.guid)];
    state.customers.insert(customer.id, customer);
    Ok(members)
}

fn free_login(state: &State, login: &str) -> Result<(), Refusal> {
    if state.login_is_free(login) { Ok(()) } else { Err(Refusal::exists("User account")) }
}

pub(super) fn accepted(password: &str) -> Result<Secret, Refusal> {
    if password.chars().count() < PASSWORD_CHARS_MIN {
        return Err(Refusal::value("The password is too short."));
    }
    Ok(Secret::new(password))
}

/// Takes over contact data, status, description and external id.
fn overlay(customer: &mut Customer, info: &Element) -> Result<(), Refusal> {
    for (name, _) in CONTACT {
        if let Some(value) = info.get(name) {
            customer.contact.insert(name, value.text.clone());
        }
    }
    if let Some(text) = info.text_of("status") {
        customer.status = settable(text)?;
    }
    if let Some(value) = info.get("external-id") {
        value.text.clone_into(&mut customer.external_id);
    }
    if let Some(value) = info.get("description") {
        value.text.clone_into(&mut customer.description);
    }
    Ok(())
}

/// The administrator can set 0 and 16, nothing else.
pub(super) fn settable(text: &str) -> Result<u32, Refusal> {
    match text.parse() {
        Ok(status @ (0 | status::BY_ADMIN)) => Ok(status),
        _ => Err(Refusal::value("Only the status values 0 and 16 can be set.")),
    }
}

fn selected(state: &State, body: &Element) -> Vec<Found> {
    select(body, WHAT, state.customers.keys().copied(), |id, kind, value| {
        let Some(customer) = state.customers.get(&id) else {
            return false;
        };
        match kind {
            "owner-id" => customer.owner_id.to_string() == value,
            "owner-login" => state.owner(customer.owner_id).0 == value,
            "owner-guid" => state.owner(customer.owner_id).1 == value,
            kind => customer.is(kind, value),
        }
    })
}

/// Shows customers.
pub(super) fn get(_: &Panel, state: &mut State, body: &Element, _: &mut Vec<Occurrence>) -> Vec<Element> {
    let dataset = body.get("dataset").cloned().unwrap_or_default();
    results(selected(state, body), |found| {
        let shown = state.customers.get(&found.id).ok_or_else(|| Refusal::not_found(WHAT));
        found.result(shown.map(|customer| vec![data(state, customer, &dataset)]))
    })
}

fn data(state: &State, customer: &Customer, dataset: &Element) -> Element {
    let mut data = Element::new("data");
    if dataset.get("gen_info").is_some() {
        data = data.with(general(state, customer));
    }
    if dataset.get("stat").is_some() {
        let own = state.subscriptions.values().filter(|subscription| subscription.owner_id == customer.id);
        let (mut domains, mut disk, mut traffic) = (0_u64, 0_u64, 0_u64);
        for subscription in own {
            domains += 1;
            disk = disk.saturating_add(subscription.disk_used_bytes);
            traffic = traffic.saturating_add(subscription.traffic_bytes);
        }
        let counts = [("active_domains", domains), ("disk_space", disk), ("traffic", traffic)];
        let counts = counts.map(|(name, count)| Element::leaf(name, count.to_string()));
        data = data.with(Element::new("stat").with_all(counts));
    }
    data
}

fn general(state: &State, customer: &Customer) -> Element {
    let contact = |name: &str| Element::leaf(name, customer.contact.get(name).cloned().unwrap_or_default());
    Element::new("gen_info")
        .with(Element::leaf("cr_date", customer.created_on.to_string()))
        .with(contact("cname"))
        .with(contact("pname"))
        .with(Element::leaf("login", &customer.login))
        .with(Element::leaf("status", customer.status.to_string()))
        .with_all(["phone", "fax", "email", "address", "city", "state", "pcode", "country"].map(contact))
        .with(Element::leaf("locale", "en-US"))
        .with(Element::leaf("guid", &customer.guid))
        .with(Element::leaf("owner-login", state.owner(customer.owner_id).0))
        .with(Element::leaf("external-id", &customer.external_id))
        .with(Element::leaf("description", &customer.description))
}

/// Changes customers. Suspending one suspends its subscriptions.
pub(super) fn set(_: &Panel, state: &mut State, body: &Element, events: &mut Vec<Occurrence>) -> Vec<Element> {
    let Some(info) = body.at(&["values", "gen_info"]) else {
        return added(Err(Refusal::parse("customer.set: 'values' or 'gen_info' is missing")));
    };
    results(selected(state, body), |found| found.result(try_set(state, found.id, info, events).map(|()| Vec::new())))
}

fn try_set(state: &mut State, id: u32, info: &Element, events: &mut Vec<Occurrence>) -> Result<(), Refusal> {
    let before = state.customers.get(&id).cloned().ok_or_else(|| Refusal::not_found(WHAT))?;
    let mut after = before.clone();
    if let Some(login) = info.text_of("login").filter(|login| *login != before.login) {
        free_login(state, login)?;
        login.clone_into(&mut after.login);
    }
    if let Some(password) = info.text_of("passwd") {
        after.password = accepted(password)?;
    }
    overlay(&mut after, info)?;
    let statuses = webspace::statuses_of(state, id);
    state.customers.insert(id, after.clone());

    if info.children.iter().any(|child| child.name != "status") {
        let mut new = customer_values(&after);
        if let Some(password) = info.text_of("passwd") {
            new.push(("PASSWORD", password.to_owned()));
        }
        events.push(Occurrence::new(CUSTOMER_UPDATED, customer_values(&before), new));
    }
    if before.status != after.status {
        events.push(Occurrence::new(CUSTOMER_STATUS, status_values(&before), status_values(&after)));
        let changed = statuses.into_iter().map(|(id, old)| webspace::status_change(state, id, old));
        events.extend(changed.flatten().map(|(old, new)| Occurrence::new(SUBSCRIPTION_STATUS, old, new)));
    }
    Ok(())
}

fn status_values(customer: &Customer) -> super::events::Values {
    vec![
        ("CONTACT_NAME", customer.contact.get("pname").cloned().unwrap_or_default()),
        ("LOGIN_NAME", customer.login.clone()),
        ("STATUS", customer.status.to_string()),
    ]
}

/// Deletes customers with all their subscriptions.
pub(super) fn del(_: &Panel, state: &mut State, body: &Element, events: &mut Vec<Occurrence>) -> Vec<Element> {
    results(selected(state, body), |found| {
        let gone = delete(state, found.id, events);
        found.result(if gone { Ok(Vec::new()) } else { Err(Refusal::not_found(WHAT)) })
    })
}

/// Takes a customer and its subscriptions away. Whether there was one.
pub(super) fn delete(state: &mut State, id: u32, events: &mut Vec<Occurrence>) -> bool {
    for (subscription, _) in webspace::statuses_of(state, id) {
        webspace::delete(state, subscription, events);
    }
    let Some(customer) = state.customers.remove(&id) else {
        return false;
    };
    events.push(Occurrence::new(CUSTOMER_DELETED, customer_values(&customer), Vec::new()));
    true
}
