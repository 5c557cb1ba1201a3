//! Provisioning between protocol and use cases.

use billet_domain::placement::Placement;
use billet_domain::provision::{
    Account, AccountState, AccountWanted, Domain, DomainState, DomainWanted, Known, Presence, Step, Suspended, Wanted,
};

use super::{parse, to_instant};
use crate::billing::BillingError;
use crate::proto::billet::v1 as pb;
use crate::store::plan_service::{CreateWhen, PlanService};
use crate::store::service::{Service, ServiceState};
use crate::store::service_attempt::{Attempt, Outcome};

/// The longest name of a group or package, in characters.
const NAME_MAX: usize = 200;
/// The longest time that an account is kept after its end, in days.
const KEPT_DAYS_MAX: u32 = 3_650;
/// The longest reason, in characters.
const REASON_MAX: usize = 1_000;
/// The longest word for a hold.
const HOLD_MAX: usize = 40;

/// A service for the protocol.
#[must_use]
pub fn to_service(service: Service) -> pb::Service {
    let common = pb::Service {
        subscription_id: service.subscription_id.to_string(),
        instance_group: service.group,
        instance_id: service.instance_id.map(|id| id.to_string()).unwrap_or_default(),
        name: service.name.unwrap_or_default(),
        domain: service.wanted.domain_name().to_owned(),
        holds: service.holds.into_iter().collect(),
        awaits_payment: service.awaits_payment,
        state: state(service.state).into(),
        problem: service.problem,
        detail: service.detail,
        step: service.step.map_or("", Step::as_str).to_owned(),
        running: service.lease_owner.is_some(),
        attempt_count: service.attempt_count,
        due_at: service.due_at.map(to_instant),
        created_at: Some(to_instant(service.created_at)),
        updated_at: Some(to_instant(service.updated_at)),
        ..pb::Service::default()
    };
    match (service.wanted, service.known) {
        (Wanted::Account(wanted), Known::Account(known)) => {
            let has_credentials = !service.credentials.is_empty();
            pb::Service { has_credentials, ..with_account(common, wanted, known) }
        }
        (Wanted::Domain(wanted), Known::Domain(known)) => with_domain(common, &wanted, &known),
        _ => common,
    }
}

fn with_account(common: pb::Service, wanted: AccountWanted, known: Account) -> pb::Service {
    let known_state = match (known.presence, known.suspension) {
        (Presence::Absent, _) => pb::AccountState::Absent,
        (Presence::Present, None) => pb::AccountState::Active,
        (Presence::Present, Some(_)) => pb::AccountState::Suspended,
        (Presence::Gone, _) => pb::AccountState::Terminated,
    };
    let suspended_by = match known.suspension {
        None => pb::SuspendedBy::Unspecified,
        Some(Suspended::Ours) => pb::SuspendedBy::Billet,
        Some(Suspended::Others) => pb::SuspendedBy::Others,
    };
    pb::Service {
        wanted_state: account_state(wanted.state).into(),
        wanted_reason: wanted.reason,
        wanted_package: wanted.package.unwrap_or_default(),
        known_state: known_state.into(),
        known_certain: known.certain,
        known_package: known.package.unwrap_or_default(),
        suspended_by: suspended_by.into(),
        kind: pb::ServiceKind::Account.into(),
        ..common
    }
}

fn with_domain(common: pb::Service, wanted: &DomainWanted, known: &Domain) -> pb::Service {
    let wanted_state = match wanted.state {
        DomainState::Absent => pb::AccountState::Absent,
        DomainState::Held => pb::AccountState::Active,
        DomainState::Released => pb::AccountState::Terminated,
    };
    let known_state = match known.presence {
        Presence::Absent => pb::AccountState::Absent,
        Presence::Present => pb::AccountState::Active,
        Presence::Gone => pb::AccountState::Terminated,
    };
    pb::Service {
        wanted_state: wanted_state.into(),
        known_state: known_state.into(),
        known_certain: known.certain,
        kind: pb::ServiceKind::Domain.into(),
        ..common
    }
}

fn account_state(state: AccountState) -> pb::AccountState {
    match state {
        AccountState::Absent => pb::AccountState::Absent,
        AccountState::Active => pb::AccountState::Active,
        AccountState::Suspended => pb::AccountState::Suspended,
        AccountState::Terminated => pb::AccountState::Terminated,
    }
}

/// A state for the protocol.
#[must_use]
pub fn state(state: ServiceState) -> pb::ProvisioningState {
    match state {
        ServiceState::Settled => pb::ProvisioningState::Settled,
        ServiceState::Due => pb::ProvisioningState::Due,
        ServiceState::Waiting => pb::ProvisioningState::Waiting,
        ServiceState::Skipped => pb::ProvisioningState::Skipped,
        ServiceState::Gone => pb::ProvisioningState::Gone,
    }
}

/// A state to filter by.
///
/// # Errors
/// [`BillingError::Invalid`].
pub fn from_state(given: i32) -> Result<Option<ServiceState>, BillingError> {
    match pb::ProvisioningState::try_from(given) {
        Ok(pb::ProvisioningState::Unspecified) => Ok(None),
        Ok(pb::ProvisioningState::Settled) => Ok(Some(ServiceState::Settled)),
        Ok(pb::ProvisioningState::Due) => Ok(Some(ServiceState::Due)),
        Ok(pb::ProvisioningState::Waiting) => Ok(Some(ServiceState::Waiting)),
        Ok(pb::ProvisioningState::Skipped) => Ok(Some(ServiceState::Skipped)),
        Ok(pb::ProvisioningState::Gone) => Ok(Some(ServiceState::Gone)),
        Err(_) => Err(BillingError::invalid("state", "not a state of a service")),
    }
}

/// An attempt for the protocol.
#[must_use]
pub fn to_attempt(attempt: Attempt) -> pb::Attempt {
    let outcome = match attempt.outcome {
        Outcome::Running => pb::AttemptOutcome::Running,
        Outcome::Done => pb::AttemptOutcome::Done,
        Outcome::DoneAlready => pb::AttemptOutcome::DoneAlready,
        Outcome::Missing => pb::AttemptOutcome::Missing,
        Outcome::Conflict => pb::AttemptOutcome::Conflict,
        Outcome::RetryLater => pb::AttemptOutcome::RetryLater,
        Outcome::Refused => pb::AttemptOutcome::Refused,
        Outcome::Unknown => pb::AttemptOutcome::Unknown,
        Outcome::Skipped => pb::AttemptOutcome::Skipped,
        Outcome::ByHand => pb::AttemptOutcome::ByHand,
    };
    pb::Attempt {
        number: attempt.step_number,
        step: attempt.step.as_str().to_owned(),
        attempt: attempt.attempt,
        instance_id: attempt.instance_id.map(|id| id.to_string()).unwrap_or_default(),
        name: attempt.name,
        outcome: outcome.into(),
        problem: attempt.problem,
        words: attempt.words,
        begun_at: Some(to_instant(attempt.begun_at)),
        ended_at: attempt.ended_at.map(to_instant),
    }
}

/// What a plan is to stand for.
///
/// # Errors
/// [`BillingError::Invalid`] with the field.
pub fn from_plan_service(given: pb::PlanService) -> Result<PlanService, BillingError> {
    let create_when = from_create_when("plan_service.create_when", given.create_when)?;
    if given.terminate_after_days > KEPT_DAYS_MAX {
        let problem = format!("0 to {KEPT_DAYS_MAX}");
        return Err(BillingError::invalid("plan_service.terminate_after_days", problem));
    }
    Ok(PlanService {
        plan_id: parse("plan_service.plan_id", &given.plan_id)?,
        instance_group: named("plan_service.instance_group", given.instance_group)?,
        package: named("plan_service.package", given.package)?,
        create_when,
        terminate_after_days: given.terminate_after_days,
    })
}

/// When something is made.
///
/// # Errors
/// [`BillingError::Invalid`] for the field.
pub fn from_create_when(field: &str, given: i32) -> Result<CreateWhen, BillingError> {
    match pb::CreateWhen::try_from(given) {
        Ok(pb::CreateWhen::Unspecified | pb::CreateWhen::Accepted) => Ok(CreateWhen::Accepted),
        Ok(pb::CreateWhen::Paid) => Ok(CreateWhen::Paid),
        Err(_) => Err(BillingError::invalid(field, "not a known time")),
    }
}

/// When something is made, for the protocol.
#[must_use]
pub fn to_create_when(create_when: CreateWhen) -> pb::CreateWhen {
    match create_when {
        CreateWhen::Accepted => pb::CreateWhen::Accepted,
        CreateWhen::Paid => pb::CreateWhen::Paid,
    }
}

/// What a plan stands for, for the protocol.
#[must_use]
pub fn to_plan_service(service: PlanService) -> pb::PlanService {
    pb::PlanService {
        plan_id: service.plan_id.to_string(),
        instance_group: service.instance_group,
        package: service.package,
        create_when: to_create_when(service.create_when).into(),
        terminate_after_days: service.terminate_after_days,
    }
}

/// How a group is to be filled.
///
/// # Errors
/// [`BillingError::Invalid`] with the field.
pub fn from_group(given: pb::InstanceGroup) -> Result<(String, Placement), BillingError> {
    let placement = match pb::Placement::try_from(given.placement) {
        Ok(pb::Placement::Fill) => Placement::Fill,
        Ok(pb::Placement::LeastUsed) => Placement::LeastUsed,
        Ok(pb::Placement::Weighted) => Placement::Weighted,
        Ok(pb::Placement::Unspecified) | Err(_) => {
            return Err(BillingError::invalid("group.placement", "say how the group is filled"));
        }
    };
    Ok((named("group.name", given.name)?, placement))
}

/// How a group is filled, for the protocol.
#[must_use]
pub fn to_group(name: String, placement: Placement) -> pb::InstanceGroup {
    let placement = match placement {
        Placement::Fill => pb::Placement::Fill,
        Placement::LeastUsed => pb::Placement::LeastUsed,
        Placement::Weighted => pb::Placement::Weighted,
    };
    pb::InstanceGroup { name, placement: placement.into() }
}

/// A name of a group or package.
///
/// # Errors
/// [`BillingError::Invalid`] for the field.
pub fn named(field: &str, given: String) -> Result<String, BillingError> {
    let length = given.chars().count();
    if length == 0 || length > NAME_MAX || given.chars().any(char::is_control) {
        return Err(BillingError::invalid(field, format!("1 to {NAME_MAX} printable characters")));
    }
    Ok(given)
}

/// A reason that somebody has to give.
///
/// # Errors
/// [`BillingError::Invalid`] with the field.
pub fn reason(given: &str) -> Result<&str, BillingError> {
    let given = given.trim();
    if given.is_empty() || given.chars().count() > REASON_MAX {
        return Err(BillingError::invalid("reason", format!("say why, in 1 to {REASON_MAX} characters")));
    }
    Ok(given)
}

/// The word for a hold.
///
/// # Errors
/// [`BillingError::Invalid`] with the field.
pub fn hold(given: &str) -> Result<&str, BillingError> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if given.is_empty() || given.len() > HOLD_MAX || !given.bytes().all(fits) {
        return Err(BillingError::invalid("hold", format!("1 to {HOLD_MAX} of a-z, 0-9 and _")));
    }
    Ok(given)
}
