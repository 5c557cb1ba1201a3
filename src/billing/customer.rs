//! Making and changing customers.

use std::collections::{BTreeMap, BTreeSet};

use billet_domain::document::Party;
use billet_domain::id::CustomerId;
use billet_domain::language;
use billet_domain::money::Currency;
use billet_domain::policy::{CreditPolicy, Grouping, PAYMENT_TERM_DAYS_MAX};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::check::Check;
use super::{BillingError, edit};
use crate::store::customer::{self, Customer};
use crate::store::seller::Seller;
use crate::store::{self, Unit};

/// The longest customer number, in characters.
pub const NUMBER_LENGTH_MAX: usize = 64;
/// How many metadata a customer can have.
pub const METADATA_MAX: usize = 50;
/// The longest key, in characters.
pub const METADATA_KEY_LENGTH_MAX: usize = 64;
/// The longest value, in characters.
pub const METADATA_VALUE_LENGTH_MAX: usize = 500;
/// How often numbers of new customers are tried anew because somebody has them.
const NUMBER_ROUNDS_MAX: u32 = 20;

/// What a customer is to be. The default is a private person of whom nothing is known, with the seller's conditions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewCustomer {
    /// Given by the system when empty.
    pub number: String,
    /// Name and address; the name is required.
    pub party: Party,
    /// Whether it buys as a business.
    pub business: bool,
    /// The seller's when none.
    pub currency: Option<Currency>,
    /// BCP 47; the seller's when empty.
    pub language: String,
    /// Days until an invoice is due, at most 365; the seller's when none.
    pub payment_term_days: Option<u32>,
    /// What comes together on one invoice.
    pub grouping: Grouping,
    /// What happens to credits; as the seller has it when none.
    pub credit_policy: Option<CreditPolicy>,
    /// On everything, 0-100.
    pub allowance_percent: Decimal,
    /// Free for the seller's own use.
    pub metadata: BTreeMap<String, String>,
}

impl NewCustomer {
    fn check(&self) -> Result<(), BillingError> {
        let mut check = Check::default();
        let short = |text: &str, max: usize| text.chars().count() <= max && !text.chars().any(char::is_control);
        check.that(
            short(&self.number, NUMBER_LENGTH_MAX) && self.number.trim() == self.number,
            "customer.number",
            format!("at most {NUMBER_LENGTH_MAX} printable characters"),
        );
        check.that(!self.party.name.trim().is_empty(), "customer.party.name", "is required");
        check.that(
            self.language.is_empty() || language::is_tag(&self.language),
            "customer.language",
            "a language tag such as `de` or `de-AT` is needed",
        );
        check.that(
            self.payment_term_days.is_none_or(|days| days <= PAYMENT_TERM_DAYS_MAX),
            "customer.payment_term_days",
            format!("at most {PAYMENT_TERM_DAYS_MAX}"),
        );
        let allowance = self.allowance_percent;
        check.that(
            (Decimal::ZERO..=Decimal::ONE_HUNDRED).contains(&allowance) && allowance.normalize().scale() <= 4,
            "customer.allowance_percent",
            "between 0 and 100, with at most four decimals",
        );
        check.that(self.metadata.len() <= METADATA_MAX, "customer.metadata", format!("at most {METADATA_MAX} keys"));
        for (key, value) in self.metadata.iter().take(METADATA_MAX) {
            let field = format!("customer.metadata[{}]", key.chars().take(METADATA_KEY_LENGTH_MAX).collect::<String>());
            let key_fits = !key.is_empty() && short(key, METADATA_KEY_LENGTH_MAX);
            check.that(
                key_fits,
                field.clone(),
                format!("keys have 1 to {METADATA_KEY_LENGTH_MAX} printable characters"),
            );
            let value_fits = value.chars().count() <= METADATA_VALUE_LENGTH_MAX && !value.contains('\0');
            check.that(value_fits, field, format!("values have at most {METADATA_VALUE_LENGTH_MAX} characters"));
        }
        check.done()
    }

    fn into_customer(self, unit: &Unit, seller: &Seller, id: CustomerId) -> Customer {
        Customer {
            id,
            number: if self.number.is_empty() { number(id) } else { self.number },
            party: self.party,
            business: self.business,
            currency: self.currency.unwrap_or(seller.currency),
            language: if self.language.is_empty() { seller.language.clone() } else { self.language },
            payment_term_days: self.payment_term_days,
            grouping: self.grouping,
            credit_policy: self.credit_policy,
            allowance_percent: self.allowance_percent.normalize(),
            metadata: self.metadata,
            created_at: unit.now,
        }
    }
}

/// The number that the system gives: `K01043` for `cus_1043`. Ids are unique, so these are among themselves.
fn number(id: CustomerId) -> String {
    format!("K{:05}", id.0)
}

/// Makes a customer of the unit's seller.
///
/// # Errors
/// [`BillingError::Invalid`] with fields below `customer`, `NUMBER_TAKEN`.
pub async fn create(unit: &mut Unit, new: NewCustomer) -> Result<Customer, BillingError> {
    let mut created = create_all(unit, vec![new]).await?;
    created.pop().ok_or_else(|| BillingError::not_found("customer", ""))
}

/// Makes customers of the unit's seller with a few statements, however many there are, in the order given.
///
/// # Errors
/// As for [`create`]; then none was made.
pub async fn create_all(unit: &mut Unit, new: Vec<NewCustomer>) -> Result<Vec<Customer>, BillingError> {
    let seller = seller(unit).await?;
    let mut given = BTreeSet::new();
    let mut customers = Vec::with_capacity(new.len());
    for new in new {
        new.check()?;
        let automatic = new.number.is_empty();
        if !automatic && !given.insert(new.number.clone()) {
            return Err(number_taken(&new.number));
        }
        let id = CustomerId(unit.id()?);
        customers.push((new.into_customer(unit, &seller, id), automatic));
    }
    choose_numbers(unit, &mut customers, &given).await?;
    let customers: Vec<Customer> = customers.into_iter().map(|(customer, _)| customer).collect();
    customer::insert_all(unit, &customers).await?;
    for customer in &customers {
        unit.event("customer.created", customer.id, journaled(customer));
    }
    Ok(customers)
}

/// Refuses given numbers that somebody has. Where somebody was given by hand what the system would give, the system
/// goes on to its next.
async fn choose_numbers(
    unit: &mut Unit,
    customers: &mut [(Customer, bool)],
    given: &BTreeSet<String>,
) -> Result<(), BillingError> {
    let seller_id = unit.seller_id;
    for _ in 0..NUMBER_ROUNDS_MAX {
        let numbers: Vec<&str> = customers.iter().map(|(customer, _)| customer.number.as_str()).collect();
        let taken: BTreeSet<String> = customer::taken_numbers(unit, seller_id, &numbers).await?.into_iter().collect();
        if let Some(number) = taken.intersection(given).next() {
            return Err(number_taken(number));
        }
        let mut moved = false;
        for (customer, automatic) in customers.iter_mut() {
            if *automatic && (taken.contains(&customer.number) || given.contains(&customer.number)) {
                customer.id = CustomerId(unit.id()?);
                customer.number = number(customer.id);
                moved = true;
            }
        }
        if !moved {
            return Ok(());
        }
    }
    let detail = "the numbers that the system would give are taken: give one".to_owned();
    Err(BillingError::Exists { reason: "NUMBER_TAKEN", detail })
}

fn number_taken(number: &str) -> BillingError {
    BillingError::Exists { reason: "NUMBER_TAKEN", detail: format!("the customer number `{number}` is taken") }
}

async fn seller(unit: &mut Unit) -> Result<Seller, BillingError> {
    let seller_id = unit.seller_id;
    store::seller::get(unit, seller_id).await?.ok_or_else(|| BillingError::not_found("seller", seller_id))
}

/// A customer of the unit's seller, locked until the unit ends.
///
/// # Errors
/// [`BillingError::NotFound`].
pub async fn locked(unit: &mut Unit, id: CustomerId) -> Result<Customer, BillingError> {
    let found = customer::lock(unit, &[id]).await?.pop();
    found.ok_or_else(|| BillingError::not_found("customer", id))
}

/// Changes a customer, as read by [`locked`], into what it is to be. Issued documents keep what they say. Without a
/// number it gets the one that the system would have given.
///
/// # Errors
/// [`BillingError::Invalid`] with fields below `customer`, `NUMBER_TAKEN`.
pub async fn update(unit: &mut Unit, before: &Customer, new: NewCustomer) -> Result<Customer, BillingError> {
    new.check()?;
    let seller = seller(unit).await?;
    let after = Customer { created_at: before.created_at, ..new.into_customer(unit, &seller, before.id) };
    if after == *before {
        return Ok(after);
    }
    if after.number != before.number && !customer::taken_numbers(unit, seller.id, &[&after.number]).await?.is_empty() {
        return Err(number_taken(&after.number));
    }
    customer::update(unit, &after).await?;
    let mut changes = edit::changes(&journaled(before), &journaled(&after));
    let party = edit::party_fields(&before.party, &after.party);
    if !party.is_empty() {
        changes.insert("party".to_owned(), json!(party));
    }
    if before.metadata != after.metadata {
        let keys: BTreeSet<&String> = before.metadata.keys().chain(after.metadata.keys()).collect();
        let changed = keys.into_iter().filter(|key| before.metadata.get(*key) != after.metadata.get(*key));
        changes.insert("metadata".to_owned(), changed.map(String::as_str).collect());
    }
    unit.event("customer.updated", after.id, Value::Object(changes));
    Ok(after)
}

/// The conditions, not the person: the journal cannot forget.
fn journaled(customer: &Customer) -> Value {
    json!({
        "number": customer.number,
        "business": customer.business,
        "currency": customer.currency,
        "language": customer.language,
        "payment_term_days": customer.payment_term_days,
        "grouping": customer.grouping,
        "credit_policy": customer.credit_policy,
        "allowance_percent": customer.allowance_percent,
    })
}
