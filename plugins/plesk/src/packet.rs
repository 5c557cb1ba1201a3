//! What is sent: operations with their nodes in the order that the documentation gives, which Plesk insists on.

use crate::xml::Element;

/// A packet under way, with the secrets that are in it.
#[derive(Default, Clone)]
pub(crate) struct Packet {
    operations: Vec<(&'static str, Element)>,
    secrets: Vec<String>,
}

impl Packet {
    /// A packet of one operation.
    pub(crate) fn of(operator: &'static str, verb: &str, nodes: impl IntoIterator<Item = Element>) -> Self {
        Self::default().and(operator, verb, nodes)
    }

    /// With one more operation. Each pair of operator and verb may stand in a packet once: Plesk answers several of
    /// them in ways that differ by version.
    #[must_use]
    pub(crate) fn and(mut self, operator: &'static str, verb: &str, nodes: impl IntoIterator<Item = Element>) -> Self {
        debug_assert!(self.operations.iter().all(|(other, body)| *other != operator || body.name != verb));
        self.operations.push((operator, Element::new(verb).with_all(nodes)));
        self
    }

    /// Names a secret that is in it, to be kept out of all words.
    #[must_use]
    pub(crate) fn with_secret(mut self, secret: &str) -> Self {
        self.secrets.push(secret.to_owned());
        self
    }

    pub(crate) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().map(String::as_str)
    }

    /// `webspace.add`, for each operation.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.operations.iter().map(|(operator, body)| (*operator, body.name.as_str()))
    }

    pub(crate) fn document(&self) -> String {
        let operations = self.operations.iter().map(|(operator, body)| Element::new(operator).with(body.clone()));
        Element::new("packet").with_all(operations).document()
    }
}

/// A filter of one kind of value. An empty one would mean everything there is: [`everything`].
pub(crate) fn filter<V: AsRef<str>>(kind: &str, values: impl IntoIterator<Item = V>) -> Element {
    Element::new("filter").with_all(values.into_iter().map(|value| Element::leaf(kind, value)))
}

/// The filter that takes everything. Only for questions.
pub(crate) fn everything() -> Element {
    Element::new("filter")
}

/// What to show of each object.
pub(crate) fn dataset(parts: &[&str]) -> Element {
    Element::new("dataset").with_all(parts.iter().map(|part| Element::new(part)))
}

/// Elements for the pairs whose value is not empty, in their order.
pub(crate) fn leaves(pairs: &[(&str, &str)]) -> Vec<Element> {
    pairs.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| Element::leaf(name, *value)).collect()
}

/// `<property><name/><value/></property>`, and likewise for a limit.
pub(crate) fn named(kind: &str, name: &str, value: &str) -> Element {
    Element::new(kind).with(Element::leaf("name", name)).with(Element::leaf("value", value))
}
