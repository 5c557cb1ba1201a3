//! The command line.

pub mod adopt;
pub mod bench;
pub mod check;
pub mod client;
pub mod demo;
pub mod domain;
pub mod hook;
pub mod init;
pub mod instance;
pub mod owner_token;
pub mod plugin;
pub mod serve;

use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The billing daemon of a hosting company: reports from control panels in, correct invoices out.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// What `billet` can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the daemon
    #[command(long_about = serve::ABOUT)]
    Serve(Box<serve::ServeArgs>),
    /// Plays a month of a small hosting company, with simulated panels
    #[command(long_about = demo::ABOUT)]
    Demo(demo::DemoArgs),
    /// Makes the first seller, its owner and the owner's token
    #[command(long_about = init::ABOUT)]
    Init(Box<init::InitArgs>),
    /// Makes another token for the owner, for when the first was lost
    #[command(long_about = owner_token::ABOUT)]
    OwnerToken(Box<owner_token::OwnerTokenArgs>),
    /// Looks whether everything that the daemon needs is in order
    #[command(long_about = check::ABOUT)]
    Check(Box<check::CheckArgs>),
    /// On a panel's server: reports to the daemon what happened at the panel
    #[command(long_about = hook::ABOUT)]
    Hook(Box<hook::HookArgs>),
    /// Domains: what they cost, and which there are
    #[command(long_about = domain::ABOUT)]
    Domain(Box<domain::DomainArgs>),
    /// Panels and registrars: adds them, tests them, shows what is there
    #[command(long_about = instance::ABOUT)]
    Instance(Box<instance::InstanceArgs>),
    /// Takes over the accounts of a panel that was there before Billet
    #[command(long_about = adopt::ABOUT)]
    Adopt(Box<adopt::AdoptArgs>),
    /// Serves one of the daemon's own plugins as a process of its own: for `command` in the settings' `[plugins.NAME]`
    #[command(hide = true)]
    Plugin(plugin::PluginArgs),
    /// Measures how fast this machine bills
    #[command(long_about = bench::ABOUT)]
    Bench(Box<bench::BenchArgs>),
}

/// Runs what the command line says.
#[must_use]
pub fn run() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(args) => serve::run(*args),
        Command::Demo(args) => demo::run(args),
        Command::Init(args) => init::run(*args),
        Command::OwnerToken(args) => owner_token::run(*args),
        Command::Check(args) => check::run(&args),
        Command::Hook(args) => hook::run(*args),
        Command::Domain(args) => domain::run(*args),
        Command::Instance(args) => instance::run(*args),
        Command::Adopt(args) => adopt::run(*args),
        Command::Plugin(args) => plugin::run(&args),
        Command::Bench(args) => bench::run(*args),
    }
}

/// Prints a line to standard output; where nobody takes it the command ends.
macro_rules! say {
    ($($line:tt)*) => { $crate::cli::print_line(format_args!($($line)*)) };
}
pub(crate) use say;

/// What a program ends with whose reader has gone: 128 and the number of SIGPIPE.
const READER_GONE: i32 = 141;
/// `EX_IOERR` of `sysexits.h`.
const NOT_WRITTEN: i32 = 74;

fn print_line(line: fmt::Arguments<'_>) {
    if let Err(error) = writeln!(anstream::stdout().lock(), "{line}") {
        if error.kind() == io::ErrorKind::BrokenPipe {
            std::process::exit(READER_GONE);
        }
        let _ = writeln!(io::stderr(), "billet: standard output: {error}");
        std::process::exit(NOT_WRITTEN);
    }
}

/// Runs a command that waits for things; what it fails with goes to standard error.
fn block_on<E: std::fmt::Display>(work: impl Future<Output = Result<ExitCode, E>>) -> ExitCode {
    let outcome = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(work).map_err(|error| error.to_string()),
        Err(error) => Err(format!("the runtime cannot be started: {error}")),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("billet: {error}");
        ExitCode::FAILURE
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
