//! The two simulated panels, and how they report: each runs this same program as its hook script or event handler.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use billet_simulator::plesk::{HandlerResult, Plesk, PleskClient, PleskOptions};
use billet_simulator::whm::{HookResult, Whm, WhmClient, WhmOptions};
use chrono::{DateTime, Utc};

use super::daemon::Place;
use super::error::DemoError;
use crate::cli::hook::{CPANEL_CATEGORY, CPANEL_EVENTS, PLESK_EVENTS};

/// The packages that the WHM server has; the last is one that Billet has never heard of.
pub const WHM_PACKAGES: [&str; 4] = ["starter", "business", "pro", "wp_special"];
/// The service plans that the Plesk server has.
pub const PLESK_PLANS: [&str; 3] = ["Web Starter", "Web Business", "Web Pro"];
/// How long a hook may take here. A panel would not wait so long, but the demonstration also runs on slow machines.
const HOOK_TIME_MAX: Duration = Duration::from_secs(60);
/// The same for the hook itself, in milliseconds.
const HOOK_DEADLINE_MS: &str = "30000";

/// The simulated panels.
#[derive(Debug)]
pub struct Panels {
    whm: Whm,
    plesk: Plesk,
    program: String,
    run_count: (usize, usize),
}

/// What a panel needs to report.
pub struct Reporting<'a> {
    /// Where the files of the demonstration are.
    pub place: &'a Place,
    /// Where the daemon listens.
    pub url: &'a str,
    /// The token of the WHM server.
    pub whm_token: &'a str,
    /// The token of the Plesk server.
    pub plesk_token: &'a str,
}

impl Panels {
    /// Starts both and registers the hooks.
    ///
    /// # Errors
    /// [`DemoError`].
    pub async fn start(reporting: &Reporting<'_>) -> Result<Self, DemoError> {
        let program = reporting.place.program.to_string_lossy().into_owned();
        let folder = &reporting.place.folder;
        let whm = Whm::start(WhmOptions {
            packages: WHM_PACKAGES.map(str::to_owned).to_vec(),
            hook_env: environment(folder, "whm1", reporting.url, reporting.whm_token)?,
            hook_time_max: HOOK_TIME_MAX,
            ..WhmOptions::default()
        })
        .await?;
        let config = folder.join("plesk1.toml");
        let hook_env = environment(folder, "plesk1", reporting.url, reporting.plesk_token)?;
        let plesk = Plesk::start(PleskOptions {
            plans: PLESK_PLANS.map(str::to_owned).to_vec(),
            hook_env,
            handler_time_max: HOOK_TIME_MAX,
            ..PleskOptions::default()
        })
        .await?;
        // No event of Plesk carries the plan: the hook asks Plesk for it, here with a command of the demonstration.
        let password_file = folder.join("plesk1.password");
        write_secret(&password_file, plesk.password())?;
        let address = plesk.url().trim_start_matches("http://").to_owned();
        let password_file = password_file.to_string_lossy();
        let plan_command = ["demo", "plan-of", "--plesk", &address, "--password-file", &password_file];
        let plan_command: Vec<&str> = std::iter::once(program.as_str()).chain(plan_command).collect();
        let settings = format!("plan_command = {}\n", serde_json::json!(plan_command));
        std::fs::write(&config, settings).map_err(DemoError::file(&config))?;

        for event in CPANEL_EVENTS {
            whm.manage_hooks_add(CPANEL_CATEGORY, event, "post", [program.as_str(), "hook", "cpanel"])?;
        }
        for event in PLESK_EVENTS.into_iter().filter(|event| Plesk::events().contains(event)) {
            plesk.event_handler_create(event, [program.as_str(), "hook", "plesk", "--event", event])?;
        }
        Ok(Self { whm, plesk, program, run_count: (0, 0) })
    }

    /// Sets the panels' clocks.
    pub fn set_now(&self, now: DateTime<Utc>) {
        self.whm.set_now(now);
        self.plesk.set_now(now);
    }

    /// Calls the WHM server.
    pub fn whm(&self) -> WhmClient {
        self.whm.client()
    }

    /// Calls the Plesk server.
    pub fn plesk(&self) -> PleskClient {
        self.plesk.client()
    }

    /// Where the panels listen.
    pub fn urls(&self) -> [(&'static str, String); 2] {
        [("whm1", self.whm.url()), ("plesk1", self.plesk.url())]
    }

    /// What the WHM server's hooks answered since the last look.
    ///
    /// # Errors
    /// [`DemoError::Unexpected`] if none ran, or one did not answer `1`.
    pub fn whm_hooks_said(&mut self) -> Result<Vec<String>, DemoError> {
        let runs = self.whm.hook_runs();
        let fresh = &runs[self.run_count.0.min(runs.len())..];
        if fresh.is_empty() {
            return Err(DemoError::unexpected(format!("whm1 to run `{} hook cpanel`", self.program), "it ran no hook"));
        }
        let said = fresh.iter().map(|run| match &run.result {
            HookResult::Ok(message) => Ok(format!("manage_hooks {}: {message}", run.event)),
            other => Err(DemoError::unexpected(format!("the hook {} to answer 1", run.event), format!("it did {other:?}"))),
        });
        let said = said.collect();
        self.run_count.0 = runs.len();
        said
    }

    /// Which of the Plesk server's event handlers ran since the last look.
    ///
    /// # Errors
    /// [`DemoError::Unexpected`] if none ran, or one failed.
    pub fn plesk_handlers_ran(&mut self) -> Result<Vec<String>, DemoError> {
        let runs = self.plesk.handler_runs();
        let fresh = &runs[self.run_count.1.min(runs.len())..];
        if fresh.is_empty() {
            return Err(DemoError::unexpected(format!("plesk1 to run `{} hook plesk`", self.program), "it ran nothing"));
        }
        let ran = fresh.iter().map(|run| match &run.result {
            HandlerResult::Exited(Some(0)) => Ok(format!("event handler {}: exit code 0", run.event)),
            other => Err(DemoError::unexpected(format!("the handler of {} to end well", run.event), format!("{other:?}"))),
        });
        let ran = ran.collect();
        self.run_count.1 = runs.len();
        ran
    }
}

/// Settings of `billet hook` for a panel, as its environment: a panel hands over nothing of the demonstration's own.
fn environment(folder: &Path, name: &str, url: &str, token: &str) -> Result<Vec<(String, String)>, DemoError> {
    let token_file = folder.join(format!("{name}.token"));
    write_secret(&token_file, token)?;
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    let config = folder.join(format!("{name}.toml"));
    // Made empty, so that /etc/billet/hook.toml of this machine is not looked at.
    std::fs::write(&config, "").map_err(DemoError::file(&config))?;
    Ok([
        ("BILLET_HOOK_URL", url.to_owned()),
        ("BILLET_HOOK_TOKEN_FILE", text(token_file)),
        ("BILLET_HOOK_SPOOL", text(folder.join(format!("{name}.spool")))),
        ("BILLET_HOOK_CONFIG", text(config)),
        ("BILLET_HOOK_DEADLINE_MS", HOOK_DEADLINE_MS.to_owned()),
    ]
    .map(|(variable, value)| (variable.to_owned(), value))
    .to_vec())
}

/// Writes a file that only its owner can read.
fn write_secret(path: &Path, secret: &str) -> Result<(), DemoError> {
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| writeln!(file, "{secret}"))
        .map_err(DemoError::file(path))
}
