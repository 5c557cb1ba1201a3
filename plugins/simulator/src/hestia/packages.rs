//! Packages: listing them, and making one from a file of `KEY='value'` lines.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::exit::{EXISTS, Exit, INVALID, NOT_EXIST, failed};
use super::state::State;

/// Limits, `unlimited` or a number.
const LIMITS: [&str; 10] = [
    "WEB_DOMAINS",
    "WEB_ALIASES",
    "DNS_DOMAINS",
    "DNS_RECORDS",
    "MAIL_DOMAINS",
    "MAIL_ACCOUNTS",
    "DATABASES",
    "CRON_JOBS",
    "DISK_QUOTA",
    "BANDWIDTH",
];
/// What a package has besides.
const OTHERS: [(&str, &str); 9] = [
    ("WEB_TEMPLATE", "default"),
    ("PROXY_TEMPLATE", "default"),
    ("DNS_TEMPLATE", "default"),
    ("NS", "ns1.domain.tld,ns2.domain.tld"),
    ("SHELL", "nologin"),
    ("BACKUPS", "1"),
    ("CPU_QUOTA", "unlimited"),
    ("TIME", "18:00:00"),
    ("DATE", "2019-01-15"),
];

pub(super) fn unlimited() -> BTreeMap<String, String> {
    let limits = LIMITS.into_iter().map(|name| (name, "unlimited"));
    limits.chain(OTHERS).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

pub(super) fn list(state: &State) -> Exit {
    let packages: serde_json::Map<String, Value> =
        state.packages.iter().map(|(name, values)| (name.clone(), json!(values))).collect();
    Ok(format!("{:#}", Value::Object(packages)))
}

pub(super) fn one(state: &State, name: &str) -> Exit {
    let values = state.packages.get(name);
    let values = values.ok_or_else(|| failed(NOT_EXIST, format!("package {name} doesn't exist")))?;
    Ok(format!("{:#}", json!({name: values})))
}

pub(super) fn make_file(state: &mut State, text: &str, name: &str) -> Exit {
    let name = name.rsplit('/').next().unwrap_or_default();
    state.files.insert(format!("/tmp/{name}"), format!("{text}\n"));
    Ok(String::new())
}

pub(super) fn add(state: &mut State, file: &str, name: &str, rewrite: bool) -> Exit {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || !name.chars().all(plain) {
        return Err(failed(INVALID, format!("invalid package format :: {name}")));
    }
    if state.packages.contains_key(name) && !rewrite {
        return Err(failed(EXISTS, format!("package {name} exists")));
    }
    let text = state.files.get(file).ok_or_else(|| failed(NOT_EXIST, format!("{file} does not exist")))?;
    let mut values = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let (key, value) = line.split_once('=').ok_or_else(|| failed(INVALID, format!("invalid line {line}")))?;
        let value = value.strip_prefix('\'').and_then(|value| value.strip_suffix('\''));
        let value = value.ok_or_else(|| failed(INVALID, format!("invalid {key} format")))?;
        values.insert(key.to_owned(), value.to_owned());
    }
    for limit in LIMITS {
        let value = values.get(limit).map(String::as_str).unwrap_or_default();
        if value != "unlimited" && value.parse::<u64>().is_err() {
            return Err(failed(INVALID, format!("invalid {limit} format :: {value}")));
        }
    }
    if !values.contains_key("SHELL") {
        return Err(failed(INVALID, "shell  is not valid"));
    }
    state.packages.insert(name.to_owned(), values);
    Ok(String::new())
}
