//! Delivery: from the spool to the daemon, in order, each event acknowledged by itself.
//!
//! One process delivers at a time. Another one that finds the lock taken leaves its event in the spool and goes; so the
//! one with the lock looks into the spool once more after it let the lock go, and nothing stays behind:
//!
//! ```text
//! holder:  deliver all .. unlock .. look again            (sees the event, locks and delivers again)
//! other:               write event .. lock is taken, go   (its look at the lock came before the unlock)
//! ```

mod courier;
mod verdict;

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use billet_domain::hook::Hook;
use tokio::time::Instant;

use super::settings::Target;
use super::spool::{Reason, Spool, SpoolError};
pub use courier::Outcome;
use courier::{Courier, Waiting};
pub use verdict::Stop;
use verdict::Verdict;

/// How many events are under way at a time.
const BATCH_COUNT_MAX: usize = 500;
/// How often the spool is looked into again after the lock was let go.
const ROUND_COUNT_MAX: usize = 100;
/// After so many events in a row that the daemon fails at, it is the daemon that fails.
const STUCK_IN_A_ROW_MAX: usize = 100;
/// How many names are taken from the spool at a time.
const LISTED_COUNT_MAX: usize = 10_000;

/// How long and how much to deliver.
#[derive(Debug, Clone)]
pub struct Pace {
    /// When to end at the latest.
    pub until: Option<Instant>,
    /// How long to wait for any one answer.
    pub answer_within: Duration,
    /// How many events at most.
    pub event_count_max: usize,
}

impl Pace {
    /// When to stop waiting for an answer, from now.
    fn answer_until(&self) -> Instant {
        let answer = Instant::now() + self.answer_within;
        self.until.map_or(answer, |until| until.min(answer))
    }
}

/// What was done so far.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Events that the daemon has taken.
    pub delivered: usize,
    /// Events that it refused for good, or that could not be read.
    pub rejected: usize,
    /// What became of the event that was asked about.
    pub fate: Option<Fate>,
}

/// What became of an event.
#[derive(Debug, Clone)]
pub enum Fate {
    /// The daemon has it.
    Taken(Outcome),
    /// The daemon will never take it.
    Rejected(Reason),
}

/// Why delivery ended.
#[derive(Debug, Clone)]
pub enum End {
    /// Nothing waits.
    Empty,
    /// Another process delivers.
    Busy,
    /// As many events as were allowed.
    Enough,
    /// The daemon failed at single events, which still wait; all others are delivered.
    Stuck(Stop),
    /// Nothing more can be delivered now.
    Stopped(Stop),
}

/// Delivers what waits. `asked` is the event whose outcome the caller wants to know; `progress` hears of each step,
/// and once more before the lock is let go.
///
/// # Errors
/// If the spool fails.
pub async fn deliver(
    spool: &Spool,
    target: &Target,
    pace: &Pace,
    asked: Option<&str>,
    progress: &mut dyn FnMut(&Tally),
) -> Result<(Tally, End), SpoolError> {
    let courier = Courier::new(target, pace);
    let mut delivery = Delivery {
        spool,
        courier,
        asked,
        tally: Tally::default(),
        listed: VecDeque::new(),
        stuck: BTreeSet::new(),
        stuck_in_a_row: 0,
        last: None,
    };
    for _ in 0..ROUND_COUNT_MAX {
        let Some(lock) = spool.try_lock()? else { return Ok((delivery.tally, End::Busy)) };
        spool.take_up_drafts(&lock)?;
        while let Some(batch) = delivery.next_batch(pace)? {
            if let Some(end) = delivery.deliver_batch(batch, progress).await? {
                return Ok((delivery.tally, end));
            }
        }
        progress(&delivery.tally);
        drop(lock);
        if delivery.is_enough(pace) {
            break;
        }
        if spool.waiting(1, &delivery.stuck)?.is_empty() {
            let end = delivery.last.map_or(End::Empty, End::Stuck);
            return Ok((delivery.tally, end));
        }
    }
    Ok((delivery.tally, End::Enough))
}

/// Sends one event that could not be put into the spool. Nothing keeps it if that fails.
///
/// # Errors
/// Why the daemon has not taken it.
pub async fn deliver_unspooled(hook: Hook, target: &Target, pace: &Pace) -> Result<Outcome, Stop> {
    let event = Waiting { id: hook.event_id.clone(), hook };
    Courier::new(target, pace).report(&event).await.map_err(Verdict::into_stop)
}

struct Delivery<'a> {
    spool: &'a Spool,
    courier: Courier<'a>,
    asked: Option<&'a str>,
    tally: Tally,
    /// The next ones, oldest first.
    listed: VecDeque<String>,
    /// Events that the daemon failed at or that cannot be read now: they wait for another time and hold up no others.
    stuck: BTreeSet<String>,
    stuck_in_a_row: usize,
    /// What was wrong with the last of them.
    last: Option<Stop>,
}

impl Delivery<'_> {
    fn is_enough(&self, pace: &Pace) -> bool {
        self.tally.delivered + self.tally.rejected >= pace.event_count_max
    }

    /// The next events that wait; `None` if there are none or it is enough.
    fn next_batch(&mut self, pace: &Pace) -> Result<Option<VecDeque<Waiting>>, SpoolError> {
        let mut batch = VecDeque::new();
        while !self.is_enough(pace) {
            if self.listed.is_empty() {
                self.listed = self.spool.waiting(LISTED_COUNT_MAX, &self.stuck)?.into();
            }
            let left = pace.event_count_max - self.tally.delivered - self.tally.rejected;
            while batch.len() < BATCH_COUNT_MAX.min(left)
                && let Some(id) = self.listed.pop_front()
            {
                match self.spool.read(&id) {
                    Ok(Some(Ok(hook))) => batch.push_back(Waiting { id, hook }),
                    Ok(Some(Err(error))) => self.reject(&id, &Reason::of_entry(&error))?,
                    Ok(None) => {}
                    Err(error) => self.set_aside(id, Stop::spool(&error)),
                }
            }
            if !batch.is_empty() {
                return Ok(Some(batch));
            }
            if self.listed.is_empty() && self.spool.waiting(1, &self.stuck)?.is_empty() {
                return Ok(None);
            }
        }
        Ok(None)
    }

    async fn deliver_batch(
        &mut self,
        mut batch: VecDeque<Waiting>,
        progress: &mut dyn FnMut(&Tally),
    ) -> Result<Option<End>, SpoolError> {
        if batch.len() > 1
            && let Err(Verdict::Stop(stop)) = self.stream(&mut batch, progress).await?
        {
            return Ok(Some(End::Stopped(stop)));
        }
        // The stream broke off at the first that is left, or there was only one: sent alone, it is clear whose fault it
        // is. Each batch gets at least that far.
        let Some(event) = batch.pop_front() else { return Ok(None) };
        for later in batch.into_iter().rev() {
            self.listed.push_front(later.id);
        }
        match self.courier.report(&event).await {
            Ok(outcome) => self.taken(&event, outcome)?,
            Err(Verdict::Refused(reason)) => self.reject(&event.id, &reason)?,
            Err(Verdict::Failed(stop)) => {
                self.set_aside(event.id, stop.clone());
                self.stuck_in_a_row += 1;
                if self.stuck_in_a_row >= STUCK_IN_A_ROW_MAX {
                    return Ok(Some(End::Stopped(stop)));
                }
            }
            Err(Verdict::Stop(stop)) => return Ok(Some(End::Stopped(stop))),
        }
        progress(&self.tally);
        Ok(None)
    }

    fn set_aside(&mut self, id: String, why: Stop) {
        self.stuck.insert(id);
        self.last = Some(why);
    }

    /// Sends all of `rest` at once and takes out what the daemon acknowledges.
    async fn stream(
        &mut self,
        rest: &mut VecDeque<Waiting>,
        progress: &mut dyn FnMut(&Tally),
    ) -> Result<Result<(), Verdict>, SpoolError> {
        let mut answers = match self.courier.report_all(rest).await {
            Ok(answers) => answers,
            Err(verdict) => return Ok(Err(verdict)),
        };
        while !rest.is_empty() {
            let (event_id, outcome) = match self.courier.next(&mut answers).await {
                Ok(Some(answer)) => answer,
                Ok(None) => break,
                Err(verdict) => return Ok(Err(verdict)),
            };
            // In turn, as a rule; but what counts is which event the daemon says it has.
            let place = rest.iter().position(|event| event.hook.event_id == event_id);
            if let Some(event) = place.and_then(|place| rest.remove(place)) {
                self.taken(&event, outcome)?;
                progress(&self.tally);
            }
        }
        Ok(Ok(()))
    }

    fn taken(&mut self, event: &Waiting, outcome: Outcome) -> Result<(), SpoolError> {
        self.spool.remove(&event.id)?;
        self.stuck_in_a_row = 0;
        self.tally.delivered += 1;
        if self.asked == Some(event.id.as_str()) {
            self.tally.fate = Some(Fate::Taken(outcome));
        }
        Ok(())
    }

    fn reject(&mut self, id: &str, reason: &Reason) -> Result<(), SpoolError> {
        self.spool.reject(id, reason)?;
        self.tally.rejected += 1;
        if self.asked == Some(id) {
            self.tally.fate = Some(Fate::Rejected(reason.clone()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
