//! Plans and facts in few words.

use std::collections::BTreeMap;

use billet_domain::id::{PlanId, PlanVersionId, PromotionId};
use billet_domain::period::{Cycle, CycleUnit};
use billet_domain::plan::{Charging, Component, PlanPolicy, Terms, TermsBook};
use billet_domain::timeline::{AnchorPolicy, Ending, FactKind, Reduction, Timing};
use chrono::NaiveDate;
use rust_decimal::Decimal;

pub const MONTHLY: Cycle = Cycle::MONTHLY;
pub const QUARTERLY: Cycle = Cycle { unit: CycleUnit::Month, count: 3 };
pub const YEARLY: Cycle = Cycle::YEARLY;

pub fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

fn component(code: &str, charging: Charging, unit_price: Decimal, default_quantity: Decimal) -> Component {
    let (code, name, tax_class) = (code.to_owned(), code.to_owned(), "standard".to_owned());
    Component { code, name, charging, unit_price, default_quantity, tax_class }
}

/// What every subscriber pays.
pub fn base(price: Decimal) -> Component {
    component("base", Charging::Recurring, price, Decimal::ONE)
}

/// What some subscribers add.
pub fn option(code: &str, price: Decimal) -> Component {
    component(code, Charging::Recurring, price, Decimal::ZERO)
}

pub fn setup(price: Decimal) -> Component {
    component("setup", Charging::Setup, price, Decimal::ONE)
}

/// Traffic in gigabytes.
pub fn traffic(included: Decimal, price: Decimal) -> Component {
    component("traffic", Charging::Usage { metric: "traffic".to_owned(), included }, price, Decimal::ONE)
}

/// A plan with one version of the same number.
pub fn plan(number: i64, name: &str, cycle: Cycle, components: impl IntoIterator<Item = Component>) -> Terms {
    Terms {
        plan_id: PlanId(number),
        version_id: PlanVersionId(number),
        name: name.to_owned(),
        cycle,
        components: components.into_iter().collect(),
        policy: PlanPolicy::default(),
    }
}

pub fn book(terms: impl IntoIterator<Item = Terms>) -> TermsBook {
    terms.into_iter().map(|terms| ((terms.version_id, terms.cycle), terms)).collect()
}

/// A start that says nothing but the plan.
pub fn start(version: i64, cycle: Cycle) -> FactKind {
    start_with(version, cycle, None, None, [])
}

pub fn start_with(
    version: i64,
    cycle: Cycle,
    anchor_day: Option<u32>,
    trial_until: Option<&str>,
    quantities: impl IntoIterator<Item = (&'static str, Decimal)>,
) -> FactKind {
    FactKind::Started {
        version_id: PlanVersionId(version),
        cycle,
        anchor_day,
        trial_until: trial_until.map(day),
        quantities: quantities.into_iter().map(|(code, quantity)| (code.to_owned(), quantity)).collect(),
        package: None,
    }
}

/// A plan change that leaves everything to the new plan's policy.
pub fn change(version: i64, cycle: Cycle) -> FactKind {
    change_with(version, cycle, None, None)
}

pub fn change_with(version: i64, cycle: Cycle, timing: Option<Timing>, anchor: Option<AnchorPolicy>) -> FactKind {
    let version_id = PlanVersionId(version);
    FactKind::PlanChanged { version_id, cycle, timing, anchor, quantities: BTreeMap::new() }
}

/// A panel's word that the account has a package, which stands for a plan version.
pub fn reported(
    package: &str,
    version: i64,
    quantities: impl IntoIterator<Item = (&'static str, Decimal)>,
) -> FactKind {
    FactKind::PackageReported {
        package: package.to_owned(),
        version_id: PlanVersionId(version),
        cycle: MONTHLY,
        quantities: quantities.into_iter().map(|(code, quantity)| (code.to_owned(), quantity)).collect(),
    }
}

pub fn quantity(component: &str, quantity: Decimal) -> FactKind {
    FactKind::QuantityChanged { component: component.to_owned(), quantity, timing: None }
}

pub fn price(component: &str, unit_price: Option<Decimal>) -> FactKind {
    FactKind::PriceSet { component: component.to_owned(), unit_price }
}

pub fn discount(component: &str, percent: Decimal) -> FactKind {
    FactKind::LineDiscounted { component: component.to_owned(), percent }
}

pub fn promotion(code: &str, reduction: Reduction, cycles: Option<u32>) -> FactKind {
    FactKind::Promoted { promotion_id: PromotionId(1), code: code.to_owned(), reduction, cycles }
}

pub fn cancel(ending: Ending) -> FactKind {
    FactKind::Cancelled { ending: Some(ending) }
}
