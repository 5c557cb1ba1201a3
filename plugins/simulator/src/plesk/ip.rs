//! The operator `ip`: the server's addresses.

use super::events::Occurrence;
use super::filter::added;
use super::panel::Panel;
use super::state::State;
use super::xml::Element;

/// Lists the addresses: there is one, and it is shared.
pub(super) fn get(panel: &Panel, _: &mut State, _: &Element, _: &mut Vec<Occurrence>) -> Vec<Element> {
    let address = Element::new("ip_info")
        .with(Element::leaf("ip_address", &panel.options.ip))
        .with(Element::leaf("netmask", "255.255.255.0"))
        .with(Element::leaf("type", "shared"))
        .with(Element::leaf("interface", "eth0"));
    added(Ok(vec![Element::new("addresses").with(address)]))
}
