//! What Openprovider's refusals mean.
//!
//! Every refusal has a number. There is no published list: the known ones were seen at its sandbox or in its support
//! pages, and the ranges are documented (1xx customers and login, 2xx name servers, 3xx-7xx domains, 8xx DNS, 9xx
//! payments). What is not known by number is judged by its words, and at last taken for no more than a plain no.

use std::time::Duration;

use billet_plugin::http::WireError;
use billet_plugin::redact::redact;
use billet_plugin::v1::{Problem, ProblemKind};
use billet_plugin::{Failure, ProblemExt};

/// Wrong or expired credentials.
pub(crate) const UNAUTHENTICATED: i64 = 196;
/// A domain that is not in this account.
const NO_DOMAIN: i64 = 320;
/// A domain that is there already.
pub(crate) const DUPLICATE: i64 = 346;
/// A DNS zone that does not exist.
pub(crate) const NO_ZONE: i64 = 872;
/// What a registry said; its words stand in `data`.
const REGISTRY: i64 = 399;

/// Why a call has no good answer.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The exchange itself broke.
    Wire(WireError),
    /// It is certain that nothing was done, and already said what that means.
    Certain(Failure),
    /// The API says no, with its number and words. It does so with HTTP 500 as well.
    Said { code: i64, words: String },
    /// What stands before the API gave up waiting for it (502, 503, 504): the work may go on behind it.
    Gateway { status: u16, words: String },
    /// Something answered that is not the API.
    Garbled(String),
}

/// What a number or words mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// Nothing was done.
    Refused(ProblemKind),
    /// Nothing was done; later it may work.
    Later(ProblemKind),
    /// It broke on the way: nobody says that nothing was done.
    Fault,
}

impl Trouble {
    /// What it means for a question.
    pub(crate) fn asking(self) -> Failure {
        match self {
            Self::Wire(error) => error.asking(),
            Self::Certain(failure) => failure,
            Self::Gateway { status, words } => Failure::later(ProblemKind::Unavailable, status.to_string(), words),
            Self::Garbled(words) => Failure::later(ProblemKind::Unavailable, "", words),
            Self::Said { code, words } => match meaning(code, &words) {
                Meaning::Refused(kind) => Failure::refused(kind, code.to_string(), words),
                Meaning::Later(kind) => Failure::later(kind, code.to_string(), words),
                Meaning::Fault => Failure::later(ProblemKind::Unavailable, code.to_string(), words),
            },
        }
    }

    /// What it means for a change.
    pub(crate) fn changing(self) -> Failure {
        if !self.is_unsure() {
            return match self {
                Self::Wire(error) => error.changing(),
                other => other.asking(),
            };
        }
        let problem = self.asking().problem().clone();
        Failure::Unknown(Problem { kind: ProblemKind::Unavailable.into(), ..problem })
    }

    /// Whether a change may have been done all the same.
    pub(crate) fn is_unsure(&self) -> bool {
        match self {
            Self::Wire(error) => matches!(error, WireError::NoAnswer(_)),
            Self::Certain(_) => false,
            Self::Gateway { .. } | Self::Garbled(_) => true,
            Self::Said { code, words } => meaning(*code, words) == Meaning::Fault,
        }
    }

    /// Whether the API said this number.
    pub(crate) fn is(&self, number: i64) -> bool {
        matches!(self, Self::Said { code, .. } if *code == number)
    }

    /// Whether there is no such domain, zone, handle.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Said { code, words } if meaning(*code, words) == Meaning::Refused(ProblemKind::NotFound))
    }
}

/// Numbers that are known.
const NUMBERS: &[(i64, Meaning)] = &[
    (UNAUTHENTICATED, Meaning::Refused(ProblemKind::Unauthenticated)),
    // A handle that does not exist; no name servers; a wrong name, extension, period, transfer code, record.
    (193, Meaning::Refused(ProblemKind::Invalid)),
    (223, Meaning::Refused(ProblemKind::Invalid)),
    (300, Meaning::Refused(ProblemKind::Invalid)),
    (307, Meaning::Refused(ProblemKind::Invalid)),
    (316, Meaning::Refused(ProblemKind::Invalid)),
    (NO_DOMAIN, Meaning::Refused(ProblemKind::NotFound)),
    (DUPLICATE, Meaning::Refused(ProblemKind::Conflict)),
    (358, Meaning::Refused(ProblemKind::Invalid)),
    (366, Meaning::Refused(ProblemKind::State)),
    // A premium name whose fee was not accepted.
    (379, Meaning::Refused(ProblemKind::Limit)),
    (NO_ZONE, Meaning::Refused(ProblemKind::NotFound)),
    (18_002, Meaning::Refused(ProblemKind::Invalid)),
];

/// Signs in lower case, the first that is found counts.
const SIGNS: &[(&str, Meaning)] = &[
    ("insufficient", Meaning::Refused(ProblemKind::Balance)),
    ("not enough", Meaning::Refused(ProblemKind::Balance)),
    ("balance", Meaning::Refused(ProblemKind::Balance)),
    ("try again later", Meaning::Later(ProblemKind::Unavailable)),
    ("temporar", Meaning::Later(ProblemKind::Unavailable)),
    ("maintenance", Meaning::Later(ProblemKind::Unavailable)),
    ("too many", Meaning::Later(ProblemKind::Busy)),
    ("rate limit", Meaning::Later(ProblemKind::Busy)),
    ("in progress", Meaning::Later(ProblemKind::Busy)),
    ("timed out", Meaning::Fault),
    ("timeout", Meaning::Fault),
    ("internal error", Meaning::Fault),
    ("internal server error", Meaning::Fault),
    ("already exist", Meaning::Refused(ProblemKind::Conflict)),
    ("already registered", Meaning::Refused(ProblemKind::Conflict)),
    ("duplicate", Meaning::Refused(ProblemKind::Conflict)),
    ("object exists", Meaning::Refused(ProblemKind::Conflict)),
    ("not found", Meaning::Refused(ProblemKind::NotFound)),
    ("does not exist", Meaning::Refused(ProblemKind::NotFound)),
    ("permission", Meaning::Refused(ProblemKind::Permission)),
    ("access denied", Meaning::Refused(ProblemKind::Permission)),
    ("not allowed", Meaning::Refused(ProblemKind::Permission)),
    ("prohibit", Meaning::Refused(ProblemKind::State)),
    ("locked", Meaning::Refused(ProblemKind::State)),
    ("invalid", Meaning::Refused(ProblemKind::Invalid)),
    ("incorrect", Meaning::Refused(ProblemKind::Invalid)),
    ("required", Meaning::Refused(ProblemKind::Invalid)),
    ("empty", Meaning::Refused(ProblemKind::Invalid)),
];

fn meaning(code: i64, words: &str) -> Meaning {
    if let Some((_, known)) = NUMBERS.iter().find(|(number, _)| *number == code) {
        return *known;
    }
    let low = words.to_lowercase();
    // A registry's "parent domain does not exist" speaks of a name server, not of the domain.
    let found = SIGNS.iter().find(|(sign, _)| low.contains(sign)).map(|(_, meaning)| *meaning);
    match found {
        Some(Meaning::Refused(ProblemKind::NotFound)) if code == REGISTRY => Meaning::Refused(ProblemKind::Invalid),
        Some(meaning) => meaning,
        None => Meaning::Refused(ProblemKind::State),
    }
}

/// HTTP 429.
pub(crate) fn too_many(after: Option<Duration>) -> Trouble {
    let problem = Problem::of(ProblemKind::Busy, "429", "Openprovider takes no more calls for now");
    Trouble::Certain(Failure::RetryLater { problem, after: Some(after.unwrap_or(Duration::from_secs(60))) })
}

/// The failure without these secrets in its words.
pub(crate) fn scrubbed<'a>(failure: Failure, secrets: impl IntoIterator<Item = &'a str>) -> Failure {
    let scrub = |mut problem: Problem| {
        problem.words = redact(&problem.words, secrets);
        problem
    };
    match failure {
        Failure::RetryLater { problem, after } => Failure::RetryLater { problem: scrub(problem), after },
        Failure::Refused(problem) => Failure::Refused(scrub(problem)),
        Failure::Unknown(problem) => Failure::Unknown(scrub(problem)),
    }
}

/// Words without markup and line breaks: registries' messages come with `<br>`.
pub(crate) fn plain(words: &str) -> String {
    let mut clean = String::with_capacity(words.len());
    let mut inside = false;
    let mut chars = words.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '<' if chars.peek().is_some_and(|next| next.is_ascii_alphabetic() || matches!(next, '/' | '!')) => {
                inside = true;
            }
            '>' if inside => {
                inside = false;
                clean.push(' ');
            }
            _ if !inside => clean.push(c),
            _ => {}
        }
    }
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(code: i64, words: &str) -> Trouble {
        Trouble::Said { code, words: words.to_owned() }
    }

    #[test]
    fn numbers_and_words_have_their_class() {
        use ProblemKind as Kind;
        for (code, words, kind) in [
            (196, "Authentication/Authorization Failed", Kind::Unauthenticated),
            (320, "", Kind::NotFound),
            (346, "Duplicate domain", Kind::Conflict),
            (358, "Authorization code is invalid", Kind::Invalid),
            (366, "The action is prohibited for current domain status", Kind::State),
            (379, "You are about to register the premium domain.", Kind::Limit),
            (399, "Parent domain does not exist for host", Kind::Invalid),
            (399, "Object exists", Kind::Conflict),
            (9_999, "Your balance is too low", Kind::Balance),
            (9_999, "Xyzzy", Kind::State),
        ] {
            assert!(said(code, words).changing().is_refused(kind), "{code} {words}");
        }
    }

    #[test]
    fn only_what_broke_on_the_way_is_unknown() {
        let gateway = || Trouble::Gateway { status: 504, words: "x".to_owned() };
        assert!(matches!(gateway().changing(), Failure::Unknown(_)));
        assert!(matches!(gateway().asking(), Failure::RetryLater { .. }));
        assert!(matches!(said(399, "Registry timeout").changing(), Failure::Unknown(_)));
        assert!(matches!(said(1, "Please try again later").changing(), Failure::RetryLater { .. }));
        assert!(matches!(Trouble::Garbled("x".to_owned()).changing(), Failure::Unknown(_)));
        let unsent = Trouble::Wire(WireError::NotSent("x".to_owned()));
        assert!(matches!(unsent.changing(), Failure::RetryLater { .. }));
    }

    #[test]
    fn words_lose_their_markup() {
        assert_eq!(plain("accept it:<br> 42\n <b>now</b>"), "accept it: 42 now");
        assert_eq!(plain("a < b > c"), "a < b > c");
    }
}
