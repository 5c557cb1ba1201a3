//! Packets as trees. quick-xml reads and escapes; here are the bounds.

use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use quick_xml::{Reader, Writer};

/// Deeper than any answer of the XML API.
const DEPTH_MAX: usize = 40;
/// 10,000 subscriptions with everything about them have some 1,500,000.
const ELEMENTS_MAX: usize = 4_000_000;

/// Why an answer cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum XmlError {
    #[error("it is no XML: {0}")]
    Broken(#[from] quick_xml::Error),
    #[error("it is cut off")]
    CutOff,
    #[error("it has an unexpected {0}")]
    Unexpected(&'static str),
    #[error("it is too deep or too large")]
    TooLarge,
}

/// An element with its text or its children; attributes mean nothing in this API.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) children: Vec<Element>,
}

impl Element {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// An element with text. Characters that XML does not permit are left out.
    pub(crate) fn leaf(name: &str, text: impl AsRef<str>) -> Self {
        let permitted = |c: &char| !c.is_control() || matches!(c, '\t' | '\n' | '\r');
        Self { name: name.to_owned(), text: text.as_ref().chars().filter(permitted).collect(), children: Vec::new() }
    }

    #[must_use]
    pub(crate) fn with(mut self, child: Element) -> Self {
        self.children.push(child);
        self
    }

    #[must_use]
    pub(crate) fn with_all(mut self, children: impl IntoIterator<Item = Element>) -> Self {
        self.children.extend(children);
        self
    }

    /// The first child of that name.
    pub(crate) fn get(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// All children of that name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// What is reached by these names, the first of each.
    pub(crate) fn at(&self, path: &[&str]) -> Option<&Element> {
        path.iter().try_fold(self, |element, name| element.get(name))
    }

    /// The text of the first child of that name; empty when there is none.
    pub(crate) fn text_of(&self, name: &str) -> &str {
        self.get(name).map(|child| child.text.as_str()).unwrap_or_default()
    }

    /// Reads a document.
    pub(crate) fn parse(document: &str) -> Result<Self, XmlError> {
        let mut reader = Reader::from_str(document);
        let mut open: Vec<Element> = Vec::new();
        let (mut root, mut elements) = (None, 0_usize);
        loop {
            let event = reader.read_event()?;
            if matches!(event, Event::Start(_) | Event::Empty(_)) {
                elements += 1;
                if open.len() >= DEPTH_MAX || elements > ELEMENTS_MAX {
                    return Err(XmlError::TooLarge);
                }
            }
            match event {
                Event::Start(start) => open.push(Self::new(start.local_name().as_ref())),
                Event::Empty(start) => close(Self::new(start.local_name().as_ref()), &mut open, &mut root)?,
                Event::End(_) => {
                    let element = open.pop().ok_or(XmlError::Unexpected("end"))?;
                    close(element, &mut open, &mut root)?;
                }
                Event::Text(text) => append(&mut open, &text.xml10_content())?,
                Event::CData(text) => append(&mut open, &text.xml10_content())?,
                Event::GeneralRef(reference) => match reference.resolve_char_ref()? {
                    Some(character) => append(&mut open, character.encode_utf8(&mut [0; 4]))?,
                    None => {
                        let text = resolve_predefined_entity(&reference);
                        append(&mut open, text.ok_or(XmlError::Unexpected("entity"))?)?;
                    }
                },
                // Entities could be declared there, and nothing needs them.
                Event::DocType(_) => return Err(XmlError::Unexpected("document type")),
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
                Event::Eof if open.is_empty() => return root.ok_or(XmlError::CutOff),
                Event::Eof => return Err(XmlError::CutOff),
            }
        }
    }

    /// Writes the document with its declaration.
    pub(crate) fn document(&self) -> String {
        let mut writer = Writer::new(Vec::new());
        // Writing to memory cannot fail.
        let _ = writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)));
        let _ = self.write(&mut writer);
        String::from_utf8_lossy(&writer.into_inner()).into_owned()
    }

    fn write(&self, writer: &mut Writer<Vec<u8>>) -> std::io::Result<()> {
        let start = BytesStart::new(self.name.as_str());
        if self.text.is_empty() && self.children.is_empty() {
            return writer.write_event(Event::Empty(start));
        }
        writer.write_event(Event::Start(start))?;
        if !self.text.is_empty() {
            writer.write_event(Event::Text(BytesText::new(&self.text)))?;
        }
        for child in &self.children {
            child.write(writer)?;
        }
        writer.write_event(Event::End(BytesEnd::new(self.name.as_str())))
    }
}

fn close(mut element: Element, open: &mut [Element], root: &mut Option<Element>) -> Result<(), XmlError> {
    element.text = element.text.trim().to_owned();
    match open.last_mut() {
        Some(parent) => parent.children.push(element),
        None if root.is_none() => *root = Some(element),
        None => return Err(XmlError::Unexpected("second document")),
    }
    Ok(())
}

fn append(open: &mut [Element], text: &str) -> Result<(), XmlError> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return Err(XmlError::Unexpected("text")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_without_control_characters() {
        let element =
            Element::new("packet").with(Element::leaf("pname", "A & \u{0}B <\"Söhne\">")).with(Element::new("x"));
        let read = Element::parse(&element.document()).expect("it reads");
        assert_eq!(read, element);
        assert_eq!(read.text_of("pname"), "A & B <\"Söhne\">");
    }

    #[test]
    fn html_rests_and_bombs_are_no_answers() {
        let deep = "<a>".repeat(60) + &"</a>".repeat(60);
        let html = "<!DOCTYPE html><html><body>Log in<br></body></html>";
        let bomb = "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>";
        for text in ["", "text", "<packet><webspace>", html, bomb, "<a/><b/>", "<a>&x;</a>", &deep] {
            assert!(Element::parse(text).is_err(), "{text}");
        }
    }
}
