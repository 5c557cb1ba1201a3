//! Plesk's event manager: it runs a command per event and hands over what changed in environment variables, `OLD_...`
//! for the values before and `NEW_...` for those after.
//! <https://docs.plesk.com/en-US/obsidian/administrator-guide/server-administration/event-parameters-passed-by-event-handlers.67897>
//!
//! In Plesk's events a subscription is called `domain` (its main domain), which is why a subscription's name is our
//! reference. Two things to know:
//! - No event carries the service plan. Plesk is asked for it (see [`super::plan`]) when a subscription was created, and
//!   when its settings or limits were updated, for that is how a switch to another plan shows.
//! - A status is a sum of bits: 2 suspended with its customer, 4 being backed up, 8 web service off for a while, 16
//!   suspended by the administrator, 32 by the reseller, 64 by the customer, 256 expired.

use std::ffi::OsString;

use billet_domain::hook::{Change, Hook};
use serde_json::json;

use super::capture::{self, Captured, Stamp, Unclear, UnclearCode};
use crate::proto::hook::{EMAIL_CHARS_MAX, EXTERNAL_REF_CHARS_MAX, NAME_CHARS_MAX};

/// The events to register for, by the names that `plesk bin event_handler --list-events` shows.
pub const EVENTS: [&str; 6] = [
    "domain_create",
    "domain_update",
    "domain_delete",
    "domain_status_update",
    "domain_limits_update",
    "reseller_create",
];

/// Events of customers and resellers that billing learns nothing from: what they mean for a subscription comes as an
/// event of that subscription.
const NOT_BILLED: [&str; 8] = [
    "client_create",
    "client_update",
    "client_delete",
    "client_status_update",
    "reseller_update",
    "reseller_delete",
    "reseller_status_update",
    "domain_owner_change",
];

/// The variables that are looked at. `NEW_PASSWORD`, `NEW_SYSTEM_USER_PASSWORD` and their like are not among them.
const NEW_NAME: &[&str] = &["NEW_DOMAIN_NAME"];
const OLD_NAME: &[&str] = &["OLD_DOMAIN_NAME"];
const NEW_STATUS: &[&str] = &["NEW_STATUS", "NEW_DOMAIN_STATUS"];
const OLD_STATUS: &[&str] = &["OLD_STATUS", "OLD_DOMAIN_STATUS"];
const NEW_LOGIN: &[&str] = &["NEW_LOGIN_NAME"];
const NEW_EMAIL: &[&str] = &["NEW_EMAIL"];
/// Not Plesk's own: for a wrapper that knows the plan.
const NEW_PLAN: &[&str] = &["NEW_SERVICE_PLAN", "NEW_PLAN_NAME"];
const OLD_PLAN: &[&str] = &["OLD_SERVICE_PLAN", "OLD_PLAN_NAME"];

/// Reads an event from the environment that `variable` looks into.
pub fn capture(event: &str, variable: &dyn Fn(&str) -> Option<OsString>, stamp: &Stamp) -> Captured {
    let report = Report { event, variable, stamp };
    match report.happened() {
        Ok(captured) => captured,
        Err((code, reason)) => report.unclear(code, reason),
    }
}

/// The subscription whose plan has to be looked up before the hook says all it could.
pub fn lacks_plan(hook: &Hook) -> Option<&str> {
    match &hook.change {
        Change::AccountCreated { package, .. } | Change::PackageChanged { to_package: package, .. } => {
            package.is_empty().then_some(hook.external_ref.as_str())
        }
        _ => None,
    }
}

/// What a hook that lacked its plan comes to once Plesk was asked.
pub fn with_plan(mut hook: Hook, answer: Result<Option<String>, String>) -> Captured {
    match (&mut hook.change, answer) {
        (
            Change::AccountCreated { package: plan, .. } | Change::PackageChanged { to_package: plan, .. },
            Ok(Some(it)),
        ) => {
            *plan = it;
            Captured::Event(hook)
        }
        // Better a parked report, which a person completes, than none: the account is there.
        (Change::AccountCreated { .. }, _) => Captured::Event(hook),
        (_, Ok(_)) => Captured::Nothing(format!("{} has no service plan", hook.external_ref)),
        (_, Err(why)) => Captured::Unclear(Unclear {
            code: UnclearCode::PlanUnknown,
            reason: format!("{} was updated, but its service plan could not be read: {why}", hook.external_ref),
            facts: json!({ "panel": "plesk", "subscription": hook.external_ref, "source": hook.source }),
        }),
    }
}

/// A name that is no domain stays what it is, in small letters.
fn as_ascii(name: &str) -> String {
    let ascii = idna::domain_to_ascii(name).ok().filter(|ascii| ascii.len() <= EXTERNAL_REF_CHARS_MAX);
    ascii.unwrap_or_else(|| name.to_lowercase())
}

struct Report<'a> {
    event: &'a str,
    variable: &'a dyn Fn(&str) -> Option<OsString>,
    stamp: &'a Stamp,
}

impl Report<'_> {
    fn happened(&self) -> Result<Captured, (UnclearCode, String)> {
        match self.event {
            "domain_create" => {
                let subscription = self.subscription(&[NEW_NAME])?;
                let change = Change::AccountCreated {
                    package: self.name(NEW_PLAN, NAME_CHARS_MAX)?,
                    domain: subscription.clone(),
                    contact_email: self.optional(NEW_EMAIL, EMAIL_CHARS_MAX),
                    owner: self.optional(NEW_LOGIN, NAME_CHARS_MAX),
                };
                Ok(self.hook(subscription, change))
            }
            "domain_delete" => Ok(self.hook(self.subscription(&[OLD_NAME, NEW_NAME])?, Change::AccountTerminated)),
            "domain_update" | "domain_limits_update" => self.updated(),
            "domain_status_update" => self.status_updated(),
            "reseller_create" => {
                let login = self.required(&[NEW_LOGIN], "the reseller")?;
                let contact_email = self.optional(NEW_EMAIL, EMAIL_CHARS_MAX);
                let package = self.name(NEW_PLAN, NAME_CHARS_MAX)?;
                Ok(self.hook(login, Change::ResellerCreated { package, contact_email }))
            }
            other if NOT_BILLED.contains(&other) => {
                Ok(Captured::Nothing(format!("{other} does not concern billing: its subscriptions report themselves")))
            }
            _ => Err((UnclearCode::Unreadable, format!("--event takes one of {}", EVENTS.join(", ")))),
        }
    }

    fn updated(&self) -> Result<Captured, (UnclearCode, String)> {
        let subscription = self.subscription(&[NEW_NAME, OLD_NAME])?;
        let before = as_ascii(&self.name(OLD_NAME, EXTERNAL_REF_CHARS_MAX)?);
        if !before.is_empty() && before != subscription {
            let reason = format!(
                "{before} is called {subscription} now: SubscriptionService.RenameAccount gives its subscription the new name"
            );
            return Err((UnclearCode::Renamed, reason));
        }
        let from_package = self.optional(OLD_PLAN, NAME_CHARS_MAX);
        let to_package = self.name(NEW_PLAN, NAME_CHARS_MAX)?;
        Ok(self.hook(subscription, Change::PackageChanged { from_package, to_package }))
    }

    fn status_updated(&self) -> Result<Captured, (UnclearCode, String)> {
        let subscription = self.subscription(&[NEW_NAME, OLD_NAME])?;
        let given = self.pick(NEW_STATUS).unwrap_or_default();
        let Some(status) = Status::of(&given) else {
            let reason = format!("{subscription} has the unknown status `{}`", capture::text(&given, 32));
            return Err((UnclearCode::StatusUnknown, reason));
        };
        let before = self.pick(OLD_STATUS).and_then(|given| Status::of(&given));
        let change = match (before, status) {
            (Some(before), now) if before.is_suspended() == now.is_suspended() => None,
            (None, Status::Busy) => None,
            (_, Status::Suspended(why)) => Some(Change::AccountSuspended { reason: why.to_owned() }),
            (_, Status::Active | Status::Busy) => Some(Change::AccountUnsuspended),
        };
        Ok(match change {
            Some(change) => self.hook(subscription, change),
            None => Captured::Nothing(format!("{subscription} is neither suspended nor unsuspended by that")),
        })
    }

    fn hook(&self, external_ref: String, change: Change) -> Captured {
        Captured::Event(self.stamp.hook(external_ref, change, &format!("Plesk {}", self.event)))
    }

    /// The main domain in the form in which Billet has domains: small letters, international ones as `xn--`.
    fn subscription(&self, variables: &[&[&str]]) -> Result<String, (UnclearCode, String)> {
        self.required(variables, "the subscription").map(|name| as_ascii(&name))
    }

    fn required(&self, variables: &[&[&str]], what: &str) -> Result<String, (UnclearCode, String)> {
        for variables in variables {
            let found = self.name(variables, EXTERNAL_REF_CHARS_MAX)?;
            if !found.is_empty() {
                return Ok(found);
            }
        }
        Err((UnclearCode::Unnamed, format!("no variable names {what}")))
    }

    /// A variable's text; bytes that are not UTF-8 become U+FFFD, which no name may have.
    fn pick(&self, variables: &[&str]) -> Option<String> {
        let found = variables.iter().filter_map(|variable| (self.variable)(variable));
        found.map(|value| value.to_string_lossy().into_owned()).find(|value| !value.trim().is_empty())
    }

    fn name(&self, variables: &[&str], chars_max: usize) -> Result<String, (UnclearCode, String)> {
        let given = self.pick(variables).unwrap_or_default();
        capture::name(variables.first().unwrap_or(&""), &given, chars_max)
            .map_err(|reason| (UnclearCode::BadName, reason))
    }

    fn optional(&self, variables: &[&str], chars_max: usize) -> String {
        capture::optional_name(self.pick(variables).as_deref(), chars_max)
    }

    fn unclear(&self, code: UnclearCode, reason: String) -> Captured {
        let shown = |variables| self.pick(variables).map(|given| capture::shown(&given));
        let facts = json!({
            "panel": "plesk", "event": capture::text(self.event, 64),
            "NEW_DOMAIN_NAME": shown(NEW_NAME), "OLD_DOMAIN_NAME": shown(OLD_NAME), "NEW_LOGIN_NAME": shown(NEW_LOGIN),
            "NEW_STATUS": shown(NEW_STATUS), "OLD_STATUS": shown(OLD_STATUS),
        });
        Captured::Unclear(Unclear { code, reason, facts })
    }
}

/// A subscription's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Active,
    /// In use for a backup or the like: neither suspended nor unsuspended by that.
    Busy,
    /// With the reason.
    Suspended(&'static str),
}

impl Status {
    const SUSPENDED: [(u32, &'static str); 5] = [
        (16, "suspended by the administrator"),
        (32, "suspended by the reseller"),
        (64, "suspended by the customer"),
        (256, "expired"),
        (2, "suspended with its customer"),
    ];
    const BUSY: u32 = 4 | 8;

    fn of(given: &str) -> Option<Self> {
        let given = given.trim();
        if let Ok(bits) = given.parse::<u32>() {
            let suspended = Self::SUSPENDED.iter().find(|(bit, _)| bits & bit != 0);
            return match suspended {
                Some((_, why)) => Some(Self::Suspended(why)),
                None if bits == 0 => Some(Self::Active),
                None if bits & !Self::BUSY == 0 => Some(Self::Busy),
                None => None,
            };
        }
        match given.to_ascii_lowercase().as_str() {
            "active" | "enabled" => Some(Self::Active),
            "suspended" | "disabled" => Some(Self::Suspended("suspended")),
            "expired" => Some(Self::Suspended("expired")),
            _ => None,
        }
    }

    fn is_suspended(self) -> bool {
        matches!(self, Self::Suspended(_))
    }
}

#[cfg(test)]
mod tests;
