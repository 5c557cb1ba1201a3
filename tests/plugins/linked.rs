//! In this process.

use std::time::{Duration, Instant};

use billet_plugin::v1::{GetAccountRequest, GetDomainRequest, ProblemKind, TerminateAccountRequest};
use serde_json::json;

use super::world::{TIME, account, behaving, is_later, is_unknown, linked, spec, test};

#[tokio::test]
async fn a_panel_is_called_and_answers() {
    let host = linked();
    let panel = behaving(&host, 1, "well").await;
    assert_eq!(test(&panel, TIME).await.expect("an answer").value.hostname, "memory.example");
    let made = panel.call(account("alpha", 1), TIME).await.expect("made");
    assert!(!made.already);
    let again = panel.call(account("alpha", 2), TIME).await.expect("ours");
    assert!(again.already);
    let conflict = panel.call(account("alpha", 1), TIME).await.expect_err("taken");
    assert!(conflict.is_refused(ProblemKind::Conflict));
}

#[tokio::test]
async fn a_call_that_the_kind_or_the_plugin_does_not_have_is_refused() {
    let host = linked();
    let panel = behaving(&host, 1, "well").await;
    let wrong_kind = panel.call(GetDomainRequest::default(), TIME).await.expect_err("a panel is no registrar");
    assert!(wrong_kind.is_refused(ProblemKind::Unsupported));
    let missing = panel.call(billet_plugin::v1::SingleSignOnRequest::default(), TIME).await.expect_err("not there");
    assert!(missing.is_refused(ProblemKind::Unsupported));
}

#[tokio::test]
async fn a_change_that_is_not_answered_in_time_is_unknown_and_a_question_is_asked_later() {
    let host = linked();
    let slow = host.instance(&spec(1, &json!({ "latency_ms": 5_000 }))).await.expect("an instance");
    let short = Duration::from_millis(20);
    assert!(is_unknown(&slow.call(account("alpha", 1), short).await));
    assert!(is_unknown(&slow.call(TerminateAccountRequest::default(), short).await));
    assert!(is_later(&slow.call(GetAccountRequest::default(), short).await));
}

#[tokio::test]
async fn a_panic_stays_in_its_call() {
    let host = linked();
    let (ill, well) = (behaving(&host, 1, "panic").await, behaving(&host, 2, "well").await);
    assert!(is_later(&test(&ill, TIME).await));
    assert!(test(&well, TIME).await.is_ok());
    assert!(ill.call(account("alpha", 1), TIME).await.is_ok(), "the instance itself goes on");
}

#[tokio::test]
async fn a_dead_instance_is_left_alone_and_slows_no_other() {
    let host = linked();
    let (ill, well) = (behaving(&host, 1, "hang").await, behaving(&host, 2, "well").await);
    for _ in 0..5 {
        assert!(is_later(&test(&ill, Duration::from_millis(10)).await));
    }
    let began = Instant::now();
    let answer = test(&ill, Duration::from_secs(60)).await.expect_err("left alone");
    assert_eq!(answer.problem().code, "circuit");
    assert!(began.elapsed() < Duration::from_secs(5), "without waiting");
    assert!(test(&well, TIME).await.is_ok());
}

#[tokio::test]
async fn settings_are_checked_when_an_instance_is_set_up() {
    let host = linked();
    let mut wrong = spec(1, &json!({}));
    wrong.secrets.insert("token".to_owned(), "guess".to_owned());
    let refused = host.instance(&wrong).await.expect_err("a wrong token");
    assert!(refused.is_refused(ProblemKind::Unauthenticated));
    let described = host.describe("memory").await.expect("a description");
    assert_eq!(described.schema.secrets().iter().collect::<Vec<_>>(), ["token"]);
    assert!(host.describe("memoryy").await.expect_err("unknown").to_string().contains("there are memory"));
}

#[tokio::test]
async fn new_settings_take_the_place_of_old_ones() {
    let host = linked();
    let first = behaving(&host, 1, "well").await;
    first.call(account("alpha", 1), TIME).await.expect("made");
    let mut changed = spec(1, &json!({ "accounts_max": 0 }));
    changed.revision = 2;
    let second = host.instance(&changed).await.expect("an instance");
    let full = second.call(account("beta", 1), TIME).await.expect_err("full");
    assert!(full.is_refused(ProblemKind::Limit));
    // An older revision, from a reader that was slow, does not come back.
    let late = host.instance(&spec(1, &json!({}))).await.expect("an instance");
    assert!(late.call(account("beta", 1), TIME).await.is_err());
}
