//! Domains (RFC 5731), their grace periods (RFC 3915) and keys (RFC 5910).

use chrono::{Months, TimeDelta};
use rust_decimal::Decimal;

use super::answer::{Answer, DOMAIN, Outcome, RGP, Refusal, SECDNS, object, refusal, written};
use super::fee;
use super::registry::{ADD_PERIOD, Call, Deletion, Domain, Registry};
use super::xml::Element;
use crate::secret::Secret;

/// Names that begin so are looked at by people before they are registered.
const REVIEWED: &str = "review";
/// No domain is registered for longer.
const YEARS_MAX: i32 = 10;

impl Registry {
    pub(super) fn domain(&mut self, call: &Call<'_>, verb: &str, command: &Element) -> Outcome {
        match verb {
            "check" => self.check_domains(call, command),
            "create" => self.create_domain(call, command),
            "info" => self.domain_info(call, command),
            "renew" => self.renew_domain(call, command),
            "delete" => self.delete_domain(call, command),
            "update" => self.update_domain(call, command),
            _ => Err(refusal(2101, "")),
        }
    }

    fn check_domains(&self, call: &Call<'_>, command: &Element) -> Outcome {
        let names: Vec<String> = command.all("name").map(|name| name.text.clone()).collect();
        if names.iter().any(|name| !is_name(name)) {
            return Err(refusal(2005, "a name is no name"));
        }
        let answers = names.iter().map(|name| {
            let reason = self.taken(name);
            let answer = Element::leaf("domain:name", name).attr("avail", if reason.is_some() { "0" } else { "1" });
            Element::new("domain:cd").with(answer).with_all(reason.map(|reason| Element::leaf("domain:reason", reason)))
        });
        let data = object("domain", DOMAIN, "chkData").with_all(answers);
        Ok(Answer::ok(Some(data)).extended(fee::check(call, &names)?))
    }

    fn taken(&self, name: &str) -> Option<&'static str> {
        if !self.is_of_zone(name) {
            return Some("not a zone of this registry");
        }
        self.domains.contains_key(name).then_some("In use")
    }

    fn is_of_zone(&self, name: &str) -> bool {
        name.split_once('.').is_some_and(|(_, zone)| self.zones.iter().any(|one| one == zone))
    }

    fn create_domain(&mut self, call: &Call<'_>, command: &Element) -> Outcome {
        let name = command.text_of("name").to_owned();
        if !is_name(&name) || !self.is_of_zone(&name) {
            return Err(refusal(2306, "not a name of this registry"));
        }
        if self.domains.contains_key(&name) {
            return Err(refusal(2302, "the domain exists"));
        }
        let years = years_of(command)?.unwrap_or(1);
        let registrant = command.text_of("registrant").to_owned();
        if registrant.is_empty() {
            return Err(refusal(2003, "registrant"));
        }
        let contacts = contacts(command);
        for handle in std::iter::once(&registrant).chain(contacts.iter().map(|(_, handle)| handle)) {
            if !self.contacts.contains_key(handle) {
                return Err(refusal(2303, "no such contact"));
            }
        }
        let servers = self.servers(command.get("ns"))?;
        let price = fee::price(&name, "create", years).unwrap_or_default();
        fee::agreed(call, "create", &name, price)?;
        self.charge(call.client, price)?;
        let expires_at = call.now + Months::new(12 * years.unsigned_abs());
        let pending = name.starts_with(REVIEWED).then(|| (call.client_trid.to_owned(), call.server_trid.to_owned()));
        let is_pending = pending.is_some();
        let secret = command.get("authInfo").map_or("", |auth| auth.text_of("pw"));
        let roid = format!("D{}-SIM", self.number());
        let domain = Domain {
            name: name.clone(),
            roid,
            sponsor: call.client.to_owned(),
            creator: call.client.to_owned(),
            created_at: call.now,
            updated: None,
            expires_at,
            transferred_at: None,
            registrant,
            contacts: contacts.into_iter().collect(),
            servers,
            statuses: [].into(),
            secret: Secret::new(secret),
            keys: keys(call.extension(SECDNS, "create")),
            deletion: None,
            restored_at: None,
            transfer: None,
            pending,
            paid: price,
        };
        self.domains.insert(name.clone(), domain);
        let data = object("domain", DOMAIN, "creData")
            .with(Element::leaf("domain:name", name))
            .with(Element::leaf("domain:crDate", written(call.now)))
            .with(Element::leaf("domain:exDate", written(expires_at)));
        let answer = if is_pending { Answer::pending(Some(data)) } else { Answer::ok(Some(data)) };
        Ok(answer.extended(fee::receipt(call, "create", "creData", price, self.credit(call))))
    }

    fn credit(&self, call: &Call<'_>) -> Decimal {
        self.accounts.get(call.client).map_or(Decimal::ZERO, |account| account.credit)
    }

    fn servers(&self, ns: Option<&Element>) -> Result<Vec<(String, Vec<String>)>, Refusal> {
        let Some(ns) = ns else { return Ok(Vec::new()) };
        if (self.host_objects && ns.get("hostAttr").is_some()) || (!self.host_objects && ns.get("hostObj").is_some()) {
            return Err(refusal(2306, "name servers are written the other way here"));
        }
        let objects = ns.all("hostObj").map(|host| {
            let known = self.hosts.contains_key(&host.text);
            if known { Ok((host.text.clone(), Vec::new())) } else { Err(refusal(2303, "no such host")) }
        });
        let attributes = ns.all("hostAttr").map(|host| {
            let addresses = host.all("hostAddr").map(|address| address.text.clone()).collect();
            Ok((host.text_of("hostName").to_owned(), addresses))
        });
        objects.chain(attributes).collect()
    }

    fn domain_info(&self, call: &Call<'_>, command: &Element) -> Outcome {
        let domain = self.domains.get(command.text_of("name")).ok_or_else(|| refusal(2303, "no such domain"))?;
        let code = command.get("authInfo").map(|auth| auth.text_of("pw"));
        if code.is_some_and(|code| code != domain.secret.reveal()) {
            return Err(refusal(2202, "the authInfo is wrong"));
        }
        let told = domain.sponsor == call.client || code.is_some();
        let leaf = |name: &str, text: &str| Element::leaf(&format!("domain:{name}"), text);
        let servers = domain.servers.iter().map(|(name, addresses)| {
            if self.host_objects {
                return leaf("hostObj", name);
            }
            let address = |address: &String| {
                leaf("hostAddr", address).attr("ip", if address.contains(':') { "v6" } else { "v4" })
            };
            Element::new("domain:hostAttr").with(leaf("hostName", name)).with_all(addresses.iter().map(address))
        });
        let mut data = object("domain", DOMAIN, "infData")
            .with(leaf("name", &domain.name))
            .with(leaf("roid", &domain.roid))
            .with_all(statuses(domain).into_iter().map(|one| Element::new("domain:status").attr("s", &one)))
            .with(leaf("registrant", &domain.registrant))
            .with_all(domain.contacts.iter().map(|(role, handle)| leaf("contact", handle).attr("type", role)));
        if !domain.servers.is_empty() {
            data = data.with(Element::new("domain:ns").with_all(servers));
        }
        let suffix = format!(".{}", domain.name);
        let data = data
            .with_all(self.hosts.keys().filter(|host| host.ends_with(&suffix)).map(|host| leaf("host", host)))
            .with(leaf("clID", &domain.sponsor))
            .with(leaf("crID", &domain.creator))
            .with(leaf("crDate", &written(domain.created_at)))
            .with_all(domain.updated.iter().flat_map(|(who, at)| [leaf("upID", who), leaf("upDate", &written(*at))]))
            .with(leaf("exDate", &written(domain.expires_at)))
            .with_all(domain.transferred_at.map(|at| leaf("trDate", &written(at))))
            .with_all(told.then(|| Element::new("domain:authInfo").with(leaf("pw", domain.secret.reveal()))));
        let grace = grace(domain, call.now - domain.created_at < ADD_PERIOD)
            .map(|status| object("rgp", RGP, "infData").with(Element::new("rgp:rgpStatus").attr("s", status)));
        let keys = (!domain.keys.is_empty())
            .then(|| object("secDNS", SECDNS, "infData").with_all(domain.keys.iter().cloned()));
        Ok(Answer::ok(Some(data)).extended(grace).extended(keys))
    }

    /// A domain that this registrar may change.
    fn own_domain(&mut self, call: &Call<'_>, name: &str) -> Result<&mut Domain, Refusal> {
        let domain = self.domains.get_mut(name).ok_or_else(|| refusal(2303, "no such domain"))?;
        if domain.sponsor != call.client {
            return Err(refusal(2201, "somebody else's domain"));
        }
        Ok(domain)
    }

    fn renew_domain(&mut self, call: &Call<'_>, command: &Element) -> Outcome {
        let years = years_of(command)?.unwrap_or(1);
        let name = command.text_of("name").to_owned();
        let domain = self.own_domain(call, &name)?;
        if domain.deletion.is_some() || has_pending(domain) || domain.statuses.contains("clientRenewProhibited") {
            return Err(refusal(2304, "its status does not permit it"));
        }
        if domain.expires_at.format("%Y-%m-%d").to_string() != command.text_of("curExpDate") {
            return Err(refusal(2306, "the expiration date does not match"));
        }
        let expires_at = domain.expires_at + Months::new(12 * years.unsigned_abs());
        if expires_at > call.now + Months::new(12 * YEARS_MAX.unsigned_abs()) + TimeDelta::days(1) {
            return Err(refusal(2105, "longer than ten years"));
        }
        let price = fee::price(&name, "renew", years).unwrap_or_default();
        fee::agreed(call, "renew", &name, price)?;
        self.charge(call.client, price)?;
        self.own_domain(call, &name)?.expires_at = expires_at;
        let data = object("domain", DOMAIN, "renData")
            .with(Element::leaf("domain:name", &name))
            .with(Element::leaf("domain:exDate", written(expires_at)));
        Ok(Answer::ok(Some(data)).extended(fee::receipt(call, "renew", "renData", price, self.credit(call))))
    }

    fn delete_domain(&mut self, call: &Call<'_>, command: &Element) -> Outcome {
        let name = command.text_of("name").to_owned();
        let suffix = format!(".{name}");
        let has_hosts = self.hosts.keys().any(|host| host.ends_with(&suffix));
        let domain = self.own_domain(call, &name)?;
        let prohibited = domain.statuses.iter().any(|status| status.ends_with("DeleteProhibited"));
        if domain.deletion.is_some() || has_pending(domain) || prohibited {
            return Err(refusal(2304, "its status does not permit it"));
        }
        if has_hosts {
            return Err(refusal(2305, "there are hosts below it"));
        }
        domain.updated = Some((call.client.to_owned(), call.now));
        if call.now - domain.created_at >= ADD_PERIOD {
            domain.deletion = Some(Deletion::Redemption(call.now));
            return Ok(Answer::pending(None));
        }
        let paid = domain.paid;
        self.domains.remove(&name);
        if let Some(account) = self.accounts.get_mut(call.client) {
            account.credit += paid;
        }
        Ok(Answer::ok(None))
    }

    fn update_domain(&mut self, call: &Call<'_>, command: &Element) -> Outcome {
        let name = command.text_of("name").to_owned();
        if let Some(restore) = call.extension(RGP, "update").and_then(|update| update.get("restore")) {
            return self.restore_domain(call, &name, restore);
        }
        let (add, remove) = (command.get("add"), command.get("rem"));
        let (servers, gone) =
            (self.servers(add.and_then(|add| add.get("ns")))?, self.servers(remove.and_then(|one| one.get("ns")))?);
        let (new_contacts, old_contacts) = (add.map(contacts), remove.map(contacts));
        let registrant = command.get("chg").and_then(|change| change.get("registrant")).map(|one| one.text.clone());
        for handle in new_contacts.iter().flatten().map(|(_, handle)| handle).chain(&registrant) {
            if !self.contacts.contains_key(handle) {
                return Err(refusal(2303, "no such contact"));
            }
        }
        let domain = self.own_domain(call, &name)?;
        let unlocks = remove.is_some_and(|one| one.all("status").any(|s| s.attribute("s") == "clientUpdateProhibited"));
        let prohibited = domain.statuses.contains("clientUpdateProhibited") && !unlocks;
        if domain.deletion.is_some() || has_pending(domain) || prohibited {
            return Err(refusal(2304, "its status does not permit it"));
        }
        let names = |these: &[(String, Vec<String>)]| these.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        let now = names(&domain.servers);
        let gone = names(&gone);
        if gone.iter().any(|name| !now.contains(name))
            || servers.iter().any(|(name, _)| now.contains(name) && !gone.contains(name))
        {
            return Err(refusal(2306, "a name server is there already, or is not"));
        }
        let statuses = |part: Option<&Element>| -> Vec<String> {
            part.into_iter().flat_map(|part| part.all("status")).map(|one| one.attribute("s").to_owned()).collect()
        };
        let (new_statuses, old_statuses) = (statuses(add), statuses(remove));
        if new_statuses.iter().chain(&old_statuses).any(|status| !status.starts_with("client")) {
            return Err(refusal(2306, "only the registry sets that status"));
        }
        if old_statuses.iter().any(|status| !domain.statuses.contains(status)) {
            return Err(refusal(2306, "the status is not set"));
        }
        let secdns = call.extension(SECDNS, "update");
        let part = |name: &str| secdns.and_then(|update| update.get(name));
        let gone_keys = keys(part("rem"));
        if gone_keys.iter().any(|key| !domain.keys.iter().any(|one| is_same_key(one, key))) {
            return Err(refusal(2303, "no such key"));
        }
        domain.servers.retain(|(name, _)| !gone.contains(name));
        domain.servers.extend(servers);
        domain.contacts.retain(|one| !old_contacts.iter().flatten().any(|old| old == one));
        domain.contacts.extend(new_contacts.into_iter().flatten());
        domain.statuses.retain(|status| !old_statuses.contains(status));
        domain.statuses.extend(new_statuses);
        domain.keys.retain(|one| !gone_keys.iter().any(|key| is_same_key(one, key)));
        domain.keys.extend(keys(part("add")));
        if let Some(registrant) = registrant {
            domain.registrant = registrant;
        }
        if let Some(auth) = command.get("chg").and_then(|change| change.get("authInfo")) {
            domain.secret = Secret::new(auth.text_of("pw"));
        }
        domain.updated = Some((call.client.to_owned(), call.now));
        Ok(Answer::ok(None))
    }

    fn restore_domain(&mut self, call: &Call<'_>, name: &str, restore: &Element) -> Outcome {
        let domain = self.own_domain(call, name)?;
        let report = restore.attribute("op") == "report";
        let (next, status) = match (domain.deletion, report) {
            (Some(Deletion::Redemption(_)), false) => (Some(Deletion::Restoring(call.now)), "pendingRestore"),
            (Some(Deletion::Restoring(_)), true) if restore.get("report").is_some() => (None, ""),
            (Some(Deletion::Restoring(_)), true) => return Err(refusal(2003, "report")),
            _ => return Err(refusal(2304, "it is not in that period")),
        };
        let price = fee::price(name, "restore", 1).unwrap_or_default();
        if !report {
            fee::agreed(call, "update", "", price)?;
            self.charge(call.client, price)?;
        }
        let domain = self.own_domain(call, name)?;
        domain.deletion = next;
        if report {
            domain.restored_at = Some(call.now);
        }
        domain.updated = Some((call.client.to_owned(), call.now));
        let told = (!status.is_empty())
            .then(|| object("rgp", RGP, "upData").with(Element::new("rgp:rgpStatus").attr("s", status)));
        let receipt = if report { None } else { fee::receipt(call, "update", "updData", price, self.credit(call)) };
        Ok(Answer::ok(None).extended(told).extended(receipt))
    }
}

/// The years of a command; none when it does not say.
pub(super) fn years_of(command: &Element) -> Result<Option<i32>, Refusal> {
    let Some(period) = command.get("period") else { return Ok(None) };
    match period.text.parse() {
        Ok(years) if period.attribute("unit") == "y" && (1..=YEARS_MAX).contains(&years) => Ok(Some(years)),
        _ => Err(refusal(2004, "one to ten years")),
    }
}

fn is_name(name: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    name.contains('.') && name.split('.').all(label)
}

fn contacts(part: &Element) -> Vec<(String, String)> {
    part.all("contact").map(|one| (one.attribute("type").to_owned(), one.text.clone())).collect()
}

fn keys(part: Option<&Element>) -> Vec<Element> {
    let is_key = |one: &&Element| matches!(one.local(), "dsData" | "keyData");
    part.into_iter().flat_map(|part| &part.children).filter(is_key).cloned().collect()
}

fn is_same_key(one: &Element, other: &Element) -> bool {
    let parts = |key: &Element| -> Vec<String> { key.children.iter().map(|part| part.text.to_uppercase()).collect() };
    one.local() == other.local() && parts(one) == parts(other)
}

fn has_pending(domain: &Domain) -> bool {
    domain.pending.is_some() || domain.transfer.as_ref().is_some_and(|transfer| transfer.status == "pending")
}

fn statuses(domain: &Domain) -> Vec<String> {
    let mut statuses: Vec<String> = domain.statuses.iter().cloned().collect();
    let mut set = |when: bool, status: &str| {
        if when {
            statuses.push(status.to_owned());
        }
    };
    set(domain.deletion.is_some(), "pendingDelete");
    set(domain.transfer.as_ref().is_some_and(|transfer| transfer.status == "pending"), "pendingTransfer");
    set(domain.pending.is_some(), "pendingCreate");
    set(domain.servers.is_empty(), "inactive");
    if statuses.is_empty() {
        statuses.push("ok".to_owned());
    }
    statuses
}

fn grace(domain: &Domain, young: bool) -> Option<&'static str> {
    match domain.deletion {
        Some(Deletion::Redemption(_)) => Some("redemptionPeriod"),
        Some(Deletion::Restoring(_)) => Some("pendingRestore"),
        Some(Deletion::Last(_)) => Some("pendingDelete"),
        None => young.then_some("addPeriod"),
    }
}
