//! When the panel does not answer, answers half, or is not there.

use std::time::Duration;

use billet_plugin::v1::{
    ChangePackageRequest, ChangePasswordRequest, CreateAccountRequest, GetAccountRequest, ProblemKind,
    SuspendAccountRequest, TerminateAccountRequest, UnsuspendAccountRequest, UpdateAccountRequest,
};
use billet_plugin::{Failure, Panel};
use billet_simulator::Fault;

use crate::plugin::{PASSWORD, acme, configured, creation, operation, start};

fn suspend() -> SuspendAccountRequest {
    SuspendAccountRequest { operation: operation(1), r#ref: acme(), ..SuspendAccountRequest::default() }
}

fn terminate() -> TerminateAccountRequest {
    TerminateAccountRequest { operation: operation(1), r#ref: acme(), keep_dns: false }
}

fn unsuspend() -> UnsuspendAccountRequest {
    UnsuspendAccountRequest { operation: operation(1), r#ref: acme(), force: false }
}

fn password() -> ChangePasswordRequest {
    ChangePasswordRequest { operation: operation(1), r#ref: acme(), password: PASSWORD.into() }
}

fn large() -> ChangePackageRequest {
    ChangePackageRequest { operation: operation(1), r#ref: acme(), package: "large".into() }
}

fn email() -> UpdateAccountRequest {
    UpdateAccountRequest {
        operation: operation(1),
        r#ref: acme(),
        email: Some("new@acme.example".into()),
        ..UpdateAccountRequest::default()
    }
}

#[tokio::test]
async fn work_that_was_done_without_an_answer_is_found_done() {
    let (server, plugin) = start().await;
    for command in ["v-add-user", "v-add-domain", "v-suspend-user", "v-unsuspend-user", "v-change-user-package"] {
        server.fail_next(command, Fault::DoThenDrop);
    }
    server.fail_next("v-change-user-contact", Fault::DoThenDrop);
    server.fail_next("v-delete-user", Fault::DoThenDrop);
    let created = plugin.create_account(creation(1)).await.expect("both commands were done");
    assert!(server.user("acme").expect("it exists").domains.contains_key("acme.example"));
    assert_eq!(created.warnings.len(), 1, "adding the domain gave no answer: {:?}", created.warnings);
    plugin.suspend_account(suspend()).await.expect("done");
    plugin.unsuspend_account(unsuspend()).await.expect("done");
    plugin.change_package(large()).await.expect("done");
    plugin.update_account(email()).await.expect("done");
    plugin.terminate_account(terminate()).await.expect("done");
    assert!(server.user("acme").is_none());
}

#[tokio::test]
async fn a_password_that_got_no_answer_is_unknown() {
    let (server, plugin) = start().await;
    plugin.create_account(creation(1)).await.expect("created");
    server.fail_next("v-change-user-password", Fault::DoThenDrop);
    let failure = plugin.change_password(password()).await.expect_err("nobody can tell");
    assert!(matches!(failure, Failure::Unknown(_)) && !format!("{failure:?}").contains(PASSWORD), "{failure:?}");
    plugin.change_password(password()).await.expect("again does no harm");
}

#[tokio::test]
async fn a_change_that_was_not_done_and_got_no_answer_is_unknown() {
    let (server, plugin) = start().await;
    plugin.create_account(creation(1)).await.expect("created");
    let page = |command: &str| server.fail_next(command, Fault::HttpError(502));
    page("v-suspend-user");
    page("v-change-user-package");
    page("v-delete-user");
    page("v-add-user");
    page("v-change-user-contact");
    let other = CreateAccountRequest { username: "other".into(), domain: "other.example".into(), ..creation(1) };
    let failures = [
        plugin.suspend_account(suspend()).await.map(|_| ()).expect_err("a page"),
        plugin.change_package(large()).await.map(|_| ()).expect_err("a page"),
        plugin.terminate_account(terminate()).await.map(|_| ()).expect_err("a page"),
        plugin.update_account(email()).await.map(|_| ()).expect_err("a page"),
        plugin.create_account(other.clone()).await.map(|_| ()).expect_err("a page"),
    ];
    for failure in failures {
        assert!(matches!(failure, Failure::Unknown(_)), "{failure:?}");
    }
    let second = CreateAccountRequest { operation: operation(2), ..other };
    assert!(!plugin.create_account(second).await.expect("now it works").already);
}

#[tokio::test]
async fn a_create_that_outlasts_its_time_is_unknown_and_adopted_later() {
    let (server, plugin) = start().await;
    server.fail_next("v-add-user", Fault::DelayThenDo(Duration::from_millis(3_500)));
    let failure = plugin.create_account(creation(1)).await.expect_err("no answer in time");
    assert!(matches!(failure, Failure::Unknown(_)), "{failure:?}");
    while server.user("acme").is_none() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let done = plugin.create_account(creation(2)).await.expect("adopted, and its domain added");
    assert!(!done.already && server.user("acme").expect("it exists").domains.contains_key("acme.example"));
}

#[tokio::test]
async fn a_domain_that_cannot_be_added_takes_the_new_user_along() {
    let (server, plugin) = start().await;
    server.fail_next("v-add-domain", Fault::Refuse("8 WEB_DOMAINS limit is reached".into()));
    let failure = plugin.create_account(creation(1)).await.expect_err("no room for a domain");
    assert!(failure.is_refused(ProblemKind::Limit) && server.user("acme").is_none(), "{failure:?}");
    server.fail_next("v-add-domain", Fault::Refuse("20 can't restart web".into()));
    let failure = plugin.create_account(creation(1)).await.expect_err("half way");
    assert!(matches!(failure, Failure::Unknown(_)) && server.user("acme").is_some(), "{failure:?}");
    plugin.create_account(creation(2)).await.expect("the second attempt adds the domain");
}

#[tokio::test]
async fn exit_codes_have_their_class() {
    let (server, plugin) = start().await;
    plugin.create_account(creation(1)).await.expect("created");
    for (said, kind) in [
        ("1 Usage: v-suspend-user USER", ProblemKind::Invalid),
        ("2 invalid user format", ProblemKind::Invalid),
        ("3 user acme doesn't exist", ProblemKind::NotFound),
        ("7 in use", ProblemKind::State),
        ("8 limit", ProblemKind::Limit),
        ("9 authentication failed", ProblemKind::Unauthenticated),
        ("10 forbidden", ProblemKind::Permission),
        ("11 API has been disabled", ProblemKind::Permission),
        ("11 WEB_SYSTEM is not enabled", ProblemKind::Unsupported),
    ] {
        server.fail_next("v-suspend-user", Fault::Refuse(said.into()));
        let failure = plugin.suspend_account(suspend()).await.expect_err("refused");
        assert!(failure.is_refused(kind), "{said}: {failure:?}");
        let (code, words) = said.split_once(' ').expect("code and words");
        assert_eq!((failure.problem().code.as_str(), failure.problem().words.as_str()), (code, words));
    }
    for said in ["12 parsing", "15 cannot connect", "20 restart failed"] {
        server.fail_next("v-suspend-user", Fault::Refuse(said.into()));
        let failure = plugin.suspend_account(suspend()).await.expect_err("half way");
        assert!(matches!(failure, Failure::Unknown(_)), "{said}: {failure:?}");
    }
    server.fail_next("v-suspend-user", Fault::Refuse("14 load average is too high".into()));
    let failure = plugin.suspend_account(suspend()).await.expect_err("busy");
    assert!(matches!(&failure, Failure::RetryLater { .. }) && failure.kind() == ProblemKind::Busy, "{failure:?}");
}

#[tokio::test]
async fn wrong_keys_stop_and_a_dead_server_is_tried_again() {
    let (server, _) = start().await;
    let wrong = "x".repeat(40);
    let plugin = configured(&server.url(), server.access_key(), &wrong);
    let failure = plugin.get_account(GetAccountRequest { r#ref: acme() }).await.expect_err("a wrong key");
    assert!(
        failure.is_refused(ProblemKind::Unauthenticated) && !format!("{failure:?}").contains(&wrong),
        "{failure:?}"
    );
    let failure = plugin.create_account(creation(1)).await.expect_err("a wrong key");
    assert!(failure.is_refused(ProblemKind::Unauthenticated), "{failure:?}");
    let (url, key, secret) = (server.url(), server.access_key().to_owned(), server.secret_key().to_owned());
    server.shutdown().await;
    let plugin: std::sync::Arc<dyn Panel> = configured(&url, &key, &secret);
    let failure = plugin.suspend_account(suspend()).await.expect_err("nobody there");
    assert!(matches!(failure, Failure::RetryLater { .. }), "nothing was sent: {failure:?}");
}
