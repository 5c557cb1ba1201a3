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

    /// Whether somebody with this role may give another to a token: an owner any, a reseller's owner any but the
    /// daemon's, the others none.
    #[must_use]
    pub fn may_grant(self, other: Self) -> bool {
        match self {
            Self::Owner => true,
            Self::ResellerAdmin => other != Self::Owner,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_gives_more_than_they_have() {
        for role in Role::ALL {
            assert!(Role::Owner.may_grant(role));
            assert_eq!(Role::ResellerAdmin.may_grant(role), role != Role::Owner);
            let other = !matches!(role, Role::Owner | Role::ResellerAdmin);
            assert!(!other || Role::ALL.into_iter().all(|given| !role.may_grant(given)), "{role:?} gives nothing");
        }
    }
}
