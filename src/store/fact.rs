//! The facts of subscriptions. Written once, never changed.

use std::collections::BTreeMap;

use billet_domain::id::{SellerId, SubscriptionId};
use billet_domain::timeline::{Fact, FactKind, Timeline};
use chrono::NaiveDate;

use super::{FromRow, Json, Kind, Row, StoreError, Table, Tx, Unit, id_set};
use crate::{params, with_ids};

static FACTS: Table = Table {
    name: "facts",
    columns: &[
        ("seller_id", Kind::Int),
        ("subscription_id", Kind::Int),
        ("fact_key", Kind::Text),
        ("effective_on", Kind::Text),
        ("happened_at", Kind::Int),
        ("detail", Kind::Text),
        ("actor", Kind::Text),
        ("recorded_at", Kind::Int),
    ],
};

/// A fact with its subscription and who caused it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Whose.
    pub subscription_id: SubscriptionId,
    /// What happened.
    pub fact: Fact,
    /// Who or what caused it.
    pub actor: String,
}

impl FromRow for Recorded {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            subscription_id: row.get(0)?,
            fact: Fact {
                key: row.get(1)?,
                on: row.get::<NaiveDate>(2)?,
                at_us: row.get(3)?,
                kind: row.get::<Json<FactKind>>(4)?.0,
            },
            actor: row.get(5)?,
        })
    }
}

/// Gathers a fact for the unit.
pub fn add(unit: &mut Unit, subscription_id: SubscriptionId, fact: &Fact) {
    let row = [
        unit.seller_id.into(),
        subscription_id.into(),
        fact.key.as_str().into(),
        fact.on.into(),
        fact.at_us.into(),
        Json(&fact.kind).into(),
        unit.actor.as_str().into(),
        unit.now.into(),
    ];
    unit.add(&FACTS, row);
}

/// The facts of one subscription, in the order in which they take effect.
///
/// # Errors
/// [`StoreError`].
pub async fn of(tx: &mut Tx, seller_id: SellerId, id: SubscriptionId) -> Result<Vec<Recorded>, StoreError> {
    tx.all(
        "SELECT subscription_id, fact_key, effective_on, happened_at, detail, actor FROM facts \
         WHERE seller_id = $1 AND subscription_id = $2 ORDER BY effective_on, happened_at, fact_key",
        params![seller_id, id],
    )
    .await
}

/// The timelines of subscriptions.
///
/// # Errors
/// [`StoreError`].
pub async fn timelines(
    tx: &mut Tx,
    seller_id: SellerId,
    ids: impl IntoIterator<Item = SubscriptionId>,
) -> Result<BTreeMap<SubscriptionId, Timeline>, StoreError> {
    let sql = with_ids!(
        "SELECT subscription_id, fact_key, effective_on, happened_at, detail, actor FROM facts WHERE seller_id = $1 AND subscription_id ",
        2,
        ""
    );
    let ids = id_set(ids.into_iter().map(|id| id.0));
    let mut facts: BTreeMap<SubscriptionId, Vec<Fact>> = BTreeMap::new();
    for recorded in tx.all::<Recorded>(sql, &[seller_id.into(), ids]).await? {
        facts.entry(recorded.subscription_id).or_default().push(recorded.fact);
    }
    Ok(facts.into_iter().map(|(id, facts)| (id, Timeline::new(facts))).collect())
}
