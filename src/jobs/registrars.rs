//! Looks after registrars and domains all day long: every few minutes each registrar is asked for its messages, and the
//! domains that are due are cared for. As for nights, a row says when a seller is due next, and is held while the jobs are
//! left, so that several daemons do it once.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use billet_domain::id::SellerId;
use billet_plugin::v1::PluginKind;
use chrono::TimeDelta;
use serde_json::json;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::Moves;
use crate::billing::domain::{CARE, POLL};
use crate::billing::{Billing, BillingError};
use crate::store::job::{self, NewJob};
use crate::store::schedule::{self, REGISTRARS};
use crate::store::{domain, instance};

/// How often the schedules are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often each registrar is asked, in billing time.
const EVERY: TimeDelta = TimeDelta::minutes(5);
/// How many sellers, or instances of one, are read at once.
const PAGE: i64 = 500;
/// How often it is looked again after a seller could not be looked after, in looks.
const TROUBLE_LOOKS: u32 = 30;

/// Leaves the jobs.
#[derive(Clone)]
pub struct Registrars {
    billing: Billing,
}

impl Registrars {
    /// Over everything.
    #[must_use]
    pub fn new(billing: Billing) -> Self {
        Self { billing }
    }

    /// Works until it is told to stop: looks every second, and at once when a simulated clock moves.
    pub async fn run(self, stop: CancellationToken) {
        let mut moves = Moves::of(&self.billing.clock);
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut troubles: HashMap<SellerId, u32> = HashMap::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = moves.next() => {}
                _ = look.tick() => {}
            }
            if let Err(error) = self.look(&mut troubles).await {
                tracing::error!(%error, "whether registrars are to be asked cannot be read");
            }
        }
    }

    async fn look(&self, troubles: &mut HashMap<SellerId, u32>) -> Result<(), BillingError> {
        let mut after = SellerId(0);
        loop {
            let mut tx = self.billing.store.snapshot().await?;
            let sellers = schedule::sellers_due(&mut tx, REGISTRARS, self.billing.now(), after, PAGE).await?;
            drop(tx);
            let Some(last) = sellers.last() else { return Ok(()) };
            after = *last;
            for seller_id in sellers {
                if let Some(looks) = troubles.get_mut(&seller_id).filter(|looks| **looks > 0) {
                    *looks -= 1;
                    continue;
                }
                match self.plan_for(seller_id).await {
                    Ok(()) => {
                        troubles.remove(&seller_id);
                    }
                    Err(error) if error.is_transient() => {}
                    Err(error) => {
                        tracing::error!(seller = %seller_id, %error, "registrars cannot be looked after");
                        troubles.insert(seller_id, TROUBLE_LOOKS);
                    }
                }
            }
        }
    }

    /// The names of the plugins of registrars. One that is broken is none today.
    async fn plugins(&self) -> HashSet<String> {
        let mut found = HashSet::new();
        for name in self.billing.host.names() {
            if let Ok(described) = self.billing.host.describe(name).await
                && described.description.kind() == PluginKind::Registrar
            {
                found.insert(name.to_owned());
            }
        }
        found
    }

    /// Leaves the jobs of a seller and moves its schedule on; nothing when another daemon is at it.
    async fn plan_for(&self, seller_id: SellerId) -> Result<(), BillingError> {
        // Before the transaction: a plugin's program may have to be started for it.
        let plugins = self.plugins().await;
        let mut unit = self.billing.begin(seller_id, "system").await?;
        if schedule::claim(&mut unit, REGISTRARS).await?.is_none() {
            return Ok(());
        }
        let now = unit.now;
        let mut jobs = Vec::new();
        let mut after = String::new();
        loop {
            let mut page = instance::list(&mut unit, seller_id, &after, PAGE).await?;
            page.truncate(usize::try_from(PAGE).unwrap_or(usize::MAX));
            let Some(last) = page.last() else { break };
            after.clone_from(&last.name);
            jobs.extend(page.iter().filter(|one| one.enabled && plugins.contains(&one.plugin)).map(|one| NewJob {
                kind: POLL,
                payload: json!({ "instance": one.id }),
                unique_key: Some(format!("{POLL}:{seller_id}:{}", one.id)),
                run_at: now,
            }));
        }
        if !domain::to_care_for(&mut unit, seller_id, now, 1).await?.is_empty() {
            jobs.push(NewJob {
                kind: CARE,
                payload: json!({}),
                unique_key: Some(format!("{CARE}:{seller_id}")),
                run_at: now,
            });
        }
        if !jobs.is_empty() {
            job::enqueue_new(&mut unit, jobs).await?;
        }
        schedule::set(&mut unit, REGISTRARS, now + EVERY).await?;
        unit.commit().await?;
        Ok(())
    }
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
