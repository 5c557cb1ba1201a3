//! suspendacct and unsuspendacct.

use serde_json::{Value, json};

use super::call::{Call, Done, Outcome, Refusal};
use super::hooks::{SUSPEND, UNSUSPEND};
use super::state::{Account, State, Suspension};
use super::{Panel, ROOT};

/// Suspends an account. Doing it again is no failure: only the raw output says so, and the hooks run again.
pub(super) async fn suspendacct(panel: &Panel, call: &Call) -> Outcome {
    let user = call.required("user")?;
    let reason = call.get("reason").unwrap_or("Unknown");
    let raw = suspend_one(panel, call, user, reason, call.flag("disallowun")).await?;
    Ok(Done { raw: Some(raw), ..Done::default() })
}

/// Suspends one account, with its hooks; what the script prints.
pub(super) async fn suspend_one(
    panel: &Panel,
    call: &Call,
    user: &str,
    reason: &str,
    locked: bool,
) -> Result<String, Refusal> {
    panel.with(|state| state.account(&call.caller, user).map(|_| ()))?;
    let args = json!({"user": user, "reason": reason, "disallowun": u8::from(locked)});
    panel.before(SUSPEND, &json!({"args": args})).await?;
    let at = panel.clock.now();
    let raw = panel.with(|state| {
        let account = state.account_mut(&call.caller, user)?;
        if account.suspension.is_some() {
            return Ok(format!("{user}'s account was previously suspended\n"));
        }
        account.suspension = Some(Suspension { reason: reason.to_owned(), at, locked });
        Ok(format!("Suspending websites...\nSuspending FTP accounts...\n{user}'s account has been suspended\n"))
    })?;
    panel.after(SUSPEND, &finished(&args, &raw)).await;
    Ok(raw)
}

/// Lifts a suspension. A locked one only root can lift.
pub(super) async fn unsuspendacct(panel: &Panel, call: &Call) -> Outcome {
    let user = call.required("user")?;
    let raw = unsuspend_one(panel, call, user).await?;
    Ok(Done { raw: Some(raw), ..Done::default() })
}

/// Lifts one suspension, with its hooks; what the script prints.
pub(super) async fn unsuspend_one(panel: &Panel, call: &Call, user: &str) -> Result<String, Refusal> {
    panel.with(|state| unsuspendable(state, call, user))?;
    let args = json!({"user": user});
    panel.before(UNSUSPEND, &json!({"args": args})).await?;
    panel.with(|state| {
        unsuspendable(state, call, user)?;
        state.account_mut(&call.caller, user)?.suspension = None;
        Ok(())
    })?;
    let raw = format!("Unsuspending websites...\n{user}'s account is now active\n");
    panel.after(UNSUSPEND, &finished(&args, &raw)).await;
    Ok(raw)
}

/// The suspended accounts that the caller sees.
pub(super) fn listsuspended(panel: &Panel, call: &Call) -> Outcome {
    let row = |account: &Account| {
        let suspension = account.suspension.as_ref()?;
        Some(json!({
            "user": account.user, "owner": account.owner, "reason": suspension.reason,
            "time": suspension.at.format("%a %b %d %H:%M:%S %Y").to_string(), "unixtime": suspension.at.timestamp(),
            "is_locked": u8::from(suspension.locked),
        }))
    };
    let accounts: Vec<Value> = panel.with(|state| Ok(state.visible(&call.caller).filter_map(row).collect()))?;
    Ok(Done::with_data(json!({"account": accounts})))
}

/// The names of those that only root can unsuspend.
pub(super) fn listlockedaccounts(panel: &Panel, call: &Call) -> Outcome {
    let locked = |account: &&Account| account.suspension.as_ref().is_some_and(|suspension| suspension.locked);
    let names: Vec<String> = panel
        .with(|state| Ok(state.visible(&call.caller).filter(locked).map(|account| account.user.clone()).collect()))?;
    Ok(Done::with_data(json!({"account": names})))
}

fn unsuspendable(state: &State, call: &Call, user: &str) -> Result<(), Refusal> {
    let account = state.account(&call.caller, user)?;
    let locked = account.suspension.as_ref().is_some_and(|suspension| suspension.locked);
    if locked && call.caller != ROOT {
        return Err(Refusal::plain(format!("The account “{user}” is locked: only root can unsuspend it.")));
    }
    Ok(())
}

/// The data of these two hooks after the work: the input lies under `args`, unlike in the others.
fn finished(args: &Value, raw: &str) -> Value {
    json!({"args": args, "result": 1, "output": raw.lines().collect::<Vec<_>>()})
}
