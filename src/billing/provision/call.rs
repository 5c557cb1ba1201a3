//! One step at a panel: the call, and what its outcome says.

use std::time::Duration;

use billet_domain::id::{InstanceId, SellerId, SubscriptionId};
use billet_domain::provision::{Ended, Seen, Step, Suspended};
use billet_plugin::v1::{
    self, Account, AccountRef, ChangePackageRequest, CreateAccountRequest, GetAccountRequest, Operation, ProblemKind,
    SuspendAccountRequest, SuspensionOrigin, TerminateAccountRequest, UnsuspendAccountRequest,
};
use billet_plugin::{Answer, Done, Failure};
use chrono::{DateTime, Utc};

use super::super::{Billing, panel};
use crate::store::service_attempt::Outcome;

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

/// What a sealed first password belongs to.
#[must_use]
pub fn belongs_to(seller_id: SellerId, subscription_id: SubscriptionId) -> String {
    format!("{seller_id} {subscription_id} password")
}

/// Does a task. Whatever happens, it ends with something.
pub async fn perform(billing: Billing, task: Task) -> Ending {
    let answer = call(&billing, &task).await;
    let (ended, outcome, problem, words) = match answer {
        Ok(done) => {
            let outcome = if done.already { Outcome::DoneAlready } else { Outcome::Done };
            let words: Vec<String> = done.warnings.into_iter().take(WARNINGS_MAX).collect();
            (Ended::Done { already: done.already, seen: done.value }, outcome, String::new(), words.join("; "))
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
            // Credentials are mended by a person, and then it works: nothing about the account is wrong.
            ProblemKind::Unauthenticated | ProblemKind::Unavailable | ProblemKind::Busy => {
                (Ended::Later(None), Outcome::RetryLater)
            }
            _ => (Ended::Refused, Outcome::Refused),
        },
    }
}

async fn call(billing: &Billing, task: &Task) -> Answer<Option<Seen>> {
    let running = match billing.host.at_work(task.instance_id, task.revision) {
        Some(running) => running,
        None => panel::connect(billing, task.seller_id, task.instance_id)
            .await
            // What is wrong with the instance is mended there; nothing was done.
            .map_err(|error| Failure::later(ProblemKind::Unavailable, error.reason(), error.to_string()))??,
    };
    let operation = Some(Operation {
        id: task.operation.clone(),
        attempt: task.attempt,
        first_attempt_at: Some(prost_types::Timestamp {
            seconds: task.first_attempt_at.timestamp(),
            nanos: i32::try_from(task.first_attempt_at.timestamp_subsec_nanos()).unwrap_or_default(),
        }),
        // The host says how much is left.
        time_left: None,
    });
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
