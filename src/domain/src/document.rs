//! An issued document as it is archived and printed: complete in itself, so that it can be written again
//! byte for byte without looking anything up. Field names follow EN 16931's business terms where it has one.

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::money::Currency;

/// The kind of a document (EN 16931 BT-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentKind {
    /// 380: asks for payment.
    Invoice,
    /// 381: gives back part of what was invoiced.
    CreditNote,
    /// 381 as well: takes back a whole document.
    Cancellation,
}

/// A party with its address (EN 16931 BG-4 seller, BG-7 buyer).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Party {
    /// BT-27, BT-44: the legal name.
    pub name: String,
    /// BT-35, BT-50: street and number.
    pub address_line: String,
    /// BT-36, BT-51: a second line, often empty.
    pub address_line_2: String,
    /// BT-38, BT-53.
    pub post_code: String,
    /// BT-37, BT-52.
    pub city: String,
    /// BT-40, BT-55: ISO 3166-1 alpha-2.
    pub country: String,
    /// BT-31, BT-48: the VAT identifier with its country prefix, empty if none.
    pub vat_id: String,
    /// BT-32: the seller's local tax number, empty if none.
    pub tax_number: String,
    /// BT-30: the seller's register entry, empty if none.
    pub registration: String,
    /// BT-43, BT-58.
    pub email: String,
    /// BT-42, BT-57, empty if none.
    pub phone: String,
}

/// Whether this is a country of ISO 3166-1 alpha-2 (the table is the crate `iso_country`'s).
#[must_use]
pub fn is_country(code: &str) -> bool {
    code.len() == 2 && code.parse::<iso_country::Country>().is_ok()
}

impl Party {
    /// What a document needs and is not there, in words (section 14 UStG, article 226 of Directive 2006/112/EC: full
    /// name and address).
    #[must_use]
    pub fn missing_on_documents(&self) -> Option<&'static str> {
        if self.name.trim().is_empty() {
            Some("name")
        } else if self.city.trim().is_empty() {
            Some("city")
        } else if self.country.is_empty() {
            Some("country")
        } else {
            None
        }
    }
}

/// Where to pay to (EN 16931 BG-17).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PayTo {
    /// BT-84: IBAN, empty if none is known.
    pub iban: String,
    /// BT-86: BIC, often empty.
    pub bic: String,
    /// BT-85: the account's owner.
    pub account_name: String,
}

/// One line (EN 16931 BG-25).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentLine {
    /// BT-126: from 1.
    pub position: u32,
    /// BT-153: what it is: plan and component.
    pub name: String,
    /// BT-154: how it was reckoned, in words ("12 of 31 days").
    pub explanation: String,
    /// BT-134, BT-135: first day and the day *after* the last, if the line has a period.
    pub period: Option<(NaiveDate, NaiveDate)>,
    /// BT-129: amount of units; negative on a line that takes back within an invoice.
    pub quantity: Decimal,
    /// The price of one unit for a full cycle, in units of the currency, as agreed (net or gross as the document says).
    pub unit_price: Decimal,
    /// The line's amount as agreed, in minor units: gross when the document's prices include tax, else net.
    pub amount_minor: i64,
    /// BT-131: the net amount in minor units.
    pub net_minor: i64,
    /// BT-151.
    pub tax_category: String,
    /// BT-152: percent.
    pub tax_rate: Decimal,
}

/// A document-level allowance (EN 16931 BG-20).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentAllowance {
    /// BT-97.
    pub reason: String,
    /// BT-94: percent of the lines it is taken of.
    pub percent: Decimal,
    /// BT-92, in minor units, positive when it lowers the total.
    pub net_minor: i64,
    /// BT-95.
    pub tax_category: String,
    /// BT-96: percent.
    pub tax_rate: Decimal,
}

/// One row of the tax breakdown (EN 16931 BG-23).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxSubtotal {
    /// BT-118.
    pub category: String,
    /// BT-119: percent.
    pub rate: Decimal,
    /// BT-116, in minor units.
    pub taxable_minor: i64,
    /// BT-117, in minor units.
    pub tax_minor: i64,
    /// BT-120: why no tax is charged, empty for taxed categories.
    pub exemption_reason: String,
}

/// An issued invoice, credit note or cancellation. On credit notes and cancellations all amounts are positive:
/// the kind says which way the money goes (EN 16931 type 381).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// BT-3.
    pub kind: DocumentKind,
    /// BT-1.
    pub number: String,
    /// BT-2.
    pub issue_date: NaiveDate,
    /// BT-9.
    pub due_date: Option<NaiveDate>,
    /// BT-5.
    pub currency: Currency,
    /// BCP 47 language of the printed document: `de`, `en`, `pl`.
    pub language: String,
    /// Whether agreed prices include tax.
    pub tax_inclusive: bool,
    /// BG-4.
    pub seller: Party,
    /// BG-7.
    pub buyer: Party,
    /// BT-46: the customer's number at the seller.
    pub buyer_reference: String,
    /// BG-3: numbers and issue dates of the documents this one changes.
    pub preceding: Vec<(String, NaiveDate)>,
    /// BG-25.
    pub lines: Vec<DocumentLine>,
    /// BG-20.
    pub allowances: Vec<DocumentAllowance>,
    /// BG-23, one per category and rate.
    pub taxes: Vec<TaxSubtotal>,
    /// BT-109: net total in minor units.
    pub net_minor: i64,
    /// BT-110: tax total in minor units.
    pub tax_minor: i64,
    /// BT-112: gross total in minor units.
    pub gross_minor: i64,
    /// BG-17.
    pub pay_to: PayTo,
    /// BT-20: payment terms in words.
    pub payment_terms: String,
    /// BT-22: notes, such as the reason of a cancellation.
    pub note: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_countries_of_iso_3166_are_known_and_no_others() {
        for known in ["AX", "BQ", "DE", "GB", "GR", "SS", "US"] {
            assert!(is_country(known), "{known}");
        }
        // Not assigned, reserved only, or written otherwise.
        for other in ["", "A", "de", "De", "D ", "DEU", "EL", "EU", "UK", "XK", "XX", "ZZ", "\u{c4}"] {
            assert!(!is_country(other), "{other}");
        }
        let letters = || (b'A'..=b'Z').map(char::from);
        let count = letters().flat_map(|a| letters().map(move |b| String::from_iter([a, b])));
        assert_eq!(count.filter(|code| is_country(code)).count(), 249);
    }
}
