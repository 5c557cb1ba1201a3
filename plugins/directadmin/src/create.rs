//! Making a user. What DirectAdmin answers is checked against what is there: it has reported success with an error inside.

use billet_plugin::v1::{CreateAccountRequest, CreateAccountResponse, ProblemKind};
use billet_plugin::{Answer, Done, Failure, Work};

use crate::account::{account, created_at};
use crate::client::Values;
use crate::failure::{refused, unsure};
use crate::naming;
use crate::panel::DirectAdmin;

/// The package that every server has.
const PACKAGE_DEFAULT: &str = "default";
/// A server with more addresses has the one to use set.
const ADDRESSES_MAX: usize = 64;

impl DirectAdmin {
    pub(crate) async fn create(&self, request: &CreateAccountRequest) -> Answer<CreateAccountResponse> {
        let work = Work::of(request.operation.as_ref());
        naming::new_username(&request.username)?;
        naming::password(&request.password)?;
        naming::email(&request.email)?;
        let domain = naming::domain(&request.domain)?;
        let owner = if request.owner.is_empty() { "" } else { naming::existing(&request.owner)? };
        if let Some(name) = request.extra.keys().next() {
            return Err(refused(ProblemKind::Invalid, format!("extra `{name}`: this plugin takes none")));
        }
        if work.is_repeated()
            && let Some(config) = self.ours(request, &domain, &work).await.map_err(unsure)?
        {
            return Ok(Done::already(self.created(&request.username, &config)));
        }
        let ip = self.free_address(owner, request.dedicated_ip, &work).await?;
        let package = if request.package.is_empty() { PACKAGE_DEFAULT } else { &request.package };
        let parameters = vec![
            ("action", "create"),
            ("add", "Submit"),
            ("username", request.username.as_str()),
            ("email", request.email.as_str()),
            ("passwd", request.password.as_str()),
            ("passwd2", request.password.as_str()),
            ("domain", domain.as_str()),
            ("package", package),
            ("ip", ip.as_str()),
            ("notify", "no"),
        ];
        let time = work.change(self.manner.time_slow_max)?;
        let made = self.client.change(owner, "CMD_API_ACCOUNT_USER", &parameters, &[&request.password], time).await;
        let warnings = match &made {
            Ok(()) => Vec::new(),
            Err(failure) if is_certain(failure) => return Err(failure.clone()),
            Err(failure) => vec![failure.problem().words.clone()],
        };
        match (made, self.ours(request, &domain, &work).await) {
            (_, Ok(Some(config))) => Ok(Done::new(self.created(&request.username, &config)).with_warnings(warnings)),
            (Ok(()), Ok(None)) => Err(Failure::unknown("DirectAdmin reported success, but there is no such user")),
            (Err(failure), Ok(None)) => Err(failure),
            (_, Err(conflict)) if conflict.is_refused(ProblemKind::Conflict) => Err(conflict),
            (Err(failure), Err(_)) => Err(Failure::unknown(failure.problem().words.clone())),
            (Ok(()), Err(failure)) => Err(Failure::unknown(failure.problem().words.clone())),
        }
    }

    /// The user if it can be this work's doing; none when there is none.
    async fn ours(&self, request: &CreateAccountRequest, domain: &str, work: &Work) -> Result<Option<Values>, Failure> {
        let Some(config) = self.seen(&request.username, work).await? else { return Ok(None) };
        let young = created_at(&config, self.manner.zone).is_some_and(|at| work.can_have_made(at.timestamp()));
        let same = config.text("domain").eq_ignore_ascii_case(domain)
            && config.text("usertype") == "user"
            && (request.owner.is_empty() || config.text("creator") == request.owner);
        if young && same {
            return Ok(Some(config));
        }
        Err(refused(ProblemKind::Conflict, format!("there is a user {}, and it is not ours", request.username)))
    }

    /// The address for a new user: the one that is set, or the best that the panel has.
    async fn free_address(&self, owner: &str, dedicated: bool, work: &Work) -> Result<String, Failure> {
        if !dedicated && !self.manner.ip.is_empty() {
            return Ok(self.manner.ip.clone());
        }
        let wanted: &[&str] = if dedicated { &["free"] } else { &["shared", "server"] };
        let command = "CMD_API_SHOW_RESELLER_IPS";
        let ips = self.client.ask_as(owner, command, &Vec::new(), work.look(self.manner.time_max)?).await?.list();
        let mut found: Option<(usize, String)> = None;
        for ip in ips.into_iter().take(ADDRESSES_MAX) {
            let time = work.look(self.manner.time_max)?;
            let status = self.client.ask_as(owner, command, &vec![("ip", ip.as_str())], time).await?;
            let rank = wanted.iter().position(|wanted| *wanted == status.text("status"));
            if let Some(rank) = rank.filter(|rank| found.as_ref().is_none_or(|(best, _)| rank < best)) {
                found = Some((rank, ip));
            }
        }
        let none =
            || refused(ProblemKind::Limit, format!("DirectAdmin has no address that is {}", wanted.join(" or ")));
        found.map(|(_, ip)| ip).ok_or_else(none)
    }

    fn created(&self, username: &str, config: &Values) -> CreateAccountResponse {
        let name_servers = ["ns1", "ns2"].map(|name| config.text(name).to_owned());
        CreateAccountResponse {
            outcome: None,
            account: Some(account(username, config, self.manner.zone)),
            name_servers: name_servers.into_iter().filter(|name| !name.is_empty()).collect(),
        }
    }
}

/// Whether a failure says with certainty that nothing was done: nothing was sent, or nobody was let in.
pub(crate) fn is_certain(failure: &Failure) -> bool {
    matches!(failure, Failure::RetryLater { .. })
        || failure.is_refused(ProblemKind::Unauthenticated)
        || failure.is_refused(ProblemKind::Permission)
        || failure.is_refused(ProblemKind::Unavailable)
}
