//! Whether the books balance: everything debited and credited per account and currency.

use std::collections::BTreeMap;

use billet_domain::id::SellerId;
use billet_domain::money::{Currency, MoneyError, sum_minor};
use chrono::NaiveDate;

use super::BillingError;
use crate::store::{Tx, ledger};

/// One account in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountBalance {
    /// `receivable`, `revenue`, ...
    pub account: String,
    /// In which currency.
    pub currency: Currency,
    /// Everything debited.
    pub debit_minor: i64,
    /// Everything credited.
    pub credit_minor: i64,
    /// Debit less credit.
    pub balance_minor: i64,
}

/// All accounts as of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrialBalance {
    /// Ordered by currency and account; accounts on which nothing was booked are left out.
    pub accounts: Vec<AccountBalance>,
    /// The sum of the balances per currency: zero in books that balance.
    pub differences: Vec<(Currency, i64)>,
}

/// The trial balance up to and with a day, or of everything.
///
/// # Errors
/// [`BillingError::Precondition`] when a sum leaves 64 bits.
pub async fn trial_balance(
    tx: &mut Tx,
    seller_id: SellerId,
    as_of: Option<NaiveDate>,
) -> Result<TrialBalance, BillingError> {
    let mut sums: BTreeMap<(Currency, String), (i64, i64)> = BTreeMap::new();
    for flow in ledger::flows(tx, seller_id, as_of).await? {
        let debit = &mut sums.entry((flow.currency, flow.debit)).or_default().0;
        *debit = debit.checked_add(flow.amount_minor).ok_or(MoneyError::Overflow)?;
        let credit = &mut sums.entry((flow.currency, flow.credit)).or_default().1;
        *credit = credit.checked_add(flow.amount_minor).ok_or(MoneyError::Overflow)?;
    }
    let mut accounts = Vec::with_capacity(sums.len());
    for ((currency, account), (debit_minor, credit_minor)) in sums {
        let balance_minor = debit_minor.checked_sub(credit_minor).ok_or(MoneyError::Overflow)?;
        accounts.push(AccountBalance { account, currency, debit_minor, credit_minor, balance_minor });
    }
    let mut differences = Vec::new();
    for of_currency in accounts.chunk_by(|one, other| one.currency == other.currency) {
        let difference = sum_minor(of_currency.iter().map(|account| account.balance_minor))?;
        differences.extend(of_currency.first().map(|account| (account.currency, difference)));
    }
    Ok(TrialBalance { accounts, differences })
}
