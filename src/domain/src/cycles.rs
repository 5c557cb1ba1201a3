//! The cycles of a walk: where each begins and ends, how many have begun, and when the next is to be billed.

use chrono::NaiveDate;

use crate::period::{Period, Schedule};
use crate::plan::{Charging, Component};
use crate::walk::{Conditions, Promotion, Stretch};

/// Neighbouring stretches under one schedule: a change within them does not begin a new cycle.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run<'w, 'a> {
    from: NaiveDate,
    schedule: Schedule,
    /// In order, without gaps.
    stretches: &'w [Stretch<'a>],
}

/// A cycle as it is billed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BilledCycle {
    /// Counted from 0 at the beginning of its run.
    pub number: i64,
    /// All its days: what the price is for.
    pub full: Period,
    /// Those of them under this schedule; the first is the billing point of what is charged in advance.
    pub days: Period,
}

/// Days of one cycle with the same conditions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'w, 'a> {
    pub days: Period,
    pub conditions: &'w Conditions<'a>,
}

pub(crate) fn runs<'w, 'a>(stretches: &'w [Stretch<'a>]) -> impl Iterator<Item = Run<'w, 'a>> {
    let same =
        |a: &Conditions<'_>, b: &Conditions<'_>| a.schedule == b.schedule && a.schedule_since == b.schedule_since;
    stretches.chunk_by(move |a, b| same(&a.conditions, &b.conditions)).filter_map(|stretches| {
        let first = stretches.first()?;
        Some(Run { from: first.from, schedule: first.conditions.schedule, stretches })
    })
}

impl<'w, 'a> Run<'w, 'a> {
    fn to(&self) -> Option<NaiveDate> {
        self.stretches.last().and_then(|last| last.to)
    }

    /// The cycle that a day is in; the first for days before the run.
    fn cycle_with(&self, day: NaiveDate) -> BilledCycle {
        let day = day.max(self.from);
        let full = self.schedule.containing(day);
        let to = self.to().map_or(full.to, |to| to.min(full.to));
        let number = self.schedule.index(day) - self.schedule.index(self.from);
        BilledCycle { number, full, days: Period::new(full.from.max(self.from), to) }
    }

    /// The beginning of the cycle after next, seen from a day: a full cycle later at least.
    pub fn cycle_after(&self, day: NaiveDate) -> NaiveDate {
        self.schedule.containing(self.schedule.containing(day).to).to
    }

    /// The cycles from the one that a day is in to the end of the run, or without end.
    pub fn cycles_from(self, day: NaiveDate) -> impl Iterator<Item = BilledCycle> {
        let end = self.to();
        let mut at = Some(day.max(self.from));
        std::iter::from_fn(move || {
            let day = at.filter(|day| end.is_none_or(|end| *day < end))?;
            let cycle = self.cycle_with(day);
            // At the edge of the calendar a cycle can be empty; nothing comes after it.
            at = Some(cycle.days.to).filter(|to| *to > day);
            Some(cycle)
        })
    }

    /// How many cycles begin before a day.
    pub fn begun_before(&self, day: NaiveDate) -> i64 {
        let day = self.to().map_or(day, |to| to.min(day));
        match day.pred_opt() {
            Some(last) if day > self.from => self.schedule.index(last) - self.schedule.index(self.from) + 1,
            _ => 0,
        }
    }

    /// How many cycles the run has; an endless one is the last, and nobody counts beyond it.
    pub fn count(&self) -> i64 {
        self.to().map_or(0, |to| self.begun_before(to))
    }

    /// The days of a cycle, by conditions.
    pub fn parts(&self, days: Period) -> impl Iterator<Item = Part<'w, 'a>> {
        let parts = self.stretches.iter().map(move |stretch| Part {
            days: Period::new(stretch.from.max(days.from), stretch.to.map_or(days.to, |to| to.min(days.to))),
            conditions: &stretch.conditions,
        });
        parts.filter(|part| !part.days.is_empty())
    }

    /// The first billing point after a day. It can come a little early (for usage that a known later change does not
    /// end), never late.
    fn next_point(&self, after: NaiveDate) -> Option<NaiveDate> {
        let tomorrow = after.succ_opt()?;
        let before_end = |stretch: &Stretch<'_>, day: NaiveDate| stretch.to.is_none_or(|to| day < to);
        let in_advance = |stretch: &Stretch<'_>| {
            let terms = stretch.conditions.terms;
            let billed = !stretch.conditions.unbilled() && terms.components.iter().any(is_recurring);
            let day = Some(tomorrow.max(stretch.from)).filter(|day| billed && before_end(stretch, *day))?;
            let BilledCycle { days, .. } = self.cycle_with(day);
            if days.from > after { Some(days.from) } else { Some(days.to).filter(|to| before_end(stretch, *to)) }
        };
        let in_arrears = |stretch: &Stretch<'_>| {
            let counts = stretch.conditions.terms.components.iter().any(is_usage);
            let day = Some(after.max(stretch.from)).filter(|day| counts && before_end(stretch, *day))?;
            let BilledCycle { days, .. } = self.cycle_with(day);
            Some(stretch.to.map_or(days.to, |to| to.min(days.to)))
        };
        let points = self.stretches.iter().flat_map(|stretch| [in_advance(stretch), in_arrears(stretch)]);
        // At the edge of the calendar a cycle ends where it begins.
        points.flatten().filter(|point| *point > after).min()
    }
}

fn is_recurring(component: &Component) -> bool {
    component.charging == Charging::Recurring
}

fn is_usage(component: &Component) -> bool {
    matches!(component.charging, Charging::Usage { .. })
}

/// The first billing point of the runs after a day, if there is one.
pub(crate) fn next_point(runs: &[Run<'_, '_>], after: NaiveDate) -> Option<NaiveDate> {
    let mut next: Option<NaiveDate> = None;
    for run in runs {
        // The points of a run do not come before its first day.
        if next.is_some_and(|next| next <= run.from) {
            break;
        }
        next = next.into_iter().chain(run.next_point(after)).min();
    }
    next
}

/// Which cycles a promotion holds for, by their numbers counted over all runs.
pub(crate) struct PromotedCycles<'w, 'a> {
    promotion: &'w Promotion<'a>,
    /// How many cycles have begun before the promotion.
    begun: i64,
}

impl<'w, 'a> PromotedCycles<'w, 'a> {
    pub fn new(promotion: &'w Promotion<'a>, runs: &[Run<'w, 'a>]) -> Self {
        Self { promotion, begun: runs.iter().map(|run| run.begun_before(promotion.from)).sum() }
    }

    /// The promotion, if it holds for the cycle with this number (from 0) and billing point.
    pub fn holds(&self, number: i64, point: NaiveDate) -> Option<&'w Promotion<'a>> {
        let used = number - self.begun;
        let left = self.promotion.cycles.is_none_or(|cycles| used < i64::from(cycles));
        Some(self.promotion).filter(|promotion| promotion.from <= point && left)
    }
}
