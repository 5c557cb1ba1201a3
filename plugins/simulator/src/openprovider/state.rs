//! What the simulated account holds.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Duration, Months, Utc};
use chrono_tz::Europe::Amsterdam;
use serde_json::{Value, json};

use super::options::{Extension, OpenproviderOptions};
use super::refusal::Refusal;
use crate::secret::Secret;

/// How many rows of a kind are kept.
pub(super) const ROWS_MAX: usize = 10_000;
/// How long a deleted domain can be restored.
const QUARANTINE_DAYS: i64 = 30;

/// A domain in the account.
#[derive(Debug, Clone)]
pub struct Domain {
    /// Its number.
    pub id: i64,
    /// `example.org`.
    pub name: String,
    /// `ACT`, `REQ`, `DEL`, `FAI`.
    pub status: String,
    /// `softQuarantine` while it can be restored.
    pub delete_status: String,
    /// Whether it came by transfer.
    pub transferred: bool,
    /// The holder's handle.
    pub owner_handle: String,
    /// The other handles.
    pub other_handles: [String; 3],
    /// In order.
    pub name_servers: Vec<String>,
    /// The keys, as they were sent.
    pub keys: Vec<Value>,
    /// Whether Openprovider's own DNS signs it.
    pub signed_here: bool,
    /// Locked against transfers.
    pub locked: bool,
    /// Whether the holder's data are hidden.
    pub private: bool,
    /// The account's own note.
    pub comments: String,
    /// What it is set to.
    pub autorenew: String,
    /// The code for transfers.
    pub auth_code: Secret,
    /// When it was ordered.
    pub ordered_at: DateTime<Utc>,
    /// When it expires; none while it is only asked for.
    pub expires_at: Option<DateTime<Utc>>,
    /// While it is deleted.
    pub restorable_until: Option<DateTime<Utc>>,
    /// Whether the registry lets its transfer be withdrawn.
    pub cancellable: bool,
    /// For how long it was ordered.
    pub years: u32,
    /// What the order holds of the credit, in hundredths.
    pub held_cents: i64,
}

/// A contact.
#[derive(Debug, Clone)]
pub struct Customer {
    /// `XX000001-EX`.
    pub handle: String,
    /// The account's own note.
    pub comments: String,
    /// As it was sent.
    pub body: Value,
}

/// A record of a zone, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Relative; empty for the zone itself.
    pub name: String,
    /// `A`, `MX`, ...
    pub kind: String,
    /// As it is kept: texts in quotes.
    pub value: String,
    /// In seconds.
    pub ttl: u64,
    /// For MX and SRV.
    pub prio: Option<u64>,
}

/// All that the account holds.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) tokens: BTreeSet<String>,
    pub(super) domains: BTreeMap<i64, Domain>,
    pub(super) customers: BTreeMap<String, Customer>,
    pub(super) name_servers: BTreeMap<String, (String, String)>,
    pub(super) zones: BTreeMap<String, Vec<Record>>,
    pub(super) elsewhere: BTreeMap<String, String>,
    /// Domains that another registrar has asked for.
    pub(super) leaving: BTreeSet<i64>,
    pub(super) balance_cents: i64,
    pub(super) calls: BTreeMap<&'static str, u64>,
    next_id: i64,
}

impl State {
    pub(super) fn new(options: &OpenproviderOptions) -> Self {
        let elsewhere = options.elsewhere.iter().cloned().collect();
        Self { elsewhere, balance_cents: options.balance_cents, next_id: 1_000, ..Self::default() }
    }

    pub(super) fn next_id(&mut self) -> i64 {
        self.next_id += 1;
        self.next_id
    }

    /// What pending orders hold.
    pub(super) fn reserved_cents(&self) -> i64 {
        self.domains.values().map(|domain| domain.held_cents).sum()
    }

    /// Whether so much can be spent.
    pub(super) fn afford(&self, cents: i64) -> Result<(), Refusal> {
        if cents > self.balance_cents - self.reserved_cents() { Err(Refusal::balance()) } else { Ok(()) }
    }

    /// The domain of this name that is not gone.
    pub(super) fn live(&self, name: &str) -> Option<&Domain> {
        let dead = |domain: &&Domain| !matches!(domain.status.as_str(), "DEL" | "FAI");
        self.domains.values().filter(dead).find(|domain| domain.name == name)
    }

    pub(super) fn domain(&self, id: i64) -> Result<&Domain, Refusal> {
        self.domains.get(&id).ok_or_else(Refusal::no_domain)
    }

    pub(super) fn domain_mut(&mut self, id: i64) -> Result<&mut Domain, Refusal> {
        self.domains.get_mut(&id).ok_or_else(Refusal::no_domain)
    }

    /// The registry says yes to a pending order.
    pub(super) fn settle(&mut self, name: &str, now: DateTime<Utc>) -> bool {
        let pending = self.domains.values_mut().find(|domain| domain.name == name && domain.status == "REQ");
        let Some(domain) = pending else { return false };
        domain.activate(now);
        self.balance_cents -= std::mem::take(&mut domain.held_cents);
        true
    }

    /// The registry says no to a pending order.
    pub(super) fn fail(&mut self, name: &str) -> bool {
        let pending = self.domains.values_mut().find(|domain| domain.name == name && domain.status == "REQ");
        let Some(domain) = pending else { return false };
        "FAI".clone_into(&mut domain.status);
        domain.held_cents = 0;
        true
    }
}

impl Domain {
    /// Becomes a registered domain.
    pub(super) fn activate(&mut self, now: DateTime<Utc>) {
        "ACT".clone_into(&mut self.status);
        self.expires_at = now.checked_add_months(Months::new(12 * self.years));
    }

    /// Goes to quarantine.
    pub(super) fn delete(&mut self, now: DateTime<Utc>) {
        "DEL".clone_into(&mut self.status);
        "softQuarantine".clone_into(&mut self.delete_status);
        self.restorable_until = Some(now + Duration::days(QUARANTINE_DAYS));
    }

    /// As the API tells it.
    pub(super) fn shown(&self, with_registry_statuses: bool) -> Value {
        let (name, extension) = self.name.split_once('.').unwrap_or_default();
        let utc = |at: Option<DateTime<Utc>>| {
            at.map_or_else(|| "0000-00-00 00:00:00".to_owned(), |at| at.format("%Y-%m-%d %H:%M:%S").to_string())
        };
        let numbered = self.name_servers.iter().zip(1..);
        let servers: Vec<Value> =
            numbered.map(|(name, seq)| json!({"ip": null, "ip6": null, "name": name, "seq_nr": seq})).collect();
        let [admin, tech, billing] = &self.other_handles;
        let mut keys = self.keys.clone();
        if self.signed_here {
            keys.push(json!({"alg": 13, "flags": 257, "protocol": 3, "pub_key": "T3BlbnByb3ZpZGVy", "readonly": 1}));
        }
        let created = self.expires_at.map(|_| self.ordered_at);
        let mut shown = json!({
            "id": self.id, "domain": {"name": name, "extension": extension}, "status": self.status,
            "delete_status": self.delete_status, "type": if self.transferred { "TRANSFER" } else { "NEW" },
            "owner_handle": self.owner_handle, "admin_handle": admin, "tech_handle": tech, "billing_handle": billing,
            "name_servers": servers, "dnssec_keys": keys, "is_locked": self.locked,
            "dnssec": if keys.is_empty() { "unsigned" } else { "signedDelegation" },
            "is_private_whois_enabled": self.private, "comments": self.comments, "autorenew": self.autorenew,
            "auth_code": self.auth_code.reveal(), "creation_date": utc(created), "expiration_date": utc(self.expires_at),
            "order_date": self.ordered_at.with_timezone(&Amsterdam).format("%Y-%m-%d %H:%M:%S").to_string(),
            "restorable_until": self.restorable_until.map_or_else(String::new, |at| utc(Some(at))),
            "transfer_cancel_supported": self.cancellable, "deleted_at": "0000-00-00 00:00:00",
        });
        if with_registry_statuses && let Some(members) = shown.as_object_mut() {
            let locked = i32::from(self.locked);
            let statuses = json!({
                "client_hold": {"is_changeable": true, "value": 0},
                "client_transfer_prohibited": {"is_changeable": true, "value": locked},
            });
            members.insert("registry_statuses".to_owned(), statuses);
        }
        shown
    }
}

/// The extension of a name.
pub(super) fn extension<'a>(options: &'a OpenproviderOptions, name: &str) -> Result<&'a Extension, Refusal> {
    let of = name.split_once('.').map(|(_, extension)| extension).unwrap_or_default();
    options.extensions.iter().find(|extension| extension.name == of).ok_or_else(Refusal::wrong_extension)
}
