//! The journal's chain: each event's hash covers its own content and the hash before it, so that nothing can be changed,
//! taken out or put in between without every later hash being wrong.

use sha2::{Digest, Sha256};

/// What a hash covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Position in the seller's journal, from 1.
    pub sequence: i64,
    /// `invoice.issued`, ...
    pub kind: &'a str,
    /// What it is about.
    pub subject: &'a str,
    /// Who caused it.
    pub actor: &'a str,
    /// Why, when somebody said.
    pub reason: &'a str,
    /// All of it, as JSON, byte for byte as stored.
    pub data: &'a str,
    /// When, microseconds UTC.
    pub recorded_at_us: i64,
}

/// The hash before the first event.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The hash of an event: SHA-256 over the previous hash and every field with its length before it, in hexadecimal.
#[must_use]
pub fn link(previous: &str, entry: &Entry<'_>) -> String {
    let mut hasher = Sha256::new();
    hasher.update(previous.as_bytes());
    hasher.update(entry.sequence.to_be_bytes());
    hasher.update(entry.recorded_at_us.to_be_bytes());
    for field in [entry.kind, entry.subject, entry.actor, entry.reason, entry.data] {
        hasher.update((field.len() as u64).to_be_bytes());
        hasher.update(field.as_bytes());
    }
    hex(&hasher.finalize())
}

/// SHA-256 of bytes, in hexadecimal.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        out.push(char::from(DIGITS[usize::from(byte >> 4)]));
        out.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_counts_and_none_can_borrow_from_its_neighbour() {
        let entry = Entry {
            sequence: 1,
            kind: "invoice.issued",
            subject: "inv_1",
            actor: "system",
            reason: "",
            data: "{}",
            recorded_at_us: 5,
        };
        let hash = link(GENESIS, &entry);
        assert_eq!(hash.len(), 64);
        assert_eq!(hash, link(GENESIS, &entry.clone()));
        let others = [
            Entry { sequence: 2, ..entry.clone() },
            Entry { kind: "invoice.issue", subject: "dinv_1", ..entry.clone() },
            Entry { actor: "", reason: "system", ..entry.clone() },
            Entry { data: "{ }", ..entry.clone() },
            Entry { recorded_at_us: 6, ..entry.clone() },
        ];
        for other in others {
            assert_ne!(hash, link(GENESIS, &other));
        }
        assert_ne!(hash, link(&hash, &entry));
    }
}
