//! webspace add, get, set, del, switch-subscription; service-plan add, get.

use billet_simulator::plesk::{PleskError, status};
use billet_simulator::{Plesk, PleskOptions};
use chrono::{TimeZone, Utc};

async fn plesk() -> Plesk {
    let options = PleskOptions { plans: vec!["Basic".to_owned(), "Pro".to_owned()], ..PleskOptions::default() };
    let plesk = Plesk::start(options).await.expect("the simulator starts");
    plesk.set_now(Utc.with_ymd_and_hms(2027, 2, 1, 9, 30, 0).single().expect("a time"));
    plesk
}

async fn plesk_with_an_account() -> Plesk {
    let plesk = plesk().await;
    plesk.client().create_account("acme", "acme.example", "Basic", "ops@acme.example").await.expect("created");
    plesk
}

async fn send(plesk: &Plesk, packet: &str) -> String {
    let (status, text) = plesk.client().packet(&format!("<packet>{packet}</packet>")).await.expect("an answer");
    assert_eq!(status, 200);
    text
}

fn code(error: Result<impl std::fmt::Debug, PleskError>) -> u32 {
    match error.expect_err("Plesk refuses") {
        PleskError::Refused { code, .. } => code,
        other => panic!("not a refusal: {other}"),
    }
}

#[tokio::test]
async fn an_account_is_a_customer_and_a_subscription_with_hosting() {
    let plesk = plesk().await;
    let made =
        plesk.client().create_account("acme", "Acme.example", "Basic", "ops@acme.example").await.expect("created");
    let customer = plesk.customer("acme").expect("it exists");
    let subscription = plesk.subscription("acme.example").expect("it exists");
    assert_eq!((made.customer_id, made.subscription_id), (customer.id, subscription.id));
    assert_eq!(made.subscription_guid, subscription.guid);
    assert_eq!(subscription.owner_id, customer.id);
    assert_eq!(plesk.plan_of("acme.example").as_deref(), Some("Basic"));
    let hosting = subscription.hosting.expect("hosting");
    assert_eq!((hosting.system_user.as_str(), hosting.ip.as_str()), ("acme", "192.0.2.20"));
    assert_eq!(customer.contact.get("email").map(String::as_str), Some("ops@acme.example"));
}

#[tokio::test]
async fn what_cannot_be_added() {
    let plesk = plesk_with_an_account().await;
    let client = plesk.client();
    assert_eq!(code(client.create_account("acme", "other.example", "Basic", "").await), 1007, "the login is taken");
    assert!(plesk.subscription("other.example").is_none(), "its system user is taken as well");
    assert_eq!(code(client.create_account("acme2", "acme.example", "Basic", "").await), 1007, "the domain is taken");
    assert!(plesk.customer("acme2").is_some(), "the customer stays");
    assert_eq!(code(client.create_account("acme3", "acme3.example", "Gold", "").await), 1013, "no such plan");

    let add = |setup: &str, more: &str| format!("<webspace><add><gen_setup>{setup}</gen_setup>{more}</add></webspace>");
    let hosting = |login: &str, ip: &str| {
        format!(
            "<hosting><vrt_hst><property><name>ftp_login</name><value>{login}</value></property>\
             <property><name>ftp_password</name><value>s3cret-Word</value></property>{ip}</vrt_hst></hosting>"
        )
    };
    let ip = "<ip_address>192.0.2.20</ip_address>";
    let cases = [
        (add("<name>b.example</name><owner-id>99</owner-id>", ""), 1015),
        (add("<name>b.example</name><owner-login>ghost</owner-login>", ""), 1015),
        (add("<name>b.example</name><ip_address>192.0.2.99</ip_address>", ""), 1018),
        (add("<name>b.example</name><htype>vrt_hst</htype>", ""), 1023),
        (add("<name>b.example</name><htype>vrt_hst</htype>", &hosting("b", "")), 1018),
        (add("<name>b.example</name>", &hosting("b", "<ip_address>192.0.2.99</ip_address>")), 1018),
        (add("<name>b.example</name>", "<hosting><vrt_hst/></hosting>"), 1019),
        (add("<name>b.example</name>", &hosting("acme", ip)), 1002),
        (add("<name>b.example</name><status>64</status>", ""), 1019),
        (add("<name>nodot</name>", ""), 1019),
        (add("<name>a b.example</name>", ""), 1019),
        (add("", ""), 1014),
        ("<webspace><add/></webspace>".to_owned(), 1014),
    ];
    for (packet, expected) in cases {
        let text = send(&plesk, &packet).await;
        assert!(text.contains(&format!("<errcode>{expected}</errcode>")), "{packet}: {text}");
    }
    assert!(plesk.subscription("b.example").is_none());
    let text = send(&plesk, &add("<name>b.example</name>", &hosting("b", ip))).await;
    assert!(text.contains("<status>ok</status>"), "{text}");
    assert_eq!(plesk.subscription("b.example").expect("it exists").owner_id, 1, "the administrator's");
}

#[tokio::test]
async fn the_licence_bounds_the_subscriptions() {
    let options = PleskOptions { subscriptions_max: 1, ..PleskOptions::default() };
    let plesk = Plesk::start(options).await.expect("the simulator starts");
    plesk.client().create_account("a", "a.example", "Default Domain", "").await.expect("created");
    assert_eq!(code(plesk.client().create_account("b", "b.example", "Default Domain", "").await), 1024);
}

#[tokio::test]
async fn a_subscription_is_shown_by_dataset() {
    let plesk = plesk_with_an_account().await;
    plesk.client().add_plan("Large", 50_000_000_000).await.expect("added");
    plesk.client().change_package("acme.example", "Large").await.expect("switched");
    plesk.set_used("acme.example", 12_345, 678).expect("it exists");
    let (customer, subscription) =
        (plesk.customer("acme").expect("there"), plesk.subscription("acme.example").expect("there"));
    let (id, guid) = (subscription.id, &subscription.guid);
    let dataset = "<gen_info/><hosting/><limits/><stat/><disk_usage/><subscriptions/><prefs/>";
    let get = format!(
        "<webspace><get><filter><name>ACME.example</name></filter><dataset>{dataset}</dataset></get></webspace>"
    );
    let text = send(&plesk, &get).await;
    let parts = [
        format!("<result><status>ok</status><filter-id>ACME.example</filter-id><id>{id}</id><data>"),
        "<gen_info><cr_date>2027-02-01</cr_date><name>acme.example</name><ascii-name>acme.example</ascii-name>"
            .to_owned(),
        "<status>0</status><real_size>12345</real_size>".to_owned(),
        format!(
            "<owner-id>{}</owner-id><owner-login>acme</owner-login><owner-guid>{}</owner-guid>",
            customer.id, customer.guid
        ),
        format!("<dns_ip_address>192.0.2.20</dns_ip_address><htype>vrt_hst</htype><guid>{guid}</guid>"),
        "<hosting><vrt_hst><property><name>ftp_login</name><value>acme</value></property>".to_owned(),
        "<limits><overuse>block</overuse><limit><name>disk_space</name><value>50000000000</value></limit></limits>"
            .to_owned(),
        "<stat><traffic>678</traffic><subdom>0</subdom>".to_owned(),
        "<disk_usage><httpdocs>12345</httpdocs><httpsdocs>0</httpsdocs>".to_owned(),
        format!(
            "<subscriptions><subscription><locked>false</locked><synchronized>true</synchronized>\
             <plan><plan-guid>{}</plan-guid></plan></subscription></subscriptions>",
            subscription.plan_guid.as_deref().expect("a plan")
        ),
    ];
    let mut rest = text.as_str();
    for part in &parts {
        let at = rest.find(part).unwrap_or_else(|| panic!("{part} is missing or too early in {text}"));
        rest = &rest[at + part.len()..];
    }
    let password = subscription.hosting.expect("hosting").password;
    assert!(!text.contains(password.reveal()), "the password is not shown");
    for filter in [
        format!("<id>{id}</id>"),
        format!("<guid>{guid}</guid>"),
        format!("<owner-id>{}</owner-id>", customer.id),
        "<owner-login>acme</owner-login>".to_owned(),
        format!("<owner-guid>{}</owner-guid>", customer.guid),
        String::new(),
    ] {
        let text = send(&plesk, &format!("<webspace><get><filter>{filter}</filter><dataset/></get></webspace>")).await;
        assert!(text.contains(&format!("<id>{id}</id><data/>")), "{filter}: {text}");
    }
}

#[tokio::test]
async fn suspending_sets_one_bit_and_lifting_clears_only_that() {
    let plesk = plesk_with_an_account().await;
    let client = plesk.client();
    let shown = async || {
        let text = send(&plesk, "<webspace><get><filter/><dataset><gen_info/></dataset></get></webspace>").await;
        let rest = text.split("<ascii-name>acme.example</ascii-name><status>").nth(1).expect("a status");
        rest.split('<').next().expect("a number").parse::<u32>().expect("a number")
    };
    client.suspend("acme.example").await.expect("suspended");
    assert_eq!(shown().await, status::BY_ADMIN);
    client.suspend("acme.example").await.expect("again is no failure");
    client.unsuspend("acme.example").await.expect("lifted");
    assert_eq!(shown().await, 0);

    plesk.set_status("acme.example", status::BY_CUSTOMER).expect("it exists");
    client.suspend("acme.example").await.expect("suspended");
    assert_eq!(shown().await, status::BY_CUSTOMER | status::BY_ADMIN);
    client.unsuspend("acme.example").await.expect("lifted");
    assert_eq!(shown().await, status::BY_CUSTOMER, "what the customer suspended stays suspended");
    plesk.set_status("acme.example", 0).expect("it exists");

    let set = |bits: u32| {
        format!(
            "<customer><set><filter><login>acme</login></filter><values><gen_info><status>{bits}</status></gen_info></values></set></customer>"
        )
    };
    send(&plesk, &set(16)).await;
    assert_eq!(shown().await, status::PARENT_SUSPENDED);
    client.unsuspend("acme.example").await.expect("nothing of the administrator's to lift");
    assert_eq!(shown().await, status::PARENT_SUSPENDED);
    send(&plesk, &set(0)).await;
    assert_eq!(shown().await, 0);

    assert_eq!(code(client.suspend("ghost.example").await), 1013);
    assert!(plesk.set_status("ghost.example", 0).is_err());
    assert!(plesk.set_used("ghost.example", 0, 0).is_err());
}

#[tokio::test]
async fn names_ids_and_passwords_can_be_set() {
    let plesk = plesk_with_an_account().await;
    plesk.client().create_account("other", "other.example", "Basic", "").await.expect("created");
    let set = |values: &str| {
        format!("<webspace><set><filter><name>acme.example</name></filter><values>{values}</values></set></webspace>")
    };
    let taken = send(&plesk, &set("<gen_setup><name>other.example</name></gen_setup>")).await;
    assert!(taken.contains("<errcode>1007</errcode>"), "{taken}");
    let wrong = send(&plesk, &set("<gen_setup><status>64</status></gen_setup>")).await;
    assert!(wrong.contains("<errcode>1019</errcode>"), "{wrong}");
    let password =
        "<hosting><vrt_hst><property><name>ftp_password</name><value>n3w-Word</value></property></vrt_hst></hosting>";
    let setup = "<gen_setup><name>new.example</name><external-id>billet-9</external-id><description>x</description></gen_setup>";
    let guid = plesk.subscription("acme.example").expect("it exists").guid;
    let text = send(&plesk, &set(&format!("{setup}{password}"))).await;
    assert!(text.contains("<status>ok</status>"), "{text}");
    let subscription = plesk.subscription("new.example").expect("renamed");
    assert_eq!((subscription.guid, subscription.external_id.as_str()), (guid, "billet-9"));
    assert_eq!(subscription.hosting.expect("hosting").password.reveal(), "n3w-Word");
    let found =
        send(&plesk, "<webspace><get><filter><external-id>billet-9</external-id></filter><dataset/></get></webspace>")
            .await;
    assert!(found.contains("<status>ok</status>"), "{found}");
    let none = send(&plesk, "<webspace><set><filter/></set></webspace>").await;
    assert!(none.contains("<errcode>1014</errcode>"), "{none}");
}

#[tokio::test]
async fn switching_wants_the_plans_guid() {
    let plesk = plesk_with_an_account().await;
    let client = plesk.client();
    client.change_package("acme.example", "Pro").await.expect("switched");
    assert_eq!(plesk.plan_of("acme.example").as_deref(), Some("Pro"));
    assert_eq!(code(client.change_package("acme.example", "Gold").await), 1013);
    assert_eq!(code(client.change_package("ghost.example", "Basic").await), 1013);
    let switch = |plan: &str| {
        format!(
            "<webspace><switch-subscription><filter><name>acme.example</name></filter>{plan}</switch-subscription></webspace>"
        )
    };
    let unknown = send(&plesk, &switch("<plan-guid>none</plan-guid>")).await;
    assert!(unknown.contains("<errcode>1013</errcode>"), "{unknown}");
    for wrong in ["", "<plan-guid>a</plan-guid><no-plan/>", "<plan-guid/>"] {
        let text = send(&plesk, &switch(wrong)).await;
        assert!(text.contains("<status>error</status>"), "{wrong}: {text}");
    }
    assert_eq!(plesk.plan_of("acme.example").as_deref(), Some("Pro"));
    send(&plesk, "<service-plan><add><name>Ext</name><external-id>plan-1</external-id></add></service-plan>").await;
    send(&plesk, &switch("<plan-external-id>plan-1</plan-external-id>")).await;
    assert_eq!(plesk.plan_of("acme.example").as_deref(), Some("Ext"));
    send(&plesk, &switch("<no-plan/>")).await;
    assert_eq!(plesk.plan_of("acme.example"), None);
}

#[tokio::test]
async fn removing_a_subscription_leaves_the_customer() {
    let plesk = plesk_with_an_account().await;
    plesk.client().remove("acme.example").await.expect("removed");
    assert!(plesk.subscription("acme.example").is_none() && plesk.customer("acme").is_some());
    assert_eq!(code(plesk.client().remove("acme.example").await), 1013);
    plesk.client().remove_customer("acme").await.expect("removed");
    assert_eq!(code(plesk.client().remove_customer("acme").await), 1013);
}

#[tokio::test]
async fn plans_are_added_once_and_shown_whole() {
    let plesk = plesk().await;
    let add = "<service-plan><add><name>Mail &amp; More</name><limits><overuse>block</overuse>\
        <limit><name>disk_space</name><value>1000</value></limit></limits><external-id>plan-7</external-id></add></service-plan>";
    let added = send(&plesk, add).await;
    assert!(added.contains("</guid><external-id>plan-7</external-id></result>"), "{added}");
    assert!(send(&plesk, add).await.contains("<errcode>1007</errcode>"));
    assert!(send(&plesk, "<service-plan><add><name/></add></service-plan>").await.contains("<errcode>1014</errcode>"));
    for filter in ["<name>Mail &amp; More</name>", "<external-id>plan-7</external-id>"] {
        let text = send(&plesk, &format!("<service-plan><get><filter>{filter}</filter></get></service-plan>")).await;
        let expected = "<name>Mail &amp; More</name><limits><overuse>block</overuse><limit><name>disk_space</name>\
            <value>1000</value></limit></limits><guid>";
        assert!(text.contains(expected), "{text}");
    }
    let all = send(&plesk, "<service-plan><get><filter/><owner-all/></get></service-plan>").await;
    let names: Vec<_> = all.split("<name>").skip(1).map(|part| part.split('<').next().expect("a name")).collect();
    assert_eq!(names, ["Default Domain", "Basic", "Pro", "Mail &amp; More", "disk_space"]);
    let missing = send(&plesk, "<service-plan><get><filter><name>Gold</name></filter></get></service-plan>").await;
    assert!(missing.contains("<errcode>1013</errcode>"), "{missing}");
}
