//! Suspending and lifting it, each with a look before (twice the same would be reported as success) and after.

use billet_plugin::v1::{
    ProblemKind, SuspendAccountRequest, SuspendAccountResponse, SuspensionOrigin, UnsuspendAccountRequest,
    UnsuspendAccountResponse,
};
use billet_plugin::{Answer, Done, Failure, Work};

use crate::account::{suspension, username};
use crate::client::Values;
use crate::failure::refused;
use crate::panel::DirectAdmin;

impl DirectAdmin {
    pub(crate) async fn suspend(&self, request: &SuspendAccountRequest) -> Answer<SuspendAccountResponse> {
        let work = Work::of(request.operation.as_ref());
        let name = username(request.r#ref.as_ref())?;
        let config = self.account_config(name, &work).await?;
        let response = |config: &Values| SuspendAccountResponse { outcome: None, suspension: suspension(config) };
        if suspension(&config).is_some() {
            return Ok(Done::already(response(&config)));
        }
        let (config, warnings) = self.switch(name, "Suspend", true, &work).await?;
        Ok(Done::new(response(&config)).with_warnings(warnings))
    }

    pub(crate) async fn unsuspend(&self, request: &UnsuspendAccountRequest) -> Answer<UnsuspendAccountResponse> {
        let work = Work::of(request.operation.as_ref());
        let name = username(request.r#ref.as_ref())?;
        let config = self.account_config(name, &work).await?;
        let response = UnsuspendAccountResponse::default();
        let Some(found) = suspension(&config) else { return Ok(Done::already(response)) };
        if found.origin() != SuspensionOrigin::Unspecified && !request.force {
            let words = format!("user {name} was not suspended by Billet: {}", found.reason);
            return Err(refused(ProblemKind::State, words));
        }
        let (_, warnings) = self.switch(name, "Unsuspend", false, &work).await?;
        Ok(Done::new(response).with_warnings(warnings))
    }

    /// The configuration of an account: administrators and resellers are left alone.
    ///
    /// # Errors
    /// Not found, not an account, or the panel cannot be asked.
    pub(crate) async fn account_config(&self, name: &str, work: &Work) -> Result<Values, Failure> {
        let config = self.config(name, work).await?;
        match config.text("usertype") {
            "user" => Ok(config),
            other => Err(refused(ProblemKind::Permission, format!("{name} is no account but of type {other}"))),
        }
    }

    async fn switch(
        &self,
        name: &str,
        action: &str,
        suspended: bool,
        work: &Work,
    ) -> Result<(Values, Vec<String>), Failure> {
        let parameters = vec![("location", "CMD_SELECT_USERS"), ("suspend", action), ("select0", name)];
        let reached = |config: &Values| suspension(config).is_some() == suspended;
        self.see_through(name, "", "CMD_API_SELECT_USERS", &parameters, reached, work).await
    }
}
