//! Speaks WHM API 1: POST forms (a query would end up in the server's log) to `/json-api/FUNCTION`, always with
//! `api.version=1`, and `Authorization: whm USER:TOKEN`.

use std::fmt;
use std::time::{Duration, Instant};

use billet_plugin::Failure;
use billet_plugin::http::{HttpClient, base_url};
use billet_plugin::v1::ProblemKind;

use crate::answer::{Reply, read};
use crate::failure::Trouble;
use crate::settings::{Access, Manner};
use crate::words::Secrets;

/// A call of a function. No `Debug`: there are passwords among the parameters.
pub(crate) struct Call {
    function: &'static str,
    form: Vec<(String, String)>,
    secrets: Secrets,
}

impl Call {
    /// A call without parameters.
    pub(crate) fn to(function: &'static str) -> Self {
        Self { function, form: vec![("api.version".to_owned(), "1".to_owned())], secrets: Secrets::default() }
    }

    /// With a parameter.
    pub(crate) fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.form.push((name.into(), value.into()));
        self
    }

    /// With a parameter, unless it is empty.
    pub(crate) fn with_some(self, name: &str, value: &str) -> Self {
        if value.is_empty() { self } else { self.with(name, value) }
    }

    /// With a 1/0 parameter.
    pub(crate) fn with_flag(self, name: &str, on: bool) -> Self {
        self.with(name, if on { "1" } else { "0" })
    }

    /// With a parameter that nobody may read.
    pub(crate) fn with_secret(mut self, name: &str, value: &str) -> Self {
        self.secrets.add(value);
        self.with(name, value)
    }
}

/// A client of one server as one user.
pub(crate) struct Client {
    http: HttpClient,
    base: String,
    authorization: String,
    token: String,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Client {
    /// Makes one; nothing is sent.
    pub(crate) fn new(access: Access, manner: &Manner) -> Result<Self, Failure> {
        let url = base_url(&access.url)?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(Failure::refused(ProblemKind::Invalid, "", "url: a query or fragment does not belong there"));
        }
        if matches!(url.port(), Some(2082 | 2083 | 2095 | 2096)) {
            return Err(Failure::refused(
                ProblemKind::Invalid,
                "",
                "url: this is a port of cPanel's own pages or webmail; WHM has 2087",
            ));
        }
        let base = format!("{}/json-api/", url.as_str().trim_end_matches('/'));
        // Each call brings its own limit; this one only has to be long enough for all of them.
        let http = HttpClient::new(&access.trust, manner.time_slow_max)?;
        let authorization = format!("whm {}:{}", access.user, access.token);
        Ok(Self { http, base, authorization, token: access.token })
    }

    /// Calls a function and waits `time` for its answer.
    pub(crate) async fn call(&self, call: Call, time: Duration) -> Result<Reply, Trouble> {
        let began = Instant::now();
        let function = call.function;
        match self.exchange(call, time).await {
            Err(Trouble::Denied(words)) => {
                let left = time.saturating_sub(began.elapsed()).max(Duration::from_millis(200));
                Err(Trouble::Certain(self.why_denied(function, words, left).await))
            }
            other => other,
        }
    }

    async fn exchange(&self, mut call: Call, time: Duration) -> Result<Reply, Trouble> {
        call.secrets.add(&self.token);
        let request = self
            .http
            .inner()
            .post(format!("{}{}", self.base, call.function))
            .header("authorization", &self.authorization)
            .header("accept", "application/json")
            .form(&call.form);
        let answer = self.http.send(request, Some(time)).await.map_err(Trouble::Wire)?;
        read(call.function, &answer, &call.secrets)
    }

    /// WHM answers a wrong token and a missing privilege alike; what any user may call tells them apart.
    async fn why_denied(&self, function: &'static str, words: String, time: Duration) -> Failure {
        let asked = if function == "myprivs" { None } else { Some(self.exchange(Call::to("myprivs"), time).await) };
        match asked {
            Some(Ok(_)) => Failure::refused(
                ProblemKind::Permission,
                "403",
                format!("{words}: the token's user may not call {function} (or the token has no such privilege)"),
            ),
            None | Some(Err(Trouble::Denied(_))) => Failure::refused(
                ProblemKind::Unauthenticated,
                "403",
                format!("{words}: the user or the token is wrong, or the token has expired"),
            ),
            Some(Err(Trouble::Certain(failure))) => failure,
            // The call itself was refused all the same, so nothing was done.
            Some(Err(_)) => Failure::later(
                ProblemKind::Unavailable,
                "403",
                format!("{words}: and the server did not say whether it is the token or a privilege"),
            ),
        }
    }
}
