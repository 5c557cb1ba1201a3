//! `POST /api/`: authentication, permissions, faults, and the two shapes of an answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::post;

use super::exit::{Exit, FORBIDDEN, INVALID, PASSWORD, failed, http_status};
use super::{Panel, commands};
use crate::fault::Fault;
use crate::server::DropConnection;

/// No call is larger.
const BODY_BYTES_MAX: usize = 256 * 1024;
/// The last argument that the API takes.
const ARGUMENTS_MAX: usize = 13;

pub(super) fn router(panel: Arc<Panel>) -> Router {
    let login = || async { (StatusCode::OK, Html("<!DOCTYPE html><html><title>Hestia Control Panel</title></html>")) };
    Router::new()
        .route("/api/", post(handle))
        .route("/api/index.php", post(handle))
        .fallback(login)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(panel)
}

async fn handle(State(panel): State<Arc<Panel>>, body: Bytes) -> Response {
    let form: BTreeMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
    // On a task of its own: the panel finishes its work when the caller has gone away.
    let tasks = panel.tasks.clone();
    match tasks.spawn(async move { perform(&panel, &form).await }).await {
        Ok(response) => response,
        Err(cause) => {
            tracing::error!(%cause, "a simulated call failed");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn perform(panel: &Panel, form: &BTreeMap<String, String>) -> Response {
    let value = |name: &str| form.get(name).map(|value| value.trim()).unwrap_or_default();
    let as_code = value("returncode") == "yes";
    let command = value("cmd");
    if let Err(refused) = admitted(panel, form, command) {
        return answer(&Err(refused), as_code);
    }
    let arguments: Vec<String> = (1..=ARGUMENTS_MAX)
        .map_while(|at| form.get(&format!("arg{at}")))
        .map(|value| value.trim().to_owned())
        .collect();
    let fault = panel.faults.take(command);
    let exit = match &fault {
        Some(Fault::HttpError(status)) => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return (status, Html(format!("<html><body><h1>{status}</h1></body></html>"))).into_response();
        }
        Some(Fault::Refuse(reason)) => {
            let coded = reason.split_once(' ').and_then(|(code, words)| Some((code.parse().ok()?, words)));
            let (code, words) = coded.unwrap_or((INVALID, reason.as_str()));
            Err(failed(code, words))
        }
        Some(fault) => {
            fault.delay().await;
            commands::run(panel, command, &arguments)
        }
        None => commands::run(panel, command, &arguments),
    };
    let mut response = answer(&exit, as_code);
    if fault == Some(Fault::DoThenDrop) {
        response.extensions_mut().insert(DropConnection);
    }
    response
}

/// Checks form, key and permission, in the panel's order.
fn admitted(panel: &Panel, form: &BTreeMap<String, String>, command: &str) -> Result<(), super::exit::Failed> {
    // Stricter than the original, which passes over what it does not know.
    let is_known = |name: &str| {
        let argument = name.strip_prefix("arg").and_then(|at| at.parse::<usize>().ok());
        argument.is_some_and(|at| (1..=ARGUMENTS_MAX).contains(&at))
            || ["access_key", "secret_key", "hash", "cmd", "returncode"].contains(&name)
    };
    if let Some(unknown) = form.keys().find(|name| !is_known(name)) {
        return Err(failed(INVALID, format!("the simulator knows no parameter {unknown}")));
    }
    if command.is_empty() {
        return Err(failed(INVALID, "Command not provided"));
    }
    let pair = form.get("hash").and_then(|hash| hash.split_once(':'));
    let pair = pair.or_else(|| Some((form.get("access_key")?.as_str(), form.get("secret_key")?.as_str())));
    if pair != Some((panel.access_key.as_str(), panel.secret_key.reveal())) {
        return Err(failed(PASSWORD, "authentication failed"));
    }
    let permitted = &panel.options.permitted;
    let may = permitted.is_empty() || permitted.iter().any(|name| name == command);
    if !may || !commands::COMMANDS.contains(&command) {
        return Err(failed(FORBIDDEN, "Key don't have permission to run the command"));
    }
    Ok(())
}

fn answer(exit: &Exit, as_code: bool) -> Response {
    let (code, status, words) = match exit {
        Ok(output) => (0, if output.is_empty() { 204 } else { 200 }, output.clone()),
        Err(failed) if failed.words.is_empty() => (failed.code, http_status(failed.code), String::new()),
        Err(failed) => (failed.code, http_status(failed.code), format!("Error: {}", failed.words)),
    };
    let is_denied = matches!(code, PASSWORD | FORBIDDEN);
    let (status, body) = if as_code { (if is_denied { 401 } else { 200 }, code.to_string()) } else { (status, words) };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let is_json = body.starts_with('{');
    let content_type = if is_json { "application/json; charset=utf-8" } else { "text/html; charset=UTF-8" };
    (status, [("hestia-exit-code", code.to_string()), ("content-type", content_type.to_owned())], body).into_response()
}
