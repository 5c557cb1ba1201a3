//! SuspendReseller, UnsuspendReseller and TerminateReseller. WHM works through all of a reseller's accounts, one by one and
//! for minutes, so what is there is asked for before and after.

use std::collections::BTreeMap;

use billet_plugin::v1::{
    Problem, ProblemKind, SuspendResellerRequest, SuspendResellerResponse, Suspension, TerminateResellerRequest,
    TerminateResellerResponse, UnsuspendResellerRequest, UnsuspendResellerResponse,
};
use billet_plugin::{Answer, Done, Failure, ProblemExt};
use serde_json::Value;

use crate::Cpanel;
use crate::account::{FOUND_BY_LOOKING, find, limit, looked, name, rows, suspension_of, username};
use crate::budget::Budget;
use crate::client::Call;
use crate::failure::Trouble;
use crate::suspension::{check_liftable, lift, reason};
use crate::termination::check_same;
use crate::words::{Secrets, bounded};
use crate::{figures, listing};

/// A suspended account, as listsuspended has it.
struct Suspended {
    owner: String,
    suspension: Suspension,
}

/// SuspendReseller.
pub(crate) async fn suspend(panel: &Cpanel, request: &SuspendResellerRequest) -> Answer<SuspendResellerResponse> {
    let user = username(request.r#ref.as_ref())?;
    let budget = Budget::of(request.operation.as_ref(), limit(panel, true));
    check_reseller(panel, user, budget).await?;
    if is_all_suspended(panel, user, budget).await? {
        return Ok(Done::already(SuspendResellerResponse::default()));
    }
    let call = Call::to("suspendreseller").with("user", user).with("reason", common_reason(request));
    let time = budget.change(limit(panel, true))?;
    match panel.client.call(call, time).await {
        Ok(reply) => Ok(Done::new(SuspendResellerResponse::default()).with_warnings(reply.warnings)),
        Err(trouble) => {
            let look = async { Ok(is_all_suspended(panel, user, budget).await?.then_some(())) };
            looked(trouble.changing(), look).await?;
            Ok(Done::new(SuspendResellerResponse::default()).with_warnings(vec![FOUND_BY_LOOKING.to_owned()]))
        }
    }
}

/// The reason of the reseller and all of its accounts. The operation's id makes it one that no other suspension has.
fn common_reason(request: &SuspendResellerRequest) -> String {
    match request.operation.as_ref().map(|operation| operation.id.as_str()).filter(|id| !id.is_empty()) {
        Some(id) => format!("{} ({id})", reason(&request.reason)),
        None => reason(&request.reason),
    }
}

/// UnsuspendReseller. WHM itself would lift all suspensions below the reseller, also those for abuse or for a customer's own
/// debts. Here those accounts are lifted that were suspended together with the reseller, which shows in the same reason;
/// then the reseller, whose reason is needed until then.
pub(crate) async fn unsuspend(panel: &Cpanel, request: &UnsuspendResellerRequest) -> Answer<UnsuspendResellerResponse> {
    let user = username(request.r#ref.as_ref())?;
    let budget = Budget::of(request.operation.as_ref(), limit(panel, true));
    check_reseller(panel, user, budget).await?;
    let suspended = suspended(panel, budget).await?;
    let Some(own) = suspended.get(user) else {
        return Ok(Done::already(UnsuspendResellerResponse::default()));
    };
    let mut warnings = Vec::new();
    let mut lifted = 0_usize;
    if !request.force {
        check_liftable(user, &own.suspension)?;
        let mut kept = 0_usize;
        for (account, one) in suspended.iter().filter(|(account, one)| one.owner == user && *account != user) {
            if one.suspension.reason != own.suspension.reason {
                kept += 1;
                continue;
            }
            // What was lifted stays lifted; the next attempt goes on where this one ended.
            let more = lift(panel, account, budget).await.map_err(|failure| partly(account, lifted, failure))?;
            warnings.extend(more);
            lifted += 1;
        }
        if kept > 0 {
            warnings.push(format!("{kept} accounts of `{user}` stay suspended, for reasons of their own"));
        }
    }
    let own = lift_reseller(panel, user, request.force, budget).await;
    warnings.extend(own.map_err(|failure| partly(user, lifted, failure))?);
    Ok(Done::new(UnsuspendResellerResponse::default()).with_warnings(bounded(warnings.into_iter())))
}

/// Unsuspends a reseller, with all of its accounts or without them; what the panel complained about.
async fn lift_reseller(panel: &Cpanel, user: &str, all: bool, budget: Budget) -> Result<Vec<String>, Failure> {
    let call = Call::to("unsuspendreseller").with("user", user).with_flag("reseller-only", !all);
    let time = budget.change(limit(panel, true))?;
    match panel.client.call(call, time).await {
        Ok(reply) => Ok(reply.warnings),
        Err(trouble) => {
            let look = async { Ok((!suspended(panel, budget).await?.contains_key(user)).then_some(())) };
            looked(trouble.changing(), look).await?;
            Ok(vec![FOUND_BY_LOOKING.to_owned()])
        }
    }
}

/// TerminateReseller.
pub(crate) async fn terminate(panel: &Cpanel, request: &TerminateResellerRequest) -> Answer<TerminateResellerResponse> {
    let user = username(request.r#ref.as_ref())?;
    let done = TerminateResellerResponse::default();
    let budget = Budget::of(request.operation.as_ref(), limit(panel, true));
    let account = find(panel, user, budget).await?;
    if let Some(account) = &account {
        check_same(request.r#ref.as_ref(), account)?;
    }
    if !listing::resellers(panel, budget).await?.contains(user) {
        return match account {
            None => Ok(Done::already(done)),
            Some(_) => Err(Failure::refused(
                ProblemKind::State,
                "",
                format!("`{user}` is an account and not a reseller: nothing was done"),
            )),
        };
    }
    let call = Call::to("terminatereseller").with("user", user).with_flag("terminatereseller", true);
    let time = budget.change(limit(panel, true))?;
    match panel.client.call(call, time).await {
        Ok(reply) => {
            let mut warnings = reply.warnings;
            warnings.extend(refused_removals(&reply.data));
            match left_over(panel, user, budget).await {
                Ok(0) | Err(_) => Ok(Done::new(done).with_warnings(bounded(warnings.into_iter()))),
                Ok(left) => {
                    let words = format!("{left} accounts of `{user}` are still there. {}", warnings.join("; "));
                    Err(Failure::Unknown(Problem::of(ProblemKind::State, "", words)))
                }
            }
        }
        Err(trouble) => {
            let look = async { Ok((left_over(panel, user, budget).await? == 0).then_some(())) };
            looked(trouble.changing(), look).await?;
            Ok(Done::new(done).with_warnings(vec![FOUND_BY_LOOKING.to_owned()]))
        }
    }
}

async fn check_reseller(panel: &Cpanel, user: &str, budget: Budget) -> Result<(), Failure> {
    if listing::resellers(panel, budget).await?.contains(user) {
        return Ok(());
    }
    Err(Failure::refused(ProblemKind::NotFound, "", format!("there is no reseller `{user}`")))
}

/// The suspended accounts by name.
async fn suspended(panel: &Cpanel, budget: Budget) -> Result<BTreeMap<String, Suspended>, Failure> {
    let time = budget.question(panel.manner.time_max)?;
    let reply = panel.client.call(Call::to("listsuspended"), time).await.map_err(Trouble::asking)?;
    let read = |row: &Value| {
        let owner = figures::text(&row["owner"]);
        let suspension = suspension_of(&row["reason"], &row["unixtime"], &row["is_locked"], &owner);
        (figures::text(&row["user"]), Suspended { owner, suspension })
    };
    Ok(rows(&reply.data, "account")?.iter().map(read).filter(|(user, _)| !user.is_empty()).collect())
}

/// Whether the reseller and all of its accounts are suspended.
async fn is_all_suspended(panel: &Cpanel, user: &str, budget: Budget) -> Result<bool, Failure> {
    let suspended = suspended(panel, budget).await?;
    if !suspended.contains_key(user) {
        return Ok(false);
    }
    let owned = listing::all(panel, user, budget).await?;
    Ok(owned.iter().all(|account| suspended.contains_key(&name(account).username)))
}

/// How many accounts of a reseller are there, its own among them.
async fn left_over(panel: &Cpanel, user: &str, budget: Budget) -> Result<usize, Failure> {
    let owned = listing::all(panel, user, budget).await?;
    let own = owned.iter().any(|account| name(account).username == user);
    let own_elsewhere = !own && find(panel, user, budget).await?.is_some();
    Ok(owned.len() + usize::from(own_elsewhere))
}

/// What terminatereseller says of accounts that it did not remove, under an envelope that says success.
fn refused_removals(data: &Value) -> Vec<String> {
    let rows = data["acct"].as_array().into_iter().flatten();
    let failed = rows.filter(|row| !row["result"].is_null() && !figures::flag(&row["result"]));
    let plain = Secrets::default();
    failed
        .map(|row| format!("{}: {}", figures::text(&row["user"]), plain.sentence(&figures::text(&row["reason"]))))
        .collect()
}

/// Once something was lifted, nobody can say that nothing was done. A login that is refused is said as it is: repeating it
/// would only lock the token's user out.
fn partly(account: &str, lifted: usize, failure: Failure) -> Failure {
    if lifted == 0 || failure.kind() == ProblemKind::Unauthenticated {
        return failure;
    }
    let problem = failure.problem();
    let words = format!("{lifted} accounts were lifted; then `{account}`: {}", problem.words);
    Failure::Unknown(Problem::of(problem.kind(), problem.code.clone(), words))
}
