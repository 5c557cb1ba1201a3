//! ChangePackage, ChangePassword, UpdateAccount, CreatePackage.

use billet_plugin::v1::{
    AccountRef, ChangePackageRequest, ChangePasswordRequest, CreatePackageRequest, Limits, ListPackagesRequest,
    Package, ProblemKind, UpdateAccountRequest,
};
use billet_simulator::Fault;
use serde_json::json;

use crate::bench::{Bench, CUSTOMER, attempt, first, later, reference, refused, unknown, wanted};

const NEW_PASSWORD: &str = "an0ther-Word";

fn switch(package: &str) -> ChangePackageRequest {
    ChangePackageRequest { operation: first(), r#ref: Some(reference()), package: package.to_owned() }
}

fn password() -> ChangePasswordRequest {
    ChangePasswordRequest { operation: first(), r#ref: Some(reference()), password: NEW_PASSWORD.to_owned() }
}

fn update() -> UpdateAccountRequest {
    UpdateAccountRequest { operation: first(), r#ref: Some(reference()), ..UpdateAccountRequest::default() }
}

fn package() -> Package {
    let limits = Limits { disk_bytes: Some(5_000_000_000), addon_domains: Some(2), ..Limits::default() };
    Package { name: "Large".to_owned(), limits: Some(limits), ..Package::default() }
}

#[tokio::test]
async fn a_package_is_changed_once() {
    let bench = Bench::with_account().await;
    let done = bench.panel.change_package(switch("Pro")).await.expect("changed");
    assert!(!done.already && done.warnings.is_empty());
    assert_eq!(bench.plesk.plan_of("acme.example").as_deref(), Some("Pro"));
    assert!(bench.panel.change_package(switch("Pro")).await.expect("again").already);
    let words = refused(bench.panel.change_package(switch("Gold")).await, ProblemKind::Invalid);
    assert!(words.contains("no service plan `Gold`"), "{words}");
    bench.plesk.fail_next("webspace.switch-subscription", Fault::DoThenDrop);
    bench.panel.change_package(switch("Basic")).await.expect("looked up");
    bench.plesk.fail_next("webspace.switch-subscription", Fault::HttpError(500));
    unknown(bench.panel.change_package(switch("Pro")).await);
    assert_eq!(bench.plesk.plan_of("acme.example").as_deref(), Some("Basic"));
    bench.plesk.fail_next("webspace.switch-subscription", Fault::Refuse("no".to_owned()));
    later(bench.panel.change_package(switch("Pro")).await);
}

#[tokio::test]
async fn a_customised_account_is_told_and_synced_where_that_is_wanted() {
    let bench = Bench::with_account().await;
    bench.plesk.customise("acme.example").expect("it is there");
    let account = bench.account().await.expect("there").value;
    assert!(account.locked && account.customised);
    let done = bench.panel.change_package(switch("Pro")).await.expect("changed");
    assert_eq!(done.warnings[0], "Description Current Requested Allowed Disk space 1 GB 10 GB 1 GB");
    assert!(done.warnings[1].contains("customised (locked)"), "{:?}", done.warnings);
    assert!(bench.plesk.subscription("acme.example").expect("there").locked, "it was left alone");

    let bench = Bench::with(json!({ "sync_customised": true })).await;
    bench.panel.create_account(wanted()).await.expect("created");
    bench.plesk.customise("acme.example").expect("it is there");
    bench.plesk.fail_next("webspace.sync-subscription", Fault::Refuse("busy".to_owned()));
    let (_, words) = later(bench.panel.change_package(switch("Pro")).await);
    assert!(words.contains("the plan was changed, its settings were not synced"), "{words}");
    let repeated = ChangePackageRequest { operation: attempt(2), ..switch("Pro") };
    assert!(bench.panel.change_package(repeated).await.expect("finished").already);
    let account = bench.account().await.expect("there").value;
    assert!(!account.locked && !account.customised && account.package == "Pro");
}

#[tokio::test]
async fn a_plan_of_a_reseller_is_not_given_to_others() {
    let bench = Bench::with_account().await;
    bench.panel.create_reseller(crate::resellers::wanted()).await.expect("created");
    let own = Package { name: "Pro".to_owned(), owner: "house".to_owned(), ..Package::default() };
    let request = CreatePackageRequest { operation: first(), package: Some(own) };
    bench.panel.create_package(request).await.expect("created");
    bench.panel.change_package(switch("Pro")).await.expect("the administrator's");
    let packages = bench.panel.list_packages(ListPackagesRequest {}).await.expect("listed").value.packages;
    let pro: Vec<_> = packages.iter().filter(|package| package.name == "Pro").collect();
    assert_eq!(pro.iter().map(|package| package.owner.as_str()).collect::<Vec<_>>(), ["", "house"]);
    let guid = bench.plesk.subscription("acme.example").expect("there").plan_guid;
    assert_eq!(guid.as_deref(), Some(pro[0].panel_id.as_str()));
}

#[tokio::test]
async fn a_password_is_set_for_whom_it_is_wanted() {
    for (whose, of_user, of_customer) in [("both", true, true), ("system_user", true, false), ("customer", false, true)]
    {
        let bench = Bench::with(json!({ "password_for": whose })).await;
        bench.panel.create_account(wanted()).await.expect("created");
        bench.panel.change_password(password()).await.expect("set");
        let hosting = bench.plesk.subscription("acme.example").expect("there").hosting.expect("hosting");
        assert_eq!(hosting.password.reveal() == NEW_PASSWORD, of_user, "{whose}");
        let customer = bench.plesk.customer(CUSTOMER).expect("there");
        assert_eq!(customer.password.reveal() == NEW_PASSWORD, of_customer, "{whose}");
    }
}

#[tokio::test]
async fn a_half_set_password_is_told_and_mended() {
    let bench = Bench::with_account().await;
    bench.plesk.fail_next("customer.set", Fault::Refuse(format!("Bad password: {NEW_PASSWORD}")));
    let (_, words) = later(bench.panel.change_password(password()).await);
    assert!(words.contains("the customer's was not: Bad password: [redacted]"), "{words}");
    bench.plesk.fail_next("webspace.set", Fault::DoThenDrop);
    unknown(bench.panel.change_password(password()).await);
    bench.panel.change_password(ChangePasswordRequest { operation: attempt(3), ..password() }).await.expect("set");
    assert_eq!(bench.plesk.customer(CUSTOMER).expect("there").password.reveal(), NEW_PASSWORD);
    let short = ChangePasswordRequest { password: "abc".to_owned(), ..password() };
    refused(bench.panel.change_password(short).await, ProblemKind::Invalid);
    let empty = ChangePasswordRequest { password: String::new(), ..password() };
    refused(bench.panel.change_password(empty).await, ProblemKind::Invalid);
}

#[tokio::test]
async fn domain_user_name_and_address_change() {
    let bench = Bench::with_account().await;
    let request = UpdateAccountRequest {
        domain: Some("New.example".to_owned()),
        username: Some("new".to_owned()),
        email: Some("new@acme.example".to_owned()),
        ..update()
    };
    let done = bench.panel.update_account(request).await.expect("changed");
    let account = done.value.account.expect("an account");
    let named = account.r#ref.expect("a reference");
    assert_eq!((named.domain.as_str(), named.username.as_str()), ("new.example", "new"));
    assert_eq!(account.email, "new@acme.example");
    let named = AccountRef { panel_id: String::new(), ..named };
    let same = UpdateAccountRequest {
        r#ref: Some(named.clone()),
        domain: Some("new.example".to_owned()),
        email: Some("new@acme.example".to_owned()),
        ..update()
    };
    assert!(bench.panel.update_account(same).await.expect("the same").already);
    bench.plesk.fail_next("webspace.set", Fault::DoThenDrop);
    let back = UpdateAccountRequest { r#ref: Some(named), domain: Some("acme.example".to_owned()), ..update() };
    bench.panel.update_account(back).await.expect("looked up");
    assert!(bench.plesk.subscription("acme.example").is_some());
}

#[tokio::test]
async fn an_account_moves_to_another_customer() {
    let bench = Bench::with_account().await;
    bench.plesk.client().create_account("other", "other.example", "Basic", "x@other.example").await.expect("created");
    let request = UpdateAccountRequest { owner: Some("other".to_owned()), ..update() };
    let account = bench.panel.update_account(request).await.expect("moved").value.account.expect("an account");
    assert_eq!((account.owner.as_str(), account.email.as_str()), ("other", "x@other.example"));
    let ghost = UpdateAccountRequest { owner: Some("ghost".to_owned()), ..update() };
    refused(bench.panel.update_account(ghost).await, ProblemKind::Invalid);
    let taken = UpdateAccountRequest { domain: Some("other.example".to_owned()), ..update() };
    refused(bench.panel.update_account(taken).await, ProblemKind::Conflict);
    let taken = UpdateAccountRequest { username: Some("other".to_owned()), ..update() };
    refused(bench.panel.update_account(taken).await, ProblemKind::Conflict);
    let both = UpdateAccountRequest { owner: Some("a".to_owned()), email: Some("a@a.example".to_owned()), ..update() };
    refused(bench.panel.update_account(both).await, ProblemKind::Invalid);
    bench.plesk.fail_next("webspace.set", Fault::HttpError(500));
    let lost = UpdateAccountRequest { domain: Some("lost.example".to_owned()), ..update() };
    unknown(bench.panel.update_account(lost).await);
    bench.plesk.fail_next("customer.set", Fault::Refuse("no".to_owned()));
    let half = UpdateAccountRequest {
        domain: Some("half.example".to_owned()),
        email: Some("half@acme.example".to_owned()),
        ..update()
    };
    let (_, words) = later(bench.panel.update_account(half).await);
    assert!(words.contains("the subscription was changed, the contact address was not"), "{words}");
}

#[tokio::test]
async fn a_package_is_made_once() {
    let bench = Bench::start().await;
    let make = |number| CreatePackageRequest { operation: attempt(number), package: Some(package()) };
    bench.plesk.fail_next("service-plan.add", Fault::HttpError(500));
    unknown(bench.panel.create_package(make(1)).await);
    bench.plesk.fail_next("service-plan.add", Fault::DoThenDrop);
    assert!(!bench.panel.create_package(make(2)).await.expect("looked up").already);
    assert!(bench.panel.create_package(make(3)).await.expect("again").already);
    assert!(bench.panel.create_package(make(1)).await.expect("by the panel's word").already);
    let packages = bench.panel.list_packages(ListPackagesRequest {}).await.expect("listed").value.packages;
    let names: Vec<_> = packages.iter().map(|package| package.name.as_str()).collect();
    assert_eq!(names, ["Basic", "Default Domain", "Large", "Pro"]);
    let made = &packages[2];
    assert_eq!(made.limits, package().limits);
    let bad = [
        Package::default(),
        Package { extra: [("mood".to_owned(), "x".to_owned())].into(), ..package() },
        Package { extra: [("overuse".to_owned(), "x".to_owned())].into(), ..package() },
        Package { limits: Some(Limits { databases: Some(-1), ..Limits::default() }), ..package() },
        Package { owner: "ghost".to_owned(), name: "New".to_owned(), ..package() },
    ];
    for bad in bad {
        let request = CreatePackageRequest { operation: first(), package: Some(bad) };
        refused(bench.panel.create_package(request).await, ProblemKind::Invalid);
    }
}
