use billet_domain::hook::Change;
use chrono::DateTime;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

macro_rules! sample {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/cpanel-hooks/", $name))
    };
}

fn stamp() -> Stamp {
    Stamp::new(DateTime::from_timestamp(1_795_521_600, 0))
}

fn read(input: &str) -> Captured {
    capture(input.as_bytes(), &stamp())
}

fn report(event: &str, stage: &str, data: &Value) -> Captured {
    read(&json!({ "context": { "category": "Whostmgr", "event": event, "stage": stage }, "data": data }).to_string())
}

fn hook(captured: Captured) -> Hook {
    match captured {
        Captured::Event(hook) => hook,
        other => panic!("an event was expected, not {other:?}"),
    }
}

fn unclear(captured: Captured) -> Unclear {
    match captured {
        Captured::Unclear(unclear) => unclear,
        other => panic!("it should be unclear, not {other:?}"),
    }
}

fn assert_nothing(captured: &Captured) {
    assert!(matches!(captured, Captured::Nothing(_)), "{captured:?}");
}

#[test]
fn the_samples_come_to_what_they_say() {
    let created = hook(read(sample!("create-post.json")));
    assert_eq!(created.external_ref, "acmeone");
    assert_eq!(created.source, "cPanel Whostmgr Accounts::Create post");
    assert_eq!(created.happened_at.to_rfc3339(), "2026-11-24T12:00:00+00:00");
    assert_eq!(
        created.change,
        Change::AccountCreated {
            package: "starter".into(),
            domain: "acme-one.example".into(),
            contact_email: "ops@acme-one.example".into(),
            owner: "root".into(),
        }
    );
    let changed = hook(read(sample!("change_package-post.json")));
    let change = Change::PackageChanged { from_package: "starter".into(), to_package: "pro".into() };
    assert_eq!((changed.external_ref.as_str(), changed.change), ("acmeone", change));
    let suspended = hook(read(sample!("suspendacct-post.json")));
    let change = Change::AccountSuspended { reason: "Nonpayment".into() };
    assert_eq!((suspended.external_ref.as_str(), suspended.change), ("acmeone", change));
    // Only about to happen.
    assert_nothing(&read(sample!("remove-pre.json")));
    let removed = hook(read(&sample!("remove-pre.json").replace("\"pre\"", "\"post\"")));
    assert_eq!((removed.external_ref.as_str(), removed.change), ("acmeone", Change::AccountTerminated));
}

#[test]
fn the_user_is_found_wherever_cpanel_puts_it() {
    for data in [
        json!({ "user": "acmeone" }),
        json!({ "args": { "user": "acmeone" } }),
        json!({ "username": "acmeone" }),
        json!({ "user": "", "args": { "user": " acmeone " } }),
    ] {
        let unsuspended = hook(report("Accounts::unsuspendacct", "post", &data));
        assert_eq!((unsuspended.external_ref.as_str(), unsuspended.change), ("acmeone", Change::AccountUnsuspended));
    }
    assert_eq!(hook(report("Accounts::Remove", "post", &json!({ "user": 12345 }))).external_ref, "12345");
}

#[test]
fn before_it_happened_nothing_happened() {
    for event in EVENTS {
        assert_nothing(&report(event, "pre", &json!({ "user": "acmeone", "new_pkg": "pro", "newuser": "acmetwo" })));
    }
}

#[test]
fn an_action_that_failed_did_not_happen() {
    for result in [json!(0), json!("0"), json!(""), json!(false), json!(0.0), json!([0, "Sorry"])] {
        assert_nothing(&report(
            "Accounts::suspendacct",
            "post",
            &json!({ "args": { "user": "acmeone" }, "result": result }),
        ));
    }
    for result in [json!(1), json!("1"), json!(true), json!([1, "OK"]), json!(null), json!({})] {
        hook(report("Accounts::suspendacct", "post", &json!({ "args": { "user": "acmeone" }, "result": result })));
    }
}

#[test]
fn events_that_do_not_concern_billing_are_left_at_that() {
    assert_nothing(&report("Accounts::SiteIP::set", "post", &json!({ "user": "acmeone" })));
    assert_nothing(&report(
        "Accounts::Modify",
        "post",
        &json!({ "user": "acmeone", "contactemail": "it@acme.example" }),
    ));
    assert_nothing(&report("Accounts::Modify", "post", &json!({ "user": "acmeone", "newuser": "acmeone" })));
    assert_nothing(&read(r#"{"context":{"category":"System","event":"Accounts::Create","stage":"post"},"data":{}}"#));
    assert_nothing(&read("{}"));
}

#[test]
fn a_new_name_is_for_a_person() {
    let renamed = unclear(report("Accounts::Modify", "post", &json!({ "user": "acmeone", "newuser": "acmetwo" })));
    assert_eq!(renamed.code, UnclearCode::Renamed);
    assert_eq!(
        renamed.reason,
        "acmeone is called acmetwo now: SubscriptionService.RenameAccount gives its subscription the new name"
    );
    assert!(!renamed.code.is_bad_input());
}

#[test]
fn a_package_that_is_applied_again_is_reported_again() {
    let data = json!({ "user": "acmeone", "cur_pkg": "pro", "new_pkg": "pro" });
    let change = Change::PackageChanged { from_package: "pro".into(), to_package: "pro".into() };
    assert_eq!(hook(report("Accounts::change_package", "post", &data)).change, change);
}

#[test]
fn what_cannot_be_told_is_unclear() {
    let code = |captured| unclear(captured).code;
    assert_eq!(code(report("Accounts::Remove", "post", &json!({}))), UnclearCode::Unnamed);
    assert_eq!(code(report("Accounts::Remove", "post", &json!("acmeone"))), UnclearCode::Unnamed);
    assert_eq!(code(report("Accounts::Remove", "main", &json!({ "user": "acmeone" }))), UnclearCode::StageUnknown);
    assert_eq!(code(report("Accounts::Remove", "post", &json!({ "user": "a\u{7}" }))), UnclearCode::BadName);
    assert_eq!(code(report("Accounts::Remove", "post", &json!({ "user": "a".repeat(254) }))), UnclearCode::BadName);
    assert_eq!(code(report("Accounts::change_package", "post", &json!({ "user": "a" }))), UnclearCode::PlanUnknown);
    for input in ["", "[1]", "\"text\"", "{", "{\"context\":", &"[".repeat(100_000), "nul"] {
        let unclear = unclear(read(input));
        assert_eq!(unclear.code, UnclearCode::Unreadable, "{input:.20}");
        assert!(unclear.code.is_bad_input());
    }
}

#[test]
fn bytes_that_are_not_utf8_are_for_text_and_not_for_names() {
    let bytes = |before: &str, wrong: &[u8], after: &str| [before.as_bytes(), wrong, after.as_bytes()].concat();
    let head = r#"{"context":{"category":"Whostmgr","event":"Accounts::suspendacct","stage":"post"},"data":{"user":"#;
    let suspended =
        hook(capture(&bytes(&format!("{head}\"acmeone\",\"reason\":\"f"), b"\xfc", "r immer\"}}"), &stamp()));
    assert_eq!(suspended.change, Change::AccountSuspended { reason: "f\u{FFFD}r immer".into() });
    let wrong = unclear(capture(&bytes(&format!("{head}\"k"), b"\xe4", "rcher\"}}"), &stamp()));
    assert_eq!((wrong.code, wrong.reason.as_str()), (UnclearCode::BadName, "`user` is not UTF-8"));
}

#[test]
fn optional_fields_never_hold_up_an_event() {
    let data = json!({ "user": "acmeone", "domain": "a\u{0}b", "contactemail": ["x"], "owner": "o".repeat(256) });
    let Change::AccountCreated { package, domain, contact_email, owner } =
        hook(report("Accounts::Create", "post", &data)).change
    else {
        panic!("it was created");
    };
    assert_eq!([package, domain, contact_email, owner], ["", "", "", ""]);
}

#[test]
fn no_secret_gets_into_what_is_kept_or_sent() {
    // Whatever carries it, whatever becomes of the report.
    let secret = "MUST-BE-REDACTED";
    let data = |user: Value| {
        json!({
            "user": user, "pass": secret, "password": secret, "rawout": format!("PassWord: {secret}"),
            "output": [format!("| PassWord: {secret}")], "args": { "pass": secret, "dbpass": secret },
            "metadata": { "output": { "raw": secret } }, "newcfg": { "cpuser": { "X": secret } },
        })
    };
    let captured = [
        report("Accounts::Create", "post", &data(json!("acmeone"))),
        report("Accounts::Create", "post", &data(json!(null))),
        report("Accounts::Create", "main", &data(json!("acmeone"))),
        report("Accounts::Modify", "post", &data(json!("acmeone"))),
        read(&format!("{{\"context\":{{}},\"data\":{{\"pass\":\"{secret}\"")),
        read(&format!("{{\"pass\":\"{secret}\" oops}}")),
        read(&format!("\"{secret}\"")),
    ];
    for captured in captured {
        assert!(!format!("{captured:?}").contains(secret), "{captured:?}");
    }
}

proptest! {
    #[test]
    fn no_input_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        capture(&bytes, &stamp());
    }

    #[test]
    fn no_json_makes_it_panic(user in ".{0,300}", plan in ".{0,300}", other in ".{0,40}", event in 0_usize..6) {
        let data = json!({ "user": user, "plan": plan, "new_pkg": plan, &other: { "user": other } });
        if let Captured::Event(hook) = report(EVENTS[event], "post", &data) {
            // What is sent is what the daemon takes.
            let now = DateTime::from_timestamp(1_795_521_600, 0).expect("a constant instant");
            let event = crate::proto::hook::encode(&hook, None);
            prop_assert_eq!(crate::proto::hook::decode(event, now).map(|report| report.hook), Ok(hook));
        }
    }
}
