//! `billet check`: looks whether everything that the daemon needs is in order, changes nothing, says everything.

mod books;
mod surroundings;

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use crate::cli::say;
use crate::config::{Config, Source};

/// For `--help`.
pub const ABOUT: &str = "\
Looks whether everything that the daemon needs is in order, and changes nothing.

Settings, data directory, TLS files, the addresses, the database and its schema, every seller's journal head,
jobs that gave up, and whether documents add up and agree with ledger, payments and open items. With --journal it reckons the whole hash chain of
every journal anew. Every finding is told; the exit code is 1 when one of them is a problem.";

/// Its arguments.
#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    source: Source,
    /// Verify the hash chain of every journal, from its first event; reads the whole journal
    #[arg(long)]
    journal: bool,
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
}

/// What a finding means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Mark {
    /// In order.
    Ok,
    /// Not as in a running system, and possibly as it should be.
    Note,
    /// Somebody has to do something.
    Problem,
}

/// Something that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Finding {
    check: &'static str,
    mark: Mark,
    words: String,
}

/// Everything found so far.
#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, check: &'static str, mark: Mark, words: impl Into<String>) {
        self.0.push(Finding { check, mark, words: words.into() });
    }

    /// What was done, or why it could not be; answers it where it could.
    fn take<T, E: fmt::Display>(&mut self, check: &'static str, outcome: Result<T, E>) -> Option<T> {
        outcome.map_err(|error| self.add(check, Mark::Problem, error.to_string())).ok()
    }

    fn problem_count(&self) -> usize {
        self.0.iter().filter(|finding| finding.mark == Mark::Problem).count()
    }

    fn print(&self, json: bool) {
        if json {
            let report = serde_json::json!({ "problem_count": self.problem_count(), "findings": self.0 });
            say!("{report:#}");
            return;
        }
        for Finding { check, mark, words } in &self.0 {
            // Lines of a longer message stand under its beginning.
            let words = words.trim_end().replace('\n', "\n                     ");
            match mark {
                Mark::Ok => say!("{}       {check:<11} {words}", "ok".green()),
                Mark::Note => say!("{}     {check:<11} {words}", "note".yellow()),
                Mark::Problem => say!("{}  {check:<11} {words}", "PROBLEM".red().bold()),
            }
        }
        match self.problem_count() {
            0 => say!("everything is in order"),
            1 => say!("1 problem"),
            count => say!("{count} problems"),
        }
    }
}

/// Runs the command.
#[must_use]
pub fn run(args: &CheckArgs) -> ExitCode {
    super::block_on(async {
        let findings = look(args).await;
        findings.print(args.json);
        Ok::<_, std::convert::Infallible>(if findings.problem_count() == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    })
}

async fn look(args: &CheckArgs) -> Findings {
    let mut findings = Findings::default();
    let Some(config) = findings.take("settings", Config::load(&args.source)) else { return findings };
    let words = match &config.file {
        Some(file) => format!("read from {}", file.display()),
        None => "no file; flags, environment and defaults".to_owned(),
    };
    findings.add("settings", Mark::Ok, words);
    surroundings::data_dir(&config, &mut findings);
    surroundings::tls(&config, &mut findings);
    surroundings::plugins(&config, &mut findings);
    let running = surroundings::lock(&config, &mut findings);
    surroundings::address("address", config.listen, running, &mut findings);
    if let Some(address) = config.metrics_listen {
        surroundings::address("metrics", address, running, &mut findings);
    }
    if let Some(engine) = surroundings::database(&config, &mut findings).await {
        if surroundings::schema(&engine, &mut findings).await {
            books::all(&engine, args.journal, &mut findings).await;
        }
        engine.close().await;
    }
    findings
}
