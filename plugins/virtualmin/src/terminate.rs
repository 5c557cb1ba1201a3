//! Removing a virtual server with all that is below it.

use billet_plugin::v1::{ProblemKind, TerminateAccountRequest, TerminateAccountResponse};
use billet_plugin::{Answer, Done, Failure, Work};

use crate::panel::Virtualmin;

impl Virtualmin {
    pub(crate) async fn terminate(&self, request: &TerminateAccountRequest) -> Answer<TerminateAccountResponse> {
        let work = Work::of(request.operation.as_ref());
        let reference = request.r#ref.clone().unwrap_or_default();
        let response = TerminateAccountResponse::default();
        let row = match self.meant(&reference, &work).await {
            Ok(row) => row,
            Err(failure) if failure.is_refused(ProblemKind::NotFound) => return Ok(Done::already(response)),
            Err(failure) => return Err(failure),
        };
        let domain = row.name().to_owned();
        let time = work.change(self.manner.time_slow_max)?;
        let changed = self.client.change("delete-domain", &vec![("domain", domain.as_str())], &[], time).await;
        let left = self.by_domain(&domain, &work).await;
        let mut warnings = Vec::new();
        if request.keep_dns {
            warnings.push("Virtualmin removes a server's zones with it".to_owned());
        }
        match (changed, left) {
            (Ok(said), Ok(None)) => {
                warnings.extend(said);
                Ok(Done::new(response).with_warnings(warnings))
            }
            (Ok(_), Ok(Some(_))) => {
                Err(Failure::unknown(format!("delete-domain reported success, but {domain} is there")))
            }
            (Ok(said), Err(_)) => {
                warnings.extend(said);
                warnings.push("it could not be verified that the server is gone".to_owned());
                Ok(Done::new(response).with_warnings(warnings))
            }
            (Err(Failure::Unknown(_) | Failure::Refused(_)), Ok(None)) => {
                Ok(Done::new(response).with_warnings(warnings))
            }
            (Err(failure), _) => Err(failure),
        }
    }
}
