//! What a running Virtualmin really answered.

use billet_plugin::Failure;
use billet_plugin::v1::{
    AccountRef, ChangePackageRequest, CreateAccountRequest, CreatePackageRequest, GetAccountRequest,
    ListAccountsRequest, ListPackagesRequest, ListResellersRequest, Package, ProblemKind, SingleSignOnRequest,
    SuspendAccountRequest, SuspensionOrigin, TerminateAccountRequest,
};

use crate::plugin::{configured, creation, operation};
use crate::replay::{Replay, broken, fixture, page};

const HASH: &str = "$y$j9T$";

fn acmeone() -> Option<AccountRef> {
    Some(AccountRef { username: "acmeone".into(), domain: "acme-one.example".into(), panel_id: String::new() })
}

#[tokio::test]
async fn complaints_between_the_rows_are_no_accounts() {
    let server = Replay::fixtures(&["10-list-domains", "29-list-domains-empty", "11-list-domains-user"]).await;
    let plugin = configured(&server.url, "x");
    let list = ListAccountsRequest { page_size: 10, ..ListAccountsRequest::default() };
    let accounts = plugin.list_accounts(list.clone()).await.expect("listed").value.accounts;
    assert_eq!(accounts.len(), 1, "`Failed to find mount point` is no account");
    let account = &accounts[0];
    let reference = account.r#ref.clone().expect("a reference");
    assert_eq!(reference, AccountRef { panel_id: "179552481415308".into(), ..acmeone().expect("one") });
    assert_eq!((account.package.as_str(), account.ip.as_str()), ("Small", "192.0.2.2"));
    assert_eq!(account.created_at.map(|at| at.seconds), Some(1_795_524_814));
    assert_eq!((account.disk_used_bytes, account.disk_limit_bytes), (None, None), "no quotas on that server");
    assert!(!format!("{account:?}").contains(HASH));
    assert!(plugin.list_accounts(list).await.expect("listed").value.accounts.is_empty());
    let got = plugin.get_account(GetAccountRequest { r#ref: acmeone() }).await.expect("there").value.account;
    assert_eq!(got.expect("an account"), accounts[0]);
    assert!(server.asked()[0].contains("program=list-domains&json=1&multiline=&toplevel="), "{:?}", server.asked());
}

#[tokio::test]
async fn plans_and_a_suspension_are_read() {
    let server = Replay::fixtures(&["05-list-plans", "14-list-domains-disabled"]).await;
    let plugin = configured(&server.url, "x");
    let packages = plugin.list_packages(ListPackagesRequest {}).await.expect("listed").value.packages;
    let names: Vec<_> = packages.iter().map(|package| (package.name.as_str(), package.panel_id.as_str())).collect();
    assert_eq!(names, [("Default Plan", "0"), ("Large", "179552481315292"), ("Small", "179552481215276")]);
    let small = packages[2].limits.expect("limits");
    assert_eq!(
        (small.disk_bytes, small.bandwidth_bytes, small.addon_domains),
        (Some(1 << 30), Some(10 << 30), Some(3))
    );
    assert_eq!((small.mailboxes, packages[2].owner.as_str()), (None, ""));
    let account = plugin.get_account(GetAccountRequest { r#ref: acmeone() }).await.expect("there").value.account;
    let suspension = account.expect("an account").suspension.expect("suspended");
    assert_eq!((suspension.origin(), suspension.reason.as_str()), (SuspensionOrigin::Administrator, "Overdue invoice"));
}

#[tokio::test]
async fn a_creation_with_recorded_answers() {
    let request = CreateAccountRequest { username: "acmeone".into(), domain: "acme-one.example".into(), ..creation(1) };
    // The recorded server was made on 2026-11-24 at 12:53:34 UTC.
    let mut operation = operation(1).expect("an operation");
    operation.first_attempt_at = Some(prost_types::Timestamp { seconds: 1_795_524_810, nanos: 0 });
    let request = CreateAccountRequest { operation: Some(operation), ..request };
    let server = Replay::fixtures(&["06-create-domain-ok", "10-list-domains"]).await;
    let done = configured(&server.url, "x").create_account(request.clone()).await.expect("made");
    assert!(!done.already && done.warnings.is_empty(), "{:?}", done.warnings);
    let asked = &server.asked()[0];
    for part in ["user=acmeone", "features-from-plan=&", "limits-from-plan=&", "plan=Small", "pass=S3cret-pw-1"] {
        assert!(format!("{asked}&").contains(part), "{part}: {asked}");
    }
    for (fixture, kind) in [
        ("07-create-domain-duplicate-domain", ProblemKind::Conflict),
        ("08-create-domain-duplicate-user", ProblemKind::Conflict),
        ("33-create-retry-after-client-timeout", ProblemKind::Conflict),
        ("09-create-domain-unknown-plan", ProblemKind::Invalid),
        ("20-unknown-program", ProblemKind::Unsupported),
        ("21-bad-password", ProblemKind::Unauthenticated),
    ] {
        let server = Replay::fixtures(&[fixture]).await;
        let failure = configured(&server.url, "x").create_account(request.clone()).await.expect_err("refused");
        assert!(failure.is_refused(kind), "{fixture}: {failure:?}");
    }
}

#[tokio::test]
async fn changes_with_recorded_answers() {
    let suspend =
        SuspendAccountRequest { operation: operation(1), r#ref: acmeone(), ..SuspendAccountRequest::default() };
    let answers = ["10-list-domains", "12-disable-domain", "14-list-domains-disabled"];
    let server = Replay::fixtures(&answers).await;
    let done = configured(&server.url, "x").suspend_account(suspend.clone()).await.expect("suspended");
    assert!(!done.already);
    assert!(server.asked()[1].contains("why=%5Bbillet%5D"), "{:?}", server.asked());
    // Somebody else was faster.
    let answers = ["10-list-domains", "13-disable-domain-again", "14-list-domains-disabled"];
    let server = Replay::fixtures(&answers).await;
    assert!(configured(&server.url, "x").suspend_account(suspend).await.expect("suspended before").already);

    let terminate = TerminateAccountRequest { operation: operation(1), r#ref: acmeone(), keep_dns: false };
    let server = Replay::fixtures(&["10-list-domains", "27-delete-domain", "19-unknown-domain"]).await;
    assert!(!configured(&server.url, "x").terminate_account(terminate.clone()).await.expect("removed").already);
    let server = Replay::fixtures(&["28-delete-domain-again", "29-list-domains-empty"]).await;
    assert!(configured(&server.url, "x").terminate_account(terminate).await.expect("gone").already);

    let change = ChangePackageRequest { operation: operation(1), r#ref: acmeone(), package: "Large".into() };
    let server = Replay::fixtures(&["10-list-domains", "16-modify-domain-plan", "10-list-domains"]).await;
    let failure = configured(&server.url, "x").change_package(change).await.expect_err("the listing says otherwise");
    assert!(matches!(failure, Failure::Unknown(_)), "{failure:?}");

    let package = Package { name: "Small".into(), ..Package::default() };
    let create = CreatePackageRequest { operation: operation(1), package: Some(package) };
    let server = Replay::fixtures(&["29-list-domains-empty", "03-create-plan-duplicate"]).await;
    assert!(configured(&server.url, "x").create_package(create.clone()).await.expect("there").already);
    let server = Replay::fixtures(&["29-list-domains-empty", "01-create-plan-unknown-param"]).await;
    let failure = configured(&server.url, "x").create_package(create).await.expect_err("refused");
    assert!(failure.is_refused(ProblemKind::Invalid) && failure.problem().words == "Unknown parameter --bw");
}

#[tokio::test]
async fn what_the_free_edition_does_not_have() {
    let server = Replay::fixtures(&["22-create-reseller-gpl", "10-list-domains", "25-create-login-link"]).await;
    let plugin = configured(&server.url, "x");
    let failure = plugin.list_resellers(ListResellersRequest {}).await.expect_err("Pro only");
    assert!(failure.is_refused(ProblemKind::Unsupported), "{failure:?}");
    let login = SingleSignOnRequest { r#ref: acmeone(), ..SingleSignOnRequest::default() };
    let failure = plugin.single_sign_on(login).await.expect_err("no Webmin login");
    assert!(failure.is_refused(ProblemKind::State), "{failure:?}");
}

#[tokio::test]
async fn a_page_or_half_an_answer() {
    let answers = [page(200), broken("10-list-domains"), page(200), fixture("29-list-domains-empty")];
    let server = Replay::answers(answers.into()).await;
    let plugin = configured(&server.url, "x");
    for _ in 0..2 {
        let failure = plugin.list_packages(ListPackagesRequest {}).await.expect_err("no answer");
        let words = &failure.problem().words;
        assert!(matches!(failure, Failure::RetryLater { .. }) && words.contains("wrong port"), "{failure:?}");
        assert!(!words.contains("token=abc") && !words.contains(HASH), "{failure:?}");
    }
    let failure = plugin.create_account(creation(1)).await.expect_err("a page, and then nothing is listed");
    assert!(matches!(failure, Failure::Unknown(_)), "{failure:?}");
}
