//! The command line.

pub mod hook;

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
    /// On a panel's server: reports to the daemon what happened at the panel
    #[command(long_about = hook::ABOUT)]
    Hook(hook::HookArgs),
}

/// Runs what the command line says.
pub fn run() -> ExitCode {
    match Cli::parse().command {
        Command::Hook(args) => hook::run(args),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
