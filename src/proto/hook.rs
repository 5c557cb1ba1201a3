//! A reported hook: [`encode`] for those who report, [`decode`] for the daemon. Both hold to the same limits, so that
//! what one side lets out the other lets in.

mod field;

use chrono::{DateTime, Utc};
use prost_types::Timestamp;
use sha2::{Digest, Sha256};

use billet_domain::hook::{Change, Hook};
use billet_domain::id::InstanceId;

use super::billet::v1 as proto;
use super::billet::v1::hook_event::Change as ProtoChange;
pub use field::{FieldError, FieldProblem};
use field::{day, decimal, from_day, from_decimal, name, text, years};

/// The longest event id, in characters.
pub const EVENT_ID_CHARS_MAX: usize = 128;
/// The longest name of an account or a domain, in characters.
pub const EXTERNAL_REF_CHARS_MAX: usize = 253;
/// The longest package, owner, component or metric, in characters.
pub const NAME_CHARS_MAX: usize = 255;
/// The longest address, in characters (RFC 5321: 64 before the sign, 255 behind it).
pub const EMAIL_CHARS_MAX: usize = 320;
/// The longest reason, in characters.
pub const REASON_CHARS_MAX: usize = 1000;
/// The longest source, in characters.
pub const SOURCE_CHARS_MAX: usize = 255;
/// The longest word for what could not be understood, in characters.
pub const CODE_CHARS_MAX: usize = 64;
/// The longest JSON of what is known of a report that could not be understood, in characters.
pub const FACTS_CHARS_MAX: usize = 2000;
/// The last second of the year 9999, after which a Timestamp is none.
const SECONDS_MAX: i64 = 253_402_300_799;

/// A hook as a caller reported it, with what the caller said about where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The instance, if the caller named one; else the one its token is bound to.
    pub instance_id: Option<InstanceId>,
    /// The hook. Its `event_id` is empty when the caller gave none: see [`content_event_id`].
    pub hook: Hook,
    /// Whether the caller said when it happened. Else `happened_at` is the daemon's now, which is no part of the content:
    /// the same report a moment later is the same.
    pub is_dated: bool,
}

/// The message for a hook. `instance_id` stays empty when the caller's token says which instance it is.
pub fn encode(hook: &Hook, instance_id: Option<InstanceId>) -> proto::HookEvent {
    proto::HookEvent {
        instance_id: instance_id.map(|id| id.to_string()).unwrap_or_default(),
        event_id: hook.event_id.clone(),
        external_ref: hook.external_ref.clone(),
        happened_at: Some(Timestamp {
            seconds: hook.happened_at.timestamp(),
            // A leap second is the second before it, prolonged: the protocol's clock has none.
            nanos: hook.happened_at.timestamp_subsec_nanos().min(999_999_999).cast_signed(),
        }),
        source: hook.source.clone(),
        change: Some(encode_change(&hook.change)),
    }
}

fn encode_change(change: &Change) -> ProtoChange {
    match change.clone() {
        Change::AccountCreated { package, domain, contact_email, owner } => {
            ProtoChange::AccountCreated(proto::AccountCreated { package, domain, contact_email, owner })
        }
        Change::AccountSuspended { reason } => ProtoChange::AccountSuspended(proto::AccountSuspended { reason }),
        Change::AccountUnsuspended => ProtoChange::AccountUnsuspended(proto::AccountUnsuspended {}),
        Change::AccountTerminated => ProtoChange::AccountTerminated(proto::AccountTerminated {}),
        Change::PackageChanged { from_package, to_package } => {
            ProtoChange::PackageChanged(proto::PackageChanged { from_package, to_package })
        }
        Change::QuantityChanged { component, quantity } => {
            ProtoChange::QuantityChanged(proto::QuantityChanged { component, quantity: Some(from_decimal(quantity)) })
        }
        Change::UsageReported { metric, quantity, from, to } => ProtoChange::UsageReported(proto::UsageReported {
            metric,
            quantity: Some(from_decimal(quantity)),
            from: Some(from_day(from)),
            to: Some(from_day(to)),
        }),
        Change::ResellerCreated { package, contact_email } => {
            ProtoChange::ResellerCreated(proto::ResellerCreated { package, contact_email })
        }
        Change::DomainRegistered { years, contact_email } => {
            ProtoChange::DomainRegistered(proto::DomainRegistered { years, contact_email })
        }
        Change::DomainRenewed { years, expires_on } => {
            ProtoChange::DomainRenewed(proto::DomainRenewed { years, expires_on: expires_on.map(from_day) })
        }
        Change::DomainTransferredIn { years, contact_email } => {
            ProtoChange::DomainTransferredIn(proto::DomainTransferredIn { years, contact_email })
        }
        Change::DomainTransferredOut => ProtoChange::DomainTransferredOut(proto::DomainTransferredOut {}),
        Change::DomainExpired => ProtoChange::DomainExpired(proto::DomainExpired {}),
        Change::Unclear { code, reason, facts } => {
            ProtoChange::UnclearReport(proto::UnclearReport { code, reason, facts_json: facts })
        }
    }
}

/// The hook of a message. `now` stands in when the message does not say when it happened; it may leave that out only
/// with an event id, because two equal reports without an instant (the same usage of two hours) could not be told apart.
///
/// # Errors
/// The first field that breaks its rule, with its path within the event (`account_created.package`).
pub fn decode(event: proto::HookEvent, now: DateTime<Utc>) -> Result<Report, FieldError> {
    let instance_id = match event.instance_id.as_str() {
        "" => None,
        given => Some(given.parse().map_err(|_| FieldError::new("instance_id", FieldProblem::NotAnInstance))?),
    };
    let is_dated = event.happened_at.is_some();
    if !is_dated && event.event_id.is_empty() {
        return Err(FieldError::new("happened_at", FieldProblem::MissingWithoutEventId));
    }
    let hook = Hook {
        event_id: name("event_id", event.event_id, EVENT_ID_CHARS_MAX)?,
        happened_at: happened_at(event.happened_at, now)?,
        external_ref: required("external_ref", event.external_ref, EXTERNAL_REF_CHARS_MAX)?,
        change: decode_change(event.change.ok_or(FieldError::new("change", FieldProblem::Missing))?)?,
        source: text("source", event.source, SOURCE_CHARS_MAX)?,
    };
    Ok(Report { instance_id, hook, is_dated })
}

fn decode_change(change: ProtoChange) -> Result<Change, FieldError> {
    Ok(match change {
        // A panel may not know the package (Plesk's custom subscriptions have none): the inbox asks a person then.
        ProtoChange::AccountCreated(it) => Change::AccountCreated {
            package: name("account_created.package", it.package, NAME_CHARS_MAX)?,
            domain: name("account_created.domain", it.domain, EXTERNAL_REF_CHARS_MAX)?,
            contact_email: name("account_created.contact_email", it.contact_email, EMAIL_CHARS_MAX)?,
            owner: name("account_created.owner", it.owner, NAME_CHARS_MAX)?,
        },
        ProtoChange::AccountSuspended(it) => {
            Change::AccountSuspended { reason: text("account_suspended.reason", it.reason, REASON_CHARS_MAX)? }
        }
        ProtoChange::AccountUnsuspended(_) => Change::AccountUnsuspended,
        ProtoChange::AccountTerminated(_) => Change::AccountTerminated,
        ProtoChange::PackageChanged(it) => Change::PackageChanged {
            from_package: name("package_changed.from_package", it.from_package, NAME_CHARS_MAX)?,
            to_package: required("package_changed.to_package", it.to_package, NAME_CHARS_MAX)?,
        },
        ProtoChange::QuantityChanged(it) => Change::QuantityChanged {
            component: required("quantity_changed.component", it.component, NAME_CHARS_MAX)?,
            quantity: decimal("quantity_changed.quantity", it.quantity)?,
        },
        ProtoChange::UsageReported(it) => {
            let (from, to) = (day("usage_reported.from", it.from)?, day("usage_reported.to", it.to)?);
            if to <= from {
                return Err(FieldError::new("usage_reported.to", FieldProblem::NotAfterFrom));
            }
            let quantity = decimal("usage_reported.quantity", it.quantity)?;
            Change::UsageReported {
                metric: required("usage_reported.metric", it.metric, NAME_CHARS_MAX)?,
                quantity,
                from,
                to,
            }
        }
        ProtoChange::ResellerCreated(it) => Change::ResellerCreated {
            package: name("reseller_created.package", it.package, NAME_CHARS_MAX)?,
            contact_email: name("reseller_created.contact_email", it.contact_email, EMAIL_CHARS_MAX)?,
        },
        ProtoChange::DomainRegistered(it) => Change::DomainRegistered {
            years: years("domain_registered.years", it.years, 1)?,
            contact_email: name("domain_registered.contact_email", it.contact_email, EMAIL_CHARS_MAX)?,
        },
        ProtoChange::DomainRenewed(it) => Change::DomainRenewed {
            years: years("domain_renewed.years", it.years, 1)?,
            expires_on: it.expires_on.map(|date| day("domain_renewed.expires_on", Some(date))).transpose()?,
        },
        ProtoChange::DomainTransferredIn(it) => Change::DomainTransferredIn {
            years: years("domain_transferred_in.years", it.years, 0)?,
            contact_email: name("domain_transferred_in.contact_email", it.contact_email, EMAIL_CHARS_MAX)?,
        },
        ProtoChange::DomainTransferredOut(_) => Change::DomainTransferredOut,
        ProtoChange::DomainExpired(_) => Change::DomainExpired,
        ProtoChange::UnclearReport(it) => Change::Unclear {
            code: required("unclear_report.code", it.code, CODE_CHARS_MAX)?,
            reason: text("unclear_report.reason", it.reason, REASON_CHARS_MAX)?,
            facts: text("unclear_report.facts_json", it.facts_json, FACTS_CHARS_MAX)?,
        },
    })
}

fn required(field: &'static str, given: String, chars_max: usize) -> Result<String, FieldError> {
    if given.trim().is_empty() {
        return Err(FieldError::new(field, FieldProblem::Missing));
    }
    name(field, given, chars_max)
}

fn happened_at(given: Option<Timestamp>, now: DateTime<Utc>) -> Result<DateTime<Utc>, FieldError> {
    const FIELD: &str = "happened_at";
    let Some(given) = given else { return Ok(now) };
    let nanos = u32::try_from(given.nanos).ok().filter(|nanos| *nanos < 1_000_000_000 && given.seconds <= SECONDS_MAX);
    let instant = nanos
        .and_then(|nanos| DateTime::from_timestamp(given.seconds, nanos))
        .ok_or(FieldError::new(FIELD, FieldProblem::NotAnInstant))?;
    if given.seconds < 0 {
        return Err(FieldError::new(FIELD, FieldProblem::BeforeClocks));
    }
    Ok(instant)
}

/// The event id that stands in for an absent one: a SHA-256 over the instance, the reference, the instant and the
/// change. The source is left out: the same event seen from two places is one event.
pub fn content_event_id(instance_id: InstanceId, hook: &Hook) -> String {
    let content = serde_json::json!([instance_id, hook.external_ref, hook.happened_at, hook.change]);
    let digest = Sha256::digest(content.to_string());
    let mut id = String::with_capacity(7 + 2 * digest.len());
    id.push_str("sha256:");
    for byte in digest {
        id.extend([byte >> 4, byte & 15].into_iter().filter_map(|nibble| char::from_digit(nibble.into(), 16)));
    }
    id
}

#[cfg(test)]
mod tests;
