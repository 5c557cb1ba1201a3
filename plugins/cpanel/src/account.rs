//! Accounts as WHM shows them (accountsummary, listaccts), and whether one is ours.

use std::time::Duration;

use billet_plugin::v1::{
    Account, AccountRef, GetAccountResponse, Operation, ProblemKind, Suspension, SuspensionOrigin,
};
use billet_plugin::{Answer, Done, Failure, suspension};
use prost_types::Timestamp;
use serde_json::Value;

use crate::Cpanel;
use crate::budget::Budget;
use crate::client::Call;
use crate::figures;

/// How far two clocks may be apart when an account's age is judged.
const CLOCK_SKEW_SECONDS: i64 = 120;
/// Said when the panel did the work and the answer was lost.
pub(crate) const FOUND_BY_LOOKING: &str = "no answer came; the panel shows that it was done";

/// GetAccount.
pub(crate) async fn get(panel: &Cpanel, account: Option<&AccountRef>) -> Answer<GetAccountResponse> {
    let user = username(account)?;
    match find(panel, user, Budget::of(None, panel.manner.time_max)).await? {
        Some(account) => Ok(Done::new(GetAccountResponse { account: Some(account), ..GetAccountResponse::default() })),
        None => Err(missing(user)),
    }
}

/// The user name of a reference: what WHM knows accounts by.
pub(crate) fn username(account: Option<&AccountRef>) -> Result<&str, Failure> {
    let user = account.map(|account| account.username.as_str()).unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if user.is_empty() || user.len() > 64 || !user.chars().all(plain) {
        return Err(Failure::refused(ProblemKind::Invalid, "", format!("`{user}` is not a user name")));
    }
    Ok(user)
}

/// There is no such account.
pub(crate) fn missing(user: &str) -> Failure {
    Failure::refused(ProblemKind::NotFound, "", format!("there is no account `{user}` that this token can see"))
}

/// The account with this user name; `None` if there is none.
///
/// # Errors
/// When the panel cannot be asked.
pub(crate) async fn find(panel: &Cpanel, user: &str, budget: Budget) -> Result<Option<Account>, Failure> {
    let call = Call::to("accountsummary").with("user", user);
    let account = summary(panel, call, budget).await?;
    // A server that searched otherwise than it was asked must not lead to the wrong account.
    Ok(account.filter(|account| name(account).username == user))
}

/// The account with this main domain.
pub(crate) async fn find_by_domain(panel: &Cpanel, domain: &str, budget: Budget) -> Result<Option<Account>, Failure> {
    let call = Call::to("accountsummary").with("domain", domain.to_ascii_lowercase());
    let account = summary(panel, call, budget).await?;
    Ok(account.filter(|account| name(account).domain.eq_ignore_ascii_case(domain)))
}

async fn summary(panel: &Cpanel, call: Call, budget: Budget) -> Result<Option<Account>, Failure> {
    let time = budget.question(panel.manner.time_max)?;
    match panel.client.call(call, time).await {
        Ok(reply) => rows(&reply.data, "acct").map(|rows| rows.iter().find_map(read)),
        Err(trouble) if trouble.is_missing() => Ok(None),
        Err(trouble) => Err(trouble.asking()),
    }
}

/// The rows of a listing.
///
/// # Errors
/// When the member is not there: this is not the answer that was asked for.
pub(crate) fn rows<'a>(data: &'a Value, member: &str) -> Result<&'a [Value], Failure> {
    data[member].as_array().map(Vec::as_slice).ok_or_else(|| {
        Failure::later(ProblemKind::Unavailable, "", format!("the answer has no list `{member}`: is this WHM API 1?"))
    })
}

/// What an account is called.
pub(crate) fn name(account: &Account) -> AccountRef {
    account.r#ref.clone().unwrap_or_default()
}

/// A row of accountsummary or listaccts; `None` if it does not say whose.
pub(crate) fn read(row: &Value) -> Option<Account> {
    let username = figures::text(&row["user"]);
    if username.is_empty() {
        return None;
    }
    let owner = figures::text(&row["owner"]);
    Some(Account {
        r#ref: Some(AccountRef { username, panel_id: String::new(), domain: figures::text(&row["domain"]) }),
        package: figures::text(&row["plan"]),
        email: match figures::text(&row["email"]).as_str() {
            // What the panel writes for no address.
            "*unknown*" => String::new(),
            email => email.to_owned(),
        },
        suspension: figures::flag(&row["suspended"])
            .then(|| suspension_of(&row["suspendreason"], &row["suspendtime"], &row["is_locked"], &owner)),
        owner,
        created_at: figures::whole(&row["unix_startdate"]).map(at),
        ip: figures::text(&row["ip"]),
        disk_used_bytes: figures::mib(&row["diskused"]),
        disk_limit_bytes: figures::mib_limit(&row["disklimit"]),
        ..Account::default()
    })
}

/// A suspension from its members, which listings name differently.
pub(crate) fn suspension_of(reason: &Value, since: &Value, locked: &Value, owner: &str) -> Suspension {
    // WHM keeps a reason in a file, whose line end may come along.
    let reason = figures::text(reason).trim().to_owned();
    let locked = figures::flag(locked);
    // WHM does not keep who suspended. Only root locks, and nobody but root may touch root's accounts.
    let otherwise =
        if locked || owner == "root" { SuspensionOrigin::Administrator } else { SuspensionOrigin::Unspecified };
    Suspension {
        origin: suspension::origin(&reason, otherwise).into(),
        locked,
        since: figures::whole(since).filter(|seconds| *seconds > 0).map(at),
        reason,
    }
}

/// A point in time.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp { seconds, nanos: 0 }
}

/// Whether this is at least the second attempt, so that the work may have been done.
pub(crate) fn is_repeated(operation: Option<&Operation>) -> bool {
    operation.is_some_and(|operation| operation.attempt > 1)
}

/// Whether an account is what an operation makes: by name, domain (unless empty), owner and age. What the panel does not
/// say counts against it.
pub(crate) fn is_ours(account: &Account, domain: &str, owner: &str, operation: Option<&Operation>) -> bool {
    let since = operation.and_then(|operation| operation.first_attempt_at.as_ref());
    let young = match (account.created_at.as_ref(), since) {
        (Some(created), Some(since)) => created.seconds >= since.seconds - CLOCK_SKEW_SECONDS,
        _ => false,
    };
    let domain_fits = domain.is_empty() || name(account).domain.eq_ignore_ascii_case(domain);
    young && domain_fits && account.owner == owner
}

/// After a change whose answer did not come: what looking shows. Whatever it does not show stays unknown.
///
/// # Errors
/// `failure`, unless the look says for certain that somebody else's is in the way.
pub(crate) async fn looked<T>(
    failure: Failure,
    look: impl Future<Output = Result<Option<T>, Failure>>,
) -> Result<T, Failure> {
    if !matches!(failure, Failure::Unknown(_)) {
        return Err(failure);
    }
    match look.await {
        Ok(Some(found)) => Ok(found),
        Err(conflict) if conflict.is_refused(ProblemKind::Conflict) => Err(conflict),
        Ok(None) | Err(_) => Err(failure),
    }
}

/// The limit of slow calls, or of others.
pub(crate) fn limit(panel: &Cpanel, slow: bool) -> Duration {
    if slow { panel.manner.time_slow_max } else { panel.manner.time_max }
}
