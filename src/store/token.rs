//! Access tokens. Only the SHA-256 of a secret is stored; secrets have 256 bits of randomness, so that a fast hash is
//! enough.

use billet_domain::id::{CustomerId, InstanceId, SellerId, TokenId};
use billet_domain::role::Role;
use chrono::{DateTime, Utc};

use super::{FromRow, Json, Row, StoreError, Tx, Unit};
use crate::params;

/// A token without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Whose rows it may see.
    pub seller_id: SellerId,
    /// Which.
    pub id: TokenId,
    /// For people.
    pub name: String,
    /// What it may do.
    pub roles: Vec<Role>,
    /// Bound to this instance.
    pub instance_id: Option<InstanceId>,
    /// Bound to this customer.
    pub customer_id: Option<CustomerId>,
    /// When it stops working.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was taken out of use.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl FromRow for Token {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            seller_id: row.get(0)?,
            id: row.get(1)?,
            name: row.get(2)?,
            roles: row.get::<Json<_>>(3)?.0,
            instance_id: row.get(4)?,
            customer_id: row.get(5)?,
            expires_at: row.get(6)?,
            revoked_at: row.get(7)?,
            created_at: row.get(8)?,
        })
    }
}

/// Stores a token.
///
/// # Errors
/// [`StoreError`].
pub async fn insert(unit: &mut Unit, token: &Token, secret_hash: &str) -> Result<(), StoreError> {
    unit.execute(
        "INSERT INTO tokens (seller_id, id, name, secret_hash, roles, instance_id, customer_id, expires_at, revoked_at, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        params![
            token.seller_id,
            token.id,
            &token.name,
            secret_hash,
            Json(&token.roles),
            token.instance_id,
            token.customer_id,
            token.expires_at,
            token.revoked_at,
            token.created_at
        ],
    )
    .await?;
    Ok(())
}

/// The token with this secret's hash, revoked and expired ones too.
///
/// # Errors
/// [`StoreError`].
pub async fn by_hash(tx: &mut Tx, secret_hash: &str) -> Result<Option<Token>, StoreError> {
    tx.optional(
        "SELECT seller_id, id, name, roles, instance_id, customer_id, expires_at, revoked_at, created_at FROM tokens WHERE secret_hash = $1",
        params![secret_hash],
    )
    .await
}

/// One token.
///
/// # Errors
/// [`StoreError`].
pub async fn get(tx: &mut Tx, seller_id: SellerId, id: TokenId) -> Result<Option<Token>, StoreError> {
    tx.optional(
        "SELECT seller_id, id, name, roles, instance_id, customer_id, expires_at, revoked_at, created_at FROM tokens WHERE seller_id = $1 AND id = $2",
        params![seller_id, id],
    )
    .await
}

/// A page of a seller's tokens, oldest first, with one more than `limit`.
///
/// # Errors
/// [`StoreError`].
pub async fn list(tx: &mut Tx, seller_id: SellerId, after: i64, limit: i64) -> Result<Vec<Token>, StoreError> {
    tx.all(
        "SELECT seller_id, id, name, roles, instance_id, customer_id, expires_at, revoked_at, created_at FROM tokens \
         WHERE seller_id = $1 AND id > $2 ORDER BY id LIMIT $3",
        params![seller_id, after, limit + 1],
    )
    .await
}

/// Takes a token out of use; answers whether it was in use.
///
/// # Errors
/// [`StoreError`].
pub async fn revoke(unit: &mut Unit, id: TokenId) -> Result<bool, StoreError> {
    let (seller_id, now) = (unit.seller_id, unit.now);
    let touched = unit
        .execute(
            "UPDATE tokens SET revoked_at = $3 WHERE seller_id = $1 AND id = $2 AND revoked_at IS NULL",
            params![seller_id, id, now],
        )
        .await?;
    Ok(touched == 1)
}

/// How many other tokens of a seller are in use that can make tokens.
///
/// # Errors
/// [`StoreError`].
pub async fn other_keepers(
    tx: &mut Tx,
    seller_id: SellerId,
    id: TokenId,
    now: DateTime<Utc>,
) -> Result<i64, StoreError> {
    let (count,): (i64,) = tx
        .one(
            "SELECT count(*) FROM tokens WHERE seller_id = $1 AND id <> $2 AND revoked_at IS NULL \
             AND (expires_at IS NULL OR expires_at > $3) \
             AND (roles LIKE '%\"owner\"%' OR roles LIKE '%\"reseller_admin\"%')",
            params![seller_id, id, now],
        )
        .await?;
    Ok(count)
}
