//! What the exit codes mean (func/main.sh and web/inc/helpers.php of HestiaCP).

use billet_plugin::Failure;
use billet_plugin::v1::ProblemKind;

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Exit {
    /// 0 when it worked.
    pub(crate) code: u16,
    /// What it printed, without `Error:`.
    pub(crate) words: String,
}

const NOT_EXIST: &str = "3";
const EXISTS: &str = "4";
const SUSPENDED: &str = "5";

/// A failed question.
pub(crate) fn asking(exit: &Exit) -> Failure {
    match kind(exit) {
        Some((kind, true)) => Failure::refused(kind, exit.code.to_string(), words(exit)),
        Some((kind, false)) => Failure::later(kind, exit.code.to_string(), words(exit)),
        None => Failure::later(ProblemKind::Unavailable, exit.code.to_string(), words(exit)),
    }
}

/// A failed change. A code that tells of trouble half way (a restart, the database, the parser) leaves it unknown.
pub(crate) fn changing(exit: &Exit) -> Failure {
    if kind(exit).is_some() {
        asking(exit)
    } else {
        Failure::unknown(format!("exit code {}: {}", exit.code, words(exit)))
    }
}

/// Its class, and whether it is final; none when it does not say that nothing was done.
fn kind(exit: &Exit) -> Option<(ProblemKind, bool)> {
    Some(match exit.code {
        // useradd lost a race for the password file, or for the name: the next attempt sees which.
        2 if exit.words.contains("user creation failed") => (ProblemKind::Busy, false),
        1 | 2 => (ProblemKind::Invalid, true),
        3 => (ProblemKind::NotFound, true),
        4 => (ProblemKind::Conflict, true),
        5..=7 => (ProblemKind::State, true),
        8 => (ProblemKind::Limit, true),
        9 => (ProblemKind::Unauthenticated, true),
        10 | 21 => (ProblemKind::Permission, true),
        11 if exit.words.to_ascii_lowercase().contains("api") => (ProblemKind::Permission, true),
        11 => (ProblemKind::Unsupported, true),
        14 => (ProblemKind::Busy, false),
        _ => return None,
    })
}

fn words(exit: &Exit) -> String {
    if !exit.words.is_empty() {
        return exit.words.clone();
    }
    let known = match exit.code {
        1 => "wrong number of arguments",
        2 => "a value is not valid",
        3 => "it does not exist",
        4 => "it exists already",
        5 => "it is suspended",
        6 => "it is not suspended",
        7 => "it is in use",
        8 => "a limit is reached",
        9 => "the access key or its secret is wrong",
        10 => "the access key may not call this command, or not from this address",
        11 | 21 => "it is switched off",
        _ => "no words",
    };
    known.to_owned()
}

/// Whether something was missing.
pub(crate) fn is_missing(failure: &Failure) -> bool {
    failure.is_refused(ProblemKind::NotFound) && failure.problem().code == NOT_EXIST
}

/// Whether something was there already.
pub(crate) fn is_taken(failure: &Failure) -> bool {
    failure.is_refused(ProblemKind::Conflict) && failure.problem().code == EXISTS
}

/// Whether the user is suspended.
pub(crate) fn is_suspended(failure: &Failure) -> bool {
    failure.is_refused(ProblemKind::State) && failure.problem().code == SUSPENDED
}

/// The plugin's own refusal.
pub(crate) fn refused(kind: ProblemKind, words: impl Into<String>) -> Failure {
    Failure::refused(kind, "", words)
}

/// The same failure with other words before its own.
pub(crate) fn after(context: &str, failure: Failure) -> Failure {
    let put = |problem: billet_plugin::v1::Problem| billet_plugin::v1::Problem {
        words: format!("{context}: {}", problem.words),
        ..problem
    };
    match failure {
        Failure::Refused(problem) => Failure::Refused(put(problem)),
        Failure::Unknown(problem) => Failure::Unknown(put(problem)),
        Failure::RetryLater { problem, after } => Failure::RetryLater { problem: put(problem), after },
    }
}
