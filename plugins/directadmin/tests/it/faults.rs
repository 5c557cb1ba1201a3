//! When the panel does not answer, answers half, or is not there.

use std::time::Duration;

use billet_plugin::Failure;
use billet_plugin::v1::{
    ChangePackageRequest, ChangePasswordRequest, CreateAccountRequest, CreatePackageRequest, GetAccountRequest,
    Package, ProblemKind, SuspendAccountRequest, TerminateAccountRequest, UnsuspendAccountRequest,
    UpdateAccountRequest,
};
use billet_simulator::{DirectAdminOptions, Fault};

use crate::plugin::{PASSWORD, acme, configured, creation, operation, start, with};

fn suspend() -> SuspendAccountRequest {
    SuspendAccountRequest { operation: operation(1), r#ref: acme(), ..SuspendAccountRequest::default() }
}

fn large() -> ChangePackageRequest {
    ChangePackageRequest { operation: operation(1), r#ref: acme(), package: "large".into() }
}

fn terminate() -> TerminateAccountRequest {
    TerminateAccountRequest { operation: operation(1), r#ref: acme(), keep_dns: false }
}

fn email() -> UpdateAccountRequest {
    let email = Some("new@acme.example".into());
    UpdateAccountRequest { operation: operation(1), r#ref: acme(), email, ..UpdateAccountRequest::default() }
}

fn package() -> CreatePackageRequest {
    let package = Package { name: "mail".into(), ..Package::default() };
    CreatePackageRequest { operation: operation(1), package: Some(package) }
}

fn password() -> ChangePasswordRequest {
    ChangePasswordRequest { operation: operation(1), r#ref: acme(), password: PASSWORD.into() }
}

#[tokio::test]
async fn work_that_was_done_without_an_answer_is_found_done() {
    let (server, plugin) = start().await;
    let drop_next = |command: &str| server.fail_next(command, Fault::DoThenDrop);
    drop_next("CMD_API_ACCOUNT_USER");
    let created = plugin.create_account(creation(1)).await.expect("done");
    assert!(!created.already && created.warnings.len() == 1, "{:?}", created.warnings);
    drop_next("CMD_API_SELECT_USERS");
    plugin.suspend_account(suspend()).await.expect("done");
    drop_next("CMD_API_SELECT_USERS");
    let unsuspend = UnsuspendAccountRequest { operation: operation(1), r#ref: acme(), force: false };
    plugin.unsuspend_account(unsuspend).await.expect("done");
    drop_next("CMD_API_MODIFY_USER");
    plugin.change_package(large()).await.expect("done");
    drop_next("CMD_API_CHANGE_INFO");
    plugin.update_account(email()).await.expect("done");
    drop_next("CMD_API_MANAGE_USER_PACKAGES");
    plugin.create_package(package()).await.expect("done");
    drop_next("CMD_API_USER_PASSWD");
    let failure = plugin.change_password(password()).await.expect_err("cannot be seen");
    assert!(matches!(failure, Failure::Unknown(_)) && !format!("{failure:?}").contains(PASSWORD), "{failure:?}");
    drop_next("CMD_API_SELECT_USERS");
    plugin.terminate_account(terminate()).await.expect("done");
    assert!(server.user("acme").is_none());
}

#[tokio::test]
async fn a_page_leaves_a_change_unknown() {
    let (server, plugin) = start().await;
    plugin.create_account(creation(1)).await.expect("created");
    for command in
        ["CMD_API_MODIFY_USER", "CMD_API_ACCOUNT_USER", "CMD_API_CHANGE_INFO", "CMD_API_MANAGE_USER_PACKAGES"]
    {
        server.fail_next(command, Fault::HttpError(502));
    }
    server.fail_next("CMD_API_SELECT_USERS", Fault::HttpError(502));
    server.fail_next("CMD_API_SELECT_USERS", Fault::HttpError(502));
    let other = CreateAccountRequest { username: "other".into(), domain: "other.example".into(), ..creation(1) };
    let failures = [
        plugin.suspend_account(suspend()).await.map(|_| ()).expect_err("a page"),
        plugin.terminate_account(terminate()).await.map(|_| ()).expect_err("a page"),
        plugin.create_account(other.clone()).await.map(|_| ()).expect_err("a page"),
        plugin.change_package(large()).await.map(|_| ()).expect_err("a page"),
        plugin.update_account(email()).await.map(|_| ()).expect_err("a page"),
        plugin.create_package(package()).await.map(|_| ()).expect_err("a page"),
    ];
    for failure in failures {
        assert!(matches!(failure, Failure::Unknown(_)), "{failure:?}");
    }
    let second = CreateAccountRequest { operation: operation(2), ..other };
    assert!(!plugin.create_account(second).await.expect("now it works").already);
}

#[tokio::test]
async fn words_have_their_class_and_repeat_no_password() {
    let (server, plugin) = start().await;
    plugin.create_account(creation(1)).await.expect("created");
    for (said, kind) in [
        ("You do not have access to this command", ProblemKind::Permission),
        ("You have reached the maximum number of users", ProblemKind::Limit),
        ("Something new", ProblemKind::Invalid),
    ] {
        server.fail_next("CMD_API_SELECT_USERS", Fault::Refuse(said.into()));
        let failure = plugin.suspend_account(suspend()).await.expect_err("refused");
        assert!(failure.is_refused(kind) && failure.problem().words.contains(said), "{failure:?}");
    }
    server.fail_next("CMD_API_SELECT_USERS", Fault::Refuse("Your IP is blacklisted".into()));
    let failure = plugin.suspend_account(suspend()).await.expect_err("locked out");
    assert!(matches!(failure, Failure::RetryLater { .. }) && failure.kind() == ProblemKind::Busy, "{failure:?}");
    server.fail_next("CMD_API_USER_PASSWD", Fault::Refuse(format!("<b>{PASSWORD}</b> is too weak")));
    let failure = plugin.change_password(password()).await.expect_err("refused");
    assert_eq!(failure.problem().words, "Error: [redacted] is too weak");
}

#[tokio::test]
async fn a_create_that_outlasts_its_time_is_unknown_and_adopted_later() {
    let (server, plugin) = start().await;
    server.fail_next("CMD_API_ACCOUNT_USER", Fault::DelayThenDo(Duration::from_millis(3_800)));
    let failure = plugin.create_account(creation(1)).await.expect_err("no answer in time");
    assert!(matches!(failure, Failure::Unknown(_)), "{failure:?}");
    while server.user("acme").is_none() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(plugin.create_account(creation(2)).await.expect("adopted").already);
}

#[tokio::test]
async fn wrong_keys_stop_and_a_dead_server_is_tried_again() {
    for login_page in [true, false] {
        let (server, _) = with(DirectAdminOptions { login_page, ..DirectAdminOptions::default() }).await;
        let plugin = configured(&server.url(), "wrong-login-key");
        let failure = plugin.get_account(GetAccountRequest { r#ref: acme() }).await.expect_err("a wrong key");
        assert!(failure.is_refused(ProblemKind::Unauthenticated) && !format!("{failure:?}").contains("wrong-login"));
        let failure = plugin.create_account(creation(1)).await.expect_err("a wrong key");
        assert!(failure.is_refused(ProblemKind::Unauthenticated), "{failure:?}");
        let (url, key) = (server.url(), server.login_key().to_owned());
        server.shutdown().await;
        let failure = configured(&url, &key).create_account(creation(1)).await.expect_err("nobody there");
        assert!(matches!(failure, Failure::RetryLater { .. }), "nothing was sent: {failure:?}");
    }
}
