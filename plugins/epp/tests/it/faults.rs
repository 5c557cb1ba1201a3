//! What is lost on the way, and what is said about it.

use std::time::Duration;

use billet_plugin::Failure;
use billet_plugin::v1::{
    CheckAvailabilityRequest, DeleteDomainRequest, GetDomainRequest, Operation, ProblemKind, RegisterDomainRequest,
    RenewDomainRequest,
};
use billet_simulator::EppFault;
use chrono::Utc;

use crate::world::*;

#[tokio::test]
async fn a_create_whose_answer_is_lost_is_found_and_paid_once() {
    let registry = registry().await;
    let registrar = registrar(&registry, FIRST);
    for (number, fault) in [EppFault::DoThenDrop, EppFault::Truncate, EppFault::Garbage].into_iter().enumerate() {
        let name = format!("found-{number}.example");
        registry.fault("domain:create", fault.clone());
        let answer = register(&registrar, &name).await.expect("looked up");
        assert_eq!(answer.value.domain.expect("told").sponsor, "first-reg", "{fault:?}");
    }
    assert_eq!(registry.credit("first-reg"), 970.into());
}

#[tokio::test]
async fn a_create_that_did_not_arrive_is_in_doubt_and_the_next_attempt_does_it() {
    let registry = registry().await;
    let registrar = registrar(&registry, FIRST);
    registry.fault("domain:create", EppFault::DropBefore);
    let request = registration("later.example");
    let failure = registrar.register_domain(request.clone()).await.expect_err("in doubt");
    assert!(matches!(failure, Failure::Unknown(_)), "{failure:?}");
    let next = RegisterDomainRequest { operation: again(&request.operation), ..request };
    assert!(!registrar.register_domain(next).await.expect("free").already);
    assert_eq!(registry.credit("first-reg"), 990.into());
}

#[tokio::test]
async fn a_create_that_is_slow_is_in_doubt_and_the_next_attempt_finds_it() {
    let registry = registry().await;
    let registrar = registrar(&registry, FIRST);
    registry.fault("domain:create", EppFault::Delay(Duration::from_secs(2)));
    let mut request = registration("slow.example");
    let time_left = Some(prost_types::Duration { seconds: 1, nanos: 0 });
    request.operation = request.operation.map(|operation| Operation { time_left, ..operation });
    let failure = registrar.register_domain(request.clone()).await.expect_err("in doubt");
    assert!(matches!(failure, Failure::Unknown(_)), "{failure:?}");
    // The registry finishes its work although nobody listens any more.
    let mut request = RegisterDomainRequest { operation: again(&request.operation), ..request };
    let time_left = Some(prost_types::Duration { seconds: 10, nanos: 0 });
    request.operation = request.operation.map(|operation| Operation { time_left, ..operation });
    while registry.credit("first-reg") == 1_000.into() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(registrar.register_domain(request).await.expect("found").already);
    assert_eq!(registry.credit("first-reg"), 990.into());
}

#[tokio::test]
async fn renewals_and_deletions_whose_answers_are_lost_are_looked_up() {
    let registry = registry().await;
    let registrar = registrar(&registry, FIRST);
    register(&registrar, "lost.example").await.expect("free");
    let expires_on = expiry(&registrar, "lost.example").await;
    let name = "lost.example".to_owned();
    let request =
        RenewDomainRequest { operation: operation(), name: name.clone(), years: 1, expires_on, price_max: None };
    registry.fault("domain:renew", EppFault::DropBefore);
    let failure = registrar.renew_domain(request.clone()).await.expect_err("in doubt");
    assert!(matches!(failure, Failure::Unknown(_)), "{failure:?}");
    registry.fault("domain:renew", EppFault::DoThenDrop);
    let next = RenewDomainRequest { operation: again(&request.operation), ..request };
    assert!(registrar.renew_domain(next).await.expect("looked up").value.expires_at.is_some());
    assert_eq!(registry.credit("first-reg"), 980.into());
    registry.set_now(Utc::now() + days(10));
    registry.fault("domain:delete", EppFault::DropBefore);
    let request = DeleteDomainRequest { operation: operation(), name };
    let failure = registrar.delete_domain(request.clone()).await.expect_err("in doubt");
    assert!(matches!(failure, Failure::Unknown(_)), "{failure:?}");
    registry.fault("domain:delete", EppFault::DoThenDrop);
    let next = DeleteDomainRequest { operation: again(&request.operation), ..request };
    assert!(registrar.delete_domain(next).await.is_ok());
}

#[tokio::test]
async fn contacts_and_hosts_in_doubt_are_only_tried_later() {
    let registry = registry().await;
    let registrar = registrar(&registry, FIRST);
    for command in ["contact:create", "host:create"] {
        registry.fault(command, EppFault::DoThenDrop);
        let failure = register(&registrar, "steps.example").await.expect_err("in doubt");
        assert!(matches!(failure, Failure::RetryLater { .. }), "{command}: {failure:?}");
    }
    register(&registrar, "steps.example").await.expect("what was made is used again");
    assert_eq!(registry.credit("first-reg"), 990.into());
}

#[tokio::test]
async fn codes_fall_into_their_classes_and_keep_their_words() {
    let registry = registry().await;
    let registrar = registrar(&registry, FIRST);
    use ProblemKind::*;
    for (code, kind, later) in [
        (2001, Invalid, false),
        (2101, Unsupported, false),
        (2104, Balance, false),
        (2201, Permission, false),
        (2303, NotFound, false),
        (2304, State, false),
        (2306, Invalid, false),
        (2308, Invalid, false),
        (2400, Unavailable, true),
        (2500, Unavailable, true),
        (2501, Unauthenticated, false),
        (2502, Busy, true),
    ] {
        registry.fault("domain:create", EppFault::Refuse(code));
        let failure = register(&registrar, "codes.example").await.expect_err("refused");
        assert_eq!((failure.kind(), failure.problem().code.as_str()), (kind, code.to_string().as_str()));
        assert_eq!(matches!(failure, Failure::RetryLater { .. }), later, "{code}");
        assert!(failure.problem().words.contains("as the simulator was told"), "{failure:?}");
    }
    // After 2500 to 2502 the sessions were replaced.
    register(&registrar, "codes.example").await.expect("free");
}

#[tokio::test]
async fn questions_are_asked_again_on_another_session_once_and_then_given_up() {
    let registry = registry().await;
    let registrar = registrar(&registry, FIRST);
    let ask = || registrar.check_availability(CheckAvailabilityRequest { names: vec!["q.example".to_owned()] });
    ask().await.expect("answered");
    registry.fault("domain:check", EppFault::DropBefore);
    ask().await.expect("asked on a new session");
    for _ in 0..4 {
        registry.fault("domain:check", EppFault::Garbage);
    }
    let failure = ask().await.expect_err("nonsense");
    assert!(matches!(failure, Failure::RetryLater { .. }), "{failure:?}");
    assert_eq!(failure.kind(), ProblemKind::Unavailable);
    let failure = registrar.get_domain(GetDomainRequest { name: "none.example".to_owned() }).await;
    assert!(failure.expect_err("free").is_refused(ProblemKind::NotFound));
}
