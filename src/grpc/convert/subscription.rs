//! Subscriptions for the protocol.

use billet_domain::owed::state_on;
use billet_domain::plan::TermsBook;
use billet_domain::timeline::{FactKind, Timeline};
use chrono::{DateTime, NaiveDate, Utc};

use super::plan::{anchor, ending, timing};
use super::{
    cycle_optional, decimal, decimal_optional, parse, parse_optional, quantities, text, to_cycle, to_date, to_decimal,
    to_instant, to_period,
};
use crate::billing::BillingError;
use crate::billing::change::Change;
use crate::proto::billet::v1 as pb;
use crate::store::fact::Recorded;
use crate::store::subscription::{ServiceState, Subscription};

/// A subscription as it is on a day.
///
/// # Errors
/// [`BillingError::Precondition`] when its terms cannot be found.
pub fn to_subscription(
    subscription: &Subscription,
    timeline: &Timeline,
    book: &TermsBook,
    today: NaiveDate,
) -> Result<pb::Subscription, BillingError> {
    let day = today.max(subscription.started_on);
    let state = state_on(timeline, book, day)?;
    let plan_id = book.get(&(state.version_id, state.cycle)).map(|terms| terms.plan_id.to_string());
    let stands = if state.ended_on.is_some() {
        pb::SubscriptionState::Ended
    } else if today < state.billed_from {
        pb::SubscriptionState::Pending
    } else if state.unbilled {
        pb::SubscriptionState::Paused
    } else {
        pb::SubscriptionState::Active
    };
    Ok(pb::Subscription {
        id: subscription.id.to_string(),
        customer_id: subscription.customer_id.to_string(),
        project_id: subscription.project_id.map(|id| id.to_string()).unwrap_or_default(),
        parent_id: subscription.parent_id.map(|id| id.to_string()).unwrap_or_default(),
        plan_id: plan_id.unwrap_or_default(),
        version_id: state.version_id.to_string(),
        currency_code: subscription.currency.code().to_owned(),
        cycle: Some(to_cycle(state.cycle)),
        anchor_day: state.anchor_day,
        label: subscription.label.clone(),
        quantities: state
            .quantities
            .iter()
            .map(|(code, quantity)| (code.clone(), to_decimal(*quantity).value))
            .collect(),
        started_on: Some(to_date(subscription.started_on)),
        ends_on: subscription.ends_on.map(to_date),
        state: stands.into(),
        current_period: Some(to_period(state.period)),
        next_billing_on: subscription.next_billing_on.map(to_date),
        instance_id: subscription.instance_id.map(|id| id.to_string()).unwrap_or_default(),
        external_ref: subscription.external_ref.clone().unwrap_or_default(),
        service_state: match subscription.service_state {
            ServiceState::Unknown => pb::ServiceState::Unspecified,
            ServiceState::Active => pb::ServiceState::Active,
            ServiceState::Suspended => pb::ServiceState::Suspended,
            ServiceState::Terminated | ServiceState::Removed => pb::ServiceState::Terminated,
        }
        .into(),
        created_at: Some(to_instant(subscription.created_at)),
        revision: subscription.revision,
    })
}

/// What is asked to change.
///
/// # Errors
/// [`BillingError::Invalid`] with the field below `change`.
pub fn change(given: pb::subscription_change::Change) -> Result<Change, BillingError> {
    use pb::subscription_change::Change as Asked;
    Ok(match given {
        Asked::Plan(plan) => Change::Plan {
            plan_id: parse("change.plan.plan_id", &plan.plan_id)?,
            version_id: parse_optional("change.plan.version_id", &plan.version_id)?,
            cycle: cycle_optional("change.plan.cycle", plan.cycle)?,
            timing: timing("change.plan.timing", plan.timing)?,
            anchor: anchor("change.plan.anchor", plan.anchor)?,
            quantities: quantities("change.plan.quantities", &plan.quantities)?,
        },
        Asked::Quantity(quantity) => Change::Quantity {
            component: text("change.quantity.component", &quantity.component, 64, false)?,
            quantity: decimal("change.quantity.quantity", quantity.quantity.as_ref())?,
            timing: timing("change.quantity.timing", quantity.timing)?,
        },
        Asked::Option(option) => Change::Option {
            option: option.option,
            value: option.value,
            timing: timing("change.option.timing", option.timing)?,
        },
        Asked::Price(price) => Change::Fact(FactKind::PriceSet {
            component: price.component,
            unit_price: decimal_optional("change.price.unit_price", price.unit_price.as_ref())?,
        }),
        Asked::Discount(discount) => Change::Fact(FactKind::LineDiscounted {
            component: discount.component,
            percent: decimal("change.discount.percent", discount.percent.as_ref())?,
        }),
        Asked::Promotion(promotion) => Change::Promotion { code: promotion.code },
        Asked::Anchor(anchor) => Change::Fact(FactKind::AnchorMoved { anchor_day: anchor.anchor_day }),
        Asked::Pause(pb::Pause {}) => Change::Fact(FactKind::Paused),
        Asked::Resume(pb::Resume {}) => Change::Fact(FactKind::Resumed),
        Asked::Cancel(cancel) => Change::Cancel {
            ending: ending("change.cancel.ending", cancel.ending)?,
            reason: text("change.cancel.reason", &cancel.reason, 500, true)?,
        },
        Asked::Withdraw(pb::Withdraw {}) => Change::Fact(FactKind::Withdrawn),
    })
}

/// A fact for the protocol.
#[must_use]
pub fn to_fact(recorded: Recorded) -> pb::Fact {
    let detail = serde_json::to_value(&recorded.fact.kind).unwrap_or_default();
    pb::Fact {
        key: recorded.fact.key,
        effective_date: Some(to_date(recorded.fact.on)),
        happened_at: DateTime::<Utc>::from_timestamp_micros(recorded.fact.at_us).map(to_instant),
        kind: detail.get("kind").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned(),
        detail_json: detail.to_string(),
        actor: recorded.actor,
    }
}
