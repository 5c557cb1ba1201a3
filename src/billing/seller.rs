//! Founding a seller, the operator or a reseller, and keeping its settings.

use std::collections::BTreeSet;
use std::fmt;

use billet_domain::document::Party;
use billet_domain::id::SellerId;
use billet_domain::money::Currency;
use billet_domain::policy::{CreditPolicy, PAYMENT_TERM_DAYS_MAX};
use billet_domain::role::Role;
use billet_domain::tax::{self, TaxRule, TaxRuleError};
use billet_domain::{language, nightly};
use chrono::NaiveTime;
use chrono_tz::Tz;
use serde_json::{Value, json};

use super::check::Check;
use super::token::NewToken;
use super::{Billing, BillingError, edit, series, token};
use crate::store::seller::Seller;
use crate::store::token::Token;
use crate::store::{self, Event, Unit};

/// How many tax classes a seller can have.
const TAX_RULES_MAX: usize = 50;

/// What a seller is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSeller {
    /// Name and address.
    pub party: Party,
    /// Billing dates are dates here.
    pub time_zone: Tz,
    /// What customers are billed in unless they say otherwise.
    pub currency: Currency,
    /// BCP 47.
    pub language: String,
    /// Days until an invoice is due, at most 365.
    pub payment_term_days: u32,
    /// What happens when credits outweigh charges.
    pub credit_policy: CreditPolicy,
    /// How tax classes are taxed; one for `standard` at least.
    pub tax_rules: Vec<TaxRule>,
    /// With or without spaces; empty if none.
    pub iban: String,
    /// Empty if none.
    pub bic: String,
    /// When the nightly run starts; a whole minute.
    pub nightly_run_at: NaiveTime,
    /// Whether changes are billed at once.
    pub bill_changes_at_once: bool,
}

impl NewSeller {
    /// Writes IBAN and BIC as they are printed in machine form and refuses what cannot stand.
    fn checked(mut self) -> Result<Self, BillingError> {
        let mut check = Check::default();
        check.that(!self.party.name.trim().is_empty(), "seller.party.name", "is required");
        check.that(
            language::is_tag(&self.language),
            "seller.language",
            "a language tag such as `de` or `de-AT` is needed",
        );
        let term = format!("at most {PAYMENT_TERM_DAYS_MAX}");
        check.that(self.payment_term_days <= PAYMENT_TERM_DAYS_MAX, "seller.payment_term_days", term);
        check.that(nightly::is_whole_minute(self.nightly_run_at), "seller.nightly_run_at", "a whole minute is needed");
        check_tax_rules(&mut check, &self.tax_rules);
        if !self.iban.is_empty() {
            let compact: String = self.iban.chars().filter(|c| !c.is_whitespace()).collect();
            match compact.to_ascii_uppercase().parse::<iban::Iban>() {
                Ok(iban) => self.iban = iban::IbanLike::electronic_str(&iban).to_owned(),
                Err(error) => check.that(false, "seller.iban", format!("not an IBAN: {error}")),
            }
        }
        self.bic.make_ascii_uppercase();
        let bic_fits = self.bic.is_empty() || is_bic(&self.bic);
        check.that(bic_fits, "seller.bic", "8 or 11 letters and digits, the country at the fifth place (ISO 9362)");
        check.done()?;
        Ok(self)
    }

    fn into_seller(self, unit: &Unit, id: SellerId, parent_id: Option<SellerId>) -> Seller {
        Seller {
            id,
            parent_id,
            party: self.party,
            time_zone: self.time_zone,
            currency: self.currency,
            language: self.language,
            payment_term_days: self.payment_term_days,
            credit_policy: self.credit_policy,
            tax_rules: self.tax_rules,
            iban: self.iban,
            bic: self.bic,
            nightly_run_at: self.nightly_run_at,
            bill_changes_at_once: self.bill_changes_at_once,
            created_at: unit.now,
        }
    }
}

fn check_tax_rules(check: &mut Check, rules: &[TaxRule]) {
    check.that(rules.len() <= TAX_RULES_MAX, "seller.tax_rules", format!("at most {TAX_RULES_MAX}"));
    let has_standard = tax::treatment(rules, tax::STANDARD).is_some();
    check.that(has_standard, "seller.tax_rules", format!("a rule for the tax class `{}` is needed", tax::STANDARD));
    let mut classes = BTreeSet::new();
    for (index, TaxRule { tax_class, tax }) in rules.iter().enumerate() {
        let at = |field: &str| format!("seller.tax_rules[{index}].{field}");
        check.that(!tax_class.is_empty(), at("tax_class"), "is required");
        check.that(classes.insert(tax_class.as_str()), at("tax_class"), "there is a rule for this class already");
        if let Err(error) = tax.check() {
            let field = match error {
                TaxRuleError::Category(_) => "category",
                TaxRuleError::Rate { .. } => "rate",
                TaxRuleError::Reason(_) => "exemption_reason",
            };
            check.that(false, at(field), error.to_string());
        }
    }
}

/// ISO 9362:2022: four letters or digits for the party, two letters for the country, two and perhaps three more.
fn is_bic(text: &str) -> bool {
    let bytes = text.as_bytes();
    matches!(bytes.len(), 8 | 11)
        && bytes.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        && bytes.iter().skip(4).take(2).all(u8::is_ascii_uppercase)
}

/// The token of a new seller's owner, with the secret that is shown once.
#[derive(Clone, PartialEq, Eq)]
pub struct OwnerToken {
    /// As stored.
    pub token: Token,
    /// What callers send as `authorization: Bearer ...`.
    pub secret: String,
}

impl fmt::Debug for OwnerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the secret.
        f.debug_struct("OwnerToken").field("token", &self.token).finish_non_exhaustive()
    }
}

/// Makes a seller ready to work: its journal, its number series, its nightly run, its owner's token. The owner of the
/// operator is the daemon's owner; that of a reseller has the role for it.
///
/// # Errors
/// [`BillingError::Invalid`] with fields below `seller` and `owner_name`.
pub async fn found(
    unit: &mut Unit,
    parent: Option<SellerId>,
    new: NewSeller,
    owner_name: &str,
) -> Result<(Seller, OwnerToken), BillingError> {
    let new = new.checked()?;
    if owner_name.trim().is_empty() {
        return Err(BillingError::invalid("owner_name", "is required"));
    }
    let id = SellerId(unit.id()?);
    let seller = new.into_seller(unit, id, parent);
    if parent.is_none() {
        unit.seller_id = id;
    }
    store::seller::insert(unit, &seller).await?;
    series::found(unit, id).await?;
    plan_nightly_run(unit, &seller).await?;
    unit.event_of(Event {
        seller_id: id,
        kind: "seller.created",
        subject: id.to_string(),
        reason: String::new(),
        data: journaled(&seller),
    });
    if parent.is_some() {
        unit.event("reseller.created", id, json!({ "name": seller.party.name }));
    }
    let role = if parent.is_some() { Role::ResellerAdmin } else { Role::Owner };
    let owner = NewToken { name: owner_name.trim().to_owned(), roles: vec![role], ..NewToken::default() };
    let (token, secret) = token::issue(unit, id, owner).await?;
    Ok((seller, OwnerToken { token, secret }))
}

/// Makes the operator, the first seller of a database and the only one without a parent.
///
/// # Errors
/// `ALREADY_INITIALISED` when there is one, [`BillingError::Invalid`].
pub async fn found_operator(
    billing: &Billing,
    new: NewSeller,
    owner_name: &str,
) -> Result<(Seller, OwnerToken), BillingError> {
    // Whose unit it is, is known when the seller has its id.
    let mut unit = billing.begin(SellerId(0), "system").await?;
    if let Some(operator) = store::seller::operator(&mut unit).await? {
        let detail = format!("the database belongs to `{}` ({}) already", operator.party.name, operator.id);
        return Err(BillingError::precondition("ALREADY_INITIALISED", operator.id, detail));
    }
    let founded = found(&mut unit, None, new, owner_name).await?;
    unit.commit().await?;
    Ok(founded)
}

/// The unit's seller, locked against other changes of it.
///
/// # Errors
/// [`BillingError`].
pub async fn locked(unit: &mut Unit) -> Result<Seller, BillingError> {
    let seller_id = unit.seller_id;
    store::seller::lock(unit).await?.ok_or_else(|| BillingError::not_found("seller", seller_id))
}

/// Changes the unit's seller, as read by [`locked`], into what it is to be. Where the time of its nightly run moves, the
/// next run is planned anew.
///
/// # Errors
/// [`BillingError::Invalid`] with fields below `seller`.
pub async fn update(unit: &mut Unit, before: &Seller, new: NewSeller) -> Result<Seller, BillingError> {
    let after =
        Seller { created_at: before.created_at, ..new.checked()?.into_seller(unit, before.id, before.parent_id) };
    let changes = edit::changes(&journaled(before), &journaled(&after));
    if changes.is_empty() {
        return Ok(after);
    }
    store::seller::update(unit, &after).await?;
    if (before.time_zone, before.nightly_run_at) != (after.time_zone, after.nightly_run_at) {
        plan_nightly_run(unit, &after).await?;
    }
    unit.event("seller.updated", after.id, Value::Object(changes));
    Ok(after)
}

async fn plan_nightly_run(unit: &mut Unit, seller: &Seller) -> Result<(), BillingError> {
    let due_at = nightly::next_nightly(unit.now, seller.time_zone, seller.nightly_run_at);
    Ok(store::seller::plan_nightly_run(unit, seller.id, due_at).await?)
}

/// All settings: a seller's own data are public, they stand on its invoices.
fn journaled(seller: &Seller) -> Value {
    json!({
        "parent_id": seller.parent_id,
        "party": seller.party,
        "time_zone": seller.time_zone.name(),
        "currency": seller.currency,
        "language": seller.language,
        "payment_term_days": seller.payment_term_days,
        "credit_policy": seller.credit_policy,
        "tax_rules": seller.tax_rules,
        "iban": seller.iban,
        "bic": seller.bic,
        "nightly_run_at": nightly::format_time(seller.nightly_run_at),
        "bill_changes_at_once": seller.bill_changes_at_once,
    })
}
