//! Records of zones.

use billet_plugin::v1::*;
use billet_simulator::Fault;

use crate::stand::{Stand, assert_refused, assert_unknown, operation};

fn record(name: &str, kind: &str, content: &str, priority: Option<u32>) -> DnsRecord {
    DnsRecord { name: name.to_owned(), r#type: kind.to_owned(), content: content.to_owned(), ttl_s: 900, priority }
}

fn records() -> Vec<DnsRecord> {
    vec![
        record("@", "A", "192.0.2.1", None),
        record("@", "MX", "mail.host.example.", Some(10)),
        record("@", "TXT", "\"v=spf1 -all\"", None),
        record("_sip._tcp", "SRV", "5 5060 sip.acme.example.", Some(1)),
        record("www", "CNAME", "acme.example.", None),
    ]
}

fn set(records: Vec<DnsRecord>) -> SetRecordsRequest {
    SetRecordsRequest { operation: operation("op-2"), name: "acme.example".to_owned(), records }
}

async fn listed(stand: &Stand) -> Vec<DnsRecord> {
    let request = ListRecordsRequest { name: "acme.example".to_owned() };
    let mut records = stand.plugin.list_records(request).await.expect("listed").value.records;
    records.retain(|record| !matches!(record.r#type.as_str(), "SOA" | "NS"));
    records.sort_by(|a, b| (&a.name, &a.r#type).cmp(&(&b.name, &b.r#type)));
    records
}

#[tokio::test]
async fn a_zone_is_made_replaced_and_emptied() {
    let stand = Stand::having("acme.example").await;
    let none = stand.plugin.list_records(ListRecordsRequest { name: "acme.example".to_owned() }).await;
    assert_refused(&none, ProblemKind::NotFound);
    stand.plugin.set_records(set(records())).await.expect("made");
    assert_eq!(listed(&stand).await, records());
    assert!(stand.plugin.set_records(set(records())).await.expect("so already").already);
    let fewer = vec![record("@", "A", "192.0.2.2", None), record("@", "SOA", "mine", None)];
    let done = stand.plugin.set_records(set(fewer)).await.expect("replaced");
    assert!(!done.already && done.warnings.is_empty(), "{done:?}");
    assert_eq!(listed(&stand).await, [record("@", "A", "192.0.2.2", None)]);
    stand.plugin.set_records(set(vec![])).await.expect("emptied");
    assert!(listed(&stand).await.is_empty());
    let kept = stand.server.records("acme.example").expect("the zone is there");
    assert!(kept.iter().any(|record| record.kind == "SOA"), "{kept:?}");
}

#[tokio::test]
async fn other_times_to_live_are_told() {
    let stand = Stand::having("acme.example").await;
    let quick = DnsRecord { ttl_s: 60, ..record("@", "A", "192.0.2.1", None) };
    let done = stand.plugin.set_records(set(vec![quick])).await.expect("made");
    assert!(done.warnings[0].contains("times to live"), "{done:?}");
    assert_eq!(listed(&stand).await[0].ttl_s, 900);
}

#[tokio::test]
async fn wrong_records_are_refused_and_lost_answers_looked_up() {
    let stand = Stand::having("acme.example").await;
    let with = |records| stand.plugin.set_records(set(records));
    assert_refused(&with(vec![record("@", "MX", "mail", None)]).await, ProblemKind::Invalid);
    assert_refused(&with(vec![record("@", "A", "not an address", None)]).await, ProblemKind::Invalid);
    stand.server.fail_next("CreateZone", Fault::DoThenDrop);
    with(records()).await.expect("found made");
    let fewer = vec![record("@", "A", "192.0.2.2", None)];
    stand.server.fail_next("UpdateZone", Fault::HttpError(504));
    assert_unknown(&with(fewer.clone()).await);
    stand.server.fail_next("UpdateZone", Fault::DoThenDrop);
    with(fewer).await.expect("found replaced");
    assert_eq!(listed(&stand).await.len(), 1);
}
