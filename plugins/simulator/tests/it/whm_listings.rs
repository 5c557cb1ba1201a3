//! listaccts, accountsummary, listpkgs, addpkg, showbw, get_disk_usage.

use billet_simulator::whm::WhmError;
use billet_simulator::{Whm, WhmOptions};
use chrono::{TimeZone, Utc};
use serde_json::{Value, json};

async fn whm_with_three() -> Whm {
    let options = WhmOptions { packages: vec!["starter".to_owned(), "pro".to_owned()], ..WhmOptions::default() };
    let whm = Whm::start(options).await.expect("the simulator starts");
    whm.set_now(Utc.with_ymd_and_hms(2027, 1, 15, 16, 3, 0).single().expect("a time"));
    for (user, plan) in [("anna", "starter"), ("berta", "pro"), ("bertram", "pro")] {
        let email = format!("{user}@{user}.example");
        whm.client().create_account(user, &format!("{user}.example"), plan, &email).await.expect("created");
    }
    whm
}

fn users(rows: &Value) -> Vec<&str> {
    rows.as_array().expect("rows").iter().map(|row| row["user"].as_str().expect("a user")).collect()
}

#[tokio::test]
async fn listaccts_searches_and_picks() {
    let whm = whm_with_three().await;
    let client = whm.client();
    let list = async |parameters: &[(&str, &str)]| client.call("listaccts", parameters).await.expect("listed");
    assert_eq!(users(&list(&[]).await["acct"]), ["anna", "berta", "bertram"]);
    assert_eq!(users(&list(&[("search", "^bert"), ("searchtype", "user")]).await["acct"]), ["berta", "bertram"]);
    let exact = [("search", "berta"), ("searchtype", "user"), ("searchmethod", "exact")];
    assert_eq!(users(&list(&exact).await["acct"]), ["berta"]);
    assert_eq!(users(&list(&[("search", "starter"), ("searchtype", "package")]).await["acct"]), ["anna"]);
    assert_eq!(users(&list(&[("search", "root"), ("searchtype", "owner")]).await["acct"]).len(), 3);
    assert_eq!(users(&list(&[("search", "192\\.0"), ("searchtype", "ip")]).await["acct"]).len(), 3);
    assert_eq!(users(&list(&[("search", "anna")]).await["acct"]).len(), 3, "search alone is not used");
    let picked = list(&[("search", "anna.example"), ("searchtype", "domain"), ("want", "user,plan")]).await;
    assert_eq!(picked["acct"], json!([{"user": "anna", "plan": "starter"}]));
    for wrong in [[("search", "("), ("searchtype", "user")], [("search", "a"), ("searchtype", "mood")]] {
        let refused = client.call("listaccts", &wrong).await;
        assert!(matches!(refused, Err(WhmError::Refused { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn an_account_shows_the_members_of_the_documentation() {
    let whm = whm_with_three().await;
    whm.set_disk_used("anna", 12 * 1024, 340).expect("it exists");
    let by_domain = whm.client().call("accountsummary", &[("domain", "anna.example")]).await.expect("found");
    let acct = &by_domain["acct"][0];
    let expected = json!({
        "user": "anna", "domain": "anna.example", "plan": "starter", "owner": "root", "email": "anna@anna.example",
        "ip": "192.0.2.10", "diskused": "12M", "disklimit": "10240M", "inodesused": 340, "startdate": "27 Jan 15 16:03",
        "unix_startdate": 1_800_028_980, "suspended": 0, "suspendreason": "not suspended", "is_locked": 0,
        "maxparked": 0, "maxaddons": 0, "maxpop": "unlimited",
    });
    for (name, value) in expected.as_object().expect("members") {
        assert_eq!(&acct[name], value, "{name}");
    }
    let by_user = whm.client().call("accountsummary", &[("user", "anna")]).await.expect("found");
    assert_eq!(by_user, by_domain);
    for parameters in [[("user", "ghost")], [("domain", "ghost.example")]] {
        match whm.client().call("accountsummary", &parameters).await {
            Err(WhmError::Refused { reason, .. }) => assert_eq!(reason, "Account does not exist."),
            other => panic!("not refused: {other:?}"),
        }
    }
    assert!(matches!(whm.client().call("accountsummary", &[]).await, Err(WhmError::Refused { .. })));
}

#[tokio::test]
async fn packages_are_listed_with_their_limits() {
    let whm = whm_with_three().await;
    let client = whm.client();
    let added = client
        .call("addpkg", &[("name", "mail only"), ("quota", "500"), ("bwlimit", "unlimited"), ("maxpop", "20")])
        .await;
    assert_eq!(added.expect("added"), json!({"pkg": "mail only"}));
    let listed = client.call("listpkgs", &[]).await.expect("listed");
    let names: Vec<_> = listed["pkg"].as_array().expect("packages").iter().map(|pkg| pkg["name"].clone()).collect();
    assert_eq!(names, ["default", "mail only", "pro", "starter"]);
    let mail = &listed["pkg"][1];
    assert_eq!((&mail["QUOTA"], &mail["BWLIMIT"], &mail["MAXPOP"]), (&500.into(), &"unlimited".into(), &20.into()));
    assert_eq!((&mail["MAXFTP"], &mail["FEATURELIST"]), (&"unlimited".into(), &"default".into()));
    for name in ["pro", "extensions", "a/b", ""] {
        let refused = client.call("addpkg", &[("name", name)]).await;
        assert!(matches!(refused, Err(WhmError::Refused { .. })), "{name}: {refused:?}");
    }
}

#[tokio::test]
async fn bandwidth_is_counted_by_month_in_bytes() {
    let whm = whm_with_three().await;
    let client = whm.client();
    whm.set_bandwidth_used("anna", 2027, 1, 5_000_000_000).expect("it exists");
    whm.set_bandwidth_used("anna", 2026, 12, 7).expect("it exists");
    whm.set_bandwidth_used("berta", 2027, 1, 11).expect("it exists");
    let now = client.call("showbw", &[]).await.expect("shown");
    assert_eq!((&now["year"], &now["month"], &now["reseller"]), (&2027.into(), &1.into(), &"root".into()));
    assert_eq!(now["totalused"], 5_000_000_011_u64);
    assert_eq!(
        now["acct"][0],
        json!({
            "user": "anna", "owner": "root", "maindomain": "anna.example", "totalbytes": 5_000_000_000_u64,
            "limit": 1_048_576_u64 * 1_048_576, "reseller": 0, "deleted": 0,
            "bwusage": [{"domain": "anna.example", "usage": 5_000_000_000_u64, "deleted": 0}],
        })
    );
    let before = client.call("showbw", &[("year", "2026"), ("month", "12")]).await.expect("shown");
    assert_eq!(before["totalused"], 7);
    let some = client.call("showbw", &[("search", "^bert"), ("searchtype", "user")]).await.expect("shown");
    assert_eq!(users(&some["acct"]), ["berta", "bertram"]);

    client.remove("anna").await.expect("removed");
    let after = client.call("showbw", &[]).await.expect("shown");
    assert_eq!(users(&after["acct"]), ["berta", "bertram", "anna"]);
    assert_eq!((&after["acct"][2]["deleted"], &after["totalused"]), (&1.into(), &5_000_000_011_u64.into()));
    for wrong in [("month", "13"), ("month", "0"), ("year", "soon")] {
        assert!(matches!(client.call("showbw", &[wrong]).await, Err(WhmError::Refused { .. })), "{wrong:?}");
    }
}

#[tokio::test]
async fn disk_usage_is_in_kib() {
    let whm = whm_with_three().await;
    whm.set_disk_used("berta", 2_632, 340).expect("it exists");
    whm.client().call("modifyacct", &[("user", "bertram"), ("QUOTA", "unlimited")]).await.expect("modified");
    let data = whm.client().call("get_disk_usage", &[("cache_mode", "off")]).await.expect("shown");
    assert_eq!(
        data["accounts"][1],
        json!({"user": "berta", "blocks_used": 2_632, "blocks_limit": 10_240 * 1_024, "inodes_used": 340, "inodes_limit": null})
    );
    assert!(data["accounts"][2]["blocks_limit"].is_null());
    let unknown = whm.set_disk_used("ghost", 1, 1).expect_err("there is no such account");
    assert_eq!(unknown.to_string(), "the panel has no account or subscription 'ghost'");
    assert!(whm.set_bandwidth_used("ghost", 2027, 1, 1).is_err());
}
