//! One step at a registrar.

use billet_domain::document::Party;
use billet_domain::id::{SellerId, SubscriptionId};
use billet_domain::provision::{Domain, DomainSeen, DomainWanted, Ended, Standing, Step, TransferState, renewal_years};
use billet_plugin::google::r#type::Date;
use billet_plugin::v1::{
    self, Contact, ContactRole, DecideTransferRequest, DomainContact, DomainState, GetDomainRequest, NameServers,
    ProblemKind, RegisterDomainRequest, RenewDomainRequest, RestoreDomainRequest, TransferDecision,
    TransferDomainRequest, UpdateDomainRequest,
};
use billet_plugin::{Answer, Done, Failure};
use chrono::{DateTime, Datelike as _, NaiveDate};

use super::super::super::Billing;
use super::{CHANGE_TIME_MAX, LOOK_TIME_MAX, Task, operation, reach, with};

/// Why a domain is restored, for the registry's report (RFC 3915, section 4.2.5).
const RESTORE_REASON: &str = "The registrant asked for it after the renewal was missed.";
/// Every role is the customer's: a hoster's customers hold, administer and pay their domains themselves.
const ROLES: [ContactRole; 4] = [ContactRole::Registrant, ContactRole::Admin, ContactRole::Tech, ContactRole::Billing];

/// What is asked of a registrar.
#[derive(Debug, Clone, PartialEq)]
pub struct DomainOrder {
    /// For how many years it is registered.
    pub years: u32,
    /// How many a transfer adds.
    pub transfer_years: u32,
    /// For how many years it is renewed.
    pub renewal_years: u32,
    /// When it expires, as far as known.
    pub expires_on: Option<NaiveDate>,
    /// The wanted name servers, if some are.
    pub name_servers: Vec<String>,
    /// The wanted lock.
    pub locked: bool,
    /// Who it is for.
    pub contact: Option<Contact>,
}

impl DomainOrder {
    /// What may be asked for a domain.
    #[must_use]
    pub fn new(wanted: &DomainWanted, known: &Domain, party: Option<&Party>) -> Self {
        Self {
            years: wanted.years,
            transfer_years: wanted.transfer_years,
            renewal_years: renewal_years(wanted, known),
            expires_on: known.expires_on,
            name_servers: wanted.name_servers.clone().unwrap_or_default(),
            locked: wanted.locked.unwrap_or_default(),
            contact: party.map(contact),
        }
    }

    fn contacts(&self) -> Vec<DomainContact> {
        let of = |contact: &Contact| {
            ROLES.map(|role| DomainContact { role: role.into(), handle: String::new(), contact: Some(contact.clone()) })
        };
        self.contact.iter().flat_map(of).collect()
    }
}

/// What the code for a transfer is sealed for.
#[must_use]
pub fn auth_code_of(seller_id: SellerId, subscription_id: SubscriptionId) -> String {
    format!("{seller_id} {subscription_id} auth code")
}

pub(super) async fn call(billing: &Billing, task: &Task, order: &DomainOrder) -> Answer<Ended> {
    let running = reach(billing, task).await?;
    let operation = operation(task);
    let name = task.name.clone();
    match task.step {
        Step::Look => {
            let done = running.call(GetDomainRequest { name }, LOOK_TIME_MAX).await?;
            Ok(told(with(done, |answer: v1::GetDomainResponse| answer.domain.map(|one| seen(&one)))))
        }
        Step::Register => {
            let request = RegisterDomainRequest {
                operation,
                name,
                years: order.years,
                contacts: order.contacts(),
                name_servers: order.name_servers.clone(),
                ..RegisterDomainRequest::default()
            };
            let done = running.call(request, CHANGE_TIME_MAX).await?;
            Ok(told(with(done, |answer: v1::RegisterDomainResponse| answer.domain.map(|one| seen(&one)))))
        }
        Step::Transfer => {
            let auth_code =
                billing.keys.open(&auth_code_of(task.seller_id, task.subscription_id), &task.credentials).map_err(
                    |error| Failure::later(ProblemKind::Unavailable, "SECRET_UNREADABLE", error.to_string()),
                )?;
            let request = TransferDomainRequest {
                operation,
                name,
                auth_code,
                years: order.transfer_years,
                contacts: order.contacts(),
                name_servers: order.name_servers.clone(),
                price_max: None,
            };
            let done = running.call(request, CHANGE_TIME_MAX).await?;
            Ok(told(with(done, |answer: v1::TransferDomainResponse| {
                let transfer = answer.transfer.and_then(|one| transfer(one.state()));
                Some(DomainSeen { transfer, ..DomainSeen::default() })
            })))
        }
        Step::WithdrawTransfer => {
            let request = DecideTransferRequest { operation, name, decision: TransferDecision::Cancel.into() };
            let done = running.call(request, CHANGE_TIME_MAX).await?;
            Ok(told(with(done, |_| None)))
        }
        Step::Renew => {
            let request = RenewDomainRequest {
                operation,
                name,
                years: order.renewal_years,
                expires_on: order.expires_on.map(date),
                price_max: None,
            };
            let done = running.call(request, CHANGE_TIME_MAX).await?;
            Ok(told(with(done, |answer: v1::RenewDomainResponse| {
                let expires_on = answer.expires_at.as_ref().and_then(day);
                Some(DomainSeen { expires_on, ..DomainSeen::default() })
            })))
        }
        Step::Restore => {
            let reason = RESTORE_REASON.to_owned();
            let request = RestoreDomainRequest { operation, name, reason, price_max: None };
            let done = running.call(request, CHANGE_TIME_MAX).await?;
            Ok(told(with(done, |answer: v1::RestoreDomainResponse| answer.domain.map(|one| seen(&one)))))
        }
        Step::SetNameServers => {
            let name_servers = Some(NameServers { names: order.name_servers.clone() });
            update(&running, UpdateDomainRequest { operation, name, name_servers, ..Default::default() }).await
        }
        Step::SetLock => {
            let transfer_locked = Some(order.locked);
            update(&running, UpdateDomainRequest { operation, name, transfer_locked, ..Default::default() }).await
        }
        step => {
            let words = format!("{} is no step of domains", step.as_str());
            Err(Failure::refused(ProblemKind::Unsupported, "", words))
        }
    }
}

async fn update(running: &crate::plugins::Running, request: UpdateDomainRequest) -> Answer<Ended> {
    let done = running.call(request, CHANGE_TIME_MAX).await?;
    Ok(told(with(done, |answer: v1::UpdateDomainResponse| answer.domain.map(|one| seen(&one)))))
}

/// What an answer says to the rules.
fn told(done: Done<Option<DomainSeen>>) -> Done<Ended> {
    let already = done.already;
    with(done, |seen| match seen {
        Some(seen) => Ended::Told { already, domain: Box::new(seen) },
        None => Ended::Done { already, seen: None },
    })
}

/// A domain as the rules see it. Days are the registry's, in UTC, as EPP compares them (RFC 5731, section 3.2.3).
#[must_use]
pub fn seen(domain: &v1::Domain) -> DomainSeen {
    let standing = match domain.state() {
        DomainState::Unspecified => None,
        DomainState::PendingCreate => Some(Standing::PendingCreate),
        DomainState::Active => Some(Standing::Active),
        DomainState::PendingTransfer => Some(Standing::PendingTransfer),
        DomainState::Expired => Some(Standing::Expired),
        DomainState::Redemption => Some(Standing::Redemption),
        DomainState::PendingRestore => Some(Standing::PendingRestore),
        DomainState::PendingDelete => Some(Standing::PendingDelete),
        DomainState::TransferredAway => Some(Standing::Elsewhere),
    };
    DomainSeen {
        standing,
        expires_on: domain.expires_at.as_ref().and_then(day),
        created_at_us: domain
            .created_at
            .as_ref()
            .map(|at| at.seconds.saturating_mul(1_000_000).saturating_add(i64::from(at.nanos) / 1_000)),
        transfer: None,
        name_servers: Some(domain.name_servers.clone()),
        locked: Some(domain.transfer_locked),
        registrar_id: domain.registrar_id.clone(),
    }
}

fn transfer(state: v1::TransferState) -> Option<TransferState> {
    match state {
        v1::TransferState::Unspecified => None,
        v1::TransferState::Pending => Some(TransferState::Pending),
        v1::TransferState::Approved => Some(TransferState::Approved),
        v1::TransferState::Rejected => Some(TransferState::Rejected),
        v1::TransferState::Cancelled => Some(TransferState::Cancelled),
    }
}

fn day(at: &prost_types::Timestamp) -> Option<NaiveDate> {
    DateTime::from_timestamp(at.seconds, 0).map(|at| at.date_naive())
}

fn date(day: NaiveDate) -> Date {
    Date { year: day.year(), month: day.month().cast_signed(), day: day.day().cast_signed() }
}

/// A customer as registries keep people.
fn contact(party: &Party) -> Contact {
    let street = [&party.address_line, &party.address_line_2];
    Contact {
        name: party.name.clone(),
        street: street.into_iter().filter(|line| !line.is_empty()).cloned().collect(),
        city: party.city.clone(),
        post_code: party.post_code.clone(),
        country_code: party.country.clone(),
        phone: phone(&party.phone),
        email: party.email.clone(),
        ..Contact::default()
    }
}

/// A number as RFC 5733 writes it: `+48.221234567`. Empty for one that is not international.
fn phone(given: &str) -> String {
    let Some(rest) = given.trim().strip_prefix('+') else { return String::new() };
    // `+44 (0)20 ...`: the zero is not dialled from abroad.
    let digits: String = rest.replace("(0)", "").chars().filter(char::is_ascii_digit).collect();
    let code = digits.get(..calling_code_length(&digits)).unwrap_or_default();
    match digits.strip_prefix(code) {
        Some(number) if !code.is_empty() && number.len() >= 3 && digits.len() <= 15 => format!("+{code}.{number}"),
        _ => String::new(),
    }
}

/// How many digits the country code at the beginning has (ITU-T E.164, annex to the list of assigned codes): no code is the
/// beginning of another.
fn calling_code_length(digits: &str) -> usize {
    const OF_TWO: &str = "20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 \
         92 93 94 95 98";
    match digits.get(..2) {
        Some(first) if first.starts_with(['1', '7']) => 1,
        Some(first) if OF_TWO.split_whitespace().any(|code| code == first) => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_registries_want_them() {
        for (given, written) in [
            ("+49 30 1234567", "+49.301234567"),
            ("+44 (0)20 7946 0000", "+44.2079460000"),
            ("+1 (212) 555-0100", "+1.2125550100"),
            ("+351 21 000 0000", "+351.210000000"),
            ("+48.221234567", "+48.221234567"),
            ("030 1234567", ""),
            ("+49", ""),
            ("", ""),
        ] {
            assert_eq!(phone(given), written, "{given}");
        }
    }

    #[test]
    fn a_domain_is_read_with_the_registrys_day() {
        let at = |text: &str| {
            let at: DateTime<chrono::Utc> = text.parse().expect("an instant");
            Some(prost_types::Timestamp { seconds: at.timestamp(), nanos: 0 })
        };
        let domain = v1::Domain {
            state: DomainState::Redemption.into(),
            expires_at: at("2028-03-01T23:30:00Z"),
            created_at: at("2027-03-01T23:30:00Z"),
            transfer_locked: true,
            ..v1::Domain::default()
        };
        let seen = seen(&domain);
        assert_eq!(seen.expires_on, NaiveDate::from_ymd_opt(2028, 3, 1));
        assert_eq!((seen.standing, seen.locked), (Some(Standing::Redemption), Some(true)));
    }
}
