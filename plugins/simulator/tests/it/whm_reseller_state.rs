//! Privileges and limits of resellers, and what happens to all of their accounts at once.

use billet_simulator::whm::{WhmClient, WhmError};
use billet_simulator::{Whm, WhmOptions};
use serde_json::{Value, json};

/// A server with a reseller `resa` that owns `kida` and `kidb`, and root's `acme`.
async fn whm() -> (Whm, WhmClient) {
    let whm = Whm::start(WhmOptions { accounts_max: 50, ..WhmOptions::default() }).await.expect("the simulator starts");
    let root = whm.client();
    for user in ["resa", "acme"] {
        root.create_account(user, &format!("{user}.example"), "default", "").await.expect("created");
    }
    root.call("setupreseller", &[("user", "resa")]).await.expect("set up");
    for user in ["kida", "kidb"] {
        let domain = format!("{user}.example");
        let parameters = [("username", user), ("domain", &domain), ("owner", "resa")];
        root.call("createacct", &parameters).await.expect("created");
    }
    let reseller = root.acting_as("resa", whm.reseller_token("resa").expect("a token"));
    (whm, reseller)
}

fn refused<T: std::fmt::Debug>(result: Result<T, WhmError>) -> String {
    match result {
        Err(WhmError::Refused { reason, .. }) => reason,
        other => panic!("not refused: {other:?}"),
    }
}

fn is_denied<T>(result: &Result<T, WhmError>) -> bool {
    matches!(result, Err(WhmError::AccessDenied { .. }))
}

fn reason(whm: &Whm, user: &str) -> Option<String> {
    whm.account(user).expect("it exists").suspension.map(|suspension| suspension.reason)
}

#[tokio::test]
async fn a_reseller_is_suspended_with_its_accounts_and_what_was_suspended_keeps_its_reason() {
    let (whm, _) = whm().await;
    let root = whm.client();
    root.suspend("kida", "abuse").await.expect("suspended");
    root.call("suspendreseller", &[("user", "resa"), ("reason", "overdue"), ("disallow", "1")]).await.expect("done");
    assert_eq!(reason(&whm, "kida").as_deref(), Some("abuse"));
    assert_eq!(reason(&whm, "kidb").as_deref(), Some("overdue"));
    assert_eq!(reason(&whm, "resa").as_deref(), Some("overdue"));
    assert_eq!(reason(&whm, "acme"), None);
    let listed = root.call("listsuspended", &[]).await.expect("listed");
    let rows = listed["account"].as_array().expect("rows");
    assert_eq!(rows.iter().map(|row| &row["user"]).collect::<Vec<_>>(), ["kida", "kidb", "resa"]);
    assert_eq!((&rows[1]["owner"], &rows[1]["is_locked"]), (&json!("resa"), &json!(1)));
    assert!(rows[1]["unixtime"].is_i64());
    let locked = root.call("listlockedaccounts", &[]).await.expect("listed");
    assert_eq!(locked["account"], json!(["kidb", "resa"]));
    root.call("unsuspendreseller", &[("user", "resa"), ("reseller-only", "1")]).await.expect("done");
    assert_eq!((reason(&whm, "resa"), reason(&whm, "kidb").as_deref()), (None, Some("overdue")));
    root.call("unsuspendreseller", &[("user", "resa")]).await.expect("done");
    assert_eq!((reason(&whm, "kida"), reason(&whm, "kidb")), (None, None), "whoever suspended them");
    assert!(refused(root.call("suspendreseller", &[("user", "acme")]).await).contains("is not a reseller"));
}

#[tokio::test]
async fn a_reseller_is_removed_with_its_accounts() {
    let (whm, _) = whm().await;
    let root = whm.client();
    let incomplete = root.call("terminatereseller", &[("user", "resa")]).await;
    assert!(refused(incomplete).contains("terminatereseller"));
    let gone = root.call("terminatereseller", &[("user", "resa"), ("terminatereseller", "1")]).await.expect("removed");
    let rows = gone["acct"].as_array().expect("rows");
    assert_eq!(rows.iter().map(|row| &row["user"]).collect::<Vec<_>>(), ["kida", "kidb", "resa"]);
    assert!(rows.iter().all(|row| row["result"] == 1));
    assert_eq!(whm.accounts().iter().map(|account| account.user.as_str()).collect::<Vec<_>>(), ["acme"]);
    assert!(whm.reseller("resa").is_none() && whm.reseller_token("resa").is_none());
}

#[tokio::test]
async fn privileges_are_granted_taken_and_enforced() {
    let (whm, reseller) = whm().await;
    let root = whm.client();
    let mine = |data: Value| data["privileges"][0].clone();
    let all = mine(root.call("myprivs", &[]).await.expect("answered"));
    assert_eq!((&all["all"], &all["kill-acct"]), (&json!(1), &json!(1)));
    let ordinary = mine(reseller.call("myprivs", &[]).await.expect("answered"));
    assert_eq!((&ordinary["all"], &ordinary["kill-acct"]), (&json!(0), &json!(1)));
    root.call("setacls", &[("reseller", "resa"), ("acl-list-accts", "1")]).await.expect("set");
    assert!(is_denied(&reseller.remove("kida").await));
    assert!(reseller.call("listaccts", &[]).await.is_ok());
    assert!(refused(root.call("setacls", &[("reseller", "resa"), ("acl-all", "1")]).await).contains("privilege"));
    assert!(refused(root.call("setacls", &[("reseller", "resa"), ("acllist", "gold")]).await).contains("gold"));
    root.call("saveacllist", &[("acllist", "gold"), ("acl-kill-acct", "1"), ("acl-passwd", "0")]).await.expect("saved");
    let set = root.call("setacls", &[("reseller", "resa"), ("acllist", "gold")]).await.expect("set");
    assert_eq!(set, json!({"acl": ["kill-acct"]}));
    reseller.remove("kida").await.expect("removed");
    assert!(is_denied(&reseller.call("listaccts", &[]).await));
    assert!(is_denied(&reseller.call("setacls", &[("reseller", "resa"), ("acl-passwd", "1")]).await));
}

#[tokio::test]
async fn limits_count_when_they_are_switched_on() {
    let (whm, reseller) = whm().await;
    let root = whm.client();
    root.call("setresellerlimits", &[("user", "resa"), ("account_limit", "2")]).await.expect("set, not switched on");
    assert_eq!(whm.reseller("resa").expect("a reseller").accounts_max, None);
    let limits = [
        ("user", "resa"),
        ("enable_account_limit", "1"),
        ("account_limit", "2"),
        ("enable_resource_limits", "1"),
        ("diskspace_limit", "500"),
        ("enable_overselling", "1"),
    ];
    root.call("setresellerlimits", &limits).await.expect("set");
    let standing = whm.reseller("resa").expect("a reseller");
    assert_eq!((standing.accounts_max, standing.disk_mib_max), (Some(2), Some(500)));
    assert!(standing.overselling && standing.bandwidth_mib_max.is_none() && !standing.privileges.is_empty());
    assert!(refused(reseller.create_account("kidc", "kidc.example", "default", "").await).contains("maximum number"));
    root.suspend("kida", "abuse").await.expect("suspended");
    let counts = reseller.call("acctcounts", &[]).await.expect("counted");
    assert_eq!(counts, json!({"reseller": {"user": "resa", "active": 1, "suspended": 1, "limit": 2}}));
    root.call("unsetupreseller", &[("user", "resa")]).await.expect("unmade");
    assert!(whm.reseller("resa").is_none() && !whm.account("resa").expect("it stays").reseller);
    assert!(is_denied(&reseller.call("listaccts", &[]).await), "its token is gone");
}

#[tokio::test]
async fn unknown_parameters_are_refused_and_the_server_tells_about_itself() {
    let (whm, _) = whm().await;
    let root = whm.client();
    for (function, parameter) in
        [("suspendacct", "username"), ("createacct", "user"), ("myprivs", "user"), ("setresellerlimits", "reseller")]
    {
        let reason = refused(root.call(function, &[(parameter, "acme")]).await);
        assert!(reason.contains("has no parameter") && reason.contains(parameter), "{function}: {reason}");
    }
    for (function, answer) in [
        ("gethostname", json!({"hostname": "whm.simulator.example"})),
        ("get_current_users_count", json!({"users": 4})),
        ("get_maximum_users", json!({"users": 50})),
    ] {
        assert_eq!(root.call(function, &[]).await.expect("answered"), answer);
    }
}
