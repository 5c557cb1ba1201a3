//! Documented answers, from a server that gives one and the same to every call but the login.

use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::Router;
use axum::http::{Method, StatusCode, Uri, header};
use axum::response::IntoResponse;
use billet_plugin::v1::*;
use billet_plugin::{Failure, Registrar};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::stand::{assert_later, assert_refused, assert_unknown, euros, operation, plugin, register};

const LOGIN: &str = include_str!("../../fixtures/login.json");
const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// The plugin before a server that answers so.
async fn answering(status: u16, kind: &'static str, body: impl Into<String>) -> Arc<dyn Registrar> {
    let body = body.into();
    serving((200, "", None), (status, kind, body)).await
}

/// The plugin before a server that answers questions (GET) with one text, if there is one, and all else in another way.
async fn serving(
    (get_status, get_kind, get_body): (u16, &'static str, Option<String>),
    (status, kind, body): (u16, &'static str, String),
) -> Arc<dyn Registrar> {
    let answer = move |method: Method, uri: Uri| {
        let (status, kind, body) = match (&get_body, method) {
            _ if uri.path().ends_with("/auth/login") => (200, "application/json", LOGIN.to_owned()),
            (Some(body), Method::GET) => (get_status, get_kind, body.clone()),
            _ => (status, kind, body.clone()),
        };
        async move {
            let status = StatusCode::from_u16(status).expect("a status");
            (status, [(header::CONTENT_TYPE, kind)], body).into_response()
        }
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    plugin(&format!("http://{address}/v1"), "s3cret-word", json!({"timeout_s": 5}))
}

async fn json_of(status: u16, body: &str) -> Arc<dyn Registrar> {
    answering(status, "application/json", body).await
}

/// As a list of one: a server that gives one answer to everything must fit both calls of a look-up.
fn listed(domain: &str) -> String {
    let mut answer: Value = serde_json::from_str(domain).expect("JSON");
    let row = answer["data"].clone();
    answer["data"]["results"] = json!([row]);
    answer["data"]["total"] = json!(1);
    answer.to_string()
}

fn get() -> GetDomainRequest {
    GetDomainRequest { name: "acme.example".to_owned() }
}

#[tokio::test]
async fn a_domain_with_every_documented_member_is_read() {
    let plugin = json_of(200, &listed(include_str!("../../fixtures/domain.json"))).await;
    let domain = plugin.get_domain(get()).await.expect("read").value.domain.expect("a domain");
    assert_eq!((domain.state(), domain.registrar_id.as_str()), (DomainState::Active, "123456789"));
    assert_eq!(domain.name_servers, ["ns1.host.example", "ns2.host.example"]);
    assert_eq!(domain.created_at.expect("told").seconds, 1_769_475_317, "2026-01-27 00:55:17 UTC");
    assert_eq!(domain.expires_at.expect("told").seconds, 4_073_158_517, "2099-01-27 00:55:17 UTC");
    assert_eq!(domain.statuses, ["ACT", "clientTransferProhibited"]);
    let handles: Vec<_> = domain.contacts.iter().map(|contact| contact.handle.as_str()).collect();
    assert_eq!(handles, ["OO000001-XX", "AA000001-XX", "TT000001-XX", "BB000001-XX"]);
    assert_eq!((domain.dnssec[0].flags, domain.dnssec[0].algorithm), (257, 8));
    let shown = format!("{domain:?}");
    assert!(!shown.contains("1a2b3c4d5e6f") && !shown.contains("9z8y7x"), "{shown}");
    let page = plugin.list_domains(ListDomainsRequest { page_size: 10, ..Default::default() }).await.expect("listed");
    assert_eq!(page.warnings, ["The nameservers differ"]);
}

#[tokio::test]
async fn amounts_are_read_digit_by_digit() {
    let plugin = json_of(200, include_str!("../../fixtures/check-premium.json")).await;
    let request = CheckAvailabilityRequest { names: vec!["gold.example".to_owned()] };
    let found = plugin.check_availability(request).await.expect("checked").value.availabilities;
    let price = found[0].prices[0].price.clone().expect("money");
    assert!(found[0].premium);
    assert_eq!((price.currency_code.as_str(), price.units, price.nanos), ("USD", 2_499, 500_000_000));

    let plugin = json_of(200, include_str!("../../fixtures/tlds.json")).await;
    let found = plugin.get_tld_pricing(GetTldPricingRequest::default()).await.expect("listed").value.pricings;
    let prices: Vec<_> = found[0].prices.iter().map(|price| price.price.clone().expect("money")).collect();
    assert_eq!(prices[..2], [euros(226, 0), euros(0, 300_000_000)]);
    assert_eq!((prices.len(), prices[2].currency_code.as_str()), (3, "USD"), "what has no price is left out");
    assert_eq!((found[0].redemption_days, found[0].grace_days), (Some(30), None));
    assert!(found[1].prices.is_empty());
}

#[tokio::test]
async fn refusals_come_in_the_registrars_words_without_markup_and_secrets() {
    let plugin = json_of(500, include_str!("../../fixtures/error-379.json")).await;
    let answer = plugin.get_domain(get()).await;
    let words = assert_refused(&answer, ProblemKind::Limit);
    assert!(words.ends_with("send it again:: 42") && !words.contains('<'), "{words}");

    let plugin = json_of(500, include_str!("../../fixtures/error-399.json")).await;
    let words = assert_refused(&plugin.get_domain(get()).await, ProblemKind::Conflict);
    assert!(words.contains("Object exists; [redacted]") && !words.contains(TOKEN), "{words}");

    let plugin = json_of(500, include_str!("../../fixtures/maintenance.json")).await;
    assert_later(&plugin.get_domain(get()).await, ProblemKind::Unavailable);

    let forbidden = format!("{{\"code\": 5, \"desc\": \"no rights for {TOKEN} and s3cret-word\"}}");
    let words = assert_refused(&json_of(403, &forbidden).await.get_domain(get()).await, ProblemKind::Permission);
    assert_eq!(words, "no rights for [redacted] and [redacted]");
    let words = assert_refused(&json_of(401, &forbidden).await.get_domain(get()).await, ProblemKind::Unauthenticated);
    assert!(words.contains("[redacted] and [redacted]"), "{words}");
}

#[tokio::test]
async fn what_is_not_the_api_is_told_and_never_taken_for_an_answer() {
    let delete = || DeleteDomainRequest { operation: operation("op-1"), name: "acme.example".to_owned() };
    for (status, kind, body) in [
        (200, "text/html", "<html>Log in</html>".to_owned()),
        (200, "application/json", "{\"code\": 0, \"data\": {\"resul".to_owned()),
        (200, "application/json", "[]".to_owned()),
        (200, "application/json", "{\"code\": 0, \"data\": {\"results\": 7}}".to_owned()),
        (500, "application/json", "{\"code\": 0}".to_owned()),
        (404, "text/html", "<html>no such page</html>".to_owned()),
        (301, "text/plain", String::new()),
    ] {
        let plugin = answering(status, kind, body.clone()).await;
        assert_later(&plugin.get_domain(get()).await, ProblemKind::Unavailable);
        // The look before the deletion fails already, so nothing was asked to be done.
        assert_later(&plugin.delete_domain(delete()).await, ProblemKind::Unavailable);
        assert_later(&plugin.register_domain(register("acme.example")).await, ProblemKind::Unavailable);
    }
}

#[tokio::test]
async fn a_change_that_is_answered_with_nonsense_is_unknown() {
    let row = listed(include_str!("../../fixtures/domain.json"));
    let name = "acme.example".to_owned();
    for (status, kind, body) in [
        (200, "text/html", "<html>Log in</html>"),
        (200, "application/json", "{\"code\": 0, \"data\": {\"status"),
        (200, "application/json", "{\"code\": 0, \"data\": {\"status\": 7}}"),
        (500, "application/json", "{\"code\": 0}"),
        (504, "application/json", "{\"code\": 399, \"desc\": \"upstream\"}"),
        (500, "application/json", "{\"code\": 399, \"desc\": \"Registry timed out\"}"),
    ] {
        let asked = (200, "application/json", Some(row.clone()));
        let plugin = serving(asked, (status, kind, body.to_owned())).await;
        let delete = DeleteDomainRequest { operation: operation("op-1"), name: name.clone() };
        assert_unknown(&plugin.delete_domain(delete).await);
        let unlock = UpdateDomainRequest {
            operation: operation("op-2"),
            name: name.clone(),
            transfer_locked: Some(false),
            ..UpdateDomainRequest::default()
        };
        assert_unknown(&plugin.update_domain(unlock).await);
    }
}

#[tokio::test]
async fn a_renewal_that_is_taken_and_not_seen_yet_says_so() {
    let plugin = json_of(200, &listed(include_str!("../../fixtures/domain.json"))).await;
    let renew = RenewDomainRequest {
        operation: operation("op-2"),
        name: "acme.example".to_owned(),
        years: 1,
        expires_on: Some(billet_plugin::google::r#type::Date { year: 2099, month: 1, day: 27 }),
        ..RenewDomainRequest::default()
    };
    let done = plugin.renew_domain(renew).await.expect("taken");
    assert!(done.warnings.iter().any(|words| words.contains("not told yet")), "{done:?}");
    assert_eq!(done.value.expires_at, None, "the day of expiry did not move");
}

#[tokio::test]
async fn too_many_calls_are_waited_for() {
    let plugin = json_of(429, "{}").await;
    match plugin.get_domain(get()).await {
        Err(Failure::RetryLater { problem, after }) => {
            assert_eq!((problem.kind(), after.map(|after| after.as_secs())), (ProblemKind::Busy, Some(60)));
        }
        other => panic!("not to be waited for: {other:?}"),
    }
}

#[tokio::test]
async fn a_server_that_takes_no_token_is_asked_once() {
    let plugin = json_of(401, "{\"code\": 196, \"desc\": \"Authentication/Authorization Failed\"}").await;
    for _ in 0..3 {
        assert_refused(&plugin.get_domain(get()).await, ProblemKind::Unauthenticated);
    }
}

#[tokio::test]
async fn nothing_listening_is_tried_later() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let plugin = plugin(&format!("http://{address}/v1"), "s3cret-word", json!({}));
    let delete = DeleteDomainRequest { operation: operation("op-1"), name: "acme.example".to_owned() };
    assert_later(&plugin.delete_domain(delete).await, ProblemKind::Unavailable);
}
