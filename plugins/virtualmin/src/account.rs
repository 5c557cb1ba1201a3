//! A top-level virtual server, read as an account.

use billet_plugin::suspension::origin;
use billet_plugin::v1::{Account, AccountRef, GetAccountResponse, ProblemKind, Suspension, SuspensionOrigin};
use billet_plugin::{Answer, Done, Failure, Work};
use prost_types::Timestamp;

use crate::failure::refused;
use crate::naming;
use crate::panel::Virtualmin;
use crate::row::Row;

/// What stands around the reason of a suspension.
const MANUALLY: &str = "Manually";

/// The server as an account.
pub(crate) fn account(row: &Row) -> Account {
    let ip = row.text("ip_address").split_whitespace().next().unwrap_or_default();
    Account {
        r#ref: Some(AccountRef {
            username: row.text("username").to_owned(),
            panel_id: row.text("id").to_owned(),
            domain: row.name().to_owned(),
        }),
        package: row.text("plan").to_owned(),
        email: row.text("contact_email").to_owned(),
        owner: row.text("reseller").to_owned(),
        suspension: suspension(row),
        created_at: created_unix_s(row).map(|seconds| Timestamp { seconds, nanos: 0 }),
        ip: ip.to_owned(),
        disk_used_bytes: row.number("server_byte_quota_used"),
        disk_limit_bytes: row.blocks("server_block_quota"),
        ..Account::default()
    }
}

/// When it was made, if the panel says so.
pub(crate) fn created_unix_s(row: &Row) -> Option<i64> {
    row.number("created_unix_time")
}

/// `Manually (why)`, `Manually`, or what the panel did it for. Without Billet's mark a manual one is somebody else's; the
/// panel does not say whether that was the administrator, a reseller or the owner, so it counts as the administrator's.
pub(crate) fn suspension(row: &Row) -> Option<Suspension> {
    let disabled = row.text("disabled");
    if disabled.is_empty() {
        return None;
    }
    let (reason, otherwise) = match disabled.strip_prefix(MANUALLY) {
        Some(rest) => {
            let rest = rest.trim();
            let reason = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(rest);
            (reason, SuspensionOrigin::Administrator)
        }
        None => (disabled, SuspensionOrigin::Panel),
    };
    let origin = origin(reason, otherwise).into();
    Some(Suspension { origin, reason: reason.to_owned(), locked: false, since: None })
}

impl Virtualmin {
    /// The server with this domain, of any kind; none when there is none.
    ///
    /// # Errors
    /// When the panel cannot be asked.
    pub(crate) async fn by_domain(&self, domain: &str, work: &Work) -> Result<Option<Row>, Failure> {
        let parameters = vec![("multiline", ""), ("domain", domain)];
        match self.client.list("list-domains", &parameters, work.look(self.manner.time_max)?).await {
            Ok(rows) => Ok(Row::real(rows, "id").into_iter().find(|row| row.name().eq_ignore_ascii_case(domain))),
            Err(failure) if failure.is_refused(ProblemKind::NotFound) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// All top-level servers, by user name.
    ///
    /// # Errors
    /// When the panel cannot be asked.
    pub(crate) async fn all(&self, work: &Work) -> Result<Vec<Row>, Failure> {
        let parameters = vec![("multiline", ""), ("toplevel", "")];
        let rows = self.client.list("list-domains", &parameters, work.look(self.manner.time_max)?).await?;
        let mut rows = Row::real(rows, "id");
        rows.sort_by(|one, other| (one.text("username"), one.name()).cmp(&(other.text("username"), other.name())));
        Ok(rows)
    }

    /// The top-level server of a user: by the domain that is known, and if that is not its any more, among all of them.
    ///
    /// # Errors
    /// Not found, or the panel cannot be asked.
    pub(crate) async fn find(&self, reference: &AccountRef, work: &Work) -> Result<Row, Failure> {
        let (username, domain) = (&reference.username, &reference.domain);
        let is_wanted = |row: &Row| row.text("username") == username && row.text("type").starts_with("Top-level");
        if !domain.is_empty()
            && let Some(row) = self.by_domain(&naming::domain(domain)?, work).await?
            && (is_wanted(&row) || username.is_empty())
        {
            return Ok(row);
        }
        let found = self.all(work).await?.into_iter().find(|row| is_wanted(row));
        found.ok_or_else(|| refused(ProblemKind::NotFound, format!("there is no virtual server of a user {username}")))
    }

    /// The server that a reference means.
    ///
    /// # Errors
    /// Conflict when it names another domain or id than the user's server has.
    pub(crate) async fn meant(&self, reference: &AccountRef, work: &Work) -> Result<Row, Failure> {
        let row = self.find(reference, work).await?;
        let conflict = |what: &str, wanted: &str, found: &str| {
            let words = format!("the server of user {} has the {what} {found}, not {wanted}", reference.username);
            Err(refused(ProblemKind::Conflict, words))
        };
        if !reference.domain.is_empty() && !row.name().eq_ignore_ascii_case(reference.domain.trim_end_matches('.')) {
            return conflict("domain", &reference.domain, row.name());
        }
        if !reference.panel_id.is_empty() && row.text("id") != reference.panel_id {
            return conflict("id", &reference.panel_id, row.text("id"));
        }
        Ok(row)
    }

    pub(crate) async fn get(&self, reference: AccountRef) -> Answer<GetAccountResponse> {
        let row = self.find(&reference, &Work::question()).await?;
        Ok(Done::new(GetAccountResponse { outcome: None, account: Some(account(&row)) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_suspension_it_is() {
        let row = |disabled: &str| {
            let values = serde_json::json!({"name": "a.example", "values": {"id": ["1"], "disabled": [disabled]}});
            Row::real(vec![values], "id").remove(0)
        };
        let of = |disabled: &str| suspension(&row(disabled)).map(|found| (found.origin(), found.reason));
        assert_eq!(of("Manually ([billet] overdue)"), Some((SuspensionOrigin::Billet, "[billet] overdue".into())));
        assert_eq!(of("Manually (abuse (spam))"), Some((SuspensionOrigin::Administrator, "abuse (spam)".into())));
        assert_eq!(of("Manually"), Some((SuspensionOrigin::Administrator, String::new())));
        let bandwidth = "For exceeding bandwidth limit";
        assert_eq!(of(bandwidth), Some((SuspensionOrigin::Panel, bandwidth.into())));
        assert_eq!(of(""), None);
    }
}
