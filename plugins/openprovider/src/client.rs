//! The wire: requests with a token, answers in an envelope `{code, desc, data, warnings, maintenance}`.

use std::time::{Duration, Instant};

use billet_plugin::Failure;
use billet_plugin::http::{HttpAnswer, HttpClient, base_url};
use billet_plugin::redact::redact;
use billet_plugin::v1::ProblemKind;
use reqwest::{Method, Url};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::failure::{Trouble, UNAUTHENTICATED, plain, scrubbed, too_many};
use crate::login::Login;
use crate::settings::Access;

/// How many warnings of one answer are kept.
const WARNINGS_MAX: usize = 20;

/// One call of the API. No `Debug`: its body may hold a secret, and people's data.
pub(crate) struct Call {
    method: Method,
    path: Vec<String>,
    query: Vec<(&'static str, String)>,
    body: Option<String>,
    /// What must not come back in words.
    secrets: Vec<String>,
}

impl Call {
    /// Reads.
    pub(crate) fn get(path: &[&str]) -> Self {
        Self::new(Method::GET, path, None)
    }

    /// Deletes.
    pub(crate) fn delete(path: &[&str]) -> Self {
        Self::new(Method::DELETE, path, None)
    }

    /// Makes something, or asks with a body.
    pub(crate) fn post(path: &[&str], body: &impl Serialize) -> Self {
        Self::new(Method::POST, path, serde_json::to_string(body).ok())
    }

    /// Changes something.
    pub(crate) fn put(path: &[&str], body: &impl Serialize) -> Self {
        Self::new(Method::PUT, path, serde_json::to_string(body).ok())
    }

    fn new(method: Method, path: &[&str], body: Option<String>) -> Self {
        let path = path.iter().map(|segment| (*segment).to_owned()).collect();
        Self { method, path, query: Vec::new(), body, secrets: Vec::new() }
    }

    /// With a parameter.
    pub(crate) fn query(mut self, name: &'static str, value: &(impl ToString + ?Sized)) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    /// With a secret in its body.
    pub(crate) fn secret(mut self, secret: &str) -> Self {
        self.secrets.push(secret.to_owned());
        self
    }
}

/// A good answer.
#[derive(Debug)]
pub(crate) struct Reply<T> {
    pub(crate) data: T,
    pub(crate) warnings: Vec<String>,
}

/// An account at Openprovider. No `Debug`: the password is in it.
pub(crate) struct Client {
    wire: Wire,
    login: Login,
}

impl Client {
    pub(crate) fn new(access: &Access) -> Result<Self, Failure> {
        let url = base_url(&access.url)?;
        if url.cannot_be_a_base() || url.query().is_some() || url.fragment().is_some() {
            let words = format!("url `{}`: expected an address such as https://api.openprovider.eu/v1", access.url);
            return Err(Failure::refused(ProblemKind::Invalid, "", words));
        }
        let http = HttpClient::new(&access.trust, access.time_max)?;
        Ok(Self { wire: Wire { http, url }, login: Login::new(access) })
    }

    /// Makes a call, logs in before it if need be, and once more if the token is no longer taken: a call that is answered
    /// 401 was not done.
    pub(crate) async fn send<T: DeserializeOwned>(&self, call: Call, time: Duration) -> Result<Reply<T>, Trouble> {
        let end = Instant::now() + time;
        let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
        let mut again = true;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let token = self.login.token(&self.wire, left).await?;
            let left = end.saturating_duration_since(Instant::now());
            let (method, body) = (call.method.clone(), call.body.clone());
            let answered = self.wire.exchange(method, &path, &call.query, body, Some(&token), left).await;
            let read = answered.and_then(|answer| answer.read::<T>());
            let secrets = || {
                let known = [token.as_str(), self.login.password()];
                known.into_iter().chain(call.secrets.iter().map(String::as_str))
            };
            if !matches!(&read, Err(Trouble::Wire(_) | Trouble::Said { code: UNAUTHENTICATED, .. })) {
                self.login.accepted(&token);
            }
            match read {
                Ok((data, warnings)) => {
                    let warnings = warnings.iter().map(|warning| redact(warning, secrets())).collect();
                    return Ok(Reply { data, warnings });
                }
                Err(Trouble::Said { code: UNAUTHENTICATED, words }) => {
                    let words = format!("Openprovider does not take the login: {}", redact(&words, secrets()));
                    let code = UNAUTHENTICATED.to_string();
                    let failure = Failure::refused(ProblemKind::Unauthenticated, code, words);
                    if !(self.login.rejected(&token, &failure).await && again) {
                        return Err(Trouble::Certain(failure));
                    }
                    again = false;
                }
                Err(Trouble::Said { code, words }) => {
                    return Err(Trouble::Said { code, words: redact(&words, secrets()) });
                }
                Err(Trouble::Certain(failure)) => return Err(Trouble::Certain(scrubbed(failure, secrets()))),
                Err(other) => return Err(other),
            }
        }
    }
}

/// Where the API is.
pub(crate) struct Wire {
    http: HttpClient,
    url: Url,
}

impl Wire {
    /// One request and its answer, whatever it is.
    pub(crate) async fn exchange(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&'static str, String)],
        body: Option<String>,
        token: Option<&str>,
        time: Duration,
    ) -> Result<Answer, Trouble> {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = self.http.inner().request(method, url).header("accept", "application/json");
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if time.is_zero() {
            let words = "no time was left for the request";
            return Err(Trouble::Certain(Failure::later(ProblemKind::Unavailable, "", words)));
        }
        self.http.send(request, Some(time)).await.map(Answer).map_err(Trouble::Wire)
    }
}

/// An answer as it came.
pub(crate) struct Answer(HttpAnswer);

/// What stands in every answer. Only `code` is in all of them.
#[derive(Deserialize)]
struct Envelope<'a> {
    code: i64,
    #[serde(default)]
    desc: Option<String>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
    #[serde(default)]
    warnings: Option<Vec<Warning>>,
    #[serde(default)]
    maintenance: Option<bool>,
}

#[derive(Deserialize)]
struct Warning {
    #[serde(default)]
    desc: Option<String>,
    #[serde(default)]
    data: Option<String>,
}

impl Answer {
    /// The data and warnings of a good answer.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<(T, Vec<String>), Trouble> {
        let status = self.0.status;
        if status == 429 {
            let after = self.0.headers.get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
            return Err(too_many(after.map(Duration::from_secs)));
        }
        // 502 to 504 come from what stands before the API, even when they come as JSON.
        if matches!(status, 502..=504 | 520..=530) {
            let words = format!("HTTP {status}: Openprovider's gateway has no answer of the API");
            return Err(Trouble::Gateway { status, words });
        }
        let Ok(envelope) = serde_json::from_slice::<Envelope>(&self.0.body) else { return Err(self.foreign()) };
        if envelope.code != 0 {
            return Err(said(status, &envelope));
        }
        if !(200..300).contains(&status) {
            return Err(Trouble::Garbled(format!("HTTP {status} with the code of success: neither yes nor no")));
        }
        let data = envelope.data.map_or("{}", RawValue::get);
        let data = if data == "null" { "{}" } else { data };
        // serde's message may quote a value of the answer, such as an auth code: it stays here.
        let data = serde_json::from_str(data).map_err(|error| {
            Trouble::Garbled(format!(
                "the answer's data are not as documented (line {}, column {})",
                error.line(),
                error.column()
            ))
        })?;
        let warnings = envelope.warnings.unwrap_or_default();
        let warnings = warnings.into_iter().take(WARNINGS_MAX).map(|warning| {
            joined(warning.desc.as_deref().unwrap_or_default(), warning.data.as_deref().unwrap_or_default())
        });
        Ok((data, warnings.filter(|words| !words.is_empty()).collect()))
    }

    /// What is not the API's envelope.
    fn foreign(&self) -> Trouble {
        let status = self.0.status;
        if status == 401 {
            return Trouble::Said { code: UNAUTHENTICATED, words: "HTTP 401".to_owned() };
        }
        let kind =
            self.0.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or("no content type");
        let kind: String = kind.chars().take(80).collect();
        Trouble::Garbled(format!(
            "HTTP {status} with {kind} and {} bytes that are not the API's: is the address right, and does it end in the \
             version (/v1)?",
            self.0.body.len()
        ))
    }
}

fn said(status: u16, envelope: &Envelope) -> Trouble {
    let desc = envelope.desc.as_deref().unwrap_or_default();
    // The registry's own words are a text in `data`; elsewhere there may be an object, which is not for people.
    let data = envelope.data.and_then(|data| serde_json::from_str::<String>(data.get()).ok()).unwrap_or_default();
    let words = joined(desc, &data);
    if envelope.maintenance == Some(true) {
        let words = format!("Openprovider is under maintenance: {words}");
        return Trouble::Certain(Failure::later(ProblemKind::Unavailable, envelope.code.to_string(), words));
    }
    let words = if words.is_empty() { format!("code {}", envelope.code) } else { words };
    match status {
        401 => Trouble::Said { code: UNAUTHENTICATED, words },
        403 => Trouble::Certain(Failure::refused(ProblemKind::Permission, envelope.code.to_string(), words)),
        _ => Trouble::Said { code: envelope.code, words },
    }
}

fn joined(desc: &str, data: &str) -> String {
    let (desc, data) = (plain(desc), plain(data));
    match (desc.is_empty(), data.is_empty() || data == desc) {
        (_, true) => desc,
        (true, false) => data,
        (false, false) => format!("{desc}: {data}"),
    }
}
