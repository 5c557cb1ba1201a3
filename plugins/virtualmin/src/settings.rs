//! What an operator sets for a Virtualmin server.

use std::time::Duration;

use billet_plugin::http::Trust;
use billet_plugin::v1::ProblemKind;
use billet_plugin::{Failure, Settings};
use serde::Deserialize;

/// The longest time limit that can be set, in seconds.
const SECONDS_MAX: u64 = 3_600;

/// The settings as a JSON Schema (draft 2020-12).
pub(crate) const SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "Virtualmin",
  "type": "object",
  "additionalProperties": false,
  "required": ["url", "password"],
  "properties": {
    "url": {
      "title": "Address",
      "description": "Where Webmin answers, with its port: https://server.example:10000. Plain http only on this machine.",
      "type": "string",
      "format": "uri"
    },
    "user": {
      "title": "User",
      "description": "The Webmin user: root, or one that may use the Virtualmin module and its remote API.",
      "type": "string",
      "default": "root",
      "minLength": 1,
      "maxLength": 64
    },
    "password": {
      "title": "Password",
      "description": "Of that user.",
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
      "description": "In seconds. Listing all servers with their quotas takes long on a full machine.",
      "type": "integer",
      "default": 120,
      "minimum": 1,
      "maximum": 3600
    },
    "timeout_slow_s": {
      "title": "Time limit of slow calls",
      "description": "In seconds: for making, changing and removing virtual servers.",
      "type": "integer",
      "default": 300,
      "minimum": 1,
      "maximum": 3600
    },
    "features": {
      "title": "Features of a new server",
      "description": "plan: those of its plan; default: those that are on by default; or their names, such as `unix dir web dns mail`.",
      "type": "string",
      "default": "plan",
      "pattern": "^[a-z][a-z0-9-]*( [a-z][a-z0-9-]*)*$"
    }
  }
}"#;

/// The settings, as set. No `Debug`: the password is among them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entered {
    url: String,
    #[serde(default = "root")]
    user: String,
    password: String,
    #[serde(default)]
    ca_pem: String,
    #[serde(default)]
    pin_sha256: String,
    #[serde(default = "two_minutes")]
    timeout_s: u64,
    #[serde(default = "five_minutes")]
    timeout_slow_s: u64,
    #[serde(default = "plan")]
    features: String,
}

/// How to reach the server and as whom. No `Debug`: the password is in it.
pub(crate) struct Access {
    pub(crate) url: String,
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) trust: Trust,
}

/// How to behave there.
#[derive(Debug, Clone)]
pub(crate) struct Manner {
    /// The limit of a call.
    pub(crate) time_max: Duration,
    /// The limit of the calls that take long.
    pub(crate) time_slow_max: Duration,
    /// The flags that create-domain gets for a server's features.
    pub(crate) feature_flags: Vec<String>,
}

/// Reads and checks them.
pub(crate) fn read(settings: &Settings) -> Result<(Access, Manner), Failure> {
    let invalid = |words: String| Failure::refused(ProblemKind::Invalid, "", words);
    let entered: Entered = settings.read()?;
    if entered.password.is_empty() {
        return Err(invalid("password: expected one".to_owned()));
    }
    if entered.user.is_empty() || entered.user.len() > 64 || entered.user.contains([':', ' ']) {
        return Err(invalid(format!("user `{}`: expected the name of a Webmin user", entered.user)));
    }
    for (name, seconds) in [("timeout_s", entered.timeout_s), ("timeout_slow_s", entered.timeout_slow_s)] {
        if !(1..=SECONDS_MAX).contains(&seconds) {
            return Err(invalid(format!("{name} `{seconds}`: expected 1 to {SECONDS_MAX} seconds")));
        }
    }
    let is_feature = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    let feature_flags: Vec<String> = match entered.features.as_str() {
        "plan" => vec!["features-from-plan".to_owned()],
        "default" => vec!["default-features".to_owned()],
        names => names.split(' ').map(str::to_owned).collect(),
    };
    if !feature_flags.iter().all(|name| is_feature(name)) {
        let words = format!("features `{}`: expected plan, default, or names such as `unix dir web`", entered.features);
        return Err(invalid(words));
    }
    let manner = Manner {
        time_max: Duration::from_secs(entered.timeout_s),
        time_slow_max: Duration::from_secs(entered.timeout_slow_s.max(entered.timeout_s)),
        feature_flags,
    };
    let trust = Trust { ca_pem: entered.ca_pem, pin_sha256: entered.pin_sha256 };
    Ok((Access { url: entered.url, user: entered.user, password: entered.password, trust }, manner))
}

fn root() -> String {
    "root".to_owned()
}

fn two_minutes() -> u64 {
    120
}

fn five_minutes() -> u64 {
    300
}

fn plan() -> String {
    "plan".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(values: serde_json::Value) -> Settings {
        let serde_json::Value::Object(values) = values else { panic!("an object") };
        let secrets = [("password".to_owned(), "hunter2hunter2".to_owned())].into();
        Settings { instance: "ins_1".to_owned(), values, secrets }
    }

    #[test]
    fn the_schema_names_what_is_read_and_its_defaults_are_the_programs() {
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).expect("JSON");
        let mut all = serde_json::Map::new();
        for (name, property) in schema["properties"].as_object().expect("properties") {
            assert!(property["title"].is_string() && property["description"].is_string(), "{name} explains itself");
            assert_eq!(property["writeOnly"] == true, name == "password", "{name}");
            all.extend(property.get("default").map(|default| (name.clone(), default.clone())));
        }
        let least = serde_json::json!({"url": "https://v.example:10000"});
        all.extend(least.as_object().expect("an object").clone());
        let (_, written) = read(&settings(all.into())).expect("the defaults of the schema are good");
        let (access, left_out) = read(&settings(least)).expect("good");
        assert_eq!(format!("{written:?}"), format!("{left_out:?}"));
        assert_eq!(access.user, "root");
    }

    #[test]
    fn wrong_settings_are_refused_by_name_without_the_secret() {
        for (values, named) in [
            (serde_json::json!({}), "url"),
            (serde_json::json!({"url": "https://v.example", "user": "a:b"}), "user"),
            (serde_json::json!({"url": "https://v.example", "colour": 1}), "colour"),
            (serde_json::json!({"url": "https://v.example", "timeout_s": 0}), "timeout_s"),
            (serde_json::json!({"url": "https://v.example", "features": "web&pass=x"}), "features"),
        ] {
            let Err(failure) = read(&settings(values)) else { panic!("{named} was taken") };
            assert!(failure.is_refused(ProblemKind::Invalid), "{failure:?}");
            let shown = format!("{failure:?}");
            assert!(shown.contains(named) && !shown.contains("hunter2"), "{shown}");
        }
    }
}
