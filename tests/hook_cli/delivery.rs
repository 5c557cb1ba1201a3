//! Nothing is lost, nothing takes effect twice, whatever becomes of the daemon and of us.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, SystemTime};

use tonic::Code;

use crate::daemon::{Daemon, Mode};
use crate::server::{NOWHERE, PanelServer, report, spawn, wait_until};

const NONE: [&str; 0] = [];

/// Fills the spool while nothing listens.
fn spool(server: &PanelServer, users: &[&str]) {
    for user in users {
        let said = server.cpanel(NOWHERE, &report("Accounts::Remove", user));
        assert_eq!(said.code, 0, "{said:?}");
        let wanted = format!("1 billet: {user} terminated: kept in the spool: cannot reach {NOWHERE}");
        assert!(said.out.starts_with(&wanted), "{said:?}");
        assert!(said.err.contains("cannot reach"), "{said:?}");
    }
}

#[test]
fn what_the_daemon_missed_comes_with_the_next_call_and_in_order() {
    let server = PanelServer::new();
    spool(&server, &["first", "second"]);
    let waiting = server.waiting();
    assert_eq!(waiting.len(), 2);
    let status = server.run(&mut server.command(&["status"])).out;
    assert!(status.contains("waiting   2, the oldest since "), "{status}");
    assert!(status.contains(": first terminated\nrejected  none"), "{status}");

    let daemon = Daemon::start(Mode::Take);
    let said = server.cpanel(&daemon.url(), &report("Accounts::Remove", "third"));
    assert_eq!(said.out, "1 billet: third terminated: applied\n");
    assert_eq!(daemon.refs(), ["first", "second", "third"]);
    let ids: Vec<_> = daemon.seen().taken.iter().map(|event| format!("{}.json", event.event_id)).collect();
    assert_eq!(ids[..2], waiting, "the ids of then");
    assert_eq!(server.waiting(), NONE);
}

#[test]
fn a_call_that_is_killed_before_the_answer_is_delivered_once() {
    let (daemon, server) = (Daemon::start(Mode::Silent), PanelServer::new());
    let mut command = server.command(&["cpanel"]);
    command.env("BILLET_HOOK_URL", daemon.url()).env("BILLET_HOOK_DEADLINE_MS", "60000");
    let mut child = spawn(&mut command, &report("Accounts::Remove", "acmeone"));
    wait_until("the event is in the spool", || server.waiting().len() == 1);
    wait_until("the call has come", || daemon.seen().call_count == 1);
    child.kill().expect("SIGKILL");
    child.wait().expect("it is gone");
    assert_eq!(server.waiting().len(), 1);

    daemon.set(Mode::Take);
    // The lock went with its process.
    let said = server.flush(&daemon, &[]);
    assert_eq!((said.out.as_str(), said.code), ("delivered 1, rejected 0, waiting 0\n", 0));
    assert_eq!(daemon.refs(), ["acmeone"]);
    assert_eq!(server.flush(&daemon, &[]).out, "delivered 0, rejected 0, waiting 0\n");
    assert_eq!(daemon.seen().repeated, NONE);
}

#[test]
fn a_call_that_is_killed_after_the_daemon_took_it_takes_effect_once() {
    let (daemon, server) = (Daemon::start(Mode::Take), PanelServer::new());
    spool(&server, &["acmeone"]);
    let entry = server.path("spool").join(&server.waiting()[0]);
    let content = fs::read(&entry).expect("it is there");
    server.flush(&daemon, &[]);
    // As if the kill came between the daemon's answer and the removal.
    fs::write(&entry, content).expect("there is room");
    server.flush(&daemon, &[]);
    assert_eq!(daemon.refs(), ["acmeone"]);
    assert_eq!(daemon.seen().repeated.len(), 1);
    assert_eq!(server.waiting(), NONE);
}

#[test]
fn wherever_a_call_is_killed_its_event_takes_effect_at_most_once_and_is_never_half_there() {
    let (daemon, server) = (Daemon::start(Mode::Take), PanelServer::new());
    let mut finished = Vec::new();
    for number in 0..120 {
        let user = format!("account{number}");
        let mut command = server.command(&["cpanel"]);
        command.env("BILLET_HOOK_URL", daemon.url());
        let mut child = spawn(&mut command, &report("Accounts::Remove", &user));
        // From the very beginning of a call to well after its end.
        thread::sleep(Duration::from_micros(number * 250));
        child.kill().expect("SIGKILL, or it is gone already");
        if child.wait().expect("it is gone").success() {
            finished.push(user);
        }
    }
    // What was cut off looks to the next delivery as if it had been for more than a minute.
    for entry in fs::read_dir(server.path("spool")).expect("it is there") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "draft") {
            let file = fs::OpenOptions::new().write(true).open(&path).expect("it is ours");
            file.set_modified(SystemTime::now() - Duration::from_secs(120)).expect("it is ours");
        }
    }
    assert_eq!(server.flush(&daemon, &[]).code, 0);
    let refs = daemon.refs();
    let distinct: BTreeSet<_> = refs.iter().cloned().collect();
    assert_eq!(refs.len(), distinct.len(), "an event took effect twice: {refs:?}");
    for user in &finished {
        assert!(distinct.contains(user), "{user} was answered for, and is lost");
    }
    assert_eq!(server.waiting(), NONE);
}

#[test]
fn a_daemon_that_never_answers_holds_the_panel_up_no_longer_than_the_deadline() {
    let (daemon, server) = (Daemon::start(Mode::Silent), PanelServer::new());
    let mut command = server.command(&["cpanel", "--deadline-ms", "300"]);
    let said = server.feed(command.env("BILLET_HOOK_URL", daemon.url()), &report("Accounts::Remove", "acmeone"));
    assert_eq!(said.code, 0);
    assert!(said.out.contains("kept in the spool: the daemon did not answer in time (TIMEOUT)"), "{said:?}");
    assert_eq!(server.waiting().len(), 1);
}

#[test]
fn two_panels_at_once_lose_nothing_and_keep_their_order() {
    const CALLS: usize = 50;
    let (daemon, server) = (Daemon::start(Mode::Take), PanelServer::new());
    let barrier = Barrier::new(2);
    thread::scope(|scope| {
        for panel in ["left", "right"] {
            let (daemon, server, barrier) = (&daemon, &server, &barrier);
            scope.spawn(move || {
                barrier.wait();
                for number in 0..CALLS {
                    let user = format!("{panel}{number}");
                    let said = server.cpanel(&daemon.url(), &report("Accounts::change_package", &user));
                    assert_eq!(said.code, 0, "{said:?}");
                    assert!(said.out.starts_with(&format!("1 billet: {user} package changed: ")), "{said:?}");
                }
            });
        }
    });
    // Whoever found the lock taken left its event to the one who had it, who looks once more before it goes.
    assert_eq!(server.waiting(), NONE);
    assert_eq!(daemon.seen().repeated, NONE);
    for panel in ["left", "right"] {
        let refs: Vec<_> = daemon.refs().into_iter().filter(|user| user.starts_with(panel)).collect();
        let wanted: Vec<_> = (0..CALLS).map(|number| format!("{panel}{number}")).collect();
        assert_eq!(refs, wanted);
    }
}

#[test]
fn what_is_refused_for_good_steps_aside_with_its_reason() {
    let server = PanelServer::new();
    spool(&server, &["first", "invalid1", "second", "invalid2", "third"]);
    let daemon = Daemon::start(Mode::Take);
    let said = server.flush(&daemon, &[]);
    assert_eq!((said.out.as_str(), said.code), ("delivered 3, rejected 2, waiting 0\n", 0), "{said:?}");
    assert_eq!(daemon.refs(), ["first", "second", "third"]);
    assert_eq!(daemon.seen().repeated, NONE);
    assert_eq!(server.rejected().len(), 4, "each with a reason beside it");
    let status = server.run(&mut server.command(&["status"])).out;
    assert!(status.contains("waiting   none\nrejected  2:"), "{status}");
    assert!(
        status.contains("INVALID_ARGUMENT: external_ref: told to refuse it\n    invalid1 terminated, "),
        "{status}"
    );

    // The panel hears of it at once when it is its own event.
    let said = server.cpanel(&daemon.url(), &report("Accounts::Remove", "invalid3"));
    let wanted = "1 billet: invalid3 terminated: refused by the daemon: external_ref: told to refuse it\n";
    assert_eq!((said.out.as_str(), said.code), (wanted, 0));

    // Once the daemon is mended.
    let text = fs::read_to_string(server.path("spool/rejected").join(&server.rejected()[0])).expect("it is there");
    assert!(text.contains("invalid1"), "{text}");
    let said = server.flush(&daemon, &["--retry-rejected"]);
    assert_eq!(said.out, "3 rejected events wait again\ndelivered 0, rejected 3, waiting 0\n");
}

#[test]
fn an_event_that_the_daemon_fails_at_holds_up_no_other() {
    let server = PanelServer::new();
    spool(&server, &["first", "broken1", "second", "broken2", "third"]);
    let daemon = Daemon::start(Mode::Take);
    let said = server.flush(&daemon, &[]);
    assert_eq!((said.out.as_str(), said.code), ("delivered 3, rejected 0, waiting 2\n", 69), "{said:?}");
    assert!(said.err.contains("told to fail at it (INTERNAL)"), "{said:?}");
    assert_eq!(daemon.refs(), ["first", "second", "third"]);
    assert_eq!(server.waiting().len(), 2, "they stay for a daemon without the defect");
}

#[test]
fn an_entry_that_cannot_be_read_holds_up_no_other() {
    let server = PanelServer::new();
    spool(&server, &["first"]);
    // Damaged, and not even a file.
    let at = |name: &str| server.path("spool").join(name);
    fs::write(at("00000000-0000-7000-8000-000000000001.json"), "{\"schema\":1,").expect("there is room");
    fs::create_dir(at("00000000-0000-7000-8000-000000000002.json")).expect("there is room");
    let daemon = Daemon::start(Mode::Take);
    let said = server.flush(&daemon, &[]);
    assert_eq!((said.out.as_str(), said.code), ("delivered 1, rejected 1, waiting 1\n", 69), "{said:?}");
    assert!(said.err.contains("cannot read"), "{said:?}");
    assert_eq!(daemon.refs(), ["first"]);
}

#[test]
fn a_caller_who_is_not_let_in_keeps_everything() {
    let (daemon, server) = (Daemon::start(Mode::Refuse(Code::Unauthenticated)), PanelServer::new());
    spool(&server, &["first", "second"]);
    for code in [Code::Unauthenticated, Code::PermissionDenied, Code::Unavailable, Code::ResourceExhausted] {
        daemon.set(Mode::Refuse(code));
        let said = server.flush(&daemon, &[]);
        assert_eq!((said.out.as_str(), said.code), ("delivered 0, rejected 0, waiting 2\n", 69), "{said:?}");
    }
    let said = server.cpanel(&daemon.url(), &report("Accounts::Remove", "third"));
    assert_eq!(said.code, 0);
    assert!(said.out.contains("third terminated: kept in the spool: told to (RESOURCE_EXHAUSTED)"), "{said:?}");
    daemon.set(Mode::Take);
    assert_eq!(server.flush(&daemon, &[]).code, 0);
    assert_eq!(daemon.refs(), ["first", "second", "third"]);
}

#[test]
fn a_stream_that_breaks_off_goes_on_where_it_was() {
    let (daemon, server) = (Daemon::start(Mode::BreakAfter(4)), PanelServer::new());
    let users: Vec<String> = (0..10).map(|number| format!("account{number}")).collect();
    spool(&server, &users.iter().map(String::as_str).collect::<Vec<_>>());
    let said = server.flush(&daemon, &[]);
    assert_eq!((said.out.as_str(), said.code), ("delivered 4, rejected 0, waiting 6\n", 69), "{said:?}");
    daemon.set(Mode::SayNothing);
    let said = server.flush(&daemon, &[]);
    assert_eq!(said.out, "delivered 0, rejected 0, waiting 6\n", "an answer that says nothing is none");
    daemon.set(Mode::Take);
    assert_eq!(server.flush(&daemon, &[]).out, "delivered 6, rejected 0, waiting 0\n");
    assert_eq!(daemon.refs(), users);
    assert_eq!(daemon.seen().repeated, NONE);
}

#[test]
fn flush_can_wait_for_the_daemon() {
    let (daemon, server) = (Daemon::start(Mode::Refuse(Code::Unavailable)), PanelServer::new());
    spool(&server, &["first", "second"]);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| server.flush(&daemon, &["--wait"]));
        thread::sleep(Duration::from_millis(300));
        assert!(!waiting.is_finished());
        daemon.set(Mode::Take);
        let said = waiting.join().expect("no panic");
        assert_eq!((said.out.as_str(), said.code), ("delivered 2, rejected 0, waiting 0\n", 0), "{said:?}");
    });
    // Nothing that waiting could mend.
    spool(&server, &["third"]);
    daemon.set(Mode::Refuse(Code::PermissionDenied));
    let said = server.flush(&daemon, &["--wait"]);
    assert_eq!((said.out.as_str(), said.code), ("delivered 0, rejected 0, waiting 1\n", 69), "{said:?}");
}

#[test]
fn who_finds_the_lock_taken_leaves_the_event_and_goes() {
    let (daemon, server) = (Daemon::start(Mode::Take), PanelServer::new());
    spool(&server, &["first"]);
    let lock = fs::File::open(server.path("spool/lock")).expect("it is there");
    lock.lock().expect("nobody has it");
    let said = server.cpanel(&daemon.url(), &report("Accounts::Remove", "second"));
    assert_eq!(said.out, "1 billet: second terminated: kept in the spool: another delivery is under way\n");
    assert_eq!(server.flush(&daemon, &[]).code, 75);
    assert_eq!(daemon.refs(), NONE);
    lock.unlock().expect("it is ours");
    assert_eq!(server.flush(&daemon, &[]).code, 0);
    assert_eq!(daemon.refs(), ["first", "second"]);
}

#[test]
fn without_a_spool_the_daemon_still_hears_of_it() {
    let (daemon, server) = (Daemon::start(Mode::Take), PanelServer::new());
    let file = server.write("file", "");
    let call = |url: &str, user: &str| {
        let mut command = server.command(&["cpanel"]);
        command.env("BILLET_HOOK_SPOOL", file.join("spool")).env("BILLET_HOOK_URL", url);
        server.feed(&mut command, &report("Accounts::Remove", user))
    };
    let said = call(&daemon.url(), "acmeone");
    assert_eq!((said.out.as_str(), said.code), ("1 billet: acmeone terminated: applied\n", 0));
    assert!(said.err.contains("cannot create"), "{said:?}");
    assert_eq!(daemon.refs(), ["acmeone"]);
    // The one case that cannot be mended is the one that cPanel has to log.
    let said = call(NOWHERE, "acmetwo");
    assert!(said.out.starts_with("0 billet: acmetwo terminated: LOST: cannot create"), "{said:?}");
    assert_eq!(said.code, 74);
}

#[test]
fn wrong_settings_lose_no_event() {
    let (daemon, server) = (Daemon::start(Mode::Take), PanelServer::new());
    server.write("hook.toml", "tokenfile = \"/etc/billet/hook.token\"\n");
    let said = server.cpanel(&daemon.url(), &report("Accounts::Remove", "acmeone"));
    assert_eq!(said.code, 0);
    assert!(said.out.contains("kept in the spool: in "), "{said:?}");
    assert!(said.err.contains("line 1: unknown field `tokenfile`"), "{said:?}");
    let status = server.run(&mut server.command(&["status"]));
    assert!(status.out.contains("waiting   1, the oldest"), "{status:?}");
    assert_eq!(status.code, 78);
    assert_eq!(server.flush(&daemon, &[]).code, 78);
    server.write("hook.toml", "");
    assert_eq!(server.flush(&daemon, &[]).code, 0);
    assert_eq!(daemon.refs(), ["acmeone"]);
}

#[test]
fn many_events_go_in_one_stream_and_a_call_takes_a_bounded_part() {
    const COUNT: usize = 700;
    let server = PanelServer::new();
    spool(&server, &["seed"]);
    let seed = fs::read_to_string(server.path("spool").join(&server.waiting()[0])).expect("it is there");
    let seed_id = server.waiting()[0].trim_end_matches(".json").to_owned();
    let ids: BTreeSet<String> = (1..COUNT).map(|number| format!("{}{number:012}", &seed_id[..24])).collect();
    for id in &ids {
        fs::write(server.path("spool").join(format!("{id}.json")), seed.replace(&seed_id, id)).expect("there is room");
    }
    assert_eq!(server.waiting().len(), COUNT);
    let daemon = Daemon::start(Mode::Take);
    let said = server.cpanel(&daemon.url(), &report("Accounts::Remove", "last"));
    assert_eq!(said.out, "1 billet: last terminated: kept in the spool: others are delivered first\n");
    assert_eq!(daemon.refs().len(), 200);
    assert_eq!(server.flush(&daemon, &[]).out, format!("delivered {}, rejected 0, waiting 0\n", COUNT + 1 - 200));
    assert_eq!(daemon.refs().last().map(String::as_str), Some("last"));
    assert_eq!(daemon.seen().repeated, NONE);
}

#[test]
fn a_private_certificate_authority_is_trusted_when_it_is_named() {
    let (ca, certificate, key) = certificates();
    let (daemon, server) = (Daemon::start_tls(&certificate, &key), PanelServer::new());
    let ca = server.write("ca.pem", &ca);
    let url = format!("https://localhost:{}", daemon.address.port());
    let call = |arguments: &[&str], user: &str| {
        let mut command = server.command(&[&["cpanel"], arguments].concat());
        server.feed(command.env("BILLET_HOOK_URL", &url), &report("Accounts::Remove", user))
    };
    let said = call(&[], "first");
    assert!(said.out.contains("kept in the spool: cannot reach https://localhost"), "{said:?}");
    let said = call(&["--ca-file", ca.to_str().expect("UTF-8")], "second");
    assert_eq!(said.out, "1 billet: second terminated: applied\n");
    assert_eq!(daemon.refs(), ["first", "second"]);
}

/// A certificate authority, and a certificate for `localhost` with its key; all PEM.
fn certificates() -> (String, String, String) {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("signed");
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    let certificate = params.signed_by(&key, &ca).expect("signed");
    (ca.pem(), certificate.pem(), key.serialize_pem())
}
