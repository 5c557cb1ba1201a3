//! What a failed call means for the event that was sent.

use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::super::capture;
use super::super::spool::{Reason, SpoolError};

/// How much of the daemon's words is kept, in characters.
const MESSAGE_CHARS_MAX: usize = 500;

/// What to do after a call failed.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// The daemon will never take this event.
    Refused(Reason),
    /// The daemon failed at this event; another may pass.
    Failed(Stop),
    /// Nothing passes now.
    Stop(Stop),
}

/// Why nothing passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// In one word: a gRPC status, or `SETTINGS`, `SPOOL`, `TIMEOUT`.
    pub code: String,
    /// In words.
    pub message: String,
    /// Whether a person has to do something before waiting is any use.
    pub needs_person: bool,
}

impl Stop {
    /// No answer in time.
    pub fn timeout() -> Self {
        let message = "the daemon did not answer in time".to_owned();
        Self { code: "TIMEOUT".into(), message, needs_person: false }
    }

    /// Settings that nothing can be delivered with.
    pub fn settings(message: String) -> Self {
        Self { code: "SETTINGS".into(), message, needs_person: true }
    }

    /// An event that cannot be read from the spool.
    pub fn spool(error: &SpoolError) -> Self {
        Self { code: "SPOOL".into(), message: error.to_string(), needs_person: true }
    }

    /// An answer that is none.
    pub fn nonsense(message: &str) -> Self {
        Self { code: "INTERNAL".into(), message: message.to_owned(), needs_person: false }
    }
}

impl Verdict {
    /// What the daemon's status means.
    pub fn of(status: &Status) -> Self {
        let code = code_name(status.code());
        let message = capture::text(&words(status), MESSAGE_CHARS_MAX);
        match status.code() {
            // The event itself is wrong, or its id was used for another one.
            Code::InvalidArgument | Code::OutOfRange | Code::AlreadyExists => {
                Self::Refused(Reason::new(&code, message))
            }
            // A defect that this event sets off, as likely as one that any event would.
            Code::Internal | Code::Unknown | Code::DataLoss => {
                Self::Failed(Stop { code, message, needs_person: false })
            }
            Code::Unauthenticated | Code::PermissionDenied | Code::Unimplemented | Code::NotFound => {
                Self::Stop(Stop { code, message, needs_person: true })
            }
            _ => Self::Stop(Stop { code, message, needs_person: false }),
        }
    }

    /// The same where nothing can be put aside.
    pub fn into_stop(self) -> Stop {
        match self {
            Self::Refused(reason) => Stop { code: reason.code, message: reason.reason, needs_person: true },
            Self::Failed(stop) | Self::Stop(stop) => stop,
        }
    }
}

/// The daemon's words, with the fields it complains about.
fn words(status: &Status) -> String {
    let mut words = status.message().to_owned();
    for violation in status.get_details_bad_request().map(|details| details.field_violations).unwrap_or_default() {
        if !words.contains(&violation.field) {
            words.push_str(&format!("; {} {}", violation.field, violation.description));
        }
    }
    // A broken connection says why only in its sources.
    let mut source = std::error::Error::source(status);
    for _ in 0..8 {
        let Some(cause) = source else { break };
        let cause_words = cause.to_string();
        if !words.contains(&cause_words) {
            words.push_str(&format!(": {cause_words}"));
        }
        source = cause.source();
    }
    words
}

/// A code as the gRPC specification writes it: `INVALID_ARGUMENT`.
fn code_name(code: Code) -> String {
    let mut name = String::new();
    for letter in format!("{code:?}").chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_written_as_the_specification_does() {
        assert_eq!(code_name(Code::InvalidArgument), "INVALID_ARGUMENT");
        assert_eq!(code_name(Code::Ok), "OK");
    }

    #[test]
    fn only_what_is_wrong_with_the_event_itself_is_refused_for_good() {
        let kept = [
            Code::Unavailable,
            Code::Unauthenticated,
            Code::PermissionDenied,
            Code::ResourceExhausted,
            Code::FailedPrecondition,
            Code::Aborted,
            Code::Cancelled,
            Code::DeadlineExceeded,
            Code::NotFound,
            Code::Unimplemented,
        ];
        for code in kept {
            assert!(matches!(Verdict::of(&Status::new(code, "")), Verdict::Stop(_)), "{code:?}");
        }
        for code in [Code::Internal, Code::Unknown, Code::DataLoss] {
            assert!(matches!(Verdict::of(&Status::new(code, "")), Verdict::Failed(_)), "{code:?}");
        }
        for code in [Code::InvalidArgument, Code::OutOfRange, Code::AlreadyExists] {
            assert!(matches!(Verdict::of(&Status::new(code, "")), Verdict::Refused(_)), "{code:?}");
        }
    }

    #[test]
    fn the_fields_that_the_daemon_complains_about_are_named() {
        let mut details = tonic_types::ErrorDetails::new();
        details.add_bad_request_violation("event.external_ref", "is required");
        let status = Status::with_error_details(Code::InvalidArgument, "bad\nrequest", details);
        let Verdict::Refused(reason) = Verdict::of(&status) else { panic!("it is refused") };
        assert_eq!(reason.reason, "bad request; event.external_ref is required");
    }
}
