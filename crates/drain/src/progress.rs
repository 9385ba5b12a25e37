//! How far a task has come, to tell one that gets on from one that only kills its workers.

use saga::{Node, NodeState, Phase, Task};

/// Grows with each answer of a node that brought the task further, and with nothing else: a call that is
/// only intended, or whose worker was lost, is no progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Progress {
    is_back: bool,
    settled: usize,
    failed_undos: u64,
}

impl Progress {
    pub(crate) fn of(task: &Task) -> Self {
        let is_back = task.phase() == Phase::Rollback || task.phase().is_end();
        let is_settled = |node: &&Node| match node.state() {
            NodeState::Pending | NodeState::Calling | NodeState::Unknown => false,
            NodeState::Undoing => !is_back,
            _ => true,
        };
        let nodes = task.nodes();
        Self {
            is_back,
            settled: nodes.iter().filter(is_settled).count(),
            failed_undos: nodes.iter().map(|node| u64::from(node.rollback_attempts())).sum(),
        }
    }
}
