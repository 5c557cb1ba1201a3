//! Removing an account.

use billet_plugin::v1::{ProblemKind, TerminateAccountRequest, TerminateAccountResponse};
use billet_plugin::{Answer, Done, Failure, Work};

use crate::failure::{is_missing, refused};
use crate::panel::Hestia;

impl Hestia {
    pub(crate) async fn terminate(&self, request: &TerminateAccountRequest) -> Answer<TerminateAccountResponse> {
        let work = Work::of(request.operation.as_ref());
        let reference = request.r#ref.clone().unwrap_or_default();
        let response = TerminateAccountResponse::default();
        let user = match self.meant(&reference, &work).await {
            Ok(user) => user,
            Err(failure) if is_missing(&failure) => return Ok(Done::already(response)),
            Err(failure) => return Err(failure),
        };
        if user.row.text("ROLE") == "admin" {
            return Err(refused(ProblemKind::Permission, format!("user {} is an administrator", user.name)));
        }
        let mut warnings = Vec::new();
        if request.keep_dns {
            warnings.push("HestiaCP removes a user's zones with it".to_owned());
        }
        let time = work.change(self.manner.time_slow_max)?;
        let changed = self.client.change("v-delete-user", &[&user.name], &[], time).await;
        let gone = self.row(&user.name, &work).await;
        match (changed, gone) {
            (_, Err(failure)) if is_missing(&failure) => Ok(Done::new(response).with_warnings(warnings)),
            (Ok(()), Ok(_)) => {
                Err(Failure::unknown(format!("v-delete-user reported success, but {} is there", user.name)))
            }
            (Ok(()), Err(_)) => {
                warnings.push("it could not be verified that the user is gone".to_owned());
                Ok(Done::new(response).with_warnings(warnings))
            }
            // Half way through, domains and databases may be gone already.
            (Err(failure @ (Failure::Unknown(_) | Failure::RetryLater { .. })), _) => Err(failure),
            (Err(failure), _) => Err(failure),
        }
    }
}
