//! What an operator sets for an account at Openprovider.

use std::net::IpAddr;
use std::time::Duration;

use billet_plugin::http::Trust;
use billet_plugin::v1::ProblemKind;
use billet_plugin::{Failure, Settings};
use serde::Deserialize;

/// The settings as a JSON Schema (draft 2020-12).
pub(crate) const SCHEMA: &str = include_str!("settings.json");

/// The settings, as set. No `Debug`: the password is among them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entered {
    #[serde(default = "live")]
    url: String,
    username: String,
    password: String,
    #[serde(default = "anywhere")]
    login_ip: String,
    #[serde(default = "a_day")]
    token_lifetime_h: u64,
    #[serde(default = "off")]
    autorenew: String,
    #[serde(default = "own_name_servers")]
    ns_group: String,
    #[serde(default)]
    admin_handle: String,
    #[serde(default)]
    tech_handle: String,
    #[serde(default)]
    billing_handle: String,
    #[serde(default)]
    ca_pem: String,
    #[serde(default)]
    pin_sha256: String,
    #[serde(default = "a_minute")]
    timeout_s: u64,
}

/// How to reach the API and as whom. No `Debug`: the password is in it.
pub(crate) struct Access {
    pub(crate) url: String,
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) login_ip: String,
    pub(crate) token_lifetime: Duration,
    pub(crate) trust: Trust,
    pub(crate) time_max: Duration,
}

/// How to behave there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Manner {
    /// `off`, `on` or `default`.
    pub(crate) autorenew: String,
    /// Named in transfers that keep their name servers.
    pub(crate) ns_group: String,
    /// Handles for roles that an order does not name; empty for the registrant's.
    pub(crate) admin_handle: String,
    pub(crate) tech_handle: String,
    pub(crate) billing_handle: String,
    /// How long a call may take that has no time of its own.
    pub(crate) time_max: Duration,
}

/// Reads and checks them.
pub(crate) fn read(settings: &Settings) -> Result<(Access, Manner), Failure> {
    let invalid = |words: String| Failure::refused(ProblemKind::Invalid, "", words);
    let entered: Entered = settings.read()?;
    if entered.username.is_empty() || entered.username.chars().count() > 128 {
        return Err(invalid("username: expected 1 to 128 characters".to_owned()));
    }
    if entered.password.is_empty() {
        return Err(invalid("password: it is empty".to_owned()));
    }
    if entered.login_ip.parse::<IpAddr>().is_err() {
        return Err(invalid(format!("login_ip `{}`: expected an IP address, 0.0.0.0 for any", entered.login_ip)));
    }
    if !(1..=47).contains(&entered.token_lifetime_h) {
        return Err(invalid(format!("token_lifetime_h `{}`: expected 1 to 47 hours", entered.token_lifetime_h)));
    }
    if !["off", "on", "default"].contains(&entered.autorenew.as_str()) {
        return Err(invalid(format!("autorenew `{}`: expected off, on or default", entered.autorenew)));
    }
    if entered.ns_group.is_empty() || entered.ns_group.chars().count() > 128 {
        return Err(invalid("ns_group: expected 1 to 128 characters".to_owned()));
    }
    if !(1..=600).contains(&entered.timeout_s) {
        return Err(invalid(format!("timeout_s `{}`: expected 1 to 600 seconds", entered.timeout_s)));
    }
    let time_max = Duration::from_secs(entered.timeout_s);
    let access = Access {
        url: entered.url,
        username: entered.username,
        password: entered.password,
        login_ip: entered.login_ip,
        token_lifetime: Duration::from_secs(entered.token_lifetime_h * 3_600),
        trust: Trust { ca_pem: entered.ca_pem, pin_sha256: entered.pin_sha256 },
        time_max,
    };
    let manner = Manner {
        autorenew: entered.autorenew,
        ns_group: entered.ns_group,
        admin_handle: entered.admin_handle,
        tech_handle: entered.tech_handle,
        billing_handle: entered.billing_handle,
        time_max,
    };
    Ok((access, manner))
}

fn live() -> String {
    "https://api.openprovider.eu/v1".to_owned()
}

fn anywhere() -> String {
    "0.0.0.0".to_owned()
}

fn a_day() -> u64 {
    24
}

fn off() -> String {
    "off".to_owned()
}

fn own_name_servers() -> String {
    "dns-openprovider".to_owned()
}

fn a_minute() -> u64 {
    60
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(values: serde_json::Value) -> Settings {
        let serde_json::Value::Object(values) = values else { panic!("an object") };
        let secrets = [("password".to_owned(), "s3cret-word".to_owned())].into();
        Settings { instance: "ins_1".to_owned(), values, secrets }
    }

    #[test]
    fn the_schema_names_exactly_what_is_read_and_marks_the_secret() {
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).expect("JSON");
        let properties = schema["properties"].as_object().expect("properties");
        let mut defaults = serde_json::Map::new();
        for (name, property) in properties {
            assert!(property["title"].is_string() && property["description"].is_string(), "{name} explains itself");
            assert_eq!(property["writeOnly"] == true, name == "password", "{name}");
            if let Some(default) = property.get("default") {
                defaults.insert(name.clone(), default.clone());
            }
        }
        assert_eq!(properties.len(), defaults.len() + 2, "only the credentials have no default");
        defaults.insert("username".to_owned(), "reseller".into());
        let (written, manner) = read(&settings(defaults.into())).expect("the defaults of the schema are good");
        let (left_out, same) = read(&settings(serde_json::json!({"username": "reseller"}))).expect("good");
        assert_eq!(manner, same, "the schema's defaults are the program's");
        assert_eq!((written.url, written.time_max), (left_out.url, left_out.time_max));
        assert_eq!((written.login_ip, written.token_lifetime), (left_out.login_ip, left_out.token_lifetime));
    }

    #[test]
    fn wrong_settings_are_refused_by_name_without_the_password() {
        for (values, named) in [
            (serde_json::json!({}), "username"),
            (serde_json::json!({"username": "r", "colour": 1}), "colour"),
            (serde_json::json!({"username": ""}), "username"),
            (serde_json::json!({"username": "r", "login_ip": "home"}), "login_ip"),
            (serde_json::json!({"username": "r", "token_lifetime_h": 48}), "token_lifetime_h"),
            (serde_json::json!({"username": "r", "autorenew": "maybe"}), "autorenew"),
            (serde_json::json!({"username": "r", "ns_group": ""}), "ns_group"),
            (serde_json::json!({"username": "r", "timeout_s": 0}), "timeout_s"),
        ] {
            let Err(failure) = read(&settings(values)) else { panic!("{named} was taken") };
            assert!(failure.is_refused(ProblemKind::Invalid), "{failure:?}");
            assert!(failure.problem().words.contains(named), "{failure:?}");
            assert!(!format!("{failure:?}").contains("s3cret-word"), "{failure:?}");
        }
    }
}
