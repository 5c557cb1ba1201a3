//! SuspendReseller, UnsuspendReseller and TerminateReseller.

use std::time::Duration;

use billet_plugin::v1::*;
use billet_simulator::Fault;

use crate::canned::Server;
use crate::world::{World, first, named, on, operation, refused, second, unknown};

fn suspend(operation: Option<Operation>) -> SuspendResellerRequest {
    SuspendResellerRequest { operation, r#ref: named("resa"), reason: "overdue".to_owned() }
}

fn unsuspend(force: bool) -> UnsuspendResellerRequest {
    UnsuspendResellerRequest { operation: first(), r#ref: named("resa"), force }
}

fn terminate(r#ref: Option<AccountRef>) -> TerminateResellerRequest {
    TerminateResellerRequest { operation: first(), r#ref }
}

#[tokio::test]
async fn a_reseller_is_suspended_with_its_accounts() {
    let world = World::with_reseller().await;
    assert!(!world.panel.suspend_reseller(suspend(first())).await.expect("suspended").already);
    for user in ["resa", "kida", "kidb"] {
        assert_eq!(world.reason(user).as_deref(), Some("[billet] overdue (op_1)"), "{user}");
    }
    assert!(world.panel.suspend_reseller(suspend(second())).await.expect("suspended").already);
    let other = SuspendResellerRequest { r#ref: named("kida"), ..suspend(first()) };
    refused(world.panel.suspend_reseller(other).await, ProblemKind::NotFound);
}

#[tokio::test]
async fn what_was_suspended_for_other_reasons_stays_so() {
    let world = World::with_reseller().await;
    world.whm.client().suspend("kida", "[billet] overdue").await.expect("suspended for its own debts");
    world.panel.suspend_reseller(suspend(first())).await.expect("suspended");
    let done = world.panel.unsuspend_reseller(unsuspend(false)).await.expect("lifted");
    assert_eq!((world.reason("resa"), world.reason("kidb")), (None, None));
    assert_eq!(world.reason("kida").as_deref(), Some("[billet] overdue"));
    assert!(!done.already && done.warnings.iter().any(|warning| warning.contains("1 accounts")), "{:?}", done.warnings);
    assert!(world.panel.unsuspend_reseller(unsuspend(false)).await.expect("active").already);
}

#[tokio::test]
async fn what_somebody_else_suspended_is_lifted_by_force_only() {
    let world = World::with_reseller().await;
    world.whm.client().call("suspendreseller", &[("user", "resa"), ("reason", "fraud")]).await.expect("suspended");
    assert!(world.panel.suspend_reseller(suspend(first())).await.expect("suspended before").already);
    let words = refused(world.panel.unsuspend_reseller(unsuspend(false)).await, ProblemKind::State);
    assert!(words.contains("fraud") && world.reason("kida").is_some(), "{words}");
    world.panel.unsuspend_reseller(unsuspend(true)).await.expect("a person said so");
    assert_eq!((world.reason("resa"), world.reason("kida")), (None, None));
}

#[tokio::test]
async fn lost_answers_are_looked_up() {
    let world = World::with_reseller().await;
    world.whm.fail_next("suspendreseller", Fault::DoThenDrop);
    assert!(!world.panel.suspend_reseller(suspend(first())).await.expect("found").warnings.is_empty());
    world.whm.fail_next("unsuspendreseller", Fault::DoThenDrop);
    assert!(!world.panel.unsuspend_reseller(unsuspend(false)).await.expect("found").warnings.is_empty());
    assert_eq!(world.reason("resa"), None);
    world.whm.fail_next("terminatereseller", Fault::DoThenDrop);
    assert!(!world.panel.terminate_reseller(terminate(named("resa"))).await.expect("found").warnings.is_empty());
    assert!(world.whm.accounts().is_empty());
}

#[tokio::test]
async fn what_is_half_done_is_unknown_and_goes_on() {
    let world = World::with_reseller().await;
    world.whm.fail_next("suspendreseller", Fault::DelayThenDo(Duration::from_secs(20)));
    unknown(world.panel.suspend_reseller(suspend(operation(1, 2_000))).await);
    world.panel.suspend_reseller(suspend(second())).await.expect("suspended");
    // The second of the accounts fails: the first is lifted already.
    world.whm.fail_next("unsuspendacct", Fault::DoThenDrop);
    world.whm.fail_next("unsuspendacct", Fault::Refuse("Another process is modifying this account.".to_owned()));
    let words = unknown(world.panel.unsuspend_reseller(unsuspend(false)).await);
    assert!(words.contains("1 accounts were lifted; then `kidb`"), "{words}");
    assert!(world.reason("kida").is_none() && world.reason("resa").is_some());
    world.whm.fail_next("unsuspendreseller", Fault::Refuse("Another process is modifying this account.".to_owned()));
    unknown(world.panel.unsuspend_reseller(unsuspend(false)).await);
    assert!(world.reason("kidb").is_none() && world.reason("resa").is_some());
    world.panel.unsuspend_reseller(unsuspend(false)).await.expect("the rest is lifted");
    assert_eq!((world.reason("kidb"), world.reason("resa")), (None, None));
    world.whm.fail_next("terminatereseller", Fault::HttpError(500));
    unknown(world.panel.terminate_reseller(terminate(named("resa"))).await);
}

#[tokio::test]
async fn a_reseller_is_removed_and_nothing_else() {
    let world = World::with_reseller().await;
    world.account("acme", "acme.example").await;
    refused(world.panel.terminate_reseller(terminate(on("resa", "other.example"))).await, ProblemKind::Conflict);
    refused(world.panel.terminate_reseller(terminate(named("acme"))).await, ProblemKind::State);
    assert_eq!(world.whm.accounts().len(), 4);
    let done = world.panel.terminate_reseller(terminate(on("resa", "resa.example"))).await.expect("removed");
    assert!(!done.already && done.warnings.is_empty(), "{:?}", done.warnings);
    assert_eq!(world.whm.accounts().iter().map(|account| account.user.as_str()).collect::<Vec<_>>(), ["acme"]);
    assert!(world.panel.terminate_reseller(terminate(named("resa"))).await.expect("gone").already);
}

#[tokio::test]
async fn accounts_that_stay_under_a_success_are_told() {
    let server = Server::start().await;
    let list = |users: &str| format!(r#"{{"metadata":{{"result":1}},"data":{users}}}"#);
    server.answers("accountsummary", 200, &list(r#"{"acct":[]}"#));
    server.answers("listresellers", 200, &list(r#"{"reseller":["resa"]}"#));
    server.answers("listaccts", 200, &list(r#"{"acct":[{"user":"kid","owner":"resa"}]}"#));
    server.answers_file("terminatereseller", 200, "terminatereseller.json");
    let words = unknown(server.panel.terminate_reseller(terminate(named("resa"))).await);
    assert!(words.contains("1 accounts") && words.contains("kid: kid cannot be removed"), "{words}");
}

#[tokio::test]
async fn reasons_as_the_server_lists_them_are_compared_whole() {
    let server = Server::start().await;
    server.answers("listresellers", 200, r#"{"metadata":{"result":1},"data":{"reseller":["resa"]}}"#);
    server.answers_file("listsuspended", 200, "listsuspended.json");
    server.answers("unsuspendreseller", 200, r#"{"metadata":{"result":1,"reason":"OK"}}"#);
    let done = server.panel.unsuspend_reseller(unsuspend(false)).await.expect("lifted");
    assert_eq!(done.warnings.len(), 1, "{:?}", done.warnings);
    assert!(server.seen("unsuspendacct").is_empty(), "the account that was suspended for abuse stays");
    assert!(server.seen("unsuspendreseller")[0].form.contains("reseller-only=1"));
}
