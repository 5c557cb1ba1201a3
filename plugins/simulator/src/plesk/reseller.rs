//! The operators `reseller` (add, get, set, del, switch-subscription) and `reseller-plan` (get).

use std::collections::BTreeMap;

use super::customer::{self, accepted, settable};
use super::events::Occurrence;
use super::filter::{Found, added, results, select};
use super::panel::Panel;
use super::refusal::Refusal;
use super::state::{CONTACT, Reseller, ResellerPlan, State};
use super::webspace;
use super::xml::Element;

const WHAT: &str = "Reseller";

/// More resellers than a test needs.
const RESELLERS_MAX: usize = 1_000;

impl State {
    /// Keeps a new reseller plan.
    pub(super) fn add_reseller_plan(&mut self, name: &str) {
        let (id, guid) = (self.next_id(), uuid::Uuid::new_v4().to_string());
        self.reseller_plans.insert(id, ResellerPlan { id, guid, name: name.to_owned() });
    }
}

/// Adds a reseller.
pub(super) fn add(panel: &Panel, state: &mut State, body: &Element, _: &mut Vec<Occurrence>) -> Vec<Element> {
    added(try_add(panel, state, body))
}

fn try_add(panel: &Panel, state: &mut State, body: &Element) -> Result<Vec<Element>, Refusal> {
    let info = body.get("gen-info").ok_or_else(|| Refusal::parse("reseller.add: 'gen-info' is missing"))?;
    let required = |name: &str| {
        info.text_of(name).ok_or_else(|| Refusal::parse(format!("reseller.add: '{name}' is missing or empty")))
    };
    required("pname")?;
    let (login, password) = (required("login")?, required("passwd")?);
    free_login(state, login)?;
    if state.resellers.len() >= RESELLERS_MAX {
        return Err(Refusal::limit("License limits are reached."));
    }
    let plan_guid = named_plan(state, body)?;
    let mut reseller = Reseller {
        id: 0,
        guid: uuid::Uuid::new_v4().to_string(),
        login: login.to_owned(),
        password: accepted(password)?,
        contact: BTreeMap::new(),
        external_id: String::new(),
        status: 0,
        oversell: false,
        limits: BTreeMap::new(),
        plan_guid,
        created_on: panel.clock.now().date_naive(),
    };
    overlay(&mut reseller, Some(info), body.get("limits"))?;
    reseller.id = state.next_id();
    let members = vec![Element::leaf("id", reseller.id.to_string()), Element::leaf("guid", &reseller.guid)];
    state.resellers.insert(reseller.id, reseller);
    Ok(members)
}

/// For a reseller a taken name is error 1019, for a customer 1007.
fn free_login(state: &State, login: &str) -> Result<(), Refusal> {
    let taken = || Refusal::value(&format!("The user account with login name \"{login}\" already exists."));
    if state.login_is_free(login) { Ok(()) } else { Err(taken()) }
}

fn named_plan(state: &State, body: &Element) -> Result<Option<String>, Refusal> {
    let kinds = ["plan-id", "plan-name", "plan-guid"];
    let Some((kind, value)) = kinds.iter().find_map(|kind| Some((*kind, body.text_of(kind)?))) else {
        return Ok(None);
    };
    let found = state.reseller_plans.values().find(|plan| plan.is(kind.trim_start_matches("plan-"), value));
    found.map(|plan| Some(plan.guid.clone())).ok_or_else(|| Refusal::not_found("Reseller plan"))
}

impl ResellerPlan {
    fn is(&self, kind: &str, value: &str) -> bool {
        match kind {
            "id" => self.id.to_string() == value,
            "name" => self.name == value,
            "guid" => self.guid == value,
            _ => false,
        }
    }
}

/// Takes over what a packet says about a reseller.
fn overlay(reseller: &mut Reseller, info: Option<&Element>, limits: Option<&Element>) -> Result<(), Refusal> {
    if let Some(info) = info {
        for (name, _) in CONTACT {
            if let Some(value) = info.get(name) {
                reseller.contact.insert(name, value.text.clone());
            }
        }
        if let Some(text) = info.text_of("status") {
            reseller.status = settable(text)?;
        }
        if let Some(value) = info.get("external-id") {
            value.text.clone_into(&mut reseller.external_id);
        }
    }
    let Some(limits) = limits else { return Ok(()) };
    let policy = limits.get("resource-policy").ok_or_else(|| Refusal::parse("'resource-policy' is missing"))?;
    if let Some(oversell) = policy.text_of("oversell") {
        reseller.oversell = oversell == "true";
    }
    for limit in limits.children.iter().filter(|child| child.name == "limit") {
        let (Some(name), Some(value)) = (limit.text_of("name"), limit.text_of("value")) else {
            return Err(Refusal::parse("a limit has a name and a value"));
        };
        value.parse::<i64>().map_err(|_| Refusal::value("The value of the limit is not valid."))?;
        reseller.limits.insert(name.to_owned(), value.to_owned());
    }
    Ok(())
}

fn selected(state: &State, body: &Element) -> Vec<Found> {
    select(body, WHAT, state.resellers.keys().copied(), |id, kind, value| {
        state.resellers.get(&id).is_some_and(|reseller| reseller.is(kind, value))
    })
}

/// Shows resellers.
pub(super) fn get(_: &Panel, state: &mut State, body: &Element, _: &mut Vec<Occurrence>) -> Vec<Element> {
    let dataset = body.get("dataset").cloned().unwrap_or_default();
    results(selected(state, body), |found| {
        let shown = state.resellers.get(&found.id).ok_or_else(|| Refusal::not_found(WHAT));
        found.result(shown.map(|reseller| {
            let parts = dataset.children.iter().map(|part| match part.name.as_str() {
                "gen-info" => general(reseller),
                "limits" => limits(reseller),
                other => Element::new(other),
            });
            vec![Element::new("data").with_all(parts)]
        }))
    })
}

fn general(reseller: &Reseller) -> Element {
    let contact = |name: &str| Element::leaf(name, reseller.contact.get(name).cloned().unwrap_or_default());
    Element::new("gen-info")
        .with(Element::leaf("cr-date", reseller.created_on.to_string()))
        .with(contact("cname"))
        .with(contact("pname"))
        .with(Element::leaf("login", &reseller.login))
        .with(Element::leaf("status", reseller.status.to_string()))
        .with_all(["phone", "fax", "email", "address", "city", "state", "pcode", "country"].map(contact))
        .with(Element::leaf("locale", "en-US"))
        .with(Element::leaf("guid", &reseller.guid))
        .with(Element::leaf("external-id", &reseller.external_id))
}

fn limits(reseller: &Reseller) -> Element {
    let policy = Element::new("resource-policy").with(Element::leaf("oversell", reseller.oversell.to_string()));
    let limits = reseller.limits.iter().map(|(name, value)| {
        Element::new("limit").with(Element::leaf("name", name)).with(Element::leaf("value", value))
    });
    Element::new("limits").with(policy).with_all(limits)
}

/// Changes resellers. Suspending one suspends the subscriptions of its customers and its own.
pub(super) fn set(_: &Panel, state: &mut State, body: &Element, _: &mut Vec<Occurrence>) -> Vec<Element> {
    let Some(values) = body.get("values") else {
        return added(Err(Refusal::parse("reseller.set: 'values' is missing")));
    };
    results(selected(state, body), |found| found.result(try_set(state, found.id, values).map(|()| Vec::new())))
}

fn try_set(state: &mut State, id: u32, values: &Element) -> Result<(), Refusal> {
    let mut after = state.resellers.get(&id).cloned().ok_or_else(|| Refusal::not_found(WHAT))?;
    let info = values.get("gen-info");
    if let Some(login) = info.and_then(|info| info.text_of("login")).filter(|login| *login != after.login) {
        free_login(state, login)?;
        login.clone_into(&mut after.login);
    }
    if let Some(password) = info.and_then(|info| info.text_of("passwd")) {
        after.password = accepted(password)?;
    }
    overlay(&mut after, info, values.get("limits"))?;
    state.resellers.insert(id, after);
    Ok(())
}

/// Deletes resellers with their customers and all subscriptions.
pub(super) fn del(_: &Panel, state: &mut State, body: &Element, events: &mut Vec<Occurrence>) -> Vec<Element> {
    results(selected(state, body), |found| {
        let of_it: Vec<u32> =
            state.customers.values().filter(|customer| customer.owner_id == found.id).map(|owner| owner.id).collect();
        for id in of_it {
            customer::delete(state, id, events);
        }
        for (subscription, _) in webspace::statuses_of(state, found.id) {
            webspace::delete(state, subscription, events);
        }
        let gone = state.resellers.remove(&found.id).ok_or_else(|| Refusal::not_found(WHAT));
        found.result(gone.map(|_| Vec::new()))
    })
}

/// Moves resellers to another reseller plan, or to none.
pub(super) fn switch_subscription(
    _: &Panel,
    state: &mut State,
    body: &Element,
    _: &mut Vec<Occurrence>,
) -> Vec<Element> {
    let plan = match named_plan(state, body) {
        Ok(None) if body.get("no-plan").is_none() => {
            return added(Err(Refusal::parse("reseller.switch-subscription: a plan is expected")));
        }
        Ok(plan) => plan,
        Err(refusal) => return added(Err(refusal)),
    };
    results(selected(state, body), |found| {
        let reseller = state.resellers.get_mut(&found.id).ok_or_else(|| Refusal::not_found(WHAT));
        found.result(reseller.map(|reseller| {
            reseller.plan_guid.clone_from(&plan);
            Vec::new()
        }))
    })
}

/// Shows reseller plans.
pub(super) fn get_plans(_: &Panel, state: &mut State, body: &Element, _: &mut Vec<Occurrence>) -> Vec<Element> {
    let found = select(body, "Reseller plan", state.reseller_plans.keys().copied(), |id, kind, value| {
        state.reseller_plans.get(&id).is_some_and(|plan| plan.is(kind, value))
    });
    results(found, |found| {
        let plan = state.reseller_plans.get(&found.id).ok_or_else(|| Refusal::not_found("Reseller plan"));
        found.result(plan.map(|plan| {
            vec![Element::leaf("name", &plan.name), Element::leaf("guid", &plan.guid), Element::new("external-id")]
        }))
    })
}
