//! The event manager: which events run, in which order, with which environment; and faults.

use std::time::Duration;

use billet_simulator::plesk::{HandlerResult, PleskError};
use billet_simulator::{Fault, HOOK_AT, Plesk, PleskOptions, SimulatorError};
use chrono::{TimeZone, Utc};
use tokio::time::timeout;

use crate::capture::{Capture, variable};

/// A server whose every event is captured in a file named for it.
async fn plesk_with_handlers(capture: &Capture) -> Plesk {
    let options = PleskOptions {
        plans: vec!["Basic".to_owned()],
        hook_env: vec![("BILLET_SPOOL".to_owned(), "/var/spool/billet".to_owned())],
        ..PleskOptions::default()
    };
    let plesk = Plesk::start(options).await.expect("the simulator starts");
    for event in Plesk::events() {
        plesk.event_handler_create(event, capture.script(event, "")).expect("registered");
    }
    plesk
}

/// The `OLD_*` and `NEW_*` of the only run of an event's handler.
fn only(capture: &Capture, event: &str) -> Vec<(String, String)> {
    let environments = capture.environments(event);
    assert_eq!(environments.len(), 1, "{event}");
    let ours = environments[0].iter().filter(|(name, _)| name.starts_with("OLD_") || name.starts_with("NEW_"));
    let mut ours: Vec<_> = ours.cloned().collect();
    ours.sort();
    ours
}

fn names(variables: &[(String, String)]) -> Vec<&str> {
    variables.iter().map(|(name, _)| name.as_str()).collect()
}

fn events(plesk: &Plesk) -> Vec<&'static str> {
    plesk.handler_runs().iter().map(|run| run.event).collect()
}

#[tokio::test]
async fn one_life_of_an_account_runs_these_events() {
    let capture = Capture::new();
    let plesk = plesk_with_handlers(&capture).await;
    let client = plesk.client();
    client.add_plan("Large", 5_000).await.expect("added");
    client.create_account("acme", "acme.example", "Basic", "ops@acme.example").await.expect("created");
    client.change_package("acme.example", "Large").await.expect("switched");
    client.suspend("acme.example").await.expect("suspended");
    client.suspend("acme.example").await.expect("nothing changes");
    client.unsuspend("acme.example").await.expect("lifted");
    client.remove_customer("acme").await.expect("removed");
    assert_eq!(
        events(&plesk),
        [
            "client_create",
            "domain_create",
            "phys_hosting_create",
            "domain_limits_update",
            "domain_status_update",
            "domain_status_update",
            "phys_hosting_delete",
            "domain_delete",
            "client_delete",
        ]
    );
    assert!(plesk.handler_runs().iter().all(|run| run.result == HandlerResult::Exited(Some(0))));

    let created = only(&capture, "client_create");
    let expected = [
        "NEW_ADDRESS",
        "NEW_CITY",
        "NEW_COMPANY_NAME",
        "NEW_CONTACT_NAME",
        "NEW_COUNTRY",
        "NEW_EMAIL",
        "NEW_FAX",
        "NEW_LOGIN_NAME",
        "NEW_PASSWORD",
        "NEW_PHONE",
        "NEW_POSTAL_ZIP_CODE",
        "NEW_STATE_PROVINCE",
    ];
    assert_eq!(names(&created), expected);
    assert_eq!(variable(&created, "NEW_LOGIN_NAME"), Some("acme"));
    assert_eq!(variable(&created, "NEW_EMAIL"), Some("ops@acme.example"));
    assert_eq!(variable(&created, "NEW_PASSWORD").map(str::len), Some(32), "the clear password is there");

    let domain = only(&capture, "domain_create");
    assert_eq!(names(&domain), ["NEW_CLIENT_GUID", "NEW_DOMAIN_GUID", "NEW_DOMAIN_NAME"]);
    assert_eq!(variable(&domain, "NEW_DOMAIN_NAME"), Some("acme.example"));

    let hosting = only(&capture, "phys_hosting_create");
    let expected = [
        "NEW_CLIENT_GUID",
        "NEW_DOMAIN_GUID",
        "NEW_DOMAIN_NAME",
        "NEW_IP_ADDRESS",
        "NEW_SYSTEM_USER",
        "NEW_SYSTEM_USER_PASSWORD",
    ];
    assert_eq!(names(&hosting), expected);
    assert_eq!(variable(&hosting, "NEW_SYSTEM_USER"), Some("acme"));

    let limits = only(&capture, "domain_limits_update");
    assert_eq!(variable(&limits, "OLD_MAXIMUM_DISK_SPACE"), Some("-1"));
    assert_eq!(variable(&limits, "NEW_MAXIMUM_DISK_SPACE"), Some("5000"));
    assert_eq!(variable(&limits, "NEW_DOMAIN_NAME"), Some("acme.example"));
    assert!(!limits.iter().any(|(_, value)| value == "Large"), "the plan's name is not told");

    let gone = only(&capture, "domain_delete");
    assert_eq!(names(&gone), ["OLD_CLIENT_GUID", "OLD_DOMAIN_GUID", "OLD_DOMAIN_NAME", "OLD_SYSTEM_USER"]);
    assert_eq!(variable(&gone, "OLD_DOMAIN_GUID"), variable(&domain, "NEW_DOMAIN_GUID"));
    let gone = only(&capture, "client_delete");
    assert_eq!(variable(&gone, "OLD_LOGIN_NAME"), Some("acme"));
    assert!(gone.iter().all(|(name, _)| name.starts_with("OLD_") && name != "OLD_PASSWORD"));
}

#[tokio::test]
async fn updates_have_old_and_new_values() {
    let capture = Capture::new();
    let plesk = plesk_with_handlers(&capture).await;
    let client = plesk.client();
    client.create_account("acme", "acme.example", "Basic", "ops@acme.example").await.expect("created");
    let set = "<packet><customer><set><filter><login>acme</login></filter><values><gen_info>\
        <passwd>n3w-Word</passwd><status>16</status><email>new@acme.example</email></gen_info></values></set></customer>\
        <webspace><set><filter><name>acme.example</name></filter><values><gen_setup><name>new.example</name></gen_setup>\
        <hosting><vrt_hst><property><name>ftp_password</name><value>0ther-Word</value></property></vrt_hst></hosting>\
        </values></set></webspace></packet>";
    client.packet(set).await.expect("an answer");
    assert_eq!(
        events(&plesk)[3..],
        ["client_update", "client_status_update", "domain_status_update", "domain_update", "phys_hosting_update"]
    );
    let customer = only(&capture, "client_update");
    assert_eq!(variable(&customer, "OLD_EMAIL"), Some("ops@acme.example"));
    assert_eq!(variable(&customer, "NEW_EMAIL"), Some("new@acme.example"));
    assert_eq!(variable(&customer, "NEW_PASSWORD"), Some("n3w-Word"));
    assert_eq!(variable(&customer, "OLD_PASSWORD"), None);
    let status = only(&capture, "client_status_update");
    assert_eq!(
        names(&status),
        ["NEW_CONTACT_NAME", "NEW_LOGIN_NAME", "NEW_STATUS", "OLD_CONTACT_NAME", "OLD_LOGIN_NAME", "OLD_STATUS"]
    );
    assert_eq!((variable(&status, "OLD_STATUS"), variable(&status, "NEW_STATUS")), (Some("0"), Some("16")));
    let status = only(&capture, "domain_status_update");
    assert_eq!((variable(&status, "OLD_STATUS"), variable(&status, "NEW_STATUS")), (Some("0"), Some("2")));
    let domain = only(&capture, "domain_update");
    assert_eq!(
        (variable(&domain, "OLD_DOMAIN_NAME"), variable(&domain, "NEW_DOMAIN_NAME")),
        (Some("acme.example"), Some("new.example"))
    );
    let hosting = only(&capture, "phys_hosting_update");
    assert_eq!(variable(&hosting, "NEW_SYSTEM_USER_PASSWORD"), Some("0ther-Word"));
    assert_eq!(variable(&hosting, "OLD_SYSTEM_USER"), Some("acme"));
}

#[tokio::test]
async fn handlers_get_a_bare_environment_and_the_simulated_time() {
    let capture = Capture::new();
    let plesk = plesk_with_handlers(&capture).await;
    plesk.client().create_account("one", "one.example", "Basic", "").await.expect("created");
    plesk.set_now(Utc.with_ymd_and_hms(2027, 1, 31, 22, 30, 0).single().expect("a time"));
    plesk.client().create_account("two", "two.example", "Basic", "").await.expect("created");
    let environments = capture.environments("domain_create");
    assert_eq!(variable(&environments[0], HOOK_AT), None, "no time is told on the machine's clock");
    assert_eq!(variable(&environments[1], HOOK_AT), Some("2027-01-31T22:30:00Z"));
    assert_eq!(variable(&environments[0], "BILLET_SPOOL"), Some("/var/spool/billet"));
    assert_eq!(variable(&environments[0], "CARGO_MANIFEST_DIR"), None, "nothing of the caller's environment");
}

#[tokio::test]
async fn a_handlers_failure_is_nobodys_business() {
    let options = PleskOptions { handler_time_max: Duration::from_millis(300), ..PleskOptions::default() };
    let plesk = Plesk::start(options).await.expect("the simulator starts");
    for command in ["exit 3", "sleep 60", "kill -9 $$"] {
        plesk.event_handler_create("client_create", ["/bin/sh", "-c", command]).expect("registered");
    }
    let missing = plesk.event_handler_create("client_create", ["/nonexistent/handler"]).expect("registered");
    plesk.client().create_account("acme", "acme.example", "Default Domain", "").await.expect("created all the same");
    let results: Vec<_> = plesk.handler_runs().into_iter().map(|run| run.result).collect();
    assert_eq!(results[..3], [HandlerResult::Exited(Some(3)), HandlerResult::TimedOut, HandlerResult::Exited(None)]);
    assert!(matches!(&results[3], HandlerResult::NotRun(why) if why.contains("/nonexistent/handler")));
    assert!(plesk.event_handler_remove(missing));
    assert!(!plesk.event_handler_remove(missing));
}

#[tokio::test]
async fn handlers_for_what_is_not_simulated_are_refused() {
    let plesk = Plesk::start(PleskOptions::default()).await.expect("the simulator starts");
    let unknown = plesk.event_handler_create("domain_paint", ["/bin/true"]).expect_err("no such event");
    assert!(unknown.to_string().contains("domain_create"), "it says what there is: {unknown}");
    let none: [&str; 0] = [];
    assert!(matches!(plesk.event_handler_create("domain_create", none), Err(SimulatorError::NoCommand)));
    for _ in 0..100 {
        plesk.event_handler_create("domain_create", ["/bin/true"]).expect("room for a hundred");
    }
    let full = plesk.event_handler_create("domain_create", ["/bin/true"]);
    assert!(matches!(full, Err(SimulatorError::TooManyHooks { max: 100 })));
}

#[tokio::test]
async fn a_refused_operation_runs_no_handler() {
    let capture = Capture::new();
    let plesk = plesk_with_handlers(&capture).await;
    plesk.fail_next("webspace.add", Fault::Refuse("the disk is full".to_owned()));
    match plesk.client().create_account("acme", "acme.example", "Basic", "").await {
        Err(PleskError::Refused { code, text, .. }) => assert_eq!((code, text.as_str()), (1023, "the disk is full")),
        other => panic!("not refused: {other:?}"),
    }
    assert_eq!(events(&plesk), ["client_create"]);
    assert!(plesk.subscription("acme.example").is_none());
}

#[tokio::test]
async fn an_http_error_does_nothing_of_the_packet() {
    let plesk = Plesk::start(PleskOptions::default()).await.expect("the simulator starts");
    plesk.fail_next("webspace.add", Fault::HttpError(502));
    match plesk.client().create_account("acme", "acme.example", "Default Domain", "").await {
        Err(PleskError::NotAnAnswer { status, .. }) => assert_eq!(status, 502),
        other => panic!("not an HTTP error: {other:?}"),
    }
    assert!(plesk.customer("acme").is_none());
    plesk.client().create_account("acme", "acme.example", "Default Domain", "").await.expect("the next works");
}

#[tokio::test]
async fn do_then_drop_and_giving_up_both_leave_the_work_done() {
    let capture = Capture::new();
    let plesk = plesk_with_handlers(&capture).await;
    plesk.fail_next("webspace.add", Fault::DoThenDrop);
    match plesk.client().create_account("acme", "acme.example", "Basic", "").await {
        Err(PleskError::NoAnswer { .. }) => {}
        other => panic!("there was an answer: {other:?}"),
    }
    assert!(plesk.subscription("acme.example").is_some());
    assert_eq!(events(&plesk), ["client_create", "domain_create", "phys_hosting_create"]);

    plesk.fail_next("webspace.del", Fault::DelayThenDo(Duration::from_millis(300)));
    let client = plesk.client();
    timeout(Duration::from_millis(100), client.remove("acme.example")).await.expect_err("it gave up");
    let gone = async {
        while plesk.subscription("acme.example").is_some() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(10), gone).await.expect("the panel finishes its work");
}

#[tokio::test]
#[should_panic(expected = "there is no function 'webspace.paint'")]
async fn a_fault_for_an_unknown_operation_is_a_mistake_of_the_test() {
    let plesk = Plesk::start(PleskOptions::default()).await.expect("the simulator starts");
    plesk.fail_next("webspace.paint", Fault::DoThenDrop);
}
