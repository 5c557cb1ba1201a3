//! Walking a timeline: from facts to stretches of days with unchanged conditions.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::period::{Cycle, Schedule};
use crate::plan::{Component, PlanPolicy, Terms, TermsBook};
use crate::timeline::{AnchorPolicy, Ending, FactError, FactKind, Reduction, Timeline, Timing};

/// The conditions on a day.
#[derive(Debug, Clone)]
pub(crate) struct Conditions<'a> {
    pub terms: &'a Terms,
    pub schedule: Schedule,
    /// When this schedule began to count: a cycle that reaches back further is billed from here.
    pub schedule_since: NaiveDate,
    pub quantities: BTreeMap<&'a str, Decimal>,
    pub prices: BTreeMap<&'a str, Decimal>,
    pub discounts: BTreeMap<&'a str, Decimal>,
    pub paused: bool,
    pub suspended: bool,
}

impl Conditions<'_> {
    /// Whether the days are not charged.
    pub fn unbilled(&self) -> bool {
        self.paused || self.suspended && self.terms.policy.suspension_pauses_billing
    }

    pub fn quantity(&self, component: &Component) -> Decimal {
        self.quantities.get(component.code.as_str()).copied().unwrap_or(component.default_quantity)
    }

    pub fn unit_price(&self, component: &Component) -> Decimal {
        self.prices.get(component.code.as_str()).copied().unwrap_or(component.unit_price)
    }

    pub fn discount_percent(&self, component: &Component) -> Decimal {
        self.discounts.get(component.code.as_str()).copied().unwrap_or_default()
    }
}

/// Days `[from, to)` with the same conditions; `to` absent means without end.
#[derive(Debug, Clone)]
pub(crate) struct Stretch<'a> {
    pub from: NaiveDate,
    pub to: Option<NaiveDate>,
    pub conditions: Conditions<'a>,
}

#[derive(Debug, Clone)]
pub(crate) struct Promotion<'a> {
    pub from: NaiveDate,
    pub code: &'a str,
    pub reduction: Reduction,
    pub cycles: Option<u32>,
}

/// A timeline laid out in days.
#[derive(Debug, Clone, Default)]
pub(crate) struct Walk<'a> {
    /// Without gaps, in order, from the first billed day; the days of a trial are not among them.
    pub stretches: Vec<Stretch<'a>>,
    pub promotions: Vec<Promotion<'a>>,
    /// The first billed day.
    pub billed_from: Option<NaiveDate>,
    /// The first day without service; the last stretch reaches further when the running cycle stays charged.
    pub ended_on: Option<NaiveDate>,
    /// The conditions of a subscription that ended before its first billed day was over: then there are no stretches.
    pub unlived: Option<Conditions<'a>>,
    /// Whether the first days were free.
    pub had_trial: bool,
    /// The plan that waits to come into force.
    pub pending: Option<&'a Terms>,
    /// Whether something waits that can be withdrawn: a plan, a quantity or the end.
    pub change_pending: bool,
}

#[derive(Clone, Copy)]
enum Deferred<'a> {
    Plan { terms: &'a Terms, anchor: AnchorPolicy, quantities: &'a BTreeMap<String, Decimal>, is_reported: bool },
    Quantity { component: &'a str, quantity: Decimal },
    Anchor { day: u32 },
    End,
}

impl Deferred<'_> {
    fn can_be_withdrawn(&self) -> bool {
        !matches!(self, Self::Anchor { .. })
    }

    /// Whether a later change makes this one, still waiting, void.
    fn is_replaced_by(&self, later: &Self) -> bool {
        match (self, later) {
            (Self::Plan { .. }, Self::Plan { .. })
            | (Self::Anchor { .. }, Self::Anchor { .. })
            | (Self::End, Self::End) => true,
            (Self::Quantity { component, .. }, Self::Quantity { component: later, .. }) => component == later,
            (Self::Quantity { component, .. }, Self::Plan { quantities, .. }) => quantities.contains_key(*component),
            _ => false,
        }
    }
}

struct Walker<'a> {
    walk: Walk<'a>,
    now: Option<Conditions<'a>>,
    since: NaiveDate,
    waiting: Vec<(NaiveDate, Deferred<'a>)>,
    /// The package that the panel told last.
    package: Option<&'a str>,
}

/// Lays the timeline out. Facts before the start or after the end have no effect.
///
/// With `until`, changes that would take effect later are left undone.
pub(crate) fn walk<'a>(
    timeline: &'a Timeline,
    book: &'a TermsBook,
    until: Option<NaiveDate>,
) -> Result<Walk<'a>, FactError> {
    let mut walker =
        Walker { walk: Walk::default(), now: None, since: NaiveDate::MIN, waiting: Vec::new(), package: None };
    for fact in timeline.facts() {
        if until.is_some_and(|until| fact.on > until) {
            break;
        }
        walker.take_effect_until(fact.on);
        walker.apply(fact.on, &fact.kind, book)?;
    }
    walker.take_effect_until(until.unwrap_or(NaiveDate::MAX));
    Ok(walker.finish())
}

impl<'a> Walker<'a> {
    /// Lets deferred changes happen whose day has come.
    fn take_effect_until(&mut self, day: NaiveDate) {
        while let Some(next) = (0..self.waiting.len()).min_by_key(|index| self.waiting[*index].0) {
            if self.waiting[next].0 > day {
                return;
            }
            let (on, deferred) = self.waiting.remove(next);
            self.take_effect(on, deferred);
        }
    }

    fn take_effect(&mut self, on: NaiveDate, deferred: Deferred<'a>) {
        match deferred {
            Deferred::Plan { terms, anchor, quantities, .. } => self.change_plan(on, terms, anchor, quantities),
            Deferred::Quantity { component, quantity } => self.change(on, |now| {
                now.quantities.insert(component, quantity);
            }),
            Deferred::Anchor { day } => match self.counts_from(on, Timing::AtOnceUnprorated) {
                // A change in between has moved the cycle's end; what is running is not touched.
                Some(end) if end > on => self.wait(end, deferred),
                _ => self.change(on, |now| {
                    now.schedule = Schedule::anchored(now.schedule.cycle, on, day);
                    now.schedule_since = on;
                }),
            },
            Deferred::End => self.end(on, on),
        }
    }

    fn apply(&mut self, on: NaiveDate, kind: &'a FactKind, book: &'a TermsBook) -> Result<(), FactError> {
        let find = |version, cycle| book.get(&(version, cycle)).ok_or(FactError::NoTerms(version));
        match kind {
            FactKind::Started { version_id, cycle, anchor_day, trial_until, quantities, package } => {
                if self.walk.billed_from.is_none() {
                    self.package = package.as_deref();
                    let terms = find(*version_id, *cycle)?;
                    let billed_from = on.max(trial_until.unwrap_or(on));
                    self.walk.had_trial = billed_from > on;
                    self.start(billed_from, terms, *anchor_day, quantities);
                }
            }
            FactKind::PlanChanged { version_id, cycle, timing, anchor, quantities } => {
                let terms = find(*version_id, *cycle)?;
                let anchor = anchor.unwrap_or(terms.policy.change_anchor);
                let timing = timing.unwrap_or(terms.policy.change_timing);
                self.now_or_later(on, timing, Deferred::Plan { terms, anchor, quantities, is_reported: false });
            }
            FactKind::PackageReported { package, version_id, cycle, quantities } => {
                if self.now.is_some() && self.package.replace(package) != Some(package.as_str()) {
                    self.change_package(on, find(*version_id, *cycle)?, quantities);
                }
            }
            FactKind::QuantityChanged { component, quantity, timing } => {
                let timing = timing.unwrap_or(self.policy().change_timing);
                self.now_or_later(on, timing, Deferred::Quantity { component, quantity: *quantity });
            }
            FactKind::PriceSet { component, unit_price } => self.change(on, |now| {
                match unit_price {
                    Some(price) => now.prices.insert(component, *price),
                    None => now.prices.remove(component.as_str()),
                };
            }),
            FactKind::LineDiscounted { component, percent } => self.change(on, |now| {
                now.discounts.insert(component, *percent);
            }),
            FactKind::Promoted { code, reduction, cycles, .. } => {
                let promotion = Promotion { from: on, code, reduction: *reduction, cycles: *cycles };
                self.walk.promotions.push(promotion);
            }
            FactKind::AnchorMoved { anchor_day } => {
                self.now_or_later(on, Timing::PeriodEnd, Deferred::Anchor { day: *anchor_day });
            }
            FactKind::Paused => self.change(on, |now| now.paused = true),
            FactKind::Resumed => self.change(on, |now| now.paused = false),
            FactKind::Suspended => self.change(on, |now| now.suspended = true),
            FactKind::Unsuspended => self.change(on, |now| now.suspended = false),
            FactKind::Cancelled { ending } => match ending.unwrap_or(self.policy().ending) {
                Ending::AtOnceRefund => self.end(on, on),
                Ending::AtOnceNoRefund => {
                    self.end(on, self.counts_from(on, Timing::AtOnceUnprorated).unwrap_or(on));
                }
                Ending::PeriodEnd => {
                    // In a trial that is the first day that would be billed.
                    if let Some(day) = self.counts_from(on, Timing::PeriodEnd) {
                        self.wait(day, Deferred::End);
                    }
                }
            },
            FactKind::Withdrawn => self.waiting.retain(|(_, waiting)| !waiting.can_be_withdrawn()),
        }
        Ok(())
    }

    /// The panel says that the package is another one than before.
    fn change_package(&mut self, on: NaiveDate, terms: &'a Terms, quantities: &'a BTreeMap<String, Decimal>) {
        if self.now.as_ref().is_none_or(|now| now.terms.plan_id != terms.plan_id) {
            let PlanPolicy { change_anchor: anchor, change_timing, .. } = terms.policy;
            return self.now_or_later(
                on,
                change_timing,
                Deferred::Plan { terms, anchor, quantities, is_reported: true },
            );
        }
        // It is in force already: agreed here before the panel did it, or the panel went back to it before another came into force.
        self.waiting.retain(|(_, waiting)| !matches!(waiting, Deferred::Plan { is_reported: true, .. }));
        let timing = self.policy().change_timing;
        for (component, quantity) in quantities {
            self.now_or_later(on, timing, Deferred::Quantity { component, quantity: *quantity });
        }
    }

    /// The policy of the plan in force.
    fn policy(&self) -> PlanPolicy {
        self.now.as_ref().map_or_else(PlanPolicy::default, |now| now.terms.policy)
    }

    /// The day from which a change made on a day counts; `None` when nothing is running.
    fn counts_from(&self, on: NaiveDate, timing: Timing) -> Option<NaiveDate> {
        let now = self.now.as_ref()?;
        let day = on.max(self.since);
        let cycle = now.schedule.containing(day);
        Some(match timing {
            Timing::AtOnce => day,
            // Before the first billed day (a trial) nothing has been charged, so nothing needs to be waited for.
            _ if on < self.walk.billed_from.unwrap_or(on) => day,
            Timing::AtOnceUnprorated if day == cycle.from.max(now.schedule_since) => day,
            Timing::AtOnceUnprorated | Timing::PeriodEnd => cycle.to,
        })
    }

    fn now_or_later(&mut self, on: NaiveDate, timing: Timing, change: Deferred<'a>) {
        let Some(day) = self.counts_from(on, timing) else { return };
        if day <= on.max(self.since) {
            self.waiting.retain(|(_, waiting)| !waiting.is_replaced_by(&change));
            self.take_effect(day, change);
        } else {
            self.wait(day, change);
        }
    }

    fn wait(&mut self, day: NaiveDate, change: Deferred<'a>) {
        self.waiting.retain(|(_, waiting)| !waiting.is_replaced_by(&change));
        self.waiting.push((day, change));
    }

    fn start(
        &mut self,
        on: NaiveDate,
        terms: &'a Terms,
        anchor_day: Option<u32>,
        quantities: &'a BTreeMap<String, Decimal>,
    ) {
        let schedule = match anchor_day {
            Some(day) => Schedule::anchored(terms.cycle, on, day),
            None => Schedule::from_base(terms.cycle, on),
        };
        self.walk.billed_from = Some(on);
        self.since = on;
        self.now = Some(Conditions {
            terms,
            schedule,
            schedule_since: on,
            quantities: quantities.iter().map(|(code, quantity)| (code.as_str(), *quantity)).collect(),
            prices: BTreeMap::new(),
            discounts: BTreeMap::new(),
            paused: false,
            suspended: false,
        });
    }

    /// Closes the running stretch and goes on under changed conditions.
    fn change(&mut self, on: NaiveDate, change: impl FnOnce(&mut Conditions<'a>)) {
        let Some(mut now) = self.now.take() else { return };
        let on = on.max(self.since);
        if on > self.since {
            self.walk.stretches.push(Stretch { from: self.since, to: Some(on), conditions: now.clone() });
            self.since = on;
        }
        change(&mut now);
        self.now = Some(now);
    }

    fn change_plan(
        &mut self,
        on: NaiveDate,
        terms: &'a Terms,
        anchor: AnchorPolicy,
        set: &'a BTreeMap<String, Decimal>,
    ) {
        self.change(on, |now| {
            let cycle: Cycle = terms.cycle;
            let schedule = match anchor {
                AnchorPolicy::Reset => Some(Schedule::from_base(cycle, on)),
                AnchorPolicy::Keep if cycle == now.schedule.cycle => None,
                AnchorPolicy::Keep => Some(now.schedule.with_cycle(cycle, now.schedule.containing(on).from)),
            };
            if let Some(schedule) = schedule {
                now.schedule = schedule;
                now.schedule_since = on;
            }
            // Own prices and discounts were agreed for the old plan; quantities follow where the new plan knows them.
            if terms.plan_id != now.terms.plan_id {
                now.prices.clear();
                now.discounts.clear();
            }
            now.quantities.retain(|code, _| terms.component(code).is_some());
            now.quantities.extend(set.iter().map(|(code, quantity)| (code.as_str(), *quantity)));
            now.terms = terms;
        });
    }

    /// The service ends on a day; its days are charged up to the same day or a later one.
    fn end(&mut self, on: NaiveDate, charged_until: NaiveDate) {
        self.change(charged_until, |_| ());
        if let Some(last) = self.now.take() {
            self.walk.ended_on = Some(on);
            self.walk.unlived = Some(last).filter(|_| self.walk.stretches.is_empty());
        }
        self.waiting.clear();
    }

    fn finish(mut self) -> Walk<'a> {
        self.walk.pending = self.waiting.iter().find_map(|(_, waiting)| match waiting {
            Deferred::Plan { terms, .. } => Some(*terms),
            _ => None,
        });
        self.walk.change_pending = self.waiting.iter().any(|(_, waiting)| waiting.can_be_withdrawn());
        if let Some(conditions) = self.now.take() {
            self.walk.stretches.push(Stretch { from: self.since, to: None, conditions });
        }
        self.walk
    }
}
