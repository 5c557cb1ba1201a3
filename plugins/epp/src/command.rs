//! A command as it goes out, and the id that it carries.

use billet_plugin::v1::Operation;

use crate::namespace;
use crate::xml::Element;

/// How much of an operation's id stands in front of a transaction's id. RFC 5730 permits 64 characters in all.
const OPERATION_CHARACTERS_MAX: usize = 24;

/// The client's id of one attempt of one command (clTRID). There are registries that close the connection without an answer
/// when they see one again, so none is ever used twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trid(String);

impl Trid {
    /// Of a question.
    #[must_use]
    pub fn new() -> Self {
        Self(format!("BILLET-{}", uuid::Uuid::new_v4().simple()))
    }

    /// Of a change: its operation's id stands in front, so that the registry's log and Billet's can be held side by side.
    #[must_use]
    pub fn of(operation: Option<&Operation>) -> Self {
        let id: String = operation.map_or(String::new(), |operation| {
            operation.id.chars().filter(char::is_ascii_alphanumeric).take(OPERATION_CHARACTERS_MAX).collect()
        });
        if id.is_empty() { Self::new() } else { Self(format!("{id}-{}", uuid::Uuid::new_v4().simple())) }
    }

    /// As it is sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Trid {
    fn default() -> Self {
        Self::new()
    }
}

/// A command without its id. It has no `Debug`: there are secrets in it.
#[derive(Clone)]
pub struct Command {
    verb: Element,
    extensions: Vec<Element>,
}

impl Command {
    /// `<check>`, `<login>`, ...
    #[must_use]
    pub fn new(verb: Element) -> Self {
        Self { verb, extensions: Vec::new() }
    }

    /// A verb about an object: `<check><domain:check xmlns:domain="...">` with these children.
    #[must_use]
    pub fn about(verb: &str, object: Object, children: impl IntoIterator<Item = Element>) -> Self {
        Self::new(Element::new(verb).with(object.element(verb).with_all(children)))
    }

    /// With an extension.
    #[must_use]
    pub fn extended(mut self, extension: Option<Element>) -> Self {
        self.extensions.extend(extension);
        self
    }

    /// As a frame.
    #[must_use]
    pub fn frame(&self, trid: &Trid) -> String {
        let mut command = Element::new("command").with(self.verb.clone());
        if !self.extensions.is_empty() {
            command = command.with(Element::new("extension").with_all(self.extensions.iter().cloned()));
        }
        command = command.with(Element::leaf("clTRID", trid.as_str()));
        Element::new("epp").attr("xmlns", namespace::EPP).with(command).document()
    }
}

/// The objects of a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object {
    /// RFC 5731.
    Domain,
    /// RFC 5732.
    Host,
    /// RFC 5733.
    Contact,
}

impl Object {
    fn element(self, verb: &str) -> Element {
        let (prefix, namespace) = match self {
            Self::Domain => ("domain", namespace::DOMAIN),
            Self::Host => ("host", namespace::HOST),
            Self::Contact => ("contact", namespace::CONTACT),
        };
        Element::new(&format!("{prefix}:{verb}")).attr(&format!("xmlns:{prefix}"), namespace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_a_transaction_is_never_used_twice_and_fits() {
        let operation = Operation { id: "op_".repeat(21), attempt: 1, ..Operation::default() };
        let (first, second) = (Trid::of(Some(&operation)), Trid::of(Some(&operation)));
        assert_ne!(first, second);
        assert!(first.as_str().starts_with("opopop") && first.as_str().len() <= 64, "{first:?}");
        assert!(Trid::of(None).as_str().starts_with("BILLET-"));
    }
}
