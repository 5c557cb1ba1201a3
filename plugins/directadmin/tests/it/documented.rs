//! Answers as the documentation and open clients have them (fixtures/README.md).

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::response::IntoResponse;
use billet_plugin::Failure;
use billet_plugin::v1::{
    GetAccountRequest, ListAccountsRequest, ListPackagesRequest, ProblemKind, SuspensionOrigin, TerminateAccountRequest,
};

use crate::plugin::{acme, configured, operation};

/// A server that gives these fixtures, one after the other, as DirectAdmin does: plain text.
async fn giving(names: &[&str]) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let answers: VecDeque<Vec<u8>> =
        names.iter().map(|name| std::fs::read(folder.join(name)).expect("a fixture")).collect();
    let answers = Arc::new(Mutex::new(answers));
    let give = move || {
        let next = answers.lock().expect("one at a time").pop_front().unwrap_or_default();
        async move { ([("content-type", "text/plain")], next).into_response() }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(give)).await });
    url
}

#[tokio::test]
async fn a_configuration_is_read() {
    let url = giving(&["config-suspended.txt", "config-missing.txt", "login-page.html", "create-ok.txt"]).await;
    let plugin = configured(&url, "x");
    let get = GetAccountRequest { r#ref: acme() };
    let account = plugin.get_account(get.clone()).await.expect("there").value.account.expect("an account");
    assert_eq!((account.package.as_str(), account.email.as_str()), ("small", "ops@acme.example"));
    assert_eq!(account.created_at.map(|at| at.seconds), Some(1_795_524_814));
    assert_eq!(account.suspension.expect("suspended").origin(), SuspensionOrigin::Panel);
    let missing = plugin.get_account(get.clone()).await.expect_err("missing");
    assert!(missing.is_refused(ProblemKind::NotFound), "{missing:?}");
    let page = plugin.get_account(get.clone()).await.expect_err("the login page with HTTP 200");
    assert!(page.is_refused(ProblemKind::Unauthenticated), "{page:?}");
    let odd = plugin.get_account(get).await.expect_err("an answer without a user");
    assert!(odd.is_refused(ProblemKind::NotFound), "{odd:?}");
}

#[tokio::test]
async fn lists_and_refusals() {
    let names = ["users.txt", "config-missing.txt", "config-missing.txt", "create-domain-exists.txt"];
    let url = giving(&names).await;
    let plugin = configured(&url, "x");
    let list = ListAccountsRequest { page_size: 9, ..ListAccountsRequest::default() };
    assert!(plugin.list_accounts(list).await.expect("both are gone meanwhile").value.accounts.is_empty());
    let refused = plugin.list_packages(ListPackagesRequest {}).await.expect_err("refused");
    assert!(refused.is_refused(ProblemKind::Conflict), "{refused:?}");
    assert_eq!(refused.problem().words, "Cannot Create Account: That domain already exists");
}

#[tokio::test]
async fn nobody_is_gone_who_is_still_listed() {
    let terminate = TerminateAccountRequest { operation: operation(1), r#ref: acme(), keep_dns: false };
    let url = giving(&["config-missing.txt", "users.txt"]).await;
    assert!(configured(&url, "x").terminate_account(terminate.clone()).await.expect("gone").already);
    let mut anna = acme().expect("a reference");
    anna.username = "anna".into();
    let url = giving(&["config-missing.txt", "users.txt"]).await;
    let listed = TerminateAccountRequest { r#ref: Some(anna), ..terminate };
    let failure = configured(&url, "x").terminate_account(listed).await.expect_err("she is listed");
    assert!(matches!(failure, Failure::RetryLater { .. }), "{failure:?}");
}
