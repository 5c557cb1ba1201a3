//! Who bills whom in the benchmarks: a seller in Germany, a catalogue, a panel, customers with addresses.

use billet_domain::catalog::{OfferedComponent, PlanContent, Price};
use billet_domain::document::Party;
use billet_domain::id::{CustomerId, InstanceId, SellerId};
use billet_domain::money::Currency;
use billet_domain::period::Cycle;
use billet_domain::plan::{Charging, PlanPolicy};
use billet_domain::policy::CreditPolicy;
use billet_domain::role::Role;
use billet_domain::tax::{STANDARD, Tax, TaxRule};
use chrono::{DateTime, NaiveTime, Utc};
use chrono_tz::Tz;
use rust_decimal::Decimal;

use super::BenchError;
use crate::billing::catalog::mapping::{self, NewMapping};
use crate::billing::catalog::plan::{self, NewPlan};
use crate::billing::customer::{NewCustomer, create_all};
use crate::billing::instance::{self, NewInstance};
use crate::billing::seller::{NewSeller, found_operator};
use crate::billing::token::{self, NewToken};
use crate::billing::{Billing, Clock};
use crate::store::Store;
use crate::store::instance::UnknownCustomer;
use crate::store::mapping::Reporter;
use crate::store::plan::{Plan, Version};

/// The panel's packages, each a plan with one component; the second costs more.
pub const PACKAGES: [&str; 2] = ["starter", "pro"];
/// How many customers are made in one transaction.
pub const SET_UP_BATCH: u32 = 2_000;

/// When the benchmarks begin: noon on the first of a month, so that a month lies ahead.
pub fn start() -> DateTime<Utc> {
    // 2026-03-01T12:00:00Z
    DateTime::from_timestamp(1_772_366_400, 0).unwrap_or_default()
}

/// A seller with a catalogue and a panel.
pub struct World {
    pub billing: Billing,
    pub seller_id: SellerId,
    pub instance_id: InstanceId,
    /// A plan with three components; no package stands for it.
    pub business: (Plan, Version),
}

impl World {
    /// Founds it on an empty database. Everything gets the same ids on every empty database.
    pub async fn found(store: &Store) -> Result<Self, BenchError> {
        let billing = Billing::new(store.clone(), Clock::simulated(start()));
        let (seller, _) = found_operator(&billing, seller(), "owner").await?;
        let mut unit = billing.begin(seller.id, "system").await?;
        let panel = NewInstance {
            plugin: "cpanel".to_owned(),
            name: "web1".to_owned(),
            group: String::new(),
            url: "https://web1.example:2087".to_owned(),
            unknown_customer: UnknownCustomer::Park,
            enabled: true,
        };
        let instance = instance::create(&mut unit, panel).await?;
        let starter = plan::create(&mut unit, new_plan(PACKAGES[0]), content(&[490])).await?;
        let pro = plan::create(&mut unit, new_plan(PACKAGES[1]), content(&[1_490])).await?;
        let business = plan::create(&mut unit, new_plan("business"), content(&[1_990, 250, 400])).await?;
        for (plan, _) in [starter, pro] {
            let new = NewMapping {
                reporter: Reporter::Instance(instance.id),
                package: plan.code.clone(),
                plan_id: plan.id,
                currency: None,
                cycle: Cycle::MONTHLY,
                settings: std::collections::BTreeMap::new(),
            };
            mapping::set(&mut unit, new).await?;
        }
        unit.commit().await?;
        Ok(Self { billing, seller_id: seller.id, instance_id: instance.id, business })
    }

    /// Makes customers, as many as one transaction takes at most.
    pub async fn customers(&self, first: u32, count: u32) -> Result<Vec<CustomerId>, BenchError> {
        let ids = i64::from(count) + 100;
        let mut unit = self.billing.store.begin_large(self.seller_id, "system", self.billing.now(), ids).await?;
        let new = (first..first + count).map(customer).collect();
        let made = create_all(&mut unit, new).await?;
        unit.commit().await?;
        Ok(made.into_iter().map(|customer| customer.id).collect())
    }

    /// A token of the panel: what the panel's server reports with.
    pub async fn panel_token(&self) -> Result<String, BenchError> {
        let mut unit = self.billing.begin(self.seller_id, "system").await?;
        let new = NewToken {
            name: "web1".to_owned(),
            roles: vec![Role::Panel],
            instance_id: Some(self.instance_id),
            ..NewToken::default()
        };
        let (_, secret) = token::create(&mut unit, &[Role::Owner], None, new).await?;
        unit.commit().await?;
        Ok(secret)
    }
}

fn seller() -> NewSeller {
    NewSeller {
        party: Party {
            name: "Example Hosting GmbH".to_owned(),
            address_line: "Am Beispiel 1".to_owned(),
            post_code: "10115".to_owned(),
            city: "Berlin".to_owned(),
            country: "DE".to_owned(),
            vat_id: "DE999999999".to_owned(),
            email: "billing@hosting.example".to_owned(),
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
        nightly_run_at: NaiveTime::default(),
        bill_changes_at_once: true,
    }
}

fn new_plan(code: &str) -> NewPlan {
    NewPlan {
        code: code.to_owned(),
        name: format!("Webhosting {code}"),
        description: String::new(),
        addon: false,
        orderable: true,
    }
}

/// Up to three recurring components with a monthly price in cents each.
fn content(cents: &[i64]) -> PlanContent {
    let components = [("base", "Webhosting"), ("mail", "E-Mail"), ("backup", "Backup")].into_iter().zip(cents);
    let component = |((code, name), cents): ((&str, &str), &i64)| OfferedComponent {
        code: code.to_owned(),
        name: name.to_owned(),
        charging: Charging::Recurring,
        prices: vec![Price { currency: Currency::EUR, cycle: Cycle::MONTHLY, unit_price: Decimal::new(*cents, 2) }],
        default_quantity: Decimal::ONE,
        tax_class: STANDARD.to_owned(),
    };
    PlanContent {
        components: components.map(component).collect(),
        options: Vec::new(),
        policy: PlanPolicy::default(),
        tax_inclusive: false,
    }
}

fn customer(number: u32) -> NewCustomer {
    NewCustomer {
        party: Party {
            name: format!("Kunde {number}"),
            address_line: format!("Musterweg {number}"),
            post_code: "10115".to_owned(),
            city: "Berlin".to_owned(),
            country: "DE".to_owned(),
            email: format!("kunde{number}@customers.example"),
            ..Party::default()
        },
        ..NewCustomer::default()
    }
}
