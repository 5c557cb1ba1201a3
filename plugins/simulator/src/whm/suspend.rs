//! suspendacct and unsuspendacct.

use serde_json::{Value, json};

use super::call::{Call, Done, Outcome, Refusal};
use super::hooks::{SUSPEND, UNSUSPEND};
use super::state::{State, Suspension};
use super::{Panel, ROOT};

/// Suspends an account. Doing it again is no failure: only the raw output says so, and the hooks run again.
pub(super) async fn suspendacct(panel: &Panel, call: &Call) -> Outcome {
    let user = call.required("user")?;
    let reason = call.get("reason").unwrap_or("Unknown");
    let locked = call.flag("disallowun");
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
    Ok(Done { raw: Some(raw), ..Done::default() })
}

/// Lifts a suspension. A locked one only root can lift.
pub(super) async fn unsuspendacct(panel: &Panel, call: &Call) -> Outcome {
    let user = call.required("user")?;
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
    Ok(Done { raw: Some(raw), ..Done::default() })
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
