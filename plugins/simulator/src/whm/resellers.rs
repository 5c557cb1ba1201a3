//! setupreseller, unsetupreseller, setresellerlimits, acctcounts, listresellers and create_user_session.

use serde_json::json;

use super::call::{Call, Done, Outcome, Refusal};
use super::privileges::not_a_reseller;
use super::state::Standing;
use super::{Panel, ROOT};
use crate::secret::Secret;

/// A session that is not used dies after this many seconds.
const SESSION_SECONDS: i64 = 15 * 60;

/// Makes an account a reseller. Root's alone.
pub(super) fn setupreseller(panel: &Panel, call: &Call) -> Outcome {
    let user = call.required("user")?;
    panel.with(|state| {
        let account = state.account_mut(&call.caller, user)?;
        if call.flag("makeowner") {
            user.clone_into(&mut account.owner);
        }
        state.promote(user);
        Ok(())
    })?;
    Ok(Done::default())
}

/// Takes a reseller's status; its accounts stay where they are. Root's alone.
pub(super) fn unsetupreseller(panel: &Panel, call: &Call) -> Outcome {
    let user = call.required("user")?;
    panel.with(|state| {
        state.resellers.remove(user).ok_or_else(|| not_a_reseller(user))?;
        state.tokens.remove(user);
        state.account_mut(&call.caller, user)?.reseller = false;
        Ok(())
    })?;
    Ok(Done::default())
}

/// Sets what a reseller may have: a limit counts only when it is switched on. Root's alone.
pub(super) fn setresellerlimits(panel: &Panel, call: &Call) -> Outcome {
    let user = call.required("user")?;
    let accounts_max = number(call, "account_limit")?.filter(|_| call.flag("enable_account_limit"));
    if accounts_max == Some(0) {
        return Err(Refusal::exception("“account_limit” must be at least 1."));
    }
    let resources = call.flag("enable_resource_limits");
    let disk_mib_max = number(call, "diskspace_limit")?.filter(|most| resources && *most > 0);
    let bandwidth_mib_max = number(call, "bandwidth_limit")?.filter(|most| resources && *most > 0);
    let overselling = resources && call.flag("enable_overselling");
    panel.with(|state| {
        let standing = state.resellers.get_mut(user).ok_or_else(|| not_a_reseller(user))?;
        let privileges = std::mem::take(&mut standing.privileges);
        *standing = Standing { privileges, accounts_max, disk_mib_max, bandwidth_mib_max, overselling };
        Ok(())
    })?;
    Ok(Done::default())
}

fn number(call: &Call, name: &str) -> Result<Option<u64>, Refusal> {
    let parsed = call.get(name).map(str::parse).transpose();
    parsed.map_err(|_| Refusal::exception(format!("“{name}” must be a whole number.")))
}

/// How many accounts a reseller, or root, owns and may own.
pub(super) fn acctcounts(panel: &Panel, call: &Call) -> Outcome {
    let user = call.get("user").unwrap_or(&call.caller);
    if call.caller != ROOT && user != call.caller {
        return Err(Refusal::AccessDenied);
    }
    panel.with(|state| {
        let owned = state.accounts.values().filter(|account| account.owner == user);
        let (suspended, active): (Vec<_>, Vec<_>) = owned.partition(|account| account.suspension.is_some());
        let limit = state.resellers.get(user).and_then(|standing| standing.accounts_max);
        let (active, suspended) = (active.len(), suspended.len());
        Ok(Done::with_data(
            json!({"reseller": {"user": user, "active": active, "suspended": suspended, "limit": limit}}),
        ))
    })
}

/// The resellers' users. Root's alone.
pub(super) fn listresellers(panel: &Panel) -> Outcome {
    let resellers = panel.with(|state| {
        let resellers = state.accounts.values().filter(|account| account.reseller);
        Ok(resellers.map(|account| account.user.clone()).collect::<Vec<_>>())
    })?;
    Ok(Done::with_data(json!({"reseller": resellers})))
}

/// A link that logs the account's owner in once.
pub(super) fn create_user_session(panel: &Panel, call: &Call) -> Outcome {
    let (user, service) = (call.required("user")?, call.required("service")?);
    let port = match service {
        "cpaneld" => 2083,
        "whostmgrd" => 2087,
        "webmaild" => 2096,
        other => return Err(Refusal::exception(format!("“{other}” is not a valid value for “service”."))),
    };
    let account = panel.with(|state| state.account(&call.caller, user).cloned())?;
    if service == "whostmgrd" && !account.reseller {
        return Err(Refusal::exception(format!("“{user}” is not a reseller on this system.")));
    }
    let (secret, digits) = (Secret::random(), uuid::Uuid::new_v4().as_u128() % 10_000_000_000);
    let session = format!("{user}:{}:CREATE_USER_SESSION", secret.reveal());
    let token = format!("/cpsess{digits:010}");
    let host = &panel.options.hostname;
    Ok(Done::with_data(json!({
        "url": format!("https://{host}:{port}{token}/login/?session={session}"),
        "session": session, "cp_security_token": token, "service": service,
        "expires": panel.clock.now().timestamp() + SESSION_SECONDS,
    })))
}
