//! reseller, reseller-plan, ip, create_session, get_traffic, sync-subscription, and the stricter schema.

use billet_simulator::{Plesk, PleskOptions};
use chrono::NaiveDate;

async fn plesk() -> Plesk {
    Plesk::start(PleskOptions { plans: vec!["Basic".to_owned()], ..PleskOptions::default() }).await.expect("it starts")
}

async fn send(plesk: &Plesk, packet: &str) -> String {
    let (status, text) = plesk.client().packet(&format!("<packet>{packet}</packet>")).await.expect("an answer");
    assert_eq!(status, 200);
    text
}

fn add(login: &str) -> String {
    format!(
        "<reseller><add><gen-info><pname>Hanna</pname><login>{login}</login><passwd>s3cret-Word</passwd>\
         <external-id>x-1</external-id></gen-info><limits><resource-policy><oversell>true</oversell></resource-policy>\
         <limit><name>max_dom</name><value>5</value></limit></limits><plan-name>Default Reseller</plan-name></add></reseller>"
    )
}

#[tokio::test]
async fn a_reseller_is_added_shown_changed_and_removed_with_all_it_has() {
    let plesk = plesk().await;
    let added = send(&plesk, &add("house")).await;
    let reseller = plesk.reseller("house").expect("it is there");
    assert!(added.contains(&format!("<id>{}</id><guid>{}</guid>", reseller.id, reseller.guid)), "{added}");
    assert_eq!(plesk.reseller_plan_of("house").as_deref(), Some("Default Reseller"));
    let get =
        "<reseller><get><filter><login>house</login></filter><dataset><gen-info/><limits/></dataset></get></reseller>";
    let shown = send(&plesk, get).await;
    assert!(shown.contains("<login>house</login><status>0</status>"), "{shown}");
    assert!(
        shown.contains("<oversell>true</oversell></resource-policy><limit><name>max_dom</name><value>5</value>"),
        "{shown}"
    );
    let customer = "<customer><add><gen_info><pname>A</pname><login>anna</login><passwd>s3cret-Word</passwd>\
        <owner-login>house</owner-login></gen_info></add></customer>\
        <webspace><add><gen_setup><name>anna.example</name><owner-login>anna</owner-login></gen_setup></add></webspace>";
    send(&plesk, customer).await;
    let set = |status: u32| {
        format!(
            "<reseller><set><filter><login>house</login></filter><values><gen-info><status>{status}</status></gen-info>\
             </values></set></reseller>"
        )
    };
    let status = async || {
        let text = send(&plesk, "<webspace><get><filter/><dataset><gen_info/></dataset></get></webspace>").await;
        assert!(text.contains(&format!("<vendor-guid>{}</vendor-guid>", reseller.guid)), "{text}");
        text.split("</ascii-name><status>").nth(1).and_then(|rest| rest.split('<').next()).map(str::to_owned)
    };
    send(&plesk, &set(16)).await;
    assert_eq!(status().await.as_deref(), Some("2"), "its owner's provider is suspended");
    send(&plesk, &set(0)).await;
    assert_eq!(status().await.as_deref(), Some("0"));
    send(&plesk, "<reseller><del><filter><login>house</login></filter></del></reseller>").await;
    assert!(plesk.reseller("house").is_none() && plesk.customer("anna").is_none());
    assert!(plesk.subscription("anna.example").is_none());
}

#[tokio::test]
async fn what_a_reseller_cannot_be() {
    let plesk = plesk().await;
    send(&plesk, &add("house")).await;
    let cases = [
        (add("house"), "<errcode>1019</errcode>"),
        (add("admin"), "<errcode>1019</errcode>"),
        (add("b").replace("Default Reseller", "Gold"), "<errcode>1013</errcode>"),
        (add("b").replace("s3cret-Word", "abc"), "<errcode>1019</errcode>"),
        (add("b").replace("<value>5</value>", "<value>many</value>"), "<errcode>1019</errcode>"),
        (
            add("b").replace("<resource-policy><oversell>true</oversell></resource-policy>", ""),
            "<errcode>1014</errcode>",
        ),
        (add("b").replace("<pname>Hanna</pname>", ""), "<errcode>1014</errcode>"),
    ];
    for (packet, expected) in cases {
        let text = send(&plesk, &packet).await;
        assert!(text.contains(expected), "{packet}: {text}");
    }
    assert!(plesk.reseller("b").is_none());
    let text = send(&plesk, &add("house")).await;
    assert!(text.contains("already exists"), "{text}");
    let missing = "<reseller><switch-subscription><filter><login>house</login></filter><plan-guid>x</plan-guid></switch-subscription></reseller>";
    assert!(send(&plesk, missing).await.contains("<errcode>1013</errcode>"));
    let plan = "<reseller-plan><get><filter><name>Default Reseller</name></filter></get></reseller-plan>";
    assert!(send(&plesk, plan).await.contains("<name>Default Reseller</name><guid>"));
}

#[tokio::test]
async fn sessions_are_bound_to_a_login_and_an_address() {
    let plesk = plesk().await;
    send(&plesk, &add("house")).await;
    let create = |login: &str, ip: &str| {
        format!(
            "<server><create_session><login>{login}</login><data><user_ip>{ip}</user_ip><source_server/></data>\
             </create_session></server>"
        )
    };
    // base64 of 192.0.2.7
    let text = send(&plesk, &create("house", "MTkyLjAuMi43")).await;
    let id = text.split("<id>").nth(1).and_then(|rest| rest.split('<').next()).expect("an id");
    assert_eq!(plesk.session(id), Some(("house".to_owned(), "192.0.2.7".to_owned())));
    assert!(send(&plesk, &create("ghost", "MTkyLjAuMi43")).await.contains("<errcode>1013</errcode>"));
    assert!(send(&plesk, &create("house", "192.0.2.7")).await.contains("<errcode>1019</errcode>"));
    let bare = "<server><create_session><login>house</login><data><user_ip>MTkyLjAuMi43</user_ip></data></create_session></server>";
    assert!(send(&plesk, bare).await.contains("<errcode>1014</errcode>"));
}

#[tokio::test]
async fn traffic_comes_by_days_and_addresses_are_listed() {
    let plesk = plesk().await;
    plesk.client().create_account("acme", "acme.example", "Basic", "").await.expect("created");
    for (day, bytes) in [(1, 10), (2, 20), (3, 40)] {
        let date = NaiveDate::from_ymd_opt(2027, 2, day).expect("a date");
        plesk.set_traffic_on("acme.example", date, bytes).expect("it is there");
    }
    let get = "<webspace><get_traffic><filter/><since_date>2027-02-02</since_date><to_date>2027-02-02</to_date></get_traffic></webspace>";
    let text = send(&plesk, get).await;
    assert_eq!(text.matches("<traffic>").count(), 1, "{text}");
    assert!(text.contains("<date>2027-02-02</date><http_in>0</http_in><http_out>20</http_out>"), "{text}");
    let bad = "<webspace><get_traffic><filter/><since_date>yesterday</since_date></get_traffic></webspace>";
    assert!(send(&plesk, bad).await.contains("<errcode>1014</errcode>"));
    assert!(send(&plesk, "<ip><get/></ip>").await.contains("<ip_address>192.0.2.20</ip_address>"));
}

#[tokio::test]
async fn a_customised_subscription_is_locked_until_it_is_synced() {
    let plesk = plesk().await;
    plesk.client().create_account("acme", "acme.example", "Basic", "").await.expect("created");
    plesk.customise("acme.example").expect("it is there");
    let get = "<webspace><get><filter/><dataset><subscriptions/></dataset></get></webspace>";
    assert!(send(&plesk, get).await.contains("<locked>true</locked><synchronized>false</synchronized>"));
    plesk.client().change_package("acme.example", "Default Domain").await.expect("changed");
    assert!(plesk.subscription("acme.example").expect("there").locked);
    send(
        &plesk,
        "<webspace><sync-subscription><filter><name>acme.example</name></filter></sync-subscription></webspace>",
    )
    .await;
    assert!(send(&plesk, get).await.contains("<locked>false</locked><synchronized>true</synchronized>"));
}

#[tokio::test]
async fn the_order_of_elements_and_one_kind_of_filter_are_insisted_on() {
    let plesk = plesk().await;
    let bad = [
        "<customer><add><gen_info><login>a</login><pname>A</pname><passwd>s3cret</passwd></gen_info></add></customer>",
        "<webspace><add><gen_setup><owner-login>admin</owner-login><name>a.example</name></gen_setup></add></webspace>",
        "<webspace><set><filter/><values><gen_setup><name>a.example</name><status>0</status></gen_setup></values></set></webspace>",
        "<webspace><get><filter><id>1</id><name>a.example</name></filter><dataset/></get></webspace>",
        "<reseller><get><filter/><dataset><limits/><gen-info/></dataset></get></reseller>",
    ];
    for packet in bad {
        let text = send(&plesk, packet).await;
        assert!(text.contains("<system><status>error</status><errcode>1014</errcode>"), "{packet}: {text}");
    }
}
