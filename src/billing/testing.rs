//! A seller and a day for tests.

use billet_domain::document::Party;
use billet_domain::money::Currency;
use billet_domain::policy::CreditPolicy;
use billet_domain::tax::{STANDARD, Tax, TaxRule};
use chrono::{DateTime, NaiveTime, Utc};
use chrono_tz::Tz;

use super::seller::NewSeller;

/// Where the clock stands: 10 March 2026, 12:00 UTC.
pub fn start() -> DateTime<Utc> {
    "2026-03-10T12:00:00Z".parse().expect("an instant")
}

/// A seller in Germany.
pub fn some_seller(name: &str) -> NewSeller {
    NewSeller {
        party: Party {
            name: name.to_owned(),
            address_line: "Musterweg 1".to_owned(),
            post_code: "10115".to_owned(),
            city: "Berlin".to_owned(),
            country: "DE".to_owned(),
            ..Party::default()
        },
        time_zone: Tz::Europe__Berlin,
        currency: Currency::EUR,
        language: "de".to_owned(),
        payment_term_days: 14,
        credit_policy: CreditPolicy::CreditNote,
        tax_rules: vec![TaxRule {
            tax_class: STANDARD.to_owned(),
            tax: Tax { category: "S".to_owned(), rate: 19.into(), exemption_reason: String::new() },
        }],
        iban: String::new(),
        bic: String::new(),
        nightly_run_at: NaiveTime::from_hms_opt(2, 30, 0).expect("a time"),
        bill_changes_at_once: true,
    }
}
