//! How far a task has come, in Muster's words and in Celery's.

use serde::{Deserialize, Serialize};

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
    /// All is done; but a call that was given up on may still be carried out by its node, so the task
    /// waits until that can no longer be. Then it ends, or puts the node back again.
    AwaitingLateCall,
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
    /// Every phase there is.
    pub const ALL: [Self; 8] = [
        Self::Queued,
        Self::Forward,
        Self::Rollback,
        Self::AwaitingLateCall,
        Self::Succeeded,
        Self::RolledBack,
        Self::DeadLettered,
        Self::Cancelled,
    ];

    /// The word on the wire and in records, for example `rolled_back`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Forward => "forward",
            Self::Rollback => "rollback",
            Self::AwaitingLateCall => "awaiting_late_call",
            Self::Succeeded => "succeeded",
            Self::RolledBack => "rolled_back",
            Self::DeadLettered => "dead_lettered",
            Self::Cancelled => "cancelled",
        }
    }

    /// The phase of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.name() == name)
    }

    /// The phase that a task waits in for late calls, or this one.
    pub(crate) fn resumed(self, goes_back: bool) -> Self {
        match self {
            Self::AwaitingLateCall if goes_back => Self::Rollback,
            Self::AwaitingLateCall => Self::Forward,
            phase => phase,
        }
    }

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
