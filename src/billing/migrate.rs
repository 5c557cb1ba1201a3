//! Moves running subscriptions of a plan to another version of it: a fact for each, as if somebody had changed them one
//! by one, in pages within one unit.

use std::collections::BTreeSet;

use billet_domain::id::{CustomerId, PlanVersionId, SubscriptionId};
use billet_domain::owed::{ends_on, state_on};
use billet_domain::timeline::{AnchorPolicy, Fact, FactKind, Timeline, Timing};
use chrono::NaiveDate;
use serde_json::json;

use super::BillingError;
use super::subscribe::within_reach;
use crate::store::plan::{Plan, Version};
use crate::store::seller::Seller;
use crate::store::subscription::{self, Subscription};
use crate::store::{Unit, customer, fact, plan};

/// How many subscriptions are looked at together.
const PAGE: i64 = 500;
/// The most problems that are named.
const PROBLEMS_MAX: usize = 100;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// To which version.
    pub version_id: PlanVersionId,
    /// From when it counts.
    pub timing: Timing,
    /// Effective day; today when absent.
    pub effective: Option<NaiveDate>,
    /// False: only count.
    pub execute: bool,
}

/// What was or would be moved.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Migrated {
    /// How many.
    pub count: i64,
    /// Those that stay, with the reason; the first hundred.
    pub problems: Vec<(SubscriptionId, String)>,
}

/// Moves subscriptions of the version's plan that are on another version. What is due changes with the next billing.
///
/// # Errors
/// [`BillingError::NotFound`] for the version, [`BillingError::Invalid`] for the date.
pub async fn migrate(
    unit: &mut Unit,
    seller: &Seller,
    asked: Migration,
    fact_key: &str,
) -> Result<Migrated, BillingError> {
    let today = seller.today(unit.now);
    let on = asked.effective.unwrap_or(today);
    within_reach("effective_date", on, today)?;
    let (plan, version) = plan::versions(unit, seller.id, &[asked.version_id])
        .await?
        .pop()
        .ok_or_else(|| BillingError::not_found("plan version", asked.version_id))?;
    let mut done = Migrated::default();
    let mut after = 0;
    loop {
        let page = subscription::running_page(unit, seller.id, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id.0;
        migrate_page(unit, seller, &asked, (&plan, &version), on, page, fact_key, &mut done).await?;
    }
    if asked.execute {
        unit.event(
            "plan.migrated",
            plan.id,
            json!({ "version": version.id, "effective": on, "subscriptions": done.count }),
        );
    }
    Ok(done)
}

#[expect(clippy::too_many_arguments, reason = "one page of the walk above, split for reading")]
async fn migrate_page(
    unit: &mut Unit,
    seller: &Seller,
    asked: &Migration,
    (plan, version): (&Plan, &Version),
    on: NaiveDate,
    page: Vec<Subscription>,
    fact_key: &str,
    done: &mut Migrated,
) -> Result<(), BillingError> {
    let customers: BTreeSet<CustomerId> = page.iter().map(|one| one.customer_id).collect();
    let customers: Vec<CustomerId> = customers.into_iter().collect();
    customer::lock(unit, &customers).await?;
    let page = subscription::by_ids(unit, seller.id, page.iter().map(|one| one.id)).await?;
    let timelines = fact::timelines(unit, seller.id, page.iter().map(|one| one.id)).await?;
    let mut needed = BTreeSet::new();
    for one in &page {
        let facts = timelines.get(&one.id).into_iter().flat_map(Timeline::terms_needed);
        needed.extend(facts.map(|(id, cycle)| (id, cycle, one.currency)));
    }
    let mut books = plan::terms_book(unit, seller.id, needed).await?;
    let today = seller.today(unit.now);
    let mut moved = Vec::new();
    for mut one in page {
        let (Some(timeline), Some(book)) = (timelines.get(&one.id), books.get_mut(&one.currency)) else { continue };
        let Ok(state) = state_on(timeline, book, on.max(one.started_on)) else { continue };
        let same_plan = book.get(&(state.version_id, state.cycle)).is_some_and(|terms| terms.plan_id == plan.id);
        if !same_plan || state.version_id == version.id || state.ended_on.is_some() {
            continue;
        }
        let terms = version.content.terms(plan.id, version.id, &plan.name, one.currency, state.cycle);
        let problem = match &terms {
            None => Some(format!("the version has no prices in {} for its cycle", one.currency)),
            Some(_) if version.content.tax_inclusive != one.tax_inclusive => {
                Some("the version's prices are gross and those before net, or the other way round".to_owned())
            }
            Some(_) if state.change_pending => {
                Some("a change or its end waits; moving it now would undo that".to_owned())
            }
            Some(_) => None,
        };
        if let Some(problem) = problem {
            if done.problems.len() < PROBLEMS_MAX {
                done.problems.push((one.id, problem));
            }
            continue;
        }
        done.count += 1;
        if !asked.execute {
            continue;
        }
        book.extend(terms.map(|terms| ((version.id, state.cycle), terms)));
        let moving = Fact {
            on: on.max(one.started_on),
            at_us: unit.now.timestamp_micros(),
            key: fact_key.to_owned(),
            kind: FactKind::PlanChanged {
                version_id: version.id,
                cycle: state.cycle,
                timing: Some(asked.timing),
                anchor: Some(AnchorPolicy::Keep),
                quantities: std::collections::BTreeMap::new(),
            },
        };
        fact::add(unit, one.id, &moving);
        one.touched(today);
        one.ends_on = ends_on(&timeline.with(moving), book)?;
        moved.push(one);
    }
    subscription::update(unit, &moved).await?;
    unit.flush().await?;
    Ok(())
}
