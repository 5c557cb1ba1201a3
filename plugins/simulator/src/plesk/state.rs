//! What the simulated server holds.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::refusal::Refusal;
use crate::secret::Secret;

/// The administrator's id, who owns what no customer owns.
pub(super) const ADMIN_ID: u32 = 1;

/// The administrator's login name.
pub(super) const ADMIN_LOGIN: &str = "admin";

/// The administrator's guid: any fixed one does.
const ADMIN_GUID: &str = "6a1f0c5e-0000-4000-8000-000000000001";

/// Bits of an object's status; 0 is active.
pub mod status {
    /// Its owner is suspended.
    pub const PARENT_SUSPENDED: u32 = 2;
    /// Being backed up or restored.
    pub const BACKUP_RESTORE: u32 = 4;
    /// Suspended by the administrator.
    pub const BY_ADMIN: u32 = 16;
    /// Suspended by the reseller.
    pub const BY_RESELLER: u32 = 32;
    /// Suspended by the customer.
    pub const BY_CUSTOMER: u32 = 64;
    /// Its time is over.
    pub const EXPIRED: u32 = 256;
}

/// The contact data of a customer: the name in the XML API, and the name in the environment of event handlers.
pub(super) const CONTACT: [(&str, &str); 10] = [
    ("cname", "COMPANY_NAME"),
    ("pname", "CONTACT_NAME"),
    ("phone", "PHONE"),
    ("fax", "FAX"),
    ("email", "EMAIL"),
    ("address", "ADDRESS"),
    ("city", "CITY"),
    ("state", "STATE_PROVINCE"),
    ("pcode", "POSTAL_ZIP_CODE"),
    ("country", "COUNTRY"),
];

/// A customer account.
#[derive(Debug, Clone)]
pub struct Customer {
    /// Plesk's id.
    pub id: u32,
    /// Plesk's unique name for it.
    pub guid: String,
    /// The login name.
    pub login: String,
    /// The password last set.
    pub password: Secret,
    /// Contact data by its names in the XML API (`pname`, `email`).
    pub contact: BTreeMap<&'static str, String>,
    /// The reseller's id, 1 for the administrator.
    pub owner_id: u32,
    /// What the creator's own system calls it, empty if nothing.
    pub external_id: String,
    /// Free text.
    pub description: String,
    /// Status bits, see [`status`].
    pub status: u32,
    /// By the panel's clock.
    pub created_on: NaiveDate,
}

/// A reseller account.
#[derive(Debug, Clone)]
pub struct Reseller {
    /// Plesk's id.
    pub id: u32,
    /// Plesk's unique name for it.
    pub guid: String,
    /// The login name.
    pub login: String,
    /// The password last set.
    pub password: Secret,
    /// Contact data by its names in the XML API (`pname`, `email`).
    pub contact: BTreeMap<&'static str, String>,
    /// What the creator's own system calls it, empty if nothing.
    pub external_id: String,
    /// Status bits, see [`status`].
    pub status: u32,
    /// Whether it may hand out more than it has.
    pub oversell: bool,
    /// By Plesk's names (`max_dom`; -1 for no limit).
    pub limits: BTreeMap<String, String>,
    /// The reseller plan's guid, none for limits of its own.
    pub plan_guid: Option<String>,
    /// By the panel's clock.
    pub created_on: NaiveDate,
}

/// A subscription, which the XML API calls a webspace.
#[derive(Debug, Clone)]
pub struct Subscription {
    /// Plesk's id.
    pub id: u32,
    /// Plesk's unique name for it.
    pub guid: String,
    /// The main domain.
    pub name: String,
    /// The customer's or reseller's id, 1 for the administrator.
    pub owner_id: u32,
    /// The plan's guid, none for a subscription of its own making.
    pub plan_guid: Option<String>,
    /// Physical hosting, none for a subscription without.
    pub hosting: Option<Hosting>,
    /// Its own status bits; that its owner is suspended is added on top.
    pub status: u32,
    /// What the creator's own system calls it, empty if nothing.
    pub external_id: String,
    /// Free text.
    pub description: String,
    /// Disk space used, in bytes.
    pub disk_used_bytes: u64,
    /// Traffic of the current month, in bytes.
    pub traffic_bytes: u64,
    /// Traffic of single days, in bytes, as `get_traffic` shows it.
    pub traffic_days: BTreeMap<NaiveDate, u64>,
    /// Mailboxes.
    pub mailboxes: u32,
    /// Databases.
    pub databases: u32,
    /// Customised: changes of the plan are not carried over to it.
    pub locked: bool,
    /// It has all that its plan says.
    pub synchronized: bool,
    /// By the panel's clock.
    pub created_on: NaiveDate,
}

/// The hosting of a subscription.
#[derive(Debug, Clone)]
pub struct Hosting {
    /// The FTP and system user.
    pub system_user: String,
    /// Its password.
    pub password: Secret,
    /// Its address.
    pub ip: String,
}

/// A service plan.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) id: u32,
    pub(super) guid: String,
    pub(super) name: String,
    pub(super) external_id: String,
    /// The reseller's id, 1 for the administrator.
    pub(super) owner_id: u32,
    /// By Plesk's names (`disk_space`, in bytes; -1 for no limit).
    pub(super) limits: Vec<(String, String)>,
}

/// A plan of resellers.
#[derive(Debug, Clone)]
pub(super) struct ResellerPlan {
    pub(super) id: u32,
    pub(super) guid: String,
    pub(super) name: String,
}

/// Resellers, customers, subscriptions and plans by id.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) resellers: BTreeMap<u32, Reseller>,
    pub(super) reseller_plans: BTreeMap<u32, ResellerPlan>,
    pub(super) customers: BTreeMap<u32, Customer>,
    pub(super) subscriptions: BTreeMap<u32, Subscription>,
    pub(super) plans: BTreeMap<u32, Plan>,
    last_id: u32,
}

impl State {
    /// An id that was never given out. The administrator has 1.
    pub(super) fn next_id(&mut self) -> u32 {
        self.last_id = self.last_id.max(ADMIN_ID).saturating_add(1);
        self.last_id
    }

    /// The status of a subscription as Plesk shows it.
    pub(super) fn status(&self, subscription: &Subscription) -> u32 {
        let customer = self.customers.get(&subscription.owner_id);
        let reseller = self.resellers.get(&customer.map_or(subscription.owner_id, |customer| customer.owner_id));
        let parent = customer.is_some_and(|owner| owner.status != 0) || reseller.is_some_and(|owner| owner.status != 0);
        subscription.status | if parent { status::PARENT_SUSPENDED } else { 0 }
    }

    /// The guid of who provides for an owner: the reseller of a customer, otherwise the administrator.
    pub(super) fn vendor_guid(&self, owner_id: u32) -> &str {
        let vendor = self.customers.get(&owner_id).map_or(ADMIN_ID, |customer| customer.owner_id);
        self.owner(vendor).1
    }

    /// Whether nobody logs in by that name.
    pub(super) fn login_is_free(&self, login: &str) -> bool {
        login != ADMIN_LOGIN
            && self.customers.values().all(|customer| customer.login != login)
            && self.resellers.values().all(|reseller| reseller.login != login)
    }

    /// The plan of that guid.
    pub(super) fn plan(&self, guid: &str) -> Option<&Plan> {
        self.plans.values().find(|plan| plan.guid == guid)
    }

    /// The login and guid of an owner.
    pub(super) fn owner(&self, id: u32) -> (&str, &str) {
        let customer = self.customers.get(&id).map(|owner| (owner.login.as_str(), owner.guid.as_str()));
        let reseller = || self.resellers.get(&id).map(|owner| (owner.login.as_str(), owner.guid.as_str()));
        customer.or_else(reseller).unwrap_or((ADMIN_LOGIN, ADMIN_GUID))
    }

    /// The id of the owner that these elements name, the administrator if they name none.
    pub(super) fn owner_id(&self, names: &super::xml::Element) -> Result<u32, Refusal> {
        let kinds = ["owner-id", "owner-login", "owner-guid", "owner-external-id"];
        let Some((kind, value)) = kinds.iter().find_map(|kind| Some((*kind, names.text_of(kind)?))) else {
            return Ok(ADMIN_ID);
        };
        let is_admin = match kind {
            "owner-id" => value == ADMIN_ID.to_string(),
            "owner-login" => value == ADMIN_LOGIN,
            "owner-guid" => value == ADMIN_GUID,
            _ => false,
        };
        if is_admin {
            return Ok(ADMIN_ID);
        }
        let kind = kind.trim_start_matches("owner-");
        let customer = self.customers.values().find(|customer| customer.is(kind, value)).map(|owner| owner.id);
        let reseller = || self.resellers.values().find(|reseller| reseller.is(kind, value)).map(|owner| owner.id);
        customer.or_else(reseller).ok_or_else(Refusal::owner)
    }
}

impl Reseller {
    /// Whether a filter of this kind and value means this reseller.
    pub(super) fn is(&self, kind: &str, value: &str) -> bool {
        match kind {
            "id" => self.id.to_string() == value,
            "login" => self.login == value,
            "guid" => self.guid == value,
            "external-id" => self.external_id == value,
            _ => false,
        }
    }
}

impl Customer {
    /// Whether a filter of this kind and value means this customer.
    pub(super) fn is(&self, kind: &str, value: &str) -> bool {
        match kind {
            "id" => self.id.to_string() == value,
            "login" => self.login == value,
            "guid" => self.guid == value,
            "external-id" => self.external_id == value,
            _ => false,
        }
    }
}
