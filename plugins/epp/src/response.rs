//! What a registry answers (RFC 5730 section 2.6).

use crate::namespace;
use crate::xml::{Element, XmlError};

/// How many reasons are kept.
const REASONS_MAX: usize = 10;

/// What can come from a registry.
#[derive(Debug)]
pub enum Incoming {
    /// After a connection or a hello.
    Greeting(Greeting),
    /// To a command.
    Response(Box<Response>),
}

/// What a registry says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Greeting {
    /// Its name.
    pub server: String,
    /// The languages of its words.
    pub languages: Vec<String>,
    /// The namespaces of its objects.
    pub objects: Vec<String>,
    /// The namespaces of its extensions.
    pub extensions: Vec<String>,
}

impl Greeting {
    /// Whether it offers an object or an extension.
    #[must_use]
    pub fn offers(&self, namespace: &str) -> bool {
        self.objects.iter().chain(&self.extensions).any(|offered| offered == namespace)
    }
}

/// An answer to a command. Its `Debug` shows the codes alone.
#[derive(Clone)]
pub struct Response {
    /// 1000 to 2502.
    pub code: u16,
    /// The registry's message and its reasons. They may repeat what was sent.
    pub words: String,
    /// What waits, with an answer to a poll.
    pub queue: Option<Queue>,
    /// What was asked for.
    pub data: Element,
    /// What extensions add.
    pub extension: Element,
    /// The id that the command carried.
    pub client_trid: String,
    /// The registry's own id of the exchange.
    pub server_trid: String,
    /// As it came.
    pub frame: String,
}

impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Response")
            .field("code", &self.code)
            .field("client_trid", &self.client_trid)
            .field("server_trid", &self.server_trid)
            .finish_non_exhaustive()
    }
}

/// The head of the message queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Of the oldest message.
    pub id: String,
    /// How many wait.
    pub count: Option<u32>,
    /// When the message was put there.
    pub queued_at: String,
    /// In the registry's words.
    pub words: String,
}

impl Response {
    /// 1xxx.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.code < 2000
    }

    /// Accepted, and not yet decided.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.code == 1001
    }

    /// Whether the registry closes the session after this answer.
    #[must_use]
    pub fn ends_session(&self) -> bool {
        matches!(self.code, 1500 | 2500..=2502)
    }
}

impl Incoming {
    /// Reads a frame.
    ///
    /// # Errors
    /// [`XmlError`] when it is not XML, or not EPP.
    pub fn parse(frame: String) -> Result<Self, XmlError> {
        let root = Element::parse(&frame)?;
        if root.local() != "epp" || root.namespace != namespace::EPP {
            return Err(XmlError::Broken("it is not EPP".to_owned()));
        }
        if let Some(greeting) = root.of(namespace::EPP, "greeting") {
            return Ok(Self::Greeting(read_greeting(greeting)));
        }
        match root.of(namespace::EPP, "response") {
            Some(response) => read_response(response, frame).map(|response| Self::Response(Box::new(response))),
            None => Err(XmlError::Broken("it is neither a greeting nor a response".to_owned())),
        }
    }
}

fn read_greeting(greeting: &Element) -> Greeting {
    let texts = |parent: Option<&Element>, name: &str| -> Vec<String> {
        parent.map(|parent| parent.all(name).map(|one| one.text.clone()).collect()).unwrap_or_default()
    };
    let menu = greeting.get("svcMenu");
    Greeting {
        server: greeting.text_of("svID").to_owned(),
        languages: texts(menu, "lang"),
        objects: texts(menu, "objURI"),
        extensions: texts(menu.and_then(|menu| menu.get("svcExtension")), "extURI"),
    }
}

fn read_response(response: &Element, frame: String) -> Result<Response, XmlError> {
    let Some(result) = response.get("result") else {
        return Err(XmlError::Broken("a response without a result".to_owned()));
    };
    let code = result.attribute("code").parse::<u16>().ok().filter(|code| (1000..=2999).contains(code));
    let Some(code) = code else {
        return Err(XmlError::Broken("a result without a code".to_owned()));
    };
    let mut words = result.text_of("msg").to_owned();
    let reasons = response.all("result").flat_map(|result| result.all("extValue")).map(|value| value.text_of("reason"));
    for reason in reasons.filter(|reason| !reason.is_empty()).take(REASONS_MAX) {
        words = format!("{words}; {reason}");
    }
    let trid = response.get("trID");
    let of_trid = |name: &str| trid.map_or("", |trid| trid.text_of(name)).to_owned();
    Ok(Response {
        code,
        words,
        queue: response.get("msgQ").map(|queue| Queue {
            id: queue.attribute("id").to_owned(),
            count: queue.attribute("count").parse().ok(),
            queued_at: queue.text_of("qDate").to_owned(),
            words: queue.text_of("msg").to_owned(),
        }),
        data: response.get("resData").cloned().unwrap_or_default(),
        extension: response.get("extension").cloned().unwrap_or_default(),
        client_trid: of_trid("clTRID"),
        server_trid: of_trid("svTRID"),
        frame,
    })
}
