//! `billet check` and `billet init`.

use std::net::TcpListener;

use serde_json::Value;

use crate::ground::Ground;

/// Runs `billet check --json` and answers its exit code and its findings as `mark check words`.
fn check(ground: &Ground, more: &[&str]) -> (Option<i32>, Vec<String>) {
    let output = ground.command(&["check", "--json"]).args(more).output().expect("the binary runs");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let findings = report["findings"].as_array().expect("findings").iter();
    let told = findings.map(|finding| {
        let field = |name: &str| finding[name].as_str().expect("a text").to_owned();
        format!("{} {} {}", field("mark"), field("check"), field("words"))
    });
    (output.status.code(), told.collect())
}

fn has(findings: &[String], beginning: &str, words: &str) {
    let found = findings.iter().any(|finding| finding.starts_with(beginning) && finding.contains(words));
    assert!(found, "no `{beginning} ... {words}` among {findings:#?}");
}

#[tokio::test]
async fn an_empty_folder_is_in_order_and_stays_empty() {
    let ground = Ground::new();
    let (code, findings) = check(&ground, &["--listen", "127.0.0.1:0"]);
    assert_eq!(code, Some(0), "{findings:#?}");
    has(&findings, "note database", "`billet serve` makes it");
    assert_eq!(std::fs::read_dir(ground.path()).expect("readable").count(), 0);
}

#[tokio::test]
async fn a_running_daemon_is_in_order_and_a_stranger_on_its_port_is_not() {
    let ground = Ground::new();
    ground.seller().await;
    let daemon = ground.serve(&[]);
    let address = daemon.address.strip_prefix("http://").expect("plaintext").to_owned();
    let (code, findings) = check(&ground, &["--listen", &address, "--journal"]);
    assert_eq!(code, Some(0), "{findings:#?}");
    has(&findings, "ok daemon", "is running (process");
    has(&findings, "ok schema", "version 1");
    has(&findings, "ok journal", "1 events of 1 sellers, every hash is right");
    has(&findings, "ok books", "agree");
    has(&findings, "ok jobs", "none");
    daemon.signal("TERM");
    assert_eq!(daemon.ended().await.0, Some(0));

    let stranger = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = stranger.local_addr().expect("an address").to_string();
    let (code, findings) = check(&ground, &["--listen", &address]);
    assert_eq!(code, Some(1));
    has(&findings, "problem address", "not by a daemon of this database");
    let (code, findings) = check(&ground, &["--listen", "127.0.0.1:0", "--metrics-listen", &address]);
    assert_eq!(code, Some(1));
    has(&findings, "ok address", "is free");
    has(&findings, "problem metrics", "not by a daemon of this database");
    let (code, findings) = check(&ground, &["--listen", "127.0.0.1:0", "--metrics-listen", "0.0.0.0:9464"]);
    assert_eq!(code, Some(1));
    has(&findings, "problem settings", "metrics_listen: 0.0.0.0:9464 can be reached by others");
    let refused = ground.run(&["serve", "--listen", "127.0.0.1:0", "--metrics-listen", &address]);
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1));
    assert!(words.contains(&format!("cannot listen on {address} for metrics")), "{words}");
}

#[tokio::test]
async fn a_journal_that_was_tampered_with_is_found() {
    let ground = Ground::new();
    ground.seller().await;
    let store = billet::store::Store::open(&format!("sqlite:{}", ground.path().join("billet.db").display()))
        .await
        .expect("a database");
    let mut tx = store.engine().begin().await.expect("a transaction");
    tx.execute("DROP TRIGGER events_append_only_update", &[]).await.expect("dropped");
    tx.execute("UPDATE events SET actor = 'somebody' WHERE sequence = 1", &[]).await.expect("changed");
    tx.commit().await.expect("a commit");
    store.engine().close().await;
    let (code, findings) = check(&ground, &["--listen", "127.0.0.1:0"]);
    assert_eq!(code, Some(0), "without --journal the hashes are not reckoned: {findings:#?}");
    let (code, findings) = check(&ground, &["--listen", "127.0.0.1:0", "--journal"]);
    assert_eq!(code, Some(1));
    has(&findings, "problem journal", "sel_1 is broken at event 1");
}

#[tokio::test]
async fn problems_are_told_in_words_and_all_of_them() {
    let ground = Ground::new();
    std::fs::write(ground.path().join("cert.pem"), "no certificate").expect("written");
    let args = [
        "--listen",
        "127.0.0.1:0",
        "--tls-cert",
        "cert.pem",
        "--tls-key",
        "nowhere.pem",
        "--database",
        "postgres://127.0.0.1:1/none",
    ];
    let output = ground.command(&["check"]).args(args).output().expect("the binary runs");
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(words.contains("PROBLEM  tls         cannot read nowhere.pem"), "{words}");
    assert!(words.contains("PROBLEM  database    postgres://127.0.0.1:1/none"), "{words}");
    assert!(words.contains("Connection refused"), "it says why: {words}");
    assert!(words.contains("2 problems"), "{words}");
}

#[tokio::test]
async fn init_explains_what_is_missing() {
    let ground = Ground::new();
    let output = ground.run(&["init", "--name", "Example Hosting GmbH"]);
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2));
    for flag in ["--country", "--city", "--currency", "--time-zone", "--vat-rate"] {
        assert!(words.contains(flag), "{words}");
    }
    let help = ground.run(&["init", "--help"]);
    assert!(String::from_utf8_lossy(&help.stdout).contains("--vat-exemption"));
    assert!(!ground.path().join("billet.db").exists());
}
