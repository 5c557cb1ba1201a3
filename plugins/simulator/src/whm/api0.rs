//! The answers of WHM API 0, given to callers who do not send `api.version=1`: the shape differs by function, and
//! no adapter should live on them.

use serde_json::{Value, json};

use super::call::{Outcome, Refusal};

/// The old shape of what `function` came to. None for a caller who may not.
pub(super) fn legacy(function: &str, outcome: &Outcome) -> Option<Value> {
    let (status, text) = match outcome {
        Ok(done) => (1, if done.reason.is_empty() { "Ok" } else { &done.reason }),
        Err(Refusal::Failed(reason)) => (0, reason.as_str()),
        Err(Refusal::AccessDenied) => return None,
    };
    let data = outcome.as_ref().ok().and_then(|done| done.data.as_ref());
    let part = |name: &str| data.map_or_else(|| json!([]), |data| data[name].clone());
    Some(match function {
        "version" => json!({"version": data.map_or(Value::Null, |data| data["version"].clone())}),
        "listaccts" | "accountsummary" => json!({"status": status, "statusmsg": text, "acct": part("acct")}),
        "listpkgs" => json!({"package": part("pkg")}),
        "listresellers" => json!({"reseller": part("reseller")}),
        "showbw" => json!({"bandwidth": [data.cloned().unwrap_or(Value::Null)]}),
        "passwd" => json!({"passwd": [{"status": status, "statusmsg": text, "services": []}]}),
        // Functions that never existed in the old API.
        "verify_new_username" | "get_disk_usage" | "create_user_session" => {
            json!({"data": {"reason": format!("Unknown app requested: {function}"), "result": "0"}, "type": "text"})
        }
        _ => {
            let raw = outcome.as_ref().ok().and_then(|done| done.raw.as_deref()).unwrap_or_default();
            json!({"result": [{"status": status, "statusmsg": text, "rawout": raw, "options": null}]})
        }
    })
}
