//! What changes something.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::DirectAdminOptions;
use super::commands::{Answer, Parameters, Refusal, done, refused, required};
use super::reading::{admin_only, visible};
use super::state::{DirectAdminUser, State};
use crate::secret::Secret;

/// What creating says before the reason.
const CREATE: &str = "Cannot Create Account";

/// The limits of a package.
const PACKAGE_LIMITS: [&str; 10] =
    ["quota", "bandwidth", "vdomains", "nsubdomains", "nemails", "nemailf", "nemailml", "nemailr", "mysql", "ftp"];

pub(super) fn create(
    state: &mut State,
    caller: &str,
    parameters: &Parameters,
    usertype: &str,
    now: DateTime<Utc>,
    options: &DirectAdminOptions,
) -> Answer {
    let cannot = |details: &str| Err(refused(CREATE, details));
    if required(parameters, "action")? != "create" || required(parameters, "add")? != "Submit" {
        return cannot("Invalid action");
    }
    let (name, domain) = (required(parameters, "username")?, required(parameters, "domain")?.to_lowercase());
    let (password, email) = (accepted(parameters)?, required(parameters, "email")?);
    let (package, ip) = (required(parameters, "package")?, required(parameters, "ip")?);
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let caller_type = state.users.get(caller).map(|user| user.usertype.clone()).unwrap_or_default();
    if caller_type == "user" || usertype == "reseller" && caller_type != "admin" {
        return Err(refused("You do not have access to this command", ""));
    }
    if !(4..=10).contains(&name.len())
        || !name.chars().all(plain)
        || !name.starts_with(|c: char| c.is_ascii_lowercase())
    {
        return cannot("Invalid username: 4 to 10 alphanumeric characters");
    }
    if !domain.contains('.') {
        return cannot("Invalid domain name");
    }
    if !email.contains('@') {
        return cannot("Invalid email address");
    }
    if state.users.contains_key(name) || ["root", "mail", "ftp", "apache", "mysql"].contains(&name) {
        return cannot("That username already exists on the system");
    }
    if state.users.values().any(|user| user.domain == domain) {
        return cannot("That domain already exists");
    }
    if !state.packages.contains_key(package) {
        return cannot("That package does not exist");
    }
    let ip_is_known = state.ips.contains_key(ip) || usertype == "reseller" && ip == "shared";
    if !ip_is_known {
        return cannot("You do not own that IP");
    }
    if state.users.len() > options.users_max {
        return cannot("You have reached the maximum number of users for this license");
    }
    if state.ips.get(ip).is_some_and(|status| status == "free") {
        state.ips.insert(ip.to_owned(), "owned".to_owned());
    }
    let user = DirectAdminUser {
        usertype: usertype.to_owned(),
        creator: caller.to_owned(),
        domain,
        email: email.to_owned(),
        package: package.to_owned(),
        ip: ip.to_owned(),
        password: Secret::new(password),
        suspended: None,
        created_at: now,
        disk_mb: 0.0,
        bandwidth_mb: 0.0,
    };
    state.users.insert(name.to_owned(), user);
    // It repeats what it was sent, as the panel's mail to the new user does.
    Ok(done("User created successfully", &format!("Unix User created successfully<br>\nUser: {name} Pass: {password}")))
}

pub(super) fn select(state: &mut State, caller: &str, parameters: &Parameters, options: &DirectAdminOptions) -> Answer {
    let name = required(parameters, "select0")?.to_owned();
    let mine = state.users.get(caller).is_some_and(|user| user.usertype != "user") && name != caller;
    let found = visible(state, caller, &name).is_ok();
    if !mine || !found {
        return Err(refused("Error", format!("User {name} does not exist or is not yours")));
    }
    if parameters.contains_key("delete") {
        if required(parameters, "confirmed")? != "Confirm" {
            return Err(refused("Error", "Not confirmed"));
        }
        state.users.retain(|user, found| *user != name && found.creator != name);
        if options.delete_reports_error {
            return Err(refused("Error Deleting User", "Unable to remove the cron of the user"));
        }
        return Ok(done("Users deleted", ""));
    }
    required(parameters, "location")?;
    let suspended = match required(parameters, "suspend")? {
        "Suspend" => Some(String::new()),
        "Unsuspend" => None,
        other => return Err(refused("Error", format!("Unknown action {other}"))),
    };
    if let Some(user) = state.users.get_mut(&name) {
        user.suspended = suspended;
    }
    Ok(done("Success", "Users updated"))
}

pub(super) fn modify(state: &mut State, caller: &str, parameters: &Parameters) -> Answer {
    let (name, package) = (required(parameters, "user")?, required(parameters, "package")?);
    if required(parameters, "action")? != "package" {
        return Err(refused("Error Modifying User", "Unknown action"));
    }
    visible(state, caller, name)?;
    if !state.packages.contains_key(package) {
        return Err(refused("Error Modifying User", "That package does not exist"));
    }
    if let Some(user) = state.users.get_mut(name) {
        package.clone_into(&mut user.package);
    }
    Ok(done("Success", "User modified"))
}

pub(super) fn password(state: &mut State, caller: &str, parameters: &Parameters) -> Answer {
    let (name, password) = (required(parameters, "username")?, accepted(parameters)?);
    visible(state, caller, name)?;
    if let Some(user) = state.users.get_mut(name) {
        user.password = Secret::new(password);
    }
    Ok(done("Password Changed", &format!("The password of {name} is {password}")))
}

/// Saves a user package, new or not. A limit is a number, or its name with `u` before it is `ON`.
pub(super) fn save_package(state: &mut State, caller: &str, parameters: &Parameters) -> Answer {
    admin_only(state, caller)?;
    let name = required(parameters, "packagename")?;
    if required(parameters, "add")? != "Save" || !name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)) {
        return Err(refused("Cannot Save Package", "Invalid package name"));
    }
    let mut limits = BTreeMap::new();
    for (parameter, value) in parameters {
        if let Some(limit) = parameter.strip_prefix('u').filter(|limit| PACKAGE_LIMITS.contains(limit)) {
            limits.insert(limit.to_owned(), if value == "ON" { "unlimited" } else { "0" }.to_owned());
        } else if PACKAGE_LIMITS.contains(&parameter.as_str()) {
            let number = value.parse::<u64>();
            let number = number.map_err(|_| refused("Cannot Save Package", format!("{parameter} is not a number")))?;
            limits.entry(parameter.clone()).or_insert_with(|| number.to_string());
        } else if !["add", "packagename"].contains(&parameter.as_str()) {
            limits.insert(parameter.clone(), value.clone());
        }
    }
    state.packages.insert(name.to_owned(), limits);
    Ok(done("Saved", ""))
}

/// For the user itself: an administrator logs in as it.
pub(super) fn email(state: &mut State, caller: &str, parameters: &Parameters) -> Answer {
    let email = required(parameters, "evalue")?;
    required(parameters, "email")?;
    if !email.contains('@') {
        return Err(refused("Error", "Invalid email address"));
    }
    if let Some(user) = state.users.get_mut(caller) {
        email.clone_into(&mut user.email);
    }
    Ok(done("Email Updated", ""))
}

pub(super) fn login_key(caller: &str, parameters: &Parameters) -> Answer {
    let (action, kind) = (required(parameters, "action")?, required(parameters, "type")?);
    if action != "create" || kind != "one_time_url" {
        return Err(refused("Unable to create key", "Unknown type"));
    }
    required(parameters, "expiry")?;
    let url = format!("https://da.simulator.example:2222/api/login/url?key={}-{caller}", Secret::random().reveal());
    let mut pairs = done("One-Time URL Created", &url);
    pairs.push(("result".to_owned(), url));
    Ok(pairs)
}

fn accepted(parameters: &Parameters) -> Result<&str, Refusal> {
    let (password, again) = (required(parameters, "passwd")?, required(parameters, "passwd2")?);
    if password != again {
        return Err(refused("Error", "The passwords do not match"));
    }
    let fine = password.chars().count() >= 5 && password.is_ascii();
    fine.then_some(password).ok_or_else(|| refused("Error", format!("The password {password} is too short")))
}
