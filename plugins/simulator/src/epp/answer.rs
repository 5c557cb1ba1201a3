//! Answers of the registry (RFC 5730 section 2.6 and 3).

use chrono::{DateTime, SecondsFormat, Utc};

use super::xml::Element;

pub(super) const EPP: &str = "urn:ietf:params:xml:ns:epp-1.0";
pub(super) const DOMAIN: &str = "urn:ietf:params:xml:ns:domain-1.0";
pub(super) const HOST: &str = "urn:ietf:params:xml:ns:host-1.0";
pub(super) const CONTACT: &str = "urn:ietf:params:xml:ns:contact-1.0";
pub(super) const RGP: &str = "urn:ietf:params:xml:ns:rgp-1.0";
pub(super) const SECDNS: &str = "urn:ietf:params:xml:ns:secDNS-1.1";
pub(super) const FEE: &str = "urn:ietf:params:xml:ns:epp:fee-1.0";

/// What a command comes to.
#[derive(Debug, Clone, Default)]
pub(super) struct Answer {
    pub(super) code: u16,
    /// Beside the message of the code.
    pub(super) words: String,
    pub(super) queue: Option<Element>,
    pub(super) data: Option<Element>,
    pub(super) extensions: Vec<Element>,
}

/// A refusal, or an answer.
pub(super) type Outcome = Result<Answer, Refusal>;

/// Why not.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    code: u16,
    words: String,
}

impl From<Refusal> for Answer {
    fn from(Refusal { code, words }: Refusal) -> Self {
        Self { code, words, ..Self::default() }
    }
}

impl Answer {
    /// Done.
    pub(super) fn ok(data: Option<Element>) -> Self {
        Self { code: 1000, data, ..Self::default() }
    }

    /// Accepted and not decided.
    pub(super) fn pending(data: Option<Element>) -> Self {
        Self { code: 1001, data, ..Self::default() }
    }

    /// With an extension.
    pub(super) fn extended(mut self, extension: Option<Element>) -> Self {
        self.extensions.extend(extension);
        self
    }

    /// As a frame.
    pub(super) fn frame(&self, client_trid: &str, server_trid: &str) -> String {
        let message = if self.words.is_empty() {
            message(self.code).to_owned()
        } else {
            format!("{} : {}", message(self.code), self.words)
        };
        let result = Element::new("result").attr("code", &self.code.to_string()).with(Element::leaf("msg", message));
        let mut response = Element::new("response").with(result).with_all(self.queue.clone());
        if let Some(data) = &self.data {
            response = response.with(Element::new("resData").with(data.clone()));
        }
        if !self.extensions.is_empty() {
            response = response.with(Element::new("extension").with_all(self.extensions.iter().cloned()));
        }
        let mut trid = Element::new("trID");
        if !client_trid.is_empty() {
            trid = trid.with(Element::leaf("clTRID", client_trid));
        }
        let response = response.with(trid.with(Element::leaf("svTRID", server_trid)));
        Element::new("epp").attr("xmlns", EPP).with(response).document()
    }
}

/// A refusal.
pub(super) fn refusal(code: u16, words: &str) -> Refusal {
    Refusal { code, words: words.to_owned() }
}

/// An instant as registries write it.
pub(super) fn written(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// `<domain:chkData xmlns:domain="...">`.
pub(super) fn object(prefix: &str, namespace: &str, name: &str) -> Element {
    Element::new(&format!("{prefix}:{name}")).attr(&format!("xmlns:{prefix}"), namespace)
}

fn message(code: u16) -> &'static str {
    match code {
        1000 => "Command completed successfully",
        1001 => "Command completed successfully; action pending",
        1300 => "Command completed successfully; no messages",
        1301 => "Command completed successfully; ack to dequeue",
        1500 => "Command completed successfully; ending session",
        2000 => "Unknown command",
        2001 => "Command syntax error",
        2002 => "Command use error",
        2003 => "Required parameter missing",
        2004 => "Parameter value range error",
        2005 => "Parameter value syntax error",
        2101 => "Unimplemented command",
        2103 => "Unimplemented extension",
        2104 => "Billing failure",
        2105 => "Object is not eligible for renewal",
        2106 => "Object is not eligible for transfer",
        2200 => "Authentication error",
        2201 => "Authorization error",
        2202 => "Invalid authorization information",
        2300 => "Object pending transfer",
        2301 => "Object not pending transfer",
        2302 => "Object exists",
        2303 => "Object does not exist",
        2304 => "Object status prohibits operation",
        2305 => "Object association prohibits operation",
        2306 => "Parameter value policy error",
        2307 => "Unimplemented object service",
        2500 => "Command failed; server closing connection",
        2501 => "Authentication error; server closing connection",
        2502 => "Session limit exceeded; server closing connection",
        _ => "Command failed",
    }
}
