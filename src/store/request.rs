//! Answers to mutating calls, kept so that a repeated call gets the same answer. The row is claimed first, in the
//! transaction of the call: a second call with the same id waits for the first and then finds its answer.

use super::{StoreError, Unit};
use crate::params;

/// What is known of a request id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Nobody used it: the call goes ahead, and [`answer`] follows in the same unit.
    Fresh,
    /// The same call was answered.
    Answered(Vec<u8>),
    /// Another call used the id.
    Taken {
        /// Which method.
        method: String,
    },
}

/// Claims a request id for a call.
///
/// # Errors
/// [`StoreError`].
pub async fn claim(unit: &mut Unit, request_id: &str, method: &str, fingerprint: &str) -> Result<Claim, StoreError> {
    let (seller_id, now) = (unit.seller_id, unit.now);
    let inserted = unit
        .execute(
            "INSERT INTO requests (seller_id, request_id, method, fingerprint, response, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (seller_id, request_id) DO NOTHING",
            params![seller_id, request_id, method, fingerprint, Vec::<u8>::new(), now],
        )
        .await?;
    if inserted == 1 {
        return Ok(Claim::Fresh);
    }
    let (known, print, response): (String, String, Vec<u8>) = unit
        .one(
            "SELECT method, fingerprint, response FROM requests WHERE seller_id = $1 AND request_id = $2",
            params![seller_id, request_id],
        )
        .await?;
    Ok(if known == method && print == fingerprint { Claim::Answered(response) } else { Claim::Taken { method: known } })
}

/// Keeps the answer to a claimed call.
///
/// # Errors
/// [`StoreError`].
pub async fn answer(unit: &mut Unit, request_id: &str, response: Vec<u8>) -> Result<(), StoreError> {
    let seller_id = unit.seller_id;
    unit.execute(
        "UPDATE requests SET response = $3 WHERE seller_id = $1 AND request_id = $2",
        params![seller_id, request_id, response],
    )
    .await?;
    Ok(())
}
