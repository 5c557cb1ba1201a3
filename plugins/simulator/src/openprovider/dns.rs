//! Name servers below domains, and zones with their records.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::{Value, json};

use super::call::Call;
use super::orders::Answered;
use super::refusal::Refusal;
use super::state::{ROWS_MAX, Record, State};

/// The API gives no more records at once.
const PAGE_MAX: usize = 500;
/// A guess: shorter times to live are raised to this.
const TTL_MIN: u64 = 900;

pub(super) fn name_servers(state: &State, call: &Call) -> Answered {
    let name = call.parameter("name");
    let rows = state.name_servers.iter().filter(|(known, _)| name.is_empty() || known.as_str() == name);
    let rows = rows.map(|(name, (ip, ip6))| json!({"name": name, "ip": ip, "ip6": ip6}));
    Ok(call.page(rows.collect(), PAGE_MAX))
}

pub(super) fn create_name_server(state: &mut State, call: &Call) -> Answered {
    let name = call.text("name").to_owned();
    if state.name_servers.contains_key(&name) {
        return Err(Refusal::name_server("The nameserver already exists"));
    }
    let parent = name.split_once('.').map(|(_, parent)| parent.to_owned()).unwrap_or_default();
    let below = |parent: &str| {
        state.live(parent).is_some() || parent.split_once('.').is_some_and(|(_, up)| state.live(up).is_some())
    };
    if !below(&parent) {
        return Err(Refusal::no_domain());
    }
    let addresses = addresses(call)?;
    state.name_servers.insert(name, addresses);
    Ok(call.body())
}

pub(super) fn update_name_server(state: &mut State, call: &Call) -> Answered {
    let addresses = addresses(call)?;
    let there = state.name_servers.get_mut(&call.value);
    *there.ok_or_else(|| Refusal::name_server("The nameserver does not exist"))? = addresses;
    Ok(json!({"success": true}))
}

pub(super) fn delete_name_server(state: &mut State, call: &Call) -> Answered {
    let there = state.name_servers.remove(&call.value);
    there.map(|_| json!({"success": true})).ok_or_else(|| Refusal::name_server("The nameserver does not exist"))
}

fn addresses(call: &Call) -> Result<(String, String), Refusal> {
    let (ip, ip6) = (call.text("ip").to_owned(), call.text("ip6").to_owned());
    let good = ip.parse::<Ipv4Addr>().is_ok() && (ip6.is_empty() || ip6.parse::<Ipv6Addr>().is_ok());
    if good { Ok((ip, ip6)) } else { Err(Refusal::name_server("The IP address is invalid")) }
}

pub(super) fn records(state: &State, call: &Call) -> Answered {
    let zone = &call.value;
    let records = state.zones.get(zone).ok_or_else(Refusal::no_zone)?;
    // Names are whole when they are read, and relative when they are kept.
    let rows = records.iter().map(|record| {
        let name = if record.name.is_empty() { zone.clone() } else { format!("{}.{zone}", record.name) };
        let mut row = json!({"name": name, "type": record.kind, "value": record.value, "ttl": record.ttl});
        if let (Some(prio), Some(members)) = (record.prio, row.as_object_mut()) {
            members.insert("prio".to_owned(), prio.into());
        }
        row
    });
    Ok(call.page(rows.collect(), PAGE_MAX))
}

pub(super) fn create_zone(state: &mut State, call: &Call) -> Answered {
    let zone = call.name()?;
    if state.zones.contains_key(&zone) {
        return Err(Refusal::wrong_record("The zone already exists"));
    }
    if call.text("type") != "master" {
        return Err(Refusal::undocumented("a zone that is not a master"));
    }
    let mut records = own(&zone);
    records.extend(parse(call.member("records"), &zone)?);
    state.zones.insert(zone, records);
    Ok(json!({"success": true}))
}

pub(super) fn update_zone(state: &mut State, call: &Call) -> Answered {
    let zone = call.value.clone();
    let updates = call.member("records");
    let lists = ["add", "remove", "replace", "update"];
    let members = updates.as_object().ok_or_else(|| Refusal::undocumented("records that are no object"))?;
    if let Some(name) = members.keys().find(|name| !lists.contains(&name.as_str())) {
        return Err(Refusal::undocumented(&format!("records.{name}")));
    }
    let records = state.zones.get_mut(&zone).ok_or_else(Refusal::no_zone)?;
    if !updates["replace"].is_null() {
        let new = parse(&updates["replace"], &zone)?;
        // Nobody knows what an empty replacement does; here it does nothing.
        if !new.is_empty() {
            records.retain(is_own);
            records.extend(new);
        }
    } else if !updates["add"].is_null() {
        // A `remove` beside an `add` is dropped.
        let new = parse(&updates["add"], &zone)?;
        records.extend(new);
    } else if let Some(gone) = updates["remove"].as_array() {
        let before = records.len();
        for record in gone {
            let same = |kept: &Record| {
                let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
                let name = relative(&text("name"), &zone);
                name == kept.name
                    && text("type") == kept.kind
                    && text("value") == kept.value
                    && (kept.prio.is_none() || record["prio"].as_u64() == kept.prio)
            };
            records.retain(|kept| is_own(kept) || !same(kept));
        }
        if records.len() == before {
            return Err(Refusal::wrong_record("Record to remove was not found"));
        }
    } else {
        return Err(Refusal::undocumented("records without a change that is simulated"));
    }
    Ok(json!({"success": true}))
}

fn own(zone: &str) -> Vec<Record> {
    let record = |kind: &str, value: String| Record {
        name: String::new(),
        kind: kind.to_owned(),
        value,
        ttl: 3_600,
        prio: None,
    };
    vec![
        record("SOA", format!("ns1.openprovider.nl dns@openprovider.eu {} 10800 3600 604800 3600", zone.len())),
        record("NS", "ns1.openprovider.nl".to_owned()),
        record("NS", "ns2.openprovider.be".to_owned()),
    ]
}

fn is_own(record: &Record) -> bool {
    record.kind == "SOA" || (record.kind == "NS" && record.name.is_empty())
}

fn relative(name: &str, zone: &str) -> String {
    if name == zone {
        return String::new();
    }
    name.strip_suffix(zone).and_then(|name| name.strip_suffix('.')).unwrap_or(name).to_owned()
}

fn parse(list: &Value, zone: &str) -> Result<Vec<Record>, Refusal> {
    let list = match list {
        Value::Null => return Ok(Vec::new()),
        other => other.as_array().ok_or_else(|| Refusal::undocumented("records that are no list"))?,
    };
    if list.len() > ROWS_MAX {
        return Err(Refusal::wrong_record("too many records"));
    }
    let parsed = list.iter().map(|record| {
        let known = ["name", "type", "value", "ttl", "prio"];
        let members = record.as_object().ok_or_else(|| Refusal::undocumented("a record that is no object"))?;
        if let Some(name) = members.keys().find(|name| !known.contains(&name.as_str())) {
            return Err(Refusal::undocumented(&format!("a record's {name}")));
        }
        let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
        let (kind, value) = (text("type"), text("value"));
        let good = match kind.as_str() {
            "A" => value.parse::<Ipv4Addr>().is_ok(),
            "AAAA" => value.parse::<Ipv6Addr>().is_ok(),
            "MX" | "SRV" => !record["prio"].is_null() && !value.ends_with('.'),
            "CNAME" | "NS" => !value.ends_with('.'),
            "TXT" | "CAA" | "TLSA" => !value.is_empty(),
            _ => false,
        };
        if !good {
            return Err(Refusal::wrong_record(&format!("Invalid {kind} record")));
        }
        let value = if kind == "TXT" && !value.starts_with('"') { format!("\"{value}\"") } else { value };
        let ttl = record["ttl"].as_u64().unwrap_or_default().max(TTL_MIN);
        Ok(Record { name: relative(&text("name"), zone), kind, value, ttl, prio: record["prio"].as_u64() })
    });
    parsed.collect()
}
