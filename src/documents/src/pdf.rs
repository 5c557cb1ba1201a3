//! The printed document: an A4 business letter as PDF/A-3b, tagged for screen readers.
//!
//! A document becomes a [`letter::Letter`], which holds every text as it will be printed, in the document's language.
//! The letter goes to the Typst template as a JSON file: data, never source, so that no name or note can be taken
//! for markup. The template only lays out.

mod forms;
mod language;
mod letter;
mod press;
mod printable;

use billet_domain::document::Document;
use billet_domain::money::MoneyError;
use letter::Letter;
use press::{Press, words};
use printable::Repertoire;
use typst::comemo;
use typst::foundations::Smart;
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards};

/// Typst remembers layouts for the whole process. A document leaves the memory when this many others were rendered
/// without using its parts; what all share (fonts, shaping plans) stays.
const REMEMBERED_DOCUMENTS: usize = 4;

/// Why a document could not be printed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PdfError {
    /// The amounts of the lines do not add up in 64 bits.
    #[error("the document's lines cannot be added up: {0}")]
    Amount(#[from] MoneyError),
    /// A font, a language file or the template inside this crate is broken.
    #[error("the printing press is broken: {0}")]
    Press(String),
    /// The template could not be laid out with this document.
    #[error("the document could not be laid out: {0}")]
    Layout(String),
    /// The pages could not be written as PDF/A-3b.
    #[error("the document could not be written as PDF/A-3b: {0}")]
    Export(String),
}

impl From<serde_json::Error> for PdfError {
    fn from(error: serde_json::Error) -> Self {
        Self::Press(error.to_string())
    }
}

/// Prints an issued document: PDF/A-3b, tagged, dated by its issue date. The same document gives the same bytes.
///
/// Language: that of the document, else its base language (`de-AT` as `de`), else English. Characters that
/// no font of ours has (Chinese, Japanese, Korean and rarer scripts) are printed as `U+FFFD`, and so is all but
/// Latin, Greek and Cyrillic in a document whose heaps of marks cannot be set otherwise.
///
/// Takes a few milliseconds of one core; it does not block on anything.
///
/// # Errors
/// [`PdfError`]; of an issued document's data only the amounts can cause one. Its words may quote the document:
/// personal data, not for logs.
pub fn render(document: &Document) -> Result<Vec<u8>, PdfError> {
    let letter = Letter::of(document)?;
    let printed = print(&letter, Repertoire::Full).or_else(|_| print(&letter, Repertoire::Plain));
    comemo::evict(REMEMBERED_DOCUMENTS);
    printed
}

fn print(letter: &Letter, repertoire: Repertoire) -> Result<Vec<u8>, PdfError> {
    let press = Press::with(letter, repertoire)?;
    let pages = typst::compile::<PagedDocument>(&press).output;
    let pages = pages.map_err(|errors| PdfError::Layout(words(&errors)))?;
    let standards = PdfStandards::new(&[PdfStandard::A_3b]);
    let options = PdfOptions {
        ident: Smart::Custom(letter.about.identifier.clone()),
        creator: Smart::Custom(Some("Billet".to_owned())),
        standards: standards.map_err(|hint| PdfError::Export(hint.message().to_string()))?,
        ..PdfOptions::default()
    };
    typst_pdf::pdf(&pages, &options).map_err(|errors| PdfError::Export(words(&errors)))
}
