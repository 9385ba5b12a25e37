//! The task: a snapshot taken at acceptance and everything learned since.

use serde::{Deserialize, Serialize};

use crate::dead_letter::DeadLetter;
use crate::history::History;
use crate::node::{Node, NodeState};

/// The most nodes one task may name.
pub const NODES_MAX: usize = 1_000;
/// More nodes a round mean fewer writes of the record, and more nodes in doubt after a crash.
const ROUND_NODES: usize = 16;
/// The most bytes of one node's address.
pub const NODE_ADDRESS_BYTES_MAX: usize = 512;

/// What is done with a group on every node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    Create,
    Delete,
}

impl Operation {
    /// The operation that takes this one back.
    #[must_use]
    pub fn reverse(self) -> Self {
        match self {
            Self::Create => Self::Delete,
            Self::Delete => Self::Create,
        }
    }

    /// What a node holds once the operation has taken effect there.
    #[must_use]
    pub fn desired(self) -> Presence {
        match self {
            Self::Create => Presence::Present,
            Self::Delete => Presence::Absent,
        }
    }

    /// The name clients and operators read: `create` or `delete`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Delete => "delete",
        }
    }

    /// The operation of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Create, Self::Delete].into_iter().find(|operation| operation.name() == name)
    }
}

/// Whether a node holds the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    Present,
    Absent,
}

impl Presence {
    /// The name clients and operators read: `present` or `absent`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Absent => "absent",
        }
    }

    /// The presence of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Present, Self::Absent].into_iter().find(|presence| presence.name() == name)
    }

    /// The operation that makes it so.
    #[must_use]
    pub fn operation(self) -> Operation {
        match self {
            Self::Present => Operation::Create,
            Self::Absent => Operation::Delete,
        }
    }
}

/// How far a task has come. The last four are ends and never change again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Accepted, not yet taken by a worker.
    Queued,
    /// Calling the nodes one after another.
    Forward,
    /// Taking back what was done (compensation).
    Rollback,
    /// Every node is as desired.
    Succeeded,
    /// Every node is as it was before the task.
    RolledBack,
    /// Some node could not be put back, and is on the dead-letter list.
    DeadLettered,
    /// Stopped by a client, and every node is as it was before the task.
    Cancelled,
}

impl Phase {
    /// Whether the task has ended.
    #[must_use]
    pub fn is_end(self) -> bool {
        matches!(self, Self::Succeeded | Self::RolledBack | Self::DeadLettered | Self::Cancelled)
    }
}

/// A task's state as clients read it, in the words of Celery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "State"))]
#[serde(rename_all = "UPPERCASE")]
pub enum ClientState {
    /// Waits to be started.
    Pending,
    /// A worker has taken it, and goes forward.
    Started,
    /// Rolling back, or waiting to.
    Retry,
    /// Every node is as desired.
    Success,
    /// Every node is as it was before, or is on the dead-letter list: see `phase`.
    Failure,
    /// Cancelled, and every node is as it was before.
    Revoked,
}

impl ClientState {
    /// Every state there is.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Started, Self::Retry, Self::Success, Self::Failure, Self::Revoked];

    /// The word on the wire, for example `PENDING`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Started => "STARTED",
            Self::Retry => "RETRY",
            Self::Success => "SUCCESS",
            Self::Failure => "FAILURE",
            Self::Revoked => "REVOKED",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// The settings that decide a task's policy, as they were when it was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// How often a node is tried going forward before the task gives up; 1 = no second try.
    pub forward_max_attempts: u32,
    /// How often a failed undo is tried *again* before it becomes a dead letter.
    pub rollback_max_retries: u32,
    /// Milliseconds between a failed undo and its first retry.
    pub rollback_retry_delay_ms: u64,
    /// What the delay is multiplied by after each retry, in percent; 100 keeps it constant.
    pub rollback_backoff_percent: u32,
    /// The most a delay is lengthened by at random, in percent of itself.
    pub rollback_jitter_percent: u32,
    /// How many nodes are changed at once.
    pub node_parallelism: u32,
    /// How often the task may be recovered from a dead worker before it counts as poison.
    pub max_recoveries: u32,
}

impl Policy {
    /// How many nodes are changed at once, as a length.
    pub(crate) fn parallel(&self) -> usize {
        usize::try_from(self.node_parallelism.max(1)).unwrap_or(usize::MAX)
    }

    /// How many nodes at most are asked what they hold, and then intended to be changed, together.
    #[must_use]
    pub fn round_nodes(&self) -> usize {
        ROUND_NODES.max(self.parallel())
    }
}

impl Default for Policy {
    /// The reference's behaviour.
    fn default() -> Self {
        Self {
            forward_max_attempts: 1,
            rollback_max_retries: 3,
            rollback_retry_delay_ms: 10_000,
            rollback_backoff_percent: 100,
            rollback_jitter_percent: 0,
            node_parallelism: 1,
            max_recoveries: 10,
        }
    }
}

/// A task's whole state: what is stored in Redis as its record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    pub(crate) id: String,
    pub(crate) operation: Operation,
    pub(crate) group_id: String,
    pub(crate) phase: Phase,
    pub(crate) nodes: Vec<Node>,
    #[serde(rename = "course")]
    pub(crate) policy: Policy,
    /// Why the task stopped going forward. Set once, with the first failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    /// A client asked for it to stop; it then ends as `Cancelled` when the rollback is whole.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) cancelled: bool,
    /// The dead letter this task retries, when it is not a client's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) retry_of: Option<DeadLetter>,
    pub(crate) history: History,
    /// Something has to be in the stored record before the next call that changes a node.
    #[serde(skip)]
    pub(crate) unstored: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
pub(crate) fn is_false(value: &bool) -> bool {
    !*value
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
            unstored: false,
        }
    }

    /// A task that resumes the compensation which `dead_letter` stands for, with a fresh budget.
    #[must_use]
    pub fn retry(id: String, dead_letter: DeadLetter, policy: Policy) -> Self {
        let mut node = Node::pending(dead_letter.node.clone());
        node.state = NodeState::Undoing;
        node.before = dead_letter.before;
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
            unstored: false,
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

    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
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
            Phase::Rollback => ClientState::Retry,
            Phase::Succeeded => ClientState::Success,
            Phase::RolledBack if self.retry_of.is_some() => ClientState::Success,
            Phase::RolledBack | Phase::DeadLettered => ClientState::Failure,
            Phase::Cancelled => ClientState::Revoked,
        }
    }

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
}
