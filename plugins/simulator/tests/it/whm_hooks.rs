//! Standardized hooks: their shapes, their order, and what bad scripts do.

use std::collections::BTreeSet;
use std::time::Duration;

use billet_simulator::whm::{HookResult, Stage, WhmError};
use billet_simulator::{HOOK_AT, PleskOptions, SimulatorError, Whm, WhmOptions};
use chrono::{TimeZone, Utc};
use serde_json::{Value, json};

use crate::capture::{Capture, variable};

const EVENTS: [&str; 6] = [
    "Accounts::Create",
    "Accounts::Modify",
    "Accounts::Remove",
    "Accounts::change_package",
    "Accounts::suspendacct",
    "Accounts::unsuspendacct",
];

/// A server whose every hook is captured in a file `EVENT-STAGE`.
async fn whm_with_hooks(capture: &Capture) -> Whm {
    let options = WhmOptions {
        packages: vec!["starter".to_owned(), "pro".to_owned()],
        hook_env: vec![("BILLET_SPOOL".to_owned(), "/var/spool/billet".to_owned())],
        ..WhmOptions::default()
    };
    let whm = Whm::start(options).await.expect("the simulator starts");
    for event in EVENTS {
        for stage in ["pre", "post"] {
            let script = capture.script(&format!("{event}-{stage}"), "1 captured");
            whm.manage_hooks_add("Whostmgr", event, stage, script).expect("registered");
        }
    }
    whm
}

/// One life of an account: every event once.
async fn live(whm: &Whm) {
    let client = whm.client();
    client.create_account("acmeone", "acme-one.example", "starter", "ops@acme-one.example").await.expect("created");
    client.change_package("acmeone", "pro").await.expect("changed");
    client
        .call("modifyacct", &[("user", "acmeone"), ("contactemail", "new@acme-one.example")])
        .await
        .expect("modified");
    client.suspend("acmeone", "Nonpayment").await.expect("suspended");
    client.unsuspend("acmeone").await.expect("unsuspended");
    client.remove("acmeone").await.expect("removed");
}

/// The members of an object and of the objects in it, as paths with the kind of value at their end.
fn shape(value: &Value) -> BTreeSet<String> {
    fn walk(path: &str, value: &Value, into: &mut BTreeSet<String>) {
        let kind = match value {
            Value::Object(members) => {
                members.iter().for_each(|(name, member)| walk(&format!("{path}/{name}"), member, into));
                return;
            }
            Value::Array(_) => "array",
            Value::String(_) => "string",
            Value::Number(_) => "number",
            Value::Bool(_) => "bool",
            Value::Null => "null",
        };
        into.insert(format!("{path}: {kind}"));
    }
    let mut paths = BTreeSet::new();
    walk("", value, &mut paths);
    paths
}

fn only(capture: &Capture, name: &str) -> Value {
    let inputs = capture.inputs(name);
    assert_eq!(inputs.len(), 1, "{name}");
    inputs[0].clone()
}

#[tokio::test]
async fn hooks_get_exactly_the_recorded_shapes() {
    let capture = Capture::new();
    let whm = whm_with_hooks(&capture).await;
    live(&whm).await;
    let recorded = [
        ("Accounts::Create-post", include_str!("../../recordings/cpanel-hooks/create-post.json")),
        ("Accounts::change_package-post", include_str!("../../recordings/cpanel-hooks/change_package-post.json")),
        ("Accounts::suspendacct-post", include_str!("../../recordings/cpanel-hooks/suspendacct-post.json")),
        ("Accounts::Remove-pre", include_str!("../../recordings/cpanel-hooks/remove-pre.json")),
    ];
    for (name, recorded) in recorded {
        let recorded: Value = serde_json::from_str(recorded).expect("a recording");
        let input = only(&capture, name);
        assert_eq!(shape(&input), shape(&recorded), "{name}");
        assert_eq!(input["context"], recorded["context"], "{name}");
        for member in ["stage", "exectype", "weight"] {
            assert_eq!(input["hook"][member], recorded["hook"][member], "{name}");
        }
    }
}

#[tokio::test]
async fn every_event_runs_pre_and_post_with_its_data() {
    let capture = Capture::new();
    let whm = whm_with_hooks(&capture).await;
    live(&whm).await;
    let data = |event: &str, stage: &str| only(&capture, &format!("{event}-{stage}"))["data"].clone();
    let create = data("Accounts::Create", "post");
    let password = create["pass"].as_str().expect("the clear password");
    assert_eq!(password.len(), 32);
    assert_eq!(
        create,
        json!({"user": "acmeone", "domain": "acme-one.example", "plan": "starter", "pass": password,
            "contactemail": "ops@acme-one.example", "owner": "root"})
    );
    assert_eq!(data("Accounts::Create", "pre"), create);
    let change = json!({"user": "acmeone", "cur_pkg": "starter", "new_pkg": "pro"});
    assert_eq!(data("Accounts::change_package", "pre"), change);
    assert_eq!(data("Accounts::change_package", "post"), change);
    let modify = json!({"user": "acmeone", "contactemail": "new@acme-one.example"});
    assert_eq!(data("Accounts::Modify", "pre"), modify);
    assert_eq!(data("Accounts::Modify", "post"), modify);
    let args = json!({"user": "acmeone", "reason": "Nonpayment", "disallowun": 0});
    assert_eq!(data("Accounts::suspendacct", "pre"), json!({"args": args}));
    let suspended = data("Accounts::suspendacct", "post");
    assert_eq!((&suspended["args"], &suspended["result"]), (&args, &1.into()));
    assert!(!suspended["output"].as_array().expect("lines").is_empty());
    let unsuspended = data("Accounts::unsuspendacct", "post");
    assert_eq!((&unsuspended["args"], &unsuspended["result"]), (&json!({"user": "acmeone"}), &1.into()));
    assert!(unsuspended["output"].is_array());
    assert_eq!(data("Accounts::Remove", "pre"), json!({"user": "acmeone"}));
    assert_eq!(data("Accounts::Remove", "post"), json!({"user": "acmeone"}));

    let runs = whm.hook_runs();
    assert_eq!(runs.len(), 12);
    for pair in runs.chunks(2) {
        assert_eq!((pair[0].stage, pair[1].stage), (Stage::Pre, Stage::Post), "pre comes first");
        assert_eq!(pair[0].event, pair[1].event);
    }
    assert!(runs.iter().all(|run| run.result == HookResult::Ok("captured".to_owned())));
}

#[tokio::test]
async fn a_refused_call_runs_no_hook() {
    let capture = Capture::new();
    let whm = whm_with_hooks(&capture).await;
    whm.client().create_account("acmeone", "acme-one.example", "gold", "").await.expect_err("no such package");
    whm.client().remove("ghost").await.expect_err("no such account");
    assert_eq!(whm.hook_runs(), []);
}

#[tokio::test]
async fn a_password_change_has_an_event_of_its_own() {
    let capture = Capture::new();
    let whm = whm_with_hooks(&capture).await;
    whm.manage_hooks_add("Passwd", "ChangePasswd", "post", capture.script("passwd", "1")).expect("registered");
    whm.client().create_account("acme", "acme.example", "pro", "").await.expect("created");
    whm.client().call("passwd", &[("user", "acme"), ("password", "n3w-Word")]).await.expect("set");
    let input = only(&capture, "passwd");
    assert_eq!((&input["context"]["category"], &input["context"]["event"]), (&"Passwd".into(), &"ChangePasswd".into()));
    assert_eq!(input["data"], json!({"user": "acme", "newpass": "n3w-Word"}));
}

#[tokio::test]
async fn scripts_get_a_bare_environment_and_the_simulated_time() {
    let capture = Capture::new();
    let whm = whm_with_hooks(&capture).await;
    let client = whm.client();
    client.create_account("one", "one.example", "pro", "").await.expect("created");
    whm.set_now(Utc.with_ymd_and_hms(2027, 1, 31, 22, 30, 0).single().expect("a time"));
    client.create_account("two", "two.example", "pro", "").await.expect("created");
    let environments = capture.environments("Accounts::Create-post");
    assert_eq!(environments.len(), 2);
    assert_eq!(variable(&environments[0], HOOK_AT), None, "no time is told on the machine's clock");
    assert_eq!(variable(&environments[1], HOOK_AT), Some("2027-01-31T22:30:00Z"));
    for environment in &environments {
        assert_eq!(variable(environment, "BILLET_SPOOL"), Some("/var/spool/billet"));
        assert!(variable(environment, "PATH").is_some());
        assert_eq!(variable(environment, "CARGO_MANIFEST_DIR"), None, "nothing of the caller's environment");
    }
}

#[tokio::test]
async fn what_a_script_prints_is_what_counts() {
    let whm = Whm::start(WhmOptions::default()).await.expect("the simulator starts");
    let cases = [
        ("echo '1 all good'", HookResult::Ok("all good".to_owned())),
        ("echo 1; exit 3", HookResult::Ok(String::new())),
        ("echo '0 no room'", HookResult::Refused("no room".to_owned())),
        ("echo hello", HookResult::Unclear("hello".to_owned())),
        ("true", HookResult::Unclear(String::new())),
        ("cat > /dev/null; echo '1 read all'", HookResult::Ok("read all".to_owned())),
        ("echo '1 first'; yes | head -c 1000000", HookResult::Ok("first".to_owned())),
        ("sleep 3 & echo '1 something stays behind'", HookResult::Ok("something stays behind".to_owned())),
    ];
    for (script, _) in &cases {
        whm.manage_hooks_add("Whostmgr", "Accounts::Create", "post", ["/bin/sh", "-c", script]).expect("registered");
    }
    whm.manage_hooks_add("Whostmgr", "Accounts::Create", "post", ["/nonexistent/hook"]).expect("registered");
    whm.client().create_account("acme", "acme.example", "default", "").await.expect("bad hooks do not stop it");
    let runs = whm.hook_runs();
    for (run, (script, expected)) in runs.iter().zip(&cases) {
        assert_eq!(&run.result, expected, "{script}");
    }
    assert!(matches!(&runs[cases.len()].result, HookResult::NotRun(why) if why.contains("/nonexistent/hook")));
}

#[tokio::test]
async fn a_script_that_hangs_is_killed_with_its_children() {
    let capture = Capture::new();
    let options = WhmOptions { hook_time_max: Duration::from_millis(300), ..WhmOptions::default() };
    let whm = Whm::start(options).await.expect("the simulator starts");
    let late = capture.path("late");
    let script = format!("(sleep 1; touch '{}') & sleep 60; echo 1", late.display());
    whm.manage_hooks_add("Whostmgr", "Accounts::Create", "post", ["/bin/sh", "-c", &script]).expect("registered");
    whm.client().create_account("acme", "acme.example", "default", "").await.expect("created all the same");
    assert_eq!(whm.hook_runs()[0].result, HookResult::TimedOut);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(!late.exists(), "what the script started is gone as well");
}

#[tokio::test]
async fn only_a_blocking_hook_stops_the_work() {
    let whm = Whm::start(WhmOptions::default()).await.expect("the simulator starts");
    let client = whm.client();
    let no = ["/bin/sh", "-c", "echo '0 not today'"];
    whm.manage_hooks_add("Whostmgr", "Accounts::Create", "pre", no).expect("registered");
    client.create_account("one", "one.example", "default", "").await.expect("a plain hook cannot stop it");
    let blocking = whm.manage_hooks_add_blocking("Whostmgr", "Accounts::Create", "pre", no).expect("registered");
    match client.create_account("two", "two.example", "default", "").await {
        Err(WhmError::Refused { reason, .. }) => {
            assert!(reason.ends_with("stopped this action: not today"), "{reason}");
        }
        other => panic!("not refused: {other:?}"),
    }
    assert!(whm.account("two").is_none());
    assert_eq!(whm.manage_hooks_list().len(), 2);
    assert!(whm.manage_hooks_delete(&blocking));
    assert!(!whm.manage_hooks_delete(&blocking));
    client.create_account("two", "two.example", "default", "").await.expect("nothing blocks now");
}

#[tokio::test]
async fn hooks_for_what_the_panel_does_not_report_are_refused() {
    let whm = Whm::start(WhmOptions::default()).await.expect("the simulator starts");
    let add = |category: &str, event: &str, stage: &str, argv: &[&str]| {
        whm.manage_hooks_add(category, event, stage, argv.iter().copied())
    };
    let unknown = add("Whostmgr", "Accounts::Paint", "post", &["/bin/true"]).expect_err("no such event");
    assert!(unknown.to_string().contains("Whostmgr Accounts::Create"), "it says what there is: {unknown}");
    assert!(matches!(
        add("Cpanel", "Accounts::Create", "post", &["/bin/true"]),
        Err(SimulatorError::UnknownEvent { .. })
    ));
    assert!(matches!(
        add("Whostmgr", "Accounts::Create", "later", &["/bin/true"]),
        Err(SimulatorError::UnknownStage(_))
    ));
    assert!(matches!(add("Whostmgr", "Accounts::Create", "post", &[]), Err(SimulatorError::NoCommand)));
    for _ in 0..100 {
        add("Whostmgr", "Accounts::Create", "post", &["/bin/true"]).expect("room for a hundred");
    }
    let full = add("Whostmgr", "Accounts::Create", "post", &["/bin/true"]);
    assert!(matches!(full, Err(SimulatorError::TooManyHooks { max: 100 })));
}

#[tokio::test]
async fn a_name_that_is_taken_while_the_hooks_run_is_refused() {
    let whm = Whm::start(WhmOptions::default()).await.expect("the simulator starts");
    let slow = ["/bin/sh", "-c", "sleep 0.3; echo 1"];
    whm.manage_hooks_add("Whostmgr", "Accounts::Create", "pre", slow).expect("registered");
    let client = whm.client();
    let (first, second) = tokio::join!(
        client.create_account("acme", "one.example", "default", ""),
        client.create_account("acme", "two.example", "default", ""),
    );
    assert_eq!(usize::from(first.is_ok()) + usize::from(second.is_ok()), 1, "{first:?}, {second:?}");
    assert_eq!(whm.hook_runs().len(), 2, "both passed the first check");
    assert_eq!(whm.accounts().len(), 1);
}

#[test]
fn options_do_not_show_the_values_of_the_hooks_environment() {
    let hook_env = vec![("BILLET_TOKEN".to_owned(), "t0ken-Value".to_owned())];
    let whm = format!("{:?}", WhmOptions { hook_env: hook_env.clone(), ..WhmOptions::default() });
    let plesk = format!("{:?}", PleskOptions { hook_env, ..PleskOptions::default() });
    for shown in [whm, plesk] {
        assert!(shown.contains("BILLET_TOKEN") && !shown.contains("t0ken-Value"), "{shown}");
    }
}
