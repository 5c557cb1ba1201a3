//! What panels have and what Billet thinks that they have: the differences of the last comparison, by instance.

use std::collections::{BTreeMap, BTreeSet};

use billet_domain::drift::{Drift, DriftKind, Here, There};
use billet_domain::id::{DriftId, InstanceId, SellerId, SubscriptionId};
use chrono::{DateTime, Utc};

use super::{FromRow, Json, Kind, Row, Rows, StoreError, Table, Tx, Unit, Word, id_set, text_set};
use crate::{params, with_ids, with_texts};

/// A difference as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDrift {
    /// Which.
    pub id: DriftId,
    /// Where.
    pub instance_id: InstanceId,
    /// What differs.
    pub drift: Drift,
    /// A person knows of it and leaves it so, until it changes.
    pub ignored: bool,
    /// Since when it is known.
    pub first_seen_at: DateTime<Utc>,
}

macro_rules! drifts {
    ($after:literal) => {
        concat!("SELECT id, instance_id, kind, here, there, ignored, first_seen_at FROM drifts ", $after)
    };
}

impl FromRow for StoredDrift {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get(0)?,
            instance_id: row.get(1)?,
            drift: Drift {
                kind: row.get::<Word<DriftKind>>(2)?.0,
                here: row.get::<Json<Option<Here>>>(3)?.0,
                there: row.get::<Json<Option<There>>>(4)?.0,
            },
            ignored: row.get(5)?,
            first_seen_at: row.get(6)?,
        })
    }
}

static DRIFTS: Table = Table {
    name: "drifts",
    columns: &[
        ("seller_id", Kind::Int),
        ("id", Kind::Int),
        ("instance_id", Kind::Int),
        ("kind", Kind::Text),
        ("name", Kind::Text),
        ("domain", Kind::Text),
        ("subscription_id", Kind::Int),
        ("here", Kind::Text),
        ("there", Kind::Text),
        ("ignored", Kind::Int),
        ("first_seen_at", Kind::Int),
    ],
};

fn rows<'a>(seller_id: SellerId, drifts: impl IntoIterator<Item = &'a StoredDrift>) -> Rows {
    let mut rows = Rows::new(&DRIFTS);
    for one in drifts {
        let subscription_id: Option<SubscriptionId> = one.drift.here.as_ref().map(|here| here.subscription_id);
        rows.push([
            seller_id.into(),
            one.id.into(),
            one.instance_id.into(),
            Word(one.drift.kind).into(),
            one.drift.name().into(),
            one.drift.domain().to_lowercase().into(),
            subscription_id.into(),
            Json(&one.drift.here).into(),
            Json(&one.drift.there).into(),
            one.ignored.into(),
            one.first_seen_at.into(),
        ]);
    }
    rows
}

/// All differences of an instance, by kind and name.
///
/// # Errors
/// [`StoreError`].
pub async fn of_instance(
    tx: &mut Tx,
    seller_id: SellerId,
    instance_id: InstanceId,
) -> Result<BTreeMap<(DriftKind, String), StoredDrift>, StoreError> {
    let text = drifts!("WHERE seller_id = $1 AND instance_id = $2");
    let found: Vec<StoredDrift> = tx.all(text, params![seller_id, instance_id]).await?;
    Ok(found.into_iter().map(|one| ((one.drift.kind, one.drift.name().to_owned()), one)).collect())
}

/// Differences by id.
///
/// # Errors
/// [`StoreError`].
pub async fn by_ids(
    tx: &mut Tx,
    seller_id: SellerId,
    ids: impl IntoIterator<Item = DriftId>,
) -> Result<BTreeMap<DriftId, StoredDrift>, StoreError> {
    let text = with_ids!(
        "SELECT id, instance_id, kind, here, there, ignored, first_seen_at FROM drifts WHERE seller_id = $1 AND id ",
        2,
        ""
    );
    let found: Vec<StoredDrift> = tx.all(text, params![seller_id, id_set(ids.into_iter().map(|id| id.0))]).await?;
    Ok(found.into_iter().map(|one| (one.id, one)).collect())
}

/// Which differences are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// At which instance.
    pub instance_id: Option<InstanceId>,
    /// Of which kind.
    pub kind: Option<DriftKind>,
    /// Also those that a person leaves as they are.
    pub with_ignored: bool,
}

/// A page of differences by id, with one more than `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn list(
    tx: &mut Tx,
    seller_id: SellerId,
    filter: &Filter,
    after: DriftId,
    limit: i64,
) -> Result<Vec<StoredDrift>, StoreError> {
    let instance_id = filter.instance_id.map_or(0, |id| id.0);
    let kind = filter.kind.map(DriftKind::as_str).unwrap_or_default();
    let text = drifts!(
        "WHERE seller_id = $1 AND id > $2 AND ($3 = 0 OR instance_id = $3) AND ($4 = '' OR kind = $4) \
         AND ($5 = 1 OR ignored = 0) ORDER BY id LIMIT $6"
    );
    tx.all(text, params![seller_id, after, instance_id, kind, filter.with_ignored, limit + 1]).await
}

/// What is missing or extra anywhere, of these main domains: the other side of a move.
///
/// # Errors
/// [`StoreError`].
pub async fn of_domains<'a>(
    tx: &mut Tx,
    seller_id: SellerId,
    domains: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<StoredDrift>, StoreError> {
    let domains: BTreeSet<String> = domains.into_iter().map(str::to_lowercase).collect();
    let text = with_texts!(
        "SELECT id, instance_id, kind, here, there, ignored, first_seen_at FROM drifts \
         WHERE seller_id = $1 AND domain <> '' AND kind IN ('missing', 'extra') AND domain ",
        2,
        " ORDER BY id LIMIT 10000"
    );
    tx.all(text, params![seller_id, text_set(domains.iter().map(String::as_str))]).await
}

/// Stores new differences, in one statement.
///
/// # Errors
/// [`StoreError`].
pub async fn insert(unit: &mut Unit, drifts: &[StoredDrift]) -> Result<(), StoreError> {
    let seller_id = unit.seller_id;
    unit.insert(rows(seller_id, drifts)).await?;
    Ok(())
}

/// Writes what changed about differences, in one statement.
///
/// # Errors
/// [`StoreError`].
pub async fn update<'a>(unit: &mut Unit, drifts: impl IntoIterator<Item = &'a StoredDrift>) -> Result<(), StoreError> {
    let seller_id = unit.seller_id;
    unit.update(rows(seller_id, drifts), 2).await?;
    Ok(())
}

/// Takes differences away that are none any more.
///
/// # Errors
/// [`StoreError`].
pub async fn delete(unit: &mut Unit, ids: impl IntoIterator<Item = DriftId>) -> Result<u64, StoreError> {
    let seller_id = unit.seller_id;
    let text = with_ids!("DELETE FROM drifts WHERE seller_id = $1 AND id ", 2, "");
    unit.execute(text, params![seller_id, id_set(ids.into_iter().map(|id| id.0))]).await
}

/// A comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconciliation {
    /// Of which instance.
    pub instance_id: InstanceId,
    /// When it was asked for last.
    pub asked_at: DateTime<Utc>,
    /// How often it was asked for.
    pub asked_count: i64,
    /// When the last one was finished, well or not.
    pub finished_at: Option<DateTime<Utc>>,
    /// Which of those that were asked for is finished, with all before it.
    pub finished_count: i64,
    /// How many accounts the panel had.
    pub account_count: i64,
    /// How many differences there were.
    pub drift_count: i64,
    /// Why it could not be compared; empty when it could.
    pub problem: String,
    /// The same in words.
    pub detail: String,
}

impl FromRow for Reconciliation {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            instance_id: row.get(0)?,
            asked_at: row.get(1)?,
            asked_count: row.get(2)?,
            finished_at: row.get(3)?,
            finished_count: row.get(4)?,
            account_count: row.get(5)?,
            drift_count: row.get(6)?,
            problem: row.get(7)?,
            detail: row.get(8)?,
        })
    }
}

/// The last comparison of an instance.
///
/// # Errors
/// [`StoreError`].
pub async fn reconciliation(
    tx: &mut Tx,
    seller_id: SellerId,
    instance_id: InstanceId,
) -> Result<Option<Reconciliation>, StoreError> {
    let text = "SELECT instance_id, asked_at, asked_count, finished_at, finished_count, account_count, drift_count, problem, detail \
                FROM reconciliations WHERE seller_id = $1 AND instance_id = $2";
    tx.optional(text, params![seller_id, instance_id]).await
}

/// Somebody asks for a comparison of an instance; answers the how many-th time it is.
///
/// # Errors
/// [`StoreError`].
pub async fn ask(unit: &mut Unit, instance_id: InstanceId) -> Result<i64, StoreError> {
    let (seller_id, now) = (unit.seller_id, unit.now);
    let (count,): (i64,) = unit
        .one(
            "INSERT INTO reconciliations (seller_id, instance_id, asked_at, asked_count, finished_count, account_count, drift_count, \
             problem, detail) VALUES ($1, $2, $3, 1, 0, 0, 0, '', '') ON CONFLICT (seller_id, instance_id) \
             DO UPDATE SET asked_at = excluded.asked_at, asked_count = reconciliations.asked_count + 1 RETURNING asked_count",
            params![seller_id, instance_id, now],
        )
        .await?;
    Ok(count)
}

/// A comparison that was asked for is finished, well or not.
///
/// # Errors
/// [`StoreError`].
pub async fn finish(unit: &mut Unit, one: &Reconciliation) -> Result<(), StoreError> {
    let seller_id = unit.seller_id;
    unit.execute(
        "UPDATE reconciliations SET finished_at = $3, finished_count = CASE WHEN finished_count < $4 THEN $4 ELSE finished_count END, \
         account_count = $5, drift_count = $6, problem = $7, detail = $8 WHERE seller_id = $1 AND instance_id = $2",
        params![
            seller_id,
            one.instance_id,
            one.finished_at,
            one.finished_count,
            one.account_count,
            one.drift_count,
            one.problem.as_str(),
            one.detail.as_str()
        ],
    )
    .await?;
    Ok(())
}
