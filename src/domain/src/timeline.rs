//! A subscription's timeline: the facts that happened to it, in the order in which they took effect.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::id::{PlanVersionId, PromotionId};
use crate::period::Cycle;

/// From when a change counts for money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timing {
    /// From the effective day, with proration of the running cycle.
    AtOnce,
    /// The service changes at once; the money from the next cycle (a change on a boundary day counts from that day).
    AtOnceUnprorated,
    /// When the running cycle ends. The day stays even if a later change moves the cycle.
    PeriodEnd,
}

/// What a plan change does to the anchor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnchorPolicy {
    /// The cycle's boundaries stay.
    Keep,
    /// A new cycle begins on the day of the change.
    Reset,
}

/// How a subscription ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The running cycle, or trial, is served to its end.
    PeriodEnd,
    /// At once, unused days are credited.
    AtOnceRefund,
    /// The service ends at once, the running cycle stays charged.
    AtOnceNoRefund,
}

/// A price reduction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reduction {
    /// Percent of each recurring component, 0-100.
    Percent(Decimal),
    /// Units of the currency off the recurring components of each cycle, in their order, never below zero.
    Amount(Decimal),
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FactKind {
    /// The subscription began.
    Started {
        /// On which plan version.
        version_id: PlanVersionId,
        /// Billed how often.
        cycle: Cycle,
        /// 1-31; the day of the first billed date when absent.
        anchor_day: Option<u32>,
        /// The first billed day, when the days before are a free trial.
        trial_until: Option<NaiveDate>,
        /// Quantities other than the components' own, by code.
        quantities: BTreeMap<String, Decimal>,
        /// The package that the panel said it has; absent when it was not a panel that began it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        package: Option<String>,
    },
    /// The panel says which package the account has. It is a change only where the panel said otherwise before: panels repeat
    /// themselves with everything that is edited, and what was agreed here meanwhile stays. Nor does the version change of a plan
    /// that is in force: versions are changed on purpose.
    PackageReported {
        /// The panel's name for it.
        package: String,
        /// The plan version that it stands for.
        version_id: PlanVersionId,
        /// Billed how often, if it is another plan.
        cycle: Cycle,
        /// Quantities to set.
        quantities: BTreeMap<String, Decimal>,
    },
    /// Another plan, another version or another cycle.
    PlanChanged {
        /// To which plan version.
        version_id: PlanVersionId,
        /// Billed how often.
        cycle: Cycle,
        /// From when it counts; the new plan's policy when absent.
        timing: Option<Timing>,
        /// Whether a new cycle begins; the new plan's policy when absent.
        anchor: Option<AnchorPolicy>,
        /// Quantities to set; components with the same code keep theirs, others have the new plan's default.
        quantities: BTreeMap<String, Decimal>,
    },
    /// More or fewer of a component (quantities, options, add-ons).
    QuantityChanged {
        /// The component's code.
        component: String,
        /// From this day on.
        quantity: Decimal,
        /// From when it counts; the policy of the plan in force when absent.
        timing: Option<Timing>,
    },
    /// The price of a component is another one for this subscription from that day on; `None` returns to the plan's.
    PriceSet {
        /// The component's code.
        component: String,
        /// Per unit and cycle, in units of the currency.
        unit_price: Option<Decimal>,
    },
    /// A line discount on one component, of any kind, from that day on, in percent; zero ends it.
    LineDiscounted {
        /// The component's code.
        component: String,
        /// 0-100.
        percent: Decimal,
    },
    /// A promotion holds from the first cycle that begins on or after the day.
    Promoted {
        /// Which.
        promotion_id: PromotionId,
        /// Its code, for the invoice.
        code: String,
        /// What it takes off.
        reduction: Reduction,
        /// For how many cycles, paused ones and parts of one included; without end when absent.
        cycles: Option<u32>,
    },
    /// Another anchor day, from the end of the running cycle on: what is running is not touched, nor what is billed.
    AnchorMoved {
        /// 1-31.
        anchor_day: u32,
    },
    /// Billing pauses from that day on.
    Paused,
    /// Billing goes on from that day on.
    Resumed,
    /// The service was suspended at its panel; whether that pauses billing is the plan's policy.
    Suspended,
    /// The suspension was lifted.
    Unsuspended,
    /// The subscription ends.
    Cancelled {
        /// When and how; the policy of the plan in force when absent.
        ending: Option<Ending>,
    },
    /// A cancellation, plan or quantity change that has not yet taken effect is taken back; a moved anchor is not.
    Withdrawn,
}

/// The largest quantity or price: far above any use, far below what could overflow.
pub const NUMBER_MAX: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);

/// A fact with its place in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// The day it takes effect, in the seller's time zone.
    pub on: NaiveDate,
    /// When it happened, microseconds UTC: orders the facts of one day.
    pub at_us: i64,
    /// Unique within the timeline; the last resort of ordering and what makes recording it twice impossible.
    pub key: String,
    /// What happened.
    pub kind: FactKind,
}

impl Fact {
    /// What facts are ordered by. A price or a promotion agreed with the start is recorded at the same instant, and
    /// would be lost if it came before it.
    fn place(&self) -> (NaiveDate, bool, i64, &str) {
        (self.on, !matches!(self.kind, FactKind::Started { .. }), self.at_us, &self.key)
    }
}

/// Why a fact does not fit a timeline.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FactError {
    /// Before the first day.
    #[error("{on} is before the subscription started ({started})")]
    BeforeStart {
        /// The fact's day.
        on: NaiveDate,
        /// The first day.
        started: NaiveDate,
    },
    /// After the last day.
    #[error("the subscription ended on {ended}; a change on {on} comes too late")]
    AfterEnd {
        /// The fact's day.
        on: NaiveDate,
        /// The first day without service.
        ended: NaiveDate,
    },
    /// The plan has no component with this code.
    #[error("the plan in force on {on} has no component `{component}`")]
    UnknownComponent {
        /// The fact's day.
        on: NaiveDate,
        /// The code.
        component: String,
    },
    /// A number is outside of what makes sense.
    #[error("{what} must be {range}, not {given}")]
    OutOfRange {
        /// Which number.
        what: String,
        /// The range in words.
        range: &'static str,
        /// What was given.
        given: String,
    },
    /// The plan version has no price in this cycle.
    #[error("the plan version {0} has no prices for this cycle and currency")]
    NoTerms(PlanVersionId),
    /// A second start.
    #[error("the subscription has started already")]
    StartedTwice,
    /// Nothing to resume, or paused already.
    #[error("the subscription is {0}")]
    WrongState(&'static str),
    /// The timeline does not begin with a start.
    #[error("the subscription has not started")]
    NotStarted,
}

/// The facts of one subscription in the order in which they take effect.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Timeline {
    facts: Vec<Fact>,
}

impl Timeline {
    /// Sorts facts by effective day, instant and key; the start comes before all else of its day. The order in which
    /// they are given does not matter.
    #[must_use]
    pub fn new(mut facts: Vec<Fact>) -> Self {
        facts.sort_by(|a, b| a.place().cmp(&b.place()));
        facts.dedup_by(|later, earlier| later.key == earlier.key);
        Self { facts }
    }

    /// The facts, in order.
    #[must_use]
    pub fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// The same timeline with one more fact.
    #[must_use]
    pub fn with(&self, fact: Fact) -> Self {
        let mut facts = self.facts.clone();
        facts.push(fact);
        Self::new(facts)
    }

    /// The first day, if there is a start.
    #[must_use]
    pub fn started_on(&self) -> Option<NaiveDate> {
        self.facts.iter().find(|fact| matches!(fact.kind, FactKind::Started { .. })).map(|fact| fact.on)
    }

    /// The package that the panel told last.
    #[must_use]
    pub fn package(&self) -> Option<&str> {
        self.facts.iter().rev().find_map(|fact| match &fact.kind {
            FactKind::PackageReported { package, .. } => Some(package.as_str()),
            FactKind::Started { package, .. } => package.as_deref(),
            _ => None,
        })
    }

    /// The plan versions and cycles that the facts name: what [`crate::owed::owed`] needs the terms of.
    pub fn terms_needed(&self) -> impl Iterator<Item = (PlanVersionId, Cycle)> + '_ {
        self.facts.iter().filter_map(|fact| match &fact.kind {
            FactKind::Started { version_id, cycle, .. }
            | FactKind::PackageReported { version_id, cycle, .. }
            | FactKind::PlanChanged { version_id, cycle, .. } => Some((*version_id, *cycle)),
            _ => None,
        })
    }
}
