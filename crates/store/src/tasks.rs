//! Tasks as clients meet them: accepted, read, cancelled.

use saga::{ClientState, Task};
use serde::Deserialize;

use crate::redis::Redis;
use crate::script::{self, Arguments, to_json};
use crate::{Store, StoreError, WAKE_CHANNEL};

/// What became of a task that was to be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It is stored and will be carried out.
    Yes,
    /// Too many tasks wait; nothing was stored.
    Full { waiting: u64 },
}

/// What became of a wish to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    UnknownTask,
    /// It had ended already, in this state.
    Ended(ClientState),
    /// It had not started, and never will.
    Revoked,
    /// It is running and will roll back.
    RollingBack,
    /// It retries a dead letter and is under way: there is nothing to take back.
    Retrying,
}

/// A task as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskView {
    /// The record, or why it cannot be read.
    pub task: Result<Task, String>,
    pub state: ClientState,
    /// Milliseconds since the epoch.
    pub created_at_ms: u64,
    /// Milliseconds since the epoch.
    pub updated_at_ms: u64,
    /// Milliseconds since the epoch.
    pub finished_at_ms: Option<u64>,
    /// What people did to it, oldest first.
    pub notes: Vec<Note>,
}

/// Something a person did to a task.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Note {
    /// Milliseconds since the epoch.
    #[serde(rename = "t")]
    pub at_ms: u64,
    #[serde(rename = "e")]
    pub event: String,
    #[serde(rename = "d", default)]
    pub detail: Option<String>,
}

impl<R: Redis> Store<R> {
    /// Accepts `task` unless `max_queue` tasks wait already. Idempotent by the task's id.
    ///
    /// # Errors
    /// When Redis fails; the task may then be accepted or not.
    pub async fn accept(&self, task: &Task, max_queue: u64) -> Result<Accepted, StoreError> {
        let arguments = Arguments::default()
            .text(task.id())
            .text(task.group_id())
            .bytes(to_json(task)?)
            .number(max_queue)
            .text(WAKE_CHANNEL);
        let mut answer = self.run(&script::ACCEPT, arguments).await?;
        match answer.text()?.as_str() {
            "ACCEPTED" => Ok(Accepted::Yes),
            "FULL" => Ok(Accepted::Full { waiting: answer.count()? }),
            _ => Err(answer.unexpected("ACCEPTED or FULL", None)),
        }
    }

    /// Reads a task; `None` when there is no such task (any more). Rings the doorbell when there
    /// is work that nobody looks after.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn poll(&self, task_id: &str) -> Result<Option<TaskView>, StoreError> {
        let arguments = Arguments::default().text(task_id).text(WAKE_CHANNEL);
        let mut answer = self.run(&script::POLL, arguments).await?;
        if answer.is_empty() {
            return Ok(None);
        }
        let record = answer.bytes()?;
        let state = answer.text()?;
        Ok(Some(TaskView {
            task: serde_json::from_slice(&record).map_err(|error| error.to_string()),
            state: client_state(&state)?,
            created_at_ms: answer.optional_count()?.unwrap_or_default(),
            updated_at_ms: answer.optional_count()?.unwrap_or_default(),
            finished_at_ms: answer.optional_count()?,
            notes: match answer.optional_text()? {
                Some(notes) => serde_json::from_str(&notes)
                    .map_err(|error| StoreError::Record(error.to_string()))?,
                None => Vec::new(),
            },
        }))
    }

    /// Cancels a task; an ended one is kept for `task_ttl_s` seconds.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn cancel(&self, task_id: &str, task_ttl_s: u64) -> Result<Cancelled, StoreError> {
        let arguments = Arguments::default().text(task_id).text(WAKE_CHANNEL).number(task_ttl_s);
        let mut answer = self.run(&script::CANCEL, arguments).await?;
        match answer.text()?.as_str() {
            "UNKNOWN" => Ok(Cancelled::UnknownTask),
            "ENDED" => Ok(Cancelled::Ended(client_state(&answer.text()?)?)),
            "REVOKED" => Ok(Cancelled::Revoked),
            "CANCELLING" => Ok(Cancelled::RollingBack),
            "RETRYING" => Ok(Cancelled::Retrying),
            _ => Err(answer.unexpected("a word that cancel.lua answers", None)),
        }
    }
}

fn client_state(name: &str) -> Result<ClientState, StoreError> {
    use ClientState::{Failure, Pending, Retry, Revoked, Started, Success};
    [Pending, Started, Retry, Success, Failure, Revoked]
        .into_iter()
        .find(|state| state.name() == name)
        .ok_or_else(|| StoreError::Record(format!("{name:?} is not a state")))
}
