//! `/enterprise/control/agent.php`: authentication, the packet, faults.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::post;

use super::operation::Operation;
use super::panel::Panel;
use super::refusal::Refusal;
use super::server::PROTOCOLS;
use super::state::ADMIN_LOGIN;
use super::xml::Element;
use crate::fault::Fault;
use crate::server::DropConnection;

/// No packet is larger.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// More operations in one packet than anybody sends.
const OPERATIONS_MAX: usize = 1_000;

/// What a browser gets: also what a client gets that calls the wrong path.
const LOGIN_PAGE: &str = "<!DOCTYPE html><html><head><title>Plesk</title></head><body>Log in</body></html>";

/// An operation of a packet that passed the schema.
type Step = (&'static Operation, Element);

/// The routes of the server.
pub(super) fn router(panel: Arc<Panel>) -> Router {
    Router::new()
        .route("/enterprise/control/agent.php", post(handle))
        .fallback(|| async { Html(LOGIN_PAGE) })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(panel)
}

async fn handle(State(panel): State<Arc<Panel>>, headers: HeaderMap, body: Bytes) -> Response {
    let steps = authenticate(&panel, &headers).and_then(|()| steps(&headers, &body));
    let steps = match steps {
        Ok(steps) => steps,
        Err(refusal) => return answer(&Element::new("system").with_all(refusal.members())),
    };
    // On a task of its own: the panel finishes its work when the caller has gone away.
    let tasks = panel.tasks.clone();
    match tasks.spawn(async move { perform(&panel, &steps).await }).await {
        Ok(response) => response,
        Err(cause) => {
            tracing::error!(%cause, "a simulated packet failed");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// The headers have underscores in their names.
fn authenticate(panel: &Panel, headers: &HeaderMap) -> Result<(), Refusal> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(key) = text("key") {
        return if key == panel.secret_key.reveal() { Ok(()) } else { Err(Refusal::secret_key()) };
    }
    let good =
        text("http_auth_login") == Some(ADMIN_LOGIN) && text("http_auth_passwd") == Some(panel.password.reveal());
    if good { Ok(()) } else { Err(Refusal::credentials()) }
}

/// Reads and checks the whole packet before any of it is done.
fn steps(headers: &HeaderMap, body: &[u8]) -> Result<Vec<Step>, Refusal> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !content_type.starts_with("text/xml") {
        return Err(Refusal::parse("the content type must be text/xml"));
    }
    let document = std::str::from_utf8(body).map_err(Refusal::parse)?;
    let packet = Element::parse(document).map_err(Refusal::parse)?;
    if packet.name != "packet" {
        return Err(Refusal::parse(format!("'packet' is expected, not '{}'", packet.name)));
    }
    if let Some((_, version)) = packet.attributes.iter().find(|(name, _)| name == "version") {
        speaks(version)?;
    }
    let mut steps = Vec::new();
    for operator in packet.children {
        if operator.children.is_empty() {
            return Err(Refusal::parse(format!("'{}' has no operation", operator.name)));
        }
        for body in operator.children {
            let operation = Operation::find(&operator.name, &body.name)?;
            operation.check(&body)?;
            steps.push((operation, body));
        }
    }
    if steps.is_empty() || steps.len() > OPERATIONS_MAX {
        return Err(Refusal::parse("a packet has from 1 to 1000 operations"));
    }
    Ok(steps)
}

/// A version may be given in part: `1.6` is the newest of that line.
fn speaks(version: &str) -> Result<(), Refusal> {
    let parts: Vec<u32> = version.split('.').map_while(|part| part.parse().ok()).collect();
    let complete = parts.len() == version.split('.').count() && parts.len() <= 4;
    let newest: Vec<u32> = PROTOCOLS[PROTOCOLS.len() - 1].split('.').map_while(|part| part.parse().ok()).collect();
    if complete && parts.starts_with(&[1, 6]) && parts <= newest { Ok(()) } else { Err(Refusal::version(version)) }
}

async fn perform(panel: &Panel, steps: &[Step]) -> Response {
    let faults: Vec<Option<Fault>> = steps.iter().map(|(operation, _)| panel.faults.take(operation.name)).collect();
    let http_error = faults.iter().flatten().find_map(|fault| match fault {
        Fault::HttpError(status) => Some(*status),
        _ => None,
    });
    if let Some(status) = http_error {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        return (status, Html(format!("<html><body><h1>{status}</h1></body></html>"))).into_response();
    }
    let mut packet = packet();
    for ((operation, body), fault) in steps.iter().zip(&faults) {
        let results = match fault {
            Some(Fault::Refuse(reason)) => super::filter::added(Err(Refusal::failed(reason))),
            Some(fault) => {
                fault.delay().await;
                panel.perform(operation, body).await
            }
            None => panel.perform(operation, body).await,
        };
        let verb = Element::new(operation.verb()).with_all(results);
        // Operations of one operator that follow each other are answered within one element.
        match packet.children.last_mut().filter(|last| last.name == operation.operator()) {
            Some(operator) => operator.children.push(verb),
            None => packet.children.push(Element::new(operation.operator()).with(verb)),
        }
    }
    let mut response = document(&packet);
    if faults.contains(&Some(Fault::DoThenDrop)) {
        response.extensions_mut().insert(DropConnection);
    }
    response
}

fn packet() -> Element {
    let mut packet = Element::new("packet");
    packet.attributes.push(("version".to_owned(), PROTOCOLS[PROTOCOLS.len() - 1].to_owned()));
    packet
}

fn answer(content: &Element) -> Response {
    document(&packet().with(content.clone()))
}

fn document(packet: &Element) -> Response {
    ([(header::CONTENT_TYPE, "text/xml;charset=UTF-8")], packet.document()).into_response()
}
