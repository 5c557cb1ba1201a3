//! The registrar Openprovider, byte by byte.

use billet_simulator::{Fault, Openprovider, OpenproviderOptions};
use serde_json::{Value, json};

use crate::raw_http;

struct Account {
    server: Openprovider,
    token: String,
}

impl Account {
    async fn new(options: OpenproviderOptions) -> Self {
        let server = Openprovider::start(options).await.expect("the simulator starts");
        let mut account = Self { server, token: String::new() };
        let login =
            json!({"username": account.server.username(), "password": account.server.password(), "ip": "0.0.0.0"});
        let (status, answer) = account.call("POST", "auth/login", login).await;
        assert_eq!(status, 200, "{answer}");
        account.token = answer["data"]["token"].as_str().expect("a token").to_owned();
        account
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let origin = self.server.url().trim_end_matches("/v1").to_owned();
        let bearer = format!("Bearer {}", self.token);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        let raw = raw_http::send(&origin, method, &format!("/v1/{path}"), &headers, &body).await.expect("an answer");
        (raw.status, serde_json::from_str(&raw.body).expect("JSON"))
    }

    async fn handle(&self) -> String {
        let customer = json!({
            "name": {"first_name": "Anna", "last_name": "Holder"}, "email": "anna@holder.example",
            "phone": {"country_code": "+48", "area_code": "22", "subscriber_number": "1234567"},
            "address": {"street": "Long Street", "number": "1", "city": "Sometown", "zipcode": "1", "country": "PL"},
            "comments": "mine",
        });
        let (_, answer) = self.call("POST", "customers", customer).await;
        answer["data"]["handle"].as_str().expect("a handle").to_owned()
    }

    async fn create(&self, name: &str, extension: &str, more: Value) -> (u16, Value) {
        let handle = self.handle().await;
        let mut order = json!({
            "domain": {"name": name, "extension": extension}, "period": 1, "owner_handle": handle,
            "admin_handle": handle, "tech_handle": handle, "billing_handle": handle,
            "name_servers": [{"name": "ns1.host.example", "seq_nr": 1}],
        });
        for (member, value) in more.as_object().into_iter().flatten() {
            order[member] = value.clone();
        }
        self.call("POST", "domains", order).await
    }
}

fn code(answer: &(u16, Value)) -> (u16, i64) {
    (answer.0, answer.1["code"].as_i64().expect("a code"))
}

#[tokio::test]
async fn only_a_good_token_opens_and_only_the_contract_is_served() {
    let account = Account::new(OpenproviderOptions::default()).await;
    let wrong = json!({"username": "reseller", "password": "guess"});
    assert_eq!(code(&account.call("POST", "auth/login", wrong).await), (401, 196));
    for (method, path, body) in [
        ("GET", "domains?colour=red", Value::Null),
        ("GET", "moods", Value::Null),
        ("PATCH", "domains/1", Value::Null),
        ("POST", "domains/check", json!({"domains": [], "mood": 1})),
        ("POST", "domains/check", json!({})),
        ("POST", "domains/check", json!({"domains": [{"name": "a.b", "extension": "com"}]})),
    ] {
        let answer = account.call(method, path, body).await;
        assert_eq!(code(&answer), (400, 2), "{method} {path}: {}", answer.1);
    }
    account.server.expire_tokens();
    assert_eq!(code(&account.call("GET", "domains", Value::Null).await), (401, 196));
    let debug = format!("{:?}", account.server);
    assert!(!debug.contains(account.server.password()), "{debug}");
}

#[tokio::test]
async fn orders_are_refused_with_their_numbers() {
    let options = OpenproviderOptions {
        balance_cents: 2_000,
        taken: vec!["taken.com".to_owned()],
        premium: vec![("gold.com".to_owned(), 1_550)],
        ..OpenproviderOptions::default()
    };
    let account = Account::new(options).await;
    let refused = async |name: &str, extension: &str, more: Value| code(&account.create(name, extension, more).await);
    assert_eq!(refused("taken", "com", json!({})).await, (500, 399));
    assert_eq!(refused("acme", "mars", json!({})).await, (500, 307));
    assert_eq!(refused("acme", "ai", json!({})).await, (500, 316));
    assert_eq!(refused("acme", "com", json!({"name_servers": []})).await, (500, 223));
    assert_eq!(refused("acme", "com", json!({"tech_handle": "XX9"})).await, (500, 193));
    assert_eq!(refused("acme", "com", json!({"period": 9})).await, (500, 900));
    let gold = account.create("gold", "com", json!({})).await;
    assert_eq!((code(&gold), gold.1["data"].as_str()), ((500, 379), Some("15.5")));
    assert_eq!(refused("gold", "com", json!({"accept_premium_fee": 15.5})).await, (200, 0));
    assert_eq!(refused("gold", "com", json!({"accept_premium_fee": 15.5})).await, (500, 346));
    assert_eq!(account.server.credit_cents(), 450);
}

#[tokio::test]
async fn renewals_add_up_and_checks_come_in_another_order() {
    let account = Account::new(OpenproviderOptions::default()).await;
    let (_, created) = account.create("acme", "com", json!({})).await;
    let id = created["data"]["id"].as_i64().expect("an id");
    let before = account.server.domains()[0].expires_at.expect("it expires");
    for _ in 0..2 {
        assert_eq!(code(&account.call("POST", &format!("domains/{id}/renew"), json!({"period": 1})).await), (200, 0));
    }
    let after = account.server.domains()[0].expires_at.expect("it expires");
    assert_eq!(Some(after), before.checked_add_months(chrono::Months::new(24)));
    let asked = json!({"domains": [{"name": "acme", "extension": "com"}, {"name": "new", "extension": "org"}]});
    let (_, checked) = account.call("POST", "domains/check", asked).await;
    let results = &checked["data"]["results"];
    assert_eq!((&results[0]["domain"], &results[0]["status"]), (&json!("new.org"), &json!("free")));
    assert_eq!((&results[1]["domain"], &results[1]["status"]), (&json!("acme.com"), &json!("active")));
}

#[tokio::test]
async fn what_waits_is_held_and_settled() {
    let account = Account::new(OpenproviderOptions::default()).await;
    let (_, created) = account.create("acme", "ai", json!({"period": 2})).await;
    assert_eq!(created["data"]["status"], "REQ");
    assert_eq!(account.server.credit_cents(), 78_200);
    let id = created["data"]["id"].as_i64().expect("an id");
    assert_eq!(code(&account.call("DELETE", &format!("domains/{id}"), Value::Null).await), (500, 366));
    account.server.settle("acme.ai").expect("it waits");
    assert!(account.server.settle("acme.ai").is_err());
    let (_, domain) = account.call("GET", &format!("domains/{id}"), Value::Null).await;
    assert_eq!(domain["data"]["status"], "ACT");
    assert_eq!(code(&account.call("GET", "domains/7", Value::Null).await), (500, 320));
}

#[tokio::test]
async fn zones_have_the_quirks_of_the_original() {
    let account = Account::new(OpenproviderOptions::default()).await;
    let domain = json!({"name": "acme", "extension": "com"});
    assert_eq!(code(&account.call("GET", "dns/zones/acme.com/records", Value::Null).await), (500, 872));
    let text = json!({"name": "", "type": "TXT", "value": "hello", "ttl": 900});
    let zone = json!({"domain": domain, "type": "master", "records": [text]});
    assert_eq!(code(&account.call("POST", "dns/zones", zone).await), (200, 0));
    let kept = || {
        let records = account.server.records("acme.com").expect("a zone");
        let mine = records.into_iter().filter(|record| !matches!(record.kind.as_str(), "SOA" | "NS"));
        mine.map(|record| record.value).collect::<Vec<_>>()
    };
    assert_eq!(kept(), ["\"hello\""]);
    let update =
        async |records: Value| code(&account.call("PUT", "dns/zones/acme.com", json!({"records": records})).await);
    let address = json!({"name": "www", "type": "A", "value": "192.0.2.1", "ttl": 900});
    let exact = json!({"name": "", "type": "TXT", "value": "\"hello\"", "ttl": 900});
    assert_eq!(update(json!({"add": [address], "remove": [exact]})).await, (200, 0));
    assert_eq!(kept(), ["\"hello\"", "192.0.2.1"], "the removal was dropped");
    assert_eq!(update(json!({"remove": [text]})).await, (500, 18_002), "not as it is kept");
    assert_eq!(update(json!({"remove": [exact]})).await, (200, 0));
    assert_eq!(update(json!({"replace": [{"name": "", "type": "A", "value": "x"}]})).await, (500, 18_002));
    assert_eq!(kept(), ["192.0.2.1"]);
}

#[tokio::test]
async fn faults_are_met_once() {
    let account = Account::new(OpenproviderOptions::default()).await;
    account.server.fail_next("CreateDomain", Fault::Refuse("no".to_owned()));
    let refused = account.create("acme", "com", json!({})).await;
    assert_eq!((code(&refused), &refused.1["data"]), ((500, 399), &json!("no")));
    assert_eq!(code(&account.create("acme", "com", json!({})).await), (200, 0));
    account.server.fail_next("ListDomains", Fault::DoThenDrop);
    let (origin, bearer) = (account.server.url().replace("/v1", ""), format!("Bearer {}", account.token));
    let headers = [("Authorization", bearer.as_str())];
    assert!(raw_http::send(&origin, "GET", "/v1/domains", &headers, "").await.is_none());
    assert_eq!(account.server.calls("ListDomains"), 1);
}
