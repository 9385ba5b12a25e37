//! How long a node is left alone before it is tried again.

use crate::policy::Policy;

/// Before a node is tried again going forward, in milliseconds; doubled each time.
const FORWARD_MS: u64 = 1_000;
/// The most it is doubled to.
const FORWARD_MS_MAX: u64 = 30_000;
/// However the delay grows, an undo is tried at least this often, in milliseconds.
const UNDO_MS_MAX: u64 = 3_600_000;

/// The longest that a node's own wish to be left alone is heeded, in milliseconds.
const NODE_WISH_MS_MAX: u64 = 300_000;

/// `delay_ms`, or as long as the node asks to be left alone (`Retry-After`) if that is longer, within
/// a bound.
pub(crate) fn at_least(delay_ms: u64, wish_ms: Option<u64>) -> u64 {
    delay_ms.max(wish_ms.unwrap_or(0).min(NODE_WISH_MS_MAX))
}

/// Milliseconds to wait before a node is tried again going forward, after `failures` failed tries.
pub(crate) fn forward_ms(failures: u32) -> u64 {
    let doublings = failures.saturating_sub(1).min(16);
    (FORWARD_MS << doublings).min(FORWARD_MS_MAX)
}

/// How long, in milliseconds, the tries going forward that are left would be spread over after
/// `failures` failed ones, of `attempts_max` in all.
pub(crate) fn forward_left_ms(failures: u32, attempts_max: u32) -> u64 {
    (failures.saturating_add(1)..attempts_max).map(forward_ms).fold(0, u64::saturating_add)
}

/// Milliseconds to wait before an undo is tried again, after failed attempt number `attempts`: the
/// policy's delay, times its backoff for each attempt before, plus jitter. `task_id` and `node` (its
/// place in the task) spread the retries of many.
pub(crate) fn undo_ms(policy: &Policy, task_id: &str, node: usize, attempts: u32) -> u64 {
    let mut delay_ms = policy.rollback_retry_delay_ms;
    for _ in 1..attempts.min(64) {
        delay_ms = delay_ms.saturating_mul(u64::from(policy.rollback_backoff_percent)) / 100;
        delay_ms = delay_ms.min(UNDO_MS_MAX);
    }
    let jitter_max_ms = delay_ms.saturating_mul(u64::from(policy.rollback_jitter_percent)) / 100;
    delay_ms + spread(task_id, node, attempts) % jitter_max_ms.saturating_add(1)
}

/// A number that differs from task to task and from attempt to attempt, and is the same each time
/// it is asked for (FNV-1a), so that retries spread out without a source of randomness.
fn spread(task_id: &str, node: usize, attempts: u32) -> u64 {
    let seed = node as u64 ^ (u64::from(attempts) << 32);
    task_id.bytes().chain(seed.to_le_bytes()).fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nodes_wish_lengthens_a_delay_within_a_bound_and_never_shortens_it() {
        assert_eq!(at_least(1_000, None), 1_000);
        assert_eq!(at_least(1_000, Some(500)), 1_000);
        assert_eq!(at_least(1_000, Some(7_000)), 7_000);
        assert_eq!(at_least(1_000, Some(u64::MAX)), NODE_WISH_MS_MAX);
        assert_eq!(at_least(2 * NODE_WISH_MS_MAX, Some(u64::MAX)), 2 * NODE_WISH_MS_MAX);
    }
}
