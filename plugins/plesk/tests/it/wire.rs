//! The wire: what is sent, and what becomes of answers that are refusals, pieces, or no answers at all.

use std::time::Duration;

use billet_plugin::v1::{
    AccountRef, ChangePackageRequest, GetAccountRequest, GetUsageRequest, ListPackagesRequest, ListResellersRequest,
    ProblemKind, SuspendAccountRequest, SuspensionOrigin, TestConnectionRequest, UnsuspendResellerRequest,
};
use billet_plugin::{Failure, Settings};
use serde_json::{Value, json};

use crate::bench::{
    Bench, PASSWORD, Scripted, ScriptedPlesk, configured, first, later, packet, reference, refused, unknown, wanted,
};

fn fixture(text: &str) -> Scripted {
    Scripted { status: 200, body: text.to_owned(), headers: vec![("content-type", "text/xml")] }
}

fn http(status: u16, body: &str) -> Scripted {
    Scripted { status, body: body.to_owned(), headers: vec![("content-type", "text/html")] }
}

fn refusal(operator: &str, verb: &str, code: u32, text: &str) -> Scripted {
    packet(&format!(
        "<{operator}><{verb}><result><status>error</status><errcode>{code}</errcode><errtext>{text}</errtext></result></{verb}></{operator}>"
    ))
}

fn active() -> Scripted {
    fixture(include_str!("../../fixtures/webspace-active.xml"))
}

fn suspend() -> SuspendAccountRequest {
    let named = AccountRef { domain: "söhne.example".to_owned(), ..AccountRef::default() };
    SuspendAccountRequest { operation: first(), r#ref: Some(named), ..SuspendAccountRequest::default() }
}

#[tokio::test]
async fn packets_hold_their_elements_in_the_documented_order() {
    let found =
        |operator: &str| packet(&format!("<{operator}><get><result><status>ok</status></result></get></{operator}>"));
    let made = |operator: &str| {
        let result = "<result><status>ok</status><id>7</id><guid>g-7</guid></result>";
        packet(&format!("<{operator}><add>{result}</add></{operator}>"))
    };
    let addresses = "<ip><get><result><status>ok</status><addresses>\
        <ip_info><ip_address>192.0.2.1</ip_address><type>exclusive</type></ip_info>\
        <ip_info><ip_address>2001:db8::2</ip_address><type>shared</type></ip_info>\
        <ip_info><ip_address>192.0.2.2</ip_address><type>shared</type></ip_info></addresses></result></get></ip>";
    let server = ScriptedPlesk::start([packet(addresses), found("customer"), made("customer"), made("webspace")]).await;
    let mut request = wanted();
    request.contact_name = "Müller & Söhne <GmbH>".to_owned();
    request.owner = "house".to_owned();
    let extra = [("company", "M & S"), ("country", "DE"), ("city", "Köln")];
    request.extra = extra.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let done = server.panel().create_account(request).await.expect("created");
    // The account was made; that it could not be read afterwards is a warning.
    assert!(done.warnings[0].contains("could not be read"), "{:?}", done.warnings);
    let account = done.value.account.expect("an account");
    assert_eq!((account.r#ref.expect("a reference").panel_id.as_str(), account.package.as_str()), ("g-7", "Basic"));
    let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
    let packets = server.packets();
    let customer = format!(
        "{head}<packet><customer><add><gen_info><cname>M &amp; S</cname><pname>Müller &amp; Söhne &lt;GmbH&gt;</pname>\
         <login>ops-acme.example</login><passwd>{PASSWORD}</passwd><email>ops@acme.example</email><city>Köln</city>\
         <country>DE</country><owner-login>house</owner-login><external-id>billet:svc_17</external-id></gen_info></add>\
         </customer></packet>"
    );
    let webspace = format!(
        "{head}<packet><webspace><add><gen_setup><name>acme.example</name><owner-login>ops-acme.example</owner-login>\
         <htype>vrt_hst</htype><ip_address>192.0.2.2</ip_address><external-id>svc_17</external-id></gen_setup>\
         <hosting><vrt_hst><property><name>ftp_login</name><value>acme</value></property>\
         <property><name>ftp_password</name><value>{PASSWORD}</value></property><ip_address>192.0.2.2</ip_address>\
         </vrt_hst></hosting><plan-name>Basic</plan-name></add></webspace></packet>"
    );
    assert_eq!(packets[0], format!("{head}<packet><ip><get/></ip></packet>"));
    assert_eq!((&packets[2], &packets[3]), (&customer, &webspace));
}

/// A server that does not show the external ids that it was given.
#[tokio::test]
async fn without_external_ids_the_rest_decides() {
    let none = || packet("<customer><get><result><status>ok</status></result></get></customer>");
    let customer = |date: &str| {
        packet(&format!(
            "<customer><get><result><status>ok</status><id>5</id><data><gen_info><cr_date>{date}</cr_date>\
             <login>ops-acme.example</login><email>OPS@acme.example</email><owner-login>admin</owner-login><external-id/>\
             </gen_info></data></result></get></customer>"
        ))
    };
    let made =
        || packet("<webspace><add><result><status>ok</status><id>7</id><guid>g-7</guid></result></add></webspace>");
    let panel = |server: &ScriptedPlesk| {
        let values = json!({ "ip_address": "192.0.2.2" });
        configured(&server.url, values, &[("secret_key", "the-secret-key")]).expect("good settings")
    };
    // The answer to customer.add is lost, and the customer is there afterwards.
    let server = ScriptedPlesk::start([none(), http(502, "oops"), customer("2027-02-01"), made()]).await;
    panel(&server).create_account(wanted()).await.expect("finished");
    // It was there before, or it is older than the first attempt.
    let server = ScriptedPlesk::start([customer("2027-02-01")]).await;
    refused(panel(&server).create_account(wanted()).await, ProblemKind::Conflict);
    let server = ScriptedPlesk::start([none(), http(502, "oops"), customer("2026-12-01")]).await;
    refused(panel(&server).create_account(wanted()).await, ProblemKind::Conflict);

    let webspace = |date: &str, id: &str| {
        packet(&format!(
            "<webspace><get><result><status>ok</status><id>7</id><data><gen_info><cr_date>{date}</cr_date>\
             <name>acme.example</name><status>0</status><owner-login>ops-acme.example</owner-login><guid>g-7</guid>{id}\
             </gen_info><hosting><vrt_hst><property><name>ftp_login</name><value>acme</value></property></vrt_hst></hosting>\
             </data></result></get></webspace>"
        ))
    };
    let mut again = wanted();
    again.operation.as_mut().expect("an operation").attempt = 2;
    for id in ["", "<external-id/>", "<external-id>svc_17</external-id>"] {
        let server = ScriptedPlesk::start([webspace("2027-02-01", id)]).await;
        assert!(panel(&server).create_account(again.clone()).await.expect("adopted").already, "{id}");
    }
    for (date, id) in [("2026-12-01", ""), ("2027-02-01", "<external-id>svc_18</external-id>")] {
        let server = ScriptedPlesk::start([webspace(date, id), none()]).await;
        refused(panel(&server).create_account(again.clone()).await, ProblemKind::Conflict);
    }
}

#[tokio::test]
async fn headers_have_underscores_and_any_letter() {
    let server = ScriptedPlesk::start([]).await;
    let values = json!({ "login": "admin" });
    let panel = configured(&server.url, values, &[("password", "s3cret-Wört")]).expect("good settings");
    let _ = panel.test_connection(TestConnectionRequest {}).await;
    assert_eq!(server.header("http_auth_login").as_deref(), Some(&b"admin"[..]));
    assert_eq!(server.header("http_auth_passwd").as_deref(), Some("s3cret-Wört".as_bytes()));
    assert_eq!(server.header("content-type").as_deref(), Some(&b"text/xml"[..]));
    let server = ScriptedPlesk::start([]).await;
    let _ = server.panel().test_connection(TestConnectionRequest {}).await;
    assert_eq!(server.header("key").as_deref(), Some(&b"the-secret-key"[..]));
}

#[tokio::test]
async fn both_ways_to_authenticate_work_and_wrong_credentials_stop() {
    let bench = Bench::start().await;
    let url = bench.plesk.url();
    let by_login = configured(&url, json!({ "login": "admin" }), &[("password", bench.plesk.password())]);
    by_login.expect("good settings").test_connection(TestConnectionRequest {}).await.expect("let in");
    let bad = [
        configured(&url, json!({ "login": "admin" }), &[("password", "wrong-Word")]),
        configured(&url, json!({}), &[("secret_key", "wrong-Word")]),
    ];
    for panel in bad {
        let panel = panel.expect("good settings");
        let words = refused(panel.test_connection(TestConnectionRequest {}).await, ProblemKind::Unauthenticated);
        assert!(!words.contains("wrong-Word"), "{words}");
        refused(panel.create_account(wanted()).await, ProblemKind::Unauthenticated);
    }
}

#[tokio::test]
async fn no_connection_is_nothing_done() {
    let panel = configured("http://127.0.0.1:9", json!({ "timeout_s": 5 }), &[("secret_key", "k-12345")]);
    let panel = panel.expect("good settings");
    assert_eq!(later(panel.test_connection(TestConnectionRequest {}).await).0, ProblemKind::Unavailable);
    assert_eq!(later(panel.create_account(wanted()).await).0, ProblemKind::Unavailable);
}

#[tokio::test]
async fn what_is_no_answer_is_unavailable_for_a_question() {
    let cases = [
        (http(200, "<!DOCTYPE html><html><body>Log in</body></html>"), "HTML"),
        (http(200, ""), "cannot be read"),
        (http(200, "{\"code\":0}"), "cannot be read"),
        (http(200, "<packet><webspace><get><result><status>ok</status>"), "cut off"),
        (packet(""), "without a result"),
        (packet("<webspace><get><result><status>maybe</status></result></get></webspace>"), "maybe"),
        (packet("<webspace><get><result><status>ok</status><id>5</id></result></get></webspace>"), "lacks"),
        (http(200, "<html2/>"), "`packet` is expected"),
        (http(500, "<html>oops</html>"), "HTTP 500"),
        (http(404, "<html>no</html>"), "wrong port"),
        (http(302, ""), "wrong port"),
    ];
    for (answer, expected) in cases {
        let server = ScriptedPlesk::start([answer.clone()]).await;
        let asked = server.panel().get_account(GetAccountRequest { r#ref: Some(reference()) }).await;
        let (kind, words) = later(asked);
        assert_eq!(kind, ProblemKind::Unavailable, "{answer:?}");
        assert!(words.contains(expected), "{answer:?}: {words}");
    }
}

#[tokio::test]
async fn what_is_no_answer_is_unknown_for_a_change() {
    let strange = [
        http(200, "<!DOCTYPE html><html><body>Log in</body></html>"),
        http(200, "<packet><webspace><set><result><status>ok</sta"),
        packet("<webspace/>"),
        http(500, "oops"),
        http(503, "oops"),
        http(524, "a proxy gave up"),
    ];
    for answer in strange {
        let server = ScriptedPlesk::start([active(), answer.clone(), active()]).await;
        unknown(server.panel().suspend_account(suspend()).await);
        assert_eq!(server.packets().len(), 3, "it was looked up: {answer:?}");
        // And when it cannot be looked up either.
        let server = ScriptedPlesk::start([active(), answer]).await;
        unknown(server.panel().suspend_account(suspend()).await);
    }
    let certain = [
        (http(401, ""), ProblemKind::Unauthenticated),
        (http(403, ""), ProblemKind::Permission),
        (http(413, ""), ProblemKind::Invalid),
        (
            packet("<system><status>error</status><errcode>11003</errcode><errtext>no</errtext></system>"),
            ProblemKind::Unauthenticated,
        ),
        (
            packet("<system><status>error</status><errcode>1014</errcode><errtext>no</errtext></system>"),
            ProblemKind::Invalid,
        ),
    ];
    for (answer, kind) in certain {
        let server = ScriptedPlesk::start([active(), answer]).await;
        refused(server.panel().suspend_account(suspend()).await, kind);
        assert_eq!(server.packets().len(), 2, "nothing was done, so that nothing is looked up");
    }
}

#[tokio::test]
async fn a_limit_on_calls_says_how_long_to_wait() {
    let busy = Scripted { status: 429, body: String::new(), headers: vec![("retry-after", "17")] };
    let server = ScriptedPlesk::start([busy]).await;
    let failure = server.panel().list_packages(ListPackagesRequest {}).await.expect_err("busy");
    assert!(
        matches!(&failure, Failure::RetryLater { after: Some(after), .. } if *after == Duration::from_secs(17)),
        "{failure:?}"
    );
    assert_eq!(failure.kind(), ProblemKind::Busy);
}

#[tokio::test]
async fn the_whole_packet_may_be_refused() {
    let server = ScriptedPlesk::start([fixture(include_str!("../../fixtures/system-1005.xml"))]).await;
    let failure = server.panel().list_packages(ListPackagesRequest {}).await.expect_err("refused");
    assert!(failure.is_refused(ProblemKind::Unsupported), "{failure:?}");
    assert_eq!(
        (failure.problem().code.as_str(), failure.problem().words.as_str()),
        ("1005", "XML API protocol version not supported.")
    );
}

#[tokio::test]
async fn refusals_of_a_change_keep_code_and_words() {
    let cases = [
        (1006, ProblemKind::Permission, false),
        (1012, ProblemKind::Busy, true),
        (1019, ProblemKind::Invalid, false),
        (1023, ProblemKind::Unavailable, true),
        (1024, ProblemKind::Limit, false),
        (1030, ProblemKind::Limit, false),
    ];
    for (code, kind, is_later) in cases {
        let server =
            ScriptedPlesk::start([active(), refusal("webspace", "set", code, "&lt;b&gt;the-secret-key&lt;/b&gt; no")])
                .await;
        let failure = server.panel().suspend_account(suspend()).await.expect_err("refused");
        assert_eq!((failure.kind(), matches!(failure, Failure::RetryLater { .. })), (kind, is_later), "{code}");
        assert_eq!(
            (failure.problem().code.as_str(), failure.problem().words.as_str()),
            (code.to_string().as_str(), "[redacted] no")
        );
    }
}

#[tokio::test]
async fn a_subscription_is_read_whole_and_without_its_password() {
    let around = packet(
        "<customer><get><result><status>ok</status><id>5</id><data><gen_info><login>anna</login><email>anna@a.example</email>\
         </gen_info></data></result></get></customer><service-plan><get><result><status>error</status><errcode>1013</errcode>\
         <errtext>no</errtext></result><result><status>ok</status><id>9</id><name>Pro</name>\
         <guid>b9808ead-875a-c30f-d9bf-eb03ad12c89c</guid></result></get></service-plan>",
    );
    let server = ScriptedPlesk::start([active(), around]).await;
    let request = GetAccountRequest { r#ref: suspend().r#ref };
    let done = server.panel().get_account(request).await.expect("read");
    assert!(!format!("{done:?}").contains("the-clear-password"), "{done:?}");
    let account = done.value.account.expect("an account");
    assert_eq!(
        (account.package.as_str(), account.email.as_str()),
        ("Pro", "anna@a.example"),
        "the other guid is an add-on's"
    );
    assert_eq!((account.disk_used_bytes, account.disk_limit_bytes), (Some(12_345), Some(1_000_000)));
    assert!(account.locked && account.customised && account.suspension.is_none());
    let idn = ScriptedPlesk::start([active()]).await;
    let ascii =
        AccountRef { domain: "xn--shne-5qa.example".to_owned(), username: "wrong".to_owned(), ..AccountRef::default() };
    let words = refused(idn.panel().get_account(GetAccountRequest { r#ref: Some(ascii) }).await, ProblemKind::Conflict);
    assert!(words.contains("system user is soehne"), "{words}");
}

#[tokio::test]
async fn some_results_of_a_packet_may_fail() {
    let partial = || fixture(include_str!("../../fixtures/webspaces-partial.xml"));
    let owners = packet("<customer><get><result><status>ok</status></result></get></customer>");
    let server = ScriptedPlesk::start([partial(), owners]).await;
    let request =
        GetAccountRequest { r#ref: Some(AccountRef { domain: "b.example".to_owned(), ..AccountRef::default() }) };
    let account = server.panel().get_account(request).await.expect("the one that is there").value.account.expect("one");
    let suspension = account.suspension.expect("suspended");
    assert_eq!(
        (suspension.origin(), suspension.reason.as_str()),
        (SuspensionOrigin::Billet, "status 272: suspended by the administrator, expired")
    );
    let traffic = fixture(include_str!("../../fixtures/traffic.xml"));
    let server = ScriptedPlesk::start([partial(), traffic]).await;
    let month = Some(prost_types::Timestamp { seconds: 1_771_000_000, nanos: 0 });
    let usage = server.panel().get_usage(GetUsageRequest { r#ref: None, month }).await.expect("read").value.usage;
    assert_eq!(usage[0].quantity, 987_654_321, "all protocols of the days of the month");
}

#[tokio::test]
async fn problems_of_a_switch_are_warnings() {
    let plan = "<service-plan><get><result><status>ok</status><id>9</id><name>Large</name><guid>g-9</guid></result></get></service-plan>";
    let switched = fixture(include_str!("../../fixtures/switch-problems.xml"));
    let server = ScriptedPlesk::start([active(), packet(plan), switched]).await;
    let request = ChangePackageRequest { operation: first(), r#ref: suspend().r#ref, package: "Large".to_owned() };
    let done = server.panel().change_package(request).await.expect("changed");
    assert!(done.warnings[0].ends_with("switched on (by size 10 KB) switched on"), "{:?}", done.warnings);
    assert!(done.warnings[1].contains("locked"), "{:?}", done.warnings);
}

#[tokio::test]
async fn a_reseller_that_expired_is_not_lifted() {
    let reseller = || fixture(include_str!("../../fixtures/reseller.xml"));
    let server = ScriptedPlesk::start([reseller()]).await;
    let house = AccountRef { username: "house".to_owned(), ..AccountRef::default() };
    let request = UnsuspendResellerRequest { operation: first(), r#ref: Some(house), force: false };
    let words = refused(server.panel().unsuspend_reseller(request.clone()).await, ProblemKind::State);
    assert!(words.contains("status 256: expired"), "{words}");
    let set = packet("<reseller><set><result><status>ok</status><id>3</id></result></set></reseller>");
    let server = ScriptedPlesk::start([reseller(), set, reseller()]).await;
    let words = refused(
        server.panel().unsuspend_reseller(UnsuspendResellerRequest { force: true, ..request }).await,
        ProblemKind::State,
    );
    assert!(words.contains("cannot be lifted here"), "{words}");
    let server = ScriptedPlesk::start([refusal("reseller", "get", 1006, "Permission denied.")]).await;
    refused(server.panel().list_resellers(ListResellersRequest {}).await, ProblemKind::Permission);
}

#[tokio::test]
async fn a_resellers_credentials_are_told_by_what_they_may_not() {
    let protocols = packet("<server><get_protos><result><status>ok</status><protos/></result></get_protos></server>");
    let server = ScriptedPlesk::start([refusal("server", "get", 1006, "Permission denied."), protocols]).await;
    let found = server.panel().test_connection(TestConnectionRequest {}).await.expect("let in").value;
    assert!(found.missing_permissions.contains(&"CreateReseller".to_owned()), "{:?}", found.missing_permissions);
}

#[tokio::test]
async fn a_resellers_suspension_is_bit_32() {
    let set = packet("<webspace><set><result><status>ok</status><id>12</id></result></set></webspace>");
    let server = ScriptedPlesk::start([active(), set]).await;
    let values = json!({ "acts_as": "reseller" });
    let panel = configured(&server.url, values, &[("secret_key", "the-secret-key")]).expect("good settings");
    let done = panel.suspend_account(SuspendAccountRequest { lock: true, ..suspend() }).await.expect("suspended");
    assert_eq!(done.value.suspension.expect("told").origin(), SuspensionOrigin::Billet);
    assert!(done.warnings[0].contains("not locked"), "{:?}", done.warnings);
    assert!(server.packets()[1].contains("<status>32</status>"), "{}", server.packets()[1]);
}

#[tokio::test]
async fn without_time_nothing_is_sent() {
    let server = ScriptedPlesk::start([]).await;
    let mut request = wanted();
    request.operation.as_mut().expect("an operation").time_left = Some(prost_types::Duration::default());
    let (_, words) = later(server.panel().create_account(request).await);
    assert!(words.contains("no time is left"), "{words}");
    assert!(server.packets().is_empty());
}

#[test]
fn the_description_fits_the_plugin() {
    let about = (billet_plesk::PLUGIN.describe)();
    assert_eq!((about.name.as_str(), about.capabilities.len()), ("plesk", 22));
    let schema: Value = serde_json::from_str(&about.settings_schema).expect("JSON");
    assert_eq!(schema["additionalProperties"], Value::Bool(false));
    let properties = schema["properties"].as_object().expect("properties");
    for (name, property) in properties {
        assert!(property["title"].is_string() && property["description"].is_string(), "{name}");
        let is_secret = ["secret_key", "password"].contains(&name.as_str());
        assert_eq!(property["writeOnly"].as_bool().unwrap_or_default(), is_secret, "{name}");
    }
    // Every property of the schema is one that the plugin reads.
    let mut values = serde_json::Map::new();
    for (name, property) in properties.iter().filter(|(_, property)| !property["default"].is_null()) {
        values.insert(name.clone(), property["default"].clone());
    }
    configured("https://panel.example:8443", Value::Object(values), &[("secret_key", "k-12345")])
        .expect("the defaults are good");
}

#[test]
fn bad_settings_are_refused_in_words_without_secrets() {
    let cases = [
        (json!({}), vec![], "set `secret_key`"),
        (json!({ "login": "admin" }), vec![], "belong together"),
        (json!({ "login": "admin" }), vec![("password", "s3cret-Word"), ("secret_key", "s3cret-Word")], "not both"),
        (json!({ "mood": 1 }), vec![("secret_key", "s3cret-Word")], "mood"),
        (json!({ "acts_as": "king" }), vec![("secret_key", "s3cret-Word")], "king"),
        (json!({ "timeout_s": 0 }), vec![("secret_key", "s3cret-Word")], "timeout_s"),
        (json!({ "ip_address": "here" }), vec![("secret_key", "s3cret-Word")], "ip_address"),
        (json!({ "pin_sha256": "xx" }), vec![("secret_key", "s3cret-Word")], "pin"),
        (json!({}), vec![("secret_key", "s3cret\nWord")], "control characters"),
    ];
    for (values, secrets, expected) in cases {
        let Err(failure) = configured("https://panel.example:8443", values.clone(), &secrets) else {
            panic!("{values} is refused");
        };
        assert!(
            failure.is_refused(ProblemKind::Invalid) && failure.problem().words.contains(expected),
            "{values}: {failure:?}"
        );
        assert!(!format!("{failure:?}").contains("s3cret"), "{failure:?}");
    }
    for url in ["http://panel.example:8443", "ftp://panel.example", "panel"] {
        assert!(configured(url, json!({}), &[("secret_key", "k")]).is_err(), "{url}");
    }
    let settings =
        Settings { secrets: [("password".to_owned(), "s3cret-Word".to_owned())].into(), ..Settings::default() };
    assert!(!format!("{settings:?}").contains("s3cret-Word"));
}
