//! The token that stands for the user name and password: asked for once, used until it grows old or is rejected.
//!
//! Wrong credentials must not turn into a series of logins, which would lock the account: a refused login is remembered
//! for a minute, and a token that was never taken is not replaced by another.

use std::time::{Duration, Instant};

use billet_plugin::Failure;
use billet_plugin::redact::redact;
use billet_plugin::v1::ProblemKind;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::client::Wire;
use crate::failure::{Trouble, UNAUTHENTICATED, scrubbed};
use crate::settings::Access;

/// How long a refused login is not repeated.
const HOLD: Duration = Duration::from_secs(60);

/// Who logs in, and what came of it last. No `Debug`: the password is in it.
pub(crate) struct Login {
    username: String,
    password: String,
    ip: String,
    lifetime: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    refused: Option<(Instant, Failure)>,
}

struct Token {
    text: String,
    since: Instant,
    /// A call was answered with it.
    taken: bool,
}

#[derive(Serialize)]
struct LoginRequest<'a> {
    username: &'a str,
    password: &'a str,
    ip: &'a str,
}

#[derive(Deserialize)]
struct LoginAnswer {
    token: String,
}

impl Login {
    pub(crate) fn new(access: &Access) -> Self {
        Self {
            username: access.username.clone(),
            password: access.password.clone(),
            ip: access.login_ip.clone(),
            lifetime: access.token_lifetime,
            state: Mutex::default(),
        }
    }

    /// The password, to keep it out of words.
    pub(crate) fn password(&self) -> &str {
        &self.password
    }

    /// A token that is good as far as is known. Callers that come at once share one login.
    pub(crate) async fn token(&self, wire: &Wire, time: Duration) -> Result<String, Trouble> {
        let locked = tokio::time::timeout(time, self.state.lock()).await;
        let Ok(mut state) = locked else {
            let words = "another login did not end in time";
            return Err(Trouble::Certain(Failure::later(ProblemKind::Unavailable, "", words)));
        };
        if let Some(token) = state.token.as_ref().filter(|token| token.since.elapsed() < self.lifetime) {
            return Ok(token.text.clone());
        }
        if let Some((_, failure)) = state.refused.as_ref().filter(|(at, _)| at.elapsed() < HOLD) {
            return Err(Trouble::Certain(failure.clone()));
        }
        *state = State::default();
        match self.log_in(wire, time).await {
            Ok(text) => {
                state.token = Some(Token { text: text.clone(), since: Instant::now(), taken: false });
                Ok(text)
            }
            Err(failure) => {
                if failure.is_refused(ProblemKind::Unauthenticated) {
                    state.refused = Some((Instant::now(), failure.clone()));
                }
                Err(Trouble::Certain(failure))
            }
        }
    }

    /// A call was answered with this token.
    pub(crate) fn accepted(&self, token: &str) {
        // Whoever holds the lock is logging in, and has a newer one.
        if let Ok(mut state) = self.state.try_lock()
            && let Some(held) = state.token.as_mut().filter(|held| held.text == token)
        {
            held.taken = true;
        }
    }

    /// Forgets a token that was rejected. Whether another login may help: not if this one was never taken.
    pub(crate) async fn rejected(&self, token: &str, failure: &Failure) -> bool {
        let mut state = self.state.lock().await;
        match &state.token {
            Some(held) if held.text == token => {
                let taken = held.taken;
                state.token = None;
                if !taken {
                    state.refused = Some((Instant::now(), failure.clone()));
                }
                taken
            }
            // Somebody else has replaced it meanwhile, or found that this does not help.
            _ => state.refused.is_none(),
        }
    }

    /// Nothing but a login is done here, so whatever goes wrong, it can be tried again.
    async fn log_in(&self, wire: &Wire, time: Duration) -> Result<String, Failure> {
        let request = LoginRequest { username: &self.username, password: &self.password, ip: &self.ip };
        let body = serde_json::to_string(&request).unwrap_or_default();
        let exchanged = wire.exchange(reqwest::Method::POST, &["auth", "login"], &[], Some(body), None, time).await;
        let answered = exchanged.and_then(|answer| answer.read::<LoginAnswer>());
        match answered {
            Ok((answer, _)) if !answer.token.is_empty() => Ok(answer.token),
            Ok(_) => Err(Failure::later(ProblemKind::Unavailable, "", "the login was answered without a token")),
            Err(trouble) if trouble.is(UNAUTHENTICATED) => {
                let Trouble::Said { words, .. } = trouble else { return Err(trouble.asking()) };
                let words = redact(&words, [self.password.as_str()]);
                let words = format!("Openprovider refuses the user name and password: {words}");
                Err(Failure::refused(ProblemKind::Unauthenticated, UNAUTHENTICATED.to_string(), words))
            }
            Err(trouble) => Err(scrubbed(trouble.asking(), [self.password.as_str()])),
        }
    }
}
