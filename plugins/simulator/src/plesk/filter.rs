//! Filters: which objects an operation means, and one result for each.

use super::refusal::Refusal;
use super::xml::Element;

/// An object a filter found, with the value that named it; an empty filter names nothing.
pub(super) struct Match {
    pub(super) id: u32,
    filter_id: Option<String>,
}

impl Match {
    /// What every result of a filtered operation begins and ends with.
    pub(super) fn result(&self, outcome: Result<Vec<Element>, Refusal>) -> Element {
        let (members, more) = match outcome {
            Ok(more) => (vec![Element::leaf("status", "ok")], more),
            Err(refusal) => (refusal.members().to_vec(), Vec::new()),
        };
        let filter_id = self.filter_id.as_ref().map(|value| Element::leaf("filter-id", value));
        Element::new("result")
            .with_all(members)
            .with_all(filter_id)
            .with(Element::leaf("id", self.id.to_string()))
            .with_all(more)
    }
}

/// What a filter comes to: an object, or the result that says there is none.
pub(super) type Found = Result<Match, Element>;

/// Applies the filter of an operation: `ids` are all objects, `is` says whether a kind and value mean one of them.
/// A value that means nothing gives a result with error 1013.
pub(super) fn select(
    body: &Element,
    what: &str,
    ids: impl Iterator<Item = u32> + Clone,
    is: impl Fn(u32, &str, &str) -> bool,
) -> Vec<Found> {
    let values = body.get("filter").map(|filter| filter.children.as_slice()).unwrap_or_default();
    if values.is_empty() {
        return ids.map(|id| Ok(Match { id, filter_id: None })).collect();
    }
    let mut found = Vec::new();
    for value in values {
        let meant = ids.clone().filter(|id| is(*id, &value.name, &value.text));
        let matches = meant.map(|id| Ok(Match { id, filter_id: Some(value.text.clone()) }));
        let before = found.len();
        found.extend(matches);
        if found.len() == before {
            let members = Refusal::not_found(what).members();
            found.push(Err(Element::new("result").with_all(members).with(Element::leaf("filter-id", &value.text))));
        }
    }
    found
}

/// The results of an operation that found its objects; without any, Plesk answers with one empty success.
pub(super) fn results(found: Vec<Found>, mut each: impl FnMut(&Match) -> Element) -> Vec<Element> {
    if found.is_empty() {
        return vec![Element::new("result").with(Element::leaf("status", "ok"))];
    }
    found.into_iter().map(|found| found.map_or_else(|missing| missing, |found| each(&found))).collect()
}

/// The one result of an operation that adds something: its members, or the error.
pub(super) fn added(outcome: Result<Vec<Element>, Refusal>) -> Vec<Element> {
    let result = Element::new("result");
    vec![match outcome {
        Ok(members) => result.with(Element::leaf("status", "ok")).with_all(members),
        Err(refusal) => result.with_all(refusal.members()),
    }]
}
