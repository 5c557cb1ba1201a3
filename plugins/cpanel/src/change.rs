//! ChangePackage, ChangePassword and UpdateAccount: changepackage, passwd and modifyacct.

use billet_plugin::v1::{
    Account, ChangePackageRequest, ChangePackageResponse, ChangePasswordRequest, ChangePasswordResponse, ProblemKind,
    UpdateAccountRequest, UpdateAccountResponse,
};
use billet_plugin::{Answer, Done, Failure};

use crate::account::{FOUND_BY_LOOKING, find, limit, looked, missing, name, username};
use crate::budget::Budget;
use crate::client::Call;
use crate::{Cpanel, naming};

/// ChangePackage.
pub(crate) async fn package(panel: &Cpanel, request: &ChangePackageRequest) -> Answer<ChangePackageResponse> {
    let user = username(request.r#ref.as_ref())?;
    let wanted = request.package.as_str();
    if wanted.is_empty() {
        return Err(Failure::refused(ProblemKind::Invalid, "", "the name of the package is missing"));
    }
    let budget = Budget::of(request.operation.as_ref(), panel.manner.time_max);
    let account = find(panel, user, budget).await?.ok_or_else(|| missing(user))?;
    if account.package == wanted {
        return Ok(Done::already(ChangePackageResponse::default()));
    }
    let call = Call::to("changepackage").with("user", user).with("pkg", wanted);
    let time = budget.change(panel.manner.time_max)?;
    match panel.client.call(call, time).await {
        Ok(reply) => Ok(Done::new(ChangePackageResponse::default()).with_warnings(reply.warnings)),
        Err(trouble) => {
            let has_it = |account: Account| (account.package == wanted).then_some(());
            let look = async { Ok(find(panel, user, budget).await?.and_then(has_it)) };
            looked(trouble.changing(), look).await?;
            Ok(Done::new(ChangePackageResponse::default()).with_warnings(vec![FOUND_BY_LOOKING.to_owned()]))
        }
    }
}

/// ChangePassword. Whether it was done cannot be looked up; setting the same one again does no harm.
pub(crate) async fn password(panel: &Cpanel, request: &ChangePasswordRequest) -> Answer<ChangePasswordResponse> {
    let user = username(request.r#ref.as_ref())?;
    if user == "root" || user == panel.manner.user {
        // Setting the password of the token's own user is never what billing wants.
        return Err(Failure::refused(ProblemKind::Permission, "", format!("the password of `{user}` is not set here")));
    }
    if request.password.is_empty() {
        return Err(Failure::refused(ProblemKind::Invalid, "", "the password is empty"));
    }
    let budget = Budget::of(request.operation.as_ref(), panel.manner.time_max);
    let call = Call::to("passwd")
        .with("user", user)
        .with_secret("password", &request.password)
        .with_flag("db_pass_update", true);
    let time = budget.change(panel.manner.time_max)?;
    let reply = panel.client.call(call, time).await.map_err(crate::failure::Trouble::changing)?;
    Ok(Done::new(ChangePasswordResponse::default()).with_warnings(reply.warnings))
}

/// UpdateAccount.
pub(crate) async fn update(panel: &Cpanel, request: &UpdateAccountRequest) -> Answer<UpdateAccountResponse> {
    let user = username(request.r#ref.as_ref())?;
    let renamed = request.username.as_deref().filter(|new| *new != user);
    if let Some(new) = renamed {
        naming::check(new)?;
    }
    // Renaming an account moves its files and databases.
    let budget = Budget::of(request.operation.as_ref(), limit(panel, true));
    let Some(account) = find(panel, user, budget).await? else {
        // An earlier attempt may have renamed it.
        let Some(new) = renamed else { return Err(missing(user)) };
        let account = find(panel, new, budget).await?.filter(|account| is_as_wanted(account, request));
        return account.map(|account| Done::already(response(account))).ok_or_else(|| missing(user));
    };
    let Some(call) = difference(user, &account, request) else {
        return Ok(Done::already(response(account)));
    };
    let time = budget.change(limit(panel, true))?;
    let name_now = renamed.unwrap_or(user);
    match panel.client.call(call, time).await {
        Ok(reply) => {
            let mut warnings = reply.warnings;
            match find(panel, name_now, budget).await {
                Ok(Some(now)) => {
                    if !is_as_wanted(&now, request) {
                        warnings.push("the panel answered with success, and not everything has changed".to_owned());
                    }
                    Ok(Done::new(response(now)).with_warnings(warnings))
                }
                _ => {
                    warnings.push("the changed account could not be read back".to_owned());
                    Ok(Done::new(response(as_wanted(account, request))).with_warnings(warnings))
                }
            }
        }
        Err(trouble) => {
            let look =
                async { Ok(find(panel, name_now, budget).await?.filter(|account| is_as_wanted(account, request))) };
            let account = looked(trouble.changing(), look).await?;
            Ok(Done::new(response(account)).with_warnings(vec![FOUND_BY_LOOKING.to_owned()]))
        }
    }
}

/// The call that changes what differs; `None` when nothing does.
fn difference(user: &str, account: &Account, request: &UpdateAccountRequest) -> Option<Call> {
    let domain = request.domain.as_deref().filter(|new| !new.eq_ignore_ascii_case(&name(account).domain));
    let email = request.email.as_deref().filter(|new| *new != account.email);
    let owner = request.owner.as_deref().filter(|new| *new != account.owner);
    let username = request.username.as_deref().filter(|new| *new != user);
    let changes = [("domain", domain), ("contactemail", email), ("owner", owner), ("newuser", username)];
    if changes.iter().all(|(_, value)| value.is_none()) {
        return None;
    }
    let call = Call::to("modifyacct").with("user", user);
    Some(changes.into_iter().fold(call, |call, (name, value)| match value {
        Some(value) => call.with(name, value),
        None => call,
    }))
}

fn is_as_wanted(account: &Account, request: &UpdateAccountRequest) -> bool {
    let found = name(account);
    request.domain.as_ref().is_none_or(|domain| domain.eq_ignore_ascii_case(&found.domain))
        && request.email.as_ref().is_none_or(|email| *email == account.email)
        && request.owner.as_ref().is_none_or(|owner| *owner == account.owner)
        && request.username.as_ref().is_none_or(|username| *username == found.username)
}

fn as_wanted(mut account: Account, request: &UpdateAccountRequest) -> Account {
    let mut named = name(&account);
    if let Some(domain) = &request.domain {
        named.domain.clone_from(domain);
    }
    if let Some(username) = &request.username {
        named.username.clone_from(username);
    }
    account.r#ref = Some(named);
    if let Some(email) = &request.email {
        account.email.clone_from(email);
    }
    if let Some(owner) = &request.owner {
        account.owner.clone_from(owner);
    }
    account
}

fn response(account: Account) -> UpdateAccountResponse {
    UpdateAccountResponse { account: Some(account), ..UpdateAccountResponse::default() }
}
