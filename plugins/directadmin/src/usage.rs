//! What users use. DirectAdmin counts in megabytes, traffic by calendar months of the server's time.

use billet_plugin::v1::{AccountRef, GetUsageRequest, GetUsageResponse, ProblemKind, Usage, UsageKind};
use billet_plugin::{Answer, Done, Failure, Work};
use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;

use crate::account::timestamp;
use crate::client::Values;
use crate::failure::refused;
use crate::panel::DirectAdmin;

/// Counts: the metric, and the panel's name.
const COUNTS: [(&str, &str); 4] =
    [("inodes", "inode"), ("domains", "vdomains"), ("databases", "mysql"), ("mailboxes", "nemails")];
/// More accounts are not asked one by one in one call.
const ACCOUNTS_MAX: usize = 2_000;

impl DirectAdmin {
    pub(crate) async fn usage(&self, request: &GetUsageRequest) -> Answer<GetUsageResponse> {
        let (work, zone) = (Work::question(), self.manner.zone);
        let month = month(Utc::now(), zone).ok_or_else(|| refused(ProblemKind::Invalid, "beyond the calendar"))?;
        if let Some(asked) = request.month
            && !(month.0.timestamp()..month.1.timestamp()).contains(&asked.seconds)
        {
            return Err(refused(ProblemKind::Unsupported, "DirectAdmin tells what is used now, not of past months"));
        }
        let mut response = GetUsageResponse::default();
        if let Some(reference) = request.r#ref.as_ref().filter(|reference| !reference.username.is_empty()) {
            let config = self.config(&reference.username, &work).await?;
            let usage = self.used(&reference.username, &work).await?;
            response.usage = figures(&reference.username, &usage, &config, month);
            return Ok(Done::new(response));
        }
        let names = self.usernames("", &work).await?;
        if names.len() > ACCOUNTS_MAX {
            let words = format!("more than {ACCOUNTS_MAX} accounts: ask account by account");
            return Err(refused(ProblemKind::Limit, words));
        }
        for name in &names {
            // None: removed since the list was made.
            let Some(config) = self.seen(name, &work).await? else { continue };
            let usage = self.used(name, &work).await?;
            response.usage.extend(figures(name, &usage, &config, month));
        }
        Ok(Done::new(response))
    }

    async fn used(&self, name: &str, work: &Work) -> Result<Values, Failure> {
        let time = work.look(self.manner.time_max)?;
        self.client.ask("CMD_API_SHOW_USER_USAGE", &vec![("user", name)], time).await
    }
}

/// The calendar month of the server's time that holds an instant.
fn month(instant: DateTime<Utc>, zone: Tz) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let first = instant.with_timezone(&zone).date_naive().with_day(1)?;
    Some((midnight(first, zone), midnight(first.checked_add_months(Months::new(1))?, zone)))
}

/// The beginning of a day; where it has no midnight, an hour later.
fn midnight(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    let at = |hour| zone.from_local_datetime(&day.and_hms_opt(hour, 0, 0)?).earliest();
    at(0).or_else(|| at(1)).map_or_else(|| day.and_time(NaiveTime::MIN).and_utc(), |at| at.to_utc())
}

fn figures(name: &str, usage: &Values, config: &Values, month: (DateTime<Utc>, DateTime<Utc>)) -> Vec<Usage> {
    let domain = config.text("domain").to_owned();
    let whose = AccountRef { username: name.to_owned(), panel_id: String::new(), domain };
    let snapshot = |metric: &str, unit: &str, quantity: i64, limit: Option<i64>| Usage {
        r#ref: Some(whose.clone()),
        metric: metric.to_owned(),
        unit: unit.to_owned(),
        kind: UsageKind::Snapshot.into(),
        quantity,
        limit,
        period_start: None,
        period_end: None,
    };
    let mut figures = Vec::new();
    figures.extend(usage.megabytes("quota").map(|used| snapshot("disk", "byte", used, config.megabytes("quota"))));
    figures.extend(usage.megabytes("bandwidth").map(|used| Usage {
        kind: UsageKind::Period.into(),
        period_start: Some(timestamp(month.0)),
        period_end: Some(timestamp(month.1)),
        ..snapshot("bandwidth", "byte", used, config.megabytes("bandwidth"))
    }));
    for (metric, key) in COUNTS {
        figures.extend(usage.number(key).map(|used| snapshot(metric, "1", used, config.number(key))));
    }
    figures
}
