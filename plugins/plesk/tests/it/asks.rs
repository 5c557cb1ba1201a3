//! Questions: connection, lists, usage, capacity, sign-on.

use billet_plugin::v1::{
    AccountRef, CheckUsernameRequest, GetAccountRequest, GetCapacityRequest, GetUsageRequest, ListAccountsRequest,
    ProblemKind, SignOnService, SingleSignOnRequest, TestConnectionRequest, Usage, UsageKind,
};
use billet_simulator::{Fault, PleskOptions};
use chrono::{Datelike, Months, NaiveDate, NaiveTime, Utc};
use serde_json::json;

use crate::bench::{Bench, CUSTOMER, later, reference, refused, wanted};

#[tokio::test]
async fn the_server_tells_what_it_is() {
    let bench = Bench::start().await;
    let found = bench.panel.test_connection(TestConnectionRequest {}).await.expect("connected").value;
    assert_eq!((found.version.as_str(), found.hostname.as_str()), ("18.0.73", "plesk.simulator.example"));
    assert!(found.missing_permissions.is_empty());
    bench.plesk.fail_next("server.get", Fault::HttpError(503));
    assert_eq!(later(bench.panel.test_connection(TestConnectionRequest {}).await).0, ProblemKind::Unavailable);
}

#[tokio::test]
async fn accounts_come_in_pages() {
    let bench = Bench::start().await;
    let empty = bench.panel.list_accounts(ListAccountsRequest { page_size: 10, ..Default::default() }).await;
    assert!(empty.expect("listed").value.accounts.is_empty());
    for number in 1..=5 {
        let (login, domain) = (format!("user{number}"), format!("d{number}.example"));
        bench
            .plesk
            .client()
            .create_account(&login, &domain, "Basic", &format!("{login}@x.example"))
            .await
            .expect("made");
    }
    bench.plesk.set_used("d2.example", 123, 0).expect("it is there");
    let (mut token, mut names, mut pages) = (String::new(), Vec::new(), 0);
    loop {
        let request = ListAccountsRequest { page_size: 2, page_token: token, owner: String::new() };
        let page = bench.panel.list_accounts(request).await.expect("listed").value;
        pages += 1;
        names.extend(page.accounts);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(pages, 3);
    let users: Vec<_> = names.iter().map(|one| one.r#ref.as_ref().expect("a reference").username.as_str()).collect();
    assert_eq!(users, ["user1", "user2", "user3", "user4", "user5"]);
    let second = &names[1];
    assert_eq!(
        (second.package.as_str(), second.email.as_str(), second.owner.as_str()),
        ("Basic", "user2@x.example", "user2")
    );
    assert_eq!((second.disk_used_bytes, second.disk_limit_bytes), (Some(123), None));
    let foreign = ListAccountsRequest { page_size: 2, page_token: "7".to_owned(), owner: String::new() };
    refused(bench.panel.list_accounts(foreign).await, ProblemKind::Invalid);
}

#[tokio::test]
async fn accounts_of_a_reseller_are_those_of_its_customers_and_its_own() {
    let bench = Bench::with_account().await;
    bench.panel.create_reseller(crate::resellers::wanted()).await.expect("created");
    let of_reseller = billet_plugin::v1::CreateAccountRequest {
        username: "sub".to_owned(),
        domain: "sub.example".to_owned(),
        email: "sub@sub.example".to_owned(),
        owner: "house".to_owned(),
        package: String::new(),
        ..wanted()
    };
    bench.panel.create_account(of_reseller).await.expect("created");
    let listed = async |owner: &str| {
        let request = ListAccountsRequest { page_size: 100, owner: owner.to_owned(), ..Default::default() };
        let accounts = bench.panel.list_accounts(request).await.expect("listed").value.accounts;
        accounts.into_iter().map(|one| one.r#ref.expect("a reference").domain).collect::<Vec<_>>()
    };
    assert_eq!(listed("house").await, ["sub.example"]);
    assert_eq!(listed(CUSTOMER).await, ["acme.example"]);
    assert!(listed("nobody").await.is_empty());
    assert_eq!(listed("").await.len(), 2);
}

#[tokio::test]
async fn an_account_is_found_by_each_of_its_names() {
    let bench = Bench::with_account().await;
    let whole = bench.whole_reference().await;
    let id = bench.plesk.subscription("acme.example").expect("there").id.to_string();
    let names = [
        AccountRef { panel_id: whole.panel_id.clone(), ..AccountRef::default() },
        AccountRef { panel_id: id, ..AccountRef::default() },
        AccountRef { domain: "ACME.example.".to_owned(), ..AccountRef::default() },
        AccountRef { username: "acme".to_owned(), ..AccountRef::default() },
        // Renamed since: the id counts.
        AccountRef { domain: "old.example".to_owned(), ..whole.clone() },
    ];
    for name in names {
        let found = bench.panel.get_account(GetAccountRequest { r#ref: Some(name.clone()) }).await;
        assert_eq!(found.expect("found").value.account.expect("an account").r#ref, Some(whole.clone()), "{name:?}");
    }
    let other = AccountRef { username: "other".to_owned(), panel_id: String::new(), ..whole };
    refused(bench.panel.get_account(GetAccountRequest { r#ref: Some(other) }).await, ProblemKind::Conflict);
    let ghost = AccountRef { username: "ghost".to_owned(), ..AccountRef::default() };
    refused(bench.panel.get_account(GetAccountRequest { r#ref: Some(ghost) }).await, ProblemKind::NotFound);
    refused(bench.panel.get_account(GetAccountRequest { r#ref: None }).await, ProblemKind::Invalid);
}

#[tokio::test]
async fn a_name_is_free_or_not() {
    let bench = Bench::with_account().await;
    let ask = |username: &str, domain: &str| CheckUsernameRequest {
        username: username.to_owned(),
        domain: domain.to_owned(),
    };
    bench.panel.check_username(ask("free", "free.example")).await.expect("free");
    bench.panel.check_username(ask("free", "")).await.expect("free");
    refused(bench.panel.check_username(ask("acme", "free.example")).await, ProblemKind::Conflict);
    refused(bench.panel.check_username(ask("free", "acme.example")).await, ProblemKind::Conflict);
    refused(bench.panel.check_username(ask("Root!", "")).await, ProblemKind::Invalid);
}

fn figure<'a>(usage: &'a [Usage], metric: &str) -> &'a Usage {
    usage.iter().find(|one| one.metric == metric).unwrap_or_else(|| panic!("no {metric}: {usage:?}"))
}

#[tokio::test]
async fn usage_of_this_month_has_all_figures() {
    let bench = Bench::with_account().await;
    bench.plesk.client().create_account("b", "b.example", "Basic", "").await.expect("created");
    bench.plesk.client().add_plan("Limited", 5_000).await.expect("added");
    bench.plesk.client().change_package("acme.example", "Limited").await.expect("changed");
    bench.plesk.set_used("acme.example", 1_234, 5_678).expect("it is there");
    bench.plesk.set_counts("acme.example", 7, 3).expect("it is there");
    let all = bench.panel.get_usage(GetUsageRequest::default()).await.expect("read").value.usage;
    assert_eq!(all.len(), 10, "five figures of two accounts");
    let request = GetUsageRequest { r#ref: Some(reference()), month: None };
    let usage = bench.panel.get_usage(request).await.expect("read").value.usage;
    let disk = figure(&usage, "disk");
    assert_eq!(
        (disk.quantity, disk.limit, disk.unit.as_str(), disk.kind()),
        (1_234, Some(5_000), "byte", UsageKind::Snapshot)
    );
    let bandwidth = figure(&usage, "bandwidth");
    assert_eq!((bandwidth.quantity, bandwidth.kind()), (5_678, UsageKind::Period));
    let first = Utc::now().date_naive().with_day(1).expect("a day");
    assert_eq!(bandwidth.period_start.map(|at| at.seconds), Some(first.and_time(NaiveTime::MIN).and_utc().timestamp()));
    assert_eq!((figure(&usage, "mailboxes").quantity, figure(&usage, "databases").quantity), (7, 3));
    assert_eq!(disk.r#ref.as_ref().expect("a reference").username, "acme");
}

#[tokio::test]
async fn usage_of_a_past_month_is_the_sum_of_its_days() {
    let bench = Bench::with_account().await;
    let day = |text: &str| text.parse::<NaiveDate>().expect("a date");
    for (date, bytes) in [("2026-01-31", 1), ("2026-02-01", 10), ("2026-02-28", 100), ("2026-03-01", 1_000)] {
        bench.plesk.set_traffic_on("acme.example", day(date), bytes).expect("it is there");
    }
    let month = prost_types::Timestamp { seconds: 1_771_000_000, nanos: 0 };
    let request = GetUsageRequest { r#ref: None, month: Some(month) };
    let usage = bench.panel.get_usage(request.clone()).await.expect("read").value.usage;
    assert_eq!(usage.len(), 1, "only the traffic is known: {usage:?}");
    assert_eq!((usage[0].metric.as_str(), usage[0].quantity), ("bandwidth", 110));
    let next = Utc::now().checked_add_months(Months::new(2)).expect("a time").timestamp();
    let future = GetUsageRequest { r#ref: None, month: Some(prost_types::Timestamp { seconds: next, nanos: 0 }) };
    refused(bench.panel.get_usage(future).await, ProblemKind::Invalid);
    bench.plesk.fail_next("webspace.get_traffic", Fault::Refuse("no statistics".to_owned()));
    later(bench.panel.get_usage(request).await);
}

#[tokio::test]
async fn capacity_is_what_the_licence_says() {
    let options = PleskOptions { subscriptions_max: 30, ..PleskOptions::default() };
    let bench = Bench::of(options, json!({})).await;
    bench.plesk.client().create_account("b", "b.example", "Default Domain", "").await.expect("created");
    let found = bench.panel.get_capacity(GetCapacityRequest {}).await.expect("read").value;
    assert_eq!((found.accounts, found.accounts_max), (1, Some(30)));
}

#[tokio::test]
async fn a_visitor_is_let_in_as_the_customer_and_as_nobody_else() {
    let bench = Bench::with_account().await;
    let ask = |service: SignOnService| SingleSignOnRequest {
        r#ref: Some(reference()),
        service: service.into(),
        client_ip: "198.51.100.7".to_owned(),
    };
    let done = bench.panel.single_sign_on(ask(SignOnService::Panel)).await.expect("a session").value;
    let start = format!("{}/enterprise/rsession_init.php?PLESKSESSID=", bench.plesk.url());
    let id = done.url.strip_prefix(&start).unwrap_or_else(|| panic!("a strange address: {}", done.url));
    assert_eq!(bench.plesk.session(id), Some((CUSTOMER.to_owned(), "198.51.100.7".to_owned())));
    bench.panel.create_reseller(crate::resellers::wanted()).await.expect("created");
    let house = AccountRef { username: "house".to_owned(), ..AccountRef::default() };
    let server = SingleSignOnRequest { r#ref: Some(house), ..ask(SignOnService::Server) };
    let url = bench.panel.single_sign_on(server).await.expect("a session").value.url;
    assert_eq!(bench.plesk.session(&url[start.len()..]).expect("a session").0, "house");

    refused(bench.panel.single_sign_on(ask(SignOnService::Webmail)).await, ProblemKind::Unsupported);
    let nowhere = SingleSignOnRequest { client_ip: String::new(), ..ask(SignOnService::Panel) };
    refused(bench.panel.single_sign_on(nowhere).await, ProblemKind::Invalid);
    let add = "<packet><webspace><add><gen_setup><name>own.example</name><ip_address>192.0.2.20</ip_address></gen_setup></add>\
        </webspace></packet>";
    bench.plesk.client().packet(add).await.expect("added");
    let own = AccountRef { domain: "own.example".to_owned(), ..AccountRef::default() };
    let words = refused(
        bench.panel.single_sign_on(SingleSignOnRequest { r#ref: Some(own), ..ask(SignOnService::Panel) }).await,
        ProblemKind::State,
    );
    assert!(words.contains("belongs to admin"), "the administrator's session is given to nobody: {words}");
}
