//! What sellers and customers chose, where there is more than one right way.

use serde::{Deserialize, Serialize};

/// What happens when credits outweigh charges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CreditPolicy {
    /// A credit note is issued at once.
    #[default]
    CreditNote,
    /// The credit waits and lowers the next invoice; a credit note only comes when the subscription ends.
    NextInvoice,
}

/// What comes together on one invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grouping {
    /// Everything that is due on the day.
    #[default]
    Customer,
    /// Each subscription by itself.
    Subscription,
    /// Each project or sub-account by itself.
    Project,
}

/// The longest time until an invoice is due, in days.
pub const PAYMENT_TERM_DAYS_MAX: u32 = 365;
