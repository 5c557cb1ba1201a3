//! CreateReseller and SetResellerLimits: setupreseller, setacls and setresellerlimits. A reseller at WHM is an account that
//! exists already.

use billet_plugin::v1::{
    AccountRef, CreateResellerRequest, CreateResellerResponse, Limits, ProblemKind, Reseller, SetResellerLimitsRequest,
    SetResellerLimitsResponse,
};
use billet_plugin::{Answer, Done, Failure};

use crate::Cpanel;
use crate::account::{FOUND_BY_LOOKING, find, is_repeated, looked, missing, name, username};
use crate::budget::Budget;
use crate::client::Call;
use crate::failure::Trouble;
use crate::termination::check_same;
use crate::{figures, listing};

/// CreateReseller.
pub(crate) async fn create(panel: &Cpanel, request: &CreateResellerRequest) -> Answer<CreateResellerResponse> {
    let user = username(request.r#ref.as_ref())?;
    let limits = request.limits.as_ref();
    let limiting = limits.map(|limits| limiting(user, limits, false)).transpose()?;
    let operation = request.operation.as_ref();
    let budget = Budget::of(operation, panel.manner.time_max);
    let account = find(panel, user, budget).await?.ok_or_else(|| missing(user))?;
    check_same(request.r#ref.as_ref(), &account)?;
    let reseller = Reseller {
        r#ref: Some(AccountRef { username: user.to_owned(), panel_id: String::new(), domain: name(&account).domain }),
        accounts: None,
        suspension: account.suspension.clone(),
        email: account.email.clone(),
    };
    let response = CreateResellerResponse { reseller: Some(reseller), ..CreateResellerResponse::default() };
    let exists = listing::resellers(panel, budget).await?.contains(user);
    if exists && !is_repeated(operation) {
        return Ok(Done::already(response));
    }
    let mut warnings = Vec::new();
    if !exists {
        warnings.extend(set_up(panel, user, budget).await?);
    }
    match endow(panel, user, &request.privileges, limiting, budget).await {
        Ok(more) => warnings.extend(more),
        // A reseller without its limits must not stay: one that this call made is unmade.
        Err(failure @ Failure::Refused(_)) if !exists => return Err(unmade(panel, user, failure, budget).await),
        Err(Failure::RetryLater { problem, .. }) => return Err(Failure::Unknown(problem)),
        Err(failure) => return Err(failure),
    }
    warnings.extend(unlimited(limits));
    Ok(Done::new(response).with_warnings(warnings))
}

/// SetResellerLimits. Doing it twice does no harm.
pub(crate) async fn set_limits(
    panel: &Cpanel,
    request: &SetResellerLimitsRequest,
) -> Answer<SetResellerLimitsResponse> {
    let user = username(request.r#ref.as_ref())?;
    let limits = request.limits.unwrap_or_default();
    let limiting = limiting(user, &limits, request.overselling)?;
    let budget = Budget::of(request.operation.as_ref(), panel.manner.time_max);
    if !listing::resellers(panel, budget).await?.contains(user) {
        return Err(Failure::refused(ProblemKind::NotFound, "", format!("there is no reseller `{user}`")));
    }
    let mut warnings = endow(panel, user, &request.privileges, Some(limiting), budget).await?;
    warnings.extend(unlimited(Some(&limits)));
    Ok(Done::new(SetResellerLimitsResponse::default()).with_warnings(warnings))
}

async fn set_up(panel: &Cpanel, user: &str, budget: Budget) -> Result<Vec<String>, Failure> {
    let call = Call::to("setupreseller").with("user", user).with_flag("makeowner", panel.manner.reseller_owns_itself);
    let time = budget.change(panel.manner.time_max)?;
    match panel.client.call(call, time).await {
        Ok(reply) => Ok(reply.warnings),
        Err(trouble) => {
            let look = async { Ok(listing::resellers(panel, budget).await?.contains(user).then_some(())) };
            looked(trouble.changing(), look).await?;
            Ok(vec![FOUND_BY_LOOKING.to_owned()])
        }
    }
}

/// Gives privileges (a list that an administrator saved; an empty name leaves them, as an empty list would take all of them
/// away) and limits. The limits come first: they are the call that can be refused for a value.
async fn endow(
    panel: &Cpanel,
    user: &str,
    privileges: &str,
    limiting: Option<Call>,
    budget: Budget,
) -> Result<Vec<String>, Failure> {
    let mut warnings = Vec::new();
    if let Some(call) = limiting {
        let time = budget.change(panel.manner.time_max)?;
        warnings.extend(panel.client.call(call, time).await.map_err(Trouble::changing)?.warnings);
    }
    if !privileges.is_empty() {
        let call = Call::to("setacls").with("reseller", user).with("acllist", privileges);
        let time = budget.change(panel.manner.time_max)?;
        warnings.extend(panel.client.call(call, time).await.map_err(Trouble::changing)?.warnings);
    }
    Ok(warnings)
}

/// Takes the reseller's status away again. The failure when that worked; else nobody knows how things stand.
async fn unmade(panel: &Cpanel, user: &str, failure: Failure, budget: Budget) -> Failure {
    let Ok(time) = budget.change(panel.manner.time_max) else {
        return Failure::Unknown(failure.problem().clone());
    };
    match panel.client.call(Call::to("unsetupreseller").with("user", user), time).await {
        Ok(_) => failure,
        Err(_) => Failure::Unknown(failure.problem().clone()),
    }
}

/// The call that sets the limits: what is absent is not limited.
fn limiting(user: &str, limits: &Limits, overselling: bool) -> Result<Call, Failure> {
    let positive = |name: &str, limit: Option<i64>| match limit {
        Some(limit) if limit <= 0 => Err(Failure::refused(
            ProblemKind::Invalid,
            "",
            format!("{name}: WHM takes 0 for no limit; leave it out for that"),
        )),
        limit => Ok(limit),
    };
    let accounts = positive("accounts", limits.accounts)?;
    let disk = positive("disk", limits.disk_bytes)?.map(figures::to_mib);
    let bandwidth = positive("bandwidth", limits.bandwidth_bytes)?.map(figures::to_mib);
    let mut call =
        Call::to("setresellerlimits").with("user", user).with_flag("enable_account_limit", accounts.is_some());
    if let Some(accounts) = accounts {
        call = call.with("account_limit", accounts.to_string());
    }
    let limited = disk.is_some() || bandwidth.is_some();
    call = call.with_flag("enable_resource_limits", limited);
    if limited {
        call = call
            .with("diskspace_limit", disk.unwrap_or(0).to_string())
            .with("bandwidth_limit", bandwidth.unwrap_or(0).to_string())
            .with_flag("enable_overselling", overselling)
            .with_flag("enable_overselling_bandwidth", overselling)
            .with_flag("enable_overselling_diskspace", overselling);
    }
    Ok(call)
}

/// Which limits WHM has for packages only.
fn unlimited(limits: Option<&Limits>) -> Option<String> {
    let limits = limits?;
    let others = [limits.addon_domains, limits.subdomains, limits.mailboxes, limits.databases, limits.ftp_users];
    others
        .iter()
        .any(Option::is_some)
        .then(|| "WHM limits a reseller's accounts, disk space and bandwidth; the other limits were not set".to_owned())
}
