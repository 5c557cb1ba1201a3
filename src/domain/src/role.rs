//! What callers may be.

use serde::{Deserialize, Serialize};

/// A role of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything.
    Owner,
    /// Documents, payments, reports.
    Accountant,
    /// Customers and subscriptions; reads documents.
    Support,
    /// Subscriptions, instances, the inbox.
    Provisioning,
    /// A reseller's owner: everything of its own seller but the daemon's own affairs.
    ResellerAdmin,
    /// A reseller's support.
    ResellerSupport,
    /// Reads its own; for the portal.
    Customer,
    /// Reads everything, writes nothing.
    Auditor,
    /// Reports hooks of its instance, nothing else.
    Panel,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Owner,
        Self::Accountant,
        Self::Support,
        Self::Provisioning,
        Self::ResellerAdmin,
        Self::ResellerSupport,
        Self::Customer,
        Self::Auditor,
        Self::Panel,
    ];
}
