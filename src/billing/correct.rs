//! Takes back what was invoiced: the whole document by a cancellation, part of it by a credit note. Both name the
//! original, which stays as it is.

use std::collections::{BTreeMap, BTreeSet};

use billet_domain::document::DocumentKind;
use billet_domain::id::{InvoiceId, LineId};
use billet_domain::invoice::LineAmount;

use super::BillingError;
use super::draft::{due_again, locked};
use super::issue::{Draft, DraftLine, Issued, issue};
use crate::store::Unit;
use crate::store::customer::Customer;
use crate::store::invoice::{self, Invoice, Line, LineKind};
use crate::store::open_item;
use crate::store::seller::Seller;

/// Takes back a whole issued invoice. With `rebill` the days that it covered are due again.
///
/// # Errors
/// [`BillingError::NotFound`], `NOT_AN_INVOICE`, `NOT_ISSUED`, `INVOICE_CANCELLED`, `CREDITED_ALREADY`.
pub async fn cancel(
    unit: &mut Unit,
    seller: &Seller,
    id: InvoiceId,
    reason: &str,
    rebill: bool,
) -> Result<Issued, BillingError> {
    let (original, customer, lines, given_back) = issued_invoice(unit, id).await?;
    let seller_id = unit.seller_id;
    let cancelled_by = open_item::get(unit, seller_id, id).await?.and_then(|open| open.item.cancelled_by);
    if let Some(cancellation) = cancelled_by {
        let detail = format!("{id} was taken back by {cancellation} already");
        return Err(BillingError::precondition("INVOICE_CANCELLED", id, detail));
    }
    if !given_back.is_empty() {
        let detail = "part of the invoice was given back already; credit the rest instead";
        return Err(BillingError::precondition("CREDITED_ALREADY", id, detail));
    }
    let taken_back = lines
        .iter()
        .map(|line| {
            // Without rebilling the days stay covered: the money goes back, not the days.
            let kind = if rebill { line.kind } else { LineKind::Manual };
            credit_line(line, kind, line.amount_minor)
        })
        .collect();
    let issued = issue_one(unit, seller, &original, &customer, DocumentKind::Cancellation, taken_back, reason).await?;
    if rebill {
        unit.flush().await?;
        due_again(unit, seller, lines.iter().filter_map(|line| line.subscription_id)).await?;
    }
    Ok(issued)
}

/// Gives back part of an issued invoice: amounts as agreed, by line, each at most what the line still has.
///
/// # Errors
/// [`BillingError::Invalid`] with the credit's field, `NOT_AN_INVOICE`, `NOT_ISSUED`.
pub async fn credit(
    unit: &mut Unit,
    seller: &Seller,
    id: InvoiceId,
    credits: &[(LineId, i64)],
    reason: &str,
) -> Result<Issued, BillingError> {
    let (original, customer, lines, mut given_back) = issued_invoice(unit, id).await?;
    let by_id: BTreeMap<LineId, &Line> = lines.iter().map(|line| (line.id, line)).collect();
    let mut taken_back = Vec::with_capacity(credits.len());
    let mut named = BTreeSet::new();
    for (index, (line_id, amount_minor)) in credits.iter().enumerate() {
        if !named.insert(*line_id) {
            let problem = format!("{line_id} is named twice: once, with the whole amount");
            return Err(BillingError::invalid(format!("credits[{index}].line_id"), problem));
        }
        let line = by_id.get(line_id).ok_or_else(|| {
            BillingError::invalid(format!("credits[{index}].line_id"), format!("{line_id} is no line of {id}"))
        })?;
        let so_far = given_back.entry(*line_id).or_default();
        let left = line.amount_minor - *so_far;
        if *amount_minor <= 0 || *amount_minor > left {
            let problem = format!(
                "more than zero and at most what the line still has ({})",
                original.currency.units(left.max(0))
            );
            return Err(BillingError::invalid(format!("credits[{index}].amount"), problem));
        }
        *so_far += amount_minor;
        taken_back.push(credit_line(line, LineKind::Manual, *amount_minor));
    }
    issue_one(unit, seller, &original, &customer, DocumentKind::CreditNote, taken_back, reason).await
}

/// An issued invoice with its customer (locked), its lines and what of them was given back.
async fn issued_invoice(
    unit: &mut Unit,
    id: InvoiceId,
) -> Result<(Invoice, Customer, Vec<Line>, BTreeMap<LineId, i64>), BillingError> {
    let (original, customer) = locked(unit, id).await?;
    if original.number.is_none() {
        return Err(BillingError::precondition("NOT_ISSUED", id, "a draft is discarded, not taken back"));
    }
    if original.kind != DocumentKind::Invoice {
        return Err(BillingError::precondition("NOT_AN_INVOICE", id, "only an invoice can be taken back"));
    }
    let seller_id = unit.seller_id;
    let lines = invoice::lines(unit, seller_id, [id]).await?.remove(&id).unwrap_or_default();
    let given_back = invoice::given_back(unit, seller_id, id).await?;
    Ok((original, customer, lines, given_back))
}

fn credit_line(line: &Line, kind: LineKind, amount_minor: i64) -> DraftLine {
    DraftLine {
        subscription_id: line.subscription_id,
        plan_id: line.plan_id,
        component: line.component.clone(),
        kind,
        credits_line_id: Some(line.id),
        period: line.period,
        revision: line.revision,
        name: line.name.clone(),
        quantity: line.quantity,
        unit_price: line.unit_price,
        rating: line.rating.clone(),
        amount: LineAmount {
            amount_minor: -amount_minor,
            tax: line.tax.clone(),
            allowance_percent: line.allowance_percent,
        },
    }
}

async fn issue_one(
    unit: &mut Unit,
    seller: &Seller,
    original: &Invoice,
    customer: &Customer,
    kind: DocumentKind,
    lines: Vec<DraftLine>,
    reason: &str,
) -> Result<Issued, BillingError> {
    let draft = Draft {
        customer_id: customer.id,
        project_id: original.project_id,
        kind,
        currency: original.currency,
        tax_inclusive: original.tax_inclusive,
        lines,
        preceding: vec![original.id],
        note: reason.to_owned(),
        run_id: None,
    };
    let customers = BTreeMap::from([(customer.id, customer.clone())]);
    let mut issued = issue(unit, seller, &customers, vec![draft]).await?;
    issued.pop().ok_or_else(|| BillingError::not_found("invoice", original.id))
}
