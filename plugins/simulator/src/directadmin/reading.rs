//! What can be asked.

use super::commands::{Answer, Pairs, Parameters, Refusal, refused, required};
use super::state::{DirectAdminUser, State};

/// A user that the caller may see.
pub(super) fn visible<'a>(state: &'a State, caller: &str, name: &str) -> Result<&'a DirectAdminUser, Refusal> {
    let missing = || refused("Unable to show user", format!("User {name} does not exist or is not yours"));
    let user = state.users.get(name).ok_or_else(missing)?;
    let is_admin = state.users.get(caller).is_some_and(|caller| caller.usertype == "admin");
    if is_admin || user.creator == caller || name == caller { Ok(user) } else { Err(missing()) }
}

pub(super) fn admin_only(state: &State, caller: &str) -> Result<(), Refusal> {
    let is_admin = state.users.get(caller).is_some_and(|caller| caller.usertype == "admin");
    is_admin.then_some(()).ok_or_else(|| refused("You do not have access to this command", ""))
}

fn list<'a>(names: impl Iterator<Item = &'a String>) -> Pairs {
    names.map(|name| ("list[]".to_owned(), name.clone())).collect()
}

pub(super) fn config(state: &State, caller: &str, parameters: &Parameters) -> Answer {
    let name = required(parameters, "user")?;
    let user = visible(state, caller, name)?;
    let mut pairs: Vec<(&str, String)> = vec![
        ("username", name.to_owned()),
        ("usertype", user.usertype.clone()),
        ("creator", user.creator.clone()),
        ("domain", user.domain.clone()),
        ("email", user.email.clone()),
        ("package", user.package.clone()),
        ("ip", user.ip.clone()),
        ("date_created", user.created_at.format("%a %b %e %H:%M:%S %Y").to_string()),
        ("suspended", if user.suspended.is_some() { "yes" } else { "no" }.to_owned()),
        ("quota", "1000".to_owned()),
        ("bandwidth", "unlimited".to_owned()),
        ("vdomains", "unlimited".to_owned()),
        ("mysql", "10".to_owned()),
        ("nemails", "unlimited".to_owned()),
        ("ns1", "ns1.simulator.example".to_owned()),
        ("ns2", "ns2.simulator.example".to_owned()),
    ];
    pairs.extend(user.suspended.clone().filter(|reason| !reason.is_empty()).map(|reason| ("suspended_reason", reason)));
    Ok(pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

pub(super) fn usage(state: &State, caller: &str, parameters: &Parameters) -> Answer {
    let user = visible(state, caller, required(parameters, "user")?)?;
    let pairs = [
        ("bandwidth", format!("{:.2}", user.bandwidth_mb)),
        ("quota", format!("{:.4}", user.disk_mb)),
        ("vdomains", "1".to_owned()),
        ("mysql", "0".to_owned()),
        ("nemails", "0".to_owned()),
        ("inode", "120".to_owned()),
    ];
    Ok(pairs.map(|(name, value)| (name.to_owned(), value)).into())
}

pub(super) fn all_users(state: &State, caller: &str) -> Answer {
    admin_only(state, caller)?;
    Ok(list(state.users.iter().filter(|(_, user)| user.usertype == "user").map(|(name, _)| name)))
}

pub(super) fn users_of(state: &State, caller: &str, parameters: &Parameters) -> Answer {
    let owner = parameters.get("reseller").map_or(caller, String::as_str);
    if owner != caller {
        admin_only(state, caller)?;
    }
    let is_wanted = |user: &DirectAdminUser| user.usertype == "user" && user.creator == owner;
    Ok(list(state.users.iter().filter(|(_, user)| is_wanted(user)).map(|(name, _)| name)))
}

pub(super) fn resellers(state: &State, caller: &str) -> Answer {
    admin_only(state, caller)?;
    Ok(list(state.users.iter().filter(|(_, user)| user.usertype == "reseller").map(|(name, _)| name)))
}

pub(super) fn ips(state: &State, parameters: &Parameters) -> Answer {
    let Some(ip) = parameters.get("ip") else { return Ok(list(state.ips.keys())) };
    let status = state.ips.get(ip).ok_or_else(|| refused("Unable to show ip", "You do not own that ip"))?;
    Ok(vec![("status".to_owned(), status.clone()), ("netmask".to_owned(), "255.255.255.0".to_owned())])
}

pub(super) fn packages(state: &State, parameters: &Parameters) -> Answer {
    let Some(name) = parameters.get("package") else { return Ok(list(state.packages.keys())) };
    let limits = state.packages.get(name);
    let limits = limits.ok_or_else(|| refused("Unable to show package", "That package does not exist"))?;
    Ok(limits.iter().map(|(name, value)| (name.clone(), value.clone())).collect())
}

pub(super) fn domain_owners(state: &State, caller: &str, parameters: &Parameters) -> Answer {
    admin_only(state, caller)?;
    let wanted = parameters.get("domain");
    let owned = state.users.iter().filter(|(_, user)| wanted.is_none_or(|wanted| user.domain == *wanted));
    Ok(owned
        .filter(|(_, user)| !user.domain.is_empty())
        .map(|(name, user)| (user.domain.clone(), name.clone()))
        .collect())
}
