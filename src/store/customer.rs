//! Stand-in until the customers' own file is merged: just enough of a customer to lock it. TO BE REPLACED.

use billet_domain::id::CustomerId;

use super::{FromRow, Row, Sql, StoreError, Unit, id_set};
use crate::params;

/// Somebody a seller bills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    /// Which.
    pub id: CustomerId,
}

impl FromRow for Customer {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { id: row.get(0)? })
    }
}

/// Customers of the unit's seller, locked until it ends, ordered by id. Those that do not exist are left out.
///
/// # Errors
/// [`StoreError`].
pub async fn lock(unit: &mut Unit, ids: &[CustomerId]) -> Result<Vec<Customer>, StoreError> {
    let seller_id = unit.seller_id;
    let text = Sql {
        sqlite: "SELECT id FROM customers WHERE seller_id = $1 AND id IN (SELECT value FROM json_each($2)) ORDER BY id",
        postgres: "SELECT id FROM customers WHERE seller_id = $1 \
                   AND id IN (SELECT json_array_elements_text($2::json)::bigint) ORDER BY id FOR UPDATE",
    };
    unit.all(text, params![seller_id, id_set(ids.iter().map(|id| id.0))]).await
}
