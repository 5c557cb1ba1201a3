//! Settling: what was just issued meets the customer's credit, and credit meets what is open. The rules stand in
//! [`billet_domain::settle`]; here the accounts concerned are read in sets, and what came out is booked in sets.

mod book;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use billet_domain::document::DocumentKind;
use billet_domain::id::{AllocationId, CustomerId, InvoiceId};
use billet_domain::ledger::{Account as LedgerAccount, EntryKind, Posting, posting};
use billet_domain::money::Currency;
use billet_domain::settle::{Account, Credit, Item, Source, Target, UnknownInvoice};
use chrono::NaiveDate;
use serde_json::json;

use super::BillingError;
use crate::store::allocation::{self, Allocation};
use crate::store::open_item::{self, OpenItem};
use crate::store::{Unit, block, credit, customer, ledger, payment, seller};

pub(super) use book::book;

/// How many ids [`settle`] takes of those that its unit reserved, per document: two entries, an allocation and its
/// entry. What it needs beyond (a customer with much credit) it takes elsewhere.
pub const IDS_PER_ITEM: i64 = 4;
/// The same for the other use cases, which settle few documents of one customer.
pub(super) const OWN_IDS_MAX: usize = 300;

/// A document that was just issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewItem {
    /// Which.
    pub invoice_id: InvoiceId,
    /// Whose.
    pub customer_id: CustomerId,
    /// What it is.
    pub kind: DocumentKind,
    /// In which currency.
    pub currency: Currency,
    /// When it is to be paid; none on what gives money back.
    pub due_date: Option<NaiveDate>,
    /// In minor units, like all amounts; on credit notes and cancellations positive when they give money back.
    pub net_minor: i64,
    /// Net and tax add up to gross; each of them may be negative.
    pub tax_minor: i64,
    /// Not negative.
    pub gross_minor: i64,
    /// The invoices that a credit note or cancellation changes: settled first, in this order.
    pub preceding: Vec<InvoiceId>,
}

impl NewItem {
    /// How it is booked: net, then tax.
    fn postings(&self) -> impl Iterator<Item = Posting> {
        let [net, tax] = match self.kind {
            DocumentKind::Invoice => [
                posting(LedgerAccount::Receivable, LedgerAccount::Revenue, self.net_minor),
                posting(LedgerAccount::Receivable, LedgerAccount::Tax, self.tax_minor),
            ],
            DocumentKind::CreditNote | DocumentKind::Cancellation => [
                posting(LedgerAccount::Revenue, LedgerAccount::CustomerCredit, self.net_minor),
                posting(LedgerAccount::Tax, LedgerAccount::CustomerCredit, self.tax_minor),
            ],
        };
        net.into_iter().chain(tax)
    }

    fn item(&self, issued_on: NaiveDate) -> Item {
        Item::issued(self.invoice_id, self.kind, issued_on, self.due_date, self.gross_minor)
    }

    /// Refuses amounts that no document can have: the books would take them in.
    fn check(&self) -> Result<(), BillingError> {
        if self.gross_minor >= 0 && self.net_minor.checked_add(self.tax_minor) == Some(self.gross_minor) {
            return Ok(());
        }
        let Self { net_minor, tax_minor, gross_minor, .. } = self;
        let detail = format!("a document over {gross_minor} with {net_minor} net and {tax_minor} tax cannot be booked");
        Err(BillingError::precondition("AMOUNTS_DO_NOT_ADD_UP", self.invoice_id, detail))
    }
}

/// Books documents that were just issued and settles what they settle, in the order given, as if they had been issued
/// one by one: an invoice takes the customer's credit in its currency, oldest first; a credit note or cancellation
/// settles the invoices it names, then the customer's oldest open ones, and what is left is credit.
///
/// The customers have to be locked. However many documents there are, it reads at most four times (of those a batch of
/// invoices needs one, or two when any customer of the seller has credit) and writes once per table. What the unit
/// gathered before is flushed, so that it is seen.
///
/// # Errors
/// [`BillingError::Precondition`] when amounts do not add up or a document names an invoice that is not the customer's.
pub async fn settle(unit: &mut Unit, posted_on: NaiveDate, items: Vec<NewItem>) -> Result<(), BillingError> {
    if items.is_empty() {
        return Ok(());
    }
    items.iter().try_for_each(NewItem::check)?;
    unit.flush().await?;
    let mut accounts = accounts_of(unit, &items).await?;
    let own_ids_max = items.len().saturating_mul(usize::try_from(IDS_PER_ITEM).unwrap_or(usize::MAX));
    let entry_count = items.iter().map(|item| item.postings().count()).sum();
    let mut entry_ids = block::take(unit, entry_count, own_ids_max).await?.into_iter();
    let mut settled = Vec::new();
    for new in &items {
        let kind = if new.kind == DocumentKind::Invoice { EntryKind::Issue } else { EntryKind::Credit };
        // As many ids were taken as there are postings.
        for (posting, id) in new.postings().zip(entry_ids.by_ref()) {
            let (currency, customer_id, document_id) = (new.currency, new.customer_id, new.invoice_id.0);
            ledger::add(unit, &ledger::Entry { id, posted_on, kind, posting, currency, customer_id, document_id });
        }
        let item = new.item(posted_on);
        match accounts.get_mut(&(new.customer_id, new.currency)) {
            None => {
                open_item::add(unit, new.customer_id, new.currency, &item);
                if item.open_minor == 0 && item.kind == DocumentKind::Invoice {
                    book::settled_event(unit, new.customer_id, new.currency, &item, &[]);
                    settled.push(new.invoice_id);
                }
            }
            Some(account) if new.kind == DocumentKind::Invoice => account.issue(item),
            Some(account) => account.credit(item, &new.preceding).map_err(|error| unknown(&error))?,
        }
    }
    for ((customer_id, currency), account) in &accounts {
        for item in account.new_items() {
            open_item::add(unit, *customer_id, *currency, &item);
        }
    }
    let reason = "a document was issued";
    book(unit, posted_on, reason, own_ids_max - entry_count.min(own_ids_max), &accounts).await?;
    book::tell_services(unit, settled).await?;
    Ok(())
}

/// Whose account, in which currency.
pub(super) type Owner = (CustomerId, Currency);
/// The accounts on which more happens than that something new is open.
pub(super) type Accounts = BTreeMap<Owner, Account>;

/// Reads the accounts of those customers that have credit or get some. For the usual batch of invoices there are none.
async fn accounts_of(unit: &mut Unit, items: &[NewItem]) -> Result<Accounts, BillingError> {
    let seller_id = unit.seller_id;
    let mut accounts = Accounts::new();
    let mut credited = BTreeSet::new();
    for item in items.iter().filter(|item| item.kind != DocumentKind::Invoice) {
        credited.insert(item.customer_id);
        accounts.entry((item.customer_id, item.currency)).or_default();
    }
    if credit::is_any(unit, seller_id).await? {
        let customers: BTreeSet<CustomerId> = items.iter().map(|item| item.customer_id).collect();
        for owned in credit::of_customers(unit, seller_id, customers).await? {
            accounts.entry((owned.customer_id, owned.currency)).or_default().load_credit(owned.credit);
        }
    }
    if credited.is_empty() {
        return Ok(accounts);
    }
    let preceding = items.iter().flat_map(|item| &item.preceding).copied();
    for open in open_item::open_invoices_and(unit, seller_id, credited, preceding).await? {
        if let Some(account) = accounts.get_mut(&(open.customer_id, open.currency)) {
            account.load_invoice(open.item);
        }
    }
    let cancelled = items.iter().filter(|item| item.kind == DocumentKind::Cancellation);
    let by_invoice: BTreeMap<InvoiceId, (CustomerId, Currency)> =
        cancelled.flat_map(|item| item.preceding.iter().map(|id| (*id, (item.customer_id, item.currency)))).collect();
    if !by_invoice.is_empty() {
        for paid in allocation::payments_of_invoices(unit, seller_id, by_invoice.keys().copied()).await? {
            let account = by_invoice.get(&paid.invoice_id).and_then(|key| accounts.get_mut(key));
            if let Some(account) = account {
                account.load_credit(paid.payment);
                account.load_link(paid.allocation_id, paid.payment.source, paid.invoice_id, paid.amount_minor);
            }
        }
    }
    Ok(accounts)
}

/// Settles an invoice from what is left of a payment or a credit note: `amount_minor`, or as much as both have left.
/// Locks the customer.
///
/// # Errors
/// [`BillingError::NotFound`]; [`BillingError::Precondition`] when they do not belong together (`OTHER_CUSTOMER`,
/// `CURRENCY_MISMATCH`, `NOT_AN_INVOICE`, `NOT_A_CREDIT_NOTE`, `MONEY_WENT_OUT`), or when less is left than asked for
/// (`NOTHING_OPEN`, `NOTHING_LEFT`, `MORE_THAN_OPEN`, `MORE_THAN_LEFT`); [`BillingError::Invalid`] for an amount below 1.
pub async fn allocate(
    unit: &mut Unit,
    source: Source,
    invoice_id: InvoiceId,
    amount_minor: Option<i64>,
) -> Result<Allocation, BillingError> {
    if amount_minor.is_some_and(|minor| minor <= 0) {
        return Err(BillingError::invalid("amount", "more than zero is needed"));
    }
    let open = locked_invoice(unit, invoice_id).await?;
    let owned = credit_of(unit, source).await?;
    if owned.customer_id != open.customer_id {
        let detail = format!("{invoice_id} is another customer's than {source}");
        return Err(BillingError::precondition("OTHER_CUSTOMER", invoice_id, detail));
    }
    if owned.currency != open.currency {
        let detail = format!("{source} is in {}, {invoice_id} in {}", owned.currency, open.currency);
        return Err(BillingError::precondition("CURRENCY_MISMATCH", invoice_id, detail));
    }
    let (open_minor, left_minor) = (open.item.open_minor, owned.credit.left_minor);
    let more = |limit_minor| amount_minor.is_some_and(|minor| minor > limit_minor);
    let units = |minor| open.currency.units(minor);
    let refused = if open_minor == 0 {
        Some(("NOTHING_OPEN", invoice_id.to_string(), format!("nothing is open on {invoice_id}")))
    } else if left_minor == 0 {
        Some(("NOTHING_LEFT", source.to_string(), format!("nothing is left of {source}")))
    } else if more(open_minor) {
        Some(("MORE_THAN_OPEN", invoice_id.to_string(), format!("only {} are open on {invoice_id}", units(open_minor))))
    } else if more(left_minor) {
        Some(("MORE_THAN_LEFT", source.to_string(), format!("only {} are left of {source}", units(left_minor))))
    } else {
        None
    };
    if let Some((reason, subject, detail)) = refused {
        return Err(BillingError::precondition(reason, subject, detail));
    }
    let mut account = Account::default();
    account.load_invoice(open.item);
    account.load_credit(owned.credit);
    account.allocate(source, invoice_id, amount_minor.unwrap_or(i64::MAX)).map_err(|error| unknown(&error))?;
    let posted_on = today(unit).await?;
    let accounts = Accounts::from([((open.customer_id, open.currency), account)]);
    let made = book(unit, posted_on, "", OWN_IDS_MAX, &accounts).await?;
    made.into_iter().next().ok_or_else(|| BillingError::precondition("NOTHING_LEFT", source, "nothing was allocated"))
}

/// Takes an allocation back: the invoice is open again, the payment or credit note has the amount left. Locks the
/// customer.
///
/// # Errors
/// [`BillingError::NotFound`]; [`BillingError::Invalid`] without a reason; [`BillingError::Precondition`] when it was
/// taken back before (`ALREADY_RELEASED`), when the money was paid out (`MONEY_WENT_OUT`), and when the invoice is
/// cancelled (`INVOICE_CANCELLED`): nobody can owe it again.
pub async fn release(unit: &mut Unit, allocation_id: AllocationId, reason: &str) -> Result<(), BillingError> {
    if reason.trim().is_empty() {
        return Err(BillingError::invalid("reason", "is required: it is kept in the journal"));
    }
    unit.flush().await?;
    let seller_id = unit.seller_id;
    let missing = || BillingError::not_found("allocation", allocation_id);
    let found = allocation::get(unit, seller_id, allocation_id).await?.ok_or_else(missing)?;
    customer::lock(unit, &[found.customer_id]).await?;
    let found = allocation::get(unit, seller_id, allocation_id).await?.ok_or_else(missing)?;
    if found.released_at.is_some() {
        let detail = format!("{allocation_id} was taken back before");
        return Err(BillingError::precondition("ALREADY_RELEASED", allocation_id, detail));
    }
    let Target::Invoice(invoice_id) = found.target else {
        let detail = format!("{allocation_id} was paid out; record the money as a payment when it comes back");
        return Err(BillingError::precondition("MONEY_WENT_OUT", allocation_id, detail));
    };
    let open = open_item::get(unit, seller_id, invoice_id).await?;
    let open = open.ok_or_else(|| BillingError::not_found("issued invoice", invoice_id))?;
    if let Some(cancellation_id) = open.item.cancelled_by {
        let detail = format!("{invoice_id} was taken back by {cancellation_id} and cannot be owed again");
        return Err(BillingError::precondition("INVOICE_CANCELLED", invoice_id, detail));
    }
    let mut account = Account::default();
    account.load_invoice(open.item);
    account.load_credit(credit_of(unit, found.source).await?.credit);
    account.load_link(found.id, found.source, invoice_id, found.amount_minor);
    account.release_loaded();
    let posted_on = today(unit).await?;
    let accounts = Accounts::from([((found.customer_id, found.currency), account)]);
    book(unit, posted_on, reason, OWN_IDS_MAX, &accounts).await?;
    Ok(())
}

/// An issued invoice whose customer is locked; what the unit gathered before is flushed.
pub(super) async fn locked_invoice(unit: &mut Unit, invoice_id: InvoiceId) -> Result<OpenItem, BillingError> {
    unit.flush().await?;
    let seller_id = unit.seller_id;
    let missing = || BillingError::not_found("issued invoice", invoice_id);
    let found = open_item::get(unit, seller_id, invoice_id).await?.ok_or_else(missing)?;
    customer::lock(unit, &[found.customer_id]).await?;
    // What was read before the lock may have changed while waiting for it.
    let found = open_item::get(unit, seller_id, invoice_id).await?.ok_or_else(missing)?;
    match found.item.kind {
        DocumentKind::Invoice => Ok(found),
        DocumentKind::CreditNote | DocumentKind::Cancellation => {
            let detail = format!("{invoice_id} gives money back: it cannot be settled or given up");
            Err(BillingError::precondition("NOT_AN_INVOICE", invoice_id, detail))
        }
    }
}

async fn credit_of(unit: &mut Unit, source: Source) -> Result<credit::OwnedCredit, BillingError> {
    let seller_id = unit.seller_id;
    let owned = |customer_id, currency, credit: Credit| credit::OwnedCredit { customer_id, currency, credit };
    match source {
        Source::Payment(id) => {
            let payment = payment::get(unit, seller_id, id).await?;
            let payment = payment.ok_or_else(|| BillingError::not_found("payment", id))?;
            if payment.amount_minor < 0 {
                let detail = format!("{id} is a refund: there is nothing to allocate");
                return Err(BillingError::precondition("MONEY_WENT_OUT", id, detail));
            }
            Ok(owned(payment.customer_id, payment.currency, payment.as_credit()))
        }
        Source::CreditNote(id) => {
            let note = open_item::get(unit, seller_id, id).await?;
            let note = note.ok_or_else(|| BillingError::not_found("issued credit note", id))?;
            if note.item.kind == DocumentKind::Invoice {
                let detail = format!("{id} is an invoice: it gives no money back");
                return Err(BillingError::precondition("NOT_A_CREDIT_NOTE", id, detail));
            }
            Ok(owned(note.customer_id, note.currency, note.as_credit()))
        }
    }
}

pub(super) fn unknown(error: &UnknownInvoice) -> BillingError {
    let detail = error.to_string();
    BillingError::precondition("NOT_THE_CUSTOMERS_INVOICE", error.0, detail)
}

/// The date where the unit's seller is.
pub(super) async fn today(unit: &mut Unit) -> Result<NaiveDate, BillingError> {
    let (seller_id, now) = (unit.seller_id, unit.now);
    let seller = seller::get(unit, seller_id).await?.ok_or_else(|| BillingError::not_found("seller", seller_id))?;
    Ok(seller.today(now))
}

/// An amount in events: minor units and the currency.
pub(super) fn amount(minor: i64, currency: Currency) -> serde_json::Value {
    json!({ "minor": minor, "currency": currency })
}
