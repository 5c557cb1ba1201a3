//! What the file of a document is called.

use billet_domain::document::{Document, DocumentKind};

/// Numbers are short; a longer one is cut so that every file system takes the name.
const STEM_CHARS_MAX: usize = 100;
/// Shorter names say nothing (`1.pdf`), and some of them Windows refuses (`CON`, `COM1`).
const STEM_CHARS_MIN: usize = 5;

/// The name of a document's PDF file: its number, such as `RE-2026-00001.pdf`, with the kind before it where the
/// number alone says too little (`invoice-7.pdf`). Only ASCII letters, digits, `-` and `_` before the ending, so it
/// is safe in any file system, URL and mail header. Numbers that differ in other characters only share a name.
#[must_use]
pub fn file_name(document: &Document) -> String {
    let mut stem = String::new();
    for character in document.number.chars() {
        if character.is_ascii_alphanumeric() || character == '_' {
            stem.push(character);
        } else if !stem.is_empty() && !stem.ends_with('-') {
            stem.push('-');
        }
        if stem.len() == STEM_CHARS_MAX {
            break;
        }
    }
    let number = stem.trim_end_matches('-');
    let kind = match document.kind {
        DocumentKind::Invoice => "invoice",
        DocumentKind::CreditNote => "credit-note",
        DocumentKind::Cancellation => "cancellation",
    };
    match number.len() {
        0 => format!("{kind}.pdf"),
        1..STEM_CHARS_MIN => format!("{kind}-{number}.pdf"),
        _ => format!("{number}.pdf"),
    }
}

#[cfg(test)]
mod tests {
    use billet_domain::document::{Party, PayTo};
    use billet_domain::money::Currency;

    use super::*;

    fn named(kind: DocumentKind, number: &str) -> String {
        file_name(&Document {
            kind,
            number: number.to_owned(),
            issue_date: chrono::NaiveDate::MIN,
            due_date: None,
            currency: Currency::EUR,
            language: String::new(),
            tax_inclusive: false,
            seller: Party::default(),
            buyer: Party::default(),
            buyer_reference: String::new(),
            preceding: Vec::new(),
            lines: Vec::new(),
            allowances: Vec::new(),
            taxes: Vec::new(),
            net_minor: 0,
            tax_minor: 0,
            gross_minor: 0,
            pay_to: PayTo::default(),
            payment_terms: String::new(),
            note: String::new(),
        })
    }

    #[test]
    fn a_number_is_the_name() {
        assert_eq!(named(DocumentKind::Invoice, "RE-2026-00001"), "RE-2026-00001.pdf");
        assert_eq!(named(DocumentKind::Invoice, "FV/2026/02/17"), "FV-2026-02-17.pdf");
    }

    #[test]
    fn a_number_that_says_too_little_gets_the_kind() {
        assert_eq!(named(DocumentKind::Invoice, "7"), "invoice-7.pdf");
        assert_eq!(named(DocumentKind::CreditNote, "COM1"), "credit-note-COM1.pdf");
        assert_eq!(named(DocumentKind::Cancellation, "№ ✓"), "cancellation.pdf");
        assert_eq!(named(DocumentKind::Invoice, ""), "invoice.pdf");
    }

    #[test]
    fn nothing_unsafe_gets_into_a_name() {
        assert_eq!(named(DocumentKind::Invoice, "../../etc/passwd"), "etc-passwd.pdf");
        assert_eq!(named(DocumentKind::Invoice, "a\"; rm -rf\r\n\0~"), "a-rm-rf.pdf");
        assert_eq!(named(DocumentKind::Invoice, &"9".repeat(500)).len(), STEM_CHARS_MAX + 4);
    }
}
