//! The wire: `POST /api/` with a command and its arguments; an exit code in a header, and text or JSON.

use std::time::Duration;

use billet_plugin::Failure;
use billet_plugin::http::{HttpClient, base_url};
use billet_plugin::redact::sentence;
use billet_plugin::v1::ProblemKind;
use serde_json::Value;

use crate::failure::{Exit, asking, changing};
use crate::settings::{Access, Manner};

/// How many characters of the panel's words are kept.
const WORDS_MAX: usize = 500;
/// Tells the exit code of the command.
const EXIT_CODE: &str = "hestia-exit-code";

/// A client for one server. No `Debug`: the secret key is in it.
pub(crate) struct Client {
    http: HttpClient,
    api: String,
    access_key: String,
    secret_key: String,
}

impl Client {
    /// Sets it up; it does not connect.
    pub(crate) fn new(access: Access, manner: &Manner) -> Result<Self, Failure> {
        let url = base_url(&access.url)?;
        let api = url.join("/api/").map_err(|error| {
            Failure::refused(ProblemKind::Invalid, "", format!("url: cannot be extended by /api/: {error}"))
        })?;
        Ok(Self {
            http: HttpClient::new(&access.trust, manner.time_slow_max)?,
            api: api.into(),
            access_key: access.access_key,
            secret_key: access.secret_key,
        })
    }

    /// Asks, and reads JSON.
    ///
    /// # Errors
    /// The failure of the command; an answer that is not the API's, or not JSON, is worth another try.
    pub(crate) async fn ask(&self, command: &str, arguments: &[&str], time: Duration) -> Result<Value, Failure> {
        let text = self.ask_text(command, arguments, time).await?;
        serde_json::from_str(&text)
            .map_err(|error| Failure::later(ProblemKind::Unavailable, "", format!("{command} gave no JSON: {error}")))
    }

    /// Asks, and reads text.
    ///
    /// # Errors
    /// As `ask`.
    pub(crate) async fn ask_text(&self, command: &str, arguments: &[&str], time: Duration) -> Result<String, Failure> {
        match self.call(command, arguments, time).await {
            Ok(Exit { code: 0, words }) => Ok(words),
            Ok(exit) => Err(asking(&self.cleaned(&exit, &[]))),
            Err(Trouble::Wire(error)) => Err(error.asking()),
            Err(Trouble::Foreign(words)) => Err(Failure::later(ProblemKind::Unavailable, "", words)),
        }
    }

    /// Changes something. `secrets` are kept out of its words.
    ///
    /// # Errors
    /// The failure of the command; unknown when no answer of the API came.
    pub(crate) async fn change(
        &self,
        command: &str,
        arguments: &[&str],
        secrets: &[&str],
        time: Duration,
    ) -> Result<(), Failure> {
        match self.call(command, arguments, time).await {
            Ok(Exit { code: 0, .. }) => Ok(()),
            Ok(exit) => Err(changing(&self.cleaned(&exit, secrets))),
            Err(Trouble::Wire(error)) => Err(error.changing()),
            Err(Trouble::Foreign(words)) => Err(Failure::unknown(words)),
        }
    }

    /// The exit code of a command that is called without arguments, which every command refuses before it does
    /// anything: tells whether the key may call it.
    ///
    /// # Errors
    /// When the server cannot be asked.
    pub(crate) async fn may(&self, command: &str, time: Duration) -> Result<bool, Failure> {
        match self.ask_text(command, &[], time).await {
            Err(failure) if failure.is_refused(ProblemKind::Permission) => Ok(false),
            Err(failure) if failure.is_refused(ProblemKind::Unauthenticated) => Err(failure),
            Err(Failure::Refused(_)) => Ok(true),
            Err(failure) => Err(failure),
            Ok(_) => Ok(true),
        }
    }

    fn cleaned(&self, exit: &Exit, secrets: &[&str]) -> Exit {
        let secrets = secrets.iter().copied().chain([self.secret_key.as_str()]);
        let words = sentence(&exit.words, secrets.collect::<Vec<_>>(), WORDS_MAX);
        let words = words.strip_prefix("Error:").map_or(words.as_str(), str::trim_start);
        Exit { code: exit.code, words: words.to_owned() }
    }

    async fn call(&self, command: &str, arguments: &[&str], time: Duration) -> Result<Exit, Trouble> {
        let mut form = vec![
            ("access_key".to_owned(), self.access_key.as_str()),
            ("secret_key".to_owned(), self.secret_key.as_str()),
            ("returncode".to_owned(), "no"),
            ("cmd".to_owned(), command),
        ];
        form.extend(arguments.iter().enumerate().map(|(at, argument)| (format!("arg{}", at + 1), *argument)));
        let request = self.http.inner().post(&self.api).form(&form);
        let answer = self.http.send(request, Some(time)).await.map_err(Trouble::Wire)?;
        let code = answer.headers.get(EXIT_CODE).and_then(|code| code.to_str().ok()?.trim().parse().ok());
        let Some(code) = code else {
            // Not a word of the page: it may be anybody's.
            return Err(Trouble::Foreign(format!(
                "HTTP {} without an exit code: not the API (wrong port, a proxy, or a HestiaCP before 1.6)",
                answer.status
            )));
        };
        Ok(Exit { code, words: answer.text().trim().to_owned() })
    }
}

/// Why there is no exit code.
enum Trouble {
    Wire(billet_plugin::http::WireError),
    Foreign(String),
}
