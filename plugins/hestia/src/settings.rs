//! What an operator sets for a HestiaCP server.

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
  "title": "HestiaCP",
  "type": "object",
  "additionalProperties": false,
  "required": ["url", "access_key", "secret_key"],
  "properties": {
    "url": {
      "title": "Address",
      "description": "Where the panel answers, with its port: https://server.example:8083. Plain http only on this machine.",
      "type": "string",
      "format": "uri"
    },
    "access_key": {
      "title": "Access key id",
      "description": "The 20 characters that v-add-access-key printed.",
      "type": "string",
      "minLength": 20,
      "maxLength": 20
    },
    "secret_key": {
      "title": "Secret key",
      "description": "The 40 characters that v-add-access-key printed with it.",
      "type": "string",
      "writeOnly": true,
      "minLength": 40,
      "maxLength": 40
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
      "description": "In seconds: for making, suspending and removing users, which rebuild the server's configuration.",
      "type": "integer",
      "default": 240,
      "minimum": 1,
      "maximum": 3600
    },
    "time_zone": {
      "title": "The server's time zone",
      "description": "IANA name, such as Europe/Berlin. HestiaCP tells times of its own clock without saying which zone that is.",
      "type": "string",
      "default": "UTC"
    },
    "domain_services": {
      "title": "Services of the main domain",
      "description": "What a new account's domain gets: all (web, name server and mail) or web alone.",
      "type": "string",
      "enum": ["all", "web"],
      "default": "all"
    }
  }
}"#;

/// What a new account's domain gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DomainServices {
    /// Web, name server and mail.
    #[default]
    All,
    /// Web alone.
    Web,
}

/// The settings, as set. No `Debug`: the secret key is among them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entered {
    url: String,
    access_key: String,
    secret_key: String,
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
    domain_services: DomainServices,
}

/// How to reach the server and as whom. No `Debug`: the secret key is in it.
pub(crate) struct Access {
    pub(crate) url: String,
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
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
    /// What a new account's domain gets.
    pub(crate) domain_services: DomainServices,
}

/// Reads and checks them.
pub(crate) fn read(settings: &Settings) -> Result<(Access, Manner), Failure> {
    let invalid = |words: String| Failure::refused(ProblemKind::Invalid, "", words);
    let entered: Entered = settings.read()?;
    for (name, value, length) in [("access_key", &entered.access_key, 20), ("secret_key", &entered.secret_key, 40)] {
        if value.len() != length || !value.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(invalid(format!("{name}: expected the {length} characters that v-add-access-key printed")));
        }
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
        domain_services: entered.domain_services,
    };
    let trust = Trust { ca_pem: entered.ca_pem, pin_sha256: entered.pin_sha256 };
    let access = Access { url: entered.url, access_key: entered.access_key, secret_key: entered.secret_key, trust };
    Ok((access, manner))
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

    const SECRET: &str = "0123456789abcdefghij0123456789abcdefghij";

    fn settings(values: serde_json::Value) -> Settings {
        let serde_json::Value::Object(values) = values else { panic!("an object") };
        let secrets = [("secret_key".to_owned(), SECRET.to_owned())].into();
        Settings { instance: "ins_1".to_owned(), values, secrets }
    }

    #[test]
    fn the_schema_names_what_is_read_and_its_defaults_are_the_programs() {
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).expect("JSON");
        let mut all = serde_json::Map::new();
        for (name, property) in schema["properties"].as_object().expect("properties") {
            assert!(property["title"].is_string() && property["description"].is_string(), "{name} explains itself");
            assert_eq!(property["writeOnly"] == true, name == "secret_key", "{name}");
            all.extend(property.get("default").map(|default| (name.clone(), default.clone())));
        }
        let least = serde_json::json!({"url": "https://h.example:8083", "access_key": "ABCDEFGHIJ0123456789"});
        all.extend(least.as_object().expect("an object").clone());
        let (_, written) = read(&settings(all.into())).expect("the defaults of the schema are good");
        let (_, left_out) = read(&settings(least)).expect("good");
        assert_eq!(format!("{written:?}"), format!("{left_out:?}"));
    }

    #[test]
    fn wrong_settings_are_refused_by_name_without_the_secret() {
        let key = "ABCDEFGHIJ0123456789";
        for (values, named) in [
            (serde_json::json!({"access_key": key}), "url"),
            (serde_json::json!({"url": "https://h.example", "access_key": "short"}), "access_key"),
            (serde_json::json!({"url": "https://h.example", "access_key": key, "colour": 1}), "colour"),
            (serde_json::json!({"url": "https://h.example", "access_key": key, "timeout_s": 0}), "timeout_s"),
            (serde_json::json!({"url": "https://h.example", "access_key": key, "time_zone": "Mars"}), "time_zone"),
        ] {
            let Err(failure) = read(&settings(values)) else { panic!("{named} was taken") };
            assert!(failure.is_refused(ProblemKind::Invalid), "{failure:?}");
            let shown = format!("{failure:?}");
            assert!(shown.contains(named) && !shown.contains(SECRET), "{shown}");
        }
    }
}
