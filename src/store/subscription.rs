//! Subscriptions: whose, where they run, and how far they are billed. What they cost stands in their facts.

use std::collections::BTreeMap;

use billet_domain::id::{CustomerId, InstanceId, ProjectId, SellerId, SubscriptionId};
use billet_domain::money::Currency;
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::{FromRow, Kind, Row, Rows, StoreError, Table, Tx, Unit, Value, Word, id_set, service, text_set};
use crate::{params, with_ids};

/// What runs at a panel for a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceState {
    /// No panel has said anything.
    Unknown,
    /// Runs.
    Active,
    /// Suspended at the panel.
    Suspended,
    /// Removed at the panel.
    Terminated,
    /// Removed by Billet; the panel has not told of it yet.
    Removed,
}

/// A customer's contract for a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Which.
    pub id: SubscriptionId,
    /// Whose.
    pub customer_id: CustomerId,
    /// Groups invoices.
    pub project_id: Option<ProjectId>,
    /// The subscription that this add-on extends.
    pub parent_id: Option<SubscriptionId>,
    /// In which it is billed.
    pub currency: Currency,
    /// Whether agreed prices include tax.
    pub tax_inclusive: bool,
    /// What the customer calls it.
    pub label: String,
    /// Where the service runs.
    pub instance_id: Option<InstanceId>,
    /// What the panel calls it.
    pub external_ref: Option<String>,
    /// What the panel last reported.
    pub service_state: ServiceState,
    /// When that happened.
    pub service_changed_at: DateTime<Utc>,
    /// First day.
    pub started_on: NaiveDate,
    /// First day without service, known or planned.
    pub ends_on: Option<NaiveDate>,
    /// When the account at the panel began to be this subscription's.
    pub started_at: DateTime<Utc>,
    /// When it ceased to be.
    pub ended_at: Option<DateTime<Utc>>,
    /// Raised by every change.
    pub revision: i64,
    /// Everything with a billing point up to that day is billed, and nothing has come since; `None` when the whole
    /// timeline has to be compared.
    pub settled_until: Option<NaiveDate>,
    /// When something may be due next.
    pub next_billing_on: Option<NaiveDate>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl Subscription {
    /// Something happened to it: it has to be compared whole, and may be due.
    pub fn touched(&mut self, today: NaiveDate) {
        self.revision += 1;
        self.settled_until = None;
        self.next_billing_on = Some(self.next_billing_on.map_or(today, |next| next.min(today)));
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, customer_id, project_id, parent_id, currency, tax_inclusive, label, instance_id, external_ref, ",
            "service_state, service_changed_at, started_on, ends_on, started_at, ended_at, revision, settled_until, ",
            "next_billing_on, created_at FROM subscriptions ",
            $rest
        )
    };
}

impl FromRow for Subscription {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get(0)?,
            customer_id: row.get(1)?,
            project_id: row.get(2)?,
            parent_id: row.get(3)?,
            currency: row.get(4)?,
            tax_inclusive: row.get(5)?,
            label: row.get(6)?,
            instance_id: row.get(7)?,
            external_ref: row.get(8)?,
            service_state: row.get::<Word<_>>(9)?.0,
            service_changed_at: row.get(10)?,
            started_on: row.get(11)?,
            ends_on: row.get(12)?,
            started_at: row.get(13)?,
            ended_at: row.get(14)?,
            revision: row.get(15)?,
            settled_until: row.get(16)?,
            next_billing_on: row.get(17)?,
            created_at: row.get(18)?,
        })
    }
}

static SUBSCRIPTIONS: Table = Table {
    name: "subscriptions",
    columns: &[
        ("seller_id", Kind::Int),
        ("id", Kind::Int),
        ("customer_id", Kind::Int),
        ("project_id", Kind::Int),
        ("parent_id", Kind::Int),
        ("currency", Kind::Text),
        ("tax_inclusive", Kind::Int),
        ("label", Kind::Text),
        ("instance_id", Kind::Int),
        ("external_ref", Kind::Text),
        ("service_state", Kind::Text),
        ("service_changed_at", Kind::Int),
        ("started_on", Kind::Text),
        ("ends_on", Kind::Text),
        ("started_at", Kind::Int),
        ("ended_at", Kind::Int),
        ("revision", Kind::Int),
        ("settled_until", Kind::Text),
        ("next_billing_on", Kind::Text),
        ("created_at", Kind::Int),
    ],
};

/// Gathers new subscriptions for the unit.
pub fn add(unit: &mut Unit, subscription: &Subscription) {
    let row = [
        unit.seller_id.into(),
        subscription.id.into(),
        subscription.customer_id.into(),
        subscription.project_id.into(),
        subscription.parent_id.into(),
        subscription.currency.into(),
        subscription.tax_inclusive.into(),
        subscription.label.as_str().into(),
        subscription.instance_id.into(),
        subscription.external_ref.as_deref().into(),
        Word(subscription.service_state).into(),
        subscription.service_changed_at.into(),
        subscription.started_on.into(),
        subscription.ends_on.into(),
        subscription.started_at.into(),
        subscription.ended_at.into(),
        subscription.revision.into(),
        subscription.settled_until.into(),
        subscription.next_billing_on.into(),
        subscription.created_at.into(),
    ];
    unit.add(&SUBSCRIPTIONS, row);
}

static CHANGED: Table = Table {
    name: "subscriptions",
    columns: &[
        ("seller_id", Kind::Int),
        ("id", Kind::Int),
        ("label", Kind::Text),
        ("service_state", Kind::Text),
        ("service_changed_at", Kind::Int),
        ("ends_on", Kind::Text),
        ("ended_at", Kind::Int),
        ("revision", Kind::Int),
        ("settled_until", Kind::Text),
        ("next_billing_on", Kind::Text),
    ],
};

/// Stores what changed about subscriptions, in one statement; what their services want is derived anew then.
///
/// # Errors
/// [`StoreError`].
pub async fn update<'a>(
    unit: &mut Unit,
    subscriptions: impl IntoIterator<Item = &'a Subscription>,
) -> Result<(), StoreError> {
    let (mut rows, mut ids) = (Rows::new(&CHANGED), Vec::new());
    for subscription in subscriptions {
        rows.push([
            unit.seller_id.into(),
            subscription.id.into(),
            subscription.label.as_str().into(),
            Word(subscription.service_state).into(),
            subscription.service_changed_at.into(),
            subscription.ends_on.into(),
            subscription.ended_at.into(),
            subscription.revision.into(),
            subscription.settled_until.into(),
            subscription.next_billing_on.into(),
        ]);
        ids.push(subscription.id);
    }
    if ids.is_empty() {
        return Ok(());
    }
    unit.update(rows, 2).await?;
    service::refresh(unit, ids).await?;
    Ok(())
}

static PLACED: Table = Table {
    name: "subscriptions",
    columns: &[("seller_id", Kind::Int), ("id", Kind::Int), ("instance_id", Kind::Int), ("external_ref", Kind::Text)],
};

/// Stores where services run and what they are called there, in one statement: what a panel reports of them is theirs.
///
/// # Errors
/// [`StoreError::Conflict`] when a name is taken.
pub async fn place<'a>(
    unit: &mut Unit,
    places: impl IntoIterator<Item = (SubscriptionId, InstanceId, &'a str)>,
) -> Result<(), StoreError> {
    let mut rows = Rows::new(&PLACED);
    for (id, instance_id, name) in places {
        rows.push([unit.seller_id.into(), id.into(), instance_id.into(), name.into()]);
    }
    unit.update(rows, 2).await?;
    Ok(())
}

/// The accounts of these subscriptions were removed: their names are free at their panels.
///
/// # Errors
/// [`StoreError`].
pub async fn end_accounts(unit: &mut Unit, ids: impl IntoIterator<Item = SubscriptionId>) -> Result<(), StoreError> {
    let ids = id_set(ids.into_iter().map(|id| id.0));
    let (seller_id, now) = (unit.seller_id, unit.now);
    let text = with_ids!(
        "UPDATE subscriptions SET ended_at = $3, service_state = $4, service_changed_at = $3 \
         WHERE seller_id = $1 AND ended_at IS NULL AND id ",
        2,
        ""
    );
    unit.execute(text, params![seller_id, ids, now, Word(ServiceState::Removed)]).await?;
    Ok(())
}

static BILLED: Table = Table {
    name: "subscriptions",
    columns: &[
        ("seller_id", Kind::Int),
        ("id", Kind::Int),
        ("settled_until", Kind::Text),
        ("next_billing_on", Kind::Text),
    ],
};

/// How far a subscription is billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Which.
    pub id: SubscriptionId,
    /// Everything up to that day is billed.
    pub settled_until: Option<NaiveDate>,
    /// When something may be due next.
    pub next_billing_on: Option<NaiveDate>,
}

/// Stores how far subscriptions are billed, in one statement.
///
/// # Errors
/// [`StoreError`].
pub async fn advance(unit: &mut Unit, progress: &[Progress]) -> Result<(), StoreError> {
    let mut rows = Rows::new(&BILLED);
    for Progress { id, settled_until, next_billing_on } in progress {
        rows.push([unit.seller_id.into(), (*id).into(), (*settled_until).into(), (*next_billing_on).into()]);
    }
    unit.update(rows, 2).await?;
    Ok(())
}

/// Subscriptions by id, in order of id.
///
/// # Errors
/// [`StoreError`].
pub async fn by_ids(
    tx: &mut Tx,
    seller_id: SellerId,
    ids: impl IntoIterator<Item = SubscriptionId>,
) -> Result<Vec<Subscription>, StoreError> {
    let ids = id_set(ids.into_iter().map(|id| id.0));
    let sql = super::Sql {
        sqlite: select!("WHERE seller_id = $1 AND id IN (SELECT value FROM json_each($2)) ORDER BY id"),
        postgres: select!(
            "WHERE seller_id = $1 AND id = ANY (ARRAY(SELECT json_array_elements_text($2::json)::bigint)) ORDER BY id"
        ),
    };
    tx.all(sql, &[seller_id.into(), ids]).await
}

/// One subscription.
///
/// # Errors
/// [`StoreError`].
pub async fn get(tx: &mut Tx, seller_id: SellerId, id: SubscriptionId) -> Result<Option<Subscription>, StoreError> {
    tx.optional(select!("WHERE seller_id = $1 AND id = $2"), params![seller_id, id]).await
}

/// The subscriptions that accounts at panels are or were, by account, oldest first.
///
/// # Errors
/// [`StoreError`].
pub async fn by_accounts(
    tx: &mut Tx,
    seller_id: SellerId,
    accounts: &[(InstanceId, &str)],
) -> Result<BTreeMap<(InstanceId, String), Vec<Subscription>>, StoreError> {
    let sql = super::Sql {
        sqlite: select!(
            "WHERE seller_id = $1 AND instance_id IN (SELECT value FROM json_each($2)) \
             AND external_ref IN (SELECT value FROM json_each($3)) ORDER BY started_at, id"
        ),
        postgres: select!(
            "WHERE seller_id = $1 AND instance_id = ANY (ARRAY(SELECT json_array_elements_text($2::json)::bigint)) \
             AND external_ref = ANY (ARRAY(SELECT json_array_elements_text($3::json))) ORDER BY started_at, id"
        ),
    };
    let instances: std::collections::BTreeSet<i64> = accounts.iter().map(|(instance, _)| instance.0).collect();
    let parameters: [Value; 3] =
        [seller_id.into(), id_set(instances), text_set(accounts.iter().map(|(_, reference)| *reference))];
    let mut found: BTreeMap<(InstanceId, String), Vec<Subscription>> = BTreeMap::new();
    for subscription in tx.all::<Subscription>(sql, &parameters).await? {
        if let (Some(instance_id), Some(external_ref)) = (subscription.instance_id, &subscription.external_ref) {
            found.entry((instance_id, external_ref.clone())).or_default().push(subscription);
        }
    }
    Ok(found)
}

/// A page of the subscriptions whose accounts at an instance run and are kept up by nobody yet, by id.
///
/// # Errors
/// [`StoreError`].
pub async fn unmanaged(
    tx: &mut Tx,
    seller_id: SellerId,
    instance_id: InstanceId,
    after: SubscriptionId,
    limit: i64,
) -> Result<Vec<SubscriptionId>, StoreError> {
    let text = "SELECT id FROM subscriptions WHERE seller_id = $1 AND instance_id = $2 AND external_ref IS NOT NULL \
                AND ended_at IS NULL AND id > $3 AND NOT EXISTS (SELECT 1 FROM services \
                WHERE services.seller_id = subscriptions.seller_id AND services.subscription_id = subscriptions.id) \
                ORDER BY id LIMIT $4";
    let found: Vec<(SubscriptionId,)> = tx.all(text, params![seller_id, instance_id, after, limit]).await?;
    Ok(found.into_iter().map(|(id,)| id).collect())
}

/// The add-ons of subscriptions that have not ended.
///
/// # Errors
/// [`StoreError`].
pub async fn running_addons(
    tx: &mut Tx,
    seller_id: SellerId,
    parents: impl IntoIterator<Item = SubscriptionId>,
) -> Result<Vec<Subscription>, StoreError> {
    let parents = id_set(parents.into_iter().map(|id| id.0));
    let sql = super::Sql {
        sqlite: select!(
            "WHERE seller_id = $1 AND ended_at IS NULL AND parent_id IN (SELECT value FROM json_each($2)) ORDER BY id"
        ),
        postgres: select!(
            "WHERE seller_id = $1 AND ended_at IS NULL AND parent_id = ANY (ARRAY(SELECT json_array_elements_text($2::json)::bigint)) ORDER BY id"
        ),
    };
    tx.all(sql, &[seller_id.into(), parents]).await
}

/// What of a customer may be due on a day.
///
/// # Errors
/// [`StoreError`].
pub async fn due_of_customer(
    tx: &mut Tx,
    seller_id: SellerId,
    customer_id: CustomerId,
    cutoff: NaiveDate,
    limit: i64,
) -> Result<Vec<Subscription>, StoreError> {
    tx.all(
        select!("WHERE seller_id = $1 AND customer_id = $2 AND next_billing_on IS NOT NULL AND next_billing_on <= $3 ORDER BY id LIMIT $4"),
        params![seller_id, customer_id, cutoff, limit],
    )
    .await
}

/// The first day on which something of a customer may be due.
///
/// # Errors
/// [`StoreError`].
pub async fn next_billing_of_customer(
    tx: &mut Tx,
    seller_id: SellerId,
    customer_id: CustomerId,
) -> Result<Option<NaiveDate>, StoreError> {
    let (day,): (Option<NaiveDate>,) = tx
        .one(
            "SELECT min(next_billing_on) FROM subscriptions WHERE seller_id = $1 AND customer_id = $2 AND next_billing_on IS NOT NULL",
            params![seller_id, customer_id],
        )
        .await?;
    Ok(day)
}

/// Where a walk over due subscriptions stands: they are visited by customer, so that what one customer owes comes
/// together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Cursor {
    /// The customer of the last one visited.
    pub customer: i64,
    /// The last one visited.
    pub subscription: i64,
}

/// The next due subscriptions after a cursor: ids with their customers.
///
/// # Errors
/// [`StoreError`].
pub async fn due_page(
    tx: &mut Tx,
    seller_id: SellerId,
    cutoff: NaiveDate,
    after: Cursor,
    limit: i64,
) -> Result<Vec<(CustomerId, SubscriptionId)>, StoreError> {
    tx.all(
        "SELECT customer_id, id FROM subscriptions WHERE seller_id = $1 AND next_billing_on IS NOT NULL AND next_billing_on <= $2 \
         AND (customer_id, id) > ($3, $4) ORDER BY customer_id, id LIMIT $5",
        params![seller_id, cutoff, after.customer, after.subscription, limit],
    )
    .await
}

/// How many are due.
///
/// # Errors
/// [`StoreError`].
pub async fn due_count(tx: &mut Tx, seller_id: SellerId, cutoff: NaiveDate) -> Result<i64, StoreError> {
    let (count,): (i64,) = tx
        .one(
            "SELECT count(*) FROM subscriptions WHERE seller_id = $1 AND next_billing_on IS NOT NULL AND next_billing_on <= $2",
            params![seller_id, cutoff],
        )
        .await?;
    Ok(count)
}

/// What a list is narrowed to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Only of this customer.
    pub customer_id: Option<CustomerId>,
    /// Only at this instance.
    pub instance_id: Option<InstanceId>,
    /// Only this account there.
    pub external_ref: Option<String>,
}

/// A page of subscriptions after an id, oldest first, with one more than `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn list(
    tx: &mut Tx,
    seller_id: SellerId,
    filter: &Filter,
    after: i64,
    limit: i64,
) -> Result<Vec<Subscription>, StoreError> {
    // A text for each way to find them: a condition that may be absent keeps the database from using an index.
    let text = match (filter.customer_id, filter.instance_id, &filter.external_ref) {
        (None, Some(_), Some(_)) => select!(
            "WHERE seller_id = $1 AND id > $2 AND $3 = 0 AND instance_id = $4 AND external_ref = $5 ORDER BY id LIMIT $6"
        ),
        (Some(_), ..) => select!(
            "WHERE seller_id = $1 AND id > $2 AND customer_id = $3 AND ($4 = 0 OR instance_id = $4) \
             AND ($5 = '' OR external_ref = $5) ORDER BY id LIMIT $6"
        ),
        _ => select!(
            "WHERE seller_id = $1 AND id > $2 AND $3 = 0 AND ($4 = 0 OR instance_id = $4) \
             AND ($5 = '' OR external_ref = $5) ORDER BY id LIMIT $6"
        ),
    };
    tx.all(
        text,
        params![
            seller_id,
            after,
            filter.customer_id.map_or(0, |id| id.0),
            filter.instance_id.map_or(0, |id| id.0),
            filter.external_ref.as_deref().unwrap_or_default(),
            limit + 1
        ],
    )
    .await
}

/// Running subscriptions after an id, for walks over all of a seller's.
///
/// # Errors
/// [`StoreError`].
pub async fn running_page(
    tx: &mut Tx,
    seller_id: SellerId,
    after: i64,
    limit: i64,
) -> Result<Vec<Subscription>, StoreError> {
    tx.all(
        select!("WHERE seller_id = $1 AND id > $2 AND ended_at IS NULL ORDER BY id LIMIT $3"),
        params![seller_id, after, limit],
    )
    .await
}
