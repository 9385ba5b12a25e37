//! The settings that decide how a task is carried out.

use serde::{Deserialize, Serialize};

/// More nodes a round mean fewer writes of the record, and more nodes in doubt after a crash.
const ROUND_NODES: usize = 16;

/// The settings that decide how a task is carried out, as they were when it was accepted. The short
/// names are those of its record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// How often a node is tried going forward before the task gives up; 1 = no second try.
    #[serde(rename = "f")]
    pub forward_max_attempts: u32,
    /// How often a failed undo is tried *again* before it becomes a dead letter.
    #[serde(rename = "r")]
    pub rollback_max_retries: u32,
    /// Milliseconds between a failed undo and its first retry.
    #[serde(rename = "d")]
    pub rollback_retry_delay_ms: u64,
    /// What the delay is multiplied by after each retry, in percent; 100 keeps it constant.
    #[serde(rename = "b")]
    pub rollback_backoff_percent: u32,
    /// The most a delay is lengthened by at random, in percent of itself.
    #[serde(rename = "j")]
    pub rollback_jitter_percent: u32,
    /// How many nodes are changed at once.
    #[serde(rename = "n")]
    pub node_parallelism: u32,
    /// How often the task may be recovered from a dead worker before it counts as poison.
    #[serde(rename = "m")]
    pub max_recoveries: u32,
    /// For how long a call that was given up on may still be carried out, in milliseconds; 0 = not at
    /// all. Records from before there was such a window have the usual one.
    #[serde(rename = "w", default = "usual_late_call_window_ms")]
    pub late_call_window_ms: u64,
}

fn usual_late_call_window_ms() -> u64 {
    15_000
}

impl Policy {
    /// How many nodes are changed at once, as a length.
    pub(crate) fn parallel(&self) -> usize {
        usize::try_from(self.node_parallelism.max(1)).unwrap_or(usize::MAX)
    }

    /// How many nodes at most are inspected, and then intended to be changed, together.
    #[must_use]
    pub fn round_nodes(&self) -> usize {
        ROUND_NODES.max(self.parallel())
    }
}

impl Default for Policy {
    /// The behaviour of the FastAPI/Celery service.
    fn default() -> Self {
        Self {
            forward_max_attempts: 1,
            rollback_max_retries: 3,
            rollback_retry_delay_ms: 10_000,
            rollback_backoff_percent: 100,
            rollback_jitter_percent: 0,
            node_parallelism: 1,
            max_recoveries: 10,
            late_call_window_ms: usual_late_call_window_ms(),
        }
    }
}
