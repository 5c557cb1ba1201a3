//! Bills what is due of a set of subscriptions: reckons, groups into documents as each customer wants them, issues.
//! One call serves a hook, a change, a customer's button and a batch of the nightly run.

use std::collections::{BTreeMap, BTreeSet};

use billet_domain::document::DocumentKind;
use billet_domain::id::{CustomerId, InvoiceId, PlanId, ProjectId, RunId, SubscriptionId};
use billet_domain::invoice::{LineAmount, total};
use billet_domain::money::Currency;
use billet_domain::owed::ChargeKind;
use billet_domain::policy::{CreditPolicy, Grouping};
use chrono::NaiveDate;

use super::BillingError;
use super::issue::{Draft, DraftLine, Issued, issue, keep_drafts, obstacle};
use super::reckon::{Due, DueLine, Records};
use crate::store::Unit;
use crate::store::customer::Customer;
use crate::store::invoice::{self, LineKind};
use crate::store::seller::Seller;
use crate::store::subscription::{self, Progress, Subscription};

/// The most lines of one document; what is more comes on a second one.
pub const LINES_MAX: usize = 1_000;

/// How to bill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order {
    /// What is due up to this day.
    pub cutoff: NaiveDate,
    /// The run that asks.
    pub run_id: Option<RunId>,
    /// Leaves drafts instead of issuing.
    pub draft: bool,
}

/// A subscription that could not be billed. It stays due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which.
    pub subscription_id: SubscriptionId,
    /// In one word.
    pub reason: &'static str,
    /// In words.
    pub detail: String,
}

/// What was billed.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The documents, in the order of their numbers.
    pub issued: Vec<Issued>,
    /// What could not be billed.
    pub failures: Vec<Failure>,
}

/// What comes together on one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct GroupKey {
    customer_id: CustomerId,
    currency: Currency,
    tax_inclusive: bool,
    project_id: Option<ProjectId>,
    subscription_id: Option<SubscriptionId>,
}

/// What of a subscription goes onto a document.
struct Part<'a> {
    subscription: &'a Subscription,
    due: Due,
}

/// Bills what is due of these subscriptions. Their customers must be locked and among `customers`.
///
/// # Errors
/// [`BillingError`] when nothing at all could be done. What concerns single subscriptions is in the outcome, and so is
/// what keeps the seller from issuing anything (its address, its series, the clock): whatever else the unit records stays
/// recorded, and the subscriptions stay due.
pub async fn bill(
    unit: &mut Unit,
    seller: &Seller,
    customers: &BTreeMap<CustomerId, Customer>,
    subscriptions: &[Subscription],
    order: Order,
) -> Result<Outcome, BillingError> {
    let mut outcome = Outcome::default();
    if subscriptions.is_empty() {
        return Ok(outcome);
    }
    let records = Records::load(unit, seller.id, subscriptions).await?;
    let mut parts = Vec::with_capacity(subscriptions.len());
    let mut progress = Vec::with_capacity(subscriptions.len());
    for subscription in subscriptions {
        match records.due(subscription, &seller.tax_rules, order.cutoff) {
            Err(error) => outcome.failures.push(failure(subscription, &error)),
            Ok(due) if due.lines.is_empty() => progress.push(settled(subscription, &due)),
            Ok(due) => parts.push(Part { subscription, due }),
        }
    }
    let drafts = drafts_credited(unit, &parts).await?;
    let mut groups: BTreeMap<GroupKey, Vec<Part<'_>>> = BTreeMap::new();
    for part in parts {
        let subscription = part.subscription;
        let Some(customer) = customers.get(&subscription.customer_id) else {
            return Err(BillingError::not_found("customer", subscription.customer_id));
        };
        if let Some(draft) = credited_by(&part).find(|invoice_id| drafts.contains(invoice_id)) {
            outcome.failures.push(Failure {
                subscription_id: subscription.id,
                reason: "DRAFT_IN_THE_WAY",
                detail: format!("days that changed stand on the draft {draft}: issue it or discard it first"),
            });
        } else if let Some(missing) = customer.party.missing_on_documents() {
            outcome.failures.push(Failure {
                subscription_id: subscription.id,
                reason: "CUSTOMER_WITHOUT_ADDRESS",
                detail: format!("{} ({}) has no {missing}, which a document needs", customer.party.name, customer.id),
            });
        } else {
            groups.entry(group_key(customer, subscription)).or_default().push(part);
        }
    }
    let mut drafts = Vec::with_capacity(groups.len());
    for (key, parts) in groups {
        let Some(customer) = customers.get(&key.customer_id) else { continue };
        match documents(seller, customer, key, &parts, order) {
            Ok(Some(made)) => {
                drafts.extend(made);
                progress.extend(parts.iter().map(|part| settled(part.subscription, &part.due)));
            }
            // It waits for the next invoice: compared whole again then.
            Ok(None) => progress.extend(parts.iter().map(|part| Progress {
                id: part.subscription.id,
                settled_until: None,
                next_billing_on: part.due.next_point,
            })),
            Err(error) => {
                outcome.failures.extend(parts.iter().map(|part| failure(part.subscription, &error)));
            }
        }
    }
    if order.draft {
        outcome.issued = keep_drafts(unit, drafts)?;
    } else if let Some(error) = obstacle(unit, seller, &drafts).await? {
        let kept: BTreeSet<SubscriptionId> =
            drafts.iter().flat_map(|draft| draft.lines.iter().filter_map(|line| line.subscription_id)).collect();
        progress.retain(|one| !kept.contains(&one.id));
        outcome
            .failures
            .extend(subscriptions.iter().filter(|one| kept.contains(&one.id)).map(|one| failure(one, &error)));
    } else {
        outcome.issued = issue(unit, seller, customers, drafts).await?;
    }
    subscription::advance(unit, &progress).await?;
    Ok(outcome)
}

/// The documents of which a part gives something back.
fn credited_by<'a>(part: &'a Part<'_>) -> impl Iterator<Item = InvoiceId> + use<'a> {
    part.due.lines.iter().filter_map(|line| line.credited_invoice)
}

/// Of the documents that would be credited, the drafts: what was never charged cannot be given back. (The draft may still
/// be discarded, and the credit would stand.)
async fn drafts_credited(unit: &mut Unit, parts: &[Part<'_>]) -> Result<BTreeSet<InvoiceId>, BillingError> {
    let credited: BTreeSet<InvoiceId> = parts.iter().flat_map(credited_by).collect();
    if credited.is_empty() {
        return Ok(BTreeSet::new());
    }
    let seller_id = unit.seller_id;
    Ok(invoice::drafts_among(unit, seller_id, credited).await?)
}

fn failure(subscription: &Subscription, error: &BillingError) -> Failure {
    Failure { subscription_id: subscription.id, reason: error.reason(), detail: error.to_string() }
}

fn settled(subscription: &Subscription, due: &Due) -> Progress {
    Progress { id: subscription.id, settled_until: due.settled_until, next_billing_on: due.next_point }
}

fn group_key(customer: &Customer, subscription: &Subscription) -> GroupKey {
    let (project_id, subscription_id) = match customer.grouping {
        Grouping::Customer => (None, None),
        Grouping::Project => (subscription.project_id, None),
        Grouping::Subscription => (subscription.project_id, Some(subscription.id)),
    };
    GroupKey {
        customer_id: customer.id,
        currency: subscription.currency,
        tax_inclusive: subscription.tax_inclusive,
        project_id,
        subscription_id,
    }
}

/// The documents of one group; `None` when it waits for the next invoice: a credit where the customer wants that, and what
/// takes back days but no money, because the money was given back before. Nobody wants a numbered document over nothing.
fn documents(
    seller: &Seller,
    customer: &Customer,
    key: GroupKey,
    parts: &[Part<'_>],
    order: Order,
) -> Result<Option<Vec<Draft>>, BillingError> {
    let lines: Vec<DraftLine> = parts
        .iter()
        .flat_map(|part| part.due.lines.iter().map(|line| draft_line(customer, part.subscription, line)))
        .collect();
    if lines.iter().all(|line| line.amount.amount_minor == 0) {
        return Ok(None);
    }
    let mut made = Vec::with_capacity(1);
    let mut rest = lines;
    while !rest.is_empty() {
        let tail = rest.split_off(rest.len().min(LINES_MAX));
        let amounts: Vec<LineAmount> = rest.iter().map(|line| line.amount.clone()).collect();
        let gross_minor = total(&amounts, key.tax_inclusive, key.currency)?.gross_minor;
        let kind = if gross_minor < 0 { DocumentKind::CreditNote } else { DocumentKind::Invoice };
        let policy = customer.credit_policy.unwrap_or(seller.credit_policy);
        let goes_on = parts.iter().any(|part| part.due.next_point.is_some());
        if kind == DocumentKind::CreditNote
            && policy == CreditPolicy::NextInvoice
            && goes_on
            && made.is_empty()
            && tail.is_empty()
        {
            return Ok(None);
        }
        let preceding = if kind == DocumentKind::CreditNote { credited(parts) } else { Vec::new() };
        made.push(Draft {
            customer_id: customer.id,
            project_id: key.project_id,
            kind,
            currency: key.currency,
            tax_inclusive: key.tax_inclusive,
            lines: rest,
            preceding,
            note: String::new(),
            run_id: order.run_id,
        });
        rest = tail;
    }
    Ok(Some(made))
}

/// The documents that a group gives back (part of), oldest first.
fn credited(parts: &[Part<'_>]) -> Vec<InvoiceId> {
    let mut invoices: Vec<InvoiceId> = parts.iter().flat_map(credited_by).collect();
    invoices.sort_unstable();
    invoices.dedup();
    invoices
}

fn draft_line(customer: &Customer, subscription: &Subscription, line: &DueLine) -> DraftLine {
    let charge = &line.charge;
    let name = if subscription.label.is_empty() {
        charge.rating.name.clone()
    } else {
        format!("{} · {}", charge.rating.name, subscription.label)
    };
    DraftLine {
        subscription_id: Some(subscription.id),
        plan_id: charge.key.plan_id,
        component: charge.key.component.clone(),
        kind: match charge.key.kind {
            ChargeKind::Recurring => LineKind::Recurring,
            ChargeKind::Setup => LineKind::Setup,
            ChargeKind::Usage => LineKind::Usage,
        },
        credits_line_id: charge.credits,
        period: Some(charge.period),
        revision: subscription.revision,
        name,
        quantity: charge.rating.quantity,
        unit_price: charge.rating.unit_price,
        rating: Some(charge.rating.clone()),
        amount: LineAmount {
            amount_minor: charge.amount_minor,
            tax: line.tax.clone(),
            allowance_percent: line.allowance_percent.unwrap_or(customer.allowance_percent),
        },
    }
}

/// The plan id of lines that belong to no plan.
pub const NO_PLAN: PlanId = PlanId(0);
