//! Plans and their versions.

use std::collections::{BTreeMap, BTreeSet};

use billet_domain::catalog::PlanContent;
use billet_domain::id::{PlanId, PlanVersionId, SellerId};
use billet_domain::money::Currency;
use billet_domain::period::Cycle;
use billet_domain::plan::TermsBook;
use chrono::{DateTime, Utc};

use super::{FromRow, Json, Row, StoreError, Tx, Unit, id_set};
use crate::{for_update, params, with_ids};

/// Something that can be subscribed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Which.
    pub id: PlanId,
    /// Unique for the seller.
    pub code: String,
    /// On the invoice.
    pub name: String,
    /// For people.
    pub description: String,
    /// Whether it extends another subscription.
    pub addon: bool,
    /// Whether new subscriptions may be made by the API.
    pub orderable: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// What a plan is in one version. Never changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Which.
    pub id: PlanVersionId,
    /// Of which plan.
    pub plan_id: PlanId,
    /// From 1.
    pub version: u32,
    /// Components, options, policy.
    pub content: PlanContent,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// How the kind of an add-on is stored.
const ADDON: &str = "addon";
/// How the kind of any other plan is stored.
const STANDALONE: &str = "standalone";

impl Plan {
    /// What is stored in the column `kind`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        if self.addon { ADDON } else { STANDALONE }
    }
}

impl FromRow for Plan {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let kind: String = row.get(4)?;
        let addon = match kind.as_str() {
            ADDON => true,
            STANDALONE => false,
            _ => return Err(StoreError::Corrupt(format!("a plan is of kind {kind:?}"))),
        };
        Ok(Self {
            id: row.get(0)?,
            code: row.get(1)?,
            name: row.get(2)?,
            description: row.get(3)?,
            addon,
            orderable: row.get(5)?,
            created_at: row.get(6)?,
        })
    }
}

impl Version {
    fn from_columns(row: &Row, first: usize) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get(first)?,
            plan_id: row.get(first + 1)?,
            version: row.get(first + 2)?,
            content: row.get::<Json<_>>(first + 3)?.0,
            created_at: row.get(first + 4)?,
        })
    }
}

impl FromRow for Version {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Self::from_columns(row, 0)
    }
}

impl FromRow for (Plan, Version) {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok((Plan::from_row(row)?, Version::from_columns(row, 7)?))
    }
}

/// Stores a plan.
///
/// # Errors
/// [`StoreError`]; [`StoreError::Conflict`] when the code is taken.
pub async fn insert(unit: &mut Unit, plan: &Plan) -> Result<(), StoreError> {
    let seller_id = unit.seller_id;
    unit.execute(
        "INSERT INTO plans (seller_id, id, code, name, description, kind, orderable, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        params![
            seller_id,
            plan.id,
            &plan.code,
            &plan.name,
            &plan.description,
            plan.kind(),
            plan.orderable,
            plan.created_at
        ],
    )
    .await?;
    Ok(())
}

/// Stores a version.
///
/// # Errors
/// [`StoreError`]; [`StoreError::Conflict`] when the plan has a version of that number.
pub async fn insert_version(unit: &mut Unit, version: &Version) -> Result<(), StoreError> {
    let seller_id = unit.seller_id;
    unit.execute(
        "INSERT INTO plan_versions (seller_id, id, plan_id, version, content, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        params![
            seller_id,
            version.id,
            version.plan_id,
            version.version,
            Json(&version.content),
            version.created_at
        ],
    )
    .await?;
    Ok(())
}

/// Stores a plan's new name, description and whether it can be ordered.
///
/// # Errors
/// [`StoreError`].
pub async fn update(unit: &mut Unit, plan: &Plan) -> Result<(), StoreError> {
    let seller_id = unit.seller_id;
    unit.execute(
        "UPDATE plans SET name = $3, description = $4, orderable = $5 WHERE seller_id = $1 AND id = $2",
        params![seller_id, plan.id, &plan.name, &plan.description, plan.orderable],
    )
    .await?;
    Ok(())
}

/// One plan.
///
/// # Errors
/// [`StoreError`].
pub async fn get(tx: &mut Tx, seller_id: SellerId, id: PlanId) -> Result<Option<Plan>, StoreError> {
    tx.optional(
        "SELECT id, code, name, description, kind, orderable, created_at FROM plans WHERE seller_id = $1 AND id = $2",
        params![seller_id, id],
    )
    .await
}

/// One plan by its code.
///
/// # Errors
/// [`StoreError`].
pub async fn by_code(tx: &mut Tx, seller_id: SellerId, code: &str) -> Result<Option<Plan>, StoreError> {
    tx.optional(
        "SELECT id, code, name, description, kind, orderable, created_at FROM plans WHERE seller_id = $1 AND code = $2",
        params![seller_id, code],
    )
    .await
}

/// One plan, held until the unit ends: nobody else changes it or gives it a version meanwhile.
///
/// # Errors
/// [`StoreError`].
pub async fn lock(unit: &mut Unit, id: PlanId) -> Result<Option<Plan>, StoreError> {
    let seller_id = unit.seller_id;
    unit.optional(
        for_update!(
            "SELECT id, code, name, description, kind, orderable, created_at FROM plans WHERE seller_id = $1 AND id = $2"
        ),
        params![seller_id, id],
    )
    .await
}

/// All versions of a plan, newest first.
///
/// # Errors
/// [`StoreError`].
pub async fn versions_of(tx: &mut Tx, seller_id: SellerId, plan_id: PlanId) -> Result<Vec<Version>, StoreError> {
    tx.all(
        "SELECT id, plan_id, version, content, created_at FROM plan_versions \
         WHERE seller_id = $1 AND plan_id = $2 ORDER BY version DESC",
        params![seller_id, plan_id],
    )
    .await
}

/// The number of a plan's newest version; 0 when it has none.
///
/// # Errors
/// [`StoreError`].
pub async fn newest_number(tx: &mut Tx, seller_id: SellerId, plan_id: PlanId) -> Result<u32, StoreError> {
    let (number,): (u32,) = tx
        .one(
            "SELECT COALESCE(MAX(version), 0) FROM plan_versions WHERE seller_id = $1 AND plan_id = $2",
            params![seller_id, plan_id],
        )
        .await?;
    Ok(number)
}

/// A page of a seller's plans by code, each with its newest version, with one more than `limit`; only those that can
/// be ordered where `orderable_only`.
///
/// # Errors
/// [`StoreError`].
pub async fn list(
    tx: &mut Tx,
    seller_id: SellerId,
    after_code: &str,
    limit: i64,
    orderable_only: bool,
) -> Result<Vec<(Plan, Version)>, StoreError> {
    tx.all(
        "SELECT p.id, p.code, p.name, p.description, p.kind, p.orderable, p.created_at, \
         v.id, v.plan_id, v.version, v.content, v.created_at \
         FROM plans p JOIN plan_versions v ON v.seller_id = p.seller_id AND v.plan_id = p.id \
         WHERE p.seller_id = $1 AND p.code > $2 AND p.orderable >= $4 AND v.version = \
         (SELECT MAX(n.version) FROM plan_versions n WHERE n.seller_id = p.seller_id AND n.plan_id = p.id) \
         ORDER BY p.code LIMIT $3",
        params![seller_id, after_code, limit + 1, orderable_only],
    )
    .await
}

/// Plans with their newest version, by id.
///
/// # Errors
/// [`StoreError`].
pub async fn newest(tx: &mut Tx, seller_id: SellerId, plan_ids: &[PlanId]) -> Result<Vec<(Plan, Version)>, StoreError> {
    if plan_ids.is_empty() {
        return Ok(Vec::new());
    }
    tx.all(
        with_ids!(
            "SELECT p.id, p.code, p.name, p.description, p.kind, p.orderable, p.created_at, \
             v.id, v.plan_id, v.version, v.content, v.created_at \
             FROM plans p JOIN plan_versions v ON v.seller_id = p.seller_id AND v.plan_id = p.id \
             WHERE p.seller_id = $1 AND v.version = \
             (SELECT MAX(n.version) FROM plan_versions n WHERE n.seller_id = p.seller_id AND n.plan_id = p.id) \
             AND p.id ",
            2,
            " ORDER BY p.id"
        ),
        params![seller_id, id_set(plan_ids.iter().map(|id| id.0))],
    )
    .await
}

/// Plans with the versions that were the newest at some time since an instant, by plan and version. One that is older than all
/// its versions counts from its first.
///
/// # Errors
/// [`StoreError`].
pub async fn newest_since(
    tx: &mut Tx,
    seller_id: SellerId,
    plan_ids: &[PlanId],
    since: DateTime<Utc>,
) -> Result<Vec<(Plan, Version)>, StoreError> {
    if plan_ids.is_empty() {
        return Ok(Vec::new());
    }
    tx.all(
        with_ids!(
            "SELECT p.id, p.code, p.name, p.description, p.kind, p.orderable, p.created_at, \
             v.id, v.plan_id, v.version, v.content, v.created_at \
             FROM plans p JOIN plan_versions v ON v.seller_id = p.seller_id AND v.plan_id = p.id \
             WHERE p.seller_id = $1 AND v.version >= (SELECT COALESCE(MAX(o.version), 1) FROM plan_versions o \
             WHERE o.seller_id = p.seller_id AND o.plan_id = p.id AND o.created_at <= $3) AND p.id ",
            2,
            " ORDER BY p.id, v.version"
        ),
        params![seller_id, id_set(plan_ids.iter().map(|id| id.0)), since],
    )
    .await
}

/// Versions with their plans, by the version's id.
///
/// # Errors
/// [`StoreError`].
pub async fn versions(
    tx: &mut Tx,
    seller_id: SellerId,
    ids: &[PlanVersionId],
) -> Result<Vec<(Plan, Version)>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    tx.all(
        with_ids!(
            "SELECT p.id, p.code, p.name, p.description, p.kind, p.orderable, p.created_at, \
             v.id, v.plan_id, v.version, v.content, v.created_at \
             FROM plan_versions v JOIN plans p ON p.seller_id = v.seller_id AND p.id = v.plan_id \
             WHERE v.seller_id = $1 AND v.id ",
            2,
            " ORDER BY v.id"
        ),
        params![seller_id, id_set(ids.iter().map(|id| id.0))],
    )
    .await
}

/// Which of these plans the seller has.
///
/// # Errors
/// [`StoreError`].
pub async fn known(tx: &mut Tx, seller_id: SellerId, ids: &[PlanId]) -> Result<BTreeSet<PlanId>, StoreError> {
    if ids.is_empty() {
        return Ok(BTreeSet::new());
    }
    let rows: Vec<(PlanId,)> = tx
        .all(
            with_ids!("SELECT id FROM plans WHERE seller_id = $1 AND id ", 2, ""),
            params![seller_id, id_set(ids.iter().map(|id| id.0))],
        )
        .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// The terms of versions in the cycles and currencies that are needed, by currency. There is a book for every currency
/// that was asked for; a version without a price there is missing in it.
///
/// # Errors
/// [`StoreError`].
pub async fn terms_book(
    tx: &mut Tx,
    seller_id: SellerId,
    needed: impl IntoIterator<Item = (PlanVersionId, Cycle, Currency)>,
) -> Result<BTreeMap<Currency, TermsBook>, StoreError> {
    let mut books: BTreeMap<Currency, TermsBook> = BTreeMap::new();
    let mut conditions: BTreeMap<PlanVersionId, BTreeSet<(Currency, Cycle)>> = BTreeMap::new();
    for (id, cycle, currency) in needed {
        books.entry(currency).or_default();
        conditions.entry(id).or_default().insert((currency, cycle));
    }
    let ids: Vec<PlanVersionId> = conditions.keys().copied().collect();
    for (plan, version) in versions(tx, seller_id, &ids).await? {
        for (currency, cycle) in conditions.remove(&version.id).unwrap_or_default() {
            if let Some(terms) = version.content.terms(plan.id, version.id, &plan.name, currency, cycle) {
                books.entry(currency).or_default().insert((version.id, cycle), terms);
            }
        }
    }
    Ok(books)
}
