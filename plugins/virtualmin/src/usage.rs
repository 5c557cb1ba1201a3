//! What servers use. Virtualmin counts traffic over its own period, whose days it does not tell in a form that can be read
//! with certainty: the figure comes without them.

use billet_plugin::v1::{AccountRef, GetUsageRequest, GetUsageResponse, ProblemKind, Usage, UsageKind};
use billet_plugin::{Answer, Done, Work};
use chrono::{DateTime, Datelike, Utc};

use crate::failure::refused;
use crate::panel::Virtualmin;
use crate::row::Row;

impl Virtualmin {
    pub(crate) async fn usage(&self, request: &GetUsageRequest) -> Answer<GetUsageResponse> {
        if request.month.is_some_and(|month| !is_now(month.seconds)) {
            return Err(refused(ProblemKind::Unsupported, "Virtualmin tells what is used now, not of past months"));
        }
        let work = Work::question();
        let rows = match request.r#ref.as_ref().filter(|reference| !reference.username.is_empty()) {
            Some(reference) => vec![self.find(reference, &work).await?],
            None => self.all(&work).await?,
        };
        let usage = rows.iter().flat_map(figures).collect();
        Ok(Done::new(GetUsageResponse { outcome: None, usage }))
    }
}

/// Whether an instant is of the current month (UTC).
fn is_now(seconds: i64) -> bool {
    let now = Utc::now();
    DateTime::from_timestamp(seconds, 0).is_some_and(|at| (at.year(), at.month()) == (now.year(), now.month()))
}

fn figures(row: &Row) -> Vec<Usage> {
    let whose = AccountRef {
        username: row.text("username").to_owned(),
        panel_id: row.text("id").to_owned(),
        domain: row.name().to_owned(),
    };
    let figure = |metric: &str, unit: &str, kind: UsageKind, quantity: Option<i64>, limit: Option<i64>| {
        quantity.map(|quantity| Usage {
            r#ref: Some(whose.clone()),
            metric: metric.to_owned(),
            unit: unit.to_owned(),
            kind: kind.into(),
            quantity,
            limit,
            period_start: None,
            period_end: None,
        })
    };
    let (used, traffic) = (row.number("server_byte_quota_used"), row.number("bandwidth_byte_usage"));
    let figures = [
        figure("disk", "byte", UsageKind::Snapshot, used, row.blocks("server_block_quota")),
        figure("bandwidth", "byte", UsageKind::Period, traffic, row.number("bandwidth_byte_limit")),
        figure("databases", "1", UsageKind::Snapshot, row.number("databases_count"), row.number("maximum_databases")),
    ];
    figures.into_iter().flatten().collect()
}
