//! `/virtual-server/remote.cgi`: Basic authentication, faults, and the JSON around a program's output.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};

use super::programs::{Exit, Failed, PRO, PROGRAMS, Parameters, Printed, refused, run, usage};
use super::{Panel, programs};
use crate::basic_auth::basic_auth;
use crate::fault::Fault;
use crate::server::DropConnection;

/// No call is larger.
const BODY_BYTES_MAX: usize = 256 * 1024;
/// What a wrong password is answered with.
const UNAUTHORIZED: &str = "<html><head><title>401 &mdash; Unauthorized</title></head><body>\
                            A password is required to access this web server. Please try again.</body></html>";

pub(super) fn router(panel: Arc<Panel>) -> Router {
    Router::new()
        .route("/virtual-server/remote.cgi", get(handle).post(handle))
        .fallback(|| async { (StatusCode::OK, Html("<html><title>Login to Webmin</title></html>")) })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(panel)
}

async fn handle(
    State(panel): State<Arc<Panel>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if basic_auth(&headers) != Some(("root".to_owned(), panel.password.reveal().to_owned())) {
        return (StatusCode::UNAUTHORIZED, Html(UNAUTHORIZED)).into_response();
    }
    let query = query.unwrap_or_default();
    let parse = |bytes| form_urlencoded::parse(bytes).into_owned();
    let parameters: Parameters = parse(query.as_bytes()).chain(parse(&body)).collect();
    // On a task of its own: the panel finishes its work when the caller has gone away.
    let tasks = panel.tasks.clone();
    match tasks.spawn(async move { perform(&panel, parameters).await }).await {
        Ok(response) => response,
        Err(cause) => {
            tracing::error!(%cause, "a simulated call failed");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn perform(panel: &Panel, mut parameters: Parameters) -> Response {
    let program = parameters.remove("program").unwrap_or_default();
    let json = parameters.remove("json");
    if json.as_deref() != Some("1") {
        let words = "the simulator answers in JSON only: json=1";
        return (StatusCode::OK, words).into_response();
    }
    let is_there = PROGRAMS.contains(&program.as_str()) && (panel.options.pro || !PRO.contains(&program.as_str()));
    if !is_there {
        let error = format!("Remote program {program} does not exist");
        return answer(&json!({"status": "error", "error": error}));
    }
    let fault = panel.faults.take(&program);
    let exit = match &fault {
        Some(Fault::HttpError(status)) => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return (status, Html(format!("<html><body><h1>{status}</h1></body></html>"))).into_response();
        }
        Some(Fault::Refuse(reason)) => Err(match reason.strip_prefix('~') {
            Some(reason) => Failed::HalfWay(reason.to_owned()),
            None => refused(reason),
        }),
        Some(fault) => {
            fault.delay().await;
            run(panel, &program, &parameters)
        }
        None => run(panel, &program, &parameters),
    };
    let mut response = answer(&body(&program, &exit));
    if fault == Some(Fault::DoThenDrop) {
        response.extensions_mut().insert(DropConnection);
    }
    response
}

fn body(program: &str, exit: &Exit) -> Value {
    match exit {
        Ok(Printed::Text(output)) if output.is_empty() => {
            json!({"command": program, "status": "success", "output": null})
        }
        Ok(Printed::Text(output)) => json!({"command": program, "status": "success", "output": output}),
        Ok(Printed::Rows(rows)) => json!({"command": program, "status": "success", "data": rows}),
        Err(Failed::Refused(words)) => {
            let full = format!("{words}\n\n{}", programs::usage(program));
            json!({"command": program, "status": "failure", "error": words, "full_error": full})
        }
        Err(Failed::HalfWay(words)) => {
            debug_assert!(!words.contains(&usage(program)));
            json!({"command": program, "status": "failure", "error": words, "full_error": format!("{words}\n")})
        }
    }
}

fn answer(body: &Value) -> Response {
    (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], format!("{body:#}\n\n")).into_response()
}
