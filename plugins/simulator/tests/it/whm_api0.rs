//! Who may call, over which path, and the shapes of old and foreign answers.

use billet_simulator::{Whm, WhmOptions};
use serde_json::{Value, json};

use crate::raw_http;

async fn get(whm: &Whm, path: &str) -> Value {
    let authorization = format!("whm root:{}", whm.token());
    let headers = [("Authorization", authorization.as_str())];
    let answer = raw_http::send(&whm.url(), "GET", path, &headers, "").await.expect("an answer");
    assert_eq!(answer.status, 200, "{path}");
    serde_json::from_str(&answer.body).expect("JSON")
}

#[tokio::test]
async fn a_wrong_token_is_answered_403_in_its_own_shape() {
    let whm = Whm::start(WhmOptions::default()).await.expect("the simulator starts");
    let good = format!("whm root:{}", whm.token());
    let cases = ["whm root:wrong", "whm resa:wrong", "Bearer x", "whm", ""];
    for authorization in cases {
        let headers = [("Authorization", authorization)];
        let answer = raw_http::send(&whm.url(), "GET", "/json-api/version?api.version=1", &headers, "").await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.status, 403, "{authorization}");
        let body: Value = serde_json::from_str(&answer.body).expect("JSON");
        let expected = json!({"cpanelresult": {
            "apiversion": "2", "error": "Access denied", "data": {"reason": "Access denied", "result": "0"}, "type": "text",
        }});
        assert_eq!(body, expected, "{authorization}");
    }
    let lower = good.replace("whm ", "WHM ");
    let headers = [("Authorization", lower.as_str())];
    let answer = raw_http::send(&whm.url(), "GET", "/json-api/version?api.version=1", &headers, "").await;
    assert_eq!(answer.expect("an answer").status, 200);
}

#[tokio::test]
async fn get_and_post_are_the_same() {
    let whm = Whm::start(WhmOptions::default()).await.expect("the simulator starts");
    let made = get(
        &whm,
        "/json-api/createacct?api.version=1&username=acme&domain=acme.example&contactemail=a%2Bb%40acme.example",
    )
    .await;
    assert_eq!(made["metadata"]["result"], 1);
    assert_eq!(whm.account("acme").expect("it exists").contact_email, "a+b@acme.example");
    let found = whm.client().call("accountsummary", &[("user", "acme")]).await.expect("found by POST");
    assert_eq!(found, get(&whm, "/json-api/accountsummary?api.version=1&user=acme").await["data"]);
}

#[tokio::test]
async fn without_a_version_the_shapes_are_the_old_ones() {
    let whm = Whm::start(WhmOptions::default()).await.expect("the simulator starts");
    let made = get(&whm, "/json-api/createacct?username=acme&domain=acme.example").await;
    assert_eq!(
        (&made["result"][0]["status"], &made["result"][0]["statusmsg"]),
        (&1.into(), &"Account Creation Ok".into())
    );
    let refused = get(&whm, "/json-api/changepackage?user=acme&pkg=gold").await;
    assert_eq!(
        (&refused["result"][0]["status"], &refused["result"][0]["statusmsg"]),
        (&0.into(), &"Specified package does not exist.".into())
    );
    assert_eq!(get(&whm, "/json-api/version").await, json!({"version": "11.136.0.22"}));
    let listed = get(&whm, "/json-api/listaccts").await;
    assert_eq!(
        (&listed["status"], &listed["statusmsg"], &listed["acct"][0]["user"]),
        (&1.into(), &"Ok".into(), &"acme".into())
    );
    let missing = get(&whm, "/json-api/accountsummary?user=ghost").await;
    assert_eq!((&missing["status"], &missing["acct"]), (&0.into(), &json!([])));
    assert!(get(&whm, "/json-api/passwd?user=acme&password=n3w-Word").await["passwd"][0]["status"] == 1);
    assert!(get(&whm, "/json-api/showbw").await["bandwidth"][0]["acct"].is_array());
    assert!(get(&whm, "/json-api/listpkgs").await["package"].is_array());
    assert!(get(&whm, "/json-api/listresellers").await["reseller"].is_array());
    assert!(get(&whm, "/json-api/get_disk_usage").await["data"]["reason"].is_string());
    let unknown = get(&whm, "/json-api/version?api.version=7").await;
    assert_eq!(unknown["metadata"]["reason"], "Unknown API version “7”.");
}

#[tokio::test]
async fn other_paths_and_methods_are_not_the_api() {
    let whm = Whm::start(WhmOptions::default()).await.expect("the simulator starts");
    let page = raw_http::send(&whm.url(), "GET", "/login", &[], "").await.expect("an answer");
    assert_eq!(page.status, 401);
    assert!(page.body.starts_with("<!DOCTYPE html>"));
    let put = raw_http::send(&whm.url(), "PUT", "/json-api/version", &[], "").await.expect("an answer");
    assert_eq!(put.status, 405);
    let large = "x".repeat(300 * 1024);
    let authorization = format!("whm root:{}", whm.token());
    let headers = [("Authorization", authorization.as_str())];
    let answer = raw_http::send(&whm.url(), "POST", "/json-api/version", &headers, &large).await;
    assert_eq!(answer.expect("an answer").status, 413);
}

#[tokio::test]
async fn it_listens_on_the_loopback_address_only_and_stops() {
    let whm = Whm::start(WhmOptions::default()).await.expect("the simulator starts");
    let url = whm.url();
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    let port = url.rsplit_once(':').expect("a port").1.parse().expect("a number");
    let taken = Whm::start(WhmOptions { port, ..WhmOptions::default() }).await.expect_err("the port is taken");
    assert!(taken.to_string().starts_with(&format!("cannot listen on 127.0.0.1:{port}")), "{taken}");
    assert!(!format!("{whm:?}").contains(whm.token()), "Debug must not show the token");
    let client = whm.client();
    whm.shutdown().await;
    let gone = client.call("version", &[]).await.expect_err("nobody listens");
    assert!(gone.to_string().contains("cannot connect"), "{gone}");
}
