//! Users, which are the accounts.

use std::collections::BTreeMap;

use chrono::{DateTime, SubsecRound, Utc};
use serde_json::{Value, json};

use super::exit::{EXISTS, Exit, Failed, INVALID, LIMIT, NOT_EXIST, failed};
use super::state::{HestiaUser, State};
use crate::secret::Secret;

/// How many users the simulator keeps.
const USERS_MAX: usize = 10_000;
/// System users that are no users of the panel.
const SYSTEM_USERS: [&str; 6] = ["root", "www-data", "mail", "backup", "sudo", "mysql"];

pub(super) fn list(state: &State) -> Exit {
    let rows: serde_json::Map<String, Value> =
        state.users.iter().map(|(name, user)| (name.clone(), row(state, name, user))).collect();
    Ok(format!("{:#}", Value::Object(rows)))
}

pub(super) fn one(state: &mut State, name: &str) -> Exit {
    let user = state.user(name)?.clone();
    Ok(format!("{:#}", json!({name: row(state, name, &user)})))
}

fn row(state: &State, name: &str, user: &HestiaUser) -> Value {
    let package = state.packages.get(&user.package).cloned().unwrap_or_else(BTreeMap::new);
    let mut row: serde_json::Map<String, Value> =
        package.into_iter().map(|(name, value)| (name, Value::String(value))).collect();
    let domains = user.domains.len().to_string();
    let everywhere = user.domains.values().filter(|domain| domain.with_dns_and_mail).count().to_string();
    let values = [
        ("NAME", user.name.clone()),
        ("PACKAGE", user.package.clone()),
        ("CONTACT", user.contact.clone()),
        ("HOME", format!("/home/{name}")),
        ("RKEY", "I2H64xnNpZ56ecxY".to_owned()),
        ("ROLE", user.role.clone()),
        ("SUSPENDED", if user.suspended { "yes" } else { "no" }.to_owned()),
        ("U_DISK", user.disk_mb.to_string()),
        ("U_BANDWIDTH", user.bandwidth_mb.to_string()),
        ("U_WEB_DOMAINS", domains),
        ("U_DNS_DOMAINS", everywhere.clone()),
        ("U_MAIL_DOMAINS", everywhere),
        ("U_MAIL_ACCOUNTS", "0".to_owned()),
        ("U_DATABASES", "0".to_owned()),
        ("LANGUAGE", user.language.clone()),
        ("TIME", user.created_at.format("%H:%M:%S").to_string()),
        ("DATE", user.created_at.format("%Y-%m-%d").to_string()),
    ];
    row.extend(values.map(|(name, value)| (name.to_owned(), Value::String(value))));
    Value::Object(row)
}

pub(super) fn add(state: &mut State, arguments: &[String], now: DateTime<Utc>) -> Exit {
    let argument = |at: usize| arguments.get(at).map(String::as_str).unwrap_or_default();
    let (name, password, contact) = (argument(0), argument(1), argument(2));
    let package = if argument(3).is_empty() { "default" } else { argument(3) };
    let person = [argument(4), argument(5)].join(" ").trim().to_owned();
    let bytes = name.as_bytes();
    let inner = |c: &u8| c.is_ascii_alphanumeric() || b"-_".contains(c);
    let well_formed = (2..=30).contains(&name.len())
        && bytes[0].is_ascii_alphabetic()
        && bytes[name.len() - 1].is_ascii_alphanumeric()
        && bytes.iter().all(inner);
    if !well_formed {
        return Err(failed(INVALID, format!("invalid user format :: {name}")));
    }
    email(contact)?;
    if person.contains(['\'', '"', '|', '<', '>', '\n']) {
        return Err(failed(INVALID, format!("Invalid name contains qoutes (\" or ' or | ) :: {person}")));
    }
    if state.users.contains_key(name) || SYSTEM_USERS.contains(&name) {
        return Err(failed(EXISTS, format!("user {name} exists")));
    }
    known(state, package)?;
    accepted(password)?;
    if state.users.len() >= USERS_MAX {
        return Err(failed(INVALID, "user creation failed"));
    }
    let user = HestiaUser {
        name: person,
        contact: contact.to_owned(),
        package: package.to_owned(),
        password: Secret::new(password),
        role: "user".to_owned(),
        language: String::new(),
        suspended: false,
        created_at: now.trunc_subsecs(0),
        domains: BTreeMap::new(),
        disk_mb: 0,
        bandwidth_mb: 0,
    };
    state.users.insert(name.to_owned(), user);
    Ok(String::new())
}

pub(super) fn suspend(state: &mut State, name: &str) -> Exit {
    // The administrator is passed over without a word.
    state.active(name)?.suspended = name != "admin";
    Ok(String::new())
}

pub(super) fn unsuspend(state: &mut State, name: &str) -> Exit {
    state.user(name)?.suspended = false;
    Ok(String::new())
}

pub(super) fn delete(state: &mut State, name: &str) -> Exit {
    state.user(name)?;
    if name != "admin" {
        state.users.remove(name);
    }
    Ok(String::new())
}

pub(super) fn change_package(state: &mut State, name: &str, package: &str) -> Exit {
    let user = state.user(name)?.clone();
    known(state, package)?;
    let used = [
        ("WEB_DOMAINS", "WEB_DOMAIN", user.domains.len() as u64),
        ("DISK_QUOTA", "DISK", user.disk_mb),
        ("BANDWIDTH", "BANDWIDTH", user.bandwidth_mb),
    ];
    for (limit, word, used) in used {
        if state.limit(package, limit).is_some_and(|limit| limit < used) {
            return Err(failed(LIMIT, format!("Package doesn't cover {word} usage")));
        }
    }
    package.clone_into(&mut state.user(name)?.package);
    Ok(String::new())
}

pub(super) fn change_password(state: &mut State, name: &str, password: &str) -> Exit {
    state.user(name)?;
    accepted(password)?;
    state.user(name)?.password = Secret::new(password);
    Ok(String::new())
}

pub(super) fn change_contact(state: &mut State, name: &str, contact: &str) -> Exit {
    email(contact)?;
    contact.clone_into(&mut state.active(name)?.contact);
    Ok(String::new())
}

pub(super) fn change_language(state: &mut State, name: &str, language: &str) -> Exit {
    if !["en", "de", "fr", "pl", "pt-br"].contains(&language) {
        return Err(failed(INVALID, format!("language file {language} does not exist")));
    }
    language.clone_into(&mut state.active(name)?.language);
    Ok(String::new())
}

fn known(state: &State, package: &str) -> Result<(), Failed> {
    let known = state.packages.contains_key(package);
    known.then_some(()).ok_or_else(|| failed(NOT_EXIST, format!("package {package} doesn't exist")))
}

fn email(contact: &str) -> Result<(), Failed> {
    let parts = contact.split_once('@').filter(|(local, domain)| !local.is_empty() && domain.contains('.'));
    parts.map(|_| ()).ok_or_else(|| failed(INVALID, format!("invalid email format :: {contact}")))
}

fn accepted(password: &str) -> Result<(), Failed> {
    let fine = password.chars().count() >= 6;
    fine.then_some(()).ok_or_else(|| failed(INVALID, "Password not accepted due to PAM restrictions"))
}
