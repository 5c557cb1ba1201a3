//! What the registry knows, and how time goes on in it.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use super::answer::{Answer, Outcome, Refusal, refusal, written};
use super::xml::Element;
use crate::secret::Secret;

/// After a create, a delete gives the money back.
pub(super) const ADD_PERIOD: TimeDelta = TimeDelta::days(5);
/// How long a deleted domain can be restored.
pub(super) const REDEMPTION: TimeDelta = TimeDelta::days(30);
/// How long the registry waits for a report before a restore is undone.
pub(super) const REPORT_TIME: TimeDelta = TimeDelta::days(7);
/// Between the redemption period and the end.
pub(super) const LAST_DAYS: TimeDelta = TimeDelta::days(5);
/// After so long a transfer is approved by the registry.
pub(super) const TRANSFER_TIME: TimeDelta = TimeDelta::days(5);
/// Transaction ids that are remembered; who sends one again is not answered.
const TRIDS_MAX: usize = 100_000;

#[derive(Debug)]
pub(super) struct Account {
    pub(super) password: Secret,
    pub(super) credit: Decimal,
    pub(super) messages: VecDeque<Message>,
}

#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) id: u64,
    pub(super) at: DateTime<Utc>,
    pub(super) words: String,
    pub(super) data: Option<Element>,
}

#[derive(Debug)]
pub(super) struct Contact {
    pub(super) roid: String,
    pub(super) sponsor: String,
    pub(super) created_at: DateTime<Utc>,
    /// `postalInfo`, `voice`, `email`, ... as they were sent.
    pub(super) parts: Vec<Element>,
}

#[derive(Debug)]
pub(super) struct Host {
    pub(super) roid: String,
    pub(super) sponsor: String,
    pub(super) created_at: DateTime<Utc>,
    pub(super) addresses: BTreeSet<IpAddr>,
}

/// Where a deleted domain is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deletion {
    Redemption(DateTime<Utc>),
    Restoring(DateTime<Utc>),
    Last(DateTime<Utc>),
}

#[derive(Debug, Clone)]
pub(super) struct Transfer {
    pub(super) status: &'static str,
    pub(super) gaining: String,
    pub(super) losing: String,
    pub(super) asked_at: DateTime<Utc>,
    pub(super) acted_at: DateTime<Utc>,
    pub(super) years: i32,
}

#[derive(Debug)]
pub(super) struct Domain {
    pub(super) name: String,
    pub(super) roid: String,
    pub(super) sponsor: String,
    pub(super) creator: String,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated: Option<(String, DateTime<Utc>)>,
    pub(super) expires_at: DateTime<Utc>,
    pub(super) transferred_at: Option<DateTime<Utc>>,
    pub(super) registrant: String,
    pub(super) contacts: BTreeSet<(String, String)>,
    /// Name and addresses; the latter where hosts are attributes.
    pub(super) servers: Vec<(String, Vec<String>)>,
    pub(super) statuses: BTreeSet<String>,
    pub(super) secret: Secret,
    /// `dsData` and `keyData` as they were sent.
    pub(super) keys: Vec<Element>,
    pub(super) deletion: Option<Deletion>,
    pub(super) restored_at: Option<DateTime<Utc>>,
    pub(super) transfer: Option<Transfer>,
    /// The ids of the create that waits for a decision.
    pub(super) pending: Option<(String, String)>,
    pub(super) paid: Decimal,
}

#[derive(Debug, Default)]
pub(super) struct Registry {
    pub(super) zones: Vec<String>,
    pub(super) host_objects: bool,
    pub(super) delete_expired_after: Option<TimeDelta>,
    pub(super) accounts: BTreeMap<String, Account>,
    pub(super) contacts: BTreeMap<String, Contact>,
    pub(super) hosts: BTreeMap<String, Host>,
    pub(super) domains: BTreeMap<String, Domain>,
    pub(super) trids: HashSet<(String, String)>,
    pub(super) last_number: u64,
}

/// A command on its way through the registry.
pub(super) struct Call<'a> {
    pub(super) client: &'a str,
    pub(super) now: DateTime<Utc>,
    pub(super) client_trid: &'a str,
    pub(super) server_trid: &'a str,
    /// What stands in `<extension>`.
    pub(super) extensions: &'a [Element],
}

impl Call<'_> {
    pub(super) fn extension(&self, namespace: &str, name: &str) -> Option<&Element> {
        self.extensions.iter().find(|one| one.namespace == namespace && one.local() == name)
    }
}

impl Registry {
    pub(super) fn number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// Whether this id is new from this registrar.
    pub(super) fn is_new(&mut self, client: &str, trid: &str) -> bool {
        if self.trids.len() >= TRIDS_MAX {
            self.trids.clear();
        }
        trid.is_empty() || self.trids.insert((client.to_owned(), trid.to_owned()))
    }

    /// Puts a message into a registrar's queue.
    pub(super) fn tell(&mut self, client: &str, at: DateTime<Utc>, words: &str, data: Option<Element>) {
        let id = self.number();
        if let Some(account) = self.accounts.get_mut(client) {
            account.messages.push_back(Message { id, at, words: words.to_owned(), data });
        }
    }

    /// Takes money, or refuses as registries do.
    pub(super) fn charge(&mut self, client: &str, amount: Decimal) -> Result<(), Refusal> {
        let account = self.accounts.get_mut(client).ok_or_else(|| refusal(2201, "no such registrar"))?;
        if account.credit < amount {
            return Err(refusal(2104, "the credit does not suffice"));
        }
        account.credit -= amount;
        Ok(())
    }

    /// Lets happen what is due by `now`.
    pub(super) fn go_on(&mut self, now: DateTime<Utc>) {
        let names: Vec<String> = self.domains.keys().cloned().collect();
        for name in names {
            let Some(domain) = self.domains.get_mut(&name) else { continue };
            if domain.transfer.as_ref().is_some_and(|one| one.status == "pending" && one.acted_at <= now) {
                super::transfer::finish(self, &name, "serverApproved", now);
                continue;
            }
            // Who restored it has as long again to renew it.
            let since = domain.restored_at.map_or(domain.expires_at, |at| at.max(domain.expires_at));
            let expired = self.delete_expired_after.map(|after| since + after).filter(|at| *at <= now);
            match domain.deletion {
                None if expired.is_some() => {
                    domain.deletion = expired.map(Deletion::Redemption);
                    let sponsor = domain.sponsor.clone();
                    self.tell(&sponsor, now, &format!("{name} expired and was deleted"), None);
                }
                Some(Deletion::Redemption(since)) if since + REDEMPTION <= now => {
                    domain.deletion = Some(Deletion::Last(since + REDEMPTION));
                }
                Some(Deletion::Restoring(since)) if since + REPORT_TIME <= now => {
                    domain.deletion = Some(Deletion::Redemption(since + REPORT_TIME));
                }
                Some(Deletion::Last(since)) if since + LAST_DAYS <= now => {
                    let sponsor = domain.sponsor.clone();
                    self.domains.remove(&name);
                    self.tell(&sponsor, now, &format!("{name} was deleted"), None);
                }
                _ => {}
            }
        }
    }

    pub(super) fn poll(&mut self, call: &Call<'_>, command: &Element) -> Outcome {
        let account = self.accounts.get_mut(call.client).ok_or_else(|| refusal(2201, ""))?;
        if command.attribute("op") == "ack" {
            let head = account.messages.front().map(|message| message.id.to_string());
            if command.attribute("msgID").is_empty() {
                return Err(refusal(2003, "msgID"));
            }
            if head.as_deref() != Some(command.attribute("msgID")) {
                return Err(refusal(2303, "no such message at the head of the queue"));
            }
            account.messages.pop_front();
        }
        let count = account.messages.len();
        let Some(head) = account.messages.front() else { return Ok(Answer { code: 1300, ..Answer::default() }) };
        let queue = Element::new("msgQ").attr("count", &count.to_string()).attr("id", &head.id.to_string());
        if command.attribute("op") == "ack" {
            return Ok(Answer { code: 1000, queue: Some(queue), ..Answer::default() });
        }
        let queue = queue.with(Element::leaf("qDate", written(head.at))).with(Element::leaf("msg", &head.words));
        Ok(Answer { code: 1301, queue: Some(queue), data: head.data.clone(), ..Answer::default() })
    }
}
