//! The sessions with one registry: never more than it permits, kept open while they are idle, one command at a time in each.
//! No lock is held while a registry is awaited, so a session that is slow keeps nobody but its own call waiting.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use billet_plugin::Failure;
use billet_plugin::v1::ProblemKind;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout_at;

use crate::deadline::Deadline;
use crate::response::Greeting;
use crate::session::{Link, Session};

/// A session is closed when nobody used it for so many keep-alive times.
const QUIET_TIMES_MAX: u32 = 10;
/// A session is replaced after this time, as most registries end them after a day at the latest.
const AGE_MAX: Duration = Duration::from_secs(12 * 3600);
/// How long refused credentials are not tried again, so that a registry does not lock the account.
const REFUSED_TIME: Duration = Duration::from_secs(60);
/// How long a hello or a logout may take.
const COURTESY_TIME_MAX: Duration = Duration::from_secs(10);

/// The sessions.
pub struct Pool {
    link: Link,
    keep_alive: Duration,
    /// One place a session that is in use. An idle one holds no place, but it is always taken before another is opened.
    places: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    idle: Vec<Idle>,
    greeting: Option<Arc<Greeting>>,
    refused: Option<(Instant, Failure)>,
    keeper: bool,
}

struct Idle {
    session: Session,
    /// When a call last used it; a hello is no use.
    wanted_at: Instant,
}

/// A session in use. It goes back with [`Lease::give_back`]; otherwise it is closed when this is dropped.
pub struct Lease {
    /// The session.
    pub session: Session,
    /// It had been used before, so the registry may have closed it meanwhile.
    pub reused: bool,
    pool: Arc<Pool>,
    _place: OwnedSemaphorePermit,
}

impl Pool {
    /// Without a session yet.
    #[must_use]
    pub fn new(link: Link, sessions_max: u32, keep_alive: Duration) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(sessions_max as usize));
        Arc::new(Self { link, keep_alive, places, state: Mutex::default() })
    }

    /// The registrar's name at the registry.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.link.client_id
    }

    /// The registrar's password, to be kept out of words.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.link.password
    }

    /// What the registry said about itself when a session was last opened.
    #[must_use]
    pub fn greeting(&self) -> Option<Arc<Greeting>> {
        self.state().greeting.clone()
    }

    /// Takes a session, or opens one.
    ///
    /// # Errors
    /// Nothing was done in any case.
    pub async fn lease(self: &Arc<Self>, until: Deadline) -> Result<Lease, Failure> {
        self.start_keeper();
        let busy = || {
            let words = "all sessions that the registry permits are at work";
            Failure::later(ProblemKind::Busy, "", words)
        };
        let place = timeout_at(until.at(), Arc::clone(&self.places).acquire_owned())
            .await
            .map_err(|_| busy())?
            .map_err(|_| busy())?;
        let idle = self.state().idle.pop();
        if let Some(Idle { session, .. }) = idle {
            return Ok(Lease { session, reused: true, pool: Arc::clone(self), _place: place });
        }
        self.open(place, until).await
    }

    async fn open(self: &Arc<Self>, place: OwnedSemaphorePermit, until: Deadline) -> Result<Lease, Failure> {
        if let Some((at, failure)) = self.state().refused.clone()
            && at.elapsed() < REFUSED_TIME
        {
            return Err(failure);
        }
        match Session::open(&self.link, until).await {
            Ok(session) => {
                let mut state = self.state();
                state.greeting = Some(Arc::clone(session.greeting()));
                state.refused = None;
                drop(state);
                Ok(Lease { session, reused: false, pool: Arc::clone(self), _place: place })
            }
            Err(failure) => {
                if failure.is_refused(ProblemKind::Unauthenticated) {
                    self.state().refused = Some((Instant::now(), failure.clone()));
                }
                Err(failure)
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The task that keeps idle sessions open begins with the first call, as settings may be set without a runtime. It ends
    /// when the pool has gone.
    fn start_keeper(self: &Arc<Self>) {
        let mut state = self.state();
        if state.keeper {
            return;
        }
        state.keeper = true;
        drop(state);
        let pool = Arc::downgrade(self);
        let every = self.keep_alive / 4;
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(every).await;
                let Some(pool) = pool.upgrade() else { return };
                pool.keep();
            }
        });
    }

    /// Says hello in the sessions that need it, and closes those that nobody wants any more. Each by itself: one that does not
    /// answer holds up no other.
    fn keep(self: &Arc<Self>) {
        let due = |idle: &mut Idle| idle.session.idle() >= self.keep_alive - self.keep_alive / 4;
        // A session that is being kept counts as one in use.
        while let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            let Some(idle) = self.state().idle.extract_if(.., due).next() else { return };
            tokio::spawn(Arc::clone(self).keep_one(place, idle));
        }
    }

    async fn keep_one(self: Arc<Self>, place: OwnedSemaphorePermit, mut idle: Idle) {
        let until = Deadline::after(COURTESY_TIME_MAX);
        if idle.wanted_at.elapsed() > self.keep_alive * QUIET_TIMES_MAX || idle.session.age() > AGE_MAX {
            idle.session.close(until).await;
        } else if idle.session.hello(until).await.is_ok() {
            self.state().idle.insert(0, idle);
        }
        drop(place);
    }
}

impl Lease {
    /// Puts the session back for the next call.
    pub fn give_back(self) {
        if self.session.age() <= AGE_MAX {
            // First into the shelf, then the place is freed: who gets it finds the session.
            self.pool.state().idle.push(Idle { session: self.session, wanted_at: Instant::now() });
        }
    }
}
