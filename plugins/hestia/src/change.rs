//! Package, password, contact address and main domain.

use billet_plugin::v1::{
    ChangePackageRequest, ChangePackageResponse, ChangePasswordRequest, ChangePasswordResponse, ProblemKind,
    UpdateAccountRequest, UpdateAccountResponse,
};
use billet_plugin::{Answer, Done, Failure, Work};

use crate::create::unsure;
use crate::failure::{after, is_missing, refused};
use crate::naming;
use crate::panel::Hestia;

impl Hestia {
    pub(crate) async fn move_to(&self, request: &ChangePackageRequest) -> Answer<ChangePackageResponse> {
        let work = Work::of(request.operation.as_ref());
        let name = request.r#ref.as_ref().map(|reference| reference.username.as_str()).unwrap_or_default();
        if request.package.is_empty() {
            return Err(refused(ProblemKind::Invalid, "the package has no name"));
        }
        let response = ChangePackageResponse::default();
        if self.row(name, &work).await?.text("PACKAGE") == request.package {
            return Ok(Done::already(response));
        }
        let time = work.change(self.manner.time_slow_max)?;
        match self.client.change("v-change-user-package", &[name, &request.package], &[], time).await {
            Ok(()) => Ok(Done::new(response)),
            // The user is there: it was read just now.
            Err(failure) if is_missing(&failure) => {
                Err(Failure::refused(ProblemKind::Invalid, "3", format!("there is no package {}", request.package)))
            }
            Err(failure @ Failure::Unknown(_)) => {
                let moved = self.row(name, &work).await.is_ok_and(|row| row.text("PACKAGE") == request.package);
                if moved { Ok(Done::new(response)) } else { Err(failure) }
            }
            Err(failure) => Err(failure),
        }
    }

    pub(crate) async fn set_password(&self, request: &ChangePasswordRequest) -> Answer<ChangePasswordResponse> {
        let work = Work::of(request.operation.as_ref());
        let name = request.r#ref.as_ref().map(|reference| reference.username.as_str()).unwrap_or_default();
        naming::existing(name)?;
        naming::password(&request.password)?;
        let (arguments, time) = ([name, request.password.as_str()], work.change(self.manner.time_max)?);
        // Whether it was set cannot be seen afterwards; setting it again does no harm.
        self.client.change("v-change-user-password", &arguments, &[&request.password], time).await?;
        Ok(Done::new(ChangePasswordResponse::default()))
    }

    pub(crate) async fn update(&self, request: &UpdateAccountRequest) -> Answer<UpdateAccountResponse> {
        let work = Work::of(request.operation.as_ref());
        let reference = request.r#ref.clone().unwrap_or_default();
        let name = &reference.username;
        if request.owner.is_some() {
            return Err(refused(ProblemKind::Unsupported, "HestiaCP has no resellers: an account has no owner"));
        }
        if request.username.as_ref().is_some_and(|new| new != name) {
            return Err(refused(ProblemKind::Unsupported, "HestiaCP cannot rename users"));
        }
        let user = self.user(name, &work).await?;
        let mut warnings = Vec::new();
        let mut changed = false;
        let wanted = request.domain.as_deref().map(naming::domain).transpose()?;
        if let Some(new) = wanted.as_ref().filter(|new| !user.domains.contains(new)) {
            let Some(old) =
                user.account(&reference.domain.to_lowercase(), self.manner.zone).r#ref.map(|found| found.domain)
            else {
                return Err(refused(ProblemKind::State, format!("user {name} has no domain to rename")));
            };
            self.rename_domain(name, &old, new, &work).await?;
            warnings.push(format!("only the web domain was renamed; zone and mail domain are still {old}"));
            changed = true;
        }
        if let Some(email) = request.email.as_ref().filter(|email| *email != user.row.text("CONTACT")) {
            self.set_contact(name, email, &work).await.map_err(|failure| {
                if changed { after("the domain was renamed, the address was not changed", failure) } else { failure }
            })?;
            changed = true;
        }
        let user = self.user(name, &work).await.map_err(unsure)?;
        let asked = wanted.unwrap_or_else(|| reference.domain.to_lowercase());
        let account = Some(user.account(&asked, self.manner.zone));
        let response = UpdateAccountResponse { outcome: None, account };
        Ok(if changed { Done::new(response).with_warnings(warnings) } else { Done::already(response) })
    }

    async fn rename_domain(&self, name: &str, old: &str, new: &str, work: &Work) -> Result<(), Failure> {
        if old.is_empty() {
            return Err(refused(ProblemKind::State, format!("user {name} has no domain to rename")));
        }
        let time = work.change(self.manner.time_slow_max)?;
        match self.client.change("v-change-web-domain-name", &[name, old, new], &[], time).await {
            Err(failure @ Failure::Unknown(_)) => {
                let domains = self.domains(name, work).await.unwrap_or_default();
                if domains.iter().any(|domain| domain == new) { Ok(()) } else { Err(failure) }
            }
            other => other,
        }
    }

    async fn set_contact(&self, name: &str, email: &str, work: &Work) -> Result<(), Failure> {
        let time = work.change(self.manner.time_max)?;
        match self.client.change("v-change-user-contact", &[name, email], &[], time).await {
            Err(failure @ Failure::Unknown(_)) => {
                let set = self.row(name, work).await.is_ok_and(|row| row.text("CONTACT") == email);
                if set { Ok(()) } else { Err(failure) }
            }
            other => other,
        }
    }
}
