//! suspendacct, unsuspendacct, changepackage, modifyacct, passwd, version, create_user_session.

use billet_simulator::whm::{Limit, Suspension, WhmError};
use billet_simulator::{Whm, WhmOptions};
use chrono::{TimeZone, Utc};

async fn whm_with_an_account() -> Whm {
    let options = WhmOptions { packages: vec!["starter".to_owned(), "pro".to_owned()], ..WhmOptions::default() };
    let whm = Whm::start(options).await.expect("the simulator starts");
    whm.client().create_account("acme", "acme.example", "starter", "ops@acme.example").await.expect("created");
    whm
}

fn refused<T: std::fmt::Debug>(result: Result<T, WhmError>) -> String {
    match result.expect_err("the panel refuses") {
        WhmError::Refused { reason, .. } => reason,
        other => panic!("not a refusal: {other}"),
    }
}

#[tokio::test]
async fn suspending_and_lifting_it() {
    let whm = whm_with_an_account().await;
    let at = Utc.with_ymd_and_hms(2027, 3, 1, 0, 0, 0).single().expect("a time");
    whm.set_now(at);
    whm.client().suspend("acme", "Nonpayment").await.expect("suspended");
    let suspension = whm.account("acme").expect("it exists").suspension;
    assert_eq!(suspension, Some(Suspension { reason: "Nonpayment".to_owned(), at, locked: false }));
    let data = whm.client().call("accountsummary", &[("user", "acme")]).await.expect("found");
    let acct = &data["acct"][0];
    assert_eq!(
        (&acct["suspended"], &acct["suspendreason"], &acct["suspendtime"]),
        (&1.into(), &"Nonpayment".into(), &at.timestamp().into())
    );

    let again =
        whm.client().answer("suspendacct", &[("user", "acme"), ("reason", "Abuse")]).await.expect("an answer").1;
    assert_eq!(again["metadata"]["result"], 1);
    assert!(again["metadata"]["output"]["raw"].as_str().expect("raw output").contains("previously suspended"));
    assert_eq!(whm.account("acme").expect("it exists").suspension.expect("still").reason, "Nonpayment");

    whm.client().unsuspend("acme").await.expect("lifted");
    assert_eq!(whm.account("acme").expect("it exists").suspension, None);
    let data = whm.client().call("accountsummary", &[("user", "acme")]).await.expect("found");
    assert_eq!(
        (&data["acct"][0]["suspended"], &data["acct"][0]["suspendreason"]),
        (&0.into(), &"not suspended".into())
    );
    assert!(data["acct"][0]["suspendtime"].is_null());
    whm.client().unsuspend("acme").await.expect("lifting nothing is no failure");
}

#[tokio::test]
async fn unknown_accounts_cannot_be_changed() {
    let whm = whm_with_an_account().await;
    let client = whm.client();
    for function in ["suspendacct", "unsuspendacct", "modifyacct"] {
        let reason = refused(client.call(function, &[("user", "ghost")]).await);
        assert!(reason.ends_with("You do not have access to an account named “ghost”."), "{function}: {reason}");
        assert!(reason.starts_with("API failure: (XID "), "{function}: {reason}");
        let reason = refused(client.call(function, &[]).await);
        assert!(reason.ends_with("Provide the “user” parameter."), "{function}: {reason}");
    }
    let reason = refused(client.call("passwd", &[("user", "ghost"), ("password", "long enough")]).await);
    assert!(reason.ends_with("an account named “ghost”."), "{reason}");
}

#[tokio::test]
async fn changing_the_package_changes_the_limits() {
    let whm = whm_with_an_account().await;
    let client = whm.client();
    client.add_package("large", 50_000).await.expect("added");
    let (_, answer) = client.answer("changepackage", &[("user", "acme"), ("pkg", "large")]).await.expect("an answer");
    assert_eq!(answer["metadata"]["result"], 1);
    assert!(answer["metadata"]["output"]["raw"].as_str().expect("raw").contains("from starter to large"));
    assert!(answer.get("data").is_none(), "functions that only act have no data");
    let account = whm.account("acme").expect("it exists");
    assert_eq!((account.plan.as_str(), account.limits.quota_mib), ("large", Limit::At(50_000)));
    assert_eq!(refused(client.change_package("acme", "gold").await), "Specified package does not exist.");
    assert_eq!(refused(client.change_package("ghost", "pro").await), "Sorry the user ghost does not exist");
    assert_eq!(whm.account("acme").expect("it exists").plan, "large");
}

#[tokio::test]
async fn modifyacct_changes_what_it_is_told() {
    let whm = whm_with_an_account().await;
    let parameters = [
        ("user", "acme"),
        ("newuser", "acmenew"),
        ("domain", "acme-new.example"),
        ("contactemail", "billing@acme.example"),
        ("QUOTA", "2048"),
        ("BWLIMIT", "1048576000"),
        ("MAXPOP", "25"),
    ];
    let (_, answer) = whm.client().answer("modifyacct", &parameters).await.expect("an answer");
    assert_eq!(answer["metadata"]["reason"], "Account Modified");
    let data = &answer["data"];
    assert_eq!(
        (&data["user"], &data["domain"], &data["setshell"]),
        (&"acmenew".into(), &"acme-new.example".into(), &"unmodified".into())
    );
    let file = &data["cpuser"];
    assert_eq!((&file["USER"], &file["PLAN"], &file["MAXPOP"]), (&"acmenew".into(), &"starter".into(), &25.into()));
    assert!(whm.account("acme").is_none());
    let account = whm.account("acmenew").expect("renamed");
    assert_eq!(account.contact_email, "billing@acme.example");
    assert_eq!(account.limits.quota_mib, Limit::At(2_048));
    assert_eq!(account.limits.bandwidth_mib, Limit::At(1_000), "BWLIMIT is in bytes here");

    whm.client().create_account("other", "other.example", "pro", "").await.expect("created");
    let clash = refused(whm.client().call("modifyacct", &[("user", "acmenew"), ("newuser", "other")]).await);
    assert!(clash.contains("already has an account named “other”"), "{clash}");
    let clash = refused(whm.client().call("modifyacct", &[("user", "acmenew"), ("domain", "other.example")]).await);
    assert!(clash.contains("already exists in the userdata"), "{clash}");
    let nobody = refused(whm.client().call("modifyacct", &[("user", "acmenew"), ("owner", "other")]).await);
    assert!(nobody.contains("not a reseller"), "{nobody}");
}

#[tokio::test]
async fn passwd_sets_the_password() {
    let whm = whm_with_an_account().await;
    let (_, answer) =
        whm.client().answer("passwd", &[("user", "acme"), ("password", "n3w-Word")]).await.expect("an answer");
    assert_eq!(answer["metadata"]["reason"], "Password changed for user “acme”.");
    assert!(answer["data"]["app"].as_array().expect("services").contains(&"ftp".into()));
    assert_eq!(whm.account("acme").expect("it exists").password.reveal(), "n3w-Word");
    assert!(!format!("{:?}", whm.account("acme")).contains("n3w-Word"), "Debug must not show it");
    let reason = refused(whm.client().call("passwd", &[("user", "acme"), ("password", "abc")]).await);
    assert!(reason.contains("too short"), "{reason}");
}

#[tokio::test]
async fn the_version_and_unknown_functions() {
    let whm = whm_with_an_account().await;
    let data = whm.client().call("version", &[]).await.expect("answered");
    assert_eq!(data["version"], "11.136.0.22");
    let reason = refused(whm.client().call("makecoffee", &[]).await);
    assert!(reason.starts_with("Unknown app (“makecoffee”)"), "{reason}");
}

#[tokio::test]
async fn a_session_is_a_link_for_once() {
    let whm = whm_with_an_account().await;
    let at = Utc.with_ymd_and_hms(2027, 3, 1, 0, 0, 0).single().expect("a time");
    whm.set_now(at);
    let client = whm.client();
    let parameters = [("user", "acme"), ("service", "cpaneld")];
    let first = client.call("create_user_session", &parameters).await.expect("answered");
    let second = client.call("create_user_session", &parameters).await.expect("answered");
    assert_ne!(first["session"], second["session"]);
    let token = first["cp_security_token"].as_str().expect("a token");
    let url = first["url"].as_str().expect("a link");
    assert!(token.starts_with("/cpsess") && token.len() == 17, "{token}");
    assert!(url.starts_with(&format!("https://whm.simulator.example:2083{token}/login/?session=acme:")), "{url}");
    assert_eq!(first["expires"], at.timestamp() + 900);
    let reason = refused(client.call("create_user_session", &[("user", "acme"), ("service", "sshd")]).await);
    assert!(reason.contains("“service”"), "{reason}");
    let reason = refused(client.call("create_user_session", &[("user", "acme"), ("service", "whostmgrd")]).await);
    assert!(reason.contains("not a reseller"), "{reason}");
}
