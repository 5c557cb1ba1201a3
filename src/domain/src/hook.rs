//! What a panel or registrar reports, in one vocabulary for all of them.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// One event that a panel or registrar reports, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// Names the event for ever: stamped when it is captured, so that a repeated delivery is recognised.
    pub event_id: String,
    /// When it happened at the panel, as far as the panel or the capture knows.
    pub happened_at: DateTime<Utc>,
    /// The panel's own name for the account or domain (cPanel user, Plesk subscription, domain name).
    pub external_ref: String,
    /// What happened.
    pub change: Change,
    /// Where it was captured, for people: `Whostmgr Accounts::Create post`.
    pub source: String,
}

/// What happened to an account, a reseller or a domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Change {
    /// A hosting account was created with a package.
    AccountCreated {
        /// The panel's package or service plan name.
        package: String,
        /// The main domain, empty if the panel did not say.
        domain: String,
        /// The contact address the panel stores, empty if none.
        contact_email: String,
        /// The panel's owner of the account (`root` or a reseller's user), empty if unknown.
        owner: String,
    },
    /// An account was suspended.
    AccountSuspended {
        /// The panel's words.
        reason: String,
    },
    /// An account's suspension was lifted.
    AccountUnsuspended,
    /// An account was removed.
    AccountTerminated,
    /// An account moved to another package.
    PackageChanged {
        /// The package it had, empty if the panel did not say.
        from_package: String,
        /// The package it has now.
        to_package: String,
    },
    /// The amount of a component changed: a quota, a number of mailboxes, an add-on switched on or off.
    QuantityChanged {
        /// The component's code in the catalogue.
        component: String,
        /// The new amount.
        quantity: Decimal,
    },
    /// Something was used.
    UsageReported {
        /// The metric's code in the catalogue (`traffic_gib`).
        metric: String,
        /// How much within the period.
        quantity: Decimal,
        /// First day.
        from: NaiveDate,
        /// The day after the last.
        to: NaiveDate,
    },
    /// A reseller account was created.
    ResellerCreated {
        /// The panel's package or service plan name.
        package: String,
        /// The contact address the panel stores, empty if none.
        contact_email: String,
    },
    /// A domain was registered.
    DomainRegistered {
        /// For how many years.
        years: u32,
        /// The contact address of the registrant, empty if unknown.
        contact_email: String,
    },
    /// A domain was renewed.
    DomainRenewed {
        /// For how many years.
        years: u32,
        /// The new date of expiry, if the registrar said.
        expires_on: Option<NaiveDate>,
    },
    /// A domain came from another registrar.
    DomainTransferredIn {
        /// For how many years it was prolonged.
        years: u32,
        /// The contact address of the registrant, empty if unknown.
        contact_email: String,
    },
    /// A domain left to another registrar.
    DomainTransferredOut,
    /// A domain expired.
    DomainExpired,
    /// Something came in on the panel's server that could not be understood: a person has to tell what happened.
    Unclear {
        /// Why, in one word.
        code: String,
        /// Why, in words.
        reason: String,
        /// What is known of it and harmless, as JSON.
        facts: String,
    },
}
