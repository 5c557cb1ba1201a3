//! Keeps secrets out of words. Panels repeat what they were sent (createacct prints the password it set), and words go into
//! logs, the queue and the journal.

/// What stands for a secret.
pub const REDACTED: &str = "[redacted]";
/// Shorter ones are not looked for: they would blot out half of every text.
const CHARACTERS_MIN: usize = 4;

/// `text` without `secrets`.
#[must_use]
pub fn redact<'a>(text: &str, secrets: impl IntoIterator<Item = &'a str>) -> String {
    let mut clean = text.to_owned();
    for secret in secrets {
        if secret.chars().count() >= CHARACTERS_MIN && clean.contains(secret) {
            clean = clean.replace(secret, REDACTED);
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_replaced_wherever_they_stand() {
        assert_eq!(redact("PassWord: s3cret!x (s3cret!x)", ["s3cret!x"]), "PassWord: [redacted] ([redacted])");
        assert_eq!(redact("a text", ["a", ""]), "a text");
    }
}
