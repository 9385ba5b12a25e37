//! One node's part in a task.

use serde::{Deserialize, Serialize};

use crate::answer::Failure;
use crate::task::{Presence, is_false};

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

/// One node's record in a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    pub(crate) address: String,
    pub(crate) state: NodeState,
    /// What the node held before this task first changed it. Learned by looking before the first
    /// call that changes anything, so it is known for every node that may have to be undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<Presence>,
    /// An earlier call of this task may have taken effect, whatever later calls said.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) uncertain: bool,
    /// Calls sent that were to change the node; while it is `calling`, the one intended counts.
    #[serde(default)]
    pub(crate) attempts: u32,
    /// Tries going forward that failed, against `forward_max_attempts`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) failures: u32,
    /// Undo calls that failed, against `rollback_max_retries`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) rollback_attempts: u32,
    /// Not before this time is the node called again; milliseconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) due_at_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_error: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) updated_at_ms: Option<u64>,
    /// Where the worker that holds the task stands with this node. Not stored: a worker that
    /// takes the task over starts from `state` alone.
    #[serde(skip)]
    pub(crate) progress: Progress,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_zero(value: &u32) -> bool {
    *value == 0
}

/// What the holder of a task is doing with one node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Progress {
    #[default]
    Idle,
    /// A look is under way.
    Inspecting,
    /// The look is done and the node is to be changed, once the others of its round are looked at.
    Inspected { at_ms: u64 },
    /// The intent to change it is noted down, and the call is yet to be sent.
    Intended { inspected_at_ms: u64 },
    /// A call that changes the node is under way.
    Changing,
    /// The last answer did not settle what the node holds: ask it. The failure is what to record
    /// when the node turns out not to be as it should.
    ConfirmDue(Failure),
    /// It is being asked.
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
            last_error: None,
            updated_at_ms: None,
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

    /// Notes down the intent to change the node, after the look at `inspected_at_ms`.
    pub(crate) fn intend(&mut self, inspected_at_ms: u64, now_ms: u64) {
        self.state = NodeState::Calling;
        self.progress = Progress::Intended { inspected_at_ms };
        self.attempts = self.attempts.saturating_add(1);
        self.updated_at_ms = Some(now_ms);
    }

    /// Takes the intent back: the call was not sent. What a look said is still good.
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

    /// Settles into `state`, with nothing under way.
    pub(crate) fn rest(&mut self, state: NodeState, now_ms: u64) {
        self.state = state;
        self.progress = Progress::Idle;
        self.due_at_ms = None;
        self.updated_at_ms = Some(now_ms);
    }
}
