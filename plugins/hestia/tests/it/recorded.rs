//! What a running HestiaCP really answered.

use billet_plugin::Failure;
use billet_plugin::v1::{
    AccountRef, ChangePackageRequest, CreateAccountRequest, GetAccountRequest, GetUsageRequest, ListAccountsRequest,
    ListPackagesRequest, ProblemKind, SuspendAccountRequest, TerminateAccountRequest,
};

use crate::plugin::{configured, creation, operation};
use crate::replay::{Replay, page};

const KEY: &str = "ABCDEFGHIJ0123456789";
const SECRET: &str = "0123456789abcdefghij0123456789abcdefghij";

fn acmeone() -> Option<AccountRef> {
    Some(AccountRef { username: "acmeone".into(), ..AccountRef::default() })
}

#[tokio::test]
async fn a_user_and_the_packages_are_read() {
    let server = Replay::fixtures(&["08-list-user", "19-delete", "17-list-packages"]).await;
    let plugin = configured(&server.url, KEY, SECRET);
    // The fixture after the user stands for v-list-web-domains and is no JSON object.
    let failure = plugin.get_account(GetAccountRequest { r#ref: acmeone() }).await.expect_err("`0` is no listing");
    assert!(matches!(failure, Failure::RetryLater { .. }), "{failure:?}");
    let packages = plugin.list_packages(ListPackagesRequest {}).await.expect("listed").value.packages;
    let names: Vec<_> = packages.iter().map(|package| package.name.as_str()).collect();
    assert_eq!(names, ["default", "system"]);
    let system = packages[1].limits.expect("limits");
    assert_eq!((system.addon_domains, system.databases, system.disk_bytes), (Some(0), Some(0), None));
    assert_eq!(packages[0].extra["SHELL"], "nologin");
    let asked = server.asked();
    assert!(asked[0].contains("cmd=v-list-user&arg1=acmeone&arg2=json") && asked[0].contains("returncode=no"));
}

#[tokio::test]
async fn users_without_domains_need_no_more_questions() {
    let server = Replay::fixtures(&["02-list-users-data"]).await;
    let plugin = configured(&server.url, KEY, SECRET);
    let page = plugin.list_accounts(ListAccountsRequest { page_size: 10, ..ListAccountsRequest::default() }).await;
    let account = page.expect("listed").value.accounts.remove(0);
    assert_eq!((account.package.as_str(), account.email.as_str()), ("system", "admin@example.test"));
    assert_eq!((account.disk_used_bytes, account.disk_limit_bytes), (Some(0), None));
    assert!(!format!("{account:?}").contains("k1xxNN4mXOSkSfMk"), "RKEY is a secret");
}

#[tokio::test]
async fn failures_keep_their_code() {
    let server = Replay::fixtures(&["21-unknown-user", "25-bad-key-data", "18-list-user-stats"]).await;
    let plugin = configured(&server.url, KEY, SECRET);
    let missing = plugin.get_account(GetAccountRequest { r#ref: acmeone() }).await.expect_err("missing");
    assert!(missing.is_refused(ProblemKind::NotFound), "{missing:?}");
    assert_eq!(missing.problem().words, "user nosuch doesn't exist");
    let denied = plugin.list_packages(ListPackagesRequest {}).await.expect_err("denied");
    assert!(denied.is_refused(ProblemKind::Unauthenticated), "{denied:?}");
    let past = Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 0 });
    let none = plugin.get_usage(GetUsageRequest { r#ref: acmeone(), month: past }).await.expect("an empty log");
    assert!(none.value.usage.is_empty());
}

#[tokio::test]
async fn changes_with_recorded_exit_codes() {
    let suspend =
        SuspendAccountRequest { operation: operation(1), r#ref: acmeone(), ..SuspendAccountRequest::default() };
    let server = Replay::fixtures(&["09-suspend", "11-list-user-suspended", "10-suspend-again"]).await;
    let plugin = configured(&server.url, KEY, SECRET);
    assert!(!plugin.suspend_account(suspend.clone()).await.expect("suspended").already);
    assert!(plugin.suspend_account(suspend).await.expect("exit code 5").already);

    let server = Replay::fixtures(&["08-list-user", "15-change-package-missing"]).await;
    let plugin = configured(&server.url, KEY, SECRET);
    let change = ChangePackageRequest { operation: operation(1), r#ref: acmeone(), package: "nosuch".into() };
    assert!(plugin.change_package(change).await.expect_err("no package").is_refused(ProblemKind::Invalid));

    let server = Replay::fixtures(&["21-unknown-user"]).await;
    let plugin = configured(&server.url, KEY, SECRET);
    let terminate = TerminateAccountRequest { operation: operation(1), r#ref: acmeone(), keep_dns: false };
    assert!(plugin.terminate_account(terminate).await.expect("gone").already);

    // Without a domain the first question is the creation itself.
    let create = CreateAccountRequest { domain: String::new(), ..creation(1) };
    for (fixture, kind) in [
        ("04-add-user-duplicate", ProblemKind::Conflict),
        ("23-add-user-duplicate-data", ProblemKind::Conflict),
        ("26-retry-after-client-timeout", ProblemKind::Conflict),
        ("05-add-user-bad-package", ProblemKind::Invalid),
        ("06-add-user-bad-name", ProblemKind::Invalid),
        ("07-add-user-missing-args", ProblemKind::Invalid),
        ("22-unknown-cmd", ProblemKind::Permission),
        ("24-bad-key", ProblemKind::Unauthenticated),
    ] {
        let server = Replay::fixtures(&[fixture]).await;
        let plugin = configured(&server.url, KEY, SECRET);
        let failure = plugin.create_account(create.clone()).await.expect_err("refused");
        assert!(failure.is_refused(kind), "{fixture}: {failure:?}");
    }
}

#[tokio::test]
async fn a_page_instead_of_an_answer() {
    let server = Replay::answers([page(200), page(200), page(200)].into()).await;
    let plugin = configured(&server.url, KEY, SECRET);
    let failure = plugin.list_packages(ListPackagesRequest {}).await.expect_err("a page");
    assert!(
        matches!(failure, Failure::RetryLater { .. }) && failure.problem().words.contains("wrong port"),
        "{failure:?}"
    );
    let create = CreateAccountRequest { domain: String::new(), ..creation(1) };
    let failure = plugin.create_account(create).await.expect_err("a page");
    assert!(matches!(failure, Failure::Unknown(_)) && !failure.problem().words.contains("token=abc"), "{failure:?}");
}
