//! The wire: `CMD_API_*` with a form, answered urlencoded. `error=1` tells a failure; an answer without `error` is data.

use std::time::Duration;

use billet_plugin::Failure;
use billet_plugin::http::{HttpAnswer, HttpClient, WireError, base_url};
use billet_plugin::redact::sentence;
use billet_plugin::v1::ProblemKind;

use crate::failure::{Refusal, refusal};
use crate::settings::{Access, Manner};

/// How many characters of the panel's words are kept.
const WORDS_MAX: usize = 500;
/// What the login page has in it.
const LOGIN_SIGNS: [&str; 3] = ["cmd_login", "directadmin login", "name=\"username\""];

/// Parameters of a command.
pub(crate) type Parameters<'a> = Vec<(&'a str, &'a str)>;

/// Names and values of an answer. No `Debug`: it may repeat a password or hold a login.
pub(crate) struct Values(Vec<(String, String)>);

impl Values {
    /// A value; empty when it is missing.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// A whole number; none when it is `unlimited` or missing.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.text(name).trim().parse().ok()
    }

    /// Megabytes, with a fraction or without, as bytes.
    pub(crate) fn megabytes(&self, name: &str) -> Option<i64> {
        megabytes(self.text(name))
    }

    /// The values of `list[]`, or of `list[0]`, `list[1]`..
    pub(crate) fn list(&self) -> Vec<String> {
        let listed = self.0.iter().filter(|(name, _)| name.starts_with("list[") && name.ends_with(']'));
        listed.map(|(_, value)| value.clone()).filter(|value| !value.is_empty()).collect()
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// `12.5` megabytes of 1,048,576 bytes; reckoned in whole numbers.
fn megabytes(text: &str) -> Option<i64> {
    let (whole, part) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let part: String = part.chars().take(6).collect();
    let mut bytes = whole.parse::<i64>().ok()?.checked_mul(1_048_576)?;
    if !part.is_empty() {
        let scale = 10_i64.pow(u32::try_from(part.len()).ok()?);
        bytes = bytes.checked_add(part.parse::<i64>().ok()?.checked_mul(1_048_576)? / scale)?;
    }
    Some(bytes)
}

/// A client for one server. No `Debug`: the key is in it.
pub(crate) struct Client {
    http: HttpClient,
    /// With a slash at its end.
    base: String,
    user: String,
    login_key: String,
}

impl Client {
    /// Sets it up; it does not connect.
    pub(crate) fn new(access: Access, manner: &Manner) -> Result<Self, Failure> {
        let url = base_url(&access.url)?;
        let base = url
            .join("/")
            .map_err(|error| Failure::refused(ProblemKind::Invalid, "", format!("url: cannot be extended: {error}")))?;
        Ok(Self {
            http: HttpClient::new(&access.trust, manner.time_slow_max)?,
            base: base.into(),
            user: access.user,
            login_key: access.login_key,
        })
    }

    /// Asks.
    ///
    /// # Errors
    /// The refusal; an answer that is not the API's is worth another try.
    pub(crate) async fn ask(
        &self,
        command: &str,
        parameters: &Parameters<'_>,
        time: Duration,
    ) -> Result<Values, Failure> {
        self.ask_as("", command, parameters, time).await
    }

    /// Asks as another user.
    ///
    /// # Errors
    /// As `ask`.
    pub(crate) async fn ask_as(
        &self,
        user: &str,
        command: &str,
        parameters: &Parameters<'_>,
        time: Duration,
    ) -> Result<Values, Failure> {
        match self.call(user, command, parameters, &[], time).await {
            Ok(values) => Ok(values),
            // A question changed nothing in any case.
            Err(Trouble::Refused(Failure::Unknown(problem))) => Err(Failure::RetryLater { problem, after: None }),
            Err(Trouble::Refused(failure)) => Err(failure),
            Err(Trouble::Wire(error)) => Err(error.asking()),
            Err(Trouble::Foreign(words)) => Err(Failure::later(ProblemKind::Unavailable, "", words)),
        }
    }

    /// Changes something, as another user when one is named. `secrets` are kept out of its words.
    ///
    /// # Errors
    /// The refusal, which need not mean that nothing was done: look. Unknown when no answer of the API came.
    pub(crate) async fn change(
        &self,
        user: &str,
        command: &str,
        parameters: &Parameters<'_>,
        secrets: &[&str],
        time: Duration,
    ) -> Result<(), Failure> {
        match self.call(user, command, parameters, secrets, time).await {
            Ok(values) if values.text("error") == "0" => Ok(()),
            Ok(_) => Err(Failure::unknown(format!("{command} said neither error=0 nor error=1"))),
            Err(Trouble::Refused(failure)) => Err(failure),
            Err(Trouble::Wire(error)) => Err(error.changing()),
            Err(Trouble::Foreign(words)) => Err(Failure::unknown(words)),
        }
    }

    async fn call(
        &self,
        user: &str,
        command: &str,
        parameters: &Parameters<'_>,
        secrets: &[&str],
        time: Duration,
    ) -> Result<Values, Trouble> {
        let login = if user.is_empty() { self.user.clone() } else { format!("{}|{user}", self.user) };
        // As a form: what stands in an address ends up in the server's log.
        let request = self.http.inner().post(format!("{}{command}", self.base));
        let request = request.basic_auth(login, Some(&self.login_key)).form(parameters);
        let answer = self.http.send(request, Some(time)).await.map_err(Trouble::Wire)?;
        if is_login_page(&answer) {
            let words = "DirectAdmin does not take this user and key";
            return Err(Trouble::Refused(Failure::refused(ProblemKind::Unauthenticated, "", words)));
        }
        let secrets: Vec<&str> = secrets.iter().copied().chain([self.login_key.as_str()]).collect();
        let values = parsed(&answer.text()).ok_or_else(|| {
            // Not a word of the page: it may be anybody's.
            let words = "is no answer of the API (wrong port, a proxy, or a page)";
            Trouble::Foreign(format!("HTTP {}: what {command} gave {words}", answer.status))
        })?;
        if answer.status >= 400 || !matches!(values.text("error"), "" | "0") {
            let clean = |text: &str| sentence(text, secrets.iter().copied(), WORDS_MAX);
            let (text, details) = (clean(values.text("text")), clean(values.text("details")));
            return Err(Trouble::Refused(refusal(&Refusal { status: answer.status, text, details })));
        }
        Ok(values)
    }
}

fn is_login_page(answer: &HttpAnswer) -> bool {
    let header = answer.headers.get("x-directadmin").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let start = answer.text().chars().take(4_000).collect::<String>().to_lowercase();
    let is_page = start.trim_start().starts_with('<');
    answer.status == 401
        || header.eq_ignore_ascii_case("unauthorized")
        || is_page && LOGIN_SIGNS.iter().any(|sign| start.contains(sign))
}

/// Urlencoded, or flat JSON as new versions give it for some refusals; none for anything else.
fn parsed(text: &str) -> Option<Values> {
    let text = text.trim();
    if text.starts_with('{') {
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).ok()?;
        let plain = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let mut values: Vec<(String, String)> =
            object.iter().map(|(name, value)| (name.clone(), plain(value))).collect();
        // There `error` is the text itself.
        let error = object.get("error").and_then(serde_json::Value::as_str);
        if let Some(error) = error.filter(|error| !matches!(*error, "0" | "1")) {
            values.retain(|(name, _)| name != "error" && name != "text");
            values.extend([("error".to_owned(), "1".to_owned()), ("text".to_owned(), error.to_owned())]);
        }
        return Some(Values(values));
    }
    // An empty list is an empty answer.
    if text.is_empty() {
        return Some(Values(Vec::new()));
    }
    let is_form = !text.starts_with('<') && !text.contains(['\n', ' ']) && text.contains('=');
    is_form.then(|| Values(form_urlencoded::parse(text.as_bytes()).into_owned().collect()))
}

/// Why there are no values.
enum Trouble {
    Wire(WireError),
    Refused(Failure),
    Foreign(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_urlencoded_or_flat_json() {
        let values = parsed("error=1&text=Cannot%20Create&details=That%20domain%20already%20exists\n").expect("a form");
        assert_eq!((values.text("error"), values.text("details")), ("1", "That domain already exists"));
        assert_eq!(parsed("list[]=anna&list[]=berta").expect("a form").list(), ["anna", "berta"]);
        assert_eq!(parsed("list%5B0%5D=anna").expect("a form").list(), ["anna"]);
        assert!(parsed("").expect("an empty list").list().is_empty());
        let json = parsed(r#"{"error":"Access denied","type":"AUTH"}"#).expect("JSON");
        assert_eq!((json.text("error"), json.text("text")), ("1", "Access denied"));
        assert!(parsed("<html>a=b</html>").is_none() && parsed("some words = here").is_none());
    }

    #[test]
    fn megabytes_have_fractions() {
        assert_eq!(megabytes("12"), Some(12_582_912));
        assert_eq!(megabytes("0.5000"), Some(524_288));
        assert_eq!(megabytes("unlimited"), None);
        assert_eq!(megabytes(""), None);
    }
}
