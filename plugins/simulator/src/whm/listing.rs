//! listaccts, accountsummary, showbw and get_disk_usage: what the server tells about its accounts.

use chrono::Datelike;
use regex::{Regex, RegexBuilder};
use serde_json::{Map, Value, json};

use super::call::{Call, Done, Outcome, Refusal};
use super::state::{Account, may_touch};
use super::{Panel, ROOT};

/// A search expression may not compile to more than this.
const EXPRESSION_BYTES_MAX: usize = 256 * 1024;

/// Lists the accounts the caller sees: `search` with `searchtype` narrows it, `want` picks members.
pub(super) fn listaccts(panel: &Panel, call: &Call) -> Outcome {
    let search = Search::of(call, call.get("searchmethod") == Some("exact"))?;
    let want: Option<Vec<&str>> = call.get("want").map(|want| want.split(',').map(str::trim).collect());
    let accounts = panel.with(|state| {
        let matching = state.visible(&call.caller).filter(|account| search.matches(panel, account));
        Ok(matching.map(|account| pick(summary(panel, account), want.as_deref())).collect::<Vec<_>>())
    })?;
    Ok(Done::with_data(json!({"acct": accounts})))
}

fn pick(mut members: Map<String, Value>, want: Option<&[&str]>) -> Map<String, Value> {
    if let Some(want) = want {
        members.retain(|name, _| want.contains(&name.as_str()));
    }
    members
}

/// One account by `user` or `domain`.
pub(super) fn accountsummary(panel: &Panel, call: &Call) -> Outcome {
    if call.get("user").is_none() && call.get("domain").is_none() {
        return Err(Refusal::exception("Provide the “user” or the “domain” parameter."));
    }
    let account = panel.with(|state| {
        let found = match (call.get("user"), call.get("domain")) {
            (Some(user), _) => state.accounts.get(user),
            (None, Some(domain)) => state.by_domain(domain),
            (None, None) => None,
        };
        let account = found.filter(|account| may_touch(&call.caller, account));
        account.map(|account| summary(panel, account)).ok_or_else(|| Refusal::plain("Account does not exist."))
    })?;
    Ok(Done::with_data(json!({"acct": [account]})))
}

/// An account as listaccts and accountsummary show it.
fn summary(panel: &Panel, account: &Account) -> Map<String, Value> {
    let suspension = account.suspension.as_ref();
    let mut members = account.limits.listing_members();
    let more = json!({
        "user": account.user, "domain": account.domain, "plan": account.plan, "owner": account.owner,
        "email": account.contact_email, "ip": account.ip(panel), "ipv6": [], "partition": "home",
        "shell": "/usr/local/cpanel/bin/noshell", "theme": "jupiter", "uid": "1000", "child_nodes": [],
        "suspended": u8::from(suspension.is_some()),
        "suspendreason": suspension.map_or("not suspended", |suspension| suspension.reason.as_str()),
        "suspendtime": suspension.map(|suspension| suspension.at.timestamp()),
        "is_locked": u8::from(suspension.is_some_and(|suspension| suspension.locked)),
        "diskused": format!("{}M", account.disk_used_kib.div_ceil(1024)), "disklimit": account.limits.quota_text(),
        "inodesused": account.inodes_used, "inodeslimit": "unlimited",
        "startdate": account.created_at.format("%y %b %d %H:%M").to_string(),
        "unix_startdate": account.created_at.timestamp(),
        "mailbox_format": "maildir", "max_emailacct_quota": "unlimited", "max_email_per_hour": "unlimited",
        "max_defer_fail_percentage": "unlimited", "min_defer_fail_to_trigger_protection": "5",
        "outgoing_mail_hold": 0, "outgoing_mail_suspended": 0, "temporary": 0, "backup": 0, "legacy_backup": 0,
        "has_backup": 0, "is_temporary_domain": u8::from(account.domain.contains(".temporary.")),
    });
    if let Value::Object(more) = more {
        members.extend(more);
    }
    members
}

/// The bandwidth of a month, in bytes. Removed accounts stay listed with what they used.
pub(super) fn showbw(panel: &Panel, call: &Call) -> Outcome {
    let now = panel.clock.now();
    let year = whole(call, "year")?.unwrap_or_else(|| now.year());
    let month = whole(call, "month")?.unwrap_or_else(|| now.month());
    if !(1..=12).contains(&month) {
        return Err(Refusal::exception("“month” must be from 1 to 12."));
    }
    let search = Search::of(call, false)?;
    let reseller = if call.caller == ROOT { call.get("showres").unwrap_or(ROOT) } else { call.caller.as_str() };
    let rows = panel.with(|state| {
        let present = state.accounts.values().map(|account| (account, false));
        let departed = state.departed.iter().map(|account| (account, true));
        let shown = present.chain(departed).filter(|(account, _)| may_touch(reseller, account));
        let matching = shown.filter(|(account, _)| search.matches(panel, account));
        Ok(matching.map(|(account, gone)| bandwidth_row(account, gone, (year, month))).collect::<Vec<_>>())
    })?;
    let total: u64 = rows.iter().filter_map(|row| row["totalbytes"].as_u64()).fold(0, u64::saturating_add);
    Ok(Done::with_data(json!({"acct": rows, "month": month, "year": year, "reseller": reseller, "totalused": total})))
}

fn bandwidth_row(account: &Account, gone: bool, month: (i32, u32)) -> Value {
    let bytes = account.bandwidth_bytes.get(&month).copied().unwrap_or(0);
    let deleted = u8::from(gone);
    json!({
        "user": account.user, "owner": account.owner, "maindomain": account.domain, "totalbytes": bytes,
        "limit": account.limits.bandwidth_bytes(), "reseller": u8::from(account.reseller), "deleted": deleted,
        "bwusage": [{"domain": account.domain, "usage": bytes, "deleted": deleted}],
    })
}

fn whole<T: std::str::FromStr>(call: &Call, name: &str) -> Result<Option<T>, Refusal> {
    let parsed = call.get(name).map(str::parse::<T>).transpose();
    parsed.map_err(|_| Refusal::exception(format!("“{name}” must be a whole number.")))
}

/// The disk space of every account the caller sees, in KiB.
pub(super) fn get_disk_usage(panel: &Panel, call: &Call) -> Outcome {
    let accounts = panel.with(|state| {
        let row = |account: &Account| {
            json!({
                "user": account.user, "blocks_used": account.disk_used_kib, "blocks_limit": account.limits.quota_kib(),
                "inodes_used": account.inodes_used, "inodes_limit": null,
            })
        };
        Ok(state.visible(&call.caller).map(row).collect::<Vec<_>>())
    })?;
    Ok(Done::with_data(json!({"accounts": accounts})))
}

/// What `search` and `searchtype` ask for; without both of them everything matches.
enum Search<'a> {
    All,
    Exact(&'a str, &'a str),
    Expression(&'a str, Regex),
}

impl<'a> Search<'a> {
    fn of(call: &'a Call, exact: bool) -> Result<Self, Refusal> {
        let (Some(text), Some(by)) = (call.get("search"), call.get("searchtype")) else {
            return Ok(Self::All);
        };
        if !["domain", "owner", "user", "ip", "package"].contains(&by) {
            return Err(Refusal::exception(format!("“{by}” is not a valid “searchtype”.")));
        }
        if exact {
            return Ok(Self::Exact(by, text));
        }
        let expression = RegexBuilder::new(text).size_limit(EXPRESSION_BYTES_MAX).build();
        let expression = expression.map_err(|_| Refusal::exception("“search” is not a valid regular expression."))?;
        Ok(Self::Expression(by, expression))
    }

    fn matches(&self, panel: &Panel, account: &Account) -> bool {
        match self {
            Self::All => true,
            Self::Exact(by, text) => searched(panel, account, by) == *text,
            Self::Expression(by, expression) => expression.is_match(searched(panel, account, by)),
        }
    }
}

fn searched<'a>(panel: &'a Panel, account: &'a Account, by: &str) -> &'a str {
    match by {
        "domain" => &account.domain,
        "owner" => &account.owner,
        "ip" => account.ip(panel),
        "package" => &account.plan,
        _ => &account.user,
    }
}
