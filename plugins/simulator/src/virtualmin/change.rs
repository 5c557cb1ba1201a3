//! modify-domain, disable-domain, enable-domain, create-login-link.

use super::programs::{Exit, Failed, Parameters, Printed, refused, required};
use super::state::State;
use crate::secret::Secret;

fn existing(state: &State, parameters: &Parameters) -> Result<String, Failed> {
    let domain = required(parameters, "domain", "No domain specified")?.to_lowercase();
    let known = state.servers.contains_key(&domain);
    known.then(|| domain.clone()).ok_or_else(|| refused(format!("Virtual server {domain} does not exist")))
}

pub(super) fn modify(state: &mut State, parameters: &Parameters) -> Exit {
    let domain = existing(state, parameters)?;
    let Some(mut server) = state.servers.get(&domain).cloned() else { return Err(refused("it is gone")) };
    if let Some(wanted) = parameters.get("apply-plan") {
        server.plan = state.plan(wanted).map(|(name, _)| name.clone()).ok_or_else(|| refused("Unknown plan name"))?;
    }
    if let Some(user) = parameters.get("user") {
        if state.server_of(user).is_some() {
            return Err(refused(format!("A user named {user} already exists")));
        }
        server.user.clone_from(user);
    }
    if let Some(reseller) = parameters.get("reseller") {
        if reseller != "NONE" && !state.resellers.contains_key(reseller) {
            return Err(refused(format!("Reseller {reseller} not found")));
        }
        server.reseller = Some(reseller.clone()).filter(|name| name != "NONE");
    }
    let renamed = parameters.get("newdomain").map(|name| name.to_lowercase()).unwrap_or_else(|| domain.clone());
    if renamed != domain && state.servers.contains_key(&renamed) {
        return Err(refused(format!("A domain called {renamed} already exists")));
    }
    if let Some(email) = parameters.get("email") {
        server.email.clone_from(email);
    }
    if let Some(password) = parameters.get("pass") {
        server.password = Secret::new(password);
    }
    for below in state.servers.values_mut().filter(|below| below.parent.as_ref() == Some(&domain)) {
        below.parent = Some(renamed.clone());
        below.user.clone_from(&server.user);
    }
    state.servers.remove(&domain);
    state.servers.insert(renamed, server);
    let output = format!(
        "Updating virtual server {domain} ..\n\n    Saving server details ..\n    .. done\n\n.. done\n\nAll done\n"
    );
    Ok(Printed::Text(output))
}

pub(super) fn disable(state: &mut State, parameters: &Parameters) -> Exit {
    let domain = existing(state, parameters)?;
    if state.servers.get(&domain).is_some_and(|server| server.disabled.is_some()) {
        return Err(refused(format!("Virtual server {domain} is already disabled")));
    }
    let below = parameters.contains_key("subservers");
    let why = parameters.get("why").cloned().unwrap_or_default();
    for (name, server) in &mut state.servers {
        let is_below = below && server.parent.as_ref() == Some(&domain);
        if (*name == domain || is_below) && server.disabled.is_none() {
            server.disabled = Some(why.clone());
        }
    }
    Ok(Printed::Text(format!(
        "Disabling virtual server {domain} ..\n\nSaving server details ..\n.. done\n\nAll done!\n"
    )))
}

pub(super) fn enable(state: &mut State, parameters: &Parameters) -> Exit {
    let domain = existing(state, parameters)?;
    if state.servers.get(&domain).is_some_and(|server| server.disabled.is_none()) {
        return Err(refused(format!("Virtual server {domain} is not disabled")));
    }
    let below = parameters.contains_key("subservers");
    for (name, server) in &mut state.servers {
        if *name == domain || below && server.parent.as_ref() == Some(&domain) {
            server.disabled = None;
        }
    }
    Ok(Printed::Text(format!(
        "Enabling virtual server {domain} ..\n\nSaving server details ..\n.. done\n\nAll done!\n"
    )))
}

pub(super) fn login_link(state: &State, parameters: &Parameters) -> Exit {
    let session = Secret::random();
    if let Some(user) = parameters.get("usermin-user") {
        state.server_of(user).ok_or_else(|| refused(format!("Unix user {user} does not exist")))?;
        let url = format!("https://virtualmin.simulator.example:20000/session_login.cgi?session={}", session.reveal());
        return Ok(Printed::Text(format!("{url}\n")));
    }
    let domain = existing(state, parameters)?;
    if !state.servers.get(&domain).is_some_and(|server| server.has_webmin) {
        return Err(refused(format!("Virtual server {domain} has no Webmin login")));
    }
    let url = format!("https://virtualmin.simulator.example:10000/session_login.cgi?session={}", session.reveal());
    Ok(Printed::Text(format!("{url}\n")))
}
