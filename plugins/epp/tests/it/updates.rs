//! Changing domains: name servers, glue, contacts, lock, keys, protection, the secret of transfers.

use billet_plugin::v1::{
    Contact, ContactRole, DnssecKey, DnssecKeys, NameServers, ProblemKind, RegisterDomainRequest, SetGlueHostRequest,
    UpdateDomainRequest,
};
use billet_simulator::{EppFault, EppOptions};

use crate::world::*;

fn update(name: &str) -> UpdateDomainRequest {
    UpdateDomainRequest { operation: operation(), name: name.to_owned(), ..UpdateDomainRequest::default() }
}

fn servers(names: &[&str]) -> Option<NameServers> {
    Some(NameServers { names: names.iter().map(|&name| name.to_owned()).collect() })
}

fn glue(host: &str, addresses: &[&str]) -> SetGlueHostRequest {
    let addresses = addresses.iter().map(|&address| address.to_owned()).collect();
    SetGlueHostRequest { operation: operation(), host: host.to_owned(), addresses }
}

fn key(digest: &str) -> DnssecKey {
    DnssecKey { key_tag: 12_345, algorithm: 13, digest_type: 2, digest: digest.to_owned(), ..DnssecKey::default() }
}

#[tokio::test]
async fn only_the_difference_is_sent() {
    let registry = registry().await;
    let registrar = registrar(&registry, FIRST);
    register(&registrar, "set.example").await.expect("free");
    let request = UpdateDomainRequest {
        name_servers: servers(&["ns2.host.test", "ns3.host.test"]),
        contacts: vec![
            contact(ContactRole::Registrant, Contact { name: "New Holder".to_owned(), ..person() }),
            contact(ContactRole::Billing, person()),
        ],
        transfer_locked: Some(true),
        auth_code: Some("Brand-new-77".to_owned()),
        dnssec: Some(DnssecKeys { keys: vec![key("AB12"), key("CD34")] }),
        ..update("set.example")
    };
    let before = domain(&registrar, "set.example").await;
    let answer = registrar.update_domain(request.clone()).await.expect("ours");
    assert!(!answer.already);
    let now = answer.value.domain.expect("told");
    assert_eq!(now.name_servers, ["ns2.host.test", "ns3.host.test"]);
    assert!(now.transfer_locked && now.statuses.contains(&"clientTransferProhibited".to_owned()));
    assert_eq!(now.dnssec, [key("AB12"), key("CD34")]);
    assert_eq!(now.contacts.len(), 4);
    assert_ne!(now.contacts[0].handle, before.contacts[0].handle);
    assert_eq!(auth_code(&registrar, "set.example").await, "Brand-new-77");
    // The same again changes nothing, and sends no change.
    let count = || registry.frames().iter().filter(|frame| frame.contains("domain:update")).count();
    let sent = count();
    let again = UpdateDomainRequest { operation: again(&request.operation), ..request };
    assert!(registrar.update_domain(again).await.expect("ours").already);
    assert_eq!(count(), sent);
    // Back to unlocked, and one key less.
    let request = UpdateDomainRequest {
        transfer_locked: Some(false),
        dnssec: Some(DnssecKeys { keys: vec![key("cd34")] }),
        ..update("set.example")
    };
    let now = registrar.update_domain(request).await.expect("ours").value.domain.expect("told");
    assert_eq!((now.transfer_locked, now.dnssec), (false, vec![key("CD34")]));
    let request = UpdateDomainRequest { dnssec: Some(DnssecKeys::default()), ..update("set.example") };
    let now = registrar.update_domain(request).await.expect("ours").value.domain.expect("told");
    assert_eq!(now.dnssec, []);
}

#[tokio::test]
async fn lost_answers_of_updates_are_looked_up() {
    let registry = registry().await;
    let registrar = registrar(&registry, FIRST);
    register(&registrar, "set.example").await.expect("free");
    for fault in [EppFault::DoThenDrop, EppFault::Truncate, EppFault::Garbage] {
        let locked = !domain(&registrar, "set.example").await.transfer_locked;
        registry.fault("domain:update", fault.clone());
        let request = UpdateDomainRequest { transfer_locked: Some(locked), ..update("set.example") };
        let now = registrar.update_domain(request).await.expect("looked up").value.domain.expect("told");
        assert_eq!(now.transfer_locked, locked, "{fault:?}");
    }
    registry.fault("domain:update", EppFault::DropBefore);
    let request = UpdateDomainRequest { auth_code: Some("Never-set-88".to_owned()), ..update("set.example") };
    let failure = registrar.update_domain(request).await.expect_err("in doubt");
    assert!(matches!(failure, billet_plugin::Failure::Unknown(_)), "{failure:?}");
    assert!(!format!("{failure:?}").contains("Never-set-88"));
}

#[tokio::test]
async fn glue_is_made_changed_and_removed() {
    let registry = registry().await;
    let registrar = registrar(&registry, FIRST);
    register(&registrar, "own.example").await.expect("free");
    let set = |request| registrar.set_glue_host(request);
    assert!(!set(glue("ns1.own.example", &["192.0.2.1", "2001:db8::1"])).await.expect("made").already);
    assert!(set(glue("ns1.own.example", &["2001:db8:0::1", "192.0.2.1"])).await.expect("the same").already);
    assert!(!set(glue("ns1.own.example", &["192.0.2.2"])).await.expect("changed").already);
    let request = UpdateDomainRequest { name_servers: servers(&["ns1.own.example"]), ..update("own.example") };
    let now = registrar.update_domain(request).await.expect("ours").value.domain.expect("told");
    assert_eq!(now.name_servers, ["ns1.own.example"]);
    let failure = set(glue("ns1.own.example", &[])).await.expect_err("needed");
    assert!(failure.is_refused(ProblemKind::State) && failure.problem().code == "2305", "{failure:?}");
    let request = UpdateDomainRequest { name_servers: servers(&[]), ..update("own.example") };
    registrar.update_domain(request).await.expect("ours");
    registry.fault("host:delete", EppFault::DoThenDrop);
    assert!(set(glue("ns1.own.example", &[])).await.is_ok());
    assert!(set(glue("ns1.own.example", &[])).await.expect("gone").already);
    let failure = set(glue("ns1.own.example", &["300.1.1.1"])).await.expect_err("no address");
    assert!(failure.is_refused(ProblemKind::Invalid));
    // Below a domain that is not registered.
    let failure = set(glue("ns1.none.example", &["192.0.2.1"])).await.expect_err("nothing above");
    assert!(failure.is_refused(ProblemKind::NotFound), "{failure:?}");
}

#[tokio::test]
async fn a_registry_without_host_objects_keeps_glue_with_the_domain() {
    let registry = registry_with(EppOptions { host_objects: false, ..EppOptions::default() }).await;
    let registrar = registrar(&registry, FIRST);
    register(&registrar, "attr.example").await.expect("free");
    assert_eq!(domain(&registrar, "attr.example").await.name_servers, ["ns1.host.test", "ns2.host.test"]);
    let set = |request| registrar.set_glue_host(request);
    assert!(!set(glue("ns1.attr.example", &["192.0.2.1"])).await.expect("made").already);
    assert!(set(glue("ns1.attr.example", &["192.0.2.1"])).await.expect("the same").already);
    assert!(!set(glue("ns1.attr.example", &["192.0.2.9"])).await.expect("changed").already);
    let names = domain(&registrar, "attr.example").await.name_servers;
    assert_eq!(names, ["ns1.host.test", "ns2.host.test", "ns1.attr.example"]);
    let keep = UpdateDomainRequest { name_servers: servers(&["ns1.attr.example"]), ..update("attr.example") };
    registrar.update_domain(keep).await.expect("ours");
    assert!(!set(glue("ns1.attr.example", &[])).await.expect("removed").already);
    assert_eq!(domain(&registrar, "attr.example").await.name_servers, Vec::<String>::new());
}

#[tokio::test]
async fn the_holder_is_hidden_and_shown() {
    let registry = registry().await;
    let registrar = registrar(&registry, FIRST);
    let request = RegisterDomainRequest { id_protected: true, ..registration("shy.example") };
    registrar.register_domain(request).await.expect("free");
    assert!(domain(&registrar, "shy.example").await.id_protected);
    let show = UpdateDomainRequest { id_protected: Some(false), ..update("shy.example") };
    assert!(!registrar.update_domain(show.clone()).await.expect("ours").already);
    assert!(!domain(&registrar, "shy.example").await.id_protected);
    assert!(registrar.update_domain(show).await.expect("ours").already);
    registry.fault("contact:update", EppFault::DoThenDrop);
    let hide = UpdateDomainRequest { id_protected: Some(true), ..update("shy.example") };
    registrar.update_domain(hide).await.expect("looked up");
    assert!(domain(&registrar, "shy.example").await.id_protected);
}
