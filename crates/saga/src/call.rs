//! The calls a task asks its holder to make.

use crate::operation::Operation;
use crate::task::Task;

/// One call to one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The node's place in the task, from 0.
    pub node: usize,
    pub kind: CallKind,
}

/// Why a node is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
    /// Inspect it before anything is done, or done again.
    Inspect,
    /// Do the task's operation.
    Apply,
    /// Do the reverse operation.
    Undo,
    /// Inspect it because the last answer left open what it holds.
    Confirm,
}

/// What is asked of a node's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Inspect,
    Change(Operation),
}

impl Call {
    /// Whether it is to change the node. No such call may be sent before the intent to is stored,
    /// or a crash would hide that it may have taken effect: see [`crate::Plan::must_store`].
    #[must_use]
    pub fn changes_node(self) -> bool {
        matches!(self.kind, CallKind::Apply | CallKind::Undo)
    }

    /// Whether the node becomes a dead letter of `task` should this call fail.
    #[must_use]
    pub fn is_last_chance(self, task: &Task) -> bool {
        let attempts = task.nodes.get(self.node).map(|node| node.rollback_attempts);
        self.kind == CallKind::Undo
            && attempts.is_some_and(|attempts| attempts >= task.policy.rollback_max_retries)
    }

    /// What to ask of the node for `task`.
    #[must_use]
    pub fn verb(self, task: &Task) -> Verb {
        match self.kind {
            CallKind::Inspect | CallKind::Confirm => Verb::Inspect,
            CallKind::Apply => Verb::Change(task.operation()),
            CallKind::Undo => Verb::Change(task.operation().reverse()),
        }
    }
}
