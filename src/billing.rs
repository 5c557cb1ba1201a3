//! The use cases, one file per verb of the business. Each loads, asks the domain, stores, and leaves events and jobs:
//! one transaction.

pub mod adopt;
pub mod bill;
#[cfg(test)]
mod books;
pub mod catalog;
pub mod change;
mod check;
pub mod clock;
pub mod correct;
pub mod customer;
pub mod domain;
pub mod draft;
mod edit;
pub mod error;
pub mod hook;
pub mod instance;
pub mod instance_settings;
pub mod issue;
pub mod job;
pub mod link;
pub mod migrate;
pub mod panel;
pub mod pay;
pub mod project;
pub mod promotion;
pub mod provision;
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

use crate::plugins::Host;
use crate::plugins::seal::Keys;
use crate::store::{Store, Unit};

/// What every use case stands on: the database, the time, and the plugins.
#[derive(Debug, Clone)]
pub struct Billing {
    /// The database.
    pub store: Store,
    /// The time.
    pub clock: Arc<Clock>,
    /// The plugins.
    pub host: Arc<Host>,
    /// What secrets are sealed with.
    pub keys: Arc<Keys>,
    /// How many subscriptions a batch of a run has.
    pub run_batch: i64,
}

impl Billing {
    /// Over a database, with a clock, the daemon's own plugins and no key for secrets.
    #[must_use]
    pub fn new(store: Store, clock: Clock) -> Self {
        Self {
            store,
            clock: Arc::new(clock),
            host: Arc::new(Host::new([])),
            keys: Arc::default(),
            run_batch: run::BATCH,
        }
    }

    /// With these plugins and keys.
    #[must_use]
    pub fn with_plugins(self, host: Host, keys: Keys) -> Self {
        Self { host: Arc::new(host), keys: Arc::new(keys), ..self }
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
