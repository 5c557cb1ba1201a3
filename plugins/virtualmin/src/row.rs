//! Rows of a multi-line listing: `{"name": .., "values": {"key": ["value"]}}`.

use serde_json::Value;

/// The panel's block, in bytes.
const BLOCK_BYTES: i64 = 1_024;

/// A row. No `Debug`: passwords, clear or hashed, are among its values.
pub(crate) struct Row(Value);

impl Row {
    /// The rows that are rows: what the server complains about while it lists comes as rows without values (recorded), so
    /// each must have this value.
    pub(crate) fn real(rows: Vec<Value>, must_have: &str) -> Vec<Row> {
        rows.into_iter().map(Row).filter(|row| !row.text(must_have).is_empty()).collect()
    }

    /// Its name: a domain, a reseller, or the id of a plan.
    pub(crate) fn name(&self) -> &str {
        self.0["name"].as_str().unwrap_or_default()
    }

    /// A value; empty when it is missing.
    pub(crate) fn text(&self, key: &str) -> &str {
        self.0["values"][key][0].as_str().unwrap_or_default()
    }

    /// A whole number; none when it is `Unlimited`, `*` or missing.
    pub(crate) fn number(&self, key: &str) -> Option<i64> {
        self.text(key).parse().ok()
    }

    /// Blocks as bytes.
    pub(crate) fn blocks(&self, key: &str) -> Option<i64> {
        self.number(key)?.checked_mul(BLOCK_BYTES)
    }
}

/// Bytes as blocks, at least one.
pub(crate) fn as_blocks(bytes: i64) -> i64 {
    (bytes / BLOCK_BYTES).max(1)
}
