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

    /// Whether the call may be left out for now, should its node be in trouble. One that confirms
    /// another may not: it settles what was begun.
    #[must_use]
    pub fn may_be_withheld(self) -> bool {
        self.kind != CallKind::Confirm
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
