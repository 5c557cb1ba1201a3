//! CheckUsername and CreateAccount: verify_new_username and createacct.

use std::collections::BTreeMap;

use billet_plugin::v1::{
    Account, AccountRef, CheckUsernameRequest, CheckUsernameResponse, CreateAccountRequest, CreateAccountResponse,
    Problem, ProblemKind,
};
use billet_plugin::{Answer, Done, Failure, ProblemExt};
use chrono::Utc;

use crate::account::{FOUND_BY_LOOKING, find, find_by_domain, is_ours, is_repeated, limit, looked};
use crate::answer::Reply;
use crate::budget::Budget;
use crate::client::Call;
use crate::failure::Trouble;
use crate::{Cpanel, figures, naming};

/// The longest that WHM is taken to be at work on one creation.
const CREATION_SECONDS_MAX: i64 = 15 * 60;

/// What of createacct's parameters may be given as `extra`. Left out: what has a field of its own, what makes packages or
/// resellers on the side, and what only root's own scripts need (uid, gid, homedir).
const EXTRA: [&str; 32] = [
    "account_enhancements",
    "bwlimit",
    "cgi",
    "cpmod",
    "customip",
    "dkim",
    "dmarc",
    "enabledigest",
    "featurelist",
    "forcedns",
    "hasshell",
    "hasuseregns",
    "mail_node_alias",
    "mailbox_format",
    "max_defer_fail_percentage",
    "max_email_per_hour",
    "max_emailacct_quota",
    "max_team_users",
    "maxaddon",
    "maxftp",
    "maxlst",
    "maxpark",
    "maxpop",
    "maxsql",
    "maxsub",
    "mxcheck",
    "ownerself",
    "quota",
    "spamassassin",
    "spambox",
    "spf",
    "useregns",
];

/// CheckUsername.
pub(crate) async fn check_username(panel: &Cpanel, request: &CheckUsernameRequest) -> Answer<CheckUsernameResponse> {
    naming::check(&request.username)?;
    let budget = Budget::of(None, panel.manner.time_max);
    let call = Call::to("verify_new_username").with("user", &request.username);
    let time = budget.question(panel.manner.time_max)?;
    panel.client.call(call, time).await.map_err(|trouble| match trouble.asking() {
        // What it refuses in words that are not known here is still this name.
        Failure::Refused(mut problem) if problem.kind() == ProblemKind::State => {
            problem.kind = ProblemKind::Conflict.into();
            Failure::Refused(problem)
        }
        other => other,
    })?;
    if !request.domain.is_empty() && find_by_domain(panel, &request.domain, budget).await?.is_some() {
        let words = format!("the domain {} is the main domain of an account already", request.domain);
        return Err(Failure::refused(ProblemKind::Conflict, "", words));
    }
    Ok(Done::new(CheckUsernameResponse::default()))
}

/// CreateAccount.
pub(crate) async fn create(panel: &Cpanel, request: &CreateAccountRequest) -> Answer<CreateAccountResponse> {
    naming::check(&request.username)?;
    check_extra(&request.extra)?;
    let operation = request.operation.as_ref();
    let budget = Budget::of(operation, limit(panel, true));
    if is_repeated(operation)
        && let Some(account) = find(panel, &request.username, budget).await?
    {
        return ours(panel, request, account).map(|account| Done::already(response(account, Vec::new())));
    }
    let time = budget.change(limit(panel, true))?;
    match panel.client.call(call(request), time).await {
        Ok(reply) => Ok(created(panel, request, reply, budget).await),
        Err(trouble) => {
            let is_panels = matches!(trouble, Trouble::Failed { .. });
            let failure = trouble.changing();
            if is_repeated(operation) && failure.is_refused(ProblemKind::Conflict) {
                return adopt(panel, request, failure, budget).await;
            }
            let is_vague = failure.is_refused(ProblemKind::State) || failure.is_refused(ProblemKind::Permission);
            if is_panels && is_vague {
                return Err(checked(panel, request, failure, budget).await);
            }
            let account = looked(failure, async {
                let found = find(panel, &request.username, budget).await?;
                found.map(|account| ours(panel, request, account)).transpose()
            });
            let account = account.await?;
            let answer = Done::new(response(account, Vec::new()));
            Ok(answer.with_warnings(vec![FOUND_BY_LOOKING.to_owned()]))
        }
    }
}

/// It exists already: an earlier attempt may have ended only now, or be about to end.
async fn adopt(
    panel: &Cpanel,
    request: &CreateAccountRequest,
    conflict: Failure,
    budget: Budget,
) -> Answer<CreateAccountResponse> {
    let unclear = || Failure::Unknown(conflict.problem().clone());
    if let Some(account) = find(panel, &request.username, budget).await.map_err(|_| unclear())? {
        return ours(panel, request, account).map(|account| Done::already(response(account, Vec::new())));
    }
    let domain = request.domain.as_str();
    if !domain.is_empty() && find_by_domain(panel, domain, budget).await.map_err(|_| unclear())?.is_some() {
        return Err(conflict);
    }
    // The name or the domain is taken, and no account is to be seen: WHM may still be at work on the earlier attempt.
    let began = request.operation.as_ref().and_then(|operation| operation.first_attempt_at.as_ref());
    let is_recent = began.is_some_and(|began| Utc::now().timestamp() - began.seconds < CREATION_SECONDS_MAX);
    Err(if is_recent { unclear() } else { conflict })
}

/// A failure in words that are not known for certain to come before the work: creation has many steps, and one in the middle
/// may be what failed. If the account is there, nobody can say that nothing was done.
async fn checked(panel: &Cpanel, request: &CreateAccountRequest, failure: Failure, budget: Budget) -> Failure {
    let found = find(panel, &request.username, budget).await;
    match found.map(|found| found.is_some_and(|account| ours(panel, request, account).is_ok())) {
        Ok(false) => failure,
        Ok(true) => {
            let problem = failure.problem();
            let words = format!("the panel says that it failed, yet the account is there: {}", problem.words);
            Failure::Unknown(Problem::of(problem.kind(), problem.code.clone(), words))
        }
        Err(_) => Failure::Unknown(failure.problem().clone()),
    }
}

fn ours(panel: &Cpanel, request: &CreateAccountRequest, account: Account) -> Result<Account, Failure> {
    if is_ours(&account, &request.domain, owner(panel, request), request.operation.as_ref()) {
        return Ok(account);
    }
    let (name, domain) = (&request.username, crate::account::name(&account).domain);
    let words = format!(
        "there is an account `{name}` already (domain {domain}, owner {}), and this work did not make it",
        account.owner
    );
    Err(Failure::refused(ProblemKind::Conflict, "", words))
}

/// Whose it will be.
fn owner<'a>(panel: &'a Cpanel, request: &'a CreateAccountRequest) -> &'a str {
    if request.extra.get("ownerself").is_some_and(|value| value == "1") && request.owner.is_empty() {
        return &request.username;
    }
    if request.owner.is_empty() { &panel.manner.user } else { &request.owner }
}

fn check_extra(extra: &BTreeMap<String, String>) -> Result<(), Failure> {
    match extra.keys().find(|name| !EXTRA.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => {
            let words = format!("extra: `{name}` is not taken; there are {}", EXTRA.join(", "));
            Err(Failure::refused(ProblemKind::Invalid, "", words))
        }
    }
}

fn call(request: &CreateAccountRequest) -> Call {
    let mut call = Call::to("createacct")
        .with("username", &request.username)
        .with_some("domain", &request.domain)
        .with_some("plan", &request.package)
        .with_some("contactemail", &request.email)
        .with_some("owner", &request.owner)
        .with_some("language", &locale(&request.language))
        // Otherwise the password stands in the output.
        .with("showpass", "n");
    if !request.password.is_empty() {
        call = call.with_secret("password", &request.password);
    }
    if request.dedicated_ip {
        call = call.with("ip", "y");
    }
    request.extra.iter().fold(call, |call, (name, value)| call.with(name.as_str(), value.as_str()))
}

/// `pt-BR` as cPanel has it: `pt_br`.
fn locale(language: &str) -> String {
    language.replace('-', "_").to_ascii_lowercase()
}

/// The panel said that it is made; what it looks like now is asked for, and guessed if that does not work.
async fn created(
    panel: &Cpanel,
    request: &CreateAccountRequest,
    reply: Reply,
    budget: Budget,
) -> Done<CreateAccountResponse> {
    let mut warnings = reply.warnings;
    let account = match find(panel, &request.username, budget).await {
        Ok(Some(account)) => account,
        _ => {
            warnings.push("the new account could not be read back".to_owned());
            as_requested(panel, request, &reply.data)
        }
    };
    let name_servers = ["nameserver", "nameserver2", "nameserver3", "nameserver4"]
        .into_iter()
        .map(|name| figures::text(&reply.data[name]))
        .filter(|name| !name.is_empty());
    let name_servers = name_servers.collect();
    Done::new(response(account, name_servers)).with_warnings(warnings)
}

fn as_requested(panel: &Cpanel, request: &CreateAccountRequest, data: &serde_json::Value) -> Account {
    Account {
        r#ref: Some(AccountRef {
            username: request.username.clone(),
            panel_id: String::new(),
            domain: request.domain.clone(),
        }),
        package: figures::text(&data["package"]),
        email: request.email.clone(),
        owner: owner(panel, request).to_owned(),
        ip: figures::text(&data["ip"]),
        ..Account::default()
    }
}

fn response(account: Account, name_servers: Vec<String>) -> CreateAccountResponse {
    CreateAccountResponse { account: Some(account), name_servers, ..CreateAccountResponse::default() }
}
