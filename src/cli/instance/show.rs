//! What is shown: tables for people, JSON for programs.

use std::process::ExitCode;

use comfy_table::{ContentArrangement, Table, TableStyle};
use serde_json::json;

use super::super::client::ClientError;
use super::Client;
use super::values::object_to_json;
use crate::cli::say;
use crate::proto::billet::v1 as pb;

/// How many are asked for at once.
const PAGE: i32 = 500;
/// The most pages that are shown.
const PAGES_MAX: usize = 10_000;

pub fn table(heading: &[&str]) -> Table {
    let mut table = Table::new();
    table.set_content_arrangement(ContentArrangement::Dynamic).load_style(TableStyle::new()).set_header(heading);
    table
}

/// The plugins, or the settings of one.
pub async fn plugins(client: &mut Client, name: Option<&str>, json: bool) -> Result<ExitCode, ClientError> {
    let plugins = client.list_plugins(pb::ListPluginsRequest {}).await?.into_inner().plugins;
    if let Some(name) = name {
        let found = plugins.iter().find(|plugin| plugin.name == name);
        let plugin = found.ok_or_else(|| ClientError::Usage(format!("the daemon has no plugin `{name}`")))?;
        if !plugin.broken.is_empty() {
            return Err(ClientError::Refused(plugin.broken.clone()));
        }
        if json {
            say!("{}", plugin.settings_schema);
        } else {
            schema(plugin);
        }
        return Ok(ExitCode::SUCCESS);
    }
    if json {
        let all: Vec<_> = plugins.iter().map(|one| json!({"name": one.name, "title": one.title, "version": one.version, "kind": one.kind, "capabilities": one.capabilities, "broken": one.broken})).collect();
        say!("{}", serde_json::Value::from(all));
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = table(&["plugin", "kind", "version", "what it is"]);
    for one in &plugins {
        let about = if one.broken.is_empty() { &one.title } else { &one.broken };
        rows.add_row([&one.name, &one.kind, &one.version, about]);
    }
    say!("{rows}");
    Ok(ExitCode::SUCCESS)
}

fn schema(plugin: &pb::PluginInfo) {
    let schema: serde_json::Value = serde_json::from_str(&plugin.settings_schema).unwrap_or_default();
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(|one| one.as_str()).collect();
    say!("{} {} ({})\n", plugin.title, plugin.version, plugin.kind);
    let mut rows = table(&["setting", "", "type", "default", "what it is"]);
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let secret = property["writeOnly"].as_bool().unwrap_or_default();
        let marks = match (required.contains(&name.as_str()), secret) {
            (true, true) => "required, secret",
            (true, false) => "required",
            (false, true) => "secret",
            (false, false) => "",
        };
        let word = |key: &str| match &property[key] {
            serde_json::Value::Null => String::new(),
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let kind = if property["enum"].is_array() { word("enum") } else { word("type") };
        let about = [word("title"), word("description")].into_iter().filter(|text| !text.is_empty());
        rows.add_row([name.clone(), marks.to_owned(), kind, word("default"), about.collect::<Vec<_>>().join(". ")]);
    }
    say!("{rows}");
}

/// The instances.
pub async fn instances(client: &mut Client, json: bool) -> Result<ExitCode, ClientError> {
    let mut all = Vec::new();
    let mut page_token = String::new();
    for _ in 0..PAGES_MAX {
        let asked = pb::ListInstancesRequest { page_size: PAGE, page_token };
        let page = client.list_instances(asked).await?.into_inner();
        all.extend(page.instances);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    if json {
        let all: Vec<_> = all.iter().map(|one| json!({"id": one.id, "name": one.name, "plugin": one.plugin, "group": one.group, "url": one.url, "enabled": one.enabled})).collect();
        say!("{}", serde_json::Value::from(all));
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = table(&["name", "id", "plugin", "group", "where", ""]);
    for one in &all {
        let off = if one.enabled { "" } else { "off" };
        rows.add_row([&one.name, &one.id, &one.plugin, &one.group, &one.url, &off.to_owned()]);
    }
    say!("{rows}");
    Ok(ExitCode::SUCCESS)
}

/// How an instance is reached.
pub fn settings(settings: &pb::InstanceSettings, json: bool) {
    let object = object_to_json(&settings.settings.clone().unwrap_or_default());
    if json {
        let all = json!({
            "instance_id": settings.instance_id, "settings": object, "secret_names": settings.secret_names,
            "concurrency_max": settings.concurrency_max, "maintenance": settings.maintenance,
            "accounts_max": settings.accounts_max, "creates_max": settings.creates_max, "weight": settings.weight, "revision": settings.revision,
        });
        say!("{all}");
        return;
    }
    let mut rows = table(&["setting", "value"]);
    for (name, value) in object.as_object().into_iter().flatten() {
        rows.add_row([name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)]);
    }
    for name in &settings.secret_names {
        rows.add_row([name.as_str(), "(secret)"]);
    }
    say!("{rows}");
    let said = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    say!(
        "calls at once {} · accounts {} · weight {} · maintenance {}",
        said(settings.concurrency_max.map(|count| count.to_string())),
        said(settings.accounts_max.map(|count| count.to_string())),
        said(settings.weight.map(|weight| weight.to_string())),
        if settings.maintenance { "yes" } else { "no" },
    );
}

/// Whether an instance can be reached. The exit status says it, too.
pub async fn test(client: &mut Client, instance_id: &str, json: bool) -> Result<ExitCode, ClientError> {
    let asked = pb::TestInstanceRequest { instance_id: instance_id.to_owned() };
    let answer = client.test_instance(asked).await?.into_inner();
    let latency_ms = answer.latency.as_ref().map_or(0, |time| time.seconds * 1_000 + i64::from(time.nanos / 1_000_000));
    if json {
        let problem = answer
            .problem
            .as_ref()
            .map(|one| json!({"kind": one.kind, "code": one.code, "words": one.words, "retryable": one.retryable}));
        let all = json!({
            "problem": problem, "version": answer.version, "hostname": answer.hostname, "latency_ms": latency_ms,
            "missing_permissions": answer.missing_permissions, "warnings": answer.warnings,
        });
        say!("{all}");
    } else if let Some(problem) = &answer.problem {
        let code = if problem.code.is_empty() { String::new() } else { format!(" [{}]", problem.code) };
        say!("It cannot be used ({}{code}): {}", problem.kind, problem.words);
    } else {
        say!("It answers: {} {} ({latency_ms} ms).", answer.hostname, answer.version);
        if !answer.missing_permissions.is_empty() {
            say!("These credentials may not: {}", answer.missing_permissions.join(", "));
        }
        for warning in &answer.warnings {
            say!("It says: {warning}");
        }
    }
    Ok(if answer.problem.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The accounts at a panel, page by page as they come.
pub async fn accounts(
    client: &mut Client,
    instance_id: &str,
    owner: &str,
    json: bool,
) -> Result<ExitCode, ClientError> {
    let mut rows = table(&["user", "domain", "package", "owner", "made", "state"]);
    let (mut count, mut page_token) = (0, String::new());
    for _ in 0..PAGES_MAX {
        let asked = pb::ListInstanceAccountsRequest {
            instance_id: instance_id.to_owned(),
            page_size: PAGE,
            page_token,
            owner: owner.to_owned(),
        };
        let page = client.list_instance_accounts(asked).await?.into_inner();
        for one in page.accounts {
            count += 1;
            let made = one.created_at.as_ref().and_then(|at| chrono::DateTime::from_timestamp(at.seconds, 0));
            let made = made.map(|at| at.date_naive().to_string()).unwrap_or_default();
            if json {
                say!(
                    "{}",
                    json!({"username": one.username, "panel_id": one.panel_id, "domain": one.domain, "package": one.package, "email": one.email, "owner": one.owner, "suspended": one.suspended, "suspension_reason": one.suspension_reason, "suspended_by_billet": one.suspended_by_billet, "created_on": made})
                );
            } else {
                let state = match (one.suspended, one.suspended_by_billet) {
                    (false, _) => String::new(),
                    (true, true) => "suspended by Billet".to_owned(),
                    (true, false) => format!("suspended: {}", one.suspension_reason),
                };
                rows.add_row([one.username, one.domain, one.package, one.owner, made, state]);
            }
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    if !json {
        say!("{rows}\n{count} accounts");
    }
    Ok(ExitCode::SUCCESS)
}
