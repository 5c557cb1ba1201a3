//! What comes back when it is not an answer: refused logins, lockouts, other servers, old shapes, broken bodies.

use std::time::Duration;

use billet_plugin::Failure;
use billet_plugin::v1::*;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::canned::{Server, TOKEN};
use crate::world::{World, acme, configure, first, later, named, panel, refused, unknown};

fn get() -> GetAccountRequest {
    GetAccountRequest { r#ref: named("acme") }
}

const NONE: &str = r#"{"metadata":{"result":0,"reason":"Account does not exist."}}"#;

#[tokio::test]
async fn every_call_is_a_post_with_the_version_and_the_token_in_the_header() {
    let server = Server::start().await;
    server.answers("accountsummary", 200, NONE);
    refused(server.panel.get_account(get()).await, ProblemKind::NotFound);
    let seen = &server.seen("accountsummary")[0];
    assert_eq!(seen.authorization, format!("whm root:{TOKEN}"));
    assert_eq!((seen.query.as_deref(), seen.form.as_str()), (None, "api.version=1&user=acme"));
}

#[tokio::test]
async fn a_wrong_token_is_told_from_a_missing_privilege() {
    let world = World::with_reseller().await;
    let wrong = panel(json!({"url": world.whm.url()}), "wrong0wrong0");
    refused(wrong.get_account(get()).await, ProblemKind::Unauthenticated);
    refused(wrong.create_account(acme(first())).await, ProblemKind::Unauthenticated);
    refused(wrong.test_connection(TestConnectionRequest {}).await, ProblemKind::Unauthenticated);
    let words =
        refused(world.as_reseller("resa").list_resellers(ListResellersRequest {}).await, ProblemKind::Permission);
    assert!(words.contains("listresellers"), "{words}");
    assert!(world.whm.account("acme").is_none());
}

#[tokio::test]
async fn a_denial_costs_one_question_more_and_no_second_try() {
    let server = Server::start().await;
    server.answers_file("accountsummary", 403, "denied.json").answers_file("myprivs", 403, "denied.json");
    refused(server.panel.get_account(get()).await, ProblemKind::Unauthenticated);
    assert_eq!((server.seen("accountsummary").len(), server.seen("myprivs").len()), (1, 1));
    let server = Server::start().await;
    server.answers_file("accountsummary", 403, "denied.json").answers_file("myprivs", 200, "session-page.html");
    later(server.panel.get_account(get()).await);
}

#[tokio::test]
async fn a_lockout_says_when_to_come_back() {
    for (status, file) in [(403, "lockout.json"), (200, "lockout.json")] {
        let server = Server::start().await;
        server.answers_file("createacct", status, file);
        match server.panel.create_account(acme(first())).await {
            Err(Failure::RetryLater { problem, after }) => {
                assert_eq!((problem.kind(), after), (ProblemKind::Busy, Some(Duration::from_secs(600))));
            }
            other => panic!("not for later: {other:?}"),
        }
        assert!(server.seen("myprivs").is_empty(), "another login would only prolong it");
    }
    let server = Server::start().await;
    server.answers("createacct", 401, "<html><body>Brute force protection: you are locked out.</body></html>");
    assert_eq!(later(server.panel.create_account(acme(first())).await).kind(), ProblemKind::Busy);
}

#[tokio::test]
async fn foreign_answers_to_a_question() {
    for (status, body, kind) in [
        (200, "<!DOCTYPE html><html>login</html>", ProblemKind::Unavailable),
        (200, "", ProblemKind::Unavailable),
        (200, r#"{"metadata":{"result":1},"data":{"ac"#, ProblemKind::Unavailable),
        (200, "[1,2]", ProblemKind::Unavailable),
        (200, r#"{"status":1,"errors":null,"messages":null,"data":[]}"#, ProblemKind::Unavailable),
        (200, r#"{"metadata":{"result":1},"data":{}}"#, ProblemKind::Unavailable),
        (301, "moved", ProblemKind::Unavailable),
        (404, "not found", ProblemKind::Unavailable),
        (500, "<h1>Internal Server Error</h1>", ProblemKind::Unavailable),
        (524, "a timeout occurred", ProblemKind::Unavailable),
        (429, "slow down", ProblemKind::Busy),
    ] {
        let server = Server::start().await;
        server.answers("accountsummary", status, body);
        assert_eq!(later(server.panel.get_account(get()).await).kind(), kind, "{status} {body}");
    }
    let server = Server::start().await;
    server.answers_file("accountsummary", 200, "session-page.html");
    let words = later(server.panel.get_account(get()).await).words;
    assert!(words.contains("HTML") && words.contains("wrong port"), "{words}");
}

#[tokio::test]
async fn foreign_answers_to_a_change() {
    for (status, body) in [
        (200, "<!DOCTYPE html><html>login</html>"),
        (200, ""),
        (200, r#"{"metadata":{"result":1},"da"#),
        (200, r#"{"result":[{"status":1,"statusmsg":"Ok","rawout":""}]}"#),
        (500, "<h1>Internal Server Error</h1>"),
        (502, "<h1>Bad Gateway</h1>"),
        (524, "a timeout occurred"),
        (500, r#"{"metadata":{"result":1,"reason":"OK"}}"#),
    ] {
        let server = Server::start().await;
        server.answers("createacct", status, body).answers("accountsummary", 200, NONE);
        unknown(server.panel.create_account(acme(first())).await);
        assert_eq!(server.seen("createacct").len(), 1, "never sent twice");
    }
    // Here it is certain that nothing was done.
    for (status, body) in [(404, "not found"), (301, "moved"), (429, "slow down")] {
        let server = Server::start().await;
        server.answers("createacct", status, body);
        later(server.panel.create_account(acme(first())).await);
    }
    for (status, kind) in [(401, ProblemKind::Unauthenticated), (403, ProblemKind::Permission)] {
        let server = Server::start().await;
        server.answers("createacct", status, "<html>no</html>");
        refused(server.panel.create_account(acme(first())).await, kind);
    }
}

#[tokio::test]
async fn a_rate_limit_says_how_long() {
    let server = Server::start().await;
    server.answers("createacct", 429, "slow down");
    let Err(Failure::RetryLater { after, .. }) = server.panel.create_account(acme(first())).await else {
        panic!("not for later")
    };
    assert_eq!(after, Some(Duration::from_secs(30)));
}

#[tokio::test]
async fn old_shapes_are_failures() {
    let server = Server::start().await;
    server.answers_file("createacct", 200, "createacct-api0.json");
    let words = refused(server.panel.create_account(acme(first())).await, ProblemKind::Conflict);
    assert!(words.contains("already setup"), "{words}");
    for (body, kind) in [
        (r#"{"status":0,"statusmsg":"Account does not exist.","acct":[]}"#, ProblemKind::NotFound),
        (
            r#"{"data":{"reason":"Unknown app requested: accountsummary","result":"0"},"type":"text"}"#,
            ProblemKind::Unsupported,
        ),
        (
            r#"{"metadata":{"result":"0","reason":"API failure: (XID abc123) Access denied by the ACL."}}"#,
            ProblemKind::Permission,
        ),
        (
            r#"{"cpanelresult":{"error":"Could not find function 'accountsummary'","data":{"result":"0"}}}"#,
            ProblemKind::State,
        ),
    ] {
        let server = Server::start().await;
        server.answers("accountsummary", 200, body);
        refused(server.panel.get_account(get()).await, kind);
    }
}

#[tokio::test]
async fn the_id_of_an_incident_becomes_the_code() {
    let server = Server::start().await;
    let body = r#"{"metadata":{"result":0,"reason":"API failure: (XID kq2f8x) <b>No</b> such\nthing."}}"#;
    server.answers("listaccts", 200, body);
    let Err(failure) = server.panel.list_accounts(ListAccountsRequest::default()).await else { panic!("refused") };
    assert_eq!((failure.problem().code.as_str(), failure.problem().words.as_str()), ("XID kq2f8x", "No such thing."));
}

/// A server that sends `answer` to every request and closes.
async fn blunt(answer: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 64 * 1024];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer).await;
            let _ = stream.shutdown().await;
        }
    });
    url
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_answer() {
    let url = blunt(
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{\"metadata\":{\"result\":1}",
    )
    .await;
    let panel = panel(json!({"url": url}), TOKEN);
    later(panel.get_account(get()).await);
    unknown(panel.create_account(acme(first())).await);
}

#[tokio::test]
async fn a_server_that_is_not_there_was_sent_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let panel = panel(json!({"url": url}), TOKEN);
    assert_eq!(later(panel.create_account(acme(first())).await).kind(), ProblemKind::Unavailable);
}

#[tokio::test]
async fn the_token_is_in_no_words() {
    let server = Server::start().await;
    let echo = format!(r#"{{"metadata":{{"result":0,"reason":"The token {TOKEN} is not allowed."}}}}"#);
    server.answers("accountsummary", 200, &echo);
    let words = refused(server.panel.get_account(get()).await, ProblemKind::Permission);
    assert_eq!(words, "The token [redacted] is not allowed.");
    server.answers("listaccts", 500, &format!("<html>{TOKEN}</html>"));
    let problem = later(server.panel.list_accounts(ListAccountsRequest::default()).await);
    assert!(!format!("{problem:?}").contains(TOKEN), "{problem:?}");
    let Err(failure) = configure(json!({"url": "https://whm.example:2083"}), TOKEN) else { panic!("taken") };
    assert!(failure.problem().words.contains("2087") && !format!("{failure:?}").contains(TOKEN));
}

#[tokio::test]
async fn wrong_addresses_and_certificates_are_refused_at_once() {
    for values in [
        json!({"url": "http://whm.example:2086"}),
        json!({"url": "https://root:x@whm.example:2087"}),
        json!({"url": "https://whm.example:2087/?a=b"}),
        json!({"url": "whm.example"}),
        json!({"url": "https://whm.example", "ca_pem": "nonsense"}),
        json!({"url": "https://whm.example", "pin_sha256": "abc"}),
    ] {
        let Err(failure) = configure(values.clone(), TOKEN) else { panic!("{values} was taken") };
        assert!(failure.is_refused(ProblemKind::Invalid), "{values}: {failure:?}");
    }
}
