//! What bounds a drain. The operator's settings are read into these.

use std::fmt;

/// What bounds a drain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Tasks held at once.
    pub concurrency: usize,
    /// How long one call to a node may take, in milliseconds. Well below the lease.
    pub node_timeout_ms: u64,
    /// How long a claim holds without renewal, in milliseconds.
    pub lease_ms: u64,
    /// How long an ended task is kept, in seconds.
    pub task_ttl_s: u64,
    /// After this many milliseconds the drain claims nothing more, hands over and ends. One that stays
    /// goes on until it holds nothing, for as long again at most.
    pub run_ms: u64,
    /// Whether the drain stays for retries that are due soon, as a worker does, or ends as soon as
    /// nothing is ready, as somebody who is waited for must.
    pub stays: bool,
    pub breaker: BreakerLimits,
    pub webhooks: WebhookLimits,
}

/// When a circuit breaker opens, and for how long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BreakerLimits {
    /// Failures in a row that open it; 0 = never.
    pub failures_max: u32,
    /// How long it stays open, in milliseconds, before one call may try the node.
    pub open_ms: u64,
    /// For how long a task that has changed nothing yet waits for such a node, in milliseconds, before
    /// it fails.
    pub wait_ms: u64,
}

/// How webhooks are delivered.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct WebhookLimits {
    /// What they are signed with, each for itself; empty = none is delivered.
    pub keys: Vec<Vec<u8>>,
    /// How long a receiver may take to answer, in milliseconds.
    pub timeout_ms: u64,
    /// The wait before the first is tried again, in milliseconds; each further wait is longer.
    pub retry_delay_ms: u64,
    /// After so many attempts a webhook is given up.
    pub attempts_max: u32,
}

/// Without the keys, which are secrets.
impl fmt::Debug for WebhookLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { keys, timeout_ms, retry_delay_ms, attempts_max } = self;
        f.debug_struct("WebhookLimits")
            .field("keys", &keys.len())
            .field("timeout_ms", timeout_ms)
            .field("retry_delay_ms", retry_delay_ms)
            .field("attempts_max", attempts_max)
            .finish()
    }
}
