//! CreateAccount: two steps, once, whatever is lost in between.

use std::time::Duration;

use billet_plugin::v1::{CreateAccountRequest, ProblemKind, SuspendAccountRequest};
use billet_simulator::plesk::status;

use billet_simulator::{Fault, Plesk, PleskOptions};
use chrono::TimeDelta;
use serde_json::json;

use crate::bench::{
    Bench, CUSTOMER, PASSWORD, attempt, configured, first, later, reference, refused, start, unknown, wanted,
};

fn again(number: u32) -> CreateAccountRequest {
    CreateAccountRequest { operation: attempt(number), ..wanted() }
}

/// How many customers and subscriptions there are, by the panel's own counts.
async fn counts(plesk: &Plesk) -> (String, String) {
    let get = "<packet><server><get><stat/></get></server></packet>";
    let (_, text) = plesk.client().packet(get).await.expect("an answer");
    let count =
        |name: &str| text.split(&format!("<{name}>")).nth(1).and_then(|rest| rest.split('<').next()).map(str::to_owned);
    (count("clients").expect("a count"), count("domains").expect("a count"))
}

#[tokio::test]
async fn an_account_is_a_customer_with_a_subscription() {
    let bench = Bench::start().await;
    let done = bench.panel.create_account(wanted()).await.expect("created");
    assert!(!done.already && done.warnings.is_empty(), "{:?}", done.warnings);
    let account = done.value.account.expect("an account");
    let subscription = bench.plesk.subscription("acme.example").expect("it is there");
    let named = account.r#ref.clone().expect("a reference");
    assert_eq!((named.username.as_str(), named.domain.as_str()), ("acme", "acme.example"));
    assert_eq!(named.panel_id, subscription.guid);
    assert_eq!((account.package.as_str(), account.owner.as_str()), ("Basic", CUSTOMER));
    assert_eq!((account.email.as_str(), account.external_id.as_str()), ("ops@acme.example", "svc_17"));
    assert_eq!((account.ip.as_str(), account.suspension), ("192.0.2.20", None));
    assert_eq!(account.created_at.map(|at| at.seconds), Some(1_801_440_000));
    let customer = bench.plesk.customer(CUSTOMER).expect("it is there");
    assert_eq!((customer.external_id.as_str(), customer.password.reveal()), ("billet:svc_17", PASSWORD));
    assert_eq!(customer.contact.get("pname").map(String::as_str), Some("Anna A"));
    assert_eq!(subscription.hosting.expect("hosting").password.reveal(), PASSWORD);
    assert_eq!(bench.account().await.expect("it is there").value.package, "Basic");
}

#[tokio::test]
async fn a_second_account_of_the_same_address_gets_the_same_customer() {
    let bench = Bench::with_account().await;
    let second = CreateAccountRequest {
        username: "acme2".to_owned(),
        domain: "second.example".to_owned(),
        external_id: "svc_18".to_owned(),
        ..wanted()
    };
    bench.panel.create_account(second).await.expect("created");
    assert_eq!(counts(&bench.plesk).await, ("1".to_owned(), "2".to_owned()));
}

#[tokio::test]
async fn a_customer_that_billet_did_not_make_is_used_only_when_it_is_named() {
    let bench = Bench::start().await;
    bench.plesk.client().create_account(CUSTOMER, "old.example", "Basic", "ops@acme.example").await.expect("created");
    let words = refused(bench.panel.create_account(wanted()).await, ProblemKind::Conflict);
    assert!(words.contains("Billet did not make it"), "{words}");
    assert!(bench.plesk.customer(CUSTOMER).is_some(), "it stays");
    let extra = [("customer_login".to_owned(), CUSTOMER.to_owned())].into();
    bench.panel.create_account(CreateAccountRequest { extra, ..wanted() }).await.expect("created");
    assert_eq!(
        bench.plesk.subscription("acme.example").expect("there").owner_id,
        bench.plesk.customer(CUSTOMER).expect("there").id
    );
}

#[tokio::test]
async fn a_reseller_gets_the_customer() {
    let bench = Bench::start().await;
    bench.panel.create_reseller(crate::resellers::wanted()).await.expect("created");
    let request = CreateAccountRequest { owner: "house".to_owned(), package: String::new(), ..wanted() };
    bench.panel.create_account(request).await.expect("created");
    let reseller = bench.plesk.reseller("house").expect("there");
    assert_eq!(bench.plesk.customer(CUSTOMER).expect("there").owner_id, reseller.id);
    let ghost = CreateAccountRequest {
        owner: "ghost".to_owned(),
        email: "b@b.example".to_owned(),
        username: "b".to_owned(),
        domain: "b.example".to_owned(),
        ..wanted()
    };
    let words = refused(bench.panel.create_account(ghost).await, ProblemKind::Invalid);
    assert!(words.contains("customer cannot be made") && words.contains("Owner does not exist"), "{words}");
}

#[tokio::test]
async fn a_lost_answer_is_found_again_in_both_steps() {
    for step in ["customer.add", "webspace.add"] {
        let bench = Bench::start().await;
        bench.plesk.fail_next(step, Fault::DoThenDrop);
        let done = bench.panel.create_account(wanted()).await.expect(step);
        assert_eq!(done.value.account.expect("an account").external_id, "svc_17", "{step}");
        assert_eq!(counts(&bench.plesk).await, ("1".to_owned(), "1".to_owned()), "{step}");
    }
}

#[tokio::test]
async fn what_was_not_done_is_unknown_first_and_done_once_later() {
    for step in ["customer.add", "webspace.add"] {
        let bench = Bench::start().await;
        bench.plesk.fail_next(step, Fault::HttpError(502));
        let words = unknown(bench.panel.create_account(wanted()).await);
        assert!(words.contains("HTTP 502"), "{words}");
        let done = bench.panel.create_account(again(2)).await.expect(step);
        assert!(!done.already, "{step}");
        assert_eq!(counts(&bench.plesk).await, ("1".to_owned(), "1".to_owned()), "{step}");
    }
}

#[tokio::test]
async fn a_slow_panel_that_ends_after_us_is_not_asked_twice() {
    let bench = Bench::start().await;
    let secrets = [("secret_key", bench.plesk.secret_key())];
    let panel = configured(&bench.plesk.url(), json!({ "timeout_s": 1 }), &secrets).expect("good settings");
    // Longer than the call and both of its look-ups may take.
    bench.plesk.fail_next("webspace.add", Fault::DelayThenDo(Duration::from_secs(6)));
    unknown(panel.create_account(wanted()).await);
    for _ in 0..300 {
        if bench.plesk.subscription("acme.example").is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let done = panel.create_account(again(2)).await.expect("adopted");
    assert!(done.already, "the first attempt made it");
    assert_eq!(counts(&bench.plesk).await, ("1".to_owned(), "1".to_owned()));
}

#[tokio::test]
async fn a_half_success_is_finished_by_the_next_attempt() {
    let bench = Bench::start().await;
    bench.plesk.fail_next("webspace.add", Fault::Refuse("The disk is full.".to_owned()));
    let (kind, words) = later(bench.panel.create_account(wanted()).await);
    assert_eq!((kind, words.as_str()), (ProblemKind::Unavailable, "The disk is full."));
    let id = bench.plesk.customer(CUSTOMER).expect("the customer stays for the next attempt").id;
    let done = bench.panel.create_account(again(2)).await.expect("finished");
    assert!(!done.already);
    assert_eq!(bench.plesk.subscription("acme.example").expect("there").owner_id, id, "the same customer");
    let done = bench.panel.create_account(again(3)).await.expect("again");
    assert!(done.already, "a third attempt finds it");
}

#[tokio::test]
async fn a_refusal_for_good_takes_our_customer_away() {
    let bench = Bench::start().await;
    let words = refused(
        bench.panel.create_account(CreateAccountRequest { package: "Gold".to_owned(), ..wanted() }).await,
        ProblemKind::Invalid,
    );
    assert!(words.contains("plan `Gold`"), "{words}");
    assert!(bench.plesk.customer(CUSTOMER).is_none(), "nothing is left");
    let none = PleskOptions { subscriptions_max: 0, ..PleskOptions::default() };
    let full = Bench::of(none, json!({})).await;
    refused(
        full.panel.create_account(CreateAccountRequest { package: String::new(), ..wanted() }).await,
        ProblemKind::Limit,
    );
    assert!(full.plesk.customer(CUSTOMER).is_none(), "nothing is left");
}

#[tokio::test]
async fn a_customer_with_another_subscription_survives_a_refusal() {
    let bench = Bench::with_account().await;
    let request = CreateAccountRequest {
        username: "acme2".to_owned(),
        domain: "second.example".to_owned(),
        package: "Gold".to_owned(),
        ..wanted()
    };
    // The same external id on purpose: the customer looks as if this very operation had made it.
    let words = refused(bench.panel.create_account(request).await, ProblemKind::Invalid);
    assert!(words.contains("stays: it owns other subscriptions"), "{words}");
    assert!(bench.plesk.customer(CUSTOMER).is_some());
}

#[tokio::test]
async fn taken_names_are_conflicts_and_nothing_is_left_behind() {
    let bench = Bench::start().await;
    bench.plesk.client().create_account("other", "acme.example", "Basic", "x@other.example").await.expect("created");
    let words = refused(bench.panel.create_account(wanted()).await, ProblemKind::Conflict);
    assert!(words.contains("acme.example is there already"), "{words}");
    assert!(bench.plesk.customer(CUSTOMER).is_none(), "our customer went again");
    let words = refused(bench.panel.create_account(again(2)).await, ProblemKind::Conflict);
    assert!(words.contains("not by this operation"), "{words}");
    let user = CreateAccountRequest { username: "other".to_owned(), domain: "free.example".to_owned(), ..wanted() };
    let words = refused(bench.panel.create_account(user).await, ProblemKind::Conflict);
    assert!(words.contains("other already exists"), "{words}");
    assert!(bench.plesk.customer(CUSTOMER).is_none());
}

#[tokio::test]
async fn what_is_older_than_the_operation_is_not_adopted() {
    let bench = Bench::start().await;
    bench.plesk.set_now(start() - TimeDelta::days(3));
    bench.panel.create_account(wanted()).await.expect("created");
    bench.plesk.set_now(start());
    let words = refused(bench.panel.create_account(again(2)).await, ProblemKind::Conflict);
    assert!(words.contains("older than this operation"), "{words}");
    assert!(bench.plesk.subscription("acme.example").is_some() && bench.plesk.customer(CUSTOMER).is_some());
}

#[tokio::test]
async fn bad_requests_are_refused_before_anything_is_sent() {
    let bench = Bench::start().await;
    let bad = [
        CreateAccountRequest { username: "Acme".to_owned(), ..wanted() },
        CreateAccountRequest { username: String::new(), ..wanted() },
        CreateAccountRequest { domain: String::new(), ..wanted() },
        CreateAccountRequest { password: String::new(), ..wanted() },
        CreateAccountRequest { extra: [("mood".to_owned(), "x".to_owned())].into(), ..wanted() },
        CreateAccountRequest { dedicated_ip: true, ..wanted() },
        CreateAccountRequest { operation: None, external_id: String::new(), ..wanted() },
    ];
    for request in bad {
        refused(bench.panel.create_account(request).await, ProblemKind::Invalid);
    }
    let short = CreateAccountRequest { password: "abc".to_owned(), ..wanted() };
    refused(bench.panel.create_account(short).await, ProblemKind::Invalid);
    let address = [("ip_address".to_owned(), "192.0.2.99".to_owned())].into();
    refused(
        bench.panel.create_account(CreateAccountRequest { extra: address, ..wanted() }).await,
        ProblemKind::Invalid,
    );
    assert_eq!(counts(&bench.plesk).await, ("0".to_owned(), "0".to_owned()));
}

#[tokio::test]
async fn a_suspended_customer_shows_in_its_account() {
    let bench = Bench::with_account().await;
    let set = format!(
        "<packet><customer><set><filter><login>{CUSTOMER}</login></filter><values><gen_info><status>16</status></gen_info>\
         </values></set></customer></packet>"
    );
    bench.plesk.client().packet(&set).await.expect("an answer");
    let suspension = bench.account().await.expect("there").value.suspension.expect("suspended");
    assert_eq!(suspension.reason, "status 2: its owner is suspended");
    let request = SuspendAccountRequest { operation: first(), r#ref: Some(reference()), ..Default::default() };
    bench.panel.suspend_account(request).await.expect("ours beside it");
    assert_eq!(bench.plesk.subscription("acme.example").expect("there").status, status::BY_ADMIN);
}
