//! When the panel does not answer, answers half, or is not there.

use std::time::Duration;

use billet_plugin::Failure;
use billet_plugin::v1::{
    ChangePackageRequest, ChangePasswordRequest, CreateAccountRequest, CreatePackageRequest, GetAccountRequest,
    Package, ProblemKind, SuspendAccountRequest, TerminateAccountRequest, UnsuspendAccountRequest,
    UpdateAccountRequest,
};
use billet_simulator::Fault;

use crate::plugin::{PASSWORD, acme, configured, creation, operation, start};

fn suspend() -> SuspendAccountRequest {
    SuspendAccountRequest { operation: operation(1), r#ref: acme(), reason: "overdue".into(), lock: false }
}

fn large() -> ChangePackageRequest {
    ChangePackageRequest { operation: operation(1), r#ref: acme(), package: "Large".into() }
}

fn terminate() -> TerminateAccountRequest {
    TerminateAccountRequest { operation: operation(1), r#ref: acme(), keep_dns: false }
}

fn unsuspend() -> UnsuspendAccountRequest {
    UnsuspendAccountRequest { operation: operation(1), r#ref: acme(), force: false }
}

fn email() -> UpdateAccountRequest {
    UpdateAccountRequest {
        operation: operation(1),
        r#ref: acme(),
        email: Some("new@acme.example".into()),
        ..UpdateAccountRequest::default()
    }
}

fn package() -> CreatePackageRequest {
    let package = Package { name: "Mail".into(), ..Package::default() };
    CreatePackageRequest { operation: operation(1), package: Some(package) }
}

#[tokio::test]
async fn work_that_was_done_without_an_answer_is_found_done() {
    let (server, plugin) = start().await;
    server.fail_next("create-domain", Fault::DoThenDrop);
    let created = plugin.create_account(creation(1)).await.expect("done");
    assert!(!created.already && created.warnings.len() == 1, "{:?}", created.warnings);
    server.fail_next("disable-domain", Fault::DoThenDrop);
    plugin.suspend_account(suspend()).await.expect("done");
    server.fail_next("enable-domain", Fault::DoThenDrop);
    plugin.unsuspend_account(unsuspend()).await.expect("done");
    server.fail_next("modify-domain", Fault::DoThenDrop);
    plugin.change_package(large()).await.expect("done");
    server.fail_next("modify-domain", Fault::DoThenDrop);
    plugin.update_account(email()).await.expect("done");
    server.fail_next("create-plan", Fault::DoThenDrop);
    plugin.create_package(package()).await.expect("done");
    server.fail_next("modify-domain", Fault::DoThenDrop);
    let password = ChangePasswordRequest { operation: operation(1), r#ref: acme(), password: PASSWORD.into() };
    let failure = plugin.change_password(password).await.expect_err("cannot be seen");
    assert!(matches!(failure, Failure::Unknown(_)) && !format!("{failure:?}").contains(PASSWORD), "{failure:?}");
    server.fail_next("delete-domain", Fault::DoThenDrop);
    plugin.terminate_account(terminate()).await.expect("done");
    assert!(server.virtual_server("acme.example").is_none());
}

#[tokio::test]
async fn a_page_or_a_break_off_leaves_a_change_unknown() {
    let (server, plugin) = start().await;
    plugin.create_account(creation(1)).await.expect("created");
    for fault in [Fault::HttpError(502), Fault::Refuse("~Failed to save server details".into())] {
        for program in ["disable-domain", "create-domain", "delete-domain", "create-plan"] {
            server.fail_next(program, fault.clone());
        }
        server.fail_next("modify-domain", fault.clone());
        server.fail_next("modify-domain", fault);
        let other = CreateAccountRequest { username: "other".into(), domain: "other.example".into(), ..creation(1) };
        let failures = [
            plugin.suspend_account(suspend()).await.map(|_| ()).expect_err("no answer"),
            plugin.create_account(other).await.map(|_| ()).expect_err("no answer"),
            plugin.terminate_account(terminate()).await.map(|_| ()).expect_err("no answer"),
            plugin.create_package(package()).await.map(|_| ()).expect_err("no answer"),
            plugin.change_package(large()).await.map(|_| ()).expect_err("no answer"),
            plugin.update_account(email()).await.map(|_| ()).expect_err("no answer"),
        ];
        for failure in failures {
            assert!(matches!(failure, Failure::Unknown(_)), "{failure:?}");
        }
    }
    assert!(server.virtual_server("acme.example").expect("it exists").disabled.is_none());
}

#[tokio::test]
async fn a_refusal_with_the_usage_text_did_nothing() {
    let (server, plugin) = start().await;
    plugin.create_account(creation(1)).await.expect("created");
    for (said, kind) in [
        ("Unknown parameter --why", ProblemKind::Invalid),
        ("You are not allowed to disable this server", ProblemKind::Permission),
        ("The maximum number of servers is reached", ProblemKind::Limit),
    ] {
        server.fail_next("disable-domain", Fault::Refuse(said.into()));
        let failure = plugin.suspend_account(suspend()).await.expect_err("refused");
        assert!(failure.is_refused(kind) && failure.problem().words == said, "{failure:?}");
    }
}

#[tokio::test]
async fn a_create_that_outlasts_its_time_is_unknown_and_adopted_later() {
    let (server, plugin) = start().await;
    server.fail_next("create-domain", Fault::DelayThenDo(Duration::from_millis(3_800)));
    let failure = plugin.create_account(creation(1)).await.expect_err("no answer in time");
    assert!(matches!(failure, Failure::Unknown(_)), "{failure:?}");
    while server.virtual_server("acme.example").is_none() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(plugin.create_account(creation(2)).await.expect("adopted").already);
}

#[tokio::test]
async fn a_panel_that_cannot_be_asked_on_the_second_attempt_leaves_it_unknown() {
    let (server, plugin) = start().await;
    server.fail_next("list-domains", Fault::HttpError(503));
    let failure = plugin.create_account(creation(2)).await.expect_err("nobody knows");
    assert!(matches!(failure, Failure::Unknown(_)) && server.virtual_server("acme.example").is_none(), "{failure:?}");
}

#[tokio::test]
async fn wrong_passwords_stop_and_a_dead_server_is_tried_again() {
    let (server, _) = start().await;
    let plugin = configured(&server.url(), "wrong-password");
    let failure = plugin.get_account(GetAccountRequest { r#ref: acme() }).await.expect_err("a wrong password");
    assert!(failure.is_refused(ProblemKind::Unauthenticated) && !format!("{failure:?}").contains("wrong-password"));
    let failure = plugin.create_account(creation(1)).await.expect_err("a wrong password");
    assert!(failure.is_refused(ProblemKind::Unauthenticated), "{failure:?}");
    let (url, password) = (server.url(), server.password().to_owned());
    server.shutdown().await;
    let failure = configured(&url, &password).create_account(creation(1)).await.expect_err("nobody there");
    assert!(matches!(failure, Failure::RetryLater { .. }), "nothing was sent: {failure:?}");
}
