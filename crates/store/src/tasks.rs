//! Tasks as clients meet them: accepted, read, listed, cancelled.

use saga::{ClientState, Event, Operation, Phase, RecordError, Task};
use serde::Deserialize;

use crate::callbacks::CallbackView;
use crate::page::{Cursor, SCAN_MAX};
use crate::redis::Redis;
use crate::script::{self, Answer, Arguments};
use crate::{Store, StoreError, WAKE_CHANNEL};

/// What decides whether a task is accepted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Admission<'a> {
    /// The most tasks that may wait.
    pub max_queue: u64,
    pub idempotency: Option<Idempotency<'a>>,
    pub rate: Option<Rate<'a>>,
    /// The URL to call when the task ends.
    pub callback: Option<&'a str>,
}

/// A request that may come twice and is to be carried out once.
#[derive(Clone, Copy, Debug)]
pub struct Idempotency<'a> {
    pub key: &'a str,
    /// What was asked for, so that a key used again for something else is noticed.
    pub digest: &'a str,
    /// How long the key is remembered, in seconds.
    pub ttl_s: u64,
}

/// How often somebody may ask.
#[derive(Clone, Copy, Debug)]
pub struct Rate<'a> {
    pub caller: &'a str,
    /// Requests in one second of Redis's clock.
    pub per_second: u64,
}

/// What became of a task that was to be accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It is stored and will be carried out.
    Yes,
    /// Too many tasks wait; nothing was stored.
    Full { waiting: u64 },
    /// The same request was accepted before, as this task.
    Repeated { task_id: String },
    /// Another request came with the same idempotency key; nothing was stored.
    KeyReused,
    /// The caller asks too often; nothing was stored.
    TooFast,
}

/// A task in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskSummary {
    pub task_id: String,
    pub state: ClientState,
    /// `None` when it is not known, which only a damaged record is.
    pub operation: Option<Operation>,
    pub group_id: String,
    /// Milliseconds since the epoch.
    pub created_at_ms: u64,
    /// Milliseconds since the epoch.
    pub updated_at_ms: u64,
    /// Milliseconds since the epoch.
    pub finished_at_ms: Option<u64>,
    /// `None` when it is not known, which only a damaged record's or a later version's is.
    pub phase: Option<Phase>,
    /// Why it turned back.
    pub error: Option<String>,
}

/// Which tasks to list; `None` and empty mean any.
#[derive(Clone, Copy, Debug, Default)]
pub struct TaskFilter<'a> {
    pub group_id: Option<&'a str>,
    pub operation: Option<Operation>,
    pub states: &'a [ClientState],
    pub phases: &'a [Phase],
    /// A node as the settings named it when the task was accepted.
    pub node: Option<&'a str>,
    /// Accepted at or after, in milliseconds since the epoch.
    pub since_ms: Option<u64>,
    /// Accepted before, in milliseconds since the epoch.
    pub before_ms: Option<u64>,
}

/// Some tasks, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskPage {
    pub tasks: Vec<TaskSummary>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Cursor>,
}

/// What became of a wish to cancel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cancelled {
    UnknownTask,
    /// It had ended already, in this state.
    Ended(ClientState),
    /// It had not started, and never will.
    Revoked {
        group_id: String,
    },
    /// It is running and will roll back.
    RollingBack,
    /// It retries a dead letter and is under way: there is nothing to take back.
    Retrying,
}

/// A task as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskView {
    /// The task, or why its record cannot be read.
    pub task: Result<Task, RecordError>,
    pub state: ClientState,
    /// `None` when it is not known, which only a damaged task's is.
    pub operation: Option<Operation>,
    pub group_id: String,
    /// Milliseconds since the epoch.
    pub created_at_ms: u64,
    /// Milliseconds since the epoch.
    pub updated_at_ms: u64,
    /// Milliseconds since the epoch.
    pub finished_at_ms: Option<u64>,
    /// What people did to it, oldest first.
    pub notes: Vec<Note>,
    /// Who is told when it ends.
    pub callback: Option<CallbackView>,
}

/// Something a person did to a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Milliseconds since the epoch.
    pub at_ms: u64,
    pub event: Event,
    /// More about it, for people.
    pub detail: Option<String>,
    /// Who did it.
    pub by: Option<String>,
}

/// A note as `notes.lua` writes it.
#[derive(Deserialize)]
struct StoredNote {
    #[serde(rename = "t")]
    at_ms: u64,
    #[serde(rename = "e")]
    event: String,
    #[serde(rename = "d", default)]
    detail: Option<String>,
    #[serde(rename = "b", default)]
    by: Option<String>,
}

impl Note {
    /// A note that somebody has damaged is no reason to hide the task: it is left out.
    fn read(json: &[u8]) -> Option<Self> {
        let StoredNote { at_ms, event, detail, by } = serde_json::from_slice(json).ok()?;
        Some(Self { at_ms, event: Event::from_name(&event)?, detail, by })
    }
}

impl<R: Redis> Store<R> {
    /// Accepts `task` unless something stands against it. Idempotent by the task's id, and by the
    /// idempotency key when there is one.
    ///
    /// # Errors
    /// When Redis fails; the task may then be accepted or not.
    pub async fn accept(
        &self,
        task: &Task,
        admission: Admission<'_>,
    ) -> Result<Accepted, StoreError> {
        let mut arguments = Arguments::default()
            .text(task.id())
            .text(task.group_id())
            .text(task.operation().name())
            .bytes(task.to_record()?)
            .number(admission.max_queue)
            .text(WAKE_CHANNEL);
        arguments = match admission.idempotency {
            Some(Idempotency { key, digest, ttl_s }) => {
                arguments.text(key).text(digest).number(ttl_s)
            }
            None => arguments.text("").text("").number(0),
        };
        arguments = match admission.rate {
            Some(Rate { caller, per_second }) => arguments.text(caller).number(per_second),
            None => arguments.text("").number(0),
        };
        let arguments = arguments.text(admission.callback.unwrap_or_default());
        let mut answer = self.run(&script::ACCEPT, arguments).await?;
        match answer.text()?.as_str() {
            "ACCEPTED" => Ok(Accepted::Yes),
            "FULL" => Ok(Accepted::Full { waiting: answer.count()? }),
            "REPEATED" => Ok(Accepted::Repeated { task_id: answer.text()? }),
            "KEY_REUSED" => Ok(Accepted::KeyReused),
            "TOO_FAST" => Ok(Accepted::TooFast),
            _ => Err(answer.unexpected("a word that accept.lua answers", None)),
        }
    }

    /// Lists up to `count` tasks after `cursor`, newest first. The work is bounded, so a page may be
    /// short and still have a next one.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn tasks(
        &self,
        filter: TaskFilter<'_>,
        cursor: Option<&Cursor>,
        count: u64,
    ) -> Result<TaskPage, StoreError> {
        let states: Vec<&str> = filter.states.iter().map(|state| state.name()).collect();
        let phases: Vec<&str> = filter.phases.iter().map(|phase| phase.name()).collect();
        let bound = |at_ms: Option<u64>| at_ms.map_or_else(String::new, |at_ms| at_ms.to_string());
        let arguments = Cursor::push(cursor, Arguments::default())
            .number(count)
            .number(SCAN_MAX)
            .text(WAKE_CHANNEL)
            .text(filter.group_id.unwrap_or_default())
            .text(filter.operation.map_or("", Operation::name))
            .text(&between_commas(&states))
            .text(&json_string(filter.node)?)
            .text(&bound(filter.since_ms))
            .text(&bound(filter.before_ms))
            .text(&between_commas(&phases));
        let mut answer = self.run(&script::TASKS_LIST, arguments).await?;
        let next = Cursor::read(&mut answer)?;
        let mut tasks = Vec::new();
        while !answer.is_empty() {
            tasks.push(task_summary(&mut answer)?);
        }
        Ok(TaskPage { tasks, next })
    }

    /// Reads a task; `None` when there is no such task (any more). Wakes a drain when there
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
        let state = client_state(&answer.text()?)?;
        let (operation, group_id) = (answer.text()?, answer.text()?);
        let created_at_ms = answer.optional_count()?.unwrap_or_default();
        let updated_at_ms = answer.optional_count()?.unwrap_or_default();
        let finished_at_ms = answer.optional_count()?;
        let record = answer.bytes()?;
        let mut notes = Vec::new();
        for _ in 0..answer.count()? {
            notes.extend(Note::read(&answer.bytes()?));
        }
        Ok(Some(TaskView {
            task: read_task(task_id, &operation, group_id.clone(), &record),
            state,
            operation: Operation::from_name(&operation),
            group_id,
            created_at_ms,
            updated_at_ms,
            finished_at_ms,
            notes,
            callback: if answer.is_empty() {
                None
            } else {
                Some(CallbackView::read(task_id.to_owned(), &mut answer)?)
            },
        }))
    }

    /// Cancels a task for `by`; an ended one is kept for `task_ttl_s` seconds.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn cancel(
        &self,
        task_id: &str,
        task_ttl_s: u64,
        by: &str,
    ) -> Result<Cancelled, StoreError> {
        let arguments =
            Arguments::default().text(task_id).text(WAKE_CHANNEL).number(task_ttl_s).text(by);
        let mut answer = self.run(&script::CANCEL, arguments).await?;
        match answer.text()?.as_str() {
            "UNKNOWN" => Ok(Cancelled::UnknownTask),
            "ENDED" => Ok(Cancelled::Ended(client_state(&answer.text()?)?)),
            "REVOKED" => Ok(Cancelled::Revoked { group_id: answer.text()? }),
            "CANCELLING" => Ok(Cancelled::RollingBack),
            "RETRYING" => Ok(Cancelled::Retrying),
            _ => Err(answer.unexpected("a word that cancel.lua answers", None)),
        }
    }
}

fn task_summary(answer: &mut Answer) -> Result<TaskSummary, StoreError> {
    Ok(TaskSummary {
        task_id: answer.text()?,
        state: client_state(&answer.text()?)?,
        operation: Operation::from_name(&answer.text()?),
        group_id: answer.text()?,
        created_at_ms: answer.optional_count()?.unwrap_or_default(),
        updated_at_ms: answer.optional_count()?.unwrap_or_default(),
        finished_at_ms: answer.optional_count()?,
        phase: Phase::from_name(&answer.text()?),
        // What somebody has damaged is no reason to hide the task.
        error: answer.optional_text()?.and_then(|json| serde_json::from_str(&json).ok()),
    })
}

/// Names as `tasks_list.lua` looks for one of them; empty for any.
fn between_commas(names: &[&str]) -> String {
    if names.is_empty() { String::new() } else { format!(",{},", names.join(",")) }
}

/// The task that a record holds; `operation` is a name as scripts answer it.
pub(crate) fn read_task(
    task_id: &str,
    operation: &str,
    group_id: String,
    record: &[u8],
) -> Result<Task, RecordError> {
    let read = |operation| Task::from_record(task_id.to_owned(), operation, group_id, record);
    match Operation::from_name(operation) {
        Some(operation) => read(operation),
        // One that a later version knows, if its record is of such a version.
        None => Err(match read(Operation::Create) {
            Err(newer @ RecordError::Newer(_)) => newer,
            _ => RecordError::Damaged(format!("{operation:?} is no operation")),
        }),
    }
}

/// `value` as JSON spells it; empty for any.
pub(crate) fn json_string(value: Option<&str>) -> Result<String, StoreError> {
    let Some(value) = value else { return Ok(String::new()) };
    serde_json::to_string(value).map_err(|error| StoreError::Record(error.to_string()))
}

pub(crate) fn client_state(name: &str) -> Result<ClientState, StoreError> {
    ClientState::from_name(name)
        .ok_or_else(|| StoreError::Record(format!("{name:?} is not a state")))
}
