//! Credit, reading and listing domains.

use billet_plugin::v1::*;
use billet_simulator::Fault;

use crate::stand::{Stand, assert_later, assert_refused, euros, register};

#[tokio::test]
async fn the_credit_is_what_pending_orders_leave() {
    let stand = Stand::new().await;
    let pending = RegisterDomainRequest { years: 2, ..register("acme.ai") };
    stand.plugin.register_domain(pending).await.expect("ordered");
    let answer = stand.plugin.test_registrar(TestRegistrarRequest {}).await.expect("reached").value;
    assert_eq!(answer.balance, Some(euros(782, 0)), "1000 less 218 that are held");
    assert!(answer.server.contains("4711"), "{}", answer.server);
}

#[tokio::test]
async fn a_domain_is_read_with_all_that_stands_there() {
    let stand = Stand::having("acme.example").await;
    let domain = stand.domain("ACME.example").await;
    assert_eq!((domain.name.as_str(), domain.state()), ("acme.example", DomainState::Active));
    assert_eq!(domain.name_servers, ["ns1.host.example", "ns2.host.example"]);
    assert_eq!(domain.contacts.len(), 4);
    assert!(domain.contacts.iter().all(|contact| contact.handle == stand.held("acme.example").owner_handle));
    assert_eq!(domain.registrar_id, stand.held("acme.example").id.to_string());
    assert!(domain.created_at.is_some() && domain.expires_at.is_some());
    let secret = stand.held("acme.example").auth_code;
    assert!(!format!("{domain:?}").contains(secret.reveal()), "the transfer code is in every row");
}

#[tokio::test]
async fn what_is_not_here_is_not_found() {
    let stand = Stand::new().await;
    let get = |name: &str| stand.plugin.get_domain(GetDomainRequest { name: name.to_owned() });
    assert_refused(&get("ghost.example").await, ProblemKind::NotFound);
    assert_refused(&get("gh ost.example").await, ProblemKind::Invalid);
    let pending = RegisterDomainRequest { years: 2, ..register("acme.ai") };
    let domain = stand.plugin.register_domain(pending).await.expect("ordered").value.domain.expect("a domain");
    assert_eq!(domain.state(), DomainState::PendingCreate);
    stand.server.fail("acme.ai").expect("it was pending");
    let words = assert_refused(&get("acme.ai").await, ProblemKind::NotFound);
    assert!(words.contains("failed"), "{words}");
}

#[tokio::test]
async fn pages_hold_every_domain_once_and_no_dead_ones() {
    let stand = Stand::new().await;
    for name in ["a.example", "b.example", "c.example"] {
        stand.plugin.register_domain(register(name)).await.expect("registered");
    }
    stand.plugin.register_domain(RegisterDomainRequest { years: 2, ..register("d.ai") }).await.expect("ordered");
    stand.server.fail("d.ai").expect("it was pending");
    stand.server.change("b.example", |domain| "DEL".clone_into(&mut domain.status)).expect("it is there");
    let (mut names, mut page_token) = (Vec::new(), String::new());
    for _ in 0..10 {
        let request = ListDomainsRequest { page_size: 1, page_token };
        let page = stand.plugin.list_domains(request).await.expect("listed").value;
        names.extend(page.domains.into_iter().map(|domain| domain.name));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(names, ["a.example", "c.example"]);
    let wrong = ListDomainsRequest { page_size: 1, page_token: "x".to_owned() };
    assert_refused(&stand.plugin.list_domains(wrong).await, ProblemKind::Invalid);
}

#[tokio::test]
async fn a_gateway_that_gives_up_is_tried_later() {
    let stand = Stand::having("acme.example").await;
    for fault in [Fault::HttpError(504), Fault::HttpError(200), Fault::DoThenDrop] {
        stand.server.fail_next("ListDomains", fault);
        let answer = stand.plugin.get_domain(GetDomainRequest { name: "acme.example".to_owned() }).await;
        assert_later(&answer, ProblemKind::Unavailable);
    }
}

#[tokio::test]
async fn messages_are_not_there() {
    let stand = Stand::new().await;
    assert_refused(&stand.plugin.poll_message(PollMessageRequest {}).await, ProblemKind::Unsupported);
}
