//! A billing run: many due subscriptions of as many customers, one invoice of three lines each.

use std::time::{Duration, Instant};

use billet_domain::period::Cycle;
use billet_domain::timeline::{Fact, FactKind};
use serde_json::{Map, Value, json};
use tokio::task::JoinHandle;

use super::latency::Latencies;
use super::place::Place;
use super::report::{Report, rounded};
use super::world::{SET_UP_BATCH, World, start};
use super::{BenchError, memory, progress};
use crate::billing::run::{BATCH, plan, work};
use crate::billing::subscribe::{Opening, open};
use crate::store::raw::Copier;
use crate::store::subscription::{self, ServiceState};
use crate::store::{Store, fact, statistics};

/// Measures a run over `count` subscriptions, and what the database makes of the very same rows.
pub async fn measure(place: &Place, count: u32) -> Result<Report, BenchError> {
    let set_up = Instant::now();
    let world = World::found(&place.store).await?;
    subscribe(&world, count).await?;
    let set_up = set_up.elapsed();
    let copier = Copier::before(&place.store, world.seller_id).await?;

    let mut unit = world.billing.begin(world.seller_id, "system").await?;
    statistics::gather(place.store.engine()).await?;
    let cutoff = start().date_naive();
    let run = plan(&mut unit, cutoff, false).await?;
    unit.commit().await?;
    let bar = progress("invoices", u64::from(count));
    let batches = Batches::watch(&place.store, bar.clone());
    let began = Instant::now();
    let run = work(&world.billing, world.seller_id, run.id, 1).await?;
    let took = began.elapsed();
    let mut latencies = batches.stop().await;
    bar.finish_and_clear();
    let rss_mib_max = memory::peak_mib();
    if run.invoice_count != i64::from(count) || run.failure_count != 0 {
        let (invoices, failures) = (run.invoice_count, run.failure_count);
        return Err(BenchError::Wrong(format!("{invoices} invoices and {failures} failures of {count}")));
    }

    let other = World::found(&place.raw).await?;
    if other.seller_id != world.seller_id {
        return Err(BenchError::Wrong("the rows cannot be copied: the sellers have different ids".to_owned()));
    }
    let bar = progress("the same rows", u64::from(count));
    let raw = copier.copy(&place.store, &place.raw, BATCH, |documents| bar.inc(documents)).await?;
    bar.finish_and_clear();
    if raw.documents != u64::from(count) || raw.lines != 3 * u64::from(count) {
        return Err(BenchError::Wrong(format!("{} invoices with {} lines of {count}", raw.documents, raw.lines)));
    }
    let rate = f64::from(count) / took.as_secs_f64();
    let raw_rate = f64::from(count) / raw.took.as_secs_f64();
    let mut more = Map::new();
    more.insert("lines".to_owned(), json!(raw.lines));
    more.insert("rows".to_owned(), json!(raw.rows));
    more.insert("batch".to_owned(), json!(BATCH));
    more.insert("set_up_s".to_owned(), json!(rounded(set_up.as_secs_f64(), 2)));
    more.insert("run_s".to_owned(), json!(rounded(took.as_secs_f64(), 2)));
    Ok(Report {
        bench: "run",
        store: place.name,
        count,
        rate_per_s: rounded(rate, 1),
        raw_rate_per_s: rounded(raw_rate, 1),
        ratio: rounded(rate / raw_rate, 3),
        p50_ms: latencies.percentile_ms(0.5),
        p99_ms: latencies.percentile_ms(0.99),
        rss_mib_max,
        more,
    })
}

/// The report of the last, with the rate and the memory of all.
pub fn together(measured: Vec<Report>) -> Result<Report, BenchError> {
    let by_count: Vec<Value> = measured
        .iter()
        .map(|report| {
            json!({
                "count": report.count, "rate_per_s": report.rate_per_s, "raw_rate_per_s": report.raw_rate_per_s,
                "ratio": report.ratio, "rss_mib_max": report.rss_mib_max,
            })
        })
        .collect();
    let mut last =
        measured.into_iter().next_back().ok_or_else(|| BenchError::Wrong("nothing was measured".to_owned()))?;
    last.more.insert("by_count".to_owned(), by_count.into());
    Ok(last)
}

/// Customers with one subscription each that has begun today and is not billed, in sets.
pub async fn subscribe(world: &World, count: u32) -> Result<(), BenchError> {
    let bar = progress("subscriptions", u64::from(count));
    let now = world.billing.now();
    let today = now.date_naive();
    for first in (0..count).step_by(SET_UP_BATCH as usize) {
        let size = SET_UP_BATCH.min(count - first);
        let customers = world.customers(first, size).await?;
        let ids = i64::from(size) + 100;
        let mut unit = world.billing.store.begin_large(world.seller_id, "system", now, ids).await?;
        for (number, customer_id) in (first..).zip(customers) {
            let opening = Opening {
                customer_id,
                project_id: None,
                parent_id: None,
                currency: billet_domain::money::Currency::EUR,
                tax_inclusive: false,
                label: format!("kunde{number}.example"),
                account: None,
                service_state: ServiceState::Unknown,
                started_on: today,
                started_at: now,
            };
            let subscription = open(&mut unit, today, opening)?;
            subscription::add(&mut unit, &subscription);
            let kind = FactKind::Started {
                version_id: world.business.1.id,
                cycle: Cycle::MONTHLY,
                anchor_day: None,
                trial_until: None,
                quantities: std::collections::BTreeMap::new(),
                package: None,
            };
            let fact = Fact { on: today, at_us: now.timestamp_micros(), key: "started".to_owned(), kind };
            fact::add(&mut unit, subscription.id, &fact);
            unit.event(
                "subscription.started",
                subscription.id,
                json!({ "customer": customer_id, "started_on": today }),
            );
        }
        unit.commit().await?;
        bar.inc(u64::from(size));
    }
    bar.finish_and_clear();
    Ok(())
}

/// How long the batches of a run take: from one commit to the next.
struct Batches {
    task: JoinHandle<()>,
    took: tokio::sync::mpsc::UnboundedReceiver<Duration>,
}

impl Batches {
    fn watch(store: &Store, bar: indicatif::ProgressBar) -> Self {
        let mut commits = store.commits();
        let (send, took) = tokio::sync::mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            let mut last = Instant::now();
            while commits.changed().await.is_ok() {
                let now = Instant::now();
                bar.inc(BATCH.unsigned_abs());
                if send.send(now - last).is_err() {
                    return;
                }
                last = now;
            }
        });
        Self { task, took }
    }

    async fn stop(mut self) -> Latencies {
        self.task.abort();
        let _ = self.task.await;
        let mut latencies = Latencies::default();
        while let Some(took) = self.took.recv().await {
            latencies.push(took);
        }
        latencies
    }
}
