//! SuspendAccount and UnsuspendAccount.

use std::time::Duration;

use billet_plugin::v1::*;
use billet_simulator::Fault;

use crate::world::{World, first, named, operation, refused, second, unknown};

fn suspend(operation: Option<Operation>) -> SuspendAccountRequest {
    SuspendAccountRequest {
        operation,
        r#ref: named("acme"),
        reason: "invoice 7 is\noverdue".to_owned(),
        ..SuspendAccountRequest::default()
    }
}

fn unsuspend(force: bool) -> UnsuspendAccountRequest {
    UnsuspendAccountRequest { operation: first(), r#ref: named("acme"), force }
}

#[tokio::test]
async fn a_suspension_is_marked_and_lifted_again() {
    let world = World::with_acme().await;
    let done = world.panel.suspend_account(suspend(first())).await.expect("suspended");
    let suspension = done.value.suspension.expect("a suspension");
    assert!(!done.already && !suspension.locked && suspension.since.is_some());
    assert_eq!(suspension.origin(), SuspensionOrigin::Billet);
    assert_eq!(world.reason("acme").as_deref(), Some("[billet] invoice 7 is overdue"));
    let again = world.panel.suspend_account(suspend(second())).await.expect("suspended");
    assert!(again.already);
    assert!(!world.panel.unsuspend_account(unsuspend(false)).await.expect("lifted").already);
    assert_eq!(world.reason("acme"), None);
    assert!(world.panel.unsuspend_account(unsuspend(false)).await.expect("active").already);
}

#[tokio::test]
async fn a_lock_is_passed_on_and_shown() {
    let world = World::with_acme().await;
    let request = SuspendAccountRequest { lock: true, ..suspend(first()) };
    let done = world.panel.suspend_account(request).await.expect("suspended");
    assert!(done.value.suspension.expect("a suspension").locked);
    assert!(world.whm.account("acme").expect("it exists").suspension.expect("suspended").locked);
}

#[tokio::test]
async fn what_somebody_else_suspended_stays_suspended() {
    let world = World::with_acme().await;
    world.whm.client().suspend("acme", "abuse, not [billet]").await.expect("suspended");
    let done = world.panel.suspend_account(suspend(first())).await.expect("suspended before");
    let suspension = done.value.suspension.expect("a suspension");
    assert!(done.already && suspension.origin() == SuspensionOrigin::Administrator, "{suspension:?}");
    let words = refused(world.panel.unsuspend_account(unsuspend(false)).await, ProblemKind::State);
    assert!(words.contains("abuse"), "{words}");
    assert!(world.reason("acme").is_some());
    world.panel.unsuspend_account(unsuspend(true)).await.expect("a person said so");
    assert_eq!(world.reason("acme"), None);
}

#[tokio::test]
async fn lost_answers_are_looked_up() {
    let world = World::with_acme().await;
    world.whm.fail_next("suspendacct", Fault::DoThenDrop);
    let done = world.panel.suspend_account(suspend(first())).await.expect("found");
    assert!(!done.already && done.value.suspension.is_some() && !done.warnings.is_empty());
    world.whm.fail_next("unsuspendacct", Fault::DoThenDrop);
    let done = world.panel.unsuspend_account(unsuspend(false)).await.expect("found");
    assert!(!done.already && !done.warnings.is_empty());
    assert_eq!(world.reason("acme"), None);
}

#[tokio::test]
async fn what_cannot_be_seen_is_unknown() {
    let world = World::with_acme().await;
    world.whm.fail_next("suspendacct", Fault::DelayThenDo(Duration::from_secs(20)));
    unknown(world.panel.suspend_account(suspend(operation(1, 2_000))).await);
    world.whm.fail_next("suspendacct", Fault::HttpError(502));
    unknown(world.panel.suspend_account(suspend(first())).await);
    world.panel.suspend_account(suspend(first())).await.expect("suspended");
    world.whm.fail_next("unsuspendacct", Fault::HttpError(502));
    unknown(world.panel.unsuspend_account(unsuspend(false)).await);
}

#[tokio::test]
async fn refusals_and_missing_accounts_are_told_apart() {
    let world = World::with_acme().await;
    let request = SuspendAccountRequest { r#ref: named("ghost"), ..suspend(first()) };
    refused(world.panel.suspend_account(request).await, ProblemKind::NotFound);
    let request = UnsuspendAccountRequest { r#ref: named("ghost"), ..unsuspend(false) };
    refused(world.panel.unsuspend_account(request).await, ProblemKind::NotFound);
    let request = SuspendAccountRequest { r#ref: None, ..suspend(first()) };
    refused(world.panel.suspend_account(request).await, ProblemKind::Invalid);
    world.whm.fail_next("suspendacct", Fault::Refuse("Another process is modifying this account.".to_owned()));
    let problem = crate::world::later(world.panel.suspend_account(suspend(first())).await);
    assert_eq!(problem.kind(), ProblemKind::Busy);
}

#[tokio::test]
async fn a_resellers_token_cannot_lift_what_root_locked() {
    let world = World::with_reseller().await;
    let request = SuspendAccountRequest { r#ref: named("kida"), lock: true, ..suspend(first()) };
    world.panel.suspend_account(request).await.expect("suspended");
    let request = UnsuspendAccountRequest { r#ref: named("kida"), ..unsuspend(false) };
    refused(world.as_reseller("resa").unsuspend_account(request).await, ProblemKind::State);
    assert!(world.reason("kida").is_some());
}
