//! customer add, get, set, del.

use billet_simulator::plesk::status;
use billet_simulator::{Plesk, PleskOptions};
use chrono::{TimeZone, Utc};

async fn plesk() -> Plesk {
    let plesk = Plesk::start(PleskOptions { customers_max: 3, ..PleskOptions::default() }).await.expect("it starts");
    plesk.set_now(Utc.with_ymd_and_hms(2027, 2, 1, 9, 30, 0).single().expect("a time"));
    plesk
}

/// The result of one operation of the operator `customer`.
async fn result(plesk: &Plesk, operation: &str) -> String {
    let packet = format!("<packet><customer>{operation}</customer></packet>");
    let (status, text) = plesk.client().packet(&packet).await.expect("an answer");
    assert_eq!(status, 200);
    let verb = &operation[1..operation.find('>').expect("an element")];
    let start = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><packet version=\"1.6.9.1\"><customer><{verb}>");
    let end = format!("</{verb}></customer></packet>");
    let results = text.strip_prefix(&start).and_then(|text| text.strip_suffix(&end));
    results.unwrap_or_else(|| panic!("not the answer to {verb}: {text}")).to_owned()
}

fn add(login: &str) -> String {
    format!(
        "<add><gen_info><cname>Acme</cname><pname>Anna A</pname><login>{login}</login><passwd>s3cret-Word</passwd>\
         <email>{login}@acme.example</email><country>DE</country><external-id>billet-7</external-id></gen_info></add>"
    )
}

#[tokio::test]
async fn a_customer_is_added_and_shown() {
    let plesk = plesk().await;
    let added = result(&plesk, &add("anna")).await;
    let customer = plesk.customer("anna").expect("it exists");
    let (id, guid) = (customer.id, customer.guid.clone());
    assert_eq!(added, format!("<result><status>ok</status><id>{id}</id><guid>{guid}</guid></result>"));
    assert_eq!(customer.password.reveal(), "s3cret-Word");
    assert!(!format!("{customer:?}").contains("s3cret-Word"));
    let general = format!(
        "<gen_info><cr_date>2027-02-01</cr_date><cname>Acme</cname><pname>Anna A</pname><login>anna</login>\
         <status>0</status><phone/><fax/><email>anna@acme.example</email><address/><city/><state/><pcode/>\
         <country>DE</country><locale>en-US</locale><guid>{guid}</guid><owner-login>admin</owner-login>\
         <external-id>billet-7</external-id><description/></gen_info>"
    );
    let filters = [("login", "anna"), ("id", &id.to_string()), ("guid", &guid), ("external-id", "billet-7")];
    for (kind, value) in filters {
        let get = format!("<get><filter><{kind}>{value}</{kind}></filter><dataset><gen_info/></dataset></get>");
        let expected = format!(
            "<result><status>ok</status><filter-id>{value}</filter-id><id>{id}</id><data>{general}</data></result>"
        );
        assert_eq!(result(&plesk, &get).await, expected);
    }
    let stat = result(&plesk, "<get><filter/><dataset><stat/></dataset></get>").await;
    assert_eq!(
        stat,
        format!(
            "<result><status>ok</status><id>{id}</id><data><stat><active_domains>0</active_domains>\
             <disk_space>0</disk_space><traffic>0</traffic></stat></data></result>"
        )
    );
}

#[tokio::test]
async fn what_cannot_be_added() {
    let plesk = plesk().await;
    result(&plesk, &add("anna")).await;
    let refused = |code: u32| format!("<result><status>error</status><errcode>{code}</errcode>");
    assert!(result(&plesk, &add("anna")).await.starts_with(&refused(1007)));
    assert!(result(&plesk, &add("admin")).await.starts_with(&refused(1007)));
    let cases = [
        ("<add/>", 1014),
        ("<add><gen_info><login>b</login><passwd>s3cret</passwd></gen_info></add>", 1014),
        ("<add><gen_info><pname>B</pname><passwd>s3cret</passwd></gen_info></add>", 1014),
        ("<add><gen_info><pname>B</pname><login>b</login></gen_info></add>", 1014),
        ("<add><gen_info><pname>B</pname><login>b</login><passwd>abc</passwd></gen_info></add>", 1019),
        (
            "<add><gen_info><pname>B</pname><login>b</login><passwd>s3cret</passwd><status>64</status></gen_info></add>",
            1019,
        ),
        (
            "<add><gen_info><pname>B</pname><login>b</login><passwd>s3cret</passwd><owner-login>ghost</owner-login></gen_info></add>",
            1015,
        ),
    ];
    for (operation, code) in cases {
        let packet = format!("<packet><customer>{operation}</customer></packet>");
        let (_, text) = plesk.client().packet(&packet).await.expect("an answer");
        assert!(text.contains(&format!("<errcode>{code}</errcode>")), "{operation}: {text}");
    }
    assert!(plesk.customer("b").is_none());
    result(&plesk, &add("b")).await;
    result(&plesk, &add("c")).await;
    assert!(result(&plesk, &add("d")).await.starts_with(&refused(1024)), "the licence bounds the customers");
}

#[tokio::test]
async fn a_filter_gives_one_result_for_each_match_and_each_miss() {
    let plesk = plesk().await;
    assert_eq!(
        result(&plesk, "<get><filter/><dataset/></get>").await,
        "<result><status>ok</status></result>",
        "nothing there is no error"
    );
    for login in ["anna", "berta"] {
        result(&plesk, &add(login)).await;
    }
    let get = "<get><filter><login>berta</login><login>ghost</login><login>anna</login></filter><dataset/></get>";
    let text = result(&plesk, get).await;
    let statuses: Vec<_> = text.split("<status>").skip(1).map(|part| part.split('<').next().expect("text")).collect();
    assert_eq!(statuses, ["ok", "error", "ok"]);
    assert!(
        text.contains("<errcode>1013</errcode><errtext>Client does not exist.</errtext><filter-id>ghost</filter-id>")
    );
    let twice = result(&plesk, "<get><filter><external-id>billet-7</external-id></filter><dataset/></get>").await;
    assert_eq!(twice.matches("<status>ok</status>").count(), 2, "several objects may match one value");
}

#[tokio::test]
async fn setting_changes_only_what_is_named() {
    let plesk = plesk().await;
    for login in ["anna", "berta"] {
        result(&plesk, &add(login)).await;
    }
    let set = |values: &str| {
        format!("<set><filter><login>anna</login></filter><values><gen_info>{values}</gen_info></values></set>")
    };
    let id = plesk.customer("anna").expect("it exists").id;
    let changed = result(&plesk, &set("<email>new@acme.example</email><passwd>n3w-Word</passwd>")).await;
    assert_eq!(changed, format!("<result><status>ok</status><filter-id>anna</filter-id><id>{id}</id></result>"));
    let customer = plesk.customer("anna").expect("it exists");
    assert_eq!(customer.contact.get("email").map(String::as_str), Some("new@acme.example"));
    assert_eq!(customer.contact.get("pname").map(String::as_str), Some("Anna A"));
    assert_eq!(customer.password.reveal(), "n3w-Word");
    assert!(result(&plesk, &set("<login>berta</login>")).await.contains("<errcode>1007</errcode>"));
    assert!(result(&plesk, &set("<status>2</status>")).await.contains("<errcode>1019</errcode>"));
    result(&plesk, &set("<status>16</status>")).await;
    assert_eq!(plesk.customer("anna").expect("it exists").status, status::BY_ADMIN);
    result(&plesk, &set("<login>anna2</login><status>0</status>")).await;
    assert_eq!(plesk.customer("anna2").expect("renamed").status, 0);
    let missing = result(&plesk, "<set><filter><id>99</id></filter><values><gen_info/></values></set>").await;
    assert!(missing.contains("<errcode>1013</errcode>"), "{missing}");
    let empty = result(&plesk, "<set><filter/></set>").await;
    assert!(empty.contains("<errcode>1014</errcode>"), "{empty}");
}

#[tokio::test]
async fn deleting_takes_the_subscriptions_along() {
    let plesk = plesk().await;
    let made = plesk.client().create_account("anna", "anna.example", "Default Domain", "a@anna.example").await;
    let made = made.expect("created");
    assert!(plesk.subscription("anna.example").is_some());
    let gone = result(&plesk, "<del><filter><login>anna</login></filter></del>").await;
    let id = made.customer_id;
    assert_eq!(gone, format!("<result><status>ok</status><filter-id>anna</filter-id><id>{id}</id></result>"));
    assert!(plesk.customer("anna").is_none() && plesk.subscription("anna.example").is_none());
    let again = result(&plesk, "<del><filter><login>anna</login></filter></del>").await;
    assert!(again.contains("<errcode>1013</errcode>"), "{again}");
}
