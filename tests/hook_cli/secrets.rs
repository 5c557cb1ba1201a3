//! No password is ever on disk, on the wire or in what is printed.

use crate::daemon::{Daemon, Mode};
use crate::server::{NOWHERE, PanelServer, Said};

const SECRET: &str = "MUST-BE-REDACTED";

fn create(stage: &str, user: &str) -> Vec<u8> {
    let context = format!(r#"{{"category":"Whostmgr","event":"Accounts::Create","stage":"{stage}"}}"#);
    let data = format!(
        r#"{{"user":"{user}","plan":"starter","domain":"acme.example","pass":"{SECRET}","password":"{SECRET}",
            "output":["| PassWord: {SECRET}"],"rawout":"{SECRET}","args":{{"pass":"{SECRET}"}},"result":[1,"{SECRET}"]}}"#
    );
    format!(r#"{{"context":{context},"data":{data},"hook":{{"stage":"{stage}"}}}}"#).into_bytes()
}

fn calls(server: &PanelServer, url: &str) -> Vec<Said> {
    let broken = [create("post", "acmeone"), b"}".to_vec()].concat();
    let half = &create("post", "acmeone")[..300];
    let names: Vec<Vec<u8>> = ["post", "pre", "main"].map(|stage| create(stage, "acmeone")).into();
    let mut said: Vec<_> = names.iter().map(|report| server.cpanel(url, report)).collect();
    said.extend([&broken, half, &create("post", "a\\u0007"), &create("post", "")].map(|it| server.cpanel(url, it)));
    let passwords = [("NEW_PASSWORD", SECRET), ("OLD_PASSWORD", SECRET), ("NEW_SYSTEM_USER_PASSWORD", SECRET)];
    for event in ["domain_create", "domain_update", "domain_status_update", "reseller_create", "client_create", "wrong"]
    {
        let names = [("NEW_DOMAIN_NAME", "acme.example"), ("NEW_LOGIN_NAME", "acme"), ("NEW_STATUS", "16")];
        said.push(server.plesk(url, event, &[&names[..], &passwords].concat()));
        said.push(server.plesk(url, event, &passwords));
    }
    said.push(server.run(&mut server.command(&["status"])));
    said.push(server.run(&mut server.command(&["status", "--json"])));
    said
}

#[test]
fn passwords_stay_with_the_panel() {
    let (daemon, server) = (Daemon::start(Mode::Take), PanelServer::new());
    for url in [&daemon.url(), NOWHERE] {
        let said = calls(&server, url);
        assert!(!format!("{said:?}").contains(SECRET), "{said:?}");
    }
    let disk = server.disk();
    assert!(disk.contains("acmeone"), "something is on the disk: {disk}");
    assert!(!disk.contains(SECRET), "{disk}");
    server.flush(&daemon, &[]);
    let wire = String::from_utf8_lossy(&daemon.seen().bytes).into_owned();
    assert!(wire.contains("acmeone"), "something was sent");
    assert!(!wire.contains(SECRET));
}

#[test]
fn the_token_is_sent_and_not_shown() {
    let (daemon, server) = (Daemon::start(Mode::Take), PanelServer::new());
    let token = server.write("token", "bil_s3cr3t\n");
    server.write("hook.toml", &format!("token_file = \"{}\"\n", token.display()));
    let said = server.cpanel(&daemon.url(), &create("post", "acmeone"));
    assert_eq!(daemon.seen().authorization.as_deref(), Some("Bearer bil_s3cr3t"));
    // A file that all can read, as this one, is warned of.
    assert!(said.err.contains("every user of this server can read the token"), "{}", said.err);
    let status = server.run(&mut server.command(&["status", "--json"]));
    assert!(!format!("{said:?}{status:?}").contains("s3cr3t"));
}
