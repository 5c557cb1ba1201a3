//! Subscriptions as accounts of the protocol.

use std::collections::{BTreeSet, HashMap};

use billet_plugin::v1::{
    Account, CheckUsernameRequest, CheckUsernameResponse, GetAccountRequest, GetAccountResponse, ProblemKind,
};
use billet_plugin::{Answer, Done, Failure};

use crate::Plesk;
use crate::calendar::midnight;
use crate::client::{Reply, found};
use crate::customer::{Customer, by_login};
use crate::failure::refused;
use crate::naming;
use crate::packet::Packet;
use crate::plan::by_guid;
use crate::status::suspension;
use crate::webspace::{NAMES, Webspace, by_domain, named};
use crate::work::Time;

/// What subscriptions only refer to: addresses by login names, names of plans by guids.
#[derive(Debug, Default)]
pub(crate) struct Around {
    emails: HashMap<String, String>,
    plans: HashMap<String, String>,
}

impl Around {
    /// From the replies of `customer.get` and `service-plan.get`. An owner who is no customer and a guid that is an
    /// add-on plan's are not found, and that is fine.
    fn read(customers: Vec<Reply>, plans: Vec<Reply>) -> Result<Self, Failure> {
        let customers = found(customers)?.iter().map(Customer::read).map(|one| (one.login, one.email)).collect();
        let plan = |reply: &Reply| (reply.result.text_of("guid").to_owned(), reply.result.text_of("name").to_owned());
        Ok(Self { emails: customers, plans: found(plans)?.iter().map(plan).collect() })
    }
}

impl Plesk {
    pub(crate) async fn show_account(&self, request: GetAccountRequest) -> Answer<GetAccountResponse> {
        let webspace = self.the(&named(request.r#ref)?, Time::OPEN).await?;
        let account = self.account(&webspace, Time::OPEN).await?;
        Ok(Done::new(GetAccountResponse { account: Some(account), ..GetAccountResponse::default() }))
    }

    pub(crate) async fn check_name(&self, request: CheckUsernameRequest) -> Answer<CheckUsernameResponse> {
        naming::check(&request.username)?;
        let taken =
            |what: &str, by: &Webspace| refused(ProblemKind::Conflict, format!("{what} belongs to {}", by.name));
        if !request.domain.is_empty() {
            let found = self.webspaces(by_domain(&request.domain), NAMES, Time::OPEN).await?;
            if let Some(webspace) = found.first() {
                return Err(taken("the domain", webspace));
            }
        }
        match self.find_user(&request.username, Time::OPEN).await? {
            Some(webspace) => Err(taken("the user name", &webspace)),
            None => Ok(Done::new(CheckUsernameResponse::default())),
        }
    }

    /// A subscription as an account.
    pub(crate) async fn account(&self, webspace: &Webspace, time: Time) -> Result<Account, Failure> {
        let around = self.around(std::slice::from_ref(webspace), time).await?;
        Ok(self.described(webspace, &around))
    }

    /// Asks for the owners and plans of subscriptions.
    pub(crate) async fn around(&self, webspaces: &[Webspace], time: Time) -> Result<Around, Failure> {
        let unique = |texts: BTreeSet<&String>| texts.into_iter().filter(|text| !text.is_empty()).cloned().collect();
        let owners: Vec<String> = unique(webspaces.iter().map(|webspace| &webspace.owner_login).collect());
        let plans: Vec<String> = unique(webspaces.iter().flat_map(|webspace| &webspace.plans).collect());
        let mut packet = Packet::default();
        if !owners.is_empty() {
            packet = by_login(packet, owners.iter().map(String::as_str));
        }
        if !plans.is_empty() {
            packet = by_guid(packet, &plans);
        }
        if owners.is_empty() && plans.is_empty() {
            return Ok(Around::default());
        }
        let mut replies = self.client.ask(&packet, time).await?.into_iter();
        let customers = if owners.is_empty() { Vec::new() } else { replies.next().unwrap_or_default() };
        Around::read(customers, replies.next().unwrap_or_default())
    }

    /// A subscription as an account, with what is known around it.
    pub(crate) fn described(&self, webspace: &Webspace, around: &Around) -> Account {
        let plan = webspace.plans.iter().find_map(|guid| around.plans.get(guid));
        Account {
            r#ref: Some(webspace.reference()),
            package: plan.cloned().unwrap_or_default(),
            email: around.emails.get(&webspace.owner_login).cloned().unwrap_or_default(),
            owner: webspace.owner_login.clone(),
            suspension: suspension(webspace.status, self.settings.acts_as),
            created_at: webspace.created.map(midnight),
            ip: webspace.addresses.first().cloned().unwrap_or_default(),
            disk_used_bytes: webspace.size_bytes,
            disk_limit_bytes: webspace.limits.get("disk_space").copied(),
            customised: webspace.locked || !webspace.synchronized,
            locked: webspace.locked,
            external_id: webspace.external_id.clone().unwrap_or_default(),
        }
    }
}
