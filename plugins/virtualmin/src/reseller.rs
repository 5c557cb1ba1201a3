//! Resellers, which only Virtualmin Pro has. Built from its documentation; the free edition answers that there is no such
//! program.

use billet_plugin::v1::{
    AccountRef, CreateResellerRequest, CreateResellerResponse, Limits, ListResellersResponse, ProblemKind, Reseller,
    SetResellerLimitsRequest, SetResellerLimitsResponse, Suspension, SuspensionOrigin,
};
use billet_plugin::{Answer, Done, Failure, Work};

use crate::failure::{refused, unsure};
use crate::naming;
use crate::panel::Virtualmin;
use crate::row::{Row, as_blocks};

impl Virtualmin {
    pub(crate) async fn resellers(&self) -> Answer<ListResellersResponse> {
        let mut resellers = self.all_resellers(&Work::question()).await?;
        resellers.sort_by(|one, other| name(one).cmp(name(other)));
        Ok(Done::new(ListResellersResponse { outcome: None, resellers }))
    }

    async fn all_resellers(&self, work: &Work) -> Result<Vec<Reseller>, Failure> {
        let time = work.look(self.manner.time_max)?;
        let rows = self.client.list("list-resellers", &vec![("multiline", "")], time).await?;
        Ok(Row::real(rows, "login").iter().map(reseller).collect())
    }

    async fn reseller(&self, wanted: &str, work: &Work) -> Result<Option<Reseller>, Failure> {
        Ok(self.all_resellers(work).await?.into_iter().find(|found| name(found) == wanted))
    }

    pub(crate) async fn add_reseller(&self, request: &CreateResellerRequest) -> Answer<CreateResellerResponse> {
        let work = Work::of(request.operation.as_ref());
        let username = request.r#ref.as_ref().map(|reference| reference.username.as_str()).unwrap_or_default();
        naming::new_username(username)?;
        naming::value("password", &request.password)?;
        let done = |found: Reseller| CreateResellerResponse { outcome: None, reseller: Some(found) };
        if work.is_repeated()
            && let Some(found) = self.reseller(username, &work).await.map_err(unsure)?
        {
            // Virtualmin does not tell when a reseller was made: the address is what there is to know ours by.
            if request.email.is_empty() || found.email != request.email {
                let words = format!("there is a reseller {username}, and it cannot be told whether it is ours");
                return Err(refused(ProblemKind::Conflict, words));
            }
            return Ok(Done::already(done(found)));
        }
        let description = naming::description(&request.contact_name);
        let mut values: Vec<(&str, String)> = vec![("name", username.to_owned()), ("pass", request.password.clone())];
        let texts = [("email", &request.email), ("desc", &description), ("plan", &request.privileges)];
        values.extend(texts.into_iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| (name, text.clone())));
        values.extend(limits(&request.limits.unwrap_or_default()));
        let parameters = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let time = work.change(self.manner.time_max)?;
        let changed = self.client.change("create-reseller", &parameters, &[&request.password], time).await;
        let warnings = match changed {
            Ok(warnings) => warnings,
            Err(failure @ Failure::Unknown(_)) => match self.reseller(username, &work).await {
                Ok(Some(found)) if !request.email.is_empty() && found.email == request.email => Vec::new(),
                _ => return Err(failure),
            },
            Err(failure) => return Err(failure),
        };
        let found = self.reseller(username, &work).await.map_err(unsure)?;
        let found = found.ok_or_else(|| Failure::unknown("Virtualmin does not list the new reseller"))?;
        Ok(Done::new(done(found)).with_warnings(warnings))
    }

    pub(crate) async fn limit_reseller(&self, request: &SetResellerLimitsRequest) -> Answer<SetResellerLimitsResponse> {
        let work = Work::of(request.operation.as_ref());
        let username = request.r#ref.as_ref().map(|reference| reference.username.as_str()).unwrap_or_default();
        naming::value("username", username)?;
        if request.overselling {
            return Err(refused(ProblemKind::Unsupported, "Virtualmin has no overselling for resellers"));
        }
        let mut values: Vec<(&str, String)> = vec![("name", username.to_owned())];
        if !request.privileges.is_empty() {
            values.push(("plan", request.privileges.clone()));
        }
        values.extend(limits(&request.limits.unwrap_or_default()));
        let parameters = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let time = work.change(self.manner.time_max)?;
        // Setting them again does no harm, so what gets no answer is simply unknown.
        let warnings = self.client.change("modify-reseller", &parameters, &[], time).await?;
        Ok(Done::new(SetResellerLimitsResponse::default()).with_warnings(warnings))
    }
}

fn name(reseller: &Reseller) -> &str {
    reseller.r#ref.as_ref().map(|reference| reference.username.as_str()).unwrap_or_default()
}

fn reseller(row: &Row) -> Reseller {
    let locked = Suspension { origin: SuspensionOrigin::Unspecified.into(), ..Suspension::default() };
    Reseller {
        r#ref: Some(AccountRef { username: row.name().to_owned(), ..AccountRef::default() }),
        accounts: row.number("current_domains"),
        suspension: (row.text("login") == "Disabled").then_some(locked),
        email: row.text("email").to_owned(),
    }
}

fn limits(limits: &Limits) -> Vec<(&'static str, String)> {
    let mut values: Vec<(&'static str, String)> = Vec::new();
    values.extend(limits.disk_bytes.map(|bytes| ("max-quota", as_blocks(bytes).to_string())));
    let numbers = [
        ("max-doms", limits.accounts),
        ("max-bw", limits.bandwidth_bytes),
        ("max-mailboxes", limits.mailboxes),
        ("max-dbs", limits.databases),
    ];
    values.extend(numbers.into_iter().filter_map(|(name, limit)| Some((name, limit?.max(0).to_string()))));
    values
}
