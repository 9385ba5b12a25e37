//! How long a node is left alone before it is tried again.

use crate::policy::Policy;

/// Before a node is tried again going forward, in milliseconds; doubled each time.
const FORWARD_MS: u64 = 1_000;
/// The most it is doubled to.
const FORWARD_MS_MAX: u64 = 30_000;
/// The most that a delay before an undo grows to, in milliseconds. One that is longer from the start
/// stays as it is.
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
    let first_ms = policy.rollback_retry_delay_ms;
    let most_ms = first_ms.max(UNDO_MS_MAX);
    let percent = u64::from(policy.rollback_backoff_percent);
    let mut delay_ms = first_ms;
    for _ in 1..attempts {
        let grown_ms = delay_ms.saturating_mul(percent).div_ceil(100).min(most_ms);
        if grown_ms == delay_ms {
            break;
        }
        delay_ms = grown_ms;
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

    /// The waits after the first failed attempts.
    fn waits(first_ms: u64, backoff_percent: u32, attempts: u32) -> Vec<u64> {
        let policy = Policy {
            rollback_retry_delay_ms: first_ms,
            rollback_backoff_percent: backoff_percent,
            ..Policy::default()
        };
        (1..=attempts).map(|attempt| undo_ms(&policy, "t", 0, attempt)).collect()
    }

    #[test]
    fn a_delay_stays_what_it_is_set_to() {
        for first_ms in [0, 1, 10_000, 3_600_000, 7_200_000, 86_400_000] {
            assert_eq!(waits(first_ms, 100, 4), [first_ms; 4]);
        }
        assert_eq!(waits(7_200_000, 150, 3), [7_200_000; 3], "it is longer than any grows to");
    }

    #[test]
    fn a_delay_grows_to_an_hour() {
        assert_eq!(waits(900_000, 200, 5), [900_000, 1_800_000, 3_600_000, 3_600_000, 3_600_000]);
        assert_eq!(waits(1, 150, 5), [1, 2, 3, 5, 8], "however short it is");
        assert_eq!(waits(10_000, 101, 1_000).last(), Some(&3_600_000), "and however slowly");
    }
}
