//! Time: the clock that the worker loop and the API go by, and times as clients read and write them.

mod parse;

use std::future::Future;
use std::time::{Duration, UNIX_EPOCH};

pub use parse::parse_rfc3339;

/// The last millisecond of the year 9999, with which RFC 3339 ends.
const RFC3339_MS_MAX: u64 = 253_402_300_799_999;

/// A clock that never goes back. Its zero is of no meaning.
pub trait Clock {
    /// Milliseconds since that zero.
    fn now_ms(&self) -> u64;

    /// Ends after `ms` milliseconds.
    fn sleep(&self, ms: u64) -> impl Future<Output = ()>;
}

/// Milliseconds since the epoch as RFC 3339, UTC, for example `2026-01-31T12:00:00.250Z`. A later
/// time than the format can name is shown as the last one it can.
#[must_use]
pub fn rfc3339(ms: u64) -> String {
    let time = UNIX_EPOCH + Duration::from_millis(ms.min(RFC3339_MS_MAX));
    humantime::format_rfc3339_millis(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::rfc3339;

    #[test]
    fn any_time_can_be_shown() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(1_769_860_800_250), "2026-01-31T12:00:00.250Z");
        assert_eq!(rfc3339(u64::MAX), "9999-12-31T23:59:59.999Z");
    }
}
