//! Frames as trees. The simulator reads and writes for itself, so that a mistake of the client meets no twin here.

use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;
use quick_xml::{Writer, XmlVersion};

/// Deeper than any frame of EPP.
const DEPTH_MAX: usize = 64;
/// More elements than any frame has.
const ELEMENTS_MAX: usize = 20_000;

/// Why a frame cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum XmlError {
    /// It is not well-formed.
    #[error("not well-formed XML: {0}")]
    Broken(String),
    /// It is more than an answer can be.
    #[error("the XML is too deep or too large")]
    TooLarge,
}

/// An element with its text and children; mixed content has no meaning in EPP.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Element {
    /// As it is written: `domain:name`.
    pub(super) name: String,
    /// What was read was in this namespace; empty in what is to be written.
    pub(super) namespace: String,
    /// In order, `xmlns` among them.
    pub(super) attributes: Vec<(String, String)>,
    /// Without the white space around it.
    pub(super) text: String,
    /// In order.
    pub(super) children: Vec<Element>,
}

impl Element {
    /// An empty element.
    #[must_use]
    pub(super) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// An element with text.
    #[must_use]
    pub(super) fn leaf(name: &str, text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::new(name) }
    }

    /// With one more attribute.
    #[must_use]
    pub(super) fn attr(mut self, name: &str, value: &str) -> Self {
        self.attributes.push((name.to_owned(), value.to_owned()));
        self
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

    /// The name without its prefix.
    #[must_use]
    pub(super) fn local(&self) -> &str {
        self.name.rsplit_once(':').map_or(self.name.as_str(), |(_, local)| local)
    }

    /// The first child of that local name.
    #[must_use]
    pub(super) fn get(&self, local: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.local() == local)
    }

    /// All children of that local name.
    pub(super) fn all<'a>(&'a self, local: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.local() == local)
    }

    /// The text of the first child of that local name; empty when there is none.
    #[must_use]
    pub(super) fn text_of(&self, local: &str) -> &str {
        self.get(local).map_or("", |child| child.text.as_str())
    }

    /// The value of an attribute; empty when there is none.
    #[must_use]
    pub(super) fn attribute(&self, name: &str) -> &str {
        self.attributes.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
    }

    /// Reads a document.
    ///
    /// # Errors
    /// [`XmlError`].
    pub(super) fn parse(document: &str) -> Result<Self, XmlError> {
        let broken = |words: String| XmlError::Broken(words);
        let mut reader = NsReader::from_str(document);
        let mut open: Vec<Element> = Vec::new();
        let mut elements = 0;
        let mut root: Option<Element> = None;
        loop {
            let event = reader.read_event().map_err(|error| broken(error.to_string()))?;
            match event {
                Event::Start(_) | Event::Empty(_) if open.len() >= DEPTH_MAX || elements >= ELEMENTS_MAX => {
                    return Err(XmlError::TooLarge);
                }
                Event::Start(ref start) | Event::Empty(ref start) => {
                    if root.is_some() {
                        return Err(broken("there is more than one root".to_owned()));
                    }
                    elements += 1;
                    let namespace = match reader.resolver().resolve_element(start.name()).0 {
                        ResolveResult::Bound(namespace) => namespace.as_ref().to_owned(),
                        ResolveResult::Unbound => String::new(),
                        ResolveResult::Unknown(prefix) => {
                            return Err(broken(format!("prefix {prefix:?} is not bound")));
                        }
                    };
                    let element = opened(start, namespace)?;
                    if matches!(event, Event::Empty(_)) {
                        close(element, &mut open, &mut root);
                    } else {
                        open.push(element);
                    }
                }
                Event::End(_) => match open.pop() {
                    Some(element) => close(element, &mut open, &mut root),
                    None => return Err(broken("an element ends that did not begin".to_owned())),
                },
                Event::Text(text) => append(&mut open, &text.xml10_content()),
                Event::CData(text) => append(&mut open, &text.xml10_content()),
                Event::GeneralRef(reference) => {
                    match reference.resolve_char_ref().map_err(|error| broken(error.to_string()))? {
                        Some(character) => append(&mut open, character.encode_utf8(&mut [0; 4])),
                        None => match resolve_predefined_entity(&reference) {
                            Some(text) => append(&mut open, text),
                            None => return Err(broken("an entity is not known".to_owned())),
                        },
                    }
                }
                // EPP has no document type; with one come entities that grow without end.
                Event::DocType(_) => return Err(broken("a document type is not taken".to_owned())),
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {}
                Event::Eof if open.is_empty() => return root.ok_or_else(|| broken("there is no element".to_owned())),
                Event::Eof => return Err(broken("it ends within an element".to_owned())),
            }
        }
    }

    /// Writes the document with its declaration.
    #[must_use]
    pub(super) fn document(&self) -> String {
        let mut writer = Writer::new(Vec::new());
        // Writing to memory cannot fail.
        let _ = writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), Some("no"))));
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

/// Shows the name alone: what is inside may be a secret or somebody's address.
impl std::fmt::Debug for Element {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "<{}>", self.name)
    }
}

fn opened(start: &BytesStart<'_>, namespace: String) -> Result<Element, XmlError> {
    let name = start.name().as_ref().to_owned();
    let mut attributes = Vec::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| XmlError::Broken(error.to_string()))?;
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|error| XmlError::Broken(error.to_string()))?
            .into_owned();
        attributes.push((attribute.key.as_ref().to_owned(), value));
    }
    Ok(Element { name, namespace, attributes, ..Element::default() })
}

fn close(mut element: Element, open: &mut [Element], root: &mut Option<Element>) {
    element.text = element.text.trim().to_owned();
    match open.last_mut() {
        Some(parent) => parent.children.push(element),
        None => *root = Some(element),
    }
}

fn append(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}
