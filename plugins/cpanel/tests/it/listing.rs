//! TestConnection, ListAccounts, GetAccount, ListPackages, GetCapacity and SingleSignOn.

use billet_plugin::v1::*;
use billet_simulator::Fault;

use crate::canned::Server;
use crate::world::{World, first, later, named, refused};

fn page(size: u32, token: &str, owner: &str) -> ListAccountsRequest {
    ListAccountsRequest { page_size: size, page_token: token.to_owned(), owner: owner.to_owned() }
}

fn names(accounts: &[Account]) -> Vec<String> {
    accounts.iter().map(|account| account.r#ref.clone().expect("a name").username).collect()
}

#[tokio::test]
async fn accounts_come_in_pages_by_name_that_changes_do_not_shift() {
    let world = World::start().await;
    for user in ["delta", "alpha", "charlie", "bravo"] {
        world.account(user, &format!("{user}.example")).await;
    }
    let one = world.panel.list_accounts(page(2, "", "")).await.expect("listed").value;
    assert_eq!(names(&one.accounts), ["alpha", "bravo"]);
    world.whm.client().remove("alpha").await.expect("removed");
    let two = world.panel.list_accounts(page(2, &one.next_page_token, "")).await.expect("listed").value;
    assert_eq!(
        (names(&two.accounts), two.next_page_token.as_str()),
        (vec!["charlie".to_owned(), "delta".to_owned()], "")
    );
    let all = world.panel.list_accounts(page(1_000, "", "")).await.expect("listed").value;
    assert_eq!(all.accounts.len(), 3);
    assert!(all.accounts.iter().all(|account| account.created_at.is_some() && account.package == "starter"));
    assert_eq!(all.accounts[0].disk_limit_bytes, Some(10_240 * 1024 * 1024));
}

#[tokio::test]
async fn accounts_of_an_owner_are_only_those() {
    let world = World::with_reseller().await;
    let owned = world.panel.list_accounts(page(10, "", "resa")).await.expect("listed").value;
    assert_eq!(names(&owned.accounts), ["kida", "kidb"]);
    let none = world.panel.list_accounts(page(10, "", "res")).await.expect("listed").value;
    assert!(none.accounts.is_empty(), "not a part of a name");
    let seen = world.as_reseller("resa").list_accounts(page(10, "", "")).await.expect("listed").value;
    assert_eq!(names(&seen.accounts), ["kida", "kidb", "resa"]);
}

#[tokio::test]
async fn a_server_that_takes_the_owner_for_a_pattern_is_corrected() {
    let server = Server::start().await;
    let rows =
        r#"[{"user":"b","owner":"resa"},{"user":"c","owner":"resa2"},{"owner":"resa"},{"user":"a","owner":"resa"}]"#;
    server.answers("listaccts", 200, &format!(r#"{{"metadata":{{"result":1}},"data":{{"acct":{rows}}}}}"#));
    let owned = server.panel.list_accounts(page(0, "", "resa")).await.expect("listed").value;
    assert_eq!((names(&owned.accounts), owned.next_page_token.as_str()), (vec!["a".to_owned(), "b".to_owned()], ""));
    assert!(server.seen("listaccts")[0].form.contains("searchmethod=exact"));
}

#[tokio::test]
async fn an_account_is_read_in_every_spelling() {
    let server = Server::start().await;
    server.answers_file("accountsummary", 200, "accountsummary.json");
    let answer = server.panel.get_account(GetAccountRequest { r#ref: named("acme") }).await.expect("read");
    let account = answer.value.account.expect("an account");
    let suspension = account.suspension.clone().expect("suspended");
    assert_eq!((suspension.origin(), suspension.locked), (SuspensionOrigin::Administrator, true));
    assert_eq!(
        (suspension.reason.as_str(), suspension.since.expect("a time").seconds),
        ("abuse report", 1_790_000_000)
    );
    assert_eq!((account.email.as_str(), account.owner.as_str()), ("", "resa"));
    assert_eq!(account.disk_used_bytes, Some(14 * 1024 * 1024));
    assert_eq!(account.disk_limit_bytes, Some(2_048 * 1024 * 1024));
    assert_eq!(account.created_at.expect("a time").seconds, 1_780_000_000);
    // The server answered with another account than was asked for.
    refused(server.panel.get_account(GetAccountRequest { r#ref: named("beta") }).await, ProblemKind::NotFound);
}

#[tokio::test]
async fn a_missing_account_is_not_found_and_a_silent_server_is_for_later() {
    let world = World::with_acme().await;
    let get = |user: &str| world.panel.get_account(GetAccountRequest { r#ref: named(user) });
    refused(get("ghost").await, ProblemKind::NotFound);
    refused(get("").await, ProblemKind::Invalid);
    refused(get("a b").await, ProblemKind::Invalid);
    for fault in [Fault::HttpError(500), Fault::DoThenDrop] {
        world.whm.fail_next("accountsummary", fault);
        assert_eq!(later(get("acme").await).kind(), ProblemKind::Unavailable);
    }
    for function in ["listaccts", "listpkgs", "listresellers"] {
        world.whm.fail_next(function, Fault::DoThenDrop);
    }
    later(world.panel.list_accounts(page(10, "", "")).await);
    later(world.panel.list_packages(ListPackagesRequest {}).await);
    later(world.panel.list_resellers(ListResellersRequest {}).await);
}

#[tokio::test]
async fn packages_are_listed_with_whose_they_are() {
    let server = Server::start().await;
    server.answers_file("listpkgs", 200, "listpkgs.json");
    server.answers("listresellers", 200, r#"{"metadata":{"result":1},"data":{"reseller":["resa"]}}"#);
    let packages = server.panel.list_packages(ListPackagesRequest {}).await.expect("listed").value.packages;
    let [plan, gold] = &packages[..] else { panic!("two packages: {packages:?}") };
    assert_eq!((plan.name.as_str(), plan.owner.as_str()), ("my_plan", ""), "an underscore makes no owner");
    assert_eq!((gold.name.as_str(), gold.owner.as_str()), ("resa_gold", "resa"));
    let limits = gold.limits.expect("limits");
    assert_eq!((limits.disk_bytes, limits.bandwidth_bytes), (None, Some(1024 * 1024 * 1024)));
    assert_eq!((limits.mailboxes, limits.addon_domains, limits.databases), (None, Some(0), Some(5)));
    assert_eq!(gold.extra["hasshell"], "n");
    assert!(!gold.extra.contains_key("quota") && !gold.extra.contains_key("max_team_users"));
}

#[tokio::test]
async fn the_connection_tells_what_the_token_may_not() {
    let world = World::with_reseller().await;
    let test = world.panel.test_connection(TestConnectionRequest {}).await.expect("connected").value;
    assert_eq!((test.version.as_str(), test.hostname.as_str()), ("11.136.0.22", "whm.simulator.example"));
    assert!(test.missing_permissions.is_empty());
    let acls = [("reseller", "resa"), ("acl-list-accts", "1"), ("acl-acct-summary", "1")];
    world.whm.client().call("setacls", &acls).await.expect("set");
    let reseller = world.as_reseller("resa");
    let missing =
        reseller.test_connection(TestConnectionRequest {}).await.expect("connected").value.missing_permissions;
    assert!(!missing.contains(&"ListAccounts".to_owned()) && !missing.contains(&"GetAccount".to_owned()));
    for method in ["CreateAccount", "TerminateAccount", "GetUsage", "SingleSignOn", "SuspendReseller"] {
        assert!(missing.contains(&method.to_owned()), "{method}: {missing:?}");
    }
    // And it is true.
    let request = TerminateAccountRequest { operation: first(), r#ref: named("kida"), keep_dns: false };
    let words = refused(reseller.terminate_account(request).await, ProblemKind::Permission);
    assert!(words.contains("removeacct"), "{words}");
    let described = (billet_cpanel::PLUGIN.describe)();
    assert!(missing.iter().all(|method| described.capabilities.contains(method)));
}

#[tokio::test]
async fn documented_privileges_are_read() {
    let server = Server::start().await;
    server.answers("version", 200, r#"{"metadata":{"result":1},"data":{"version":"11.138.0.6"}}"#);
    server.answers("gethostname", 200, r#"{"metadata":{"result":1},"data":{"hostname":"srv.example"}}"#);
    server.answers_file("myprivs", 200, "myprivs.json");
    let test = server.panel.test_connection(TestConnectionRequest {}).await.expect("connected").value;
    assert!(test.missing_permissions.contains(&"CreateAccount".to_owned()));
    assert!(!test.missing_permissions.contains(&"SuspendAccount".to_owned()));
}

#[tokio::test]
async fn capacity_is_the_licence_or_the_resellers_limit() {
    let world = World::with_reseller().await;
    let capacity = world.panel.get_capacity(GetCapacityRequest {}).await.expect("counted").value;
    assert_eq!((capacity.accounts, capacity.accounts_max), (3, Some(10_000)));
    let reseller = world.as_reseller("resa");
    world.whm.client().suspend("kida", "x").await.expect("suspended");
    let capacity = reseller.get_capacity(GetCapacityRequest {}).await.expect("counted").value;
    assert_eq!((capacity.accounts, capacity.accounts_max), (2, None));
    let limits = [("user", "resa"), ("enable_account_limit", "1"), ("account_limit", "5")];
    world.whm.client().call("setresellerlimits", &limits).await.expect("set");
    let capacity = reseller.get_capacity(GetCapacityRequest {}).await.expect("counted").value;
    assert_eq!((capacity.accounts, capacity.accounts_max), (2, Some(5)));
    world.whm.fail_next("get_current_users_count", Fault::Refuse("Unknown app (“x”) requested".to_owned()));
    world.whm.fail_next("get_maximum_users", Fault::Refuse("Unknown app (“x”) requested".to_owned()));
    let old = world.panel.get_capacity(GetCapacityRequest {}).await.expect("counted by hand");
    assert_eq!((old.value.accounts, old.value.accounts_max, old.warnings.len()), (3, None, 1));
}

#[tokio::test]
async fn a_login_address_is_given_and_not_shown_in_failures() {
    let world = World::with_reseller().await;
    let sign_on = |user: &str, service: SignOnService| {
        world.panel.single_sign_on(SingleSignOnRequest {
            r#ref: named(user),
            service: service.into(),
            client_ip: "192.0.2.1".to_owned(),
        })
    };
    for (service, port) in
        [(SignOnService::Panel, ":2083/"), (SignOnService::Server, ":2087/"), (SignOnService::Webmail, ":2096/")]
    {
        let login = sign_on("resa", service).await.expect("a login").value;
        assert!(login.url.contains(port) && login.url.contains("/cpsess"), "{}", login.url);
        assert!(login.expires_at.is_some());
    }
    refused(sign_on("kida", SignOnService::Server).await, ProblemKind::NotFound);
    refused(sign_on("ghost", SignOnService::Panel).await, ProblemKind::NotFound);
    refused(sign_on("root", SignOnService::Server).await, ProblemKind::Permission);
    world.whm.fail_next("create_user_session", Fault::DoThenDrop);
    later(sign_on("kida", SignOnService::Panel).await);
    let server = Server::start().await;
    server.answers("create_user_session", 200, r#"{"metadata":{"result":1},"data":{"session":"s3ss10n"}}"#);
    let request = SingleSignOnRequest { r#ref: named("kida"), ..SingleSignOnRequest::default() };
    let problem = later(server.panel.single_sign_on(request).await);
    assert!(!format!("{problem:?}").contains("s3ss10n"));
}

#[tokio::test]
async fn a_renewal_is_not_whms() {
    let world = World::with_acme().await;
    let request = RenewAccountRequest { r#ref: named("acme"), ..RenewAccountRequest::default() };
    refused(world.panel.renew_account(request).await, ProblemKind::Unsupported);
    assert!(!(billet_cpanel::PLUGIN.describe)().capabilities.contains(&"RenewAccount".to_owned()));
}
