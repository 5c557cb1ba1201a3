//! TerminateAccount.

use std::time::Duration;

use billet_plugin::v1::*;
use billet_simulator::Fault;

use crate::world::{World, first, named, on, operation, refused, second, unknown};

fn terminate(r#ref: Option<AccountRef>) -> TerminateAccountRequest {
    TerminateAccountRequest { operation: first(), r#ref, keep_dns: true }
}

#[tokio::test]
async fn an_account_is_removed_once() {
    let world = World::with_acme().await;
    let done = world.panel.terminate_account(terminate(on("acme", "Acme.example"))).await.expect("removed");
    assert!(!done.already && world.whm.account("acme").is_none());
    let request = TerminateAccountRequest { operation: second(), ..terminate(on("acme", "acme.example")) };
    assert!(world.panel.terminate_account(request).await.expect("gone").already);
}

#[tokio::test]
async fn the_wrong_account_is_never_removed() {
    let world = World::with_acme().await;
    let words =
        refused(world.panel.terminate_account(terminate(on("acme", "old.example"))).await, ProblemKind::Conflict);
    assert!(words.contains("old.example") && words.contains("acme.example"), "{words}");
    let mut by_id = terminate(named("acme"));
    by_id.r#ref.as_mut().expect("a reference").panel_id = "42".to_owned();
    refused(world.panel.terminate_account(by_id).await, ProblemKind::Conflict);
    assert!(world.whm.account("acme").is_some());
}

#[tokio::test]
async fn a_lost_answer_is_looked_up() {
    let world = World::with_acme().await;
    world.whm.fail_next("removeacct", Fault::DoThenDrop);
    let done = world.panel.terminate_account(terminate(named("acme"))).await.expect("found");
    assert!(!done.already && !done.warnings.is_empty());
}

#[tokio::test]
async fn what_is_still_there_is_unknown() {
    let world = World::with_acme().await;
    world.whm.fail_next("removeacct", Fault::DelayThenDo(Duration::from_secs(20)));
    let request = TerminateAccountRequest { operation: operation(1, 2_000), ..terminate(named("acme")) };
    unknown(world.panel.terminate_account(request).await);
    world.whm.fail_next("removeacct", Fault::HttpError(500));
    unknown(world.panel.terminate_account(terminate(named("acme"))).await);
}

#[tokio::test]
async fn a_refusal_is_a_refusal_and_somebody_faster_is_fine() {
    let world = World::with_reseller().await;
    let words = refused(world.panel.terminate_account(terminate(named("resa"))).await, ProblemKind::State);
    assert!(words.contains("still owns"), "{words}");
    world.whm.fail_next("removeacct", Fault::Refuse("System user kida does not exist!".to_owned()));
    assert!(world.panel.terminate_account(terminate(named("kida"))).await.expect("gone").already);
}

#[tokio::test]
async fn what_a_reseller_cannot_see_is_not_taken_for_gone() {
    let world = World::with_reseller().await;
    world.account("acme", "acme.example").await;
    let reseller = world.as_reseller("resa");
    let words = refused(reseller.terminate_account(terminate(named("acme"))).await, ProblemKind::Permission);
    assert!(words.contains("cannot see"), "{words}");
    assert!(reseller.terminate_account(terminate(named("ghost"))).await.expect("gone").already);
    assert!(world.whm.account("acme").is_some());
}
