//! One node's part in a task.

use serde::{Deserialize, Serialize};

use crate::answer::Failure;
use crate::late_calls::LateCalls;
use crate::operation::Presence;
use crate::record::Unknown;

/// What is known of one node in a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// Not called yet, or to be tried again after a refusal.
    Pending,
    /// The call is about to be made, or its answer is not known.
    Calling,
    /// The task changed it.
    Applied,
    /// It already was as desired; never rolled back.
    Unchanged,
    /// A definite no; nothing changed.
    Refused,
    /// The call may have changed it.
    Unknown,
    /// It is being put back as it was.
    Undoing,
    /// It is as it was before the task.
    Undone,
    /// It could not be put back, and is on the dead-letter list.
    Dead,
}

/// The codes that a task's record holds.
const STATE_CODES: [(NodeState, &str); 9] = [
    (NodeState::Pending, "p"),
    (NodeState::Calling, "c"),
    (NodeState::Applied, "a"),
    (NodeState::Unchanged, "="),
    (NodeState::Refused, "r"),
    (NodeState::Unknown, "?"),
    (NodeState::Undoing, "U"),
    (NodeState::Undone, "u"),
    (NodeState::Dead, "d"),
];

impl NodeState {
    pub(crate) fn code(self) -> &'static str {
        STATE_CODES.iter().find(|(state, _)| *state == self).map_or("", |(_, code)| code)
    }

    pub(crate) fn from_code(code: &str) -> Option<Self> {
        STATE_CODES.iter().find(|(_, own)| *own == code).map(|(state, _)| *state)
    }
}

/// One node's record in a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub(crate) address: String,
    pub(crate) state: NodeState,
    /// What the node held before this task first changed it. Learned by inspecting it before the first
    /// call that changes anything, so it is known for every node that may have to be undone.
    pub(crate) before: Option<Presence>,
    /// An earlier call of this task may have taken effect, whatever later calls said: what the node
    /// held when it was last seen says nothing about who made it so.
    pub(crate) uncertain: bool,
    /// Calls sent that were to change the node; while it is `calling`, the one intended counts.
    pub(crate) attempts: u32,
    /// Tries going forward that failed, against `forward_max_attempts`.
    pub(crate) failures: u32,
    /// Undo calls that failed, against `rollback_max_retries`.
    pub(crate) rollback_attempts: u32,
    /// Not before this time is the node called again; milliseconds since the epoch.
    pub(crate) due_at_ms: Option<u64>,
    /// Since when calls to it are withheld, unless one was made since; milliseconds since the epoch.
    pub(crate) withheld_since_ms: Option<u64>,
    pub(crate) last_error: Option<String>,
    pub(crate) updated_at_ms: Option<u64>,
    /// Calls that were given up on, and may still be carried out.
    pub(crate) late_calls: LateCalls,
    /// The task waits until those must have been carried out; then the node is inspected.
    pub(crate) is_awaited: bool,
    /// Of its record, what only a later Muster knows.
    pub(crate) unknown: Unknown,
    /// Where the worker that holds the task stands with this node. Not stored: a worker that
    /// takes the task over starts from `state` alone.
    pub(crate) progress: Progress,
}

/// What the holder of a task is doing with one node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Progress {
    #[default]
    Idle,
    /// An inspection is under way.
    Inspecting,
    /// The inspection is done and the node is to be changed, once the others of its round are inspected.
    Inspected { at_ms: u64 },
    /// The intent to change it is recorded, and the call is yet to be sent.
    Intended { inspected_at_ms: u64 },
    /// A call that changes the node is under way.
    Changing,
    /// The last answer did not tell what the node holds: it is to be inspected. The failure is what to record
    /// when the node turns out not to be as it should.
    ConfirmDue(Failure),
    /// It is being inspected for that.
    Confirming(Failure),
}

impl Node {
    pub(crate) fn pending(address: String) -> Self {
        Self {
            address,
            state: NodeState::Pending,
            before: None,
            uncertain: false,
            attempts: 0,
            failures: 0,
            rollback_attempts: 0,
            due_at_ms: None,
            withheld_since_ms: None,
            last_error: None,
            updated_at_ms: None,
            late_calls: LateCalls::default(),
            is_awaited: false,
            unknown: Unknown::default(),
            progress: Progress::Idle,
        }
    }

    /// The node as the settings name it.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    #[must_use]
    pub fn state(&self) -> NodeState {
        self.state
    }

    /// What it held before the task, as far as the task had to know.
    #[must_use]
    pub fn before(&self) -> Option<Presence> {
        self.before
    }

    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Undo calls that failed.
    #[must_use]
    pub fn rollback_attempts(&self) -> u32 {
        self.rollback_attempts
    }

    #[must_use]
    pub fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }

    #[must_use]
    pub fn updated_at_ms(&self) -> Option<u64> {
        self.updated_at_ms
    }

    /// Whether the task waits for calls to it that were given up on and may still be carried out.
    #[must_use]
    pub fn awaits_late_call(&self) -> bool {
        self.is_awaited
    }

    /// Whether a call to it is under way, or must follow whatever else happens.
    pub(crate) fn is_under_way(&self) -> bool {
        match self.progress {
            Progress::Idle | Progress::Inspected { .. } | Progress::Intended { .. } => false,
            Progress::Inspecting
            | Progress::Changing
            | Progress::ConfirmDue(_)
            | Progress::Confirming(_) => true,
        }
    }

    /// Whether it is still to be made as desired.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, NodeState::Pending | NodeState::Unknown | NodeState::Calling)
    }

    /// Records the intent to change the node, after the inspection at `inspected_at_ms`.
    pub(crate) fn intend(&mut self, inspected_at_ms: u64, now_ms: u64) {
        self.state = NodeState::Calling;
        self.progress = Progress::Intended { inspected_at_ms };
        self.attempts = self.attempts.saturating_add(1);
        self.updated_at_ms = Some(now_ms);
    }

    /// Takes the intent back: the call was not sent. What the inspection said is still good.
    pub(crate) fn withdraw(&mut self) {
        self.state = if self.uncertain { NodeState::Unknown } else { NodeState::Pending };
        self.progress = match self.progress {
            Progress::Intended { inspected_at_ms } => {
                Progress::Inspected { at_ms: inspected_at_ms }
            }
            _ => Progress::Idle,
        };
        self.attempts = self.attempts.saturating_sub(1);
    }

    pub(crate) fn is_waiting(&self, now_ms: u64) -> bool {
        self.due_at_ms.is_some_and(|due| due > now_ms)
    }

    /// Comes to rest in `state`, with nothing under way.
    pub(crate) fn rest(&mut self, state: NodeState, now_ms: u64) {
        self.state = state;
        self.progress = Progress::Idle;
        self.due_at_ms = None;
        self.updated_at_ms = Some(now_ms);
    }
}
