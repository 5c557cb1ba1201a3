//! The life of accounts at a simulated server.

use billet_plugin::v1::{
    AccountRef, ChangePackageRequest, ChangePasswordRequest, CheckUsernameRequest, CreateAccountRequest,
    CreatePackageRequest, CreateResellerRequest, GetAccountRequest, GetCapacityRequest, GetUsageRequest, Limits,
    ListAccountsRequest, ListPackagesRequest, ListResellersRequest, Package, ProblemKind, SetResellerLimitsRequest,
    SignOnService, SingleSignOnRequest, SuspendAccountRequest, SuspensionOrigin, TerminateAccountRequest,
    TestConnectionRequest, UnsuspendAccountRequest, UpdateAccountRequest,
};
use billet_simulator::VirtualminOptions;

use crate::plugin::{PASSWORD, acme, creation, operation, start, with};

fn suspend() -> SuspendAccountRequest {
    SuspendAccountRequest { operation: operation(1), r#ref: acme(), reason: "overdue\n(INV-7)".into(), lock: false }
}

fn unsuspend(force: bool) -> UnsuspendAccountRequest {
    UnsuspendAccountRequest { operation: operation(1), r#ref: acme(), force }
}

#[tokio::test]
async fn an_account_lives_and_ends() {
    let (server, plugin) = start().await;
    let created = plugin.create_account(creation(1)).await.expect("created");
    assert!(!created.already && created.warnings.is_empty(), "{:?}", created.warnings);
    let account = created.value.account.expect("an account");
    assert_eq!((account.package.as_str(), account.email.as_str()), ("Small", "ops@acme.example"));
    let found = server.virtual_server("acme.example").expect("it exists");
    assert_eq!((found.password.reveal(), found.description.as_str()), (PASSWORD, "Anna Acme"));
    assert_eq!(account.r#ref.expect("a reference").panel_id, found.id);

    let change = ChangePackageRequest { operation: operation(1), r#ref: acme(), package: "Large".into() };
    assert!(!plugin.change_package(change.clone()).await.expect("changed").already);
    assert!(plugin.change_package(change.clone()).await.expect("changed before").already);
    let missing = ChangePackageRequest { package: "none".into(), ..change };
    assert!(plugin.change_package(missing).await.expect_err("no such plan").is_refused(ProblemKind::Invalid));

    let password = ChangePasswordRequest { operation: operation(1), r#ref: acme(), password: "N3w-pw-222".into() };
    plugin.change_password(password).await.expect("set");
    assert_eq!(server.virtual_server("acme.example").expect("it exists").password.reveal(), "N3w-pw-222");

    let update = UpdateAccountRequest {
        operation: operation(1),
        r#ref: acme(),
        domain: Some("new.example".into()),
        email: Some("new@new.example".into()),
        username: Some("newname".into()),
        owner: None,
    };
    let done = plugin.update_account(update.clone()).await.expect("changed");
    let now = done.value.account.expect("an account").r#ref.expect("a reference");
    assert_eq!(
        (now.username.as_str(), now.domain.as_str(), now.panel_id.as_str()),
        ("newname", "new.example", &*found.id)
    );
    let again = UpdateAccountRequest { operation: operation(2), ..update };
    assert!(plugin.update_account(again).await.expect("the second attempt finds it as it became").already);

    let old = TerminateAccountRequest { operation: operation(1), r#ref: acme(), keep_dns: false };
    assert!(plugin.terminate_account(old.clone()).await.expect("there is no user acme any more").already);
    let other = AccountRef { domain: "old.example".into(), ..now.clone() };
    let wrong = TerminateAccountRequest { r#ref: Some(other), ..old.clone() };
    assert!(plugin.terminate_account(wrong).await.expect_err("another domain").is_refused(ProblemKind::Conflict));
    let wrong =
        TerminateAccountRequest { r#ref: Some(AccountRef { panel_id: "7".into(), ..now.clone() }), ..old.clone() };
    assert!(plugin.terminate_account(wrong).await.expect_err("another id").is_refused(ProblemKind::Conflict));
    assert!(server.virtual_server("new.example").is_some());
    let right = TerminateAccountRequest { r#ref: Some(now), ..old };
    assert!(!plugin.terminate_account(right.clone()).await.expect("removed").already);
    assert!(plugin.terminate_account(right).await.expect("gone").already);
}

#[tokio::test]
async fn only_our_own_suspension_is_lifted() {
    let (server, plugin) = start().await;
    plugin.create_account(creation(1)).await.expect("created");
    for below in ["one.acme.example", "two.acme.example"] {
        server.add_sub_server("acme.example", below).expect("there is one above");
    }
    server.disable("two.acme.example", "by its owner").expect("it exists");
    let done = plugin.suspend_account(suspend()).await.expect("suspended");
    let suspension = done.value.suspension.expect("one");
    assert_eq!(
        (suspension.origin(), suspension.reason.as_str()),
        (SuspensionOrigin::Billet, "[billet] overdue (INV-7)")
    );
    assert!(plugin.suspend_account(suspend()).await.expect("suspended before").already);
    let disabled = |domain: &str| server.virtual_server(domain).expect("it exists").disabled;
    assert!(disabled("one.acme.example").is_some(), "servers below are disabled as well");
    assert!(!plugin.unsuspend_account(unsuspend(false)).await.expect("lifted").already);
    assert_eq!(disabled("acme.example"), None);
    assert_eq!(disabled("one.acme.example"), None);
    assert_eq!(disabled("two.acme.example").as_deref(), Some("by its owner"));
    assert!(plugin.unsuspend_account(unsuspend(false)).await.expect("active").already);

    server.disable("acme.example", "abuse").expect("it exists");
    let found = plugin.suspend_account(suspend()).await.expect("suspended by somebody");
    assert!(found.already && found.value.suspension.expect("one").origin() == SuspensionOrigin::Administrator);
    let refused = plugin.unsuspend_account(unsuspend(false)).await.expect_err("not ours");
    assert!(refused.is_refused(ProblemKind::State) && disabled("acme.example").is_some(), "{refused:?}");
    plugin.unsuspend_account(unsuspend(true)).await.expect("a person said so");
    assert_eq!(disabled("acme.example"), None);
}

#[tokio::test]
async fn what_is_taken_is_a_conflict() {
    let (server, plugin) = start().await;
    plugin.create_account(creation(1)).await.expect("created");
    assert!(plugin.create_account(creation(1)).await.expect_err("taken").is_refused(ProblemKind::Conflict));
    let same_name = CreateAccountRequest { domain: "other.example".into(), ..creation(1) };
    assert!(plugin.create_account(same_name).await.expect_err("taken").is_refused(ProblemKind::Conflict));
    let no_plan = CreateAccountRequest {
        username: "b".into(),
        domain: "b.example".into(),
        package: "none".into(),
        ..creation(1)
    };
    assert!(plugin.create_account(no_plan).await.expect_err("no such plan").is_refused(ProblemKind::Invalid));
    let adopted = plugin.create_account(creation(2)).await.expect("ours");
    assert!(adopted.already);
    let other = CreateAccountRequest { username: "other".into(), ..creation(2) };
    assert!(plugin.create_account(other).await.expect_err("another user's").is_refused(ProblemKind::Conflict));
    server.set_now(chrono::Utc::now() - chrono::TimeDelta::minutes(10));
    let old = CreateAccountRequest { username: "old".into(), domain: "old.example".into(), ..creation(1) };
    let late = plugin.create_account(old).await.expect_err("made ten minutes ago by the panel's clock");
    assert!(late.is_refused(ProblemKind::Conflict), "{late:?}");
}

#[tokio::test]
async fn success_for_a_domain_that_was_there_is_found_out() {
    let (server, plugin) =
        with(VirtualminOptions { reports_success_for_existing: true, ..VirtualminOptions::default() }).await;
    server.set_now(chrono::Utc::now() - chrono::TimeDelta::days(30));
    let old = CreateAccountRequest { username: "old".into(), ..creation(1) };
    plugin.create_account(old).await.expect_err("made a month ago by the panel's clock");
    let failure = plugin.create_account(creation(1)).await.expect_err("it is another's");
    assert!(failure.is_refused(ProblemKind::Conflict), "{failure:?}");
    assert_eq!(server.virtual_server("acme.example").expect("it exists").user, "old");
}

#[tokio::test]
async fn what_cannot_be_is_refused_before_anything_is_done() {
    let (server, plugin) = start().await;
    for request in [
        CreateAccountRequest { username: "Root".into(), ..creation(1) },
        CreateAccountRequest { username: String::new(), ..creation(1) },
        CreateAccountRequest { password: String::new(), ..creation(1) },
        CreateAccountRequest { domain: "acme".into(), ..creation(1) },
        CreateAccountRequest { extra: [("cgi".into(), "1".into())].into(), ..creation(1) },
        CreateAccountRequest { owner: "nobody".into(), ..creation(1) },
    ] {
        let failure = plugin.create_account(request).await.expect_err("refused");
        assert!(failure.is_refused(ProblemKind::Invalid), "{failure:?}");
    }
    assert!(server.virtual_server("acme.example").is_none());
    let missing = plugin.get_account(GetAccountRequest { r#ref: acme() }).await.expect_err("nobody");
    assert!(missing.is_refused(ProblemKind::NotFound), "{missing:?}");
}

#[tokio::test]
async fn listings_plans_usage_and_logins() {
    let (server, plugin) = start().await;
    for name in ["anna", "berta", "carla"] {
        let request = CreateAccountRequest { username: name.into(), domain: format!("{name}.example"), ..creation(1) };
        plugin.create_account(request).await.expect("created");
    }
    server.add_sub_server("anna.example", "shop.anna.example").expect("there is one above");
    let mut seen = Vec::new();
    let mut request = ListAccountsRequest { page_size: 2, ..ListAccountsRequest::default() };
    loop {
        let page = plugin.list_accounts(request.clone()).await.expect("listed").value;
        seen.extend(page.accounts.into_iter().filter_map(|account| account.r#ref));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    let names: Vec<_> = seen.iter().map(|found| (found.username.as_str(), found.domain.as_str())).collect();
    assert_eq!(names, [("anna", "anna.example"), ("berta", "berta.example"), ("carla", "carla.example")]);
    assert_eq!(plugin.get_capacity(GetCapacityRequest {}).await.expect("counted").value.accounts, 3);
    let by_name = AccountRef { username: "berta".into(), ..AccountRef::default() };
    let got = plugin.get_account(GetAccountRequest { r#ref: Some(by_name.clone()) }).await.expect("there");
    assert_eq!(got.value.account.expect("one").r#ref.expect("one").domain, "berta.example");

    let limits = Limits { disk_bytes: Some(1 << 30), mailboxes: Some(20), ..Limits::default() };
    let package = Package { name: "Mail".into(), limits: Some(limits), ..Package::default() };
    let create = CreatePackageRequest { operation: operation(1), package: Some(package) };
    assert!(!plugin.create_package(create.clone()).await.expect("made").already);
    assert!(plugin.create_package(create).await.expect("made before").already);
    let packages = plugin.list_packages(ListPackagesRequest {}).await.expect("listed").value.packages;
    let names: Vec<_> = packages.iter().map(|package| package.name.as_str()).collect();
    assert_eq!(names, ["Default Plan", "Large", "Mail", "Small"]);
    assert_eq!(packages[2].limits, Some(limits));

    server.set_used("berta.example", 12_345, 678).expect("it exists");
    let usage = plugin.get_usage(GetUsageRequest { r#ref: Some(by_name.clone()), month: None }).await.expect("read");
    let figures: Vec<_> = usage.value.usage.iter().map(|one| (one.metric.as_str(), one.quantity)).collect();
    assert_eq!(figures, [("disk", 12_345), ("bandwidth", 678)]);
    let past = Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 0 });
    let past = plugin.get_usage(GetUsageRequest { r#ref: None, month: past }).await.expect_err("not told");
    assert!(past.is_refused(ProblemKind::Unsupported), "{past:?}");

    let check =
        |username: &str, domain: &str| CheckUsernameRequest { username: username.into(), domain: domain.into() };
    plugin.check_username(check("dora", "dora.example")).await.expect("free");
    for taken in [check("anna", ""), check("dora", "shop.anna.example")] {
        assert!(plugin.check_username(taken).await.expect_err("taken").is_refused(ProblemKind::Conflict));
    }
    let login = |service: SignOnService| SingleSignOnRequest {
        r#ref: Some(by_name.clone()),
        service: service.into(),
        client_ip: String::new(),
    };
    let panel = plugin.single_sign_on(login(SignOnService::Panel)).await.expect("a link").value.url;
    assert!(panel.starts_with("https://") && panel.contains(":10000/session_login.cgi?session="), "{panel}");
    let mail = plugin.single_sign_on(login(SignOnService::Webmail)).await.expect("a link").value.url;
    assert!(mail.contains(":20000/"), "{mail}");
    let root = plugin.single_sign_on(login(SignOnService::Server)).await.expect_err("never root's");
    assert!(root.is_refused(ProblemKind::Unsupported), "{root:?}");
}

#[tokio::test]
async fn resellers_are_there_with_pro_only() {
    let (_server, plugin) = start().await;
    let found = plugin.test_connection(TestConnectionRequest {}).await.expect("reached").value;
    assert_eq!(found.missing_permissions, ["ListResellers", "CreateReseller", "SetResellerLimits"]);
    let create = CreateResellerRequest {
        operation: operation(1),
        r#ref: Some(AccountRef { username: "resa".into(), ..AccountRef::default() }),
        password: PASSWORD.into(),
        email: "resa@resa.example".into(),
        limits: Some(Limits { accounts: Some(5), ..Limits::default() }),
        ..CreateResellerRequest::default()
    };
    let failure = plugin.create_reseller(create.clone()).await.expect_err("not in the free edition");
    assert!(failure.is_refused(ProblemKind::Unsupported), "{failure:?}");

    let (_server, plugin) = with(VirtualminOptions { pro: true, ..VirtualminOptions::default() }).await;
    let found = plugin.test_connection(TestConnectionRequest {}).await.expect("reached").value;
    assert!(found.missing_permissions.is_empty());
    assert!(!plugin.create_reseller(create.clone()).await.expect("made").already);
    assert!(plugin.create_reseller(create.clone()).await.expect_err("taken").is_refused(ProblemKind::Conflict));
    let second = CreateResellerRequest { operation: operation(2), ..create.clone() };
    assert!(plugin.create_reseller(second.clone()).await.expect("ours by its address").already);
    let foreign = CreateResellerRequest { email: "x@x.example".into(), ..second };
    assert!(plugin.create_reseller(foreign).await.expect_err("another's").is_refused(ProblemKind::Conflict));
    plugin.create_account(CreateAccountRequest { owner: "resa".into(), ..creation(1) }).await.expect("below resa");
    let resellers = plugin.list_resellers(ListResellersRequest {}).await.expect("listed").value.resellers;
    assert_eq!(
        (resellers.len(), resellers[0].accounts, resellers[0].email.as_str()),
        (1, Some(1), "resa@resa.example")
    );
    let of = ListAccountsRequest { page_size: 10, owner: "resa".into(), ..ListAccountsRequest::default() };
    assert_eq!(plugin.list_accounts(of).await.expect("listed").value.accounts[0].owner, "resa");
    let limits = SetResellerLimitsRequest {
        operation: operation(1),
        r#ref: create.r#ref,
        limits: Some(Limits { disk_bytes: Some(1 << 40), ..Limits::default() }),
        ..SetResellerLimitsRequest::default()
    };
    plugin.set_reseller_limits(limits.clone()).await.expect("set");
    let overselling = SetResellerLimitsRequest { overselling: true, ..limits };
    assert!(plugin.set_reseller_limits(overselling).await.expect_err("not here").is_refused(ProblemKind::Unsupported));
    let free = UpdateAccountRequest {
        operation: operation(1),
        r#ref: acme(),
        owner: Some(String::new()),
        ..UpdateAccountRequest::default()
    };
    let account = plugin.update_account(free).await.expect("taken from the reseller").value.account.expect("one");
    assert_eq!(account.owner, "");
}
