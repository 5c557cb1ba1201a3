//! TerminateAccount: removeacct, which nobody can undo.

use billet_plugin::v1::{Account, AccountRef, ProblemKind, TerminateAccountRequest, TerminateAccountResponse};
use billet_plugin::{Answer, Done, Failure};

use crate::Cpanel;
use crate::account::{FOUND_BY_LOOKING, find, limit, looked, name, username};
use crate::budget::Budget;
use crate::client::Call;

/// TerminateAccount.
pub(crate) async fn terminate(panel: &Cpanel, request: &TerminateAccountRequest) -> Answer<TerminateAccountResponse> {
    let user = username(request.r#ref.as_ref())?;
    let budget = Budget::of(request.operation.as_ref(), limit(panel, true));
    let Some(account) = find(panel, user, budget).await? else {
        return gone(panel, user, budget).await;
    };
    check_same(request.r#ref.as_ref(), &account)?;
    let mut call = Call::to("removeacct").with("username", user);
    if request.keep_dns {
        call = call.with_flag("keepdns", true);
    }
    let time = budget.change(limit(panel, true))?;
    match panel.client.call(call, time).await {
        Ok(reply) => Ok(Done::new(TerminateAccountResponse::default()).with_warnings(reply.warnings)),
        Err(trouble) if trouble.is_missing() => gone(panel, user, budget).await,
        Err(trouble) => {
            let look = async { Ok(find(panel, user, budget).await?.is_none().then_some(())) };
            looked(trouble.changing(), look).await?;
            let done = Done::new(TerminateAccountResponse::default());
            Ok(done.with_warnings(vec![FOUND_BY_LOOKING.to_owned()]))
        }
    }
}

/// Refuses unless the account with this user name is the one that is meant: it may have been given to somebody else.
pub(crate) fn check_same(meant: Option<&AccountRef>, found: &Account) -> Result<(), Failure> {
    let (meant, found) = (meant.cloned().unwrap_or_default(), name(found));
    let conflict = |words: String| Err(Failure::refused(ProblemKind::Conflict, "", words));
    if !meant.domain.is_empty() && !meant.domain.eq_ignore_ascii_case(&found.domain) {
        let (user, has, other) = (&found.username, &found.domain, &meant.domain);
        return conflict(format!("the account `{user}` has the domain {has}, not {other}: nothing was done"));
    }
    // WHM has no ids of its own; one that came along can only be the user name.
    if !meant.panel_id.is_empty() && meant.panel_id != found.username {
        return conflict(format!("the account `{}` has no id `{}`: nothing was done", found.username, meant.panel_id));
    }
    Ok(())
}

/// There is no account that this token can see. A reseller's token does not see what is another's now, so the name is
/// asked for: what is taken is not gone.
async fn gone(panel: &Cpanel, user: &str, budget: Budget) -> Answer<TerminateAccountResponse> {
    let done = Done::already(TerminateAccountResponse::default());
    if panel.manner.user == "root" {
        return Ok(done);
    }
    let call = Call::to("verify_new_username").with("user", user);
    let asked = panel.client.call(call, budget.question(panel.manner.time_max)?).await;
    match asked.map_err(crate::failure::Trouble::asking) {
        Ok(_) => Ok(done),
        Err(failure) if failure.is_refused(ProblemKind::Conflict) => Err(Failure::refused(
            ProblemKind::Permission,
            "",
            format!("there is something named `{user}` at the server that {} cannot see", panel.manner.user),
        )),
        Err(Failure::Refused(_)) => {
            let warning = format!("whether `{user}` is gone or another's now, the server would not tell");
            Ok(done.with_warnings(vec![warning]))
        }
        Err(failure) => Err(failure),
    }
}
