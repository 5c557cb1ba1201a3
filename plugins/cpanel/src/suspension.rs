//! SuspendAccount and UnsuspendAccount. WHM answers both with success whatever the state was, so the state is asked for
//! first; a suspension that Billet did not set is never lifted unless a person says so.

use billet_plugin::v1::{
    Account, ProblemKind, SuspendAccountRequest, SuspendAccountResponse, Suspension, SuspensionOrigin,
    UnsuspendAccountRequest, UnsuspendAccountResponse,
};
use billet_plugin::{Answer, Done, Failure, suspension};

use crate::Cpanel;
use crate::account::{FOUND_BY_LOOKING, find, looked, missing, username};
use crate::budget::Budget;
use crate::client::Call;

/// How long a reason may be, in characters: WHM keeps it in a file of one line.
const REASON_CHARS_MAX: usize = 500;

/// SuspendAccount.
pub(crate) async fn suspend(panel: &Cpanel, request: &SuspendAccountRequest) -> Answer<SuspendAccountResponse> {
    let user = username(request.r#ref.as_ref())?;
    let budget = Budget::of(request.operation.as_ref(), panel.manner.time_max);
    let account = find(panel, user, budget).await?.ok_or_else(|| missing(user))?;
    if let Some(suspension) = account.suspension {
        return Ok(Done::already(response(suspension)));
    }
    let reason = reason(&request.reason);
    let mut call = Call::to("suspendacct").with("user", user).with("reason", &reason);
    if request.lock {
        call = call.with_flag("disallowun", true);
    }
    let time = budget.change(panel.manner.time_max)?;
    match panel.client.call(call, time).await {
        Ok(reply) => {
            let now = find(panel, user, budget).await;
            let now = now.ok().flatten().and_then(|account| account.suspension);
            let now = now.unwrap_or_else(|| Suspension {
                origin: SuspensionOrigin::Billet.into(),
                reason,
                locked: request.lock,
                since: None,
            });
            Ok(Done::new(response(now)).with_warnings(reply.warnings))
        }
        Err(trouble) => {
            let look = async { Ok(find(panel, user, budget).await?.and_then(|account| account.suspension)) };
            let suspension = looked(trouble.changing(), look).await?;
            Ok(Done::new(response(suspension)).with_warnings(vec![FOUND_BY_LOOKING.to_owned()]))
        }
    }
}

/// UnsuspendAccount.
pub(crate) async fn unsuspend(panel: &Cpanel, request: &UnsuspendAccountRequest) -> Answer<UnsuspendAccountResponse> {
    let user = username(request.r#ref.as_ref())?;
    let budget = Budget::of(request.operation.as_ref(), panel.manner.time_max);
    let account = find(panel, user, budget).await?.ok_or_else(|| missing(user))?;
    let Some(suspension) = &account.suspension else {
        return Ok(Done::already(UnsuspendAccountResponse::default()));
    };
    if !request.force {
        check_liftable(user, suspension)?;
    }
    lift(panel, user, budget)
        .await
        .map(|warnings| Done::new(UnsuspendAccountResponse::default()).with_warnings(warnings))
}

/// Unsuspends one account; what the panel complained about.
pub(crate) async fn lift(panel: &Cpanel, user: &str, budget: Budget) -> Result<Vec<String>, Failure> {
    let time = budget.change(panel.manner.time_max)?;
    match panel.client.call(Call::to("unsuspendacct").with("user", user), time).await {
        Ok(reply) => Ok(reply.warnings),
        Err(trouble) => {
            let is_active = |account: Account| account.suspension.is_none().then_some(());
            let look = async { Ok(find(panel, user, budget).await?.and_then(is_active)) };
            looked(trouble.changing(), look).await?;
            Ok(vec![FOUND_BY_LOOKING.to_owned()])
        }
    }
}

/// Refuses to lift what somebody else set.
pub(crate) fn check_liftable(user: &str, found: &Suspension) -> Result<(), Failure> {
    if found.origin() == SuspensionOrigin::Billet {
        return Ok(());
    }
    let words = format!("`{user}` was not suspended by Billet; the reason at the server: {}", found.reason);
    Err(Failure::refused(ProblemKind::State, "", words))
}

/// A reason as it is kept: marked, on one line, not too long.
pub(crate) fn reason(words: &str) -> String {
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    suspension::marked(&line.chars().take(REASON_CHARS_MAX).collect::<String>()).trim_end().to_owned()
}

fn response(suspension: Suspension) -> SuspendAccountResponse {
    SuspendAccountResponse { suspension: Some(suspension), ..SuspendAccountResponse::default() }
}
