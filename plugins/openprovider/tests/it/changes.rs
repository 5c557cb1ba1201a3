//! Changes of a domain, its transfer code, and name servers below it.

use billet_plugin::v1::*;
use billet_simulator::Fault;

use crate::stand::{Stand, assert_refused, assert_unknown, of_role, operation, register};

fn update() -> UpdateDomainRequest {
    UpdateDomainRequest {
        operation: operation("op-2"),
        name: "acme.example".to_owned(),
        ..UpdateDomainRequest::default()
    }
}

fn key() -> DnssecKey {
    DnssecKey { algorithm: 13, flags: 257, public_key: "AAECAw==".to_owned(), ..DnssecKey::default() }
}

#[tokio::test]
async fn what_is_asked_for_is_changed_and_what_is_so_is_not_sent() {
    let stand = Stand::having("acme.example").await;
    let request = UpdateDomainRequest {
        name_servers: Some(NameServers { names: vec!["ns3.host.example".to_owned(), "ns4.host.example".to_owned()] }),
        contacts: vec![of_role(ContactRole::Tech, "Tina Tech")],
        transfer_locked: Some(true),
        id_protected: Some(true),
        dnssec: Some(DnssecKeys { keys: vec![key()] }),
        ..update()
    };
    let done = stand.plugin.update_domain(request.clone()).await.expect("changed");
    assert!(!done.already && done.warnings.is_empty(), "{done:?}");
    let domain = done.value.domain.expect("a domain");
    assert_eq!(domain.name_servers, ["ns3.host.example", "ns4.host.example"]);
    assert!(domain.transfer_locked && domain.id_protected);
    assert!(domain.statuses.contains(&"clientTransferProhibited".to_owned()));
    assert_eq!(domain.dnssec, [key()]);
    let held = stand.held("acme.example");
    assert_ne!(held.other_handles[1], held.owner_handle);
    assert!(stand.plugin.update_domain(request).await.expect("so already").already);
    assert_eq!(stand.server.calls("UpdateDomain"), 1);
    let unsigned = UpdateDomainRequest { dnssec: Some(DnssecKeys::default()), ..update() };
    let domain = stand.plugin.update_domain(unsigned).await.expect("changed").value.domain.expect("a domain");
    assert!(domain.dnssec.is_empty() && domain.transfer_locked, "what is absent stays");
}

#[tokio::test]
async fn a_success_that_changed_nothing_is_refused() {
    let stand = Stand::new().await;
    let own_dns = RegisterDomainRequest { name_servers: vec![], ..register("acme.example") };
    stand.plugin.register_domain(own_dns).await.expect("registered");
    let request = UpdateDomainRequest { dnssec: Some(DnssecKeys { keys: vec![key()] }), ..update() };
    let words = assert_refused(&stand.plugin.update_domain(request.clone()).await, ProblemKind::State);
    assert!(words.contains("DNSSEC"), "{words}");
    let both = UpdateDomainRequest { transfer_locked: Some(true), ..request };
    let done = stand.plugin.update_domain(both).await.expect("one of two");
    assert!(done.warnings[0].contains("DNSSEC"), "{done:?}");
}

#[tokio::test]
async fn lost_answers_are_looked_up() {
    let stand = Stand::having("acme.example").await;
    let request = UpdateDomainRequest { transfer_locked: Some(true), ..update() };
    stand.server.fail_next("UpdateDomain", Fault::HttpError(504));
    assert_unknown(&stand.plugin.update_domain(request.clone()).await);
    stand.server.fail_next("UpdateDomain", Fault::DoThenDrop);
    let done = stand.plugin.update_domain(request).await.expect("found changed");
    assert!(done.warnings[0].contains("lost"), "{done:?}");
}

#[tokio::test]
async fn wrong_changes_are_refused() {
    let stand = Stand::having("acme.example").await;
    let with = |request| stand.plugin.update_domain(request);
    let servers = |names: &[&str]| {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        UpdateDomainRequest { name_servers: Some(NameServers { names }), ..update() }
    };
    assert_refused(&with(servers(&[])).await, ProblemKind::Invalid);
    let words = assert_refused(&with(servers(&["ns1.nowhere.invalid"])).await, ProblemKind::Invalid);
    assert!(words.contains("Parent domain"), "{words}");
    let digest = DnssecKey { key_tag: 1, digest_type: 2, digest: "AB".to_owned(), ..DnssecKey::default() };
    let request = UpdateDomainRequest { dnssec: Some(DnssecKeys { keys: vec![digest] }), ..update() };
    assert_refused(&with(request).await, ProblemKind::Invalid);
    let ghost = UpdateDomainRequest { name: "ghost.example".to_owned(), transfer_locked: Some(true), ..update() };
    assert_refused(&with(ghost).await, ProblemKind::NotFound);
}

#[tokio::test]
async fn transfer_codes_are_read_and_made_anew_but_not_chosen() {
    let stand = Stand::having("acme.example").await;
    let read = || stand.plugin.get_auth_code(GetAuthCodeRequest { name: "acme.example".to_owned() });
    let first = read().await.expect("read").value.auth_code;
    assert_eq!(first, stand.held("acme.example").auth_code.reveal());
    let chosen = UpdateDomainRequest { auth_code: Some("my-own-code".to_owned()), ..update() };
    let answer = stand.plugin.update_domain(chosen).await;
    assert_refused(&answer, ProblemKind::Unsupported);
    assert!(!format!("{answer:?}").contains("my-own-code"));
    let anew = UpdateDomainRequest { auth_code: Some(String::new()), ..update() };
    let done = stand.plugin.update_domain(anew).await.expect("made anew");
    let second = read().await.expect("read").value.auth_code;
    assert!(!done.already && first != second && !format!("{done:?}").contains(&second));
    stand.server.fail_next("GetAuthCode", Fault::Refuse(format!("no code {second}")));
    assert_refused(&read().await, ProblemKind::State);
}

#[tokio::test]
async fn glue_is_made_changed_and_removed() {
    let stand = Stand::having("acme.example").await;
    let set = |addresses: &[&str]| {
        let request = SetGlueHostRequest {
            operation: operation("op-2"),
            host: "NS1.acme.example".to_owned(),
            addresses: addresses.iter().map(|address| (*address).to_owned()).collect(),
        };
        stand.plugin.set_glue_host(request)
    };
    let there = || stand.server.name_server("ns1.acme.example");
    assert!(set(&[]).await.expect("none there").already);
    assert!(!set(&["192.0.2.1"]).await.expect("made").already);
    assert!(set(&["192.0.2.1"]).await.expect("so already").already);
    stand.server.fail_next("UpdateNameserver", Fault::DoThenDrop);
    set(&["2001:DB8::1", "192.0.2.2"]).await.expect("changed, and found so");
    assert_eq!(there(), Some(("192.0.2.2".to_owned(), "2001:db8::1".to_owned())));
    assert_refused(&set(&["192.0.2.1", "192.0.2.2"]).await, ProblemKind::Invalid);
    assert_refused(&set(&["2001:db8::1"]).await, ProblemKind::Invalid);
    assert_refused(&set(&["here"]).await, ProblemKind::Invalid);
    stand.server.fail_next("DeleteNameserver", Fault::HttpError(503));
    assert_unknown(&set(&[]).await);
    set(&[]).await.expect("removed");
    assert_eq!(there(), None);
}
