//! What a reseller may do: privileges (ACLs), by the names of myprivs. Root may do everything.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::call::{Call, Done, Outcome, Refusal};
use super::state::State;
use super::{Panel, ROOT};

/// The privileges that cPanel's documentation of myprivs and setacls names, without `all`.
const PRIVILEGES: [&str; 58] = [
    "acct-summary",
    "add-pkg",
    "add-pkg-ip",
    "add-pkg-shell",
    "allow-addoncreate",
    "allow-emaillimits-pkgs",
    "allow-parkedcreate",
    "allow-shell",
    "allow-unlimited-bw-pkgs",
    "allow-unlimited-disk-pkgs",
    "allow-unlimited-pkgs",
    "basic-system-info",
    "basic-whm-functions",
    "clustering",
    "cors-proxy-get",
    "cpanel-api",
    "cpanel-integration",
    "create-acct",
    "create-dns",
    "create-user-session",
    "demo-setup",
    "digest-auth",
    "edit-account",
    "edit-dns",
    "edit-mx",
    "edit-pkg",
    "generate-email-config",
    "kill-acct",
    "kill-dns",
    "limit-bandwidth",
    "list-accts",
    "list-pkgs",
    "locale-edit",
    "mailcheck",
    "manage-api-tokens",
    "manage-dns-records",
    "manage-oidc",
    "manage-styles",
    "mysql-info",
    "news",
    "ns-config",
    "park-dns",
    "passwd",
    "public-contact",
    "quota",
    "rearrange-accts",
    "resftp",
    "restart",
    "show-bandwidth",
    "ssl",
    "ssl-buy",
    "ssl-gencrt",
    "ssl-info",
    "stats",
    "status",
    "suspend-acct",
    "track-email",
    "upgrade-account",
];
/// More than anybody saves.
const LISTS_MAX: usize = 100;

/// What a function needs; `None` for what every user of WHM may call, `all` for what is root's.
fn needed(function: &str) -> Option<&'static str> {
    Some(match function {
        "createacct" | "verify_new_username" => "create-acct",
        "removeacct" => "kill-acct",
        "suspendacct" | "unsuspendacct" | "listsuspended" | "listlockedaccounts" => "suspend-acct",
        "changepackage" => "upgrade-account",
        "modifyacct" => "edit-account",
        "passwd" => "passwd",
        "listaccts" | "get_disk_usage" | "acctcounts" | "get_current_users_count" => "list-accts",
        "accountsummary" => "acct-summary",
        "listpkgs" => "list-pkgs",
        "addpkg" => "add-pkg",
        "showbw" => "show-bandwidth",
        "create_user_session" => "create-user-session",
        "setupreseller" | "unsetupreseller" | "listresellers" | "setacls" | "saveacllist" | "setresellerlimits"
        | "suspendreseller" | "unsuspendreseller" | "terminatereseller" | "get_maximum_users" => "all",
        _ => return None,
    })
}

/// What a new reseller may do here: everything that is not root's. The real panel starts with less.
pub(super) fn ordinary() -> BTreeSet<&'static str> {
    PRIVILEGES.into_iter().collect()
}

/// Denies a call that the caller has no privilege for.
pub(super) fn check(panel: &Panel, call: &Call) -> Result<(), Refusal> {
    let Some(privilege) = needed(&call.function).filter(|_| call.caller != ROOT) else { return Ok(()) };
    let granted = panel.state().resellers.get(&call.caller).is_some_and(|one| one.privileges.contains(privilege));
    if granted { Ok(()) } else { Err(Refusal::AccessDenied) }
}

/// The caller's privileges: a list of one object.
pub(super) fn myprivs(panel: &Panel, call: &Call) -> Outcome {
    let state = panel.state();
    let granted = state.resellers.get(&call.caller).map(|one| &one.privileges);
    let root = call.caller == ROOT;
    let on = |name: &str| u8::from(root || granted.is_some_and(|granted| granted.contains(name)));
    let mut privileges: BTreeMap<&str, u8> = PRIVILEGES.iter().map(|name| (*name, on(name))).collect();
    privileges.insert("all", u8::from(root));
    Ok(Done::with_data(json!({"privileges": [privileges]})))
}

/// Gives a reseller the privileges of a saved list, or just those that are named: what is not named is taken away.
pub(super) fn setacls(panel: &Panel, call: &Call) -> Outcome {
    let reseller = call.get("user").map_or_else(|| call.required("reseller"), Ok)?;
    let named = named(call, |value| !value.is_empty())?;
    panel.with(|state| {
        let privileges = match call.get("acllist") {
            Some(_) if !named.is_empty() => {
                return Err(Refusal::exception("Use either “acllist” or “acl-” parameters."));
            }
            Some(list) => saved(state, list)?,
            None => named,
        };
        let standing = state.resellers.get_mut(reseller).ok_or_else(|| not_a_reseller(reseller))?;
        standing.privileges.clone_from(&privileges);
        Ok(Done::with_data(json!({"acl": privileges})))
    })
}

/// Saves a list of privileges under a name.
pub(super) fn saveacllist(panel: &Panel, call: &Call) -> Outcome {
    let name = call.required("acllist")?;
    let privileges = named(call, |value| value == "1")?;
    panel.with(|state| {
        if state.acl_lists.len() >= LISTS_MAX {
            return Err(Refusal::exception("There are too many lists."));
        }
        state.acl_lists.insert(name.to_owned(), privileges);
        Ok(Done::default())
    })
}

fn saved(state: &State, list: &str) -> Result<BTreeSet<&'static str>, Refusal> {
    let saved = state.acl_lists.get(list).cloned();
    saved.ok_or_else(|| Refusal::exception(format!("The ACL list “{list}” is not valid.")))
}

fn named(call: &Call, on: impl Fn(&str) -> bool) -> Result<BTreeSet<&'static str>, Refusal> {
    let mut privileges = BTreeSet::new();
    for (parameter, _) in call.own().filter(|(_, value)| on(value)) {
        let Some(name) = parameter.strip_prefix("acl-") else { continue };
        let known = PRIVILEGES.iter().find(|known| **known == name);
        // `all` among them: a reseller that is as good as root is not simulated.
        let known = known.ok_or_else(|| Refusal::exception(format!("“{name}” is not a valid privilege.")))?;
        privileges.insert(*known);
    }
    Ok(privileges)
}

/// The refusal for a user who is no reseller.
pub(super) fn not_a_reseller(user: &str) -> Refusal {
    Refusal::exception(format!("“{user}” is not a reseller on this system."))
}
