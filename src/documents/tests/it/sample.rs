//! Documents to print: made-up people at example domains.

use billet_domain::document::{Document, DocumentAllowance, DocumentKind, DocumentLine, Party, PayTo, TaxSubtotal};
use billet_domain::money::Currency;
use chrono::NaiveDate;
use rust_decimal::Decimal;

pub fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).expect("a date")
}

/// A line of one unit at 19 %.
pub fn line(position: u32, name: &str, minor: i64) -> DocumentLine {
    DocumentLine {
        position,
        name: name.to_owned(),
        explanation: String::new(),
        period: None,
        quantity: Decimal::ONE,
        unit_price: Decimal::new(minor, 2),
        amount_minor: minor,
        net_minor: minor,
        tax_category: "S".to_owned(),
        tax_rate: Decimal::from(19),
    }
}

/// An invoice of a German hosting company to a German customer: a part of a month, a month, a discount.
pub fn invoice(language: &str) -> Document {
    let hosting = DocumentLine {
        explanation: "12 of 31 days".to_owned(),
        period: Some((day(2026, 2, 1), day(2026, 2, 13))),
        unit_price: Decimal::new(2990, 2),
        ..line(1, "Webhosting M – kundin.example", 1157)
    };
    let storage = DocumentLine {
        period: Some((day(2026, 2, 13), day(2026, 3, 13))),
        quantity: Decimal::new(1500, 1),
        unit_price: Decimal::new(145_000, 5),
        ..line(2, "Speicher je GB", 21750)
    };
    Document {
        kind: DocumentKind::Invoice,
        number: "RE-2026-00001".to_owned(),
        issue_date: day(2026, 2, 13),
        due_date: Some(day(2026, 2, 27)),
        currency: Currency::EUR,
        language: language.to_owned(),
        tax_inclusive: false,
        seller: Party {
            name: "Nordlicht Hosting GmbH".to_owned(),
            address_line: "Hafenstraße 7".to_owned(),
            post_code: "20457".to_owned(),
            city: "Hamburg".to_owned(),
            country: "DE".to_owned(),
            vat_id: "DE123456789".to_owned(),
            tax_number: "22/815/08151".to_owned(),
            registration: "HRB 12345, Amtsgericht Hamburg".to_owned(),
            email: "rechnung@nordlicht.example".to_owned(),
            phone: "+49 40 0000000".to_owned(),
            ..Party::default()
        },
        buyer: Party {
            name: "Bäckerei Sonnenschein e. K.".to_owned(),
            address_line: "Am Mühlgraben 12".to_owned(),
            address_line_2: "Hinterhaus".to_owned(),
            post_code: "01067".to_owned(),
            city: "Dresden".to_owned(),
            country: "DE".to_owned(),
            vat_id: "DE987654321".to_owned(),
            ..Party::default()
        },
        buyer_reference: "K-10042".to_owned(),
        preceding: Vec::new(),
        lines: vec![hosting, storage],
        allowances: vec![DocumentAllowance {
            reason: "Treuerabatt".to_owned(),
            percent: Decimal::from(10),
            net_minor: 2291,
            tax_category: "S".to_owned(),
            tax_rate: Decimal::from(19),
        }],
        taxes: vec![TaxSubtotal {
            category: "S".to_owned(),
            rate: Decimal::from(19),
            taxable_minor: 20616,
            tax_minor: 3917,
            exemption_reason: String::new(),
        }],
        net_minor: 20616,
        tax_minor: 3917,
        gross_minor: 24533,
        pay_to: PayTo {
            iban: "DE02120300000000202051".to_owned(),
            bic: "BYLADEM1001".to_owned(),
            account_name: "Nordlicht Hosting GmbH".to_owned(),
        },
        payment_terms: String::new(),
        note: String::new(),
    }
}

/// Gives back one line of [`invoice`].
pub fn credit_note(language: &str) -> Document {
    let invoice = invoice(language);
    let refunded = TaxSubtotal { taxable_minor: 1157, tax_minor: 220, ..invoice.taxes[0].clone() };
    Document {
        kind: DocumentKind::CreditNote,
        number: "RK-2026-00001".to_owned(),
        issue_date: day(2026, 2, 20),
        due_date: None,
        preceding: vec![(invoice.number.clone(), invoice.issue_date)],
        lines: invoice.lines[..1].to_vec(),
        allowances: Vec::new(),
        taxes: vec![refunded],
        net_minor: 1157,
        tax_minor: 220,
        gross_minor: 1377,
        payment_terms: "We will pay the amount back to your account.".to_owned(),
        note: "Reason: cancelled within the first month.".to_owned(),
        ..invoice
    }
}

/// Takes back two invoices as a whole.
pub fn cancellation(language: &str) -> Document {
    let invoice = invoice(language);
    Document {
        kind: DocumentKind::Cancellation,
        number: "ST-2026-00001".to_owned(),
        issue_date: day(2026, 2, 21),
        due_date: None,
        preceding: vec![(invoice.number.clone(), invoice.issue_date), ("RE-2026-00002".to_owned(), day(2026, 2, 14))],
        note: "Issued to the wrong customer.".to_owned(),
        ..invoice
    }
}

/// With so many lines of one euro each.
pub fn long_invoice(lines: u32) -> Document {
    let net_minor = i64::from(lines) * 100;
    let tax_minor = i64::from(lines) * 19;
    let row = |position| DocumentLine {
        explanation: "Full month".to_owned(),
        period: Some((day(2026, 1, 1), day(2026, 2, 1))),
        ..line(position, &format!("Domain customer-{position}.example"), 100)
    };
    let invoice = invoice("en");
    Document {
        lines: (1..=lines).map(row).collect(),
        allowances: Vec::new(),
        taxes: vec![TaxSubtotal { taxable_minor: net_minor, tax_minor, ..invoice.taxes[0].clone() }],
        net_minor,
        tax_minor,
        gross_minor: net_minor + tax_minor,
        ..invoice
    }
}
