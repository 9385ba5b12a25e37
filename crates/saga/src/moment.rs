//! The time, as well as a worker can know it.

/// An instant by Redis's clock, in milliseconds since the epoch, as well as a worker knows it that was
/// told the time some moments ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// What is due by this is due.
    pub earliest_ms: u64,
    /// A window that must not end too soon begins here.
    pub latest_ms: u64,
}

impl From<u64> for Moment {
    /// An instant that is known exactly.
    fn from(ms: u64) -> Self {
        Self { earliest_ms: ms, latest_ms: ms }
    }
}
