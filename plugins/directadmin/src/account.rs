//! A user's configuration, read as an account.

use billet_plugin::v1::{Account, AccountRef, GetAccountResponse, ProblemKind, Suspension, SuspensionOrigin};
use billet_plugin::{Answer, Done, Failure, Work};
use chrono::{DateTime, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;
use prost_types::Timestamp;

use crate::client::Values;
use crate::failure::refused;
use crate::naming;
use crate::panel::DirectAdmin;

/// Reasons that say nothing about who it was.
const NO_REASONS: [&str; 3] = ["", "none", "billing"];
/// Reasons for which the panel itself suspends.
const PANEL_REASONS: [&str; 4] = ["bandwidth", "quota", "inode", "limit"];

/// When it was made: as `ctime` of the server's clock, or in seconds. Of two instants with the same local time the earlier.
pub(crate) fn created_at(config: &Values, zone: Tz) -> Option<DateTime<Utc>> {
    let text = config.text("date_created").split_whitespace().collect::<Vec<_>>().join(" ");
    if let Ok(seconds) = text.parse::<i64>() {
        return DateTime::from_timestamp(seconds, 0);
    }
    let local = NaiveDateTime::parse_from_str(&text, "%a %b %d %H:%M:%S %Y").ok()?;
    Some(zone.from_local_datetime(&local).earliest()?.to_utc())
}

/// Billet stores no reason, so one that says more than `billing` was set by somebody else; without one the panel does not
/// say who it was.
pub(crate) fn suspension(config: &Values) -> Option<Suspension> {
    if config.text("suspended") != "yes" {
        return None;
    }
    let reason = config.text("suspended_reason");
    let low = reason.to_lowercase();
    let origin = if NO_REASONS.contains(&low.as_str()) {
        SuspensionOrigin::Unspecified
    } else if PANEL_REASONS.iter().any(|sign| low.contains(sign)) {
        SuspensionOrigin::Panel
    } else {
        SuspensionOrigin::Administrator
    };
    Some(Suspension { origin: origin.into(), reason: reason.to_owned(), locked: false, since: None })
}

/// The configuration as an account.
pub(crate) fn account(username: &str, config: &Values, zone: Tz) -> Account {
    Account {
        r#ref: Some(AccountRef {
            username: username.to_owned(),
            panel_id: String::new(),
            domain: config.text("domain").to_owned(),
        }),
        package: config.text("package").to_owned(),
        email: config.text("email").to_owned(),
        owner: config.text("creator").to_owned(),
        suspension: suspension(config),
        created_at: created_at(config, zone).map(timestamp),
        ip: config.text("ip").to_owned(),
        disk_limit_bytes: config.megabytes("quota"),
        ..Account::default()
    }
}

/// An instant of the protocol.
pub(crate) fn timestamp(instant: DateTime<Utc>) -> Timestamp {
    Timestamp { seconds: instant.timestamp(), nanos: 0 }
}

/// The user name of a request.
pub(crate) fn username(reference: Option<&AccountRef>) -> Result<&str, Failure> {
    naming::existing(reference.map(|reference| reference.username.as_str()).unwrap_or_default())
}

impl DirectAdmin {
    /// A user's configuration.
    ///
    /// # Errors
    /// Not found, or the panel cannot be asked.
    pub(crate) async fn config(&self, name: &str, work: &Work) -> Result<Values, Failure> {
        let name = naming::existing(name)?;
        let time = work.look(self.manner.time_max)?;
        let config = self.client.ask("CMD_API_SHOW_USER_CONFIG", &vec![("user", name)], time).await?;
        // Some versions tell of nobody with an empty answer.
        match config.text("username") {
            "" => Err(refused(ProblemKind::NotFound, format!("there is no user {name}"))),
            found if found == name => Ok(config),
            found => {
                let words = format!("the panel told of user {found} instead of {name}");
                Err(Failure::later(ProblemKind::Unavailable, "", words))
            }
        }
    }

    /// The same; none when there is no such user.
    ///
    /// # Errors
    /// When the panel cannot be asked.
    pub(crate) async fn seen(&self, name: &str, work: &Work) -> Result<Option<Values>, Failure> {
        match self.config(name, work).await {
            Ok(config) => Ok(Some(config)),
            Err(failure) if failure.is_refused(ProblemKind::NotFound) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    pub(crate) async fn get(&self, reference: AccountRef) -> Answer<GetAccountResponse> {
        let config = self.config(&reference.username, &Work::question()).await?;
        let account = account(&reference.username, &config, self.manner.zone);
        Ok(Done::new(GetAccountResponse { outcome: None, account: Some(account) }))
    }
}
