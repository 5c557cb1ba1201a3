//! The wire: `remote.cgi` with a program and its parameters, answered in JSON with HTTP 200 whatever became of it.

use std::time::Duration;

use billet_plugin::Failure;
use billet_plugin::http::{HttpClient, WireError, base_url};
use billet_plugin::redact::sentence;
use billet_plugin::v1::ProblemKind;
use serde::Deserialize;
use serde_json::Value;

use crate::failure::{Refusal, asking, changing};
use crate::settings::{Access, Manner};

/// How many characters of the panel's words are kept.
const WORDS_MAX: usize = 500;
/// How many complaints of one call are kept, and how long one may be.
const WARNINGS_MAX: usize = 20;
/// What a line with a complaint has in it.
const COMPLAINTS: [&str; 5] = ["fail", "error", "warning", "could not", "cannot"];

/// Parameters of a program; one with an empty value is a flag.
pub(crate) type Parameters<'a> = Vec<(&'a str, &'a str)>;

/// What the API answers.
#[derive(Deserialize)]
struct Envelope {
    status: String,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    full_error: Option<String>,
    #[serde(default)]
    output: Option<String>,
    #[serde(default)]
    data: Option<Vec<Value>>,
}

/// A client for one server. No `Debug`: the password is in it.
pub(crate) struct Client {
    http: HttpClient,
    api: String,
    user: String,
    password: String,
}

impl Client {
    /// Sets it up; it does not connect.
    pub(crate) fn new(access: Access, manner: &Manner) -> Result<Self, Failure> {
        let url = base_url(&access.url)?;
        let api = url
            .join("/virtual-server/remote.cgi")
            .map_err(|error| Failure::refused(ProblemKind::Invalid, "", format!("url: cannot be extended: {error}")))?;
        Ok(Self {
            http: HttpClient::new(&access.trust, manner.time_slow_max)?,
            api: api.into(),
            user: access.user,
            password: access.password,
        })
    }

    /// Asks for a listing: its rows, those that the server's complaints make of themselves among them.
    ///
    /// # Errors
    /// The failure of the program; an answer that is not the API's is worth another try.
    pub(crate) async fn list(
        &self,
        program: &str,
        parameters: &Parameters<'_>,
        time: Duration,
    ) -> Result<Vec<Value>, Failure> {
        match self.call(program, parameters, time).await {
            Ok(envelope) if envelope.status == "success" => Ok(envelope.data.unwrap_or_default()),
            Ok(envelope) => Err(asking(&self.refusal(&envelope, &[]))),
            Err(Trouble::Wire(error)) => Err(error.asking()),
            Err(Trouble::Refused(failure)) => Err(failure),
            Err(Trouble::Foreign(words)) => Err(Failure::later(ProblemKind::Unavailable, "", words)),
        }
    }

    /// Asks for text. It is not cleaned: a login link is wanted as it is.
    ///
    /// # Errors
    /// As `list`.
    pub(crate) async fn ask(
        &self,
        program: &str,
        parameters: &Parameters<'_>,
        time: Duration,
    ) -> Result<String, Failure> {
        match self.call(program, parameters, time).await {
            Ok(envelope) if envelope.status == "success" => Ok(envelope.output.unwrap_or_default()),
            Ok(envelope) => Err(asking(&self.refusal(&envelope, &[]))),
            Err(Trouble::Wire(error)) => Err(error.asking()),
            Err(Trouble::Refused(failure)) => Err(failure),
            Err(Trouble::Foreign(words)) => Err(Failure::later(ProblemKind::Unavailable, "", words)),
        }
    }

    /// Changes something, and gives what the program complained about although it worked. `secrets` are kept out of it.
    ///
    /// # Errors
    /// The failure of the program; unknown when no answer of the API came, or one that does not prove that nothing was
    /// done.
    pub(crate) async fn change(
        &self,
        program: &str,
        parameters: &Parameters<'_>,
        secrets: &[&str],
        time: Duration,
    ) -> Result<Vec<String>, Failure> {
        match self.call(program, parameters, time).await {
            Ok(envelope) if envelope.status == "success" => {
                Ok(self.complaints(&envelope.output.unwrap_or_default(), secrets))
            }
            Ok(envelope) => Err(changing(&self.refusal(&envelope, secrets))),
            Err(Trouble::Wire(error)) => Err(error.changing()),
            Err(Trouble::Refused(failure)) => Err(failure),
            Err(Trouble::Foreign(words)) => Err(Failure::unknown(words)),
        }
    }

    fn clean(&self, text: &str, secrets: &[&str]) -> String {
        let secrets: Vec<&str> = secrets.iter().copied().chain([self.password.as_str()]).collect();
        sentence(text, secrets, WORDS_MAX)
    }

    fn complaints(&self, output: &str, secrets: &[&str]) -> Vec<String> {
        let lines = output.lines().map(|line| self.clean(line, secrets)).filter(|line| {
            let low = line.to_lowercase();
            COMPLAINTS.iter().any(|sign| low.contains(sign)) && !low.contains("passw")
        });
        lines.take(WARNINGS_MAX).collect()
    }

    fn refusal(&self, envelope: &Envelope, secrets: &[&str]) -> Refusal {
        let full = envelope.full_error.as_deref().unwrap_or_default();
        let error = envelope.error.as_deref().unwrap_or_default();
        // Old versions have no `error`: the first line of the output says it.
        let said = [error, full, envelope.output.as_deref().unwrap_or_default()];
        let said = said.into_iter().flat_map(str::lines).map(str::trim).find(|line| !line.is_empty());
        Refusal {
            words: self.clean(said.unwrap_or("no words"), secrets),
            status: envelope.status.clone(),
            shows_usage: full.contains("\nvirtualmin ") || full.contains("\nusage: "),
        }
    }

    async fn call(&self, program: &str, parameters: &Parameters<'_>, time: Duration) -> Result<Envelope, Trouble> {
        // As a form: what stands in an address ends up in the server's log.
        let form: Vec<(&str, &str)> =
            [("program", program), ("json", "1")].into_iter().chain(parameters.clone()).collect();
        let request = self.http.inner().post(&self.api).basic_auth(&self.user, Some(&self.password)).form(&form);
        let answer = self.http.send(request, Some(time)).await.map_err(Trouble::Wire)?;
        let denied =
            |kind, words: &str| Err(Trouble::Refused(Failure::refused(kind, answer.status.to_string(), words)));
        match answer.status {
            401 => return denied(ProblemKind::Unauthenticated, "Webmin does not take this user and password"),
            403 => return denied(ProblemKind::Permission, "Webmin does not let this user, or this address, in"),
            _ => {}
        }
        serde_json::from_slice(&answer.body).map_err(|_| {
            // Not a word of the page: it may be anybody's.
            let words =
                "without JSON: not Virtualmin's remote API (wrong port, the login page, or a user without the module)";
            Trouble::Foreign(format!("HTTP {} {words}", answer.status))
        })
    }
}

/// Why there is no answer of the API.
enum Trouble {
    Wire(WireError),
    Refused(Failure),
    Foreign(String),
}
