//! The client: questions and changes over the pool's sessions.

use std::sync::Arc;
use std::time::Duration;

use billet_plugin::Failure;
use billet_plugin::http::tls;
use billet_plugin::v1::{Operation, ProblemKind};

use crate::command::{Command, Trid};
use crate::deadline::Deadline;
use crate::failure::{CallError, of_response};
use crate::pool::{Lease, Pool};
use crate::response::{Greeting, Response};
use crate::session::Link;
use crate::settings::Settings;

/// A session that was idle for longer is asked whether it still lives before a change goes into it: a change that runs into
/// a closed connection leaves everybody in doubt.
const TRUSTED_IDLE_MAX: Duration = Duration::from_secs(5);

/// How long such a hello may take before another session is used.
const HELLO_TIME_MAX: Duration = Duration::from_secs(5);

/// A client of one registry.
pub struct Client {
    pool: Arc<Pool>,
    /// What was set.
    pub settings: Settings,
}

impl Client {
    /// Without a connection yet.
    ///
    /// # Errors
    /// [`ProblemKind::Invalid`]: a setting that cannot be.
    pub fn new(settings: Settings) -> Result<Self, Failure> {
        settings.check()?;
        let (host, port) = settings.address()?;
        let invalid = |words: String| Failure::refused(ProblemKind::Invalid, "", words);
        let tls = Arc::new(tls(&settings.trust(), &settings.identity()).map_err(invalid)?);
        let link = Link { host, port, tls, client_id: settings.client_id.clone(), password: settings.password.clone() };
        let keep_alive = Duration::from_secs(settings.keep_alive_s.into());
        Ok(Self { pool: Pool::new(link, settings.sessions_max, keep_alive), settings })
    }

    /// The registrar's name at the registry.
    #[must_use]
    pub fn client_id(&self) -> &str {
        self.pool.client_id()
    }

    /// The time for a question.
    #[must_use]
    pub fn question_deadline(&self) -> Deadline {
        Deadline::after(self.exchange_time_max())
    }

    /// The time for a change.
    #[must_use]
    pub fn change_deadline(&self, operation: Option<&Operation>) -> Deadline {
        Deadline::of(operation, self.exchange_time_max())
    }

    /// What the registry offers.
    ///
    /// # Errors
    /// Those of a session that cannot be opened.
    pub async fn greeting(&self, until: Deadline) -> Result<Arc<Greeting>, Failure> {
        if let Some(greeting) = self.pool.greeting() {
            return Ok(greeting);
        }
        let lease = self.pool.lease(until).await?;
        let greeting = Arc::clone(lease.session.greeting());
        lease.give_back();
        Ok(greeting)
    }

    /// Asks the registry for a sign of life.
    ///
    /// # Errors
    /// Those of a session that cannot be opened.
    pub async fn hello(&self, until: Deadline) -> Result<Arc<Greeting>, Failure> {
        let lease = self.live_lease(until, Duration::ZERO).await?;
        let greeting = Arc::clone(lease.session.greeting());
        lease.give_back();
        Ok(greeting)
    }

    /// Asks something. A session that the registry had closed meanwhile is replaced once.
    ///
    /// # Errors
    /// [`Failure`], the registry's refusals among them.
    pub async fn ask(&self, command: &Command, until: Deadline) -> Result<Response, Failure> {
        self.ask_with(command, until, "").await
    }

    /// Asks something with a command that holds a secret.
    ///
    /// # Errors
    /// As [`Client::ask`].
    pub async fn ask_with(&self, command: &Command, until: Deadline, secret: &str) -> Result<Response, Failure> {
        let response = self.ask_any(command, until).await?;
        if response.is_success() { Ok(response) } else { Err(of_response(&response, &[self.pool.password(), secret])) }
    }

    async fn ask_any(&self, command: &Command, until: Deadline) -> Result<Response, Failure> {
        let once = until.or(Deadline::after(self.exchange_time_max()));
        loop {
            let lease = self.pool.lease(once).await?;
            let reused = lease.reused;
            match exchange(lease, command, &Trid::new(), once).await {
                Err(CallError::NoAnswer(_)) if reused && !once.left().is_zero() => {}
                // Another session is only taken while there are old ones; a new one is the last try.
                answer => return answer.map_err(CallError::asking),
            }
        }
    }

    /// Changes something, once, with a new id. `secrets` are those that the command holds.
    ///
    /// # Errors
    /// [`Failure::Unknown`] when no answer came. There is time left to look then.
    pub async fn change(
        &self,
        command: &Command,
        operation: Option<&Operation>,
        until: Deadline,
        secrets: &[&str],
    ) -> Result<Response, Failure> {
        let once = until.with_time_to_look().or(Deadline::after(self.exchange_time_max()));
        let lease = self.live_lease(once, TRUSTED_IDLE_MAX).await?;
        let trid = Trid::of(operation);
        let answer = exchange(lease, command, &trid, once).await;
        let id = operation.map_or("", |operation| operation.id.as_str());
        match answer {
            Ok(response) => {
                let (code, sv) = (response.code, response.server_trid.as_str());
                tracing::info!(operation = id, clTRID = trid.as_str(), svTRID = sv, code, "a change at the registry");
                if response.is_success() {
                    return Ok(response);
                }
                let mut all = secrets.to_vec();
                all.push(self.pool.password());
                Err(of_response(&response, &all))
            }
            Err(error) => {
                tracing::warn!(operation = id, clTRID = trid.as_str(), %error, "a change at the registry is in doubt");
                Err(error.changing())
            }
        }
    }

    /// A session that answered a moment ago.
    async fn live_lease(&self, until: Deadline, trusted_idle: Duration) -> Result<Lease, Failure> {
        loop {
            let mut lease = self.pool.lease(until).await?;
            if !lease.reused || lease.session.idle() < trusted_idle {
                return Ok(lease);
            }
            match lease.session.hello(until.or(Deadline::after(HELLO_TIME_MAX))).await {
                Ok(()) => return Ok(lease),
                Err(words) if until.left().is_zero() => {
                    return Err(Failure::later(ProblemKind::Unavailable, "", words));
                }
                // Closed meanwhile: the next one, until a new one is opened.
                Err(_) => {}
            }
        }
    }

    fn exchange_time_max(&self) -> Duration {
        Duration::from_secs(self.settings.timeout_s.into())
    }
}

async fn exchange(mut lease: Lease, command: &Command, trid: &Trid, until: Deadline) -> Result<Response, CallError> {
    let response = lease.session.command(command, trid, until).await?;
    if !response.ends_session() {
        lease.give_back();
    }
    Ok(response)
}

/// A question's answer that is `None` when the object does not exist.
///
/// # Errors
/// Every other failure.
pub fn found<T>(answer: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(failure) if failure.is_refused(ProblemKind::NotFound) => Ok(None),
        Err(failure) => Err(failure),
    }
}
