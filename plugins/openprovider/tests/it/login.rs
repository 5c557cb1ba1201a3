//! The token: asked for once, renewed once, never in a loop.

use billet_plugin::v1::*;
use billet_simulator::{Fault, Openprovider, OpenproviderOptions};
use serde_json::json;

use crate::stand::{Stand, assert_later, assert_refused, plugin};

#[tokio::test]
async fn one_login_serves_many_calls_at_once() {
    let stand = Stand::new().await;
    let test = || stand.plugin.test_registrar(TestRegistrarRequest {});
    let (a, b, c, d) = tokio::join!(test(), test(), test(), test());
    for answer in [a, b, c, d] {
        answer.expect("reached");
    }
    assert_eq!((stand.server.calls("Login"), stand.server.calls("GetReseller")), (1, 4));
}

#[tokio::test]
async fn a_token_that_is_no_longer_taken_is_replaced_once() {
    let stand = Stand::having("acme.example").await;
    stand.server.expire_tokens();
    assert_eq!(stand.domain("acme.example").await.name, "acme.example");
    assert_eq!(stand.server.calls("Login"), 2);
}

#[tokio::test]
async fn wrong_credentials_are_tried_once() {
    let server = Openprovider::start(OpenproviderOptions::default()).await.expect("the simulator starts");
    let plugin = plugin(&server.url(), "not-the-password", json!({}));
    for _ in 0..5 {
        let words = assert_refused(&plugin.test_registrar(TestRegistrarRequest {}).await, ProblemKind::Unauthenticated);
        assert!(!words.contains("not-the-password"), "{words}");
    }
    assert_eq!(server.calls("Login"), 1, "a refused login is not repeated");
    assert_eq!(server.calls("GetReseller"), 0);
}

#[tokio::test]
async fn a_login_that_breaks_is_no_refusal_even_for_a_change() {
    let stand = Stand::new().await;
    stand.server.fail_next("Login", Fault::HttpError(503));
    assert_later(&stand.plugin.test_registrar(TestRegistrarRequest {}).await, ProblemKind::Unavailable);
    stand.server.fail_next("Login", Fault::DoThenDrop);
    let delete = DeleteDomainRequest { name: "acme.example".to_owned(), ..DeleteDomainRequest::default() };
    assert_later(&stand.plugin.delete_domain(delete).await, ProblemKind::Unavailable);
    stand.plugin.test_registrar(TestRegistrarRequest {}).await.expect("the next login works");
}
