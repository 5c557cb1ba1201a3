//! What the client makes of answers that registries gave (see `fixtures/README.md`).

use billet_plugin::v1::{DomainAction, DomainState, ProblemKind, RegistrarMessageKind, TransferState};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::failure::{of_login, of_response};
use crate::info::Info;
use crate::message::message;
use crate::namespace;
use crate::price;
use crate::response::{Greeting, Incoming, Response};
use crate::transfer;

macro_rules! fixture {
    ($name:literal) => {
        response(include_str!(concat!("../fixtures/", $name, ".response.xml")))
    };
}

fn response(frame: &str) -> Response {
    match Incoming::parse(frame.to_owned()).expect("EPP") {
        Incoming::Response(response) => *response,
        Incoming::Greeting(_) => panic!("a greeting"),
    }
}

fn now() -> DateTime<Utc> {
    "2026-11-25T00:00:00Z".parse().expect("an instant")
}

#[test]
fn a_greeting_tells_what_is_offered() {
    let frame = include_str!("../fixtures/00-greeting.response.xml");
    let Incoming::Greeting(greeting) = Incoming::parse(frame.to_owned()).expect("EPP") else { panic!("an answer") };
    assert_eq!(greeting.server, "Namingo EPP Server 1.0");
    for offered in [namespace::DOMAIN, namespace::HOST, namespace::CONTACT, namespace::FEE, namespace::RGP] {
        assert!(greeting.offers(offered), "{offered}");
    }
    assert!(!greeting.offers(namespace::CHANGE_POLL) && !Greeting::default().offers(namespace::DOMAIN));
}

#[test]
fn refusals_fall_into_classes_and_keep_code_and_words() {
    use ProblemKind::*;
    for (said, kind, code) in [
        (fixture!("02-check-before-login"), Invalid, "2202"),
        (fixture!("12-contact-create-duplicate"), Conflict, "2302"),
        (fixture!("12b-extvalue"), Invalid, "2004"),
        (fixture!("16-domain-create-unknown-registrant"), NotFound, "2303"),
        (fixture!("18-domain-create-duplicate"), Conflict, "2302"),
        (fixture!("19-domain-create-unknown-tld"), Invalid, "2306"),
        (fixture!("21-domain-create-fee-wrong"), Invalid, "2004"),
        (fixture!("24-domain-info-missing"), NotFound, "2303"),
        (fixture!("34-domain-renew-retry-same-date"), Invalid, "2306"),
        (fixture!("38-transfer-request-bad-authinfo"), Permission, "2201"),
        (fixture!("41-transfer-request-again"), State, "2304"),
        (fixture!("46-losing-poll-ack-missing"), NotFound, "2303"),
        (fixture!("47-gaining-approve-not-allowed"), Permission, "2201"),
        (fixture!("49-losing-update-not-sponsor"), Permission, "2201"),
        (fixture!("58-domain-create-no-credit"), Balance, "2104"),
    ] {
        assert!(!said.is_success());
        let failure = of_response(&said, &[]);
        assert!(failure.is_refused(kind), "{failure:?}");
        assert_eq!(failure.problem().code, code);
        assert!(!failure.problem().words.is_empty());
    }
    let failure = of_response(&fixture!("12b-extvalue"), &[]);
    assert_eq!(failure.problem().words, "Parameter value range error; The period is longer than permitted");
    for said in [fixture!("03-login-bad-password"), fixture!("04-login-unknown-client")] {
        assert!(of_login(&said, &[]).is_refused(Unauthenticated), "{said:?}");
    }
    assert!(fixture!("05-login-ok").is_success() && fixture!("54-domain-delete-after-agp").is_pending());
    assert!(fixture!("59-logout").ends_session());
}

#[test]
fn domains_are_read_in_all_their_states() {
    let info = Info::read(&fixture!("23-domain-info")).expect("a domain");
    assert_eq!((info.name.as_str(), info.roid.as_str(), info.sponsor.as_str()), ("alpha.test", "D1-RXX", "leonet"));
    assert_eq!(info.auth_code.as_deref(), Some("Dom-Auth-0001"));
    assert_eq!(info.state("leonet", now()), DomainState::Active);
    assert_eq!(info.state("nordregistrar", now()), DomainState::TransferredAway);
    assert_eq!(info.state("leonet", now() + chrono::TimeDelta::days(400)), DomainState::Expired);
    let domain = info.domain("leonet", false);
    assert_eq!(domain.contacts.len(), 4);
    assert_eq!(domain.statuses, ["ok", "addPeriod"]);
    assert!(!format!("{info:?}{domain:?}").contains("Dom-Auth-0001"));
    for (said, state) in [
        (fixture!("43-losing-info-pendingTransfer"), DomainState::PendingTransfer),
        (fixture!("55-domain-info-pendingDelete"), DomainState::Redemption),
        (fixture!("57-domain-info-pendingRestore"), DomainState::PendingRestore),
    ] {
        assert!(!format!("{said:?}").contains("Dom-Auth-0001"));
        assert_eq!(Info::read(&said).expect("a domain").state("leonet", now()), state);
    }
    let info = Info::read(&fixture!("43-losing-info-pendingTransfer")).expect("a domain");
    let names: Vec<_> = info.name_servers.iter().map(|server| server.name.as_str()).collect();
    assert_eq!(names, ["ns1.alpha.test", "ns1.example.net"]);
    assert!(Info::read(&fixture!("24-domain-info-missing")).is_none());
}

#[test]
fn prices_are_told_and_charged() {
    let quotes = price::read(&fixture!("09-domain-check-fee"), "ALPHA.test");
    let said: Vec<_> = quotes.iter().map(|one| (one.action, one.years, one.total.to_string(), one.premium)).collect();
    let expected = [
        (DomainAction::Register, 2, "10.00".to_owned(), false),
        (DomainAction::Renew, 1, "5.00".to_owned(), false),
        (DomainAction::Transfer, 1, "5.00".to_owned(), false),
        (DomainAction::Restore, 1, "50.00".to_owned(), false),
    ];
    assert_eq!(said, expected);
    assert!(price::read(&fixture!("09-domain-check-fee"), "other.test").is_empty());
    let charged = price::charged(&fixture!("20-domain-create-fee-ok")).expect("told");
    assert_eq!((price::amount(&charged), charged.currency_code.as_str()), (Some(Decimal::from(10)), "EUR"));
    assert_eq!(price::charged(&fixture!("33-domain-renew-ok")), None);
}

#[test]
fn transfers_and_their_messages_are_read() {
    let transfer = transfer::read(&fixture!("40-transfer-request-ok")).expect("a transfer");
    assert_eq!(transfer.state(), TransferState::Pending);
    assert_eq!((transfer.requested_by.as_str(), transfer.acted_by.as_str()), ("nordregistrar", "leonet"));
    assert!(transfer.requested_at.is_some() && transfer.acted_at.is_some() && transfer.expires_at.is_some());
    assert_eq!(transfer::read(&fixture!("42-transfer-query")), Some(transfer.clone()));
    let said = message(&fixture!("44-losing-poll-transfer"), "foo-BAR2").expect("a message");
    assert_eq!((said.id.as_str(), said.count, said.kind()), ("1", Some(1), RegistrarMessageKind::Transfer));
    assert_eq!((said.domain_name.as_str(), said.words.as_str()), ("alpha.test", "Transfer requested."));
    assert_eq!(said.transfer, Some(transfer));
    assert_eq!(message(&fixture!("36-poll-empty"), ""), None);
}

#[test]
fn messages_are_understood_and_hold_no_secret() {
    let said = message(&fixture!("poll-infdata-secret"), "foo-BAR2").expect("a message");
    assert_eq!((said.kind(), said.domain_name.as_str()), (RegistrarMessageKind::Changed, "changed.example"));
    assert!(said.raw.contains("URS Admin") && said.raw.contains("serverHold"));
    assert!(!format!("{said:?}").contains("Poll-Secret-9"), "{said:?}");
    let said = message(&fixture!("poll-low-balance"), "").expect("a message");
    assert_eq!(said.kind(), RegistrarMessageKind::LowBalance);
    assert!(said.raw.contains("availableCredit"));
}

#[test]
fn what_is_no_answer_is_refused() {
    for bad in [
        "<html><body>Maintenance</body></html>",
        "<epp xmlns=\"urn:ietf:params:xml:ns:epp-2.0\"><response/></epp>",
        "<epp xmlns=\"urn:ietf:params:xml:ns:epp-1.0\"><command/></epp>",
        "<epp xmlns=\"urn:ietf:params:xml:ns:epp-1.0\"><response><trID/></response></epp>",
        "<epp xmlns=\"urn:ietf:params:xml:ns:epp-1.0\"><response><result code=\"abc\"/></response></epp>",
        "<epp xmlns=\"urn:ietf:params:xml:ns:epp-1.0\"><response><result code=\"9\"/></response></epp>",
    ] {
        assert!(Incoming::parse(bad.to_owned()).is_err(), "{bad}");
    }
}
