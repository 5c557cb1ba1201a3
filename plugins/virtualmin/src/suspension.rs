//! Disabling a virtual server with those below it, and enabling what Billet disabled.

use billet_plugin::suspension::marked;
use billet_plugin::v1::{
    ProblemKind, SuspendAccountRequest, SuspendAccountResponse, SuspensionOrigin, UnsuspendAccountRequest,
    UnsuspendAccountResponse,
};
use billet_plugin::{Answer, Done, Failure, Work};

use crate::account::suspension;
use crate::failure::{refused, unsure};
use crate::panel::Virtualmin;
use crate::row::Row;

/// How long a stored reason may be, in characters.
const REASON_MAX: usize = 300;
/// How many servers below one are enabled again.
const BELOW_MAX: usize = 500;

impl Virtualmin {
    pub(crate) async fn suspend(&self, request: &SuspendAccountRequest) -> Answer<SuspendAccountResponse> {
        let work = Work::of(request.operation.as_ref());
        let row = self.find(&request.r#ref.clone().unwrap_or_default(), &work).await?;
        if suspension(&row).is_some() {
            return Ok(Done::already(response(&row)));
        }
        let domain = row.name().to_owned();
        let reason: String = request.reason.split_whitespace().collect::<Vec<_>>().join(" ");
        let why = marked(&reason.chars().take(REASON_MAX).collect::<String>());
        let parameters = vec![("domain", domain.as_str()), ("why", why.as_str()), ("subservers", "")];
        let time = work.change(self.manner.time_slow_max)?;
        let changed = self.client.change("disable-domain", &parameters, &[], time).await;
        let seen = self.by_domain(&domain, &work).await;
        let disabled = seen.ok().flatten().filter(|row| suspension(row).is_some());
        match (changed, disabled) {
            (Ok(warnings), Some(row)) => Ok(Done::new(response(&row)).with_warnings(warnings)),
            (Ok(_), None) => {
                Err(Failure::unknown("Virtualmin reported success, but does not list the server as disabled"))
            }
            (Err(Failure::Unknown(_)), Some(row)) => Ok(Done::new(response(&row))),
            // Somebody was faster.
            (Err(failure), Some(row)) if failure.is_refused(ProblemKind::State) => Ok(Done::already(response(&row))),
            (Err(failure), _) => Err(failure),
        }
    }

    pub(crate) async fn unsuspend(&self, request: &UnsuspendAccountRequest) -> Answer<UnsuspendAccountResponse> {
        let work = Work::of(request.operation.as_ref());
        let row = self.find(&request.r#ref.clone().unwrap_or_default(), &work).await?;
        let done = UnsuspendAccountResponse::default();
        let domain = row.name().to_owned();
        // A server below may still be disabled from an attempt that ended half way.
        let Some(found) = suspension(&row) else {
            let warnings = self.enable_below(&domain, &work).await.map_err(unsure)?;
            return Ok(Done::already(done).with_warnings(warnings));
        };
        if found.origin() != SuspensionOrigin::Billet && !request.force {
            let words = format!("{domain} was not disabled by Billet: {}", found.reason);
            return Err(refused(ProblemKind::State, words));
        }
        let mut warnings = self.enable(&domain, &work).await?;
        warnings.extend(self.enable_below(&domain, &work).await.map_err(unsure)?);
        Ok(Done::new(done).with_warnings(warnings))
    }

    async fn enable(&self, domain: &str, work: &Work) -> Result<Vec<String>, Failure> {
        let time = work.change(self.manner.time_slow_max)?;
        let changed = self.client.change("enable-domain", &vec![("domain", domain)], &[], time).await;
        let enabled = self.by_domain(domain, work).await.ok().flatten().is_some_and(|row| suspension(&row).is_none());
        match changed {
            Ok(warnings) if enabled => Ok(warnings),
            Ok(_) => Err(Failure::unknown("Virtualmin reported success, but still lists the server as disabled")),
            Err(failure) if enabled && !matches!(failure, Failure::RetryLater { .. }) => Ok(Vec::new()),
            Err(failure) => Err(failure),
        }
    }

    /// Enables what Billet disabled below a server; what its owner disabled stays so.
    async fn enable_below(&self, domain: &str, work: &Work) -> Result<Vec<String>, Failure> {
        let parameters = vec![("multiline", ""), ("parent", domain)];
        let rows = self.client.list("list-domains", &parameters, work.look(self.manner.time_max)?).await?;
        let is_ours = |row: &Row| suspension(row).is_some_and(|found| found.origin() == SuspensionOrigin::Billet);
        let mut warnings = Vec::new();
        for row in Row::real(rows, "id").into_iter().filter(is_ours).take(BELOW_MAX) {
            warnings.extend(self.enable(row.name(), work).await?);
        }
        Ok(warnings)
    }
}

fn response(row: &Row) -> SuspendAccountResponse {
    SuspendAccountResponse { outcome: None, suspension: suspension(row) }
}
