//! `/v1/...`: the token, faults, and who does what.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, RawQuery, State as Shared};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use serde_json::{Value, json};

use super::call::Call;
use super::orders::{self, Answered};
use super::refusal::Refusal;
use super::{Desk, dns, domains, prices};
use crate::fault::Fault;
use crate::secret::Secret;
use crate::server::DropConnection;

/// No request is larger.
const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;
/// How many tokens are good at once; the oldest by name goes.
const TOKENS_MAX: usize = 1_000;

pub(super) fn router(desk: Arc<Desk>) -> Router {
    Router::new().fallback(handle).layer(DefaultBodyLimit::max(BODY_BYTES_MAX)).with_state(desk)
}

async fn handle(
    Shared(desk): Shared<Arc<Desk>>,
    method: Method,
    uri: Uri,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(path) = uri.path().strip_prefix("/v1/") else {
        return (StatusCode::NOT_FOUND, Html("<html><body>404 page not found</body></html>")).into_response();
    };
    let path = path.to_owned();
    let tasks = desk.tasks.clone();
    // On a task of its own: work goes on when the caller has gone away.
    let work = async move {
        let segments: Vec<&str> = path.split('/').collect();
        let query = query.unwrap_or_default();
        let pairs = form_urlencoded::parse(query.as_bytes()).into_owned();
        let call = if segments != ["auth", "login"] && !desk.knows(&headers) {
            Err(Refusal::unauthenticated())
        } else {
            Call::new(&method, &segments, pairs, &body)
        };
        match call {
            Ok(call) => perform(&desk, &call).await,
            Err(refusal) => answer(Err(refusal)),
        }
    };
    tasks.spawn(work).await.unwrap_or_else(|cause| {
        tracing::error!(%cause, "a simulated call failed");
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    })
}

impl Desk {
    fn knows(&self, headers: &HeaderMap) -> bool {
        let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        value.strip_prefix("Bearer ").is_some_and(|token| self.state().tokens.contains(token))
    }

    fn log_in(&self, call: &Call) -> Answered {
        if call.text("username") != self.options.username || call.text("password") != self.password.reveal() {
            return Err(Refusal::unauthenticated());
        }
        let token = Secret::random();
        let mut state = self.state();
        if state.tokens.len() >= TOKENS_MAX {
            state.tokens.pop_first();
        }
        state.tokens.insert(token.reveal().to_owned());
        Ok(json!({"token": token.reveal(), "reseller_id": 4_711}))
    }
}

async fn perform(desk: &Desk, call: &Call) -> Response {
    *desk.state().calls.entry(call.id).or_default() += 1;
    let fault = desk.faults.take(call.id);
    let answered = match &fault {
        Some(Fault::HttpError(status)) => return http_error(*status),
        Some(Fault::Refuse(reason)) => Err(Refusal::registry(reason)),
        Some(fault) => {
            fault.delay().await;
            dispatch(desk, call)
        }
        None => dispatch(desk, call),
    };
    let mut response = answer(answered);
    if fault == Some(Fault::DoThenDrop) {
        response.extensions_mut().insert(DropConnection);
    }
    response
}

fn dispatch(desk: &Desk, call: &Call) -> Answered {
    if call.id == "Login" {
        return desk.log_in(call);
    }
    let (options, now, state) = (&desk.options, desk.clock.now(), &mut *desk.state());
    match call.id {
        "ListDomains" => domains::list(state, call),
        "GetDomain" => domains::get(state, call),
        "UpdateDomain" => domains::update(state, call),
        "GetAuthCode" => domains::auth_code(state, call),
        "ResetAuthCode" => domains::reset_auth_code(state, call),
        "CheckDomain" => prices::check(options, state, call),
        "SuggestNameDomain" => prices::suggest(options, call),
        "GetPrice" => prices::price(options, call),
        "ListTlds" => prices::tlds(options, call),
        "GetReseller" => prices::reseller(options, state, call),
        "CreateDomain" => orders::create(options, state, call, now),
        "TransferDomain" => orders::transfer(options, state, call, now),
        "RenewDomain" => orders::renew(options, state, call),
        "RestoreDomain" => orders::restore(state, call, now),
        "DeleteDomain" => orders::delete(state, call, now),
        "ApproveTransfer" => orders::approve(state, call),
        "ListCustomers" => domains::customers(state, call),
        "CreateCustomer" => domains::create_customer(state, call),
        "GetCustomer" => domains::customer(state, call),
        "ListNameservers" => dns::name_servers(state, call),
        "CreateNameserver" => dns::create_name_server(state, call),
        "UpdateNameserver" => dns::update_name_server(state, call),
        "DeleteNameserver" => dns::delete_name_server(state, call),
        "CreateZone" => dns::create_zone(state, call),
        "UpdateZone" => dns::update_zone(state, call),
        "ListZoneRecords" => dns::records(state, call),
        other => Err(Refusal::undocumented(other)),
    }
}

fn answer(answered: Answered) -> Response {
    let (status, body) = match answered {
        Ok(data) => (200, json!({"code": 0, "desc": "", "data": data})),
        Err(refusal) => (refusal.status, json!({"code": refusal.code, "desc": refusal.desc, "data": refusal.data})),
    };
    json_answer(status, &body)
}

fn json_answer(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

/// What a gateway answers.
fn http_error(status: u16) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Html(format!("<html><body><h1>{status}</h1></body></html>"))).into_response()
}
