//! setupreseller, listresellers and create_user_session.

use serde_json::json;

use super::call::{Call, Done, Outcome, Refusal};
use super::{Panel, ROOT};
use crate::secret::Secret;

/// A session that is not used dies after this many seconds.
const SESSION_SECONDS: i64 = 15 * 60;

/// Makes an account a reseller. Root's alone.
pub(super) fn setupreseller(panel: &Panel, call: &Call) -> Outcome {
    if call.caller != ROOT {
        return Err(Refusal::AccessDenied);
    }
    let user = call.required("user")?;
    panel.with(|state| {
        let account = state.account_mut(&call.caller, user)?;
        account.reseller = true;
        if call.flag("makeowner") {
            user.clone_into(&mut account.owner);
        }
        state.tokens.entry(user.to_owned()).or_insert_with(Secret::random);
        Ok(())
    })?;
    Ok(Done::default())
}

/// The resellers' users. Root's alone.
pub(super) fn listresellers(panel: &Panel, call: &Call) -> Outcome {
    if call.caller != ROOT {
        return Err(Refusal::AccessDenied);
    }
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
