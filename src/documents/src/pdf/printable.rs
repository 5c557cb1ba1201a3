//! Text as it can be printed: what is not text is taken out, what no font has is replaced, and what is too long for
//! a line may break.

use serde_json::Value;
use typst::text::FontInstance;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_segmentation::UnicodeSegmentation;

/// A word of more characters than this may be broken: it might not fit the narrowest column.
const WORD_CHARS_MAX: usize = 24;
/// Stands for what no font of ours has; PDF/A refuses a character without a glyph.
const REPLACEMENT: &str = "\u{fffd}";
const BREAK_HERE: char = '\u{200b}';

/// One line of text without control characters, without the invisible ones that reorder or hide text (a name could
/// show an account number backwards), and in composed form.
pub(super) fn clean(text: &str) -> String {
    let visible = text.chars().filter_map(|character| match character {
        '\t' | '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some(' '),
        _ if character.is_control() => None,
        '\u{ad}' | '\u{61c}' | '\u{200b}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => None,
        '\u{180b}'..='\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}' => None,
        '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{fdd0}'..='\u{fdef}' => None,
        _ if u32::from(character) & 0xfffe == 0xfffe => None,
        _ => Some(character),
    });
    visible.nfc().collect()
}

/// Which characters are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repertoire {
    /// All that one of our fonts has.
    Full,
    /// Only letters and signs of the first font that stand alone. A mark that finds no letter (a line that begins
    /// with one of another script) gets no glyph although a font has one; without marks that cannot happen.
    Plain,
}

/// [`clean`], with a replacement for what is not in the repertoire, and with places where long words may break.
pub(super) fn printable(text: &str, repertoire: Repertoire, faces: &[FontInstance]) -> String {
    let clean = clean(text);
    let mut printable = String::with_capacity(clean.len());
    for (index, word) in clean.split(' ').enumerate() {
        if index > 0 {
            printable.push(' ');
        }
        let breakable = word.graphemes(true).nth(WORD_CHARS_MAX).is_some();
        let mut unbroken_chars = 0;
        for cluster in word.graphemes(true) {
            if breakable && unbroken_chars == WORD_CHARS_MAX {
                printable.push(BREAK_HERE);
                unbroken_chars = 0;
            }
            printable.push_str(if is_in(repertoire, cluster, faces) { cluster } else { REPLACEMENT });
            unbroken_chars += 1;
            if breakable && matches!(cluster, "." | "-" | "_" | "/" | "@" | ":") {
                printable.push(BREAK_HERE);
                unbroken_chars = 0;
            }
        }
    }
    printable
}

/// Every text inside a JSON value put through a function.
pub(super) fn map_texts(value: &mut Value, to: &impl Fn(&str) -> String) {
    match value {
        Value::String(text) => *text = to(text),
        Value::Array(values) => values.iter_mut().for_each(|value| map_texts(value, to)),
        Value::Object(fields) => fields.values_mut().for_each(|value| map_texts(value, to)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Whether a cluster of characters can be printed. Joiners and marks of direction need no glyph.
fn is_in(repertoire: Repertoire, cluster: &str, faces: &[FontInstance]) -> bool {
    let has = |face: &FontInstance, character| face.ttf().glyph_index(character).is_some_and(|glyph| glyph.0 != 0);
    let needless = |character| matches!(character, '\u{200c}'..='\u{200f}');
    if cluster.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return true;
    }
    match repertoire {
        Repertoire::Full => {
            faces.iter().any(|face| cluster.chars().all(|character| needless(character) || has(face, character)))
        }
        Repertoire::Plain => {
            let stands_alone = |character| !needless(character) && !is_combining_mark(character);
            let first = faces.first();
            first.is_some_and(|face| cluster.chars().all(|character| stands_alone(character) && has(face, character)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdf::press;

    fn printed(text: &str) -> String {
        printable(text, Repertoire::Full, press::faces().expect("fonts are readable"))
    }

    #[test]
    fn what_is_not_text_is_taken_out() {
        assert_eq!(clean("a\0b\u{7}c\r\nd\te"), "abc  d e");
        assert_eq!(clean("IBAN \u{202e}1234\u{202c} \u{2066}x\u{feff}"), "IBAN 1234 x");
        assert_eq!(clean("Mu\u{308}ller"), "Müller");
        assert_eq!(clean("\u{1fffe}\u{ffff}ok"), "ok");
    }

    #[test]
    fn what_no_font_has_is_replaced() {
        let european = "Łódź, Ærøskøbing, Şişli, Ελλάδα, Київ, თბილისი, ירושלים, القاهرة – “€ ½ №”";
        assert_eq!(printed(european), european);
        assert_eq!(printed("東京 Hosting"), "\u{fffd}\u{fffd} Hosting");
        assert_eq!(printed("\u{e000}"), "\u{fffd}");
    }

    #[test]
    fn the_plain_repertoire_has_single_letters_only() {
        let faces = press::faces().expect("fonts are readable");
        assert_eq!(
            printable("Łódź Київ € e\u{301} x\u{303} თ", Repertoire::Plain, faces),
            "Łódź Київ € é \u{fffd} \u{fffd}"
        );
    }

    #[test]
    fn only_long_words_can_be_broken() {
        assert_eq!(printed("Webhosting M for www.customer.example"), "Webhosting M for www.customer.example");
        let domain = "a-very-long-name-of-a-customer.hosting.example";
        assert_eq!(printed(domain).replace(BREAK_HERE, ""), domain);
        assert!(printed(domain).contains("customer.\u{200b}hosting"));
        assert_eq!(printed(&"x".repeat(50)).matches(BREAK_HERE).count(), 2);
    }
}
