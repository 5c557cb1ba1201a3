//! `billet hook flush`: delivers all that waits. For a timer, and for a person who mended something.

use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::time::{Instant, sleep};

use super::answer::reason;
use super::deliver::{self, End, Pace, Tally};
use super::settings::{Settings, Target};
use super::spool::{Spool, SpoolError};
use super::{BAD_SETTINGS, BUSY, DONE, SPOOL_FAILED, UNDELIVERED, complain, say};

/// How long to wait for one answer of the daemon, in seconds.
const ANSWER_S_MAX: u64 = 30;
/// The pauses of `--wait` grow from one second to this many.
const PAUSE_S_MAX: u64 = 30;

/// Arguments of `billet hook flush`.
#[derive(Debug, Args)]
pub struct FlushArgs {
    /// Keep trying until nothing waits or the time is up
    #[arg(long)]
    wait: bool,
    /// How long --wait keeps trying, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    timeout: u64,
    /// First let the events wait again that the daemon refused for good
    #[arg(long)]
    retry_rejected: bool,
}

/// Delivers what waits; answers the exit code.
pub async fn run(settings: &Settings, args: &FlushArgs) -> u8 {
    let target = match &settings.target {
        Ok(target) => target,
        Err(error) => {
            complain(&error.to_string());
            return BAD_SETTINGS;
        }
    };
    match flush(settings, target, args).await {
        Ok(exit) => exit,
        Err(error) => {
            complain(&error.to_string());
            SPOOL_FAILED
        }
    }
}

async fn flush(settings: &Settings, target: &Target, args: &FlushArgs) -> Result<u8, SpoolError> {
    let spool = Spool::open(&settings.spool)?;
    if args.retry_rejected {
        say(&format!("{} rejected events wait again", spool.retry_rejected()?));
    }
    let waiting = spool.waiting(usize::MAX, &Default::default())?.len();
    let bar = progress_bar(waiting);
    let started = Instant::now();
    let give_up = started + Duration::from_secs(args.timeout);
    let mut pause = Duration::from_secs(1);
    let mut total = Tally::default();
    let end = loop {
        let pace = Pace {
            until: args.wait.then_some(give_up),
            answer_within: Duration::from_secs(ANSWER_S_MAX),
            event_count_max: usize::MAX,
        };
        let mut progress = |tally: &Tally| {
            bar.set_position((total.delivered + total.rejected + tally.delivered + tally.rejected) as u64);
        };
        let (tally, end) = deliver::deliver(&spool, target, &pace, None, &mut progress).await?;
        total.delivered += tally.delivered;
        total.rejected += tally.rejected;
        if tally.delivered > 0 {
            pause = Duration::from_secs(1);
        }
        let is_worth_waiting = match &end {
            End::Empty => false,
            End::Busy | End::Enough => true,
            End::Stuck(stop) | End::Stopped(stop) => !stop.needs_person,
        };
        if !args.wait || !is_worth_waiting || Instant::now() + pause >= give_up {
            break end;
        }
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(PAUSE_S_MAX));
    };
    bar.finish_and_clear();
    let left = spool.waiting(usize::MAX, &Default::default())?.len();
    say(&format!("delivered {}, rejected {}, waiting {left}", total.delivered, total.rejected));
    Ok(exit(&end, total.rejected))
}

fn exit(end: &End, rejected: usize) -> u8 {
    if rejected > 0 {
        complain("see `billet hook status` for what was rejected and why");
    }
    match end {
        End::Empty => DONE,
        End::Enough => UNDELIVERED,
        End::Busy => {
            complain("another process delivers at this moment");
            BUSY
        }
        End::Stuck(stop) | End::Stopped(stop) => {
            complain(&reason(stop));
            if stop.code == "SETTINGS" { BAD_SETTINGS } else { UNDELIVERED }
        }
    }
}

/// Shown only on a terminal.
fn progress_bar(length: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("delivering {pos} of {len} [{bar:30}] {per_sec}, {eta} left");
    let bar = ProgressBar::new(length as u64);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
