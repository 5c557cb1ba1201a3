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

    /// What the event says is that a report could not be understood.
    pub fn not_understood(self, unclear: &Unclear) -> Self {
        let became_of_it = self.complaint.as_ref().unwrap_or(&self.message);
        let complaint = format!("{}: {}; {became_of_it}", unclear.code.as_str(), unclear.reason);
        let message = line(&format!("not understood: {}; {}", unclear.reason, self.message));
        let exit = if self.exit == DONE && unclear.code.is_bad_input() { BAD_INPUT } else { self.exit };
        Self { message, complaint: Some(complaint), exit, ..self }
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
