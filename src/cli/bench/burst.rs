//! Callers who report hooks at once, each waiting for its answer before it reports the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use billet_domain::hook::{Change, Hook};
use billet_domain::id::{InstanceId, SellerId};
use chrono::{DateTime, TimeDelta, Utc};
use indicatif::ProgressBar;
use tokio::task::JoinSet;

use super::BenchError;
use super::latency::Latencies;
use super::remote::Remote;
use super::world::{PACKAGES, start};
use crate::billing::Billing;
use crate::billing::hook::Report;
use crate::billing::hook::desk::HookDesk;
use crate::store::hook::HookState;

/// Where callers report.
#[derive(Clone)]
pub enum Counter {
    /// In the process.
    Desk(HookDesk),
    /// Over gRPC.
    Remote(Remote),
}

/// What is reported: every account in turn, over and over, each time to the other package, each round on another day.
pub struct Burst {
    pub billing: Billing,
    pub seller_id: SellerId,
    pub instance_id: InstanceId,
    pub accounts: u32,
    pub count: u32,
    pub callers: u32,
}

/// What an account is called.
pub fn account(number: u32) -> String {
    format!("user{number}")
}

/// The longest way that the clock goes: the month of the first invoices does not end.
const DAYS_MAX: u32 = 25;

impl Burst {
    fn at(&self, number: u32) -> DateTime<Utc> {
        let round = number / self.accounts + 1;
        let rounds = self.count.div_ceil(self.accounts);
        let step_s = i64::from(86_400_u32.min(DAYS_MAX * 86_400 / rounds.max(1)));
        start() + TimeDelta::seconds(i64::from(round) * step_s)
    }

    fn hook(&self, number: u32) -> Hook {
        let to = usize::from((number / self.accounts).is_multiple_of(2));
        Hook {
            event_id: format!("bench-{number}"),
            happened_at: self.at(number),
            external_ref: account(number % self.accounts),
            change: Change::PackageChanged {
                from_package: PACKAGES[1 - to].to_owned(),
                to_package: PACKAGES[to].to_owned(),
            },
            source: "Whostmgr Accounts::change_package post".to_owned(),
        }
    }

    /// The clock follows what is reported; a caller that is late finds it moved on already.
    fn move_clock(&self, to: DateTime<Utc>) {
        if self.billing.now() < to {
            let _ = self.billing.clock.advance(to);
        }
    }

    /// Reports everything; answers how long it took in all and each.
    pub async fn go(self, counter: &Counter, progress: &ProgressBar) -> Result<(Duration, Latencies), BenchError> {
        let burst = Arc::new(self);
        let next = Arc::new(AtomicU32::new(0));
        let mut callers = JoinSet::new();
        let began = Instant::now();
        for _ in 0..burst.callers {
            let (burst, next, counter, progress) =
                (Arc::clone(&burst), Arc::clone(&next), counter.clone(), progress.clone());
            callers.spawn(async move { burst.call(&next, counter, &progress).await });
        }
        let mut latencies = Latencies::default();
        while let Some(done) = callers.join_next().await {
            latencies.extend(done.map_err(|error| BenchError::Wrong(error.to_string()))??);
        }
        Ok((began.elapsed(), latencies))
    }

    async fn call(&self, next: &AtomicU32, counter: Counter, progress: &ProgressBar) -> Result<Latencies, BenchError> {
        let mut latencies = Latencies::default();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= self.count {
                return Ok(latencies);
            }
            let hook = self.hook(number);
            self.move_clock(hook.happened_at);
            let began = Instant::now();
            let documents = match &counter {
                Counter::Desk(desk) => {
                    let report = Report { instance_id: self.instance_id, hook, is_dated: true };
                    let answer = desk.report(self.seller_id, report).await?;
                    let applied = answer.hook.state == HookState::Applied && !answer.duplicate;
                    applied.then_some(answer.hook.invoices.len()).ok_or(answer.hook.detail)
                }
                Counter::Remote(remote) => remote.report(&hook).await?,
            };
            latencies.push(began.elapsed());
            match documents {
                Ok(1) => progress.inc(1),
                Ok(documents) => {
                    return Err(BenchError::Wrong(format!(
                        "hook {number} led to {documents} documents instead of one"
                    )));
                }
                Err(why) => return Err(BenchError::Wrong(format!("hook {number} was not applied: {why}"))),
            }
        }
    }
}
