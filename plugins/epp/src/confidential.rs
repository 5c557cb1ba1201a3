//! Keeps secrets out of what leaves this crate as words: passwords, the secrets of transfers, and what registries repeat.

use billet_plugin::redact::{REDACTED, redact};
use quick_xml::events::{BytesText, Event};
use quick_xml::{Reader, Writer};

/// Elements whose whole content is secret, by local name: RFC 5730 (`pw`, `newPW`) and RFC 5731 to 5733 (`authInfo`).
const SECRET_ELEMENTS: [&str; 3] = ["pw", "newPW", "authInfo"];

/// A frame as it came, without the content of its secret elements and without `secrets`, at most `bytes_max` long.
#[must_use]
pub fn frame_without_secrets(frame: &str, secrets: &[&str], bytes_max: usize) -> String {
    let mut text = blanked(frame).unwrap_or_else(|| "[a frame that cannot be read]".to_owned());
    text = redact(&text, secrets.iter().copied());
    if text.len() > bytes_max {
        let end = (0..=bytes_max).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
    }
    text
}

/// `None` when it is not well-formed: then nothing of it is shown, as nobody knows where a secret stands.
fn blanked(frame: &str) -> Option<String> {
    let mut reader = Reader::from_str(frame);
    let mut writer = Writer::new(Vec::new());
    // How many elements are open inside a secret one, itself among them.
    let mut secret_depth = 0_usize;
    loop {
        match reader.read_event().ok()? {
            Event::Eof => break,
            Event::Start(start) => {
                let secret = SECRET_ELEMENTS.contains(&start.local_name().as_ref());
                if secret_depth == 0 {
                    writer.write_event(Event::Start(start)).ok()?;
                    if secret {
                        writer.write_event(Event::Text(BytesText::new(REDACTED))).ok()?;
                    }
                }
                if secret || secret_depth > 0 {
                    secret_depth += 1;
                }
            }
            Event::End(end) => {
                secret_depth = secret_depth.saturating_sub(1);
                if secret_depth == 0 {
                    writer.write_event(Event::End(end)).ok()?;
                }
            }
            event if secret_depth == 0 => writer.write_event(event).ok()?,
            _ => {}
        }
    }
    String::from_utf8(writer.into_inner()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_elements_are_blanked_and_the_rest_stays() {
        let frame = "<a><d:authInfo xmlns:d=\"x\"><d:pw roid=\"1\">s3cret&amp;x</d:pw></d:authInfo><b>of s3cret &lt;</b>\
                     <pw><![CDATA[other]]></pw></a>";
        let clean = frame_without_secrets(frame, &["s3cret"], 1000);
        assert_eq!(
            clean,
            "<a><d:authInfo xmlns:d=\"x\">[redacted]</d:authInfo><b>of [redacted] &lt;</b><pw>[redacted]</pw></a>"
        );
    }

    #[test]
    fn what_cannot_be_read_is_not_shown() {
        assert!(!frame_without_secrets("<a><pw>s3cret</a>", &[], 1000).contains("s3cret"));
        assert_eq!(frame_without_secrets("<a>\u{e9}\u{e9}</a>", &[], 4), "<a>");
    }
}
