//! Changes subscriptions: each change becomes one or more dated facts.

use std::collections::BTreeMap;

use billet_domain::id::{CustomerId, PlanId, PlanVersionId, SubscriptionId};
use billet_domain::owed::{ends_on, state_on};
use billet_domain::period::Cycle;
use billet_domain::plan::TermsBook;
use billet_domain::timeline::{AnchorPolicy, Ending, Fact, FactError, FactKind, Timeline, Timing};
use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde_json::json;

use super::bill::{Order, Outcome, bill};
use super::subscribe::{book_of, chosen_quantities, version_of, within_reach};
use super::{BillingError, promotion};
use crate::store::customer::{self, Customer};
use crate::store::seller::Seller;
use crate::store::subscription::{self, Subscription};
use crate::store::{Unit, fact, plan};

/// Facts this far ahead of the clock, in microseconds, may have been moved there to keep their order.
const SAME_MOMENT_US: i64 = 1_000_000;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Another plan, version or cycle.
    Plan {
        /// The plan.
        plan_id: PlanId,
        /// The newest version when absent.
        version_id: Option<PlanVersionId>,
        /// As before when absent.
        cycle: Option<Cycle>,
        /// The plan's policy when absent.
        timing: Option<Timing>,
        /// The plan's policy when absent.
        anchor: Option<AnchorPolicy>,
        /// Quantities to set.
        quantities: BTreeMap<String, Decimal>,
    },
    /// Another quantity of a component.
    Quantity {
        /// The component.
        component: String,
        /// How many.
        quantity: Decimal,
        /// The plan's policy when absent.
        timing: Option<Timing>,
    },
    /// Another value of an option.
    Option {
        /// The option.
        option: String,
        /// The value.
        value: String,
        /// The plan's policy when absent.
        timing: Option<Timing>,
    },
    /// A promotion code is redeemed.
    Promotion {
        /// Without regard to case.
        code: String,
    },
    /// It ends.
    Cancel {
        /// The plan's policy when absent.
        ending: Option<Ending>,
        /// Kept in the journal.
        reason: String,
    },
    /// Anything else is a fact as it stands: a price, a discount, an anchor, a pause, a resumption, a withdrawal.
    Fact(FactKind),
}

/// A subscription with everything that a change needs.
pub struct Loaded {
    /// As it stands.
    pub subscription: Subscription,
    /// Its facts.
    pub timeline: Timeline,
    /// The terms they name.
    pub book: TermsBook,
    /// Whose; locked.
    pub customer: Customer,
}

/// Locks a subscription's customer and reads the subscription.
///
/// # Errors
/// [`BillingError::NotFound`].
pub async fn load(unit: &mut Unit, id: SubscriptionId) -> Result<Loaded, BillingError> {
    let seller_id = unit.seller_id;
    let missing = || BillingError::not_found("subscription", id);
    let customer_id = subscription::get(unit, seller_id, id).await?.ok_or_else(missing)?.customer_id;
    let customer = customer::lock(unit, &[customer_id]).await?.pop().ok_or_else(missing)?;
    // Read again under the lock: it may have changed meanwhile.
    let subscription = subscription::get(unit, seller_id, id).await?.ok_or_else(missing)?;
    let timeline = fact::timelines(unit, seller_id, [id]).await?.remove(&id).unwrap_or_default();
    let needed: Vec<_> =
        timeline.terms_needed().map(|(version, cycle)| (version, cycle, subscription.currency)).collect();
    let book = plan::terms_book(unit, seller_id, needed).await?.remove(&subscription.currency).unwrap_or_default();
    Ok(Loaded { subscription, timeline, book, customer })
}

/// A fact that does not fit, with the field of the change that says so.
fn at_field(kind: &FactKind, error: FactError) -> BillingError {
    let place = match kind {
        FactKind::PlanChanged { .. } | FactKind::PackageReported { .. } | FactKind::Started { .. } => "change.plan",
        FactKind::QuantityChanged { .. } => "change.quantity",
        FactKind::PriceSet { .. } => "change.price",
        FactKind::LineDiscounted { .. } => "change.discount",
        FactKind::Promoted { .. } => "change.promotion",
        FactKind::AnchorMoved { .. } => "change.anchor",
        FactKind::Paused
        | FactKind::Resumed
        | FactKind::Suspended
        | FactKind::Unsuspended
        | FactKind::Cancelled { .. }
        | FactKind::Withdrawn => "change",
    };
    match &error {
        FactError::OutOfRange { what, .. } if what == "on" => {
            BillingError::invalid("change.effective_date", error.to_string())
        }
        FactError::OutOfRange { what, .. } => BillingError::invalid(format!("{place}.{what}"), error.to_string()),
        FactError::UnknownComponent { component, .. } if matches!(kind, FactKind::PlanChanged { .. }) => {
            BillingError::invalid(format!("{place}.quantities[{component}]"), error.to_string())
        }
        FactError::UnknownComponent { .. } => BillingError::invalid(format!("{place}.component"), error.to_string()),
        _ => of_day(error),
    }
}

/// A change on a day that does not fit.
fn of_day(error: FactError) -> BillingError {
    match &error {
        FactError::BeforeStart { .. } => BillingError::invalid("change.effective_date", error.to_string()),
        _ => error.into(),
    }
}

/// Records a change. Bills nothing yet.
///
/// # Errors
/// [`BillingError`] with the field that does not fit; then nothing is recorded.
pub async fn change(
    unit: &mut Unit,
    seller: &Seller,
    loaded: &mut Loaded,
    change: Change,
    effective: Option<NaiveDate>,
    fact_key: &str,
) -> Result<(), BillingError> {
    let today = seller.today(unit.now);
    let on = effective.unwrap_or(today);
    within_reach("change.effective_date", on, today)?;
    let reason = if let Change::Cancel { reason, .. } = &change { reason.clone() } else { String::new() };
    let ends = matches!(change, Change::Cancel { .. } | Change::Fact(FactKind::Withdrawn));
    let kinds = facts(unit, loaded, change, on).await?;
    let mut kept = Vec::with_capacity(kinds.len());
    for (index, kind) in kinds.into_iter().enumerate() {
        let key = if index == 0 { fact_key.to_owned() } else { format!("{fact_key}:{index}") };
        let fact = Fact { on, at_us: told_at_us(unit, &loaded.timeline), key, kind };
        loaded.timeline.admit(&fact, &loaded.book).map_err(|error| at_field(&fact.kind, error))?;
        loaded.timeline = loaded.timeline.with(fact.clone());
        fact::add(unit, loaded.subscription.id, &fact);
        kept.push(fact);
    }
    touch(loaded, today)?;
    unit.event_because(
        "subscription.changed",
        loaded.subscription.id,
        &reason,
        json!({ "facts": kept, "revision": loaded.subscription.revision }),
    );
    subscription::update(unit, [&loaded.subscription]).await?;
    if ends {
        for fact in &kept {
            end_addons(unit, seller, loaded.subscription.id, fact).await?;
        }
    }
    Ok(())
}

/// When a change is told: after every one that was told before, also when the clock has not moved since. (Facts of one
/// day and instant would stand in the order of their keys.)
fn told_at_us(unit: &Unit, timeline: &Timeline) -> i64 {
    let now = unit.now.timestamp_micros();
    let told =
        timeline.facts().iter().map(|fact| fact.at_us).filter(|at_us| *at_us < now.saturating_add(SAME_MOMENT_US));
    told.max().map_or(now, |last| now.max(last.saturating_add(1)))
}

fn touch(loaded: &mut Loaded, today: NaiveDate) -> Result<(), BillingError> {
    loaded.subscription.touched(today);
    loaded.subscription.ends_on = ends_on(&loaded.timeline, &loaded.book)?;
    Ok(())
}

/// Add-ons end with what they extend, and go on when its end is taken back.
pub async fn end_addons(
    unit: &mut Unit,
    seller: &Seller,
    parent_id: SubscriptionId,
    cause: &Fact,
) -> Result<(), BillingError> {
    let seller_id = unit.seller_id;
    let today = seller.today(unit.now);
    let addons = subscription::running_addons(unit, seller_id, [parent_id]).await?;
    for addon in addons {
        let mut loaded = load(unit, addon.id).await?;
        let fact = Fact { key: format!("{}:{parent_id}", cause.key), ..cause.clone() };
        // An add-on that has its own end or nothing to take back stays as it is.
        if loaded.timeline.admit(&fact, &loaded.book).is_err() {
            continue;
        }
        loaded.timeline = loaded.timeline.with(fact.clone());
        fact::add(unit, addon.id, &fact);
        touch(&mut loaded, today)?;
        unit.event("subscription.changed", addon.id, json!({ "facts": [fact], "because_of": parent_id }));
        subscription::update(unit, [&loaded.subscription]).await?;
    }
    Ok(())
}

/// The facts that a change stands for.
async fn facts(
    unit: &mut Unit,
    loaded: &mut Loaded,
    change: Change,
    on: NaiveDate,
) -> Result<Vec<FactKind>, BillingError> {
    let currency = loaded.subscription.currency;
    Ok(match change {
        Change::Plan { plan_id, version_id, cycle, timing, anchor, quantities } => {
            let state = state_on(&loaded.timeline, &loaded.book, on).map_err(of_day)?;
            let cycle = cycle.unwrap_or(state.cycle);
            let (plan, version) = version_of(unit, plan_id, version_id).await?;
            if version.content.tax_inclusive != loaded.subscription.tax_inclusive {
                let detail = format!(
                    "the prices of `{}` are {}",
                    plan.code,
                    if version.content.tax_inclusive {
                        "gross, those before are net"
                    } else {
                        "net, those before are gross"
                    }
                );
                return Err(BillingError::precondition("TAX_BASIS_DIFFERS", plan.id, detail));
            }
            let book = book_of(&plan, &version, currency, cycle)?;
            let quantities = chosen_quantities(&version, &book, &BTreeMap::new(), &quantities)?;
            loaded.book.extend(book);
            vec![FactKind::PlanChanged { version_id: version.id, cycle, timing, anchor, quantities }]
        }
        Change::Quantity { component, quantity, timing } => {
            vec![FactKind::QuantityChanged { component, quantity, timing }]
        }
        Change::Option { option, value, timing } => {
            let state = state_on(&loaded.timeline, &loaded.book, on).map_err(of_day)?;
            let seller_id = unit.seller_id;
            let found = plan::versions(unit, seller_id, &[state.version_id]).await?.pop();
            let (_, version) = found.ok_or_else(|| BillingError::not_found("plan version", state.version_id))?;
            let set = version.content.option_quantities(&option, &value).ok_or_else(|| {
                BillingError::invalid(
                    "change.option",
                    format!("the plan has no option `{option}` with the value `{value}`"),
                )
            })?;
            let terms = loaded.book.get(&(state.version_id, state.cycle));
            set.into_iter()
                .filter(|(code, _)| terms.is_some_and(|terms| terms.component(code).is_some()))
                .map(|(component, quantity)| FactKind::QuantityChanged { component, quantity, timing })
                .collect()
        }
        Change::Promotion { code } => {
            let state = state_on(&loaded.timeline, &loaded.book, on).map_err(of_day)?;
            let plan_id = loaded
                .book
                .get(&(state.version_id, state.cycle))
                .map(|terms| terms.plan_id)
                .ok_or_else(|| BillingError::not_found("plan version", state.version_id))?;
            let subscription = &loaded.subscription;
            vec![
                promotion::redeem(unit, &code, subscription.id, subscription.customer_id, plan_id, currency, on)
                    .await?,
            ]
        }
        Change::Cancel { ending, .. } => vec![FactKind::Cancelled { ending }],
        Change::Fact(kind) => vec![kind],
    })
}

/// Bills what changes of one customer's subscriptions led to.
///
/// # Errors
/// The first subscription's failure, when there is one: somebody who asks for a change wants to know.
pub async fn bill_changed(
    unit: &mut Unit,
    seller: &Seller,
    customer: &Customer,
    ids: impl IntoIterator<Item = SubscriptionId>,
) -> Result<Outcome, BillingError> {
    unit.flush().await?;
    let seller_id = unit.seller_id;
    let mut wanted: Vec<SubscriptionId> = ids.into_iter().collect();
    let addons = subscription::running_addons(unit, seller_id, wanted.iter().copied()).await?;
    wanted.extend(addons.iter().map(|addon| addon.id));
    let subscriptions = subscription::by_ids(unit, seller_id, wanted).await?;
    let customers: BTreeMap<CustomerId, Customer> = BTreeMap::from([(customer.id, customer.clone())]);
    let order = Order { cutoff: seller.today(unit.now), run_id: None, draft: false };
    bill(unit, seller, &customers, &subscriptions, order).await
}
