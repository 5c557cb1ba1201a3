//! Runs a hook script or an event handler as a panel does: a child process with a bare environment, one input,
//! a bounded output and a time limit.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::{Instant, timeout, timeout_at};

/// No more than this is kept of what a script prints.
const OUTPUT_BYTES_MAX: usize = 64 * 1024;

/// How long the output may lag behind the script's end: something in the background may still hold the pipe open.
const LAG: Duration = Duration::from_millis(500);

/// Where a script finds the usual programs; everything else of the environment is set explicitly.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How a script ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It ran to its end.
    Exited {
        /// The exit code, none if a signal ended it.
        code: Option<i32>,
        /// What it printed, at most 64 KiB.
        stdout: String,
    },
    /// It took too long and was killed with everything it had started.
    TimedOut,
    /// It could not be started or watched.
    NotRun(String),
}

/// A script about to be run.
pub(crate) struct Script<'a> {
    pub(crate) argv: &'a [String],
    pub(crate) environment: &'a [(String, String)],
    pub(crate) stdin: &'a [u8],
    pub(crate) time_max: Duration,
}

impl Script<'_> {
    /// Runs it. Always comes back within the time limit and a second.
    pub(crate) async fn run(&self) -> Ending {
        let Some((program, arguments)) = self.argv.split_first() else {
            return Ending::NotRun("the command is empty".to_owned());
        };
        let child = Command::new(program)
            .args(arguments)
            .env_clear()
            .env("PATH", PATH)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // A group of its own, so that the time limit reaches what the script starts as well.
            .process_group(0)
            .kill_on_drop(true)
            .spawn();
        match child {
            Ok(child) => self.watch(child).await,
            Err(cause) => Ending::NotRun(format!("cannot start {program}: {cause}")),
        }
    }

    async fn watch(&self, mut child: Child) -> Ending {
        let (Some(stdin), Some(mut stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Ending::NotRun("the script's pipes are missing".to_owned());
        };
        let deadline = Instant::now() + self.time_max;
        let mut output = Vec::new();
        let ended = timeout_at(deadline, async {
            let talk = async { tokio::join!(feed(stdin, self.stdin), collect(&mut stdout, &mut output)) };
            tokio::pin!(talk);
            let mut talking = true;
            loop {
                tokio::select! {
                    biased;
                    _ = &mut talk, if talking => talking = false,
                    status = child.wait() => break (status, talking),
                }
            }
        })
        .await;
        let Ok((status, lagging)) = ended else {
            kill_all(&mut child).await;
            return Ending::TimedOut;
        };
        if lagging {
            let _ = timeout(LAG, collect(&mut stdout, &mut output)).await;
        }
        ending(status, &output)
    }
}

fn ending(status: std::io::Result<ExitStatus>, output: &[u8]) -> Ending {
    match status {
        Ok(status) => Ending::Exited { code: status.code(), stdout: String::from_utf8_lossy(output).into_owned() },
        Err(cause) => Ending::NotRun(format!("cannot wait for the script: {cause}")),
    }
}

/// Hands over the input. A script need not read it: a closed pipe is not its fault.
async fn feed(mut stdin: ChildStdin, input: &[u8]) {
    let _ = stdin.write_all(input).await;
    let _ = stdin.shutdown().await;
}

/// Reads to the end and keeps the beginning. What was read stays in `output` even if this is dropped half way.
async fn collect(stdout: &mut (impl AsyncRead + Unpin), output: &mut Vec<u8>) {
    let mut chunk = [0; 8 * 1024];
    while let Ok(length @ 1..) = stdout.read(&mut chunk).await {
        let room = OUTPUT_BYTES_MAX - output.len();
        output.extend_from_slice(&chunk[..length.min(room)]);
    }
}

/// Kills the script with its group and takes it off the process table.
async fn kill_all(child: &mut Child) {
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    if let Some(group) = group
        && let Err(cause) = rustix::process::kill_process_group(group, rustix::process::Signal::KILL)
    {
        tracing::warn!(%cause, "cannot kill the script's process group");
    }
    let _ = child.start_kill();
    let _ = timeout(Duration::from_secs(1), child.wait()).await;
}
