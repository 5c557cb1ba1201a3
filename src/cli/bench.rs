//! `billet bench`: how fast the daemon is on this machine, as a ratio to what the database itself does in the same run.

mod burst;
mod hooks;
mod latency;
mod memory;
mod place;
#[cfg(test)]
mod plans;
mod plugins;
mod provision;
#[cfg(test)]
mod races;
mod remote;
mod report;
mod runs;
#[cfg(test)]
mod strain;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use self::place::Place;
use self::report::Report;
use crate::billing::BillingError;
use crate::cli::say;
use crate::store::StoreError;

/// For `--help`.
pub const ABOUT: &str = "\
Measures how fast this machine bills, on a database that is made for it and thrown away.

The answer is one line of JSON on standard output; what goes on meanwhile is told on standard error. Every rate
stands next to the raw rate of the same database, measured in the same run, so that the ratio can be compared
between machines. docs/BENCHMARKS.md says what is measured and how to read it.

  billet bench hooks --store sqlite --dir /var/tmp
  billet bench hooks --store postgres --postgres-url postgres://postgres@127.0.0.1:5432 --grpc
  billet bench run --store sqlite --count 100000
  billet bench provision --store sqlite --dir /var/tmp

SQLite is as durable as the disk below --dir: in a file system that lives in memory the figures mean little.
On PostgreSQL a database `billet_bench_...` is created and dropped; nothing else there is touched.";

/// Its arguments.
#[derive(Debug, Args)]
pub struct BenchArgs {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// Panels report package changes, each of which issues a document
    Hooks(HooksArgs),
    /// A billing run over due subscriptions, one invoice of three lines each
    Run(RunArgs),
    /// Accounts made at a panel in memory, and what a call to a plugin costs
    Plugins(PluginsArgs),
    /// Accounts from the order to the panel, with everything that is written down about them
    Provision(ProvisionArgs),
}

/// Where to measure.
#[derive(Debug, Clone, Args)]
struct PlaceArgs {
    /// Which database
    #[arg(long, value_enum, default_value_t = Kind::Sqlite)]
    store: Kind,
    /// A server on which a database may be created and dropped, without a database's name
    #[arg(long, value_name = "URL", env = "BILLET_BENCH_POSTGRES", required_if_eq("store", "postgres"))]
    postgres_url: Option<String>,
    /// Where SQLite's file is made; the system's folder for temporary files when absent
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// One file
    Sqlite,
    /// A server
    Postgres,
}

/// `billet bench hooks`.
#[derive(Debug, Args)]
struct HooksArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// How many hooks are reported
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    count: u32,
    /// How many accounts they are about, each of a customer of its own
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    accounts: u32,
    /// How many callers report at once, each waiting for its answer
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=1_024))]
    callers: u32,
    /// Report over gRPC on loopback, with a token, instead of in the process
    #[arg(long)]
    grpc: bool,
}

/// `billet bench run`.
#[derive(Debug, Args)]
struct RunArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// How many subscriptions are due; a tenth and a half of it are measured before, to show how the cost grows
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(100..=10_000_000))]
    count: u32,
    /// Measure the full count only
    #[arg(long)]
    once: bool,
}

/// `billet bench plugins`.
#[derive(Debug, Args)]
struct PluginsArgs {
    /// How many accounts are made
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    count: u32,
    /// How many calls the instance takes at once
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=256))]
    concurrency: u32,
    /// How long the panel takes for each
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    latency_ms: u32,
}

/// `billet bench provision`.
#[derive(Debug, Args)]
struct ProvisionArgs {
    #[command(flatten)]
    place: PlaceArgs,
    /// How many accounts are made
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    count: u32,
    /// At how many panels
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=256))]
    instances: u32,
    /// How many each makes at once
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=64))]
    creates_max: u32,
    /// How long a panel takes for each
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    latency_ms: u32,
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
enum BenchError {
    /// The file or folder.
    #[error("{0}: {1}")]
    Folder(PathBuf, std::io::Error),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A use case.
    #[error(transparent)]
    Billing(#[from] BillingError),
    /// The server or the client.
    #[error("gRPC: {0}")]
    Grpc(String),
    /// What was measured is not what it should be: the figures would mean nothing.
    #[error("the benchmark did not do what it says: {0}")]
    Wrong(String),
    /// Somebody pressed Ctrl-C.
    #[error("interrupted")]
    Interrupted,
}

/// Runs the command.
pub fn run(args: BenchArgs) -> ExitCode {
    super::block_on(bench(args))
}

async fn bench(args: BenchArgs) -> Result<ExitCode, BenchError> {
    let report = match args.bench {
        Bench::Hooks(args) => {
            let place = Place::make(&args.place).await?;
            place.during(hooks::measure(&place, &args)).await?
        }
        Bench::Run(args) => {
            let mut counts = vec![args.count];
            if !args.once {
                counts.splice(0..0, [(args.count / 10).max(1), (args.count / 2).max(1)]);
            }
            let mut measured = Vec::with_capacity(counts.len());
            for count in counts {
                let place = Place::make(&args.place).await?;
                measured.push(place.during(runs::measure(&place, count)).await?);
            }
            runs::together(measured)?
        }
        Bench::Plugins(args) => plugins::measure(&args).await?,
        Bench::Provision(args) => {
            let place = Place::make(&args.place).await?;
            place.during(provision::measure(&place, &args)).await?
        }
    };
    say!("{}", Report::line(&report));
    Ok(ExitCode::SUCCESS)
}

/// A progress line on standard error when that is a terminal; nothing otherwise.
fn progress(what: &'static str, count: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} ({per_sec}, {eta} left)");
    ProgressBar::with_draw_target(Some(count), ProgressDrawTarget::stderr())
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_message(what)
}
