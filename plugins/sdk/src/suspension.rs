//! The mark by which Billet knows its own suspensions at panels that keep a reason: one that somebody else set is never
//! lifted because an invoice was paid.

use crate::v1::SuspensionOrigin;

/// Stands before the reason.
pub const MARK: &str = "[billet] ";

/// A reason as it is stored at the panel.
#[must_use]
pub fn marked(reason: &str) -> String {
    format!("{MARK}{reason}")
}

/// Who set a suspension, by its stored reason: Billet, or `otherwise`.
#[must_use]
pub fn origin(reason: &str, otherwise: SuspensionOrigin) -> SuspensionOrigin {
    if reason.trim_start().starts_with(MARK.trim_end()) { SuspensionOrigin::Billet } else { otherwise }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_marked_reasons_are_ours() {
        assert_eq!(origin(&marked("overdue"), SuspensionOrigin::Administrator), SuspensionOrigin::Billet);
        assert_eq!(origin("abuse, see [billet]", SuspensionOrigin::Administrator), SuspensionOrigin::Administrator);
    }
}
