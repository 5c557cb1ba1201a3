//! A circuit breaker: an instance that does not answer is left alone for a while, then tried with one call.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// After how many calls in a row without an answer it opens.
const FAILURES_MAX: u32 = 5;
/// After how many refused logins in a row: panels lock out who guesses.
const LOGINS_MAX: u32 = 2;
/// How long it is open the first time; doubles with each failed trial.
const PAUSE: Duration = Duration::from_secs(10);
/// The longest of these pauses.
const PAUSE_MAX: Duration = Duration::from_mins(5);
/// How long it is open when the credentials are refused. New settings make a new breaker.
const LOGIN_PAUSE: Duration = Duration::from_mins(10);

/// What a call says about the instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It answered, be it with a refusal.
    Well,
    /// It did not answer, or nonsense.
    Ill,
    /// It does not know us.
    Unknown,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    logins: u32,
    open_until: Option<Instant>,
    pause: Duration,
    trial: bool,
}

/// The breaker of one instance.
#[derive(Debug, Default)]
pub struct Breaker(Mutex<State>);

/// Leave to make one call; its verdict is reported with it.
#[derive(Debug)]
pub struct Pass<'a> {
    breaker: &'a Breaker,
    trial: bool,
}

impl Breaker {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long it is still open, if it is.
    pub fn open_for(&self, now: Instant) -> Option<Duration> {
        let state = self.state();
        match state.open_until {
            Some(until) if until > now => Some(until - now),
            Some(_) if state.trial => Some(Duration::from_secs(1)),
            _ => None,
        }
    }

    /// Leave to call; when it is open, how long to wait.
    pub fn admit(&self, now: Instant) -> Result<Pass<'_>, Duration> {
        let mut state = self.state();
        let trial = match state.open_until {
            None => false,
            Some(until) if until > now => return Err(until - now),
            Some(_) if state.trial => return Err(Duration::from_secs(1)),
            Some(_) => true,
        };
        state.trial = trial;
        Ok(Pass { breaker: self, trial })
    }
}

impl Pass<'_> {
    /// Ends the call with what it says about the instance; answers whether that opened the breaker.
    pub fn report(mut self, verdict: Verdict, now: Instant) -> bool {
        let mut state = self.breaker.state();
        let trial = std::mem::take(&mut self.trial);
        if trial {
            state.trial = false;
        }
        match verdict {
            Verdict::Well => {
                *state = State { trial: state.trial, ..State::default() };
                false
            }
            Verdict::Ill => {
                state.failures += 1;
                if !trial && state.failures < FAILURES_MAX {
                    return false;
                }
                state.pause = if state.pause.is_zero() { PAUSE } else { (state.pause * 2).min(PAUSE_MAX) };
                state.open_until = Some(now + state.pause);
                true
            }
            Verdict::Unknown => {
                state.logins += 1;
                if !trial && state.logins < LOGINS_MAX {
                    return false;
                }
                state.open_until = Some(now + LOGIN_PAUSE);
                true
            }
        }
    }
}

/// A caller that went away says nothing about the instance: the next call is the trial.
impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.trial {
            self.breaker.state().trial = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(breaker: &Breaker, verdict: Verdict, now: Instant) -> Option<bool> {
        Some(breaker.admit(now).ok()?.report(verdict, now))
    }

    #[tokio::test]
    async fn five_silent_calls_open_it_and_one_trial_closes_it() {
        let (breaker, start) = (Breaker::default(), Instant::now());
        for _ in 0..4 {
            assert_eq!(call(&breaker, Verdict::Ill, start), Some(false));
        }
        assert_eq!(call(&breaker, Verdict::Ill, start), Some(true));
        assert_eq!(call(&breaker, Verdict::Well, start + Duration::from_secs(9)), None);
        let later = start + Duration::from_secs(11);
        let trial = breaker.admit(later).expect("one trial");
        assert!(breaker.admit(later).is_err(), "and no second beside it");
        assert!(!trial.report(Verdict::Well, later));
        assert_eq!(call(&breaker, Verdict::Ill, later), Some(false));
    }

    #[tokio::test]
    async fn pauses_double_up_to_a_bound() {
        let (breaker, mut now) = (Breaker::default(), Instant::now());
        for _ in 0..5 {
            call(&breaker, Verdict::Ill, now);
        }
        let mut pauses = Vec::new();
        for _ in 0..7 {
            let pause = breaker.open_for(now).expect("open");
            pauses.push(pause.as_secs());
            now += pause;
            assert_eq!(call(&breaker, Verdict::Ill, now), Some(true));
        }
        assert_eq!(pauses, [10, 20, 40, 80, 160, 300, 300]);
    }

    #[tokio::test]
    async fn refused_credentials_are_not_tried_on_and_on() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        assert_eq!(call(&breaker, Verdict::Unknown, now), Some(false));
        assert_eq!(call(&breaker, Verdict::Unknown, now), Some(true));
        assert_eq!(breaker.open_for(now), Some(LOGIN_PAUSE));
    }

    #[tokio::test]
    async fn a_trial_whose_caller_goes_away_is_not_the_last() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..5 {
            call(&breaker, Verdict::Ill, now);
        }
        let later = now + Duration::from_secs(11);
        drop(breaker.admit(later).expect("a trial"));
        assert!(breaker.admit(later).is_ok());
    }
}
