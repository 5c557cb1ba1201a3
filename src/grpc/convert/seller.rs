//! Sellers and their series between the protocol and the domain.

use billet_domain::document::DocumentKind;
use billet_domain::nightly;
use billet_domain::tax::{Tax, TaxRule};
use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::customer::{credit_policy, to_credit_policy};
use super::{code, decimal_optional, parse, party, text, to_decimal, to_instant, to_party};
use crate::billing::BillingError;
use crate::billing::seller::NewSeller;
use crate::billing::series::NewSeries;
use crate::proto::billet::v1 as pb;
use crate::store::seller::Seller;
use crate::store::series::Series;

/// What a seller is to be.
///
/// # Errors
/// [`BillingError::Invalid`] with fields below `seller`.
pub fn new_seller(given: pb::Seller) -> Result<NewSeller, BillingError> {
    let at = nightly::parse_time(&given.nightly_run_at);
    let rules = given.tax_rules.into_iter().enumerate();
    Ok(NewSeller {
        party: party("seller.party", given.party.as_ref())?,
        time_zone: given.time_zone.parse().map_err(|_| {
            BillingError::invalid("seller.time_zone", "the IANA name of a time zone such as `Europe/Berlin` is needed")
        })?,
        currency: parse("seller.currency_code", &given.currency_code)?,
        language: given.language,
        payment_term_days: given.payment_term_days,
        credit_policy: credit_policy("seller.credit_policy", given.credit_policy)?.unwrap_or_default(),
        tax_rules: rules.map(|(index, rule)| tax_rule(index, rule)).collect::<Result<_, _>>()?,
        iban: text("seller.iban", &given.iban, 64, false)?,
        bic: text("seller.bic", &given.bic, 64, false)?,
        nightly_run_at: at
            .ok_or_else(|| BillingError::invalid("seller.nightly_run_at", "a time of day such as `02:30` is needed"))?,
        bill_changes_at_once: given.bill_changes_at_once,
    })
}

fn tax_rule(index: usize, given: pb::TaxRule) -> Result<TaxRule, BillingError> {
    let at = |field: &str| format!("seller.tax_rules[{index}].{field}");
    let rate = decimal_optional(&at("rate"), given.rate.as_ref())?.unwrap_or(Decimal::ZERO).normalize();
    Ok(TaxRule {
        tax_class: code(&at("tax_class"), &given.tax_class)?,
        tax: Tax {
            category: given.category,
            rate,
            exemption_reason: text(&at("exemption_reason"), &given.exemption_reason, 200, false)?,
        },
    })
}

/// A seller for the protocol.
#[must_use]
pub fn to_seller(seller: Seller) -> pb::Seller {
    let rule = |TaxRule { tax_class, tax }| pb::TaxRule {
        tax_class,
        category: tax.category,
        rate: Some(to_decimal(tax.rate)),
        exemption_reason: tax.exemption_reason,
    };
    pb::Seller {
        id: seller.id.to_string(),
        parent_id: seller.parent_id.map(|id| id.to_string()).unwrap_or_default(),
        party: Some(to_party(seller.party)),
        time_zone: seller.time_zone.name().to_owned(),
        currency_code: seller.currency.code().to_owned(),
        language: seller.language,
        payment_term_days: seller.payment_term_days,
        credit_policy: to_credit_policy(seller.credit_policy).into(),
        tax_rules: seller.tax_rules.into_iter().map(rule).collect(),
        iban: seller.iban,
        bic: seller.bic,
        nightly_run_at: nightly::format_time(seller.nightly_run_at),
        bill_changes_at_once: seller.bill_changes_at_once,
        created_at: Some(to_instant(seller.created_at)),
    }
}

/// Copies one field that an update may name; answers whether there is such a field.
pub fn copy_seller(path: &str, from: &pb::Seller, to: &mut pb::Seller) -> bool {
    match path {
        "party" => to.party.clone_from(&from.party),
        "time_zone" => to.time_zone.clone_from(&from.time_zone),
        "currency_code" => to.currency_code.clone_from(&from.currency_code),
        "language" => to.language.clone_from(&from.language),
        "payment_term_days" => to.payment_term_days = from.payment_term_days,
        "credit_policy" => to.credit_policy = from.credit_policy,
        "tax_rules" => to.tax_rules.clone_from(&from.tax_rules),
        "iban" => to.iban.clone_from(&from.iban),
        "bic" => to.bic.clone_from(&from.bic),
        "nightly_run_at" => to.nightly_run_at.clone_from(&from.nightly_run_at),
        "bill_changes_at_once" => to.bill_changes_at_once = from.bill_changes_at_once,
        _ => return false,
    }
    true
}

/// The kinds of documents that are numbered, with their names in the protocol.
const KINDS: [(DocumentKind, &str); 3] = [
    (DocumentKind::Invoice, "invoice"),
    (DocumentKind::CreditNote, "credit_note"),
    (DocumentKind::Cancellation, "cancellation"),
];

/// What a series is to be.
///
/// # Errors
/// [`BillingError::Invalid`] with fields below `series`.
pub fn new_series(given: pb::Series) -> Result<NewSeries, BillingError> {
    let kind =
        KINDS.into_iter().find(|(_, name)| *name == given.document_kind).map(|(kind, _)| kind).ok_or_else(|| {
            BillingError::invalid("series.document_kind", "`invoice`, `credit_note` or `cancellation` is needed")
        })?;
    let next_number = (given.next_number != 0).then_some(given.next_number);
    Ok(NewSeries { kind, pattern: given.pattern, yearly: given.yearly, next_number })
}

/// A series for the protocol, with the number that a document of this date would have.
#[must_use]
pub fn to_series(series: Series, on: NaiveDate) -> pb::Series {
    let name = KINDS.into_iter().find(|(kind, _)| *kind == series.kind).map(|(_, name)| name).unwrap_or_default();
    pb::Series {
        id: series.id.to_string(),
        document_kind: name.to_owned(),
        next_number: series.next_on(on),
        pattern: series.pattern,
        yearly: series.yearly,
    }
}
