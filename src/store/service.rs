//! What runs for subscriptions: what is wanted, what is known, and the queue of what is to be done about the difference.
//!
//! Two clocks as for jobs: `due_at` and `refresh_at` are billing time, leases are real time.

use std::collections::{BTreeMap, BTreeSet};

use billet_domain::id::{InstanceId, SellerId, SubscriptionId};
use billet_domain::provision::{Known, Step, Wanted};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{FromRow, Json, Kind, Row, Rows, Sql, StoreError, Table, Tx, Unit, Word, id_set};
use crate::{params, with_ids};

/// Longest text of [`Service::detail`], in characters.
const DETAIL_MAX: usize = 2_000;

/// Where a service stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceState {
    /// It is as it is wanted.
    Settled,
    /// Something is to be done, or is being done.
    Due,
    /// A person has to decide.
    Waiting,
    /// A person decided to leave it as it is until something else is wanted.
    Skipped,
    /// It was removed.
    Gone,
}

/// What runs for a subscription.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// Whose.
    pub seller_id: SellerId,
    /// For which subscription; there is one service for each at most.
    pub subscription_id: SubscriptionId,
    /// In which group of instances it is to be placed.
    pub group: String,
    /// Where it is; absent until it is placed.
    pub instance_id: Option<InstanceId>,
    /// What it is called there; absent until it has a name.
    pub name: Option<String>,
    /// What the subscription wants.
    pub wanted: Wanted,
    /// What is known.
    pub known: Known,
    /// Why Billet keeps it suspended, in words of programs: `overdue`, `abuse`.
    pub holds: BTreeSet<String>,
    /// The first password, sealed; empty when there is none.
    pub credentials: String,
    /// Nothing is made before the first invoice is paid.
    pub awaits_payment: bool,
    /// Where it stands.
    pub state: ServiceState,
    /// Why a person is needed, or what was in the way last; empty when nothing is.
    pub problem: String,
    /// The same in words, the panel's where it spoke.
    pub detail: String,
    /// What is being done or was done last.
    pub step: Option<Step>,
    /// Counts the attempts at steps.
    pub step_number: i64,
    /// The number of the first attempt at the change that is being made: the name of the operation for the panel.
    pub operation_number: i64,
    /// How many attempts there were since it last got ahead.
    pub attempt_count: u32,
    /// When the first of these began, in real time: panels have no other.
    pub operation_begun_at: Option<DateTime<Utc>>,
    /// Whether what is to be done next is to make it.
    pub creating: bool,
    /// When something is to be done.
    pub due_at: Option<DateTime<Utc>>,
    /// When what is wanted has to be derived anew.
    pub refresh_at: Option<DateTime<Utc>>,
    /// Until when somebody is at it, in real time.
    pub lease_until: Option<DateTime<Utc>>,
    /// Who is.
    pub lease_owner: Option<String>,
    /// When it was ordered.
    pub created_at: DateTime<Utc>,
    /// When it changed last.
    pub updated_at: DateTime<Utc>,
}

macro_rules! services {
    ($after:literal) => {
        concat!(
            "SELECT seller_id, subscription_id, instance_group, instance_id, name, wanted, known, holds, credentials, ",
            "awaits_payment, state, problem, detail, step, step_number, operation_number, attempt_count, ",
            "operation_begun_at, creating, ",
            "due_at, refresh_at, lease_until, lease_owner, created_at, updated_at FROM services ",
            $after
        )
    };
}

impl FromRow for Service {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let step: String = row.get(13)?;
        Ok(Self {
            seller_id: row.get(0)?,
            subscription_id: row.get(1)?,
            group: row.get(2)?,
            instance_id: row.get(3)?,
            name: row.get(4)?,
            wanted: row.get::<Json<_>>(5)?.0,
            known: row.get::<Json<_>>(6)?.0,
            holds: row.get::<Json<_>>(7)?.0,
            credentials: row.get(8)?,
            awaits_payment: row.get(9)?,
            state: row.get::<Word<_>>(10)?.0,
            problem: row.get(11)?,
            detail: row.get(12)?,
            step: if step.is_empty() { None } else { Some(row.get::<Word<_>>(13)?.0) },
            step_number: row.get(14)?,
            operation_number: row.get(15)?,
            attempt_count: row.get(16)?,
            operation_begun_at: row.get(17)?,
            creating: row.get(18)?,
            due_at: row.get(19)?,
            refresh_at: row.get(20)?,
            lease_until: row.get(21)?,
            lease_owner: row.get(22)?,
            created_at: row.get(23)?,
            updated_at: row.get(24)?,
        })
    }
}

/// All columns: the first two are the key.
static SERVICES: Table = Table {
    name: "services",
    columns: &[
        ("seller_id", Kind::Int),
        ("subscription_id", Kind::Int),
        ("instance_group", Kind::Text),
        ("instance_id", Kind::Int),
        ("name", Kind::Text),
        ("wanted", Kind::Text),
        ("known", Kind::Text),
        ("holds", Kind::Text),
        ("credentials", Kind::Text),
        ("awaits_payment", Kind::Int),
        ("state", Kind::Text),
        ("problem", Kind::Text),
        ("detail", Kind::Text),
        ("step", Kind::Text),
        ("step_number", Kind::Int),
        ("operation_number", Kind::Int),
        ("attempt_count", Kind::Int),
        ("operation_begun_at", Kind::Int),
        ("creating", Kind::Int),
        ("due_at", Kind::Int),
        ("refresh_at", Kind::Int),
        ("lease_until", Kind::Int),
        ("lease_owner", Kind::Text),
        ("created_at", Kind::Int),
        ("updated_at", Kind::Int),
    ],
};

fn rows<'a>(services: impl IntoIterator<Item = &'a Service>) -> Rows {
    let mut rows = Rows::new(&SERVICES);
    for one in services {
        let detail: String = one.detail.chars().take(DETAIL_MAX).collect();
        rows.push([
            one.seller_id.into(),
            one.subscription_id.into(),
            one.group.as_str().into(),
            one.instance_id.into(),
            one.name.as_deref().into(),
            Json(&one.wanted).into(),
            Json(&one.known).into(),
            Json(&one.holds).into(),
            one.credentials.as_str().into(),
            one.awaits_payment.into(),
            Word(one.state).into(),
            one.problem.as_str().into(),
            detail.into(),
            one.step.map_or("", Step::as_str).into(),
            one.step_number.into(),
            one.operation_number.into(),
            one.attempt_count.into(),
            one.operation_begun_at.into(),
            one.creating.into(),
            one.due_at.into(),
            one.refresh_at.into(),
            one.lease_until.into(),
            one.lease_owner.as_deref().into(),
            one.created_at.into(),
            one.updated_at.into(),
        ]);
    }
    rows
}

/// Stores new services, in one statement.
///
/// # Errors
/// [`StoreError::Conflict`] when a subscription has one, or a name is taken.
pub async fn insert<'a>(unit: &mut Unit, services: impl IntoIterator<Item = &'a Service>) -> Result<(), StoreError> {
    unit.flush().await?;
    unit.insert(rows(services)).await?;
    Ok(())
}

/// Stores those whose subscription has none and whose name is free; answers how many.
///
/// # Errors
/// [`StoreError`].
pub async fn insert_new<'a>(
    unit: &mut Unit,
    services: impl IntoIterator<Item = &'a Service>,
) -> Result<u64, StoreError> {
    unit.flush().await?;
    unit.insert_new(rows(services)).await
}

/// Writes services, which must be locked, in one statement.
///
/// # Errors
/// [`StoreError::Conflict`] when a name is taken.
pub async fn update<'a>(unit: &mut Unit, services: impl IntoIterator<Item = &'a Service>) -> Result<(), StoreError> {
    unit.update(rows(services), 2).await?;
    Ok(())
}

/// One service.
///
/// # Errors
/// [`StoreError`].
pub async fn get(tx: &mut Tx, seller_id: SellerId, id: SubscriptionId) -> Result<Option<Service>, StoreError> {
    tx.optional(services!("WHERE seller_id = $1 AND subscription_id = $2"), params![seller_id, id]).await
}

/// Services by id.
///
/// # Errors
/// [`StoreError`].
pub async fn by_ids(
    tx: &mut Tx,
    seller_id: SellerId,
    ids: impl IntoIterator<Item = SubscriptionId>,
) -> Result<BTreeMap<SubscriptionId, Service>, StoreError> {
    let text = Sql {
        sqlite: services!("WHERE seller_id = $1 AND subscription_id IN (SELECT value FROM json_each($2))"),
        postgres: services!(
            "WHERE seller_id = $1 AND subscription_id = ANY (ARRAY(SELECT json_array_elements_text($2::json)::bigint))"
        ),
    };
    let found: Vec<Service> = tx.all(text, params![seller_id, id_set(ids.into_iter().map(|id| id.0))]).await?;
    Ok(found.into_iter().map(|one| (one.subscription_id, one)).collect())
}

/// Services of the unit's seller, locked, by id.
///
/// # Errors
/// [`StoreError`].
pub async fn lock(
    unit: &mut Unit,
    ids: impl IntoIterator<Item = SubscriptionId>,
) -> Result<BTreeMap<SubscriptionId, Service>, StoreError> {
    let seller_id = unit.seller_id;
    let text = Sql {
        sqlite: services!(
            "WHERE seller_id = $1 AND subscription_id IN (SELECT value FROM json_each($2)) ORDER BY subscription_id"
        ),
        postgres: services!(
            "WHERE seller_id = $1 AND subscription_id = ANY (ARRAY(SELECT json_array_elements_text($2::json)::bigint)) \
             ORDER BY subscription_id FOR UPDATE"
        ),
    };
    let found: Vec<Service> = unit.all(text, params![seller_id, id_set(ids.into_iter().map(|id| id.0))]).await?;
    Ok(found.into_iter().map(|one| (one.subscription_id, one)).collect())
}

/// Which services are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filter {
    /// In which state.
    pub state: Option<ServiceState>,
    /// At which instance.
    pub instance_id: Option<InstanceId>,
}

/// A page of services by subscription, with one more than `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn list(
    tx: &mut Tx,
    seller_id: SellerId,
    filter: Filter,
    after: SubscriptionId,
    limit: i64,
) -> Result<Vec<Service>, StoreError> {
    let instance_id = filter.instance_id.map_or(0, |id| id.0);
    let Some(state) = filter.state else {
        let text = services!(
            "WHERE seller_id = $1 AND subscription_id > $2 AND ($3 = 0 OR instance_id = $3) ORDER BY subscription_id LIMIT $4"
        );
        return tx.all(text, params![seller_id, after, instance_id, limit + 1]).await;
    };
    let text = services!(
        "WHERE seller_id = $1 AND state = $5 AND subscription_id > $2 AND ($3 = 0 OR instance_id = $3) \
         ORDER BY subscription_id LIMIT $4"
    );
    tx.all(text, params![seller_id, after, instance_id, limit + 1, Word(state)]).await
}

/// A page of the services that have a name at an instance and are not gone, by name.
///
/// # Errors
/// [`StoreError`].
pub async fn named(
    tx: &mut Tx,
    seller_id: SellerId,
    instance_id: InstanceId,
    after: &str,
    limit: i64,
) -> Result<Vec<Service>, StoreError> {
    let text = services!(
        "WHERE seller_id = $1 AND instance_id = $2 AND name IS NOT NULL AND state <> 'gone' AND name > $3 ORDER BY name LIMIT $4"
    );
    tx.all(text, params![seller_id, instance_id, after, limit]).await
}

/// The accounts of these subscriptions, which a panel reported, get services, where their instance can be worked with: what
/// their subscriptions want from now on is done there. `wanted` and `known` are what they begin with.
///
/// # Errors
/// [`StoreError`].
pub async fn manage(
    unit: &mut Unit,
    ids: impl IntoIterator<Item = SubscriptionId>,
    wanted: &Wanted,
    known: &Known,
) -> Result<u64, StoreError> {
    let (seller_id, now) = (unit.seller_id, unit.now);
    let text = with_ids!(
        "INSERT INTO services (seller_id, subscription_id, instance_group, instance_id, name, wanted, known, holds, credentials, \
         awaits_payment, state, problem, detail, step, step_number, operation_number, attempt_count, creating, created_at, updated_at) \
         SELECT subscriptions.seller_id, subscriptions.id, instances.instance_group, subscriptions.instance_id, \
         subscriptions.external_ref, $3, $4, '[]', '', 0, 'settled', '', '', '', 0, 0, 0, 0, $5, $5 FROM subscriptions \
         JOIN instances ON instances.seller_id = subscriptions.seller_id AND instances.id = subscriptions.instance_id \
         JOIN instance_settings ON instance_settings.seller_id = instances.seller_id \
         AND instance_settings.instance_id = instances.id AND instance_settings.revision > 0 \
         WHERE subscriptions.seller_id = $1 AND subscriptions.external_ref IS NOT NULL AND subscriptions.ended_at IS NULL \
         AND subscriptions.id ",
        2,
        " ON CONFLICT DO NOTHING"
    );
    let ids = id_set(ids.into_iter().map(|id| id.0));
    unit.execute(text, params![seller_id, ids, Json(wanted), Json(known), now]).await
}

/// How many services of a seller are in a state.
///
/// # Errors
/// [`StoreError`].
pub async fn count(tx: &mut Tx, seller_id: SellerId, state: ServiceState) -> Result<i64, StoreError> {
    let text = "SELECT count(*) FROM services WHERE seller_id = $1 AND state = $2";
    let (count,): (i64,) = tx.one(text, params![seller_id, Word(state)]).await?;
    Ok(count)
}

/// Something about these subscriptions changed: what their services want is derived anew, soon.
///
/// Also where that is due already: whoever is deriving it just now holds the row and has not seen the change, so this has to wait
/// for them and ask again. A condition on `refresh_at` would be judged by the row as it was before, and pass it over.
///
/// # Errors
/// [`StoreError`].
pub async fn refresh(unit: &mut Unit, ids: impl IntoIterator<Item = SubscriptionId>) -> Result<u64, StoreError> {
    let ids = id_set(ids.into_iter().map(|id| id.0));
    let (seller_id, now) = (unit.seller_id, unit.now);
    let text = with_ids!("UPDATE services SET refresh_at = $3 WHERE seller_id = $1 AND subscription_id ", 2, "");
    unit.execute(text, params![seller_id, ids, now]).await
}

/// The services that wait for money, as domains do each year, and stand on documents that were settled: they are looked
/// at again.
///
/// # Errors
/// [`StoreError`].
pub async fn refresh_paid(unit: &mut Unit, invoices: impl IntoIterator<Item = i64>) -> Result<u64, StoreError> {
    let (seller_id, now) = (unit.seller_id, unit.now);
    let text = with_ids!(
        "UPDATE services SET refresh_at = $3 WHERE seller_id = $1 AND (awaits_payment = 1 OR EXISTS (SELECT 1 FROM domains \
         WHERE domains.seller_id = services.seller_id AND domains.subscription_id = services.subscription_id AND live = 1)) \
         AND subscription_id IN (SELECT subscription_id FROM invoice_lines WHERE seller_id = $1 AND invoice_id ",
        2,
        ")"
    );
    unit.execute(text, params![seller_id, id_set(invoices), now]).await
}

/// Of these subscriptions, those that were paid for: they stand on an invoice that money settled at least in part, and none of
/// theirs is open or was given up. What was cancelled or credited as a whole counts for nothing.
///
/// # Errors
/// [`StoreError`].
pub async fn paid(
    tx: &mut Tx,
    seller_id: SellerId,
    ids: impl IntoIterator<Item = SubscriptionId>,
) -> Result<BTreeSet<SubscriptionId>, StoreError> {
    let text = with_ids!(
        "SELECT invoice_lines.subscription_id FROM invoice_lines \
         JOIN open_items ON open_items.seller_id = invoice_lines.seller_id AND open_items.invoice_id = invoice_lines.invoice_id \
         WHERE invoice_lines.seller_id = $1 AND invoice_lines.subscription_id ",
        2,
        " GROUP BY invoice_lines.subscription_id \
          HAVING sum(CASE WHEN open_items.kind = 'invoice' AND open_items.cancelled_by IS NULL \
          THEN open_items.open_minor + open_items.written_off_minor ELSE 0 END) = 0 \
          AND sum(CASE WHEN open_items.kind = 'invoice' AND open_items.cancelled_by IS NULL \
          AND (open_items.gross_minor = 0 OR open_items.credited_minor < open_items.gross_minor) THEN 1 ELSE 0 END) > 0"
    );
    let found: Vec<(SubscriptionId,)> =
        tx.all(text, params![seller_id, id_set(ids.into_iter().map(|id| id.0))]).await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// Sellers with services to be derived anew, and queues with something due. Reads only.
///
/// # Errors
/// [`StoreError`].
pub async fn sellers_to_refresh(tx: &mut Tx, now: DateTime<Utc>, limit: i64) -> Result<Vec<SellerId>, StoreError> {
    let text = "SELECT DISTINCT seller_id FROM (SELECT seller_id FROM services WHERE refresh_at IS NOT NULL \
                AND refresh_at <= $1 ORDER BY refresh_at LIMIT $2) AS due ORDER BY seller_id";
    let found: Vec<(SellerId,)> = tx.all(text, params![now, limit]).await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// A queue: what is to be done at one instance, or what has to be placed first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Queue {
    /// Whose.
    pub seller_id: SellerId,
    /// Where; `None` for what has no place yet.
    pub instance_id: Option<InstanceId>,
    /// Whether accounts are to be made, which has places of its own.
    pub creating: bool,
}

/// The queues with something due that nobody is at.
///
/// # Errors
/// [`StoreError`].
pub async fn queues(tx: &mut Tx, now: DateTime<Utc>, limit: i64) -> Result<Vec<Queue>, StoreError> {
    let text = "SELECT DISTINCT seller_id, instance_id, creating FROM services \
                WHERE due_at IS NOT NULL AND due_at <= $1 AND lease_owner IS NULL LIMIT $2";
    let found: Vec<(SellerId, Option<InstanceId>, bool)> = tx.all(text, params![now, limit]).await?;
    Ok(found.into_iter().map(|(seller_id, instance_id, creating)| Queue { seller_id, instance_id, creating }).collect())
}

/// The next of a queue of the unit's seller, the oldest first, locked; what others hold is passed over.
///
/// # Errors
/// [`StoreError`].
pub async fn due(unit: &mut Unit, queue: Queue, limit: i64) -> Result<Vec<Service>, StoreError> {
    let now = unit.now;
    let Some(instance_id) = queue.instance_id else {
        let text = Sql {
            sqlite: services!(
                "WHERE seller_id = $1 AND instance_id IS NULL AND creating = $2 AND due_at IS NOT NULL AND due_at <= $3 \
                 AND lease_owner IS NULL ORDER BY due_at, subscription_id LIMIT $4"
            ),
            postgres: services!(
                "WHERE seller_id = $1 AND instance_id IS NULL AND creating = $2 AND due_at IS NOT NULL AND due_at <= $3 \
                 AND lease_owner IS NULL ORDER BY due_at, subscription_id LIMIT $4 FOR UPDATE SKIP LOCKED"
            ),
        };
        return unit.all(text, params![queue.seller_id, queue.creating, now, limit]).await;
    };
    let text = Sql {
        sqlite: services!(
            "WHERE seller_id = $1 AND instance_id = $5 AND creating = $2 AND due_at IS NOT NULL AND due_at <= $3 \
             AND lease_owner IS NULL ORDER BY due_at, subscription_id LIMIT $4"
        ),
        postgres: services!(
            "WHERE seller_id = $1 AND instance_id = $5 AND creating = $2 AND due_at IS NOT NULL AND due_at <= $3 \
             AND lease_owner IS NULL ORDER BY due_at, subscription_id LIMIT $4 FOR UPDATE SKIP LOCKED"
        ),
    };
    unit.all(text, params![queue.seller_id, queue.creating, now, limit, instance_id]).await
}

/// Services of the unit's seller whose wishes have to be derived anew, locked.
///
/// # Errors
/// [`StoreError`].
pub async fn to_refresh(unit: &mut Unit, limit: i64) -> Result<Vec<Service>, StoreError> {
    let (seller_id, now) = (unit.seller_id, unit.now);
    let text = Sql {
        sqlite: services!(
            "WHERE refresh_at IS NOT NULL AND refresh_at <= $2 AND seller_id = $1 ORDER BY refresh_at LIMIT $3"
        ),
        postgres: services!(
            "WHERE refresh_at IS NOT NULL AND refresh_at <= $2 AND seller_id = $1 ORDER BY refresh_at LIMIT $3 \
             FOR UPDATE SKIP LOCKED"
        ),
    };
    unit.all(text, params![seller_id, now, limit]).await
}

/// Whether it is this owner's turn to make accounts at an instance, from now on until `lease_until` at least. It is when nobody
/// else has it, or when the lease of who had it has ended.
///
/// # Errors
/// [`StoreError`].
pub async fn take_turn(
    unit: &mut Unit,
    instance_id: InstanceId,
    owner: &str,
    lease_until: DateTime<Utc>,
    real_now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let seller_id = unit.seller_id;
    let text = "INSERT INTO create_turns (seller_id, instance_id, owner, lease_until) VALUES ($1, $2, $3, $4) \
                ON CONFLICT (seller_id, instance_id) DO UPDATE SET owner = excluded.owner, lease_until = excluded.lease_until \
                WHERE create_turns.owner = excluded.owner OR create_turns.lease_until < $5";
    Ok(unit.execute(text, params![seller_id, instance_id, owner, lease_until, real_now]).await? > 0)
}

/// Gives up all turns of an owner: another daemon need not wait for the leases to end.
///
/// # Errors
/// [`StoreError`].
pub async fn give_up_turns(tx: &mut Tx, owner: &str) -> Result<(), StoreError> {
    tx.execute("DELETE FROM create_turns WHERE owner = $1", params![owner]).await?;
    Ok(())
}

/// Nobody has a turn any more: for a database that no other daemon has.
///
/// # Errors
/// [`StoreError`].
pub async fn clear_turns(tx: &mut Tx) -> Result<(), StoreError> {
    tx.execute("DELETE FROM create_turns", &[]).await?;
    Ok(())
}

/// How many accounts instances have: ours that are there or on their way, and what panels reported.
///
/// # Errors
/// [`StoreError`].
pub async fn accounts(
    tx: &mut Tx,
    seller_id: SellerId,
    instances: &[InstanceId],
) -> Result<BTreeMap<InstanceId, i64>, StoreError> {
    let ids = id_set(instances.iter().map(|id| id.0));
    let text = with_ids!(
        "SELECT instance_id, count(*) FROM subscriptions WHERE seller_id = $1 AND external_ref IS NOT NULL \
         AND ended_at IS NULL AND instance_id ",
        2,
        " GROUP BY instance_id"
    );
    Ok(tx.all::<(InstanceId, i64)>(text, params![seller_id, ids]).await?.into_iter().collect())
}

/// Of these names at an instance, those that somebody has: a service, or an account that a panel reported.
///
/// # Errors
/// [`StoreError`].
pub async fn names_taken<'a>(
    tx: &mut Tx,
    seller_id: SellerId,
    instance_id: InstanceId,
    names: impl IntoIterator<Item = &'a str>,
) -> Result<BTreeSet<String>, StoreError> {
    let names = super::text_set(names);
    let text = Sql {
        sqlite: "SELECT name FROM services WHERE seller_id = $1 AND instance_id = $2 AND state <> 'gone' \
                 AND name IN (SELECT value FROM json_each($3)) \
                 UNION SELECT external_ref FROM subscriptions WHERE seller_id = $1 AND instance_id = $2 AND ended_at IS NULL \
                 AND external_ref IN (SELECT value FROM json_each($3))",
        // Said that they are not null, as the partial indexes have it: PostgreSQL does not see it from the array.
        postgres: "SELECT name FROM services WHERE seller_id = $1 AND instance_id = $2 AND state <> 'gone' \
                 AND name IS NOT NULL AND name = ANY (ARRAY(SELECT json_array_elements_text($3::json))) \
                 UNION SELECT external_ref FROM subscriptions WHERE seller_id = $1 AND instance_id = $2 AND ended_at IS NULL \
                 AND external_ref IS NOT NULL AND external_ref = ANY (ARRAY(SELECT json_array_elements_text($3::json)))",
    };
    let found: Vec<(String,)> = tx.all(text, params![seller_id, instance_id, names]).await?;
    Ok(found.into_iter().map(|(name,)| name).collect())
}

/// Prolongs the leases that `owner` has on these; answers those that it still has.
///
/// # Errors
/// [`StoreError`].
pub async fn extend(
    tx: &mut Tx,
    owner: &str,
    ids: impl IntoIterator<Item = SubscriptionId>,
    until: DateTime<Utc>,
) -> Result<BTreeSet<SubscriptionId>, StoreError> {
    let text = with_ids!(
        "UPDATE services SET lease_until = $2 WHERE lease_until IS NOT NULL AND lease_owner = $1 AND subscription_id ",
        3,
        " RETURNING subscription_id"
    );
    let kept: Vec<(SubscriptionId,)> =
        tx.all(text, params![owner, until, id_set(ids.into_iter().map(|id| id.0))]).await?;
    // With the turns that it has, while it is at something.
    let turns = "UPDATE create_turns SET lease_until = $2 WHERE owner = $1";
    tx.execute(turns, params![owner, until]).await?;
    Ok(kept.into_iter().map(|(id,)| id).collect())
}

/// Services whose lease ended: whoever was at them is dead. `all` takes those of everybody: on SQLite nobody else is left
/// when a daemon starts.
///
/// # Errors
/// [`StoreError`].
pub async fn lost(
    tx: &mut Tx,
    real_now: DateTime<Utc>,
    all: bool,
    limit: i64,
) -> Result<Vec<(SellerId, SubscriptionId)>, StoreError> {
    let text = "SELECT seller_id, subscription_id FROM services WHERE lease_until IS NOT NULL AND (lease_until < $1 OR $2 = 1) \
                ORDER BY lease_until LIMIT $3";
    tx.all(text, params![real_now, all, limit]).await
}
