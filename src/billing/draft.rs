//! Drafts by hand: written, thrown away, issued.

use billet_domain::document::DocumentKind;
use billet_domain::id::InvoiceId;
use billet_domain::invoice::LineAmount;
use billet_domain::money::Currency;
use billet_domain::period::Period;
use billet_domain::tax::{STANDARD, treatment};
use billet_domain::timeline::NUMBER_MAX;
use rust_decimal::Decimal;
use serde_json::json;

use super::BillingError;
use super::bill::NO_PLAN;
use super::issue::{Draft, DraftLine, Issued, issue_kept, keep_drafts};
use crate::store::Unit;
use crate::store::customer::{self, Customer};
use crate::store::invoice::{self, Invoice, LineKind};
use crate::store::seller::Seller;
use crate::store::subscription;

/// The most lines of a draft.
pub const LINES_MAX: usize = 1_000;

/// A line by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManualLine {
    /// On the document.
    pub name: String,
    /// Not zero.
    pub quantity: Decimal,
    /// Per unit, as agreed.
    pub unit_price: Decimal,
    /// `standard` when empty.
    pub tax_class: String,
    /// The days it is for.
    pub period: Option<Period>,
}

/// Writes a draft.
///
/// # Errors
/// [`BillingError::Invalid`] with the line's field, `NO_TAX_RULE`, `AMOUNT_TOO_LARGE`.
pub fn create(
    unit: &mut Unit,
    seller: &Seller,
    customer: &Customer,
    currency: Currency,
    tax_inclusive: bool,
    note: String,
    lines: Vec<ManualLine>,
) -> Result<Issued, BillingError> {
    if lines.is_empty() || lines.len() > LINES_MAX {
        return Err(BillingError::invalid("lines", format!("1 to {LINES_MAX} lines are needed")));
    }
    let lines = lines
        .into_iter()
        .enumerate()
        .map(|(index, line)| draft_line(seller, customer, currency, index, line))
        .collect::<Result<Vec<_>, _>>()?;
    if lines.iter().map(|line| i128::from(line.amount.amount_minor)).sum::<i128>() < 0 {
        return Err(BillingError::invalid("lines", "an invoice cannot be negative; credit an invoice instead"));
    }
    let draft = Draft {
        customer_id: customer.id,
        project_id: None,
        kind: DocumentKind::Invoice,
        currency,
        tax_inclusive,
        lines,
        preceding: Vec::new(),
        note,
        run_id: None,
    };
    let mut kept = keep_drafts(unit, vec![draft])?;
    kept.pop().ok_or_else(|| BillingError::invalid("lines", "no draft was made"))
}

fn draft_line(
    seller: &Seller,
    customer: &Customer,
    currency: Currency,
    index: usize,
    line: ManualLine,
) -> Result<DraftLine, BillingError> {
    let at = |field: &str| format!("lines[{index}].{field}");
    let fits = |number: Decimal| number.abs() <= NUMBER_MAX && number.scale() <= 12;
    if line.quantity.is_zero() || !fits(line.quantity) {
        return Err(BillingError::invalid(at("quantity"), "not zero, at most 1,000,000,000 and 12 decimals"));
    }
    if line.unit_price.is_sign_negative() && !line.unit_price.is_zero() || !fits(line.unit_price) {
        return Err(BillingError::invalid(at("unit_price"), "between 0 and 1,000,000,000 with at most 12 decimals"));
    }
    let class = if line.tax_class.is_empty() { STANDARD } else { &line.tax_class };
    let tax = treatment(&seller.tax_rules, class)
        .ok_or_else(|| BillingError::invalid(at("tax_class"), format!("the seller has no tax rule for `{class}`")))?;
    let units = line.quantity.checked_mul(line.unit_price).ok_or(billet_domain::money::MoneyError::Overflow)?;
    Ok(DraftLine {
        subscription_id: None,
        plan_id: NO_PLAN,
        component: String::new(),
        kind: LineKind::Manual,
        credits_line_id: None,
        period: line.period,
        revision: 0,
        name: line.name,
        quantity: line.quantity,
        unit_price: line.unit_price,
        rating: None,
        amount: LineAmount {
            amount_minor: currency.round_to_minor(units)?,
            tax: tax.clone(),
            allowance_percent: customer.allowance_percent,
        },
    })
}

/// An unissued document whose customer is locked.
async fn draft_of(unit: &mut Unit, id: InvoiceId) -> Result<(Invoice, Customer), BillingError> {
    let (invoice, customer) = locked(unit, id).await?;
    if invoice.number.is_some() {
        return Err(BillingError::precondition("ALREADY_ISSUED", id, "the document is issued and never changes"));
    }
    Ok((invoice, customer))
}

/// A document whose customer is locked.
///
/// # Errors
/// [`BillingError::NotFound`].
pub async fn locked(unit: &mut Unit, id: InvoiceId) -> Result<(Invoice, Customer), BillingError> {
    let seller_id = unit.seller_id;
    let missing = || BillingError::not_found("invoice", id);
    let found = invoice::get(unit, seller_id, id).await?.ok_or_else(missing)?;
    let customer = customer::lock(unit, &[found.customer_id]).await?.pop().ok_or_else(missing)?;
    // Read again under the lock.
    let invoice = invoice::get(unit, seller_id, id).await?.ok_or_else(missing)?;
    Ok((invoice, customer))
}

/// Throws a draft away; what it covered is due again.
///
/// # Errors
/// [`BillingError::NotFound`], `ALREADY_ISSUED`.
pub async fn discard(unit: &mut Unit, seller: &Seller, id: InvoiceId) -> Result<(), BillingError> {
    let (invoice, _) = draft_of(unit, id).await?;
    let seller_id = unit.seller_id;
    let lines = invoice::lines(unit, seller_id, [id]).await?.remove(&id).unwrap_or_default();
    invoice::delete_draft(unit, id).await?;
    due_again(unit, seller, lines.iter().filter_map(|line| line.subscription_id)).await?;
    unit.event("invoice.discarded", id, json!({ "customer": invoice.customer_id, "gross_minor": invoice.gross_minor }));
    Ok(())
}

/// Issues a draft.
///
/// # Errors
/// [`BillingError::NotFound`], `ALREADY_ISSUED`, `CUSTOMER_WITHOUT_ADDRESS`, ...
pub async fn issue(unit: &mut Unit, seller: &Seller, id: InvoiceId) -> Result<Issued, BillingError> {
    let (invoice, customer) = draft_of(unit, id).await?;
    if let Some(missing) = customer.party.missing_on_documents() {
        let detail = format!("{} ({}) has no {missing}, which a document needs", customer.party.name, customer.id);
        return Err(BillingError::precondition("CUSTOMER_WITHOUT_ADDRESS", customer.id, detail));
    }
    let seller_id = unit.seller_id;
    let lines = invoice::lines(unit, seller_id, [id]).await?.remove(&id).unwrap_or_default();
    issue_kept(unit, seller, &customer, invoice, lines).await
}

/// Subscriptions of which something has to be billed anew: compared whole at the next billing.
///
/// # Errors
/// [`BillingError::Store`].
pub async fn due_again(
    unit: &mut Unit,
    seller: &Seller,
    ids: impl IntoIterator<Item = billet_domain::id::SubscriptionId>,
) -> Result<(), BillingError> {
    let seller_id = unit.seller_id;
    let today = seller.today(unit.now);
    let ids: std::collections::BTreeSet<_> = ids.into_iter().collect();
    if ids.is_empty() {
        return Ok(());
    }
    let mut subscriptions = subscription::by_ids(unit, seller_id, ids).await?;
    for one in &mut subscriptions {
        one.touched(today);
    }
    subscription::update(unit, &subscriptions).await?;
    Ok(())
}
