//! The life of accounts at a simulated server.

use billet_plugin::v1::{
    AccountRef, ChangePackageRequest, ChangePasswordRequest, CheckUsernameRequest, CreateAccountRequest,
    CreatePackageRequest, GetAccountRequest, GetCapacityRequest, GetUsageRequest, Limits, ListAccountsRequest,
    ListPackagesRequest, Package, ProblemKind, SuspendAccountRequest, SuspensionOrigin, TerminateAccountRequest,
    TestConnectionRequest, UnsuspendAccountRequest, UpdateAccountRequest,
};
use billet_simulator::HestiaOptions;

use crate::plugin::{PASSWORD, acme, began, creation, operation, start, with};

#[tokio::test]
async fn an_account_lives_and_ends() {
    let (server, plugin) = start().await;
    let created = plugin.create_account(creation(1)).await.expect("created");
    assert!(!created.already && created.warnings.is_empty(), "{:?}", created.warnings);
    let account = created.value.account.expect("an account");
    assert_eq!(
        (account.r#ref, account.package.as_str(), account.email.as_str()),
        (acme(), "small", "ops@acme.example")
    );
    assert_eq!(created.value.name_servers, ["ns1.domain.tld", "ns2.domain.tld"]);
    let user = server.user("acme").expect("it exists");
    assert_eq!((user.password.reveal(), user.name.as_str()), (PASSWORD, "Anna Acme"));
    assert!(user.domains["acme.example"].with_dns_and_mail);

    let suspend =
        SuspendAccountRequest { operation: operation(1), r#ref: acme(), reason: "overdue".into(), lock: false };
    let done = plugin.suspend_account(suspend.clone()).await.expect("suspended");
    assert!(!done.already && server.user("acme").expect("it exists").suspended);
    assert_eq!(done.value.suspension.expect("one").origin(), SuspensionOrigin::Unspecified, "HestiaCP keeps no reason");
    assert!(plugin.suspend_account(suspend).await.expect("exit code 5").already);
    let got = plugin.get_account(GetAccountRequest { r#ref: acme() }).await.expect("there").value.account.expect("one");
    assert!(got.suspension.is_some() && got.created_at.is_some());

    let email = UpdateAccountRequest {
        operation: operation(1),
        r#ref: acme(),
        email: Some("new@acme.example".into()),
        ..UpdateAccountRequest::default()
    };
    let failure = plugin.update_account(email.clone()).await.expect_err("a suspended user cannot be changed");
    assert!(failure.is_refused(ProblemKind::State), "{failure:?}");
    let unsuspend = UnsuspendAccountRequest { operation: operation(1), r#ref: acme(), force: false };
    assert!(!plugin.unsuspend_account(unsuspend.clone()).await.expect("lifted").already);
    assert!(plugin.unsuspend_account(unsuspend).await.expect("active").already);

    let renamed = UpdateAccountRequest { domain: Some("acme-two.example".into()), ..email };
    let done = plugin.update_account(renamed.clone()).await.expect("changed");
    assert_eq!(done.warnings.len(), 1, "zone and mail domain keep the old name");
    let account = done.value.account.expect("an account");
    assert_eq!(account.r#ref.as_ref().map(|found| found.domain.as_str()), Some("acme-two.example"));
    assert_eq!(account.email, "new@acme.example");
    assert!(plugin.update_account(renamed).await.expect("changed before").already);

    let change = ChangePackageRequest { operation: operation(1), r#ref: acme(), package: "large".into() };
    assert!(!plugin.change_package(change.clone()).await.expect("changed").already);
    assert!(plugin.change_package(change.clone()).await.expect("changed before").already);
    let missing = ChangePackageRequest { package: "none".into(), ..change };
    assert!(plugin.change_package(missing).await.expect_err("no such package").is_refused(ProblemKind::Invalid));

    let password = ChangePasswordRequest { operation: operation(1), r#ref: acme(), password: "N3w-pw-222".into() };
    plugin.change_password(password).await.expect("set");
    assert_eq!(server.user("acme").expect("it exists").password.reveal(), "N3w-pw-222");

    let terminate = TerminateAccountRequest { operation: operation(1), r#ref: acme(), keep_dns: false };
    let failure = plugin.terminate_account(terminate.clone()).await.expect_err("it has another domain now");
    assert!(failure.is_refused(ProblemKind::Conflict) && server.user("acme").is_some(), "{failure:?}");
    let reference = AccountRef { domain: "acme-two.example".into(), ..acme().expect("a reference") };
    let terminate = TerminateAccountRequest { r#ref: Some(reference), ..terminate };
    assert!(!plugin.terminate_account(terminate.clone()).await.expect("removed").already);
    assert!(server.user("acme").is_none());
    assert!(plugin.terminate_account(terminate).await.expect("gone").already);
}

#[tokio::test]
async fn what_is_taken_is_a_conflict_and_leaves_nothing_behind() {
    let (server, plugin) = start().await;
    plugin.create_account(creation(1)).await.expect("created");
    let again = plugin.create_account(creation(1)).await.expect_err("the domain is taken");
    assert!(again.is_refused(ProblemKind::Conflict), "{again:?}");
    let same_name = CreateAccountRequest { domain: "other.example".into(), ..creation(1) };
    assert!(plugin.create_account(same_name).await.expect_err("the name is taken").is_refused(ProblemKind::Conflict));
    let other = CreateAccountRequest { username: "other".into(), ..creation(1) };
    assert!(
        plugin.create_account(other.clone()).await.expect_err("the domain is taken").is_refused(ProblemKind::Conflict)
    );
    assert!(server.user("other").is_none());
    let wrong = CreateAccountRequest { package: "none".into(), domain: "other.example".into(), ..other.clone() };
    assert!(plugin.create_account(wrong).await.expect_err("no such package").is_refused(ProblemKind::Invalid));
    let system = CreateAccountRequest { username: "www-data".into(), domain: "other.example".into(), ..other };
    assert!(plugin.create_account(system).await.expect_err("a system user").is_refused(ProblemKind::Conflict));
}

#[tokio::test]
async fn the_second_attempt_adopts_only_what_is_ours() {
    let (server, plugin) = start().await;
    plugin.create_account(creation(1)).await.expect("created");
    let adopted = plugin.create_account(creation(2)).await.expect("ours");
    assert!(adopted.already && adopted.value.account.expect("an account").r#ref == acme());
    let other_domain = CreateAccountRequest { domain: "other.example".into(), ..creation(2) };
    assert!(plugin.create_account(other_domain).await.expect_err("another's").is_refused(ProblemKind::Conflict));
    server.set_now(chrono::Utc::now() - chrono::TimeDelta::minutes(10));
    plugin
        .create_account(CreateAccountRequest { username: "old".into(), domain: "old.example".into(), ..creation(1) })
        .await
        .expect("created, ten minutes ago by the panel's clock");
    let late = CreateAccountRequest { username: "old".into(), domain: "old.example".into(), ..creation(2) };
    assert!(plugin.create_account(late.clone()).await.expect_err("too old").is_refused(ProblemKind::Conflict));
    let since = CreateAccountRequest { operation: began(3, 900), ..late };
    assert!(plugin.create_account(since).await.expect("made after the first attempt").already);
}

#[tokio::test]
async fn requests_that_the_panel_cannot_fulfil_are_refused_before_anything_is_done() {
    let (server, plugin) = start().await;
    for (request, kind) in [
        (CreateAccountRequest { owner: "res".into(), ..creation(1) }, ProblemKind::Unsupported),
        (CreateAccountRequest { dedicated_ip: true, ..creation(1) }, ProblemKind::Unsupported),
        (CreateAccountRequest { extra: [("cgi".into(), "1".into())].into(), ..creation(1) }, ProblemKind::Invalid),
        (CreateAccountRequest { username: "1acme".into(), ..creation(1) }, ProblemKind::Invalid),
        (CreateAccountRequest { password: " spaces ".into(), ..creation(1) }, ProblemKind::Invalid),
        (CreateAccountRequest { email: String::new(), ..creation(1) }, ProblemKind::Invalid),
        (CreateAccountRequest { domain: "no domain".into(), ..creation(1) }, ProblemKind::Invalid),
    ] {
        let failure = plugin.create_account(request).await.expect_err("refused");
        assert!(failure.is_refused(kind), "{failure:?}");
    }
    assert!(server.user("acme").is_none());
    let admin = Some(AccountRef { username: "admin".into(), ..AccountRef::default() });
    let suspend =
        SuspendAccountRequest { operation: operation(1), r#ref: admin.clone(), ..SuspendAccountRequest::default() };
    assert!(plugin.suspend_account(suspend).await.expect_err("passed over").is_refused(ProblemKind::State));
    let terminate = TerminateAccountRequest { operation: operation(1), r#ref: admin, keep_dns: false };
    assert!(plugin.terminate_account(terminate).await.expect_err("never").is_refused(ProblemKind::Permission));
    let nobody = Some(AccountRef { username: "ghost".into(), ..AccountRef::default() });
    let missing = plugin.get_account(GetAccountRequest { r#ref: nobody }).await.expect_err("nobody");
    assert!(missing.is_refused(ProblemKind::NotFound), "{missing:?}");
}

#[tokio::test]
async fn listings_packages_usage_and_capacity() {
    let (server, plugin) = start().await;
    for name in ["anna", "berta", "carla"] {
        let domain = format!("{name}.example");
        let request = CreateAccountRequest { username: name.into(), domain, ..creation(1) };
        plugin.create_account(request).await.expect("created");
    }
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

    let mebibyte = 1_048_576;
    let limits = Limits { disk_bytes: Some(500 * mebibyte), addon_domains: Some(2), ..Limits::default() };
    let package = Package { name: "mail".into(), limits: Some(limits), ..Package::default() };
    let create = CreatePackageRequest { operation: operation(1), package: Some(package) };
    assert!(!plugin.create_package(create.clone()).await.expect("made").already);
    assert!(plugin.create_package(create).await.expect("made before").already);
    let packages = plugin.list_packages(ListPackagesRequest {}).await.expect("listed").value.packages;
    let names: Vec<_> = packages.iter().map(|package| package.name.as_str()).collect();
    assert_eq!(names, ["default", "large", "mail", "small", "system"]);
    let made = packages[2].limits.expect("limits");
    assert_eq!((made.disk_bytes, made.addon_domains, made.databases), (Some(500 * mebibyte), Some(2), None));
    let injected =
        Package { name: "evil".into(), extra: [("NS".into(), "a'\nX='b".into())].into(), ..Package::default() };
    let injected = CreatePackageRequest { operation: operation(1), package: Some(injected) };
    assert!(plugin.create_package(injected).await.expect_err("quotes").is_refused(ProblemKind::Invalid));

    server.set_used("berta", 12, 3_000).expect("it exists");
    let usage = plugin.get_usage(GetUsageRequest::default()).await.expect("read").value.usage;
    let figure = |metric: &str| {
        let of = |one: &&billet_plugin::v1::Usage| {
            one.metric == metric && one.r#ref.as_ref().is_some_and(|found| found.username == "berta")
        };
        usage.iter().find(of).expect("a figure")
    };
    assert_eq!((figure("disk").quantity, figure("bandwidth").quantity), (12 * mebibyte, 3_000 * mebibyte));
    assert!(figure("bandwidth").period_start.is_some() && figure("domains").quantity == 1);
    let past = Some(prost_types::Timestamp { seconds: 1_700_000_000, nanos: 0 });
    let all = GetUsageRequest { r#ref: None, month: past };
    assert!(plugin.get_usage(all).await.expect_err("one by one").is_refused(ProblemKind::Unsupported));
    let one =
        GetUsageRequest { r#ref: Some(AccountRef { username: "berta".into(), ..AccountRef::default() }), month: past };
    let none = plugin.get_usage(one).await.expect("an empty log");
    assert!(none.value.usage.is_empty() && none.warnings.len() == 1);

    let over = ChangePackageRequest {
        operation: operation(1),
        r#ref: Some(AccountRef { username: "berta".into(), ..AccountRef::default() }),
        package: "mail".into(),
    };
    server.set_used("berta", 900, 0).expect("it exists");
    assert!(plugin.change_package(over).await.expect_err("too much").is_refused(ProblemKind::Limit));
    let check =
        |username: &str, domain: &str| CheckUsernameRequest { username: username.into(), domain: domain.into() };
    plugin.check_username(check("dora", "dora.example")).await.expect("free");
    for taken in [check("anna", ""), check("dora", "anna.example")] {
        assert!(plugin.check_username(taken).await.expect_err("taken").is_refused(ProblemKind::Conflict));
    }
}

#[tokio::test]
async fn the_test_tells_what_the_key_may_not_do() {
    let (_server, plugin) = start().await;
    let found = plugin.test_connection(TestConnectionRequest {}).await.expect("reached");
    assert_eq!((found.value.version.as_str(), found.value.hostname.as_str()), ("1.9.4", "hestia.simulator.example"));
    assert!(found.value.missing_permissions.is_empty() && found.warnings.is_empty());
    // What HestiaCP itself grants a key for `billing`, without what is not simulated.
    let billing = "v-add-user,v-delete-user,v-suspend-user,v-unsuspend-user,v-list-user,v-list-users,v-make-tmp-file,\
                   v-add-domain,v-change-user-package,v-change-user-password";
    let permitted = billing.split(',').map(str::to_owned).collect();
    let (_server, plugin) = with(HestiaOptions { permitted, ..HestiaOptions::default() }).await;
    let found = plugin.test_connection(TestConnectionRequest {}).await.expect("reached");
    assert_eq!(found.value.missing_permissions, ["GetAccount", "CheckUsername", "ListPackages", "UpdateAccount"]);
    assert_eq!(found.warnings.len(), 2, "no version, no name");
    let failure = plugin.list_packages(ListPackagesRequest {}).await.expect_err("not permitted");
    assert!(failure.is_refused(ProblemKind::Permission), "{failure:?}");
}
