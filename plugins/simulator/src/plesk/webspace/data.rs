//! What webspace get shows, by dataset.

use super::super::events::Occurrence;
use super::super::filter::results;
use super::super::panel::Panel;
use super::super::refusal::Refusal;
use super::super::state::{State, Subscription};
use super::super::xml::Element;
use super::{WHAT, selected};

/// Shows subscriptions.
pub(in super::super) fn get(panel: &Panel, state: &mut State, body: &Element, _: &mut Vec<Occurrence>) -> Vec<Element> {
    let dataset = body.get("dataset").cloned().unwrap_or_default();
    results(selected(state, body), |found| {
        let shown = state.subscriptions.get(&found.id).ok_or_else(|| Refusal::not_found(WHAT));
        let part = |subscription: &Subscription| {
            let parts = dataset.children.iter().map(|part| section(panel, state, subscription, &part.name));
            vec![Element::new("data").with_all(parts)]
        };
        found.result(shown.map(part))
    })
}

fn section(panel: &Panel, state: &State, subscription: &Subscription, name: &str) -> Element {
    match name {
        "gen_info" => general(panel, state, subscription),
        "hosting" => hosting(subscription),
        "limits" => limits(state, subscription),
        "disk_usage" => disk_usage(subscription),
        "subscriptions" => subscriptions(state, subscription),
        "stat" => statistics(subscription),
        other => Element::new(other),
    }
}

fn general(panel: &Panel, state: &State, subscription: &Subscription) -> Element {
    let (owner_login, owner_guid) = state.owner(subscription.owner_id);
    let htype = if subscription.hosting.is_some() { "vrt_hst" } else { "none" };
    let members = [
        ("cr_date", subscription.created_on.to_string()),
        ("name", subscription.name.clone()),
        ("ascii-name", subscription.name.clone()),
        ("status", state.status(subscription).to_string()),
        ("real_size", subscription.disk_used_bytes.to_string()),
        ("owner-id", subscription.owner_id.to_string()),
        ("owner-login", owner_login.to_owned()),
        ("owner-guid", owner_guid.to_owned()),
        ("dns_ip_address", panel.options.ip.clone()),
        ("htype", htype.to_owned()),
        ("guid", subscription.guid.clone()),
        ("vendor-guid", state.vendor_guid(subscription.owner_id).to_owned()),
        ("external-id", subscription.external_id.clone()),
        ("description", subscription.description.clone()),
    ];
    Element::new("gen_info").with_all(members.map(|(name, value)| Element::leaf(name, value)))
}

fn statistics(subscription: &Subscription) -> Element {
    let members = [
        ("traffic", subscription.traffic_bytes),
        ("subdom", 0),
        ("wu", 0),
        ("box", u64::from(subscription.mailboxes)),
        ("redir", 0),
        ("mg", 0),
        ("resp", 0),
        ("maillists", 0),
        ("db", u64::from(subscription.databases)),
        ("webapps", 0),
        ("traffic_prevday", 0),
    ];
    Element::new("stat").with_all(members.map(|(name, value)| Element::leaf(name, value.to_string())))
}

/// The password is not shown.
fn hosting(subscription: &Subscription) -> Element {
    let hosting = subscription.hosting.iter().map(|hosting| {
        let login = Element::new("property")
            .with(Element::leaf("name", "ftp_login"))
            .with(Element::leaf("value", &hosting.system_user));
        Element::new("vrt_hst").with(login).with(Element::leaf("ip_address", &hosting.ip))
    });
    Element::new("hosting").with_all(hosting)
}

fn limits(state: &State, subscription: &Subscription) -> Element {
    let plan = subscription.plan_guid.as_deref().and_then(|guid| state.plan(guid));
    let limits = plan.map(|plan| plan.limits.as_slice()).unwrap_or_default();
    let limits = limits.iter().map(|(name, value)| {
        Element::new("limit").with(Element::leaf("name", name)).with(Element::leaf("value", value))
    });
    Element::new("limits").with(Element::leaf("overuse", "block")).with_all(limits)
}

/// All of it lies in the web content; the other places are there and empty.
fn disk_usage(subscription: &Subscription) -> Element {
    let empty = [
        "httpsdocs",
        "subdomains",
        "anonftp",
        "logs",
        "dbases",
        "mailboxes",
        "maillists",
        "domaindumps",
        "configs",
        "chroot",
    ];
    Element::new("disk_usage")
        .with(Element::leaf("httpdocs", subscription.disk_used_bytes.to_string()))
        .with_all(empty.map(|name| Element::leaf(name, "0")))
}

fn subscriptions(state: &State, subscription: &Subscription) -> Element {
    let plan = subscription.plan_guid.as_deref().and_then(|guid| state.plan(guid)).map(|plan| {
        let external_id = (!plan.external_id.is_empty()).then(|| Element::leaf("plan-external-id", &plan.external_id));
        Element::new("plan").with(Element::leaf("plan-guid", &plan.guid)).with_all(external_id)
    });
    let one = Element::new("subscription")
        .with(Element::leaf("locked", subscription.locked.to_string()))
        .with(Element::leaf("synchronized", subscription.synchronized.to_string()))
        .with_all(plan);
    Element::new("subscriptions").with(one)
}
