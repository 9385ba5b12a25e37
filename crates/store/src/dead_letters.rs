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
    pub dead_letter: DeadLetter,
    /// The task that ended in SUCCESS on the same group since; the dead letter can no longer be retried.
    pub superseded_by: Option<String>,
    /// The task that is retrying it now.
    pub retry_task_id: Option<String>,
}

/// Some dead letters, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetterPage {
    /// How many there are in all.
    pub total: u64,
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
            .text(&json_field("node", filter.node)?)
            .text(&json_field("operation", filter.operation.map(Operation::name))?)
            .text(&json_field("task_id", filter.task_id)?);
        let mut answer = self.run(&script::DEAD_LETTERS_LIST, arguments).await?;
        let total = answer.count()?;
        let next = Cursor::read(&mut answer)?;
        let mut dead_letters = Vec::new();
        while !answer.is_empty() {
            dead_letters.push(dead_letter_view(&mut answer)?);
        }
        Ok(DeadLetterPage { total, dead_letters, next })
    }

    /// Reads one dead letter.
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

    /// Queues `task`, made by [`Task::retry`] from `dead_letter`, for `by`.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn retry_dead_letter(
        &self,
        dead_letter: &DeadLetter,
        task: &Task,
        by: &str,
    ) -> Result<DeadLetterRetry, StoreError> {
        let arguments = Arguments::default()
            .text(&dead_letter.id)
            .text(task.id())
            .text(task.group_id())
            .text(task.operation().name())
            .bytes(task.to_record()?)
            .text(WAKE_CHANNEL)
            .text(&dead_letter.task_id)
            .text(by);
        let mut answer = self.run(&script::DEAD_LETTER_RETRY, arguments).await?;
        match answer.text()?.as_str() {
            "ACCEPTED" => Ok(DeadLetterRetry::Accepted),
            "UNKNOWN" => Ok(DeadLetterRetry::UnknownDeadLetter),
            "SUPERSEDED" => Ok(DeadLetterRetry::Superseded(answer.text()?)),
            "RETRYING" => Ok(DeadLetterRetry::Retrying(answer.text()?)),
            _ => Err(answer.unexpected("a word that letter_retry.lua answers", None)),
        }
    }

    /// Discards a dead letter of task `task_id` for `by`, who may say why.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn discard_dead_letter(
        &self,
        dead_letter_id: &str,
        task_id: &str,
        by: &str,
        reason: Option<&str>,
    ) -> Result<Discarded, StoreError> {
        let arguments = Arguments::default()
            .text(dead_letter_id)
            .text(WAKE_CHANNEL)
            .text(task_id)
            .text(by)
            .text(reason.unwrap_or_default());
        let mut answer = self.run(&script::DEAD_LETTER_DISCARD, arguments).await?;
        match answer.text()?.as_str() {
            "DISCARDED" => Ok(Discarded::Yes),
            "UNKNOWN" => Ok(Discarded::UnknownDeadLetter),
            "RETRYING" => Ok(Discarded::Retrying(answer.text()?)),
            _ => Err(answer.unexpected("a word that letter_discard.lua answers", None)),
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
    Ok(DeadLetterView {
        dead_letter: dead_letter.unwrap_or_else(|error| unreadable(id, &error.to_string())),
        superseded_by: answer.optional_text()?,
        retry_task_id: answer.optional_text()?,
    })
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
