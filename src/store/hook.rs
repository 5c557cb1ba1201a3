//! Hooks as received: what came, what it did, or why it waits.

use std::collections::BTreeMap;

use billet_domain::hook::Hook;
use billet_domain::id::{HookId, InstanceId, InvoiceId, SellerId, SubscriptionId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{FromRow, Json, Kind, Row, Rows, Sql, StoreError, Table, Tx, Unit, Word, id_set, text_set};
use crate::params;

/// Where a hook stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HookState {
    /// It took effect.
    Applied,
    /// It waits in the inbox.
    Parked,
    /// It was taken note of and needs nothing.
    Noted,
    /// A person closed it.
    Dismissed,
}

/// A document that a hook led to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedTo {
    /// Which.
    pub invoice_id: InvoiceId,
    /// Its number.
    pub number: String,
    /// Gross, negative for what gives back.
    pub gross_minor: i64,
    /// ISO 4217.
    pub currency: billet_domain::money::Currency,
}

/// A hook with its fate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredHook {
    /// Which.
    pub id: HookId,
    /// From where.
    pub instance_id: InstanceId,
    /// Its name for ever.
    pub event_id: String,
    /// SHA-256 of its content.
    pub fingerprint: String,
    /// The panel's name for the account.
    pub external_ref: String,
    /// When it happened.
    pub happened_at: DateTime<Utc>,
    /// The event as reported.
    pub event: Hook,
    /// Where it stands.
    pub state: HookState,
    /// What it touched.
    pub subscription_id: Option<SubscriptionId>,
    /// The documents that it led to.
    pub invoices: Vec<LedTo>,
    /// Why it waits or why nothing was billed, in one word.
    pub reason: String,
    /// The same in words.
    pub detail: String,
    /// The package it waits for.
    pub package: String,
    /// How often it was tried.
    pub attempt_count: i64,
    /// When it came.
    pub received_at: DateTime<Utc>,
}

impl FromRow for StoredHook {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get(0)?,
            instance_id: row.get(1)?,
            event_id: row.get(2)?,
            fingerprint: row.get(3)?,
            external_ref: row.get(4)?,
            happened_at: row.get(5)?,
            event: row.get::<Json<_>>(6)?.0,
            state: row.get::<Word<_>>(7)?.0,
            subscription_id: row.get(8)?,
            invoices: row.get::<Json<_>>(9)?.0,
            reason: row.get(10)?,
            detail: row.get(11)?,
            package: row.get(12)?,
            attempt_count: row.get(13)?,
            received_at: row.get(14)?,
        })
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, instance_id, event_id, fingerprint, external_ref, happened_at, event, state, subscription_id, ",
            "result, reason, detail, package, attempt_count, received_at FROM hooks ",
            $rest
        )
    };
}

/// Of these event ids, the hooks that are known already.
///
/// # Errors
/// [`StoreError`].
pub async fn known(
    tx: &mut Tx,
    seller_id: SellerId,
    wanted: &[(InstanceId, &str)],
) -> Result<BTreeMap<(InstanceId, String), StoredHook>, StoreError> {
    let sql = Sql {
        sqlite: select!(
            "WHERE seller_id = $1 AND instance_id IN (SELECT value FROM json_each($2)) \
             AND event_id IN (SELECT value FROM json_each($3))"
        ),
        postgres: select!(
            "WHERE seller_id = $1 AND instance_id IN (SELECT json_array_elements_text($2::json)::bigint) \
             AND event_id IN (SELECT json_array_elements_text($3::json))"
        ),
    };
    let instances: std::collections::BTreeSet<i64> = wanted.iter().map(|(instance, _)| instance.0).collect();
    let parameters = [seller_id.into(), id_set(instances), text_set(wanted.iter().map(|(_, event_id)| *event_id))];
    let found: Vec<StoredHook> = tx.all(sql, &parameters).await?;
    Ok(found.into_iter().map(|hook| ((hook.instance_id, hook.event_id.clone()), hook)).collect())
}

/// What waits for accounts, in the order in which it happened, at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn parked_of_accounts(
    tx: &mut Tx,
    seller_id: SellerId,
    accounts: &[(InstanceId, &str)],
    limit: i64,
) -> Result<Vec<StoredHook>, StoreError> {
    let sql = Sql {
        sqlite: select!(
            "WHERE state = 'parked' AND seller_id = $1 AND instance_id IN (SELECT value FROM json_each($2)) \
             AND external_ref IN (SELECT value FROM json_each($3)) ORDER BY happened_at, id LIMIT $4"
        ),
        postgres: select!(
            "WHERE state = 'parked' AND seller_id = $1 AND instance_id IN (SELECT json_array_elements_text($2::json)::bigint) \
             AND external_ref IN (SELECT json_array_elements_text($3::json)) ORDER BY happened_at, id LIMIT $4"
        ),
    };
    let instances: std::collections::BTreeSet<i64> = accounts.iter().map(|(instance, _)| instance.0).collect();
    let parameters =
        [seller_id.into(), id_set(instances), text_set(accounts.iter().map(|(_, reference)| *reference)), limit.into()];
    tx.all(sql, &parameters).await
}

/// What was applied to accounts and happened after an instant, in the order in which it happened, at most `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn applied_after(
    tx: &mut Tx,
    seller_id: SellerId,
    accounts: &[(InstanceId, &str)],
    at: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<StoredHook>, StoreError> {
    let sql = Sql {
        sqlite: select!(
            "WHERE state = 'applied' AND seller_id = $1 AND instance_id IN (SELECT value FROM json_each($2)) \
             AND external_ref IN (SELECT value FROM json_each($3)) AND happened_at > $4 ORDER BY happened_at, id LIMIT $5"
        ),
        postgres: select!(
            "WHERE state = 'applied' AND seller_id = $1 AND instance_id IN (SELECT json_array_elements_text($2::json)::bigint) \
             AND external_ref IN (SELECT json_array_elements_text($3::json)) AND happened_at > $4 ORDER BY happened_at, id LIMIT $5"
        ),
    };
    let instances: std::collections::BTreeSet<i64> = accounts.iter().map(|(instance, _)| instance.0).collect();
    let parameters = [
        seller_id.into(),
        id_set(instances),
        text_set(accounts.iter().map(|(_, reference)| *reference)),
        at.into(),
        limit.into(),
    ];
    tx.all(sql, &parameters).await
}

/// What a list of the inbox is narrowed to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Only of this instance.
    pub instance_id: Option<InstanceId>,
    /// Only with this reason.
    pub reason: String,
    /// Only waiting for this package.
    pub package: String,
}

/// A page of what waits, oldest first, with one more than `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn parked(
    tx: &mut Tx,
    seller_id: SellerId,
    filter: &Filter,
    after: i64,
    limit: i64,
) -> Result<Vec<StoredHook>, StoreError> {
    tx.all(
        select!(
            "WHERE state = 'parked' AND seller_id = $1 AND id > $2 AND ($3 = 0 OR instance_id = $3) \
             AND ($4 = '' OR reason = $4) AND ($5 = '' OR package = $5) ORDER BY id LIMIT $6"
        ),
        params![
            seller_id,
            after,
            filter.instance_id.map_or(0, |id| id.0),
            filter.reason.as_str(),
            filter.package.as_str(),
            limit + 1
        ],
    )
    .await
}

/// Hooks by id.
///
/// # Errors
/// [`StoreError`].
pub async fn by_ids(
    tx: &mut Tx,
    seller_id: SellerId,
    ids: impl IntoIterator<Item = HookId>,
) -> Result<Vec<StoredHook>, StoreError> {
    let sql = Sql {
        sqlite: select!("WHERE seller_id = $1 AND id IN (SELECT value FROM json_each($2)) ORDER BY id"),
        postgres: select!(
            "WHERE seller_id = $1 AND id IN (SELECT json_array_elements_text($2::json)::bigint) ORDER BY id"
        ),
    };
    tx.all(sql, &[seller_id.into(), id_set(ids.into_iter().map(|id| id.0))]).await
}

static FATES: Table = Table {
    name: "hooks",
    columns: &[
        ("seller_id", Kind::Int),
        ("id", Kind::Int),
        ("state", Kind::Text),
        ("subscription_id", Kind::Int),
        ("result", Kind::Text),
        ("reason", Kind::Text),
        ("detail", Kind::Text),
        ("package", Kind::Text),
        ("attempt_count", Kind::Int),
    ],
};

/// Stores what became of hooks that were there already.
///
/// # Errors
/// [`StoreError`].
pub async fn update<'a>(unit: &mut Unit, hooks: impl IntoIterator<Item = &'a StoredHook>) -> Result<(), StoreError> {
    let mut rows = Rows::new(&FATES);
    for hook in hooks {
        rows.push([
            unit.seller_id.into(),
            hook.id.into(),
            Word(hook.state).into(),
            hook.subscription_id.into(),
            Json(&hook.invoices).into(),
            hook.reason.as_str().into(),
            hook.detail.as_str().into(),
            hook.package.as_str().into(),
            hook.attempt_count.into(),
        ]);
    }
    unit.update(rows, 2).await?;
    Ok(())
}

static HOOKS: Table = Table {
    name: "hooks",
    columns: &[
        ("seller_id", Kind::Int),
        ("id", Kind::Int),
        ("instance_id", Kind::Int),
        ("event_id", Kind::Text),
        ("fingerprint", Kind::Text),
        ("external_ref", Kind::Text),
        ("happened_at", Kind::Int),
        ("event", Kind::Text),
        ("state", Kind::Text),
        ("subscription_id", Kind::Int),
        ("result", Kind::Text),
        ("reason", Kind::Text),
        ("detail", Kind::Text),
        ("package", Kind::Text),
        ("attempt_count", Kind::Int),
        ("received_at", Kind::Int),
    ],
};

/// Gathers new hooks for the unit.
pub fn add(unit: &mut Unit, hook: &StoredHook) {
    let row = [
        unit.seller_id.into(),
        hook.id.into(),
        hook.instance_id.into(),
        hook.event_id.as_str().into(),
        hook.fingerprint.as_str().into(),
        hook.external_ref.as_str().into(),
        hook.happened_at.into(),
        Json(&hook.event).into(),
        Word(hook.state).into(),
        hook.subscription_id.into(),
        Json(&hook.invoices).into(),
        hook.reason.as_str().into(),
        hook.detail.as_str().into(),
        hook.package.as_str().into(),
        hook.attempt_count.into(),
        hook.received_at.into(),
    ];
    unit.add(&HOOKS, row);
}
