//! The task: a snapshot taken at acceptance and everything learned since.

use crate::dead_letter::DeadLetter;
use crate::event::Event;
use crate::history::History;
use crate::node::{Node, NodeState};
use crate::operation::Operation;
use crate::phase::{ClientState, Phase};
use crate::policy::Policy;
use crate::record::Unknown;

/// The most nodes one task may name.
pub const NODES_MAX: usize = 1_000;
/// The most bytes of one node's address.
pub const NODE_ADDRESS_BYTES_MAX: usize = 512;

/// A task's whole state. What of it is stored is its record: see [`Task::to_record`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    pub(crate) id: String,
    pub(crate) operation: Operation,
    pub(crate) group_id: String,
    /// Never [`Phase::AwaitingLateCall`], which follows from the nodes: see [`Task::phase`].
    pub(crate) phase: Phase,
    pub(crate) nodes: Vec<Node>,
    pub(crate) policy: Policy,
    /// Why the task stopped going forward. Set once, with the first failure.
    pub(crate) error: Option<String>,
    /// A client asked for it to stop; it then ends as `Cancelled` when the rollback is whole.
    pub(crate) cancelled: bool,
    /// The dead letter this task retries, when it is not a client's own.
    pub(crate) retry_of: Option<DeadLetter>,
    pub(crate) history: History,
    /// Of its record, what only a later Muster knows.
    pub(crate) unknown: Unknown,
    /// Something has to be in the stored record before the next call that changes a node.
    pub(crate) unstored: bool,
    /// Late calls that were found since somebody asked: see [`Task::take_late_calls`].
    pub(crate) late_calls_seen: u32,
}

impl Task {
    /// A task as a client asks for it: `operation` on `group_id`, on `nodes` in this order.
    #[must_use]
    pub fn new(
        id: String,
        operation: Operation,
        group_id: String,
        nodes: Vec<String>,
        policy: Policy,
    ) -> Self {
        Self {
            id,
            operation,
            group_id,
            phase: Phase::Queued,
            nodes: nodes.into_iter().map(Node::pending).collect(),
            policy,
            error: None,
            cancelled: false,
            retry_of: None,
            history: History::default(),
            unknown: Unknown::default(),
            unstored: false,
            late_calls_seen: 0,
        }
    }

    /// A task that resumes the compensation which `dead_letter` stands for, with a fresh budget.
    #[must_use]
    pub fn retry(id: String, dead_letter: DeadLetter, policy: Policy) -> Self {
        let mut node = Node::pending(dead_letter.node.clone());
        node.state = NodeState::Undoing;
        node.before = dead_letter.before;
        node.uncertain = true;
        Self {
            id,
            operation: dead_letter.operation,
            group_id: dead_letter.group_id.clone(),
            phase: Phase::Queued,
            nodes: vec![node],
            policy,
            error: None,
            cancelled: false,
            retry_of: Some(dead_letter),
            history: History::default(),
            unknown: Unknown::default(),
            unstored: false,
            late_calls_seen: 0,
        }
    }

    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    #[must_use]
    pub fn operation(&self) -> Operation {
        self.operation
    }

    #[must_use]
    pub fn group_id(&self) -> &str {
        &self.group_id
    }

    /// How far it has come, as clients read it.
    #[must_use]
    pub fn phase(&self) -> Phase {
        if self.awaits_late_calls() { Phase::AwaitingLateCall } else { self.phase }
    }

    /// Whether there is nothing left to do but to wait for calls that were given up on and may still be
    /// carried out.
    fn awaits_late_calls(&self) -> bool {
        let is_left = |node: &Node| match self.phase {
            Phase::Rollback => node.state == NodeState::Undoing,
            _ => node.is_open(),
        };
        matches!(self.phase, Phase::Forward | Phase::Rollback)
            && self.nodes.iter().any(|node| node.is_awaited)
            && self.nodes.iter().all(|node| node.is_awaited || !is_left(node))
    }

    /// How many calls were found, since this was last asked, to have been carried out after they were
    /// given up on and their node was put back.
    pub fn take_late_calls(&mut self) -> u32 {
        std::mem::take(&mut self.late_calls_seen)
    }

    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    #[must_use]
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The dead letter this task retries, if it is such a task.
    #[must_use]
    pub fn retry_of(&self) -> Option<&DeadLetter> {
        self.retry_of.as_ref()
    }

    /// The state clients are shown. A task that rolled back reads FAILURE; a retried dead letter
    /// whose undo went through reads SUCCESS, because that undo was its whole job.
    #[must_use]
    pub fn client_state(&self) -> ClientState {
        match self.phase {
            Phase::Queued => ClientState::Pending,
            Phase::Forward => ClientState::Started,
            Phase::Rollback | Phase::AwaitingLateCall => ClientState::Retry,
            Phase::Succeeded => ClientState::Success,
            Phase::RolledBack if self.retry_of.is_some() => ClientState::Success,
            Phase::RolledBack | Phase::DeadLettered => ClientState::Failure,
            Phase::Cancelled => ClientState::Revoked,
        }
    }

    /// Adds an event that is about the task as a whole to its history.
    pub(crate) fn note(&mut self, at_ms: u64, event: Event, reason: Option<&str>) {
        self.history.push(at_ms, event, None, reason);
    }

    /// Adds an event that is about one node to its history.
    pub(crate) fn note_node(
        &mut self,
        at_ms: u64,
        event: Event,
        node: usize,
        reason: Option<&str>,
    ) {
        self.history.push(at_ms, event, Some(node), reason);
    }
}
