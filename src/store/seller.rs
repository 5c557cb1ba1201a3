//! Stand-in until the sellers' own file is merged: just enough of a seller to know its date. TO BE REPLACED.

use std::str::FromStr;

use billet_domain::id::SellerId;
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;

use super::{FromRow, Row, StoreError, Tx};
use crate::params;

/// A legal person who issues invoices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seller {
    /// Which.
    pub id: SellerId,
    /// Billing dates are dates here.
    pub time_zone: Tz,
}

impl Seller {
    /// The date now, where the seller is.
    #[must_use]
    pub fn today(&self, now: DateTime<Utc>) -> NaiveDate {
        now.with_timezone(&self.time_zone).date_naive()
    }
}

impl FromRow for Seller {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let zone: String = row.get(1)?;
        let time_zone = Tz::from_str(&zone).map_err(|_| StoreError::Corrupt(format!("`{zone}` is no time zone")))?;
        Ok(Self { id: row.get(0)?, time_zone })
    }
}

/// One seller.
///
/// # Errors
/// [`StoreError`].
pub async fn get(tx: &mut Tx, id: SellerId) -> Result<Option<Seller>, StoreError> {
    tx.optional("SELECT id, time_zone FROM sellers WHERE id = $1", params![id]).await
}
