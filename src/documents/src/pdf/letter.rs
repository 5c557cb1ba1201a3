//! A document as the texts of a letter: everything that is printed, in the document's language. Whatever is empty
//! in the document leaves no trace in the letter.

mod address;
mod body;
mod totals;

use billet_domain::document::Document;
use chrono::Datelike;
use serde::Serialize;

use super::PdfError;
use super::language::Language;
use body::Body;

/// What the template gets.
#[derive(Debug)]
pub(super) struct Letter {
    pub about: About,
    pub body: Body,
}

/// What is said about the file, not printed.
#[derive(Debug, Serialize)]
pub(super) struct About {
    pub title: String,
    pub author: String,
    /// Of the printed texts, BCP 47.
    pub language: String,
    /// Year, month, day.
    pub date: [i32; 3],
    /// Names this document among all others; becomes the PDF's document id.
    pub identifier: String,
}

/// A label and what it says.
pub(super) type Labelled = (String, String);

impl Letter {
    pub(super) fn of(document: &Document) -> Result<Self, PdfError> {
        let language = Language::of(&document.language)?;
        let seller = &document.seller;
        let date = document.issue_date;
        Ok(Self {
            about: About {
                title: format!("{} {}", language.kind(document.kind).title, document.number),
                author: seller.name.clone(),
                language: language.code.to_owned(),
                date: [date.year(), date.month().cast_signed(), date.day().cast_signed()],
                identifier: format!("{} {} {} {date}", seller.name, seller.vat_id, document.number),
            },
            body: Body::of(document, language)?,
        })
    }
}
