//! How instances are reached, and what panels say, between the protocol and the domain.

use std::collections::HashMap;
use std::time::Duration;

use billet_plugin::v1::{self, Account, PluginKind, ProblemKind, SuspensionOrigin};
use billet_plugin::{Answer, Failure};
use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value as Wire};
use serde_json::{Map, Number, Value};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::to_instant;
use crate::billing::BillingError;
use crate::billing::instance_settings::Changes;
use crate::grpc::status::DOMAIN;
use crate::plugins::Described;
use crate::proto::billet::v1 as pb;
use crate::store::instance_settings::{InstanceSettings, WEIGHT_DEFAULT};

/// How deep settings may be nested.
const DEPTH_MAX: usize = 16;
/// The most accounts of an instance.
const ACCOUNTS_MAX: i64 = 10_000_000;
/// The largest share.
const WEIGHT_MAX: u32 = 1_000_000;
/// How many accounts are made at an instance at once, at most.
const CREATES_MAX: u32 = 64;
/// The most calls at once.
const CONCURRENCY_MAX: u32 = 256;

/// What is to change: the fields that the mask names, and the secrets.
///
/// # Errors
/// [`BillingError::Invalid`] with fields below `settings`, or `update_mask`.
pub fn changes(request: pb::ConfigureInstanceRequest) -> Result<Changes, BillingError> {
    let given = request.settings.unwrap_or_default();
    let paths = request.update_mask.unwrap_or_default().paths;
    if paths.is_empty() && request.secrets.is_empty() {
        return Err(BillingError::invalid("update_mask", "is required where no secret changes"));
    }
    let mut changes = Changes { secrets: request.secrets, ..Changes::default() };
    for path in paths {
        match path.as_str() {
            "settings" => changes.settings = Some(object(given.settings.as_ref())?),
            "concurrency_max" => {
                if given.concurrency_max.is_some_and(|count| !(1..=CONCURRENCY_MAX).contains(&count)) {
                    let problem = format!("1 to {CONCURRENCY_MAX}");
                    return Err(BillingError::invalid("settings.concurrency_max", problem));
                }
                changes.concurrency_max = Some(given.concurrency_max.map(i64::from));
            }
            "maintenance" => changes.maintenance = Some(given.maintenance),
            "accounts_max" => {
                if given.accounts_max.is_some_and(|count| !(0..=ACCOUNTS_MAX).contains(&count)) {
                    return Err(BillingError::invalid("settings.accounts_max", format!("0 to {ACCOUNTS_MAX}")));
                }
                changes.accounts_max = Some(given.accounts_max);
            }
            "creates_max" => {
                if given.creates_max.is_some_and(|count| !(1..=CREATES_MAX).contains(&count)) {
                    return Err(BillingError::invalid("settings.creates_max", format!("1 to {CREATES_MAX}")));
                }
                changes.creates_max = Some(given.creates_max.map(i64::from));
            }
            "weight" => {
                if given.weight.is_some_and(|weight| weight > WEIGHT_MAX) {
                    return Err(BillingError::invalid("settings.weight", format!("0 to {WEIGHT_MAX}")));
                }
                changes.weight = Some(given.weight.map_or(WEIGHT_DEFAULT, i64::from));
            }
            other => {
                let known = "`settings`, `concurrency_max`, `maintenance`, `accounts_max`, `creates_max`, `weight`";
                return Err(BillingError::invalid("update_mask", format!("`{other}` cannot be set, only {known}")));
            }
        }
    }
    Ok(changes)
}

/// Settings for the protocol.
#[must_use]
pub fn to_settings(settings: InstanceSettings) -> pb::InstanceSettings {
    pb::InstanceSettings {
        instance_id: settings.instance_id.to_string(),
        settings: Some(to_struct(settings.settings)),
        secret_names: settings.secrets.into_keys().collect(),
        concurrency_max: settings.concurrency_max.and_then(|count| count.try_into().ok()),
        maintenance: settings.maintenance,
        accounts_max: settings.accounts_max,
        creates_max: settings.creates_max.and_then(|count| count.try_into().ok()),
        weight: settings.weight.try_into().ok(),
        revision: settings.revision,
        updated_at: (settings.revision > 0).then(|| to_instant(settings.updated_at)),
    }
}

fn object(given: Option<&Struct>) -> Result<Map<String, Value>, BillingError> {
    given.map_or_else(|| Ok(Map::new()), |given| from_struct(given, 0))
}

fn from_struct(given: &Struct, depth: usize) -> Result<Map<String, Value>, BillingError> {
    given.fields.iter().map(|(name, value)| Ok((name.clone(), from_wire(value, depth + 1)?))).collect()
}

fn from_wire(value: &Wire, depth: usize) -> Result<Value, BillingError> {
    let invalid = |problem: &str| BillingError::invalid("settings.settings", problem);
    if depth > DEPTH_MAX {
        return Err(invalid("nested too deep"));
    }
    Ok(match &value.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(value)) => Value::Bool(*value),
        Some(Kind::StringValue(value)) => Value::String(value.clone()),
        Some(Kind::NumberValue(value)) => Value::Number(number(*value).ok_or_else(|| invalid("not a finite number"))?),
        Some(Kind::ListValue(list)) => {
            Value::Array(list.values.iter().map(|value| from_wire(value, depth + 1)).collect::<Result<_, _>>()?)
        }
        Some(Kind::StructValue(object)) => Value::Object(from_struct(object, depth)?),
    })
}

/// The protocol knows floating point numbers only: what is whole in them is a whole number.
fn number(value: f64) -> Option<Number> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
        return Some(Number::from(value as i64));
    }
    Number::from_f64(value)
}

fn to_struct(object: Map<String, Value>) -> Struct {
    Struct { fields: object.into_iter().map(|(name, value)| (name, to_wire(value))).collect() }
}

fn to_wire(value: Value) -> Wire {
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(value) => Kind::BoolValue(value),
        Value::Number(value) => Kind::NumberValue(value.as_f64().unwrap_or_default()),
        Value::String(value) => Kind::StringValue(value),
        Value::Array(values) => Kind::ListValue(ListValue { values: values.into_iter().map(to_wire).collect() }),
        Value::Object(object) => Kind::StructValue(to_struct(object)),
    };
    Wire { kind: Some(kind) }
}

/// A plugin for the protocol.
#[must_use]
pub fn to_plugin(name: &str, described: Result<&Described, String>) -> pb::PluginInfo {
    match described {
        Ok(Described { description, .. }) => pb::PluginInfo {
            name: name.to_owned(),
            title: description.title.clone(),
            version: description.version.clone(),
            kind: kind_in_words(description.kind()).to_owned(),
            capabilities: description.capabilities.clone(),
            settings_schema: description.settings_schema.clone(),
            broken: String::new(),
        },
        Err(broken) => pb::PluginInfo { name: name.to_owned(), broken, ..pb::PluginInfo::default() },
    }
}

fn kind_in_words(kind: PluginKind) -> &'static str {
    match kind {
        PluginKind::Unspecified => "",
        PluginKind::Panel => "panel",
        PluginKind::Registrar => "registrar",
        PluginKind::Gateway => "gateway",
        PluginKind::Channel => "channel",
    }
}

/// What a panel said instead of an answer.
#[must_use]
pub fn to_problem(failure: &Failure) -> pb::PanelProblem {
    let problem = failure.problem();
    let kind = match problem.kind() {
        ProblemKind::Unspecified => "",
        ProblemKind::Conflict => "conflict",
        ProblemKind::NotFound => "not_found",
        ProblemKind::Unauthenticated => "unauthenticated",
        ProblemKind::Permission => "permission",
        ProblemKind::Limit => "limit",
        ProblemKind::Busy => "busy",
        ProblemKind::Invalid => "invalid",
        ProblemKind::State => "state",
        ProblemKind::Balance => "balance",
        ProblemKind::Unavailable => "unavailable",
        ProblemKind::Unsupported => "unsupported",
    };
    let retry_after = match failure {
        Failure::RetryLater { after: Some(after), .. } => (*after).try_into().ok(),
        _ => None,
    };
    pb::PanelProblem {
        kind: kind.to_owned(),
        code: problem.code.clone(),
        words: problem.words.clone(),
        retryable: !matches!(failure, Failure::Refused(_)),
        retry_after,
    }
}

/// What a panel answered, or its problem as a status.
///
/// # Errors
/// UNAVAILABLE with the reason `PANEL_UNAVAILABLE`, FAILED_PRECONDITION with `PANEL_REFUSED`.
pub fn answered<T>(answer: Answer<T>) -> Result<T, Status> {
    let failure = match answer {
        Ok(done) => return Ok(done.value),
        Err(failure) => failure,
    };
    let problem = to_problem(&failure);
    let about = [("kind", problem.kind), ("code", problem.code)];
    let about: HashMap<String, String> = about.map(|(name, value)| (name.to_owned(), value)).into();
    let (code, reason, retry) = match &failure {
        Failure::RetryLater { after, .. } => (Code::Unavailable, "PANEL_UNAVAILABLE", *after),
        Failure::Unknown(_) => (Code::Unavailable, "PANEL_UNAVAILABLE", None),
        Failure::Refused(_) => (Code::FailedPrecondition, "PANEL_REFUSED", None),
    };
    let mut details = ErrorDetails::with_error_info(reason, DOMAIN, about);
    if code == Code::Unavailable {
        details.set_retry_info(Some(retry.unwrap_or(Duration::from_secs(5))));
    }
    Err(Status::with_error_details(code, failure.to_string(), details))
}

/// An account at a panel for the protocol.
#[must_use]
pub fn to_account(account: Account) -> pb::InstanceAccount {
    let v1::AccountRef { username, panel_id, domain } = account.r#ref.unwrap_or_default();
    let suspension = account.suspension;
    pb::InstanceAccount {
        username,
        panel_id,
        domain,
        package: account.package,
        email: account.email,
        owner: account.owner,
        suspended: suspension.is_some(),
        suspended_by_billet: suspension.as_ref().is_some_and(|one| one.origin() == SuspensionOrigin::Billet),
        suspension_reason: suspension.map(|one| one.reason).unwrap_or_default(),
        created_at: account.created_at,
        disk_used_bytes: account.disk_used_bytes,
    }
}
