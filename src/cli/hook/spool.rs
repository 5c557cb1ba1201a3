//! Events on disk, from the moment they are captured until the daemon has them.
//!
//! ```text
//! spool/<event id>.draft      written and flushed, not yet final (or cut off by a kill)
//! spool/<event id>.json       waits for delivery
//! spool/rejected/             see `rejected`
//! spool/lock                  held by the one process that delivers
//! ```
//!
//! Event ids are UUIDv7, so that names sort by the time of capture. An entry exists from the rename on, which is atomic;
//! it goes when the daemon has answered. A kill in between leaves a draft, which the next delivery takes up, or an
//! entry that is delivered twice, which the daemon recognises by its event id.

mod rejected;

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use billet_domain::hook::Hook;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use rejected::{Reason, Rejected};

/// The version of an entry's format.
const SCHEMA: u32 = 1;
/// The largest entry, in bytes. (A real one has a few hundred; the fields' limits keep it under 10 KiB.)
const ENTRY_BYTES_MAX: u64 = 64 << 10;
/// How many events may wait when one is added that could not be understood. A panel that sends nothing else must not fill
/// the disk.
const WAITING_BESIDE_UNCLEAR_MAX: usize = 10_000;
/// A draft older than that was left behind by a process that is gone, in seconds.
const DRAFT_AGE_S: u64 = 60;

/// The directory where events wait.
#[derive(Debug, Clone)]
pub struct Spool {
    root: PathBuf,
}

/// A step at the spool that failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what} {}: {source}", path.display())]
pub struct SpoolError {
    what: &'static str,
    path: PathBuf,
    source: io::Error,
}

/// An entry that cannot be read, and never will be.
#[derive(Debug, thiserror::Error)]
pub enum EntryError {
    /// Not what was once written.
    #[error("the entry is damaged")]
    Damaged,
    /// Written by a later version of this program.
    #[error("the entry has format {schema}, and this program knows {SCHEMA}")]
    Newer {
        /// Its format.
        schema: u32,
    },
}

/// A hook as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    schema: u32,
    hook: Hook,
}

/// Holds the right to deliver until it is dropped, or the process ends in whatever way.
#[derive(Debug)]
pub struct DeliveryLock {
    _file: File,
}

/// An event that is safe on disk but not final.
#[derive(Debug)]
pub struct Draft<'a> {
    spool: &'a Spool,
    id: String,
    drafted: Hook,
}

impl Spool {
    /// The spool at `root`, made ready for writing: readable by its owner alone.
    ///
    /// # Errors
    /// If a directory cannot be created.
    pub fn open(root: &Path) -> Result<Self, SpoolError> {
        let spool = Self::at(root);
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(spool.rejected_dir())
            .map_err(|source| SpoolError { what: "create", path: spool.rejected_dir(), source })?;
        Ok(spool)
    }

    /// The spool at `root`, for looking only: it need not exist.
    pub fn at(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Puts a hook into the spool, safely on disk when this returns.
    ///
    /// # Errors
    /// If it cannot be written or flushed.
    pub fn save(&self, hook: &Hook) -> Result<(), SpoolError> {
        let id = self.write_draft(hook)?;
        rename(&self.path(&id, "draft"), &self.path(&id, "json"))?;
        sync_dir(&self.root)
    }

    /// Puts a hook into the spool that says no more than that a report could not be understood.
    ///
    /// # Errors
    /// As [`save`](Self::save), and if too many events wait already.
    pub fn save_unclear(&self, hook: &Hook) -> Result<(), SpoolError> {
        if self.ids(&self.root, "json")?.len() >= WAITING_BESIDE_UNCLEAR_MAX {
            let source = io::Error::other("too many events wait there already");
            return Err(SpoolError {
                what: "keep a report that could not be understood in",
                path: self.root.clone(),
                source,
            });
        }
        self.save(hook)
    }

    /// Puts a hook on disk that will say more in a moment. If this process ends before [`Draft::finish`], the next
    /// delivery takes it as it is.
    ///
    /// # Errors
    /// If it cannot be written or flushed.
    pub fn draft(&self, hook: &Hook) -> Result<Draft<'_>, SpoolError> {
        let id = self.write_draft(hook)?;
        sync_dir(&self.root)?;
        Ok(Draft { spool: self, id, drafted: hook.clone() })
    }

    fn write_draft(&self, hook: &Hook) -> Result<String, SpoolError> {
        // Only an id that is a UUID becomes a file's name: no other text could lead out of the spool.
        let id = Uuid::parse_str(&hook.event_id).unwrap_or_else(|_| Uuid::now_v7()).to_string();
        write_durably(&self.path(&id, "draft"), &Entry { schema: SCHEMA, hook: hook.clone() })?;
        Ok(id)
    }

    /// The ids of those that wait, oldest first, at most `limit`, without those in `except`.
    ///
    /// # Errors
    /// If the directory cannot be read. One that does not exist is empty.
    pub fn waiting(&self, limit: usize, except: &BTreeSet<String>) -> Result<Vec<String>, SpoolError> {
        let mut ids = self.ids(&self.root, "json")?;
        ids.retain(|id| !except.contains(id));
        ids.sort_unstable();
        ids.truncate(limit);
        Ok(ids)
    }

    /// A hook that waits; `None` if it is gone.
    ///
    /// # Errors
    /// If it cannot be read now (outer), or never (inner).
    pub fn read(&self, id: &str) -> Result<Option<Result<Hook, EntryError>>, SpoolError> {
        read_entry(&self.path(id, "json"))
    }

    /// Forgets a hook that the daemon has. Not flushed: should the machine stop now, the daemon recognises it.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn remove(&self, id: &str) -> Result<(), SpoolError> {
        remove(&self.path(id, "json"))
    }

    /// The right to deliver; `None` while another process has it.
    ///
    /// # Errors
    /// If the lock file cannot be used.
    pub fn try_lock(&self) -> Result<Option<DeliveryLock>, SpoolError> {
        let path = self.root.join("lock");
        let failed = |source| SpoolError { what: "lock", path: path.clone(), source };
        let options = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let file = options.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(DeliveryLock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// Takes up drafts whose process is gone: whole ones wait from now on, others are rejected (their process was
    /// killed while it wrote). Only for who holds the lock.
    ///
    /// # Errors
    /// If one cannot be renamed.
    pub fn take_up_drafts(&self, _lock: &DeliveryLock) -> Result<(), SpoolError> {
        for id in self.ids(&self.root, "draft")? {
            let draft = self.path(&id, "draft");
            let modified = fs::metadata(&draft).and_then(|file| file.modified());
            let age = modified.ok().and_then(|modified| SystemTime::now().duration_since(modified).ok());
            if age.is_none_or(|age| age < Duration::from_secs(DRAFT_AGE_S)) {
                continue;
            }
            match read_entry(&draft) {
                Ok(Some(Ok(_))) => rename(&draft, &self.path(&id, "json"))?,
                Ok(Some(Err(error))) => self.reject_file(&draft, &id, &Reason::of_entry(&error))?,
                // Finished after all, or not readable now: what cannot be read holds up no others.
                Ok(None) | Err(_) => continue,
            }
            remove(&self.path(&id, "next"))?;
        }
        Ok(())
    }

    fn path(&self, id: &str, extension: &str) -> PathBuf {
        self.root.join(format!("{id}.{extension}"))
    }

    fn ids(&self, dir: &Path, extension: &str) -> Result<Vec<String>, SpoolError> {
        let failed = |source| SpoolError { what: "list", path: dir.to_owned(), source };
        let entries = match fs::read_dir(dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut ids = Vec::new();
        for entry in entries {
            let name = entry.map_err(failed)?.file_name();
            let id = name.to_str().and_then(|name| name.strip_suffix(extension)?.strip_suffix('.'));
            ids.extend(id.filter(|id| !id.contains('.')).map(str::to_owned));
        }
        Ok(ids)
    }
}

impl Draft<'_> {
    /// Makes the event final, safely on disk when this returns.
    ///
    /// # Errors
    /// If it cannot be written or flushed; the draft stays then.
    pub fn finish(self, hook: &Hook) -> Result<(), SpoolError> {
        let Self { spool, id, drafted } = self;
        let (draft, next) = (spool.path(&id, "draft"), spool.path(&id, "next"));
        if drafted != *hook {
            // One file under one id all along: never a second one that could be delivered as well.
            write_durably(&next, &Entry { schema: SCHEMA, hook: hook.clone() })?;
            rename(&next, &draft)?;
        }
        rename(&draft, &spool.path(&id, "json"))?;
        sync_dir(&spool.root)
    }

    /// Gives the event up: it turned out that nothing happened.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn give_up(self) -> Result<(), SpoolError> {
        remove(&self.spool.path(&self.id, "draft"))
    }
}

fn write_durably(path: &Path, content: &impl Serialize) -> Result<(), SpoolError> {
    let failed = |source| SpoolError { what: "write", path: path.to_owned(), source };
    let mut bytes = serde_json::to_vec(content).map_err(|error| failed(error.into()))?;
    bytes.push(b'\n');
    let file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path);
    let mut file = file.map_err(failed)?;
    file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(failed)
}

fn read_entry(path: &Path) -> Result<Option<Result<Hook, EntryError>>, SpoolError> {
    let Some(bytes) = read_bounded(path)? else { return Ok(None) };
    #[derive(Deserialize)]
    struct Versioned {
        schema: u32,
    }
    Ok(Some(match serde_json::from_slice(&bytes) {
        Ok(Versioned { schema }) if schema > SCHEMA => Err(EntryError::Newer { schema }),
        Ok(_) => serde_json::from_slice(&bytes).map(|Entry { hook, .. }| hook).map_err(|_| EntryError::Damaged),
        Err(_) => Err(EntryError::Damaged),
    }))
}

fn read_bounded(path: &Path) -> Result<Option<Vec<u8>>, SpoolError> {
    let mut bytes = Vec::new();
    match File::open(path).and_then(|file| file.take(ENTRY_BYTES_MAX).read_to_end(&mut bytes)) {
        Ok(_) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(SpoolError { what: "read", path: path.to_owned(), source }),
    }
}

fn rename(from: &Path, to: &Path) -> Result<(), SpoolError> {
    fs::rename(from, to).map_err(|source| SpoolError { what: "rename", path: from.to_owned(), source })
}

fn remove(path: &Path) -> Result<(), SpoolError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(SpoolError { what: "remove", path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

fn sync_dir(dir: &Path) -> Result<(), SpoolError> {
    let synced = File::open(dir).and_then(|dir| dir.sync_all());
    synced.map_err(|source| SpoolError { what: "flush", path: dir.to_owned(), source })
}

#[cfg(test)]
mod tests;
