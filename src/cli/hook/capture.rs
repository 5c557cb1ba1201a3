//! What a panel's report comes to, before anything is written or sent.
//!
//! Payloads carry passwords. So nothing is copied and then redacted: a [`Hook`] is built from the few fields that are
//! picked by name, and the rest of the payload is dropped unread.

use std::time::SystemTime;

use billet_domain::hook::{Change, Hook};
use chrono::{DateTime, SubsecRound, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::proto::hook::{EXTERNAL_REF_CHARS_MAX, FACTS_CHARS_MAX, REASON_CHARS_MAX, SOURCE_CHARS_MAX};

/// What a report comes to.
#[derive(Debug, Clone, PartialEq)]
pub enum Captured {
    /// Something happened that concerns billing.
    Event(Hook),
    /// Nothing happened that concerns billing; says why.
    Nothing(String),
    /// Something may have happened, but it takes a person to tell.
    Unclear(Unclear),
}

/// A report that cannot be understood. It becomes an event like any other ([`Stamp::unclear`]), which the daemon keeps for a person.
#[derive(Debug, Clone, PartialEq)]
pub struct Unclear {
    /// Why, in one word for programs.
    pub code: UnclearCode,
    /// Why, in words, without any content that is not known to be harmless.
    pub reason: String,
    /// What is known to be harmless of the payload.
    pub facts: Value,
}

/// Why a report cannot be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnclearCode {
    /// The input is no JSON object of the expected shape.
    Unreadable,
    /// The input is larger than any panel's.
    TooLarge,
    /// The input did not end in time.
    Unfinished,
    /// It does not say whether it happened or is about to.
    StageUnknown,
    /// It names no account.
    Unnamed,
    /// A name is not UTF-8, too long or has control characters.
    BadName,
    /// An account has another name now, and later reports will come under that one.
    Renamed,
    /// A status that is neither active nor suspended.
    StatusUnknown,
    /// The panel did not say which plan the subscription has.
    PlanUnknown,
}

impl UnclearCode {
    /// As it is written down.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "UNREADABLE",
            Self::TooLarge => "TOO_LARGE",
            Self::Unfinished => "UNFINISHED",
            Self::StageUnknown => "STAGE_UNKNOWN",
            Self::Unnamed => "UNNAMED",
            Self::BadName => "BAD_NAME",
            Self::Renamed => "RENAMED",
            Self::StatusUnknown => "STATUS_UNKNOWN",
            Self::PlanUnknown => "PLAN_UNKNOWN",
        }
    }

    /// Whether what came in was no report at all.
    pub fn is_bad_input(self) -> bool {
        matches!(self, Self::Unreadable | Self::TooLarge | Self::Unfinished)
    }
}

/// The identity and the time of an event, given when the panel calls and never changed again.
#[derive(Debug, Clone)]
pub struct Stamp {
    /// A UUIDv7, so that names sort by the time of capture.
    pub event_id: Uuid,
    /// When it happened, to the microsecond, as the daemon stores it.
    pub happened_at: DateTime<Utc>,
}

impl Stamp {
    /// Stamps an event that happened `at`, or just now.
    pub fn new(at: Option<DateTime<Utc>>) -> Self {
        let at = at.unwrap_or_else(|| SystemTime::now().into());
        Self { event_id: Uuid::now_v7(), happened_at: at.trunc_subsecs(6) }
    }

    /// What the daemon is told of a report that cannot be understood. Each stands under a name of its own, which no account
    /// has, so that none waits for another.
    pub fn unclear(&self, unclear: &Unclear, source: &str) -> Hook {
        let facts = facts(&unclear.facts);
        let change =
            Change::Unclear { code: unclear.code.as_str().to_owned(), reason: reason(Some(&unclear.reason)), facts };
        self.hook(format!("?{}", self.event_id), change, source)
    }

    /// The hook of a change.
    pub fn hook(&self, external_ref: String, change: Change, source: &str) -> Hook {
        Hook {
            event_id: self.event_id.to_string(),
            happened_at: self.happened_at,
            external_ref,
            change,
            source: text(source, SOURCE_CHARS_MAX),
        }
    }
}

/// A name that must be exact, such as an account's or a package's. Blank is as good as absent.
///
/// # Errors
/// The reason why it is none: bytes that are not UTF-8 (they arrive as U+FFFD), control characters, too long.
pub fn name(what: &str, given: &str, chars_max: usize) -> Result<String, String> {
    let given = given.trim();
    if given.contains('\u{FFFD}') {
        return Err(format!("{what} is not UTF-8"));
    }
    if given.chars().any(char::is_control) {
        return Err(format!("{what} has control characters"));
    }
    match given.chars().count() {
        chars if chars > chars_max => Err(format!("{what} has {chars} characters, and may have {chars_max}")),
        _ => Ok(given.to_owned()),
    }
}

/// A name that is good to have (a contact's address); empty when it is none.
pub fn optional_name(given: Option<&str>, chars_max: usize) -> String {
    given.and_then(|given| name("", given, chars_max).ok()).unwrap_or_default()
}

/// Text for people: made printable and cut to length.
pub fn text(given: &str, chars_max: usize) -> String {
    given.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(chars_max).collect()
}

/// A suspension's reason as the daemon takes it.
pub fn reason(given: Option<&str>) -> String {
    text(given.unwrap_or_default(), REASON_CHARS_MAX)
}

/// Facts as JSON that the daemon takes. Where they are too long the longest are left out, and named.
fn facts(given: &Value) -> String {
    let whole = given.to_string();
    if whole.chars().count() <= FACTS_CHARS_MAX {
        return whole;
    }
    let mut kept = given.as_object().cloned().unwrap_or_default();
    let mut longest: Vec<(usize, String)> =
        kept.iter().map(|(name, value)| (value.to_string().len(), name.clone())).collect();
    longest.sort_unstable();
    let mut left_out = Vec::new();
    while let Some((_, name)) = longest.pop() {
        kept.remove(&name);
        left_out.push(text(&name, EXTERNAL_REF_CHARS_MAX));
        let mut shown = kept.clone();
        shown.insert("left_out".to_owned(), left_out.clone().into());
        let shown = Value::Object(shown).to_string();
        if shown.chars().count() <= FACTS_CHARS_MAX {
            return shown;
        }
    }
    json!({ "left_out": "everything: it is too long" }).to_string()
}

/// A reference for a person's eyes, from a name that is none.
pub fn shown(given: &str) -> String {
    text(given, EXTERNAL_REF_CHARS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_exact_or_refused() {
        assert_eq!(name("the user", " acmeone ", 16), Ok("acmeone".into()));
        assert_eq!(name("the user", "kärcher", 7), Ok("kärcher".into()));
        assert_eq!(name("the user", "kärcher", 6), Err("the user has 7 characters, and may have 6".into()));
        assert_eq!(name("the user", "a\u{FFFD}b", 16), Err("the user is not UTF-8".into()));
        assert_eq!(name("the user", "a\nb", 16), Err("the user has control characters".into()));
        assert_eq!(optional_name(Some("a\0b"), 16), "");
    }

    #[test]
    fn facts_that_are_too_long_are_still_json_and_say_what_is_missing() {
        let stamp = Stamp::new(None);
        let told = |facts: Value| {
            let unclear = Unclear { code: UnclearCode::Unnamed, reason: String::new(), facts };
            let Change::Unclear { facts, .. } = stamp.unclear(&unclear, "").change else { panic!("it is unclear") };
            assert!(facts.chars().count() <= FACTS_CHARS_MAX, "{}", facts.len());
            serde_json::from_str::<Value>(&facts).expect("it is JSON")
        };
        assert_eq!(told(json!({ "user": "acmeone" })), json!({ "user": "acmeone" }));
        let long = json!({ "user": "acmeone", "fields": "ä\"".repeat(1_500) });
        assert_eq!(told(long), json!({ "user": "acmeone", "left_out": ["fields"] }));
        let many: serde_json::Map<_, _> = (0..500).map(|number| (format!("{number:0>300}"), json!(1))).collect();
        assert!(told(Value::Object(many))["left_out"].is_string());
        assert!(told(json!("x".repeat(3_000)))["left_out"].is_string());
    }

    #[test]
    fn text_is_made_printable_and_cut() {
        assert_eq!(text(" Non\u{FFFD}payment\n\u{1b}[31m since May ", 25), "Non\u{FFFD}payment  [31m since M");
    }

    #[test]
    fn stamps_sort_by_time_of_capture_and_keep_microseconds() {
        let at = DateTime::from_timestamp(1, 123_456_789);
        let (first, second) = (Stamp::new(at), Stamp::new(at));
        assert!(first.event_id.to_string() < second.event_id.to_string());
        assert_eq!(Some(first.happened_at), DateTime::from_timestamp(1, 123_456_000));
    }
}
