//! The wire: `POST /enterprise/control/agent.php` with a packet, an answer with results for each operation of it.

use std::time::Duration;

use billet_plugin::Failure;
use billet_plugin::http::{HttpAnswer, HttpClient, WireError};
use billet_plugin::v1::ProblemKind;

use crate::failure::Refusal;
use crate::packet::Packet;
use crate::settings::PleskSettings;
use crate::work::Time;
use crate::xml::Element;

/// What one operation says about one object.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    /// Why it was not done; `None` for success.
    pub(crate) refusal: Option<Refusal>,
    /// The object's id; empty when the filter found nothing, which Plesk answers with an empty success.
    pub(crate) id: String,
    /// The whole `result`.
    pub(crate) result: Element,
}

/// The results of each operation of a packet, in the order of the packet.
pub(crate) type Replies = Vec<Vec<Reply>>;

/// Calls one server. No `Debug`: it holds the credentials.
#[derive(Clone)]
pub(crate) struct Client {
    http: HttpClient,
    endpoint: String,
    headers: Vec<(&'static str, String)>,
}

/// An answer that has no results.
enum NoResults {
    /// Plesk refused the whole packet before any of it was done.
    Refused(Refusal),
    /// Nothing of it was done, for sure.
    Undone(Failure),
    /// It is not an answer of the XML API: nobody knows.
    Strange(String),
}

impl Client {
    pub(crate) fn new(settings: &PleskSettings) -> Result<Self, Failure> {
        let headers = if settings.secret_key.is_empty() {
            vec![("HTTP_AUTH_LOGIN", settings.login.clone()), ("HTTP_AUTH_PASSWD", settings.password.clone())]
        } else {
            vec![("KEY", settings.secret_key.clone())]
        };
        let http = HttpClient::new(&settings.trust(), settings.timeout())?;
        Ok(Self { http, endpoint: format!("{}/enterprise/control/agent.php", settings.base()), headers })
    }

    /// Asks something.
    pub(crate) async fn ask(&self, packet: &Packet, time: Time) -> Result<Replies, Failure> {
        let answer = self.send(packet, time.left()?).await.map_err(WireError::asking)?;
        self.read(packet, &answer).map_err(|none| match none {
            NoResults::Refused(refusal) => refusal.failure(),
            NoResults::Undone(failure) => failure,
            NoResults::Strange(words) => Failure::later(ProblemKind::Unavailable, "", words),
        })
    }

    /// Asks something with one operation.
    pub(crate) async fn ask_one(&self, packet: &Packet, time: Time) -> Result<Vec<Reply>, Failure> {
        Ok(self.ask(packet, time).await?.into_iter().next().unwrap_or_default())
    }

    /// Changes something; [`Failure::Unknown`] when nobody knows whether it was done.
    pub(crate) async fn change(&self, packet: &Packet, time: Time) -> Result<Replies, Failure> {
        let answer = self.send(packet, time.left_for_change()?).await.map_err(WireError::changing)?;
        self.read(packet, &answer).map_err(|none| match none {
            NoResults::Refused(refusal) => refusal.failure(),
            NoResults::Undone(failure) => failure,
            NoResults::Strange(words) => Failure::unknown(words),
        })
    }

    /// Changes one object with one operation.
    pub(crate) async fn change_one(&self, packet: &Packet, time: Time) -> Result<Reply, Failure> {
        let replies = self.change(packet, time).await?.into_iter().next().unwrap_or_default();
        replies.into_iter().next().ok_or_else(|| Failure::unknown("Plesk answered without a result"))
    }

    async fn send(&self, packet: &Packet, time: Option<Duration>) -> Result<HttpAnswer, WireError> {
        let mut request = self.http.inner().post(&self.endpoint).header("Content-Type", "text/xml");
        for (name, value) in &self.headers {
            // As bytes: a password may have letters beyond ASCII.
            request = request.header(*name, value.as_bytes());
        }
        self.http.send(request.body(packet.document()), time).await
    }

    /// All that must not be repeated in words.
    fn secrets<'a>(&'a self, packet: &'a Packet) -> impl Iterator<Item = &'a str> {
        let own = self.headers.iter().filter(|(name, _)| *name != "HTTP_AUTH_LOGIN").map(|(_, value)| value.as_str());
        own.chain(packet.secrets())
    }

    fn read(&self, packet: &Packet, answer: &HttpAnswer) -> Result<Replies, NoResults> {
        if answer.status != 200 {
            return Err(by_status(answer));
        }
        let text = answer.text();
        let root = Element::parse(&text).map_err(|error| {
            let html = text.trim_start().to_lowercase();
            NoResults::Strange(if html.starts_with("<!doctype html") || html.starts_with("<html") {
                "Plesk answered with HTML: wrong port, or the login page".to_owned()
            } else {
                format!("Plesk's answer cannot be read: {error}")
            })
        })?;
        if root.name != "packet" {
            return Err(NoResults::Strange(format!("an answer of `packet` is expected, not `{}`", root.name)));
        }
        if let Some(system) = root.get("system") {
            return Err(NoResults::Refused(self.refusal(packet, system)));
        }
        packet.names().map(|(operator, verb)| self.results(packet, &root, operator, verb)).collect()
    }

    fn results(&self, packet: &Packet, root: &Element, operator: &str, verb: &str) -> Result<Vec<Reply>, NoResults> {
        let mut replies = Vec::new();
        let operators = root.children.iter().filter(|child| child.name == operator);
        let verbs = operators.flat_map(|found| found.children.iter().filter(|child| child.name == verb));
        for result in verbs.flat_map(|found| found.children.iter().filter(|child| child.name == "result")) {
            let refusal = match result.text_of("status") {
                "ok" => None,
                "error" => Some(self.refusal(packet, result)),
                other => return Err(NoResults::Strange(format!("{operator}.{verb}: a result of status `{other}`"))),
            };
            let id = result.text_of("id").to_owned();
            replies.push(Reply { refusal, id, result: result.clone() });
        }
        if replies.is_empty() {
            return Err(NoResults::Strange(format!("{operator}.{verb}: Plesk answered without a result")));
        }
        Ok(replies)
    }

    fn refusal(&self, packet: &Packet, result: &Element) -> Refusal {
        let code = result.text_of("errcode").parse().unwrap_or_default();
        Refusal::new(code, result.text_of("errtext"), self.secrets(packet))
    }
}

/// What an HTTP status other than 200 means; Plesk itself answers 200 for refusals.
fn by_status(answer: &HttpAnswer) -> NoResults {
    let code = answer.status.to_string();
    let words = format!("HTTP {code} instead of an answer of Plesk");
    match answer.status {
        401 => NoResults::Undone(Failure::refused(ProblemKind::Unauthenticated, code, words)),
        403 => NoResults::Undone(Failure::refused(ProblemKind::Permission, code, words)),
        413 => NoResults::Undone(Failure::refused(ProblemKind::Invalid, code, words)),
        300..=399 | 404 | 405 => NoResults::Undone(Failure::later(
            ProblemKind::Unavailable,
            code,
            format!("{words}: wrong port, or not Plesk at this address"),
        )),
        429 => {
            let after = answer.headers.get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
            let mut failure = Failure::later(ProblemKind::Busy, code, words);
            if let Failure::RetryLater { after: told, .. } = &mut failure {
                *told = after.map(Duration::from_secs);
            }
            NoResults::Undone(failure)
        }
        _ => NoResults::Strange(words),
    }
}

impl Reply {
    /// The success, or the failure of the refusal.
    pub(crate) fn done(self) -> Result<Self, Failure> {
        match &self.refusal {
            None => Ok(self),
            Some(refusal) => Err(refusal.failure()),
        }
    }

    /// The text of a member of a success that must not be missing.
    pub(crate) fn text_of(&self, name: &str) -> Option<String> {
        Some(self.result.text_of(name)).filter(|text| !text.is_empty()).map(str::to_owned)
    }
}

/// The objects that a filter found. What it did not find is left out.
///
/// # Errors
/// A refusal other than "does not exist".
pub(crate) fn found(replies: Vec<Reply>) -> Result<Vec<Reply>, Failure> {
    let mut found = Vec::new();
    for reply in replies {
        match &reply.refusal {
            None if reply.id.is_empty() => {}
            None => found.push(reply),
            Some(refusal) if refusal.is_missing() => {}
            Some(refusal) => return Err(refusal.failure()),
        }
    }
    Ok(found)
}

/// A value that Plesk must have answered a question with.
pub(crate) fn expected<T>(value: Option<T>, what: &str) -> Result<T, Failure> {
    value.ok_or_else(|| Failure::later(ProblemKind::Unavailable, "", format!("Plesk's answer lacks {what}")))
}
