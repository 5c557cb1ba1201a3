//! What panels write, and what arrives.

use std::fs;

use billet::proto::billet::v1::hook_event::Change;
use billet::proto::billet::v1::{
    AccountCreated, AccountSuspended, AccountTerminated, AccountUnsuspended, PackageChanged,
};

use crate::daemon::{Daemon, Mode};
use crate::server::{NOWHERE, PanelServer, report};

fn sample(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/fixtures/cpanel-hooks/{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read(path).expect("the sample is there")
}

#[test]
fn the_samples_of_cpanel_arrive() {
    let (daemon, server) = (Daemon::start(Mode::Take), PanelServer::new());
    let said: Vec<_> = ["create-post.json", "change_package-post.json", "suspendacct-post.json", "remove-pre.json"]
        .map(|name| server.cpanel(&daemon.url(), &sample(name)))
        .into();
    let lines: Vec<_> = said.iter().map(|said| said.out.as_str()).collect();
    assert_eq!(
        lines,
        [
            "1 billet: acmeone created: applied\n",
            "1 billet: acmeone package changed: applied\n",
            "1 billet: acmeone suspended: applied\n",
            "1 billet: nothing to report: Accounts::Remove is only about to happen\n",
        ]
    );
    assert!(said.iter().all(|said| said.code == 0 && said.err.is_empty()), "{said:?}");
    server.cpanel(&daemon.url(), &report("Accounts::Remove", "acmeone"));
    let seen = daemon.seen();
    assert!(seen.taken.iter().all(|event| event.external_ref == "acmeone" && event.instance_id.is_empty()));
    let changes: Vec<_> = seen.taken.iter().filter_map(|event| event.change.clone()).collect();
    assert_eq!(
        changes,
        [
            Change::AccountCreated(AccountCreated {
                package: "starter".into(),
                domain: "acme-one.example".into(),
                contact_email: "ops@acme-one.example".into(),
                owner: "root".into(),
            }),
            Change::PackageChanged(PackageChanged { from_package: "starter".into(), to_package: "pro".into() }),
            Change::AccountSuspended(AccountSuspended { reason: "Nonpayment".into() }),
            Change::AccountTerminated(AccountTerminated {}),
        ]
    );
    assert_eq!(server.waiting(), [""; 0]);
}

#[test]
fn events_can_be_backdated_and_carry_the_instance() {
    let (daemon, server) = (Daemon::start(Mode::Take), PanelServer::new());
    let mut command = server.command(&["cpanel", "--at", "2026-01-31T23:30:00.5+02:00", "--instance", "ins_12"]);
    server.feed(command.env("BILLET_HOOK_URL", daemon.url()), &report("Accounts::Remove", "acmeone"));
    let seen = daemon.seen();
    assert_eq!(seen.taken[0].instance_id, "ins_12");
    let at = seen.taken[0].happened_at.expect("it is stamped");
    assert_eq!((at.seconds, at.nanos), (1_769_895_000, 500_000_000));

    let said = server.run(&mut server.command(&["cpanel", "--at", "yesterday"]));
    assert_eq!(said.code, 2);
    assert!(said.err.contains("not an RFC 3339 time"), "{}", said.err);
}

#[test]
fn input_that_is_no_report_is_kept_aside_and_never_fails_the_panel() {
    let server = PanelServer::new();
    let large = [br#"{"data":""#.as_slice(), &vec![b'x'; 9 << 20], br#""}"#].concat();
    for (input, code, wanted) in [
        (b"{\"context\":".to_vec(), 65, "1 billet: not understood: the input is not JSON"),
        (b"\xff\xfe\x00".to_vec(), 65, "1 billet: not understood: the input is not JSON"),
        (b"[]".to_vec(), 65, "1 billet: not understood: the input is not a JSON object"),
        (large, 65, "1 billet: not understood: the input is larger than 8 MiB"),
        (report("Accounts::Remove", ""), 0, "1 billet: not understood: the report names no user"),
    ] {
        let said = server.cpanel(NOWHERE, &input);
        assert_eq!(said.code, code, "{said:?}");
        assert!(said.out.starts_with(wanted), "{said:?}");
        assert_eq!(said.out.lines().count(), 1, "cPanel reads one line");
        assert!(!said.err.is_empty());
    }
    // The daemon is told of each, as soon as it can be reached.
    assert_eq!(server.waiting().len(), 5);
    let status = server.run(&mut server.command(&["status", "--json"])).out;
    let status: serde_json::Value = serde_json::from_str(&status).expect("it is JSON");
    assert_eq!((&status["waiting_count"], &status["rejected_count"]), (&5.into(), &0.into()));

    let daemon = Daemon::start(Mode::Take);
    assert_eq!(server.flush(&daemon, &[]).out, "delivered 5, rejected 0, waiting 0\n");
    let told: Vec<_> = daemon.seen().taken.iter().filter_map(|event| event.change.clone()).collect();
    let told: Vec<_> = told
        .iter()
        .map(|change| match change {
            Change::UnclearReport(report) => (report.code.as_str(), report.facts_json.contains("xxx")),
            other => panic!("{other:?}"),
        })
        .collect();
    let wanted =
        [("UNREADABLE", false), ("UNREADABLE", false), ("UNREADABLE", false), ("TOO_LARGE", false), ("UNNAMED", false)];
    assert_eq!(told, wanted, "what came in stays where it is");
    assert_eq!(server.rejected(), [""; 0]);
    let refs = daemon.refs();
    assert!(refs.iter().all(|one| one.starts_with('?')), "{refs:?}");
}

#[test]
fn plesk_is_asked_for_the_plan() {
    let (daemon, server) = (Daemon::start(Mode::Take), PanelServer::new());
    // Answers like `plesk db -Ne`, and leaves behind how it was called and in which environment.
    let asked = server.path("asked");
    let plesk =
        server.script("plesk", &format!("{{ echo \"$@\"; env; }} >> {}\necho 'Gold (2026)'\n", asked.display()));
    server.write("hook.toml", &format!("plesk = \"{}\"\n", plesk.display()));
    let url = daemon.url();
    let new = [("NEW_DOMAIN_NAME", "acme-one.example"), ("NEW_PASSWORD", "MUST-BE-REDACTED")];
    assert_eq!(server.plesk(&url, "domain_create", &new).out, "acme-one.example created: applied\n");
    server.plesk(&url, "domain_limits_update", &new);
    server.plesk(&url, "domain_status_update", &[new[0], ("OLD_STATUS", "0"), ("NEW_STATUS", "16")]);
    server.plesk(&url, "domain_status_update", &[new[0], ("OLD_STATUS", "16"), ("NEW_STATUS", "0")]);
    server.plesk(&url, "domain_delete", &[("OLD_DOMAIN_NAME", "acme-one.example")]);
    let said = server.plesk(&url, "client_create", &[("NEW_LOGIN_NAME", "acme")]);
    assert!(said.out.starts_with("nothing to report"), "{said:?}");

    let changes: Vec<_> = daemon.seen().taken.iter().filter_map(|event| event.change.clone()).collect();
    let package = "Gold (2026)".to_owned();
    assert_eq!(
        changes,
        [
            Change::AccountCreated(AccountCreated {
                package: package.clone(),
                domain: "acme-one.example".into(),
                ..Default::default()
            }),
            Change::PackageChanged(PackageChanged { from_package: String::new(), to_package: package }),
            Change::AccountSuspended(AccountSuspended { reason: "suspended by the administrator".into() }),
            Change::AccountUnsuspended(AccountUnsuspended {}),
            Change::AccountTerminated(AccountTerminated {}),
        ]
    );
    let asked = fs::read_to_string(asked).expect("it was asked");
    assert!(asked.contains("db -Ne SELECT t.name FROM domains d"), "{asked}");
    assert!(!asked.contains("MUST-BE-REDACTED"), "Plesk's passwords go to no other program");
    assert_eq!(server.waiting(), [""; 0]);
}

#[test]
fn a_plesk_that_does_not_answer_holds_nothing_up() {
    let (daemon, server) = (Daemon::start(Mode::Take), PanelServer::new());
    let slow = server.script("plesk", "sleep 30\n");
    server.write("hook.toml", &format!("plesk = \"{}\"\n", slow.display()));
    let new = [("NEW_DOMAIN_NAME", "acme-one.example")];
    // The account is there: it is reported, and a person tells the daemon its plan.
    let said = server.plesk(&daemon.url(), "domain_create", &new);
    assert_eq!((said.out.as_str(), said.code), ("acme-one.example created: applied\n", 0));
    // Whether the plan changed, nobody knows.
    let said = server.plesk(&daemon.url(), "domain_limits_update", &new);
    assert!(said.out.contains("its service plan could not be read: Plesk did not answer in time"), "{said:?}");
    assert_eq!((server.rejected().len(), server.waiting().len()), (0, 0));
    let refs = daemon.refs();
    assert_eq!((refs.len(), refs[0].as_str()), (2, "acme-one.example"));
    assert!(refs[1].starts_with('?'), "a person is told: {refs:?}");
}

#[test]
fn an_own_command_can_tell_the_plan() {
    let (daemon, server) = (Daemon::start(Mode::Take), PanelServer::new());
    let own = server.script("plan-of", "test \"$1 $2\" = '-q acme.example' && echo Silver\n");
    server.write("hook.toml", &format!("plan_command = [\"{}\", \"-q\"]\n", own.display()));
    server.plesk(&daemon.url(), "domain_update", &[("NEW_DOMAIN_NAME", "acme.example")]);
    let change = PackageChanged { from_package: String::new(), to_package: "Silver".into() };
    assert_eq!(daemon.seen().taken[0].change, Some(Change::PackageChanged(change)));
}

#[test]
fn cpanel_is_registered_by_a_script_and_its_hooks() {
    let (daemon, server) = (Daemon::start(Mode::Take), PanelServer::new());
    let calls = server.path("calls");
    let manage_hooks =
        server.script("manage_hooks", &format!("echo \"$@\" >> {}\ntest $1 != delete\n", calls.display()));
    let script = server.path("billet-hook");
    let (script, manage_hooks) = (script.to_str().expect("UTF-8"), manage_hooks.to_str().expect("UTF-8").to_owned());
    let arguments = ["cpanel", "--register", "--script", script, "--manage-hooks", &manage_hooks];

    let printed = server.run(&mut server.command(&arguments));
    assert_eq!(printed.code, 0);
    assert!(!calls.exists(), "printing runs nothing");
    let line = format!(
        "{manage_hooks} add script {script} --manual --category Whostmgr --event Accounts::Remove --stage post\n"
    );
    assert!(printed.out.contains(&line), "{}", printed.out);

    // What it is registered with it is called with: cPanel hands no environment to hooks.
    let mut register = server.command(&[&arguments[..], &["--run"]].concat());
    let run = server.run(register.env("BILLET_HOOK_URL", daemon.url()));
    assert_eq!(run.code, 0, "{run:?}");
    let calls = fs::read_to_string(calls).expect("it was called");
    assert_eq!(calls.lines().filter(|line| line.starts_with("add script")).count(), 6);
    assert_eq!(calls.lines().filter(|line| line.starts_with("delete script")).count(), 6);

    // The script that was written is what cPanel calls: with a report, and with --describe.
    let call = |arguments: &[&str], input: &[u8]| {
        let mut command = std::process::Command::new(script);
        server.feed(command.args(arguments).env_clear(), input)
    };
    assert_eq!(call(&[], &report("Accounts::Remove", "acmeone")).out, "1 billet: acmeone terminated: applied\n");
    let described: serde_json::Value = serde_json::from_str(&call(&["--describe"], b"").out).expect("it is JSON");
    assert_eq!(described.as_array().map(Vec::len), Some(6));
    let hook = serde_json::json!({
        "category": "Whostmgr", "event": "Accounts::Create", "stage": "post", "exectype": "script",
        "hook": script,
    });
    assert_eq!(described[0], hook);
}

#[test]
fn plesk_is_registered_once() {
    let server = PanelServer::new();
    let handlers = server.path("handlers");
    let file = handlers.display();
    // Like Plesk's event_handler: --create keeps what it is given, --list shows it.
    let plesk = server.script(
        "plesk",
        &format!(
            "case \"$3\" in --create) shift 3; echo \"$@\" >> {file};; --list) cat {file} 2>/dev/null; true;; esac\n"
        ),
    );
    server.write("hook.toml", &format!("plesk = \"{}\"\n", plesk.display()));
    for _ in 0..2 {
        let said = server.run(&mut server.command(&["plesk", "--register", "--run"]));
        assert_eq!(said.code, 0, "{said:?}");
    }
    let handlers = fs::read_to_string(handlers).expect("handlers were created");
    assert_eq!(handlers.lines().count(), 6, "{handlers}");
    let (config, spool) = (server.path("hook.toml").display().to_string(), server.path("spool").display().to_string());
    let first = handlers.lines().next().expect("one");
    assert!(
        first.ends_with(&format!(
            "hook plesk --event domain_create --config {config} --url {NOWHERE} --spool {spool} -priority 50 -user root -event domain_create"
        )),
        "{first}"
    );
}
