//! changepackage, modifyacct and passwd: what changes about an account.

use serde_json::{Map, Value, json};

use super::call::{Call, Done, Outcome, Refusal};
use super::hooks::{CHANGE_PACKAGE, CHANGE_PASSWORD, MODIFY};
use super::naming::{new_domain, new_username};
use super::state::{Account, State};
use super::{Panel, ROOT};
use crate::secret::Secret;

/// The shortest password the panel takes.
const PASSWORD_CHARS_MIN: usize = 5;

/// Moves an account to another package, whose limits it then has.
pub(super) async fn changepackage(panel: &Panel, call: &Call) -> Outcome {
    let (user, package) = (call.required("user")?, call.required("pkg")?);
    let before = panel.with(|state| movable(state, call, user, package))?;
    let data = json!({"user": user, "cur_pkg": before, "new_pkg": package});
    panel.before(CHANGE_PACKAGE, &data).await?;
    panel.with(|state| {
        movable(state, call, user, package)?;
        let limits = state.packages.get(package).map(|package| package.limits.clone());
        let account = state.account_mut(&call.caller, user)?;
        package.clone_into(&mut account.plan);
        account.limits = limits.unwrap_or_default();
        Ok(())
    })?;
    panel.after(CHANGE_PACKAGE, &data).await;
    Ok(Done { raw: Some(format!("<pre>\nChanging plan from {before} to {package}\n</pre>")), ..Done::default() })
}

/// The package the account has now, if it can move to `package`.
fn movable(state: &State, call: &Call, user: &str, package: &str) -> Result<String, Refusal> {
    if !state.accounts.contains_key(user) {
        return Err(Refusal::plain(format!("Sorry the user {user} does not exist")));
    }
    let account = state.account(&call.caller, user)?;
    if !state.packages.contains_key(package) {
        return Err(Refusal::plain("Specified package does not exist."));
    }
    Ok(account.plan.clone())
}

/// Changes names, owner, address and limits. The hook gets the call's own parameters.
pub(super) async fn modifyacct(panel: &Panel, call: &Call) -> Outcome {
    let user = call.required("user")?;
    panel.with(|state| modified(state, call, user).map(|_| ()))?;
    let data: Map<String, Value> = call.own().map(|(name, value)| (name.to_owned(), json!(value))).collect();
    let data = Value::Object(data);
    panel.before(MODIFY, &data).await?;
    let account = panel.with(|state| {
        let account = modified(state, call, user)?;
        rename(state, user, &account);
        state.accounts.insert(account.user.clone(), account.clone());
        Ok(account)
    })?;
    panel.after(MODIFY, &data).await;
    Ok(Done {
        reason: "Account Modified".to_owned(),
        data: Some(json!({
            "cpuser": user_file(panel, &account), "domain": account.domain, "setshell": "unmodified", "user": account.user,
        })),
        raw: None,
    })
}

/// The account as it will be, without keeping it.
fn modified(state: &State, call: &Call, user: &str) -> Result<Account, Refusal> {
    let mut account = state.account(&call.caller, user)?.clone();
    if let Some(new) = call.get("newuser").filter(|new| *new != user) {
        account.user = new_username(state, new)?;
    }
    let domain = call.get("domain").or_else(|| call.get("DNS")).filter(|domain| *domain != account.domain);
    if let Some(domain) = domain {
        account.domain = new_domain(state, domain)?;
    }
    if let Some(email) = call.get("contactemail") {
        email.clone_into(&mut account.contact_email);
    }
    if let Some(owner) = call.get("owner").filter(|_| call.caller == ROOT) {
        let is_reseller = state.accounts.get(owner).is_some_and(|owner| owner.reseller);
        if owner != ROOT && owner != account.user && !is_reseller {
            return Err(Refusal::exception(format!("“{owner}” is not a reseller on this system.")));
        }
        owner.clone_into(&mut account.owner);
    }
    account.limits.overlay_modification(call)?;
    Ok(account)
}

/// What else hangs on the old name moves along.
fn rename(state: &mut State, old: &str, account: &Account) {
    if old == account.user {
        return;
    }
    state.accounts.remove(old);
    if let Some(token) = state.tokens.remove(old) {
        state.tokens.insert(account.user.clone(), token);
    }
    if let Some(standing) = state.resellers.remove(old) {
        state.resellers.insert(account.user.clone(), standing);
    }
    for owned in state.accounts.values_mut().filter(|owned| owned.owner == old) {
        account.user.clone_into(&mut owned.owner);
    }
}

/// The account's file on the server, as modifyacct shows it.
fn user_file(panel: &Panel, account: &Account) -> Map<String, Value> {
    let mut file = account.limits.package_members();
    let members = [
        ("USER", json!(account.user)),
        ("DOMAIN", json!(account.domain)),
        ("OWNER", json!(account.owner)),
        ("PLAN", json!(account.plan)),
        ("CONTACTEMAIL", json!(account.contact_email)),
        ("IP", json!(account.ip(panel))),
        ("STARTDATE", json!(account.created_at.timestamp().to_string())),
    ];
    file.extend(members.map(|(name, value)| (name.to_owned(), value)));
    file
}

/// Sets an account's password. The hook gets it in clear.
pub(super) async fn passwd(panel: &Panel, call: &Call) -> Outcome {
    let (user, password) = (call.required("user")?, call.required("password")?);
    panel.with(|state| state.account(&call.caller, user).map(|_| ()))?;
    if password.chars().count() < PASSWORD_CHARS_MIN {
        return Err(Refusal::plain("Sorry, that password is too short."));
    }
    let data = json!({"user": user, "newpass": password});
    panel.before(CHANGE_PASSWORD, &data).await?;
    panel.with(|state| {
        state.account_mut(&call.caller, user)?.password = Secret::new(password);
        Ok(())
    })?;
    panel.after(CHANGE_PASSWORD, &data).await;
    Ok(Done {
        reason: format!("Password changed for user “{user}”."),
        data: Some(json!({"app": ["system", "ftp", "mail", "mysql"]})),
        raw: None,
    })
}
