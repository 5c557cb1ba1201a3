//! Limits: Plesk's names and `-1` for none, the protocol's fields and absence for none.

use std::collections::BTreeMap;

use billet_plugin::v1::Limits;

use crate::packet::named;
use crate::xml::Element;

/// By Plesk's names; what has no limit is left out.
pub(crate) type Named = BTreeMap<String, i64>;

/// Reads `<limit><name/><value/></limit>` below an element.
pub(crate) fn read(limits: Option<&Element>) -> Named {
    let all = limits.into_iter().flat_map(|limits| limits.all("limit"));
    let pair = |limit: &Element| Some((limit.text_of("name").to_owned(), limit.text_of("value").parse::<i64>().ok()?));
    all.filter_map(pair).filter(|(_, value)| *value >= 0).collect()
}

/// Those of a subscription or a service plan.
pub(crate) fn of_plan(named: &Named) -> Limits {
    let limit = |name: &str| named.get(name).copied();
    Limits {
        disk_bytes: limit("disk_space"),
        bandwidth_bytes: limit("max_traffic"),
        accounts: None,
        // Plesk counts the main domain.
        addon_domains: limit("max_site").map(|sites| (sites - 1).max(0)),
        subdomains: limit("max_subdom"),
        mailboxes: limit("max_box"),
        databases: limit("max_db"),
        ftp_users: limit("max_subftp_users"),
    }
}

/// For a service plan, by Plesk's names; absent ones are without a limit.
pub(crate) fn to_plan(limits: &Limits) -> Vec<(&'static str, i64)> {
    vec![
        ("disk_space", limits.disk_bytes.unwrap_or(-1)),
        ("max_traffic", limits.bandwidth_bytes.unwrap_or(-1)),
        ("max_site", limits.addon_domains.map_or(-1, |domains| domains.saturating_add(1))),
        ("max_subdom", limits.subdomains.unwrap_or(-1)),
        ("max_box", limits.mailboxes.unwrap_or(-1)),
        ("max_db", limits.databases.unwrap_or(-1)),
        ("max_subftp_users", limits.ftp_users.unwrap_or(-1)),
    ]
}

/// For a reseller, by Plesk's names; only those that are set. Resellers have no limit on add-on domains.
pub(crate) fn to_reseller(limits: &Limits) -> Vec<(&'static str, i64)> {
    let all = [
        ("disk_space", limits.disk_bytes),
        ("max_dom", limits.accounts),
        ("max_subdom", limits.subdomains),
        ("max_box", limits.mailboxes),
        ("max_db", limits.databases),
        ("max_traffic", limits.bandwidth_bytes),
        ("max_subftp_users", limits.ftp_users),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// As `<limit>` elements.
pub(crate) fn elements(limits: &[(&str, i64)]) -> Vec<Element> {
    limits.iter().map(|(name, value)| named("limit", name, &value.to_string())).collect()
}

/// Whether none is negative.
pub(crate) fn are_sound(limits: &Limits) -> bool {
    let Limits { disk_bytes, bandwidth_bytes, accounts, addon_domains, subdomains, mailboxes, databases, ftp_users } =
        limits;
    [disk_bytes, bandwidth_bytes, accounts, addon_domains, subdomains, mailboxes, databases, ftp_users]
        .iter()
        .all(|limit| limit.is_none_or(|limit| limit >= 0))
}
