//! What hooks hold while they are applied, beyond rows: an account that nobody has heard of has no row to lock. On
//! PostgreSQL these are advisory locks that end with the transaction; on SQLite a writing unit is alone anyway.
//!
//! They come before all row locks: first the catalogue, then accounts in ascending order.

use billet_domain::id::InstanceId;
use sha2::{Digest, Sha256};

use super::{StoreError, Unit, id_set};

/// Holds the catalogue still, beside others that do: what packages stand for and who accounts belong to does not change
/// until the unit ends. So a hook that is parked for want of a mapping is seen by whoever adds the mapping.
///
/// # Errors
/// [`StoreError`].
pub async fn catalogue(unit: &mut Unit) -> Result<(), StoreError> {
    let key = key(&format!("catalogue {}", unit.seller_id));
    if unit.is_postgres() {
        unit.execute("SELECT pg_advisory_xact_lock_shared($1)", &[key.into()]).await?;
    }
    Ok(())
}

/// Changes the catalogue: waits for those that hold it still, and lets new ones wait until the unit ends.
///
/// # Errors
/// [`StoreError`].
pub async fn catalogue_alone(unit: &mut Unit) -> Result<(), StoreError> {
    let key = key(&format!("catalogue {}", unit.seller_id));
    if unit.is_postgres() {
        unit.execute("SELECT pg_advisory_xact_lock($1)", &[key.into()]).await?;
    }
    Ok(())
}

/// Holds accounts, whether there are any of these names or not: what is decided about an account's hooks is decided by one
/// at a time, and what waits for the account is read after this.
///
/// # Errors
/// [`StoreError`].
pub async fn accounts(unit: &mut Unit, accounts: &[(InstanceId, &str)]) -> Result<(), StoreError> {
    if !unit.is_postgres() {
        return Ok(());
    }
    let seller_id = unit.seller_id;
    let mut keys: Vec<i64> =
        accounts.iter().map(|(instance_id, name)| key(&format!("account {seller_id} {instance_id} {name}"))).collect();
    // In ascending order, so that two of them never wait for each other; the function gives them in the order of the array.
    keys.sort_unstable();
    keys.dedup();
    unit.execute(
        "SELECT count(pg_advisory_xact_lock(key::bigint)) FROM json_array_elements_text($1::json) AS keys (key)",
        &[id_set(keys)],
    )
    .await?;
    Ok(())
}

/// Names that meet by chance wait for each other, and nothing worse.
fn key(name: &str) -> i64 {
    let digest = Sha256::digest(format!("billet {name}"));
    let (first, _) = digest.split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
    i64::from_be_bytes(*first)
}
