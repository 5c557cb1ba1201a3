//! The life of accounts at a simulated server.

use billet_plugin::v1::{
    AccountRef, ChangePackageRequest, ChangePasswordRequest, CheckUsernameRequest, CreateAccountRequest,
    CreatePackageRequest, CreateResellerRequest, GetAccountRequest, GetCapacityRequest, GetUsageRequest, Limits,
    ListAccountsRequest, ListPackagesRequest, ListResellersRequest, Package, ProblemKind, SignOnService,
    SingleSignOnRequest, SuspendAccountRequest, SuspensionOrigin, TerminateAccountRequest, TestConnectionRequest,
    UnsuspendAccountRequest, UpdateAccountRequest,
};
use billet_simulator::DirectAdminOptions;

use crate::plugin::{PASSWORD, acme, creation, operation, start, with};

fn named(username: &str) -> Option<AccountRef> {
    Some(AccountRef { username: username.to_owned(), ..AccountRef::default() })
}

#[tokio::test]
async fn an_account_lives_and_ends() {
    let (server, plugin) = start().await;
    let created = plugin.create_account(creation(1)).await.expect("created");
    assert!(!created.already && created.warnings.is_empty(), "{:?}", created.warnings);
    let account = created.value.account.expect("an account");
    assert_eq!((account.r#ref, account.package.as_str(), account.owner.as_str()), (acme(), "small", "admin"));
    assert_eq!((account.ip.as_str(), account.disk_limit_bytes), ("192.0.2.42", Some(1000 << 20)), "the shared address");
    assert_eq!(created.value.name_servers.len(), 2);

    let suspend = SuspendAccountRequest { operation: operation(1), r#ref: acme(), ..SuspendAccountRequest::default() };
    let done = plugin.suspend_account(suspend.clone()).await.expect("suspended");
    assert!(!done.already && done.value.suspension.expect("one").origin() == SuspensionOrigin::Unspecified);
    assert!(plugin.suspend_account(suspend.clone()).await.expect("suspended before").already);
    let unsuspend = UnsuspendAccountRequest { operation: operation(1), r#ref: acme(), force: false };
    assert!(!plugin.unsuspend_account(unsuspend.clone()).await.expect("lifted").already);
    assert!(plugin.unsuspend_account(unsuspend.clone()).await.expect("active").already);
    for (reason, origin) in [("abuse", SuspensionOrigin::Administrator), ("user_bandwidth", SuspensionOrigin::Panel)] {
        server.suspend("acme", reason).expect("it exists");
        let found = plugin.suspend_account(suspend.clone()).await.expect("suspended by somebody");
        assert!(found.already && found.value.suspension.expect("one").origin() == origin);
        let refused = plugin.unsuspend_account(unsuspend.clone()).await.expect_err("not ours");
        assert!(refused.is_refused(ProblemKind::State), "{refused:?}");
        let forced = UnsuspendAccountRequest { force: true, ..unsuspend.clone() };
        plugin.unsuspend_account(forced).await.expect("a person said so");
    }

    let change = ChangePackageRequest { operation: operation(1), r#ref: acme(), package: "large".into() };
    assert!(!plugin.change_package(change.clone()).await.expect("changed").already);
    assert!(plugin.change_package(change.clone()).await.expect("changed before").already);
    let missing = ChangePackageRequest { package: "none".into(), ..change };
    assert!(plugin.change_package(missing).await.expect_err("no such package").is_refused(ProblemKind::Invalid));
    let password = ChangePasswordRequest { operation: operation(1), r#ref: acme(), password: "N3w-pw-222".into() };
    plugin.change_password(password).await.expect("set");
    assert_eq!(server.user("acme").expect("it exists").password.reveal(), "N3w-pw-222");
    let update = UpdateAccountRequest {
        operation: operation(1),
        r#ref: acme(),
        email: Some("new@acme.example".into()),
        ..UpdateAccountRequest::default()
    };
    let done = plugin.update_account(update.clone()).await.expect("changed, logged in as the user");
    assert_eq!(done.value.account.expect("an account").email, "new@acme.example");
    assert!(plugin.update_account(update.clone()).await.expect("changed before").already);
    let rename = UpdateAccountRequest { domain: Some("b.example".into()), ..update };
    assert!(plugin.update_account(rename).await.expect_err("not here").is_refused(ProblemKind::Unsupported));

    let terminate = TerminateAccountRequest { operation: operation(1), r#ref: acme(), keep_dns: false };
    let other = AccountRef { domain: "other.example".into(), ..acme().expect("one") };
    let wrong = TerminateAccountRequest { r#ref: Some(other), ..terminate.clone() };
    assert!(plugin.terminate_account(wrong).await.expect_err("another domain").is_refused(ProblemKind::Conflict));
    let admin = TerminateAccountRequest { r#ref: named("admin"), ..terminate.clone() };
    assert!(plugin.terminate_account(admin).await.expect_err("never").is_refused(ProblemKind::Permission));
    assert!(!plugin.terminate_account(terminate.clone()).await.expect("removed").already);
    assert!(server.user("acme").is_none());
    assert!(plugin.terminate_account(terminate).await.expect("gone").already);
}

#[tokio::test]
async fn an_error_although_it_was_deleted_is_found_done() {
    let (server, plugin) =
        with(DirectAdminOptions { delete_reports_error: true, ..DirectAdminOptions::default() }).await;
    plugin.create_account(creation(1)).await.expect("created");
    let terminate = TerminateAccountRequest { operation: operation(1), r#ref: acme(), keep_dns: false };
    let done = plugin.terminate_account(terminate).await.expect("the listing decides");
    assert!(server.user("acme").is_none() && done.warnings.len() == 1, "{:?}", done.warnings);
}

#[tokio::test]
async fn what_is_taken_or_wrong_is_refused() {
    let (server, plugin) = start().await;
    plugin.create_account(creation(1)).await.expect("created");
    assert!(plugin.create_account(creation(2)).await.expect("ours").already);
    let other = CreateAccountRequest { username: "other".into(), ..creation(1) };
    assert!(plugin.create_account(other.clone()).await.expect_err("the domain").is_refused(ProblemKind::Conflict));
    let same = CreateAccountRequest { domain: "other.example".into(), ..creation(1) };
    assert!(plugin.create_account(same).await.expect_err("the name").is_refused(ProblemKind::Conflict));
    server.set_now(chrono::Utc::now() - chrono::TimeDelta::minutes(10));
    let old = CreateAccountRequest { username: "older".into(), domain: "old.example".into(), ..creation(1) };
    assert!(plugin.create_account(old).await.expect_err("too old by its clock").is_refused(ProblemKind::Conflict));
    let fresh = CreateAccountRequest { domain: "fresh.example".into(), ..other };
    for (request, kind) in [
        (CreateAccountRequest { package: "none".into(), ..fresh.clone() }, ProblemKind::Invalid),
        (CreateAccountRequest { username: "a-b".into(), ..fresh.clone() }, ProblemKind::Invalid),
        (CreateAccountRequest { password: "abc".into(), ..fresh.clone() }, ProblemKind::Invalid),
        (CreateAccountRequest { extra: [("cgi".into(), "ON".into())].into(), ..fresh.clone() }, ProblemKind::Invalid),
        (CreateAccountRequest { owner: "a|b".into(), ..fresh.clone() }, ProblemKind::Invalid),
        (CreateAccountRequest { owner: "nobody".into(), ..fresh.clone() }, ProblemKind::Unauthenticated),
    ] {
        let failure = plugin.create_account(request).await.expect_err("refused");
        assert!(failure.is_refused(kind), "{failure:?}");
    }
    let missing = plugin.get_account(GetAccountRequest { r#ref: named("ghost") }).await.expect_err("nobody");
    assert!(missing.is_refused(ProblemKind::NotFound), "{missing:?}");
}

#[tokio::test]
async fn listings_packages_usage_resellers_and_logins() {
    let (server, plugin) = start().await;
    let found = plugin.test_connection(TestConnectionRequest {}).await.expect("reached");
    assert!(found.value.missing_permissions.is_empty());
    let reseller = CreateResellerRequest {
        operation: operation(1),
        r#ref: Some(AccountRef { username: "resa".into(), domain: "resa.example".into(), panel_id: String::new() }),
        password: PASSWORD.into(),
        email: "resa@resa.example".into(),
        privileges: "default".into(),
        ..CreateResellerRequest::default()
    };
    assert!(!plugin.create_reseller(reseller.clone()).await.expect("made").already);
    let again = CreateResellerRequest { operation: operation(2), ..reseller.clone() };
    assert!(plugin.create_reseller(again).await.expect("ours").already);
    let limited = CreateResellerRequest { limits: Some(Limits { accounts: Some(1), ..Limits::default() }), ..reseller };
    assert!(plugin.create_reseller(limited).await.expect_err("by package").is_refused(ProblemKind::Invalid));
    for (name, owner) in [("anna", ""), ("berta", "resa"), ("carla", "")] {
        let domain = format!("{name}.example");
        let request = CreateAccountRequest { username: name.into(), domain, owner: owner.into(), ..creation(1) };
        plugin.create_account(request).await.expect("created");
    }
    let mut seen = Vec::new();
    let mut request = ListAccountsRequest { page_size: 2, ..ListAccountsRequest::default() };
    loop {
        let page = plugin.list_accounts(request.clone()).await.expect("listed").value;
        seen.extend(page.accounts);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    let names: Vec<_> =
        seen.iter().filter_map(|account| account.r#ref.as_ref()).map(|found| &*found.username).collect();
    assert_eq!(names, ["anna", "berta", "carla"]);
    assert_eq!(seen[1].owner, "resa");
    let of = ListAccountsRequest { page_size: 9, owner: "resa".into(), ..ListAccountsRequest::default() };
    assert_eq!(plugin.list_accounts(of).await.expect("listed").value.accounts.len(), 1);
    assert_eq!(plugin.get_capacity(GetCapacityRequest {}).await.expect("counted").value.accounts, 3);
    let resellers = plugin.list_resellers(ListResellersRequest {}).await.expect("listed").value.resellers;
    assert_eq!((resellers.len(), resellers[0].accounts), (1, Some(1)));

    let limits = Limits { disk_bytes: Some(500 << 20), addon_domains: Some(2), ..Limits::default() };
    let package = Package { name: "mail".into(), limits: Some(limits), ..Package::default() };
    let create = CreatePackageRequest { operation: operation(1), package: Some(package) };
    assert!(!plugin.create_package(create.clone()).await.expect("made").already);
    assert!(plugin.create_package(create).await.expect("made before").already);
    let packages = plugin.list_packages(ListPackagesRequest {}).await.expect("listed").value.packages;
    let names: Vec<_> = packages.iter().map(|package| package.name.as_str()).collect();
    assert_eq!(names, ["default", "large", "mail", "small"]);
    assert_eq!(packages[2].limits, Some(limits));

    server.set_used("anna", 1.5, 100.25).expect("it exists");
    let usage =
        plugin.get_usage(GetUsageRequest { r#ref: named("anna"), month: None }).await.expect("read").value.usage;
    let figures: Vec<_> = usage.iter().take(2).map(|one| (one.metric.as_str(), one.quantity)).collect();
    assert_eq!(figures, [("disk", 1_572_864), ("bandwidth", 105_119_744)]);
    assert!(usage[1].period_start.is_some() && usage[0].limit == Some(1000 << 20));
    assert!(plugin.get_usage(GetUsageRequest::default()).await.expect("read").value.usage.len() >= 6);
    let past = Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 0 });
    let past = plugin.get_usage(GetUsageRequest { r#ref: None, month: past }).await.expect_err("not told");
    assert!(past.is_refused(ProblemKind::Unsupported), "{past:?}");

    let check =
        |username: &str, domain: &str| CheckUsernameRequest { username: username.into(), domain: domain.into() };
    plugin.check_username(check("dora", "dora.example")).await.expect("free");
    for taken in [check("anna", ""), check("dora", "anna.example")] {
        assert!(plugin.check_username(taken).await.expect_err("taken").is_refused(ProblemKind::Conflict));
    }
    let login = |name: &str, service: SignOnService| SingleSignOnRequest {
        r#ref: named(name),
        service: service.into(),
        client_ip: "192.0.2.7".into(),
    };
    let link = plugin.single_sign_on(login("anna", SignOnService::Panel)).await.expect("a link").value;
    assert!(
        link.url.starts_with("https://") && link.url.ends_with("-anna") && link.expires_at.is_some(),
        "{}",
        link.url
    );
    let link = plugin.single_sign_on(login("resa", SignOnService::Server)).await.expect("a link").value;
    assert!(link.url.ends_with("-resa"), "made as the user itself: {}", link.url);
    for (name, service) in
        [("admin", SignOnService::Panel), ("admin", SignOnService::Server), ("anna", SignOnService::Server)]
    {
        let failure = plugin.single_sign_on(login(name, service)).await.expect_err("no login as another type");
        assert!(failure.is_refused(ProblemKind::Permission), "{failure:?}");
    }
}
