//! What DirectAdmin's words mean. There are no codes, only `text` and `details`.

use billet_plugin::Failure;
use billet_plugin::v1::ProblemKind;

/// A refusal of the panel, clean.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) text: String,
    pub(crate) details: String,
}

/// Signs of a class, the first that fits.
const SIGNS: [(ProblemKind, &[&str]); 6] = [
    (ProblemKind::Busy, &["blacklist", "too many", "try again"]),
    (ProblemKind::Conflict, &["already exists", "already in use", "already taken"]),
    (ProblemKind::NotFound, &["unable to show user", "user does not exist", "is not yours", "no such user"]),
    (ProblemKind::Permission, &["do not have access", "not allowed", "access denied"]),
    (ProblemKind::Limit, &["maximum", "limit", "license", "exceed", "not enough"]),
    (ProblemKind::Unsupported, &["unknown command", "cannot execute your command"]),
];

/// The failure that a refusal is.
pub(crate) fn refusal(said: &Refusal) -> Failure {
    let words = match (said.text.as_str(), said.details.as_str()) {
        ("", "") => "no words".to_owned(),
        (text, "") => text.to_owned(),
        ("", details) => details.to_owned(),
        (text, details) => format!("{text}: {details}"),
    };
    let low = words.to_lowercase();
    let found = SIGNS.iter().find(|(_, signs)| signs.iter().any(|sign| low.contains(sign)));
    match (said.status, found) {
        (_, Some((ProblemKind::Busy, _))) | (429, _) => Failure::later(ProblemKind::Busy, "", words),
        (403, _) => Failure::refused(ProblemKind::Permission, "403", words),
        // The server's own trouble: it need not have come before the work.
        (500.., _) => Failure::unknown(words),
        (_, Some((kind, _))) => Failure::refused(*kind, "1", words),
        (_, None) => Failure::refused(ProblemKind::Invalid, "1", words),
    }
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
