//! What a plan version offers: components with prices in several currencies and cycles, options, and how the money
//! follows changes. Reckoning needs only [`Terms`], which is one currency and one cycle of it.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::id::{PlanId, PlanVersionId};
use crate::money::Currency;
use crate::period::Cycle;
use crate::plan::{Charging, Component, PlanPolicy, Terms};

/// What stands in a plan version. Never changed once it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanContent {
    /// In the order of the invoice.
    pub components: Vec<OfferedComponent>,
    /// Choices.
    pub options: Vec<PlanOption>,
    /// How the money follows changes.
    pub policy: PlanPolicy,
    /// Whether the prices include tax.
    pub tax_inclusive: bool,
}

/// One priced part of a plan version, in every currency and cycle it is offered in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferedComponent {
    /// Unique in the version and stable over versions.
    pub code: String,
    /// On the invoice.
    pub name: String,
    /// How it is charged.
    pub charging: Charging,
    /// At most one per currency and cycle.
    pub prices: Vec<Price>,
    /// The quantity a subscription has unless it says otherwise; where an option switches the component, the option's
    /// default value decides instead.
    pub default_quantity: Decimal,
    /// Decides the tax treatment.
    pub tax_class: String,
}

/// A price in one currency and cycle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// In which currency.
    pub currency: Currency,
    /// For which cycle.
    pub cycle: Cycle,
    /// Per unit, in units of the currency.
    pub unit_price: Decimal,
}

/// A choice that a customer has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanOption {
    /// Unique among the options of the version.
    pub code: String,
    /// For people.
    pub name: String,
    /// What can be chosen, at least one.
    pub values: Vec<OptionValue>,
    /// The value of a subscription that chose none; the first when empty.
    pub default_value: String,
}

/// One value of an option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptionValue {
    /// Unique within the option.
    pub code: String,
    /// For people.
    pub name: String,
    /// The component that it switches to quantity 1; may be empty.
    pub component: String,
}

/// Why settings do not fit a plan version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// Neither a component nor an option has this code.
    #[error("the plan has no component and no option `{0}`")]
    Unknown(String),
    /// The option has no such value, and no component is called so.
    #[error("option `{option}` has no value `{value}`")]
    UnknownValue {
        /// Which option.
        option: String,
        /// What was given.
        value: String,
    },
    /// A component's quantity is a number.
    #[error("component `{component}` needs a quantity as a decimal number, not `{given}`")]
    NotANumber {
        /// Which component.
        component: String,
        /// What was given.
        given: String,
    },
}

impl SettingError {
    /// The code that does not fit.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Unknown(code) => code,
            Self::UnknownValue { option, .. } => option,
            Self::NotANumber { component, .. } => component,
        }
    }
}

impl PlanOption {
    /// The value of a subscription that chose none.
    #[must_use]
    pub fn default_value(&self) -> Option<&OptionValue> {
        if self.default_value.is_empty() { self.values.first() } else { self.value(&self.default_value) }
    }

    /// The value with this code.
    #[must_use]
    pub fn value(&self, code: &str) -> Option<&OptionValue> {
        self.values.iter().find(|value| value.code == code)
    }

    /// The quantities that a value means: its component 1, the other values' components 0.
    fn quantities(&self, chosen: &OptionValue) -> BTreeMap<String, Decimal> {
        let components = self.values.iter().map(|value| &value.component).filter(|component| !component.is_empty());
        components
            .map(|component| (component.clone(), Decimal::from(i32::from(*component == chosen.component))))
            .collect()
    }
}

impl PlanContent {
    /// The component with this code.
    #[must_use]
    pub fn component(&self, code: &str) -> Option<&OfferedComponent> {
        self.components.iter().find(|component| component.code == code)
    }

    /// The option with this code.
    #[must_use]
    pub fn option(&self, code: &str) -> Option<&PlanOption> {
        self.options.iter().find(|option| option.code == code)
    }

    /// Whether it is offered in a currency and cycle: at least one component has a price there.
    #[must_use]
    pub fn offers(&self, currency: Currency, cycle: Cycle) -> bool {
        self.components.iter().any(|component| component.price(currency, cycle).is_some())
    }

    /// The conditions in one currency and cycle, `None` where it is not offered. Components without a price there are
    /// not part of them. `name` is the plan's, for the invoice.
    #[must_use]
    pub fn terms(
        &self,
        plan_id: PlanId,
        version_id: PlanVersionId,
        name: &str,
        currency: Currency,
        cycle: Cycle,
    ) -> Option<Terms> {
        let switched = self.default_option_quantities();
        let priced = |component: &OfferedComponent| {
            let default_quantity = switched.get(&component.code).copied().unwrap_or(component.default_quantity);
            Some(Component {
                code: component.code.clone(),
                name: component.name.clone(),
                charging: component.charging.clone(),
                unit_price: component.price(currency, cycle)?,
                default_quantity,
                tax_class: component.tax_class.clone(),
            })
        };
        let components: Vec<Component> = self.components.iter().filter_map(priced).collect();
        if components.is_empty() {
            return None;
        }
        Some(Terms { plan_id, version_id, name: name.to_owned(), cycle, components, policy: self.policy })
    }

    /// What a value of an option means for the components: the value's component has quantity 1, the other values'
    /// components 0. `None` for an unknown option or value.
    #[must_use]
    pub fn option_quantities(&self, option: &str, value: &str) -> Option<BTreeMap<String, Decimal>> {
        let option = self.option(option)?;
        option.value(value).map(|value| option.quantities(value))
    }

    /// What the default values of all options mean for the components. [`PlanContent::terms`] has them as the default
    /// quantities already.
    #[must_use]
    pub fn default_option_quantities(&self) -> BTreeMap<String, Decimal> {
        let defaults = self.options.iter().filter_map(|option| Some(option.quantities(option.default_value()?)));
        defaults.flatten().collect()
    }

    /// Reads settings by code, each either a value of an option or a quantity of a component, as quantities of
    /// components. Where a component is given as well as switched by an option, its own quantity counts.
    ///
    /// # Errors
    /// The first [`SettingError`].
    pub fn settings(&self, given: &BTreeMap<String, String>) -> Result<BTreeMap<String, Decimal>, SettingError> {
        let mut by_option = BTreeMap::new();
        let mut own = BTreeMap::new();
        for (code, setting) in given {
            if let Some(quantities) = self.option_quantities(code, setting) {
                by_option.extend(quantities);
            } else if self.component(code).is_some() {
                let quantity = Decimal::from_str_exact(setting.trim());
                let quantity = quantity.map_err(|_| SettingError::NotANumber {
                    component: code.clone(),
                    given: setting.chars().take(64).collect(),
                })?;
                own.insert(code.clone(), quantity.normalize());
            } else if self.option(code).is_some() {
                let value = setting.chars().take(64).collect();
                return Err(SettingError::UnknownValue { option: code.clone(), value });
            } else {
                return Err(SettingError::Unknown(code.chars().take(64).collect()));
            }
        }
        by_option.extend(own);
        Ok(by_option)
    }
}

impl OfferedComponent {
    /// The price in a currency and cycle.
    #[must_use]
    pub fn price(&self, currency: Currency, cycle: Cycle) -> Option<Decimal> {
        let price = self.prices.iter().find(|price| price.currency == currency && price.cycle == cycle);
        price.map(|price| price.unit_price)
    }
}

#[cfg(test)]
mod tests {
    use rust_decimal_macros::dec;

    use super::*;

    fn component(code: &str, prices: &[(Currency, Cycle, Decimal)]) -> OfferedComponent {
        let price = |(currency, cycle, unit_price): &(Currency, Cycle, Decimal)| Price {
            currency: *currency,
            cycle: *cycle,
            unit_price: *unit_price,
        };
        OfferedComponent {
            code: code.to_owned(),
            name: code.to_uppercase(),
            charging: Charging::Recurring,
            prices: prices.iter().map(price).collect(),
            default_quantity: dec!(1),
            tax_class: "standard".to_owned(),
        }
    }

    fn value(code: &str, component: &str) -> OptionValue {
        OptionValue { code: code.to_owned(), name: code.to_owned(), component: component.to_owned() }
    }

    /// A base in two currencies and cycles, Windows by the month in euros only, backups small or large.
    fn content() -> PlanContent {
        let usd: Currency = "USD".parse().expect("a currency");
        let month = |price| (Currency::EUR, Cycle::MONTHLY, price);
        PlanContent {
            components: vec![
                component("base", &[month(dec!(5)), (usd, Cycle::YEARLY, dec!(66))]),
                component("windows", &[month(dec!(12))]),
                component("small", &[month(dec!(1))]),
                component("large", &[month(dec!(3))]),
            ],
            options: vec![
                PlanOption {
                    code: "os".to_owned(),
                    name: "System".to_owned(),
                    values: vec![value("linux", ""), value("windows", "windows")],
                    default_value: String::new(),
                },
                PlanOption {
                    code: "backup".to_owned(),
                    name: "Backup".to_owned(),
                    values: vec![value("none", ""), value("small", "small"), value("large", "large")],
                    default_value: "small".to_owned(),
                },
            ],
            policy: PlanPolicy::default(),
            tax_inclusive: false,
        }
    }

    fn terms(currency: &str, cycle: Cycle) -> Option<Terms> {
        content().terms(PlanId(1), PlanVersionId(2), "Web", currency.parse().expect("a currency"), cycle)
    }

    #[test]
    fn terms_hold_what_has_a_price_there() {
        let euros = terms("EUR", Cycle::MONTHLY).expect("offered");
        let codes: Vec<&str> = euros.components.iter().map(|component| component.code.as_str()).collect();
        assert_eq!(codes, ["base", "windows", "small", "large"]);
        let dollars = terms("USD", Cycle::YEARLY).expect("offered");
        assert_eq!(dollars.components.len(), 1);
        assert_eq!(dollars.components[0].unit_price, dec!(66));
        assert_eq!(terms("USD", Cycle::MONTHLY), None);
        assert!(!content().offers(Currency::EUR, Cycle::YEARLY));
    }

    #[test]
    fn whoever_chooses_nothing_has_the_default_values() {
        let terms = terms("EUR", Cycle::MONTHLY).expect("offered");
        let quantity = |code| terms.component(code).expect("is there").default_quantity;
        assert_eq!(
            [quantity("base"), quantity("windows"), quantity("small"), quantity("large")],
            [dec!(1), dec!(0), dec!(1), dec!(0)]
        );
    }

    #[test]
    fn a_value_switches_the_others_off() {
        let large = content().option_quantities("backup", "large").expect("known");
        assert_eq!(large, BTreeMap::from([("small".to_owned(), dec!(0)), ("large".to_owned(), dec!(1))]));
        assert_eq!(content().option_quantities("backup", "huge"), None);
        assert_eq!(content().option_quantities("colour", "red"), None);
    }

    #[test]
    fn settings_are_options_or_quantities() {
        let given = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(code, value)| ((*code).to_owned(), (*value).to_owned())).collect()
        };
        let settings = content().settings(&given(&[("backup", "large"), ("base", "3"), ("large", "2.50")]));
        let expected = [("base", dec!(3)), ("large", dec!(2.5)), ("small", dec!(0))];
        assert_eq!(settings, Ok(expected.into_iter().map(|(code, number)| (code.to_owned(), number)).collect()));
        let unknown = content().settings(&given(&[("backup", "huge")])).expect_err("no such value");
        assert_eq!(unknown.to_string(), "option `backup` has no value `huge`");
        assert_eq!(content().settings(&given(&[("cpu", "1")])), Err(SettingError::Unknown("cpu".to_owned())));
        assert!(matches!(content().settings(&given(&[("base", "many")])), Err(SettingError::NotANumber { .. })));
    }

    #[test]
    fn content_comes_back_from_its_text() {
        let text = serde_json::to_string(&content()).expect("has text keys");
        assert_eq!(serde_json::from_str::<PlanContent>(&text).expect("reads"), content());
    }
}
