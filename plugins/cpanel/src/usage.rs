//! GetUsage: disk and inodes from get_disk_usage (KiB, as of now), bandwidth from showbw (bytes, by calendar month).

use std::collections::HashMap;

use billet_plugin::v1::{AccountRef, GetUsageRequest, GetUsageResponse, ProblemKind, Usage, UsageKind};
use billet_plugin::{Answer, Done, Failure};
use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use serde_json::Value;

use crate::Cpanel;
use crate::account::{at, rows, username};
use crate::budget::Budget;
use crate::client::Call;
use crate::figures;

const KIB: i64 = 1024;

/// GetUsage.
pub(crate) async fn get(panel: &Cpanel, request: &GetUsageRequest) -> Answer<GetUsageResponse> {
    let only = match &request.r#ref {
        Some(account) => Some(username(Some(account))?),
        None => None,
    };
    let budget = Budget::of(None, panel.manner.time_max);
    let mut warnings = Vec::new();
    let bandwidth = tolerated(bandwidth(panel, request, only, budget).await, &mut warnings)?;
    let disk = tolerated(disk(panel, only, budget).await, &mut warnings)?;
    if bandwidth.is_none() && disk.is_none() {
        return Err(Failure::refused(ProblemKind::Permission, "", warnings.join("; ")));
    }
    let mut usage = bandwidth.unwrap_or_default();
    let domains: HashMap<String, String> = usage
        .iter()
        .filter_map(|figure| figure.r#ref.as_ref())
        .map(|r| (r.username.clone(), r.domain.clone()))
        .collect();
    for mut figure in disk.unwrap_or_default() {
        if let Some(account) = &mut figure.r#ref {
            account.domain = domains.get(&account.username).cloned().unwrap_or_default();
        }
        usage.push(figure);
    }
    usage.sort_by(|one, other| key(one).cmp(&key(other)));
    Ok(Done::new(GetUsageResponse { usage, ..GetUsageResponse::default() }).with_warnings(warnings))
}

fn key(usage: &Usage) -> (&str, &str) {
    (usage.r#ref.as_ref().map(|account| account.username.as_str()).unwrap_or_default(), &usage.metric)
}

/// One figure without the other is better than none when the token may read only one.
fn tolerated<T>(read: Result<T, Failure>, warnings: &mut Vec<String>) -> Result<Option<T>, Failure> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(failure) if failure.is_refused(ProblemKind::Permission) => {
            warnings.push(failure.problem().words.clone());
            Ok(None)
        }
        Err(failure) => Err(failure),
    }
}

async fn bandwidth(
    panel: &Cpanel,
    request: &GetUsageRequest,
    only: Option<&str>,
    budget: Budget,
) -> Result<Vec<Usage>, Failure> {
    let zone = panel.manner.zone;
    let asked = match &request.month {
        Some(instant) => Some(month_of(instant.seconds, zone)?),
        None => None,
    };
    let mut call = Call::to("showbw");
    if let Some((year, month)) = asked {
        call = call.with("year", year.to_string()).with("month", month.to_string());
    }
    if let Some(user) = only {
        // `search` is a regular expression; of what a user name may have, only the dot means something in one.
        call = call.with("searchtype", "user").with("search", format!("^{}$", user.replace('.', "\\.")));
    }
    let time = budget.question(panel.manner.time_max)?;
    let reply = panel.client.call(call, time).await.map_err(crate::failure::Trouble::asking)?;
    // The server knows best which month it counts now.
    let (year, month) = match (asked, figures::whole(&reply.data["year"]), figures::whole(&reply.data["month"])) {
        (Some(asked), _, _) => asked,
        (None, Some(year), Some(month)) => {
            (i32::try_from(year).unwrap_or_default(), u32::try_from(month).unwrap_or_default())
        }
        _ => month_of(Utc::now().timestamp(), zone)?,
    };
    let (from, to) = bounds(year, month, zone)?;
    let figure = |row: &Value| {
        let user = figures::text(&row["user"]);
        // A removed account stays listed; its name may be another's by now.
        if user.is_empty() || figures::flag(&row["deleted"]) || only.is_some_and(|only| only != user) {
            return None;
        }
        Some(Usage {
            r#ref: Some(AccountRef {
                username: user,
                panel_id: String::new(),
                domain: figures::text(&row["maindomain"]),
            }),
            metric: "bandwidth".to_owned(),
            unit: "byte".to_owned(),
            kind: UsageKind::Period.into(),
            quantity: figures::whole(&row["totalbytes"])?,
            limit: figures::limit(&row["limit"]).filter(|limit| *limit > 0),
            period_start: Some(at(from.timestamp())),
            period_end: Some(at(to.timestamp())),
        })
    };
    Ok(rows(&reply.data, "acct")?.iter().filter_map(figure).collect())
}

async fn disk(panel: &Cpanel, only: Option<&str>, budget: Budget) -> Result<Vec<Usage>, Failure> {
    let time = budget.question(panel.manner.time_max)?;
    let call = Call::to("get_disk_usage").with("cache_mode", "on");
    let reply = panel.client.call(call, time).await.map_err(crate::failure::Trouble::asking)?;
    let mut usage = Vec::new();
    for row in rows(&reply.data, "accounts")? {
        let user = figures::text(&row["user"]);
        if user.is_empty() || only.is_some_and(|only| only != user) {
            continue;
        }
        let snapshot = |metric: &str, unit: &str, quantity, limit: Option<i64>| Usage {
            r#ref: Some(AccountRef { username: user.clone(), ..AccountRef::default() }),
            metric: metric.to_owned(),
            unit: unit.to_owned(),
            kind: UsageKind::Snapshot.into(),
            quantity,
            limit: limit.filter(|limit| *limit > 0),
            period_start: None,
            period_end: None,
        };
        let bytes = |value: &Value| figures::whole(value).and_then(|kib| kib.checked_mul(KIB));
        if let Some(used) = bytes(&row["blocks_used"]) {
            usage.push(snapshot("disk", "byte", used, bytes(&row["blocks_limit"])));
        }
        if let Some(used) = figures::whole(&row["inodes_used"]) {
            usage.push(snapshot("inodes", "1", used, figures::limit(&row["inodes_limit"])));
        }
    }
    Ok(usage)
}

/// The calendar month of an instant where the server is.
fn month_of(seconds: i64, zone: Tz) -> Result<(i32, u32), Failure> {
    let instant = DateTime::from_timestamp(seconds, 0).ok_or_else(|| bad_month("the month is out of range"))?;
    let there = instant.with_timezone(&zone);
    Ok((there.year(), there.month()))
}

/// Where a calendar month begins and ends.
fn bounds(year: i32, month: u32, zone: Tz) -> Result<(DateTime<Utc>, DateTime<Utc>), Failure> {
    let first = NaiveDate::from_ymd_opt(year, month, 1);
    let next = first.and_then(|first| first.checked_add_months(Months::new(1)));
    let (Some(first), Some(next)) = (first, next) else {
        return Err(bad_month(&format!("{year}-{month} is not a month")));
    };
    let starts = (start_of(first, zone), start_of(next, zone));
    let (Some(from), Some(to)) = starts else { return Err(bad_month(&format!("{year}-{month} has no beginning"))) };
    Ok((from, to))
}

/// When a day begins; where clocks are put forward at midnight, an hour later.
fn start_of(day: NaiveDate, zone: Tz) -> Option<DateTime<Utc>> {
    let midnight = day.and_time(NaiveTime::MIN);
    let start = zone.from_local_datetime(&midnight).earliest();
    let start = start.or_else(|| zone.from_local_datetime(&(midnight + TimeDelta::hours(1))).earliest());
    let start = start
        .or_else(|| zone.from_local_datetime(&day.checked_add_days(Days::new(1))?.and_time(NaiveTime::MIN)).earliest());
    start.map(|start| start.with_timezone(&Utc))
}

fn bad_month(words: &str) -> Failure {
    Failure::refused(ProblemKind::Invalid, "", words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_is_the_servers() {
        let berlin: Tz = "Europe/Berlin".parse().expect("a zone");
        // 31 January 2027, 23:30 UTC is February already in Berlin.
        let instant = Utc.with_ymd_and_hms(2027, 1, 31, 23, 30, 0).single().expect("a time").timestamp();
        assert_eq!(month_of(instant, berlin).expect("a month"), (2027, 2));
        assert_eq!(month_of(instant, Tz::UTC).expect("a month"), (2027, 1));
        let (from, to) = bounds(2027, 3, berlin).expect("bounds");
        assert_eq!(from.to_rfc3339(), "2027-02-28T23:00:00+00:00");
        assert_eq!(to.to_rfc3339(), "2027-03-31T22:00:00+00:00", "summer time has begun");
        assert!(bounds(2027, 13, berlin).is_err());
        assert!(month_of(i64::MAX, berlin).is_err());
    }

    #[test]
    fn every_month_has_a_beginning_and_an_end_everywhere() {
        for zone in ["UTC", "Europe/Berlin", "Africa/Cairo", "America/Sao_Paulo", "Pacific/Apia", "Asia/Amman"] {
            let zone: Tz = zone.parse().expect("a zone");
            for (year, month) in (1970..2040).flat_map(|year| (1..=12).map(move |month| (year, month))) {
                let (from, to) = bounds(year, month, zone).expect("bounds");
                let days = (to - from).num_hours() / 24;
                assert!((27..=31).contains(&days), "{zone} {year}-{month}: {days}");
            }
        }
    }
}
