//! Pages of lists (AIP-158). A token names the last row of a page and is opaque to callers.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};

use crate::billing::BillingError;

/// Rows of a page when the caller does not say.
pub const SIZE_DEFAULT: i64 = 100;
/// Most rows of a page.
pub const SIZE_MAX: i64 = 1_000;

/// How many rows are asked for.
///
/// # Errors
/// [`BillingError::Invalid`] below 0 or above [`SIZE_MAX`].
pub fn size(page_size: i32) -> Result<i64, BillingError> {
    match i64::from(page_size) {
        0 => Ok(SIZE_DEFAULT),
        size @ 1..=SIZE_MAX => Ok(size),
        _ => Err(BillingError::invalid("page_size", format!("between 1 and {SIZE_MAX}, or 0 for {SIZE_DEFAULT}"))),
    }
}

/// Where the page begins: after the key in the token; `None` for the first page.
///
/// # Errors
/// [`BillingError::Invalid`] when it is no token of this API.
pub fn after(page_token: &str) -> Result<Option<String>, BillingError> {
    if page_token.is_empty() {
        return Ok(None);
    }
    URL_SAFE_NO_PAD
        .decode(page_token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .map(Some)
        .ok_or_else(|| BillingError::invalid("page_token", "not a token of a previous answer"))
}

/// The same for lists that are keyed by an id.
///
/// # Errors
/// [`BillingError::Invalid`].
pub fn after_id(page_token: &str) -> Result<Option<i64>, BillingError> {
    after(page_token)?
        .map(|key| key.parse().map_err(|_| BillingError::invalid("page_token", "not a token of a previous answer")))
        .transpose()
}

/// Where a list that is ordered by time, newest first, goes on: before the instant (microseconds) and id in the token.
///
/// # Errors
/// [`BillingError::Invalid`].
pub fn before_moment(page_token: &str) -> Result<(i64, i64), BillingError> {
    let Some(key) = after(page_token)? else { return Ok((i64::MAX, i64::MAX)) };
    key.split_once('.')
        .and_then(|(micros, id)| Some((micros.parse().ok()?, id.parse().ok()?)))
        .ok_or_else(|| BillingError::invalid("page_token", "not a token of a previous answer"))
}

/// The key of a row in such a list.
#[must_use]
pub fn moment(at: DateTime<Utc>, id: i64) -> String {
    format!("{}.{id}", at.timestamp_micros())
}

/// Cuts a list that was read with one row more than asked for; answers the token of the next page, empty on the last.
pub fn cut<T>(rows: &mut Vec<T>, size: i64, key: impl Fn(&T) -> String) -> String {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    if rows.len() <= size {
        return String::new();
    }
    rows.truncate(size);
    rows.last().map(|row| URL_SAFE_NO_PAD.encode(key(row))).unwrap_or_default()
}
