//! Resellers: what they are, what they see, what they may not.

use billet_simulator::whm::{WhmClient, WhmError};
use billet_simulator::{Whm, WhmOptions};
use serde_json::json;

/// A server with a reseller `resa` that owns `kid`, and root's `acme`.
async fn whm_with_a_reseller() -> (Whm, WhmClient) {
    let whm = Whm::start(WhmOptions::default()).await.expect("the simulator starts");
    let root = whm.client();
    for user in ["resa", "acme"] {
        root.create_account(user, &format!("{user}.example"), "default", "").await.expect("created");
    }
    assert!(whm.reseller_token("resa").is_none());
    root.call("setupreseller", &[("user", "resa"), ("makeowner", "1")]).await.expect("set up");
    let token = whm.reseller_token("resa").expect("a reseller has a token");
    let reseller = root.acting_as("resa", token);
    reseller.create_account("kid", "kid.example", "default", "").await.expect("created");
    (whm, reseller)
}

fn is_denied<T>(result: &Result<T, WhmError>) -> bool {
    matches!(result, Err(WhmError::AccessDenied { .. }))
}

#[tokio::test]
async fn a_reseller_owns_what_it_creates_and_sees_only_that() {
    let (whm, reseller) = whm_with_a_reseller().await;
    assert_eq!(whm.account("kid").expect("it exists").owner, "resa");
    assert_eq!(whm.account("resa").expect("it exists").owner, "resa");
    assert_eq!(whm.client().call("listresellers", &[]).await.expect("listed"), json!({"reseller": ["resa"]}));
    let seen = reseller.call("listaccts", &[("want", "user")]).await.expect("listed");
    assert_eq!(seen["acct"], json!([{"user": "kid"}, {"user": "resa"}]));
    let usage = reseller.call("get_disk_usage", &[]).await.expect("listed");
    assert_eq!(usage["accounts"].as_array().expect("rows").len(), 2);
    let bandwidth = whm.client().call("showbw", &[("showres", "resa")]).await.expect("listed");
    assert_eq!(bandwidth["acct"].as_array().expect("rows").len(), 2);
    let hidden = reseller.call("accountsummary", &[("user", "acme")]).await;
    assert!(matches!(hidden, Err(WhmError::Refused { .. })), "{hidden:?}");
}

#[tokio::test]
async fn a_reseller_cannot_touch_others_or_do_what_is_roots() {
    let (whm, reseller) = whm_with_a_reseller().await;
    for refused in [
        reseller.suspend("acme", "x").await,
        reseller.remove("acme").await,
        reseller.change_package("acme", "default").await,
    ] {
        match refused {
            Err(WhmError::Refused { reason, .. }) => assert!(reason.contains("do not have access"), "{reason}"),
            other => panic!("not refused: {other:?}"),
        }
    }
    assert!(is_denied(&reseller.call("setupreseller", &[("user", "kid")]).await));
    assert!(is_denied(&reseller.call("listresellers", &[]).await));
    let owner = reseller
        .call("createacct", &[("username", "kid2"), ("domain", "kid2.example"), ("owner", "root"), ("reseller", "1")]);
    owner.await.expect("created");
    let kid = whm.account("kid2").expect("it exists");
    assert_eq!((kid.owner.as_str(), kid.reseller), ("resa", false), "a reseller's accounts are its own");
}

#[tokio::test]
async fn a_locked_suspension_is_roots_to_lift() {
    let (whm, reseller) = whm_with_a_reseller().await;
    whm.client().call("suspendacct", &[("user", "kid"), ("disallowun", "1")]).await.expect("suspended");
    let data = reseller.call("accountsummary", &[("user", "kid")]).await.expect("found");
    assert_eq!((&data["acct"][0]["is_locked"], &data["acct"][0]["suspendreason"]), (&1.into(), &"Unknown".into()));
    match reseller.unsuspend("kid").await {
        Err(WhmError::Refused { reason, .. }) => assert!(reason.contains("locked"), "{reason}"),
        other => panic!("not refused: {other:?}"),
    }
    whm.client().unsuspend("kid").await.expect("root may");
}

#[tokio::test]
async fn a_resellers_packages_carry_its_name() {
    let (whm, reseller) = whm_with_a_reseller().await;
    reseller.add_package("gold", 100).await.expect("added");
    whm.client().call("setupreseller", &[("user", "acme")]).await.expect("set up");
    let other = whm.client().acting_as("acme", whm.reseller_token("acme").expect("a token"));
    let names = |data: serde_json::Value| {
        data["pkg"]
            .as_array()
            .expect("rows")
            .iter()
            .map(|row| row["name"].as_str().expect("a name").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(reseller.call("listpkgs", &[]).await.expect("listed")), ["default", "resa_gold"]);
    assert_eq!(names(other.call("listpkgs", &[]).await.expect("listed")), ["default"]);
    assert_eq!(names(whm.client().call("listpkgs", &[]).await.expect("listed")), ["default", "resa_gold"]);
}

#[tokio::test]
async fn a_reseller_with_accounts_stays_and_a_renamed_one_keeps_them() {
    let (whm, _) = whm_with_a_reseller().await;
    match whm.client().remove("resa").await {
        Err(WhmError::Refused { reason, .. }) => assert!(reason.contains("still owns"), "{reason}"),
        other => panic!("not refused: {other:?}"),
    }
    whm.client().call("modifyacct", &[("user", "resa"), ("newuser", "resb")]).await.expect("renamed");
    assert_eq!(whm.account("kid").expect("it exists").owner, "resb");
    assert!(whm.reseller_token("resa").is_none() && whm.reseller_token("resb").is_some());
    whm.client().remove("kid").await.expect("removed");
    whm.client().remove("resb").await.expect("removed");
    assert!(whm.reseller_token("resb").is_none());
}
