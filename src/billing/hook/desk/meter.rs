//! Measures the desk: by sets, so that a report among many costs an addition and nothing else.

use std::time::Duration;

use tokio::sync::mpsc::WeakSender;

use super::{HookDesk, Waiting};
use crate::billing::BillingError;
use crate::billing::hook::Answer;
use crate::metrics::{self, Counter, Histogram};
use crate::store::hook::HookState;

/// What becomes of reports.
const OUTCOMES: [&str; 6] = ["applied", "parked", "noted", "duplicate", "refused", "failed"];
const DUPLICATE: usize = 3;
const REFUSED: usize = 4;
const FAILED: usize = 5;

/// The series of a clerk.
pub struct DeskMeter {
    outcomes: [Counter; OUTCOMES.len()],
    size: Histogram,
}

/// What became of the reports of a set.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tally([u64; OUTCOMES.len()]);

impl Tally {
    /// Counts an answer: refused is a report that was looked at and cannot be taken.
    pub fn count(&mut self, answer: &Result<Answer, BillingError>) {
        let outcome = match answer {
            Err(_) => REFUSED,
            Ok(answer) if answer.duplicate => DUPLICATE,
            Ok(answer) => match answer.hook.state {
                HookState::Applied => 0,
                HookState::Parked => 1,
                HookState::Noted | HookState::Dismissed => 2,
            },
        };
        self.0[outcome] += 1;
    }

    /// Counts a report that took no effect because something else went wrong; it comes again.
    pub fn fail(&mut self) {
        self.0[FAILED] += 1;
    }
}

impl DeskMeter {
    /// Takes the series; all outcomes are there from the beginning, at 0.
    pub fn new() -> Self {
        Self { outcomes: OUTCOMES.map(|outcome| metrics::HOOKS.of([outcome])), size: metrics::HOOK_SET_SIZE.of([]) }
    }

    /// Notes a set.
    pub fn note(&self, tally: Tally, took: Duration) {
        for (counter, count) in self.outcomes.iter().zip(tally.0).filter(|(_, count)| *count > 0) {
            counter.increment(count);
        }
        self.size.record(f64::from(u32::try_from(tally.0.iter().sum::<u64>()).unwrap_or(u32::MAX)));
        metrics::HOOK_SET_SECONDS.record(took);
    }
}

/// How many reports wait. Does not keep the desk open.
#[derive(Clone)]
pub struct Queued(Box<[WeakSender<Waiting>]>);

impl Queued {
    pub(super) fn of(desk: &HookDesk) -> Self {
        Self(desk.queues.iter().map(tokio::sync::mpsc::Sender::downgrade).collect())
    }

    /// At this moment; 0 when the desk is closed.
    #[must_use]
    pub fn count(&self) -> usize {
        let open = self.0.iter().filter_map(WeakSender::upgrade);
        open.map(|queue| queue.max_capacity().saturating_sub(queue.capacity())).sum()
    }
}
