//! The life of a domain: checked, registered, renewed, deleted, restored.

use billet_plugin::v1::{
    CheckAvailabilityRequest, DeleteDomainRequest, DomainAction, DomainState, GetAuthCodeRequest, GetDomainRequest,
    GetTldPricingRequest, ProblemKind, RegisterDomainRequest, RenewDomainRequest, RestoreDomainRequest,
    TestRegistrarRequest,
};
use billet_simulator::EppOptions;
use chrono::Utc;
use serde_json::json;

use crate::world::*;

#[tokio::test]
async fn a_test_names_the_server() {
    let registry = registry().await;
    let answer = registrar(&registry, FIRST).test_registrar(TestRegistrarRequest {}).await.expect("reachable");
    assert_eq!(answer.value.server, "Billet simulator registry");
}

#[tokio::test]
async fn names_are_checked_with_prices_and_a_bad_one_spoils_no_other() {
    let registry = registry().await;
    let registrar = registrar(&registry, FIRST);
    register(&registrar, "taken.example").await.expect("free");
    let names = ["taken.example", "free.example", "premium-x.example", "-bad-.example", "free.elsewhere"];
    let request = CheckAvailabilityRequest { names: names.map(str::to_owned).to_vec() };
    let said = registrar.check_availability(request).await.expect("answered").value.availabilities;
    let got: Vec<_> = said.iter().map(|one| (one.name.as_str(), one.available, one.premium)).collect();
    let expected = [
        ("taken.example", false, false),
        ("free.example", true, false),
        ("premium-x.example", true, true),
        ("-bad-.example", false, false),
        ("free.elsewhere", false, false),
    ];
    assert_eq!(got, expected);
    assert!(said[3].reason.contains("syntax"), "{}", said[3].reason);
    let price = |action: DomainAction| {
        let of_action = said[2].prices.iter().find(|price| price.action() == action);
        of_action.and_then(|price| price.price.clone()).expect("told").units
    };
    assert_eq!((price(DomainAction::Register), price(DomainAction::Restore)), (500, 50));
}

#[tokio::test]
async fn prices_of_zones_are_those_of_a_name_that_nobody_has() {
    let registry = registry().await;
    let registrar = registrar_with(&registry, FIRST, &json!({"zones": ["example", "nowhere"], "currency": "EUR"}));
    let answer = registrar.get_tld_pricing(GetTldPricingRequest::default()).await.expect("answered");
    let pricing = &answer.value.pricings[0];
    assert_eq!((pricing.tld.as_str(), pricing.prices.len()), ("example", 4));
    assert_eq!(pricing.prices[0].price, euros(10));
}

#[tokio::test]
async fn a_domain_is_registered_with_its_contacts_and_servers() {
    let registry = registry().await;
    let registrar = registrar(&registry, FIRST);
    let request = RegisterDomainRequest { years: 2, price_max: euros(20), ..registration("new.example") };
    let answer = registrar.register_domain(request).await.expect("free");
    assert!(!answer.already);
    assert_eq!(answer.value.charged, euros(20));
    let told = answer.value.domain.expect("told");
    let domain = domain(&registrar, "new.example").await;
    assert_eq!(told, domain);
    assert_eq!(domain.state(), DomainState::Active);
    assert_eq!(domain.name_servers, ["ns1.host.test", "ns2.host.test"]);
    assert_eq!(domain.contacts.len(), 3);
    assert!(domain.contacts[0].handle.starts_with("BLT"));
    // The holder and the administrator are the same person, so they have the same handle.
    assert_eq!(domain.contacts[0].handle, domain.contacts[1].handle);
    assert_ne!(domain.contacts[0].handle, domain.contacts[2].handle);
    assert_eq!(domain.sponsor, "first-reg");
    assert_eq!(registry.credit("first-reg"), 980.into());
    // Contacts and hosts are used again.
    register(&registrar, "more.example").await.expect("free");
    assert_eq!(self::domain(&registrar, "more.example").await.contacts, domain.contacts);
}

#[tokio::test]
async fn what_is_there_is_a_conflict_unless_it_is_of_this_operation() {
    let registry = registry().await;
    let (first, second) = (registrar(&registry, FIRST), registrar(&registry, SECOND));
    let request = registration("mine.example");
    first.register_domain(request.clone()).await.expect("free");
    let repeated = RegisterDomainRequest { operation: again(&request.operation), ..request.clone() };
    let answer = first.register_domain(repeated).await.expect("ours");
    assert!(answer.already);
    assert_eq!(answer.value.domain.expect("told").state(), DomainState::Active);
    // An operation that began later than the domain did not make it.
    let later = begun(again(&request.operation), Utc::now() + days(1));
    let failure = first.register_domain(RegisterDomainRequest { operation: later, ..request.clone() }).await;
    assert!(failure.expect_err("not of this").is_refused(ProblemKind::Conflict));
    // Another operation of ours is another order.
    let failure = register(&first, "mine.example").await.expect_err("taken");
    assert!(failure.is_refused(ProblemKind::Conflict), "{failure:?}");
    let failure = register(&second, "mine.example").await.expect_err("taken");
    assert!(failure.is_refused(ProblemKind::Conflict), "{failure:?}");
    assert_eq!(registry.credit("first-reg"), 990.into());
    assert_eq!(registry.credit("second-reg"), 1_000.into());
}

#[tokio::test]
async fn nothing_dearer_than_permitted_is_bought() {
    let registry = registry().await;
    let registrar = registrar(&registry, FIRST);
    for (name, price_max, years) in
        [("premium-a.example", None, 1), ("premium-a.example", euros(499), 1), ("plain.example", euros(19), 2)]
    {
        let request = RegisterDomainRequest { price_max, years, ..registration(name) };
        let failure = registrar.register_domain(request).await.expect_err("too dear");
        assert!(failure.is_refused(ProblemKind::Invalid), "{failure:?}");
        assert_eq!(failure.problem().code, "price");
    }
    let request = RegisterDomainRequest { price_max: euros(500), ..registration("premium-a.example") };
    let answer = registrar.register_domain(request).await.expect("permitted");
    assert_eq!(answer.value.charged, euros(500));
    register(&registrar, "plain.example").await.expect("10 EUR");
    let request = RegisterDomainRequest { price_max: euros(500), ..registration("premium-b.example") };
    let failure = registrar.register_domain(request).await.expect_err("no money left");
    assert!(failure.is_refused(ProblemKind::Balance), "{failure:?}");
    assert_eq!(failure.problem().code, "2104");
}

#[tokio::test]
async fn without_prices_a_limit_is_refused_unless_that_is_allowed() {
    let registry = registry_with(EppOptions { fees: false, ..EppOptions::default() }).await;
    let request = || RegisterDomainRequest { price_max: euros(20), ..registration("blind.example") };
    let failure = registrar(&registry, FIRST).register_domain(request()).await.expect_err("cannot be held");
    assert!(failure.is_refused(ProblemKind::Unsupported), "{failure:?}");
    let trusting = registrar_with(&registry, FIRST, &json!({"unpriced_allowed": true}));
    let answer = trusting.register_domain(request()).await.expect("allowed");
    assert!(answer.warnings[0].contains("price_max"), "{:?}", answer.warnings);
    let failure = trusting.get_tld_pricing(GetTldPricingRequest { tlds: vec!["example".to_owned()] }).await;
    assert!(failure.expect_err("no prices").is_refused(ProblemKind::Unsupported));
}

#[tokio::test]
async fn what_cannot_be_is_refused_before_anything_is_bought() {
    let registry = registry().await;
    let registrar = registrar(&registry, FIRST);
    let good = registration("x.example");
    let bad = [
        RegisterDomainRequest { years: 0, ..good.clone() },
        RegisterDomainRequest { years: 11, ..good.clone() },
        RegisterDomainRequest { contacts: Vec::new(), ..good.clone() },
        RegisterDomainRequest { name: "b\u{fc}cher.example".to_owned(), ..good.clone() },
        RegisterDomainRequest { name_servers: vec!["ns1.x.example".to_owned()], ..good.clone() },
        RegisterDomainRequest { name: "x.elsewhere".to_owned(), ..good.clone() },
    ];
    for request in bad {
        let failure = registrar.register_domain(request.clone()).await.expect_err(&request.name);
        assert!(failure.is_refused(ProblemKind::Invalid), "{failure:?}");
    }
    assert_eq!(registry.credit("first-reg"), 1_000.into());
}

#[tokio::test]
async fn a_renewal_is_done_once_however_often_it_is_asked_for() {
    let registry = registry().await;
    let registrar = registrar(&registry, FIRST);
    register(&registrar, "long.example").await.expect("free");
    let expires_on = expiry(&registrar, "long.example").await;
    let request = RenewDomainRequest {
        operation: operation(),
        name: "long.example".to_owned(),
        years: 1,
        expires_on,
        price_max: euros(10),
    };
    let answer = registrar.renew_domain(request.clone()).await.expect("renewed");
    assert_eq!((answer.already, answer.value.charged), (false, euros(10)));
    let renewed_to = answer.value.expires_at.expect("told");
    assert_eq!(day(&renewed_to).map(|day| day.year), expires_on.map(|day| day.year + 1));
    // As another operation (the registry says 2306), and as the next attempt of this one.
    for operation in [operation(), again(&request.operation)] {
        let request = RenewDomainRequest { operation, ..request.clone() };
        let answer = registrar.renew_domain(request).await.expect("done before");
        assert!(answer.already);
        assert_eq!(answer.value.expires_at.as_ref().and_then(day), day(&renewed_to));
    }
    assert_eq!(registry.credit("first-reg"), 980.into());
    let failure = registrar.renew_domain(RenewDomainRequest { expires_on: None, ..request.clone() }).await;
    assert!(failure.expect_err("no day").is_refused(ProblemKind::Invalid));
    let too_late = expires_on.map(|mut day| {
        day.year += 3;
        day
    });
    let request = RenewDomainRequest { operation: operation(), expires_on: too_late, ..request };
    let failure = registrar.renew_domain(request).await.expect_err("not that day");
    assert_eq!(failure.problem().code, "2306");
}

#[tokio::test]
async fn a_deleted_domain_is_restored_with_a_report() {
    let registry = registry().await;
    let registrar = registrar(&registry, FIRST);
    register(&registrar, "lost.example").await.expect("free");
    registry.set_now(Utc::now() + days(30));
    let delete = |operation| DeleteDomainRequest { operation, name: "lost.example".to_owned() };
    let first = operation();
    assert!(!registrar.delete_domain(delete(first.clone())).await.expect("deleted").already);
    assert!(registrar.delete_domain(delete(again(&first))).await.expect("deleted").already);
    assert!(registrar.delete_domain(delete(operation())).await.expect("deleted").already);
    assert_eq!(domain(&registrar, "lost.example").await.state(), DomainState::Redemption);
    let restore = |price_max| RestoreDomainRequest {
        operation: operation(),
        name: "lost.example".to_owned(),
        reason: "Deleted by mistake".to_owned(),
        price_max,
    };
    let failure = registrar.restore_domain(restore(euros(49))).await.expect_err("50 EUR");
    assert_eq!(failure.problem().code, "price");
    let answer = registrar.restore_domain(restore(euros(50))).await.expect("restored");
    assert_eq!(answer.value.charged, euros(50));
    assert_eq!(answer.value.domain.expect("told").state(), DomainState::Active);
    assert_eq!(registry.credit("first-reg"), 940.into());
    assert!(registrar.restore_domain(restore(None)).await.expect("there").already);
    let report = registry.frames().into_iter().find(|frame| frame.contains("rgp:report")).expect("a report");
    assert!(report.contains("Deleted by mistake") && report.contains("lost.example"));
}

#[tokio::test]
async fn a_restore_whose_report_is_missing_is_completed() {
    let registry = registry().await;
    let registrar = registrar(&registry, FIRST);
    register(&registrar, "half.example").await.expect("free");
    registry.set_now(Utc::now() + days(30));
    let name = "half.example".to_owned();
    registrar.delete_domain(DeleteDomainRequest { operation: operation(), name: name.clone() }).await.expect("ours");
    // The request is answered, the report is refused once.
    registry.fault("domain:update", billet_simulator::EppFault::Delay(std::time::Duration::ZERO));
    registry.fault("domain:update", billet_simulator::EppFault::Refuse(2400));
    let request = RestoreDomainRequest { operation: operation(), name, ..RestoreDomainRequest::default() };
    let failure = registrar.restore_domain(request.clone()).await.expect_err("no report");
    assert_eq!(failure.problem().code, "2400");
    assert_eq!(domain(&registrar, "half.example").await.state(), DomainState::PendingRestore);
    let request = RestoreDomainRequest { operation: again(&request.operation), ..request };
    let answer = registrar.restore_domain(request).await.expect("completed");
    assert_eq!(answer.value.domain.expect("told").state(), DomainState::Active);
    assert_eq!(registry.credit("first-reg"), 940.into(), "the restore is paid once");
}

#[tokio::test]
async fn states_follow_the_calendar() {
    let registry = registry().await;
    let registrar = registrar(&registry, FIRST);
    register(&registrar, "old.example").await.expect("free");
    let start = Utc::now();
    registry.set_now(start + days(30));
    let name = "old.example".to_owned();
    registrar.delete_domain(DeleteDomainRequest { operation: operation(), name: name.clone() }).await.expect("ours");
    registry.set_now(start + days(61));
    assert_eq!(domain(&registrar, "old.example").await.state(), DomainState::PendingDelete);
    let request = RestoreDomainRequest { operation: operation(), name: name.clone(), ..Default::default() };
    assert!(registrar.restore_domain(request).await.expect_err("too late").is_refused(ProblemKind::State));
    registry.set_now(start + days(66));
    let failure = registrar.get_domain(GetDomainRequest { name: name.clone() }).await.expect_err("gone");
    assert!(failure.is_refused(ProblemKind::NotFound));
    assert!(registrar.delete_domain(DeleteDomainRequest { operation: operation(), name }).await.expect("gone").already);
}

#[tokio::test]
async fn somebody_elses_domain_is_not_touched() {
    let registry = registry().await;
    let (first, second) = (registrar(&registry, FIRST), registrar(&registry, SECOND));
    register(&first, "theirs.example").await.expect("free");
    let name = "theirs.example".to_owned();
    assert_eq!(domain(&second, "theirs.example").await.state(), DomainState::TransferredAway);
    let failure = second.delete_domain(DeleteDomainRequest { operation: operation(), name: name.clone() }).await;
    assert!(failure.expect_err("not ours").is_refused(ProblemKind::Permission));
    let failure = second.get_auth_code(GetAuthCodeRequest { name }).await.expect_err("not ours");
    assert!(failure.is_refused(ProblemKind::Permission));
}
