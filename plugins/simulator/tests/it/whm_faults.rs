//! Faults on demand.

use std::time::Duration;

use billet_simulator::whm::WhmError;
use billet_simulator::{Fault, Whm, WhmOptions};
use tokio::time::timeout;

use crate::capture::Capture;

async fn whm() -> Whm {
    Whm::start(WhmOptions::default()).await.expect("the simulator starts")
}

#[tokio::test]
async fn an_http_error_does_nothing_and_is_met_once() {
    let whm = whm().await;
    whm.fail_next("createacct", Fault::HttpError(503));
    match whm.client().create_account("acme", "acme.example", "default", "").await {
        Err(WhmError::NotAnAnswer { status, .. }) => assert_eq!(status, 503),
        other => panic!("not an HTTP error: {other:?}"),
    }
    assert!(whm.account("acme").is_none());
    whm.client().create_account("acme", "acme.example", "default", "").await.expect("the next call works");
}

#[tokio::test]
async fn faults_wait_in_order_and_by_function() {
    let whm = whm().await;
    whm.fail_next("suspendacct", Fault::Refuse("first".to_owned()));
    whm.fail_next("suspendacct", Fault::Refuse("second".to_owned()));
    let client = whm.client();
    client.create_account("acme", "acme.example", "default", "").await.expect("another function");
    for words in ["first", "second"] {
        match client.suspend("acme", "x").await {
            Err(WhmError::Refused { reason, .. }) => assert_eq!(reason, words),
            other => panic!("not refused: {other:?}"),
        }
    }
    assert_eq!(whm.account("acme").expect("it exists").suspension, None);
    client.suspend("acme", "x").await.expect("works again");
}

#[tokio::test]
async fn do_then_drop_does_the_work_runs_the_hook_and_answers_nothing() {
    let (whm, capture) = (whm().await, Capture::new());
    whm.manage_hooks_add("Whostmgr", "Accounts::Create", "post", capture.script("create", "1 ok")).expect("registered");
    whm.fail_next("createacct", Fault::DoThenDrop);
    match whm.client().create_account("acme", "acme.example", "default", "").await {
        Err(WhmError::NoAnswer { .. }) => {}
        other => panic!("there was an answer: {other:?}"),
    }
    assert!(whm.account("acme").is_some());
    assert_eq!(capture.inputs("create").len(), 1);
    match whm.client().create_account("acme", "acme.example", "default", "").await {
        Err(WhmError::Refused { reason, .. }) => assert!(reason.contains("already has an account"), "{reason}"),
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_caller_that_gives_up_does_not_stop_the_work() {
    let whm = whm().await;
    whm.fail_next("createacct", Fault::DelayThenDo(Duration::from_millis(300)));
    let client = whm.client();
    let call = client.create_account("acme", "acme.example", "default", "");
    timeout(Duration::from_millis(100), call).await.expect_err("it gave up");
    assert!(whm.account("acme").is_none(), "not yet");
    let done = async {
        while whm.account("acme").is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(10), done).await.expect("the panel finishes its work");
}

#[tokio::test]
#[should_panic(expected = "there is no function 'makecoffee'")]
async fn a_fault_for_an_unknown_function_is_a_mistake_of_the_test() {
    whm().await.fail_next("makecoffee", Fault::DoThenDrop);
}
