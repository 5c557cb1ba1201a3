//! Plans and their versions between the protocol and the domain.

use std::collections::BTreeSet;

use billet_domain::catalog::{OfferedComponent, OptionValue, PlanContent, PlanOption, Price};
use billet_domain::plan::{Charging, PlanPolicy};
use billet_domain::timeline::{AnchorPolicy, Ending, Timing};
use rust_decimal::Decimal;

use super::{
    TEXT_MAX, code, cycle_optional, decimal, decimal_optional, parse, required, text, to_cycle, to_decimal, to_instant,
};
use crate::billing::BillingError;
use crate::billing::catalog::plan::NewPlan;
use crate::proto::billet::v1 as pb;
use crate::store::plan::{Plan, Version};

/// The longest name of a plan, component, option or value, in characters.
pub const NAME_MAX: usize = 200;
/// How components are taxed that do not say.
pub const TAX_CLASS_DEFAULT: &str = "standard";

/// A plan to be made.
///
/// # Errors
/// [`BillingError::Invalid`] with the field.
pub fn new_plan(given: Option<&pb::Plan>) -> Result<NewPlan, BillingError> {
    let given = given.ok_or_else(|| BillingError::invalid("plan", "is required"))?;
    let addon = match pb::PlanKind::try_from(given.kind) {
        Ok(pb::PlanKind::Unspecified | pb::PlanKind::Standalone) => false,
        Ok(pb::PlanKind::Addon) => true,
        Err(_) => return Err(unknown("plan.kind")),
    };
    Ok(NewPlan {
        code: code("plan.code", &given.code)?,
        name: required("plan.name", &given.name, NAME_MAX)?,
        description: text("plan.description", &given.description, TEXT_MAX, true)?,
        addon,
        orderable: given.orderable,
    })
}

/// The content of a version. Whether it makes sense as a whole is asked when it is stored.
///
/// # Errors
/// [`BillingError::Invalid`] with the field.
pub fn content(field: &str, given: Option<&pb::PlanVersion>) -> Result<PlanContent, BillingError> {
    let given = given.ok_or_else(|| BillingError::invalid(field, "is required"))?;
    let values = given.options.iter().flat_map(|option| &option.values);
    let switched: BTreeSet<&str> = values.map(|value| value.component.as_str()).collect();
    let components = given.components.iter().enumerate().map(|(index, given)| {
        let default_quantity = Decimal::from(i32::from(!switched.contains(given.code.as_str())));
        component(&format!("{field}.components[{index}]"), given, default_quantity)
    });
    let components = components.collect::<Result<_, _>>()?;
    let options = given.options.iter().enumerate();
    let options = options.map(|(index, given)| option(&format!("{field}.options[{index}]"), given));
    Ok(PlanContent {
        components,
        options: options.collect::<Result<_, _>>()?,
        policy: policy(&format!("{field}.policy"), given.policy.as_ref())?,
        tax_inclusive: given.tax_inclusive,
    })
}

fn component(at: &str, given: &pb::Component, default_quantity: Decimal) -> Result<OfferedComponent, BillingError> {
    let quantity = decimal_optional(&format!("{at}.default_quantity"), given.default_quantity.as_ref())?;
    let prices = given.prices.iter().enumerate();
    let prices = prices.map(|(index, given)| price(&format!("{at}.prices[{index}]"), given));
    let tax_class = if given.tax_class.is_empty() { TAX_CLASS_DEFAULT } else { &given.tax_class };
    Ok(OfferedComponent {
        code: code(&format!("{at}.code"), &given.code)?,
        name: required(&format!("{at}.name"), &given.name, NAME_MAX)?,
        charging: charging(at, given)?,
        prices: prices.collect::<Result<_, _>>()?,
        default_quantity: quantity.unwrap_or(default_quantity).normalize(),
        tax_class: code(&format!("{at}.tax_class"), tax_class)?,
    })
}

fn charging(at: &str, given: &pb::Component) -> Result<Charging, BillingError> {
    let charging = match pb::Charging::try_from(given.charging) {
        Ok(pb::Charging::Usage) => {
            let included = decimal_optional(&format!("{at}.included_quantity"), given.included_quantity.as_ref())?;
            let metric = if given.metric.is_empty() { "" } else { &code(&format!("{at}.metric"), &given.metric)? };
            return Ok(Charging::Usage {
                metric: metric.to_owned(),
                included: included.unwrap_or_default().normalize(),
            });
        }
        Ok(pb::Charging::Recurring) => Charging::Recurring,
        Ok(pb::Charging::Setup) => Charging::Setup,
        Ok(pb::Charging::Unspecified) => return Err(BillingError::invalid(format!("{at}.charging"), "is required")),
        Err(_) => return Err(unknown(&format!("{at}.charging"))),
    };
    for (name, is_set) in
        [("metric", !given.metric.is_empty()), ("included_quantity", given.included_quantity.is_some())]
    {
        if is_set {
            return Err(BillingError::invalid(format!("{at}.{name}"), "only a usage component has one"));
        }
    }
    Ok(charging)
}

fn price(at: &str, given: &pb::Price) -> Result<Price, BillingError> {
    let cycle = cycle_optional(&format!("{at}.cycle"), given.cycle)?;
    Ok(Price {
        currency: parse(&format!("{at}.currency_code"), &given.currency_code)?,
        cycle: cycle.ok_or_else(|| BillingError::invalid(format!("{at}.cycle"), "is required"))?,
        unit_price: decimal(&format!("{at}.unit_price"), given.unit_price.as_ref())?.normalize(),
    })
}

fn option(at: &str, given: &pb::Option) -> Result<PlanOption, BillingError> {
    let value = |(index, given): (usize, &pb::OptionValue)| {
        let at = format!("{at}.values[{index}]");
        Ok(OptionValue {
            code: code(&format!("{at}.code"), &given.code)?,
            name: required(&format!("{at}.name"), &given.name, NAME_MAX)?,
            component: given.component.clone(),
        })
    };
    Ok(PlanOption {
        code: code(&format!("{at}.code"), &given.code)?,
        name: required(&format!("{at}.name"), &given.name, NAME_MAX)?,
        values: given.values.iter().enumerate().map(value).collect::<Result<_, BillingError>>()?,
        default_value: given.default_value.clone(),
    })
}

fn policy(at: &str, given: Option<&pb::PlanPolicy>) -> Result<PlanPolicy, BillingError> {
    let default = PlanPolicy::default();
    let Some(given) = given else { return Ok(default) };
    Ok(PlanPolicy {
        change_timing: timing(&format!("{at}.change_timing"), given.change_timing)?.unwrap_or(default.change_timing),
        change_anchor: anchor(&format!("{at}.change_anchor"), given.change_anchor)?.unwrap_or(default.change_anchor),
        ending: ending(&format!("{at}.ending"), given.ending)?.unwrap_or(default.ending),
        suspension_pauses_billing: given.suspension_pauses_billing,
    })
}

/// From when a change counts; `None` when not said.
///
/// # Errors
/// [`BillingError::Invalid`] for a value that this version does not know.
pub fn timing(field: &str, given: i32) -> Result<Option<Timing>, BillingError> {
    Ok(match pb::ChangeTiming::try_from(given).map_err(|_| unknown(field))? {
        pb::ChangeTiming::Unspecified => None,
        pb::ChangeTiming::AtOnce => Some(Timing::AtOnce),
        pb::ChangeTiming::AtOnceUnprorated => Some(Timing::AtOnceUnprorated),
        pb::ChangeTiming::PeriodEnd => Some(Timing::PeriodEnd),
    })
}

/// What a change does to the anchor; `None` when not said.
///
/// # Errors
/// [`BillingError::Invalid`] for a value that this version does not know.
pub fn anchor(field: &str, given: i32) -> Result<Option<AnchorPolicy>, BillingError> {
    Ok(match pb::AnchorPolicy::try_from(given).map_err(|_| unknown(field))? {
        pb::AnchorPolicy::Unspecified => None,
        pb::AnchorPolicy::Keep => Some(AnchorPolicy::Keep),
        pb::AnchorPolicy::Reset => Some(AnchorPolicy::Reset),
    })
}

/// How a subscription ends; `None` when not said.
///
/// # Errors
/// [`BillingError::Invalid`] for a value that this version does not know.
pub fn ending(field: &str, given: i32) -> Result<Option<Ending>, BillingError> {
    Ok(match pb::Ending::try_from(given).map_err(|_| unknown(field))? {
        pb::Ending::Unspecified => None,
        pb::Ending::PeriodEnd => Some(Ending::PeriodEnd),
        pb::Ending::AtOnceRefund => Some(Ending::AtOnceRefund),
        pb::Ending::AtOnceNoRefund => Some(Ending::AtOnceNoRefund),
    })
}

fn unknown(field: &str) -> BillingError {
    BillingError::invalid(field, "not a value that this version knows")
}

/// A plan with versions, for the protocol.
#[must_use]
pub fn to_plan(plan: Plan, versions: impl IntoIterator<Item = Version>) -> pb::Plan {
    let kind = if plan.addon { pb::PlanKind::Addon } else { pb::PlanKind::Standalone };
    pb::Plan {
        id: plan.id.to_string(),
        code: plan.code,
        name: plan.name,
        description: plan.description,
        kind: kind.into(),
        orderable: plan.orderable,
        versions: versions.into_iter().map(to_version).collect(),
        created_at: Some(to_instant(plan.created_at)),
    }
}

fn to_version(version: Version) -> pb::PlanVersion {
    let PlanContent { components, options, policy, tax_inclusive } = version.content;
    pb::PlanVersion {
        id: version.id.to_string(),
        version: version.version,
        components: components.into_iter().map(to_component).collect(),
        options: options.into_iter().map(to_option).collect(),
        policy: Some(to_policy(policy)),
        tax_inclusive,
        created_at: Some(to_instant(version.created_at)),
    }
}

fn to_component(component: OfferedComponent) -> pb::Component {
    let (charging, metric, included) = match component.charging {
        Charging::Recurring => (pb::Charging::Recurring, String::new(), None),
        Charging::Setup => (pb::Charging::Setup, String::new(), None),
        Charging::Usage { metric, included } => (pb::Charging::Usage, metric, Some(included)),
    };
    let price = |price: Price| pb::Price {
        currency_code: price.currency.code().to_owned(),
        cycle: Some(to_cycle(price.cycle)),
        unit_price: Some(to_decimal(price.unit_price)),
    };
    pb::Component {
        code: component.code,
        name: component.name,
        charging: charging.into(),
        prices: component.prices.into_iter().map(price).collect(),
        default_quantity: Some(to_decimal(component.default_quantity)),
        metric,
        included_quantity: included.map(to_decimal),
        tax_class: component.tax_class,
    }
}

fn to_option(option: PlanOption) -> pb::Option {
    let value = |value: OptionValue| pb::OptionValue { code: value.code, name: value.name, component: value.component };
    pb::Option {
        code: option.code,
        name: option.name,
        values: option.values.into_iter().map(value).collect(),
        default_value: option.default_value,
    }
}

fn to_policy(policy: PlanPolicy) -> pb::PlanPolicy {
    pb::PlanPolicy {
        change_timing: to_timing(policy.change_timing).into(),
        change_anchor: to_anchor(policy.change_anchor).into(),
        ending: to_ending(policy.ending).into(),
        suspension_pauses_billing: policy.suspension_pauses_billing,
    }
}

/// From when a change counts, for the protocol.
#[must_use]
pub fn to_timing(timing: Timing) -> pb::ChangeTiming {
    match timing {
        Timing::AtOnce => pb::ChangeTiming::AtOnce,
        Timing::AtOnceUnprorated => pb::ChangeTiming::AtOnceUnprorated,
        Timing::PeriodEnd => pb::ChangeTiming::PeriodEnd,
    }
}

/// What a change does to the anchor, for the protocol.
#[must_use]
pub fn to_anchor(anchor: AnchorPolicy) -> pb::AnchorPolicy {
    match anchor {
        AnchorPolicy::Keep => pb::AnchorPolicy::Keep,
        AnchorPolicy::Reset => pb::AnchorPolicy::Reset,
    }
}

/// How a subscription ends, for the protocol.
#[must_use]
pub fn to_ending(ending: Ending) -> pb::Ending {
    match ending {
        Ending::PeriodEnd => pb::Ending::PeriodEnd,
        Ending::AtOnceRefund => pb::Ending::AtOnceRefund,
        Ending::AtOnceNoRefund => pb::Ending::AtOnceNoRefund,
    }
}
