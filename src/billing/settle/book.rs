//! Writes what was done with accounts: allocations, entries, what changed of open items and payments, and the events.

use std::collections::BTreeMap;

use billet_domain::document::DocumentKind;
use billet_domain::id::{AllocationId, CustomerId, InvoiceId};
use billet_domain::ledger::{Account as LedgerAccount, EntryKind, posting};
use billet_domain::money::Currency;
use billet_domain::settle::{Account, Item, Link, Source, Target};
use chrono::NaiveDate;
use serde_json::{Value, json};

use super::{Accounts, Owner, amount};
use crate::billing::BillingError;
use crate::store::allocation::{self, Allocation};
use crate::store::{StoreError, Unit, block, ledger, open_item, payment, service};

/// Books accounts; answers the allocations that were made and stand. `reason` is kept with what was taken back. New
/// documents and payments are stored by the caller. Of the unit's own ids at most `own_ids_max` are taken.
pub(in crate::billing) async fn book(
    unit: &mut Unit,
    posted_on: NaiveDate,
    reason: &str,
    own_ids_max: usize,
    accounts: &Accounts,
) -> Result<Vec<Allocation>, BillingError> {
    let id_count = accounts.values().map(ids_needed).sum();
    let ids = block::take(unit, id_count, own_ids_max).await?.into_iter();
    let mut booking = Booking {
        posted_on,
        reason,
        ids,
        items: open_item::Changes::new(unit.seller_id),
        payments: payment::Changes::new(unit.seller_id),
        released: Vec::new(),
        made: Vec::new(),
        settled: Vec::new(),
    };
    for (owner, account) in accounts {
        booking.account(unit, *owner, account)?;
    }
    booking.items.write(unit).await?;
    booking.payments.write(unit).await?;
    allocation::release(unit, &booking.released).await?;
    tell_services(unit, booking.settled).await?;
    Ok(booking.made)
}

/// One for a new allocation, one per entry.
fn ids_needed(account: &Account) -> usize {
    let of_link = |link: &Link| match (link.target, link.id, link.released) {
        (Target::Refund(_), ..) | (_, Some(_), _) => 1,
        (Target::Invoice(_), None, false) => 2,
        (Target::Invoice(_), None, true) => 3,
    };
    account.moves().map(of_link).sum::<usize>() + account.reopened().len()
}

struct Booking<'a> {
    posted_on: NaiveDate,
    reason: &'a str,
    ids: std::vec::IntoIter<i64>,
    items: open_item::Changes,
    payments: payment::Changes,
    released: Vec<AllocationId>,
    made: Vec<Allocation>,
    settled: Vec<InvoiceId>,
}

/// What was only to be made when it is paid for may be made now.
pub(in crate::billing) async fn tell_services(unit: &mut Unit, settled: Vec<InvoiceId>) -> Result<(), StoreError> {
    if settled.is_empty() {
        return Ok(());
    }
    // The lines of a document that is being issued are to be seen.
    unit.flush().await?;
    service::refresh_paid(unit, settled.into_iter().map(|id| id.0)).await?;
    Ok(())
}

impl Booking<'_> {
    fn account(&mut self, unit: &mut Unit, owner: Owner, account: &Account) -> Result<(), StoreError> {
        let (customer_id, currency) = owner;
        let mut settled_by: BTreeMap<InvoiceId, Vec<(Source, i64)>> = BTreeMap::new();
        for link in account.moves() {
            let id = match link.id {
                Some(id) => id,
                None => self.make(unit, owner, link)?,
            };
            let Target::Invoice(invoice_id) = link.target else { continue };
            if link.released {
                self.take_back(unit, owner, id, link)?;
            } else {
                settled_by.entry(invoice_id).or_default().push((link.source, link.amount_minor));
            }
        }
        for (invoice_id, minor) in account.reopened() {
            let accounts = (LedgerAccount::Receivable, LedgerAccount::WriteOff);
            self.post(unit, owner, EntryKind::WriteOff, accounts, *minor, invoice_id.0)?;
            let data = json!({ "customer": customer_id, "amount": amount(*minor, currency) });
            unit.event_because("invoice.write_off_undone", invoice_id, self.reason, data);
        }
        for invoice in account.invoices() {
            if invoice.is_changed() {
                self.items.invoice(&invoice.now);
            }
            let was_open = invoice.before.is_none_or(|before| before.open_minor > 0);
            if was_open && invoice.now.open_minor == 0 {
                let by = settled_by.get(&invoice.now.invoice_id).map_or(&[][..], Vec::as_slice);
                settled_event(unit, customer_id, currency, &invoice.now, by);
                self.settled.push(invoice.now.invoice_id);
            }
        }
        for credit in account.credits().iter().filter(|credit| credit.is_changed()) {
            match credit.now.source {
                Source::Payment(id) => self.payments.left(id, credit.now.left_minor),
                Source::CreditNote(id) => self.items.credit_note(id, &credit.now),
            }
        }
        Ok(())
    }

    /// A new allocation, with its entry and event when it settles an invoice.
    fn make(&mut self, unit: &mut Unit, owner: Owner, link: &Link) -> Result<AllocationId, StoreError> {
        let (customer_id, currency) = owner;
        let id = AllocationId(self.id()?);
        let Link { source, target, amount_minor, released, .. } = *link;
        let (created_at, released_at) = (unit.now, released.then_some(unit.now));
        let made = Allocation { id, customer_id, source, target, currency, amount_minor, created_at, released_at };
        allocation::add(unit, &made);
        if let Target::Invoice(invoice_id) = target {
            let accounts = (LedgerAccount::CustomerCredit, LedgerAccount::Receivable);
            self.post(unit, owner, EntryKind::Allocation, accounts, amount_minor, id.0)?;
            let data = json!({
                "allocation": id,
                "customer": customer_id,
                "invoice": invoice_id,
                "amount": amount(amount_minor, currency),
            });
            unit.event("payment.allocated", source, data);
        }
        if !released {
            self.made.push(made);
        }
        Ok(id)
    }

    fn take_back(&mut self, unit: &mut Unit, owner: Owner, id: AllocationId, link: &Link) -> Result<(), StoreError> {
        let (customer_id, currency) = owner;
        // A new one was stored as taken back right away.
        if link.id.is_some() {
            self.released.push(id);
        }
        let accounts = (LedgerAccount::Receivable, LedgerAccount::CustomerCredit);
        self.post(unit, owner, EntryKind::Release, accounts, link.amount_minor, id.0)?;
        let invoice = match link.target {
            Target::Invoice(id) => Some(id),
            Target::Refund(_) => None,
        };
        let data = json!({
            "customer": customer_id,
            "source": link.source.to_string(),
            "invoice": invoice,
            "amount": amount(link.amount_minor, currency),
        });
        unit.event_because("allocation.released", id, self.reason, data);
        Ok(())
    }

    fn post(
        &mut self,
        unit: &mut Unit,
        (customer_id, currency): Owner,
        kind: EntryKind,
        (debit, credit): (LedgerAccount, LedgerAccount),
        amount_minor: i64,
        document_id: i64,
    ) -> Result<(), StoreError> {
        if let Some(posting) = posting(debit, credit, amount_minor) {
            let (id, posted_on) = (self.id()?, self.posted_on);
            ledger::add(unit, &ledger::Entry { id, posted_on, kind, posting, currency, customer_id, document_id });
        }
        Ok(())
    }

    fn id(&mut self) -> Result<i64, StoreError> {
        self.ids.next().ok_or(StoreError::IdsExhausted)
    }
}

/// Says that nothing is open on an invoice any more, and by what.
pub(in crate::billing) fn settled_event(
    unit: &mut Unit,
    customer_id: CustomerId,
    currency: Currency,
    item: &Item,
    by: &[(Source, i64)],
) {
    debug_assert_eq!((item.kind, item.open_minor), (DocumentKind::Invoice, 0));
    let by: Vec<Value> = by
        .iter()
        .map(|(source, minor)| json!({ "source": source.to_string(), "amount": amount(*minor, currency) }))
        .collect();
    let data = json!({
        "customer": customer_id,
        "invoice": item.invoice_id,
        "state": item.state(),
        "gross": amount(item.gross_minor, currency),
        "by": by,
    });
    unit.event("invoice.settled", item.invoice_id, data);
}
