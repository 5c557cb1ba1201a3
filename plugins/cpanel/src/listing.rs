//! ListAccounts and ListResellers: listaccts and listresellers.

use std::collections::{BTreeMap, BTreeSet};

use billet_plugin::v1::{
    Account, AccountRef, ListAccountsRequest, ListAccountsResponse, ListResellersResponse, ProblemKind, Reseller,
};
use billet_plugin::{Answer, Done, Failure};

use crate::Cpanel;
use crate::account::{name, read, rows};
use crate::budget::Budget;
use crate::client::Call;
use crate::figures;

/// The members of listaccts that are used; the others make the answer many times as long.
const WANTED: &str = "user,domain,plan,owner,email,suspended,suspendreason,suspendtime,is_locked,unix_startdate,ip,\
                      diskused,disklimit";
/// The largest page.
const PAGE_MAX: usize = 1_000;

/// ListAccounts. WHM gives all of them at once; a page is a part of that, by user name, and its token the last name, so
/// that an account that comes or goes in between moves no other one.
pub(crate) async fn list_accounts(panel: &Cpanel, request: &ListAccountsRequest) -> Answer<ListAccountsResponse> {
    let owner = request.owner.as_str();
    let mut accounts = all(panel, owner, Budget::of(None, panel.manner.time_max)).await?;
    accounts.retain(|account| name(account).username.as_str() > request.page_token.as_str());
    let size = match request.page_size {
        0 => PAGE_MAX,
        size => usize::try_from(size).unwrap_or(PAGE_MAX).min(PAGE_MAX),
    };
    let more = accounts.len() > size;
    accounts.truncate(size);
    let last = accounts.last().filter(|_| more).map(|account| name(account).username);
    Ok(Done::new(ListAccountsResponse {
        accounts,
        next_page_token: last.unwrap_or_default(),
        ..ListAccountsResponse::default()
    }))
}

/// All accounts of an owner, or all that there are when it is empty, by user name.
pub(crate) async fn all(panel: &Cpanel, owner: &str, budget: Budget) -> Result<Vec<Account>, Failure> {
    let mut call = Call::to("listaccts").with("want", WANTED);
    if !owner.is_empty() {
        call = call.with("searchtype", "owner").with("search", owner).with("searchmethod", "exact");
    }
    let time = budget.question(panel.manner.time_max)?;
    let reply = panel.client.call(call, time).await.map_err(crate::failure::Trouble::asking)?;
    let mut accounts: Vec<Account> = rows(&reply.data, "acct")?.iter().filter_map(read).collect();
    // Old versions take the name for a pattern.
    accounts.retain(|account| owner.is_empty() || account.owner == owner);
    accounts.sort_by_key(|account| name(account).username);
    Ok(accounts)
}

/// The names of the resellers.
pub(crate) async fn resellers(panel: &Cpanel, budget: Budget) -> Result<BTreeSet<String>, Failure> {
    let time = budget.question(panel.manner.time_max)?;
    let reply = panel.client.call(Call::to("listresellers"), time).await;
    let reply = reply.map_err(crate::failure::Trouble::asking)?;
    let names = rows(&reply.data, "reseller")?.iter().map(figures::text);
    Ok(names.filter(|name| !name.is_empty()).collect())
}

/// ListResellers. An account that a reseller owns counts, its own account does not.
pub(crate) async fn list_resellers(panel: &Cpanel) -> Answer<ListResellersResponse> {
    let budget = Budget::of(None, panel.manner.time_max);
    let names = resellers(panel, budget).await?;
    let mut warnings = Vec::new();
    let accounts = match all(panel, "", budget).await {
        Ok(accounts) => Some(accounts),
        Err(failure) if failure.is_refused(ProblemKind::Permission) => {
            warnings.push(failure.problem().words.clone());
            None
        }
        Err(failure) => return Err(failure),
    };
    let resellers = describe(names, accounts.as_deref());
    Ok(Done::new(ListResellersResponse { resellers, ..ListResellersResponse::default() }).with_warnings(warnings))
}

fn describe(names: BTreeSet<String>, accounts: Option<&[Account]>) -> Vec<Reseller> {
    let mut owned: BTreeMap<&str, i64> = BTreeMap::new();
    let mut known: BTreeMap<String, &Account> = BTreeMap::new();
    for account in accounts.unwrap_or_default() {
        let username = name(account).username;
        if account.owner != username {
            *owned.entry(&account.owner).or_default() += 1;
        }
        known.insert(username, account);
    }
    let describe = |username: String| {
        let account = known.get(&username);
        Reseller {
            accounts: accounts.map(|_| owned.get(username.as_str()).copied().unwrap_or(0)),
            suspension: account.and_then(|account| account.suspension.clone()),
            email: account.map(|account| account.email.clone()).unwrap_or_default(),
            r#ref: Some(AccountRef {
                domain: account.map(|account| name(account).domain).unwrap_or_default(),
                panel_id: String::new(),
                username,
            }),
        }
    };
    names.into_iter().map(describe).collect()
}
