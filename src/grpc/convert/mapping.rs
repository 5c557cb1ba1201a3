//! Package mappings between the protocol and the domain.

use billet_domain::money::Currency;
use billet_domain::period::Cycle;

use super::{cycle_optional, parse, parse_optional, required, text, to_cycle};
use crate::billing::BillingError;
use crate::billing::catalog::mapping::NewMapping;
use crate::proto::billet::v1 as pb;
use crate::store::mapping::{Mapping, Reporter};

/// The longest name of a package, in characters: a domain name fits.
pub const PACKAGE_MAX: usize = 253;
/// The longest name of a group of instances, in characters.
const GROUP_MAX: usize = 200;
/// Most quantities and options that a mapping sets.
const SETTINGS_MAX: usize = 200;
/// The longest quantity or value, in characters.
const SETTING_MAX: usize = 64;

/// Who reports a package: exactly one of an instance and a group. `at` leads to the fields, `mapping.` or nothing.
///
/// # Errors
/// [`BillingError::Invalid`] with the field.
pub fn reporter(at: &str, instance_id: &str, instance_group: &str) -> Result<Reporter, BillingError> {
    let group = format!("{at}instance_group");
    match (instance_id.is_empty(), instance_group.trim().is_empty()) {
        (false, true) => Ok(Reporter::Instance(parse(&format!("{at}instance_id"), instance_id)?)),
        (true, false) => Ok(Reporter::Group(text(&group, instance_group, GROUP_MAX, false)?)),
        (true, true) => {
            Err(BillingError::invalid(format!("{at}instance_id"), "either this or `instance_group` is needed"))
        }
        (false, false) => Err(BillingError::invalid(group, "either this or `instance_id` is needed, not both")),
    }
}

/// A package's name.
///
/// # Errors
/// [`BillingError::Invalid`] with the field.
pub fn package(field: &str, given: &str) -> Result<String, BillingError> {
    required(field, given, PACKAGE_MAX)
}

/// A mapping to be set.
///
/// # Errors
/// [`BillingError::Invalid`] with the field.
pub fn new_mapping(given: Option<pb::PackageMapping>) -> Result<NewMapping, BillingError> {
    let given = given.ok_or_else(|| BillingError::invalid("mapping", "is required"))?;
    if given.quantities.len() > SETTINGS_MAX {
        return Err(BillingError::invalid("mapping.quantities", format!("at most {SETTINGS_MAX}")));
    }
    if given.quantities.values().any(|setting| setting.chars().count() > SETTING_MAX) {
        return Err(BillingError::invalid(
            "mapping.quantities",
            format!("values have at most {SETTING_MAX} characters"),
        ));
    }
    Ok(NewMapping {
        reporter: reporter("mapping.", &given.instance_id, &given.instance_group)?,
        package: package("mapping.package", &given.package)?,
        plan_id: parse("mapping.plan_id", &given.plan_id)?,
        currency: parse_optional("mapping.currency_code", &given.currency_code)?,
        cycle: cycle_optional("mapping.cycle", given.cycle)?.unwrap_or(Cycle::MONTHLY),
        settings: given.quantities,
    })
}

/// A mapping for the protocol.
#[must_use]
pub fn to_mapping(mapping: Mapping) -> pb::PackageMapping {
    let quantities = mapping.quantities.into_iter();
    pb::PackageMapping {
        instance_id: mapping.instance_id.map(|id| id.to_string()).unwrap_or_default(),
        instance_group: mapping.instance_group,
        package: mapping.package,
        plan_id: mapping.plan_id.to_string(),
        currency_code: mapping.currency.map_or("", Currency::code).to_owned(),
        cycle: Some(to_cycle(mapping.cycle)),
        quantities: quantities.map(|(code, quantity)| (code, quantity.normalize().to_string())).collect(),
    }
}
