//! `/json-api/FUNCTION`: authentication, faults, and who does what.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};

use super::call::{Call, Done, Outcome, Refusal, access_denied, envelope};
use super::{
    FUNCTIONS, Panel, api0, change, create, listing, packages, parameters, privileges, reseller_state, resellers,
    suspend,
};
use crate::fault::Fault;
use crate::server::DropConnection;

/// No call of these functions is larger.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// What a browser gets: also what a client gets that calls the wrong path.
const LOGIN_PAGE: &str = "<!DOCTYPE html><html><head><title>WHM Login</title></head><body>Log in</body></html>";

/// The routes of the server.
pub(super) fn router(panel: Arc<Panel>) -> Router {
    Router::new()
        .route("/json-api/{function}", get(handle).post(handle))
        .fallback(|| async { (StatusCode::UNAUTHORIZED, Html(LOGIN_PAGE)) })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(panel)
}

async fn handle(
    State(panel): State<Arc<Panel>>,
    Path(function): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(caller) = caller(&panel, &headers) else {
        return denied();
    };
    let query = query.unwrap_or_default();
    let form: &[u8] = if is_form(&headers) { &body } else { &[] };
    let parse = |bytes| form_urlencoded::parse(bytes).into_owned();
    let call = Call::new(&function, &caller, parse(query.as_bytes()).chain(parse(form)));
    // On a task of its own: the panel finishes its work when the caller has gone away.
    let tasks = panel.tasks.clone();
    match tasks.spawn(async move { perform(&panel, &call).await }).await {
        Ok(response) => response,
        Err(cause) => {
            tracing::error!(%cause, "a simulated call failed");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The user of `Authorization: whm USER:TOKEN`, if the token is that user's.
fn caller(panel: &Panel, headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, credentials) = value.split_once(' ')?;
    let (user, token) = credentials.trim().split_once(':')?;
    let known = panel.state().tokens.get(user).is_some_and(|known| known.reveal() == token);
    (scheme.eq_ignore_ascii_case("whm") && known).then(|| user.to_owned())
}

fn is_form(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    content_type.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded")
}

async fn perform(panel: &Panel, call: &Call) -> Response {
    let version = match call.api_version() {
        Ok(version) => version,
        Err(refusal) => return answer(call, 1, &Err(refusal)),
    };
    let fault = panel.faults.take(&call.function);
    let outcome = match &fault {
        Some(Fault::HttpError(status)) => return http_error(*status),
        Some(Fault::Refuse(reason)) => Err(Refusal::plain(reason)),
        Some(fault) => {
            fault.delay().await;
            dispatch(panel, call).await
        }
        None => dispatch(panel, call).await,
    };
    let mut response = answer(call, version, &outcome);
    if fault == Some(Fault::DoThenDrop) {
        response.extensions_mut().insert(DropConnection);
    }
    response
}

async fn dispatch(panel: &Panel, call: &Call) -> Outcome {
    privileges::check(panel, call)?;
    parameters::check(call)?;
    match call.function.as_str() {
        "version" => Ok(Done::with_data(json!({"version": panel.options.version}))),
        "createacct" => create::createacct(panel, call).await,
        "verify_new_username" => create::verify_new_username(panel, call),
        "removeacct" => create::removeacct(panel, call).await,
        "suspendacct" => suspend::suspendacct(panel, call).await,
        "unsuspendacct" => suspend::unsuspendacct(panel, call).await,
        "changepackage" => change::changepackage(panel, call).await,
        "modifyacct" => change::modifyacct(panel, call).await,
        "passwd" => change::passwd(panel, call).await,
        "listaccts" => listing::listaccts(panel, call),
        "accountsummary" => listing::accountsummary(panel, call),
        "showbw" => listing::showbw(panel, call),
        "get_disk_usage" => listing::get_disk_usage(panel, call),
        "listpkgs" => packages::listpkgs(panel, call),
        "addpkg" => packages::addpkg(panel, call),
        "setupreseller" => resellers::setupreseller(panel, call),
        "listresellers" => resellers::listresellers(panel),
        "unsetupreseller" => resellers::unsetupreseller(panel, call),
        "setresellerlimits" => resellers::setresellerlimits(panel, call),
        "acctcounts" => resellers::acctcounts(panel, call),
        "setacls" => privileges::setacls(panel, call),
        "saveacllist" => privileges::saveacllist(panel, call),
        "myprivs" => privileges::myprivs(panel, call),
        "suspendreseller" => reseller_state::suspendreseller(panel, call).await,
        "unsuspendreseller" => reseller_state::unsuspendreseller(panel, call).await,
        "terminatereseller" => reseller_state::terminatereseller(panel, call).await,
        "listsuspended" => suspend::listsuspended(panel, call),
        "listlockedaccounts" => suspend::listlockedaccounts(panel, call),
        "gethostname" => Ok(Done::with_data(json!({"hostname": panel.options.hostname}))),
        "get_current_users_count" => Ok(Done::with_data(json!({"users": panel.state().accounts.len()}))),
        "get_maximum_users" => Ok(Done::with_data(json!({"users": panel.options.accounts_max}))),
        "create_user_session" => resellers::create_user_session(panel, call),
        unknown => {
            debug_assert!(!FUNCTIONS.contains(&unknown), "{unknown} is listed but not simulated");
            Err(Refusal::plain(format!("Unknown app (“{unknown}”) requested for this version of the API.")))
        }
    }
}

fn answer(call: &Call, version: u8, outcome: &Outcome) -> Response {
    let body = if version == 1 { envelope(&call.function, outcome) } else { api0::legacy(&call.function, outcome) };
    body.map_or_else(denied, |body| json_answer(StatusCode::OK, &body))
}

fn denied() -> Response {
    json_answer(StatusCode::FORBIDDEN, &access_denied())
}

fn json_answer(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json; charset=utf-8")], body.to_string()).into_response()
}

/// What stands before a panel that is down answers with: not JSON.
fn http_error(status: u16) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Html(format!("<html><body><h1>{status}</h1></body></html>"))).into_response()
}
