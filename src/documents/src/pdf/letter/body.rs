//! The printed texts, from the sender's line to the footer.

use billet_domain::document::{Document, DocumentKind, DocumentLine, PayTo};
use serde::Serialize;

use super::Labelled;
use super::address::{address, footer, place};
use super::totals::{Totals, exemption_reasons};
use crate::pdf::PdfError;
use crate::pdf::forms::{fill, iban_in_fours};
use crate::pdf::language::Language;

#[derive(Debug, Serialize)]
pub(in crate::pdf) struct Body {
    seller: String,
    /// The seller in one small line above the address, for the envelope's window.
    sender: String,
    address: Vec<String>,
    info: Vec<Labelled>,
    title: String,
    preceding: String,
    columns: Columns,
    lines: Vec<Line>,
    totals: Totals,
    /// Why no tax is charged.
    reasons: Vec<String>,
    payment: Payment,
    note: Vec<String>,
    footer: Vec<Vec<String>>,
    page: String,
}

/// The head of the table.
#[derive(Debug, Serialize)]
struct Columns {
    position: String,
    name: String,
    quantity: String,
    unit_price: String,
    tax_rate: String,
    amount: String,
}

/// One row of the table.
#[derive(Debug, Serialize)]
struct Line {
    position: u32,
    name: String,
    details: Vec<String>,
    quantity: String,
    unit_price: String,
    tax_rate: String,
    amount: String,
}

/// How to pay; without texts nothing is printed.
#[derive(Debug, Serialize)]
struct Payment {
    title: String,
    terms: Vec<String>,
    account: Vec<Labelled>,
}

impl Body {
    pub(super) fn of(document: &Document, language: &Language) -> Result<Self, PdfError> {
        let seller = &document.seller;
        let words = language.kind(document.kind);
        let labels = &language.labels;
        Ok(Self {
            seller: seller.name.clone(),
            sender: filled([&seller.name, &seller.address_line, &place(seller)]).join(" · "),
            address: address(&document.buyer, &seller.country, language),
            info: info(document, language),
            title: format!("{} {}", words.title, document.number),
            preceding: preceding(document, language),
            columns: Columns {
                position: labels.position.clone(),
                name: labels.description.clone(),
                quantity: labels.quantity.clone(),
                unit_price: either(document.tax_inclusive, &labels.unit_price_gross, &labels.unit_price_net),
                tax_rate: labels.tax_rate.clone(),
                amount: either(document.tax_inclusive, &labels.amount_gross, &labels.amount_net),
            },
            lines: document.lines.iter().map(|line| Line::of(line, document, language)).collect(),
            totals: Totals::of(document, language)?,
            reasons: exemption_reasons(document),
            payment: Payment::of(document, language),
            note: paragraphs(&document.note),
            footer: footer(document, language),
            page: labels.page.clone(),
        })
    }
}

impl Line {
    fn of(line: &DocumentLine, document: &Document, language: &Language) -> Self {
        let forms = &language.forms;
        // The period's end is the day after the last.
        let days = line.period.map(|(first, after)| forms.days(first, after.pred_opt().unwrap_or(after)));
        let mut details = paragraphs(&line.explanation);
        if let Some(days) = days {
            match details.first_mut() {
                Some(explanation) => *explanation = format!("{days} · {explanation}"),
                None => details.push(days),
            }
        }
        Self {
            position: line.position,
            name: line.name.clone(),
            details,
            quantity: forms.number(line.quantity, 0),
            unit_price: forms.price(line.unit_price, document.currency),
            tax_rate: forms.percent(line.tax_rate),
            amount: forms.money(line.amount_minor, document.currency),
        }
    }
}

impl Payment {
    /// Only an invoice asks for money: on the other kinds the seller's account is not one to pay to.
    fn of(document: &Document, language: &Language) -> Self {
        let labels = &language.labels;
        let asks = document.kind == DocumentKind::Invoice && document.gross_minor > 0;
        let mut terms = paragraphs(&document.payment_terms);
        if let Some(due) = document.due_date.filter(|_| asks && terms.is_empty()) {
            terms.push(fill(&labels.pay_until, &[("date", &language.forms.date(due))]));
        }
        let PayTo { iban, bic, account_name } = &document.pay_to;
        let account = if asks && !iban.trim().is_empty() {
            labelled([
                (&labels.account_name, account_name),
                (&labels.iban, &iban_in_fours(iban)),
                (&labels.bic, bic),
                (&labels.payment_reference, &document.number),
            ])
        } else {
            Vec::new()
        };
        Self { title: labels.payment.clone(), terms, account }
    }
}

fn info(document: &Document, language: &Language) -> Vec<Labelled> {
    let labels = &language.labels;
    let forms = &language.forms;
    labelled([
        (&language.kind(document.kind).number, &document.number),
        (&labels.issue_date, &forms.date(document.issue_date)),
        (&labels.due_date, &document.due_date.map(|due| forms.date(due)).unwrap_or_default()),
        (&labels.customer_number, &document.buyer_reference),
        (&labels.buyer_vat_id, &document.buyer.vat_id),
        (&labels.seller_vat_id, &document.seller.vat_id),
    ])
}

fn preceding(document: &Document, language: &Language) -> String {
    if document.preceding.is_empty() {
        return String::new();
    }
    let named = document.preceding.iter().map(|(number, date)| language.forms.dated(number, *date));
    let documents = named.collect::<Vec<_>>().join(", ");
    fill(&language.kind(document.kind).preceding, &[("documents", &documents)])
}

/// The texts that are not empty.
pub(super) fn filled<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.into_iter().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned).collect()
}

/// The labels whose values are not empty, with these.
pub(super) fn labelled<const N: usize>(pairs: [(&String, &String); N]) -> Vec<Labelled> {
    let kept = pairs.into_iter().filter(|(_, value)| !value.trim().is_empty());
    kept.map(|(label, value)| (label.clone(), value.clone())).collect()
}

/// The lines of a text, without empty ones.
fn paragraphs(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

fn either(first: bool, yes: &str, no: &str) -> String {
    if first { yes.to_owned() } else { no.to_owned() }
}
