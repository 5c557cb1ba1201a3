//! A round of a seller's provisioning, one transaction: how steps ended is written down, new ones are handed out. What is
//! handed out is durable before anybody calls a panel.

use std::collections::{BTreeMap, BTreeSet};

use billet_domain::document::Party;
use billet_domain::id::{CustomerId, InstanceId, SellerId, SubscriptionId};
use billet_domain::provision::{Known, Puzzle, Step, Verdict, begun, learn, next};
use chrono::{DateTime, Utc};
use serde_json::json;

use super::super::{Billing, BillingError};
use super::call::{Ending, Task, belongs_to};
use super::place::{find_names, find_places};
use super::{ACTOR, ATTEMPTS_MAX, explain, password, pause, plan, wait_for_person};
use crate::metrics;
use crate::store::plan_service::{self, Capacity};
use crate::store::service::{self, Queue, Service, ServiceState};
use crate::store::service_attempt::{self, Attempt, Outcome};
use crate::store::{Unit, customer, subscription};

/// How many accounts are placed in one round.
const PLACED_MAX: i64 = 200;

/// Who hands out steps.
#[derive(Debug, Clone, Copy)]
pub struct Dispatcher<'a> {
    /// The name under which it holds leases.
    pub owner: &'a str,
    /// Until when it holds what it takes now, in real time.
    pub lease_until: DateTime<Utc>,
    /// Now, in real time.
    pub real_now: DateTime<Utc>,
}

/// What came of a round.
#[derive(Debug, Default)]
pub struct Round {
    /// The steps that were handed out.
    pub tasks: Vec<Task>,
    /// Queues that have nothing more, or nothing that can be done now.
    pub drained: BTreeSet<Queue>,
    /// Queues that have something now.
    pub filled: BTreeSet<Queue>,
}

/// A round: writes down how steps ended and hands out up to so many of each queue.
///
/// # Errors
/// [`BillingError`]; then nothing has happened, and the endings have to be brought again.
pub async fn round(
    billing: &Billing,
    dispatcher: Dispatcher<'_>,
    seller_id: SellerId,
    endings: &[Ending],
    queues: &BTreeMap<Queue, usize>,
) -> Result<Round, BillingError> {
    let mut unit = billing.store.begin(seller_id, ACTOR, billing.now()).await?;
    let mut round = Round::default();
    record(&mut unit, dispatcher, endings, &mut round).await?;
    place(&mut unit, queues, &mut round).await?;
    hand_out(billing, &mut unit, dispatcher, queues, &mut round).await?;
    unit.commit().await?;
    Ok(round)
}

fn queue_of(service: &Service) -> Queue {
    Queue { seller_id: service.seller_id, instance_id: service.instance_id, creating: service.creating }
}

/// Writes down how steps ended.
async fn record(
    unit: &mut Unit,
    dispatcher: Dispatcher<'_>,
    endings: &[Ending],
    round: &mut Round,
) -> Result<(), BillingError> {
    if endings.is_empty() {
        return Ok(());
    }
    let mut services = service::lock(unit, endings.iter().map(|one| one.task.subscription_id)).await?;
    let mut ended = Vec::with_capacity(endings.len());
    for ending in endings {
        let task = &ending.task;
        let Some(service) = services.get_mut(&task.subscription_id) else { continue };
        if service.lease_owner.as_deref() != Some(dispatcher.owner) || service.step_number != task.step_number {
            // The lease was lost and somebody else has taken it for unknown: they look, and see what was done.
            tracing::warn!(service = %task.subscription_id, step = task.step.as_str(), "a step ended after its lease");
            services.remove(&task.subscription_id);
            continue;
        }
        ended.push(service_attempt::Ending {
            subscription_id: task.subscription_id,
            step_number: task.step_number,
            outcome: ending.outcome,
            problem: ending.problem.clone(),
            words: ending.words.clone(),
        });
        unit.count(metrics::STEPS.of([task.step.as_str(), ending.outcome.as_str()]), 1);
        conclude(unit, service, ending);
        if service.state == ServiceState::Due {
            round.filled.insert(queue_of(service));
        }
    }
    service_attempt::end(unit, ended).await?;
    service::update(unit, services.values()).await?;
    let gone: Vec<SubscriptionId> =
        services.values().filter(|one| one.state == ServiceState::Gone).map(|one| one.subscription_id).collect();
    if !gone.is_empty() {
        subscription::end_accounts(unit, gone).await?;
    }
    Ok(())
}

/// What follows from how a step ended.
fn conclude(unit: &mut Unit, service: &mut Service, ending: &Ending) {
    let now = unit.now;
    let step = ending.task.step;
    service.lease_owner = None;
    service.lease_until = None;
    service.updated_at = now;
    let (known, verdict) = learn(&service.wanted, &service.known, step, &ending.ended);
    service.known = known;
    service.due_at = Some(now);
    if matches!(service.known, Known::Domain(_)) {
        // When something is to be done next follows what the registry says.
        service.refresh_at = Some(now);
        if step == Step::Transfer && verdict == Verdict::Ahead {
            service.credentials.clear();
        }
    }
    match verdict {
        Verdict::Ahead => {
            // A look that finds nothing new is no progress: what fails again and again is not tried for ever.
            if step != Step::Look && !matches!(ending.outcome, Outcome::Missing | Outcome::Conflict) {
                service.attempt_count = 0;
                let data = json!({
                    "step": step.as_str(), "instance": service.instance_id, "name": service.name,
                    "already": ending.outcome == Outcome::DoneAlready, "words": ending.words,
                });
                unit.event("service.step_done", service.subscription_id, data);
            }
            plan(service, now);
        }
        Verdict::Again(_) if service.attempt_count >= ATTEMPTS_MAX => {
            wait_for_person(service, Puzzle::GaveUp, &ending.words);
        }
        Verdict::Again(after) => {
            plan(service, now);
            if service.state == ServiceState::Due {
                let least = after.unwrap_or_default();
                service.due_at = Some(now + pause(service.attempt_count).max(least));
                service.problem.clone_from(&ending.problem);
                service.detail.clone_from(&ending.words);
                if step == Step::Look && service.detail.is_empty() {
                    "a call was not answered and may still take effect: it is looked at again"
                        .clone_into(&mut service.detail);
                }
            }
        }
        Verdict::OtherName => {
            let data = json!({ "instance": service.instance_id, "name": service.name });
            unit.event("service.name_taken", service.subscription_id, data);
            service.name = None;
            plan(service, now);
        }
        Verdict::Person(puzzle) => {
            let words = if ending.words.is_empty() { explain(puzzle) } else { &ending.words };
            wait_for_person(service, puzzle, words);
        }
    }
    if service.state == ServiceState::Waiting {
        let data = json!({ "step": step.as_str(), "problem": service.problem, "detail": service.detail });
        unit.event("service.waiting", service.subscription_id, data);
        if let Verdict::Person(puzzle) = verdict {
            unit.count(metrics::STEPS_WAITING.of([puzzle.as_str()]), 1);
        }
    }
}

/// Finds places for what has none.
async fn place(unit: &mut Unit, queues: &BTreeMap<Queue, usize>, round: &mut Round) -> Result<(), BillingError> {
    for queue in queues.keys().filter(|queue| queue.instance_id.is_none()) {
        let mut services = service::due(unit, *queue, PLACED_MAX).await?;
        if services.len() < usize::try_from(PLACED_MAX).unwrap_or(usize::MAX) {
            round.drained.insert(*queue);
        }
        if services.is_empty() {
            continue;
        }
        find_places(unit, &mut services).await?;
        let mut by_instance: BTreeMap<InstanceId, Vec<&mut Service>> = BTreeMap::new();
        for service in &mut services {
            if let Some(instance_id) = service.instance_id {
                by_instance.entry(instance_id).or_default().push(service);
            }
        }
        for (instance_id, mut placed) in by_instance {
            // With the name the place is taken: accounts of an instance are counted by it.
            find_names(unit, instance_id, &mut placed).await?;
        }
        service::update(unit, &services).await?;
        round.filled.extend(services.iter().filter(|one| one.state == ServiceState::Due).map(queue_of));
    }
    Ok(())
}

/// Hands out what is due.
async fn hand_out(
    billing: &Billing,
    unit: &mut Unit,
    dispatcher: Dispatcher<'_>,
    queues: &BTreeMap<Queue, usize>,
    round: &mut Round,
) -> Result<(), BillingError> {
    let seller_id = unit.seller_id;
    let instances = queues.keys().filter_map(|queue| queue.instance_id);
    let usable = plan_service::usable(unit, seller_id, instances.collect::<BTreeSet<_>>()).await?;
    let mut taken: Vec<(Service, Step, &Capacity)> = Vec::new();
    for (queue, limit) in queues {
        let Some(instance_id) = queue.instance_id else { continue };
        let Some(capacity) = usable.get(&instance_id) else {
            round.drained.insert(*queue);
            continue;
        };
        let Dispatcher { owner, lease_until, real_now } = dispatcher;
        if queue.creating && !service::take_turn(unit, instance_id, owner, lease_until, real_now).await? {
            // Another daemon makes accounts there: it is looked again with the next look.
            round.drained.insert(*queue);
            continue;
        }
        let mut services = service::due(unit, *queue, i64::try_from(*limit).unwrap_or(i64::MAX)).await?;
        if services.len() < *limit {
            round.drained.insert(*queue);
        }
        let mut nameless: Vec<&mut Service> = services.iter_mut().filter(|one| one.name.is_none()).collect();
        if !nameless.is_empty() {
            find_names(unit, instance_id, &mut nameless).await?;
        }
        for mut service in services {
            match next(&service.wanted, &service.known).step() {
                Some(step) if service.state == ServiceState::Due => {
                    taken.push((service, step, capacity));
                }
                _ => {
                    if service.state == ServiceState::Due {
                        plan(&mut service, unit.now);
                    }
                    service::update(unit, [&service]).await?;
                }
            }
        }
    }
    if taken.is_empty() {
        return Ok(());
    }
    let contacts = contacts(unit, taken.iter().filter(|(_, step, _)| step.names_customer()).map(|one| &one.0)).await?;
    let mut kept = Vec::with_capacity(taken.len());
    for (mut service, step, capacity) in taken {
        if step == Step::Create && service.credentials.is_empty() && !seal_password(billing, &mut service)? {
            wait_for_person(&mut service, Puzzle::NoSecretKey, explain(Puzzle::NoSecretKey));
            kept.push(service);
            continue;
        }
        round.tasks.push(begin(unit, dispatcher, &mut service, step, capacity, &contacts));
        kept.push(service);
    }
    service::update(unit, &kept).await?;
    Ok(())
}

/// Makes and seals a first password; `false` when there is no key for it.
fn seal_password(billing: &Billing, service: &mut Service) -> Result<bool, BillingError> {
    if billing.keys.is_empty() {
        return Ok(false);
    }
    let belongs_to = belongs_to(service.seller_id, service.subscription_id);
    service.credentials = billing
        .keys
        .seal(&belongs_to, &password()?)
        .map_err(|error| BillingError::precondition("NO_SECRET_KEY", "secrets", error.to_string()))?;
    Ok(true)
}

/// Who an account is made for.
async fn contacts<'a>(
    unit: &mut Unit,
    services: impl Iterator<Item = &'a Service>,
) -> Result<BTreeMap<SubscriptionId, Party>, BillingError> {
    let seller_id = unit.seller_id;
    let ids: Vec<SubscriptionId> = services.map(|one| one.subscription_id).collect();
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let subscriptions = subscription::by_ids(unit, seller_id, ids).await?;
    let customers: BTreeSet<CustomerId> = subscriptions.iter().map(|one| one.customer_id).collect();
    let customers = customer::by_ids(unit, seller_id, customers).await?;
    let by_id: BTreeMap<CustomerId, _> = customers.iter().map(|one| (one.id, one)).collect();
    Ok(subscriptions.iter().filter_map(|one| Some((one.id, by_id.get(&one.customer_id)?.party.clone()))).collect())
}

/// Begins a step: from now on it may have been done.
fn begin(
    unit: &mut Unit,
    dispatcher: Dispatcher<'_>,
    service: &mut Service,
    step: Step,
    capacity: &Capacity,
    contacts: &BTreeMap<SubscriptionId, Party>,
) -> Task {
    let now = unit.now;
    // Panels live in real time, whatever clock the daemon runs on: what is younger than this may be ours.
    let real_now = Utc::now();
    service.step_number += 1;
    service.attempt_count += 1;
    if service.attempt_count == 1 || service.operation_begun_at.is_none() {
        service.operation_number = service.step_number;
        service.operation_begun_at = Some(real_now);
    }
    service.step = Some(step);
    service.known = begun(&service.known, step, real_now.timestamp_micros());
    service.lease_owner = Some(dispatcher.owner.to_owned());
    service.lease_until = Some(dispatcher.lease_until);
    service.updated_at = now;
    let attempt = Attempt {
        subscription_id: service.subscription_id,
        step_number: service.step_number,
        attempt: service.attempt_count,
        step,
        instance_id: service.instance_id,
        name: service.name.clone().unwrap_or_default(),
        outcome: Outcome::Running,
        problem: String::new(),
        words: String::new(),
        begun_at: now,
        ended_at: None,
    };
    service_attempt::add(unit, &attempt);
    Task::new(service, step, capacity, contacts.get(&service.subscription_id))
}

/// Takes back what daemons that died were at: nobody can tell how far they came, so it is looked up. `all` takes it from
/// everybody. Answers how much.
///
/// # Errors
/// [`BillingError`].
pub async fn take_back(billing: &Billing, real_now: DateTime<Utc>, all: bool) -> Result<usize, BillingError> {
    const LIMIT: i64 = 1_000;
    let mut tx = billing.store.snapshot().await?;
    let lost = service::lost(&mut tx, real_now, all, LIMIT).await?;
    drop(tx);
    let mut by_seller: BTreeMap<SellerId, Vec<SubscriptionId>> = BTreeMap::new();
    for (seller_id, id) in lost {
        by_seller.entry(seller_id).or_default().push(id);
    }
    let mut count = 0;
    for (seller_id, ids) in by_seller {
        let mut unit = billing.store.begin(seller_id, ACTOR, billing.now()).await?;
        let mut services = service::lock(&mut unit, ids).await?;
        // It may have been prolonged or ended since.
        services.retain(|_, one| one.lease_until.is_some_and(|until| all || until < real_now));
        let mut ended = Vec::new();
        for service in services.values_mut() {
            ended.push(service_attempt::Ending {
                subscription_id: service.subscription_id,
                step_number: service.step_number,
                outcome: Outcome::Unknown,
                problem: String::new(),
                words: "the daemon that was at it ended before it heard the answer".to_owned(),
            });
            service.lease_owner = None;
            service.lease_until = None;
            service.known = service.known.clone().doubted();
            plan(service, unit.now);
        }
        count += services.len();
        service_attempt::end(&mut unit, ended).await?;
        service::update(&mut unit, services.values()).await?;
        unit.commit().await?;
    }
    Ok(count)
}
