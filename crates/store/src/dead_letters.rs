//! Dead letters as operators meet them: listed, read, retried, discarded.

use saga::{DeadLetter, DeadLetterKind, Operation, Task};

use crate::page::{Cursor, SCAN_MAX};
use crate::redis::Redis;
use crate::script::{self, Answer, Arguments};
use crate::tasks::json_string;
use crate::{Store, StoreError, WAKE_CHANNEL};

/// A dead letter as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetterView {
    /// What it says of the first task that left its node behind, with the undo calls of all of them and
    /// the last error of any.
    pub dead_letter: DeadLetter,
    /// The names under which its tasks know it, each a task's id, a dash, and the node's place in that
    /// task: the first, which is its own id, and the latest others.
    pub names: Vec<String>,
    /// How many tasks left the node behind.
    pub tasks_total: u64,
    /// The task that ended in SUCCESS on the same group since; the dead letter can no longer be retried.
    pub superseded_by: Option<String>,
    /// The task that is retrying it now.
    pub retry_task_id: Option<String>,
}

/// Some dead letters, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetterPage {
    /// How many match in all; `None` when that is not known, because too many would have to be visited.
    pub total: Option<u64>,
    pub dead_letters: Vec<DeadLetterView>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Cursor>,
}

/// Which dead letters to list; `None` means any.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeadLetterFilter<'a> {
    pub group_id: Option<&'a str>,
    pub node: Option<&'a str>,
    pub operation: Option<Operation>,
    pub task_id: Option<&'a str>,
}

/// What became of a wish to retry a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeadLetterRetry {
    /// The task given is queued.
    Accepted,
    UnknownDeadLetter,
    /// It is part of an older one for the same node now, or may be; nothing was done. The task is to be
    /// made anew from what is read under the same id.
    Changed,
    /// By this task: an old undo would break what it made.
    Superseded(String),
    /// By this task already.
    Retrying(String),
}

/// What became of a wish to discard a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Discarded {
    Yes,
    UnknownDeadLetter,
    /// This task is retrying it now.
    Retrying(String),
}

impl<R: Redis> Store<R> {
    /// Lists up to `count` dead letters after `cursor`, oldest first. The work is bounded, so a page
    /// may be short and still have a next one.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn dead_letters(
        &self,
        filter: DeadLetterFilter<'_>,
        cursor: Option<&Cursor>,
        count: u64,
    ) -> Result<DeadLetterPage, StoreError> {
        let arguments = Cursor::push(cursor, Arguments::default())
            .number(count)
            .number(SCAN_MAX)
            .text(WAKE_CHANNEL)
            .text(filter.group_id.unwrap_or_default())
            .text(filter.task_id.unwrap_or_default())
            .text(&json_field("node", filter.node)?)
            .text(&json_field("operation", filter.operation.map(Operation::name))?);
        let mut answer = self.run(&script::DEAD_LETTERS_LIST, arguments).await?;
        let total = answer.optional_count()?;
        let next = Cursor::read(&mut answer)?;
        let mut dead_letters = Vec::new();
        while !answer.is_empty() {
            dead_letters.push(dead_letter_view(&mut answer)?);
        }
        Ok(DeadLetterPage { total, dead_letters, next })
    }

    /// Reads the dead letter that one of its tasks knows by this id.
    ///
    /// # Errors
    /// When Redis fails or the dead letter cannot be read.
    pub async fn dead_letter(
        &self,
        dead_letter_id: &str,
    ) -> Result<Option<DeadLetterView>, StoreError> {
        let arguments = Arguments::default().text(dead_letter_id).text(WAKE_CHANNEL);
        let mut answer = self.run(&script::DEAD_LETTER_READ, arguments).await?;
        if answer.is_empty() { Ok(None) } else { dead_letter_view(&mut answer).map(Some) }
    }

    /// Queues `task`, made by [`Task::retry`] from `dead_letter`, for `by`. Ended tasks are kept for
    /// `task_ttl_s` seconds once no dead letter names them.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn retry_dead_letter(
        &self,
        dead_letter: &DeadLetter,
        task: &Task,
        by: &str,
        task_ttl_s: u64,
    ) -> Result<DeadLetterRetry, StoreError> {
        let arguments = Arguments::default()
            .text(&dead_letter.id)
            .text(task.id())
            .text(task.group_id())
            .text(task.operation().name())
            .bytes(task.to_record()?)
            .text(WAKE_CHANNEL)
            .text(by)
            .number(task_ttl_s);
        let mut answer = self.run(&script::DEAD_LETTER_RETRY, arguments).await?;
        match answer.text()?.as_str() {
            "ACCEPTED" => Ok(DeadLetterRetry::Accepted),
            "UNKNOWN" => Ok(DeadLetterRetry::UnknownDeadLetter),
            "CHANGED" => Ok(DeadLetterRetry::Changed),
            "SUPERSEDED" => Ok(DeadLetterRetry::Superseded(answer.text()?)),
            "RETRYING" => Ok(DeadLetterRetry::Retrying(answer.text()?)),
            _ => Err(answer.unexpected("a word that dead_letter_retry.lua answers", None)),
        }
    }

    /// Discards the dead letter that one of its tasks knows by this id, for `by`, who may say why. Its
    /// tasks are kept for `task_ttl_s` seconds from now.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn discard_dead_letter(
        &self,
        dead_letter_id: &str,
        by: &str,
        reason: Option<&str>,
        task_ttl_s: u64,
    ) -> Result<Discarded, StoreError> {
        let arguments = Arguments::default()
            .text(dead_letter_id)
            .text(WAKE_CHANNEL)
            .text(by)
            .text(reason.unwrap_or_default())
            .number(task_ttl_s);
        let mut answer = self.run(&script::DEAD_LETTER_DISCARD, arguments).await?;
        match answer.text()?.as_str() {
            "DISCARDED" => Ok(Discarded::Yes),
            "UNKNOWN" => Ok(Discarded::UnknownDeadLetter),
            "RETRYING" => Ok(Discarded::Retrying(answer.text()?)),
            _ => Err(answer.unexpected("a word that dead_letter_discard.lua answers", None)),
        }
    }
}

/// How a dead letter's JSON spells that `field` is `value`; empty for any.
fn json_field(field: &str, value: Option<&str>) -> Result<String, StoreError> {
    let value = json_string(value)?;
    Ok(if value.is_empty() { value } else { format!("\"{field}\":{value}") })
}

fn dead_letter_view(answer: &mut Answer) -> Result<DeadLetterView, StoreError> {
    let id = answer.text()?;
    let dead_letter = serde_json::from_slice(&answer.bytes()?);
    let mut dead_letter: DeadLetter =
        dead_letter.unwrap_or_else(|error| unreadable(id.clone(), &error.to_string()));
    let superseded_by = answer.optional_text()?;
    let retry_task_id = answer.optional_text()?;
    // What 0.1.0 left says these in its JSON alone.
    if let Some(attempts) = answer.optional_count()? {
        dead_letter.attempts = u32::try_from(attempts).unwrap_or(u32::MAX);
    }
    dead_letter.last_error = answer.optional_text()?.or(dead_letter.last_error);
    dead_letter.updated_at_ms = answer.optional_count()?.unwrap_or(dead_letter.updated_at_ms);
    let names = answer.optional_text()?.unwrap_or(id);
    let names: Vec<String> = names.split(' ').map(str::to_owned).collect();
    let tasks_total = answer.optional_count()?.unwrap_or(1);
    Ok(DeadLetterView { dead_letter, names, tasks_total, superseded_by, retry_task_id })
}

/// What is shown for a dead letter that somebody has damaged, so that it hides no other.
fn unreadable(id: String, reason: &str) -> DeadLetter {
    DeadLetter {
        id,
        kind: DeadLetterKind::UnreadableRecord,
        task_id: String::new(),
        group_id: String::new(),
        node: String::new(),
        operation: Operation::Create,
        before: None,
        attempts: 0,
        last_error: Some(format!("the dead letter itself cannot be read: {reason}")),
        created_at_ms: 0,
        updated_at_ms: 0,
    }
}
