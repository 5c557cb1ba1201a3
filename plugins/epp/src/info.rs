//! What a registry tells about a domain (RFC 5731 section 3.1.2, RFC 3915, RFC 5910).

use billet_plugin::v1::{ContactRole, DnssecKey, Domain, DomainContact, DomainState, Operation};
use billet_plugin::{Failure, v1::ProblemKind};
use chrono::{DateTime, TimeDelta, Utc};

use crate::client::{Client, found};
use crate::command::{Command, Object};
use crate::deadline::Deadline;
use crate::dnssec;
use crate::instant;
use crate::namespace;
use crate::response::Response;
use crate::xml::Element;

/// The status that keeps a domain from being transferred away, set by the registrar.
pub const TRANSFER_LOCK: &str = "clientTransferProhibited";
/// How far the clocks of a registry and of this machine may be apart.
const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(2);

/// A name server of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameServer {
    /// In lower case.
    pub name: String,
    /// Where the registry keeps them with the domain (`hostAttr`).
    pub addresses: Vec<String>,
}

/// A domain at the registry. Its `Debug` shows the name alone: there is the secret of transfers in it.
#[derive(Clone, Default)]
pub struct Info {
    /// In lower case.
    pub name: String,
    /// The registry's id.
    pub roid: String,
    /// RFC 5731: `ok`, `clientTransferProhibited`.
    pub statuses: Vec<String>,
    /// RFC 3915: `redemptionPeriod`.
    pub grace_statuses: Vec<String>,
    /// The holder's handle.
    pub registrant: String,
    /// `admin` and the handle.
    pub contacts: Vec<(String, String)>,
    /// In the registry's order.
    pub name_servers: Vec<NameServer>,
    /// Who looks after it.
    pub sponsor: String,
    /// When it was made.
    pub created_at: Option<DateTime<Utc>>,
    /// When it was last changed.
    pub updated_at: Option<DateTime<Utc>>,
    /// When it expires.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it last went to another registrar.
    pub transferred_at: Option<DateTime<Utc>>,
    /// RFC 5910.
    pub dnssec: Vec<DnssecKey>,
    /// The secret of transfers; `None` when the registry does not tell it.
    pub auth_code: Option<String>,
}

impl std::fmt::Debug for Info {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Info").field("name", &self.name).field("statuses", &self.statuses).finish_non_exhaustive()
    }
}

impl Info {
    /// Asks for a domain.
    ///
    /// # Errors
    /// [`ProblemKind::NotFound`] and the others of a question.
    pub async fn ask(client: &Client, name: &str, until: Deadline) -> Result<Self, Failure> {
        let name = Element::leaf("domain:name", name).attr("hosts", "all");
        let response = client.ask(&Command::about("info", Object::Domain, [name]), until).await?;
        Self::read(&response).ok_or_else(|| {
            let words = "the registry answered domain:info without the domain";
            Failure::later(ProblemKind::Unavailable, response.code.to_string(), words)
        })
    }

    /// Asks for a domain that may not be there.
    ///
    /// # Errors
    /// Those of a question.
    pub async fn find(client: &Client, name: &str, until: Deadline) -> Result<Option<Self>, Failure> {
        found(Self::ask(client, name, until).await)
    }

    /// What an answer to domain:info tells.
    #[must_use]
    pub fn read(response: &Response) -> Option<Self> {
        let data = response.data.of(namespace::DOMAIN, "infData")?;
        let code = data.get("authInfo").map(|auth| auth.text_of("pw")).filter(|code| !code.is_empty());
        let grace = response.extension.of(namespace::RGP, "infData");
        Some(Self {
            name: data.text_of("name").to_ascii_lowercase(),
            roid: data.text_of("roid").to_owned(),
            statuses: data.all("status").map(|status| status.attribute("s").to_owned()).collect(),
            grace_statuses: grace
                .map(|grace| grace.all("rgpStatus").map(|status| status.attribute("s").to_owned()).collect())
                .unwrap_or_default(),
            registrant: data.text_of("registrant").to_owned(),
            contacts: data.all("contact").map(|one| (one.attribute("type").to_owned(), one.text.clone())).collect(),
            name_servers: data.get("ns").map(read_name_servers).unwrap_or_default(),
            sponsor: data.text_of("clID").to_owned(),
            created_at: instant::read(data.text_of("crDate")),
            updated_at: instant::read(data.text_of("upDate")),
            expires_at: instant::read(data.text_of("exDate")),
            transferred_at: instant::read(data.text_of("trDate")),
            dnssec: dnssec::read(&response.extension),
            auth_code: code.map(str::to_owned),
        })
    }

    /// Whether a status is set.
    #[must_use]
    pub fn has(&self, status: &str) -> bool {
        self.statuses.iter().chain(&self.grace_statuses).any(|one| one == status)
    }

    /// Whether this registrar made it for this operation: it is ours, and not older than the first attempt.
    #[must_use]
    pub fn is_of(&self, client: &Client, operation: Option<&Operation>) -> bool {
        self.sponsor == client.client_id() && self.created_at.is_some_and(|at| is_of_operation(at, operation))
    }

    /// How it stands for this registrar.
    #[must_use]
    pub fn state(&self, client_id: &str, now: DateTime<Utc>) -> DomainState {
        if self.has("pendingCreate") {
            DomainState::PendingCreate
        } else if self.has("pendingTransfer") {
            DomainState::PendingTransfer
        } else if self.sponsor != client_id {
            DomainState::TransferredAway
        } else if self.has("pendingRestore") {
            DomainState::PendingRestore
        } else if self.has("redemptionPeriod") {
            DomainState::Redemption
        } else if self.has("pendingDelete") {
            DomainState::PendingDelete
        } else if self.expires_at.is_some_and(|at| at <= now) {
            DomainState::Expired
        } else {
            DomainState::Active
        }
    }

    /// As the protocol says it.
    #[must_use]
    pub fn domain(&self, client_id: &str, id_protected: bool) -> Domain {
        let holder = (!self.registrant.is_empty()).then(|| contact(ContactRole::Registrant, &self.registrant));
        let others = self.contacts.iter().filter_map(|(role, handle)| Some(contact(role_of(role)?, handle)));
        Domain {
            name: self.name.clone(),
            registrar_id: self.roid.clone(),
            state: self.state(client_id, Utc::now()).into(),
            statuses: self.statuses.iter().chain(&self.grace_statuses).cloned().collect(),
            created_at: self.created_at.map(instant::timestamp),
            expires_at: self.expires_at.map(instant::timestamp),
            name_servers: self.name_servers.iter().map(|server| server.name.clone()).collect(),
            contacts: holder.into_iter().chain(others).collect(),
            transfer_locked: self.has(TRANSFER_LOCK) || self.has("serverTransferProhibited"),
            dnssec: self.dnssec.clone(),
            id_protected,
            sponsor: self.sponsor.clone(),
        }
    }
}

/// Whether something that happened then may be the work of this operation.
#[must_use]
pub fn is_of_operation(at: DateTime<Utc>, operation: Option<&Operation>) -> bool {
    operation
        .and_then(|operation| operation.first_attempt_at.as_ref())
        .and_then(instant::of_timestamp)
        .and_then(|first| first.checked_sub_signed(CLOCK_SKEW))
        .is_some_and(|first| at >= first)
}

/// Whether the work may have been done by an earlier attempt.
#[must_use]
pub fn is_repeated(operation: Option<&Operation>) -> bool {
    operation.is_some_and(|operation| operation.attempt > 1)
}

/// The word of RFC 5731 for a role; `None` for the holder, who is no `contact` there.
#[must_use]
pub fn role_word(role: ContactRole) -> Option<&'static str> {
    match role {
        ContactRole::Admin => Some("admin"),
        ContactRole::Tech => Some("tech"),
        ContactRole::Billing => Some("billing"),
        ContactRole::Registrant | ContactRole::Unspecified => None,
    }
}

fn role_of(word: &str) -> Option<ContactRole> {
    match word {
        "admin" => Some(ContactRole::Admin),
        "tech" => Some(ContactRole::Tech),
        "billing" => Some(ContactRole::Billing),
        _ => None,
    }
}

fn contact(role: ContactRole, handle: &str) -> DomainContact {
    DomainContact { role: role.into(), handle: handle.to_owned(), contact: None }
}

fn read_name_servers(ns: &Element) -> Vec<NameServer> {
    let objects = ns.all("hostObj").map(|host| NameServer { name: host.text.clone(), addresses: Vec::new() });
    let attributes = ns.all("hostAttr").map(|host| NameServer {
        name: host.text_of("hostName").to_owned(),
        addresses: host.all("hostAddr").map(|address| address.text.clone()).collect(),
    });
    objects
        .chain(attributes)
        .map(|server| NameServer { name: server.name.trim_end_matches('.').to_ascii_lowercase(), ..server })
        .collect()
}
