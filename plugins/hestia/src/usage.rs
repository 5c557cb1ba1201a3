//! What users use. HestiaCP counts once a night, in megabytes; traffic by calendar months of the server's time.

use billet_plugin::v1::{AccountRef, GetUsageRequest, GetUsageResponse, ProblemKind, Usage, UsageKind};
use billet_plugin::{Answer, Done, Failure, Work};
use chrono::{DateTime, Datelike, Months, NaiveDate, TimeZone, Utc};
use chrono_tz::Tz;

use crate::account::{Row, timestamp};
use crate::failure::refused;
use crate::naming;
use crate::panel::Hestia;

/// Counts: the metric, what is used, what is allowed.
const COUNTS: [(&str, &str, &str); 4] = [
    ("domains", "U_WEB_DOMAINS", "WEB_DOMAINS"),
    ("databases", "U_DATABASES", "DATABASES"),
    ("mailboxes", "U_MAIL_ACCOUNTS", ""),
    ("mail_domains", "U_MAIL_DOMAINS", "MAIL_DOMAINS"),
];

impl Hestia {
    pub(crate) async fn usage(&self, request: &GetUsageRequest) -> Answer<GetUsageResponse> {
        let (work, zone) = (Work::question(), self.manner.zone);
        let now = Utc::now();
        let asked = request.month.and_then(|month| DateTime::from_timestamp(month.seconds, 0)).unwrap_or(now);
        let month = Month::of(asked, zone)?;
        let reference = request.r#ref.as_ref().filter(|reference| !reference.username.is_empty());
        let mut response = GetUsageResponse::default();
        if month == Month::of(now, zone)? {
            let rows = match reference {
                Some(reference) => vec![(reference.username.clone(), self.row(&reference.username, &work).await?)],
                None => self.rows(&work).await?,
            };
            for (name, row) in &rows {
                response.usage.extend(figures(name, row, &month, true));
            }
            return Ok(Done::new(response));
        }
        let Some(reference) = reference else {
            let words = "HestiaCP tells of past months account by account only";
            return Err(refused(ProblemKind::Unsupported, words));
        };
        naming::existing(&reference.username)?;
        let time = work.look(self.manner.time_max)?;
        match self.client.ask("v-list-user-stats", &[&reference.username, "json"], time).await {
            Ok(stats) => {
                let stats = Row::all(stats)?.into_iter().rfind(|(date, _)| date.starts_with(&month.prefix));
                if let Some((_, row)) = stats {
                    response.usage.extend(figures(&reference.username, &row, &month, false));
                }
                Ok(Done::new(response))
            }
            // It prints half an object when nothing was counted yet (recorded).
            Err(failure) if failure.is_refused(ProblemKind::Invalid) => {
                Ok(Done::new(response).with_warnings(vec!["HestiaCP has no figures of past months yet".to_owned()]))
            }
            Err(failure) => Err(failure),
        }
    }
}

/// A calendar month of the server's time.
#[derive(Debug, PartialEq, Eq)]
struct Month {
    /// `2026-11`.
    prefix: String,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

impl Month {
    fn of(instant: DateTime<Utc>, zone: Tz) -> Result<Self, Failure> {
        let wrong = || refused(ProblemKind::Invalid, "that month is beyond the calendar");
        let first = instant.with_timezone(&zone).date_naive().with_day(1).ok_or_else(wrong)?;
        let next = first.checked_add_months(Months::new(1)).ok_or_else(wrong)?;
        Ok(Self { prefix: first.format("%Y-%m").to_string(), from: midnight(first, zone), to: midnight(next, zone) })
    }
}

/// The beginning of a day; where it has no midnight, an hour later.
fn midnight(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    let at = |hour| zone.from_local_datetime(&day.and_hms_opt(hour, 0, 0)?).earliest();
    at(0).or_else(|| at(1)).map_or_else(|| day.and_time(chrono::NaiveTime::MIN).and_utc(), |at| at.to_utc())
}

fn figures(name: &str, row: &Row, month: &Month, now: bool) -> Vec<Usage> {
    let whose = Some(AccountRef { username: name.to_owned(), ..AccountRef::default() });
    let snapshot = |metric: &str, unit: &str, quantity, limit| Usage {
        r#ref: whose.clone(),
        metric: metric.to_owned(),
        unit: unit.to_owned(),
        kind: UsageKind::Snapshot.into(),
        quantity,
        limit,
        period_start: None,
        period_end: None,
    };
    let mut usage = Vec::new();
    if let Some(bytes) = row.bytes("U_BANDWIDTH") {
        usage.push(Usage {
            kind: UsageKind::Period.into(),
            period_start: Some(timestamp(month.from)),
            period_end: Some(timestamp(month.to)),
            ..snapshot("bandwidth", "byte", bytes, row.bytes("BANDWIDTH"))
        });
    }
    // Of a past month, only what adds up over it says something.
    if now {
        usage.extend(row.bytes("U_DISK").map(|bytes| snapshot("disk", "byte", bytes, row.bytes("DISK_QUOTA"))));
        for (metric, used, limit) in COUNTS {
            usage.extend(row.number(used).map(|count| snapshot(metric, "1", count, row.number(limit))));
        }
    }
    usage
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_of_the_servers_zone() {
        let instant = "2026-10-31T23:30:00Z".parse::<DateTime<Utc>>().expect("an instant");
        let month = Month::of(instant, "Europe/Berlin".parse().expect("a zone")).expect("a month");
        assert_eq!((month.prefix.as_str(), month.from.to_rfc3339().as_str()), ("2026-11", "2026-10-31T23:00:00+00:00"));
        assert_eq!(month.to.to_rfc3339(), "2026-11-30T23:00:00+00:00");
    }
}
