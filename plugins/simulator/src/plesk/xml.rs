//! Small XML documents: read with bounds, written escaped. quick-xml does the parsing and the escaping.

use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use quick_xml::{Reader, Writer, XmlVersion};

/// Deeper than any packet.
const DEPTH_MAX: usize = 32;

/// More elements than any packet has.
const ELEMENTS_MAX: usize = 20_000;

/// Why a document cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum XmlError {
    #[error(transparent)]
    Broken(#[from] quick_xml::Error),
    #[error("unexpected {0}")]
    Unexpected(&'static str),
    #[error("the document is too deep or too large")]
    TooLarge,
}

/// An element with its text or its children. Comments, namespaces and mixed content have no meaning here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    pub(super) text: String,
    pub(super) children: Vec<Element>,
}

impl Element {
    /// An empty element.
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// An element with text.
    pub(super) fn leaf(name: &str, text: impl Into<String>) -> Self {
        Self { name: name.to_owned(), text: text.into(), ..Self::default() }
    }

    /// With one more child.
    #[must_use]
    pub(super) fn with(mut self, child: Element) -> Self {
        self.children.push(child);
        self
    }

    /// With more children.
    #[must_use]
    pub(super) fn with_all(mut self, children: impl IntoIterator<Item = Element>) -> Self {
        self.children.extend(children);
        self
    }

    /// The first child of that name.
    pub(super) fn get(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The element reached by these names, first of each.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Element> {
        path.iter().try_fold(self, |element, name| element.get(name))
    }

    /// The text of the first child of that name; none if it is missing or empty.
    pub(super) fn text_of(&self, name: &str) -> Option<&str> {
        self.get(name).map(|child| child.text.as_str()).filter(|text| !text.is_empty())
    }

    /// Reads a document.
    pub(super) fn parse(document: &str) -> Result<Self, XmlError> {
        let mut reader = Reader::from_str(document);
        let mut open: Vec<Element> = Vec::new();
        let mut elements = 0;
        let mut root = None;
        loop {
            match reader.read_event()? {
                Event::Start(_) | Event::Empty(_) if open.len() >= DEPTH_MAX || elements >= ELEMENTS_MAX => {
                    return Err(XmlError::TooLarge);
                }
                Event::Start(start) => {
                    elements += 1;
                    open.push(Self::opened(&start)?);
                }
                Event::Empty(start) => {
                    elements += 1;
                    close(Self::opened(&start)?, &mut open, &mut root)?;
                }
                Event::End(_) => {
                    let element = open.pop().ok_or(XmlError::Unexpected("end of an element"))?;
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
                Event::DocType(_) => return Err(XmlError::Unexpected("document type")),
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
                Event::Eof if open.is_empty() => return root.ok_or(XmlError::Unexpected("end: there is no element")),
                Event::Eof => return Err(XmlError::Unexpected("end of the document")),
            }
        }
    }

    fn opened(start: &BytesStart<'_>) -> Result<Self, XmlError> {
        let name = start.local_name().as_ref().to_owned();
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(quick_xml::Error::from)?;
            let value = attribute.normalized_value(XmlVersion::Implicit1_0)?.into_owned();
            attributes.push((attribute.key.as_ref().to_owned(), value));
        }
        Ok(Self { name, attributes, ..Self::default() })
    }

    /// Writes the document with its declaration.
    pub(super) fn document(&self) -> String {
        let mut writer = Writer::new(Vec::new());
        // Writing to memory cannot fail.
        let _ = writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)));
        let _ = self.write(&mut writer);
        String::from_utf8_lossy(&writer.into_inner()).into_owned()
    }

    fn write(&self, writer: &mut Writer<Vec<u8>>) -> std::io::Result<()> {
        let attributes = self.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let start = BytesStart::new(self.name.as_str()).with_attributes(attributes);
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
        None => return Err(XmlError::Unexpected("second document element")),
    }
    Ok(())
}

fn append(open: &mut [Element], text: &str) -> Result<(), XmlError> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return Err(XmlError::Unexpected("text outside the document element")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_the_same() {
        let element =
            Element::new("packet").with(Element::leaf("pname", "A & B <\"Söhne\">")).with(Element::new("no-plan"));
        let document = element.document();
        assert_eq!(
            document,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><packet><pname>A &amp; B &lt;&quot;Söhne&quot;&gt;</pname><no-plan/></packet>"
        );
        assert_eq!(Element::parse(&document).expect("it reads"), element);
    }

    #[test]
    fn references_and_character_data_become_text() {
        let element = Element::parse("<a x='1 &lt; 2'> &#65;&#x42;<![CDATA[<c>]]>&amp; </a>").expect("it reads");
        assert_eq!(element.text, "AB<c>&");
        assert_eq!(element.attributes, [("x".to_owned(), "1 < 2".to_owned())]);
    }

    #[test]
    fn broken_strange_and_huge_documents_are_refused() {
        let deep = "<a>".repeat(40) + &"</a>".repeat(40);
        let wide = format!("<a>{}</a>", "<b/>".repeat(ELEMENTS_MAX + 1));
        let cases = [
            "",
            "text",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a>&unknown;</a>",
            "<a b=1/>",
            "<!DOCTYPE a [<!ENTITY x 'y'>]><a/>",
            &deep,
            &wide,
        ];
        for document in cases {
            assert!(Element::parse(document).is_err(), "{}", &document[..document.len().min(60)]);
        }
    }
}
