//! Time: the clock that the worker loop and the API go by, and times as clients write and read them.

mod rfc3339;

use std::future::Future;

pub use rfc3339::{parse_rfc3339, rfc3339};

/// A clock that never goes back. Its zero is of no meaning.
pub trait Clock {
    /// Milliseconds since that zero.
    fn now_ms(&self) -> u64;

    /// Ends after `ms` milliseconds.
    fn sleep(&self, ms: u64) -> impl Future<Output = ()>;
}
