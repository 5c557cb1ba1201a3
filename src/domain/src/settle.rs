//! What settles what. An [`Account`] is what a customer owes in one currency and what it has to its credit; its methods
//! are the rules by which the one settles the other. Everything happens in the order in which it is asked for, so that
//! a thousand documents in one unit of work come out as if they had been issued one by one.
//!
//! Oldest first means: invoices by the day they are due, credit by the day it came. Identifiers decide between equals,
//! so that the outcome is always the same.

use std::fmt;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::document::DocumentKind;
use crate::id::{AllocationId, InvoiceId, PaymentId};

/// Where an issued document stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing of it is settled.
    Issued,
    /// Part of it is settled.
    PartlyPaid,
    /// Settled in full by payments; a credit note that is used up.
    Paid,
    /// Settled in full, at least in part by credit notes.
    Credited,
    /// Taken back by a cancellation.
    Cancelled,
    /// What was open is given up.
    WrittenOff,
}

/// An issued document with what of it is open: still to be paid, or for what gives money back, still to be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// Which document.
    pub invoice_id: InvoiceId,
    /// What it is.
    pub kind: DocumentKind,
    /// The day it was issued.
    pub issued_on: NaiveDate,
    /// The day it is to be paid.
    pub due_date: Option<NaiveDate>,
    /// What it says in total; never negative.
    pub gross_minor: i64,
    /// What of it is open.
    pub open_minor: i64,
    /// What of it credit notes and cancellations settle.
    pub credited_minor: i64,
    /// What of it was given up.
    pub written_off_minor: i64,
    /// The cancellation that takes it back.
    pub cancelled_by: Option<InvoiceId>,
}

impl Item {
    /// A document that was just issued.
    #[must_use]
    pub fn issued(
        invoice_id: InvoiceId,
        kind: DocumentKind,
        issued_on: NaiveDate,
        due_date: Option<NaiveDate>,
        gross_minor: i64,
    ) -> Self {
        Self {
            invoice_id,
            kind,
            issued_on,
            due_date,
            gross_minor,
            open_minor: gross_minor,
            credited_minor: 0,
            written_off_minor: 0,
            cancelled_by: None,
        }
    }

    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> State {
        match self.open_minor {
            0 if self.cancelled_by.is_some() => State::Cancelled,
            0 if self.written_off_minor > 0 => State::WrittenOff,
            0 if self.credited_minor > 0 => State::Credited,
            0 => State::Paid,
            open if open == self.gross_minor => State::Issued,
            _ => State::PartlyPaid,
        }
    }

    fn age(&self) -> (NaiveDate, NaiveDate, InvoiceId) {
        (self.due_date.unwrap_or(self.issued_on), self.issued_on, self.invoice_id)
    }
}

/// Where credit comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// Money that came in.
    Payment(PaymentId),
    /// A credit note or a cancellation.
    CreditNote(InvoiceId),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Payment(id) => id.fmt(f),
            Self::CreditNote(id) => id.fmt(f),
        }
    }
}

/// Credit with what of it is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credit {
    /// Where it comes from.
    pub source: Source,
    /// The day it came.
    pub since: NaiveDate,
    /// How much it was.
    pub total_minor: i64,
    /// How much settles nothing yet.
    pub left_minor: i64,
}

impl Credit {
    /// Credit that just came.
    #[must_use]
    pub fn fresh(source: Source, since: NaiveDate, total_minor: i64) -> Self {
        Self { source, since, total_minor, left_minor: total_minor }
    }

    /// Where a credit note with this credit stands.
    #[must_use]
    pub fn state(&self) -> State {
        match self.left_minor {
            0 => State::Paid,
            left if left == self.total_minor => State::Issued,
            _ => State::PartlyPaid,
        }
    }

    fn age(&self) -> (NaiveDate, Source) {
        (self.since, self.source)
    }
}

/// What credit is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// It settles an invoice.
    Invoice(InvoiceId),
    /// It was paid out.
    Refund(PaymentId),
}

/// An allocation: an amount of credit and what it is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// As stored; `None` for one that was made here.
    pub id: Option<AllocationId>,
    /// Where it comes from.
    pub source: Source,
    /// What it is used for.
    pub target: Target,
    /// More than zero.
    pub amount_minor: i64,
    /// Whether it was taken back here.
    pub released: bool,
}

/// A value with what it was before; `None` for what is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tracked<T> {
    /// As it is.
    pub now: T,
    /// As it is stored.
    pub before: Option<T>,
}

impl<T: Copy + PartialEq> Tracked<T> {
    fn stored(value: T) -> Self {
        Self { now: value, before: Some(value) }
    }

    fn fresh(value: T) -> Self {
        Self { now: value, before: None }
    }

    /// Whether it is stored and is different now.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.before.is_some_and(|before| before != self.now)
    }
}

/// A document was named that is no invoice of this account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no issued invoice of this customer in this currency")]
pub struct UnknownInvoice(pub InvoiceId);

/// What one customer owes in one currency, what it has to its credit, and what was done with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// Oldest first.
    invoices: Vec<Tracked<Item>>,
    /// Oldest first.
    credits: Vec<Tracked<Credit>>,
    /// New documents that give money back; what of them is open stands in `credits`.
    notes: Vec<Item>,
    links: Vec<Link>,
    reopened: Vec<(InvoiceId, i64)>,
}

impl Account {
    /// Takes in an invoice as it is stored.
    pub fn load_invoice(&mut self, item: Item) {
        self.place_invoice(Tracked::stored(item));
    }

    /// Takes in credit as it is stored; the same credit twice is the same as once.
    pub fn load_credit(&mut self, credit: Credit) {
        self.place_credit(Tracked::stored(credit));
    }

    /// Takes in an allocation as it is stored, so that it can be taken back.
    pub fn load_link(&mut self, id: AllocationId, source: Source, invoice_id: InvoiceId, amount_minor: i64) {
        let target = Target::Invoice(invoice_id);
        self.links.push(Link { id: Some(id), source, target, amount_minor, released: false });
    }

    /// A new invoice: takes the credit there is, oldest first.
    pub fn issue(&mut self, item: Item) {
        let at = self.place_invoice(Tracked::fresh(item));
        self.settle(at);
    }

    /// A new credit note or cancellation: settles the documents it names, then the oldest open invoices; what is left
    /// is credit. What was given up of a document it names is taken up again first: there is nothing to lose on what is
    /// not owed. A cancellation also sets free the payments that settle the document, for it takes their place.
    ///
    /// # Errors
    /// [`UnknownInvoice`] when a document it names was not loaded; the account must not be used any more then.
    pub fn credit(&mut self, note: Item, preceding: &[InvoiceId]) -> Result<(), UnknownInvoice> {
        let credit = Credit::fresh(Source::CreditNote(note.invoice_id), note.issued_on, note.gross_minor);
        self.notes.push(note);
        self.place_credit(Tracked::fresh(credit));
        let cancels = note.kind == DocumentKind::Cancellation;
        let mut freed = Vec::new();
        for invoice_id in preceding {
            let invoice = self.invoice_at(*invoice_id)?;
            let wanted_minor = self.left_minor(credit.source);
            self.make_room(invoice, wanted_minor, cancels, &mut freed);
            if cancels {
                self.invoices[invoice].now.cancelled_by = Some(note.invoice_id);
            }
            self.use_up(credit.source, invoice, i64::MAX);
            if cancels {
                // Payments are set free as a whole: what the cancellation does not cover they settle again.
                self.settle(invoice);
            }
        }
        self.spend(credit.source);
        for source in freed {
            self.spend(source);
        }
        Ok(())
    }

    /// New money: settles the named invoices in their order, then, unless the rest is kept, the oldest open ones.
    ///
    /// # Errors
    /// [`UnknownInvoice`] when a named one was not loaded.
    pub fn pay(&mut self, credit: Credit, named: &[InvoiceId], keep_rest: bool) -> Result<(), UnknownInvoice> {
        self.place_credit(Tracked::fresh(credit));
        for invoice_id in named {
            let invoice = self.invoice_at(*invoice_id)?;
            self.use_up(credit.source, invoice, i64::MAX);
        }
        if !keep_rest {
            self.spend(credit.source);
        }
        Ok(())
    }

    /// Settles one invoice from one credit: as much as both have left, at most `limit_minor`. Answers how much.
    ///
    /// # Errors
    /// [`UnknownInvoice`] when it was not loaded.
    pub fn allocate(&mut self, source: Source, invoice_id: InvoiceId, limit_minor: i64) -> Result<i64, UnknownInvoice> {
        let invoice = self.invoice_at(invoice_id)?;
        Ok(self.use_up(source, invoice, limit_minor))
    }

    /// Takes all loaded allocations back.
    pub fn release_loaded(&mut self) {
        for index in 0..self.links.len() {
            if self.links[index].id.is_some() {
                self.release(index);
            }
        }
    }

    /// Pays credit out: from payments first, then from credit notes, oldest first. Answers how much of the amount there
    /// was not enough credit for; then nothing has happened.
    pub fn refund(&mut self, refund_id: PaymentId, amount_minor: i64) -> i64 {
        let mut missing_minor = amount_minor;
        let mut drawn = Vec::new();
        let is_payment = |credit: &Tracked<Credit>| matches!(credit.now.source, Source::Payment(_));
        for from_payments in [true, false] {
            for (index, credit) in self.credits.iter().enumerate() {
                let minor = credit.now.left_minor.min(missing_minor);
                if is_payment(credit) == from_payments && minor > 0 {
                    missing_minor -= minor;
                    drawn.push((index, minor));
                }
            }
        }
        if missing_minor > 0 {
            return missing_minor;
        }
        for (index, amount_minor) in drawn {
            let credit = &mut self.credits[index].now;
            credit.left_minor -= amount_minor;
            let (source, target) = (credit.source, Target::Refund(refund_id));
            self.links.push(Link { id: None, source, target, amount_minor, released: false });
        }
        0
    }

    /// All invoices, oldest first.
    #[must_use]
    pub fn invoices(&self) -> &[Tracked<Item>] {
        &self.invoices
    }

    /// All credit, oldest first.
    #[must_use]
    pub fn credits(&self) -> &[Tracked<Credit>] {
        &self.credits
    }

    /// The allocations that were made or taken back here, in that order.
    pub fn moves(&self) -> impl Iterator<Item = &Link> {
        self.links.iter().filter(|link| link.id.is_none() || link.released)
    }

    /// What was given up and is owed again: which invoice, how much.
    #[must_use]
    pub fn reopened(&self) -> &[(InvoiceId, i64)] {
        &self.reopened
    }

    /// The new documents as they stand now.
    pub fn new_items(&self) -> impl Iterator<Item = Item> {
        let invoices = self.invoices.iter().filter(|invoice| invoice.before.is_none()).map(|invoice| invoice.now);
        let notes = self.notes.iter().map(|note| {
            let open_minor = self.left_minor(Source::CreditNote(note.invoice_id));
            Item { open_minor, ..*note }
        });
        invoices.chain(notes)
    }

    fn place_invoice(&mut self, invoice: Tracked<Item>) -> usize {
        let age = invoice.now.age();
        let at = self.invoices.partition_point(|other| other.now.age() < age);
        self.invoices.insert(at, invoice);
        at
    }

    fn place_credit(&mut self, credit: Tracked<Credit>) {
        let age = credit.now.age();
        let at = self.credits.partition_point(|other| other.now.age() < age);
        if self.credits.get(at).is_none_or(|other| other.now.source != credit.now.source) {
            self.credits.insert(at, credit);
        }
    }

    fn invoice_at(&self, id: InvoiceId) -> Result<usize, UnknownInvoice> {
        let is_it = |invoice: &Tracked<Item>| invoice.now.invoice_id == id;
        self.invoices.iter().position(is_it).ok_or(UnknownInvoice(id))
    }

    fn credit_at(&self, source: Source) -> Option<usize> {
        self.credits.iter().position(|credit| credit.now.source == source)
    }

    fn left_minor(&self, source: Source) -> i64 {
        self.credit_at(source).map_or(0, |at| self.credits[at].now.left_minor)
    }

    /// Settles an invoice from all credit, oldest first.
    fn settle(&mut self, invoice: usize) {
        for credit in 0..self.credits.len() {
            if self.invoices[invoice].now.open_minor == 0 {
                break;
            }
            self.link(credit, invoice, i64::MAX);
        }
    }

    /// Settles the oldest open invoices from one credit.
    fn spend(&mut self, source: Source) {
        let Some(credit) = self.credit_at(source) else { return };
        for invoice in 0..self.invoices.len() {
            if self.credits[credit].now.left_minor == 0 {
                break;
            }
            self.link(credit, invoice, i64::MAX);
        }
    }

    fn use_up(&mut self, source: Source, invoice: usize, limit_minor: i64) -> i64 {
        self.credit_at(source).map_or(0, |credit| self.link(credit, invoice, limit_minor))
    }

    /// The one place where credit meets an invoice.
    fn link(&mut self, credit: usize, invoice: usize, limit_minor: i64) -> i64 {
        let (credit, item) = (&mut self.credits[credit].now, &mut self.invoices[invoice].now);
        let amount_minor = credit.left_minor.min(item.open_minor).min(limit_minor);
        if amount_minor <= 0 {
            return 0;
        }
        credit.left_minor -= amount_minor;
        item.open_minor -= amount_minor;
        if let Source::CreditNote(_) = credit.source {
            item.credited_minor += amount_minor;
        }
        let (source, target) = (credit.source, Target::Invoice(item.invoice_id));
        self.links.push(Link { id: None, source, target, amount_minor, released: false });
        amount_minor
    }

    /// The one place where an allocation is taken back.
    fn release(&mut self, link: usize) {
        let Link { source, target: Target::Invoice(invoice_id), amount_minor, released: false, .. } = self.links[link]
        else {
            return;
        };
        let (Some(credit), Ok(invoice)) = (self.credit_at(source), self.invoice_at(invoice_id)) else { return };
        let item = &mut self.invoices[invoice].now;
        item.open_minor += amount_minor;
        if let Source::CreditNote(_) = source {
            item.credited_minor -= amount_minor;
        }
        self.credits[credit].now.left_minor += amount_minor;
        self.links[link].released = true;
    }

    /// Opens an invoice up to an amount: takes up what was given up, then, for a cancellation, sets payments free, the
    /// latest first.
    fn make_room(&mut self, invoice: usize, wanted_minor: i64, cancels: bool, freed: &mut Vec<Source>) {
        let item = &mut self.invoices[invoice].now;
        let wanted_minor = wanted_minor.min(item.gross_minor);
        let again_minor = item.written_off_minor.min(wanted_minor - item.open_minor);
        if again_minor > 0 {
            item.written_off_minor -= again_minor;
            item.open_minor += again_minor;
            self.reopened.push((item.invoice_id, again_minor));
        }
        if !cancels {
            return;
        }
        let target = Target::Invoice(item.invoice_id);
        for index in (0..self.links.len()).rev() {
            if self.invoices[invoice].now.open_minor >= wanted_minor {
                break;
            }
            let link = self.links[index];
            if link.target == target && !link.released && matches!(link.source, Source::Payment(_)) {
                self.release(index);
                freed.push(link.source);
            }
        }
    }
}

#[cfg(test)]
mod tests;
