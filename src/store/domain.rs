//! Domains as lists, messages of registrars and the care of every day find them. What is wanted and known of each stands
//! in its service; these rows follow it.

use std::collections::{BTreeMap, BTreeSet};

use billet_domain::id::{InstanceId, SellerId, SubscriptionId};
use billet_domain::provision::Standing;
use chrono::{DateTime, NaiveDate, Utc};

use super::{FromRow, Kind, Row, Rows, StoreError, Table, Tx, Unit, Word, id_set};
use crate::{params, with_ids};

/// A domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domain {
    /// For which subscription.
    pub subscription_id: SubscriptionId,
    /// ASCII, lower case.
    pub name: String,
    /// Under which rules it is sold.
    pub tld: String,
    /// At which registrar; absent until it is placed.
    pub instance_id: Option<InstanceId>,
    /// How it stands, once it is here.
    pub standing: Standing,
    /// When it expires, by the registry.
    pub expires_on: Option<NaiveDate>,
    /// Whether the subscription has it, or waits for it.
    pub live: bool,
    /// When its renewal is to be invoiced; absent when nothing is.
    pub invoice_on: Option<NaiveDate>,
    /// The expiry for which it was said that its renewal is not covered.
    pub warned_for: Option<NaiveDate>,
    /// When it was looked at last.
    pub looked_at: Option<DateTime<Utc>>,
    /// When it is to be looked at or invoiced next.
    pub care_at: Option<DateTime<Utc>>,
}

impl FromRow for Domain {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            subscription_id: row.get(0)?,
            name: row.get(1)?,
            tld: row.get(2)?,
            instance_id: row.get(3)?,
            standing: row.get::<Word<_>>(4)?.0,
            expires_on: row.get(5)?,
            live: row.get(6)?,
            invoice_on: row.get(7)?,
            warned_for: row.get(8)?,
            looked_at: row.get(9)?,
            care_at: row.get(10)?,
        })
    }
}

macro_rules! domains {
    ($after:literal) => {
        concat!(
            "SELECT subscription_id, name, tld, instance_id, standing, expires_on, live, invoice_on, warned_for, looked_at, ",
            "care_at FROM domains WHERE seller_id = $1 ",
            $after
        )
    };
}

/// All columns: the first two are the key.
static DOMAINS: Table = Table {
    name: "domains",
    columns: &[
        ("seller_id", Kind::Int),
        ("subscription_id", Kind::Int),
        ("name", Kind::Text),
        ("tld", Kind::Text),
        ("instance_id", Kind::Int),
        ("standing", Kind::Text),
        ("expires_on", Kind::Text),
        ("live", Kind::Int),
        ("invoice_on", Kind::Text),
        ("warned_for", Kind::Text),
        ("looked_at", Kind::Int),
        ("care_at", Kind::Int),
    ],
};

fn rows<'a>(seller_id: SellerId, domains: impl IntoIterator<Item = &'a Domain>) -> Rows {
    let mut rows = Rows::new(&DOMAINS);
    for one in domains {
        rows.push([
            seller_id.into(),
            one.subscription_id.into(),
            one.name.as_str().into(),
            one.tld.as_str().into(),
            one.instance_id.into(),
            Word(one.standing).into(),
            one.expires_on.into(),
            one.live.into(),
            one.invoice_on.into(),
            one.warned_for.into(),
            one.looked_at.into(),
            one.care_at.into(),
        ]);
    }
    rows
}

/// Stores a new domain.
///
/// # Errors
/// [`StoreError::Conflict`] when another subscription has the name.
pub async fn insert(unit: &mut Unit, domain: &Domain) -> Result<(), StoreError> {
    unit.flush().await?;
    let rows = rows(unit.seller_id, [domain]);
    unit.insert(rows).await?;
    Ok(())
}

/// Writes domains, whose services must be locked, in one statement.
///
/// # Errors
/// [`StoreError::Conflict`] when a name is taken.
pub async fn update<'a>(unit: &mut Unit, domains: impl IntoIterator<Item = &'a Domain>) -> Result<(), StoreError> {
    let rows = rows(unit.seller_id, domains);
    unit.update(rows, 2).await?;
    Ok(())
}

/// One domain, by its subscription.
///
/// # Errors
/// [`StoreError`].
pub async fn get(tx: &mut Tx, seller_id: SellerId, id: SubscriptionId) -> Result<Option<Domain>, StoreError> {
    tx.optional(domains!("AND subscription_id = $2"), params![seller_id, id]).await
}

/// The domain that has a name now.
///
/// # Errors
/// [`StoreError`].
pub async fn by_name(tx: &mut Tx, seller_id: SellerId, name: &str) -> Result<Option<Domain>, StoreError> {
    tx.optional(domains!("AND name = $2 AND live = 1"), params![seller_id, name]).await
}

/// Domains by subscription.
///
/// # Errors
/// [`StoreError`].
pub async fn by_ids(
    tx: &mut Tx,
    seller_id: SellerId,
    ids: impl IntoIterator<Item = SubscriptionId>,
) -> Result<BTreeMap<SubscriptionId, Domain>, StoreError> {
    let text = with_ids!(
        "SELECT subscription_id, name, tld, instance_id, standing, expires_on, live, invoice_on, warned_for, looked_at, care_at \
         FROM domains WHERE seller_id = $1 AND subscription_id ",
        2,
        ""
    );
    let found: Vec<Domain> = tx.all(text, params![seller_id, id_set(ids.into_iter().map(|id| id.0))]).await?;
    Ok(found.into_iter().map(|one| (one.subscription_id, one)).collect())
}

/// Where a page of domains by expiry begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct After {
    /// The last one's expiry.
    pub expires_on: Option<NaiveDate>,
    /// The last one.
    pub subscription_id: i64,
}

/// A page of live domains that expire before a day, by expiry, with one more than `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn expiring(
    tx: &mut Tx,
    seller_id: SellerId,
    before: NaiveDate,
    after: After,
    limit: i64,
) -> Result<Vec<Domain>, StoreError> {
    let text = domains!(
        "AND live = 1 AND expires_on < $2 AND expires_on >= $3 AND (expires_on > $3 OR subscription_id > $4) \
         ORDER BY expires_on, subscription_id LIMIT $5"
    );
    let from = after.expires_on.map_or_else(String::new, |day| day.to_string());
    tx.all(text, params![seller_id, before, from, after.subscription_id, limit + 1]).await
}

/// A page of live domains by subscription, with one more than `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn list(tx: &mut Tx, seller_id: SellerId, after: i64, limit: i64) -> Result<Vec<Domain>, StoreError> {
    let text = domains!("AND subscription_id > $2 AND live = 1 ORDER BY subscription_id LIMIT $3");
    tx.all(text, params![seller_id, after, limit + 1]).await
}

/// The sellers with domains to be cared for. Reads only.
///
/// # Errors
/// [`StoreError`].
pub async fn to_care_for(
    tx: &mut Tx,
    seller_id: SellerId,
    now: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Domain>, StoreError> {
    let text = domains!("AND care_at IS NOT NULL AND care_at <= $2 ORDER BY care_at LIMIT $3");
    tx.all(text, params![seller_id, now, limit]).await
}

/// Up to which day subscriptions are invoiced, and paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Covered {
    /// By issued documents that stand.
    pub invoiced_until: Option<NaiveDate>,
    /// By those of which nothing is open, or given up.
    pub paid_until: Option<NaiveDate>,
}

/// How far subscriptions are covered: by recurring lines of documents that stand, and that nobody has given back to the end.
///
/// # Errors
/// [`StoreError`].
pub async fn covered(
    tx: &mut Tx,
    seller_id: SellerId,
    ids: impl IntoIterator<Item = SubscriptionId>,
) -> Result<BTreeMap<SubscriptionId, Covered>, StoreError> {
    let text = with_ids!(
        "SELECT lines.subscription_id, max(lines.period_to), \
         max(CASE WHEN items.open_minor = 0 AND items.written_off_minor = 0 THEN lines.period_to END) \
         FROM invoice_lines AS lines JOIN open_items AS items \
         ON items.seller_id = lines.seller_id AND items.invoice_id = lines.invoice_id \
         WHERE lines.seller_id = $1 AND lines.kind = 'recurring' AND lines.credits_line_id = 0 AND items.cancelled_by IS NULL \
         AND NOT EXISTS (SELECT 1 FROM invoice_lines AS credits WHERE credits.seller_id = lines.seller_id \
         AND credits.credits_line_id = lines.id AND credits.credits_line_id <> 0 AND credits.period_to = lines.period_to) \
         AND lines.subscription_id ",
        2,
        " GROUP BY lines.subscription_id"
    );
    let found: Vec<(SubscriptionId, Option<NaiveDate>, Option<NaiveDate>)> =
        tx.all(text, params![seller_id, id_set(ids.into_iter().map(|id| id.0))]).await?;
    Ok(found.into_iter().map(|(id, invoiced_until, paid_until)| (id, Covered { invoiced_until, paid_until })).collect())
}

/// Of these names those that a live domain has.
///
/// # Errors
/// [`StoreError`].
pub async fn held<'a>(
    tx: &mut Tx,
    seller_id: SellerId,
    names: impl IntoIterator<Item = &'a str>,
) -> Result<BTreeSet<String>, StoreError> {
    let text = crate::with_texts!("SELECT name FROM domains WHERE seller_id = $1 AND live = 1 AND name ", 2, "");
    let found: Vec<(String,)> = tx.all(text, params![seller_id, super::text_set(names)]).await?;
    Ok(found.into_iter().map(|(name,)| name).collect())
}
