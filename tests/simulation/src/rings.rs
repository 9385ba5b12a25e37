//! How often drains are woken: seldom, whatever state Redis is in.

use std::collections::VecDeque;

/// More wake-ups in a second than this are a storm: four, one for help, and the one that begins the second.
const A_SECOND_MAX: usize = 6;

/// The wake-ups of the last second.
#[derive(Debug, Default)]
pub(crate) struct Rings(VecDeque<u64>);

impl Rings {
    /// A wake-up is sent at `now_ms`. Gives how many there were within a second, if too many.
    pub(crate) fn ring(&mut self, now_ms: u64) -> Option<usize> {
        while self.0.front().is_some_and(|at_ms| at_ms + 1_000 <= now_ms) {
            self.0.pop_front();
        }
        self.0.push_back(now_ms);
        Some(self.0.len()).filter(|count| *count > A_SECOND_MAX)
    }

    /// Redis's clock steps: the second begins anew.
    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }
}
