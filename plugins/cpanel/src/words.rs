//! What a panel says, made fit to be kept: without markup, without secrets, and not too much of it.

use billet_plugin::redact::{REDACTED, redact};

/// How many warnings one call keeps.
const WARNINGS_MAX: usize = 20;
/// How long one of them may be, in characters.
const WARNING_CHARS_MAX: usize = 300;
/// How much of a script's output is looked at, in characters.
const OUTPUT_CHARS_MAX: usize = 200_000;
/// What a line with a complaint has in it.
const COMPLAINTS: [&str; 9] =
    ["error", "warn", "fail", "unable", "problem", "could not", "cannot", "not found", "denied"];
/// Tags that end a line.
const LINE_TAGS: [&str; 8] = ["br", "p", "pre", "div", "li", "ul", "tr", "table"];

/// What must not be repeated, in every form a panel repeats it in. No `Debug`.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    /// Adds one.
    pub(crate) fn add(&mut self, secret: &str) {
        if secret.is_empty() {
            return;
        }
        let markup = secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
        let address: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        for form in [secret.to_owned(), markup, address] {
            if !self.0.contains(&form) {
                self.0.push(form);
            }
        }
        // The longest first: a secret may be a part of another one.
        self.0.sort_by_key(|form| std::cmp::Reverse(form.len()));
    }

    /// The text without them.
    pub(crate) fn hide(&self, text: &str) -> String {
        redact(text, self.0.iter().map(String::as_str))
    }

    /// A text of the panel's: plain, on one line, without secrets.
    pub(crate) fn sentence(&self, text: &str) -> String {
        let text = self.hide(&plain(&self.hide(text)));
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The complaints in what a script printed. A line about a password is left out whatever it says.
    pub(crate) fn complaints(&self, output: &str) -> Vec<String> {
        let output: String = output.chars().take(OUTPUT_CHARS_MAX).collect();
        let text = plain(&self.hide(&output));
        let lines = text.lines().map(|line| self.sentence(line)).filter(|line| {
            let low = line.to_lowercase();
            COMPLAINTS.iter().any(|sign| low.contains(sign)) && !low.contains("passw") && !low.contains(REDACTED)
        });
        bounded(lines)
    }
}

/// Not too many, and none too long.
pub(crate) fn bounded(warnings: impl Iterator<Item = String>) -> Vec<String> {
    let mut kept = Vec::new();
    for warning in warnings {
        if kept.len() == WARNINGS_MAX {
            kept.push("there were more complaints; see the panel's log".to_owned());
            break;
        }
        let warning: String = warning.chars().take(WARNING_CHARS_MAX).collect();
        if !warning.is_empty() && !kept.contains(&warning) {
            kept.push(warning);
        }
    }
    kept
}

/// Text without tags; what is not a tag stays.
fn plain(markup: &str) -> String {
    let mut text = String::with_capacity(markup.len());
    let mut rest = markup;
    while let Some(at) = rest.find('<') {
        text.push_str(&rest[..at]);
        let tail = &rest[at + 1..];
        let is_tag = tail.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!');
        match tail.find('>').filter(|_| is_tag) {
            Some(end) => {
                let name = tail[..end].trim_start_matches('/');
                let name = name.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
                if LINE_TAGS.contains(&name.to_ascii_lowercase().as_str()) {
                    text.push('\n');
                }
                rest = &tail[end + 1..];
            }
            None => {
                text.push('<');
                rest = tail;
            }
        }
    }
    text.push_str(rest);
    for (entity, character) in
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&nbsp;", " "), ("&amp;", "&")]
    {
        text = text.replace(entity, character);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_hidden_in_every_form() {
        let mut secrets = Secrets::default();
        secrets.add("a<b>&\"c d");
        for text in ["it is a<b>&\"c d.", "it is a&lt;b&gt;&amp;&quot;c d.", "it is a%3Cb%3E%26%22c+d."] {
            assert_eq!(secrets.sentence(text), "it is [redacted].", "{text}");
        }
    }

    #[test]
    fn markup_goes_and_words_stay() {
        let secrets = Secrets::default();
        assert_eq!(
            secrets.sentence("<b>Sorry</b>,<br />1 &lt; 2 and 1 < 2\n\t&amp; so"),
            "Sorry, 1 < 2 and 1 < 2 & so"
        );
        assert_eq!(secrets.sentence("an <unfinished"), "an <unfinished");
    }

    #[test]
    fn complaints_are_picked_out_without_passwords() {
        let mut secrets = Secrets::default();
        secrets.add("hunter2222");
        let output = "Adding User...Done\n| PassWord: hunter2222\nError: cannot set password\nWarning: hunter2222\n\
                      <br>Configuring DNS...<b>Error</b>: no name server<br>Done";
        assert_eq!(secrets.complaints(output), ["Configuring DNS...Error: no name server"]);
    }

    #[test]
    fn complaints_are_bounded() {
        let output: String = (0..100).map(|number| format!("error {number} {}\n", "x".repeat(1_000))).collect();
        let kept = Secrets::default().complaints(&output);
        assert_eq!(kept.len(), WARNINGS_MAX + 1);
        assert!(kept.iter().all(|line| line.chars().count() <= WARNING_CHARS_MAX));
    }
}
