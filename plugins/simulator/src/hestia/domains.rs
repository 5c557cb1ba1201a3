//! Web domains of users.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::exit::{EXISTS, Exit, Failed, INVALID, LIMIT, NOT_EXIST, failed};
use super::state::{HestiaDomain, State};

pub(super) fn list(state: &mut State, user: &str) -> Exit {
    let domains = &state.user(user)?.domains;
    let rows: serde_json::Map<String, Value> = domains
        .iter()
        .map(|(name, domain)| {
            let row = json!({
                "IP": "192.0.2.30", "IP6": "", "U_DISK": "0", "U_BANDWIDTH": "0", "TPL": "default",
                "ALIAS": format!("www.{name}"), "SSL": "no", "SUSPENDED": "no",
                "TIME": domain.created_at.format("%H:%M:%S").to_string(),
                "DATE": domain.created_at.format("%Y-%m-%d").to_string(),
            });
            (name.clone(), row)
        })
        .collect();
    // The script prints an opening and a closing brace also when there are none.
    Ok(format!("{:#}", Value::Object(rows)))
}

pub(super) fn search_owner(state: &State, domain: &str) -> Exit {
    // Without a word when nobody has it.
    state.owner_of(domain).map(str::to_owned).ok_or_else(|| failed(NOT_EXIST, ""))
}

pub(super) fn add(state: &mut State, user: &str, domain: &str, everywhere: bool, now: DateTime<Utc>) -> Exit {
    valid(domain)?;
    let (package, count) = {
        let user = state.active(user)?;
        (user.package.clone(), user.domains.len() as u64)
    };
    if state.limit(&package, "WEB_DOMAINS").is_some_and(|limit| count >= limit) {
        return Err(failed(LIMIT, "WEB_DOMAINS limit is reached :: upgrade user package"));
    }
    if state.owner_of(domain).is_some() {
        return Err(failed(EXISTS, format!("Web domain {domain} exists")));
    }
    let added = HestiaDomain { with_dns_and_mail: everywhere, created_at: now };
    state.active(user)?.domains.insert(domain.to_owned(), added);
    Ok(String::new())
}

pub(super) fn rename(state: &mut State, user: &str, old: &str, new: &str) -> Exit {
    valid(new)?;
    state.active(user)?;
    if state.owner_of(new).is_some() {
        return Err(failed(EXISTS, format!("{new} already exists")));
    }
    let domains = &mut state.active(user)?.domains;
    let domain = domains.remove(old).ok_or_else(|| failed(NOT_EXIST, format!("web domain {old} doesn't exist")))?;
    domains.insert(new.to_owned(), domain);
    Ok(String::new())
}

fn valid(domain: &str) -> Result<(), Failed> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
    if !domain.contains('.') || domain.contains("..") || !domain.chars().all(plain) {
        return Err(failed(INVALID, format!("invalid domain format :: {domain}")));
    }
    Ok(())
}
