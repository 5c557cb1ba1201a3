//! How the daemon reaches instances, and how full they may get. Secrets are sealed before they come here.

use std::collections::BTreeMap;

use billet_domain::id::{InstanceId, SellerId};
use chrono::{DateTime, Utc};

use super::{FromRow, Json, Row, Sql, StoreError, Tx, Unit};
use crate::params;

/// The share of an instance for which nothing was said.
pub const WEIGHT_DEFAULT: i64 = 100;

/// How an instance is reached.
#[derive(Debug, Clone, PartialEq)]
pub struct InstanceSettings {
    /// Which.
    pub instance_id: InstanceId,
    /// Counts the changes.
    pub revision: i64,
    /// As the plugin's schema has it, without secrets.
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// Sealed, by the names of their properties.
    pub secrets: BTreeMap<String, String>,
    /// How many calls at once; the plugin's own number when absent.
    pub concurrency_max: Option<i64>,
    /// No new accounts are placed there.
    pub maintenance: bool,
    /// How many accounts may be placed there.
    pub accounts_max: Option<i64>,
    /// How many accounts may be made there at the same time; one when absent.
    pub creates_max: Option<i64>,
    /// Its share of new accounts.
    pub weight: i64,
    /// Its panel's reports name accounts by their main domain, not by their user name: what its plugin said when it was set.
    pub named_by_domain: bool,
    /// When it was changed.
    pub updated_at: DateTime<Utc>,
}

impl InstanceSettings {
    /// Of an instance for which nothing was set.
    #[must_use]
    pub fn none(instance_id: InstanceId, now: DateTime<Utc>) -> Self {
        Self {
            instance_id,
            revision: 0,
            settings: serde_json::Map::new(),
            secrets: BTreeMap::new(),
            concurrency_max: None,
            maintenance: false,
            accounts_max: None,
            creates_max: None,
            weight: WEIGHT_DEFAULT,
            named_by_domain: false,
            updated_at: now,
        }
    }
}

impl FromRow for InstanceSettings {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            instance_id: row.get(0)?,
            revision: row.get(1)?,
            settings: row.get::<Json<_>>(2)?.0,
            secrets: row.get::<Json<_>>(3)?.0,
            concurrency_max: row.get(4)?,
            maintenance: row.get(5)?,
            accounts_max: row.get(6)?,
            creates_max: row.get(7)?,
            weight: row.get(8)?,
            named_by_domain: row.get(9)?,
            updated_at: row.get(10)?,
        })
    }
}

macro_rules! settings {
    ($after:literal) => {
        concat!(
            "SELECT instance_id, revision, settings, secrets, concurrency_max, maintenance, accounts_max, creates_max, weight, ",
            "named_by_domain, updated_at ",
            "FROM instance_settings WHERE seller_id = $1 ",
            $after
        )
    };
}

/// Those of one instance, if any were set.
///
/// # Errors
/// [`StoreError`].
pub async fn get(
    tx: &mut Tx,
    seller_id: SellerId,
    instance_id: InstanceId,
) -> Result<Option<InstanceSettings>, StoreError> {
    tx.optional(settings!("AND instance_id = $2"), params![seller_id, instance_id]).await
}

/// Whether what the panel reports names accounts by their main domain.
///
/// # Errors
/// [`StoreError`].
pub async fn is_named_by_domain(tx: &mut Tx, seller_id: SellerId, instance_id: InstanceId) -> Result<bool, StoreError> {
    let text = "SELECT named_by_domain FROM instance_settings WHERE seller_id = $1 AND instance_id = $2";
    let found: Option<(bool,)> = tx.optional(text, params![seller_id, instance_id]).await?;
    Ok(found.is_some_and(|(named_by_domain,)| named_by_domain))
}

/// The instances that are switched on and say how they are reached.
///
/// # Errors
/// [`StoreError`].
pub async fn reachable(tx: &mut Tx, seller_id: SellerId) -> Result<Vec<InstanceId>, StoreError> {
    let text = "SELECT instances.id FROM instances JOIN instance_settings ON instance_settings.seller_id = instances.seller_id \
                AND instance_settings.instance_id = instances.id WHERE instances.seller_id = $1 AND instances.enabled = 1 \
                AND instance_settings.revision > 0 ORDER BY instances.id LIMIT 10000";
    let found: Vec<(InstanceId,)> = tx.all(text, params![seller_id]).await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// All of the unit's seller after an instance, by instance, at most `limit`, locked against changes.
///
/// # Errors
/// [`StoreError`].
pub async fn lock_after(unit: &mut Unit, after: InstanceId, limit: i64) -> Result<Vec<InstanceSettings>, StoreError> {
    let seller_id = unit.seller_id;
    let text = Sql {
        sqlite: settings!("AND instance_id > $2 ORDER BY instance_id LIMIT $3"),
        postgres: settings!("AND instance_id > $2 ORDER BY instance_id LIMIT $3 FOR NO KEY UPDATE"),
    };
    unit.all(text, params![seller_id, after, limit]).await
}

/// Writes the settings of an instance of the unit's seller, which must be locked.
///
/// # Errors
/// [`StoreError`].
pub async fn set(unit: &mut Unit, settings: &InstanceSettings) -> Result<(), StoreError> {
    let seller_id = unit.seller_id;
    unit.execute(
        "INSERT INTO instance_settings (seller_id, instance_id, revision, settings, secrets, concurrency_max, maintenance, \
         accounts_max, creates_max, weight, named_by_domain, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
         ON CONFLICT (seller_id, instance_id) DO UPDATE SET revision = excluded.revision, settings = excluded.settings, \
         secrets = excluded.secrets, concurrency_max = excluded.concurrency_max, maintenance = excluded.maintenance, \
         accounts_max = excluded.accounts_max, creates_max = excluded.creates_max, weight = excluded.weight, \
         named_by_domain = excluded.named_by_domain, updated_at = excluded.updated_at",
        params![
            seller_id,
            settings.instance_id,
            settings.revision,
            Json(&settings.settings),
            Json(&settings.secrets),
            settings.concurrency_max,
            settings.maintenance,
            settings.accounts_max,
            settings.creates_max,
            settings.weight,
            settings.named_by_domain,
            settings.updated_at
        ],
    )
    .await?;
    Ok(())
}
