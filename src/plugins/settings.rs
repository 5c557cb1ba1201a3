//! An instance's settings against the JSON Schema of its plugin (draft 2020-12). A property with `"writeOnly": true` is a
//! secret: it is kept apart, sealed, and never shown.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

/// How many faults are told at once.
const FAULTS_MAX: usize = 20;

/// A plugin's schema, read.
#[derive(Debug)]
pub struct Schema {
    validator: jsonschema::Validator,
    secrets: BTreeSet<String>,
    properties: BTreeSet<String>,
}

/// What is wrong with one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The property, such as `url`; empty for the whole object.
    pub property: String,
    /// In words, without the values of secrets.
    pub words: String,
}

impl Schema {
    /// Reads a schema.
    ///
    /// # Errors
    /// In words: the plugin's fault.
    pub fn read(text: &str) -> Result<Self, String> {
        let schema: Value = serde_json::from_str(text).map_err(|error| format!("the schema is not JSON: {error}"))?;
        let validator = jsonschema::draft202012::options()
            .should_validate_formats(true)
            .build(&schema)
            .map_err(|error| format!("the schema is no JSON Schema: {error}"))?;
        let described = schema.get("properties").and_then(Value::as_object);
        let properties: BTreeSet<String> = described.into_iter().flat_map(Map::keys).cloned().collect();
        let is_secret = |property: &Value| property.get("writeOnly").and_then(Value::as_bool).unwrap_or_default();
        let secrets = described
            .into_iter()
            .flatten()
            .filter(|(_, property)| is_secret(property))
            .map(|(name, _)| name.clone())
            .collect();
        Ok(Self { validator, secrets, properties })
    }

    /// The properties that are secrets.
    #[must_use]
    pub fn secrets(&self) -> &BTreeSet<String> {
        &self.secrets
    }

    /// What is wrong with settings; nothing when they may be used.
    #[must_use]
    pub fn faults(&self, values: &Map<String, Value>, secrets: &BTreeMap<String, String>) -> Vec<Fault> {
        let mut faults = Vec::new();
        for name in values.keys().filter(|name| self.secrets.contains(*name)) {
            faults.push(Fault {
                property: name.clone(),
                words: "is a secret: hand it over as one, not among the settings".to_owned(),
            });
        }
        for name in secrets.keys().filter(|name| !self.secrets.contains(*name)) {
            let words = if self.properties.contains(name) { "is no secret of this plugin" } else { "is not known" };
            faults.push(Fault { property: name.clone(), words: words.to_owned() });
        }
        if !faults.is_empty() {
            return faults;
        }
        let mut whole = values.clone();
        whole.extend(secrets.iter().map(|(name, secret)| (name.clone(), Value::String(secret.clone()))));
        let whole = Value::Object(whole);
        self.validator
            .iter_errors(&whole)
            .take(FAULTS_MAX)
            .map(|error| {
                let property = error.instance_path().to_string().trim_start_matches('/').to_owned();
                // Messages quote the value that is wrong.
                let secret = property.split('/').next().is_some_and(|first| self.secrets.contains(first));
                let words = if secret { error.masked().to_string() } else { error.to_string() };
                Fault { property, words }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Schema {
        Schema::read(
            r#"{
                "type": "object",
                "additionalProperties": false,
                "required": ["url", "token"],
                "properties": {
                    "url": { "type": "string", "format": "uri" },
                    "timeout_s": { "type": "integer", "minimum": 1 },
                    "token": { "type": "string", "minLength": 8, "writeOnly": true }
                }
            }"#,
        )
        .expect("a schema")
    }

    fn faults(values: &Value, secrets: &[(&str, &str)]) -> Vec<Fault> {
        let secrets = secrets.iter().map(|(name, secret)| ((*name).to_owned(), (*secret).to_owned())).collect();
        schema().faults(values.as_object().expect("an object"), &secrets)
    }

    #[test]
    fn right_settings_have_no_faults() {
        assert_eq!(faults(&json!({ "url": "https://x.example:2087" }), &[("token", "abcdefgh")]), []);
    }

    #[test]
    fn each_fault_names_its_property() {
        let found = faults(&json!({ "url": "https://x.example", "timeout_s": 0, "colour": "red" }), &[]);
        let properties: Vec<&str> = found.iter().map(|fault| fault.property.as_str()).collect();
        assert!(properties.contains(&"timeout_s"), "{found:?}");
        assert!(found.iter().any(|fault| fault.words.contains("token")), "{found:?}");
        assert!(found.iter().any(|fault| fault.words.contains("colour")), "{found:?}");
    }

    #[test]
    fn secrets_are_kept_apart_and_never_quoted() {
        let found = faults(&json!({ "url": "https://x.example", "token": "hunter2hunter2" }), &[]);
        assert_eq!(found[0].property, "token");
        let found = faults(&json!({ "url": "https://x.example" }), &[("token", "hunter2")]);
        assert_eq!(found.len(), 1);
        assert!(!found[0].words.contains("hunter2"), "{found:?}");
        assert_eq!(faults(&json!({}), &[("url", "x")])[0].words, "is no secret of this plugin");
    }
}
