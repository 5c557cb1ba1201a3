//! Finds domains in the account, and tells whether one came of an attempt of ours.

use billet_plugin::Failure;
use billet_plugin::v1::{Operation, ProblemKind};
use chrono::{DateTime, Duration, Utc};
use serde::Deserialize;

use crate::Openprovider;
use crate::budget::Budget;
use crate::client::Call;
use crate::domain::Row;
use crate::failure::Trouble;
use crate::moment;
use crate::name::Name;

/// How many rows one name may have: it may have been here, gone, and come again.
const ROWS_MAX: usize = 50;
/// How far the clocks may be apart.
const SKEW: Duration = Duration::minutes(2);

/// Rows of a list.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Rows {
    #[serde(deserialize_with = "crate::domain::or_default")]
    pub(crate) results: Vec<Row>,
    #[serde(deserialize_with = "crate::domain::or_default")]
    pub(crate) total: usize,
}

/// The row of this name that counts: the newest that stands for a domain, or else the newest.
pub(crate) async fn find(plugin: &Openprovider, name: &Name, budget: &Budget) -> Result<Option<Row>, Trouble> {
    let whole = name.whole();
    let call = Call::get(&["domains"]).query("full_name", &whole).query("limit", &ROWS_MAX);
    let rows: Rows = plugin.client.send(call, budget.left()).await?.data;
    let now = Utc::now();
    let same = rows.results.into_iter().filter(|row| row.domain.whole() == whole);
    Ok(same.max_by_key(|row| (row.state(now).is_some(), !row.is("DEL"), row.id)))
}

/// The whole record, with the registry's statuses.
pub(crate) async fn read(plugin: &Openprovider, id: i64, budget: &Budget) -> Result<Row, Trouble> {
    let call = Call::get(&["domains", &id.to_string()]).query("with_registry_statuses", &true);
    Ok(plugin.client.send(call, budget.left()).await?.data)
}

/// The row of a domain that must be here.
///
/// # Errors
/// [`ProblemKind::NotFound`] when it is not, or when what was asked for failed.
pub(crate) async fn expect(plugin: &Openprovider, name: &Name, budget: &Budget) -> Result<Row, Failure> {
    let found = find(plugin, name, budget).await.map_err(Trouble::asking)?;
    let missing = |words: String| Failure::refused(ProblemKind::NotFound, "", words);
    let Some(row) = found else {
        return Err(missing(format!("{} is not in this account", name.whole())));
    };
    if row.state(Utc::now()).is_none() {
        return Err(missing(match row.has_failed() {
            true if row.is_transfer() => format!("the transfer of {} failed at the registry", name.whole()),
            true => format!("the registration of {} failed at the registry", name.whole()),
            false => format!("{} is gone: its status is {}", name.whole(), row.status),
        }));
    }
    Ok(row)
}

/// The mark that an order leaves in the domain's comments.
pub(crate) fn mark(operation: Option<&Operation>) -> String {
    let id = operation.map(|operation| operation.id.as_str()).unwrap_or_default();
    if id.is_empty() { String::new() } else { format!("billet:{id}") }
}

/// Whether it is not the first attempt.
pub(crate) fn is_repeated(operation: Option<&Operation>) -> bool {
    operation.is_some_and(|operation| operation.attempt > 1)
}

/// Whether this row came of this operation: it bears its mark, or bears none and is the same owner's and younger than the
/// first attempt.
pub(crate) fn is_ours(row: &Row, operation: Option<&Operation>, owner_handle: &str) -> bool {
    let mark = mark(operation);
    if row.comments.starts_with("billet:") || mark.is_empty() {
        return !mark.is_empty() && row.comments == mark;
    }
    let began: Option<DateTime<Utc>> =
        operation.and_then(|operation| operation.first_attempt_at.as_ref()).and_then(moment::instant);
    let (Some(began), Some(ordered)) = (began, row.ordered_at()) else { return false };
    !owner_handle.is_empty() && row.owner_handle == owner_handle && ordered >= began - SKEW
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(id: &str) -> Operation {
        let at = moment::timestamp(moment::utc("2026-11-20 12:00:00").expect("a time"));
        Operation { id: id.to_owned(), attempt: 2, first_attempt_at: Some(at), time_left: None }
    }

    fn row(comments: &str, owner: &str, ordered: &str) -> Row {
        serde_json::from_value(serde_json::json!({
            "comments": comments, "owner_handle": owner, "order_date": ordered
        }))
        .expect("a row")
    }

    #[test]
    fn the_mark_decides_and_without_it_owner_and_time() {
        let op = operation("op-1");
        let ours = |row: &Row| is_ours(row, Some(&op), "XX1-EX");
        assert!(ours(&row("billet:op-1", "", "")));
        assert!(!ours(&row("billet:op-2", "XX1-EX", "2026-11-20 13:00:30")), "another order's");
        assert!(ours(&row("", "XX1-EX", "2026-11-20 12:58:30")), "within the skew, in Amsterdam's time");
        assert!(!ours(&row("", "XX1-EX", "2026-11-20 12:57:30")), "older");
        assert!(!ours(&row("", "XX2-EX", "2026-11-20 13:00:30")), "another owner");
        assert!(!ours(&row("", "", "2026-11-20 13:00:30")));
        assert!(!is_ours(&row("", "XX1-EX", "2026-11-20 13:00:30"), None, "XX1-EX"));
    }
}
