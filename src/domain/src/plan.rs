//! What a plan version costs under given conditions: the part of the catalogue that reckoning needs.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::id::{PlanId, PlanVersionId};
use crate::period::Cycle;
use crate::timeline::{AnchorPolicy, Ending, Timing};

/// How a component is charged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Charging {
    /// Price times quantity per cycle, in advance.
    Recurring,
    /// Once, for the plan in force on the first billed day; a later plan charges none.
    Setup,
    /// Price times what was used beyond the included quantity, when the cycle has ended. It is counted whole, over
    /// pauses and other changes, for as long as the plan version and the price stay.
    Usage {
        /// What is counted.
        metric: String,
        /// Free quantity per full cycle; a part of a cycle has its share by days.
        included: Decimal,
    },
}

/// One priced part of a plan version, in one currency and cycle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// Stable over the plan's versions (`base`, `mailboxes`, `setup`).
    pub code: String,
    /// For people, on the invoice.
    pub name: String,
    /// How it is charged.
    pub charging: Charging,
    /// Per unit and cycle (recurring), once (set-up) or per unit (usage), in units of the currency, not negative.
    pub unit_price: Decimal,
    /// The quantity a subscription has unless it says otherwise: 1 for what every subscriber pays, 0 for options.
    pub default_quantity: Decimal,
    /// Decides the tax treatment (`standard`, `reduced`, ...), as the seller's table has it.
    pub tax_class: String,
}

/// How the money follows changes, where whoever reports or asks for a change does not say.
///
/// A fact that leaves it open is decided by the plan that is in force when the timeline is walked, not when the fact
/// arrives: so the order in which facts arrive cannot matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanPolicy {
    /// When a change to this plan, or of a quantity on it, counts.
    pub change_timing: Timing,
    /// What a change to this plan does to the anchor.
    pub change_anchor: AnchorPolicy,
    /// How a subscription to this plan ends.
    pub ending: Ending,
    /// Whether days of a suspension are not charged.
    pub suspension_pauses_billing: bool,
}

impl Default for PlanPolicy {
    fn default() -> Self {
        Self {
            change_timing: Timing::AtOnce,
            change_anchor: AnchorPolicy::Keep,
            ending: Ending::AtOnceRefund,
            suspension_pauses_billing: false,
        }
    }
}

/// The conditions of one plan version in one currency and cycle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Which plan.
    pub plan_id: PlanId,
    /// Which version of it.
    pub version_id: PlanVersionId,
    /// The plan's name, on the invoice.
    pub name: String,
    /// The cycle these prices are for.
    pub cycle: Cycle,
    /// In the order they appear on invoices.
    pub components: Vec<Component>,
    /// How the money follows changes.
    pub policy: PlanPolicy,
}

impl Terms {
    /// The component with this code.
    #[must_use]
    pub fn component(&self, code: &str) -> Option<&Component> {
        self.components.iter().find(|component| component.code == code)
    }
}

/// The terms that a timeline's facts may refer to, by plan version and cycle.
pub type TermsBook = BTreeMap<(PlanVersionId, Cycle), Terms>;
