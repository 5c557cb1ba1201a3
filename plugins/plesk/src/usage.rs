//! GetUsage and GetCapacity.

use billet_plugin::v1::{
    GetCapacityRequest, GetCapacityResponse, GetUsageRequest, GetUsageResponse, ProblemKind, Usage, UsageKind,
};
use billet_plugin::{Answer, Done, Failure};
use chrono::{DateTime, NaiveDate, Utc};

use crate::Plesk;
use crate::calendar::{midnight, month_of};
use crate::client::{Reply, expected, found};
use crate::failure::refused;
use crate::packet::{Packet, everything};
use crate::webspace::Webspace;
use crate::work::Time;
use crate::xml::Element;

/// Counts: the metric, Plesk's name in `stat`, the limit's name.
const COUNTS: [(&str, &str, &str); 3] =
    [("mailboxes", "box", "max_box"), ("databases", "db", "max_db"), ("subdomains", "subdom", "max_subdom")];
/// What a day's traffic is made of.
const PROTOCOLS: [&str; 4] = ["http", "ftp", "smtp", "pop3_imap"];
const PARTS: &[&str] = &["gen_info", "hosting", "limits", "stat"];

impl Plesk {
    pub(crate) async fn use_of(&self, request: GetUsageRequest) -> Answer<GetUsageResponse> {
        let now = Utc::now();
        let at = match request.month {
            None => now,
            Some(month) => DateTime::from_timestamp(month.seconds, 0)
                .ok_or_else(|| refused(ProblemKind::Invalid, "the month is out of range"))?,
        };
        let (month, current) = (month_of(at), month_of(now));
        if month > current {
            return Err(refused(ProblemKind::Invalid, "the month has not begun"));
        }
        let which = match request.r#ref.filter(|reference| *reference != Default::default()) {
            Some(reference) => self.the(&reference, Time::OPEN).await?.filter(),
            None => everything(),
        };
        let webspaces = self.webspaces(which.clone(), PARTS, Time::OPEN).await?;
        let usage = if month == current {
            webspaces.iter().flat_map(|webspace| current_use(webspace, month)).collect()
        } else {
            self.past_use(which, &webspaces, month).await?
        };
        Ok(Done::new(GetUsageResponse { usage, ..GetUsageResponse::default() }))
    }

    /// Of a month that is over only the traffic is known.
    async fn past_use(
        &self,
        which: Element,
        webspaces: &[Webspace],
        month: (NaiveDate, NaiveDate),
    ) -> Result<Vec<Usage>, Failure> {
        let last = month.1.pred_opt().unwrap_or(month.1);
        let dates = [Element::leaf("since_date", month.0.to_string()), Element::leaf("to_date", last.to_string())];
        let packet = Packet::of("webspace", "get_traffic", [which].into_iter().chain(dates));
        let replies = found(self.client.ask_one(&packet, Time::OPEN).await?)?;
        let mut usage = Vec::new();
        for webspace in webspaces {
            let mut bytes = 0_i64;
            for reply in replies.iter().filter(|reply| reply.id == webspace.id) {
                bytes = bytes.saturating_add(transferred(&reply.result, month));
            }
            usage.push(bandwidth(webspace, bytes, month));
        }
        Ok(usage)
    }

    pub(crate) async fn capacity(&self, _: GetCapacityRequest) -> Answer<GetCapacityResponse> {
        let packet = Packet::of("server", "get", [Element::new("key"), Element::new("stat")]);
        let replies = self.client.ask_one(&packet, Time::OPEN).await?;
        let result = replies.into_iter().next().map(Reply::done).transpose()?.map(|reply| reply.result);
        let result = result.unwrap_or_default();
        let domains = result.at(&["stat", "objects", "domains"]).map(|domains| domains.text.clone());
        let accounts = expected(domains, "the number of subscriptions")?;
        let limit = result.get("key").and_then(|key| key.all("property").find(|one| one.text_of("name") == "lim_dom"));
        let limit = limit.and_then(|property| property.text_of("value").parse::<i64>().ok());
        Ok(Done::new(GetCapacityResponse {
            accounts: accounts.parse().unwrap_or_default(),
            accounts_max: limit.filter(|limit| *limit >= 0),
            ..GetCapacityResponse::default()
        }))
    }
}

fn current_use(webspace: &Webspace, month: (NaiveDate, NaiveDate)) -> Vec<Usage> {
    let snapshot = |metric: &str, unit: &str, quantity: i64, limit: &str| Usage {
        r#ref: Some(webspace.reference()),
        metric: metric.to_owned(),
        unit: unit.to_owned(),
        kind: UsageKind::Snapshot.into(),
        quantity,
        limit: webspace.limits.get(limit).copied(),
        ..Usage::default()
    };
    let disk = webspace.size_bytes.map(|bytes| snapshot("disk", "byte", bytes, "disk_space"));
    let traffic = webspace.statistics.get("traffic").map(|bytes| bandwidth(webspace, *bytes, month));
    let counts = COUNTS
        .iter()
        .filter_map(|(metric, name, limit)| Some(snapshot(metric, "1", *webspace.statistics.get(*name)?, limit)));
    disk.into_iter().chain(traffic).chain(counts).collect()
}

fn bandwidth(webspace: &Webspace, bytes: i64, month: (NaiveDate, NaiveDate)) -> Usage {
    Usage {
        r#ref: Some(webspace.reference()),
        metric: "bandwidth".to_owned(),
        unit: "byte".to_owned(),
        kind: UsageKind::Period.into(),
        quantity: bytes,
        limit: webspace.limits.get("max_traffic").copied(),
        period_start: Some(midnight(month.0)),
        period_end: Some(midnight(month.1)),
    }
}

/// The sum over the days of the month, in and out.
fn transferred(result: &Element, month: (NaiveDate, NaiveDate)) -> i64 {
    let in_month = |day: &&Element| {
        let date = day.text_of("date").parse::<NaiveDate>();
        date.is_ok_and(|date| (month.0..month.1).contains(&date))
    };
    let mut bytes = 0_i64;
    for day in result.all("traffic").filter(in_month) {
        for protocol in PROTOCOLS {
            for direction in ["in", "out"] {
                let amount: i64 = day.text_of(&format!("{protocol}_{direction}")).parse().unwrap_or_default();
                bytes = bytes.saturating_add(amount);
            }
        }
    }
    bytes
}
