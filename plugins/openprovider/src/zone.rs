//! The records of zones in Openprovider's DNS.
//!
//! A zone is replaced in one request. The API can also add and remove single records, but drops one of the two when both
//! stand in a request, and removes only what is written exactly as it keeps it. Afterwards the zone is read back.

use std::collections::BTreeMap;

use billet_plugin::v1::{
    DnsRecord, ListRecordsRequest, ListRecordsResponse, ProblemKind, SetRecordsRequest, SetRecordsResponse,
};
use billet_plugin::{Answer, Done, Failure};
use serde::{Deserialize, Serialize};

use crate::Openprovider;
use crate::budget::Budget;
use crate::client::Call;
use crate::domain::or_default;
use crate::failure::{NO_ZONE, Trouble};
use crate::name::Name;

/// The API gives no more records at once.
const PAGE: usize = 500;
/// How many records a zone may have.
const RECORDS_MAX: usize = 5_000;
/// How many differences are told.
const SHOWN_MAX: usize = 5;

/// A record as the API keeps it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Record {
    #[serde(deserialize_with = "or_default")]
    name: String,
    #[serde(rename = "type", deserialize_with = "or_default")]
    kind: String,
    #[serde(deserialize_with = "or_default")]
    value: String,
    #[serde(deserialize_with = "or_default")]
    ttl: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    prio: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Records {
    #[serde(deserialize_with = "or_default")]
    results: Vec<Record>,
    #[serde(deserialize_with = "or_default")]
    total: usize,
}

/// Reads the records of a zone.
pub(crate) async fn list(plugin: &Openprovider, request: &ListRecordsRequest) -> Answer<ListRecordsResponse> {
    let zone = Name::parse(&request.name)?.whole();
    // A page each may take a call's time; their number is bounded.
    let budget = Budget::of(plugin.manner.time_max * 2);
    let records = read(plugin, &zone, &budget).await.map_err(Trouble::asking)?;
    let records = records.iter().map(|record| shown(record, &zone)).collect();
    Ok(Done::new(ListRecordsResponse { records, ..ListRecordsResponse::default() }))
}

async fn read(plugin: &Openprovider, zone: &str, budget: &Budget) -> Result<Vec<Record>, Trouble> {
    let mut records = Vec::new();
    while records.len() < RECORDS_MAX {
        let call = Call::get(&["dns", "zones", zone, "records"]).query("limit", &PAGE).query("offset", &records.len());
        let page: Records = plugin.client.send(call, budget.left()).await?.data;
        let last = page.results.is_empty() || records.len() + page.results.len() >= page.total;
        records.extend(page.results);
        if last {
            return Ok(records);
        }
    }
    let words = format!("{zone} has more than {RECORDS_MAX} records");
    Err(Trouble::Certain(Failure::refused(ProblemKind::Limit, "", words)))
}

#[derive(Serialize)]
struct UpdateZone<'a> {
    records: Updates<'a>,
}

#[derive(Serialize)]
enum Updates<'a> {
    #[serde(rename = "replace")]
    Replace(&'a [Record]),
    #[serde(rename = "remove")]
    Remove(&'a [Record]),
}

#[derive(Serialize)]
struct CreateZone<'a> {
    domain: &'a Name,
    #[serde(rename = "type")]
    kind: &'static str,
    records: &'a [Record],
}

#[derive(Default, Deserialize)]
struct Ignored {}

/// Replaces the records of a zone; makes the zone if there is none. The SOA record and the name servers of the zone itself
/// are Openprovider's, and stay.
pub(crate) async fn set(plugin: &Openprovider, request: &SetRecordsRequest) -> Answer<SetRecordsResponse> {
    let domain = Name::parse(&request.name)?;
    let zone = domain.whole();
    let budget = Budget::left_to(request.operation.as_ref(), plugin.manner.time_max);
    let wanted = wanted(&request.records, &zone)?;
    let there = match read(plugin, &zone, &budget).await {
        Ok(records) => Some(own(records, &zone)),
        Err(trouble) if trouble.is(NO_ZONE) => None,
        Err(trouble) => return Err(trouble.asking()),
    };
    if there.as_ref().is_some_and(|there| differences(&wanted, there, &zone, true).is_empty()) {
        return Ok(Done::already(SetRecordsResponse::default()));
    }
    let path = ["dns", "zones", zone.as_str()];
    let call = match &there {
        None => Call::post(&["dns", "zones"], &CreateZone { domain: &domain, kind: "master", records: &wanted }),
        // Whether an empty replacement empties a zone is not documented.
        Some(there) if wanted.is_empty() => Call::put(&path, &UpdateZone { records: Updates::Remove(there) }),
        Some(_) => Call::put(&path, &UpdateZone { records: Updates::Replace(&wanted) }),
    };
    let sent = plugin.client.send::<Ignored>(call, budget.for_change()).await;
    let mut warnings = Vec::new();
    let lost = match sent {
        Ok(reply) => {
            warnings.extend(reply.warnings);
            None
        }
        Err(trouble) if trouble.is_unsure() => Some(trouble),
        Err(trouble) => return Err(trouble.changing()),
    };
    let after = match read(plugin, &zone, &budget).await {
        Ok(after) => own(after, &zone),
        Err(unread) => {
            return Err(lost.map_or_else(
                || {
                    let words = unread.asking().problem().words.clone();
                    Failure::unknown(format!("the records were taken; they could not be read back: {words}"))
                },
                Trouble::changing,
            ));
        }
    };
    let differ = differences(&wanted, &after, &zone, false);
    if !differ.is_empty() {
        if let Some(trouble) = lost {
            return Err(trouble.changing());
        }
        let shown = differ.iter().take(SHOWN_MAX).cloned().collect::<Vec<_>>().join("; ");
        let words = format!("the zone is not what was asked for, {} records differ: {shown}", differ.len());
        return Err(Failure::unknown(words));
    }
    if !differences(&wanted, &after, &zone, true).is_empty() {
        warnings.push("Openprovider keeps other times to live than were asked for".to_owned());
    }
    Ok(Done::new(SetRecordsResponse::default()).with_warnings(warnings))
}

/// Without what is Openprovider's.
fn own(records: Vec<Record>, zone: &str) -> Vec<Record> {
    records.into_iter().filter(|record| !is_theirs(&record.kind, &relative(&record.name, zone))).collect()
}

fn is_theirs(kind: &str, relative: &str) -> bool {
    kind.eq_ignore_ascii_case("SOA") || (kind.eq_ignore_ascii_case("NS") && relative == "@")
}

/// The records as the API takes them.
fn wanted(records: &[DnsRecord], zone: &str) -> Result<Vec<Record>, Failure> {
    if records.len() > RECORDS_MAX {
        return Err(Failure::refused(ProblemKind::Invalid, "", format!("records: at most {RECORDS_MAX}")));
    }
    let mut taken = Vec::with_capacity(records.len());
    for record in records {
        let (kind, name) = (record.r#type.trim().to_ascii_uppercase(), relative(&record.name, zone));
        if kind.is_empty() || record.content.trim().is_empty() {
            let words = format!("records: `{name}` has no type or no content");
            return Err(Failure::refused(ProblemKind::Invalid, "", words));
        }
        if is_theirs(&kind, &name) {
            continue;
        }
        let ranked = matches!(kind.as_str(), "MX" | "SRV");
        if ranked && record.priority.is_none() {
            let words = format!("records: {kind} `{name}` needs a priority");
            return Err(Failure::refused(ProblemKind::Invalid, "", words));
        }
        taken.push(Record {
            name: if name == "@" { String::new() } else { name },
            value: value(&kind, &record.content, zone),
            ttl: record.ttl_s,
            prio: record.priority.filter(|_| ranked),
            kind,
        });
    }
    Ok(taken)
}

/// Content as the API keeps it: targets whole and without the last dot, texts in quotes.
fn value(kind: &str, content: &str, zone: &str) -> String {
    let content = content.trim();
    match kind {
        "TXT" | "SPF" if !content.starts_with('"') => format!("\"{content}\""),
        "CNAME" | "MX" | "NS" | "PTR" | "ALIAS" | "DNAME" => whole(content, zone),
        "SRV" => match content.rsplit_once(char::is_whitespace) {
            Some((numbers, target)) => format!("{} {}", numbers.trim(), whole(target, zone)),
            None => content.to_owned(),
        },
        _ => content.to_owned(),
    }
}

/// A target: `@` and a single label are relative to the zone, as in a zone file; with more labels it is whole, with or
/// without the last dot.
fn whole(target: &str, zone: &str) -> String {
    match target.strip_suffix('.') {
        Some(target) => target.to_ascii_lowercase(),
        None if target == "@" => zone.to_owned(),
        None if target.contains('.') => target.to_ascii_lowercase(),
        None => format!("{}.{zone}", target.to_ascii_lowercase()),
    }
}

/// A name relative to the zone, `@` for the zone itself.
fn relative(name: &str, zone: &str) -> String {
    let name = name.trim().trim_end_matches('.').to_ascii_lowercase();
    if name.is_empty() || name == "@" || name == zone {
        return "@".to_owned();
    }
    let inside = name.strip_suffix(zone).and_then(|name| name.strip_suffix('.')).map(ToOwned::to_owned);
    inside.unwrap_or(name)
}

fn shown(record: &Record, zone: &str) -> DnsRecord {
    let kind = record.kind.to_ascii_uppercase();
    let target = matches!(kind.as_str(), "CNAME" | "MX" | "NS" | "PTR" | "SRV" | "ALIAS" | "DNAME");
    let content =
        if target && !record.value.ends_with('.') { format!("{}.", record.value) } else { record.value.clone() };
    let priority = record.prio.filter(|_| matches!(kind.as_str(), "MX" | "SRV"));
    DnsRecord { name: relative(&record.name, zone), r#type: kind, content, ttl_s: record.ttl, priority }
}

/// What is in one set and not in the other.
fn differences(wanted: &[Record], there: &[Record], zone: &str, with_ttl: bool) -> Vec<String> {
    let mut counts: BTreeMap<String, i64> = BTreeMap::new();
    for (records, step) in [(wanted, 1), (there, -1)] {
        for record in records {
            let kind = record.kind.to_ascii_uppercase();
            let ranked = matches!(kind.as_str(), "MX" | "SRV");
            let priority = record.prio.filter(|_| ranked).map(|prio| format!(" {prio}")).unwrap_or_default();
            let ttl = if with_ttl { format!(" {}", record.ttl) } else { String::new() };
            let text = value(&kind, &record.value, zone);
            *counts.entry(format!("{}{ttl} {kind}{priority} {text}", relative(&record.name, zone))).or_default() +=
                step;
        }
    }
    let side = |count: i64| if count > 0 { "missing" } else { "too much" };
    let differ = counts.into_iter().filter(|(_, count)| *count != 0);
    differ.map(|(record, count)| format!("{}: {}", side(count), record.chars().take(200).collect::<String>())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &str, kind: &str, content: &str, priority: Option<u32>) -> DnsRecord {
        DnsRecord { name: name.to_owned(), r#type: kind.to_owned(), content: content.to_owned(), ttl_s: 900, priority }
    }

    #[test]
    fn records_travel_there_and_back() {
        let records = [
            record("@", "A", "192.0.2.1", None),
            record("www", "CNAME", "example.org.", None),
            record("@", "MX", "mail.example.net.", Some(10)),
            record("_sip._tcp", "SRV", "5 5060 sip.example.org.", Some(1)),
            record("@", "TXT", "\"v=spf1 -all\"", None),
        ];
        let wanted = wanted(&records, "example.org").expect("good");
        assert_eq!(wanted[1].value, "example.org");
        assert_eq!(wanted[3].value, "5 5060 sip.example.org");
        let back: Vec<_> = wanted.iter().map(|record| shown(record, "example.org")).collect();
        assert_eq!(back, records);
    }

    #[test]
    fn the_zones_own_records_stay_and_targets_are_made_whole() {
        let records = [
            record("@", "SOA", "x y 1 2 3 4 5", None),
            record("@", "NS", "ns1.example.net.", None),
            record("sub", "NS", "ns1", None),
            record("text.example.org.", "TXT", "hello", None),
        ];
        let wanted = wanted(&records, "example.org").expect("good");
        let texts: Vec<_> = wanted.iter().map(|record| (record.name.as_str(), record.value.as_str())).collect();
        assert_eq!(texts, [("sub", "ns1.example.org"), ("text", "\"hello\"")]);
        assert!(super::wanted(&[record("@", "MX", "mail", None)], "example.org").is_err());
    }

    #[test]
    fn differences_are_told_from_both_sides() {
        let of = |records: &[DnsRecord]| wanted(records, "example.org").expect("good");
        let one = of(&[record("@", "A", "192.0.2.1", None)]);
        let other = of(&[record("example.org", "A", "192.0.2.2", None)]);
        assert!(differences(&one, &one, "example.org", true).is_empty());
        assert_eq!(
            differences(&one, &other, "example.org", false),
            ["missing: @ A 192.0.2.1", "too much: @ A 192.0.2.2"]
        );
    }
}
