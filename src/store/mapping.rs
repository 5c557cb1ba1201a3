//! Which plan a package of a panel stands for, per instance or per group of instances.

use std::collections::{BTreeMap, BTreeSet};

use billet_domain::id::{InstanceId, PlanId, SellerId};
use billet_domain::money::Currency;
use billet_domain::period::{Cycle, CycleUnit};
use rust_decimal::Decimal;
use serde::Serialize;

use super::parked::{self, Replay};
use super::{FromRow, Json, Row, Sql, StoreError, Tx, Unit, Word, id_set, text_set};
use crate::params;

/// Which plan a package stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mapping {
    /// The instance that reports the package; `None` when a group does.
    pub instance_id: Option<InstanceId>,
    /// The group of instances that report it; empty when an instance does.
    pub instance_group: String,
    /// The panel's name for it.
    pub package: String,
    /// The plan.
    pub plan_id: PlanId,
    /// In which currency; the customer's, else the seller's, when absent.
    pub currency: Option<Currency>,
    /// How often.
    pub cycle: Cycle,
    /// Quantities other than the components' own, by component.
    pub quantities: BTreeMap<String, Decimal>,
}

/// Who reports a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reporter {
    /// One instance.
    Instance(InstanceId),
    /// All instances of a group.
    Group(String),
}

impl Reporter {
    /// As stored: 0 and a group, or an instance and an empty group.
    fn columns(&self) -> (i64, &str) {
        match self {
            Self::Instance(id) => (id.0, ""),
            Self::Group(group) => (0, group),
        }
    }
}

impl Mapping {
    /// Who reports the package.
    #[must_use]
    pub fn reporter(&self) -> Reporter {
        match self.instance_id {
            Some(id) => Reporter::Instance(id),
            None => Reporter::Group(self.instance_group.clone()),
        }
    }

    fn from_columns(row: &Row, first: usize) -> Result<Self, StoreError> {
        let instance_id: i64 = row.get(first)?;
        let currency: String = row.get(first + 4)?;
        let unit: Word<CycleUnit> = row.get(first + 5)?;
        let count: u32 = row.get(first + 6)?;
        let quantities: Json<BTreeMap<String, Decimal>> = row.get(first + 7)?;
        Ok(Self {
            instance_id: (instance_id != 0).then_some(InstanceId(instance_id)),
            instance_group: row.get(first + 1)?,
            package: row.get(first + 2)?,
            plan_id: row.get(first + 3)?,
            currency: if currency.is_empty() { None } else { Some(row.get(first + 4)?) },
            cycle: Cycle::new(unit.0, count)
                .ok_or_else(|| StoreError::Corrupt(format!("a cycle of {count} units is no cycle")))?,
            quantities: quantities.0,
        })
    }
}

impl FromRow for Mapping {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Self::from_columns(row, 0)
    }
}

impl FromRow for (InstanceId, Mapping) {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok((row.get(0)?, Mapping::from_columns(row, 1)?))
    }
}

/// Stores a mapping, in the place of the one for the same reporter and package.
///
/// # Errors
/// [`StoreError`].
pub async fn set(unit: &mut Unit, mapping: &Mapping) -> Result<(), StoreError> {
    let seller_id = unit.seller_id;
    let reporter = mapping.reporter();
    let (instance_id, group) = reporter.columns();
    unit.execute(
        "INSERT INTO package_mappings (seller_id, instance_id, instance_group, package, plan_id, currency, \
         cycle_unit, cycle_count, quantities) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
         ON CONFLICT (seller_id, instance_id, instance_group, package) DO UPDATE SET plan_id = excluded.plan_id, \
         currency = excluded.currency, cycle_unit = excluded.cycle_unit, cycle_count = excluded.cycle_count, \
         quantities = excluded.quantities",
        params![
            seller_id,
            instance_id,
            group,
            &mapping.package,
            mapping.plan_id,
            mapping.currency.map_or("", Currency::code),
            Word(mapping.cycle.unit),
            mapping.cycle.count,
            Json(&mapping.quantities)
        ],
    )
    .await?;
    Ok(())
}

/// One mapping.
///
/// # Errors
/// [`StoreError`].
pub async fn get(
    tx: &mut Tx,
    seller_id: SellerId,
    reporter: &Reporter,
    package: &str,
) -> Result<Option<Mapping>, StoreError> {
    let (instance_id, group) = reporter.columns();
    tx.optional(
        "SELECT instance_id, instance_group, package, plan_id, currency, cycle_unit, cycle_count, quantities \
         FROM package_mappings WHERE seller_id = $1 AND instance_id = $2 AND instance_group = $3 AND package = $4",
        params![seller_id, instance_id, group, package],
    )
    .await
}

/// Removes a mapping; answers whether there was one.
///
/// # Errors
/// [`StoreError`].
pub async fn delete(unit: &mut Unit, reporter: &Reporter, package: &str) -> Result<bool, StoreError> {
    let seller_id = unit.seller_id;
    let (instance_id, group) = reporter.columns();
    let touched = unit
        .execute(
            "DELETE FROM package_mappings \
             WHERE seller_id = $1 AND instance_id = $2 AND instance_group = $3 AND package = $4",
            params![seller_id, instance_id, group, package],
        )
        .await?;
    Ok(touched == 1)
}

/// Where a page of mappings begins: after this instance (0 for a group's), group and package.
pub type After<'a> = (i64, &'a str, &'a str);

/// A page of a seller's mappings by instance, group and package, with one more than `limit`; only those of one instance
/// where it is given.
///
/// # Errors
/// [`StoreError`].
pub async fn list(
    tx: &mut Tx,
    seller_id: SellerId,
    instance_id: Option<InstanceId>,
    after: After<'_>,
    limit: i64,
) -> Result<Vec<Mapping>, StoreError> {
    // Instances count from 1; below them are the groups' mappings.
    let (lowest, highest) = instance_id.map_or((0, i64::MAX), |id| (id.0, id.0));
    let (after_instance, after_group, after_package) = after;
    tx.all(
        "SELECT instance_id, instance_group, package, plan_id, currency, cycle_unit, cycle_count, quantities \
         FROM package_mappings WHERE seller_id = $1 AND instance_id BETWEEN $2 AND $3 \
         AND (instance_id, instance_group, package) > ($4, $5, $6) \
         ORDER BY instance_id, instance_group, package LIMIT $7",
        params![seller_id, lowest, highest, after_instance, after_group, after_package, limit + 1],
    )
    .await
}

macro_rules! lookup {
    ($instances:literal, $packages:literal) => {
        concat!(
            "SELECT i.id, m.instance_id, m.instance_group, m.package, m.plan_id, m.currency, m.cycle_unit, m.cycle_count, \
             m.quantities FROM instances i JOIN package_mappings m \
             ON m.seller_id = i.seller_id AND m.instance_id = i.id AND m.instance_group = '' \
             WHERE i.seller_id = $1 AND i.id ",
            $instances,
            " AND m.package ",
            $packages,
            " UNION ALL \
             SELECT i.id, m.instance_id, m.instance_group, m.package, m.plan_id, m.currency, m.cycle_unit, m.cycle_count, \
             m.quantities FROM instances i JOIN package_mappings m \
             ON m.seller_id = i.seller_id AND m.instance_id = 0 AND m.instance_group = i.instance_group \
             WHERE i.seller_id = $1 AND i.id ",
            $instances,
            " AND m.package ",
            $packages,
            // By instance and package, an instance's own before its group's.
            " ORDER BY 1, 4, 2 DESC"
        )
    };
}

/// Two sets at once, which the macros of the engine do not have.
static LOOKUP: Sql = Sql {
    sqlite: lookup!("IN (SELECT value FROM json_each($2))", "IN (SELECT value FROM json_each($3))"),
    postgres: lookup!(
        "= ANY (ARRAY(SELECT json_array_elements_text($2::json)::bigint))",
        "= ANY (ARRAY(SELECT json_array_elements_text($3::json)))"
    ),
};

/// The mappings that hold for instances and packages: an instance's own, or else its group's.
///
/// # Errors
/// [`StoreError`].
pub async fn lookup<'a>(
    tx: &mut Tx,
    seller_id: SellerId,
    instance_ids: &[i64],
    packages: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<(InstanceId, Mapping)>, StoreError> {
    let packages: BTreeSet<&str> = packages.into_iter().collect();
    if instance_ids.is_empty() || packages.is_empty() {
        return Ok(Vec::new());
    }
    let sets = params![seller_id, id_set(instance_ids.iter().copied()), text_set(packages)];
    let mut found: Vec<(InstanceId, Mapping)> = tx.all(LOOKUP, sets).await?;
    found.dedup_by(|later, first| later.0 == first.0 && later.1.package == first.1.package);
    Ok(found)
}

/// Whether the seller has this instance.
///
/// # Errors
/// [`StoreError`].
pub async fn instance_exists(tx: &mut Tx, seller_id: SellerId, id: InstanceId) -> Result<bool, StoreError> {
    let found: Option<(i64,)> =
        tx.optional("SELECT id FROM instances WHERE seller_id = $1 AND id = $2", params![seller_id, id]).await?;
    Ok(found.is_some())
}

/// How many hooks of a reporter wait because the package was not known.
///
/// # Errors
/// [`StoreError`].
pub async fn parked_count(
    tx: &mut Tx,
    seller_id: SellerId,
    reporter: &Reporter,
    package: &str,
) -> Result<i64, StoreError> {
    let (instance_id, group) = reporter.columns();
    let (count,): (i64,) = tx
        .one(
            "SELECT COUNT(*) FROM hooks WHERE seller_id = $1 AND instance_id IN (SELECT id FROM instances \
             WHERE seller_id = $1 AND (id = $2 OR ($2 = 0 AND instance_group = $3))) \
             AND state = 'parked' AND reason = 'UNKNOWN_PACKAGE' AND package = $4",
            params![seller_id, instance_id, group, package],
        )
        .await?;
    Ok(count)
}

/// Leaves a job that tries the parked hooks of a reporter and package again. It is left even when none waits now: a
/// hook that is being parked in this very moment did not see the mapping.
///
/// # Errors
/// [`StoreError`].
pub async fn replay_parked(unit: &mut Unit, reporter: &Reporter, package: &str) -> Result<(), StoreError> {
    let mut which = Replay { package: package.to_owned(), ..Replay::default() };
    match reporter {
        Reporter::Instance(id) => which.instance_id = Some(*id),
        Reporter::Group(group) => which.instance_group.clone_from(group),
    }
    parked::replay(unit, &which).await
}
