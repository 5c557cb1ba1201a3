//! What a panel and its administrator are told.

use billet_domain::hook::{Change, Hook};

use super::capture::{self, Unclear};
use super::deliver::{End, Fate, Outcome, Stop};
use super::spool::SpoolError;
use super::{BAD_INPUT, DONE, SPOOL_FAILED};

/// The longest message, in characters.
const MESSAGE_CHARS_MAX: usize = 300;

/// The answer to a panel's call.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether what was reported is neither in the spool nor at the daemon.
    pub is_lost: bool,
    /// One line.
    pub message: String,
    /// For standard error.
    pub complaint: Option<String>,
    /// The process's exit code.
    pub exit: u8,
}

impl Answer {
    /// All is well.
    pub fn done(message: &str) -> Self {
        Self { is_lost: false, message: line(message), complaint: None, exit: DONE }
    }

    /// The report could not be understood, and what is harmless of it is kept.
    pub fn unclear(unclear: &Unclear, is_kept: Result<bool, SpoolError>) -> Self {
        let exit = match &is_kept {
            Ok(true) if unclear.code.is_bad_input() => BAD_INPUT,
            Ok(true) => DONE,
            Ok(false) | Err(_) => SPOOL_FAILED,
        };
        let is_lost = exit == SPOOL_FAILED;
        let where_kept = match is_kept {
            Ok(true) => "see `billet hook status`".to_owned(),
            Ok(false) => "not kept, for there are too many such reports in the spool already".to_owned(),
            Err(error) => format!("not kept: {error}"),
        };
        let message = line(&format!("not reported: {}; {where_kept}", unclear.reason));
        let complaint = Some(format!("{}: {}; {where_kept}", unclear.code.as_str(), unclear.reason));
        Self { is_lost, message, complaint, exit }
    }

    /// What became of the word to the daemon about it.
    pub fn told(mut self, told: &Self) -> Self {
        self.message = line(&format!("{}; {}", self.message, told.message));
        if let (Some(own), Some(why)) = (&mut self.complaint, &told.complaint) {
            own.push_str("; ");
            own.push_str(why);
        }
        self
    }

    /// The event was put into the spool, and delivery ended like that.
    pub fn spooled(hook: &Hook, fate: Option<Fate>, end: &End) -> Self {
        let event = event(hook);
        match (fate, end) {
            (Some(Fate::Taken(Outcome(outcome))), _) => Self::done(&format!("{event}: {outcome}")),
            (Some(Fate::Rejected(why)), _) => Self::warned(&format!("{event}: refused by the daemon: {}", why.reason)),
            // The process that delivered before us took it along.
            (None, End::Empty) => Self::done(&format!("{event}: delivered")),
            (None, End::Busy) => Self::done(&format!("{event}: kept in the spool: another delivery is under way")),
            (None, End::Enough) => Self::done(&format!("{event}: kept in the spool: others are delivered first")),
            (None, End::Stuck(stop) | End::Stopped(stop)) => {
                Self::warned(&format!("{event}: kept in the spool: {}", reason(stop)))
            }
        }
    }

    /// The event was put into the spool, which then failed.
    pub fn undeliverable(hook: &Hook, error: &SpoolError) -> Self {
        Self::warned(&format!("{}: kept in the spool: {error}", event(hook)))
    }

    fn warned(message: &str) -> Self {
        Self { complaint: Some(line(message)), ..Self::done(message) }
    }

    /// The event could not be put into the spool, and was sent at once.
    pub fn unspooled(hook: &Hook, spool: &SpoolError, sent: Result<Outcome, Stop>) -> Self {
        let event = event(hook);
        match sent {
            Ok(Outcome(outcome)) => {
                Self { complaint: Some(spool.to_string()), ..Self::done(&format!("{event}: {outcome}")) }
            }
            Err(stop) => {
                let message = line(&format!("{event}: LOST: {spool}, and {}", reason(&stop)));
                Self { is_lost: true, complaint: Some(message.clone()), message, exit: SPOOL_FAILED }
            }
        }
    }
}

/// Why delivery stopped, in words.
pub fn reason(stop: &Stop) -> String {
    format!("{} ({})", stop.message, stop.code)
}

/// An event in words.
pub fn event(hook: &Hook) -> String {
    format!("{} {}", hook.external_ref, change(&hook.change))
}

fn change(change: &Change) -> &'static str {
    match change {
        Change::AccountCreated { .. } => "created",
        Change::AccountSuspended { .. } => "suspended",
        Change::AccountUnsuspended => "unsuspended",
        Change::AccountTerminated => "terminated",
        Change::PackageChanged { .. } => "package changed",
        Change::QuantityChanged { .. } => "quantity changed",
        Change::UsageReported { .. } => "usage reported",
        Change::ResellerCreated { .. } => "reseller created",
        Change::DomainRegistered { .. } => "domain registered",
        Change::DomainRenewed { .. } => "domain renewed",
        Change::DomainTransferredIn { .. } => "domain transferred in",
        Change::DomainTransferredOut => "domain transferred out",
        Change::DomainExpired => "domain expired",
        Change::Unclear { .. } => "could not be understood",
    }
}

fn line(message: &str) -> String {
    capture::text(message, MESSAGE_CHARS_MAX)
}
