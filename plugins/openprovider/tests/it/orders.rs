//! Transfers, renewals, deletions and restores.

use billet_plugin::google::r#type::Date;
use billet_plugin::v1::*;
use billet_simulator::{Fault, OpenproviderOptions};
use chrono::{DateTime, Datelike as _, Utc};

use crate::stand::{Stand, again, assert_later, assert_refused, assert_unknown, euros, of_role, operation};

const CODE: &str = "tr4nsfer-Code";

async fn elsewhere() -> Stand {
    let elsewhere = vec![("acme.example".to_owned(), CODE.to_owned())];
    Stand::with(OpenproviderOptions { elsewhere, ..OpenproviderOptions::default() }).await
}

fn transfer(code: &str) -> TransferDomainRequest {
    TransferDomainRequest {
        operation: operation("op-1"),
        name: "acme.example".to_owned(),
        auth_code: code.to_owned(),
        contacts: vec![of_role(ContactRole::Registrant, "Anna Holder")],
        ..TransferDomainRequest::default()
    }
}

#[tokio::test]
async fn a_transfer_is_placed_and_arrives_later() {
    let stand = elsewhere().await;
    let done = stand.plugin.transfer_domain(transfer(CODE)).await.expect("placed");
    assert_eq!(done.value.transfer.expect("a transfer").state(), TransferState::Pending);
    assert_eq!(done.value.charged, Some(euros(12, 0)));
    assert_eq!(stand.domain("acme.example").await.state(), DomainState::PendingTransfer);
    let second = TransferDomainRequest { operation: again(operation("op-1")), ..transfer(CODE) };
    assert!(stand.plugin.transfer_domain(second.clone()).await.expect("placed before").already);
    stand.server.settle("acme.example").expect("it was pending");
    let done = stand.plugin.transfer_domain(second).await.expect("placed before");
    assert_eq!(done.value.transfer.expect("a transfer").state(), TransferState::Approved);
    assert_eq!(stand.domain("acme.example").await.state(), DomainState::Active);
}

#[tokio::test]
async fn a_wrong_code_is_final_and_stays_out_of_words() {
    let stand = elsewhere().await;
    let words = assert_refused(&stand.plugin.transfer_domain(transfer("wr0ng-code")).await, ProblemKind::Invalid);
    assert!(!words.contains("wr0ng-code"), "{words}");
    stand.server.fail_next("TransferDomain", Fault::Refuse(format!("bad authInfo {CODE}")));
    let answer = stand.plugin.transfer_domain(transfer(CODE)).await;
    assert!(!format!("{answer:?}").contains(CODE), "{answer:?}");
    let dear = TransferDomainRequest { price_max: Some(euros(11, 0)), ..transfer(CODE) };
    assert_refused(&stand.plugin.transfer_domain(dear).await, ProblemKind::Limit);
    let long = TransferDomainRequest { years: 2, ..transfer(CODE) };
    assert_refused(&stand.plugin.transfer_domain(long).await, ProblemKind::Invalid);
    assert!(stand.server.domains().is_empty());
}

#[tokio::test]
async fn a_transfer_without_contacts_brings_those_of_the_registry() {
    let stand = elsewhere().await;
    stand.server.fail_next("TransferDomain", Fault::DoThenDrop);
    let request = TransferDomainRequest { contacts: vec![], ..transfer(CODE) };
    let done = stand.plugin.transfer_domain(request).await.expect("found");
    assert!(done.warnings[0].contains("lost"), "{done:?}");
    assert!(stand.server.customers().is_empty());
}

#[tokio::test]
async fn a_name_that_is_here_is_not_transferred_again() {
    let stand = Stand::having("acme.example").await;
    assert_refused(&stand.plugin.transfer_domain(transfer(CODE)).await, ProblemKind::Conflict);
}

#[tokio::test]
async fn requests_to_let_go_are_answered_and_own_ones_withdrawn() {
    let stand = Stand::having("acme.example").await;
    let decide = |decision: TransferDecision| {
        let request = DecideTransferRequest {
            operation: operation("op-2"),
            name: "acme.example".to_owned(),
            decision: decision.into(),
        };
        stand.plugin.decide_transfer(request)
    };
    assert_refused(&decide(TransferDecision::Unspecified).await, ProblemKind::Invalid);
    assert_refused(&decide(TransferDecision::Reject).await, ProblemKind::State);
    assert_refused(&decide(TransferDecision::Cancel).await, ProblemKind::State);
    assert_eq!(stand.held("acme.example").status, "ACT", "a domain that is here is never deleted");
    stand.server.ask_for("acme.example").expect("it is here");
    let rejected = decide(TransferDecision::Reject).await.expect("rejected").value.transfer.expect("a transfer");
    assert_eq!(rejected.state(), TransferState::Rejected);
    stand.server.ask_for("acme.example").expect("it is here");
    stand.server.fail_next("ApproveTransfer", Fault::HttpError(502));
    assert_unknown(&decide(TransferDecision::Approve).await);
    decide(TransferDecision::Approve).await.expect("let go");
    assert_refused(&decide(TransferDecision::Approve).await, ProblemKind::NotFound);

    let stand = elsewhere().await;
    stand.plugin.transfer_domain(transfer(CODE)).await.expect("placed");
    let request = DecideTransferRequest {
        operation: operation("op-2"),
        name: "acme.example".to_owned(),
        decision: TransferDecision::Cancel.into(),
    };
    stand.server.fail_next("DeleteDomain", Fault::DoThenDrop);
    stand.plugin.decide_transfer(request.clone()).await.expect("withdrawn");
    assert!(stand.plugin.decide_transfer(request).await.expect("withdrawn").already);
    assert_eq!(stand.server.credit_cents(), 100_000, "what was held is free again");
}

fn day(at: DateTime<Utc>) -> Date {
    let part = |part: u32| i32::try_from(part).expect("small");
    Date { year: at.year(), month: part(at.month()), day: part(at.day()) }
}

fn renew(stand: &Stand) -> RenewDomainRequest {
    let expires_on = stand.held("acme.example").expires_at.map(day);
    RenewDomainRequest {
        operation: operation("op-2"),
        name: "acme.example".to_owned(),
        years: 1,
        expires_on,
        ..RenewDomainRequest::default()
    }
}

#[tokio::test]
async fn a_renewal_is_made_once_for_one_day_of_expiry() {
    let stand = Stand::having("acme.example").await;
    let request = renew(&stand);
    let before = stand.held("acme.example").expires_at.expect("it expires");
    let done = stand.plugin.renew_domain(request.clone()).await.expect("renewed");
    assert!(!done.already);
    let after = stand.held("acme.example").expires_at.expect("it expires");
    assert_eq!((after.year(), done.value.charged), (before.year() + 1, Some(euros(11, 0))));
    assert_eq!(done.value.expires_at.expect("told").seconds, after.timestamp());
    let done = stand.plugin.renew_domain(request).await.expect("renewed before");
    assert!(done.already);
    assert_eq!((stand.server.calls("RenewDomain"), stand.server.credit_cents()), (1, 97_900));
}

#[tokio::test]
async fn a_renewal_whose_answer_was_lost_is_seen_in_the_day_of_expiry() {
    let stand = Stand::having("acme.example").await;
    stand.server.fail_next("RenewDomain", Fault::DoThenDrop);
    let done = stand.plugin.renew_domain(renew(&stand)).await.expect("found renewed");
    assert!(done.warnings[0].contains("lost"), "{done:?}");
    stand.server.fail_next("RenewDomain", Fault::HttpError(504));
    assert_unknown(&stand.plugin.renew_domain(renew(&stand)).await);
    assert_eq!(stand.server.credit_cents(), 97_900);
}

#[tokio::test]
async fn a_renewal_needs_the_right_day_and_state() {
    let stand = Stand::having("acme.example").await;
    let good = renew(&stand);
    let with = |request| stand.plugin.renew_domain(request);
    assert_refused(&with(RenewDomainRequest { expires_on: None, ..good.clone() }).await, ProblemKind::Invalid);
    assert_refused(&with(RenewDomainRequest { years: 11, ..good.clone() }).await, ProblemKind::Invalid);
    let later = Some(Date { year: 2099, month: 1, day: 1 });
    assert_refused(&with(RenewDomainRequest { expires_on: later, ..good.clone() }).await, ProblemKind::State);
    let dear = RenewDomainRequest { price_max: Some(euros(10, 0)), ..good.clone() };
    assert_refused(&with(dear).await, ProblemKind::Limit);
    stand.server.change("acme.example", |domain| "REQ".clone_into(&mut domain.status)).expect("it is there");
    assert_later(&with(good.clone()).await, ProblemKind::Busy);
    stand.server.change("acme.example", |domain| "ACT".clone_into(&mut domain.status)).expect("it is there");
    let delete = DeleteDomainRequest { operation: operation("op-3"), name: "acme.example".to_owned() };
    stand.plugin.delete_domain(delete).await.expect("deleted");
    let words = assert_refused(&with(good).await, ProblemKind::State);
    assert!(words.contains("restored"), "{words}");
    assert_eq!(stand.server.calls("RenewDomain"), 0);
}

#[tokio::test]
async fn a_domain_is_deleted_once_and_restored_once() {
    let stand = Stand::having("acme.example").await;
    let delete = DeleteDomainRequest { operation: operation("op-2"), name: "acme.example".to_owned() };
    let restore = RestoreDomainRequest {
        operation: operation("op-3"),
        name: "acme.example".to_owned(),
        ..RestoreDomainRequest::default()
    };
    assert!(stand.plugin.restore_domain(restore.clone()).await.expect("it is there").already);
    stand.server.fail_next("DeleteDomain", Fault::DoThenDrop);
    assert!(!stand.plugin.delete_domain(delete.clone()).await.expect("deleted").already);
    assert!(stand.plugin.delete_domain(delete.clone()).await.expect("deleted before").already);
    assert_eq!(stand.domain("acme.example").await.state(), DomainState::Redemption);
    stand.server.fail_next("RestoreDomain", Fault::HttpError(503));
    assert_unknown(&stand.plugin.restore_domain(restore.clone()).await);
    stand.server.fail_next("RestoreDomain", Fault::DoThenDrop);
    let done = stand.plugin.restore_domain(restore.clone()).await.expect("restored");
    assert_eq!(done.value.domain.expect("a domain").state(), DomainState::Active);
    assert_eq!(done.value.charged, Some(euros(0, 0)));
    let ghost = DeleteDomainRequest { name: "ghost.example".to_owned(), ..delete };
    assert!(stand.plugin.delete_domain(ghost).await.expect("not there").already);
    let ghost = RestoreDomainRequest { name: "ghost.example".to_owned(), ..restore };
    assert_refused(&stand.plugin.restore_domain(ghost).await, ProblemKind::NotFound);
}
