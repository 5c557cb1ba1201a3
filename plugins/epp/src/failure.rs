//! The codes of EPP as the protocol's classes. Registries do not agree on codes for the same thing, so a code names a class
//! here and nothing finer; the code itself and the registry's words travel along.

use std::time::Duration;

use billet_plugin::http::WireError;
use billet_plugin::redact::redact;
use billet_plugin::v1::{Problem, ProblemKind};
use billet_plugin::{Failure, ProblemExt};

use crate::response::Response;

/// How long to wait when the registry says that too many sessions are open.
const SESSION_LIMIT_WAIT: Duration = Duration::from_secs(30);

/// Why there is no answer to a command.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CallError {
    /// The command was not sent: nothing was done.
    #[error("{0}")]
    NotSent(Failure),
    /// It was sent, and no answer to it came: it may have been done.
    #[error("{0}")]
    NoAnswer(String),
}

impl CallError {
    /// What it means for a question.
    #[must_use]
    pub fn asking(self) -> Failure {
        match self {
            Self::NotSent(failure) => failure,
            Self::NoAnswer(words) => Failure::later(ProblemKind::Unavailable, "", words),
        }
    }

    /// What it means for a change.
    #[must_use]
    pub fn changing(self) -> Failure {
        match self {
            Self::NotSent(failure) => failure,
            Self::NoAnswer(words) => Failure::unknown(words),
        }
    }
}

impl From<WireError> for CallError {
    fn from(error: WireError) -> Self {
        match error {
            WireError::NoAnswer(words) => Self::NoAnswer(words),
            other => Self::NotSent(other.asking()),
        }
    }
}

/// What an answer that is no success means. EPP's commands are atomic (RFC 5730 section 2): what failed did nothing.
/// `secrets` are those that the command held; a registry may repeat them.
#[must_use]
pub fn of_response(response: &Response, secrets: &[&str]) -> Failure {
    let words = redact(&response.words, secrets.iter().copied());
    let problem = Problem::of(kind_of(response.code), response.code.to_string(), words);
    match response.code {
        2502 => Failure::RetryLater { problem, after: Some(SESSION_LIMIT_WAIT) },
        2400 | 2500 => Failure::RetryLater { problem, after: None },
        _ => Failure::Refused(problem),
    }
}

/// What a login's answer means: registries say 2200, 2201, 2202 or 2501 to wrong credentials.
#[must_use]
pub fn of_login(response: &Response, secrets: &[&str]) -> Failure {
    match response.code {
        2200..=2202 | 2501 => Failure::refused(
            ProblemKind::Unauthenticated,
            response.code.to_string(),
            redact(&response.words, secrets.iter().copied()),
        ),
        _ => of_response(response, secrets),
    }
}

fn kind_of(code: u16) -> ProblemKind {
    match code {
        2000 | 2100..=2103 | 2307 => ProblemKind::Unsupported,
        2001 | 2003..=2005 | 2202 | 2306 | 2308 => ProblemKind::Invalid,
        2002 | 2105 | 2106 | 2300 | 2301 | 2304 | 2305 => ProblemKind::State,
        2104 => ProblemKind::Balance,
        2200 | 2501 => ProblemKind::Unauthenticated,
        2201 => ProblemKind::Permission,
        2302 => ProblemKind::Conflict,
        2303 => ProblemKind::NotFound,
        2502 => ProblemKind::Busy,
        // 2400 and 2500: the server could not. What is not in the RFC is refused in the registry's words.
        2400 | 2500 => ProblemKind::Unavailable,
        _ => ProblemKind::Invalid,
    }
}
