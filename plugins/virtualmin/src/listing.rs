//! Testing the connection, checking names, listing accounts.

use billet_plugin::v1::{
    CheckUsernameRequest, CheckUsernameResponse, GetCapacityResponse, ListAccountsRequest, ListAccountsResponse,
    ProblemKind, TestConnectionResponse,
};
use billet_plugin::{Answer, Done, Work};

use crate::account::account;
use crate::failure::refused;
use crate::naming;
use crate::panel::Virtualmin;

/// The longest page.
const PAGE_MAX: usize = 1_000;
/// What only Virtualmin Pro has.
const PRO: [&str; 3] = ["ListResellers", "CreateReseller", "SetResellerLimits"];

impl Virtualmin {
    pub(crate) async fn test(&self) -> Answer<TestConnectionResponse> {
        let time = self.manner.time_max;
        self.client.list("list-plans", &vec![("multiline", "")], time).await?;
        let mut response = TestConnectionResponse::default();
        match self.client.list("list-resellers", &vec![("multiline", "")], time).await {
            Ok(_) => {}
            Err(failure) if failure.is_refused(ProblemKind::Unsupported) => {
                response.missing_permissions = PRO.map(str::to_owned).into();
            }
            Err(failure) => return Err(failure),
        }
        Ok(Done::new(response))
    }

    pub(crate) async fn check(&self, request: &CheckUsernameRequest) -> Answer<CheckUsernameResponse> {
        let work = Work::question();
        naming::new_username(&request.username)?;
        if !request.domain.is_empty() {
            let domain = naming::domain(&request.domain)?;
            if let Some(row) = self.by_domain(&domain, &work).await? {
                let words = format!("the domain {domain} belongs to user {}", row.text("username"));
                return Err(refused(ProblemKind::Conflict, words));
            }
        }
        if self.all(&work).await?.iter().any(|row| row.text("username") == request.username) {
            return Err(refused(ProblemKind::Conflict, format!("there is a user {}", request.username)));
        }
        Ok(Done::new(CheckUsernameResponse::default()))
    }

    pub(crate) async fn list(&self, request: &ListAccountsRequest) -> Answer<ListAccountsResponse> {
        let size = (request.page_size.max(1) as usize).min(PAGE_MAX);
        let rows = self.all(&Work::question()).await?;
        let wanted = rows.iter().filter(|row| request.owner.is_empty() || row.text("reseller") == request.owner);
        // A user has one top-level server, as a rule; with two of them the name alone would lose one.
        let key = |row: &crate::row::Row| format!("{}/{}", row.text("username"), row.name());
        let mut rest = wanted.filter(|row| key(row) > request.page_token);
        let mut response = ListAccountsResponse::default();
        for row in rest.by_ref().take(size) {
            response.next_page_token = key(row);
            response.accounts.push(account(row));
        }
        if rest.next().is_none() {
            response.next_page_token.clear();
        }
        Ok(Done::new(response))
    }

    pub(crate) async fn capacity(&self) -> Answer<GetCapacityResponse> {
        let accounts = self.all(&Work::question()).await?.len();
        let accounts = i64::try_from(accounts).unwrap_or(i64::MAX);
        Ok(Done::new(GetCapacityResponse { outcome: None, accounts, accounts_max: None }))
    }
}
