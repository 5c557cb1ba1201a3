//! Configured panels and registrars.

use billet_domain::id::{InstanceId, SellerId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{FromRow, Row, Sql, StoreError, Tx, Unit, Word, id_set};
use crate::params;

/// What a new account of an unknown customer leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownCustomer {
    /// The hook waits in the inbox.
    #[default]
    Park,
    /// A customer is made from what the panel says.
    Create,
}

/// One configured panel or registrar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Which.
    pub id: InstanceId,
    /// `cpanel`, `plesk`, ...
    pub plugin: String,
    /// Unique for the seller.
    pub name: String,
    /// Instances that share package mappings; may be empty.
    pub group: String,
    /// Where it is, for people; may be empty.
    pub url: String,
    /// What a new account of an unknown customer leads to.
    pub unknown_customer: UnknownCustomer,
    /// Whether its hooks are taken; otherwise they wait in the inbox.
    pub enabled: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl FromRow for Instance {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get(0)?,
            plugin: row.get(1)?,
            name: row.get(2)?,
            group: row.get(3)?,
            url: row.get(4)?,
            unknown_customer: row.get::<Word<_>>(5)?.0,
            enabled: row.get(6)?,
            created_at: row.get(7)?,
        })
    }
}

macro_rules! instances {
    ($after:literal) => {
        concat!(
            "SELECT id, plugin, name, instance_group, url, unknown_customer, enabled, created_at FROM instances ",
            "WHERE seller_id = $1 ",
            $after
        )
    };
}

/// One instance.
///
/// # Errors
/// [`StoreError`].
pub async fn get(tx: &mut Tx, seller_id: SellerId, id: InstanceId) -> Result<Option<Instance>, StoreError> {
    tx.optional(instances!("AND id = $2"), params![seller_id, id]).await
}

/// The instance with a name.
///
/// # Errors
/// [`StoreError`].
pub async fn by_name(tx: &mut Tx, seller_id: SellerId, name: &str) -> Result<Option<Instance>, StoreError> {
    tx.optional(instances!("AND name = $2"), params![seller_id, name]).await
}

/// Those of these instances that there are.
///
/// # Errors
/// [`StoreError`].
pub async fn list_by_ids(tx: &mut Tx, seller_id: SellerId, ids: &[InstanceId]) -> Result<Vec<Instance>, StoreError> {
    let text = Sql {
        sqlite: instances!("AND id IN (SELECT value FROM json_each($2)) ORDER BY id"),
        postgres: instances!("AND id = ANY (ARRAY(SELECT json_array_elements_text($2::json)::bigint)) ORDER BY id"),
    };
    tx.all(text, params![seller_id, id_set(ids.iter().map(|id| id.0))]).await
}

/// A page of a seller's instances by name (in the order of its bytes), with one more than `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn list(tx: &mut Tx, seller_id: SellerId, after: &str, limit: i64) -> Result<Vec<Instance>, StoreError> {
    // PostgreSQL would order by the rules of the database's language.
    let text = Sql {
        sqlite: instances!("AND name > $2 ORDER BY name LIMIT $3"),
        postgres: instances!("AND name COLLATE \"C\" > $2 ORDER BY name COLLATE \"C\" LIMIT $3"),
    };
    tx.all(text, params![seller_id, after, limit + 1]).await
}

/// One instance of the unit's seller, locked against other changes of it.
///
/// # Errors
/// [`StoreError`].
pub async fn lock(unit: &mut Unit, id: InstanceId) -> Result<Option<Instance>, StoreError> {
    let seller_id = unit.seller_id;
    let text = Sql { sqlite: instances!("AND id = $2"), postgres: instances!("AND id = $2 FOR NO KEY UPDATE") };
    unit.optional(text, params![seller_id, id]).await
}

/// Stores a new instance of the unit's seller.
///
/// # Errors
/// [`StoreError::Conflict`] when its name is taken.
pub async fn insert(unit: &mut Unit, instance: &Instance) -> Result<(), StoreError> {
    let seller_id = unit.seller_id;
    unit.execute(
        "INSERT INTO instances (seller_id, id, plugin, name, instance_group, url, unknown_customer, enabled, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        params![
            seller_id,
            instance.id,
            &instance.plugin,
            &instance.name,
            &instance.group,
            &instance.url,
            Word(instance.unknown_customer),
            instance.enabled,
            instance.created_at
        ],
    )
    .await?;
    Ok(())
}

/// Writes everything of an instance that can change.
///
/// # Errors
/// [`StoreError::Conflict`] when its name is taken.
pub async fn update(unit: &mut Unit, instance: &Instance) -> Result<(), StoreError> {
    let seller_id = unit.seller_id;
    unit.execute(
        "UPDATE instances SET name = $3, instance_group = $4, url = $5, unknown_customer = $6, enabled = $7 \
         WHERE seller_id = $1 AND id = $2",
        params![
            seller_id,
            instance.id,
            &instance.name,
            &instance.group,
            &instance.url,
            Word(instance.unknown_customer),
            instance.enabled
        ],
    )
    .await?;
    Ok(())
}

/// The instances of a group, by id.
///
/// # Errors
/// [`StoreError`].
pub async fn of_group(tx: &mut Tx, seller_id: SellerId, group: &str) -> Result<Vec<InstanceId>, StoreError> {
    let rows: Vec<(InstanceId,)> = tx
        .all(
            "SELECT id FROM instances WHERE seller_id = $1 AND instance_group = $2 ORDER BY id",
            params![seller_id, group],
        )
        .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}
