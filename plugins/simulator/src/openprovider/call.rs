//! A request that is as documented, and what is read from it.

use std::collections::BTreeMap;

use axum::http::Method;
use serde_json::{Map, Value};

use super::contract::{Operation, has};
use super::refusal::Refusal;

/// A request.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) id: &'static str,
    /// The value in its path.
    pub(super) value: String,
    query: BTreeMap<String, Vec<String>>,
    body: Map<String, Value>,
}

impl Call {
    /// Reads a request; refuses what the contract does not have.
    pub(super) fn new(
        method: &Method,
        segments: &[&str],
        query: impl Iterator<Item = (String, String)>,
        body: &[u8],
    ) -> Result<Self, Refusal> {
        let unknown = || Refusal::undocumented(&format!("{method} /{}", segments.join("/")));
        let (operation, value) = Operation::of(method, segments).ok_or_else(unknown)?;
        let mut parameters: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in query {
            if !has(operation.query, &name) {
                return Err(Refusal::undocumented(&format!("the parameter {name} of {}", operation.id)));
            }
            parameters.entry(name).or_default().push(value);
        }
        let body = match body {
            [] => Map::new(),
            bytes => serde_json::from_slice(bytes).map_err(|_| Refusal::undocumented("a body that is no object"))?,
        };
        if let Some(name) = body.keys().find(|name| !operation.has_member(name)) {
            return Err(Refusal::undocumented(&format!("the member {name} of {}", operation.id)));
        }
        let lacking = operation.required.split_whitespace().find(|name| body.get(*name).is_none_or(Value::is_null));
        if let Some(name) = lacking {
            return Err(Refusal::undocumented(&format!("{} without {name}", operation.id)));
        }
        Ok(Self { id: operation.id, value, query: parameters, body })
    }

    /// The number in the path.
    pub(super) fn id(&self) -> i64 {
        self.value.parse().unwrap_or_default()
    }

    /// A parameter.
    pub(super) fn parameter(&self, name: &str) -> &str {
        self.query.get(name).and_then(|values| values.first()).map(String::as_str).unwrap_or_default()
    }

    /// A parameter that may stand there several times.
    pub(super) fn parameters(&self, name: &str) -> &[String] {
        self.query.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// A number among the parameters.
    pub(super) fn number(&self, name: &str, default: usize) -> usize {
        self.parameter(name).parse().unwrap_or(default)
    }

    /// A member of the body; null when it is not there.
    pub(super) fn member(&self, name: &str) -> &Value {
        self.body.get(name).unwrap_or(&Value::Null)
    }

    /// A text of the body.
    pub(super) fn text(&self, name: &str) -> &str {
        self.member(name).as_str().unwrap_or_default()
    }

    /// The whole body.
    pub(super) fn body(&self) -> Value {
        Value::Object(self.body.clone())
    }

    /// The name that `domain` in the body stands for.
    pub(super) fn name(&self) -> Result<String, Refusal> {
        whole(self.member("domain"))
    }

    /// A page of rows with their number.
    pub(super) fn page(&self, rows: Vec<Value>, limit_max: usize) -> Value {
        let total = rows.len();
        let limit = self.number("limit", 100).min(limit_max);
        let rows: Vec<Value> = rows.into_iter().skip(self.number("offset", 0)).take(limit).collect();
        serde_json::json!({"results": rows, "total": total})
    }
}

/// `{"name": "example", "extension": "org"}` as a name.
pub(super) fn whole(domain: &Value) -> Result<String, Refusal> {
    let part = |name: &str| domain.get(name).and_then(Value::as_str).filter(|part| !part.is_empty());
    match (part("name"), part("extension")) {
        (Some(name), Some(extension)) if !name.contains('.') => Ok(format!("{name}.{extension}").to_ascii_lowercase()),
        _ => Err(Refusal::undocumented("a domain without name and extension")),
    }
}

/// Hundredths as the API writes them: a JSON number.
pub(super) fn amount(cents: i64) -> Value {
    let text = format!("{}{}.{:02}", if cents < 0 { "-" } else { "" }, cents.abs() / 100, cents.abs() % 100);
    serde_json::from_str(&text).unwrap_or_default()
}
