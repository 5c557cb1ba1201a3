//! Provisioning: what subscriptions want to run at panels, and how it comes about. As billing, it is one subtraction:
//! [`refresh`] derives what is wanted, [`domain::provision`](billet_domain::provision) says which step is next,
//! [`round`] hands out steps and writes down how they ended, [`call`] asks the panel or registrar. Each service's row is its
//! own queue.

pub mod by_hand;
pub mod call;
pub mod mend;
pub mod order;
pub mod place;
pub mod reconcile;
pub mod refresh;
pub mod rename;
pub mod round;
pub mod rules;

use std::time::Duration;

use billet_domain::provision::{Next, Puzzle, Step, next};
use chrono::{DateTime, TimeDelta, Utc};
use rand::{RngExt as _, TryRng as _};

use super::BillingError;
use crate::store::service::{Service, ServiceState};

/// Who does what nobody asked for by name.
pub const ACTOR: &str = "provisioning";

/// The pause after the first attempt in vain; it doubles with each.
const PAUSE_FIRST: Duration = Duration::from_secs(10);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_hours(1);
/// What somebody else decides is looked at so often, besides when a message says that it was decided.
const WATCH_PAUSE: TimeDelta = TimeDelta::hours(6);
/// After so many attempts in vain a person is asked: with an hour between them, two days.
pub const ATTEMPTS_MAX: u32 = 60;

/// Sets what is to be done next about a service that nobody is at.
pub fn plan(service: &mut Service, now: DateTime<Utc>) {
    service.creating = false;
    match next(&service.wanted, &service.known) {
        Next::Settled => {
            service.state = if service.wanted.is_over() { ServiceState::Gone } else { ServiceState::Settled };
            service.due_at = None;
            service.attempt_count = 0;
            service.problem.clear();
            service.detail.clear();
        }
        Next::Do(step) => {
            service.state = ServiceState::Due;
            service.creating = step == Step::Create;
            service.due_at = Some(service.due_at.map_or(now, |due_at| due_at.max(now)));
        }
        Next::Watch => {
            service.state = ServiceState::Due;
            service.due_at = Some(now + WATCH_PAUSE);
            service.attempt_count = 0;
            service.problem.clear();
            service.detail.clear();
        }
        Next::Person(puzzle) => wait_for_person(service, puzzle, explain(puzzle)),
    }
}

/// A person has to decide about a service.
pub fn wait_for_person(service: &mut Service, puzzle: Puzzle, detail: &str) {
    service.state = ServiceState::Waiting;
    service.due_at = None;
    service.creating = false;
    puzzle.as_str().clone_into(&mut service.problem);
    detail.clone_into(&mut service.detail);
}

fn explain(puzzle: Puzzle) -> &'static str {
    match puzzle {
        Puzzle::GoneAtPanel => "it was there and is not any more, and Billet has not removed it",
        Puzzle::NotOurs => "something of this name or domain is there already, and it is not what Billet made",
        Puzzle::Refused => "the panel refuses",
        Puzzle::GaveUp => "it was tried as often as makes sense",
        Puzzle::NoPlace => "every instance of the group is full, in maintenance, switched off or not configured",
        Puzzle::MoveNeeded => {
            "the plan stands for a package of another group of instances: the account would have to move"
        }
        Puzzle::TransferFailed => "the transfer was refused, withdrawn or let lapse",
        Puzzle::TransferredAway => "the domain went to another registrar",
        Puzzle::InRedemption => "the domain is in its redemption period: RestoreDomain takes it back, for a fee",
        Puzzle::BeingDeleted => "the domain is about to be deleted, and nothing helps any more",
        Puzzle::NoSecretKey => "no key for secrets is configured, so no first password can be kept",
    }
}

/// The pause after an attempt in vain, the first being number 1: doubled each time, give or take a fifth.
fn pause(attempt: u32) -> TimeDelta {
    let doubled = PAUSE_FIRST.saturating_mul(1_u32 << attempt.saturating_sub(1).min(16)).min(PAUSE_MAX);
    let tenths = rand::rng().random_range(8_u32..=12);
    TimeDelta::from_std(doubled * tenths / 10).unwrap_or(TimeDelta::hours(1))
}

/// How many characters a first password has.
const PASSWORD_LENGTH: usize = 20;

/// A first password: letters and digits without those that look alike, and a mark that panels ask for.
///
/// # Errors
/// `NO_RANDOMNESS`.
fn password() -> Result<String, BillingError> {
    const ALPHABET: &[u8] = b"abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let mut password = String::with_capacity(PASSWORD_LENGTH);
    let mut bytes = [0_u8; 64];
    while password.len() < PASSWORD_LENGTH - 3 {
        rand::rngs::SysRng.try_fill_bytes(&mut bytes).map_err(|error| {
            let detail = format!("the system gives no random numbers: {error}");
            BillingError::precondition("NO_RANDOMNESS", "system", detail)
        })?;
        // Bytes beyond the last whole multiple would favour the first letters.
        let fair = bytes.iter().filter(|byte| usize::from(**byte) < 256 / ALPHABET.len() * ALPHABET.len());
        password.extend(
            fair.filter_map(|byte| ALPHABET.get(usize::from(*byte) % ALPHABET.len()))
                .map(|letter| char::from(*letter))
                .take(PASSWORD_LENGTH - 3 - password.len()),
        );
    }
    // One of each class that strength meters count.
    password.push_str("-a7");
    Ok(password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_have_what_panels_ask_for() {
        let (one, other) = (password().expect("random"), password().expect("random"));
        assert_ne!(one, other);
        assert_eq!(one.len(), PASSWORD_LENGTH);
        assert!(one.contains('-') && one.bytes().any(|byte| byte.is_ascii_digit()));
    }

    #[test]
    fn pauses_grow_up_to_an_hour() {
        assert!((8..=12).contains(&pause(1).num_seconds()));
        assert!((64..=96).contains(&pause(4).num_seconds()));
        assert!((48 * 60..=72 * 60).contains(&pause(60).num_seconds()));
    }
}
