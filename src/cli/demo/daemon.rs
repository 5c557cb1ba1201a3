//! The daemon of the demonstration: this same program as a child, on an SQLite file in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use tonic::transport::{Channel, Endpoint};

use super::error::DemoError;

/// How long a command or the daemon's start may take: a slow machine is no failure.
const STARTED_WITHIN: Duration = Duration::from_secs(60);
/// How long the daemon has to end.
const STOPPED_WITHIN: Duration = Duration::from_secs(40);
/// How much of a log is shown when the daemon fails, in lines.
const LOG_LINES_SHOWN: usize = 12;

/// This program, and where it keeps what the demonstration makes.
#[derive(Debug, Clone)]
pub struct Place {
    /// The program.
    pub program: PathBuf,
    /// Everything is below this folder.
    pub folder: PathBuf,
}

/// A running daemon; it is killed when it is dropped.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    /// Such as `http://127.0.0.1:40001`.
    pub url: String,
}

impl Place {
    /// Where the daemon keeps its files.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.data_dir().join("billet.db")
    }

    /// What the daemon logged.
    pub fn log(&self) -> PathBuf {
        self.folder.join("daemon.log")
    }

    fn config(&self) -> PathBuf {
        self.folder.join("billet.toml")
    }

    /// Makes the folders, and an empty settings file: the machine's own settings, in `/etc/billet` and the environment,
    /// are none of the demonstration's business.
    ///
    /// # Errors
    /// [`DemoError::File`].
    pub fn lay_out(&self) -> Result<(), DemoError> {
        std::fs::create_dir_all(self.data_dir()).map_err(DemoError::file(self.data_dir()))?;
        std::fs::write(self.config(), "# The demonstration's daemon: all defaults.\n")
            .map_err(DemoError::file(self.config()))
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(&self.program);
        for (variable, _) in std::env::vars_os() {
            if variable.to_string_lossy().starts_with("BILLET_") {
                command.env_remove(variable);
            }
        }
        // What systemd tells a service of its own.
        command.env_remove("STATE_DIRECTORY").env_remove("NOTIFY_SOCKET").env_remove("WATCHDOG_USEC");
        command.arg(name).arg("--config").arg(self.config()).arg("--data-dir").arg(self.data_dir());
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Makes the seller; answers the owner's token.
    ///
    /// # Errors
    /// [`DemoError::Daemon`] with what the command said.
    pub async fn init(&self, at: DateTime<Utc>, arguments: &[&str]) -> Result<String, DemoError> {
        let mut command = self.command("init");
        command.args(["--json", "--simulated-clock", &rfc3339(at)]).args(arguments);
        let answer = self.run(command).await?;
        let secret = answer.get("secret").and_then(serde_json::Value::as_str);
        secret.map(str::to_owned).ok_or_else(|| DemoError::Daemon("`billet init` printed no token".to_owned()))
    }

    /// Verifies everything, the journal's hash chain with it; answers what was found, by check.
    ///
    /// # Errors
    /// [`DemoError::Daemon`] with what is wrong.
    pub async fn check(&self) -> Result<Vec<(String, String)>, DemoError> {
        let mut command = self.command("check");
        // Not the usual port, which may be taken by somebody else's daemon.
        command.args(["--journal", "--json", "--listen", "127.0.0.1:0"]);
        let answer = self.run(command).await?;
        let findings = answer.get("findings").and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
        let text = |finding: &serde_json::Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
        Ok(findings.iter().map(|finding| (text(finding, "check"), text(finding, "words"))).collect())
    }

    /// Runs a command to its end; answers the JSON that it printed.
    async fn run(&self, mut command: Command) -> Result<serde_json::Value, DemoError> {
        let output = timeout(STARTED_WITHIN, command.output())
            .await
            .map_err(|_| DemoError::Daemon("a command of billet did not end in time".to_owned()))?
            .map_err(DemoError::system("billet cannot be started"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(if output.stderr.is_empty() { &output.stdout } else { &output.stderr });
            return Err(DemoError::Daemon(said.trim().to_owned()));
        }
        serde_json::from_slice(&output.stdout)
            .map_err(|error| DemoError::Daemon(format!("a command of billet printed no JSON: {error}")))
    }

    /// Starts the daemon with a clock that stands at an instant.
    ///
    /// # Errors
    /// [`DemoError::Daemon`] with the end of its log.
    pub async fn serve(&self, at: DateTime<Utc>) -> Result<Daemon, DemoError> {
        let log = std::fs::File::create(self.log()).map_err(DemoError::file(self.log()))?;
        let mut command = self.command("serve");
        command.args(["--listen", "127.0.0.1:0", "--simulated-clock", &rfc3339(at)]);
        // In a group of its own, so that Ctrl-C reaches the demonstration alone, which ends the daemon in order.
        command.stdout(Stdio::piped()).stderr(log).process_group(0);
        let mut child = command.spawn().map_err(DemoError::system("billet cannot be started"))?;
        let stdout = child.stdout.take().ok_or_else(|| DemoError::Daemon("it has no output".to_owned()))?;
        let mut lines = BufReader::new(stdout).lines();
        let first = timeout(STARTED_WITHIN, lines.next_line()).await;
        let url = match first {
            Ok(Ok(Some(line))) => line.strip_prefix("listening on ").map(str::to_owned),
            _ => None,
        };
        let url = url.ok_or_else(|| DemoError::Daemon(format!("it does not start\n{}", last_lines(&self.log()))))?;
        Ok(Daemon { child, url })
    }
}

impl Daemon {
    /// A connection to it.
    ///
    /// # Errors
    /// [`DemoError::Daemon`].
    pub async fn connect(&self) -> Result<Channel, DemoError> {
        let wrong = |error: tonic::transport::Error| DemoError::Daemon(format!("{} does not answer: {error}", self.url));
        Endpoint::from_shared(self.url.clone()).map_err(wrong)?.connect().await.map_err(wrong)
    }

    /// Lets it end: running calls and jobs first.
    ///
    /// # Errors
    /// [`DemoError::Daemon`] when it does not; it is killed then.
    pub async fn stop(mut self) -> Result<(), DemoError> {
        let pid = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            rustix::process::kill_process(pid, rustix::process::Signal::TERM)
                .map_err(|error| DemoError::Daemon(format!("it cannot be told to stop: {error}")))?;
        }
        match timeout(STOPPED_WITHIN, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(DemoError::Daemon(format!("it ended with {status}"))),
            Ok(Err(error)) => Err(DemoError::Daemon(format!("it cannot be waited for: {error}"))),
            Err(_) => Err(DemoError::Daemon("it did not stop in time".to_owned())),
        }
    }
}

fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn last_lines(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
}
