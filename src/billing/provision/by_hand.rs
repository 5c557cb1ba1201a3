//! What a person does about a service: try again, leave it, say that it was done by hand, keep it suspended, let it go.

use billet_domain::id::SubscriptionId;
use billet_domain::provision::{Known, Presence, Puzzle, Step};
use serde_json::json;

use super::super::BillingError;
use super::call::belongs_to;
use super::plan;
use crate::plugins::seal::Keys;
use crate::store::Unit;
use crate::store::service::{self, Service, ServiceState};
use crate::store::service_attempt::{self, Attempt, Outcome};

/// How many reasons for a suspension a service may have.
const HOLDS_MAX: usize = 20;

/// A service of the unit's seller that nobody is at, locked.
///
/// # Errors
/// [`BillingError::NotFound`], `STEP_RUNNING`.
pub(super) async fn idle(unit: &mut Unit, id: SubscriptionId) -> Result<Service, BillingError> {
    let service = locked(unit, id).await?;
    if service.lease_owner.is_some() {
        let detail = "a step is at work right now: wait until it has ended";
        return Err(BillingError::precondition("STEP_RUNNING", id, detail));
    }
    Ok(service)
}

async fn locked(unit: &mut Unit, id: SubscriptionId) -> Result<Service, BillingError> {
    service::lock(unit, [id]).await?.remove(&id).ok_or_else(|| BillingError::not_found("service", id))
}

pub(super) async fn keep(unit: &mut Unit, mut service: Service) -> Result<Service, BillingError> {
    service.updated_at = unit.now;
    service::update(unit, [&service]).await?;
    Ok(service)
}

/// Tries again at once: looks first, and asks a person again if nothing has changed. What waited for money waits no more: a person
/// says so.
///
/// # Errors
/// [`BillingError::NotFound`], `STEP_RUNNING`.
pub async fn retry(unit: &mut Unit, id: SubscriptionId) -> Result<Service, BillingError> {
    let mut service = idle(unit, id).await?;
    service.attempt_count = 0;
    service.due_at = None;
    if std::mem::take(&mut service.awaits_payment) {
        service.refresh_at = Some(unit.now);
    }
    if service.name.is_some() && service.instance_id.is_some() {
        service.known = service.known.doubted();
    }
    // An account that was gone is made anew when a person wants to try again.
    if service.problem == Puzzle::GoneAtPanel.as_str() || matches!(service.known, Known::Domain(_)) {
        service.known = service.known.made_anew();
    }
    // The name was somebody else's, or the domain: both may be free by now.
    if let Known::Account(known) = &mut service.known
        && service.problem == Puzzle::NotOurs.as_str()
        && known.presence == Presence::Absent
    {
        *known = billet_domain::provision::Account::absent();
        service.name = None;
    }
    service.problem.clear();
    service.detail.clear();
    plan(&mut service, unit.now);
    unit.event("service.retried", id, json!({}));
    keep(unit, service).await
}

/// Leaves it as it is until something else is wanted.
///
/// # Errors
/// [`BillingError::NotFound`], `STEP_RUNNING`, `NOTHING_TO_SKIP`.
pub async fn skip(unit: &mut Unit, id: SubscriptionId, reason: &str) -> Result<Service, BillingError> {
    let mut service = idle(unit, id).await?;
    if !matches!(service.state, ServiceState::Due | ServiceState::Waiting) {
        return Err(BillingError::precondition("NOTHING_TO_SKIP", id, "nothing is to be done about it"));
    }
    note(unit, &mut service, Outcome::Skipped, reason);
    service.state = ServiceState::Skipped;
    service.due_at = None;
    service.creating = false;
    unit.event_because("service.skipped", id, reason, json!({ "wanted": service.wanted, "known": service.known }));
    keep(unit, service).await
}

/// A person has done by hand what was wanted.
///
/// # Errors
/// [`BillingError::NotFound`], `STEP_RUNNING`, `NOTHING_TO_MARK`.
pub async fn mark_done(unit: &mut Unit, id: SubscriptionId, reason: &str) -> Result<Service, BillingError> {
    let mut service = idle(unit, id).await?;
    if !matches!(service.state, ServiceState::Due | ServiceState::Waiting | ServiceState::Skipped) {
        return Err(BillingError::precondition("NOTHING_TO_MARK", id, "nothing is to be done about it"));
    }
    if service.instance_id.is_none() || service.name.is_none() {
        let detail = "it has no place and no name yet: an account that was made by hand is adopted instead";
        return Err(BillingError::precondition("NOTHING_TO_MARK", id, detail));
    }
    note(unit, &mut service, Outcome::ByHand, reason);
    service.known = service.known.fulfilled(&service.wanted);
    service.attempt_count = 0;
    service.due_at = None;
    plan(&mut service, unit.now);
    unit.event_because("service.done_by_hand", id, reason, json!({ "wanted": service.wanted }));
    keep(unit, service).await
}

fn note(unit: &mut Unit, service: &mut Service, outcome: Outcome, reason: &str) {
    service.step_number += 1;
    service.problem.clear();
    service.detail.clear();
    let attempt = Attempt {
        subscription_id: service.subscription_id,
        step_number: service.step_number,
        attempt: service.attempt_count,
        step: service.step.unwrap_or(Step::Look),
        instance_id: service.instance_id,
        name: service.name.clone().unwrap_or_default(),
        outcome,
        problem: String::new(),
        words: reason.to_owned(),
        begun_at: unit.now,
        ended_at: Some(unit.now),
    };
    service_attempt::add(unit, &attempt);
}

/// Keeps a service suspended for a reason, until that is released. Also while a step is at work.
///
/// # Errors
/// [`BillingError::NotFound`], `TOO_MANY_HOLDS`.
pub async fn hold(unit: &mut Unit, id: SubscriptionId, hold: &str, reason: &str) -> Result<Service, BillingError> {
    let mut service = locked(unit, id).await?;
    if service.holds.len() >= HOLDS_MAX && !service.holds.contains(hold) {
        let detail = format!("at most {HOLDS_MAX} reasons keep a service suspended");
        return Err(BillingError::precondition("TOO_MANY_HOLDS", id, detail));
    }
    if service.holds.insert(hold.to_owned()) {
        service.refresh_at = Some(unit.now);
        unit.event_because("service.held", id, reason, json!({ "hold": hold }));
    }
    keep(unit, service).await
}

/// A service with a first password; that somebody asks for it is in the journal.
///
/// # Errors
/// [`BillingError::NotFound`], `NO_CREDENTIALS`.
pub async fn reveal(unit: &mut Unit, id: SubscriptionId) -> Result<Service, BillingError> {
    let service = locked(unit, id).await?;
    if service.credentials.is_empty() || matches!(service.known, Known::Domain(_)) {
        return Err(BillingError::precondition("NO_CREDENTIALS", id, "no first password is kept for it"));
    }
    unit.event("service.credentials_revealed", id, json!({ "name": service.name }));
    Ok(service)
}

/// Opens the first password.
///
/// # Errors
/// `SECRET_UNREADABLE`.
pub fn open(keys: &Keys, service: &Service) -> Result<String, BillingError> {
    let belongs_to = belongs_to(service.seller_id, service.subscription_id);
    keys.open(&belongs_to, &service.credentials)
        .map_err(|error| BillingError::precondition("SECRET_UNREADABLE", service.subscription_id, error.to_string()))
}

/// Lets go of a reason; when it was the last one the service runs again, unless somebody else suspended it at the panel.
///
/// # Errors
/// [`BillingError::NotFound`].
pub async fn release(unit: &mut Unit, id: SubscriptionId, hold: &str, reason: &str) -> Result<Service, BillingError> {
    let mut service = locked(unit, id).await?;
    if service.holds.remove(hold) {
        service.refresh_at = Some(unit.now);
        unit.event_because("service.released", id, reason, json!({ "hold": hold }));
    }
    keep(unit, service).await
}
