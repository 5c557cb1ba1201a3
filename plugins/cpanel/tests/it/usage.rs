//! GetUsage.

use billet_plugin::v1::*;
use billet_simulator::Fault;
use chrono::{TimeZone, Utc};

use crate::canned::Server;
use crate::world::{World, later, named, refused};

fn find<'a>(usage: &'a [Usage], user: &str, metric: &str) -> &'a Usage {
    let is_it = |figure: &&Usage| figure.metric == metric && figure.r#ref.as_ref().is_some_and(|r| r.username == user);
    usage.iter().find(is_it).unwrap_or_else(|| panic!("{metric} of {user} in {usage:?}"))
}

fn seconds(year: i32, month: u32, day: u32, hour: u32) -> i64 {
    Utc.with_ymd_and_hms(year, month, day, hour, 0, 0).single().expect("a time").timestamp()
}

#[tokio::test]
async fn disk_inodes_and_bandwidth_of_all_accounts() {
    let world = World::with_acme().await;
    world.account("beta", "beta.example").await;
    world.whm.set_now(Utc.with_ymd_and_hms(2027, 2, 14, 12, 0, 0).single().expect("a time"));
    world.whm.set_disk_used("acme", 2_632, 741).expect("set");
    world.whm.set_bandwidth_used("acme", 2027, 2, 5_000_000_000).expect("set");
    world.whm.set_bandwidth_used("acme", 2027, 1, 77).expect("set");
    let usage = world.panel.get_usage(GetUsageRequest::default()).await.expect("read").value.usage;
    assert_eq!(usage.len(), 6);
    let disk = find(&usage, "acme", "disk");
    assert_eq!((disk.quantity, disk.limit), (2_632 * 1_024, Some(10_240 * 1_024 * 1_024)));
    assert_eq!((disk.unit.as_str(), disk.kind(), disk.period_start.is_none()), ("byte", UsageKind::Snapshot, true));
    assert_eq!(disk.r#ref.as_ref().expect("whose").domain, "acme.example");
    let inodes = find(&usage, "acme", "inodes");
    assert_eq!((inodes.quantity, inodes.unit.as_str(), inodes.limit), (741, "1", None));
    let bandwidth = find(&usage, "acme", "bandwidth");
    assert_eq!((bandwidth.quantity, bandwidth.kind()), (5_000_000_000, UsageKind::Period));
    assert_eq!(bandwidth.period_start.expect("a beginning").seconds, seconds(2027, 2, 1, 0));
    assert_eq!(bandwidth.period_end.expect("an end").seconds, seconds(2027, 3, 1, 0));
    let january = GetUsageRequest {
        month: Some(prost_types::Timestamp { seconds: seconds(2027, 1, 31, 23), nanos: 0 }),
        ..GetUsageRequest::default()
    };
    let usage = world.panel.get_usage(january).await.expect("read").value.usage;
    assert_eq!(find(&usage, "acme", "bandwidth").quantity, 77);
    assert_eq!(find(&usage, "acme", "bandwidth").period_start.expect("a beginning").seconds, seconds(2027, 1, 1, 0));
}

#[tokio::test]
async fn the_usage_of_one_account_is_only_its_own() {
    let world = World::with_acme().await;
    world.account("acme2", "acme2.example").await;
    let request = GetUsageRequest { r#ref: named("acme"), ..GetUsageRequest::default() };
    let usage = world.panel.get_usage(request).await.expect("read").value.usage;
    assert_eq!(usage.len(), 3);
    assert!(usage.iter().all(|figure| figure.r#ref.as_ref().is_some_and(|r| r.username == "acme")));
    let pattern = GetUsageRequest { r#ref: named(".*"), ..GetUsageRequest::default() };
    refused(world.panel.get_usage(pattern).await, ProblemKind::Invalid);
}

#[tokio::test]
async fn documented_figures_are_read_and_removed_accounts_are_left_out() {
    let server = Server::start().await;
    server.answers_file("showbw", 200, "showbw.json");
    server.answers_file("get_disk_usage", 200, "get_disk_usage.json");
    let usage = server.panel.get_usage(GetUsageRequest::default()).await.expect("read").value.usage;
    let bandwidth = find(&usage, "acme", "bandwidth");
    assert_eq!((bandwidth.quantity, bandwidth.limit), (5_368_709_120, Some(10_737_418_240)));
    // The server is in Berlin: its February begins an hour before UTC's.
    assert_eq!(bandwidth.period_start.expect("a beginning").seconds, seconds(2027, 1, 31, 23));
    assert_eq!(usage.iter().filter(|figure| figure.metric == "bandwidth").count(), 1);
    assert_eq!(find(&usage, "acme", "inodes").limit, Some(250_000));
    assert_eq!((find(&usage, "beta", "disk").quantity, find(&usage, "beta", "disk").limit), (12 * 1_024, None));
}

#[tokio::test]
async fn what_the_token_may_read_is_read() {
    let world = World::with_reseller().await;
    let acl = |name| [("reseller", "resa"), (name, "1")];
    let reseller = world.as_reseller("resa");
    world.whm.client().call("setacls", &acl("acl-list-accts")).await.expect("set");
    let done = reseller.get_usage(GetUsageRequest::default()).await.expect("some of it");
    assert!(done.warnings.len() == 1 && done.warnings[0].contains("showbw"), "{:?}", done.warnings);
    assert!(done.value.usage.iter().all(|figure| figure.metric != "bandwidth"));
    world.whm.client().call("setacls", &acl("acl-passwd")).await.expect("set");
    refused(reseller.get_usage(GetUsageRequest::default()).await, ProblemKind::Permission);
}

#[tokio::test]
async fn half_an_answer_is_none() {
    let world = World::with_acme().await;
    for function in ["showbw", "get_disk_usage"] {
        for fault in [Fault::DoThenDrop, Fault::HttpError(502)] {
            world.whm.fail_next(function, fault);
            later(world.panel.get_usage(GetUsageRequest::default()).await);
        }
    }
    let server = Server::start().await;
    server.answers("showbw", 200, r#"{"metadata":{"result":1},"data":{}}"#);
    assert!(later(server.panel.get_usage(GetUsageRequest::default()).await).words.contains("acct"));
}
