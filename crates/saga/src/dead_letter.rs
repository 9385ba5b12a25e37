//! What is left for a person when a compensation was given up.

use serde::{Deserialize, Serialize};

use crate::operation::{Operation, Presence};

/// What a dead letter stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum DeadLetterKind {
    /// A node that could not be put back as it was.
    #[default]
    Compensation,
    /// A task whose record cannot be read.
    UnreadableRecord,
}

/// One node that is not as it was before the task, with everything needed to act. There is at most one for
/// a group and node that is not superseded: see `dead_letters.lua` of the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Names the dead_letter: the task's id, a dash, and the node's place in the task.
    pub id: String,
    #[serde(default)]
    pub kind: DeadLetterKind,
    /// The task whose compensation was given up.
    pub task_id: String,
    pub group_id: String,
    pub node: String,
    /// The task's operation; what is left to do is its reverse.
    pub operation: Operation,
    /// What the node held before the task, and should hold again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Presence>,
    /// Undo calls made so far, retries of this dead letter included.
    pub attempts: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Milliseconds since the epoch.
    pub created_at_ms: u64,
    /// Milliseconds since the epoch.
    pub updated_at_ms: u64,
}
