//! Transfers between two registrars.

use billet_plugin::v1::{
    DecideTransferRequest, DomainState, ProblemKind, RegistrarMessageKind, TransferDecision, TransferDomainRequest,
    TransferState, UpdateDomainRequest,
};
use billet_simulator::EppFault;
use chrono::Utc;

use crate::messages::take;
use crate::world::*;

fn transfer(name: &str, auth_code: &str) -> TransferDomainRequest {
    TransferDomainRequest {
        operation: operation(),
        name: name.to_owned(),
        auth_code: auth_code.to_owned(),
        years: 1,
        ..TransferDomainRequest::default()
    }
}

fn decide(name: &str, decision: TransferDecision) -> DecideTransferRequest {
    DecideTransferRequest { operation: operation(), name: name.to_owned(), decision: decision.into() }
}

#[tokio::test]
async fn a_transfer_is_asked_for_and_approved() {
    let registry = registry().await;
    let (losing, gaining) = (registrar(&registry, FIRST), registrar(&registry, SECOND));
    register(&losing, "moving.example").await.expect("free");
    let code = auth_code(&losing, "moving.example").await;
    let request = TransferDomainRequest { price_max: euros(10), ..transfer("moving.example", &code) };
    let answer = gaining.transfer_domain(request.clone()).await.expect("asked");
    let under_way = answer.value.transfer.expect("told");
    assert_eq!((under_way.state(), under_way.requested_by.as_str()), (TransferState::Pending, "second-reg"));
    assert_eq!(answer.value.charged, euros(10));
    // Asked for again, it is the same request.
    for operation in [operation(), again(&request.operation)] {
        let request = TransferDomainRequest { operation, ..request.clone() };
        assert!(gaining.transfer_domain(request).await.expect("under way").already);
    }
    assert_eq!(domain(&gaining, "moving.example").await.state(), DomainState::PendingTransfer);
    assert_eq!(domain(&losing, "moving.example").await.state(), DomainState::PendingTransfer);
    let failure = gaining.decide_transfer(decide("moving.example", TransferDecision::Approve)).await;
    assert!(failure.expect_err("the losing side does").is_refused(ProblemKind::Permission));
    let message = take(&losing).await.expect("told");
    assert_eq!(message.kind(), RegistrarMessageKind::Transfer);
    assert_eq!(message.transfer.expect("told").state(), TransferState::Pending);
    let approve = decide("moving.example", TransferDecision::Approve);
    let answer = losing.decide_transfer(approve.clone()).await.expect("ours to decide");
    assert_eq!(answer.value.transfer.expect("told").state(), TransferState::Approved);
    let approve = DecideTransferRequest { operation: again(&approve.operation), ..approve };
    assert!(losing.decide_transfer(approve).await.expect("decided").already);
    assert_eq!(domain(&losing, "moving.example").await.state(), DomainState::TransferredAway);
    assert_eq!(domain(&gaining, "moving.example").await.state(), DomainState::Active);
    let message = take(&gaining).await.expect("told");
    assert_eq!(message.transfer.expect("told").state(), TransferState::Approved);
    assert_eq!(registry.credit("second-reg"), 990.into());
}

#[tokio::test]
async fn a_wrong_code_and_a_lock_are_told_apart() {
    let registry = registry().await;
    let (losing, gaining) = (registrar(&registry, FIRST), registrar(&registry, SECOND));
    register(&losing, "kept.example").await.expect("free");
    let failure = gaining.transfer_domain(transfer("kept.example", "Wrong-code-77")).await.expect_err("wrong");
    assert!(failure.is_refused(ProblemKind::Invalid) && failure.problem().code == "2202", "{failure:?}");
    assert!(!format!("{failure:?}").contains("Wrong-code-77"));
    let lock = UpdateDomainRequest {
        operation: operation(),
        name: "kept.example".to_owned(),
        transfer_locked: Some(true),
        ..UpdateDomainRequest::default()
    };
    losing.update_domain(lock).await.expect("locked");
    let code = auth_code(&losing, "kept.example").await;
    let failure = gaining.transfer_domain(transfer("kept.example", &code)).await.expect_err("locked");
    assert!(failure.is_refused(ProblemKind::State), "{failure:?}");
}

#[tokio::test]
async fn transfers_end_in_every_way() {
    let registry = registry().await;
    let (losing, gaining) = (registrar(&registry, FIRST), registrar(&registry, SECOND));
    for name in ["a.example", "b.example", "c.example"] {
        register(&losing, name).await.expect("free");
        let code = auth_code(&losing, name).await;
        gaining.transfer_domain(transfer(name, &code)).await.expect("asked");
    }
    let answer = losing.decide_transfer(decide("a.example", TransferDecision::Reject)).await.expect("ours");
    assert_eq!(answer.value.transfer.expect("told").state(), TransferState::Rejected);
    let answer = gaining.decide_transfer(decide("b.example", TransferDecision::Cancel)).await.expect("ours");
    assert_eq!(answer.value.transfer.expect("told").state(), TransferState::Cancelled);
    let failure = losing.decide_transfer(decide("b.example", TransferDecision::Approve)).await.expect_err("over");
    assert!(failure.is_refused(ProblemKind::State) && failure.problem().code == "2301", "{failure:?}");
    let failure = losing.decide_transfer(decide("a.example", TransferDecision::Unspecified)).await;
    assert!(failure.expect_err("nothing said").is_refused(ProblemKind::Invalid));
    // Nobody answers the third; the registry approves after five days.
    registry.set_now(Utc::now() + days(6));
    assert_eq!(domain(&gaining, "c.example").await.state(), DomainState::Active);
    let mut last = None;
    while let Some(message) = take(&gaining).await {
        last = Some(message);
    }
    let transfer = last.expect("told").transfer.expect("a transfer");
    assert_eq!((transfer.name.as_str(), transfer.state()), ("c.example", TransferState::Approved));
}

#[tokio::test]
async fn lost_answers_of_transfers_are_looked_up() {
    let registry = registry().await;
    let (losing, gaining) = (registrar(&registry, FIRST), registrar(&registry, SECOND));
    register(&losing, "lost.example").await.expect("free");
    let code = auth_code(&losing, "lost.example").await;
    registry.fault("domain:transfer", EppFault::DoThenDrop);
    let answer = gaining.transfer_domain(transfer("lost.example", &code)).await.expect("looked up");
    assert_eq!(answer.value.transfer.expect("told").state(), TransferState::Pending);
    registry.fault("domain:transfer", EppFault::Truncate);
    let answer = losing.decide_transfer(decide("lost.example", TransferDecision::Approve)).await.expect("looked up");
    assert_eq!(answer.value.transfer.expect("told").state(), TransferState::Approved);
    assert_eq!(registry.credit("second-reg"), 990.into());
}

#[tokio::test]
async fn a_transfer_that_ended_between_two_attempts_is_recognised() {
    let registry = registry().await;
    let (losing, gaining) = (registrar(&registry, FIRST), registrar(&registry, SECOND));
    register(&losing, "quick.example").await.expect("free");
    let request = transfer("quick.example", &auth_code(&losing, "quick.example").await);
    gaining.transfer_domain(request.clone()).await.expect("asked");
    losing.decide_transfer(decide("quick.example", TransferDecision::Approve)).await.expect("ours");
    // The secret is another one by now.
    let next = TransferDomainRequest { operation: again(&request.operation), ..request.clone() };
    let answer = gaining.transfer_domain(next).await.expect("it is here");
    assert!(answer.already);
    assert_eq!(answer.value.transfer.expect("told").state(), TransferState::Approved);
    // An operation that began later did not bring it here.
    let later = TransferDomainRequest { operation: begun(operation(), Utc::now() + days(1)), ..request };
    let failure = gaining.transfer_domain(later).await.expect_err("it is here already");
    assert!(matches!(failure, billet_plugin::Failure::Refused(_)), "{failure:?}");
    assert_eq!(registry.credit("second-reg"), 990.into());
}
