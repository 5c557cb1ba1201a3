//! cPanel's standardized hooks, as a script gets them: one JSON object on standard input with the parts `context`
//! (category, event, stage), `data` (what it is about) and `hook` (the registration).
//! <https://api.docs.cpanel.net/guides/guide-to-standardized-hooks>
//!
//! Which stage counts: `post`, for every event. A `pre` hook runs before the action, which another hook or an error
//! may still stop, so that a `pre` report never says that something happened. That holds for `Accounts::Remove` as
//! well: its `post` report still names the user, and a termination needs no more. (Its `pre` report, which other
//! software registers because the account's files are still there, is acknowledged and left at that. Should cPanel ever
//! send a `post` report without the user, it is kept for a person to look at.)
//!
//! A `post` report whose `data.result` is false tells of an action that failed: nothing happened.

use billet_domain::hook::{Change, Hook};
use serde_json::{Value, json};

use super::capture::{self, Captured, Stamp, Unclear, UnclearCode};
use crate::proto::hook::{EMAIL_CHARS_MAX, EXTERNAL_REF_CHARS_MAX, NAME_CHARS_MAX};

/// The category of the events that concern billing.
pub const CATEGORY: &str = "Whostmgr";

/// The events to register for, all in the stage `post`.
pub const EVENTS: [&str; 6] = [
    "Accounts::Create",
    "Accounts::Modify",
    "Accounts::Remove",
    "Accounts::change_package",
    "Accounts::suspendacct",
    "Accounts::unsuspendacct",
];

/// The longest standard input that is read, in bytes. (A createacct report is a few KiB.)
pub const INPUT_BYTES_MAX: usize = 8 << 20;

/// Reads what cPanel wrote to standard input.
pub fn capture(input: &[u8], stamp: &Stamp) -> Captured {
    // Bytes that are not UTF-8 become U+FFFD, which reasons may have and names may not.
    let payload: Value = match serde_json::from_str(&String::from_utf8_lossy(input)) {
        Ok(payload @ Value::Object(_)) => payload,
        Ok(_) => return unreadable(input, "the input is not a JSON object"),
        Err(error) => {
            // Not the error's own words: they may quote the input, and the input may hold a password.
            let place = format!("line {}, column {}", error.line(), error.column());
            return unreadable(input, &format!("the input is not JSON: it breaks off or errs at {place}"));
        }
    };
    Report::of(&payload).captured(stamp)
}

fn unreadable(input: &[u8], reason: &str) -> Captured {
    let facts = json!({ "panel": "cpanel", "input_bytes": input.len() });
    Captured::Unclear(Unclear { code: UnclearCode::Unreadable, reason: reason.to_owned(), facts })
}

/// The parts of a payload that are looked at.
struct Report<'a> {
    category: String,
    event: String,
    stage: String,
    data: &'a Value,
}

impl<'a> Report<'a> {
    fn of(payload: &'a Value) -> Self {
        let part = |pointers: &[&str]| {
            let found = pointers.iter().find_map(|pointer| payload.pointer(pointer).and_then(Value::as_str));
            capture::text(found.unwrap_or_default(), 64)
        };
        Self {
            category: part(&["/context/category"]),
            event: part(&["/context/event"]),
            stage: part(&["/context/stage", "/hook/stage"]),
            data: payload.get("data").unwrap_or(&Value::Null),
        }
    }

    fn captured(&self, stamp: &Stamp) -> Captured {
        let Self { category, event, stage, .. } = self;
        if category != CATEGORY || !EVENTS.contains(&event.as_str()) {
            return Captured::Nothing(format!("{category} {event} does not concern billing"));
        }
        match stage.as_str() {
            "pre" => return Captured::Nothing(format!("{event} is only about to happen")),
            "post" => {}
            _ => {
                return self.unclear(UnclearCode::StageUnknown, "the report has neither the stage pre nor post".into());
            }
        }
        if self.data.get("result").is_some_and(is_false) {
            return Captured::Nothing(format!("{event} failed at the panel"));
        }
        self.happened(stamp).unwrap_or_else(|(code, reason)| self.unclear(code, reason))
    }

    fn happened(&self, stamp: &Stamp) -> Result<Captured, (UnclearCode, String)> {
        // createacct and removeacct call it `username`, all other calls and the hooks' own documentation `user`.
        let user = self.name("user", EXTERNAL_REF_CHARS_MAX)?;
        let user = if user.is_empty() { self.name("username", EXTERNAL_REF_CHARS_MAX)? } else { user };
        if user.is_empty() {
            return Err((UnclearCode::Unnamed, "the report names no user".into()));
        }
        let change = match self.event.as_str() {
            "Accounts::Create" => Change::AccountCreated {
                package: self.name("plan", NAME_CHARS_MAX)?,
                domain: self.optional("domain", EXTERNAL_REF_CHARS_MAX),
                contact_email: self.optional("contactemail", EMAIL_CHARS_MAX),
                owner: self.optional("owner", NAME_CHARS_MAX),
            },
            "Accounts::Remove" => Change::AccountTerminated,
            // It also comes when a package is edited and applied again, with the same name twice. That is reported too:
            // the daemon does nothing if it knows the package already, and learns of it if it missed the change.
            "Accounts::change_package" => match self.name("new_pkg", NAME_CHARS_MAX)? {
                missing if missing.is_empty() => {
                    return Err((UnclearCode::PlanUnknown, "the report does not name the new package".into()));
                }
                to_package => {
                    Change::PackageChanged { from_package: self.optional("cur_pkg", NAME_CHARS_MAX), to_package }
                }
            },
            "Accounts::suspendacct" => {
                Change::AccountSuspended { reason: capture::reason(self.pick("reason").as_deref()) }
            }
            "Accounts::unsuspendacct" => Change::AccountUnsuspended,
            _ => return self.modified(&user),
        };
        let source = format!("cPanel {CATEGORY} {} {}", self.event, self.stage);
        let hook: Hook = stamp.hook(user, change, &source);
        Ok(Captured::Event(hook))
    }

    /// `Accounts::Modify` changes domain, owner, limits or theme, none of which is billed by itself; and the name, which
    /// a person has to change at the subscription too, for later reports come under the new one.
    fn modified(&self, user: &str) -> Result<Captured, (UnclearCode, String)> {
        let new_user = self.name("newuser", EXTERNAL_REF_CHARS_MAX)?;
        if new_user.is_empty() || new_user == user {
            return Ok(Captured::Nothing(format!("the changes to {user} do not concern billing")));
        }
        Err((
            UnclearCode::Renamed,
            format!(
                "{user} is called {new_user} now: SubscriptionService.RenameAccount gives its subscription the new name"
            ),
        ))
    }

    /// A field, from `data` or from `data.args`, where cPanel puts those of suspendacct and unsuspendacct.
    fn pick(&self, field: &str) -> Option<String> {
        [self.data.get(field), self.data.get("args").and_then(|args| args.get(field))].into_iter().flatten().find_map(
            |value| match value {
                Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
                // Perl writes a name of digits as a number if it has been counted with.
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            },
        )
    }

    fn name(&self, field: &str, chars_max: usize) -> Result<String, (UnclearCode, String)> {
        let given = self.pick(field).unwrap_or_default();
        capture::name(&format!("`{field}`"), &given, chars_max).map_err(|reason| (UnclearCode::BadName, reason))
    }

    fn optional(&self, field: &str, chars_max: usize) -> String {
        capture::optional_name(self.pick(field).as_deref(), chars_max)
    }

    fn unclear(&self, code: UnclearCode, reason: String) -> Captured {
        let shown = |field| self.pick(field).map(|given| capture::shown(&given));
        let fields: Vec<String> = match self.data {
            Value::Object(data) => data.keys().take(64).map(|key| capture::text(key, 64)).collect(),
            _ => Vec::new(),
        };
        let facts = json!({
            "panel": "cpanel", "category": self.category, "event": self.event, "stage": self.stage,
            "user": shown("user").or_else(|| shown("username")), "newuser": shown("newuser"),
            "cur_pkg": shown("cur_pkg"), "new_pkg": shown("new_pkg"), "plan": shown("plan"), "domain": shown("domain"),
            "fields": fields,
        });
        Captured::Unclear(Unclear { code, reason, facts })
    }
}

/// What Perl takes for false. Some calls answer a list of result and message.
fn is_false(value: &Value) -> bool {
    match value {
        Value::Bool(truth) => !truth,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => matches!(text.as_str(), "" | "0"),
        Value::Array(list) => list.first().is_some_and(is_false),
        Value::Null | Value::Object(_) => false,
    }
}

#[cfg(test)]
mod tests;
