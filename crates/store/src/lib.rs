//! What Muster remembers: its keys, records and transitions in Redis.
//!
//! Every transition is one Lua script (`scripts/*.lua`): atomic, one round trip, idempotent, fenced
//! by the task's epoch, and timed by Redis's clock. This crate names the keys, encodes what goes
//! in and decodes what comes out; it reaches Redis through the one-method trait [`Redis`].

mod callbacks;
mod dead_letters;
mod groups;
mod overview;
mod page;
mod redis;
mod script;
mod tasks;
mod turn;

pub use callbacks::{
    CallbackChange, CallbackOutcome, CallbackPage, CallbackSummary, CallbackTurn, CallbackView,
    Delivery, DeliveryStatus, DueCallback,
};
pub use dead_letters::{
    DeadLetterFilter, DeadLetterPage, DeadLetterRetry, DeadLetterView, Discarded,
};
pub use groups::{GROUP_ENTRIES_MAX, GroupPage, GroupSummary, GroupTask, GroupView};
pub use overview::{Overview, Paused};
pub use page::{CURSOR_PATTERN, Cursor, NotACursor};
pub use redis::{Redis, RedisError, RedisTrouble, Value};
pub use tasks::{
    Accepted, Admission, Cancelled, Idempotency, Note, Rate, TaskFilter, TaskPage, TaskSummary,
    TaskView,
};
pub use turn::{BreakerChange, Claimed, Commit, CommitKind, Flag, Instruction, Turn, TurnAnswer};

/// The prefix of every key. Its hash tag puts them all into one slot of a Redis Cluster.
pub const PREFIX: &str = "{muster}:";
/// The Redis channel that wakes workers. `spin.toml` names it too.
pub const WAKE_CHANNEL: &str = "muster:wake";

/// Muster's state in one Redis.
#[derive(Clone, Debug)]
pub struct Store<R> {
    redis: R,
}

impl<R: Redis> Store<R> {
    pub fn new(redis: R) -> Self {
        Self { redis }
    }
}

/// Why a transition did not come about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// Redis could not be reached or refused; nothing is known of what it did.
    Redis(RedisError),
    /// Redis answered in a way no script of ours does.
    Answer { script: &'static str, reason: String },
    /// A record could not be written or read.
    Record(String),
}

impl StoreError {
    /// Whether Redis said no, so that nothing was done.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Redis(RedisError::Refused(_)))
    }
}

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Redis(error) => write!(f, "{error}"),
            Self::Answer { script, reason } => write!(f, "script {script}: {reason}"),
            Self::Record(reason) => write!(f, "record: {reason}"),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<saga::RecordError> for StoreError {
    fn from(error: saga::RecordError) -> Self {
        Self::Record(error.to_string())
    }
}

impl From<RedisError> for StoreError {
    fn from(error: RedisError) -> Self {
        Self::Redis(error)
    }
}
