//! How a call ends, as Rust says it: `Ok(Done)` or `Err(Failure)`.

use std::time::Duration;

use crate::v1::outcome::Result as Wire;
use crate::v1::{self, Outcome, Problem, ProblemKind};

/// What a call answers.
pub type Answer<T> = Result<Done<T>, Failure>;

/// How many characters of a panel's words travel.
const WORDS_MAX: usize = 2_000;

/// It is done, or, for a question, answered.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Done<T> {
    /// What came of it.
    pub value: T,
    /// It had been done before; this call changed nothing.
    pub already: bool,
    /// What the panel complained about although it did the work.
    pub warnings: Vec<String>,
}

impl<T> Done<T> {
    /// Done by this call.
    pub fn new(value: T) -> Self {
        Self { value, already: false, warnings: Vec::new() }
    }

    /// Done before.
    pub fn already(value: T) -> Self {
        Self { value, already: true, warnings: Vec::new() }
    }

    /// With what the panel complained about.
    #[must_use]
    pub fn with_warnings(mut self, warnings: Vec<String>) -> Self {
        self.warnings = warnings;
        self
    }
}

/// Why it is not done.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Failure {
    /// Nothing was done; the same call may work later.
    #[error("try later: {}", .problem.words)]
    RetryLater {
        /// What was in the way.
        problem: Problem,
        /// How long to wait at least, when the panel said so.
        after: Option<Duration>,
    },
    /// Nothing was done, and repeating it will not change that.
    #[error("refused: {}", .0.words)]
    Refused(Problem),
    /// It cannot be told whether it was done: look before repeating it.
    #[error("unknown: {}", .0.words)]
    Unknown(Problem),
}

impl Failure {
    /// Refused, in the panel's words.
    pub fn refused(kind: ProblemKind, code: impl Into<String>, words: impl Into<String>) -> Self {
        Self::Refused(Problem::of(kind, code, words))
    }

    /// To be tried later.
    pub fn later(kind: ProblemKind, code: impl Into<String>, words: impl Into<String>) -> Self {
        Self::RetryLater { problem: Problem::of(kind, code, words), after: None }
    }

    /// Nobody can tell whether it was done.
    pub fn unknown(words: impl Into<String>) -> Self {
        Self::Unknown(Problem::of(ProblemKind::Unavailable, "", words))
    }

    /// A call that the plugin does not have.
    #[must_use]
    pub fn unsupported(method: &str) -> Self {
        Self::refused(ProblemKind::Unsupported, "", format!("this plugin does not have {method}"))
    }

    /// What is wrong.
    #[must_use]
    pub fn problem(&self) -> &Problem {
        match self {
            Self::RetryLater { problem, .. } | Self::Refused(problem) | Self::Unknown(problem) => problem,
        }
    }

    /// In which class.
    #[must_use]
    pub fn kind(&self) -> ProblemKind {
        self.problem().kind()
    }

    /// Whether it was refused in this class.
    #[must_use]
    pub fn is_refused(&self, kind: ProblemKind) -> bool {
        matches!(self, Self::Refused(problem) if problem.kind() == kind)
    }
}

/// How problems are made.
pub trait ProblemExt {
    /// A problem with words of bounded length.
    fn of(kind: ProblemKind, code: impl Into<String>, words: impl Into<String>) -> Self;
}

impl ProblemExt for Problem {
    fn of(kind: ProblemKind, code: impl Into<String>, words: impl Into<String>) -> Self {
        let mut words = words.into();
        if let Some((end, _)) = words.char_indices().nth(WORDS_MAX) {
            words.truncate(end);
        }
        Self { kind: kind.into(), code: code.into(), words }
    }
}

impl<T> From<&Done<T>> for Outcome {
    fn from(done: &Done<T>) -> Self {
        let done = v1::Done { already: done.already, warnings: done.warnings.clone() };
        Self { result: Some(Wire::Done(done)) }
    }
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        let result = match failure {
            Failure::RetryLater { problem, after } => Wire::RetryLater(v1::RetryLater {
                problem: Some(problem),
                after: after.and_then(|after| after.try_into().ok()),
            }),
            Failure::Refused(problem) => Wire::Refused(v1::Refused { problem: Some(problem) }),
            Failure::Unknown(problem) => Wire::Unknown(v1::Unknown { problem: Some(problem) }),
        };
        Self { result: Some(result) }
    }
}

impl Outcome {
    /// The outcome as an answer with this value.
    ///
    /// # Errors
    /// The failure that it tells; [`Failure::Unknown`] when it tells nothing, as nobody can say then what was done.
    pub fn into_answer<T>(self, value: T) -> Answer<T> {
        match self.result {
            Some(Wire::Done(done)) => Ok(Done { value, already: done.already, warnings: done.warnings }),
            Some(Wire::RetryLater(later)) => Err(Failure::RetryLater {
                problem: later.problem.unwrap_or_default(),
                after: later.after.and_then(|after| after.try_into().ok()),
            }),
            Some(Wire::Refused(refused)) => Err(Failure::Refused(refused.problem.unwrap_or_default())),
            Some(Wire::Unknown(unknown)) => Err(Failure::Unknown(unknown.problem.unwrap_or_default())),
            None => Err(Failure::unknown("the plugin answered without an outcome")),
        }
    }
}
