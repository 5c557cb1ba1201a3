//! Who may send packets, and which packets Plesk takes.

use billet_simulator::{Plesk, PleskOptions};

use crate::raw_http;

const GET_PROTOS: &str = "<packet><server><get_protos/></server></packet>";

async fn plesk() -> Plesk {
    Plesk::start(PleskOptions::default()).await.expect("the simulator starts")
}

/// The answer to a packet sent as the administrator.
async fn answer(plesk: &Plesk, packet: &str) -> String {
    let (status, text) = plesk.client().packet(packet).await.expect("an answer");
    assert_eq!(status, 200);
    text
}

/// The code of an answer that refuses the whole packet.
fn system_code(answer: &str) -> u32 {
    let start =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><packet version=\"1.6.9.1\"><system><status>error</status><errcode>";
    let rest = answer.strip_prefix(start).unwrap_or_else(|| panic!("not refused as a whole: {answer}"));
    rest.split_once('<').expect("a code").0.parse().expect("a number")
}

#[tokio::test]
async fn login_and_password_or_a_secret_key_let_in() {
    let plesk = plesk().await;
    let (password, key) = (plesk.password().to_owned(), plesk.secret_key().to_owned());
    let send = async |headers: &[(&str, &str)]| {
        let headers = [headers, &[("Content-Type", "text/xml")]].concat();
        let path = "/enterprise/control/agent.php";
        raw_http::send(&plesk.url(), "POST", path, &headers, GET_PROTOS).await.expect("an answer").body
    };
    for good in [&[("HTTP_AUTH_LOGIN", "admin"), ("HTTP_AUTH_PASSWD", &password)][..], &[("KEY", key.as_str())]] {
        let body = send(good).await;
        assert!(body.contains("<status>ok</status><protos><proto>1.6.6.0</proto>"), "{body}");
    }
    let bad_logins: [&[(&str, &str)]; 4] = [
        &[("HTTP_AUTH_LOGIN", "admin"), ("HTTP_AUTH_PASSWD", "wrong")],
        &[("HTTP_AUTH_LOGIN", "root"), ("HTTP_AUTH_PASSWD", &password)],
        &[("HTTP-AUTH-LOGIN", "admin"), ("HTTP-AUTH-PASSWD", &password)],
        &[],
    ];
    for bad in bad_logins {
        assert_eq!(system_code(&send(bad).await), 1001, "{bad:?}");
    }
    assert_eq!(system_code(&send(&[("KEY", "wrong")]).await), 11003);
}

#[tokio::test]
async fn versions_may_be_given_in_part() {
    let plesk = plesk().await;
    for version in ["1.6", "1.6.5", "1.6.3.0", "1.6.9.1"] {
        let text = answer(&plesk, &GET_PROTOS.replace("<packet>", &format!("<packet version=\"{version}\">"))).await;
        assert!(text.contains("<status>ok</status>"), "{version}: {text}");
    }
    for version in ["100.0.0", "1.6.99", "1.5", "one", ""] {
        let text = answer(&plesk, &GET_PROTOS.replace("<packet>", &format!("<packet version=\"{version}\">"))).await;
        assert_eq!(system_code(&text), 1005, "{version}");
    }
}

#[tokio::test]
async fn what_does_not_follow_the_schema_is_refused_as_a_whole() {
    let plesk = plesk().await;
    let broken = [
        "<packet><wrongly formatted xml</packet>",
        "",
        "<paket/>",
        "<packet/>",
        "<packet><unknown/></packet>",
        "<packet><unknown><get/></unknown></packet>",
        "<packet><customer><paint/></customer></packet>",
        "<packet><customer/></packet>",
        "<packet><customer><get><dataset/></get></customer></packet>",
        "<packet><customer><get><dataset/><filter/></get></customer></packet>",
        "<packet><customer><get><filter><mood>x</mood></filter><dataset/></get></customer></packet>",
        "<packet><customer><get><filter/><dataset><mood/></dataset></get></customer></packet>",
        "<packet><customer><add><gen_info><pname>A</pname><mood/></gen_info></add></customer></packet>",
        "<packet><webspace><set><filter/><values><gen_setup><owner-id>1</owner-id></gen_setup></values></set></webspace></packet>",
        "<packet><webspace><switch-subscription><filter/><plan-name>Basic</plan-name></switch-subscription></webspace></packet>",
        "<packet><server><get><mood/></get></server></packet>",
    ];
    for packet in broken {
        assert_eq!(system_code(&answer(&plesk, packet).await), 1014, "{packet}");
    }
    let good_then_bad = "<packet><customer><add><gen_info><pname>A</pname><login>anna</login><passwd>s3cret</passwd></gen_info></add>\
        </customer><webspace><paint/></webspace></packet>";
    assert_eq!(system_code(&answer(&plesk, good_then_bad).await), 1014);
    assert!(plesk.customer("anna").is_none(), "nothing of a bad packet is done");
    let headers = [("KEY", plesk.secret_key()), ("Content-Type", "application/json")];
    let json = raw_http::send(&plesk.url(), "POST", "/enterprise/control/agent.php", &headers, GET_PROTOS).await;
    assert_eq!(system_code(&json.expect("an answer").body), 1014);
}

#[tokio::test]
async fn several_operations_in_one_packet_are_answered_in_order() {
    let plesk = plesk().await;
    let packet = "<packet version='1.6.9.1'><server><get><gen_info/></get><get><stat/></get></server>\
        <service-plan><add><name>Basic</name></add><add><name>Basic</name></add></service-plan>\
        <server><get><stat/></get></server></packet>";
    let text = answer(&plesk, packet).await;
    let operators: Vec<_> =
        ["<server><get>", "</get><get>", "</server><service-plan><add>", "</add><add>", "</service-plan><server>"]
            .iter()
            .map(|part| text.find(part).unwrap_or_else(|| panic!("{part} is missing: {text}")))
            .collect();
    assert!(operators.is_sorted(), "{text}");
    assert!(text.contains("<plesk_version>18.0.73</plesk_version>"));
    assert!(text.contains("<server_name>plesk.simulator.example</server_name>"));
    assert!(
        text.contains("<errcode>1007</errcode><errtext>Service plan already exists.</errtext>"),
        "the second fails alone"
    );
}

#[tokio::test]
async fn other_paths_and_methods_are_not_the_api() {
    let plesk = plesk().await;
    let page = raw_http::send(&plesk.url(), "GET", "/login_up.php", &[], "").await.expect("an answer");
    assert!(page.body.starts_with("<!DOCTYPE html>"));
    let get = raw_http::send(&plesk.url(), "GET", "/enterprise/control/agent.php", &[], "").await.expect("an answer");
    assert_eq!(get.status, 405);
    let large = format!("<packet>{}</packet>", " ".repeat(2 * 1024 * 1024));
    let headers = [("KEY", plesk.secret_key()), ("Content-Type", "text/xml")];
    let answer = raw_http::send(&plesk.url(), "POST", "/enterprise/control/agent.php", &headers, &large).await;
    assert_eq!(answer.expect("an answer").status, 413);
    assert!(!format!("{plesk:?}").contains(plesk.password()));
    plesk.shutdown().await;
}
