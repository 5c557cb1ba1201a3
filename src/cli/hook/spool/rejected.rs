//! What the daemon refused for good: kept beside its reason until a person mends it (`billet hook flush --retry-rejected`)
//! or removes it.
//!
//! ```text
//! rejected/<event id>.json           an event as it waited, to be tried again
//! rejected/<event id>.reason.json    when and why
//! ```

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use billet_domain::hook::Hook;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{EntryError, Spool, SpoolError, read_bounded, read_entry, remove, rename, sync_dir, write_durably};

/// Why something was rejected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// In one word: a gRPC status (`INVALID_ARGUMENT`), or `UNREADABLE` of an entry that is damaged.
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
    /// The event; absent where it cannot be read.
    pub hook: Option<Hook>,
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
        let reason = read_bounded(&self.rejected_path(&event_id, "reason.json")).ok().flatten();
        let reason = reason.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let hook = read_entry(&self.rejected_path(&event_id, "json")).ok().flatten().and_then(Result::ok);
        let reason = reason.unwrap_or_else(|| Reason::new("UNREADABLE", "the reason cannot be read".into()));
        Rejected { event_id, reason, hook }
    }

    /// Lets all rejected events wait again; says how many.
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
