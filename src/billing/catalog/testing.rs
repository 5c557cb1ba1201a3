//! A seller and simple plans for tests.

use billet_domain::catalog::{OfferedComponent, PlanContent, Price};
use billet_domain::id::{InstanceId, SellerId};
use billet_domain::money::Currency;
use billet_domain::period::Cycle;
use billet_domain::plan::{Charging, PlanPolicy};
use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;

use crate::billing::{Billing, Clock};
use crate::params;
use crate::store::Store;

/// The instant of tests: the evening of 28 February in UTC, 1 March in Berlin.
pub fn now() -> DateTime<Utc> {
    let evening = day("2026-02-28").and_hms_opt(23, 30, 0).expect("a time");
    evening.and_utc()
}

/// A date.
pub fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

/// A seller in Berlin on a fresh database, with the clock standing still.
pub async fn seller(store: &Store) -> (Billing, SellerId) {
    let billing = Billing::new(store.clone(), Clock::simulated(now()));
    let id = another_seller(&billing).await;
    (billing, id)
}

/// One more seller.
pub async fn another_seller(billing: &Billing) -> SellerId {
    let mut unit = billing.begin(SellerId(0), "system").await.expect("begins");
    let id = SellerId(unit.id().expect("an id"));
    unit.execute(
        "INSERT INTO sellers (id, parent_id, party, time_zone, currency, language, payment_term_days, credit_policy, \
         tax_rules, iban, bic, nightly_run_at, bill_changes_at_once, created_at) \
         VALUES ($1, (SELECT min(id) FROM sellers), '{}', 'Europe/Berlin', 'EUR', 'en', 14, 'balance', '[]', '', '', '03:00', 0, $2)",
        params![id, now()],
    )
    .await
    .expect("a seller");
    unit.execute("INSERT INTO journal_heads (seller_id, sequence, hash) VALUES ($1, 0, '')", params![id])
        .await
        .expect("its journal");
    unit.commit().await.expect("commits");
    id
}

/// An instance of a seller.
pub async fn instance(billing: &Billing, seller_id: SellerId, name: &str, group: &str) -> InstanceId {
    let mut unit = billing.begin(seller_id, "system").await.expect("begins");
    let id = InstanceId(unit.id().expect("an id"));
    unit.execute(
        "INSERT INTO instances (seller_id, id, plugin, name, instance_group, url, unknown_customer, enabled, created_at) \
         VALUES ($1, $2, 'cpanel', $3, $4, '', 'park', 1, $5)",
        params![seller_id, id, name, group, now()],
    )
    .await
    .expect("an instance");
    unit.commit().await.expect("commits");
    id
}

/// A recurring component with a monthly price in euros.
pub fn component(code: &str, unit_price: Decimal) -> OfferedComponent {
    OfferedComponent {
        code: code.to_owned(),
        name: code.to_owned(),
        charging: Charging::Recurring,
        prices: vec![Price { currency: Currency::EUR, cycle: Cycle::MONTHLY, unit_price }],
        default_quantity: Decimal::ONE,
        tax_class: "standard".to_owned(),
    }
}

/// A version with one component, `base`, by the month in euros.
pub fn content(unit_price: Decimal) -> PlanContent {
    PlanContent {
        components: vec![component("base", unit_price)],
        options: Vec::new(),
        policy: PlanPolicy::default(),
        tax_inclusive: false,
    }
}
