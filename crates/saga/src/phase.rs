//! How far a task has come, in Muster's words and in Celery's.

use serde::{Deserialize, Serialize};

/// How far a task has come. The last four are ends and never change again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The nodes that are neither are on the dead-letter list.
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

/// The state as clients of Celery know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ClientState {
    Pending,
    Started,
    /// Rolling back, or waiting to.
    Retry,
    Success,
    Failure,
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
