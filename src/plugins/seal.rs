//! Secrets at rest. Each is sealed by XChaCha20-Poly1305 (RFC 8439 with the 192-bit nonce of draft-irtf-cfrg-xchacha) under a
//! key that is not in the database; what it belongs to is authenticated with it, so that a secret copied to another
//! instance does not open.
//!
//! A key file holds one key a line (64 hexadecimal digits; empty lines and lines with `#` are left out). New secrets are sealed
//! under the first; the others still open what they sealed. So a key is rotated by writing a new first line and sealing
//! everything again (`billet instance reseal`).

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rand::RngExt as _;
use sha2::{Digest, Sha256};

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
/// The form of what is sealed: `1:KEY:NONCE AND TEXT`.
const VERSION: &str = "1";
/// How many keys a file may hold.
const KEYS_MAX: usize = 100;

/// Why something cannot be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// No key is configured.
    #[error("no key for secrets is configured: set `secret_key_file` (make one with `billet instance new-key FILE`)")]
    NoKey,
    /// The key file cannot be used.
    #[error("{}: {why}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// It was sealed under a key that is not here.
    #[error("the secret was sealed under the key {0}, which is not in the key file")]
    UnknownKey(String),
    /// It does not open: changed, cut off, or moved from elsewhere.
    #[error("the secret does not open: it was changed or belongs elsewhere")]
    Broken,
}

/// The keys. Its `Debug` shows their ids.
#[derive(Clone, Default)]
pub struct Keys {
    current: String,
    by_id: BTreeMap<String, [u8; KEY_BYTES]>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("current", &self.current).field("ids", &self.by_id.keys()).finish()
    }
}

impl Keys {
    /// Reads a key file, which nobody but its owner may read.
    ///
    /// # Errors
    /// [`SealError::File`].
    pub fn read(path: &Path) -> Result<Self, SealError> {
        let fail = |why: String| SealError::File { path: path.to_owned(), why };
        let metadata = std::fs::metadata(path).map_err(|error| fail(format!("cannot be read: {error}")))?;
        if metadata.permissions().mode() & 0o077 != 0 {
            return Err(fail("others may read it: `chmod 600` it".to_owned()));
        }
        let text = std::fs::read_to_string(path).map_err(|error| fail(format!("cannot be read: {error}")))?;
        Self::parse(&text).map_err(fail)
    }

    /// Reads the text of a key file.
    ///
    /// # Errors
    /// In words, without the key.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut keys = Self::default();
        let lines = text.lines().enumerate().map(|(number, line)| (number + 1, line.trim()));
        for (number, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            if keys.by_id.len() == KEYS_MAX {
                return Err(format!("more than {KEYS_MAX} keys"));
            }
            let key = key(line).ok_or_else(|| format!("line {number} is no key: 64 hexadecimal digits are wanted"))?;
            let id = id(&key);
            if keys.current.is_empty() {
                keys.current.clone_from(&id);
            }
            keys.by_id.insert(id, key);
        }
        if keys.by_id.is_empty() { Err("it holds no key".to_owned()) } else { Ok(keys) }
    }

    /// Whether there is a key at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// The key under which new secrets are sealed; empty when there is none.
    #[must_use]
    pub fn current(&self) -> &str {
        &self.current
    }

    /// Seals a text for what it belongs to.
    ///
    /// # Errors
    /// [`SealError::NoKey`].
    pub fn seal(&self, belongs_to: &str, text: &str) -> Result<String, SealError> {
        let key = self.by_id.get(&self.current).ok_or(SealError::NoKey)?;
        let nonce: [u8; NONCE_BYTES] = rand::rng().random();
        let payload = Payload { msg: text.as_bytes(), aad: belongs_to.as_bytes() };
        let sealed = cipher(key)
            .and_then(|cipher| cipher.encrypt(&XNonce::from(nonce), payload).ok())
            .ok_or(SealError::Broken)?;
        Ok(format!("{VERSION}:{}:{}", self.current, BASE64.encode([nonce.as_slice(), &sealed].concat())))
    }

    /// Opens what was sealed.
    ///
    /// # Errors
    /// [`SealError::NoKey`], [`SealError::UnknownKey`], [`SealError::Broken`].
    pub fn open(&self, belongs_to: &str, sealed: &str) -> Result<String, SealError> {
        if self.is_empty() {
            return Err(SealError::NoKey);
        }
        let mut parts = sealed.splitn(3, ':');
        let (Some(VERSION), Some(id), Some(text)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(SealError::Broken);
        };
        let key = self.by_id.get(id).ok_or_else(|| SealError::UnknownKey(id.to_owned()))?;
        let bytes = BASE64.decode(text).map_err(|_| SealError::Broken)?;
        let (nonce, text) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or(SealError::Broken)?;
        let payload = Payload { msg: text, aad: belongs_to.as_bytes() };
        let open = cipher(key)
            .and_then(|cipher| cipher.decrypt(&XNonce::from(*nonce), payload).ok())
            .ok_or(SealError::Broken)?;
        String::from_utf8(open).map_err(|_| SealError::Broken)
    }

    /// Whether something was sealed under the current key.
    #[must_use]
    pub fn is_current(&self, sealed: &str) -> bool {
        sealed.split(':').nth(1) == Some(self.current.as_str())
    }
}

/// Makes a key file with one new key, readable by its owner alone.
///
/// # Errors
/// [`SealError::File`]; a file that is there is left alone.
pub fn new_key_file(path: &Path) -> Result<(), SealError> {
    let key: [u8; KEY_BYTES] = rand::rng().random();
    let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| {
            writeln!(
                file,
                "# Keys of Billet's secrets, the current one first. Whoever has this file and the database has them."
            )?;
            writeln!(file, "{digits}")?;
            file.sync_all()
        })
        .map_err(|error| SealError::File { path: path.to_owned(), why: format!("cannot be made: {error}") })
}

fn key(line: &str) -> Option<[u8; KEY_BYTES]> {
    if line.len() != 2 * KEY_BYTES || !line.is_ascii() {
        return None;
    }
    let mut key = [0; KEY_BYTES];
    for (byte, pair) in key.iter_mut().zip(line.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(key)
}

fn id(key: &[u8; KEY_BYTES]) -> String {
    Sha256::digest([b"billet key id ".as_slice(), key].concat())[..4].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn cipher(key: &[u8; KEY_BYTES]) -> Option<XChaCha20Poly1305> {
    XChaCha20Poly1305::new_from_slice(key).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(lines: &[&str]) -> Keys {
        Keys::parse(&lines.join("\n")).expect("keys")
    }

    #[test]
    fn what_is_sealed_opens_only_where_it_belongs() {
        let keys = keys(&["# a comment", &"ab".repeat(32)]);
        let sealed = keys.seal("ins_1 token", "s3cret").expect("sealed");
        assert!(!sealed.contains("s3cret"));
        assert_eq!(keys.open("ins_1 token", &sealed).expect("opened"), "s3cret");
        assert!(matches!(keys.open("ins_2 token", &sealed), Err(SealError::Broken)));
        let mut changed = sealed.clone();
        changed.pop();
        assert!(matches!(keys.open("ins_1 token", &changed), Err(SealError::Broken)));
        assert_ne!(sealed, keys.seal("ins_1 token", "s3cret").expect("sealed"), "a new nonce each time");
    }

    #[test]
    fn a_new_first_key_seals_and_the_old_one_still_opens() {
        let old = keys(&[&"ab".repeat(32)]);
        let sealed = old.seal("x", "s3cret").expect("sealed");
        let both = keys(&[&"cd".repeat(32), &"ab".repeat(32)]);
        assert_eq!(both.open("x", &sealed).expect("opened"), "s3cret");
        assert!(!both.is_current(&sealed));
        assert!(both.is_current(&both.seal("x", "s3cret").expect("sealed")));
        let new = keys(&[&"cd".repeat(32)]);
        assert!(matches!(new.open("x", &sealed), Err(SealError::UnknownKey(_))));
    }

    #[test]
    fn what_is_no_key_file_is_refused_without_quoting_it() {
        for bad in ["", "abc", &"g".repeat(64), &"ä".repeat(32)] {
            let said = Keys::parse(bad).expect_err(bad);
            assert!(bad.is_empty() || !said.contains(bad), "{said}");
        }
        assert!(matches!(Keys::default().seal("x", "y"), Err(SealError::NoKey)));
    }

    #[test]
    fn a_key_file_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        new_key_file(&path).expect("made");
        assert!(!Keys::read(&path).expect("read").is_empty());
        assert!(new_key_file(&path).is_err(), "a key is never written over");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("changed");
        assert!(Keys::read(&path).expect_err("open to others").to_string().contains("chmod 600"));
    }
}
