//! createacct, verify_new_username, removeacct.

use billet_simulator::whm::WhmError;
use billet_simulator::{Whm, WhmOptions};
use chrono::{TimeZone, Utc};

async fn whm() -> Whm {
    let options = WhmOptions { packages: vec!["starter".to_owned(), "pro".to_owned()], ..WhmOptions::default() };
    Whm::start(options).await.expect("the simulator starts")
}

/// The reason of a refused call, without the panel's prefix.
fn refused<T: std::fmt::Debug>(result: Result<T, WhmError>) -> String {
    match result.expect_err("the panel refuses") {
        WhmError::Refused { reason, .. } => match reason.strip_prefix("API failure: (XID ") {
            Some(rest) => rest.split_once(") ").expect("an id and a reason").1.to_owned(),
            None => reason,
        },
        other => panic!("not a refusal: {other}"),
    }
}

#[tokio::test]
async fn an_account_is_created_with_what_was_asked_for() {
    let whm = whm().await;
    let at = Utc.with_ymd_and_hms(2027, 2, 1, 9, 30, 0).single().expect("a time");
    whm.set_now(at);
    let created = whm.client().create_account("AcmeOne", "Acme-One.example", "starter", "ops@acme-one.example").await;
    let created = created.expect("created");
    assert_eq!(
        (created.user.as_str(), created.package.as_str(), created.ip.as_str()),
        ("acmeone", "starter", "192.0.2.10")
    );
    let account = whm.account("acmeone").expect("it exists");
    assert_eq!(account.domain, "acme-one.example");
    assert_eq!(account.contact_email, "ops@acme-one.example");
    assert_eq!(account.owner, "root");
    assert_eq!(account.created_at, at);
    assert_eq!(account.suspension, None);
    whm.shutdown().await;
}

#[tokio::test]
async fn the_envelope_of_createacct_holds_the_clear_password() {
    let whm = whm().await;
    let parameters =
        [("username", "acmeone"), ("domain", "acme-one.example"), ("plan", "starter"), ("password", "s3cret-Word")];
    let (status, answer) = whm.client().answer("createacct", &parameters).await.expect("an answer");
    assert_eq!(status, 200);
    let metadata = &answer["metadata"];
    assert_eq!(metadata["version"], 1);
    assert_eq!(metadata["command"], "createacct");
    assert_eq!(metadata["result"], 1);
    assert_eq!(metadata["reason"], "Account Creation Ok");
    let raw = metadata["output"]["raw"].as_str().expect("raw output");
    assert!(raw.contains("| PassWord: s3cret-Word\n"), "{raw}");
    assert_eq!(answer["data"]["package"], "starter");
    assert_eq!(answer["data"]["nameserver"], "ns1.whm.simulator.example");
    assert!(answer["data"]["nameserverentry"].is_null());

    let hidden =
        [("username", "acmetwo"), ("domain", "acme-two.example"), ("password", "s3cret-Word"), ("showpass", "n")];
    let (_, answer) = whm.client().answer("createacct", &hidden).await.expect("an answer");
    assert_eq!(answer["metadata"]["result"], 1);
    assert!(!answer.to_string().contains("s3cret-Word"));
}

#[tokio::test]
async fn limits_come_from_the_package_and_then_from_the_call() {
    let whm = whm().await;
    let client = whm.client();
    client.add_package("small", 500).await.expect("added");
    client.create_account("one", "one.example", "small", "").await.expect("created");
    let own = [("username", "two"), ("domain", "two.example"), ("plan", "small"), ("quota", "0"), ("maxpop", "7")];
    client.call("createacct", &own).await.expect("created");
    let data = client.call("listaccts", &[]).await.expect("listed");
    assert_eq!(data["acct"][0]["disklimit"], "500M");
    assert_eq!(data["acct"][0]["maxpop"], "unlimited");
    assert_eq!(data["acct"][0]["maxaddons"], 0);
    assert_eq!(data["acct"][1]["disklimit"], "unlimited");
    assert_eq!(data["acct"][1]["maxpop"], 7);
    let bad = [("username", "three"), ("domain", "three.example"), ("quota", "much")];
    assert!(refused(client.call("createacct", &bad).await).contains("“quota”"));
}

#[tokio::test]
async fn bad_usernames_are_refused_by_createacct_and_verify_new_username_alike() {
    let whm = whm().await;
    let client = whm.client();
    client.create_account("taken", "taken.example", "starter", "").await.expect("created");
    let cases = [
        ("seventeenletters1", "1 to 16 characters"),
        ("1st", "begin with a number"),
        ("testsite", "begin with “test”"),
        ("under_score", "letters a to z and digits"),
        ("nobody", "reserved"),
        ("taken", "already has an account named “taken”"),
    ];
    for (username, words) in cases {
        let reason = refused(client.create_account(username, "free.example", "starter", "").await);
        assert!(reason.contains(words), "{username}: {reason}");
        let reason = refused(client.call("verify_new_username", &[("user", username)]).await);
        assert!(reason.contains(words), "{username}: {reason}");
    }
    client.call("verify_new_username", &[("user", "sixteenletters16")]).await.expect("16 characters are fine");
    assert_eq!(whm.accounts().len(), 1);
}

#[tokio::test]
async fn a_taken_domain_a_bad_domain_and_an_unknown_package_are_refused() {
    let whm = whm().await;
    let client = whm.client();
    client.create_account("one", "one.example", "starter", "").await.expect("created");
    assert_eq!(
        refused(client.create_account("two", "ONE.example", "starter", "").await),
        "The domain “one.example” already exists in the userdata."
    );
    assert_eq!(
        refused(client.create_account("two", "two.example", "gold", "").await),
        "Specified package does not exist."
    );
    for domain in ["nodot", "-a.example", "a..example", "a b.example"] {
        assert!(refused(client.create_account("two", domain, "starter", "").await).contains("not a valid domain"));
    }
    assert_eq!(
        refused(client.call("createacct", &[("domain", "x.example")]).await),
        "Provide the “username” parameter."
    );
    assert_eq!(
        refused(client.call("createacct", &[("username", "x"), ("domain", "x.example"), ("owner", "one")]).await),
        "“one” is not a reseller on this system."
    );
    assert_eq!(whm.accounts().len(), 1);
}

#[tokio::test]
async fn without_a_domain_the_panel_makes_up_a_temporary_one() {
    let whm = whm().await;
    whm.client().call("createacct", &[("username", "acme")]).await.expect("created");
    assert_eq!(whm.account("acme").expect("it exists").domain, "acme.temporary.whm.simulator.example");
    let data = whm.client().call("accountsummary", &[("user", "acme")]).await.expect("found");
    assert_eq!(data["acct"][0]["is_temporary_domain"], 1);
    assert_eq!(data["acct"][0]["plan"], "default");
}

#[tokio::test]
async fn the_licence_bounds_the_accounts() {
    let options = WhmOptions { accounts_max: 1, ..WhmOptions::default() };
    let whm = Whm::start(options).await.expect("the simulator starts");
    whm.client().create_account("one", "one.example", "default", "").await.expect("created");
    let reason = refused(whm.client().create_account("two", "two.example", "default", "").await);
    assert!(reason.contains("maximum number of accounts"), "{reason}");
}

#[tokio::test]
async fn many_creations_of_one_name_make_one_account() {
    let whm = whm().await;
    let client = whm.client();
    let racers = (0..16).map(|number| {
        let client = client.clone();
        tokio::spawn(
            async move { client.create_account("race", &format!("race{number}.example"), "starter", "").await },
        )
    });
    let mut created = 0;
    for racer in racers.collect::<Vec<_>>() {
        created += usize::from(racer.await.expect("no panic").is_ok());
    }
    assert_eq!(created, 1);
    assert_eq!(whm.accounts().len(), 1);
}

#[tokio::test]
async fn removing_takes_the_account_away_once() {
    let whm = whm().await;
    let client = whm.client();
    client.create_account("one", "one.example", "starter", "").await.expect("created");
    let (_, answer) = client.answer("removeacct", &[("username", "one")]).await.expect("an answer");
    assert_eq!(answer["metadata"]["result"], 1);
    assert_eq!(answer["metadata"]["reason"], "one account removed");
    assert!(answer["metadata"]["output"]["raw"].as_str().expect("raw output").contains("Removal Complete"));
    assert!(whm.account("one").is_none());
    assert_eq!(refused(client.remove("one").await), "System user one does not exist!");
    client.create_account("one", "one.example", "starter", "").await.expect("the name and the domain are free again");
    client.call("removeacct", &[("user", "one")]).await.expect("the old parameter name works");
    assert_eq!(refused(client.call("removeacct", &[]).await), "Provide the “username” parameter.");
}
