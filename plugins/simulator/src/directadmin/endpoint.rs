//! `/CMD_API_*`: Basic authentication with login-as, faults, and urlencoded answers.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

use super::Panel;
use super::commands::{Answer, COMMANDS, Pairs, Parameters, refused, run};
use crate::basic_auth::basic_auth;
use crate::fault::Fault;
use crate::server::DropConnection;

/// No call is larger.
const BODY_BYTES_MAX: usize = 256 * 1024;
/// What a browser gets that is not logged in.
const LOGIN_PAGE: &str = "<html><head><title>DirectAdmin Login</title></head><body>\
                          <form action=\"/CMD_LOGIN\" method=\"POST\"><input name=\"username\"></form></body></html>";

pub(super) fn router(panel: Arc<Panel>) -> Router {
    Router::new()
        .route("/{command}", get(handle).post(handle))
        .fallback(|| async { Html(LOGIN_PAGE) })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(panel)
}

async fn handle(
    State(panel): State<Arc<Panel>>,
    Path(command): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(caller) = caller(&panel, &headers) else {
        let status = if panel.options.login_page { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
        return (status, [("x-directadmin", "Unauthorized")], Html(LOGIN_PAGE)).into_response();
    };
    let query = query.unwrap_or_default();
    let parse = |bytes| form_urlencoded::parse(bytes).into_owned();
    let parameters: Parameters = parse(query.as_bytes()).chain(parse(&body)).collect();
    // On a task of its own: the panel finishes its work when the caller has gone away.
    let tasks = panel.tasks.clone();
    match tasks.spawn(async move { perform(&panel, &command, &caller, &parameters).await }).await {
        Ok(response) => response,
        Err(cause) => {
            tracing::error!(%cause, "a simulated call failed");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The user that the call is made as: `admin`, or who stands behind the bar in `admin|user`.
fn caller(panel: &Panel, headers: &HeaderMap) -> Option<String> {
    let (user, password) = basic_auth(headers)?;
    let (login, acting_as) = user.split_once('|').unwrap_or((&user, &user));
    let state = panel.state();
    let known = login == "admin" && password == panel.login_key.reveal();
    (known && state.users.contains_key(acting_as)).then(|| acting_as.to_owned())
}

async fn perform(panel: &Panel, command: &str, caller: &str, parameters: &Parameters) -> Response {
    if !COMMANDS.contains(&command) {
        return answer(&Err(refused("Unknown command", command)));
    }
    let fault = panel.faults.take(command);
    let outcome = match &fault {
        Some(Fault::HttpError(status)) => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return (status, Html(format!("<html><body><h1>{status}</h1></body></html>"))).into_response();
        }
        Some(Fault::Refuse(reason)) => Err(refused("Error", reason)),
        Some(fault) => {
            fault.delay().await;
            run(panel, command, caller, parameters)
        }
        None => run(panel, command, caller, parameters),
    };
    let mut response = answer(&outcome);
    if fault == Some(Fault::DoThenDrop) {
        response.extensions_mut().insert(DropConnection);
    }
    response
}

fn answer(outcome: &Answer) -> Response {
    let pairs: Pairs = match outcome {
        Ok(pairs) => pairs.clone(),
        Err(refusal) => {
            let pairs = [("error", "1"), ("text", refusal.text.as_str()), ("details", refusal.details.as_str())];
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
        }
    };
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
    (StatusCode::OK, [(header::CONTENT_TYPE, "text/plain")], body).into_response()
}
