//! Which package a plan stands for where Billet makes accounts itself, and how groups of instances are filled.

use std::collections::BTreeMap;

use billet_domain::id::{InstanceId, PlanId, SellerId};
use billet_domain::placement::{Candidate, Placement};
use serde::{Deserialize, Serialize};

use super::{FromRow, Row, Sql, StoreError, Tx, Unit, Word, id_set};
use crate::{params, with_ids};

/// When an account is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CreateWhen {
    /// As soon as the subscription has begun.
    #[default]
    Accepted,
    /// When what was billed for it is paid.
    Paid,
}

/// What a plan stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanService {
    /// The plan.
    pub plan_id: PlanId,
    /// At which group of instances.
    pub instance_group: String,
    /// The package there.
    pub package: String,
    /// When an account is made.
    pub create_when: CreateWhen,
    /// How many days after its end an account is kept, suspended.
    pub terminate_after_days: u32,
}

impl FromRow for PlanService {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            plan_id: row.get(0)?,
            instance_group: row.get(1)?,
            package: row.get(2)?,
            create_when: row.get::<Word<_>>(3)?.0,
            terminate_after_days: row.get(4)?,
        })
    }
}

/// Stores what a plan stands for.
///
/// # Errors
/// [`StoreError`].
pub async fn set(unit: &mut Unit, service: &PlanService) -> Result<(), StoreError> {
    let seller_id = unit.seller_id;
    unit.execute(
        "INSERT INTO plan_services (seller_id, plan_id, instance_group, package, create_when, terminate_after_days) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (seller_id, plan_id) DO UPDATE SET \
         instance_group = excluded.instance_group, package = excluded.package, create_when = excluded.create_when, \
         terminate_after_days = excluded.terminate_after_days",
        params![
            seller_id,
            service.plan_id,
            &service.instance_group,
            &service.package,
            Word(service.create_when),
            service.terminate_after_days
        ],
    )
    .await?;
    Ok(())
}

/// Removes what a plan stands for; answers whether there was something.
///
/// # Errors
/// [`StoreError`].
pub async fn remove(unit: &mut Unit, plan_id: PlanId) -> Result<bool, StoreError> {
    let seller_id = unit.seller_id;
    let text = "DELETE FROM plan_services WHERE seller_id = $1 AND plan_id = $2";
    Ok(unit.execute(text, params![seller_id, plan_id]).await? > 0)
}

/// What these plans stand for.
///
/// # Errors
/// [`StoreError`].
pub async fn of_plans(
    tx: &mut Tx,
    seller_id: SellerId,
    plans: impl IntoIterator<Item = PlanId>,
) -> Result<BTreeMap<PlanId, PlanService>, StoreError> {
    let text = with_ids!(
        "SELECT plan_id, instance_group, package, create_when, terminate_after_days FROM plan_services \
         WHERE seller_id = $1 AND plan_id ",
        2,
        ""
    );
    let found: Vec<PlanService> = tx.all(text, params![seller_id, id_set(plans.into_iter().map(|id| id.0))]).await?;
    Ok(found.into_iter().map(|one| (one.plan_id, one)).collect())
}

/// A page of what plans stand for, by plan, with one more than `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn list(tx: &mut Tx, seller_id: SellerId, after: PlanId, limit: i64) -> Result<Vec<PlanService>, StoreError> {
    let text = "SELECT plan_id, instance_group, package, create_when, terminate_after_days FROM plan_services \
                WHERE seller_id = $1 AND plan_id > $2 ORDER BY plan_id LIMIT $3";
    tx.all(text, params![seller_id, after, limit + 1]).await
}

/// Sets how a group of instances is filled.
///
/// # Errors
/// [`StoreError`].
pub async fn set_placement(unit: &mut Unit, group: &str, placement: Placement) -> Result<(), StoreError> {
    let seller_id = unit.seller_id;
    unit.execute(
        "INSERT INTO instance_groups (seller_id, name, placement) VALUES ($1, $2, $3) \
         ON CONFLICT (seller_id, name) DO UPDATE SET placement = excluded.placement",
        params![seller_id, group, Word(placement)],
    )
    .await?;
    Ok(())
}

/// How a group is filled, held against other placements in it until the unit ends.
///
/// # Errors
/// [`StoreError`].
pub async fn lock_placement(unit: &mut Unit, group: &str) -> Result<Placement, StoreError> {
    let seller_id = unit.seller_id;
    // The row is there from now on, so that there is something to lock.
    unit.execute(
        "INSERT INTO instance_groups (seller_id, name, placement) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        params![seller_id, group, Word(Placement::default())],
    )
    .await?;
    let text = Sql {
        sqlite: "SELECT placement FROM instance_groups WHERE seller_id = $1 AND name = $2",
        postgres: "SELECT placement FROM instance_groups WHERE seller_id = $1 AND name = $2 FOR UPDATE",
    };
    let (placement,): (Word<Placement>,) = unit.one(text, params![seller_id, group]).await?;
    Ok(placement.0)
}

/// How the groups are filled of which that was set.
///
/// # Errors
/// [`StoreError`].
pub async fn placements(tx: &mut Tx, seller_id: SellerId) -> Result<BTreeMap<String, Placement>, StoreError> {
    let text = "SELECT name, placement FROM instance_groups WHERE seller_id = $1 ORDER BY name LIMIT 10000";
    let found: Vec<(String, Word<Placement>)> = tx.all(text, params![seller_id]).await?;
    Ok(found.into_iter().map(|(name, placement)| (name, placement.0)).collect())
}

/// The instances of a group that take new accounts: configured, switched on, not in maintenance. How many accounts they
/// have is not in it.
///
/// # Errors
/// [`StoreError`].
pub async fn candidates(
    tx: &mut Tx,
    seller_id: SellerId,
    group: &str,
) -> Result<Vec<Candidate<InstanceId>>, StoreError> {
    let text = "SELECT instances.id, instances.name, instance_settings.accounts_max, instance_settings.weight FROM instances \
                JOIN instance_settings ON instance_settings.seller_id = instances.seller_id \
                AND instance_settings.instance_id = instances.id \
                WHERE instances.seller_id = $1 AND instances.instance_group = $2 AND instances.enabled = 1 \
                AND instance_settings.maintenance = 0 AND instance_settings.revision > 0 ORDER BY instances.id LIMIT 10000";
    let found: Vec<(InstanceId, String, Option<i64>, i64)> = tx.all(text, params![seller_id, group]).await?;
    Ok(found
        .into_iter()
        .map(|(instance, name, accounts_max, weight)| Candidate { instance, name, accounts: 0, accounts_max, weight })
        .collect())
}

/// What the dispatcher has to know of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capacity {
    /// Which.
    pub instance_id: InstanceId,
    /// Counts the changes of its settings.
    pub revision: i64,
    /// Its plugin.
    pub plugin: String,
    /// How many calls at once; the plugin's own number when absent.
    pub concurrency_max: Option<i64>,
    /// How many accounts may be made at once; one when absent.
    pub creates_max: Option<i64>,
}

impl FromRow for Capacity {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            instance_id: row.get(0)?,
            revision: row.get(1)?,
            plugin: row.get(2)?,
            concurrency_max: row.get(3)?,
            creates_max: row.get(4)?,
        })
    }
}

/// Of these instances those that can be worked with: configured and switched on.
///
/// # Errors
/// [`StoreError`].
pub async fn usable(
    tx: &mut Tx,
    seller_id: SellerId,
    instances: impl IntoIterator<Item = InstanceId>,
) -> Result<BTreeMap<InstanceId, Capacity>, StoreError> {
    let text = with_ids!(
        "SELECT instances.id, instance_settings.revision, instances.plugin, instance_settings.concurrency_max, \
         instance_settings.creates_max FROM instances \
         JOIN instance_settings ON instance_settings.seller_id = instances.seller_id \
         AND instance_settings.instance_id = instances.id \
         WHERE instances.seller_id = $1 AND instances.enabled = 1 AND instance_settings.revision > 0 AND instances.id ",
        2,
        ""
    );
    let found: Vec<Capacity> = tx.all(text, params![seller_id, id_set(instances.into_iter().map(|id| id.0))]).await?;
    Ok(found.into_iter().map(|one| (one.instance_id, one)).collect())
}
