//! Sessions: trust, credentials, limits, idleness.

use std::time::Duration;

use billet_plugin::v1::{
    AcknowledgeMessageRequest, CheckAvailabilityRequest, GetDomainRequest, ProblemKind, TestRegistrarRequest,
};
use billet_plugin::{Failure, Settings};
use billet_simulator::{EppFault, EppOptions};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::world::*;

fn check(name: &str) -> CheckAvailabilityRequest {
    CheckAvailabilityRequest { names: vec![name.to_owned()] }
}

#[tokio::test]
async fn wrong_credentials_are_told_once_and_not_tried_again_at_once() {
    let registry = registry().await;
    let registrar = registrar(&registry, ("first-reg", "Wrong-pw-9"));
    for _ in 0..5 {
        let failure = registrar.test_registrar(TestRegistrarRequest {}).await.expect_err("wrong");
        assert!(failure.is_refused(ProblemKind::Unauthenticated), "{failure:?}");
        assert!(!format!("{failure:?}").contains("Wrong-pw-9"));
    }
    assert_eq!(registry.logins(), 1);
}

#[tokio::test]
async fn only_a_trusted_certificate_is_spoken_to() {
    let registry = registry().await;
    let (other, expired) = (
        registry_with(EppOptions::default()).await,
        registry_with(EppOptions { certificate_expired: true, ..EppOptions::default() }).await,
    );
    let untrusted = [
        registrar_with(&registry, FIRST, &json!({"ca_pem": other.ca_pem()})),
        registrar_with(&registry, FIRST, &json!({"ca_pem": "", "pin_sha256": "ab".repeat(32)})),
        registrar(&expired, FIRST),
    ];
    for registrar in untrusted {
        let failure = registrar.test_registrar(TestRegistrarRequest {}).await.expect_err("not trusted");
        assert!(failure.is_refused(ProblemKind::Unavailable), "{failure:?}");
        assert_eq!(failure.problem().code, "certificate");
    }
    assert_eq!(registry.logins() + expired.logins(), 0, "no password was sent");
    let pin: String = Sha256::digest(expired.certificate()).iter().map(|octet| format!("{octet:02X}:")).collect();
    let pinned = registrar_with(&expired, FIRST, &json!({"ca_pem": "", "pin_sha256": pin.trim_end_matches(':')}));
    pinned.test_registrar(TestRegistrarRequest {}).await.expect("pinned, so the date does not count");
}

#[tokio::test]
async fn a_registry_may_want_a_client_certificate() {
    let registry = registry_with(EppOptions { client_certificates: true, ..EppOptions::default() }).await;
    let failure = registrar(&registry, FIRST).test_registrar(TestRegistrarRequest {}).await.expect_err("none shown");
    assert!(matches!(failure, Failure::RetryLater { .. }), "{failure:?}");
    let (certificate, key) = registry.client_certificate();
    let shown = registrar_with(&registry, FIRST, &json!({"certificate_pem": certificate, "key_pem": key}));
    shown.test_registrar(TestRegistrarRequest {}).await.expect("shown");
}

#[tokio::test]
async fn sessions_are_shared_and_never_more_than_permitted() {
    let registry = registry_with(EppOptions { sessions_max: 3, ..EppOptions::default() }).await;
    let registrar = registrar_with(&registry, FIRST, &json!({"sessions_max": 3}));
    let calls = (0..30).map(|number| {
        let registrar = registrar.clone();
        tokio::spawn(async move { registrar.check_availability(check(&format!("n{number}.example"))).await })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.expect("no panic").expect("answered");
    }
    assert!(registry.logins() <= 3, "{} logins", registry.logins());
    // Somebody else uses up the registry's limit.
    let registry = registry_with(EppOptions { sessions_max: 1, ..EppOptions::default() }).await;
    let (one, two) = (crate::world::registrar(&registry, FIRST), crate::world::registrar(&registry, FIRST));
    one.test_registrar(TestRegistrarRequest {}).await.expect("the first");
    let failure = two.test_registrar(TestRegistrarRequest {}).await.expect_err("one too many");
    assert_eq!(failure.kind(), ProblemKind::Busy);
    assert!(matches!(failure, Failure::RetryLater { after: Some(_), .. }), "{failure:?}");
}

#[tokio::test]
async fn a_slow_session_keeps_no_other_waiting() {
    let registry = registry().await;
    let registrar = registrar_with(&registry, FIRST, &json!({"sessions_max": 2, "timeout_s": 5}));
    registry.fault("domain:info", EppFault::Delay(Duration::from_secs(60)));
    let slow = {
        let registrar = registrar.clone();
        tokio::spawn(async move { registrar.get_domain(GetDomainRequest { name: "a.example".to_owned() }).await })
    };
    for number in 0..20 {
        registrar.check_availability(check(&format!("n{number}.example"))).await.expect("the other session answers");
    }
    assert!(!slow.is_finished());
    let failure = slow.await.expect("no panic").expect_err("five seconds are over");
    assert!(matches!(failure, Failure::RetryLater { .. }), "{failure:?}");
}

#[tokio::test]
async fn an_idle_session_is_kept_open_by_a_hello() {
    let idle_time_max = Duration::from_secs(7);
    let registry = registry_with(EppOptions { idle_time_max, ..EppOptions::default() }).await;
    let registrar = registrar_with(&registry, FIRST, &json!({"keep_alive_s": 5}));
    registrar.check_availability(check("a.example")).await.expect("answered");
    tokio::time::sleep(Duration::from_secs(9)).await;
    registrar.check_availability(check("b.example")).await.expect("answered");
    assert_eq!(registry.logins(), 1);
    assert!(registry.frames().iter().any(|frame| frame.contains("<hello/>")));
}

#[tokio::test]
async fn a_change_does_not_go_into_a_session_that_died_in_its_sleep() {
    let registry = registry().await;
    let registrar = registrar(&registry, FIRST);
    registry.tell("first-reg", "Good night.");
    let id = crate::messages::read(&registrar).await.expect("there").id;
    tokio::time::sleep(Duration::from_millis(5_500)).await;
    registry.fault("hello", EppFault::DropBefore);
    let request = AcknowledgeMessageRequest { operation: operation(), id };
    let answer = registrar.acknowledge_message(request).await.expect("done in a new session, and not in doubt");
    assert!(!answer.already);
    assert_eq!(registry.logins(), 2);
}

#[tokio::test]
async fn a_call_that_is_given_up_takes_its_session_along() {
    let registry = registry().await;
    let registrar = registrar_with(&registry, FIRST, &json!({"sessions_max": 1}));
    registry.fault("domain:check", EppFault::Delay(Duration::from_millis(700)));
    let given_up =
        tokio::time::timeout(Duration::from_millis(300), registrar.check_availability(check("first.example")));
    assert!(given_up.await.is_err());
    let answer = registrar.check_availability(check("second.example")).await.expect("answered");
    assert_eq!(answer.value.availabilities[0].name, "second.example");
    assert!(answer.value.availabilities[0].available);
    assert_eq!(registry.logins(), 2);
}

#[tokio::test]
async fn nobody_home_is_tried_later() {
    let registry = registry().await;
    let registrar = registrar_with(&registry, FIRST, &json!({"url": "epps://127.0.0.1:1"}));
    let failure = registrar.test_registrar(TestRegistrarRequest {}).await.expect_err("nobody");
    assert!(matches!(failure, Failure::RetryLater { .. }), "{failure:?}");
    let failure = register(&registrar, "a.example").await.expect_err("nobody");
    assert!(matches!(failure, Failure::RetryLater { .. }), "nothing was sent: {failure:?}");
}

#[tokio::test]
async fn settings_are_checked() {
    let configure = |values: serde_json::Value| {
        let values = values.as_object().expect("an object").clone();
        let secrets = [("password".to_owned(), "First-pw-1".to_owned())].into();
        let settings = Settings { instance: "ins_1".to_owned(), values, secrets };
        (billet_epp::PLUGIN.configure)(&settings).map(drop)
    };
    assert!(configure(json!({"url": "epps://[2001:db8::1]:701", "client_id": "abc"})).is_ok());
    for bad in [
        json!({"client_id": "abc"}),
        json!({"url": "https://epp.registry.example", "client_id": "abc"}),
        json!({"url": "epps://a:b@epp.registry.example", "client_id": "abc"}),
        json!({"url": "epps://epp.registry.example:x", "client_id": "abc"}),
        json!({"url": "epps://epp.registry.example", "client_id": "abc", "sessions_max": 0}),
        json!({"url": "epps://epp.registry.example", "client_id": "abc", "timeout_s": 10_000}),
        json!({"url": "epps://epp.registry.example", "client_id": "abc", "currency": "euro"}),
        json!({"url": "epps://epp.registry.example", "client_id": "abc", "pin_sha256": "12"}),
        json!({"url": "epps://epp.registry.example", "client_id": "abc", "ca_pem": "no pem"}),
        json!({"url": "epps://epp.registry.example", "client_id": "abc", "certificate_pem": "no pem"}),
        json!({"url": "epps://epp.registry.example", "client_id": "abc", "unknown": 1}),
    ] {
        let failure = configure(bad.clone()).expect_err("bad settings");
        assert!(failure.is_refused(ProblemKind::Invalid), "{bad}: {failure:?}");
        assert!(!format!("{failure:?}").contains("First-pw-1"));
    }
    let schema: serde_json::Value =
        serde_json::from_str(&(billet_epp::PLUGIN.describe)().settings_schema).expect("JSON");
    for (name, property) in schema["properties"].as_object().expect("properties") {
        assert!(property["title"].is_string() && property["description"].is_string(), "{name}");
    }
}
