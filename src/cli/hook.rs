//! `billet hook`: what runs on a panel's server. A panel's call is captured, put into the spool and, if the daemon can
//! be reached in time, delivered; what cannot be delivered waits for the next call or for `billet hook flush`.

mod answer;
mod capture;
mod cpanel;
mod deliver;
mod flush;
mod input;
mod plan;
mod plesk;
mod register;
mod report;
mod settings;
mod spool;
mod status;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use tokio::runtime;
use tokio::time::Instant;

/// The events of cPanel that [`HookArgs`] reports.
pub use cpanel::{CATEGORY as CPANEL_CATEGORY, EVENTS as CPANEL_EVENTS};
/// The events of Plesk that [`HookArgs`] reports.
pub use plesk::EVENTS as PLESK_EVENTS;

use answer::Answer;
use capture::Stamp;
use settings::{Settings, SettingsArgs};

/// What `billet hook --help` explains.
pub const ABOUT: &str = "\
On a panel's server: reports to the daemon what happened at the panel.

A panel runs `billet hook cpanel` or `billet hook plesk` when an account was created, changed, suspended or removed. The \
event is written to the spool directory first and then delivered, in order, within the deadline (2 seconds). What cannot \
be delivered stays in the spool for the next call or for `billet hook flush`, which a timer should run every few \
minutes. Passwords in a panel's report are dropped before anything is written or sent.

Set up a server in three steps (docs/hooks.md has more):
  1. Put the daemon's address and the token it gave out into /etc/billet/hook.toml:
       url = \"https://billing.example:4410\"
       token_file = \"/etc/billet/hook.token\"
  2. billet hook cpanel --register --run      (or: billet hook plesk --register --run)
  3. billet hook status

Exit codes: 0 captured, or nothing to report; 1 a registration failed; 2 or 64 the command line is wrong; 65 the input is no report; 69 something still \
waits; 74 the spool cannot be written; 75 another delivery is under way; 78 the settings are wrong.";

/// Everything is done, or safe in the spool.
const DONE: u8 = 0;
/// A registration failed.
const FAILED: u8 = 1;
/// A command line that does not fit the situation.
const USAGE: u8 = 64;
/// The input is no report.
const BAD_INPUT: u8 = 65;
/// Something still waits.
const UNDELIVERED: u8 = 69;
/// The spool cannot be used.
const SPOOL_FAILED: u8 = 74;
/// Another process delivers.
const BUSY: u8 = 75;
/// The settings are wrong.
const BAD_SETTINGS: u8 = 78;

/// Arguments of `billet hook`.
#[derive(Debug, Args)]
pub struct HookArgs {
    #[command(subcommand)]
    command: HookCommand,
    #[command(flatten)]
    settings: SettingsArgs,
}

#[derive(Debug, Subcommand)]
enum HookCommand {
    /// Reports what cPanel's standardized hooks write to standard input
    Cpanel(CpanelArgs),
    /// Reports what Plesk's event manager puts into the environment
    Plesk(PleskArgs),
    /// Delivers what waits in the spool
    Flush(flush::FlushArgs),
    /// Shows what waits in the spool, what was rejected and why
    Status(status::StatusArgs),
}

#[derive(Debug, Args)]
struct CpanelArgs {
    /// Print the JSON by which `manage_hooks add script` registers the hooks
    #[arg(long, conflicts_with = "register")]
    describe: bool,
    /// Print the commands that register the hooks
    #[arg(long)]
    register: bool,
    /// With --register: run the commands (as root)
    #[arg(long, requires = "register")]
    run: bool,
    /// The script that cPanel runs; --register writes it
    #[arg(long, value_name = "FILE", default_value = register::CPANEL_SCRIPT)]
    script: PathBuf,
    #[arg(long, hide = true, default_value = register::MANAGE_HOOKS)]
    manage_hooks: PathBuf,
    #[command(flatten)]
    at: At,
}

#[derive(Debug, Args)]
struct PleskArgs {
    /// Which event Plesk reports, by Plesk's name: domain_create, domain_delete, domain_status_update, ...
    #[arg(long, value_name = "NAME", required_unless_present = "register")]
    event: Option<String>,
    /// Print the commands that register the event handlers
    #[arg(long, conflicts_with = "event")]
    register: bool,
    /// With --register: run the commands (as root)
    #[arg(long, requires = "register")]
    run: bool,
    #[command(flatten)]
    at: At,
}

#[derive(Debug, Args)]
struct At {
    /// When it happened (RFC 3339: 2026-11-24T10:00:00Z); now, if not said
    #[arg(long, value_name = "TIME", env = "BILLET_HOOK_AT", value_parser = instant)]
    at: Option<DateTime<Utc>>,
}

fn instant(given: &str) -> Result<DateTime<Utc>, String> {
    let at = DateTime::parse_from_rfc3339(given).map_err(|error| format!("not an RFC 3339 time: {error}"))?;
    Ok(at.to_utc())
}

/// Runs `billet hook`.
pub fn run(args: HookArgs) -> ExitCode {
    let started = Instant::now();
    let settings = Settings::load(args.settings);
    let runtime = match runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("cannot start: {error}"));
            return ExitCode::from(SPOOL_FAILED);
        }
    };
    for warning in &settings.warnings {
        complain(warning);
    }
    let exit = match args.command {
        HookCommand::Cpanel(args) if args.describe => say(&register::cpanel_description(&args.script)),
        HookCommand::Cpanel(args) if args.register => {
            register::run(&register::cpanel(&args.script, &args.manage_hooks, &settings), args.run)
        }
        HookCommand::Cpanel(_) if io::stdin().is_terminal() => {
            complain("cPanel's report is expected on standard input; see `billet hook cpanel --help`");
            USAGE
        }
        HookCommand::Cpanel(args) => {
            let stamp = Stamp::new(args.at.at);
            let within = settings.deadline.max(input::READING_MIN);
            let captured = match input::read(io::stdin(), cpanel::INPUT_BYTES_MAX, within) {
                Ok(input) => cpanel::capture(&input, &stamp),
                Err(unclear) => capture::Captured::Unclear(unclear),
            };
            answer_cpanel(&runtime.block_on(report::report(&settings, &stamp, captured, None, started)))
        }
        HookCommand::Plesk(args) if args.register => register::run(&register::plesk(&settings), args.run),
        HookCommand::Plesk(args) => {
            let stamp = Stamp::new(args.at.at);
            let event = args.event.unwrap_or_default();
            let captured = plesk::capture(&event, &|variable| std::env::var_os(variable), &stamp);
            let plesk = Some(&settings.plesk);
            answer_plesk(&runtime.block_on(report::report(&settings, &stamp, captured, plesk, started)))
        }
        HookCommand::Flush(args) => runtime.block_on(flush::run(&settings, &args)),
        HookCommand::Status(args) => status::run(&settings, &args),
    };
    // Not waiting for what may still hang, such as the look-up of a name.
    runtime.shutdown_background();
    ExitCode::from(exit)
}

/// cPanel reads one line: `1` or `0` and a message. In the stage `post`, the only one that is reported, `0` stops
/// nothing: the action is done. It puts the message into cPanel's log, so it is used for the one case that an
/// administrator of the server has to know of at once: an event that could be neither spooled nor delivered.
fn answer_cpanel(answer: &Answer) -> u8 {
    if let Some(complaint) = &answer.complaint {
        complain(complaint);
    }
    say(&format!("{} billet: {}", u8::from(!answer.is_lost), answer.message));
    answer.exit
}

/// Plesk reads nothing but the exit code; the line is for who tries it by hand.
fn answer_plesk(answer: &Answer) -> u8 {
    if let Some(complaint) = &answer.complaint {
        complain(complaint);
    }
    say(&answer.message);
    answer.exit
}

/// Writes a line to standard output. Nobody may be listening, which is no reason to fail.
fn say(line: &str) -> u8 {
    let _ = writeln!(io::stdout(), "{line}");
    DONE
}

/// Writes a line to standard error.
fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "billet hook: {line}");
}
