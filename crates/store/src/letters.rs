//! Dead letters as operators meet them: listed, read, retried, discarded.

use saga::{DeadLetter, Task};

use crate::redis::Redis;
use crate::script::{self, Answer, Arguments, to_json};
use crate::{Store, StoreError, WAKE_CHANNEL};

/// A dead letter as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterView {
    pub letter: DeadLetter,
    /// The task that ended in SUCCESS on the same group since; the letter can no longer be retried.
    pub superseded_by: Option<String>,
    /// The task that is retrying it now.
    pub retry_task_id: Option<String>,
}

/// Some dead letters, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterPage {
    /// How many there are in all.
    pub total: u64,
    pub letters: Vec<LetterView>,
}

/// What became of a wish to retry a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LetterRetry {
    /// The task given is queued.
    Accepted,
    UnknownLetter,
    /// By this task: an old undo would break what it made.
    Superseded(String),
    /// By this task already.
    Retrying(String),
}

/// What became of a wish to discard a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Discarded {
    Yes,
    UnknownLetter,
    /// This task is retrying it now.
    Retrying(String),
}

impl<R: Redis> Store<R> {
    /// Lists up to `count` dead letters from `offset` on, oldest first.
    ///
    /// # Errors
    /// When Redis fails or a letter cannot be read.
    pub async fn letters(&self, offset: u64, count: u64) -> Result<LetterPage, StoreError> {
        let arguments = Arguments::default().number(offset).number(count).text(WAKE_CHANNEL);
        let mut answer = self.run(&script::LETTERS_LIST, arguments).await?;
        let total = answer.count()?;
        let mut letters = Vec::new();
        while !answer.is_empty() {
            letters.push(letter_view(&mut answer)?);
        }
        Ok(LetterPage { total, letters })
    }

    /// Reads one dead letter.
    ///
    /// # Errors
    /// When Redis fails or the letter cannot be read.
    pub async fn letter(&self, letter_id: &str) -> Result<Option<LetterView>, StoreError> {
        let arguments = Arguments::default().text(letter_id);
        let mut answer = self.run(&script::LETTER_READ, arguments).await?;
        if answer.is_empty() { Ok(None) } else { letter_view(&mut answer).map(Some) }
    }

    /// Queues `task`, made by [`Task::retry`] from `letter`.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn retry_letter(
        &self,
        letter: &DeadLetter,
        task: &Task,
    ) -> Result<LetterRetry, StoreError> {
        let arguments = Arguments::default()
            .text(&letter.id)
            .text(task.id())
            .text(task.group_id())
            .bytes(to_json(task)?)
            .text(WAKE_CHANNEL)
            .text(&letter.task_id);
        let mut answer = self.run(&script::LETTER_RETRY, arguments).await?;
        match answer.text()?.as_str() {
            "ACCEPTED" => Ok(LetterRetry::Accepted),
            "UNKNOWN" => Ok(LetterRetry::UnknownLetter),
            "SUPERSEDED" => Ok(LetterRetry::Superseded(answer.text()?)),
            "RETRYING" => Ok(LetterRetry::Retrying(answer.text()?)),
            _ => Err(answer.unexpected("a word that letter_retry.lua answers", None)),
        }
    }

    /// Discards a letter of task `task_id`.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn discard_letter(
        &self,
        letter_id: &str,
        task_id: &str,
    ) -> Result<Discarded, StoreError> {
        let arguments = Arguments::default().text(letter_id).text(task_id);
        let mut answer = self.run(&script::LETTER_DISCARD, arguments).await?;
        match answer.text()?.as_str() {
            "DISCARDED" => Ok(Discarded::Yes),
            "UNKNOWN" => Ok(Discarded::UnknownLetter),
            "RETRYING" => Ok(Discarded::Retrying(answer.text()?)),
            _ => Err(answer.unexpected("a word that letter_discard.lua answers", None)),
        }
    }
}

fn letter_view(answer: &mut Answer) -> Result<LetterView, StoreError> {
    Ok(LetterView {
        letter: serde_json::from_slice(&answer.bytes()?)
            .map_err(|error| StoreError::Record(error.to_string()))?,
        superseded_by: answer.optional_text()?,
        retry_task_id: answer.optional_text()?,
    })
}
