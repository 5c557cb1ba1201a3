//! What the demonstration sets as `plan_command` of `billet hook plesk`: asks the simulated Plesk which plan a
//! subscription has, over its own XML API.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use billet_simulator::Secret;
use billet_simulator::plesk::PleskClient;
use clap::Args;

use super::error::DemoError;
use crate::cli::say;

/// Prints the plan that a subscription of a simulated Plesk has.
#[derive(Debug, Args)]
pub struct PlanOfArgs {
    /// Where the simulated Plesk listens
    #[arg(long, value_name = "ADDRESS")]
    plesk: SocketAddr,
    /// A file with its administrator's password
    #[arg(long, value_name = "FILE")]
    password_file: PathBuf,
    /// The subscription's name
    subscription: String,
}

/// Runs the command.
pub async fn run(args: PlanOfArgs) -> Result<ExitCode, DemoError> {
    let password = std::fs::read_to_string(&args.password_file).map_err(DemoError::file(&args.password_file))?;
    let client = PleskClient::new(args.plesk, Secret::new(password.trim()), "");
    if let Some(plan) = client.plan_of(&args.subscription).await? {
        say!("{plan}");
    }
    Ok(ExitCode::SUCCESS)
}
