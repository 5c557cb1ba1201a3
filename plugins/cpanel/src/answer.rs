//! Reads what WHM answers. There are three shapes of failure, under any HTTP status: `metadata.result` 0 (API 1), the
//! old ones of API 0, which differ by function, and `cpanelresult` for a login or a privilege that is refused. Besides
//! them, whatever stands before the panel answers in HTML.

use std::time::Duration;

use billet_plugin::Failure;
use billet_plugin::ProblemExt;
use billet_plugin::http::HttpAnswer;
use billet_plugin::v1::{Problem, ProblemKind};
use serde_json::Value;

use crate::failure::{Trouble, locked_out, without_prefix};
use crate::figures;
use crate::words::{Secrets, bounded};

/// How much of an answer that is not understood is shown, in characters.
const SHOWN_MAX: usize = 200;

/// What a function that worked answers. No `Debug`: there may be a login address in it.
pub(crate) struct Reply {
    /// The member `data`; null for functions that only act.
    pub(crate) data: Value,
    /// What it complained about all the same.
    pub(crate) warnings: Vec<String>,
}

/// Reads an answer of `function`.
pub(crate) fn read(function: &str, answer: &HttpAnswer, secrets: &Secrets) -> Result<Reply, Trouble> {
    match serde_json::from_slice::<Value>(&answer.body) {
        Ok(Value::Object(mut members)) => {
            if let Some(metadata) = members.get("metadata").filter(|metadata| !metadata["result"].is_null()) {
                let verdict = verdict(function, answer.status, metadata, secrets)?;
                let data = members.remove("data").unwrap_or_default();
                return Ok(Reply { data, warnings: verdict });
            }
            Err(old_shape(answer.status, &Value::Object(members), secrets))
        }
        _ => Err(foreign(answer, secrets)),
    }
}

/// The envelope of API 1: the complaints when it worked.
fn verdict(function: &str, status: u16, metadata: &Value, secrets: &Secrets) -> Result<Vec<String>, Trouble> {
    if !figures::flag(&metadata["result"]) {
        return Err(failed(&figures::text(&metadata["reason"]), secrets));
    }
    if !(200..300).contains(&status) {
        return Err(Trouble::Garbled(format!("{function} answered success under HTTP {status}")));
    }
    let told = [&metadata["warnings"], &metadata["output"]["warnings"]].into_iter().filter_map(Value::as_array);
    let told = told.flatten().map(|warning| secrets.sentence(&figures::text(warning)));
    let printed = secrets.complaints(&figures::text(&metadata["output"]["raw"]));
    Ok(bounded(told.chain(printed)))
}

fn failed(reason: &str, secrets: &Secrets) -> Trouble {
    let words = secrets.sentence(reason);
    if let Some(failure) = locked_out(&words) {
        return Trouble::Certain(failure);
    }
    let (code, reason) = without_prefix(&words);
    let reason = if reason.is_empty() { "the panel refused without saying why".to_owned() } else { reason };
    Trouble::Failed { code, reason }
}

/// JSON that is not of API 1.
fn old_shape(status: u16, answer: &Value, secrets: &Secrets) -> Trouble {
    let denial = &answer["cpanelresult"];
    let part = [&answer["result"][0], &answer["passwd"][0], &answer["result"], answer]
        .into_iter()
        .find(|part| part["statusmsg"].is_string() || !part["status"].is_null());
    let candidates = [
        &denial["data"]["reason"],
        &denial["error"],
        part.map_or(&Value::Null, |part| &part["statusmsg"]),
        &answer["data"]["reason"],
        &answer["error"],
    ];
    let words = candidates.into_iter().find(|words| words.as_str().is_some_and(|words| !words.is_empty()));
    let words = secrets.sentence(words.and_then(Value::as_str).unwrap_or_default());
    if let Some(failure) = locked_out(&words) {
        return Trouble::Certain(failure);
    }
    match status {
        401 => {
            return Trouble::Certain(Failure::refused(
                ProblemKind::Unauthenticated,
                "401",
                said(&words, "the login was refused"),
            ));
        }
        403 => return Trouble::Denied(said(&words, "access denied")),
        429 => return Trouble::Certain(busy(status, None)),
        _ => {}
    }
    if denial.is_object() && words.to_lowercase().contains("denied") {
        return Trouble::Denied(words);
    }
    let succeeded = part.is_some_and(|part| figures::flag(&part["status"]));
    if words.is_empty() || succeeded {
        return Trouble::Garbled(format!("answered JSON that is not of WHM API 1 (HTTP {status})"));
    }
    failed(&words, secrets)
}

/// What is not JSON.
fn foreign(answer: &HttpAnswer, secrets: &Secrets) -> Trouble {
    let status = answer.status;
    let body = answer.text();
    let shown: String = body.chars().take(20_000).collect();
    let text = secrets.sentence(&shown);
    if let Some(failure) = locked_out(&text) {
        return Trouble::Certain(failure);
    }
    let certain = |kind, words: String| Trouble::Certain(Failure::refused(kind, status.to_string(), words));
    let is_html = body.trim_start().starts_with('<');
    match status {
        401 => certain(
            ProblemKind::Unauthenticated,
            "answered with the login page (HTTP 401): the login was refused, or this is not WHM's port".to_owned(),
        ),
        403 => certain(
            ProblemKind::Permission,
            format!("HTTP 403 from something that is not WHM's API (a firewall?): {}", short(&text)),
        ),
        429 => Trouble::Certain(busy(status, retry_after(answer))),
        300..=399 | 404 | 405 => Trouble::Certain(Failure::later(
            ProblemKind::Unavailable,
            status.to_string(),
            format!("HTTP {status} instead of an answer: wrong port or path?"),
        )),
        200..=299 if body.trim().is_empty() => Trouble::Garbled("the answer is empty".to_owned()),
        200..=299 if is_html => {
            Trouble::Garbled(format!("answered with HTML (HTTP {status}): wrong port, or the session page"))
        }
        200..=299 => Trouble::Garbled("the answer is not whole JSON".to_owned()),
        _ => Trouble::Garbled(format!("HTTP {status}: {}", short(&text))),
    }
}

fn busy(status: u16, after: Option<Duration>) -> Failure {
    let problem = Problem::of(ProblemKind::Busy, status.to_string(), format!("HTTP {status}: too many calls"));
    Failure::RetryLater { problem, after }
}

fn retry_after(answer: &HttpAnswer) -> Option<Duration> {
    let seconds = answer.headers.get("retry-after")?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds)).filter(|after| *after <= Duration::from_secs(24 * 3600))
}

fn said(words: &str, otherwise: &str) -> String {
    if words.is_empty() { otherwise.to_owned() } else { words.to_owned() }
}

fn short(text: &str) -> String {
    text.chars().take(SHOWN_MAX).collect()
}
