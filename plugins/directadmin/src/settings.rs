//! What an operator sets for a DirectAdmin server.

use std::time::Duration;

use billet_plugin::http::Trust;
use billet_plugin::v1::ProblemKind;
use billet_plugin::{Failure, Settings};
use chrono_tz::Tz;
use serde::Deserialize;

/// The longest time limit that can be set, in seconds.
const SECONDS_MAX: u64 = 3_600;

/// The settings as a JSON Schema (draft 2020-12).
pub(crate) const SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "DirectAdmin",
  "type": "object",
  "additionalProperties": false,
  "required": ["url", "login_key"],
  "properties": {
    "url": {
      "title": "Address",
      "description": "Where the panel answers, with its port: https://server.example:2222. Plain http only on this machine.",
      "type": "string",
      "format": "uri"
    },
    "user": {
      "title": "User",
      "description": "The administrator, or a reseller, that the key belongs to.",
      "type": "string",
      "default": "admin",
      "minLength": 1,
      "maxLength": 64
    },
    "login_key": {
      "title": "Login key",
      "description": "A login key of that user (better than its password: it can be limited to commands and addresses).",
      "type": "string",
      "writeOnly": true,
      "minLength": 1
    },
    "role": {
      "title": "Role",
      "description": "What that user is: admin sees all accounts, reseller its own.",
      "type": "string",
      "enum": ["admin", "reseller"],
      "default": "admin"
    },
    "ip": {
      "title": "Shared address",
      "description": "The address of new accounts. Empty: the first one that the panel calls shared or its own.",
      "type": "string",
      "default": ""
    },
    "ca_pem": {
      "title": "Certificate authority",
      "description": "A private authority, or the server's own certificate, in PEM. Empty: the authorities of this system.",
      "type": "string",
      "default": ""
    },
    "pin_sha256": {
      "title": "Pinned certificate",
      "description": "The SHA-256 of the server's certificate, 64 hexadecimal digits, colons allowed. Then neither its name nor its dates count. Empty: none.",
      "type": "string",
      "default": ""
    },
    "timeout_s": {
      "title": "Time limit of a call",
      "description": "In seconds.",
      "type": "integer",
      "default": 60,
      "minimum": 1,
      "maximum": 3600
    },
    "timeout_slow_s": {
      "title": "Time limit of slow calls",
      "description": "In seconds: for making, suspending and removing users.",
      "type": "integer",
      "default": 240,
      "minimum": 1,
      "maximum": 3600
    },
    "time_zone": {
      "title": "The server's time zone",
      "description": "IANA name, such as Europe/Berlin. DirectAdmin tells times of its own clock without saying which zone that is, and counts traffic by its months.",
      "type": "string",
      "default": "UTC"
    }
  }
}"#;

/// What the user of the key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// Sees all accounts.
    #[default]
    Admin,
    /// Sees its own.
    Reseller,
}

/// The settings, as set. No `Debug`: the key is among them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entered {
    url: String,
    #[serde(default = "admin")]
    user: String,
    login_key: String,
    #[serde(default)]
    role: Role,
    #[serde(default)]
    ip: String,
    #[serde(default)]
    ca_pem: String,
    #[serde(default)]
    pin_sha256: String,
    #[serde(default = "sixty")]
    timeout_s: u64,
    #[serde(default = "two_hundred_and_forty")]
    timeout_slow_s: u64,
    #[serde(default = "utc")]
    time_zone: String,
}

/// How to reach the server and as whom. No `Debug`: the key is in it.
pub(crate) struct Access {
    pub(crate) url: String,
    pub(crate) user: String,
    pub(crate) login_key: String,
    pub(crate) trust: Trust,
}

/// How to behave there.
#[derive(Debug, Clone)]
pub(crate) struct Manner {
    /// The limit of a call.
    pub(crate) time_max: Duration,
    /// The limit of the calls that take long.
    pub(crate) time_slow_max: Duration,
    /// The server's time zone.
    pub(crate) zone: Tz,
    /// What the user of the key is.
    pub(crate) role: Role,
    /// The address of new accounts; empty to ask for one.
    pub(crate) ip: String,
}

/// Reads and checks them.
pub(crate) fn read(settings: &Settings) -> Result<(Access, Manner), Failure> {
    let invalid = |words: String| Failure::refused(ProblemKind::Invalid, "", words);
    let entered: Entered = settings.read()?;
    if entered.login_key.is_empty() {
        return Err(invalid("login_key: expected one".to_owned()));
    }
    if entered.user.is_empty() || entered.user.len() > 64 || entered.user.contains([':', '|', ' ']) {
        return Err(invalid(format!("user `{}`: expected the name of an administrator or reseller", entered.user)));
    }
    if !entered.ip.is_empty() && entered.ip.parse::<std::net::IpAddr>().is_err() {
        return Err(invalid(format!("ip `{}`: expected an address", entered.ip)));
    }
    for (name, seconds) in [("timeout_s", entered.timeout_s), ("timeout_slow_s", entered.timeout_slow_s)] {
        if !(1..=SECONDS_MAX).contains(&seconds) {
            return Err(invalid(format!("{name} `{seconds}`: expected 1 to {SECONDS_MAX} seconds")));
        }
    }
    let zone = entered.time_zone.parse().map_err(|_| {
        invalid(format!("time_zone `{}`: expected an IANA name such as Europe/Berlin", entered.time_zone))
    })?;
    let manner = Manner {
        time_max: Duration::from_secs(entered.timeout_s),
        time_slow_max: Duration::from_secs(entered.timeout_slow_s.max(entered.timeout_s)),
        zone,
        role: entered.role,
        ip: entered.ip,
    };
    let trust = Trust { ca_pem: entered.ca_pem, pin_sha256: entered.pin_sha256 };
    Ok((Access { url: entered.url, user: entered.user, login_key: entered.login_key, trust }, manner))
}

fn admin() -> String {
    "admin".to_owned()
}

fn sixty() -> u64 {
    60
}

fn two_hundred_and_forty() -> u64 {
    240
}

fn utc() -> String {
    "UTC".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "hunter2hunter2";

    fn settings(values: serde_json::Value) -> Settings {
        let serde_json::Value::Object(values) = values else { panic!("an object") };
        let secrets = [("login_key".to_owned(), SECRET.to_owned())].into();
        Settings { instance: "ins_1".to_owned(), values, secrets }
    }

    #[test]
    fn the_schema_names_what_is_read_and_its_defaults_are_the_programs() {
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).expect("JSON");
        let mut all = serde_json::Map::new();
        for (name, property) in schema["properties"].as_object().expect("properties") {
            assert!(property["title"].is_string() && property["description"].is_string(), "{name} explains itself");
            assert_eq!(property["writeOnly"] == true, name == "login_key", "{name}");
            all.extend(property.get("default").map(|default| (name.clone(), default.clone())));
        }
        let least = serde_json::json!({"url": "https://d.example:2222"});
        all.extend(least.as_object().expect("an object").clone());
        let (_, written) = read(&settings(all.into())).expect("the defaults of the schema are good");
        let (access, left_out) = read(&settings(least)).expect("good");
        assert_eq!(format!("{written:?}"), format!("{left_out:?}"));
        assert_eq!(access.user, "admin");
    }

    #[test]
    fn wrong_settings_are_refused_by_name_without_the_secret() {
        for (values, named) in [
            (serde_json::json!({}), "url"),
            (serde_json::json!({"url": "https://d.example", "user": "admin|user"}), "user"),
            (serde_json::json!({"url": "https://d.example", "colour": 1}), "colour"),
            (serde_json::json!({"url": "https://d.example", "role": "king"}), "king"),
            (serde_json::json!({"url": "https://d.example", "ip": "shared"}), "ip"),
            (serde_json::json!({"url": "https://d.example", "timeout_s": 0}), "timeout_s"),
            (serde_json::json!({"url": "https://d.example", "time_zone": "Mars"}), "time_zone"),
        ] {
            let Err(failure) = read(&settings(values)) else { panic!("{named} was taken") };
            assert!(failure.is_refused(ProblemKind::Invalid), "{failure:?}");
            let shown = format!("{failure:?}");
            assert!(shown.contains(named) && !shown.contains(SECRET), "{shown}");
        }
    }
}
