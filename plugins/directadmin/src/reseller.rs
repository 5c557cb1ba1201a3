//! Resellers.

use billet_plugin::v1::{
    AccountRef, CreateResellerRequest, CreateResellerResponse, Limits, ListResellersResponse, ProblemKind, Reseller,
};
use billet_plugin::{Answer, Done, Failure, Work};

use crate::account::{created_at, suspension};
use crate::client::Values;
use crate::create::is_certain;
use crate::failure::{refused, unsure};
use crate::naming;
use crate::panel::DirectAdmin;

/// More resellers are not asked one by one.
const RESELLERS_MAX: usize = 1_000;

impl DirectAdmin {
    pub(crate) async fn resellers(&self) -> Answer<ListResellersResponse> {
        let work = Work::question();
        let time = work.look(self.manner.time_max)?;
        let mut names = self.client.ask("CMD_API_SHOW_RESELLERS", &Vec::new(), time).await?.list();
        names.sort();
        let mut response = ListResellersResponse::default();
        for name in names.into_iter().take(RESELLERS_MAX) {
            let Some(config) = self.seen(&name, &work).await? else { continue };
            let accounts = self.usernames(&name, &work).await?.len();
            let found = Reseller { accounts: i64::try_from(accounts).ok(), ..reseller(&name, &config) };
            response.resellers.push(found);
        }
        Ok(Done::new(response))
    }

    pub(crate) async fn add_reseller(&self, request: &CreateResellerRequest) -> Answer<CreateResellerResponse> {
        let work = Work::of(request.operation.as_ref());
        let reference = request.r#ref.clone().unwrap_or_default();
        let name = reference.username.as_str();
        naming::new_username(name)?;
        naming::password(&request.password)?;
        naming::email(&request.email)?;
        let domain = naming::domain(&reference.domain)?;
        if request.privileges.is_empty() || request.limits.is_some_and(|limits| limits != Limits::default()) {
            let words = "a reseller of DirectAdmin has a reseller package (privileges), which holds its limits";
            return Err(refused(ProblemKind::Invalid, words));
        }
        let done = |config: &Values| CreateResellerResponse { outcome: None, reseller: Some(reseller(name, config)) };
        if work.is_repeated()
            && let Some(config) = self.our_reseller(name, &domain, &work).await.map_err(unsure)?
        {
            return Ok(Done::already(done(&config)));
        }
        let parameters = vec![
            ("action", "create"),
            ("add", "Submit"),
            ("username", name),
            ("email", request.email.as_str()),
            ("passwd", request.password.as_str()),
            ("passwd2", request.password.as_str()),
            ("domain", domain.as_str()),
            ("package", request.privileges.as_str()),
            ("ip", "shared"),
            ("notify", "no"),
        ];
        let time = work.change(self.manner.time_slow_max)?;
        let made = self.client.change("", "CMD_API_ACCOUNT_RESELLER", &parameters, &[&request.password], time).await;
        if let Err(failure) = &made
            && is_certain(failure)
        {
            return Err(failure.clone());
        }
        match (made, self.our_reseller(name, &domain, &work).await) {
            (Ok(()), Ok(Some(config))) => Ok(Done::new(done(&config))),
            (Err(failure), Ok(Some(config))) => {
                Ok(Done::new(done(&config)).with_warnings(vec![failure.problem().words.clone()]))
            }
            (Ok(()), Ok(None)) => Err(Failure::unknown("DirectAdmin reported success, but there is no such reseller")),
            (Ok(()), Err(failure)) => Err(unsure(failure)),
            (Err(failure), _) => Err(failure),
        }
    }

    async fn our_reseller(&self, name: &str, domain: &str, work: &Work) -> Result<Option<Values>, Failure> {
        let Some(config) = self.seen(name, work).await? else { return Ok(None) };
        let young = created_at(&config, self.manner.zone).is_some_and(|at| work.can_have_made(at.timestamp()));
        if young && config.text("usertype") == "reseller" && config.text("domain").eq_ignore_ascii_case(domain) {
            return Ok(Some(config));
        }
        Err(refused(ProblemKind::Conflict, format!("there is a user {name}, and it is not ours")))
    }
}

fn reseller(name: &str, config: &Values) -> Reseller {
    let domain = config.text("domain").to_owned();
    Reseller {
        r#ref: Some(AccountRef { username: name.to_owned(), panel_id: String::new(), domain }),
        accounts: None,
        suspension: suspension(config),
        email: config.text("email").to_owned(),
    }
}
