//! ChangePackage, ChangePassword, UpdateAccount and CreatePackage.

use std::time::Duration;

use billet_plugin::v1::*;
use billet_simulator::Fault;

use crate::canned::Server;
use crate::world::{World, first, named, operation, refused, second, unknown};

const NEW_PASSWORD: &str = "n3w&<secret>";

fn package(to: &str) -> ChangePackageRequest {
    ChangePackageRequest { operation: first(), r#ref: named("acme"), package: to.to_owned() }
}

fn password(user: &str) -> ChangePasswordRequest {
    ChangePasswordRequest { operation: first(), r#ref: named(user), password: NEW_PASSWORD.to_owned() }
}

fn update() -> UpdateAccountRequest {
    UpdateAccountRequest { operation: first(), r#ref: named("acme"), ..UpdateAccountRequest::default() }
}

#[tokio::test]
async fn a_package_changes_once() {
    let world = World::with_acme().await;
    assert!(!world.panel.change_package(package("pro")).await.expect("changed").already);
    assert_eq!(world.whm.account("acme").expect("it exists").plan, "pro");
    assert!(world.panel.change_package(package("pro")).await.expect("has it").already);
    refused(world.panel.change_package(package("gone")).await, ProblemKind::Invalid);
    refused(world.panel.change_package(package("")).await, ProblemKind::Invalid);
    let missing = ChangePackageRequest { r#ref: named("ghost"), ..package("pro") };
    refused(world.panel.change_package(missing).await, ProblemKind::NotFound);
}

#[tokio::test]
async fn a_lost_answer_to_a_package_change_is_looked_up() {
    let world = World::with_acme().await;
    world.whm.fail_next("changepackage", Fault::DoThenDrop);
    assert!(!world.panel.change_package(package("pro")).await.expect("found").warnings.is_empty());
    world.whm.fail_next("changepackage", Fault::DelayThenDo(Duration::from_secs(20)));
    let request = ChangePackageRequest { operation: operation(1, 2_000), ..package("starter") };
    unknown(world.panel.change_package(request).await);
}

#[tokio::test]
async fn a_password_is_set_and_never_said() {
    let world = World::with_acme().await;
    world.panel.change_password(password("acme")).await.expect("set");
    assert_eq!(world.whm.account("acme").expect("it exists").password.reveal(), NEW_PASSWORD);
    world
        .whm
        .fail_next("passwd", Fault::Refuse(format!("Sorry, {NEW_PASSWORD} is too weak (n3w&amp;&lt;secret&gt;).")));
    let words = refused(world.panel.change_password(password("acme")).await, ProblemKind::Invalid);
    assert_eq!(words, "Sorry, [redacted] is too weak ([redacted]).");
    refused(world.panel.change_password(password("ghost")).await, ProblemKind::NotFound);
    refused(world.panel.change_password(password("root")).await, ProblemKind::Permission);
    world.whm.fail_next("passwd", Fault::DoThenDrop);
    unknown(world.panel.change_password(password("acme")).await);
}

#[tokio::test]
async fn a_password_refused_in_the_old_shape_is_refused() {
    let server = Server::start().await;
    let old = r#"{"passwd":[{"status":0,"statusmsg":"Sorry, that password is too short.","services":[]}]}"#;
    server.answers("passwd", 200, old);
    refused(server.panel.change_password(password("acme")).await, ProblemKind::Invalid);
}

#[tokio::test]
async fn an_account_is_changed_where_it_differs() {
    let world = World::with_acme().await;
    let same = UpdateAccountRequest {
        domain: Some("ACME.example".to_owned()),
        email: Some("ops@acme.example".to_owned()),
        ..update()
    };
    assert!(world.panel.update_account(same).await.expect("nothing to do").already);
    let request = UpdateAccountRequest {
        domain: Some("new.example".to_owned()),
        email: Some("new@new.example".to_owned()),
        username: Some("newname".to_owned()),
        ..update()
    };
    let done = world.panel.update_account(request.clone()).await.expect("changed");
    let account = done.value.account.expect("an account");
    assert!(!done.already && done.warnings.is_empty(), "{:?}", done.warnings);
    assert_eq!(account.r#ref.expect("a name").username, "newname");
    assert_eq!(world.whm.account("newname").expect("renamed").domain, "new.example");
    let again = UpdateAccountRequest { operation: second(), ..request };
    assert!(world.panel.update_account(again).await.expect("done before").already);
}

#[tokio::test]
async fn a_change_that_is_refused_or_lost_is_told_so() {
    let world = World::with_acme().await;
    world.account("beta", "beta.example").await;
    let taken = |domain: &str| UpdateAccountRequest { domain: Some(domain.to_owned()), ..update() };
    refused(world.panel.update_account(taken("beta.example")).await, ProblemKind::Conflict);
    refused(world.panel.update_account(taken("nonsense")).await, ProblemKind::Invalid);
    let bad_name = UpdateAccountRequest { username: Some("root".to_owned()), ..update() };
    refused(world.panel.update_account(bad_name).await, ProblemKind::Invalid);
    let missing = UpdateAccountRequest { r#ref: named("ghost"), ..taken("x.example") };
    refused(world.panel.update_account(missing).await, ProblemKind::NotFound);
    world.whm.fail_next("modifyacct", Fault::DoThenDrop);
    let renamed = UpdateAccountRequest { username: Some("newname".to_owned()), ..update() };
    assert!(!world.panel.update_account(renamed).await.expect("found").warnings.is_empty());
    world.whm.fail_next("modifyacct", Fault::HttpError(500));
    let request = UpdateAccountRequest { r#ref: named("newname"), ..taken("y.example") };
    unknown(world.panel.update_account(request).await);
}

#[tokio::test]
async fn documented_warnings_and_half_done_changes_are_told() {
    let server = Server::start().await;
    server.answers_file("accountsummary", 200, "accountsummary.json");
    server.answers_file("modifyacct", 200, "modifyacct.json");
    let request = UpdateAccountRequest { domain: Some("new.example".to_owned()), ..update() };
    let done = server.panel.update_account(request).await.expect("changed, it says");
    assert_eq!(done.warnings.len(), 2, "{:?}", done.warnings);
    assert!(done.warnings[0].contains("Digest Authentication"));
    assert!(done.warnings[1].contains("not everything has changed"));
}

fn gold() -> CreatePackageRequest {
    let limits = Limits { disk_bytes: Some(5_000_000), mailboxes: Some(0), ..Limits::default() };
    let extra = [("featurelist".to_owned(), "gold".to_owned()), ("cgi".to_owned(), "y".to_owned())].into();
    let package = Package { name: "gold".to_owned(), limits: Some(limits), extra, ..Package::default() };
    CreatePackageRequest { operation: first(), package: Some(package) }
}

#[tokio::test]
async fn a_package_is_made_once_and_reads_back_as_it_was_asked_for() {
    let world = World::start().await;
    assert!(!world.panel.create_package(gold()).await.expect("made").already);
    assert!(world.panel.create_package(gold()).await.expect("there").already);
    let listed = world.panel.list_packages(ListPackagesRequest {}).await.expect("listed").value.packages;
    let made = listed.iter().find(|package| package.name == "gold").expect("listed");
    let limits = made.limits.expect("limits");
    // 5,000,000 bytes are a little less than 5 MiB.
    assert_eq!((limits.disk_bytes, limits.mailboxes, limits.bandwidth_bytes), (Some(5 * 1024 * 1024), Some(0), None));
    assert_eq!((limits.addon_domains, made.extra["featurelist"].as_str()), (None, "gold"));
}

#[tokio::test]
async fn a_resellers_package_gets_its_name_and_is_made_once() {
    let world = World::with_reseller().await;
    let reseller = world.as_reseller("resa");
    let done = reseller.create_package(gold()).await.expect("made");
    assert!(!done.already && done.warnings.iter().any(|warning| warning.contains("`resa_gold`")), "{done:?}");
    assert!(reseller.create_package(gold()).await.expect("there").already);
    let listed = reseller.list_packages(ListPackagesRequest {}).await.expect("listed").value.packages;
    let made = listed.iter().find(|package| package.name == "resa_gold").expect("listed");
    assert_eq!(made.owner, "resa");
}

#[tokio::test]
async fn a_package_that_whm_cannot_have_is_refused() {
    let world = World::start().await;
    let with = |change: &dyn Fn(&mut Package)| {
        let mut request = gold();
        change(request.package.as_mut().expect("a package"));
        request
    };
    let zero = with(&|package| package.limits = Some(Limits { disk_bytes: Some(0), ..Limits::default() }));
    refused(world.panel.create_package(zero).await, ProblemKind::Invalid);
    let odd = with(&|package| drop(package.extra.insert("colour".to_owned(), "red".to_owned())));
    assert!(refused(world.panel.create_package(odd).await, ProblemKind::Invalid).contains("colour"));
    let named = with(&|package| "extensions".clone_into(&mut package.name));
    refused(world.panel.create_package(named).await, ProblemKind::Invalid);
    world.whm.fail_next("addpkg", Fault::DoThenDrop);
    assert!(!world.panel.create_package(gold()).await.expect("found").warnings.is_empty());
    let silver = with(&|package| "silver".clone_into(&mut package.name));
    world.whm.fail_next("addpkg", Fault::HttpError(500));
    unknown(world.panel.create_package(silver).await);
}
