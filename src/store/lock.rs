//! One daemon per SQLite file. SQLite itself would let two write in turn, but each would believe that the other's work is
//! its own to plan. A lock file beside the database says who has it; the system takes the lock away with the process,
//! however that ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

/// Why the lock cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("{} is in use by another billet{holder}; SQLite serves one daemon at a time, PostgreSQL serves several", database.display())]
    Taken {
        /// The database.
        database: PathBuf,
        /// ` (process 1234)`, or nothing when it is not known.
        holder: String,
    },
    /// The file cannot be made.
    #[error("cannot lock {}: {error}", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

/// The lock; held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of a database file: `billet.db.lock` beside `billet.db`. The folder has to exist.
    ///
    /// # Errors
    /// [`LockError`].
    pub fn take(database: &Path) -> Result<Self, LockError> {
        let path = lock_path(database);
        let failed = |error| LockError::Io { path: path.clone(), error };
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = holder(&mut file).map(|id| format!(" (process {id})")).unwrap_or_default();
                return Err(LockError::Taken { database: database.to_owned(), holder });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        file.set_len(0).map_err(failed)?;
        writeln!(file, "{}", std::process::id()).map_err(failed)?;
        Ok(Self { _file: file })
    }
}

fn lock_path(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    path.into()
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    // A process id has a few digits.
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_the_next_after_it() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let database = folder.path().join("billet.db");
        let first = Lock::take(&database).expect("free");
        let error = Lock::take(&database).expect_err("taken").to_string();
        assert!(error.contains(&format!("(process {})", std::process::id())), "{error}");
        drop(first);
        Lock::take(&database).expect("free again");
        let nowhere = folder.path().join("missing").join("billet.db");
        assert!(matches!(Lock::take(&nowhere), Err(LockError::Io { .. })));
    }
}
