//! The names of languages: BCP 47 (RFC 5646), as far as documents need them.

/// The longest tag, in characters (RFC 5646, section 4.4.1).
const LENGTH_MAX: usize = 35;

/// Whether a text is written as a language tag: a language of two or three small letters (`de`), perhaps with subtags
/// such as a region (`de-AT`). Whether there is such a language is not asked.
#[must_use]
pub fn is_tag(text: &str) -> bool {
    let mut subtags = text.split('-');
    let base = subtags.next().unwrap_or_default();
    text.len() <= LENGTH_MAX
        && (2..=3).contains(&base.len())
        && base.bytes().all(|byte| byte.is_ascii_lowercase())
        && subtags.all(|subtag| (1..=8).contains(&subtag.len()) && subtag.bytes().all(|b| b.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::is_tag;

    #[test]
    fn tags_are_told_from_other_words() {
        for tag in ["de", "en", "pl", "deu", "de-AT", "zh-Hant-TW", "sl-rozaj-biske"] {
            assert!(is_tag(tag), "{tag}");
        }
        for other in ["", "d", "DE", "deutsch", "de_AT", "de-", "-de", "de-AT-", "de-abcdefghi", "d\u{e9}"] {
            assert!(!is_tag(other), "{other}");
        }
        assert!(!is_tag(&format!("de{}", "-abcdefgh".repeat(4))), "too long");
    }
}
