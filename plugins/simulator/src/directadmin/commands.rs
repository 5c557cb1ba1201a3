//! The commands: which parameters each takes, and who does it.

use std::collections::BTreeMap;

use super::{Panel, change, reading};

/// The commands that are simulated.
pub(super) const COMMANDS: [&str; 17] = [
    "CMD_API_LOGIN_TEST",
    "CMD_API_ACCOUNT_USER",
    "CMD_API_ACCOUNT_RESELLER",
    "CMD_API_SELECT_USERS",
    "CMD_API_MODIFY_USER",
    "CMD_API_USER_PASSWD",
    "CMD_API_CHANGE_INFO",
    "CMD_API_LOGIN_KEYS",
    "CMD_API_SHOW_USER_CONFIG",
    "CMD_API_SHOW_USER_USAGE",
    "CMD_API_SHOW_ALL_USERS",
    "CMD_API_SHOW_USERS",
    "CMD_API_SHOW_RESELLERS",
    "CMD_API_SHOW_RESELLER_IPS",
    "CMD_API_PACKAGES_USER",
    "CMD_API_DOMAIN_OWNERS",
    "CMD_API_MANAGE_USER_PACKAGES",
];

/// An answer: names and values in order.
pub(super) type Pairs = Vec<(String, String)>;
pub(super) type Parameters = BTreeMap<String, String>;

/// A refusal: `error=1` with these.
pub(super) struct Refusal {
    pub(super) text: String,
    pub(super) details: String,
}

pub(super) type Answer = Result<Pairs, Refusal>;

/// A refusal in the panel's words.
pub(super) fn refused(text: impl Into<String>, details: impl Into<String>) -> Refusal {
    Refusal { text: text.into(), details: details.into() }
}

/// `error=0` with these words.
pub(super) fn done(text: &str, details: &str) -> Pairs {
    [("error", "0"), ("text", text), ("details", details)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

/// The parameters that a command takes.
fn known(command: &str) -> &'static [&'static str] {
    match command {
        "CMD_API_ACCOUNT_USER" | "CMD_API_ACCOUNT_RESELLER" => {
            &["action", "add", "username", "email", "passwd", "passwd2", "domain", "package", "ip", "notify"]
        }
        "CMD_API_SELECT_USERS" => &["location", "suspend", "delete", "confirmed", "select0"],
        "CMD_API_MODIFY_USER" => &["action", "user", "package"],
        "CMD_API_USER_PASSWD" => &["username", "passwd", "passwd2"],
        "CMD_API_CHANGE_INFO" => &["evalue", "email", "domain"],
        "CMD_API_LOGIN_KEYS" => &["action", "type", "login_keys_notify_on_creation", "clear_key", "expiry", "ips"],
        "CMD_API_SHOW_USER_CONFIG" | "CMD_API_SHOW_USER_USAGE" => &["user"],
        "CMD_API_SHOW_USERS" => &["reseller"],
        "CMD_API_SHOW_RESELLER_IPS" => &["ip"],
        "CMD_API_PACKAGES_USER" => &["package"],
        "CMD_API_DOMAIN_OWNERS" => &["domain"],
        "CMD_API_MANAGE_USER_PACKAGES" => &[
            "add",
            "packagename",
            "quota",
            "uquota",
            "bandwidth",
            "ubandwidth",
            "vdomains",
            "uvdomains",
            "nsubdomains",
            "unsubdomains",
            "nemails",
            "unemails",
            "nemailf",
            "unemailf",
            "nemailml",
            "unemailml",
            "nemailr",
            "unemailr",
            "mysql",
            "umysql",
            "ftp",
            "uftp",
            "cgi",
            "php",
            "ssl",
            "cron",
            "spam",
            "dnscontrol",
            "suspend_at_limit",
        ],
        _ => &[],
    }
}

/// Does it, as `caller` (the user behind the bar when there is one).
pub(super) fn run(panel: &Panel, command: &str, caller: &str, parameters: &Parameters) -> Answer {
    // Stricter than the original, which passes over what it does not know.
    if let Some(name) = parameters.keys().find(|name| !known(command).contains(&name.as_str())) {
        return Err(refused("Invalid request", format!("the simulator knows no parameter {name}")));
    }
    let (mut state, now) = (panel.state(), panel.clock.now());
    let state = &mut *state;
    match command {
        "CMD_API_LOGIN_TEST" => Ok(done("Login OK", "")),
        "CMD_API_ACCOUNT_USER" => change::create(state, caller, parameters, "user", now, &panel.options),
        "CMD_API_ACCOUNT_RESELLER" => change::create(state, caller, parameters, "reseller", now, &panel.options),
        "CMD_API_SELECT_USERS" => change::select(state, caller, parameters, &panel.options),
        "CMD_API_MODIFY_USER" => change::modify(state, caller, parameters),
        "CMD_API_USER_PASSWD" => change::password(state, caller, parameters),
        "CMD_API_CHANGE_INFO" => change::email(state, caller, parameters),
        "CMD_API_LOGIN_KEYS" => change::login_key(caller, parameters),
        "CMD_API_SHOW_USER_CONFIG" => reading::config(state, caller, parameters),
        "CMD_API_SHOW_USER_USAGE" => reading::usage(state, caller, parameters),
        "CMD_API_SHOW_ALL_USERS" => reading::all_users(state, caller),
        "CMD_API_SHOW_USERS" => reading::users_of(state, caller, parameters),
        "CMD_API_SHOW_RESELLERS" => reading::resellers(state, caller),
        "CMD_API_SHOW_RESELLER_IPS" => reading::ips(state, parameters),
        "CMD_API_PACKAGES_USER" => reading::packages(state, parameters),
        "CMD_API_MANAGE_USER_PACKAGES" => change::save_package(state, caller, parameters),
        _ => reading::domain_owners(state, caller, parameters),
    }
}

/// A parameter that must have a value.
pub(super) fn required<'a>(parameters: &'a Parameters, name: &str) -> Result<&'a str, Refusal> {
    let value = parameters.get(name).map(String::as_str).filter(|value| !value.is_empty());
    value.ok_or_else(|| refused("Invalid request", format!("{name} is missing")))
}
