//! What Virtualmin's words mean. There are no codes: `failure` with a line of text, `error` when there is no such program.

use billet_plugin::Failure;
use billet_plugin::v1::ProblemKind;

/// A program that did not work.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// Its first line, clean.
    pub(crate) words: String,
    /// `failure` or `error`.
    pub(crate) status: String,
    /// It printed how it is to be called: it refused its parameters, before it did anything.
    pub(crate) shows_usage: bool,
}

/// Signs of a class, the first that fits.
const SIGNS: [(ProblemKind, &[&str]); 6] = [
    (ProblemKind::State, &["already disabled", "not disabled", "has no webmin login"]),
    (
        ProblemKind::Conflict,
        &["already hosting", "already exists", "already used", "already in use", "a user named", "a domain called"],
    ),
    (ProblemKind::Invalid, &["unknown plan", "unknown template", "unknown parameter", "unknown option", "reseller"]),
    (ProblemKind::NotFound, &["does not exist", "no virtual server", "no top-level domain", "not found"]),
    (ProblemKind::Permission, &["not allowed", "access denied", "permission"]),
    (ProblemKind::Limit, &["maximum number", "exceed", "limit"]),
];

/// A failed question.
pub(crate) fn asking(refusal: &Refusal) -> Failure {
    Failure::refused(kind(refusal), refusal.status.clone(), refusal.words.clone())
}

/// A failed change: unknown unless the program shows that it did not begin.
pub(crate) fn changing(refusal: &Refusal) -> Failure {
    if refusal.shows_usage || refusal.status == "error" {
        return asking(refusal);
    }
    Failure::unknown(format!("Virtualmin broke off: {}", refusal.words))
}

fn kind(refusal: &Refusal) -> ProblemKind {
    let words = refusal.words.to_lowercase();
    if refusal.status == "error" {
        let missing = words.contains("remote program");
        return if missing { ProblemKind::Unsupported } else { ProblemKind::Permission };
    }
    let fits = |signs: &[&str]| signs.iter().any(|sign| words.contains(sign));
    SIGNS.iter().find(|(_, signs)| fits(signs)).map_or(ProblemKind::Invalid, |(kind, _)| *kind)
}

/// The plugin's own refusal.
pub(crate) fn refused(kind: ProblemKind, words: impl Into<String>) -> Failure {
    Failure::refused(kind, "", words)
}

/// A look that failed in the middle of a change leaves it unknown.
pub(crate) fn unsure(failure: Failure) -> Failure {
    match failure {
        Failure::RetryLater { problem, .. } => Failure::Unknown(problem),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_usage_text_proves_that_nothing_was_done() {
        let refusal = |words: &str, shows_usage| Refusal { words: words.into(), status: "failure".into(), shows_usage };
        for (words, kind) in [
            ("You are already hosting this domain", ProblemKind::Conflict),
            ("The specified administration user already exists", ProblemKind::Conflict),
            ("Unknown plan name", ProblemKind::Invalid),
            ("Virtual server nosuch.example does not exist", ProblemKind::NotFound),
            ("Virtual server a.example is already disabled", ProblemKind::State),
            ("Something new", ProblemKind::Invalid),
        ] {
            assert!(changing(&refusal(words, true)).is_refused(kind), "{words}");
            assert!(matches!(changing(&refusal(words, false)), Failure::Unknown(_)), "{words}");
        }
        let missing = Refusal {
            words: "Remote program create-reseller does not exist".into(),
            status: "error".into(),
            shows_usage: false,
        };
        assert!(changing(&missing).is_refused(ProblemKind::Unsupported));
    }
}
