//! The status of subscriptions, customers and resellers: a sum of bits, one for each who may suspend.
//!
//! Plesk keeps no reason, so that the bits are all there is: the own bit of the credentials is taken for Billet's.

use billet_plugin::v1::{Suspension, SuspensionOrigin};

use crate::settings::Role;

/// The owner is suspended.
pub(crate) const PARENT: u32 = 2;
/// Being backed up or restored.
pub(crate) const BACKUP: u32 = 4;
/// The web service is suspended for a while.
pub(crate) const WEB_SERVICE: u32 = 8;
/// By the administrator.
pub(crate) const BY_ADMINISTRATOR: u32 = 16;
/// By the reseller.
pub(crate) const BY_RESELLER: u32 = 32;
/// By the customer.
pub(crate) const BY_CUSTOMER: u32 = 64;
/// Its time is over.
pub(crate) const EXPIRED: u32 = 256;

const WORDS: [(u32, &str); 7] = [
    (BY_ADMINISTRATOR, "suspended by the administrator"),
    (BY_RESELLER, "suspended by the reseller"),
    (BY_CUSTOMER, "suspended by the customer"),
    (PARENT, "its owner is suspended"),
    (EXPIRED, "expired"),
    (WEB_SERVICE, "the web service is suspended"),
    (BACKUP, "under backup or restore"),
];

/// What bits mean, in words.
pub(crate) fn words(bits: u32) -> String {
    let known: Vec<&str> = WORDS.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, words)| *words).collect();
    format!("status {bits}: {}", if known.is_empty() { "unknown to the adapter".to_owned() } else { known.join(", ") })
}

/// Who suspended, by the bits: the own one comes first.
pub(crate) fn suspension(bits: u32, role: Role) -> Option<Suspension> {
    if bits == 0 {
        return None;
    }
    let origin = if bits & role.own_bit() != 0 {
        SuspensionOrigin::Billet
    } else if bits & BY_ADMINISTRATOR != 0 {
        SuspensionOrigin::Administrator
    } else if bits & (BY_RESELLER | PARENT) != 0 {
        SuspensionOrigin::Reseller
    } else if bits & BY_CUSTOMER != 0 {
        SuspensionOrigin::Customer
    } else {
        SuspensionOrigin::Panel
    };
    let locked = bits & BY_ADMINISTRATOR != 0;
    Some(Suspension { origin: origin.into(), reason: words(bits), locked, since: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_bit_is_ours_and_the_others_are_told_apart() {
        let origin = |bits, role| suspension(bits, role).map(|suspension| suspension.origin());
        assert_eq!(origin(0, Role::Administrator), None);
        for (bits, expected) in [
            (16, SuspensionOrigin::Billet),
            (16 + 256, SuspensionOrigin::Billet),
            (32, SuspensionOrigin::Reseller),
            (2, SuspensionOrigin::Reseller),
            (64, SuspensionOrigin::Customer),
            (256, SuspensionOrigin::Panel),
            (4, SuspensionOrigin::Panel),
            (1 << 20, SuspensionOrigin::Panel),
        ] {
            assert_eq!(origin(bits, Role::Administrator), Some(expected), "{bits}");
        }
        assert_eq!(origin(32, Role::Reseller), Some(SuspensionOrigin::Billet));
        assert_eq!(origin(16, Role::Reseller), Some(SuspensionOrigin::Administrator));
        assert_eq!(words(272), "status 272: suspended by the administrator, expired");
    }
}
