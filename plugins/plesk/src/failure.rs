//! Plesk's error codes as outcomes. The codes are those of its "Reduced List of Error Codes".

use billet_plugin::Failure;
use billet_plugin::redact::redact;
use billet_plugin::v1::ProblemKind;

/// What Plesk says about something that it did not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: u32,
    /// Without secrets and markup.
    pub(crate) words: String,
}

/// Longer texts are cut.
const WORDS_MAX: usize = 600;

impl Refusal {
    pub(crate) fn new<'a>(code: u32, text: &str, secrets: impl IntoIterator<Item = &'a str>) -> Self {
        Self { code, words: clean(text, secrets) }
    }

    /// It is there already. A reseller's name that is taken is told as 1019 "already exists", a customer's as 1007.
    pub(crate) fn exists(&self) -> bool {
        let says_so = || self.words.to_lowercase().contains("already exist");
        matches!(self.code, 1002 | 1007) || (self.code == 1019 && says_so())
    }

    /// There is no such object.
    pub(crate) fn is_missing(&self) -> bool {
        self.code == 1013
    }

    fn kind(&self) -> ProblemKind {
        match self.code {
            _ if self.exists() => ProblemKind::Conflict,
            // 1011: the account that the credentials belong to is disabled.
            1001 | 1011 | 1029 | 11003 => ProblemKind::Unauthenticated,
            1006 | 1010 => ProblemKind::Permission,
            1005 | 1017 | 1026 | 1031 | 1050 | 14008 | 14009 => ProblemKind::Unsupported,
            1013 => ProblemKind::NotFound,
            1014 | 1015 | 1018 | 1019 | 1025 | 1032 => ProblemKind::Invalid,
            1009 | 1024 | 1030 => ProblemKind::Limit,
            1008 | 1012 => ProblemKind::Busy,
            1033 => ProblemKind::State,
            // 1003, 1004, 1023, 1027, and what the list does not have.
            _ => ProblemKind::Unavailable,
        }
    }

    /// The failure it makes. Plesk did nothing then; what may go away by itself is to be tried later.
    pub(crate) fn failure(&self) -> Failure {
        let (kind, code) = (self.kind(), self.code.to_string());
        match kind {
            ProblemKind::Unavailable | ProblemKind::Busy => Failure::later(kind, code, self.words.clone()),
            _ => Failure::refused(kind, code, self.words.clone()),
        }
    }

    /// As [`Self::failure`], where what is missing is not the account but something it should get: a plan, an owner.
    /// A caller must not take that for a missing account.
    pub(crate) fn failure_of_value(&self, what: &str) -> Failure {
        if self.is_missing() {
            return Failure::refused(ProblemKind::Invalid, self.code.to_string(), format!("{what}: {}", self.words));
        }
        self.failure()
    }
}

/// A panel's text as words: no secrets, no markup, no line breaks, not too long.
pub(crate) fn clean<'a>(text: &str, secrets: impl IntoIterator<Item = &'a str>) -> String {
    let (mut plain, mut in_tag) = (String::new(), false);
    for character in redact(text, secrets).chars() {
        match character {
            '<' => in_tag = true,
            '>' if in_tag => {
                in_tag = false;
                plain.push(' ');
            }
            _ if in_tag => {}
            _ => plain.push(character),
        }
    }
    let words = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().take(WORDS_MAX).collect()
}

/// Refused by the adapter itself.
pub(crate) fn refused(kind: ProblemKind, words: impl Into<String>) -> Failure {
    Failure::refused(kind, "", words)
}

/// Whether nobody knows what was done.
pub(crate) fn is_unknown(failure: &Failure) -> bool {
    matches!(failure, Failure::Unknown(_))
}

/// The same failure with more words in front.
pub(crate) fn prefixed(mut failure: Failure, words: &str) -> Failure {
    let (Failure::RetryLater { problem, .. } | Failure::Refused(problem) | Failure::Unknown(problem)) = &mut failure;
    problem.words = format!("{words}: {}", problem.words);
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_code_has_its_outcome() {
        use ProblemKind::{
            Busy, Conflict, Invalid, Limit, NotFound, Permission, State, Unauthenticated, Unavailable, Unsupported,
        };
        let cases = [
            (1001, Unauthenticated, false),
            (1002, Conflict, false),
            (1003, Unavailable, true),
            (1004, Unavailable, true),
            (1005, Unsupported, false),
            (1006, Permission, false),
            (1007, Conflict, false),
            (1008, Busy, true),
            (1009, Limit, false),
            (1010, Permission, false),
            (1011, Unauthenticated, false),
            (1012, Busy, true),
            (1013, NotFound, false),
            (1014, Invalid, false),
            (1015, Invalid, false),
            (1017, Unsupported, false),
            (1018, Invalid, false),
            (1019, Invalid, false),
            (1023, Unavailable, true),
            (1024, Limit, false),
            (1025, Invalid, false),
            (1026, Unsupported, false),
            (1027, Unavailable, true),
            (1029, Unauthenticated, false),
            (1030, Limit, false),
            (1031, Unsupported, false),
            (1032, Invalid, false),
            (1033, State, false),
            (1050, Unsupported, false),
            (11003, Unauthenticated, false),
            (14008, Unsupported, false),
            (14009, Unsupported, false),
            (9999, Unavailable, true),
        ];
        for (code, kind, later) in cases {
            let failure = Refusal::new(code, "words", []).failure();
            assert_eq!(failure.kind(), kind, "{code}");
            assert_eq!(matches!(failure, Failure::RetryLater { .. }), later, "{code}");
            assert_eq!(failure.problem().code, code.to_string());
        }
        let trap = Refusal::new(1019, "The user account with login name \"anna\" already exists.", []);
        assert!(trap.exists() && trap.failure().is_refused(Conflict));
    }

    #[test]
    fn a_missing_plan_is_not_a_missing_account() {
        let refusal = Refusal::new(1013, "Service plan does not exist.", []);
        assert!(refusal.failure().is_refused(ProblemKind::NotFound));
        assert!(refusal.failure_of_value("the plan `Gold`").is_refused(ProblemKind::Invalid));
    }

    #[test]
    fn words_are_plain_short_and_without_secrets() {
        let text = format!("<b>Bad</b>\npassword s3cret-Word: {}", "x".repeat(2_000));
        let words = clean(&text, ["s3cret-Word"]);
        assert!(words.starts_with("Bad password [redacted]: xx"), "{words}");
        assert_eq!(words.chars().count(), WORDS_MAX);
    }
}
