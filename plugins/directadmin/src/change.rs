//! Package, password and contact address.

use billet_plugin::v1::{
    ChangePackageRequest, ChangePackageResponse, ChangePasswordRequest, ChangePasswordResponse, ProblemKind,
    UpdateAccountRequest, UpdateAccountResponse,
};
use billet_plugin::{Answer, Done, Failure, Work};

use crate::account::{account, username};
use crate::client::{Parameters, Values};
use crate::create::is_certain;
use crate::failure::refused;
use crate::naming;
use crate::panel::DirectAdmin;

impl DirectAdmin {
    pub(crate) async fn move_to(&self, request: &ChangePackageRequest) -> Answer<ChangePackageResponse> {
        let work = Work::of(request.operation.as_ref());
        let name = username(request.r#ref.as_ref())?;
        if request.package.is_empty() {
            return Err(refused(ProblemKind::Invalid, "the package has no name"));
        }
        let response = ChangePackageResponse::default();
        if self.account_config(name, &work).await?.text("package") == request.package {
            return Ok(Done::already(response));
        }
        let parameters = vec![("action", "package"), ("user", name), ("package", request.package.as_str())];
        let reached = |config: &Values| config.text("package") == request.package;
        let (_, warnings) = self.see_through(name, "", "CMD_API_MODIFY_USER", &parameters, reached, &work).await?;
        Ok(Done::new(response).with_warnings(warnings))
    }

    pub(crate) async fn set_password(&self, request: &ChangePasswordRequest) -> Answer<ChangePasswordResponse> {
        let work = Work::of(request.operation.as_ref());
        let name = username(request.r#ref.as_ref())?;
        naming::password(&request.password)?;
        self.account_config(name, &work).await?;
        let password = request.password.as_str();
        let parameters = vec![("username", name), ("passwd", password), ("passwd2", password)];
        let time = work.change(self.manner.time_max)?;
        // Whether it was set cannot be seen afterwards; setting it again does no harm.
        self.client.change("", "CMD_API_USER_PASSWD", &parameters, &[password], time).await?;
        Ok(Done::new(ChangePasswordResponse::default()))
    }

    pub(crate) async fn update(&self, request: &UpdateAccountRequest) -> Answer<UpdateAccountResponse> {
        let work = Work::of(request.operation.as_ref());
        let name = username(request.r#ref.as_ref())?;
        let config = self.account_config(name, &work).await?;
        let other = |wanted: Option<&String>, now: &str| wanted.is_some_and(|wanted| !wanted.eq_ignore_ascii_case(now));
        for (wanted, now, what) in [
            (request.domain.as_ref(), config.text("domain"), "rename domains"),
            (request.username.as_ref(), name, "rename users"),
            (request.owner.as_ref(), config.text("creator"), "move users to another owner"),
        ] {
            if other(wanted, now) {
                let words = format!("this plugin does not {what} at DirectAdmin");
                return Err(refused(ProblemKind::Unsupported, words));
            }
        }
        let response = |config: &Values| UpdateAccountResponse {
            outcome: None,
            account: Some(account(name, config, self.manner.zone)),
        };
        let Some(email) = request.email.as_ref().filter(|email| *email != config.text("email")) else {
            return Ok(Done::already(response(&config)));
        };
        // Only the user itself can change its address: log in as it.
        let parameters = vec![("evalue", naming::email(email)?), ("email", "Save"), ("domain", config.text("domain"))];
        let reached = |config: &Values| config.text("email") == email;
        let (config, warnings) =
            self.see_through(name, name, "CMD_API_CHANGE_INFO", &parameters, reached, &work).await?;
        Ok(Done::new(response(&config)).with_warnings(warnings))
    }

    /// Does it, and looks whether the user came to what was wished.
    pub(crate) async fn see_through(
        &self,
        name: &str,
        acting_as: &str,
        command: &str,
        parameters: &Parameters<'_>,
        reached: impl Fn(&Values) -> bool,
        work: &Work,
    ) -> Result<(Values, Vec<String>), Failure> {
        let time = work.change(self.manner.time_slow_max)?;
        let changed = self.client.change(acting_as, command, parameters, &[], time).await;
        if let Err(failure) = &changed
            && is_certain(failure)
        {
            return Err(failure.clone());
        }
        let seen = self.config(name, work).await.ok().filter(|config| reached(config));
        match (changed, seen) {
            (Ok(()), Some(config)) => Ok((config, Vec::new())),
            (Err(failure), Some(config)) => Ok((config, vec![failure.problem().words.clone()])),
            (Ok(()), None) => Err(Failure::unknown(format!("{command} reported success, but nothing tells of it"))),
            (Err(failure), None) => Err(failure),
        }
    }
}
