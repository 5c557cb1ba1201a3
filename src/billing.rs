//! The use cases, one file per verb of the business. Each loads, asks the domain, stores, and leaves events and jobs:
//! one transaction.

pub mod bill;
#[cfg(test)]
mod books;
pub mod catalog;
pub mod change;
mod check;
pub mod clock;
pub mod correct;
pub mod customer;
pub mod draft;
mod edit;
pub mod error;
pub mod hook;
pub mod instance;
pub mod issue;
pub mod job;
pub mod link;
pub mod migrate;
pub mod pay;
pub mod project;
pub mod promotion;
pub mod reckon;
pub mod render;
pub mod run;
pub mod seller;
pub mod series;
pub mod settle;
pub mod statement;
pub mod subscribe;
#[cfg(test)]
pub mod testing;
pub mod token;
pub mod trial_balance;
pub mod write_off;

use std::sync::Arc;

use billet_domain::id::SellerId;
use chrono::{DateTime, Utc};

pub use clock::Clock;
pub use error::BillingError;

use crate::store::{Store, Unit};

/// What every use case stands on: the database and the time.
#[derive(Debug, Clone)]
pub struct Billing {
    /// The database.
    pub store: Store,
    /// The time.
    pub clock: Arc<Clock>,
}

impl Billing {
    /// Over a database, with a clock.
    #[must_use]
    pub fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock: Arc::new(clock) }
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Begins a unit of work at this instant.
    ///
    /// # Errors
    /// [`BillingError::Store`].
    pub async fn begin(&self, seller_id: SellerId, actor: &str) -> Result<Unit, BillingError> {
        Ok(self.store.begin(seller_id, actor, self.now()).await?)
    }
}
