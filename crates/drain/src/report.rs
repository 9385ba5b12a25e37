//! What a drain tells of itself when it ends.

/// What a drain did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Round trips to Redis.
    pub turns: u64,
    /// Tasks claimed.
    pub claimed: u64,
    /// Tasks that ended.
    pub ended: u64,
    /// Calls made to nodes.
    pub calls: u64,
    /// Claims lost to another worker.
    pub stale: u64,
}
