//! Accounts that are made: ordered, placed, named, made at panels in memory that take their time, and written down.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use billet_domain::id::{InstanceId, SubscriptionId};
use billet_domain::period::Cycle;
use billet_simulator::MEMORY;
use serde_json::{Map, json};

use super::latency::Latencies;
use super::place::Place;
use super::report::{Report, rounded};
use super::world::{SET_UP_BATCH, World};
use super::{BenchError, ProvisionArgs, memory, progress};
use crate::billing::instance::{self, NewInstance};
use crate::billing::instance_settings::{Changes, configure, described};
use crate::billing::provision::order::{NewService, order};
use crate::billing::provision::rules;
use crate::billing::subscribe::{NewSubscription, subscribe};
use crate::billing::{Billing, Clock, customer};
use crate::jobs::Provisioner;
use crate::plugins::Host;
use crate::plugins::seal::Keys;
use crate::store::instance::UnknownCustomer;
use crate::store::plan_service::{CreateWhen, PlanService};
use crate::store::seller;
use crate::store::service::{self, Filter, ServiceState};
use crate::store::service_attempt::{self, Outcome};
use crate::store::statistics;

/// How long everything may take.
const TIME_MAX: Duration = Duration::from_mins(30);
/// How many accounts are ordered in one transaction.
const ORDERED_TOGETHER: u32 = 500;
/// A group of instances.
const GROUP: &str = "web";
/// A page of services.
const PAGE: i64 = 1_000;

/// Measures.
pub async fn measure(place: &Place, args: &ProvisionArgs) -> Result<Report, BenchError> {
    let mut world = World::found(&place.store).await?;
    // A key like any other: nothing outlives the benchmark.
    let keys = Keys::parse(&"5a".repeat(32)).map_err(BenchError::Wrong)?;
    world.billing = Billing::new(place.store.clone(), Clock::System).with_plugins(Host::with(&[MEMORY], []), keys);
    for number in 0..args.instances {
        panel(&world, number, args).await?;
    }
    let ordered = orders(&world, args.count).await?;
    statistics::gather(place.store.engine()).await?;
    let bar = progress("provision", u64::from(args.count));
    let began = Instant::now();
    let running = Provisioner::new(world.billing.clone()).start();
    let mut settled = 0;
    while settled < i64::from(args.count) {
        if began.elapsed() > TIME_MAX {
            return Err(BenchError::Wrong(format!("{settled} of {} accounts were made in half an hour", args.count)));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        settled = done(&world).await?;
        bar.set_position(settled.unsigned_abs());
    }
    let took = began.elapsed();
    bar.finish_and_clear();
    running.stop(Duration::from_secs(10)).await;
    let rss_mib_max = memory::peak_mib();
    let mut latencies = check(&world, &ordered).await?;
    let at_once = args.instances * args.creates_max;
    let possible = f64::from(at_once) / (f64::from(args.latency_ms) / 1_000.0);
    let rate = f64::from(args.count) / took.as_secs_f64();
    let mut more = Map::new();
    more.insert("instances".to_owned(), json!(args.instances));
    more.insert("creates_max".to_owned(), json!(args.creates_max));
    more.insert("latency_ms".to_owned(), json!(args.latency_ms));
    Ok(Report {
        bench: "provision",
        store: place.name,
        count: args.count,
        rate_per_s: rounded(rate, 1),
        raw_rate_per_s: rounded(possible, 1),
        ratio: rounded(rate / possible, 3),
        p50_ms: latencies.percentile_ms(0.5),
        p99_ms: latencies.percentile_ms(0.99),
        rss_mib_max,
        more,
    })
}

async fn panel(world: &World, number: u32, args: &ProvisionArgs) -> Result<InstanceId, BenchError> {
    let plugin = described(&world.billing, "memory").await?;
    let mut unit = world.billing.begin(world.seller_id, "system").await?;
    let new = NewInstance {
        plugin: "memory".to_owned(),
        name: format!("memory{number}"),
        group: GROUP.to_owned(),
        url: String::new(),
        unknown_customer: UnknownCustomer::Park,
        enabled: true,
    };
    let instance = instance::create(&mut unit, new).await?;
    let settings = json!({ "latency_ms": args.latency_ms }).as_object().cloned();
    let changes = Changes {
        settings,
        secrets: BTreeMap::from([("token".to_owned(), "open-sesame".to_owned())]),
        creates_max: Some(Some(i64::from(args.creates_max))),
        ..Changes::default()
    };
    configure(&mut unit, &world.billing.keys, plugin, &instance, changes).await?;
    unit.commit().await?;
    Ok(instance.id)
}

async fn orders(world: &World, count: u32) -> Result<Vec<SubscriptionId>, BenchError> {
    let plan_id = world.business.0.id;
    let mut unit = world.billing.begin(world.seller_id, "system").await?;
    let stands_for = PlanService {
        plan_id,
        instance_group: GROUP.to_owned(),
        package: "business".to_owned(),
        create_when: CreateWhen::Accepted,
        terminate_after_days: 0,
    };
    rules::set_plan_service(&mut unit, stands_for).await?;
    unit.commit().await?;
    let bar = progress("orders", u64::from(count));
    let mut ordered = Vec::with_capacity(count as usize);
    for first in (0..count).step_by(SET_UP_BATCH as usize) {
        let size = SET_UP_BATCH.min(count - first);
        let customers = world.customers(first, size).await?;
        for (chunk, customers) in
            (first..).step_by(ORDERED_TOGETHER as usize).zip(customers.chunks(ORDERED_TOGETHER as usize))
        {
            let mut unit = world.billing.begin(world.seller_id, "system").await?;
            let seller_id = unit.seller_id;
            let seller = seller::get(&mut unit, seller_id)
                .await?
                .ok_or_else(|| BenchError::Wrong("there is no seller".to_owned()))?;
            for (number, customer_id) in (chunk..).zip(customers) {
                let customer = customer::locked(&mut unit, *customer_id).await?;
                let new = NewSubscription {
                    customer_id: *customer_id,
                    plan_id,
                    version_id: None,
                    currency: None,
                    cycle: Cycle::MONTHLY,
                    anchor_day: None,
                    start_date: None,
                    trial_days: 0,
                    quantities: BTreeMap::new(),
                    options: BTreeMap::new(),
                    project_id: None,
                    parent_id: None,
                    label: String::new(),
                    promotion_code: None,
                    instance_id: None,
                    external_ref: None,
                };
                let made = subscribe(&mut unit, &seller, &customer, new, &format!("bench-{number}")).await?;
                order(&mut unit, &made, plan_id, &NewService { domain: format!("shop{number}.example") }).await?;
                ordered.push(made.id);
                bar.inc(1);
            }
            unit.commit().await?;
        }
    }
    bar.finish_and_clear();
    Ok(ordered)
}

/// How many services are settled.
async fn done(world: &World) -> Result<i64, BenchError> {
    let mut tx = world.billing.store.snapshot().await?;
    Ok(service::count(&mut tx, world.seller_id, ServiceState::Settled).await?)
}

/// Every account was made by one attempt; answers how long the attempts took, from being handed out to being written down.
async fn check(world: &World, ordered: &[SubscriptionId]) -> Result<Latencies, BenchError> {
    let mut tx = world.billing.store.snapshot().await?;
    let filter = Filter { state: Some(ServiceState::Settled), instance_id: None };
    let (mut after, mut found) = (SubscriptionId(0), 0);
    loop {
        let mut page = service::list(&mut tx, world.seller_id, filter, after, PAGE).await?;
        page.truncate(usize::try_from(PAGE).unwrap_or(usize::MAX));
        let Some(last) = page.last() else { break };
        after = last.subscription_id;
        found += page.len();
        if let Some(odd) = page.iter().find(|one| one.step_number != 1 || one.name.is_none()) {
            return Err(BenchError::Wrong(format!("{} needed {} attempts", odd.subscription_id, odd.step_number)));
        }
    }
    if found != ordered.len() {
        return Err(BenchError::Wrong(format!("{found} of {} services are settled", ordered.len())));
    }
    let mut latencies = Latencies::default();
    for id in ordered {
        for attempt in service_attempt::list(&mut tx, world.seller_id, *id, i64::MAX, 1).await? {
            let took = attempt.ended_at.and_then(|ended_at| (ended_at - attempt.begun_at).to_std().ok());
            match (attempt.outcome, took) {
                (Outcome::Done, Some(took)) => latencies.push(took),
                _ => return Err(BenchError::Wrong(format!("{id} was not made by its first attempt"))),
            }
        }
    }
    Ok(latencies)
}
