//! What an operator sets for a WHM server.

use std::time::Duration;

use billet_plugin::http::Trust;
use billet_plugin::v1::ProblemKind;
use billet_plugin::{Failure, Settings};
use chrono_tz::Tz;
use serde::Deserialize;

/// The longest time limit that can be set.
const SECONDS_MAX: u64 = 3_600;

/// The settings as a JSON Schema (draft 2020-12).
pub(crate) const SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "cPanel & WHM",
  "type": "object",
  "additionalProperties": false,
  "required": ["url", "token"],
  "properties": {
    "url": {
      "title": "Address",
      "description": "Where WHM answers, with its port: https://server.example:2087. Not a cPanel port (2082, 2083). Plain http only on this machine.",
      "type": "string",
      "format": "uri"
    },
    "user": {
      "title": "User",
      "description": "The WHM user that the token belongs to: root, or a reseller.",
      "type": "string",
      "default": "root",
      "minLength": 1,
      "maxLength": 64
    },
    "token": {
      "title": "API token",
      "description": "From WHM, Development, Manage API Tokens.",
      "type": "string",
      "writeOnly": true,
      "minLength": 1
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
      "description": "In seconds: for making and removing accounts, and for whole resellers, which take WHM minutes.",
      "type": "integer",
      "default": 240,
      "minimum": 1,
      "maximum": 3600
    },
    "time_zone": {
      "title": "The server's time zone",
      "description": "IANA name, such as Europe/Berlin. WHM counts bandwidth by calendar months of its own time and does not say which that is.",
      "type": "string",
      "default": "UTC"
    },
    "reseller_owns_itself": {
      "title": "Resellers own their own account",
      "description": "A new reseller becomes the owner of its own account, so that it can change its own package.",
      "type": "boolean",
      "default": false
    }
  }
}"#;

/// The settings, as set. No `Debug`: the token is among them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entered {
    url: String,
    #[serde(default = "root")]
    user: String,
    token: String,
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
    #[serde(default)]
    reseller_owns_itself: bool,
}

/// How to reach the server and as whom. No `Debug`: the token is in it.
pub(crate) struct Access {
    pub(crate) url: String,
    pub(crate) user: String,
    pub(crate) token: String,
    pub(crate) trust: Trust,
}

/// How to behave there.
#[derive(Debug, Clone)]
pub(crate) struct Manner {
    /// The user of the token.
    pub(crate) user: String,
    /// The limit of a call.
    pub(crate) time_max: Duration,
    /// The limit of the calls that take minutes.
    pub(crate) time_slow_max: Duration,
    /// The server's time zone.
    pub(crate) zone: Tz,
    /// Whether a new reseller owns its own account.
    pub(crate) reseller_owns_itself: bool,
}

/// Reads and checks them.
pub(crate) fn read(settings: &Settings) -> Result<(Access, Manner), Failure> {
    let invalid = |words: String| Failure::refused(ProblemKind::Invalid, "", words);
    let entered: Entered = settings.read()?;
    if entered.token.is_empty() || !entered.token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(invalid("token: expected a WHM API token, letters and digits without spaces".to_owned()));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if entered.user.is_empty() || entered.user.len() > 64 || !entered.user.chars().all(plain) {
        return Err(invalid(format!("user `{}`: expected root or a reseller's user name", entered.user)));
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
        user: entered.user.clone(),
        time_max: Duration::from_secs(entered.timeout_s),
        time_slow_max: Duration::from_secs(entered.timeout_slow_s.max(entered.timeout_s)),
        zone,
        reseller_owns_itself: entered.reseller_owns_itself,
    };
    let trust = Trust { ca_pem: entered.ca_pem, pin_sha256: entered.pin_sha256 };
    Ok((Access { url: entered.url, user: entered.user, token: entered.token, trust }, manner))
}

fn root() -> String {
    "root".to_owned()
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

    fn settings(values: serde_json::Value) -> Settings {
        let serde_json::Value::Object(values) = values else { panic!("an object") };
        let secrets = [("token".to_owned(), "0123456789ABCDEF".to_owned())].into();
        Settings { instance: "ins_1".to_owned(), values, secrets }
    }

    #[test]
    fn the_schema_names_exactly_what_is_read_and_marks_the_secret() {
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).expect("JSON");
        let properties = schema["properties"].as_object().expect("properties");
        let mut defaults = serde_json::Map::new();
        for (name, property) in properties {
            assert!(property["title"].is_string() && property["description"].is_string(), "{name} explains itself");
            assert_eq!(property["writeOnly"] == true, name == "token", "{name}");
            if let Some(default) = property.get("default") {
                defaults.insert(name.clone(), default.clone());
            }
        }
        assert_eq!(properties.len(), defaults.len() + 2, "only url and token have no default");
        defaults.insert("url".to_owned(), "https://whm.example:2087".into());
        let (_, written) = read(&settings(defaults.into())).expect("the defaults of the schema are good");
        let (access, left_out) = read(&settings(serde_json::json!({"url": "https://whm.example:2087"}))).expect("good");
        assert_eq!(format!("{written:?}"), format!("{left_out:?}"), "the schema's defaults are the program's");
        assert_eq!(access.user, "root");
    }

    #[test]
    fn wrong_settings_are_refused_by_name_without_the_token() {
        for (values, named) in [
            (serde_json::json!({}), "url"),
            (serde_json::json!({"url": "https://w.example", "colour": 1}), "colour"),
            (serde_json::json!({"url": "https://w.example", "timeout_s": 0}), "timeout_s"),
            (serde_json::json!({"url": "https://w.example", "timeout_slow_s": 3601}), "timeout_slow_s"),
            (serde_json::json!({"url": "https://w.example", "time_zone": "Mars"}), "time_zone"),
            (serde_json::json!({"url": "https://w.example", "user": "a b"}), "user"),
        ] {
            let Err(failure) = read(&settings(values)) else { panic!("{named} was taken") };
            assert!(failure.is_refused(ProblemKind::Invalid), "{failure:?}");
            assert!(failure.problem().words.contains(named), "{failure:?}");
            assert!(!format!("{failure:?}").contains("0123456789ABCDEF"), "{failure:?}");
        }
    }
}
