//! list-resellers, create-reseller, modify-reseller: Virtualmin Pro.

use std::collections::BTreeMap;

use serde_json::json;

use super::programs::{Exit, Failed, Parameters, Printed, refused, required};
use super::state::{Reseller, State};

const LIMITS: [&str; 5] = ["max-doms", "max-quota", "max-bw", "max-mailboxes", "max-dbs"];

pub(super) fn list(state: &State) -> Exit {
    let rows = state.resellers.iter().map(|(name, reseller)| {
        let owned = state.servers.iter().filter(|(_, server)| server.reseller.as_ref() == Some(name));
        let owned: Vec<&str> = owned.map(|(domain, _)| domain.as_str()).collect();
        let login = if reseller.locked { "Disabled" } else { "Enabled" };
        json!({"name": name, "values": {
            "description": [reseller.description], "email": [reseller.email], "login": [login],
            "current_domains": [owned.len().to_string()], "owned_servers": [owned.join(" ")],
        }})
    });
    Ok(Printed::Rows(rows.collect()))
}

pub(super) fn create(state: &mut State, parameters: &Parameters) -> Exit {
    let name = required(parameters, "name", "No reseller name specified")?;
    required(parameters, "pass", "No password specified")?;
    if state.resellers.contains_key(name) || state.server_of(name).is_some() {
        return Err(refused(format!("A reseller named {name} already exists")));
    }
    let reseller = Reseller {
        email: parameters.get("email").cloned().unwrap_or_default(),
        description: parameters.get("desc").cloned().unwrap_or_default(),
        locked: parameters.contains_key("lock"),
        limits: limits(parameters)?,
    };
    state.resellers.insert(name.to_owned(), reseller);
    Ok(Printed::Text(format!("Reseller {name} created successfully\n")))
}

pub(super) fn modify(state: &mut State, parameters: &Parameters) -> Exit {
    let name = required(parameters, "name", "No reseller name specified")?;
    let changed = limits(parameters)?;
    let reseller =
        state.resellers.get_mut(name).ok_or_else(|| refused(format!("No reseller named {name} was found")))?;
    reseller.limits.extend(changed);
    reseller.locked = parameters.contains_key("lock") || reseller.locked && !parameters.contains_key("unlock");
    Ok(Printed::Text(format!("Reseller {name} modified successfully\n")))
}

fn limits(parameters: &Parameters) -> Result<BTreeMap<String, u64>, Failed> {
    let set = LIMITS.iter().filter_map(|name| Some((*name, parameters.get(*name)?)));
    let number = |(name, value): (&str, &String)| {
        let value = value.parse().map_err(|_| refused(format!("--{name} must be followed by a number")))?;
        Ok((name.to_owned(), value))
    };
    set.map(number).collect()
}
