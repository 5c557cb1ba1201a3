//! The program for people who want to play.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use crate::capture::Capture;
use crate::raw_http;

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_billet-simulator"));
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// The text between two others in a line.
fn between<'a>(line: &'a str, before: &str, after: &str) -> &'a str {
    let rest = line.split_once(before).unwrap_or_else(|| panic!("no '{before}' in: {line}")).1;
    rest.split_once(after).unwrap_or_else(|| panic!("no '{after}' in: {line}")).0
}

#[tokio::test]
async fn it_prints_where_it_is_and_runs_the_hooks_it_was_given() {
    let capture = Capture::new();
    let file = capture.path("created.json");
    let hook = format!("Accounts::Create/post=cat > '{}'; echo 1 seen", file.display());
    let arguments = ["whm", "--package", "starter", "--now", "2027-02-01T09:30:00Z", "--hook", &hook];
    let mut child = program(&arguments).spawn().expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let first = timeout(Duration::from_secs(30), lines.next_line()).await.expect("in time").expect("readable");
    let first = first.expect("a line");
    let (url, token) = (between(&first, "WHM at ", ","), between(&first, "token ", "."));
    let authorization = format!("whm root:{token}");
    let headers = [("Authorization", authorization.as_str())];
    let path = "/json-api/createacct?api.version=1&username=acme&domain=acme.example&plan=starter";
    let answer = raw_http::send(url, "GET", path, &headers, "").await.expect("an answer");
    assert!(answer.body.contains("Account Creation Ok"), "{}", answer.body);
    assert!(std::fs::read_to_string(file).expect("the hook ran").contains("\"user\":\"acme\""));
    child.kill().await.expect("it ends");
}

#[tokio::test]
async fn a_registry_prints_where_it_is_and_hands_out_its_papers() {
    let capture = Capture::new();
    let papers = capture.path("papers");
    let folder = papers.display().to_string();
    let mut child = program(&["epp", "--zone", "test", "--papers", &folder]).spawn().expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let first = timeout(Duration::from_secs(30), lines.next_line()).await.expect("in time").expect("readable");
    assert!(first.expect("a line").starts_with("EPP registry at epps://127.0.0.1:"));
    let ca = std::fs::read_to_string(papers.join("ca.pem")).expect("written");
    assert!(ca.starts_with("-----BEGIN CERTIFICATE-----"));
    let key = std::fs::read_to_string(papers.join("client.key")).expect("written");
    assert!(key.contains("PRIVATE KEY"));
}

#[tokio::test]
async fn it_explains_itself_and_what_is_wrong() {
    for arguments in [&["--help"][..], &["whm", "--help"], &["plesk", "--help"]] {
        let output = program(arguments).output().await.expect("it runs");
        let text = String::from_utf8(output.stdout).expect("text");
        assert!(output.status.success() && text.contains("Usage: billet-simulator"), "{text}");
    }
    let cases: [(&[&str], &str); 4] = [
        (&["whm", "--hook", "Accounts::Create=true"], "the stage is missing"),
        (&["whm", "--hook", "Accounts::Paint/post=true"], "the panel has no event 'Whostmgr Accounts::Paint'"),
        (&["plesk", "--handler", "domain_create"], "there is no '='"),
        (&["plesk", "--handler", "domain_paint=true"], "the panel has no event 'domain_paint'"),
    ];
    for (arguments, words) in cases {
        let output = program(arguments).output().await.expect("it runs");
        let text = String::from_utf8(output.stderr).expect("text");
        assert!(!output.status.success() && text.contains(words), "{arguments:?}: {text}");
    }
}
