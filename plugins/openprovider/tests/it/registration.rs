//! Registrations: prices, contacts, lost answers and repeated orders.

use std::time::Duration;

use billet_plugin::v1::*;
use billet_simulator::{Fault, OpenproviderOptions};

use crate::stand::{
    Stand, again, assert_later, assert_refused, assert_unknown, contact, euros, of_role, operation, register,
};

#[tokio::test]
async fn a_registration_is_charged_and_marked() {
    let stand = Stand::new().await;
    let request = RegisterDomainRequest {
        years: 2,
        id_protected: true,
        dnssec: vec![DnssecKey {
            algorithm: 13,
            flags: 257,
            public_key: "AAEC Aw==".to_owned(),
            ..DnssecKey::default()
        }],
        price_max: Some(euros(20, 0)),
        ..register("acme.example")
    };
    let done = stand.plugin.register_domain(request).await.expect("registered");
    assert!(!done.already && done.warnings.is_empty(), "{done:?}");
    let domain = done.value.domain.expect("a domain");
    assert_eq!((domain.state(), domain.id_protected), (DomainState::Active, true));
    assert_eq!(domain.dnssec[0].public_key, "AAECAw==");
    assert_eq!(done.value.charged, Some(euros(20, 0)));
    assert_eq!(stand.server.credit_cents(), 98_000);
    let held = stand.held("acme.example");
    assert_eq!((held.comments.as_str(), held.autorenew.as_str()), ("billet:op-1", "off"));
}

#[tokio::test]
async fn the_same_contact_has_one_handle() {
    let stand = Stand::new().await;
    let roles = [ContactRole::Registrant, ContactRole::Admin, ContactRole::Tech];
    let contacts: Vec<_> = roles.into_iter().map(|role| of_role(role, "Anna Holder")).collect();
    let request = RegisterDomainRequest { contacts, ..register("acme.example") };
    stand.plugin.register_domain(request).await.expect("registered");
    stand.plugin.register_domain(register("other.example")).await.expect("registered");
    assert_eq!(stand.server.customers().len(), 1);
    let contacts = vec![of_role(ContactRole::Registrant, "Berta Holder")];
    let third = RegisterDomainRequest { contacts, ..register("third.example") };
    stand.plugin.register_domain(third).await.expect("registered");
    assert_eq!(stand.server.customers().len(), 2);
    let customer = &stand.server.customers()[0];
    assert_eq!(customer.body["name"]["first_name"], "Anna");
    assert_eq!(customer.body["address"]["number"], "12a");
    assert!(customer.comments.starts_with("billet:"), "{}", customer.comments);
}

#[tokio::test]
async fn a_handle_may_be_named_and_must_exist() {
    let stand = Stand::having("acme.example").await;
    let handle = stand.held("acme.example").owner_handle;
    let by = |handle: &str| {
        let role = ContactRole::Registrant.into();
        vec![DomainContact { role, handle: handle.to_owned(), contact: None }]
    };
    let request = RegisterDomainRequest { contacts: by(&handle), ..register("other.example") };
    stand.plugin.register_domain(request).await.expect("registered");
    assert_eq!(stand.held("other.example").owner_handle, handle);
    let request = RegisterDomainRequest { contacts: by("XX9-EX"), ..register("third.example") };
    assert_refused(&stand.plugin.register_domain(request).await, ProblemKind::Invalid);
}

#[tokio::test]
async fn too_dear_is_refused_before_anything_is_ordered() {
    let options =
        OpenproviderOptions { premium: vec![("gold.example".to_owned(), 49_999)], ..OpenproviderOptions::default() };
    let stand = Stand::with(options).await;
    let try_for =
        |name: &str, price_max| stand.plugin.register_domain(RegisterDomainRequest { price_max, ..register(name) });
    assert_refused(&try_for("acme.example", Some(euros(9, 990_000_000))).await, ProblemKind::Limit);
    let dollars = billet_plugin::google::r#type::Money { currency_code: "USD".to_owned(), ..euros(99, 0) };
    assert_refused(&try_for("acme.example", Some(dollars)).await, ProblemKind::Invalid);
    let words = assert_refused(&try_for("gold.example", None).await, ProblemKind::Limit);
    assert!(words.contains("499.99 EUR"), "{words}");
    assert_refused(&try_for("gold.example", Some(euros(499, 0))).await, ProblemKind::Limit);
    assert_eq!((stand.server.calls("CreateDomain"), stand.server.customers().len()), (0, 0));
    let done = try_for("gold.example", Some(euros(500, 0))).await.expect("registered");
    assert_eq!(done.value.charged, Some(euros(499, 990_000_000)));
}

#[tokio::test]
async fn refusals_have_their_class() {
    let options = OpenproviderOptions {
        balance_cents: 500,
        taken: vec!["taken.example".to_owned()],
        ..OpenproviderOptions::default()
    };
    let stand = Stand::with(options).await;
    let order = |request| stand.plugin.register_domain(request);
    assert_refused(&order(register("acme.example")).await, ProblemKind::Balance);
    assert_refused(&order(register("taken.example")).await, ProblemKind::Conflict);
    assert_refused(&order(register("acme.unheard-of")).await, ProblemKind::Invalid);
    assert_refused(&order(register("acme.ai")).await, ProblemKind::Invalid);
    for wrong in [
        RegisterDomainRequest { years: 0, ..register("acme.example") },
        RegisterDomainRequest { contacts: vec![], ..register("acme.example") },
        RegisterDomainRequest { name_servers: vec!["ns1".to_owned()], ..register("acme.example") },
        RegisterDomainRequest { extra: [("mood".to_owned(), "x".to_owned())].into(), ..register("acme.example") },
        RegisterDomainRequest {
            dnssec: vec![DnssecKey { key_tag: 1, digest: "AB".to_owned(), ..DnssecKey::default() }],
            ..register("acme.example")
        },
    ] {
        assert_refused(&order(wrong).await, ProblemKind::Invalid);
    }
    assert!(stand.server.domains().is_empty());
}

#[tokio::test]
async fn a_refusal_with_http_500_is_no_outage() {
    let stand = Stand::new().await;
    stand.server.fail_next("CreateDomain", Fault::Refuse("Parameter value policy error".to_owned()));
    let answer = stand.plugin.register_domain(register("acme.example")).await;
    let words = assert_refused(&answer, ProblemKind::State);
    assert_eq!(words, "Registry error: Parameter value policy error");
    let Err(failure) = answer else { panic!("refused") };
    assert_eq!(failure.problem().code, "399");
}

#[tokio::test]
async fn a_lost_answer_is_looked_up_and_adopted() {
    let stand = Stand::new().await;
    stand.server.fail_next("CreateDomain", Fault::DoThenDrop);
    let done = stand.plugin.register_domain(register("acme.example")).await.expect("found");
    assert!(!done.already && done.warnings[0].contains("lost"), "{done:?}");
    assert_eq!((stand.server.domains().len(), stand.server.credit_cents()), (1, 99_000));
}

#[tokio::test]
async fn a_late_answer_is_unknown_and_the_next_attempt_finds_the_domain() {
    let stand = Stand::new().await;
    stand.server.fail_next("CreateDomain", Fault::DelayThenDo(Duration::from_millis(3_500)));
    let request = register("acme.example");
    assert_unknown(&stand.plugin.register_domain(request.clone()).await);
    tokio::time::timeout(Duration::from_secs(10), async {
        while stand.server.domains().is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .expect("the registrar goes on working");
    let second = RegisterDomainRequest { operation: again(request.operation.clone()), ..request };
    let done = stand.plugin.register_domain(second).await.expect("found");
    assert!(done.already, "{done:?}");
    assert_eq!((stand.server.domains().len(), stand.server.credit_cents()), (1, 99_000));
}

#[tokio::test]
async fn a_gateway_timeout_without_a_domain_stays_unknown() {
    let stand = Stand::new().await;
    stand.server.fail_next("CreateDomain", Fault::HttpError(504));
    let request = register("acme.example");
    assert_unknown(&stand.plugin.register_domain(request.clone()).await);
    let second = RegisterDomainRequest { operation: again(request.operation.clone()), ..request };
    let done = stand.plugin.register_domain(second).await.expect("registered by the second attempt");
    assert!(!done.already);
    assert_eq!(stand.server.credit_cents(), 99_000);
}

#[tokio::test]
async fn what_is_not_ours_is_a_conflict() {
    let stand = Stand::having("acme.example").await;
    let other = RegisterDomainRequest { operation: again(operation("op-2")), ..register("acme.example") };
    assert_refused(&stand.plugin.register_domain(other.clone()).await, ProblemKind::Conflict);
    // Without a mark the holder and the time decide.
    stand.server.change("acme.example", |domain| domain.comments.clear()).expect("it is there");
    let done = stand.plugin.register_domain(other.clone()).await.expect("the same holder, just now");
    assert!(done.already);
    let contacts = vec![of_role(ContactRole::Registrant, "Berta Holder")];
    let stranger = RegisterDomainRequest { contacts, ..other.clone() };
    assert_refused(&stand.plugin.register_domain(stranger).await, ProblemKind::Conflict);
    let old = chrono::Utc::now() - chrono::Duration::hours(5);
    stand.server.change("acme.example", |domain| domain.ordered_at = old).expect("it is there");
    assert_refused(&stand.plugin.register_domain(other).await, ProblemKind::Conflict);
}

#[tokio::test]
async fn a_pending_order_that_failed_is_refused_to_its_own_operation() {
    let stand = Stand::new().await;
    let request = RegisterDomainRequest { years: 2, ..register("acme.ai") };
    let done = stand.plugin.register_domain(request.clone()).await.expect("ordered");
    assert_eq!(done.value.domain.expect("a domain").state(), DomainState::PendingCreate);
    stand.server.fail("acme.ai").expect("it was pending");
    let second = RegisterDomainRequest { operation: again(request.operation.clone()), ..request.clone() };
    assert_refused(&stand.plugin.register_domain(second).await, ProblemKind::State);
    let fresh = RegisterDomainRequest { operation: operation("op-2"), ..request };
    stand.plugin.register_domain(fresh).await.expect("another order is another try");
    stand.server.settle("acme.ai").expect("it was pending");
    assert_eq!(stand.domain("acme.ai").await.state(), DomainState::Active);
}

#[tokio::test]
async fn a_contact_whose_answer_was_lost_is_found_by_the_next_attempt() {
    let stand = Stand::new().await;
    stand.server.fail_next("CreateCustomer", Fault::DoThenDrop);
    let request = register("acme.example");
    assert_later(&stand.plugin.register_domain(request.clone()).await, ProblemKind::Unavailable);
    let second = RegisterDomainRequest { operation: again(request.operation.clone()), ..request };
    stand.plugin.register_domain(second).await.expect("registered");
    assert_eq!(stand.server.customers().len(), 1);
    assert_eq!(contact("Anna Holder").email, stand.server.customers()[0].body["email"]);
}

#[tokio::test]
async fn an_order_for_which_no_time_is_left_is_not_placed() {
    let stand = Stand::new().await;
    let mut request = register("acme.example");
    if let Some(operation) = &mut request.operation {
        operation.time_left = Some(prost_types::Duration { seconds: 0, nanos: 800_000_000 });
    }
    assert_later(&stand.plugin.register_domain(request).await, ProblemKind::Unavailable);
    assert_eq!(stand.server.calls("CreateDomain"), 0);
}
