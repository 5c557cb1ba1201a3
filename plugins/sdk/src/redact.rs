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

/// What a panel says as one line of plain text: without markup, without `secrets`, not longer than `characters_max`.
#[must_use]
pub fn sentence<'a>(text: &str, secrets: impl IntoIterator<Item = &'a str> + Clone, characters_max: usize) -> String {
    // A secret may be torn apart by markup, or hold some.
    let plain = redact(&without_tags(&redact(text, secrets.clone())), secrets);
    let line = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(characters_max).collect()
}

/// Text without tags; an angle bracket that begins none stays.
fn without_tags(markup: &str) -> String {
    let mut text = String::with_capacity(markup.len());
    let mut rest = markup;
    while let Some(at) = rest.find('<') {
        text.push_str(&rest[..at]);
        let tail = &rest[at + 1..];
        let is_tag = tail.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!');
        match tail.find('>').filter(|_| is_tag) {
            Some(end) => {
                text.push(' ');
                rest = &tail[end + 1..];
            }
            None => {
                text.push('<');
                rest = tail;
            }
        }
    }
    text.push_str(rest);
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&nbsp;", " "), ("&amp;", "&")];
    entities.into_iter().fold(text, |text, (entity, character)| text.replace(entity, character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_plain_and_bounded() {
        let said = "<b>Sorry</b>,<br />1 &lt; 2 and 1 < 2\n\t&amp; so: hunter2 hun<i></i>ter2";
        assert_eq!(sentence(said, ["hunter2"], 100), "Sorry , 1 < 2 and 1 < 2 & so: [redacted] hun ter2");
        assert_eq!(sentence(&"x".repeat(500), [], 10).len(), 10);
    }

    #[test]
    fn secrets_are_replaced_wherever_they_stand() {
        assert_eq!(redact("PassWord: s3cret!x (s3cret!x)", ["s3cret!x"]), "PassWord: [redacted] ([redacted])");
        assert_eq!(redact("a text", ["a", ""]), "a text");
    }
}
