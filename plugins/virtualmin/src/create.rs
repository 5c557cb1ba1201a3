//! Making a virtual server. What Virtualmin reports is read back: versions before May 2024 report success for a domain that
//! was there already.

use billet_plugin::v1::{CreateAccountRequest, CreateAccountResponse, ProblemKind};
use billet_plugin::{Answer, Done, Failure, Work};

use crate::account::{account, created_unix_s};
use crate::failure::{refused, unsure};
use crate::naming;
use crate::panel::Virtualmin;
use crate::row::Row;

/// What `extra` may hold: parameters of create-domain.
const EXTRA: [&str; 1] = ["template"];

/// What is wished for, checked.
struct Wish<'a> {
    request: &'a CreateAccountRequest,
    domain: String,
    description: String,
}

impl<'a> Wish<'a> {
    fn read(request: &'a CreateAccountRequest) -> Result<Self, Failure> {
        naming::new_username(&request.username)?;
        naming::value("password", &request.password)?;
        for (name, value) in &request.extra {
            if !EXTRA.contains(&name.as_str()) {
                let words = format!("extra `{name}`: this plugin takes {}", EXTRA.join(", "));
                return Err(refused(ProblemKind::Invalid, words));
            }
            naming::value(name, value)?;
        }
        let domain = naming::domain(&request.domain)?;
        Ok(Self { request, domain, description: naming::description(&request.contact_name) })
    }

    fn parameters(&'a self, features: &'a [String]) -> Vec<(&'a str, &'a str)> {
        let request = self.request;
        let mut parameters = vec![
            ("domain", self.domain.as_str()),
            ("user", request.username.as_str()),
            ("pass", request.password.as_str()),
            ("limits-from-plan", ""),
        ];
        // An empty value would make a flag of the parameter.
        let texts = [
            ("email", request.email.as_str()),
            ("plan", request.package.as_str()),
            ("desc", self.description.as_str()),
            ("reseller", request.owner.as_str()),
        ];
        parameters.extend(texts.into_iter().filter(|(_, value)| !value.is_empty()));
        parameters.extend(request.extra.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        parameters.extend(features.iter().map(|flag| (flag.as_str(), "")));
        if request.dedicated_ip {
            parameters.push(("allocate-ip", ""));
        }
        parameters
    }
}

impl Virtualmin {
    pub(crate) async fn create(&self, request: &CreateAccountRequest) -> Answer<CreateAccountResponse> {
        let work = Work::of(request.operation.as_ref());
        let wish = Wish::read(request)?;
        if work.is_repeated()
            && let Some(row) = self.ours(&wish, &work).await.map_err(unsure)?
        {
            return Ok(Done::already(response(&row)));
        }
        let time = work.change(self.manner.time_slow_max)?;
        let parameters = wish.parameters(&self.manner.feature_flags);
        let made = self.client.change("create-domain", &parameters, &[&request.password], time).await;
        match made {
            Err(failure @ Failure::Unknown(_)) => match self.ours(&wish, &work).await {
                Ok(Some(row)) => {
                    let warnings = vec![failure.problem().words.clone()];
                    Ok(Done::new(response(&row)).with_warnings(warnings))
                }
                // It may still be at work; or the look failed as well.
                Ok(None) | Err(Failure::RetryLater { .. }) => Err(failure),
                Err(other) => Err(other),
            },
            Err(failure) => Err(failure),
            Ok(warnings) => match self.ours(&wish, &work).await.map_err(unsure)? {
                Some(row) => Ok(Done::new(response(&row)).with_warnings(warnings)),
                None => Err(Failure::unknown("Virtualmin reported success, but does not list the server")),
            },
        }
    }

    /// The server with this domain if it can be this work's doing; none when there is none.
    async fn ours(&self, wish: &Wish<'_>, work: &Work) -> Result<Option<Row>, Failure> {
        let Some(row) = self.by_domain(&wish.domain, work).await? else { return Ok(None) };
        let young = created_unix_s(&row).is_some_and(|at| work.can_have_made(at));
        let same = row.text("username") == wish.request.username
            && row.text("reseller") == wish.request.owner
            && row.text("type").starts_with("Top-level");
        if young && same {
            return Ok(Some(row));
        }
        let words =
            format!("the domain {} is there, of user {}, and it is not ours", wish.domain, row.text("username"));
        Err(refused(ProblemKind::Conflict, words))
    }
}

fn response(row: &Row) -> CreateAccountResponse {
    CreateAccountResponse { outcome: None, account: Some(account(row)), name_servers: Vec::new() }
}
