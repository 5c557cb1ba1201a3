//! Login links: create-login-link makes a session and prints an address with it.

use billet_plugin::v1::{ProblemKind, SignOnService, SingleSignOnRequest, SingleSignOnResponse};
use billet_plugin::{Answer, Done, Failure, Work};

use crate::failure::refused;
use crate::panel::Virtualmin;

impl Virtualmin {
    pub(crate) async fn sign_on(&self, request: &SingleSignOnRequest) -> Answer<SingleSignOnResponse> {
        let work = Work::question();
        let row = self.find(&request.r#ref.clone().unwrap_or_default(), &work).await?;
        let whom = match request.service() {
            SignOnService::Unspecified | SignOnService::Panel => ("domain", row.name()),
            SignOnService::Webmail => ("usermin-user", row.text("username")),
            SignOnService::Server => {
                let words = "a login to the server's own pages would be root's: Billet does not hand that out";
                return Err(refused(ProblemKind::Unsupported, words));
            }
        };
        let printed = self.client.ask("create-login-link", &vec![whom], self.manner.time_max).await?;
        let link = printed.split_whitespace().find(|word| word.starts_with("https://") || word.starts_with("http://"));
        let Some(link) = link.filter(|link| link.contains("session=")) else {
            // What it printed instead may hold half a session.
            return Err(Failure::later(ProblemKind::Unavailable, "", "create-login-link printed no login link"));
        };
        Ok(Done::new(SingleSignOnResponse { outcome: None, url: link.to_owned(), expires_at: None }))
    }
}
