//! Projects or sub-accounts of customers.

use billet_domain::id::{CustomerId, ProjectId, SellerId};

use super::{FromRow, Row, StoreError, Tx, Unit};
use crate::params;

/// A project or sub-account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Which.
    pub id: ProjectId,
    /// Whose.
    pub customer_id: CustomerId,
    /// Printed on its invoices.
    pub name: String,
}

impl FromRow for Project {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { id: row.get(0)?, customer_id: row.get(1)?, name: row.get(2)? })
    }
}

/// One project.
///
/// # Errors
/// [`StoreError`].
pub async fn get(tx: &mut Tx, seller_id: SellerId, id: ProjectId) -> Result<Option<Project>, StoreError> {
    tx.optional("SELECT id, customer_id, name FROM projects WHERE seller_id = $1 AND id = $2", params![seller_id, id])
        .await
}

/// A page of a customer's projects, oldest first, with one more than `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn list(
    tx: &mut Tx,
    seller_id: SellerId,
    customer_id: CustomerId,
    after: i64,
    limit: i64,
) -> Result<Vec<Project>, StoreError> {
    tx.all(
        "SELECT id, customer_id, name FROM projects \
         WHERE seller_id = $1 AND customer_id = $2 AND id > $3 ORDER BY id LIMIT $4",
        params![seller_id, customer_id, after, limit + 1],
    )
    .await
}

/// Stores a project of the unit's seller.
///
/// # Errors
/// [`StoreError`].
pub async fn insert(unit: &mut Unit, project: &Project) -> Result<(), StoreError> {
    let seller_id = unit.seller_id;
    unit.execute(
        "INSERT INTO projects (seller_id, id, customer_id, name) VALUES ($1, $2, $3, $4)",
        params![seller_id, project.id, project.customer_id, &project.name],
    )
    .await?;
    Ok(())
}
