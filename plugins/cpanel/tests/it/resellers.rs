//! ListResellers, CreateReseller and SetResellerLimits.

use billet_plugin::v1::*;
use billet_simulator::Fault;

use crate::world::{World, first, later, named, on, refused, second, unknown};

const GIB: i64 = 1024 * 1024 * 1024;

fn create() -> CreateResellerRequest {
    CreateResellerRequest {
        operation: first(),
        r#ref: on("acme", "acme.example"),
        limits: Some(Limits { accounts: Some(5), disk_bytes: Some(2 * GIB), ..Limits::default() }),
        ..CreateResellerRequest::default()
    }
}

fn limits(limits: Limits) -> SetResellerLimitsRequest {
    SetResellerLimitsRequest {
        operation: first(),
        r#ref: named("resa"),
        limits: Some(limits),
        ..SetResellerLimitsRequest::default()
    }
}

async fn save_list(world: &World) {
    let list = [("acllist", "gold"), ("acl-list-accts", "1"), ("acl-suspend-acct", "1")];
    world.whm.client().call("saveacllist", &list).await.expect("saved");
}

#[tokio::test]
async fn resellers_are_listed_with_what_they_have() {
    let world = World::with_reseller().await;
    world.whm.client().suspend("resa", "[billet] overdue").await.expect("suspended");
    let listed = world.panel.list_resellers(ListResellersRequest {}).await.expect("listed").value.resellers;
    let [resa] = &listed[..] else { panic!("one reseller: {listed:?}") };
    let named = resa.r#ref.clone().expect("a name");
    assert_eq!((named.username.as_str(), named.domain.as_str()), ("resa", "resa.example"));
    assert_eq!((resa.accounts, resa.email.as_str()), (Some(2), "ops@acme.example"));
    assert_eq!(resa.suspension.as_ref().expect("suspended").origin(), SuspensionOrigin::Billet);
}

#[tokio::test]
async fn an_account_becomes_a_reseller_with_limits_and_privileges() {
    let world = World::with_acme().await;
    save_list(&world).await;
    let request = CreateResellerRequest { privileges: "gold".to_owned(), ..create() };
    let done = world.panel.create_reseller(request.clone()).await.expect("made");
    assert!(!done.already && done.value.reseller.is_some());
    let standing = world.whm.reseller("acme").expect("a reseller");
    assert_eq!((standing.accounts_max, standing.disk_mib_max), (Some(5), Some(2_048)));
    assert_eq!(standing.privileges.into_iter().collect::<Vec<_>>(), ["list-accts", "suspend-acct"]);
    assert_eq!(world.whm.account("acme").expect("it exists").owner, "root");
    assert!(world.panel.create_reseller(request).await.expect("is one").already);
}

#[tokio::test]
async fn a_reseller_without_its_privileges_does_not_stay() {
    let world = World::with_acme().await;
    let request = CreateResellerRequest { privileges: "gone".to_owned(), ..create() };
    refused(world.panel.create_reseller(request.clone()).await, ProblemKind::Invalid);
    assert!(world.whm.reseller("acme").is_none());
    world.whm.fail_next("unsetupreseller", Fault::HttpError(500));
    unknown(world.panel.create_reseller(request).await);
    assert!(world.whm.reseller("acme").is_some(), "and that is why");
}

#[tokio::test]
async fn a_second_attempt_ends_what_the_first_began() {
    let world = World::with_acme().await;
    world.whm.fail_next("setresellerlimits", Fault::HttpError(500));
    unknown(world.panel.create_reseller(create()).await);
    assert_eq!(world.whm.reseller("acme").expect("a reseller").accounts_max, None);
    let again = CreateResellerRequest { operation: second(), ..create() };
    assert!(!world.panel.create_reseller(again).await.expect("made").already);
    assert_eq!(world.whm.reseller("acme").expect("a reseller").accounts_max, Some(5));
}

#[tokio::test]
async fn a_lost_answer_is_looked_up_and_wrong_accounts_are_refused() {
    let world = World::with_acme().await;
    world.whm.fail_next("setupreseller", Fault::DoThenDrop);
    assert!(!world.panel.create_reseller(create()).await.expect("found").warnings.is_empty());
    let other = CreateResellerRequest { r#ref: on("acme", "other.example"), ..create() };
    refused(world.panel.create_reseller(other).await, ProblemKind::Conflict);
    let ghost = CreateResellerRequest { r#ref: named("ghost"), ..create() };
    refused(world.panel.create_reseller(ghost).await, ProblemKind::NotFound);
    world.whm.fail_next("listresellers", Fault::DoThenDrop);
    later(world.panel.create_reseller(create()).await);
}

#[tokio::test]
async fn limits_are_set_and_taken_away() {
    let world = World::with_reseller().await;
    let some = Limits { bandwidth_bytes: Some(GIB), mailboxes: Some(3), ..Limits::default() };
    let request = SetResellerLimitsRequest { overselling: true, ..limits(some) };
    let done = world.panel.set_reseller_limits(request).await.expect("set");
    assert_eq!(done.warnings.len(), 1, "mailboxes are a package's: {:?}", done.warnings);
    let standing = world.whm.reseller("resa").expect("a reseller");
    assert_eq!((standing.bandwidth_mib_max, standing.disk_mib_max), (Some(1_024), None));
    assert!(standing.overselling && !standing.privileges.is_empty(), "no list was named, so privileges stay");
    world.panel.set_reseller_limits(limits(Limits::default())).await.expect("taken away");
    let standing = world.whm.reseller("resa").expect("a reseller");
    assert_eq!((standing.bandwidth_mib_max, standing.accounts_max), (None, None));
}

#[tokio::test]
async fn limits_that_cannot_be_are_refused() {
    let world = World::with_reseller().await;
    let zero = Limits { accounts: Some(0), ..Limits::default() };
    refused(world.panel.set_reseller_limits(limits(zero)).await, ProblemKind::Invalid);
    let ghost = SetResellerLimitsRequest { r#ref: named("kida"), ..limits(Limits::default()) };
    refused(world.panel.set_reseller_limits(ghost).await, ProblemKind::NotFound);
    for fault in [Fault::DoThenDrop, Fault::HttpError(500)] {
        world.whm.fail_next("setresellerlimits", fault);
        unknown(world.panel.set_reseller_limits(limits(Limits::default())).await);
    }
    let reseller = world.as_reseller("resa");
    refused(reseller.set_reseller_limits(limits(Limits::default())).await, ProblemKind::Permission);
}
