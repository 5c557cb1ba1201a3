//! The printed text of each kind in each language, and of the special cases of tax and currency.

use billet_domain::document::{Document, DocumentLine, Party, TaxSubtotal};
use rust_decimal::Decimal;

use crate::reading::printed;
use crate::sample;

fn assert_prints(name: &str, document: &Document) {
    if let Some(text) = printed(document) {
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(name, text);
        });
    }
}

#[test]
fn invoices() {
    for language in ["de", "en", "pl"] {
        assert_prints(&format!("invoice_{language}"), &sample::invoice(language));
    }
}

#[test]
fn credit_notes() {
    for language in ["de", "en", "pl"] {
        assert_prints(&format!("credit_note_{language}"), &sample::credit_note(language));
    }
}

#[test]
fn cancellations() {
    for language in ["de", "en", "pl"] {
        assert_prints(&format!("cancellation_{language}"), &sample::cancellation(language));
    }
}

/// The customer was shown 29.90 and 10.00 with tax; the invoice asks for exactly that.
#[test]
fn prices_that_include_tax_are_printed_as_agreed() {
    let line = |position, name, gross_minor, net_minor| DocumentLine {
        amount_minor: gross_minor,
        net_minor,
        ..sample::line(position, name, gross_minor)
    };
    let invoice = sample::invoice("de");
    let document = Document {
        tax_inclusive: true,
        lines: vec![line(1, "Webhosting M", 2990, 2513), line(2, "Einrichtung", 1000, 840)],
        allowances: Vec::new(),
        taxes: vec![TaxSubtotal { taxable_minor: 3353, tax_minor: 637, ..invoice.taxes[0].clone() }],
        net_minor: 3353,
        tax_minor: 637,
        gross_minor: 3990,
        ..invoice
    };
    assert_prints("tax_inclusive", &document);
}

#[test]
fn a_currency_without_decimals_is_printed_without() {
    let invoice = sample::invoice("en");
    let line = DocumentLine {
        unit_price: Decimal::new(1_234_567, 0),
        tax_rate: Decimal::from(10),
        ..sample::line(1, "Dedicated server", 1_234_567)
    };
    let document = Document {
        currency: "JPY".parse().expect("a known currency"),
        lines: vec![line],
        allowances: Vec::new(),
        taxes: vec![TaxSubtotal {
            rate: Decimal::from(10),
            taxable_minor: 1_234_567,
            tax_minor: 123_457,
            ..invoice.taxes[0].clone()
        }],
        net_minor: 1_234_567,
        tax_minor: 123_457,
        gross_minor: 1_358_024,
        ..invoice
    };
    assert_prints("yen", &document);
}

/// Two rates, a credit within the invoice, and a line that the customer owes the tax for.
#[test]
fn the_breakdown_names_every_category() {
    let reverse = DocumentLine {
        tax_category: "AE".to_owned(),
        tax_rate: Decimal::ZERO,
        quantity: Decimal::NEGATIVE_ONE,
        ..sample::line(3, "Virtual server", -50_000)
    };
    let reduced = DocumentLine { tax_rate: Decimal::new(70, 1), ..sample::line(2, "Handbook", 2_000) };
    let invoice = sample::invoice("en");
    let taxed = |rate: Decimal, taxable_minor, tax_minor| TaxSubtotal {
        rate,
        taxable_minor,
        tax_minor,
        ..invoice.taxes[0].clone()
    };
    let document = Document {
        buyer: Party { country: "PL".to_owned(), vat_id: "PL5260001246".to_owned(), ..invoice.buyer.clone() },
        lines: vec![sample::line(1, "Webhosting M", 100_000), reduced, reverse],
        allowances: Vec::new(),
        taxes: vec![
            taxed(Decimal::from(19), 100_000, 19_000),
            taxed(Decimal::new(70, 1), 2_000, 140),
            TaxSubtotal {
                category: "AE".to_owned(),
                exemption_reason: "Reverse charge: the customer owes the VAT (Art. 196 Directive 2006/112/EC)"
                    .to_owned(),
                ..taxed(Decimal::ZERO, -50_000, 0)
            },
        ],
        net_minor: 52_000,
        tax_minor: 19_140,
        gross_minor: 71_140,
        payment_terms: "We collect the amount from your account\non 27 February 2026.".to_owned(),
        ..invoice
    };
    assert_prints("breakdown", &document);
}

#[test]
fn another_language_is_printed_in_english() {
    let (Some(french), Some(english)) = (printed(&sample::invoice("fr-FR")), printed(&sample::invoice("en"))) else {
        return;
    };
    assert_eq!(french, english);
}
