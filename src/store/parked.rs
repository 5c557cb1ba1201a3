//! Hooks that wait in the inbox: how many, and the job that tries them again.

use billet_domain::id::{InstanceId, SellerId};
use serde::{Deserialize, Serialize};

use super::job::{self, NewJob};
use super::{StoreError, Tx, Unit, hold};
use crate::params;

/// How many hooks of an instance wait for this reason.
///
/// # Errors
/// [`StoreError`].
pub async fn count(tx: &mut Tx, seller_id: SellerId, instance_id: InstanceId, reason: &str) -> Result<i64, StoreError> {
    let (count,): (i64,) = tx
        .one(
            "SELECT count(*) FROM hooks \
             WHERE seller_id = $1 AND instance_id = $2 AND state = 'parked' AND reason = $3",
            params![seller_id, instance_id, reason],
        )
        .await?;
    Ok(count)
}

/// The kind of the job that tries parked hooks again.
pub const REPLAY: &str = "replay_parked";

/// Which parked hooks are to be tried again; what is empty or absent narrows nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Replay {
    /// Only of this instance.
    pub instance_id: Option<InstanceId>,
    /// Only of the instances of this group.
    #[serde(default)]
    pub instance_group: String,
    /// Only with this reason.
    #[serde(default)]
    pub reason: String,
    /// Only waiting for this package.
    #[serde(default)]
    pub package: String,
}

/// Leaves a job that tries parked hooks again, after a change of the catalogue. It is left even when none wait: one may be
/// parked in this very moment by a transaction that does not see this one. This one waits for all of those, so that the
/// job sees what they parked.
///
/// # Errors
/// [`StoreError`].
pub async fn replay(unit: &mut Unit, which: &Replay) -> Result<(), StoreError> {
    hold::catalogue_alone(unit).await?;
    let payload = serde_json::to_value(which).unwrap_or_default();
    job::enqueue(unit, NewJob { kind: REPLAY, payload, unique_key: None, run_at: unit.now })?;
    Ok(())
}
