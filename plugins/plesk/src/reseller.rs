//! Resellers: reading them, making them, their limits and plans.

use std::collections::HashMap;

use billet_plugin::v1::{
    AccountRef, CreateResellerRequest, CreateResellerResponse, Limits, ListResellersRequest, ListResellersResponse,
    ProblemKind, Reseller, SetResellerLimitsRequest, SetResellerLimitsResponse,
};
use billet_plugin::{Answer, Done, Failure};
use chrono::NaiveDate;

use crate::Plesk;
use crate::client::{Reply, found};
use crate::customer::MARK;
use crate::failure::{is_unknown, prefixed, refused};
use crate::limits;
use crate::packet::{Packet, dataset, everything, filter, leaves};
use crate::status::suspension;
use crate::webspace::named;
use crate::work::{Time, Work};
use crate::xml::Element;

/// A reseller as Plesk shows it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    pub(crate) id: String,
    pub(crate) guid: String,
    pub(crate) login: String,
    pub(crate) status: u32,
    email: String,
    external_id: String,
    created: Option<NaiveDate>,
    limits: limits::Named,
    oversell: bool,
}

impl Found {
    fn read(reply: &Reply) -> Self {
        let empty = Element::default();
        let data = reply.result.get("data").unwrap_or(&empty);
        // This operator has hyphens where the others have underscores; both are taken.
        let general = data.get("gen-info").or_else(|| data.get("gen_info")).unwrap_or(&empty);
        let text = |name: &str| general.text_of(name).to_owned();
        let created = general.get("cr-date").or_else(|| general.get("cr_date"));
        let limits = data.get("limits");
        let oversell = limits.and_then(|limits| limits.at(&["resource-policy", "oversell"]));
        Self {
            id: reply.id.clone(),
            guid: text("guid"),
            login: text("login"),
            status: text("status").parse().unwrap_or_default(),
            email: text("email"),
            external_id: text("external-id"),
            created: created.and_then(|date| date.text.parse().ok()),
            limits: limits::read(limits),
            oversell: oversell.is_some_and(|oversell| oversell.text == "true"),
        }
    }
}

impl Plesk {
    async fn resellers(&self, which: Element, time: Time) -> Result<Vec<Found>, Failure> {
        let packet = Packet::of("reseller", "get", [which, dataset(&["gen-info", "limits"])]);
        let replies = self.client.ask_one(&packet, time).await?;
        Ok(found(replies)?.iter().map(Found::read).collect())
    }

    /// The reseller of that login name.
    pub(crate) async fn reseller(&self, login: &str, time: Time) -> Result<Option<Found>, Failure> {
        Ok(self.resellers(filter("login", [login]), time).await?.into_iter().next())
    }

    /// The reseller that is meant, which must fit the reference in each of its parts; `None` when there is none.
    pub(crate) async fn find_reseller(&self, reference: &AccountRef, time: Time) -> Result<Option<Found>, Failure> {
        let which = match (&reference.username, &reference.panel_id) {
            (login, _) if !login.is_empty() => filter("login", [login]),
            (_, guid) if !guid.is_empty() => filter("guid", [guid]),
            _ => return Err(refused(ProblemKind::Invalid, "the reseller is not named")),
        };
        let found = self.resellers(which, time).await?.into_iter().next();
        if let Some(reseller) = &found
            && !reference.panel_id.is_empty()
            && ![&reseller.guid, &reseller.id].contains(&&reference.panel_id)
        {
            let words =
                format!("the reseller {} has the id {}, not {}", reseller.login, reseller.guid, reference.panel_id);
            return Err(refused(ProblemKind::Conflict, words));
        }
        Ok(found)
    }

    /// The reseller that is meant.
    ///
    /// # Errors
    /// Not found; a conflict when it has another id.
    pub(crate) async fn the_reseller(&self, reference: &AccountRef, time: Time) -> Result<Found, Failure> {
        let missing = || refused(ProblemKind::NotFound, format!("there is no reseller {}", reference.username));
        self.find_reseller(reference, time).await?.ok_or_else(missing)
    }

    pub(crate) async fn show_resellers(&self, _: ListResellersRequest) -> Answer<ListResellersResponse> {
        let mut all = self.resellers(everything(), Time::OPEN).await?;
        all.sort_by(|a, b| a.login.cmp(&b.login));
        let mut accounts: HashMap<String, i64> = HashMap::new();
        for webspace in self.webspaces(everything(), &["gen_info"], Time::OPEN).await? {
            let direct = all.iter().find(|reseller| reseller.login == webspace.owner_login);
            let reseller = direct.map_or(webspace.vendor_guid, |reseller| reseller.guid.clone());
            *accounts.entry(reseller).or_default() += 1;
        }
        let shown = |found: Found| {
            let count = accounts.get(&found.guid).copied().unwrap_or_default();
            self.described_reseller(found, Some(count))
        };
        let resellers = all.into_iter().map(shown).collect();
        Ok(Done::new(ListResellersResponse { resellers, ..ListResellersResponse::default() }))
    }

    fn described_reseller(&self, found: Found, accounts: Option<i64>) -> Reseller {
        Reseller {
            r#ref: Some(AccountRef { username: found.login, panel_id: found.guid, domain: String::new() }),
            accounts,
            suspension: suspension(found.status, self.settings.acts_as),
            email: found.email,
        }
    }

    pub(crate) async fn make_reseller(&self, request: CreateResellerRequest) -> Answer<CreateResellerResponse> {
        let work = Work::of(request.operation.clone());
        let reference = named(request.r#ref.clone())?;
        let login = reference.username.clone();
        let wanted = request.limits.unwrap_or_default();
        if login.is_empty() || request.password.is_empty() || work.id.is_empty() {
            return Err(refused(ProblemKind::Invalid, "a login name, a password and an operation id are needed"));
        }
        let mut warnings = checked(&wanted)?;
        let anchor = format!("{MARK}{}", work.id);
        let there = async || match self.reseller(&login, work.time).await? {
            Some(found) if found.external_id == anchor && work.may_have_made(found.created) => Ok(Some(found)),
            Some(_) => {
                let words = format!("the reseller {login} is there already, and not by this operation");
                Err(refused(ProblemKind::Conflict, words))
            }
            None => Ok(None),
        };
        let done = |found: Found, already: bool, warnings: Vec<String>| Done {
            value: CreateResellerResponse {
                reseller: Some(self.described_reseller(found, None)),
                ..CreateResellerResponse::default()
            },
            already,
            warnings,
        };
        if work.is_repeated()
            && let Some(found) = there().await?
        {
            return Ok(done(found, true, warnings));
        }
        match self.client.change_one(&packet_of(&request, &login, &anchor, &wanted), work.time).await {
            Ok(reply) => match &reply.refusal {
                None => {
                    let found = match self.reseller(&login, work.time).await {
                        Ok(Some(found)) => found,
                        other => {
                            let why = other.err().map_or_else(|| "it is not listed".to_owned(), |one| one.to_string());
                            warnings.push(format!("the new reseller could not be read: {why}"));
                            let guid = reply.text_of("guid").unwrap_or_default();
                            Found { id: reply.id.clone(), guid, login: login.clone(), ..Found::default() }
                        }
                    };
                    Ok(done(found, false, warnings))
                }
                Some(refusal) if refusal.exists() => match there().await? {
                    Some(found) => Ok(done(found, true, warnings)),
                    None => Err(refusal.failure()),
                },
                Some(refusal) => Err(refusal.failure_of_value(&format!("the plan `{}`", request.privileges))),
            },
            Err(failure) if is_unknown(&failure) => match there().await {
                Ok(Some(found)) => Ok(done(found, false, warnings)),
                _ => Err(failure),
            },
            Err(failure) => Err(failure),
        }
    }

    pub(crate) async fn limit_reseller(&self, request: SetResellerLimitsRequest) -> Answer<SetResellerLimitsResponse> {
        let work = Work::of(request.operation.clone());
        let reseller = self.the_reseller(&named(request.r#ref)?, work.time).await?;
        let wanted = request.limits.unwrap_or_default();
        let warnings = checked(&wanted)?;
        // The plan first: it brings limits of its own, which those that are set here go over.
        if !request.privileges.is_empty() {
            self.switch_reseller_plan(&reseller, &request.privileges, work.time).await?;
        }
        let wanted = limits::to_reseller(&wanted);
        let policy = Element::new("resource-policy").with(Element::leaf("oversell", request.overselling.to_string()));
        let limits = Element::new("limits").with(policy).with_all(limits::elements(&wanted));
        let nodes = [filter("id", [&reseller.id]), Element::new("values").with(limits)];
        let set = self.client.change_one(&Packet::of("reseller", "set", nodes), work.time).await;
        if let Err(failure) = set.and_then(Reply::done) {
            let now = self.resellers(filter("id", [&reseller.id]), work.time).await.unwrap_or_default();
            let is_so = now.first().is_some_and(|now| {
                now.oversell == request.overselling
                    && wanted.iter().all(|(name, value)| now.limits.get(*name) == Some(value))
            });
            if !(is_unknown(&failure) && is_so) {
                let half = "the reseller's plan was changed, its limits were not";
                return Err(if request.privileges.is_empty() { failure } else { prefixed(failure, half) });
            }
        }
        Ok(Done::new(SetResellerLimitsResponse::default()).with_warnings(warnings))
    }

    /// Repeating it does no harm, so that nothing is looked up.
    async fn switch_reseller_plan(&self, reseller: &Found, plan: &str, time: Time) -> Result<(), Failure> {
        let packet = Packet::of("reseller-plan", "get", [filter("name", [plan])]);
        let plans = found(self.client.ask_one(&packet, time).await?)?;
        let guid = plans.first().map(|plan| plan.result.text_of("guid").to_owned()).unwrap_or_default();
        if guid.is_empty() {
            return Err(refused(ProblemKind::Invalid, format!("there is no reseller plan `{plan}`")));
        }
        let nodes = [filter("id", [&reseller.id]), Element::leaf("plan-guid", guid)];
        let packet = Packet::of("reseller", "switch-subscription", nodes);
        self.client.change_one(&packet, time).await?.done().map(|_| ())
    }
}

/// Warnings about limits that Plesk does not have.
fn checked(limits: &Limits) -> Result<Vec<String>, Failure> {
    if !limits::are_sound(limits) {
        return Err(refused(ProblemKind::Invalid, "a limit is negative"));
    }
    let warning = "add-on domains are not limited: Plesk has no such limit for resellers".to_owned();
    Ok(limits.addon_domains.map(|_| warning).into_iter().collect())
}

/// `reseller.add`: general information in the order of ResellerAddGenInfo, limits, plan.
fn packet_of(request: &CreateResellerRequest, login: &str, anchor: &str, wanted: &Limits) -> Packet {
    let names = [request.contact_name.as_str(), &request.email, login];
    let person = names.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
    let info = leaves(&[
        ("pname", person),
        ("login", login),
        ("passwd", &request.password),
        ("email", &request.email),
        ("external-id", anchor),
    ]);
    let mut nodes = vec![Element::new("gen-info").with_all(info)];
    let limits = limits::to_reseller(wanted);
    if !limits.is_empty() {
        let limits = limits::elements(&limits);
        nodes.push(Element::new("limits").with(Element::new("resource-policy")).with_all(limits));
    }
    nodes.extend(leaves(&[("plan-name", &request.privileges)]));
    Packet::of("reseller", "add", nodes).with_secret(&request.password)
}
