//! Times as clients read them.

use std::time::{Duration, UNIX_EPOCH};

/// Milliseconds since the epoch as RFC 3339, UTC, for example `2026-01-31T12:00:00.250Z`.
#[must_use]
pub fn rfc3339(ms: u64) -> String {
    // The format ends with the year 9999.
    let ms = ms.min(253_402_300_799_999);
    humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(ms)).to_string()
}
