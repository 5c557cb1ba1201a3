//! Hooks that wait in the inbox: how many, and the job that tries them again.

use billet_domain::id::{InstanceId, JobId, SellerId};
use serde_json::json;

use super::{StoreError, Tx, Unit};
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

/// Leaves a job that tries the hooks again that wait for this reason. It is left even when none wait: one may be parked
/// in this very moment by a transaction that does not see this one.
///
/// # Errors
/// [`StoreError`].
pub async fn replay(unit: &mut Unit, instance_id: InstanceId, reason: &str) -> Result<(), StoreError> {
    let id = JobId(unit.id()?);
    let (seller_id, now) = (unit.seller_id, unit.now);
    let payload = json!({ "instance_id": instance_id.0, "reason": reason });
    unit.execute(
        "INSERT INTO jobs (id, seller_id, kind, payload, state, attempt_count, run_at, last_error, created_at) \
         VALUES ($1, $2, 'replay_parked', $3, 'ready', 0, $4, '', $4)",
        params![id, seller_id, payload.to_string(), now],
    )
    .await?;
    Ok(())
}
