//! What the daemon refused for good and what could not be understood: kept beside its reason until a person mends it
//! (`billet hook flush --retry-rejected`) or removes it.
//!
//! ```text
//! rejected/<event id>.json           an event as it waited, to be tried again
//! rejected/<event id>.payload.json   of a report that could not be understood: what is known to be harmless
//! rejected/<event id>.reason.json    when and why
//! ```

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use billet_domain::hook::Hook;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::capture::{Stamp, Unclear};
use super::{EntryError, Spool, SpoolError, read_bounded, read_entry, remove, rename, sync_dir, write_durably};

/// How many reports that could not be understood are kept. A panel that sends nothing else must not fill the disk.
const UNCLEAR_COUNT_MAX: usize = 10_000;

/// Why something was rejected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// In one word: a gRPC status (`INVALID_ARGUMENT`), or what could not be understood (`UNREADABLE`).
    pub code: String,
    /// In words.
    pub reason: String,
    /// When.
    pub rejected_at: DateTime<Utc>,
}

impl Reason {
    /// A reason as of now.
    pub fn new(code: &str, reason: String) -> Self {
        Self { code: code.to_owned(), reason, rejected_at: SystemTime::now().into() }
    }

    /// Of an entry that cannot be read.
    pub fn of_entry(error: &EntryError) -> Self {
        Self::new("UNREADABLE", error.to_string())
    }
}

/// Something rejected, as a person wants to see it.
#[derive(Debug, Serialize)]
pub struct Rejected {
    /// The event id.
    pub event_id: String,
    /// Why.
    #[serde(flatten)]
    pub reason: Reason,
    /// The event, if it was one.
    pub hook: Option<Hook>,
    /// What is known of it, if it was none.
    pub facts: Option<Value>,
}

impl Spool {
    pub(super) fn rejected_dir(&self) -> PathBuf {
        self.root.join("rejected")
    }

    fn rejected_path(&self, id: &str, extension: &str) -> PathBuf {
        self.rejected_dir().join(format!("{id}.{extension}"))
    }

    /// Puts a hook aside that the daemon refused for good, or that cannot be read.
    ///
    /// # Errors
    /// If it cannot be written or moved.
    pub fn reject(&self, id: &str, reason: &Reason) -> Result<(), SpoolError> {
        self.reject_file(&self.path(id, "json"), id, reason)
    }

    pub(super) fn reject_file(&self, file: &Path, id: &str, reason: &Reason) -> Result<(), SpoolError> {
        // The reason first: a kill in between leaves the event where it is, to be refused again.
        write_durably(&self.rejected_path(id, "reason.json"), reason)?;
        rename(file, &self.rejected_path(id, "json"))?;
        sync_dir(&self.rejected_dir())?;
        sync_dir(&self.root)
    }

    /// Keeps what is harmless of a report that could not be understood; `false` if there are too many already.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn keep_unclear(&self, stamp: &Stamp, unclear: &Unclear) -> Result<bool, SpoolError> {
        if self.ids(&self.rejected_dir(), "reason.json")?.len() >= UNCLEAR_COUNT_MAX {
            return Ok(false);
        }
        let id = stamp.event_id.to_string();
        write_durably(&self.rejected_path(&id, "payload.json"), &unclear.facts)?;
        let reason = Reason::new(unclear.code.as_str(), unclear.reason.clone());
        write_durably(&self.rejected_path(&id, "reason.json"), &reason)?;
        sync_dir(&self.rejected_dir())?;
        Ok(true)
    }

    /// The rejected ones, oldest first.
    ///
    /// # Errors
    /// If the directory cannot be read.
    pub fn rejected(&self) -> Result<Vec<Rejected>, SpoolError> {
        let mut ids = self.ids(&self.rejected_dir(), "reason.json")?;
        ids.sort_unstable();
        Ok(ids.into_iter().map(|id| self.rejected_one(id)).collect())
    }

    fn rejected_one(&self, event_id: String) -> Rejected {
        let read = |extension| read_bounded(&self.rejected_path(&event_id, extension)).ok().flatten();
        let reason = read("reason.json").and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let facts = read("payload.json").and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let hook = read_entry(&self.rejected_path(&event_id, "json")).ok().flatten().and_then(Result::ok);
        let reason = reason.unwrap_or_else(|| Reason::new("UNREADABLE", "the reason cannot be read".into()));
        Rejected { event_id, reason, hook, facts }
    }

    /// Lets all rejected events wait again; says how many. What was no event stays.
    ///
    /// # Errors
    /// If one cannot be moved.
    pub fn retry_rejected(&self) -> Result<usize, SpoolError> {
        let ids = self.ids(&self.rejected_dir(), "json")?;
        for id in &ids {
            rename(&self.rejected_path(id, "json"), &self.path(id, "json"))?;
            remove(&self.rejected_path(id, "reason.json"))?;
        }
        if !ids.is_empty() {
            sync_dir(&self.root)?;
        }
        Ok(ids.len())
    }
}
