//! suspendreseller, unsuspendreseller and terminatereseller: the same work for all accounts of a reseller, one by one.

use serde_json::json;

use super::Panel;
use super::call::{Call, Done, Outcome, Refusal};
use super::create::remove_one;
use super::privileges::not_a_reseller;
use super::suspend::{suspend_one, unsuspend_one};

/// Suspends a reseller and the accounts that it owns. What is suspended already keeps its reason.
pub(super) async fn suspendreseller(panel: &Panel, call: &Call) -> Outcome {
    let user = call.required("user")?;
    let reason = call.get("reason").unwrap_or("Unknown");
    let mut raw = String::new();
    for account in concerned(panel, call, user)? {
        raw.push_str(&suspend_one(panel, call, &account, reason, call.flag("disallow")).await?);
    }
    Ok(Done { raw: Some(raw), ..Done::default() })
}

/// Unsuspends a reseller and all accounts that it owns, whoever suspended them.
pub(super) async fn unsuspendreseller(panel: &Panel, call: &Call) -> Outcome {
    let user = call.required("user")?;
    for account in concerned(panel, call, user)? {
        unsuspend_one(panel, call, &account).await?;
    }
    Ok(Done::default())
}

/// Removes the accounts of a reseller, and its own if `terminatereseller` is 1. Success even when some stay: the answer
/// has a result for each.
pub(super) async fn terminatereseller(panel: &Panel, call: &Call) -> Outcome {
    let (user, own_too) = (call.required("user")?, call.required("terminatereseller")? == "1");
    let mut rows = Vec::new();
    for account in owned(panel, user)? {
        rows.push(removal(panel, call, &account).await);
    }
    if own_too {
        rows.push(removal(panel, call, user).await);
    }
    Ok(Done::with_data(json!({"acct": rows})))
}

async fn removal(panel: &Panel, call: &Call, user: &str) -> serde_json::Value {
    let (result, reason) = match remove_one(panel, call, user).await {
        Ok(()) => (1, format!("{user} account removed")),
        Err(Refusal::Failed(reason)) => (0, reason),
        Err(Refusal::AccessDenied) => (0, "Access denied".to_owned()),
    };
    json!({"user": user, "result": result, "reason": reason, "output": {"raw": "Running pre removal script...Done\n"}})
}

/// The accounts that a reseller owns, without its own.
fn owned(panel: &Panel, user: &str) -> Result<Vec<String>, Refusal> {
    panel.with(|state| {
        if !state.resellers.contains_key(user) {
            return Err(not_a_reseller(user));
        }
        let accounts = state.accounts.values().filter(|account| account.owner == user && account.user != user);
        Ok(accounts.map(|account| account.user.clone()).collect())
    })
}

/// All that are meant: only the reseller's own with `reseller-only`.
fn concerned(panel: &Panel, call: &Call, user: &str) -> Result<Vec<String>, Refusal> {
    let mut accounts = owned(panel, user)?;
    if call.flag("reseller-only") {
        accounts.clear();
    }
    accounts.push(user.to_owned());
    Ok(accounts)
}
