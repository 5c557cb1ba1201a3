//! Derives what services want whenever something about them changed. It runs beside the rounds: ten thousand orders that came at
//! once must not keep the first account waiting until the last is derived.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::{LOOK_EVERY, SWARM_PAUSE, TROUBLE_PAUSE};
use crate::billing::provision::refresh::refresh;
use crate::billing::{Billing, BillingError};
use crate::jobs::Moves;
use crate::store::service;

/// How many sellers' services are derived in one turn, a batch of each.
const SELLERS_MAX: i64 = 2_000;

/// Derives.
pub(super) struct Deriver {
    pub billing: Billing,
    pub stop: CancellationToken,
    /// Told after each batch: there may be something to do now.
    pub derived: Arc<Notify>,
}

impl Deriver {
    /// Until it is stopped.
    pub async fn run(self) {
        let mut commits = self.billing.store.commits();
        let mut moves = Moves::of(&self.billing.clock);
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.stop.is_cancelled() {
            // Before looking: what is committed from now on makes another turn.
            commits.borrow_and_update();
            let pause = match self.turn().await {
                Ok(0) => None,
                Ok(_) => continue,
                Err(error) if error.is_transient() => Some(SWARM_PAUSE),
                Err(error) => {
                    tracing::error!(%error, "what services want cannot be derived for now");
                    Some(TROUBLE_PAUSE)
                }
            };
            tokio::select! {
                () = self.stop.cancelled() => break,
                () = tokio::time::sleep(pause.unwrap_or_default()), if pause.is_some() => {}
                _ = commits.changed(), if pause.is_none() => tokio::time::sleep(SWARM_PAUSE).await,
                () = moves.next() => {}
                _ = look.tick() => {}
            }
        }
    }

    /// A batch of each seller; answers how many services were derived.
    async fn turn(&self) -> Result<usize, BillingError> {
        let mut tx = self.billing.store.snapshot().await?;
        let sellers = service::sellers_to_refresh(&mut tx, self.billing.now(), SELLERS_MAX).await?;
        drop(tx);
        let mut count = 0;
        for seller_id in sellers {
            if self.stop.is_cancelled() {
                break;
            }
            count += refresh(&self.billing, seller_id).await?;
            self.derived.notify_one();
        }
        Ok(count)
    }
}
