//! TestConnection and GetCapacity: what the server is, what the token may do there, and how full it is.

use billet_plugin::v1::{GetCapacityResponse, ProblemKind, TestConnectionResponse};
use billet_plugin::{Answer, Done, Failure};
use serde_json::Value;

use crate::Cpanel;
use crate::account::rows;
use crate::budget::Budget;
use crate::client::Call;
use crate::failure::Trouble;
use crate::figures;

/// The privilege of root and of resellers with all rights.
const ALL: &str = "all";
/// Which privilege each method needs, by the names of myprivs. What is about whole resellers is for those who have all.
const NEEDED: [(&str, &str); 21] = [
    ("CheckUsername", "create-acct"),
    ("CreateAccount", "create-acct"),
    ("ListAccounts", "list-accts"),
    ("GetAccount", "acct-summary"),
    ("ListPackages", "list-pkgs"),
    ("GetUsage", "show-bandwidth"),
    ("GetCapacity", "list-accts"),
    ("SingleSignOn", "create-user-session"),
    ("SuspendAccount", "suspend-acct"),
    ("UnsuspendAccount", "suspend-acct"),
    ("TerminateAccount", "kill-acct"),
    ("ChangePackage", "upgrade-account"),
    ("ChangePassword", "passwd"),
    ("UpdateAccount", "edit-account"),
    ("CreatePackage", "add-pkg"),
    ("ListResellers", ALL),
    ("CreateReseller", ALL),
    ("SetResellerLimits", ALL),
    ("SuspendReseller", ALL),
    ("UnsuspendReseller", ALL),
    ("TerminateReseller", ALL),
];

/// TestConnection.
pub(crate) async fn test(panel: &Cpanel) -> Answer<TestConnectionResponse> {
    let budget = Budget::of(None, panel.manner.time_max);
    let ask = async |function| {
        let time = budget.question(panel.manner.time_max)?;
        panel.client.call(Call::to(function), time).await.map_err(Trouble::asking)
    };
    let version = figures::text(&ask("version").await?.data["version"]);
    if version.is_empty() {
        return Err(Failure::later(ProblemKind::Unavailable, "", "the answer has no version: is this WHM?"));
    }
    let mut warnings = Vec::new();
    let hostname = match ask("gethostname").await {
        Ok(reply) => figures::text(&reply.data["hostname"]),
        Err(failure) if failure.is_refused(ProblemKind::Permission) => String::new(),
        Err(failure) => return Err(failure),
    };
    let privileges = ask("myprivs").await?.data;
    let missing_permissions = match granted(&privileges["privileges"]) {
        Some(granted) => missing(&granted),
        None => {
            warnings.push("the server does not tell what the token may do".to_owned());
            Vec::new()
        }
    };
    let response =
        TestConnectionResponse { version, hostname, missing_permissions, ..TestConnectionResponse::default() };
    Ok(Done::new(response).with_warnings(warnings))
}

/// The privileges that are on: a list of one object by the documentation, seen as the object itself too.
fn granted(privileges: &Value) -> Option<Vec<String>> {
    let objects: Vec<&Value> = match privileges {
        Value::Array(objects) => objects.iter().collect(),
        Value::Object(_) => vec![privileges],
        _ => return None,
    };
    let members = objects.into_iter().filter_map(Value::as_object).flatten();
    Some(members.filter(|(_, on)| figures::flag(on)).map(|(name, _)| name.clone()).collect())
}

fn missing(granted: &[String]) -> Vec<String> {
    let has = |privilege: &str| granted.iter().any(|name| name == privilege || name == ALL);
    NEEDED.iter().filter(|(_, privilege)| !has(privilege)).map(|(method, _)| (*method).to_owned()).collect()
}

/// GetCapacity: for root the licence, for a reseller its own limit.
pub(crate) async fn capacity(panel: &Cpanel) -> Answer<GetCapacityResponse> {
    let budget = Budget::of(None, panel.manner.time_max);
    let ask = async |function| {
        let time = budget.question(panel.manner.time_max)?;
        panel.client.call(Call::to(function), time).await.map_err(Trouble::asking)
    };
    if panel.manner.user != "root" {
        let counts = ask("acctcounts").await?.data;
        // One object, or a list of one in older versions.
        let counts = match &counts["reseller"] {
            Value::Array(rows) => rows.first().cloned().unwrap_or_default(),
            object => object.clone(),
        };
        let active = figures::whole(&counts["active"]);
        let active = active.ok_or_else(|| Failure::later(ProblemKind::Unavailable, "", "the answer has no count"))?;
        let suspended = figures::whole(&counts["suspended"]).unwrap_or(0);
        let accounts_max = figures::limit(&counts["limit"]).filter(|limit| *limit > 0);
        return Ok(Done::new(GetCapacityResponse {
            accounts: active.saturating_add(suspended),
            accounts_max,
            ..GetCapacityResponse::default()
        }));
    }
    let accounts = match ask("get_current_users_count").await {
        Ok(reply) => figures::whole(&reply.data["users"]),
        Err(failure) if failure.is_refused(ProblemKind::Unsupported) => None,
        Err(failure) => return Err(failure),
    };
    let accounts = match accounts {
        Some(accounts) => accounts,
        // Versions before these counters.
        None => {
            let call = Call::to("listaccts").with("want", "user");
            let time = budget.question(panel.manner.time_max)?;
            let reply = panel.client.call(call, time).await.map_err(Trouble::asking)?;
            i64::try_from(rows(&reply.data, "acct")?.len()).unwrap_or(i64::MAX)
        }
    };
    let mut warnings = Vec::new();
    let accounts_max = match ask("get_maximum_users").await {
        // 0 is a licence without a limit.
        Ok(reply) => figures::limit(&reply.data["users"]).filter(|users| *users > 0),
        Err(Failure::Refused(problem)) => {
            warnings.push(problem.words);
            None
        }
        Err(failure) => return Err(failure),
    };
    Ok(Done::new(GetCapacityResponse { accounts, accounts_max, ..GetCapacityResponse::default() })
        .with_warnings(warnings))
}
