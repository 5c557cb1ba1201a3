//! The operator `server`: who it is, which version, which protocols.

use super::events::Occurrence;
use super::filter::added;
use super::panel::Panel;
use super::state::State;
use super::xml::Element;

/// The versions of the protocol that the server speaks, newest last.
pub(super) const PROTOCOLS: [&str; 5] = ["1.6.6.0", "1.6.7.0", "1.6.8.0", "1.6.9.0", "1.6.9.1"];

/// Shows the licence (`key`), the server's name and guid (`gen_info`) or its version and numbers (`stat`).
pub(super) fn get(panel: &Panel, state: &mut State, body: &Element, _: &mut Vec<Occurrence>) -> Vec<Element> {
    let sections = body.children.iter().map(|asked| match asked.name.as_str() {
        "key" => licence(panel),
        "gen_info" => Element::new("gen_info")
            .with(Element::leaf("server_name", &panel.options.hostname))
            .with(Element::leaf("server_guid", &panel.guid))
            .with(Element::leaf("mode", "standard")),
        _ => statistics(panel, state),
    });
    added(Ok(sections.collect()))
}

/// Names of the limits: plesk/api-php-lib, tests/Utility/KeyLimitChecker.php.
fn licence(panel: &Panel) -> Element {
    let properties = [
        ("plesk_key_id", "plsk.00000000.0000".to_owned()),
        ("lim_dom", panel.options.subscriptions_max.to_string()),
        ("lim_cl", panel.options.customers_max.to_string()),
        ("can-manage-customers", "1".to_owned()),
        ("can-manage-resellers", "1".to_owned()),
    ];
    let property = |(name, value): (&str, String)| {
        Element::new("property").with(Element::leaf("name", name)).with(Element::leaf("value", value))
    };
    Element::new("key").with_all(properties.map(property))
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
