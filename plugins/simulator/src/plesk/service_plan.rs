//! The operator `service-plan`: add and get.

use super::events::Occurrence;
use super::filter::{added, results, select};
use super::panel::Panel;
use super::refusal::Refusal;
use super::state::{Plan, State};
use super::xml::Element;

const WHAT: &str = "Service plan";

/// More hosting plans than anybody offers.
const PLANS_MAX: usize = 1_000;

impl Plan {
    /// Whether a filter of this kind and value means this plan.
    pub(super) fn is(&self, kind: &str, value: &str) -> bool {
        match kind {
            "id" => self.id.to_string() == value,
            "name" => self.name == value,
            "guid" => self.guid == value,
            "external-id" => self.external_id == value,
            _ => false,
        }
    }

    /// A limit's value, `-1` where there is none.
    pub(super) fn limit(&self, name: &str) -> &str {
        self.limits.iter().find(|(known, _)| known == name).map_or("-1", |(_, value)| value)
    }
}

impl State {
    /// Keeps a new plan and gives it its ids.
    pub(super) fn add_plan(
        &mut self,
        name: &str,
        external_id: &str,
        owner_id: u32,
        limits: Vec<(String, String)>,
    ) -> &Plan {
        let (id, guid) = (self.next_id(), uuid::Uuid::new_v4().to_string());
        let plan = Plan { id, guid, name: name.to_owned(), external_id: external_id.to_owned(), owner_id, limits };
        self.plans.entry(id).or_insert(plan)
    }
}

/// Adds a plan.
pub(super) fn add(_: &Panel, state: &mut State, body: &Element, _: &mut Vec<Occurrence>) -> Vec<Element> {
    added(try_add(state, body))
}

fn try_add(state: &mut State, body: &Element) -> Result<Vec<Element>, Refusal> {
    let name = body.text_of("name").ok_or_else(|| Refusal::parse("service-plan.add: 'name' is missing or empty"))?;
    let owner_id = state.owner_id(body)?;
    if state.plans.values().any(|plan| plan.name == name && plan.owner_id == owner_id) {
        return Err(Refusal::exists(WHAT));
    }
    if state.plans.len() >= PLANS_MAX {
        return Err(Refusal::limit("The limit on the number of service plans is reached."));
    }
    let limits = body.get("limits").map(|limits| limits.children.as_slice()).unwrap_or_default();
    let limits = limits.iter().filter(|limit| limit.name == "limit");
    let limits =
        limits.filter_map(|limit| Some((limit.text_of("name")?.to_owned(), limit.text_of("value")?.to_owned())));
    let plan = state.add_plan(name, body.text_of("external-id").unwrap_or_default(), owner_id, limits.collect());
    Ok(vec![
        Element::leaf("id", plan.id.to_string()),
        Element::leaf("guid", &plan.guid),
        Element::leaf("external-id", &plan.external_id),
    ])
}

/// Shows plans with everything there is about them: those of one owner, by default the administrator, or all.
pub(super) fn get(_: &Panel, state: &mut State, body: &Element, _: &mut Vec<Occurrence>) -> Vec<Element> {
    let owner_id = match state.owner_id(body) {
        Ok(owner_id) => owner_id,
        Err(refusal) => return added(Err(refusal)),
    };
    let all = body.get("owner-all").is_some();
    let ids: Vec<u32> =
        state.plans.values().filter(|plan| all || plan.owner_id == owner_id).map(|plan| plan.id).collect();
    let found = select(body, WHAT, ids.iter().copied(), |id, kind, value| {
        state.plans.get(&id).is_some_and(|plan| plan.is(kind, value))
    });
    results(found, |found| {
        let plan = state.plans.get(&found.id).ok_or_else(|| Refusal::not_found(WHAT));
        found.result(plan.map(|plan| {
            let limits = plan.limits.iter().map(|(name, value)| {
                Element::new("limit").with(Element::leaf("name", name)).with(Element::leaf("value", value))
            });
            vec![
                Element::leaf("name", &plan.name),
                Element::new("limits").with(Element::leaf("overuse", "block")).with_all(limits),
                Element::leaf("guid", &plan.guid),
                Element::leaf("external-id", &plan.external_id),
                Element::leaf("owner-login", state.owner(plan.owner_id).0),
            ]
        }))
    })
}
