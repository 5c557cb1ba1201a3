//! Issues documents: numbers without gaps, parties as they stand, lines, ledger, settlement, journal and the job that
//! renders them, all in the transaction of whoever asks. Set-wise: a thousand documents take as many statements as one.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use billet_domain::document::{DocumentKind, Party, PayTo};
use billet_domain::id::{CustomerId, InvoiceId, LineId, PlanId, ProjectId, RunId, SubscriptionId};
use billet_domain::invoice::{LineAmount, Totals, total};
use billet_domain::journal::sha256_hex;
use billet_domain::money::Currency;
use billet_domain::owed::Rating;
use billet_domain::period::Period;
use chrono::{Days, NaiveDate};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::BillingError;
use super::settle::{NewItem, settle};
use crate::metrics;
use crate::store::Unit;
use crate::store::customer::Customer;
use crate::store::invoice::{self, Invoice, Line, LineKind};
use crate::store::job::{self, NewJob};
use crate::store::seller::Seller;
use crate::store::series::{self, TakeError};

/// A line before it is on a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftLine {
    /// What it bills.
    pub subscription_id: Option<SubscriptionId>,
    /// The plan, 0 for none.
    pub plan_id: PlanId,
    /// The component's code.
    pub component: String,
    /// Where it comes from.
    pub kind: LineKind,
    /// The line it gives back.
    pub credits_line_id: Option<LineId>,
    /// The days.
    pub period: Option<Period>,
    /// The subscription's revision.
    pub revision: i64,
    /// On the document.
    pub name: String,
    /// Amount of units.
    pub quantity: Decimal,
    /// Per unit and full cycle.
    pub unit_price: Decimal,
    /// How it was reckoned.
    pub rating: Option<Rating>,
    /// Positive when it raises what the customer owes.
    pub amount: LineAmount,
}

/// A document before it has a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Whose.
    pub customer_id: CustomerId,
    /// Groups it.
    pub project_id: Option<ProjectId>,
    /// Which way the money goes.
    pub kind: DocumentKind,
    /// Of all amounts.
    pub currency: Currency,
    /// Whether agreed prices include tax.
    pub tax_inclusive: bool,
    /// At least one.
    pub lines: Vec<DraftLine>,
    /// The documents it changes.
    pub preceding: Vec<InvoiceId>,
    /// On the document.
    pub note: String,
    /// The run that made it.
    pub run_id: Option<RunId>,
}

/// A document that was issued (or kept as a draft).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// Which.
    pub id: InvoiceId,
    /// Its number; empty on drafts.
    pub number: String,
    /// Which way the money goes.
    pub kind: DocumentKind,
    /// Whose.
    pub customer_id: CustomerId,
    /// Gross in minor units, positive in the direction of the kind.
    pub gross_minor: i64,
    /// ISO 4217.
    pub currency: Currency,
    /// The subscriptions with a line on it, each once, in order.
    pub subscriptions: Vec<SubscriptionId>,
}

impl Issued {
    /// Gross, negative for what gives back.
    #[must_use]
    pub fn signed_gross_minor(&self) -> i64 {
        if self.kind == DocumentKind::Invoice { self.gross_minor } else { -self.gross_minor }
    }
}

/// A seller as it stands on documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SellerSnapshot {
    /// BG-4.
    pub party: Party,
    /// BG-17.
    pub pay_to: PayTo,
}

/// A buyer as it stands on documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuyerSnapshot {
    /// BG-7.
    pub party: Party,
    /// BT-46.
    pub number: String,
    /// BCP 47.
    pub language: String,
}

/// The kind of the job that renders a document.
pub const RENDER: &str = "render_document";

/// Issues drafts in their order. The customers must be locked.
///
/// # Errors
/// [`BillingError::Precondition`]: `SELLER_INCOMPLETE`, `CLOCK_WENT_BACK`, `AMOUNT_TOO_LARGE`.
pub async fn issue(
    unit: &mut Unit,
    seller: &Seller,
    customers: &BTreeMap<CustomerId, Customer>,
    drafts: Vec<Draft>,
) -> Result<Vec<Issued>, BillingError> {
    let mut kept = Vec::with_capacity(drafts.len());
    for draft in drafts {
        kept.push(Kept::new(unit, draft)?);
    }
    let issued = number(unit, seller, customers, &mut kept).await?;
    for document in &kept {
        invoice::add(unit, &document.invoice);
        for line in &document.lines {
            invoice::add_line(unit, line);
        }
    }
    Ok(issued)
}

/// What keeps these drafts from being issued today: `SELLER_INCOMPLETE`, `CLOCK_WENT_BACK`, `NO_SERIES`,
/// `SERIES_EXHAUSTED`. Writes nothing, and holds the series, so that the answer stays true until they are issued.
///
/// # Errors
/// [`BillingError::Store`].
pub async fn obstacle(
    unit: &mut Unit,
    seller: &Seller,
    drafts: &[Draft],
) -> Result<Option<BillingError>, BillingError> {
    if drafts.is_empty() {
        return Ok(None);
    }
    if let Err(error) = complete(seller) {
        return Ok(Some(error));
    }
    let today = seller.today(unit.now);
    for (kind, count) in count_kinds(drafts.iter().map(|draft| draft.kind)) {
        match series::ready(unit, kind, count, today).await {
            Ok(_) => {}
            Err(TakeError::Store(error)) => return Err(error.into()),
            Err(error) => return Ok(Some(error.into())),
        }
    }
    Ok(None)
}

/// Whether a seller can stand on documents.
fn complete(seller: &Seller) -> Result<(), BillingError> {
    let Some(missing) = seller.party.missing_on_documents() else { return Ok(()) };
    let detail = format!("the seller {} has no {missing}, which a document needs", seller.party.name);
    Err(BillingError::precondition("SELLER_INCOMPLETE", seller.id, detail))
}

/// Keeps drafts without issuing them: what they cover is not billed again.
///
/// # Errors
/// [`BillingError::Precondition`] for `AMOUNT_TOO_LARGE`.
pub fn keep_drafts(unit: &mut Unit, drafts: Vec<Draft>) -> Result<Vec<Issued>, BillingError> {
    let mut issued = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let document = Kept::new(unit, draft)?;
        invoice::add(unit, &document.invoice);
        for line in &document.lines {
            invoice::add_line(unit, line);
        }
        unit.event("invoice.drafted", document.invoice.id, document.summary(""));
        issued.push(document.issued(String::new()));
    }
    Ok(issued)
}

/// Issues a draft that is stored already.
///
/// # Errors
/// As [`issue`].
pub async fn issue_kept(
    unit: &mut Unit,
    seller: &Seller,
    customer: &Customer,
    invoice: Invoice,
    lines: Vec<Line>,
) -> Result<Issued, BillingError> {
    let customers = BTreeMap::from([(customer.id, customer.clone())]);
    let mut kept = [Kept { invoice, lines }];
    let mut issued = number(unit, seller, &customers, &mut kept).await?;
    let [document] = kept;
    invoice::issue_draft(unit, &document.invoice).await?;
    issued.pop().ok_or_else(|| BillingError::not_found("invoice", document.invoice.id))
}

/// A document with its lines, complete but for its number.
struct Kept {
    invoice: Invoice,
    lines: Vec<Line>,
}

impl Kept {
    fn new(unit: &mut Unit, draft: Draft) -> Result<Self, BillingError> {
        let id = InvoiceId(unit.id()?);
        // Totals are reckoned in the direction of the document: rounding is symmetric.
        let direction: i64 = if draft.kind == DocumentKind::Invoice { 1 } else { -1 };
        let amounts: Vec<LineAmount> = draft
            .lines
            .iter()
            .map(|line| LineAmount { amount_minor: direction * line.amount.amount_minor, ..line.amount.clone() })
            .collect();
        let Totals { line_net_minor, breakdown, net_minor, tax_minor, gross_minor } =
            total(&amounts, draft.tax_inclusive, draft.currency)?;
        let mut lines = Vec::with_capacity(draft.lines.len());
        for ((position, line), net_minor) in (1..).zip(draft.lines).zip(line_net_minor) {
            lines.push(Line {
                invoice_id: id,
                id: LineId(unit.id()?),
                position,
                subscription_id: line.subscription_id,
                plan_id: line.plan_id,
                component: line.component,
                kind: line.kind,
                credits_line_id: line.credits_line_id,
                period: line.period,
                // A line by hand is no billing of days: the key that keeps days from being billed twice leaves it alone.
                revision: if line.kind == LineKind::Manual { id.0 } else { line.revision },
                name: line.name,
                quantity: line.quantity,
                unit_price: line.unit_price,
                rating: line.rating,
                amount_minor: line.amount.amount_minor,
                net_minor: direction * net_minor,
                tax: line.amount.tax,
                allowance_percent: line.amount.allowance_percent,
            });
        }
        let invoice = Invoice {
            id,
            customer_id: draft.customer_id,
            project_id: draft.project_id,
            kind: draft.kind,
            number: None,
            issue_date: None,
            due_date: None,
            currency: draft.currency,
            tax_inclusive: draft.tax_inclusive,
            net_minor,
            tax_minor,
            gross_minor,
            breakdown,
            preceding: draft.preceding,
            seller_snapshot: String::new(),
            buyer_snapshot: String::new(),
            note: draft.note,
            run_id: draft.run_id,
            created_at: unit.now,
        };
        Ok(Self { invoice, lines })
    }

    /// For the journal.
    fn summary(&self, number: &str) -> serde_json::Value {
        let Invoice { kind, customer_id, currency, net_minor, tax_minor, gross_minor, .. } = self.invoice;
        json!({
            "number": number,
            "kind": kind,
            "customer": customer_id,
            "currency": currency,
            "net_minor": net_minor,
            "tax_minor": tax_minor,
            "gross_minor": gross_minor,
            "lines": self.lines.len(),
        })
    }

    fn issued(&self, number: String) -> Issued {
        let mut subscriptions: Vec<SubscriptionId> =
            self.lines.iter().filter_map(|line| line.subscription_id).collect();
        subscriptions.sort_unstable();
        subscriptions.dedup();
        Issued {
            id: self.invoice.id,
            number,
            kind: self.invoice.kind,
            customer_id: self.invoice.customer_id,
            gross_minor: self.invoice.gross_minor,
            currency: self.invoice.currency,
            subscriptions,
        }
    }
}

/// Gives numbers, dates and parties to documents, settles them, and notes and plans what follows.
async fn number(
    unit: &mut Unit,
    seller: &Seller,
    customers: &BTreeMap<CustomerId, Customer>,
    documents: &mut [Kept],
) -> Result<Vec<Issued>, BillingError> {
    if documents.is_empty() {
        return Ok(Vec::new());
    }
    complete(seller)?;
    let invoices = name_issued(unit, documents).await?;
    let today = seller.today(unit.now);
    let mut snapshots = BTreeMap::new();
    let seller_hash = snapshot(&mut snapshots, &seller_snapshot(seller));
    let mut buyer_hashes: HashMap<CustomerId, String> = HashMap::new();
    let mut numbers = numbers(unit, documents, today).await?;
    let mut issued = Vec::with_capacity(documents.len());
    let mut items = Vec::with_capacity(documents.len());
    for document in documents.iter_mut() {
        let customer = customers
            .get(&document.invoice.customer_id)
            .ok_or_else(|| BillingError::not_found("customer", document.invoice.customer_id))?;
        let number = numbers.get_mut(&document.invoice.kind).and_then(Iterator::next).ok_or_else(|| {
            BillingError::precondition("NO_SERIES", seller.id, "there are fewer numbers than documents")
        })?;
        let buyer_hash =
            buyer_hashes.entry(customer.id).or_insert_with(|| snapshot(&mut snapshots, &buyer_snapshot(customer)));
        let term_days = customer.payment_term_days.unwrap_or(seller.payment_term_days);
        let pays = document.invoice.kind == DocumentKind::Invoice;
        let due_date = pays.then(|| today.checked_add_days(Days::new(u64::from(term_days)))).flatten();
        document.invoice.due_date = due_date;
        document.invoice.issue_date = Some(today);
        document.invoice.seller_snapshot.clone_from(&seller_hash);
        document.invoice.buyer_snapshot.clone_from(buyer_hash);
        unit.event("invoice.issued", document.invoice.id, document.summary(&number));
        let payload = json!({ "invoice": document.invoice.id });
        job::enqueue(unit, NewJob { kind: RENDER, payload, unique_key: None, run_at: unit.now })?;
        items.push(NewItem {
            invoice_id: document.invoice.id,
            customer_id: customer.id,
            kind: document.invoice.kind,
            currency: document.invoice.currency,
            due_date,
            net_minor: document.invoice.net_minor,
            tax_minor: document.invoice.tax_minor,
            gross_minor: document.invoice.gross_minor,
            preceding: document.invoice.preceding.iter().copied().filter(|id| invoices.contains(id)).collect(),
        });
        issued.push(document.issued(number.clone()));
        document.invoice.number = Some(number);
    }
    invoice::keep_snapshots(unit, &snapshots).await?;
    settle(unit, today, items).await?;
    count(unit, documents);
    Ok(issued)
}

/// For the metrics: how many documents of each kind.
fn count(unit: &mut Unit, documents: &[Kept]) {
    let kinds = [
        (DocumentKind::Invoice, "invoice"),
        (DocumentKind::CreditNote, "credit_note"),
        (DocumentKind::Cancellation, "cancellation"),
    ];
    for (kind, word) in kinds {
        let count = documents.iter().filter(|document| document.invoice.kind == kind).count();
        if count > 0 {
            unit.count(metrics::DOCUMENTS.of([word]), count as u64);
        }
    }
}

/// A document names what was issued, not drafts. Answers which of the documents named are invoices: only they can be
/// settled. (Days can stand on a credit note too, where more was given back than charged.)
async fn name_issued(unit: &mut Unit, documents: &mut [Kept]) -> Result<BTreeSet<InvoiceId>, BillingError> {
    let named: BTreeSet<InvoiceId> = documents.iter().flat_map(|one| &one.invoice.preceding).copied().collect();
    if named.is_empty() {
        return Ok(BTreeSet::new());
    }
    let seller_id = unit.seller_id;
    let mut found = invoice::by_ids(unit, seller_id, named).await?;
    found.retain(|one| one.number.is_some());
    let issued: BTreeSet<InvoiceId> = found.iter().map(|one| one.id).collect();
    for document in documents {
        document.invoice.preceding.retain(|id| issued.contains(id));
    }
    Ok(found.iter().filter(|one| one.kind == DocumentKind::Invoice).map(|one| one.id).collect())
}

/// As many numbers of each kind as there are documents of it.
async fn numbers(
    unit: &mut Unit,
    documents: &[Kept],
    today: NaiveDate,
) -> Result<BTreeMap<DocumentKind, std::vec::IntoIter<String>>, BillingError> {
    let mut numbers = BTreeMap::new();
    for (kind, count) in count_kinds(documents.iter().map(|one| one.invoice.kind)) {
        numbers.insert(kind, series::take(unit, kind, count, today).await?.into_iter());
    }
    Ok(numbers)
}

/// How many of each kind, in the order in which series are locked.
fn count_kinds(kinds: impl Iterator<Item = DocumentKind>) -> BTreeMap<DocumentKind, u32> {
    let mut counts = BTreeMap::new();
    for kind in kinds {
        *counts.entry(kind).or_default() += 1;
    }
    counts
}

fn snapshot(snapshots: &mut BTreeMap<String, String>, body: &impl Serialize) -> String {
    let body = serde_json::to_string(body).unwrap_or_default();
    let hash = sha256_hex(body.as_bytes());
    snapshots.entry(hash.clone()).or_insert(body);
    hash
}

fn seller_snapshot(seller: &Seller) -> SellerSnapshot {
    SellerSnapshot {
        party: seller.party.clone(),
        pay_to: PayTo {
            iban: seller.iban.clone(),
            bic: seller.bic.clone(),
            account_name: if seller.iban.is_empty() { String::new() } else { seller.party.name.clone() },
        },
    }
}

fn buyer_snapshot(customer: &Customer) -> BuyerSnapshot {
    BuyerSnapshot {
        party: customer.party.clone(),
        number: customer.number.clone(),
        language: customer.language.clone(),
    }
}
