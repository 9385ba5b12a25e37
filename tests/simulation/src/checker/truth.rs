//! How things stand, counted from what clients would be told of each task.

use std::collections::BTreeMap;

use super::{Checker, Tracked};
use crate::redis::Keyspace;

/// How things stand at one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Truth {
    /// Tasks that have not been begun.
    pub(crate) waiting: u64,
    /// Tasks that have been begun and have not ended.
    pub(crate) begun: u64,
    pub(crate) dead_letters: u64,
    /// Redis stores nothing.
    pub(crate) is_full: bool,
    /// The last wake-up was not allowed.
    pub(crate) is_mute: bool,
    /// Tasks that have ended, by state.
    pub(crate) ended: BTreeMap<String, u64>,
}

impl Checker {
    /// Whether every task that has been begun has ended.
    pub(crate) fn has_none_begun(&self) -> bool {
        !self.tasks.iter().any(Tracked::is_running)
    }

    pub(crate) fn truth(&self, keyspace: &Keyspace) -> Truth {
        let count = |of: &dyn Fn(&&Tracked) -> bool| self.tasks.iter().filter(of).count() as u64;
        let mut ended = BTreeMap::new();
        for task in self.tasks.iter().filter(|task| task.has_ended()) {
            *ended.entry(task.state.clone().unwrap_or_default()).or_default() += 1;
        }
        Truth {
            waiting: count(&|task| task.state.as_deref() == Some("PENDING")),
            begun: count(&|task| task.is_running()),
            is_full: keyspace.is_full,
            is_mute: keyspace.was_refused_last,
            dead_letters: self.dead_letters.count(),
            ended,
        }
    }
}
