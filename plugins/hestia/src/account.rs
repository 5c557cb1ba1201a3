//! A user of HestiaCP with its web domains, read as an account.

use billet_plugin::v1::{Account, AccountRef, GetAccountResponse, ProblemKind, Suspension, SuspensionOrigin};
use billet_plugin::{Answer, Done, Failure, Work};
use chrono::{DateTime, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;
use prost_types::Timestamp;
use serde_json::{Map, Value};

use crate::failure::refused;
use crate::naming;
use crate::panel::Hestia;

/// The panel counts megabytes of 1024 x 1024 bytes.
const MEGABYTE: i64 = 1_048_576;

/// One object of a listing. All values of HestiaCP are text.
#[derive(Debug, Clone)]
pub(crate) struct Row(Map<String, Value>);

impl Row {
    /// The rows of a listing, by name.
    ///
    /// # Errors
    /// When the listing is none: worth another try.
    pub(crate) fn all(listing: Value) -> Result<Vec<(String, Row)>, Failure> {
        let Value::Object(rows) = listing else {
            return Err(Failure::later(ProblemKind::Unavailable, "", "the panel's listing is no object"));
        };
        let row = |(name, row): (String, Value)| match row {
            Value::Object(row) => Ok((name, Row(row))),
            _ => Err(Failure::later(ProblemKind::Unavailable, "", format!("the panel's row `{name}` is no object"))),
        };
        rows.into_iter().map(row).collect()
    }

    /// A value; empty when it is missing.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// A whole number; none when it is `unlimited` or missing.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        match self.0.get(name)? {
            Value::Number(number) => number.as_i64(),
            value => value.as_str()?.trim().parse().ok(),
        }
    }

    /// Megabytes as bytes.
    pub(crate) fn bytes(&self, name: &str) -> Option<i64> {
        self.number(name)?.checked_mul(MEGABYTE)
    }

    /// When it was made. Of two instants with the same local time the earlier one: what is older than our work is not
    /// taken for it.
    pub(crate) fn created_at(&self, zone: Tz) -> Option<DateTime<Utc>> {
        let text = format!("{} {}", self.text("DATE"), self.text("TIME"));
        let local = NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S").ok()?;
        Some(zone.from_local_datetime(&local).earliest()?.to_utc())
    }

    /// Whether the user is suspended.
    pub(crate) fn is_suspended(&self) -> bool {
        self.text("SUSPENDED") == "yes"
    }

    /// All names and values that are text.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
    }
}

/// What is known of a suspension: only that it is there.
pub(crate) fn suspension() -> Suspension {
    Suspension { origin: SuspensionOrigin::Unspecified.into(), ..Suspension::default() }
}

/// A user with its domains.
#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) row: Row,
    /// The oldest first.
    pub(crate) domains: Vec<String>,
}

impl User {
    /// The user as an account. Its main domain is the one that was asked for if the user has it, else the oldest.
    pub(crate) fn account(&self, asked: &str, zone: Tz) -> Account {
        let domain = self.domains.iter().find(|domain| *domain == asked).or(self.domains.first());
        Account {
            r#ref: Some(AccountRef {
                username: self.name.clone(),
                panel_id: String::new(),
                domain: domain.cloned().unwrap_or_default(),
            }),
            package: self.row.text("PACKAGE").to_owned(),
            email: self.row.text("CONTACT").to_owned(),
            suspension: self.row.is_suspended().then(suspension),
            created_at: self.row.created_at(zone).map(timestamp),
            disk_used_bytes: self.row.bytes("U_DISK"),
            disk_limit_bytes: self.row.bytes("DISK_QUOTA"),
            ..Account::default()
        }
    }
}

/// An instant of the protocol.
pub(crate) fn timestamp(instant: DateTime<Utc>) -> Timestamp {
    Timestamp { seconds: instant.timestamp(), nanos: 0 }
}

impl Hestia {
    /// One user, without domains.
    ///
    /// # Errors
    /// Not found, or the panel cannot be asked.
    pub(crate) async fn row(&self, name: &str, work: &Work) -> Result<Row, Failure> {
        naming::existing(name)?;
        let listing = self.client.ask("v-list-user", &[name, "json"], work.look(self.manner.time_max)?).await?;
        let found = Row::all(listing)?.into_iter().find(|(found, _)| found == name);
        let missing =
            || Failure::later(ProblemKind::Unavailable, "", format!("the panel told of another user than {name}"));
        found.map(|(_, row)| row).ok_or_else(missing)
    }

    /// One user.
    ///
    /// # Errors
    /// As `row`.
    pub(crate) async fn user(&self, name: &str, work: &Work) -> Result<User, Failure> {
        let row = self.row(name, work).await?;
        Ok(User { name: name.to_owned(), row, domains: self.domains(name, work).await? })
    }

    /// A user's web domains, the oldest first.
    ///
    /// # Errors
    /// As `row`.
    pub(crate) async fn domains(&self, name: &str, work: &Work) -> Result<Vec<String>, Failure> {
        let time = work.look(self.manner.time_max)?;
        let mut rows = Row::all(self.client.ask("v-list-web-domains", &[name, "json"], time).await?)?;
        rows.sort_by_cached_key(|(name, row)| (format!("{} {}", row.text("DATE"), row.text("TIME")), name.clone()));
        Ok(rows.into_iter().map(|(name, _)| name).collect())
    }

    /// The user that a reference means.
    ///
    /// # Errors
    /// Conflict when it names another domain, or a panel id, which HestiaCP does not have.
    pub(crate) async fn meant(&self, reference: &AccountRef, work: &Work) -> Result<User, Failure> {
        let user = self.user(&reference.username, work).await?;
        let name = &user.name;
        if !reference.panel_id.is_empty() {
            let words = format!("HestiaCP has no ids, so user {name} cannot be {}", reference.panel_id);
            return Err(refused(ProblemKind::Conflict, words));
        }
        if !reference.domain.is_empty() && !user.domains.contains(&naming::domain(&reference.domain)?) {
            let words = format!("user {name} does not have the domain {}: it may be another account", reference.domain);
            return Err(refused(ProblemKind::Conflict, words));
        }
        Ok(user)
    }

    pub(crate) async fn get(&self, reference: AccountRef) -> Answer<GetAccountResponse> {
        let user = self.user(&reference.username, &Work::question()).await?;
        let account = user.account(&reference.domain.to_lowercase(), self.manner.zone);
        Ok(Done::new(GetAccountResponse { outcome: None, account: Some(account) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_of_the_servers_zone() {
        let row = |date: &str, time: &str| {
            let values = serde_json::json!({"a": {"DATE": date, "TIME": time}});
            Row::all(values).expect("rows").remove(0).1
        };
        let berlin: Tz = "Europe/Berlin".parse().expect("a zone");
        let instant = |date, time| row(date, time).created_at(berlin).map(|at| at.to_rfc3339());
        assert_eq!(instant("2026-07-01", "12:00:00").as_deref(), Some("2026-07-01T10:00:00+00:00"));
        assert_eq!(instant("2026-10-25", "02:30:00").as_deref(), Some("2026-10-25T00:30:00+00:00"), "the earlier");
        assert_eq!(instant("2026-03-29", "02:30:00"), None, "there is no such time");
        assert_eq!(instant("", ""), None);
    }
}
