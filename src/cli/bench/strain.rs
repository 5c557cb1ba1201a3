//! What strains the hook desk: a report that needs far more than others, and one that breaks the code.

use std::collections::BTreeMap;

use billet_domain::catalog::{OfferedComponent, PlanContent, Price};
use billet_domain::hook::{Change, Hook};
use billet_domain::money::Currency;
use billet_domain::period::Cycle;
use billet_domain::plan::{Charging, PlanPolicy};
use billet_domain::tax::STANDARD;
use rust_decimal::Decimal;

use super::burst::account;
use super::world::{PACKAGES, World, start};
use crate::billing::BillingError;
use crate::billing::catalog::mapping::{self, NewMapping};
use crate::billing::catalog::plan::{self, NewPlan};
use crate::billing::hook::Report;
use crate::billing::hook::desk::{BREAKS, HookDesk};
use crate::billing::link;
use crate::store::StoreError;
use crate::store::hook::HookState;
use crate::store::invoice::lines_of_subscriptions;
use crate::store::link::{Link, LinkKind};
use crate::store::mapping::Reporter;
use crate::store::testing::stores;

fn created(world: &World, number: u32, package: &str, days_ago: i64, source: &str) -> Report {
    let hook = Hook {
        event_id: format!("created-{number}"),
        happened_at: start() - chrono::Duration::days(days_ago),
        external_ref: account(number),
        change: Change::AccountCreated {
            package: package.to_owned(),
            domain: format!("{}.example", account(number)),
            contact_email: String::new(),
            owner: String::new(),
        },
        source: source.to_owned(),
    };
    Report { instance_id: world.instance_id, hook, is_dated: true }
}

async fn link(world: &World, numbers: std::ops::Range<u32>) {
    let count = numbers.end - numbers.start;
    let customers = world.customers(numbers.start, count).await.expect("customers");
    let mut unit = world.billing.begin(world.seller_id, "system").await.expect("a unit");
    for (number, customer_id) in numbers.zip(customers) {
        let new =
            Link { instance_id: world.instance_id, kind: LinkKind::ExternalRef, value: account(number), customer_id };
        link::create(&mut unit, new).await.expect("linked");
    }
    unit.commit().await.expect("committed");
}

/// A plan of very many components, and a package that stands for it.
async fn huge(world: &World, components: u32) {
    let component = |number: u32| OfferedComponent {
        code: format!("part{number}"),
        name: format!("Part {number}"),
        charging: Charging::Recurring,
        prices: vec![Price { currency: Currency::EUR, cycle: Cycle::MONTHLY, unit_price: Decimal::ONE }],
        default_quantity: Decimal::ONE,
        tax_class: STANDARD.to_owned(),
    };
    let content = PlanContent {
        components: (0..components).map(component).collect(),
        options: Vec::new(),
        policy: PlanPolicy::default(),
        tax_inclusive: false,
    };
    let new = NewPlan {
        code: "huge".to_owned(),
        name: "Huge".to_owned(),
        description: String::new(),
        addon: false,
        orderable: true,
    };
    let mut unit = world.billing.begin(world.seller_id, "system").await.expect("a unit");
    let (plan, _) = plan::create(&mut unit, new, content).await.expect("a plan");
    let mapping = NewMapping {
        reporter: Reporter::Instance(world.instance_id),
        package: "huge".to_owned(),
        plan_id: plan.id,
        currency: None,
        cycle: Cycle::MONTHLY,
        settings: BTreeMap::new(),
    };
    mapping::set(&mut unit, mapping).await.expect("mapped");
    unit.commit().await.expect("committed");
}

/// A year of sixty components is more lines than a report has identifiers for, as a rule.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_leads_to_very_many_lines_is_applied() {
    for fresh in stores().await {
        let world = World::found(&fresh.store).await.expect("a world");
        huge(&world, 60).await;
        link(&world, 0..1).await;
        let (desk, _) = HookDesk::open(&world.billing);
        let answer = desk.report(world.seller_id, created(&world, 0, "huge", 380, "")).await.expect("an answer");
        assert_eq!(answer.hook.state, HookState::Applied, "{answer:?}");
        let mut tx = fresh.store.snapshot().await.expect("a snapshot");
        let id = answer.hook.subscription_id.expect("a subscription");
        let lines = lines_of_subscriptions(&mut tx, world.seller_id, [id]).await.expect("lines");
        assert_eq!(lines[&id].len(), 60 * 13, "thirteen months have begun");
    }
}

/// Those that come together with it are told that something is wrong inside, and it goes on with the next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_that_breaks_the_code_does_not_end_the_desk() {
    for fresh in stores().await {
        let world = World::found(&fresh.store).await.expect("a world");
        link(&world, 0..8).await;
        let (desk, _) = HookDesk::open(&world.billing);
        for round in 0..3 {
            let broken = desk.report(world.seller_id, created(&world, round, PACKAGES[0], 0, BREAKS)).await;
            let broken = broken.expect_err("it is broken");
            assert!(matches!(broken, BillingError::Store(StoreError::Corrupt(_))), "{broken:?}");
            let next = desk.report(world.seller_id, created(&world, round + 4, PACKAGES[0], 0, "")).await;
            assert_eq!(next.expect("an answer").hook.state, HookState::Applied);
        }
        // Nothing of it was kept: reported again, it counts.
        let again = desk.report(world.seller_id, created(&world, 0, PACKAGES[0], 0, "")).await.expect("an answer");
        assert_eq!((again.hook.state, again.duplicate), (HookState::Applied, false));
    }
}
