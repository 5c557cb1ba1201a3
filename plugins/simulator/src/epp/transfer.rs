//! Transfers (RFC 5731 section 3.2.4): the losing registrar has five days, then the registry approves.

use chrono::{DateTime, Months, Utc};
use rust_decimal::Decimal;

use super::answer::{Answer, DOMAIN, Outcome, object, refusal, written};
use super::domain::years_of;
use super::fee;
use super::registry::{Call, Domain, Registry, TRANSFER_TIME, Transfer};
use super::xml::Element;
use crate::secret::Secret;

impl Registry {
    pub(super) fn transfer(&mut self, call: &Call<'_>, op: &str, command: &Element) -> Outcome {
        let name = command.text_of("name").to_owned();
        let code = command.get("authInfo").map(|auth| auth.text_of("pw").to_owned());
        let domain = self.domains.get(&name).ok_or_else(|| refusal(2303, "no such domain"))?;
        let transfer = domain.transfer.clone();
        let is_pending = transfer.as_ref().is_some_and(|one| one.status == "pending");
        if code.as_deref().is_some_and(|code| code != domain.secret.reveal()) {
            return Err(refusal(2202, "the authInfo is wrong"));
        }
        if op == "request" {
            return self.request_transfer(call, command, &name, code.is_some(), is_pending);
        }
        let transfer = transfer.ok_or_else(|| refusal(2301, ""))?;
        if op == "query" {
            let has_part = [&transfer.gaining, &transfer.losing].iter().any(|one| *one == call.client);
            return if has_part || code.is_some() {
                Ok(Answer::ok(Some(data(domain))))
            } else {
                Err(refusal(2201, "the authInfo is missing"))
            };
        }
        if !is_pending {
            return Err(refusal(2301, ""));
        }
        let (who, status) = match op {
            "approve" => (&transfer.losing, "clientApproved"),
            "reject" => (&transfer.losing, "clientRejected"),
            _ => (&transfer.gaining, "clientCancelled"),
        };
        if who != call.client {
            return Err(refusal(2201, "only the other registrar can do that"));
        }
        finish(self, &name, status, call.now);
        Ok(Answer::ok(self.domains.get(&name).map(data)))
    }

    fn request_transfer(
        &mut self,
        call: &Call<'_>,
        command: &Element,
        name: &str,
        has_code: bool,
        is_pending: bool,
    ) -> Outcome {
        let domain = self.domains.get(name).ok_or_else(|| refusal(2303, "no such domain"))?;
        if domain.sponsor == call.client {
            return Err(refusal(2106, "the domain is here already"));
        }
        if !has_code {
            return Err(refusal(2003, "authInfo"));
        }
        if is_pending {
            return Err(refusal(2300, ""));
        }
        if domain.statuses.iter().any(|status| status.ends_with("TransferProhibited")) || domain.deletion.is_some() {
            return Err(refusal(2304, "its status does not permit it"));
        }
        let years = years_of(command)?.unwrap_or(1);
        let price = fee::price(name, "transfer", years).unwrap_or_default();
        fee::agreed(call, "transfer", name, price)?;
        let losing = domain.sponsor.clone();
        self.charge(call.client, price)?;
        let transfer = Transfer {
            status: "pending",
            gaining: call.client.to_owned(),
            losing: losing.clone(),
            asked_at: call.now,
            acted_at: call.now + TRANSFER_TIME,
            years,
        };
        let domain = self.domains.get_mut(name).ok_or_else(|| refusal(2400, ""))?;
        domain.transfer = Some(transfer);
        let answer = data(domain);
        self.tell(&losing, call.now, "Transfer requested.", Some(answer.clone()));
        let balance = self.accounts.get(call.client).map_or(Decimal::ZERO, |account| account.credit);
        Ok(Answer::pending(Some(answer)).extended(fee::receipt(call, "transfer", "trnData", price, balance)))
    }
}

/// Ends a transfer, and tells both sides about it where they do not know.
pub(super) fn finish(registry: &mut Registry, name: &str, status: &'static str, now: DateTime<Utc>) {
    let Some(domain) = registry.domains.get_mut(name) else { return };
    let Some(transfer) = domain.transfer.as_mut() else { return };
    transfer.status = status;
    transfer.acted_at = now;
    let (gaining, losing, years) = (transfer.gaining.clone(), transfer.losing.clone(), transfer.years);
    if status.ends_with("Approved") {
        domain.sponsor.clone_from(&gaining);
        domain.secret = Secret::random();
        domain.transferred_at = Some(now);
        domain.expires_at = domain.expires_at + Months::new(12 * years.unsigned_abs());
    } else if let Some(account) = registry.accounts.get_mut(&gaining) {
        account.credit += fee::price(name, "transfer", years).unwrap_or_default();
    }
    let told: &[&String] = match status {
        "serverApproved" => &[&gaining, &losing],
        "clientCancelled" => &[&losing],
        _ => &[&gaining],
    };
    let message = registry.domains.get(name).map(data);
    for who in told {
        registry.tell(who, now, &format!("Transfer {status}."), message.clone());
    }
}

fn data(domain: &Domain) -> Element {
    let Some(transfer) = &domain.transfer else { return object("domain", DOMAIN, "trnData") };
    let pending = transfer.status == "pending";
    let expires =
        if pending { domain.expires_at + Months::new(12 * transfer.years.unsigned_abs()) } else { domain.expires_at };
    object("domain", DOMAIN, "trnData")
        .with(Element::leaf("domain:name", &domain.name))
        .with(Element::leaf("domain:trStatus", transfer.status))
        .with(Element::leaf("domain:reID", &transfer.gaining))
        .with(Element::leaf("domain:reDate", written(transfer.asked_at)))
        .with(Element::leaf("domain:acID", &transfer.losing))
        .with(Element::leaf("domain:acDate", written(transfer.acted_at)))
        .with(Element::leaf("domain:exDate", written(expires)))
}
