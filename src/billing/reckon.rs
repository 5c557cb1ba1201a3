//! What subscriptions owe today: reads everything that the reckoning needs in a few statements, however many
//! subscriptions there are, and asks the domain. Writes nothing.

use std::collections::{BTreeMap, BTreeSet};

use billet_domain::due::{Billed, Charge, due, remaining};
use billet_domain::id::{InvoiceId, LineId, SellerId, SubscriptionId};
use billet_domain::money::Currency;
use billet_domain::owed::{ChargeKind, ComponentKey, OwedError, Usage, Window, owed};
use billet_domain::period::Period;
use billet_domain::plan::{Charging, TermsBook};
use billet_domain::tax::{Tax, TaxRule, treatment};
use billet_domain::timeline::Timeline;
use chrono::NaiveDate;
use rust_decimal::Decimal;

use super::BillingError;
use crate::store::invoice::{Line, LineKind};
use crate::store::subscription::Subscription;
use crate::store::{StoreError, Tx, fact, invoice, plan, usage};

/// A charge with how it is taxed. A credit has the tax and the allowance of the line that it gives back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueLine {
    /// What and how much.
    pub charge: Charge,
    /// How it is taxed.
    pub tax: Tax,
    /// The allowance of the line that is given back; `None` on charges, which have the customer's of today.
    pub allowance_percent: Option<Decimal>,
    /// The document of the line that is given back.
    pub credited_invoice: Option<InvoiceId>,
}

/// What a subscription owes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Due {
    /// In order of date; empty when nothing is due.
    pub lines: Vec<DueLine>,
    /// When something may be due next.
    pub next_point: Option<NaiveDate>,
    /// How far it is settled when these lines are on documents.
    pub settled_until: Option<NaiveDate>,
}

/// Everything about a set of subscriptions that reckoning needs.
pub struct Records {
    timelines: BTreeMap<SubscriptionId, Timeline>,
    books: BTreeMap<Currency, TermsBook>,
    usage: BTreeMap<SubscriptionId, Usage>,
    lines: BTreeMap<SubscriptionId, Vec<Line>>,
}

static NO_TERMS: TermsBook = TermsBook::new();

impl Records {
    /// Reads it: at most four statements.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn load(tx: &mut Tx, seller_id: SellerId, subscriptions: &[Subscription]) -> Result<Self, StoreError> {
        let timelines = fact::timelines(tx, seller_id, subscriptions.iter().map(|one| one.id)).await?;
        let mut needed = BTreeSet::new();
        for one in subscriptions {
            let timeline = timelines.get(&one.id);
            needed.extend(
                timeline.iter().flat_map(|line| line.terms_needed()).map(|(id, cycle)| (id, cycle, one.currency)),
            );
        }
        let books = plan::terms_book(tx, seller_id, needed).await?;
        let metered = books
            .values()
            .flat_map(TermsBook::values)
            .any(|terms| terms.components.iter().any(|component| matches!(component.charging, Charging::Usage { .. })));
        let usage = if metered {
            usage::of(tx, seller_id, subscriptions.iter().map(|one| one.id)).await?
        } else {
            BTreeMap::new()
        };
        // Where nothing has happened since the last billing, what was billed need not be looked at.
        let whole: Vec<SubscriptionId> =
            subscriptions.iter().filter(|one| one.settled_until.is_none()).map(|one| one.id).collect();
        let lines = if whole.is_empty() {
            BTreeMap::new()
        } else {
            invoice::lines_of_subscriptions(tx, seller_id, whole).await?
        };
        Ok(Self { timelines, books, usage, lines })
    }

    /// A subscription's facts.
    #[must_use]
    pub fn timeline(&self, id: SubscriptionId) -> Option<&Timeline> {
        self.timelines.get(&id)
    }

    /// The terms in a currency.
    #[must_use]
    pub fn book(&self, currency: Currency) -> &TermsBook {
        self.books.get(&currency).unwrap_or(&NO_TERMS)
    }

    /// What a subscription owes up to a day.
    ///
    /// # Errors
    /// [`BillingError::Precondition`]: `NO_PRICE`, `NO_TAX_RULE`, `AMOUNT_TOO_LARGE`, `NOT_STARTED`, ...
    pub fn due(
        &self,
        subscription: &Subscription,
        tax_rules: &[TaxRule],
        cutoff: NaiveDate,
    ) -> Result<Due, BillingError> {
        let no_usage = Usage::default();
        let usage = self.usage.get(&subscription.id).unwrap_or(&no_usage);
        let timeline = self.timelines.get(&subscription.id).ok_or_else(|| {
            BillingError::precondition("NOT_STARTED", subscription.id, "the subscription has no start")
        })?;
        let book = self.book(subscription.currency);
        let window = Window { after: subscription.settled_until, until: cutoff };
        let about = |error: OwedError| match BillingError::from(error) {
            BillingError::Precondition { reason, detail, .. } => {
                BillingError::precondition(reason, subscription.id, detail)
            }
            other => other,
        };
        let statement = owed(timeline, book, usage, window).map_err(about)?;
        let lines = self.lines.get(&subscription.id).map_or(&[][..], Vec::as_slice);
        let by_id: BTreeMap<LineId, &Line> = lines.iter().map(|line| (line.id, line)).collect();
        let billed = billed(lines);
        let billet_domain::due::Due { mut charges, settled_until } = due(&statement, &billed, subscription.currency)?;
        cap_credits(&mut charges, lines);
        let mut due_lines = Vec::with_capacity(charges.len());
        for charge in charges {
            let credited = charge.credits.and_then(|id| by_id.get(&id).copied());
            let tax = match credited {
                Some(line) => line.tax.clone(),
                None => treatment(tax_rules, &charge.rating.tax_class).cloned().ok_or_else(|| {
                    let class = &charge.rating.tax_class;
                    let detail = format!("the seller's table does not say how the tax class `{class}` is taxed");
                    BillingError::precondition("NO_TAX_RULE", subscription.id, detail)
                })?,
            };
            due_lines.push(DueLine {
                tax,
                allowance_percent: credited.map(|line| line.allowance_percent),
                credited_invoice: credited.map(|line| line.invoice_id),
                charge,
            });
        }
        Ok(Due { lines: due_lines, next_point: statement.next_point, settled_until })
    }
}

fn charge_kind(kind: LineKind) -> Option<ChargeKind> {
    match kind {
        LineKind::Recurring => Some(ChargeKind::Recurring),
        LineKind::Setup => Some(ChargeKind::Setup),
        LineKind::Usage => Some(ChargeKind::Usage),
        LineKind::Manual => None,
    }
}

/// What issued and drafted lines still cover. Credits by hand give back money, not days, and do not count here. A credit
/// that was itself taken back (its invoice was cancelled) does not count either.
fn billed(lines: &[Line]) -> Vec<Billed> {
    let taken_back: BTreeSet<LineId> =
        lines.iter().filter(|line| charge_kind(line.kind).is_some()).filter_map(|line| line.credits_line_id).collect();
    let mut charges = Vec::new();
    let mut credits: Vec<(LineId, Period)> = Vec::new();
    for line in lines {
        let (Some(kind), Some(period)) = (charge_kind(line.kind), line.period) else { continue };
        match (line.credits_line_id, &line.rating) {
            (Some(_), _) if taken_back.contains(&line.id) => {}
            (Some(credited), _) => credits.push((credited, period)),
            (None, Some(rating)) => charges.push(Billed {
                line_id: line.id,
                key: ComponentKey { plan_id: line.plan_id, component: line.component.clone(), kind },
                period,
                rating: rating.clone(),
            }),
            (None, None) => {}
        }
    }
    remaining(charges, &credits)
}

/// What was given back by hand is not given back again with the days: credits end where the line is used up. A credit of
/// nothing stays: it takes the days back, so that they are not on two lines when they are charged anew. (Alone it waits:
/// there is no document over nothing.)
fn cap_credits(charges: &mut [Charge], lines: &[Line]) {
    let by_id: BTreeMap<LineId, &Line> = lines.iter().map(|line| (line.id, line)).collect();
    let mut left: BTreeMap<LineId, i64> = BTreeMap::new();
    for line in lines {
        // The charge that a credit, or the taking back of a credit, is about.
        let mut root = line;
        while let Some(credited) = root.credits_line_id.and_then(|id| by_id.get(&id)) {
            root = credited;
        }
        let rest = left.entry(root.id).or_default();
        *rest = rest.saturating_add(line.amount_minor);
    }
    for charge in charges.iter_mut() {
        if let Some(rest) = charge.credits.and_then(|id| left.get_mut(&id)) {
            charge.amount_minor = charge.amount_minor.max(-*rest).min(0);
            *rest = rest.saturating_add(charge.amount_minor);
        }
    }
}
