//! The accounts of the books and how a movement is written: one row that takes from one account and gives to another,
//! so that no row can be out of balance.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An account of the general ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Account {
    /// What customers owe on invoices.
    Receivable,
    /// What customers have paid or been credited and that settles no invoice yet.
    CustomerCredit,
    /// What was earned, net.
    Revenue,
    /// Value added tax that is owed to the state.
    Tax,
    /// Money that came in or went out.
    Cash,
    /// What was given up as a loss.
    WriteOff,
}

impl Account {
    /// As stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Receivable => "receivable",
            Self::CustomerCredit => "customer_credit",
            Self::Revenue => "revenue",
            Self::Tax => "tax",
            Self::Cash => "cash",
            Self::WriteOff => "write_off",
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why something is booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// An invoice was issued.
    Issue,
    /// A credit note or cancellation was issued.
    Credit,
    /// Money came in.
    Payment,
    /// Credit settles an invoice.
    Allocation,
    /// An allocation was taken back.
    Release,
    /// Credit was paid out.
    Refund,
    /// An open amount was given up.
    WriteOff,
}

impl EntryKind {
    /// As stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Credit => "credit",
            Self::Payment => "payment",
            Self::Allocation => "allocation",
            Self::Release => "release",
            Self::Refund => "refund",
            Self::WriteOff => "write_off",
        }
    }
}

/// A movement of money from the credited to the debited account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posting {
    /// Takes the amount.
    pub debit: Account,
    /// Gives it.
    pub credit: Account,
    /// In minor units, more than zero.
    pub amount_minor: i64,
}

/// Writes a movement; a negative amount goes the other way, nothing is written for zero.
#[must_use]
pub fn posting(debit: Account, credit: Account, amount_minor: i64) -> Option<Posting> {
    match amount_minor {
        0 => None,
        minor if minor > 0 => Some(Posting { debit, credit, amount_minor }),
        minor => Some(Posting { debit: credit, credit: debit, amount_minor: minor.checked_neg()? }),
    }
}
