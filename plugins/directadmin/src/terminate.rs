//! Removing a user. DirectAdmin has reported an error although it was done, so the listing of users decides.

use billet_plugin::v1::{ProblemKind, TerminateAccountRequest, TerminateAccountResponse};
use billet_plugin::{Answer, Done, Failure, Work};

use crate::account::username;
use crate::create::is_certain;
use crate::failure::refused;
use crate::panel::DirectAdmin;

impl DirectAdmin {
    pub(crate) async fn terminate(&self, request: &TerminateAccountRequest) -> Answer<TerminateAccountResponse> {
        let work = Work::of(request.operation.as_ref());
        let name = username(request.r#ref.as_ref())?;
        let reference = request.r#ref.clone().unwrap_or_default();
        let response = TerminateAccountResponse::default();
        let config = match self.account_config(name, &work).await {
            Ok(config) => config,
            // The words for it are not sure: nobody is gone who is still listed.
            Err(failure) if failure.is_refused(ProblemKind::NotFound) => {
                if self.is_listed(name, &work).await? {
                    let words = format!("{name} is listed, but cannot be read");
                    return Err(Failure::later(ProblemKind::Unavailable, "", words));
                }
                return Ok(Done::already(response));
            }
            Err(failure) => return Err(failure),
        };
        let conflict = |words: String| Err(refused(ProblemKind::Conflict, words));
        if !reference.panel_id.is_empty() {
            return conflict(format!("DirectAdmin has no ids, so user {name} cannot be {}", reference.panel_id));
        }
        let wanted = reference.domain.trim_end_matches('.');
        if !wanted.is_empty() && !config.text("domain").eq_ignore_ascii_case(wanted) {
            return conflict(format!("user {name} has the domain {}, not {wanted}", config.text("domain")));
        }
        let mut warnings = Vec::new();
        if request.keep_dns {
            warnings.push("DirectAdmin removes a user's zones with it".to_owned());
        }
        let parameters = vec![("confirmed", "Confirm"), ("delete", "yes"), ("select0", name)];
        let time = work.change(self.manner.time_slow_max)?;
        let changed = self.client.change("", "CMD_API_SELECT_USERS", &parameters, &[], time).await;
        if let Err(failure) = &changed
            && is_certain(failure)
        {
            return Err(failure.clone());
        }
        match (changed, self.is_listed(name, &work).await) {
            (Ok(()), Ok(false)) => Ok(Done::new(response).with_warnings(warnings)),
            (Err(failure), Ok(false)) => {
                warnings.push(failure.problem().words.clone());
                Ok(Done::new(response).with_warnings(warnings))
            }
            (Ok(()), Ok(true)) => {
                Err(Failure::unknown(format!("DirectAdmin reported success, but still lists {name}")))
            }
            (Ok(()), Err(_)) => {
                warnings.push("it could not be verified that the user is gone".to_owned());
                Ok(Done::new(response).with_warnings(warnings))
            }
            // Half of it may be gone.
            (Err(failure), _) => Err(Failure::unknown(failure.problem().words.clone())),
        }
    }

    async fn is_listed(&self, name: &str, work: &Work) -> Result<bool, Failure> {
        Ok(self.usernames("", work).await?.iter().any(|found| found == name))
    }
}
