//! A panel's server: a spool of its own, and the real `billet hook` to call.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::daemon::Daemon;

/// An address where nothing listens: the discard port of the loopback.
pub const NOWHERE: &str = "http://127.0.0.1:9";

pub struct PanelServer {
    dir: TempDir,
}

/// What a call came to.
#[derive(Debug)]
pub struct Said {
    pub out: String,
    pub err: String,
    pub code: i32,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            out: String::from_utf8(output.stdout).expect("it prints text"),
            err: String::from_utf8(output.stderr).expect("it prints text"),
            code: output.status.code().expect("it ends by itself"),
        }
    }
}

impl PanelServer {
    pub fn new() -> Self {
        let server = Self { dir: tempfile::tempdir().expect("a temporary directory") };
        server.write("hook.toml", "");
        server
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).expect("there is room");
        path
    }

    pub fn script(&self, name: &str, content: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.write(name, &format!("#!/bin/sh\n{content}"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it is ours");
        path
    }

    /// `billet hook ARGUMENTS`, with nothing of this machine's own settings.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_billet"));
        command.arg("hook").args(arguments).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("BILLET_HOOK_SPOOL", self.path("spool")).env("BILLET_HOOK_CONFIG", self.path("hook.toml"));
        command.env("BILLET_HOOK_URL", NOWHERE).stdin(Stdio::null());
        command
    }

    pub fn run(&self, command: &mut Command) -> Said {
        command.output().expect("it runs").into()
    }

    /// What cPanel does: runs the hook with a report on standard input.
    pub fn cpanel(&self, url: &str, report: &[u8]) -> Said {
        let mut command = self.command(&["cpanel"]);
        self.feed(command.env("BILLET_HOOK_URL", url), report)
    }

    pub fn feed(&self, command: &mut Command, input: &[u8]) -> Said {
        spawn(command, input).wait_with_output().expect("it ends").into()
    }

    /// What Plesk does: runs the handler with an event's variables in the environment.
    pub fn plesk(&self, url: &str, event: &str, variables: &[(&str, &str)]) -> Said {
        let mut command = self.command(&["plesk", "--event", event]);
        command.env("BILLET_HOOK_URL", url).envs(variables.iter().copied());
        self.run(&mut command)
    }

    pub fn flush(&self, daemon: &Daemon, arguments: &[&str]) -> Said {
        let mut command = self.command(&[&["flush"], arguments].concat());
        self.run(command.env("BILLET_HOOK_URL", daemon.url()))
    }

    /// The names of what waits, oldest first.
    pub fn waiting(&self) -> Vec<String> {
        names(&self.path("spool")).into_iter().filter(|name| name.ends_with(".json")).collect()
    }

    pub fn rejected(&self) -> Vec<String> {
        names(&self.path("spool/rejected"))
    }

    /// Every byte that was written to this server's disk.
    pub fn disk(&self) -> String {
        let mut all = String::new();
        for dir in ["spool", "spool/rejected"] {
            for name in names(&self.path(dir)) {
                let path = self.path(dir).join(name);
                if path.is_file() {
                    all.push_str(&String::from_utf8_lossy(&fs::read(path).expect("it can be read")));
                }
            }
        }
        all
    }
}

pub fn spawn(command: &mut Command, input: &[u8]) -> Child {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(input).expect("it reads all of its input");
    drop(stdin);
    child
}

fn names(dir: &Path) -> Vec<String> {
    let entries =
        fs::read_dir(dir).map(|entries| entries.filter_map(Result::ok).collect()).unwrap_or_else(|_| Vec::new());
    let mut names: Vec<_> = entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Waits until something has happened; far longer than it can take.
pub fn wait_until(what: &str, mut happened: impl FnMut() -> bool) {
    let started = Instant::now();
    while !happened() {
        assert!(started.elapsed() < Duration::from_secs(60), "{what}: not within a minute");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A report as cPanel writes it.
pub fn report(event: &str, user: &str) -> Vec<u8> {
    let data = match event {
        "Accounts::suspendacct" => format!(r#"{{"args":{{"user":"{user}","reason":"Nonpayment"}},"result":1}}"#),
        "Accounts::change_package" => format!(r#"{{"user":"{user}","cur_pkg":"starter","new_pkg":"pro"}}"#),
        _ => format!(r#"{{"user":"{user}"}}"#),
    };
    let context = format!(r#"{{"category":"Whostmgr","event":"{event}","stage":"post","point":"main"}}"#);
    format!(r#"{{"context":{context},"data":{data},"hook":{{"stage":"post"}}}}"#).into_bytes()
}
