//! Subscriptions, which the XML API calls webspaces: reading them, and finding the one that is meant.

use std::collections::BTreeMap;

use billet_plugin::Failure;
use billet_plugin::v1::{AccountRef, ProblemKind};
use chrono::NaiveDate;

use crate::Plesk;
use crate::client::{Reply, expected, found};
use crate::failure::refused;
use crate::limits;
use crate::packet::{Packet, dataset, everything, filter};
use crate::work::Time;
use crate::xml::Element;

/// All that an account is made of.
pub(crate) const WHOLE: &[&str] = &["gen_info", "hosting", "limits", "subscriptions"];
/// Enough to know which one it is.
pub(crate) const NAMES: &[&str] = &["gen_info", "hosting"];

/// A subscription as Plesk shows it; parts that were not asked for are empty.
#[derive(Debug, Clone, Default)]
pub(crate) struct Webspace {
    pub(crate) id: String,
    pub(crate) guid: String,
    pub(crate) name: String,
    pub(crate) ascii_name: String,
    pub(crate) status: u32,
    pub(crate) owner_login: String,
    pub(crate) vendor_guid: String,
    /// `None` when this version does not show it.
    pub(crate) external_id: Option<String>,
    pub(crate) created: Option<NaiveDate>,
    pub(crate) size_bytes: Option<i64>,
    pub(crate) system_user: String,
    pub(crate) addresses: Vec<String>,
    pub(crate) limits: limits::Named,
    /// Guids of its plan and its add-on plans.
    pub(crate) plans: Vec<String>,
    pub(crate) locked: bool,
    pub(crate) synchronized: bool,
    /// By Plesk's names (`traffic`, `box`, `db`).
    pub(crate) statistics: BTreeMap<String, i64>,
}

impl Webspace {
    /// # Errors
    /// Later, when the answer lacks what every subscription has: it must not pass for one that is active.
    fn read(reply: &Reply) -> Result<Self, Failure> {
        let empty = Element::default();
        let data = reply.result.get("data").unwrap_or(&empty);
        let general = data.get("gen_info").unwrap_or(&empty);
        let text = |name: &str| general.text_of(name).to_owned();
        let hosting = data.at(&["hosting", "vrt_hst"]).unwrap_or(&empty);
        let mut addresses: Vec<String> = hosting.all("ip_address").map(|address| address.text.clone()).collect();
        if addresses.is_empty() && !text("dns_ip_address").is_empty() {
            addresses.push(text("dns_ip_address"));
        }
        let login = hosting.all("property").find(|property| property.text_of("name") == "ftp_login");
        let subscription = data.at(&["subscriptions", "subscription"]).unwrap_or(&empty);
        let plans = subscription.all("plan").map(|plan| plan.text_of("plan-guid").to_owned());
        let name = expected(Some(text("name")).filter(|name| !name.is_empty()), "a subscription's name")?;
        let status = expected(text("status").parse().ok(), "a subscription's status")?;
        let statistics = data.get("stat").into_iter().flat_map(|stat| &stat.children);
        Ok(Self {
            id: reply.id.clone(),
            guid: text("guid"),
            name: name.to_lowercase(),
            ascii_name: text("ascii-name").to_lowercase(),
            status,
            owner_login: text("owner-login"),
            vendor_guid: text("vendor-guid"),
            external_id: general.get("external-id").map(|id| id.text.clone()),
            created: text("cr_date").parse().ok(),
            size_bytes: text("real_size").parse().ok(),
            system_user: login.map(|login| login.text_of("value").to_owned()).unwrap_or_default(),
            addresses,
            limits: limits::read(data.get("limits")),
            plans: plans.filter(|guid| !guid.is_empty()).collect(),
            locked: subscription.text_of("locked") == "true",
            synchronized: subscription.text_of("synchronized") != "false",
            statistics: statistics.filter_map(|one| Some((one.name.clone(), one.text.parse().ok()?))).collect(),
        })
    }

    /// Whether this is its main domain.
    pub(crate) fn is_named(&self, domain: &str) -> bool {
        let domain = domain.trim_end_matches('.').to_lowercase();
        self.name == domain || self.ascii_name == domain
    }

    /// The filter that means this one and no other.
    pub(crate) fn filter(&self) -> Element {
        if self.guid.is_empty() { filter("id", [&self.id]) } else { filter("guid", [&self.guid]) }
    }

    /// As the protocol names it: an international domain in its ASCII form, as everywhere.
    pub(crate) fn reference(&self) -> AccountRef {
        let domain = if self.ascii_name.is_empty() { &self.name } else { &self.ascii_name };
        AccountRef { username: self.system_user.clone(), panel_id: self.guid.clone(), domain: domain.clone() }
    }

    /// What of a reference does not fit, in words.
    pub(crate) fn differs(&self, reference: &AccountRef) -> Option<String> {
        if !reference.panel_id.is_empty() && ![&self.guid, &self.id].contains(&&reference.panel_id) {
            return Some(format!("its id is {}, not {}", self.guid, reference.panel_id));
        }
        if !reference.domain.is_empty() && !self.is_named(&reference.domain) {
            return Some(format!("its domain is {}, not {}", self.name, reference.domain));
        }
        // A reported account is known by its domain alone, which then stands for its user name.
        let username = &reference.username;
        if !username.is_empty() && self.system_user != *username && !self.is_named(username) {
            return Some(format!("its system user is {}, not {}", self.system_user, reference.username));
        }
        None
    }
}

impl Plesk {
    /// The subscriptions that a filter finds.
    pub(crate) async fn webspaces(&self, which: Element, parts: &[&str], time: Time) -> Result<Vec<Webspace>, Failure> {
        let packet = Packet::of("webspace", "get", [which, dataset(parts)]);
        let replies = self.client.ask_one(&packet, time).await?;
        found(replies)?.iter().map(Webspace::read).collect()
    }

    /// The subscription that is meant: by its id, else by its domain, else by its user name. That is the domain where it has
    /// one (events name subscriptions so), else the system user, for which Plesk has no filter, so that all are looked through.
    ///
    /// # Errors
    /// A conflict when the domain's subscription belongs to another system user: then it is another account.
    pub(crate) async fn find(&self, reference: &AccountRef, time: Time) -> Result<Option<Webspace>, Failure> {
        let AccountRef { username, panel_id, domain } = reference;
        if !panel_id.is_empty() {
            let kind = if panel_id.bytes().all(|byte| byte.is_ascii_digit()) { "id" } else { "guid" };
            return Ok(self.webspaces(filter(kind, [panel_id]), WHOLE, time).await?.into_iter().next());
        }
        if !domain.is_empty() {
            let found = self.webspaces(by_domain(domain), WHOLE, time).await?.into_iter().next();
            return match found.as_ref().and_then(|webspace| webspace.differs(reference)) {
                Some(words) => Err(refused(ProblemKind::Conflict, format!("another account has {domain}: {words}"))),
                None => Ok(found),
            };
        }
        if username.is_empty() {
            return Err(refused(ProblemKind::Invalid, "the account is not named"));
        }
        if username.contains('.')
            && let Some(found) = self.webspaces(by_domain(username), WHOLE, time).await?.into_iter().next()
        {
            return Ok(Some(found));
        }
        let Some(found) = self.find_user(username, time).await? else { return Ok(None) };
        Ok(self.webspaces(found.filter(), WHOLE, time).await?.into_iter().next())
    }

    /// The subscription that is meant.
    ///
    /// # Errors
    /// Not found; otherwise as [`Self::find`].
    pub(crate) async fn the(&self, reference: &AccountRef, time: Time) -> Result<Webspace, Failure> {
        let missing = || refused(ProblemKind::NotFound, format!("there is no account {}", name_of(reference)));
        self.find(reference, time).await?.ok_or_else(missing)
    }

    /// The subscription of a system user, with its names only.
    pub(crate) async fn find_user(&self, username: &str, time: Time) -> Result<Option<Webspace>, Failure> {
        let all = self.webspaces(everything(), NAMES, time).await?;
        Ok(all.into_iter().find(|webspace| webspace.system_user == username))
    }
}

/// The filter for a main domain.
pub(crate) fn by_domain(domain: &str) -> Element {
    filter("name", [domain.trim_end_matches('.').to_lowercase()])
}

/// A reference in words.
pub(crate) fn name_of(reference: &AccountRef) -> String {
    let parts = [&reference.username, &reference.domain, &reference.panel_id];
    parts.into_iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(" / ")
}

/// A reference that must be there.
pub(crate) fn named(reference: Option<AccountRef>) -> Result<AccountRef, Failure> {
    let named = reference.filter(|reference| !name_of(reference).is_empty());
    named.ok_or_else(|| refused(ProblemKind::Invalid, "the account is not named"))
}
