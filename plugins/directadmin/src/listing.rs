//! Testing the connection, checking names, listing accounts.

use billet_plugin::v1::{
    CheckUsernameRequest, CheckUsernameResponse, GetCapacityResponse, ListAccountsRequest, ListAccountsResponse,
    ProblemKind, TestConnectionResponse,
};
use billet_plugin::{Answer, Done, Failure, Work};

use crate::account::account;
use crate::failure::refused;
use crate::naming;
use crate::panel::DirectAdmin;
use crate::settings::Role;

/// A page is never longer: each account costs a question.
const PAGE_MAX: usize = 50;

impl DirectAdmin {
    pub(crate) async fn test(&self) -> Answer<TestConnectionResponse> {
        let time = self.manner.time_max;
        self.client.ask("CMD_API_LOGIN_TEST", &Vec::new(), time).await?;
        let listed = self.usernames("", &Work::question()).await.map(|_| ());
        let packages = self.client.ask("CMD_API_PACKAGES_USER", &Vec::new(), time).await.map(|_| ());
        let mut tried = vec![("ListAccounts", listed), ("ListPackages", packages)];
        if self.manner.role == Role::Admin {
            let resellers = self.client.ask("CMD_API_SHOW_RESELLERS", &Vec::new(), time).await.map(|_| ());
            tried.push(("ListResellers", resellers));
        }
        // Only questions can be tried without harm.
        let mut response = TestConnectionResponse::default();
        for (method, found) in tried {
            match found {
                Err(failure) if failure.is_refused(ProblemKind::Permission) => {
                    response.missing_permissions.push(method.to_owned());
                }
                other => other?,
            }
        }
        Ok(Done::new(response))
    }

    /// The names of accounts: of an owner, or all that this user may see.
    ///
    /// # Errors
    /// When the panel cannot be asked.
    pub(crate) async fn usernames(&self, owner: &str, work: &Work) -> Result<Vec<String>, Failure> {
        let time = work.look(self.manner.time_max)?;
        let listed = match (owner, self.manner.role) {
            ("", Role::Admin) => self.client.ask("CMD_API_SHOW_ALL_USERS", &Vec::new(), time).await?,
            ("", Role::Reseller) => self.client.ask("CMD_API_SHOW_USERS", &Vec::new(), time).await?,
            (owner, _) => self.client.ask("CMD_API_SHOW_USERS", &vec![("reseller", owner)], time).await?,
        };
        let mut names = listed.list();
        names.sort();
        Ok(names)
    }

    pub(crate) async fn check(&self, request: &CheckUsernameRequest) -> Answer<CheckUsernameResponse> {
        let work = Work::question();
        naming::new_username(&request.username)?;
        if self.seen(&request.username, &work).await?.is_some() {
            return Err(refused(ProblemKind::Conflict, format!("there is a user {}", request.username)));
        }
        let mut warnings = Vec::new();
        if !request.domain.is_empty() {
            let domain = naming::domain(&request.domain)?;
            let time = work.look(self.manner.time_max)?;
            match self.client.ask("CMD_API_DOMAIN_OWNERS", &vec![("domain", domain.as_str())], time).await {
                Ok(owners) if !owners.text(&domain).is_empty() => {
                    let words = format!("the domain {domain} belongs to user {}", owners.text(&domain));
                    return Err(refused(ProblemKind::Conflict, words));
                }
                Ok(_) => {}
                Err(failure) if failure.is_refused(ProblemKind::Permission) => {
                    warnings.push("the owner of the domain may not be asked for with this key".to_owned());
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(Done::new(CheckUsernameResponse::default()).with_warnings(warnings))
    }

    pub(crate) async fn list(&self, request: &ListAccountsRequest) -> Answer<ListAccountsResponse> {
        let work = Work::question();
        let size = (request.page_size.max(1) as usize).min(PAGE_MAX);
        let owner = if request.owner.is_empty() { "" } else { naming::existing(&request.owner)? };
        let names = self.usernames(owner, &work).await?;
        let mut rest = names.into_iter().filter(|name| *name > request.page_token);
        let mut response = ListAccountsResponse::default();
        for name in rest.by_ref().take(size) {
            // None: removed since the list was made.
            if let Some(config) = self.seen(&name, &work).await? {
                response.accounts.push(account(&name, &config, self.manner.zone));
            }
            response.next_page_token = name;
        }
        if rest.next().is_none() {
            response.next_page_token.clear();
        }
        Ok(Done::new(response))
    }

    pub(crate) async fn capacity(&self) -> Answer<GetCapacityResponse> {
        let accounts = self.usernames("", &Work::question()).await?.len();
        let accounts = i64::try_from(accounts).unwrap_or(i64::MAX);
        Ok(Done::new(GetCapacityResponse { outcome: None, accounts, accounts_max: None }))
    }
}
