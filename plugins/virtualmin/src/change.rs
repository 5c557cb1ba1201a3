//! Plan, password, contact address, domain, user and reseller: all of them are modify-domain.

use billet_plugin::v1::{
    AccountRef, ChangePackageRequest, ChangePackageResponse, ChangePasswordRequest, ChangePasswordResponse,
    ProblemKind, UpdateAccountRequest, UpdateAccountResponse,
};
use billet_plugin::{Answer, Done, Failure, Work};

use crate::account::account;
use crate::failure::{refused, unsure};
use crate::naming;
use crate::panel::Virtualmin;
use crate::row::Row;

/// What modify-domain takes to put a server under no reseller.
const NO_RESELLER: &str = "NONE";

impl Virtualmin {
    pub(crate) async fn move_to(&self, request: &ChangePackageRequest) -> Answer<ChangePackageResponse> {
        let work = Work::of(request.operation.as_ref());
        let plan = naming::value("package", &request.package)?;
        let row = self.find(&request.r#ref.clone().unwrap_or_default(), &work).await?;
        let has = |row: &Row| row.text("plan").eq_ignore_ascii_case(plan) || row.text("plan_id") == plan;
        let response = ChangePackageResponse::default();
        if has(&row) {
            return Ok(Done::already(response));
        }
        let domain = row.name().to_owned();
        let parameters = vec![("domain", domain.as_str()), ("apply-plan", plan)];
        let time = work.change(self.manner.time_slow_max)?;
        let changed = self.client.change("modify-domain", &parameters, &[], time).await;
        let moved = self.by_domain(&domain, &work).await.ok().flatten().is_some_and(|row| has(&row));
        match changed {
            Ok(warnings) if moved => Ok(Done::new(response).with_warnings(warnings)),
            Ok(_) => Err(Failure::unknown("Virtualmin reported success, but lists the server with another plan")),
            Err(Failure::Unknown(_)) if moved => Ok(Done::new(response)),
            Err(failure) => Err(failure),
        }
    }

    pub(crate) async fn set_password(&self, request: &ChangePasswordRequest) -> Answer<ChangePasswordResponse> {
        let work = Work::of(request.operation.as_ref());
        let password = naming::value("password", &request.password)?;
        let row = self.find(&request.r#ref.clone().unwrap_or_default(), &work).await?;
        let parameters = vec![("domain", row.name()), ("pass", password)];
        let time = work.change(self.manner.time_slow_max)?;
        // Whether it was set cannot be seen afterwards; setting it again does no harm.
        let warnings = self.client.change("modify-domain", &parameters, &[password], time).await?;
        Ok(Done::new(ChangePasswordResponse::default()).with_warnings(warnings))
    }

    pub(crate) async fn update(&self, request: &UpdateAccountRequest) -> Answer<UpdateAccountResponse> {
        let work = Work::of(request.operation.as_ref());
        let reference = request.r#ref.clone().unwrap_or_default();
        let new_domain = request.domain.as_deref().map(naming::domain).transpose()?;
        if let Some(username) = request.username.as_ref().filter(|new| **new != reference.username) {
            naming::new_username(username)?;
        }
        if let Some(email) = &request.email {
            naming::value("email", email)?;
        }
        let row = self.look(&reference, new_domain.as_deref(), request, &work).await?;
        let owner = request.owner.as_deref().map(|owner| if owner.is_empty() { NO_RESELLER } else { owner });
        let differs = |key: &str, wanted: Option<&str>| wanted.is_some_and(|wanted| row.text(key) != wanted);
        let mut parameters = vec![("domain", row.name())];
        if let Some(domain) = new_domain.as_deref().filter(|domain| !row.name().eq_ignore_ascii_case(domain)) {
            parameters.push(("newdomain", domain));
        }
        for (parameter, key, wanted) in
            [("email", "contact_email", request.email.as_deref()), ("user", "username", request.username.as_deref())]
        {
            if differs(key, wanted) {
                parameters.extend(wanted.map(|wanted| (parameter, wanted)));
            }
        }
        if differs("reseller", request.owner.as_deref()) {
            parameters.extend(owner.map(|owner| ("reseller", owner)));
        }
        if parameters.len() == 1 {
            let response = UpdateAccountResponse { outcome: None, account: Some(account(&row)) };
            return Ok(Done::already(response));
        }
        let time = work.change(self.manner.time_slow_max)?;
        let changed = self.client.change("modify-domain", &parameters, &[], time).await;
        let domain = new_domain.as_deref().unwrap_or(row.name());
        let warnings = match changed {
            Ok(warnings) => warnings,
            Err(Failure::Unknown(problem)) => vec![problem.words],
            Err(failure) => return Err(failure),
        };
        let now = self.by_domain(domain, &work).await.map_err(unsure)?;
        let now = now.filter(|now| now.text("id") == row.text("id") && is_as_wished(now, request));
        let now = now.ok_or_else(|| Failure::unknown("the server is not listed as it was to become"))?;
        let response = UpdateAccountResponse { outcome: None, account: Some(account(&now)) };
        Ok(Done::new(response).with_warnings(warnings))
    }

    /// The server: as it was, or, when this is not the first attempt, as it was to become.
    async fn look(
        &self,
        reference: &AccountRef,
        new_domain: Option<&str>,
        request: &UpdateAccountRequest,
        work: &Work,
    ) -> Result<Row, Failure> {
        match self.find(reference, work).await {
            Err(failure) if failure.is_refused(ProblemKind::NotFound) && work.is_repeated() => {
                let username = request.username.clone().unwrap_or_else(|| reference.username.clone());
                let domain = new_domain.unwrap_or(&reference.domain).to_owned();
                let row = self.find(&AccountRef { username, domain, panel_id: String::new() }, work).await?;
                if !reference.panel_id.is_empty() && row.text("id") != reference.panel_id {
                    let words = format!("{} is another server than {}", row.name(), reference.panel_id);
                    return Err(refused(ProblemKind::Conflict, words));
                }
                Ok(row)
            }
            other => other,
        }
    }
}

fn is_as_wished(row: &Row, request: &UpdateAccountRequest) -> bool {
    let is = |key: &str, wanted: Option<&String>| wanted.is_none_or(|wanted| row.text(key) == wanted);
    is("contact_email", request.email.as_ref())
        && is("username", request.username.as_ref())
        && is("reseller", request.owner.as_ref())
}
