//! A seller with three plans in two currencies, a panel and customers.

use std::collections::BTreeMap;

use billet::billing::catalog::{mapping, plan};
use billet::billing::customer::{NewCustomer, create_all};
use billet::billing::instance::{self, NewInstance};
use billet::billing::seller::{NewSeller, found_operator};
use billet::billing::{Billing, Clock};
use billet::store::instance::UnknownCustomer;
use billet::store::link::{self, Link, LinkKind};
use billet::store::mapping::Reporter;
use billet::store::seller::Seller;
use billet::store::{Store, Unit};
use billet_domain::catalog::{OfferedComponent, PlanContent, Price};
use billet_domain::document::Party;
use billet_domain::id::{CustomerId, InstanceId, PlanId};
use billet_domain::money::Currency;
use billet_domain::period::Cycle;
use billet_domain::plan::{Charging, PlanPolicy};
use billet_domain::policy::CreditPolicy;
use billet_domain::tax::{STANDARD, Tax, TaxRule};
use chrono::{DateTime, NaiveTime};
use rust_decimal::Decimal;

/// The plans' codes, which are also the panel's packages; the last one's prices include tax.
pub const PLANS: [&str; 3] = ["starter", "pro", "gross"];

pub struct World {
    pub billing: Billing,
    pub seller: Seller,
    pub instance_id: InstanceId,
    pub plans: Vec<PlanId>,
    pub customers: Vec<CustomerId>,
}

fn yen() -> Currency {
    serde_json::from_value(serde_json::json!("JPY")).expect("a currency")
}

fn component(code: &str, charging: Charging, price: Decimal) -> OfferedComponent {
    let offered = [Currency::EUR, yen()].into_iter().flat_map(|currency| {
        [(Cycle::MONTHLY, 1), (Cycle::YEARLY, 10)].map(|(cycle, times)| Price {
            currency,
            cycle,
            unit_price: price * Decimal::from(times),
        })
    });
    OfferedComponent {
        code: code.to_owned(),
        name: code.to_owned(),
        charging,
        prices: offered.collect(),
        default_quantity: Decimal::ONE,
        tax_class: STANDARD.to_owned(),
    }
}

impl World {
    pub async fn found(store: Store, customers: u32) -> Self {
        let start = DateTime::from_timestamp(1_798_761_600, 0).expect("2027-01-01");
        let billing = Billing::new(store, Clock::simulated(start));
        let (seller, _) = found_operator(&billing, new_seller(), "owner").await.expect("a seller");
        let mut unit = billing.store.begin_large(seller.id, "system", start, 10_000).await.expect("begins");
        let panel = NewInstance {
            plugin: "cpanel".to_owned(),
            name: "web1".to_owned(),
            group: String::new(),
            url: "https://web1.example:2087".to_owned(),
            unknown_customer: UnknownCustomer::Park,
            enabled: true,
        };
        let instance_id = instance::create(&mut unit, panel).await.expect("a panel").id;
        let plans = found_plans(&mut unit, instance_id).await;
        let made = create_all(&mut unit, (0..customers).map(customer).collect()).await.expect("customers");
        let customers: Vec<CustomerId> = made.into_iter().map(|one| one.id).collect();
        let link = |(number, customer_id): (u32, &CustomerId)| Link {
            instance_id,
            kind: LinkKind::ExternalRef,
            value: format!("acct{number}"),
            customer_id: *customer_id,
        };
        let links: Vec<Link> = (0u32..).zip(&customers).map(link).collect();
        unit.flush().await.expect("written");
        link::insert_all(&mut unit, &links).await.expect("links");
        unit.commit().await.expect("commits");
        Self { billing, seller, instance_id, plans, customers }
    }
}

async fn found_plans(unit: &mut Unit, instance_id: InstanceId) -> Vec<PlanId> {
    let mut plans = Vec::new();
    for (code, base) in PLANS.into_iter().zip([499, 1_499, 990]) {
        let traffic = Charging::Usage { metric: "traffic_gib".to_owned(), included: Decimal::TEN };
        let content = PlanContent {
            components: vec![
                component("base", Charging::Recurring, Decimal::new(base, 2)),
                component("mail", Charging::Recurring, Decimal::new(250, 2)),
                component("setup", Charging::Setup, Decimal::new(900, 2)),
                component("traffic", traffic, Decimal::new(13, 2)),
            ],
            options: Vec::new(),
            policy: PlanPolicy { suspension_pauses_billing: code != "starter", ..PlanPolicy::default() },
            tax_inclusive: code == "gross",
        };
        let new = plan::NewPlan {
            code: code.to_owned(),
            name: code.to_owned(),
            description: String::new(),
            addon: false,
            orderable: true,
        };
        let (made, _) = plan::create(unit, new, content).await.expect("a plan");
        unit.flush().await.expect("written");
        let new = mapping::NewMapping {
            reporter: Reporter::Instance(instance_id),
            package: code.to_owned(),
            plan_id: made.id,
            currency: None,
            cycle: Cycle::MONTHLY,
            settings: BTreeMap::new(),
        };
        mapping::set(unit, new).await.expect("a mapping");
        plans.push(made.id);
    }
    plans
}

fn party(name: String) -> Party {
    Party {
        name,
        address_line: "Am Beispiel 1".to_owned(),
        post_code: "10115".to_owned(),
        city: "Berlin".to_owned(),
        country: "DE".to_owned(),
        ..Party::default()
    }
}

fn new_seller() -> NewSeller {
    NewSeller {
        party: Party {
            vat_id: "DE999999999".to_owned(),
            email: "billing@hosting.example".to_owned(),
            ..party("Example Hosting GmbH".to_owned())
        },
        time_zone: chrono_tz::Tz::Europe__Berlin,
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

/// Every fourth pays in a currency without minor units.
fn customer(number: u32) -> NewCustomer {
    let currency = number.is_multiple_of(4).then(yen);
    NewCustomer { party: party(format!("Kunde {number}")), currency, ..NewCustomer::default() }
}
