//! The registry's messages.

use std::sync::Arc;

use billet_plugin::Registrar;
use billet_plugin::v1::{
    AcknowledgeMessageRequest, DomainState, PollMessageRequest, ProblemKind, RegistrarMessage, RegistrarMessageKind,
};
use billet_simulator::EppFault;

use crate::world::*;

pub async fn read(registrar: &Arc<dyn Registrar>) -> Option<RegistrarMessage> {
    registrar.poll_message(PollMessageRequest {}).await.expect("answered").value.message
}

fn acknowledgement(id: &str) -> AcknowledgeMessageRequest {
    AcknowledgeMessageRequest { operation: operation(), id: id.to_owned() }
}

/// Reads the oldest message and acknowledges it.
pub async fn take(registrar: &Arc<dyn Registrar>) -> Option<RegistrarMessage> {
    let message = read(registrar).await?;
    registrar.acknowledge_message(acknowledgement(&message.id)).await.expect("at the head");
    Some(message)
}

#[tokio::test]
async fn a_message_stays_until_it_is_acknowledged() {
    let registry = registry().await;
    let registrar = registrar(&registry, FIRST);
    assert_eq!(read(&registrar).await, None);
    registry.tell("first-reg", "Maintenance on Sunday.");
    registry.tell("first-reg", "Second.");
    let message = read(&registrar).await.expect("there");
    assert_eq!((message.words.as_str(), message.count), ("Maintenance on Sunday.", Some(2)));
    assert_eq!(message.kind(), RegistrarMessageKind::Unspecified);
    assert!(message.queued_at.is_some() && message.raw.contains("<msgQ"));
    assert_eq!(read(&registrar).await.map(|one| one.id), Some(message.id.clone()));
    let answer = registrar.acknowledge_message(acknowledgement(&message.id)).await.expect("at the head");
    assert!(!answer.already);
    assert!(registrar.acknowledge_message(acknowledgement(&message.id)).await.expect("gone").already);
    assert_eq!(take(&registrar).await.expect("there").words, "Second.");
    assert_eq!(read(&registrar).await, None);
    let failure = registrar.acknowledge_message(acknowledgement("")).await.expect_err("no id");
    assert!(failure.is_refused(ProblemKind::Invalid));
}

#[tokio::test]
async fn a_lost_acknowledgement_removes_one_message_and_no_more() {
    let registry = registry().await;
    let registrar = registrar(&registry, FIRST);
    registry.tell("first-reg", "One.");
    registry.tell("first-reg", "Two.");
    let one = read(&registrar).await.expect("there");
    registry.fault("poll", EppFault::DoThenDrop);
    assert!(registrar.acknowledge_message(acknowledgement(&one.id)).await.is_ok());
    assert_eq!(read(&registrar).await.expect("the next").words, "Two.");
    // Lost on the way there: the message is still at the head, so nobody claims that it has gone.
    let two = read(&registrar).await.expect("there");
    registry.fault("poll", EppFault::DropBefore);
    let failure = registrar.acknowledge_message(acknowledgement(&two.id)).await.expect_err("in doubt");
    assert!(matches!(failure, billet_plugin::Failure::Unknown(_)), "{failure:?}");
    assert_eq!(take(&registrar).await.expect("still there").words, "Two.");
}

#[tokio::test]
async fn a_create_that_waits_is_decided_by_a_message() {
    let registry = registry().await;
    let registrar = registrar(&registry, FIRST);
    for (name, approved) in [("review-a.example", true), ("review-b.example", false)] {
        let answer = register(&registrar, name).await.expect("taken in");
        assert_eq!(answer.value.domain.expect("told").state(), DomainState::PendingCreate);
        assert_eq!(domain(&registrar, name).await.state(), DomainState::PendingCreate);
        assert!(registry.decide(name, approved));
        let message = take(&registrar).await.expect("told");
        assert_eq!((message.kind(), message.domain_name.as_str()), (RegistrarMessageKind::PendingAction, name));
        assert!(message.raw.contains(if approved { "paResult=\"1\"" } else { "paResult=\"0\"" }), "{}", message.raw);
    }
    assert_eq!(domain(&registrar, "review-a.example").await.state(), DomainState::Active);
    assert_eq!(registry.credit("first-reg"), 990.into());
}
