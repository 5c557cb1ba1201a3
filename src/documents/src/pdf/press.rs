//! The world that Typst sees: the template, one file of data, our fonts. No file system, no network, no packages,
//! no clock.

use std::sync::LazyLock;

use typst::diag::{FileError, FileResult, SourceDiagnostic};
use typst::foundations::{Bytes, Datetime, Duration};
use typst::layout::Abs;
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook, FontInstance, FontVariant, FontVariations};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt, World};

use super::PdfError;
use super::letter::Letter;
use super::printable::{Repertoire, clean, map_texts, printable};

/// The letter's face, regular and semibold, and a face that has more scripts (Georgian, Arabic, Hebrew).
const FONTS: [&[u8]; 3] = [
    include_bytes!("../../fonts/SourceSans3-Regular.otf"),
    include_bytes!("../../fonts/SourceSans3-Semibold.otf"),
    include_bytes!("../../fonts/DejaVuSans.ttf"),
];

/// What all documents share, made once.
struct Shared {
    library: LazyHash<Library>,
    book: LazyHash<FontBook>,
    fonts: Vec<Font>,
    /// The fonts again, to be asked which characters they have.
    faces: Vec<FontInstance>,
    template: Source,
    data_id: FileId,
}

static SHARED: LazyLock<Result<Shared, PdfError>> = LazyLock::new(|| {
    let file_id = |name: &str| -> Result<FileId, PdfError> {
        let path = VirtualPath::new(name).map_err(|error| PdfError::Press(error.to_string()))?;
        Ok(RootedPath::new(VirtualRoot::Project, path).intern())
    };
    let font =
        |bytes| Font::new(Bytes::new(bytes), 0).ok_or_else(|| PdfError::Press("a font cannot be read".to_owned()));
    let face =
        |font: &Font| font.clone().instantiate(FontVariant::default(), Abs::pt(10.0), &FontVariations::default());
    let fonts = FONTS.into_iter().map(font).collect::<Result<Vec<_>, _>>()?;
    Ok(Shared {
        library: LazyHash::new(Library::default()),
        book: LazyHash::new(FontBook::from_fonts(&fonts)),
        faces: fonts.iter().map(face).collect(),
        fonts,
        template: Source::new(file_id("invoice.typ")?, include_str!("../../templates/invoice.typ").to_owned()),
        data_id: file_id("letter.json")?,
    })
});

#[cfg(test)]
pub(super) fn faces() -> Result<&'static [FontInstance], PdfError> {
    SHARED.as_ref().map(|shared| shared.faces.as_slice()).map_err(Clone::clone)
}

/// The shared parts with one letter laid in.
pub(super) struct Press {
    shared: &'static Shared,
    data: Bytes,
}

impl Press {
    pub(super) fn with(letter: &Letter, repertoire: Repertoire) -> Result<Self, PdfError> {
        let shared = SHARED.as_ref().map_err(Clone::clone)?;
        let mut body = serde_json::to_value(&letter.body)?;
        map_texts(&mut body, &|text| printable(text, repertoire, &shared.faces));
        let mut about = serde_json::to_value(&letter.about)?;
        map_texts(&mut about, &clean);
        let data = serde_json::to_vec(&serde_json::json!({ "about": about, "body": body }))?;
        Ok(Self { shared, data: Bytes::new(data) })
    }
}

impl World for Press {
    fn library(&self) -> &LazyHash<Library> {
        &self.shared.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &self.shared.book
    }

    fn main(&self) -> FileId {
        self.shared.template.id()
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        if id == self.main() { Ok(self.shared.template.clone()) } else { Err(FileError::AccessDenied) }
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        if id == self.shared.data_id { Ok(self.data.clone()) } else { Err(FileError::AccessDenied) }
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.shared.fonts.get(index).cloned()
    }

    fn today(&self, _offset: Option<Duration>) -> Option<Datetime> {
        None
    }
}

/// What Typst has to say, in one line.
pub(super) fn words(diagnostics: &[SourceDiagnostic]) -> String {
    diagnostics.iter().map(|diagnostic| diagnostic.message.as_str()).collect::<Vec<_>>().join("; ")
}
