//! The operator `webspace`: the subscriptions' add, get, set, del and switch-subscription.

mod data;
mod traffic;

use std::collections::BTreeMap;

use super::customer::{accepted, settable};
use super::events::{
    HOSTING_CREATED, HOSTING_DELETED, HOSTING_UPDATED, Occurrence, SUBSCRIPTION_CREATED, SUBSCRIPTION_DELETED,
    SUBSCRIPTION_LIMITS, SUBSCRIPTION_STATUS, SUBSCRIPTION_UPDATED, Values, hosting_values, subscription_values,
};
use super::filter::{Found, added, results, select};
use super::panel::Panel;
use super::refusal::Refusal;
use super::state::{ADMIN_ID, Hosting, Plan, State, Subscription, status};
use super::xml::Element;
use crate::secret::Secret;

pub(super) use data::get;
pub(super) use traffic::get_traffic;

const WHAT: &str = "Domain";

/// Adds a subscription, with hosting if the packet has it.
pub(super) fn add(panel: &Panel, state: &mut State, body: &Element, events: &mut Vec<Occurrence>) -> Vec<Element> {
    added(try_add(panel, state, body, events))
}

fn try_add(
    panel: &Panel,
    state: &mut State,
    body: &Element,
    events: &mut Vec<Occurrence>,
) -> Result<Vec<Element>, Refusal> {
    let setup = body.get("gen_setup").ok_or_else(|| Refusal::parse("webspace.add: 'gen_setup' is missing"))?;
    let name = setup.text_of("name").ok_or_else(|| Refusal::parse("webspace.add: 'name' is missing or empty"))?;
    let name = free_name(state, name)?;
    let owner_id = state.owner_id(setup)?;
    let address = setup.text_of("ip_address").unwrap_or(&panel.options.ip);
    let hosting = hosting(panel, state, setup, body)?;
    if address != panel.options.ip {
        return Err(Refusal::ip_address(address));
    }
    if state.subscriptions.len() >= panel.options.subscriptions_max {
        return Err(Refusal::limit("The limit on the number of subscriptions is reached."));
    }
    let plan_guid = named_plan(state, body, owner_id)?.map(|plan| plan.guid.clone());
    let subscription = Subscription {
        id: state.next_id(),
        guid: uuid::Uuid::new_v4().to_string(),
        name,
        owner_id,
        plan_guid,
        hosting,
        status: setup.text_of("status").map_or(Ok(0), settable)?,
        external_id: setup.text_of("external-id").unwrap_or_default().to_owned(),
        description: setup.text_of("description").unwrap_or_default().to_owned(),
        disk_used_bytes: 0,
        traffic_bytes: 0,
        traffic_days: BTreeMap::new(),
        mailboxes: 0,
        databases: 0,
        locked: false,
        synchronized: true,
        created_on: panel.clock.now().date_naive(),
    };
    let values = subscription_values(state, &subscription);
    events.push(Occurrence::new(SUBSCRIPTION_CREATED, Vec::new(), values));
    if let Some(hosting) = &subscription.hosting {
        let mut values = hosting_values(state, &subscription);
        values.push(("SYSTEM_USER_PASSWORD", hosting.password.reveal().to_owned()));
        events.push(Occurrence::new(HOSTING_CREATED, Vec::new(), values));
    }
    let members = vec![Element::leaf("id", subscription.id.to_string()), Element::leaf("guid", &subscription.guid)];
    state.subscriptions.insert(subscription.id, subscription);
    Ok(members)
}

/// The name in the form Plesk keeps, if nobody has it.
fn free_name(state: &State, name: &str) -> Result<String, Refusal> {
    let name = name.to_lowercase();
    let strange = |c: char| c.is_whitespace() || c.is_control() || "/\\:@<>&\"'".contains(c);
    if !name.contains('.') || name.contains("..") || name.starts_with(['.', '-']) || name.contains(strange) {
        return Err(Refusal::value("The domain name is not valid."));
    }
    if state.subscriptions.values().any(|subscription| subscription.name == name) {
        return Err(Refusal::exists(WHAT));
    }
    Ok(name)
}

/// The hosting the packet asks for, none if it asks for none.
fn hosting(panel: &Panel, state: &State, setup: &Element, body: &Element) -> Result<Option<Hosting>, Refusal> {
    let Some(asked) = body.at(&["hosting", "vrt_hst"]) else {
        return match setup.text_of("htype") {
            None | Some("none") => Ok(None),
            Some(_) => Err(Refusal::failed("The hosting type needs its hosting settings.")),
        };
    };
    let property = |name: &str| property(asked, name).ok_or_else(|| Refusal::value(&format!("{name} is missing.")));
    let (system_user, password) = (property("ftp_login")?, property("ftp_password")?);
    free_system_user(state, system_user)?;
    let ip = asked.text_of("ip_address").or_else(|| setup.text_of("ip_address"));
    let ip = ip.ok_or_else(|| Refusal::ip_address("(none)"))?;
    if ip != panel.options.ip {
        return Err(Refusal::ip_address(ip));
    }
    let (system_user, password) = (system_user.to_owned(), Secret::new(password));
    Ok(Some(Hosting { system_user, password, ip: ip.to_owned() }))
}

fn free_system_user(state: &State, system_user: &str) -> Result<(), Refusal> {
    let mut taken = state.subscriptions.values().filter_map(|subscription| subscription.hosting.as_ref());
    if taken.any(|hosting| hosting.system_user == system_user) {
        return Err(Refusal::system_user_exists(system_user));
    }
    Ok(())
}

fn property<'a>(hosting: &'a Element, name: &str) -> Option<&'a str> {
    let mut properties = hosting.children.iter().filter(|child| child.name == "property");
    properties.find(|property| property.text_of("name") == Some(name))?.text_of("value")
}

/// The plan that `plan-name` and the like name, by name only one that the owner's provider has; none if the packet
/// names none.
fn named_plan<'a>(state: &'a State, body: &Element, owner_id: u32) -> Result<Option<&'a Plan>, Refusal> {
    let kinds = ["plan-id", "plan-name", "plan-guid", "plan-external-id"];
    let Some((kind, value)) = kinds.iter().find_map(|kind| Some((*kind, body.text_of(kind)?))) else {
        return Ok(None);
    };
    let kind = kind.trim_start_matches("plan-");
    let reseller = state.resellers.contains_key(&owner_id).then_some(owner_id);
    let provider = state.customers.get(&owner_id).map(|customer| customer.owner_id).or(reseller).unwrap_or(ADMIN_ID);
    let of_provider = |plan: &&Plan| kind != "name" || plan.owner_id == provider;
    let plan = state.plans.values().filter(of_provider).find(|plan| plan.is(kind, value));
    plan.map(Some).ok_or_else(|| Refusal::not_found("Service plan"))
}

fn selected(state: &State, body: &Element) -> Vec<Found> {
    select(body, WHAT, state.subscriptions.keys().copied(), |id, kind, value| {
        let Some(subscription) = state.subscriptions.get(&id) else {
            return false;
        };
        match kind {
            "id" => subscription.id.to_string() == value,
            "name" => subscription.name == value.to_lowercase(),
            "guid" => subscription.guid == value,
            "external-id" => subscription.external_id == value,
            owner => {
                let names = Element::default().with(Element::leaf(owner, value));
                state.owner_id(&names).is_ok_and(|owner| owner == subscription.owner_id)
            }
        }
    })
}

/// Changes name, status, external id, description, or the hosting's password.
pub(super) fn set(_: &Panel, state: &mut State, body: &Element, events: &mut Vec<Occurrence>) -> Vec<Element> {
    let Some(values) = body.get("values") else {
        return added(Err(Refusal::parse("webspace.set: 'values' is missing")));
    };
    results(selected(state, body), |found| found.result(try_set(state, found.id, values, events).map(|()| Vec::new())))
}

fn try_set(state: &mut State, id: u32, values: &Element, events: &mut Vec<Occurrence>) -> Result<(), Refusal> {
    let before = state.subscriptions.get(&id).cloned().ok_or_else(|| Refusal::not_found(WHAT))?;
    let old_status = state.status(&before);
    let mut after = before.clone();
    let empty = Element::default();
    let setup = values.get("gen_setup").unwrap_or(&empty);
    if let Some(name) = setup.text_of("name").filter(|name| name.to_lowercase() != before.name) {
        after.name = free_name(state, name)?;
    }
    if let Some(text) = setup.text_of("status") {
        // The administrator's bit alone: what a reseller or customer suspended stays suspended.
        after.status = after.status & !status::BY_ADMIN | settable(text)?;
    }
    if let Some(value) = setup.get("external-id") {
        value.text.clone_into(&mut after.external_id);
    }
    if let Some(value) = setup.get("description") {
        value.text.clone_into(&mut after.description);
    }
    if setup.children.iter().any(|child| child.name.starts_with("owner-")) {
        after.owner_id = state.owner_id(setup)?;
    }
    let asked = values.at(&["hosting", "vrt_hst"]);
    let login = asked.and_then(|asked| property(asked, "ftp_login"));
    let password = asked.and_then(|asked| property(asked, "ftp_password"));
    if login.is_some() || password.is_some() {
        let hosting = after.hosting.as_mut().ok_or_else(|| Refusal::failed("The subscription has no hosting."))?;
        if let Some(login) = login.filter(|login| *login != hosting.system_user) {
            free_system_user(state, login)?;
            login.clone_into(&mut hosting.system_user);
        }
        if let Some(password) = password {
            hosting.password = accepted(password)?;
        }
    }
    state.subscriptions.insert(id, after.clone());

    if setup.children.iter().any(|child| child.name != "status") {
        let (old, new) = (subscription_values(state, &before), subscription_values(state, &after));
        events.push(Occurrence::new(SUBSCRIPTION_UPDATED, old, new));
    }
    if let Some((old, new)) = status_change(state, id, old_status) {
        events.push(Occurrence::new(SUBSCRIPTION_STATUS, old, new));
    }
    if login.is_some() || password.is_some() {
        let mut new = hosting_values(state, &after);
        new.extend(password.map(|password| ("SYSTEM_USER_PASSWORD", password.to_owned())));
        events.push(Occurrence::new(HOSTING_UPDATED, hosting_values(state, &before), new));
    }
    Ok(())
}

/// The subscriptions of a customer with the status they show.
pub(super) fn statuses_of(state: &State, owner_id: u32) -> Vec<(u32, u32)> {
    let own = state.subscriptions.values().filter(|subscription| subscription.owner_id == owner_id);
    own.map(|subscription| (subscription.id, state.status(subscription))).collect()
}

/// The values of a status that is not `old` any more.
pub(super) fn status_change(state: &State, id: u32, old: u32) -> Option<(Values, Values)> {
    let subscription = state.subscriptions.get(&id)?;
    let new = state.status(subscription);
    let values = |status: u32| {
        let mut values = subscription_values(state, subscription);
        values.push(("STATUS", status.to_string()));
        values
    };
    (old != new).then(|| (values(old), values(new)))
}

/// Deletes subscriptions.
pub(super) fn del(_: &Panel, state: &mut State, body: &Element, events: &mut Vec<Occurrence>) -> Vec<Element> {
    results(selected(state, body), |found| {
        let gone = delete(state, found.id, events);
        found.result(if gone { Ok(Vec::new()) } else { Err(Refusal::not_found(WHAT)) })
    })
}

/// Takes a subscription away. Whether there was one.
pub(super) fn delete(state: &mut State, id: u32, events: &mut Vec<Occurrence>) -> bool {
    let Some(subscription) = state.subscriptions.remove(&id) else {
        return false;
    };
    let mut values = subscription_values(state, &subscription);
    if let Some(hosting) = &subscription.hosting {
        events.push(Occurrence::new(HOSTING_DELETED, hosting_values(state, &subscription), Vec::new()));
        values.push(("SYSTEM_USER", hosting.system_user.clone()));
    }
    events.push(Occurrence::new(SUBSCRIPTION_DELETED, values, Vec::new()));
    true
}

/// Moves subscriptions to another plan, or to none. The event says that limits changed, not to which plan.
pub(super) fn switch_subscription(
    _: &Panel,
    state: &mut State,
    body: &Element,
    events: &mut Vec<Occurrence>,
) -> Vec<Element> {
    let asked = ["plan-guid", "plan-external-id", "no-plan"].iter().filter(|name| body.get(name).is_some()).count();
    if asked != 1 {
        return added(Err(Refusal::parse("webspace.switch-subscription: exactly one plan is expected")));
    }
    let plan = match named_plan(state, body, ADMIN_ID) {
        Ok(None) if body.get("no-plan").is_none() => return added(Err(Refusal::not_found("Service plan"))),
        Ok(plan) => plan.cloned(),
        Err(refusal) => return added(Err(refusal)),
    };
    results(selected(state, body), |found| {
        let Some(subscription) = state.subscriptions.get(&found.id).cloned() else {
            return found.result(Err(Refusal::not_found(WHAT)));
        };
        let before = subscription.plan_guid.as_deref().and_then(|guid| state.plan(guid));
        let (old, new) =
            (limit_values(state, &subscription, before), limit_values(state, &subscription, plan.as_ref()));
        if let Some(subscription) = state.subscriptions.get_mut(&found.id) {
            subscription.plan_guid = plan.as_ref().map(|plan| plan.guid.clone());
        }
        events.push(Occurrence::new(SUBSCRIPTION_LIMITS, old, new));
        // What cannot be taken over from the plan is told beside the success.
        let problems = "Description Current Requested Allowed\nDisk space 1 GB 10 GB 1 GB";
        found.result(Ok(subscription.locked.then(|| Element::leaf("problems", problems)).into_iter().collect()))
    })
}

/// Gives subscriptions back the settings of their plan.
pub(super) fn sync_subscription(_: &Panel, state: &mut State, body: &Element, _: &mut Vec<Occurrence>) -> Vec<Element> {
    results(selected(state, body), |found| {
        let outcome = match state.subscriptions.get_mut(&found.id) {
            Some(subscription) if subscription.plan_guid.is_some() => {
                (subscription.locked, subscription.synchronized) = (false, true);
                Ok(Vec::new())
            }
            Some(_) => Err(Refusal::failed("The subscription has no service plan.")),
            None => Err(Refusal::not_found(WHAT)),
        };
        found.result(outcome)
    })
}

fn limit_values(state: &State, subscription: &Subscription, plan: Option<&Plan>) -> Values {
    let limit = |name: &str| plan.map_or("-1", |plan| plan.limit(name)).to_owned();
    let mut values = subscription_values(state, subscription);
    values.extend([("MAXIMUM_DISK_SPACE", limit("disk_space")), ("MAXIMUM_TRAFFIC", limit("max_traffic"))]);
    values
}
