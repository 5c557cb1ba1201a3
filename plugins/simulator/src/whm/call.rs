//! A call of WHM API 1 and its answer.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// More parameters than any function has.
const PARAMETERS_MAX: usize = 500;

/// A function called by an authenticated user: no `Debug`, there are passwords among the parameters.
pub(super) struct Call {
    pub(super) function: String,
    /// `root` or a reseller's user.
    pub(super) caller: String,
    parameters: BTreeMap<String, String>,
}

/// What a function that worked has to say: no `Debug`, createacct says the password.
#[derive(Default)]
pub(super) struct Done {
    /// `metadata.reason`: `OK` if empty.
    pub(super) reason: String,
    /// The member `data`, absent for functions that only act.
    pub(super) data: Option<Value>,
    /// `metadata.output.raw`: what the panel's script printed.
    pub(super) raw: Option<String>,
}

/// Why a function did not work.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Answered with HTTP 200 and `metadata.result` 0; the reason is `metadata.reason`.
    Failed(String),
    /// The caller may not do this: HTTP 403 in a shape of its own.
    AccessDenied,
}

/// What a function comes to.
pub(super) type Outcome = Result<Done, Refusal>;

impl Call {
    /// `pairs` in the order they arrived, of the query first; the last of a name counts, as with the real panel.
    pub(super) fn new(function: &str, caller: &str, pairs: impl Iterator<Item = (String, String)>) -> Self {
        let parameters = pairs.take(PARAMETERS_MAX).collect();
        Self { function: function.to_owned(), caller: caller.to_owned(), parameters }
    }

    /// A parameter that has a value; an empty one counts as absent.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A parameter that must have a value.
    pub(super) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name).ok_or_else(|| Refusal::exception(format!("Provide the “{name}” parameter.")))
    }

    /// Whether a 1/0 parameter is on.
    pub(super) fn flag(&self, name: &str) -> bool {
        matches!(self.get(name), Some("1" | "y"))
    }

    /// The API version that was asked for; 0 when none was. Another than 0 and 1 there is not.
    pub(super) fn api_version(&self) -> Result<u8, Refusal> {
        match self.get("api.version") {
            None | Some("0") => Ok(0),
            Some("1") => Ok(1),
            Some(other) => Err(Refusal::plain(format!("Unknown API version “{other}”."))),
        }
    }

    /// The parameters that are the function's own, for hooks that repeat their input.
    pub(super) fn own(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        all.filter(|(name, _)| !name.starts_with("api."))
    }
}

impl Done {
    /// Only `data` to report.
    pub(super) fn with_data(data: Value) -> Self {
        Self { data: Some(data), ..Self::default() }
    }
}

impl Refusal {
    /// A failure in the panel's words, as its older parts give it.
    pub(super) fn plain(reason: impl Into<String>) -> Self {
        Self::Failed(reason.into())
    }

    /// A failure as the panel's newer parts give it: with a prefix and an id that differs every time.
    pub(super) fn exception(reason: impl Into<String>) -> Self {
        let id = uuid::Uuid::new_v4().simple().to_string();
        Self::Failed(format!("API failure: (XID {}) {}", &id[..6], reason.into()))
    }
}

/// The envelope of WHM API 1. None for a caller who may not, which has another shape and status.
pub(super) fn envelope(function: &str, outcome: &Outcome) -> Option<Value> {
    let (result, reason, raw) = match outcome {
        Ok(done) => (1, if done.reason.is_empty() { "OK" } else { &done.reason }, done.raw.as_deref()),
        Err(Refusal::Failed(reason)) => (0, reason.as_str(), None),
        Err(Refusal::AccessDenied) => return None,
    };
    let mut answer = Map::new();
    let mut metadata = json!({"version": 1, "command": function, "result": result, "reason": reason});
    if let Some(raw) = raw {
        metadata["output"] = json!({"raw": raw});
    }
    answer.insert("metadata".to_owned(), metadata);
    if let Some(data) = outcome.as_ref().ok().and_then(|done| done.data.clone()) {
        answer.insert("data".to_owned(), data);
    }
    Some(Value::Object(answer))
}

/// What a wrong token or a missing permission is answered with, under HTTP 403.
pub(super) fn access_denied() -> Value {
    let data = json!({"reason": "Access denied", "result": "0"});
    json!({"cpanelresult": {"apiversion": "2", "error": "Access denied", "data": data, "type": "text"}})
}
