//! What panels call a customer.

use std::collections::BTreeSet;

use billet_domain::id::{CustomerId, InstanceId, SellerId};
use serde::{Deserialize, Serialize};

use super::engine::{Kind, Rows, Table};
use super::{FromRow, Row, Sql, StoreError, Tx, Unit, Word, id_set, text_set};
use crate::params;

/// What names a customer at a panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkKind {
    /// The panel's owner of accounts (a reseller's user name).
    Owner,
    /// One account's own name.
    ExternalRef,
    /// The contact address of accounts, in small letters.
    Email,
}

/// A name of a customer at a panel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// At which panel.
    pub instance_id: InstanceId,
    /// What kind of name.
    pub kind: LinkKind,
    /// The name.
    pub value: String,
    /// Whose.
    pub customer_id: CustomerId,
}

impl FromRow for Link {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            instance_id: row.get(0)?,
            kind: row.get::<Word<_>>(1)?.0,
            value: row.get(2)?,
            customer_id: row.get(3)?,
        })
    }
}

/// Those of the wanted links that there are, in one statement however many are wanted.
///
/// # Errors
/// [`StoreError`].
pub async fn find(
    tx: &mut Tx,
    seller_id: SellerId,
    wanted: &[(InstanceId, LinkKind, &str)],
) -> Result<Vec<Link>, StoreError> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let instances: BTreeSet<i64> = wanted.iter().map(|(instance_id, ..)| instance_id.0).collect();
    let values: BTreeSet<&str> = wanted.iter().map(|(_, _, value)| *value).collect();
    let text = Sql {
        sqlite: "SELECT instance_id, kind, value, customer_id FROM customer_links WHERE seller_id = $1 \
                 AND instance_id IN (SELECT value FROM json_each($2)) \
                 AND kind IN ('owner', 'external_ref', 'email') \
                 AND value IN (SELECT value FROM json_each($3))",
        postgres: "SELECT instance_id, kind, value, customer_id FROM customer_links WHERE seller_id = $1 \
                   AND instance_id = ANY (ARRAY(SELECT json_array_elements_text($2::json)::bigint)) \
                   AND kind IN ('owner', 'external_ref', 'email') \
                   AND value = ANY (ARRAY(SELECT json_array_elements_text($3::json)))",
    };
    // The sets are wider than what is wanted: a value of one instance may be another's too.
    let wanted: BTreeSet<_> = wanted.iter().copied().collect();
    let mut links: Vec<Link> = tx.all(text, params![seller_id, id_set(instances), text_set(values)]).await?;
    links.retain(|link| wanted.contains(&(link.instance_id, link.kind, link.value.as_str())));
    Ok(links)
}

static LINKS: Table = Table {
    name: "customer_links",
    columns: &[
        ("seller_id", Kind::Int),
        ("instance_id", Kind::Int),
        ("kind", Kind::Text),
        ("value", Kind::Text),
        ("customer_id", Kind::Int),
    ],
};

/// Stores a link of the unit's seller.
///
/// # Errors
/// [`StoreError::Conflict`] when the name is somebody's.
pub async fn insert(unit: &mut Unit, link: &Link) -> Result<(), StoreError> {
    insert_all(unit, std::slice::from_ref(link)).await
}

/// Stores links of the unit's seller in one statement.
///
/// # Errors
/// [`StoreError::Conflict`] when a name is somebody's.
pub async fn insert_all(unit: &mut Unit, links: &[Link]) -> Result<(), StoreError> {
    let mut rows = Rows::new(&LINKS);
    for link in links {
        rows.push([
            unit.seller_id.into(),
            link.instance_id.into(),
            Word(link.kind).into(),
            link.value.as_str().into(),
            link.customer_id.into(),
        ]);
    }
    unit.insert(rows).await?;
    Ok(())
}
