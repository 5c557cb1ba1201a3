//! Resellers.

use billet_plugin::v1::{
    AccountRef, CreateResellerRequest, Limits, ListResellersRequest, ProblemKind, SetResellerLimitsRequest,
    SuspendResellerRequest, SuspensionOrigin, TerminateResellerRequest, UnsuspendResellerRequest,
};
use billet_simulator::Fault;

use crate::bench::{Bench, PASSWORD, attempt, first, later, refused, unknown};

pub(crate) fn wanted() -> CreateResellerRequest {
    CreateResellerRequest {
        operation: first(),
        r#ref: Some(house()),
        password: PASSWORD.to_owned(),
        email: "ops@house.example".to_owned(),
        contact_name: "Hanna H".to_owned(),
        limits: Some(Limits { accounts: Some(50), disk_bytes: Some(1_000_000), ..Limits::default() }),
        privileges: "Gold Reseller".to_owned(),
    }
}

fn house() -> AccountRef {
    AccountRef { username: "house".to_owned(), ..AccountRef::default() }
}

fn limit() -> SetResellerLimitsRequest {
    SetResellerLimitsRequest {
        operation: first(),
        r#ref: Some(house()),
        limits: Some(Limits { accounts: Some(7), ..Limits::default() }),
        overselling: true,
        privileges: String::new(),
    }
}

async fn with_reseller() -> Bench {
    let bench = Bench::start().await;
    bench.panel.create_reseller(wanted()).await.expect("created");
    bench
}

#[tokio::test]
async fn a_reseller_is_made_once_with_plan_and_limits() {
    let bench = with_reseller().await;
    let reseller = bench.plesk.reseller("house").expect("it is there");
    assert_eq!(bench.plesk.reseller_plan_of("house").as_deref(), Some("Gold Reseller"));
    assert_eq!((reseller.external_id.as_str(), reseller.password.reveal()), ("billet:op-7", PASSWORD));
    assert_eq!(reseller.limits.get("max_dom").map(String::as_str), Some("50"));
    let done = bench.panel.create_reseller(CreateResellerRequest { operation: attempt(2), ..wanted() }).await;
    assert!(done.expect("found").already);
    let mut other = wanted();
    other.operation.as_mut().expect("an operation").id = "op-8".to_owned();
    let words = refused(bench.panel.create_reseller(other).await, ProblemKind::Conflict);
    assert!(words.contains("not by this operation"), "{words}");
    let listed = bench.panel.list_resellers(ListResellersRequest {}).await.expect("listed").value.resellers;
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].email.as_str(), listed[0].accounts), ("ops@house.example", Some(0)));
    assert_eq!(listed[0].r#ref.as_ref().expect("a reference").panel_id, reseller.guid);
}

#[tokio::test]
async fn lost_answers_and_refusals_of_making_one() {
    let bench = Bench::start().await;
    bench.plesk.fail_next("reseller.add", Fault::HttpError(500));
    unknown(bench.panel.create_reseller(wanted()).await);
    bench.plesk.fail_next("reseller.add", Fault::DoThenDrop);
    assert!(!bench.panel.create_reseller(wanted()).await.expect("looked up").already);
    let plan = CreateResellerRequest {
        privileges: "Silver".to_owned(),
        r#ref: Some(AccountRef { username: "two".to_owned(), ..AccountRef::default() }),
        ..wanted()
    };
    let words = refused(bench.panel.create_reseller(plan).await, ProblemKind::Invalid);
    assert!(words.contains("plan `Silver`"), "{words}");
    // A customer has the login name: Plesk says 1019 "already exists", not 1007.
    bench.plesk.client().create_account("anna", "anna.example", "Basic", "").await.expect("created");
    let anna = AccountRef { username: "anna".to_owned(), ..AccountRef::default() };
    refused(
        bench.panel.create_reseller(CreateResellerRequest { r#ref: Some(anna), ..wanted() }).await,
        ProblemKind::Conflict,
    );
    refused(
        bench.panel.create_reseller(CreateResellerRequest { password: String::new(), ..wanted() }).await,
        ProblemKind::Invalid,
    );
    let addon = CreateResellerRequest {
        r#ref: Some(AccountRef { username: "three".to_owned(), ..AccountRef::default() }),
        limits: Some(Limits { addon_domains: Some(1), ..Limits::default() }),
        ..wanted()
    };
    let done = bench.panel.create_reseller(addon).await.expect("created");
    assert!(done.warnings[0].contains("add-on domains"), "{:?}", done.warnings);
}

#[tokio::test]
async fn limits_and_plan_are_set() {
    let bench = with_reseller().await;
    let request = SetResellerLimitsRequest { privileges: "Default Reseller".to_owned(), ..limit() };
    bench.panel.set_reseller_limits(request).await.expect("set");
    let reseller = bench.plesk.reseller("house").expect("it is there");
    assert!(reseller.oversell);
    assert_eq!(reseller.limits.get("max_dom").map(String::as_str), Some("7"));
    assert_eq!(reseller.limits.get("disk_space").map(String::as_str), Some("1000000"), "the others stay");
    assert_eq!(bench.plesk.reseller_plan_of("house").as_deref(), Some("Default Reseller"));
    bench.plesk.fail_next("reseller.set", Fault::DoThenDrop);
    bench
        .panel
        .set_reseller_limits(SetResellerLimitsRequest { overselling: false, ..limit() })
        .await
        .expect("looked up");
    bench.plesk.fail_next("reseller.set", Fault::HttpError(500));
    unknown(bench.panel.set_reseller_limits(limit()).await);
    let silver = SetResellerLimitsRequest { privileges: "Silver".to_owned(), ..limit() };
    refused(bench.panel.set_reseller_limits(silver).await, ProblemKind::Invalid);
    let negative = Some(Limits { mailboxes: Some(-5), ..Limits::default() });
    refused(
        bench.panel.set_reseller_limits(SetResellerLimitsRequest { limits: negative, ..limit() }).await,
        ProblemKind::Invalid,
    );
    let ghost = Some(AccountRef { username: "ghost".to_owned(), ..AccountRef::default() });
    refused(
        bench.panel.set_reseller_limits(SetResellerLimitsRequest { r#ref: ghost, ..limit() }).await,
        ProblemKind::NotFound,
    );
}

#[tokio::test]
async fn a_suspended_reseller_takes_its_accounts_along_and_back() {
    let bench = with_reseller().await;
    let account = billet_plugin::v1::CreateAccountRequest {
        owner: "house".to_owned(),
        package: String::new(),
        ..crate::bench::wanted()
    };
    bench.panel.create_account(account).await.expect("created");
    let hold = SuspendResellerRequest { operation: first(), r#ref: Some(house()), reason: "overdue".to_owned() };
    bench.plesk.fail_next("reseller.set", Fault::DoThenDrop);
    assert!(!bench.panel.suspend_reseller(hold.clone()).await.expect("looked up").already);
    assert!(bench.panel.suspend_reseller(hold.clone()).await.expect("again").already);
    let suspension = bench.account().await.expect("there").value.suspension.expect("suspended");
    assert_eq!(suspension.origin(), SuspensionOrigin::Reseller);
    let listed = bench.panel.list_resellers(ListResellersRequest {}).await.expect("listed").value.resellers;
    assert_eq!(listed[0].suspension.as_ref().expect("suspended").origin(), SuspensionOrigin::Billet);
    assert_eq!(listed[0].accounts, Some(1));
    let release = UnsuspendResellerRequest { operation: first(), r#ref: Some(house()), force: false };
    assert!(!bench.panel.unsuspend_reseller(release.clone()).await.expect("lifted").already);
    assert!(bench.panel.unsuspend_reseller(release).await.expect("again").already);
    assert_eq!(bench.account().await.expect("there").value.suspension, None);
    bench.plesk.fail_next("reseller.set", Fault::HttpError(502));
    unknown(bench.panel.suspend_reseller(hold).await);
    assert_eq!(bench.plesk.reseller("house").expect("there").status, 0);
}

#[tokio::test]
async fn a_reseller_goes_once_with_all_it_has() {
    let bench = with_reseller().await;
    let account = billet_plugin::v1::CreateAccountRequest {
        owner: "house".to_owned(),
        package: String::new(),
        ..crate::bench::wanted()
    };
    bench.panel.create_account(account).await.expect("created");
    let end = |reference| TerminateResellerRequest { operation: first(), r#ref: Some(reference) };
    let stranger = AccountRef { panel_id: "00000000-0000-4000-8000-000000000000".to_owned(), ..house() };
    refused(bench.panel.terminate_reseller(end(stranger)).await, ProblemKind::Conflict);
    bench.plesk.fail_next("reseller.del", Fault::Refuse("busy".to_owned()));
    later(bench.panel.terminate_reseller(end(house())).await);
    bench.plesk.fail_next("reseller.del", Fault::HttpError(500));
    unknown(bench.panel.terminate_reseller(end(house())).await);
    bench.plesk.fail_next("reseller.del", Fault::DoThenDrop);
    assert!(!bench.panel.terminate_reseller(end(house())).await.expect("looked up").already);
    assert!(bench.panel.terminate_reseller(end(house())).await.expect("again").already);
    assert!(bench.plesk.subscription("acme.example").is_none());
}
