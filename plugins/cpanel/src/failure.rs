//! What WHM's refusals mean. There are no codes: only words, which differ by version, so what is not known is never
//! taken for more than it says.

use std::time::Duration;

use billet_plugin::http::WireError;
use billet_plugin::v1::{Problem, ProblemKind};
use billet_plugin::{Failure, ProblemExt};

/// Why a call has no good answer.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The exchange itself broke.
    Wire(WireError),
    /// It is certain that nothing was done, and already said what that means.
    Certain(Failure),
    /// HTTP 403 in the shape of the old API: a wrong token, or a right one that may not do this.
    Denied(String),
    /// The panel says no, in words; `code` is its id of the incident, if it gave one.
    Failed { code: String, reason: String },
    /// Something answered that is not WHM API 1: nobody knows what was done.
    Garbled(String),
}

impl Trouble {
    /// What it means for a question.
    pub(crate) fn asking(self) -> Failure {
        match self {
            Self::Wire(error) => error.asking(),
            Self::Certain(failure) => failure,
            Self::Denied(words) => Failure::refused(ProblemKind::Permission, "", words),
            Self::Garbled(words) => Failure::later(ProblemKind::Unavailable, "", words),
            Self::Failed { code, reason } => match meaning(&reason) {
                Meaning::Refused(kind) => Failure::refused(kind, code, reason),
                Meaning::Busy => Failure::later(ProblemKind::Busy, code, reason),
                Meaning::Fault => Failure::later(ProblemKind::Unavailable, code, reason),
            },
        }
    }

    /// What it means for a change: what may have been done is unknown.
    pub(crate) fn changing(self) -> Failure {
        match self {
            Self::Wire(error) => error.changing(),
            Self::Garbled(words) => Failure::unknown(words),
            Self::Failed { code, reason } if meaning(&reason) == Meaning::Fault => {
                Failure::Unknown(Problem::of(ProblemKind::Unavailable, code, reason))
            }
            other => other.asking(),
        }
    }

    /// Whether the panel said that there is no such thing.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Failed { reason, .. } if meaning(reason) == Meaning::Refused(ProblemKind::NotFound))
    }
}

/// What words of refusal mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// Nothing was done, in this class.
    Refused(ProblemKind),
    /// Nothing was done, later it may work.
    Busy,
    /// Something broke on the way: the panel says that it failed, not that it did nothing.
    Fault,
}

/// Signs in lower case, the first that is found counts: special ones stand before general ones.
const MEANINGS: &[(&str, Meaning)] = &[
    ("specified package does not exist", Meaning::Refused(ProblemKind::Invalid)),
    ("package does not exist", Meaning::Refused(ProblemKind::Invalid)),
    ("unknown app", Meaning::Refused(ProblemKind::Unsupported)),
    ("unknown function", Meaning::Refused(ProblemKind::Unsupported)),
    ("function not found", Meaning::Refused(ProblemKind::Unsupported)),
    ("another process", Meaning::Busy),
    ("in progress", Meaning::Busy),
    ("currently being", Meaning::Busy),
    ("too many requests", Meaning::Busy),
    ("try again later", Meaning::Busy),
    ("timed out", Meaning::Fault),
    ("unable to connect", Meaning::Fault),
    ("internal error", Meaning::Fault),
    ("no space left", Meaning::Fault),
    ("maximum number of accounts", Meaning::Refused(ProblemKind::Limit)),
    ("license", Meaning::Refused(ProblemKind::Limit)),
    ("exceed", Meaning::Refused(ProblemKind::Limit)),
    ("over quota", Meaning::Refused(ProblemKind::Limit)),
    ("not enough", Meaning::Refused(ProblemKind::Limit)),
    ("has reached", Meaning::Refused(ProblemKind::Limit)),
    ("have reached", Meaning::Refused(ProblemKind::Limit)),
    ("do not have access to an account", Meaning::Refused(ProblemKind::NotFound)),
    ("account does not exist", Meaning::Refused(ProblemKind::NotFound)),
    ("does not exist", Meaning::Refused(ProblemKind::NotFound)),
    ("no such user", Meaning::Refused(ProblemKind::NotFound)),
    ("is not a reseller", Meaning::Refused(ProblemKind::NotFound)),
    ("reserved", Meaning::Refused(ProblemKind::Invalid)),
    ("still owns", Meaning::Refused(ProblemKind::State)),
    ("locked", Meaning::Refused(ProblemKind::State)),
    ("suspended", Meaning::Refused(ProblemKind::State)),
    ("hook stopped", Meaning::Refused(ProblemKind::State)),
    ("already", Meaning::Refused(ProblemKind::Conflict)),
    ("conflict", Meaning::Refused(ProblemKind::Conflict)),
    ("permission", Meaning::Refused(ProblemKind::Permission)),
    ("access denied", Meaning::Refused(ProblemKind::Permission)),
    ("privilege", Meaning::Refused(ProblemKind::Permission)),
    ("not authorized", Meaning::Refused(ProblemKind::Permission)),
    ("not allowed", Meaning::Refused(ProblemKind::Permission)),
    ("not valid", Meaning::Refused(ProblemKind::Invalid)),
    ("not a valid", Meaning::Refused(ProblemKind::Invalid)),
    ("invalid", Meaning::Refused(ProblemKind::Invalid)),
    ("too short", Meaning::Refused(ProblemKind::Invalid)),
    ("too weak", Meaning::Refused(ProblemKind::Invalid)),
    ("strength", Meaning::Refused(ProblemKind::Invalid)),
    ("cannot begin", Meaning::Refused(ProblemKind::Invalid)),
    ("provide the", Meaning::Refused(ProblemKind::Invalid)),
    ("must be", Meaning::Refused(ProblemKind::Invalid)),
];

fn meaning(reason: &str) -> Meaning {
    let low = reason.to_lowercase();
    let known = MEANINGS.iter().find(|(sign, _)| low.contains(sign));
    // A clear no in words that are not known: nothing was done, and nobody here can tell why.
    known.map_or(Meaning::Refused(ProblemKind::State), |(_, meaning)| *meaning)
}

/// The panel refuses logins for a while: cPHulk counted too many wrong ones.
pub(crate) fn locked_out(words: &str) -> Option<Failure> {
    let low = words.to_lowercase();
    if !["brute force", "locked out", "cphulk"].iter().any(|sign| low.contains(sign)) {
        return None;
    }
    let minutes = low
        .split("wait ")
        .nth(1)
        .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
        .filter(|minutes| (1..=24 * 60).contains(minutes));
    // Another login would only make it longer.
    let after = Duration::from_secs(60 * minutes.unwrap_or(15));
    Some(Failure::RetryLater { problem: Problem::of(ProblemKind::Busy, "cphulk", words), after: Some(after) })
}

/// `API failure: (XID abc123) The reason`: the reason, and the id as a code.
pub(crate) fn without_prefix(reason: &str) -> (String, String) {
    let reason = reason.trim();
    let bare = reason.strip_prefix("API failure:").unwrap_or(reason).trim_start();
    if let Some((id, words)) = bare.strip_prefix("(XID ").and_then(|rest| rest.split_once(')'))
        && !id.is_empty()
        && id.len() <= 32
        && id.chars().all(|c| c.is_ascii_alphanumeric())
    {
        return (format!("XID {id}"), words.trim_start().to_owned());
    }
    (String::new(), bare.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_words_have_their_class() {
        use ProblemKind as Kind;
        for (reason, kind) in [
            ("Account does not exist.", Kind::NotFound),
            ("System user acme does not exist!", Kind::NotFound),
            ("Sorry the user acme does not exist", Kind::NotFound),
            ("You do not have access to an account named “acme”.", Kind::NotFound),
            ("Specified package does not exist.", Kind::Invalid),
            ("This system already has an account named “acme”.", Kind::Conflict),
            ("The domain “acme.example” already exists in the userdata.", Kind::Conflict),
            ("“root” is a reserved username on this system.", Kind::Invalid),
            ("“2a” is not a valid username: it cannot begin with a number.", Kind::Invalid),
            ("You have reached the maximum number of accounts that your license permits.", Kind::Limit),
            ("Sorry, that password is too short.", Kind::Invalid),
            ("The account “kid” is locked: only root can unsuspend it.", Kind::State),
            ("Unknown app (“x”) requested for this version of the API.", Kind::Unsupported),
            ("Xyzzy", Kind::State),
        ] {
            let failure = Trouble::Failed { code: String::new(), reason: reason.to_owned() }.changing();
            assert!(failure.is_refused(kind), "{reason}: {failure:?}");
        }
    }

    #[test]
    fn a_fault_of_the_panel_is_unknown_for_changes_only() {
        let fault = || Trouble::Failed { code: String::new(), reason: "The request timed out.".to_owned() };
        assert!(matches!(fault().changing(), Failure::Unknown(_)));
        assert!(matches!(fault().asking(), Failure::RetryLater { .. }));
        assert!(matches!(Trouble::Garbled("x".to_owned()).changing(), Failure::Unknown(_)));
        assert!(matches!(Trouble::Garbled("x".to_owned()).asking(), Failure::RetryLater { .. }));
    }

    #[test]
    fn a_lockout_says_how_long() {
        let words = "This account is currently locked out because a brute force attempt was detected. Please wait 10 \
                     minutes and try again.";
        let Some(Failure::RetryLater { after, problem }) = locked_out(words) else { panic!("no lockout") };
        assert_eq!((after, problem.kind()), (Some(Duration::from_secs(600)), ProblemKind::Busy));
        assert!(locked_out("Access denied").is_none());
    }

    #[test]
    fn the_prefix_becomes_a_code() {
        let of = |reason| without_prefix(reason);
        assert_eq!(of("API failure: (XID abc123) No."), ("XID abc123".to_owned(), "No.".to_owned()));
        assert_eq!(of("(XID abc123) No."), ("XID abc123".to_owned(), "No.".to_owned()));
        assert_eq!(of("API failure: No."), (String::new(), "No.".to_owned()));
        assert_eq!(of(" No (XID abc123)."), (String::new(), "No (XID abc123).".to_owned()));
    }
}
