//! The operator `server`: who it is, which version, which protocols.

use super::events::Occurrence;
use super::filter::added;
use super::panel::Panel;
use super::state::State;
use super::xml::Element;

/// The versions of the protocol that the server speaks, newest last.
pub(super) const PROTOCOLS: [&str; 5] = ["1.6.6.0", "1.6.7.0", "1.6.8.0", "1.6.9.0", "1.6.9.1"];

/// Shows the server's name and guid (`gen_info`) or its version and numbers (`stat`).
pub(super) fn get(panel: &Panel, state: &mut State, body: &Element, _: &mut Vec<Occurrence>) -> Vec<Element> {
    let sections = body.children.iter().map(|asked| match asked.name.as_str() {
        "gen_info" => Element::new("gen_info")
            .with(Element::leaf("server_name", &panel.options.hostname))
            .with(Element::leaf("server_guid", &panel.guid))
            .with(Element::leaf("mode", "standard")),
        _ => statistics(panel, state),
    });
    added(Ok(sections.collect()))
}

fn statistics(panel: &Panel, state: &State) -> Element {
    let active = state.subscriptions.values().filter(|subscription| state.status(subscription) == 0).count();
    let objects = Element::new("objects")
        .with(Element::leaf("clients", state.customers.len().to_string()))
        .with(Element::leaf("domains", state.subscriptions.len().to_string()))
        .with(Element::leaf("active_domains", active.to_string()));
    let version = Element::new("version")
        .with(Element::leaf("plesk_name", "plesk"))
        .with(Element::leaf("plesk_version", &panel.options.version))
        .with(Element::leaf("plesk_os", "Debian"))
        .with(Element::leaf("plesk_os_version", "12"));
    Element::new("stat").with(objects).with(version)
}

/// Lists the protocol's versions.
pub(super) fn get_protos(_: &Panel, _: &mut State, _: &Element, _: &mut Vec<Occurrence>) -> Vec<Element> {
    let protocols = PROTOCOLS.map(|protocol| Element::leaf("proto", protocol));
    added(Ok(vec![Element::new("protos").with_all(protocols)]))
}
