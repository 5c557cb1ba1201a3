//! `billet hook status`: what waits, since when, and what was rejected.

use std::time::SystemTime;

use billet_domain::hook::Hook;
use chrono::{DateTime, SecondsFormat, Utc};
use clap::Args;
use serde_json::json;
use uuid::Uuid;

use super::answer::event;
use super::settings::Settings;
use super::spool::{Rejected, Spool, SpoolError};
use super::{BAD_SETTINGS, DONE, SPOOL_FAILED, complain, say};

/// How many rejected ones are shown, the newest.
const REJECTED_SHOWN_MAX: usize = 50;

/// Arguments of `billet hook status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// As JSON, for monitoring
    #[arg(long)]
    json: bool,
}

/// Shows the spool; answers the exit code.
pub fn run(settings: &Settings, args: &StatusArgs) -> u8 {
    let problem = settings.target.as_ref().err().map(ToString::to_string);
    let shown = look(settings).map(|status| if args.json { status.json(problem.as_deref()) } else { status.text() });
    match shown {
        Ok(shown) => {
            say(&shown);
        }
        Err(error) => {
            complain(&error.to_string());
            return SPOOL_FAILED;
        }
    }
    match problem {
        Some(problem) => {
            complain(&problem);
            BAD_SETTINGS
        }
        None => DONE,
    }
}

struct Status {
    spool: String,
    url: Option<String>,
    waiting_count: usize,
    oldest: Option<Oldest>,
    rejected_count: usize,
    rejected: Vec<Rejected>,
}

/// The event that waits longest.
struct Oldest {
    captured_at: Option<DateTime<Utc>>,
    hook: Option<Hook>,
}

fn look(settings: &Settings) -> Result<Status, SpoolError> {
    let spool = Spool::at(&settings.spool);
    let waiting = spool.waiting(usize::MAX, &Default::default())?;
    let oldest = match waiting.first() {
        Some(id) => Some(Oldest { captured_at: captured_at(id), hook: spool.read(id)?.and_then(Result::ok) }),
        None => None,
    };
    let mut rejected = spool.rejected()?;
    let rejected_count = rejected.len();
    rejected.drain(..rejected_count.saturating_sub(REJECTED_SHOWN_MAX));
    let url = settings.target.as_ref().ok().map(|target| target.url.clone());
    let spool = settings.spool.display().to_string();
    Ok(Status { spool, url, waiting_count: waiting.len(), oldest, rejected_count, rejected })
}

/// When an event was captured, as its id says.
fn captured_at(id: &str) -> Option<DateTime<Utc>> {
    let (seconds, nanos) = Uuid::parse_str(id).ok()?.get_timestamp()?.to_unix();
    DateTime::from_timestamp(seconds.cast_signed(), nanos)
}

impl Status {
    fn json(&self, problem: Option<&str>) -> String {
        let captured_at = self.oldest.as_ref().and_then(|oldest| oldest.captured_at);
        let status = json!({
            "spool": self.spool, "url": self.url, "problem": problem, "waiting_count": self.waiting_count,
            "oldest_captured_at": captured_at, "oldest_age_s": captured_at.map(age_s),
            "oldest": self.oldest.as_ref().map(|oldest| &oldest.hook),
            "rejected_count": self.rejected_count, "rejected": self.rejected,
        });
        format!("{status:#}")
    }

    fn text(&self) -> String {
        let mut lines = vec![format!("spool     {}", self.spool)];
        lines.extend(self.url.iter().map(|url| format!("daemon    {url}")));
        lines.push(match &self.oldest {
            None => "waiting   none".into(),
            Some(Oldest { captured_at, hook }) => {
                let since = captured_at.map_or_else(String::new, |at| format!(" since {} ({})", time(at), age(at)));
                let what = hook.as_ref().map_or_else(|| "unreadable".into(), event);
                format!("waiting   {}, the oldest{since}: {what}", self.waiting_count)
            }
        });
        lines.push(match self.rejected_count {
            0 => "rejected  none".into(),
            count if count > self.rejected.len() => format!("rejected  {count}, the newest {}:", self.rejected.len()),
            count => format!("rejected  {count}:"),
        });
        for Rejected { event_id, reason, hook } in &self.rejected {
            let what = hook
                .as_ref()
                .map_or_else(|| "unreadable".into(), |hook| format!("{}, {}", event(hook), time(hook.happened_at)));
            lines.push(format!("  {event_id}  {}  {}: {}", time(reason.rejected_at), reason.code, reason.reason));
            lines.push(format!("    {what}"));
        }
        lines.join("\n")
    }
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

fn age_s(at: DateTime<Utc>) -> i64 {
    (DateTime::<Utc>::from(SystemTime::now()) - at).num_seconds().max(0)
}

fn age(at: DateTime<Utc>) -> String {
    match age_s(at) {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds @ 7200..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} days", seconds / 86_400),
    }
}
