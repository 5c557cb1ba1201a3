//! The first seller as arguments.

use billet_domain::document::{Party, is_country};
use billet_domain::money::Currency;
use billet_domain::policy::CreditPolicy;
use billet_domain::tax::{STANDARD, Tax, TaxRule};
use chrono::NaiveTime;
use chrono_tz::Tz;
use clap::Args;
use rust_decimal::Decimal;

use crate::billing::seller::NewSeller;

/// What the seller is.
#[derive(Debug, Args)]
#[command(next_help_heading = "The seller")]
pub struct SellerArgs {
    /// The legal name, as it stands on invoices
    #[arg(long, value_name = "NAME")]
    name: String,
    /// Two letters (ISO 3166-1)
    #[arg(long, value_name = "CODE", value_parser = country)]
    country: String,
    /// Street and number
    #[arg(long, value_name = "TEXT", default_value = "")]
    address_line: String,
    /// A second line of the address
    #[arg(long, value_name = "TEXT", default_value = "")]
    address_line_2: String,
    /// The post code
    #[arg(long, value_name = "TEXT", default_value = "")]
    post_code: String,
    /// The city
    #[arg(long, value_name = "TEXT")]
    city: String,
    /// The VAT identifier with its country prefix
    #[arg(long, value_name = "ID", default_value = "")]
    vat_id: String,
    /// The local tax number, where there is no VAT identifier
    #[arg(long, value_name = "NUMBER", default_value = "")]
    tax_number: String,
    /// The entry in the commercial register
    #[arg(long, value_name = "TEXT", default_value = "")]
    registration: String,
    /// Where customers write to
    #[arg(long, value_name = "ADDRESS", default_value = "")]
    email: String,
    /// The telephone number
    #[arg(long, value_name = "NUMBER", default_value = "")]
    phone: String,
    /// What customers are billed in unless they say otherwise (ISO 4217)
    #[arg(long, value_name = "CODE")]
    currency: Currency,
    /// Where its days begin, as `Europe/Berlin`: billing dates are dates there
    #[arg(long, value_name = "ZONE")]
    time_zone: Tz,
    /// The language of its documents (BCP 47), as `de` or `en`
    #[arg(long, value_name = "TAG", default_value = "en")]
    language: String,
    /// The standard rate of VAT in percent
    #[arg(long, value_name = "PERCENT", required_unless_present = "vat_exemption")]
    vat_rate: Option<Decimal>,
    /// The rate of the tax class `reduced`
    #[arg(long, value_name = "PERCENT", conflicts_with = "vat_exemption")]
    reduced_vat_rate: Option<Decimal>,
    /// Why no VAT is charged, as it stands on invoices
    #[arg(long, value_name = "REASON", conflicts_with = "vat_rate")]
    vat_exemption: Option<String>,
    /// Days until an invoice is due
    #[arg(long, value_name = "DAYS", default_value_t = 14)]
    payment_term_days: u32,
    /// Where customers pay to
    #[arg(long, value_name = "IBAN", default_value = "")]
    iban: String,
    /// The bank of the IBAN, where it is needed
    #[arg(long, value_name = "BIC", default_value = "")]
    bic: String,
    /// When the nightly run starts in its time zone
    #[arg(long, value_name = "HH:MM", default_value = "02:00", value_parser = time)]
    nightly_run_at: NaiveTime,
    /// Bill upgrades and orders only in the nightly run, not at once
    #[arg(long)]
    bill_changes_nightly: bool,
}

impl SellerArgs {
    /// Reads them; what does not make sense is told in words.
    pub fn read(self) -> Result<NewSeller, String> {
        Ok(NewSeller {
            tax_rules: self.tax_rules()?,
            party: Party {
                name: self.name,
                address_line: self.address_line,
                address_line_2: self.address_line_2,
                post_code: self.post_code,
                city: self.city,
                country: self.country,
                vat_id: self.vat_id,
                tax_number: self.tax_number,
                registration: self.registration,
                email: self.email,
                phone: self.phone,
            },
            time_zone: self.time_zone,
            currency: self.currency,
            language: self.language,
            payment_term_days: self.payment_term_days,
            credit_policy: CreditPolicy::default(),
            iban: self.iban,
            bic: self.bic,
            nightly_run_at: self.nightly_run_at,
            bill_changes_at_once: !self.bill_changes_nightly,
        })
    }

    fn tax_rules(&self) -> Result<Vec<TaxRule>, String> {
        let taxed = |tax_class: &str, rate| TaxRule {
            tax_class: tax_class.to_owned(),
            tax: Tax { category: "S".to_owned(), rate, exemption_reason: String::new() },
        };
        let rules = match (&self.vat_exemption, self.vat_rate) {
            (Some(reason), _) => vec![TaxRule {
                tax_class: STANDARD.to_owned(),
                tax: Tax { category: "E".to_owned(), rate: Decimal::ZERO, exemption_reason: reason.clone() },
            }],
            (None, Some(rate)) => {
                let reduced = self.reduced_vat_rate.map(|rate| taxed("reduced", rate));
                [taxed(STANDARD, rate)].into_iter().chain(reduced).collect()
            }
            (None, None) => return Err("--vat-rate or --vat-exemption is needed".to_owned()),
        };
        for rule in &rules {
            if rule.tax.category == "S" && rule.tax.rate.is_zero() {
                return Err("a rate of 0 is an exemption: say why with --vat-exemption".to_owned());
            }
            rule.tax.check().map_err(|error| format!("tax class {}: {error}", rule.tax_class))?;
        }
        Ok(rules)
    }
}

fn country(text: &str) -> Result<String, &'static str> {
    if is_country(text) { Ok(text.to_owned()) } else { Err("no country of ISO 3166-1: two capital letters such as DE") }
}

fn time(text: &str) -> Result<NaiveTime, &'static str> {
    NaiveTime::parse_from_str(text, "%H:%M").map_err(|_| "a time of day such as 02:00")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Alone {
        #[command(flatten)]
        seller: SellerArgs,
    }

    fn read(more: &[&str]) -> Result<NewSeller, String> {
        let required =
            ["init", "--name", "Example Hosting GmbH", "--country", "DE", "--city", "Berlin", "--currency", "EUR"];
        let all = required.iter().chain(&["--time-zone", "Europe/Berlin"]).chain(more);
        Alone::try_parse_from(all).map_err(|error| error.to_string())?.seller.read()
    }

    #[test]
    fn rates_become_rules() {
        let seller = read(&["--vat-rate", "19", "--reduced-vat-rate", "7"]).expect("valid");
        let rules: Vec<_> = seller.tax_rules.iter().map(|rule| (rule.tax_class.as_str(), rule.tax.rate)).collect();
        assert_eq!(rules, [("standard", Decimal::from(19)), ("reduced", Decimal::from(7))]);
        assert!(seller.bill_changes_at_once);
        assert_eq!(seller.nightly_run_at, NaiveTime::from_hms_opt(2, 0, 0).expect("a time"));
        let exempt = read(&["--vat-exemption", "small business"]).expect("valid");
        assert_eq!(exempt.tax_rules[0].tax.category, "E");
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        assert!(read(&[]).expect_err("no rate").contains("--vat-rate"));
        assert!(read(&["--vat-rate", "0"]).expect_err("zero").contains("--vat-exemption"));
        assert!(read(&["--vat-rate", "190"]).expect_err("too much").contains("190"));
        for none in ["de", "DEU", "XX", "UK", ""] {
            assert!(country(none).expect_err(none).contains("ISO 3166-1"));
        }
        assert!(read(&["--vat-rate", "19", "--nightly-run-at", "25:00"]).expect_err("no time").contains("time of day"));
    }
}
