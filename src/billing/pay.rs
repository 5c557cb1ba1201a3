//! Money in and out: a payment is booked once and settles invoices, a refund pays credit out.

use billet_domain::document::DocumentKind;
use billet_domain::id::{CustomerId, InvoiceId, PaymentId};
use billet_domain::ledger::{Account as LedgerAccount, EntryKind, posting};
use billet_domain::money::{Currency, Money};
use billet_domain::settle::{Account, Credit, Source};
use chrono::NaiveDate;
use serde_json::json;

use super::BillingError;
use super::settle::{self, Accounts, OWN_IDS_MAX, amount, book, today, unknown};
use crate::store::allocation::Allocation;
use crate::store::payment::{self, Payment};
use crate::store::{Unit, credit, customer, ledger, open_item};

/// How many invoices a payment can name.
pub const NAMED_MAX: usize = 1_000;
/// How many of the customer's oldest open invoices a payment settles beside those it names; what is left then stays
/// credit.
pub const OLDEST_MAX: i64 = 10_000;
/// The method of a payment that names none.
pub const METHOD_DEFAULT: &str = "bank";
/// The longest method, in characters.
pub const METHOD_MAX: usize = 32;

/// Money that moved between a customer and the seller, as reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPayment {
    /// From whom, or to whom.
    pub customer_id: CustomerId,
    /// More than zero, whichever way it went.
    pub amount: Money,
    /// The day it came or went; today when none.
    pub moved_on: Option<NaiveDate>,
    /// Letters, digits, `-` and `_`; [`METHOD_DEFAULT`] when empty.
    pub method: String,
    /// The bank's or gateway's own name for it.
    pub reference: Option<String>,
}

/// A payment with what it settles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paid {
    /// As stored.
    pub payment: Payment,
    /// What it settles, in the order of booking.
    pub allocations: Vec<Allocation>,
}

/// Which field of a request holds the day, for refusals.
const RECEIVED_ON: &str = "received_on";
const PAID_ON: &str = "paid_on";

/// Books a payment: it settles the invoices named, in this order, then, unless the rest is kept, the customer's oldest
/// open ones; what is left is credit. Locks the customer.
///
/// # Errors
/// [`BillingError::Invalid`] for what cannot be; [`BillingError::NotFound`] for the customer or an invoice;
/// [`BillingError::Exists`] `PAYMENT_KNOWN` when it was booked before, `REFERENCE_TAKEN` when another payment has its
/// method and reference; [`BillingError::Precondition`] `OTHER_CUSTOMER`, `CURRENCY_MISMATCH` or `NOT_AN_INVOICE` for
/// an invoice that it cannot settle.
pub async fn record(
    unit: &mut Unit,
    new: NewPayment,
    invoice_ids: &[InvoiceId],
    keep_rest: bool,
) -> Result<Paid, BillingError> {
    if invoice_ids.len() > NAMED_MAX {
        return Err(BillingError::invalid("invoice_ids", format!("at most {NAMED_MAX}")));
    }
    let (mut payment, posted_on) = admit(unit, &new, RECEIVED_ON, 1).await?;
    let owner = (payment.customer_id, payment.currency);
    let mut account = Account::default();
    load_named(unit, owner, invoice_ids, &mut account).await?;
    if !keep_rest {
        let seller_id = unit.seller_id;
        for open in open_item::open_invoices(unit, seller_id, owner.0, owner.1, OLDEST_MAX).await? {
            if !invoice_ids.contains(&open.item.invoice_id) {
                account.load_invoice(open.item);
            }
        }
    }
    let source = Source::Payment(payment.id);
    let fresh = Credit::fresh(source, payment.received_on, payment.amount_minor);
    account.pay(fresh, invoice_ids, keep_rest).map_err(|error| unknown(&error))?;
    let left = account.credits().iter().find(|credit| credit.now.source == source);
    payment.unallocated_minor = left.map_or(0, |credit| credit.now.left_minor);
    payment::add(unit, &payment);
    post_cash(unit, &payment, posted_on, EntryKind::Payment)?;
    let data = json!({
        "customer": payment.customer_id,
        "amount": amount(payment.amount_minor, payment.currency),
        "unallocated": amount(payment.unallocated_minor, payment.currency),
        "received_on": payment.received_on,
        "method": payment.method,
        "reference": payment.reference,
    });
    unit.event("payment.recorded", payment.id, data);
    let allocations = book(unit, posted_on, "", OWN_IDS_MAX, &Accounts::from([(owner, account)])).await?;
    Ok(Paid { payment, allocations })
}

/// Books that credit was paid out: it is taken from payments first, then from credit notes, oldest first. Locks the
/// customer.
///
/// # Errors
/// As [`record`]; [`BillingError::Precondition`] `CREDIT_TOO_LOW` when the customer has less to its credit.
pub async fn refund(unit: &mut Unit, new: NewPayment) -> Result<Payment, BillingError> {
    let (refund, posted_on) = admit(unit, &new, PAID_ON, -1).await?;
    let owner @ (customer_id, currency) = (refund.customer_id, refund.currency);
    let seller_id = unit.seller_id;
    let mut account = Account::default();
    for owned in credit::of_customers(unit, seller_id, [customer_id]).await? {
        if owned.currency == currency {
            account.load_credit(owned.credit);
        }
    }
    let missing_minor = account.refund(refund.id, new.amount.minor);
    if missing_minor > 0 {
        let available = Money::new(new.amount.minor - missing_minor, currency);
        let detail = format!("{customer_id} has only {available} to its credit");
        return Err(BillingError::precondition("CREDIT_TOO_LOW", customer_id, detail));
    }
    payment::add(unit, &refund);
    post_cash(unit, &refund, posted_on, EntryKind::Refund)?;
    let drawn: Vec<serde_json::Value> = account
        .moves()
        .map(|link| json!({ "source": link.source.to_string(), "amount": amount(link.amount_minor, currency) }))
        .collect();
    let data = json!({
        "customer": customer_id,
        "amount": amount(new.amount.minor, currency),
        "paid_on": refund.received_on,
        "method": refund.method,
        "reference": refund.reference,
        "out_of": drawn,
    });
    unit.event("refund.recorded", refund.id, data);
    book(unit, posted_on, "", OWN_IDS_MAX, &Accounts::from([(owner, account)])).await?;
    Ok(refund)
}

/// Settles an invoice from what is left of a payment or a credit note, as [`settle::allocate`] does, for an amount that
/// names its currency.
///
/// # Errors
/// As [`settle::allocate`]; [`BillingError::Precondition`] `CURRENCY_MISMATCH` when the invoice is in another currency.
pub async fn allocate(
    unit: &mut Unit,
    source: Source,
    invoice_id: InvoiceId,
    amount: Option<Money>,
) -> Result<Allocation, BillingError> {
    unit.flush().await?;
    if let Some(Money { currency, .. }) = amount {
        let seller_id = unit.seller_id;
        let invoice = open_item::get(unit, seller_id, invoice_id).await?;
        // An invoice that is not there is refused in a moment; a currency never changes.
        if let Some(invoice) = invoice.filter(|invoice| invoice.currency != currency) {
            let detail = format!("{invoice_id} is in {}, the amount in {currency}", invoice.currency);
            return Err(BillingError::precondition("CURRENCY_MISMATCH", invoice_id, detail));
        }
    }
    settle::allocate(unit, source, invoice_id, amount.map(|amount| amount.minor)).await
}

/// Checks what was reported, locks the customer and makes the row; the amount gets the sign. Answers the seller's date
/// too.
async fn admit(
    unit: &mut Unit,
    new: &NewPayment,
    day_field: &str,
    sign: i64,
) -> Result<(Payment, NaiveDate), BillingError> {
    if new.amount.minor <= 0 {
        return Err(BillingError::invalid("amount", "more than zero is needed"));
    }
    let method = if new.method.is_empty() { METHOD_DEFAULT } else { new.method.as_str() };
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if method.len() > METHOD_MAX || !method.chars().all(fits) {
        let problem = format!("at most {METHOD_MAX} letters, digits, `-` or `_`");
        return Err(BillingError::invalid("method", problem));
    }
    unit.flush().await?;
    let today = today(unit).await?;
    let received_on = new.moved_on.unwrap_or(today);
    if received_on > today {
        return Err(BillingError::invalid(day_field, format!("{received_on} is ahead of today, {today}")));
    }
    if customer::lock(unit, &[new.customer_id]).await?.is_empty() {
        return Err(BillingError::not_found("customer", new.customer_id));
    }
    let amount_minor = sign * new.amount.minor;
    if let Some(reference) = &new.reference {
        refuse_known(unit, new, method, reference, amount_minor).await?;
    }
    let payment = Payment {
        id: PaymentId(unit.id()?),
        customer_id: new.customer_id,
        currency: new.amount.currency,
        amount_minor,
        unallocated_minor: 0,
        received_on,
        method: method.to_owned(),
        reference: new.reference.clone(),
        created_at: unit.now,
    };
    Ok((payment, today))
}

/// The same money is booked once, whoever reports it and however often.
async fn refuse_known(
    unit: &mut Unit,
    new: &NewPayment,
    method: &str,
    reference: &str,
    amount_minor: i64,
) -> Result<(), BillingError> {
    let seller_id = unit.seller_id;
    let Some(known) = payment::by_reference(unit, seller_id, method, reference).await? else { return Ok(()) };
    let id = known.id;
    let same =
        (known.customer_id, known.currency, known.amount_minor) == (new.customer_id, new.amount.currency, amount_minor);
    Err(if same {
        let detail = format!("`{reference}` by {method} was booked before as {id}");
        BillingError::Exists { reason: "PAYMENT_KNOWN", detail }
    } else {
        let booked = Money::new(known.amount_minor, known.currency);
        let detail = format!("`{reference}` by {method} is {id} over {booked} of {}", known.customer_id);
        BillingError::Exists { reason: "REFERENCE_TAKEN", detail }
    })
}

async fn load_named(
    unit: &mut Unit,
    (customer_id, currency): (CustomerId, Currency),
    ids: &[InvoiceId],
    account: &mut Account,
) -> Result<(), BillingError> {
    if ids.is_empty() {
        return Ok(());
    }
    let seller_id = unit.seller_id;
    let found = open_item::by_ids(unit, seller_id, ids.iter().copied()).await?;
    for (index, id) in ids.iter().enumerate() {
        if ids[..index].contains(id) {
            return Err(BillingError::invalid(format!("invoice_ids[{index}]"), format!("{id} is named twice")));
        }
        let open = found.iter().find(|open| open.item.invoice_id == *id);
        let open = open.ok_or_else(|| BillingError::not_found("issued invoice", id))?;
        let refused = if open.customer_id != customer_id {
            Some(("OTHER_CUSTOMER", format!("{id} is not {customer_id}'s")))
        } else if open.currency != currency {
            Some(("CURRENCY_MISMATCH", format!("{id} is in {}, the payment in {currency}", open.currency)))
        } else if open.item.kind != DocumentKind::Invoice {
            Some(("NOT_AN_INVOICE", format!("{id} gives money back: a payment cannot settle it")))
        } else {
            None
        };
        if let Some((reason, detail)) = refused {
            return Err(BillingError::precondition(reason, id, detail));
        }
        account.load_invoice(open.item);
    }
    Ok(())
}

/// Money in is debited to cash, money out the other way round: the sign of the amount decides.
fn post_cash(unit: &mut Unit, payment: &Payment, posted_on: NaiveDate, kind: EntryKind) -> Result<(), BillingError> {
    if let Some(posting) = posting(LedgerAccount::Cash, LedgerAccount::CustomerCredit, payment.amount_minor) {
        let Payment { customer_id, currency, .. } = *payment;
        let (id, document_id) = (unit.id()?, payment.id.0);
        ledger::add(unit, &ledger::Entry { id, posted_on, kind, posting, currency, customer_id, document_id });
    }
    Ok(())
}
