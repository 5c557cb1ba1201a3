//! The sums below the table: allowances, tax by category and rate, the total.

use billet_domain::document::{Document, DocumentAllowance, TaxSubtotal};
use billet_domain::money::sum_minor;
use rust_decimal::Decimal;
use serde::Serialize;

use super::Labelled;
use crate::pdf::PdfError;
use crate::pdf::forms::fill;
use crate::pdf::language::Language;

#[derive(Debug, Serialize)]
pub(super) struct Totals {
    rows: Vec<Labelled>,
    total: Labelled,
}

impl Totals {
    /// The sum of the lines is shown where allowances stand between it and the net total; it is net even if the
    /// lines show gross amounts, since allowances are (EN 16931 BT-106).
    pub(super) fn of(document: &Document, language: &Language) -> Result<Self, PdfError> {
        let labels = &language.labels;
        let money = |minor| language.forms.money(minor, document.currency);
        let mut rows = Vec::new();
        if !document.allowances.is_empty() {
            let lines_minor = sum_minor(document.lines.iter().map(|line| line.net_minor))?;
            rows.push((labels.lines_total.clone(), money(lines_minor)));
        }
        for allowance in &document.allowances {
            rows.push((reason(allowance, language), money(allowance.net_minor.saturating_neg())));
        }
        rows.push((labels.net_total.clone(), money(document.net_minor)));
        for tax in &document.taxes {
            rows.push((tax_of(tax, &money(tax.taxable_minor), language), money(tax.tax_minor)));
        }
        let total = (language.kind(document.kind).total.clone(), money(document.gross_minor));
        Ok(Self { rows, total })
    }
}

fn reason(allowance: &DocumentAllowance, language: &Language) -> String {
    let labels = &language.labels;
    let reason = if allowance.reason.trim().is_empty() { &labels.allowance } else { &allowance.reason };
    if allowance.percent == Decimal::ZERO {
        return reason.clone();
    }
    let percent = language.forms.percent(allowance.percent);
    fill(&labels.allowance_percent, &[("reason", reason), ("percent", &percent)])
}

fn tax_of(tax: &TaxSubtotal, taxable: &str, language: &Language) -> String {
    let rate = language.forms.percent(tax.rate);
    let category = fill(language.tax_category(&tax.category), &[("rate", &rate)]);
    fill(&language.labels.tax_of, &[("category", &category), ("taxable", taxable)])
}

/// Each reason once, in the order of the breakdown.
pub(super) fn exemption_reasons(document: &Document) -> Vec<String> {
    let mut reasons: Vec<String> = Vec::new();
    for tax in &document.taxes {
        let reason = tax.exemption_reason.trim();
        if !reason.is_empty() && !reasons.iter().any(|known| known == reason) {
            reasons.push(reason.to_owned());
        }
    }
    reasons
}
