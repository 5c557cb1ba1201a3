//! A version of a plan: what makes sense in it, and adding one.

use std::collections::{BTreeMap, BTreeSet};

use billet_domain::catalog::{OfferedComponent, PlanContent, PlanOption};
use billet_domain::id::{PlanId, PlanVersionId};
use billet_domain::plan::Charging;
use billet_domain::timeline::NUMBER_MAX;
use rust_decimal::Decimal;
use serde_json::json;

use crate::billing::BillingError;
use crate::billing::error::Violation;
use crate::store::Unit;
use crate::store::plan::{self, Version};

/// Most components of a version.
pub const COMPONENTS_MAX: usize = 200;
/// Most prices of a component.
pub const PRICES_MAX: usize = 100;
/// Most options of a version.
pub const OPTIONS_MAX: usize = 50;
/// Most values of an option.
pub const VALUES_MAX: usize = 100;
/// Most versions of a plan: all of them are read together.
pub const VERSIONS_MAX: u32 = 500;
/// Most decimals of a price or quantity.
pub const SCALE_MAX: u32 = 12;
/// How many problems of one request are named.
const VIOLATIONS_MAX: usize = 50;

/// Adds a version to a plan. New subscriptions use it from now on.
///
/// # Errors
/// [`BillingError::Invalid`] (field paths begin with `version`), [`BillingError::NotFound`], TOO_MANY_VERSIONS.
pub async fn create(unit: &mut Unit, plan_id: PlanId, content: PlanContent) -> Result<Version, BillingError> {
    check("version", &content)?;
    let seller_id = unit.seller_id;
    plan::lock(unit, plan_id).await?.ok_or_else(|| BillingError::not_found("plan", plan_id))?;
    let newest = plan::newest_number(unit, seller_id, plan_id).await?;
    if newest >= VERSIONS_MAX {
        let detail = format!("a plan has at most {VERSIONS_MAX} versions; make a new plan");
        return Err(BillingError::precondition("TOO_MANY_VERSIONS", plan_id, detail));
    }
    let version = add(unit, plan_id, newest + 1, content).await?;
    unit.event(
        "plan.version_created",
        plan_id,
        json!({ "version_id": version.id, "version": version.version, "content": version.content }),
    );
    Ok(version)
}

/// Stores a version with the next number.
pub(super) async fn add(
    unit: &mut Unit,
    plan_id: PlanId,
    number: u32,
    content: PlanContent,
) -> Result<Version, BillingError> {
    let id = PlanVersionId(unit.id()?);
    let version = Version { id, plan_id, version: number, content, created_at: unit.now };
    plan::insert_version(unit, &version).await?;
    Ok(version)
}

/// What a number must be to be a price or a quantity, `None` when it is.
#[must_use]
pub fn number_problem(number: Decimal) -> Option<String> {
    let fits = (Decimal::ZERO..=NUMBER_MAX).contains(&number) && number.normalize().scale() <= SCALE_MAX;
    (!fits).then(|| format!("between 0 and 1,000,000,000 with at most {SCALE_MAX} decimals"))
}

/// Refuses content that makes no sense, with the path of every field that is wrong (at most 50 are named).
///
/// # Errors
/// [`BillingError::Invalid`].
pub fn check(field: &str, content: &PlanContent) -> Result<(), BillingError> {
    let mut problems = Problems::default();
    let components = format!("{field}.components");
    if content.components.is_empty() {
        problems.add(&components, "at least one component is needed");
    }
    if problems.bounded(&components, content.components.len(), COMPONENTS_MAX) {
        let codes = content.components.iter().map(|component| component.code.as_str());
        problems.unique(&components, codes);
        for (index, component) in content.components.iter().enumerate() {
            check_component(&format!("{components}[{index}]"), component, &mut problems);
        }
    }
    let options = format!("{field}.options");
    if problems.bounded(&options, content.options.len(), OPTIONS_MAX) {
        problems.unique(&options, content.options.iter().map(|option| option.code.as_str()));
        let mut switched_by = BTreeMap::new();
        for (index, option) in content.options.iter().enumerate() {
            check_option(&format!("{options}[{index}]"), option, content, &mut switched_by, &mut problems);
        }
    }
    problems.into_result()
}

fn check_component(at: &str, component: &OfferedComponent, problems: &mut Problems) {
    problems.number(&format!("{at}.default_quantity"), component.default_quantity);
    if let Charging::Usage { metric, included } = &component.charging {
        if metric.is_empty() {
            problems.add(format!("{at}.metric"), "is required: it says what is counted");
        }
        problems.number(&format!("{at}.included_quantity"), *included);
    }
    let prices = format!("{at}.prices");
    if component.prices.is_empty() {
        problems.add(&prices, "at least one price is needed; a component that costs nothing has the price 0");
    }
    if !problems.bounded(&prices, component.prices.len(), PRICES_MAX) {
        return;
    }
    let mut seen = BTreeSet::new();
    for (index, price) in component.prices.iter().enumerate() {
        problems.number(&format!("{prices}[{index}].unit_price"), price.unit_price);
        if !seen.insert((price.currency, price.cycle)) {
            problems.add(
                format!("{prices}[{index}]"),
                format!("there is a price in {} for this cycle already", price.currency),
            );
        }
    }
}

fn check_option<'a>(
    at: &str,
    option: &'a PlanOption,
    content: &PlanContent,
    switched_by: &mut BTreeMap<&'a str, &'a str>,
    problems: &mut Problems,
) {
    let values = format!("{at}.values");
    if option.values.is_empty() {
        problems.add(&values, "at least one value is needed");
    }
    if !problems.bounded(&values, option.values.len(), VALUES_MAX) {
        return;
    }
    problems.unique(&values, option.values.iter().map(|value| value.code.as_str()));
    if !option.default_value.is_empty() && option.value(&option.default_value).is_none() {
        problems.add(format!("{at}.default_value"), format!("the option has no value `{}`", option.default_value));
    }
    for (index, value) in option.values.iter().enumerate().filter(|(_, value)| !value.component.is_empty()) {
        let field = format!("{values}[{index}].component");
        match content.component(&value.component) {
            None => problems.add(&field, format!("the version has no component `{}`", value.component)),
            Some(component) if matches!(component.charging, Charging::Usage { .. }) => {
                problems.add(&field, "a usage component is charged by what is counted and cannot be switched");
            }
            Some(_) => {}
        }
        let first = *switched_by.entry(&value.component).or_insert(&option.code);
        if first != option.code {
            problems.add(&field, format!("option `{first}` switches component `{}` already", value.component));
        }
    }
}

/// What is wrong, gathered.
#[derive(Default)]
struct Problems {
    violations: Vec<Violation>,
}

impl Problems {
    fn add(&mut self, field: impl Into<String>, description: impl Into<String>) {
        if self.violations.len() < VIOLATIONS_MAX {
            self.violations.push(Violation { field: field.into(), description: description.into() });
        }
    }

    fn number(&mut self, field: &str, number: Decimal) {
        if let Some(problem) = number_problem(number) {
            self.add(field, problem);
        }
    }

    /// Whether there are not too many.
    fn bounded(&mut self, field: &str, count: usize, max: usize) -> bool {
        if count > max {
            self.add(field, format!("at most {max}"));
        }
        count <= max
    }

    fn unique<'a>(&mut self, field: &str, codes: impl Iterator<Item = &'a str>) {
        let mut seen = BTreeSet::new();
        for (index, code) in codes.enumerate() {
            if !seen.insert(code) {
                self.add(format!("{field}[{index}].code"), format!("`{code}` is there already"));
            }
        }
    }

    fn into_result(self) -> Result<(), BillingError> {
        if self.violations.is_empty() { Ok(()) } else { Err(BillingError::Invalid { violations: self.violations }) }
    }
}

#[cfg(test)]
mod tests {
    use billet_domain::catalog::{OptionValue, Price};
    use billet_domain::money::Currency;
    use billet_domain::period::Cycle;
    use rust_decimal_macros::dec;

    use super::*;
    use crate::billing::catalog::testing::{component, content};

    fn fields(content: &PlanContent) -> Vec<String> {
        match check("version", content) {
            Ok(()) => Vec::new(),
            Err(BillingError::Invalid { violations }) => violations.into_iter().map(|found| found.field).collect(),
            Err(other) => panic!("another kind of refusal: {other}"),
        }
    }

    fn option(code: &str, components: &[&str]) -> PlanOption {
        let value = |(index, component): (usize, &&str)| OptionValue {
            code: format!("v{index}"),
            name: format!("Value {index}"),
            component: (*component).to_owned(),
        };
        let values = components.iter().enumerate().map(value).collect();
        PlanOption { code: code.to_owned(), name: code.to_owned(), values, default_value: String::new() }
    }

    #[test]
    fn every_wrong_field_is_named() {
        let mut wrong = content(dec!(5));
        wrong.components[0].default_quantity = dec!(-1);
        wrong.components.push(component("base", dec!(1_000_000_001)));
        wrong.components.push(OfferedComponent { prices: Vec::new(), ..component("empty", dec!(1)) });
        let mut usage = component("traffic", dec!(0.0000000000001));
        usage.charging = Charging::Usage { metric: String::new(), included: dec!(-2) };
        usage.prices.push(Price { currency: Currency::EUR, cycle: Cycle::MONTHLY, unit_price: dec!(2) });
        wrong.components.push(usage);
        assert_eq!(
            fields(&wrong),
            [
                "version.components[1].code",
                "version.components[0].default_quantity",
                "version.components[1].prices[0].unit_price",
                "version.components[2].prices",
                "version.components[3].metric",
                "version.components[3].included_quantity",
                "version.components[3].prices[0].unit_price",
                "version.components[3].prices[1]",
            ]
        );
    }

    #[test]
    fn an_option_switches_components_that_are_its_own() {
        let mut wrong = content(dec!(5));
        wrong.components.push(component("windows", dec!(9)));
        let mut traffic = component("traffic", dec!(1));
        traffic.charging = Charging::Usage { metric: "traffic_gib".to_owned(), included: dec!(0) };
        wrong.components.push(traffic);
        wrong.options = vec![option("os", &["", "windows"]), option("os", &["nothing", "traffic", "windows"])];
        // The second has the code of the first, so that only the component tells them apart.
        wrong.options.push(PlanOption { default_value: "v9".to_owned(), ..option("system", &["windows"]) });
        wrong.options.push(option("empty", &[]));
        assert_eq!(
            fields(&wrong),
            [
                "version.options[1].code",
                "version.options[1].values[0].component",
                "version.options[1].values[1].component",
                "version.options[2].default_value",
                "version.options[2].values[0].component",
                "version.options[3].values",
            ]
        );
    }

    #[test]
    fn there_are_bounds() {
        let mut large = content(dec!(5));
        large.components = (0..=COMPONENTS_MAX).map(|index| component(&format!("c{index}"), dec!(1))).collect();
        large.options = (0..=OPTIONS_MAX).map(|index| option(&format!("o{index}"), &[""])).collect();
        assert_eq!(fields(&large), ["version.components", "version.options"]);
        large.components.truncate(COMPONENTS_MAX);
        large.options.truncate(OPTIONS_MAX);
        assert_eq!(fields(&large), Vec::<String>::new());
        large.components.clear();
        assert_eq!(fields(&large), ["version.components"]);
        let mut everywhere = content(dec!(5));
        everywhere.components = (0..COMPONENTS_MAX).map(|index| component(&format!("c{index}"), dec!(-1))).collect();
        assert_eq!(fields(&everywhere).len(), VIOLATIONS_MAX);
    }

    #[test]
    fn numbers_have_a_range() {
        for good in [dec!(0), dec!(-0), NUMBER_MAX, dec!(0.123456789012), dec!(1.0000000000000000)] {
            assert_eq!(number_problem(good), None, "{good}");
        }
        for bad in [dec!(-0.01), NUMBER_MAX + dec!(0.01), dec!(0.1234567890123)] {
            assert!(number_problem(bad).is_some(), "{bad}");
        }
    }
}
