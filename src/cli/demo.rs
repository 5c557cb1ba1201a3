//! `billet demo`: a month of a small hoster, with the real daemon, the real hooks and simulated panels. Every step checks
//! what it expects, so that the demonstration is a test as well.

mod api;
mod books;
mod catalogue;
mod customers;
mod daemon;
mod error;
mod figures;
mod inbox;
mod keepsake;
mod month;
mod narration;
mod opening;
mod panels;
mod plan_of;
mod stage;
mod summary;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use daemon::Place;
use error::DemoError;
use narration::Narration;
use stage::Stage;

/// For `--help`.
pub const ABOUT: &str = "\
Plays March 2026 of a small hosting company and checks every figure on the way.

It starts this same program as a daemon, on an SQLite file in a temporary folder and with a clock that it moves, and two
simulated control panels (WHM and Plesk). Accounts are made, changed, suspended and removed at the panels, which run
`billet hook` as real ones do; everything else goes through the public gRPC API. No network and no database server are
needed. The exit code is 0 when everything came out as it should, 1 when a step did not.

  billet demo                  plays, and removes everything again
  billet demo --keep           leaves the daemon running until Ctrl-C, and says how to talk to it
  billet demo --out DIR        keeps the database, the invoices as PDF, the journal and this text in DIR";

/// Its arguments.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct DemoArgs {
    /// Leave the daemon running until Ctrl-C, and print how to talk to it
    #[arg(long)]
    keep: bool,
    /// Write what was made to this folder: billet.db, documents/, events.jsonl, demo.txt
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(subcommand)]
    aside: Option<Aside>,
}

/// What the demonstration runs of itself.
#[derive(Debug, Subcommand)]
enum Aside {
    /// Prints the plan that a subscription of a simulated Plesk has
    #[command(hide = true)]
    PlanOf(plan_of::PlanOfArgs),
}

/// Runs the command.
#[must_use]
pub fn run(args: DemoArgs) -> ExitCode {
    super::block_on(async move {
        match args.aside {
            Some(Aside::PlanOf(asked)) => plan_of::run(asked).await,
            None => Box::pin(demonstrate(args.keep, args.out.as_deref())).await,
        }
    })
}

async fn demonstrate(keep: bool, out: Option<&Path>) -> Result<ExitCode, DemoError> {
    if let Some(out) = out {
        keepsake::folder(out)?;
    }
    // Removed when it is dropped, however this ends.
    let folder = tempfile::Builder::new()
        .prefix("billet-demo-")
        .tempdir()
        .map_err(DemoError::system("a temporary folder cannot be made"))?;
    let program = std::env::current_exe().map_err(DemoError::system("this program cannot be found"))?;
    let place = Place { program, folder: folder.path().to_owned() };

    let mut stage = tokio::select! {
        told = Box::pin(story(place, out)) => told?,
        interrupted = interrupted() => return Err(interrupted),
    };
    if keep {
        summary::how_to_go_on(&mut stage);
        // Ctrl-C is how it ends, and no failure.
        interrupted().await;
    }
    let Stage { mut say, place, daemon, panels, .. } = stage;
    drop(panels);
    daemon.stop().await?;
    if let Some(out) = out {
        keepsake::copy_database(&place.database(), out)?;
    }
    say.line("");
    for line in summary::where_it_lies(&place.folder, out) {
        say.line(&format!("  {line}"));
    }
    if let Some(out) = out {
        let path = out.join("demo.txt");
        std::fs::write(&path, say.transcript()).map_err(DemoError::file(&path))?;
    }
    Ok(ExitCode::SUCCESS)
}

async fn story(place: Place, out: Option<&Path>) -> Result<Stage, DemoError> {
    let mut say = Narration::default();
    say.line("Billet plays March 2026 of a small hosting company: a real daemon, real hooks, simulated panels.");
    let mut stage = opening::set_up(place, say).await?;
    month::first_days(&mut stage).await?;
    month::changes(&mut stage).await?;
    inbox::play(&mut stage).await?;
    month::termination(&mut stage).await?;
    inbox::usage(&mut stage).await?;
    books::nightly_runs(&mut stage).await?;
    books::payments(&mut stage).await?;
    books::statement(&mut stage).await?;
    books::trial_balance(&mut stage).await?;
    books::journal(&mut stage).await?;
    summary::table(&mut stage).await?;
    if let Some(out) = out {
        let (documents, events) = keepsake::write(&stage, out).await?;
        stage.say.step("billet", &format!("wrote {documents} documents as PDF and {events} events of the journal"));
    }
    Ok(stage)
}

/// Comes back when somebody ends the demonstration.
async fn interrupted() -> DemoError {
    let both = signal(SignalKind::interrupt()).and_then(|interrupt| Ok((interrupt, signal(SignalKind::terminate())?)));
    let (mut interrupt, mut terminate) = match both {
        Ok(both) => both,
        Err(error) => return DemoError::system("signals cannot be awaited")(error),
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    DemoError::Interrupted
}
