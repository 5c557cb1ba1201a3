//! One step at a panel or a registrar: the call, and what its outcome says.

mod domain;

use std::sync::Arc;
use std::time::Duration;

use billet_domain::document::Party;
use billet_domain::id::{InstanceId, SellerId, SubscriptionId};
use billet_domain::provision::{Ended, Known, Seen, Step, Suspended, Wanted};
use billet_plugin::v1::{
    self, Account, AccountRef, ChangePackageRequest, CreateAccountRequest, GetAccountRequest, Operation, ProblemKind,
    SuspendAccountRequest, SuspensionOrigin, TerminateAccountRequest, UnsuspendAccountRequest,
};
use billet_plugin::{Answer, Done, Failure};
use chrono::{DateTime, Utc};

use super::super::{Billing, panel};
use crate::plugins::Running;
use crate::store::plan_service::Capacity;
use crate::store::service::Service;
use crate::store::service_attempt::Outcome;

pub use domain::{DomainOrder, auth_code_of, seen as seen_domain};

/// How long making an account may take: on a panel that is busy it takes minutes.
const CREATE_TIME_MAX: Duration = Duration::from_mins(10);
/// How long any other change may take.
const CHANGE_TIME_MAX: Duration = Duration::from_mins(3);
/// How long a look may take.
const LOOK_TIME_MAX: Duration = Duration::from_mins(1);
/// How many warnings are kept of a call.
const WARNINGS_MAX: usize = 10;

/// A step that was handed out.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// Whose.
    pub seller_id: SellerId,
    /// For which service.
    pub subscription_id: SubscriptionId,
    /// Which attempt, over the service's life.
    pub step_number: i64,
    /// What.
    pub step: Step,
    /// Where.
    pub instance_id: InstanceId,
    /// How many of these the instance does at the same time; as many as it has places for calls when absent.
    pub at_once: Option<usize>,
    /// The revision of the instance's settings.
    pub revision: i64,
    /// Names the work for the panel, over all attempts.
    pub operation: String,
    /// Which attempt at the work, counted from 1.
    pub attempt: u32,
    /// When the first of these began.
    pub first_attempt_at: DateTime<Utc>,
    /// The name of the account.
    pub name: String,
    /// The main domain.
    pub domain: String,
    /// The panel's own id; empty if unknown.
    pub panel_id: String,
    /// The package that is wanted.
    pub package: Option<String>,
    /// The contact address.
    pub email: String,
    /// The customer's name.
    pub contact_name: String,
    /// The first password, to be opened; empty where none is needed.
    pub credentials: String,
    /// Why it is suspended.
    pub reason: String,
    /// What is asked of a registrar; absent for accounts.
    pub order: Option<Box<DomainOrder>>,
}

impl Task {
    /// A step that is handed out: the service's step number and operation are those of it. `party` is who it is for.
    #[must_use]
    pub fn new(service: &Service, step: Step, capacity: &Capacity, party: Option<&Party>) -> Self {
        let creating = step == Step::Create;
        let (panel_id, package, reason, order) = match (&service.wanted, &service.known) {
            (Wanted::Account(wanted), Known::Account(known)) => {
                (known.panel_id.clone(), wanted.package.clone(), wanted.reason.clone(), None)
            }
            (Wanted::Domain(wanted), Known::Domain(known)) => {
                (String::new(), None, String::new(), Some(Box::new(DomainOrder::new(wanted, known, party))))
            }
            _ => (String::new(), None, String::new(), None),
        };
        let domain = match &service.known {
            Known::Account(known) if !creating => known.domain.clone(),
            _ => service.wanted.domain_name().to_owned(),
        };
        let sealed = creating || step == Step::Transfer;
        Self {
            seller_id: service.seller_id,
            subscription_id: service.subscription_id,
            step_number: service.step_number,
            step,
            instance_id: capacity.instance_id,
            at_once: if creating { usize::try_from(capacity.creates_max.unwrap_or(1)).ok() } else { None },
            revision: capacity.revision,
            operation: format!("{}-{}", service.subscription_id, service.operation_number),
            attempt: service.attempt_count,
            first_attempt_at: service.operation_begun_at.unwrap_or(service.updated_at),
            name: service.name.clone().unwrap_or_default(),
            domain,
            panel_id,
            package,
            email: party.map(|party| party.email.clone()).unwrap_or_default(),
            contact_name: party.map(|party| party.name.clone()).unwrap_or_default(),
            credentials: if sealed { service.credentials.clone() } else { String::new() },
            reason,
            order,
        }
    }
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Ending {
    /// Which.
    pub task: Task,
    /// For the rules.
    pub ended: Ended,
    /// For people.
    pub outcome: Outcome,
    /// The class of the problem; empty when there was none.
    pub problem: String,
    /// The panel's words; empty when it had none.
    pub words: String,
}

/// What the account is called at the panel for us.
#[must_use]
pub fn external_id(seller_id: SellerId, subscription_id: SubscriptionId) -> String {
    format!("billet-{}-{}", seller_id.0, subscription_id.0)
}

/// The subscription that an account's external id names, if it is one of the seller's.
#[must_use]
pub fn carried(seller_id: SellerId, external_id: &str) -> Option<SubscriptionId> {
    let number = external_id.strip_prefix("billet-")?.strip_prefix(&seller_id.0.to_string())?.strip_prefix('-')?;
    number.parse().ok().map(SubscriptionId)
}

/// What a sealed first password belongs to.
#[must_use]
pub fn belongs_to(seller_id: SellerId, subscription_id: SubscriptionId) -> String {
    format!("{seller_id} {subscription_id} password")
}

/// Does a task. Whatever happens, it ends with something.
pub async fn perform(billing: Billing, task: Task) -> Ending {
    let answer = match &task.order {
        Some(order) => domain::call(&billing, &task, order).await,
        None => call(&billing, &task).await.map(|done| {
            let already = done.already;
            with(done, |seen| Ended::Done { already, seen })
        }),
    };
    let (ended, outcome, problem, words) = match answer {
        Ok(done) => {
            let outcome = if done.already { Outcome::DoneAlready } else { Outcome::Done };
            let words: Vec<String> = done.warnings.into_iter().take(WARNINGS_MAX).collect();
            (done.value, outcome, String::new(), words.join("; "))
        }
        Err(failure) => {
            let (ended, outcome) = ended(task.step, &failure);
            let problem = failure.problem();
            let words = if problem.code.is_empty() {
                problem.words.clone()
            } else {
                format!("{}: {}", problem.code, problem.words)
            };
            (ended, outcome, word(problem.kind()), words)
        }
    };
    Ending { task, ended, outcome, problem, words }
}

fn word(kind: ProblemKind) -> String {
    // Without what stands before all of them.
    kind.as_str_name().splitn(3, '_').last().unwrap_or_default().to_owned()
}

/// What a failure says to the rules.
fn ended(step: Step, failure: &Failure) -> (Ended, Outcome) {
    match failure {
        Failure::Unknown(_) if step == Step::Look => (Ended::Later(None), Outcome::RetryLater),
        Failure::Unknown(_) => (Ended::Unknown, Outcome::Unknown),
        Failure::RetryLater { after, .. } => {
            let after = after.and_then(|after| chrono::TimeDelta::from_std(after).ok());
            (Ended::Later(after), Outcome::RetryLater)
        }
        Failure::Refused(problem) => match problem.kind() {
            ProblemKind::NotFound => (Ended::Missing, Outcome::Missing),
            ProblemKind::Conflict => (Ended::Conflict, Outcome::Conflict),
            // Credentials and credit are mended by a person, and then it works: nothing about the account is wrong.
            ProblemKind::Unauthenticated | ProblemKind::Unavailable | ProblemKind::Busy | ProblemKind::Balance => {
                (Ended::Later(None), Outcome::RetryLater)
            }
            _ => (Ended::Refused, Outcome::Refused),
        },
    }
}

/// The instance at work.
async fn reach(billing: &Billing, task: &Task) -> Result<Arc<Running>, Failure> {
    if let Some(running) = billing.host.at_work(task.instance_id, task.revision) {
        return Ok(running);
    }
    panel::connect(billing, task.seller_id, task.instance_id)
        .await
        // What is wrong with the instance is mended there; nothing was done.
        .map_err(|error| Failure::later(ProblemKind::Unavailable, error.reason(), error.to_string()))?
}

/// The task as work that a plugin may see several times.
fn operation(task: &Task) -> Option<Operation> {
    Some(Operation {
        id: task.operation.clone(),
        attempt: task.attempt,
        first_attempt_at: Some(prost_types::Timestamp {
            seconds: task.first_attempt_at.timestamp(),
            nanos: i32::try_from(task.first_attempt_at.timestamp_subsec_nanos()).unwrap_or_default(),
        }),
        // The host says how much is left.
        time_left: None,
    })
}

async fn call(billing: &Billing, task: &Task) -> Answer<Option<Seen>> {
    let running = reach(billing, task).await?;
    let operation = operation(task);
    let name =
        || AccountRef { username: task.name.clone(), panel_id: task.panel_id.clone(), domain: task.domain.clone() };
    let nothing = |done: Done<()>| Done { value: None, already: done.already, warnings: done.warnings };
    let ours = external_id(task.seller_id, task.subscription_id);
    match task.step {
        Step::Look => {
            // By name alone: what is under the name is asked for, whoever it belongs to.
            let asked = AccountRef { username: task.name.clone(), ..AccountRef::default() };
            let done = running.call(GetAccountRequest { r#ref: Some(asked) }, LOOK_TIME_MAX).await?;
            Ok(with(done, |answer: v1::GetAccountResponse| answer.account.map(|account| seen(&account, &ours))))
        }
        Step::Create => {
            let password = billing
                .keys
                .open(&belongs_to(task.seller_id, task.subscription_id), &task.credentials)
                .map_err(|error| Failure::later(ProblemKind::Unavailable, "SECRET_UNREADABLE", error.to_string()))?;
            let request = CreateAccountRequest {
                operation,
                username: task.name.clone(),
                domain: task.domain.clone(),
                package: task.package.clone().unwrap_or_default(),
                password,
                email: task.email.clone(),
                contact_name: task.contact_name.clone(),
                external_id: ours.clone(),
                ..CreateAccountRequest::default()
            };
            let done = running.call(request, CREATE_TIME_MAX).await?;
            Ok(with(done, |answer: v1::CreateAccountResponse| answer.account.map(|account| seen(&account, &ours))))
        }
        Step::Suspend => {
            let reason = task.reason.clone();
            let request = SuspendAccountRequest { operation, r#ref: Some(name()), reason, lock: false };
            let done = running.call(request, CHANGE_TIME_MAX).await?;
            Ok(with(done, |answer: v1::SuspendAccountResponse| {
                answer.suspension.map(|by| Seen { suspension: Some(origin(by.origin())), ..Seen::default() })
            }))
        }
        Step::Unsuspend => {
            let request = UnsuspendAccountRequest { operation, r#ref: Some(name()), force: false };
            Ok(nothing(with(running.call(request, CHANGE_TIME_MAX).await?, |_| ())))
        }
        Step::ChangePackage => {
            let package = task.package.clone().unwrap_or_default();
            let request = ChangePackageRequest { operation, r#ref: Some(name()), package };
            Ok(nothing(with(running.call(request, CHANGE_TIME_MAX).await?, |_| ())))
        }
        Step::Terminate => {
            let request = TerminateAccountRequest { operation, r#ref: Some(name()), keep_dns: false };
            Ok(nothing(with(running.call(request, CHANGE_TIME_MAX).await?, |_| ())))
        }
        step => {
            Err(Failure::refused(ProblemKind::Unsupported, "", format!("{} is no step of accounts", step.as_str())))
        }
    }
}

fn with<T, U>(done: Done<T>, value: impl FnOnce(T) -> U) -> Done<U> {
    Done { value: value(done.value), already: done.already, warnings: done.warnings }
}

/// An account as the rules see it; `ours` is our own id.
#[must_use]
pub fn seen(account: &Account, ours: &str) -> Seen {
    let name = account.r#ref.clone().unwrap_or_default();
    let created_at = account.created_at.as_ref();
    Seen {
        domain: name.domain,
        panel_id: name.panel_id,
        package: Some(account.package.clone()).filter(|package| !package.is_empty()),
        suspension: account.suspension.as_ref().map(|by| origin(by.origin())),
        created_at_us: created_at
            .map(|at| at.seconds.saturating_mul(1_000_000).saturating_add(i64::from(at.nanos) / 1_000)),
        carries_our_id: Some(account.external_id.as_str()).filter(|id| !id.is_empty()).map(|id| id == ours),
    }
}

/// Whose a suspension is, as far as the panel tells.
#[must_use]
pub fn origin(origin: SuspensionOrigin) -> Option<Suspended> {
    match origin {
        SuspensionOrigin::Unspecified => None,
        SuspensionOrigin::Billet => Some(Suspended::Ours),
        SuspensionOrigin::Administrator
        | SuspensionOrigin::Reseller
        | SuspensionOrigin::Customer
        | SuspensionOrigin::Panel => Some(Suspended::Others),
    }
}
