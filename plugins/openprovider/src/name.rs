//! Names of domains and hosts. Openprovider has a name in two parts: `example` and `co.uk`.

use billet_plugin::Failure;
use billet_plugin::v1::ProblemKind;
use serde::{Deserialize, Serialize};

/// A domain's name in two parts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Name {
    pub(crate) name: String,
    pub(crate) extension: String,
}

impl Name {
    /// The parts of a name that can be registered: all that is behind the first dot is the extension.
    ///
    /// # Errors
    /// [`ProblemKind::Invalid`].
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let whole = host(text)?;
        let (name, extension) = whole.split_once('.').unwrap_or((&whole, ""));
        Ok(Self { name: name.to_owned(), extension: extension.to_owned() })
    }

    /// `example.co.uk`.
    pub(crate) fn whole(&self) -> String {
        format!("{}.{}", self.name, self.extension).to_ascii_lowercase()
    }
}

/// A name of at least two labels, in its ASCII form and lower case, without the last dot (RFC 1035 2.3.1, RFC 1123 2.1).
///
/// # Errors
/// [`ProblemKind::Invalid`].
pub(crate) fn host(text: &str) -> Result<String, Failure> {
    let name = text.trim().trim_end_matches('.').to_ascii_lowercase();
    let good = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if name.len() <= 253 && name.contains('.') && name.split('.').all(good) {
        return Ok(name);
    }
    let shown: String = text.chars().take(100).collect();
    let words =
        format!("`{shown}`: expected a name of letters, digits and hyphens, such as example.org (xn--... if need be)");
    Err(Failure::refused(ProblemKind::Invalid, "", words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_dot_parts_a_name() {
        let name = Name::parse("Example.co.uk.").expect("good");
        assert_eq!((name.name.as_str(), name.extension.as_str()), ("example", "co.uk"));
        assert_eq!(name.whole(), "example.co.uk");
        for bad in ["", "example", "-a.org", "a-.org", "a..org", "ex ample.org", "b\u{fc}cher.example", "a/b.org"] {
            assert!(Name::parse(bad).is_err_and(|failure| failure.is_refused(ProblemKind::Invalid)), "{bad}");
        }
    }
}
