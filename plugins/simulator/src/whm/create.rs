//! createacct, verify_new_username and removeacct: how accounts come and go.

use serde_json::{Value, json};

use super::call::{Call, Done, Outcome, Refusal};
use super::hooks::{CREATE, REMOVE};
use super::limits::Limits;
use super::naming::{new_domain, new_username};
use super::privileges::not_a_reseller;
use super::state::{Account, State};
use super::{Panel, ROOT};
use crate::secret::Secret;

/// The package of an account that is created without one.
const DEFAULT_PLAN: &str = "default";

/// Creates an account. The hook `Accounts::Create` gets its input, the password in clear among it.
pub(super) async fn createacct(panel: &Panel, call: &Call) -> Outcome {
    let password = call.get("password").map_or_else(Secret::random, Secret::new);
    let data = panel.with(|state| Ok(hook_data(&prepare(panel, state, call, &password)?)))?;
    panel.before(CREATE, &data).await?;
    // Another call may have taken the name while the hooks ran.
    let account = panel.with(|state| {
        let account = prepare(panel, state, call, &password)?;
        state.accounts.insert(account.user.clone(), account.clone());
        if account.reseller {
            state.promote(&account.user);
        }
        Ok(account)
    })?;
    panel.after(CREATE, &data).await;
    let nameserver = |number: u8| format!("ns{number}.{}", panel.options.hostname);
    Ok(Done {
        reason: "Account Creation Ok".to_owned(),
        data: Some(json!({
            "ip": account.ip(panel), "package": account.plan,
            "nameserver": nameserver(1), "nameserver2": nameserver(2), "nameserver3": "", "nameserver4": "",
            "nameservera": null, "nameservera2": null, "nameservera3": null, "nameservera4": null,
            "nameserverentry": null, "nameserverentry2": null, "nameserverentry3": null, "nameserverentry4": null,
        })),
        raw: Some(raw_output(panel, &account, call.get("showpass") != Some("n"))),
    })
}

/// Checks everything and makes the account, without keeping it.
fn prepare(panel: &Panel, state: &State, call: &Call, password: &Secret) -> Result<Account, Refusal> {
    let user = new_username(state, call.required("username")?)?;
    let domain = match call.get("domain") {
        Some(domain) => new_domain(state, domain)?,
        // The panel makes up a temporary domain.
        None => new_domain(state, &format!("{user}.temporary.{}", panel.options.hostname))?,
    };
    if state.accounts.len() >= panel.options.accounts_max {
        return Err(Refusal::plain("You have reached the maximum number of accounts that your license permits."));
    }
    let plan = call.get("plan").or_else(|| call.get("pkgname")).unwrap_or(DEFAULT_PLAN);
    let Some(package) = state.packages.get(plan) else {
        return Err(Refusal::plain("Specified package does not exist."));
    };
    let mut limits: Limits = package.limits.clone();
    limits.overlay_creation(call)?;
    // A reseller's accounts are its own, whatever it asks for.
    let owner = if call.caller == ROOT { call.get("owner").unwrap_or(ROOT) } else { call.caller.as_str() };
    let owner_exists = owner == ROOT || owner == user || state.accounts.get(owner).is_some_and(|o| o.reseller);
    if !owner_exists {
        return Err(not_a_reseller(owner));
    }
    let owned = state.accounts.values().filter(|account| account.owner == owner).count();
    let full = state.resellers.get(owner).and_then(|standing| standing.accounts_max);
    if full.is_some_and(|most| owned as u64 >= most) {
        return Err(Refusal::exception(format!("“{owner}” has reached the maximum number of accounts.")));
    }
    Ok(Account {
        user,
        domain,
        plan: plan.to_owned(),
        owner: owner.to_owned(),
        contact_email: call.get("contactemail").unwrap_or_default().to_owned(),
        password: password.clone(),
        created_at: panel.clock.now(),
        suspension: None,
        reseller: call.flag("reseller") && call.caller == ROOT,
        limits,
        disk_used_kib: 0,
        inodes_used: 0,
        bandwidth_bytes: std::collections::BTreeMap::new(),
    })
}

/// What the hook gets.
fn hook_data(account: &Account) -> Value {
    json!({
        "user": account.user, "domain": account.domain, "plan": account.plan, "pass": account.password.reveal(),
        "contactemail": account.contact_email, "owner": account.owner,
    })
}

/// What the creation script prints. The password stands in it, in clear, unless the caller says `showpass=n`.
fn raw_output(panel: &Panel, account: &Account, with_password: bool) -> String {
    let password = if with_password { account.password.reveal() } else { "*HIDDEN*" };
    let rows = [
        ("Domain", account.domain.as_str()),
        ("Ip", &format!("{} (n)", account.ip(panel))),
        ("UserName", &account.user),
        ("PassWord", password),
        ("Quota", &account.limits.quota_text()),
        ("Contact Email", &account.contact_email),
        ("Package", &account.plan),
    ];
    let rows: String = rows.iter().map(|(name, value)| format!("| {name}: {value}\n")).collect();
    format!(
        "Checking input data...\n...Done\n+ New Account Info +\n{rows}+\nAdding User...\n...Done\nAccount Creation Ok\n"
    )
}

/// Says whether createacct would take this username.
pub(super) fn verify_new_username(panel: &Panel, call: &Call) -> Outcome {
    panel.with(|state| new_username(state, call.required("user")?))?;
    Ok(Done::default())
}

/// Removes an account for good. API 0 called the parameter `user`, and the panel still takes that.
pub(super) async fn removeacct(panel: &Panel, call: &Call) -> Outcome {
    let user = call.get("username").or_else(|| call.get("user"));
    let user = user.ok_or_else(|| Refusal::exception("Provide the “username” parameter."))?;
    remove_one(panel, call, user).await?;
    Ok(Done {
        reason: format!("{user} account removed"),
        data: None,
        raw: Some(format!("Removing User & Group...\n...Done\nAccount Removal Complete!!!...{user} account removed\n")),
    })
}

/// Removes one account, with its hooks.
pub(super) async fn remove_one(panel: &Panel, call: &Call, user: &str) -> Result<(), Refusal> {
    panel.with(|state| removable(state, call, user))?;
    let data = json!({"user": user});
    panel.before(REMOVE, &data).await?;
    panel.with(|state| {
        removable(state, call, user)?;
        state.remove(user);
        Ok(())
    })?;
    panel.after(REMOVE, &data).await;
    Ok(())
}

/// A missing account has words of its own here; a reseller that still owns accounts stays.
fn removable(state: &State, call: &Call, user: &str) -> Result<(), Refusal> {
    if !state.accounts.contains_key(user) {
        return Err(Refusal::plain(format!("System user {user} does not exist!")));
    }
    state.account(&call.caller, user)?;
    if state.accounts.values().any(|account| account.owner == user && account.user != user) {
        return Err(Refusal::plain(format!("{user} is a reseller that still owns accounts.")));
    }
    Ok(())
}
