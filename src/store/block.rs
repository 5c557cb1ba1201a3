//! Identifiers beyond those that a unit reserved, for what turns out to be large only when it has been reckoned: one
//! payment can settle thousands of invoices.

use super::{StoreError, Unit};
use crate::params;

/// Takes `count` ids: up to `own_max` of those that the unit reserved, the others in a block that is taken within the
/// unit's transaction, so that it is taken back when the unit is. On PostgreSQL other processes that need a new block
/// wait until the unit ends; that is why it is for the rare large case only.
///
/// # Errors
/// [`StoreError`].
pub async fn take(unit: &mut Unit, count: usize, own_max: usize) -> Result<Vec<i64>, StoreError> {
    let mut ids = Vec::with_capacity(count);
    while ids.len() < count.min(own_max) {
        match unit.id() {
            Ok(id) => ids.push(id),
            Err(StoreError::IdsExhausted) => break,
            Err(error) => return Err(error),
        }
    }
    let missing = count - ids.len();
    if missing > 0 {
        let missing = i64::try_from(missing).map_err(|_| StoreError::IdsExhausted)?;
        let (end,): (i64,) =
            unit.one("UPDATE id_blocks SET next_id = next_id + $1 RETURNING next_id", params![missing]).await?;
        ids.extend(end - missing..end);
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use billet_domain::id::SellerId;
    use chrono::Utc;

    use super::*;
    use crate::store::testing::stores;

    #[tokio::test]
    async fn a_large_take_gives_distinct_ids_also_after_a_roll_back() {
        for fresh in stores().await {
            let mut all = BTreeSet::new();
            for commit in [true, false, true] {
                let mut unit = fresh.store.begin_large(SellerId(1), "system", Utc::now(), 10).await.expect("begins");
                let ids = take(&mut unit, 3_000, 4).await.expect("enough");
                assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 3_000);
                let own = unit.id().expect("what the caller reserved beyond is its own");
                assert!(!ids.contains(&own));
                if commit {
                    unit.commit().await.expect("commits");
                    assert!(ids.iter().all(|id| all.insert(*id)), "an id was handed out twice");
                }
            }
        }
    }
}
