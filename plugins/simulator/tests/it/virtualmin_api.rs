//! Virtualmin's remote API as a caller sees it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use billet_simulator::{Virtualmin, VirtualminOptions};

use crate::raw_http::{Raw, send};

async fn call(server: &Virtualmin, query: &str) -> Raw {
    let basic = format!("Basic {}", STANDARD.encode(format!("root:{}", server.password())));
    let path = format!("/virtual-server/remote.cgi?json=1&program={query}");
    send(&server.url(), "GET", &path, &[("Authorization", &basic)], "").await.expect("an answer")
}

#[tokio::test]
async fn success_failure_and_error_are_all_http_200() {
    let server = Virtualmin::start(VirtualminOptions::default()).await.expect("the simulator starts");
    for (query, status, words) in [
        ("create-domain&domain=a.example&pass=x&user=a&unix=&dir=", "success", "All done!"),
        ("create-domain&domain=a.example&pass=x&user=b", "failure", "You are already hosting this domain"),
        ("create-domain&domain=b.example&pass=x&user=a", "failure", "The specified administration user already exists"),
        ("create-domain&domain=b.example&pass=x&plan=none", "failure", "Unknown plan name"),
        ("create-domain&domain=b.example", "failure", "Missing password"),
        ("create-domain&domain=b.example&pass=x&bw=1", "failure", "Unknown parameter --bw"),
        ("create-domain&domain=b.example&pass=", "failure", "Unknown parameter --pass"),
        ("disable-domain&domain=a.example&why=late", "success", "Disabling virtual server a.example"),
        ("disable-domain&domain=a.example", "failure", "Virtual server a.example is already disabled"),
        ("list-domains&multiline=", "success", "Manually (late)"),
        ("delete-domain&domain=b.example", "failure", "Virtual server b.example does not exist"),
        ("create-reseller&name=res1&pass=x", "error", "Remote program create-reseller does not exist"),
        ("no-such-program", "error", "Remote program no-such-program does not exist"),
    ] {
        let answer = call(&server, query).await;
        assert_eq!(answer.status, 200, "{query}");
        let json: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
        assert_eq!(json["status"], status, "{query}: {json}");
        assert!(answer.body.contains(words), "{query}: {json}");
    }
    let listed = call(&server, "list-domains&multiline=").await.body;
    assert!(listed.contains("Failed to find mount point"), "a complaint among the rows");
}

#[tokio::test]
async fn a_wrong_password_is_a_page() {
    let server = Virtualmin::start(VirtualminOptions::default()).await.expect("the simulator starts");
    let wrong = format!("Basic {}", STANDARD.encode("root:guess"));
    for headers in [vec![], vec![("Authorization", wrong.as_str())]] {
        let path = "/virtual-server/remote.cgi?json=1&program=list-domains";
        let answer = send(&server.url(), "GET", path, &headers, "").await.expect("an answer");
        assert_eq!(answer.status, 401);
        assert!(answer.body.starts_with("<html>"), "{}", answer.body);
    }
    assert!(!format!("{server:?}").contains(server.password()));
}
