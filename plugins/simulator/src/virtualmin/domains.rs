//! list-domains, create-domain, delete-domain.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::VirtualminOptions;
use super::programs::{Exit, Parameters, Printed, refused, required};
use super::state::{State, VirtualServer};
use crate::secret::Secret;

/// How many virtual servers the simulator keeps.
const SERVERS_MAX: usize = 10_000;
/// System users that are no virtual server's.
const SYSTEM_USERS: [&str; 4] = ["root", "www-data", "mail", "mysql"];

pub(super) fn list(state: &State, parameters: &Parameters) -> Exit {
    if let Some(domain) = parameters.get("domain")
        && !state.servers.contains_key(domain)
    {
        return Err(refused(format!("Virtual server {domain} does not exist")));
    }
    if let Some(user) = parameters.get("user")
        && state.server_of(user).is_none()
    {
        return Err(refused(format!("No top-level domain owned by {user} exists")));
    }
    let is_wanted = |domain: &String, server: &VirtualServer| {
        let is = |name: &str, value: Option<&String>| parameters.get(name).is_none_or(|wanted| Some(wanted) == value);
        is("domain", Some(domain))
            && is("user", Some(&server.user))
            && is("parent", server.parent.as_ref())
            && is("reseller", server.reseller.as_ref())
            && (server.parent.is_none() || !parameters.contains_key("toplevel"))
    };
    let mut rows = Vec::new();
    for (domain, server) in state.servers.iter().filter(|(domain, server)| is_wanted(domain, server)) {
        // What the quota program complains about comes first, as a row (recorded).
        rows.push(json!({"name": format!("Failed to find mount point for /home/{}", server.user), "values": {}}));
        rows.push(json!({"name": domain, "values": values(state, domain, server)}));
    }
    Ok(Printed::Rows(rows))
}

fn values(state: &State, domain: &str, server: &VirtualServer) -> Value {
    let plan = state.plan(&server.plan);
    let limit = |name: &str| {
        let limit = plan.and_then(|(_, plan)| plan.limits.get(name));
        limit.map_or_else(|| "Unlimited".to_owned(), u64::to_string)
    };
    let kind = if server.parent.is_some() { "Sub-server" } else { "Top-level server" };
    let mut all = vec![
        ("id", server.id.clone()),
        ("type", kind.to_owned()),
        ("description", server.description.clone()),
        ("username", server.user.clone()),
        ("plan", server.plan.clone()),
        ("plan_id", plan.map(|(_, plan)| plan.id.clone()).unwrap_or_default()),
        ("contact_email", server.email.clone()),
        ("created_unix_time", server.created_at.timestamp().to_string()),
        ("created_on", server.created_at.format("%m/%d/%Y %I:%M %p").to_string()),
        ("created_by", "root".to_owned()),
        ("hashed_password", format!("$y$j9T$simulated${}", server.password.reveal())),
        ("ip_address", "192.0.2.2 (Shared)".to_owned()),
        ("features", "unix dir".to_owned()),
        ("server_block_quota", limit("quota")),
        ("server_byte_quota_used", server.disk_bytes.to_string()),
        ("bandwidth_byte_limit", limit("max-bw")),
        ("bandwidth_byte_usage", server.bandwidth_bytes.to_string()),
        ("maximum_sub-servers", limit("max-doms")),
    ];
    if let Some(reason) = &server.disabled {
        let manually = if reason.is_empty() { "Manually".to_owned() } else { format!("Manually ({reason})") };
        all.push(("disabled", manually));
    }
    all.extend(server.reseller.clone().map(|reseller| ("reseller", reseller)));
    all.extend(server.parent.clone().map(|parent| ("parent_domain", parent)));
    all.push(("ssl_candidate_hostnames", domain.to_owned()));
    all.into_iter().map(|(name, value)| (name.to_owned(), json!([value]))).collect::<Map<_, _>>().into()
}

pub(super) fn create(
    state: &mut State,
    parameters: &Parameters,
    now: DateTime<Utc>,
    options: &VirtualminOptions,
) -> Exit {
    let domain = required(parameters, "domain", "Missing domain name")?.to_lowercase();
    let password = required(parameters, "pass", "Missing password")?;
    let plan = match parameters.get("plan") {
        None => "Default Plan".to_owned(),
        Some(wanted) => state.plan(wanted).map(|(name, _)| name.clone()).ok_or_else(|| refused("Unknown plan name"))?,
    };
    if !domain.contains('.') || !domain.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.') {
        return Err(refused("The domain name contains invalid characters"));
    }
    if state.servers.contains_key(&domain) {
        if options.reports_success_for_existing {
            return Ok(Printed::Text("You are already hosting this domain\n".to_owned()));
        }
        return Err(refused("You are already hosting this domain"));
    }
    let derived = domain.split('.').next().unwrap_or_default().to_owned();
    let user = parameters.get("user").map_or(derived, |user| user.to_lowercase());
    if user.is_empty() || user.contains([' ', ':', '\t']) {
        return Err(refused("The administration username contains invalid characters"));
    }
    if state.server_of(&user).is_some() || SYSTEM_USERS.contains(&user.as_str()) {
        return Err(refused("The specified administration user already exists"));
    }
    let reseller = parameters.get("reseller").cloned();
    if let Some(name) = reseller.as_ref().filter(|name| !state.resellers.contains_key(*name)) {
        return Err(refused(format!("Reseller {name} not found")));
    }
    if parameters.get("desc").is_some_and(|text| text.contains(':')) {
        return Err(refused("The description cannot contain the : character"));
    }
    if state.servers.len() >= SERVERS_MAX {
        return Err(refused("You have reached the maximum number of virtual servers"));
    }
    let features = ["features-from-plan", "default-features", "webmin"];
    let server = VirtualServer {
        id: state.next_id(now),
        email: parameters.get("email").cloned().unwrap_or_else(|| format!("{user}@localhost")),
        user,
        password: Secret::new(password),
        plan,
        description: parameters.get("desc").cloned().unwrap_or_else(|| domain.clone()),
        reseller,
        parent: None,
        created_at: now,
        disabled: None,
        has_webmin: features.iter().any(|name| parameters.contains_key(*name)),
        disk_bytes: 0,
        bandwidth_bytes: 0,
    };
    state.servers.insert(domain, server);
    let output = "Beginning server creation ..\n\nSaving server details ..\n.. done\n\nCreating home directory ..\n.. done\n\nAll done!\n";
    Ok(Printed::Text(output.to_owned()))
}

pub(super) fn delete(state: &mut State, parameters: &Parameters) -> Exit {
    let domain = required(parameters, "domain", "No domains or users specified")?.to_lowercase();
    if state.servers.remove(&domain).is_none() {
        return Err(refused(format!("Virtual server {domain} does not exist")));
    }
    state.servers.retain(|_, server| server.parent.as_ref() != Some(&domain));
    Ok(Printed::Text(format!(
        "Deleting virtual server {domain} ..\n    Deleting home directory ..\n    .. done\n\n.. deleted\n\n"
    )))
}
