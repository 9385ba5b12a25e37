//! What an ended task leaves behind: what its nodes hold, and what could not be put back.

use crate::dead_letter::{DeadLetter, DeadLetterKind};
use crate::node::NodeState;
use crate::operation::Presence;
use crate::phase::Phase;
use crate::task::Task;

impl Task {
    /// What each node is now known to hold, for the group's registry; `None` = not known. Nodes the
    /// task learned nothing about are left out.
    #[must_use]
    pub fn holdings(&self) -> Vec<(&str, Option<Presence>)> {
        if self.phase == Phase::Cancelled && self.retry_of.is_some() {
            return Vec::new();
        }
        let desired = self.operation.desired();
        self.nodes
            .iter()
            .filter_map(|node| {
                let held = match node.state {
                    NodeState::Applied | NodeState::Unchanged => Some(Some(desired)),
                    NodeState::Undone => Some(node.before),
                    NodeState::Dead => Some(None),
                    NodeState::Refused | NodeState::Pending => node.before.map(Some),
                    NodeState::Calling | NodeState::Unknown | NodeState::Undoing => Some(None),
                }?;
                Some((node.address.as_str(), held))
            })
            .collect()
    }

    /// The dead letters for the nodes whose compensation was given up, as of `now_ms`. A task that
    /// retried a dead letter gives that dead letter again. `attempts` and `last_error` are this task's
    /// own: whoever keeps dead letters adds them to what others said.
    #[must_use]
    pub fn dead_letters(&self, now_ms: u64) -> Vec<DeadLetter> {
        let dead = self.nodes.iter().enumerate().filter(|(_, node)| node.state == NodeState::Dead);
        dead.map(|(index, node)| match &self.retry_of {
            Some(dead_letter) => DeadLetter {
                attempts: node.rollback_attempts,
                last_error: node.last_error.clone(),
                updated_at_ms: now_ms,
                ..dead_letter.clone()
            },
            None => DeadLetter {
                id: format!("{}-{index}", self.id),
                kind: DeadLetterKind::Compensation,
                task_id: self.id.clone(),
                group_id: self.group_id.clone(),
                node: node.address.clone(),
                operation: self.operation,
                before: node.before,
                attempts: node.rollback_attempts,
                last_error: node.last_error.clone(),
                created_at_ms: now_ms,
                updated_at_ms: now_ms,
            },
        })
        .collect()
    }
}
