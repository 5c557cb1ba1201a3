//! Documents for the protocol.

use billet_domain::document::DocumentKind;
use billet_domain::id::{InvoiceId, SellerId};

use super::{to_date, to_decimal, to_instant, to_money, to_period};
use crate::billing::render::explanation;
use crate::proto::billet::v1 as pb;
use crate::store::invoice::{self, Invoice, Line, LineKind};
use crate::store::{StoreError, Tx};

/// Documents with all their lines, in the order of the ids.
///
/// # Errors
/// [`StoreError`].
pub async fn whole(
    tx: &mut Tx,
    seller_id: SellerId,
    ids: impl IntoIterator<Item = InvoiceId>,
) -> Result<Vec<pb::Invoice>, StoreError> {
    let ids: Vec<InvoiceId> = ids.into_iter().collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let invoices = invoice::by_ids(tx, seller_id, ids.iter().copied()).await?;
    let mut lines = invoice::lines(tx, seller_id, ids.iter().copied()).await?;
    let standing = invoice::standing(tx, seller_id, ids.iter().copied()).await?;
    Ok(invoices
        .into_iter()
        .map(|invoice| {
            let lines = lines.remove(&invoice.id).unwrap_or_default();
            let standing = standing.get(&invoice.id).cloned();
            to_invoice(invoice, lines, standing)
        })
        .collect())
}

/// As a draft that was never there: without ids and numbers.
#[must_use]
pub fn as_preview(mut invoice: pb::Invoice) -> pb::Invoice {
    invoice.id.clear();
    invoice.number.clear();
    invoice.issue_date = None;
    invoice.due_date = None;
    invoice.created_at = None;
    invoice.state = pb::InvoiceState::Draft.into();
    invoice.open_amount.clone_from(&invoice.gross_amount);
    for line in &mut invoice.lines {
        line.id.clear();
    }
    invoice
}

/// A document; `standing` is what is open of it and its state, absent on drafts.
#[must_use]
pub fn to_invoice(invoice: Invoice, lines: Vec<Line>, standing: Option<(i64, String)>) -> pb::Invoice {
    let currency = invoice.currency;
    let money = |minor| Some(to_money(minor, currency));
    // Amounts of lines are stored from the customer's side; on the document they stand in its direction.
    let direction = if invoice.kind == DocumentKind::Invoice { 1 } else { -1 };
    let (open_minor, state) = standing
        .map_or((invoice.gross_minor, pb::InvoiceState::Draft), |(open_minor, word)| (open_minor, to_state(&word)));
    pb::Invoice {
        id: invoice.id.to_string(),
        kind: to_kind(invoice.kind).into(),
        state: state.into(),
        number: invoice.number.unwrap_or_default(),
        customer_id: invoice.customer_id.to_string(),
        project_id: invoice.project_id.map(|id| id.to_string()).unwrap_or_default(),
        issue_date: invoice.issue_date.map(to_date),
        due_date: invoice.due_date.map(to_date),
        currency_code: currency.code().to_owned(),
        tax_inclusive: invoice.tax_inclusive,
        lines: lines.into_iter().map(|line| to_line(line, direction, currency)).collect(),
        allowances: invoice
            .breakdown
            .allowances
            .iter()
            .map(|allowance| pb::Allowance {
                reason: String::new(),
                percent: Some(to_decimal(allowance.percent)),
                amount: money(allowance.amount_minor),
                tax_category: allowance.tax.category.clone(),
                tax_rate: Some(to_decimal(allowance.tax.rate)),
            })
            .collect(),
        taxes: invoice
            .breakdown
            .taxes
            .iter()
            .map(|row| pb::TaxSubtotal {
                category: row.tax.category.clone(),
                rate: Some(to_decimal(row.tax.rate)),
                taxable_amount: money(row.taxable_minor),
                tax_amount: money(row.tax_minor),
                exemption_reason: row.tax.exemption_reason.clone(),
            })
            .collect(),
        net_amount: money(invoice.net_minor),
        tax_amount: money(invoice.tax_minor),
        gross_amount: money(invoice.gross_minor),
        open_amount: money(open_minor),
        preceding_invoice_ids: invoice.preceding.iter().map(ToString::to_string).collect(),
        note: invoice.note,
        created_at: Some(to_instant(invoice.created_at)),
    }
}

fn to_line(line: Line, direction: i64, currency: billet_domain::money::Currency) -> pb::InvoiceLine {
    let explanation = explanation(&line, currency, "en");
    let against = direction * line.amount_minor < 0;
    let basis = line.rating.as_ref().map(|rating| rating.basis);
    pb::InvoiceLine {
        id: line.id.to_string(),
        position: line.position,
        subscription_id: line.subscription_id.map(|id| id.to_string()).unwrap_or_default(),
        component: line.component,
        kind: match line.kind {
            LineKind::Recurring => "recurring",
            LineKind::Setup => "setup",
            LineKind::Usage => "usage",
            LineKind::Manual => "manual",
        }
        .to_owned(),
        name: line.name,
        explanation,
        days: line.period.and_then(|period| u32::try_from(period.days()).ok()).unwrap_or_default(),
        period: line.period.map(to_period),
        cycle_days: basis.and_then(|basis| u32::try_from(basis.cycle.days()).ok()).unwrap_or_default(),
        cycle: basis.map(|basis| to_period(basis.cycle)),
        quantity: Some(to_decimal(if against { -line.quantity } else { line.quantity })),
        unit_price: Some(to_decimal(line.unit_price)),
        cycle_amount: basis.map(|basis| to_decimal(basis.amount)),
        discount_percent: line.rating.as_ref().map(|rating| to_decimal(rating.discount_percent)),
        promotion: line.rating.map(|rating| rating.promotion).unwrap_or_default(),
        amount: Some(to_money(direction * line.amount_minor, currency)),
        net_amount: Some(to_money(direction * line.net_minor, currency)),
        tax_category: line.tax.category,
        tax_rate: Some(to_decimal(line.tax.rate)),
        credited_line_id: line.credits_line_id.map(|id| id.to_string()).unwrap_or_default(),
    }
}

fn to_kind(kind: DocumentKind) -> pb::InvoiceKind {
    match kind {
        DocumentKind::Invoice => pb::InvoiceKind::Invoice,
        DocumentKind::CreditNote => pb::InvoiceKind::CreditNote,
        DocumentKind::Cancellation => pb::InvoiceKind::Cancellation,
    }
}

/// The states and their words in the database.
const STATES: [(pb::InvoiceState, &str); 7] = [
    (pb::InvoiceState::Draft, "draft"),
    (pb::InvoiceState::Issued, "issued"),
    (pb::InvoiceState::PartlyPaid, "partly_paid"),
    (pb::InvoiceState::Paid, "paid"),
    (pb::InvoiceState::Credited, "credited"),
    (pb::InvoiceState::Cancelled, "cancelled"),
    (pb::InvoiceState::WrittenOff, "written_off"),
];

fn to_state(word: &str) -> pb::InvoiceState {
    STATES.iter().find(|(_, known)| *known == word).map_or(pb::InvoiceState::Unspecified, |(state, _)| *state)
}

/// The word of a state in the database; `None` for the unspecified one.
#[must_use]
pub fn state_word(state: pb::InvoiceState) -> Option<&'static str> {
    STATES.iter().find(|(known, _)| *known == state).map(|(_, word)| *word)
}
