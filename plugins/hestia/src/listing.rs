//! Testing the connection, checking names, listing accounts.

use billet_plugin::v1::{
    CheckUsernameRequest, CheckUsernameResponse, GetCapacityResponse, ListAccountsRequest, ListAccountsResponse,
    ProblemKind, TestConnectionResponse,
};
use billet_plugin::{Answer, Done, Failure, Work};

use crate::account::{Row, User};
use crate::failure::{is_missing, refused};
use crate::naming;
use crate::panel::Hestia;

/// A page is never longer: each account costs a question for its domains.
const PAGE_MAX: usize = 50;

/// Which commands a method of the protocol needs.
const NEEDED: [(&str, &[&str]); 10] = [
    ("GetAccount", &["v-list-user", "v-list-web-domains"]),
    ("CheckUsername", &["v-search-domain-owner"]),
    ("ListPackages", &["v-list-user-packages"]),
    ("CreateAccount", &["v-add-user", "v-add-domain", "v-delete-user"]),
    ("SuspendAccount", &["v-suspend-user"]),
    ("UnsuspendAccount", &["v-unsuspend-user"]),
    ("TerminateAccount", &["v-delete-user"]),
    ("ChangePackage", &["v-change-user-package"]),
    ("ChangePassword", &["v-change-user-password"]),
    ("UpdateAccount", &["v-change-user-contact", "v-change-web-domain-name"]),
];

impl Hestia {
    pub(crate) async fn test(&self) -> Answer<TestConnectionResponse> {
        let (work, time) = (Work::question(), self.manner.time_max);
        self.rows(&work).await?;
        let mut response = TestConnectionResponse::default();
        let mut warnings = Vec::new();
        // Name and version are nice to have; a key with least privilege may not ask for them.
        for (command, part, value, into) in [
            ("v-list-sys-info", "sysinfo", "HOSTNAME", &mut response.hostname),
            ("v-list-sys-hestia-updates", "hestia", "VERSION", &mut response.version),
        ] {
            match self.client.ask(command, &["json"], time).await {
                Ok(answer) => answer[part][value].as_str().unwrap_or_default().clone_into(into),
                Err(failure) => warnings.push(format!("{command}: {}", failure.problem().words)),
            }
        }
        for (method, commands) in NEEDED {
            for command in commands {
                if !self.client.may(command, time).await? {
                    response.missing_permissions.push(method.to_owned());
                    break;
                }
            }
        }
        Ok(Done::new(response).with_warnings(warnings))
    }

    pub(crate) async fn check(&self, request: &CheckUsernameRequest) -> Answer<CheckUsernameResponse> {
        let work = Work::question();
        naming::new_username(&request.username)?;
        match self.row(&request.username, &work).await {
            Ok(_) => {
                let words = format!("there is a user {}", request.username);
                return Err(Failure::refused(ProblemKind::Conflict, "4", words));
            }
            Err(failure) if is_missing(&failure) => {}
            Err(failure) => return Err(failure),
        }
        if !request.domain.is_empty() {
            let domain = naming::domain(&request.domain)?;
            if let Some(owner) = self.domain_owner(&domain, &work).await? {
                return Err(refused(ProblemKind::Conflict, format!("the domain {domain} belongs to user {owner}")));
            }
        }
        Ok(Done::new(CheckUsernameResponse::default()))
    }

    /// All users but the administrators, by name.
    ///
    /// # Errors
    /// When the panel cannot be asked.
    pub(crate) async fn rows(&self, work: &Work) -> Result<Vec<(String, Row)>, Failure> {
        let time = work.look(self.manner.time_max)?;
        let mut rows = Row::all(self.client.ask("v-list-users", &["json"], time).await?)?;
        rows.retain(|(_, row)| row.text("ROLE") != "admin");
        rows.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(rows)
    }

    pub(crate) async fn list(&self, request: &ListAccountsRequest) -> Answer<ListAccountsResponse> {
        if !request.owner.is_empty() {
            return Err(refused(ProblemKind::Unsupported, "HestiaCP has no resellers: an account has no owner"));
        }
        let work = Work::question();
        let size = (request.page_size.max(1) as usize).min(PAGE_MAX);
        let mut rest = self.rows(&work).await?.into_iter().skip_while(|(name, _)| *name <= request.page_token);
        let mut response = ListAccountsResponse::default();
        for (name, row) in rest.by_ref().take(size) {
            let domains = match row.number("U_WEB_DOMAINS") {
                Some(0) => Vec::new(),
                _ => match self.domains(&name, &work).await {
                    Ok(domains) => domains,
                    // Removed since the list was made.
                    Err(failure) if is_missing(&failure) => continue,
                    Err(failure) => return Err(failure),
                },
            };
            response.next_page_token.clone_from(&name);
            response.accounts.push(User { name, row, domains }.account("", self.manner.zone));
        }
        if rest.next().is_none() {
            response.next_page_token.clear();
        }
        Ok(Done::new(response))
    }

    pub(crate) async fn capacity(&self) -> Answer<GetCapacityResponse> {
        let accounts = self.rows(&Work::question()).await?.len();
        let accounts = i64::try_from(accounts).unwrap_or(i64::MAX);
        Ok(Done::new(GetCapacityResponse { outcome: None, accounts, accounts_max: None }))
    }
}
