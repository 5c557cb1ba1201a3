//! Customers, projects and links between the protocol and the domain.

use billet_domain::money::Money;
use billet_domain::policy::{CreditPolicy, Grouping};

use super::{decimal_optional, parse_optional, party, text, to_decimal, to_instant, to_money, to_party};
use crate::billing::BillingError;
use crate::billing::customer::{NUMBER_LENGTH_MAX, NewCustomer};
use crate::proto::billet::v1 as pb;
use crate::store::customer::Customer;
use crate::store::project::Project;

/// What happens to credits; `None` when unspecified.
///
/// # Errors
/// [`BillingError::Invalid`] for a value that is not known here.
pub fn credit_policy(field: &str, given: i32) -> Result<Option<CreditPolicy>, BillingError> {
    match pb::CreditPolicy::try_from(given) {
        Ok(pb::CreditPolicy::Unspecified) => Ok(None),
        Ok(pb::CreditPolicy::CreditNote) => Ok(Some(CreditPolicy::CreditNote)),
        Ok(pb::CreditPolicy::NextInvoice) => Ok(Some(CreditPolicy::NextInvoice)),
        Err(_) => Err(BillingError::invalid(field, "no such policy")),
    }
}

/// For the protocol.
#[must_use]
pub fn to_credit_policy(policy: CreditPolicy) -> pb::CreditPolicy {
    match policy {
        CreditPolicy::CreditNote => pb::CreditPolicy::CreditNote,
        CreditPolicy::NextInvoice => pb::CreditPolicy::NextInvoice,
    }
}

/// What a customer is to be.
///
/// # Errors
/// [`BillingError::Invalid`] with fields below `customer`.
pub fn new_customer(given: pb::Customer) -> Result<NewCustomer, BillingError> {
    let grouping = match pb::InvoiceGrouping::try_from(given.grouping) {
        Ok(pb::InvoiceGrouping::Unspecified | pb::InvoiceGrouping::Customer) => Grouping::Customer,
        Ok(pb::InvoiceGrouping::Subscription) => Grouping::Subscription,
        Ok(pb::InvoiceGrouping::Project) => Grouping::Project,
        Err(_) => return Err(BillingError::invalid("customer.grouping", "no such grouping")),
    };
    let allowance = decimal_optional("customer.allowance_percent", given.allowance_percent.as_ref())?;
    Ok(NewCustomer {
        number: text("customer.number", &given.number, NUMBER_LENGTH_MAX, false)?,
        party: party("customer.party", given.party.as_ref())?,
        business: given.business,
        currency: parse_optional("customer.currency_code", &given.currency_code)?,
        language: given.language,
        payment_term_days: given.payment_term_days,
        grouping,
        credit_policy: credit_policy("customer.credit_policy", given.credit_policy)?,
        allowance_percent: allowance.unwrap_or_default(),
        metadata: given.metadata,
    })
}

/// A customer for the protocol.
#[must_use]
pub fn to_customer(customer: Customer, balances: Vec<Money>) -> pb::Customer {
    let grouping = match customer.grouping {
        Grouping::Customer => pb::InvoiceGrouping::Customer,
        Grouping::Subscription => pb::InvoiceGrouping::Subscription,
        Grouping::Project => pb::InvoiceGrouping::Project,
    };
    let credit_policy = customer.credit_policy.map_or(pb::CreditPolicy::Unspecified, to_credit_policy);
    pb::Customer {
        id: customer.id.to_string(),
        number: customer.number,
        party: Some(to_party(customer.party)),
        business: customer.business,
        currency_code: customer.currency.code().to_owned(),
        language: customer.language,
        payment_term_days: customer.payment_term_days,
        grouping: grouping.into(),
        credit_policy: credit_policy.into(),
        allowance_percent: Some(to_decimal(customer.allowance_percent)),
        metadata: customer.metadata,
        created_at: Some(to_instant(customer.created_at)),
        balances: balances.into_iter().map(|balance| to_money(balance.minor, balance.currency)).collect(),
    }
}

/// Copies one field that an update may name; answers whether there is such a field.
pub fn copy_customer(path: &str, from: &pb::Customer, to: &mut pb::Customer) -> bool {
    match path {
        "number" => to.number.clone_from(&from.number),
        "party" => to.party.clone_from(&from.party),
        "business" => to.business = from.business,
        "currency_code" => to.currency_code.clone_from(&from.currency_code),
        "language" => to.language.clone_from(&from.language),
        "payment_term_days" => to.payment_term_days = from.payment_term_days,
        "grouping" => to.grouping = from.grouping,
        "credit_policy" => to.credit_policy = from.credit_policy,
        "allowance_percent" => to.allowance_percent.clone_from(&from.allowance_percent),
        "metadata" => to.metadata.clone_from(&from.metadata),
        _ => {
            let Some(field) = path.strip_prefix("party.") else { return false };
            let from = from.party.clone().unwrap_or_default();
            return copy_party(field, from, to.party.get_or_insert_default());
        }
    }
    true
}

fn copy_party(field: &str, from: pb::Party, to: &mut pb::Party) -> bool {
    match field {
        "name" => to.name = from.name,
        "address_line" => to.address_line = from.address_line,
        "address_line_2" => to.address_line_2 = from.address_line_2,
        "post_code" => to.post_code = from.post_code,
        "city" => to.city = from.city,
        "country_code" => to.country_code = from.country_code,
        "vat_id" => to.vat_id = from.vat_id,
        "tax_number" => to.tax_number = from.tax_number,
        "registration" => to.registration = from.registration,
        "email" => to.email = from.email,
        "phone" => to.phone = from.phone,
        _ => return false,
    }
    true
}

/// A project for the protocol.
#[must_use]
pub fn to_project(project: Project) -> pb::Project {
    pb::Project { id: project.id.to_string(), customer_id: project.customer_id.to_string(), name: project.name }
}
