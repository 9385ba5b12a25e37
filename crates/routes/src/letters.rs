//! `/dead-letters`: what could not be put back and waits for a person.

use http::{Response, StatusCode};
use saga::{DeadLetterKind, Operation, Task};
use serde::Serialize;
use store::{Discarded, LetterRetry, LetterView, Redis};

use crate::Api;
use crate::answer::{json, no_content};
use crate::problem::{Problem, catalogue};
use crate::submit::accepted;
use crate::times::rfc3339;

/// The most letters one answer lists.
const LIMIT_MAX: u64 = 1_000;
const LIMIT_DEFAULT: u64 = 100;

/// Some letters, oldest first.
#[derive(Serialize)]
struct LettersAnswer {
    dead_letters: Vec<LetterAnswer>,
    /// How many there are in all.
    total: u64,
    /// What to give as `offset` for the next ones; null at the end.
    next_offset: Option<u64>,
}

/// One letter: everything needed to act.
#[derive(Serialize)]
struct LetterAnswer {
    id: String,
    kind: DeadLetterKind,
    task_id: String,
    group_id: String,
    node: String,
    /// The task's operation; what is left to do on the node is its reverse.
    operation: Operation,
    /// What the node held before the task, and should hold again.
    before: Option<saga::Presence>,
    /// Undo calls made so far.
    attempts: u32,
    last_error: Option<String>,
    created_at: String,
    updated_at: String,
    superseded_by: Option<String>,
    retry_task_id: Option<String>,
}

impl From<LetterView> for LetterAnswer {
    fn from(view: LetterView) -> Self {
        let letter = view.letter;
        Self {
            id: letter.id,
            kind: letter.kind,
            task_id: letter.task_id,
            group_id: letter.group_id,
            node: letter.node,
            operation: letter.operation,
            before: letter.before,
            attempts: letter.attempts,
            last_error: letter.last_error,
            created_at: rfc3339(letter.created_at_ms),
            updated_at: rfc3339(letter.updated_at_ms),
            superseded_by: view.superseded_by,
            retry_task_id: view.retry_task_id,
        }
    }
}

impl<R: Redis> Api<'_, R> {
    pub(crate) async fn list_letters(&self, query: &str) -> Result<Response<Vec<u8>>, Problem> {
        let offset = number(query, "offset", 0, u64::from(u32::MAX))?.unwrap_or(0);
        let limit = number(query, "limit", 1, LIMIT_MAX)?.unwrap_or(LIMIT_DEFAULT);
        let page = self.store.letters(offset, limit).await?;
        let next = offset.saturating_add(limit);
        let answer = LettersAnswer {
            dead_letters: page.letters.into_iter().map(LetterAnswer::from).collect(),
            total: page.total,
            next_offset: (next < page.total).then_some(next),
        };
        json(StatusCode::OK, &answer, &[])
    }

    pub(crate) async fn show_letter(&self, id: &str) -> Result<Response<Vec<u8>>, Problem> {
        json(StatusCode::OK, &LetterAnswer::from(self.read_letter(id).await?), &[])
    }

    pub(crate) async fn retry_letter(&self, id: &str) -> Result<Response<Vec<u8>>, Problem> {
        let letter = self.read_letter(id).await?.letter;
        if letter.kind != DeadLetterKind::Compensation {
            return Err(catalogue::letter_not_retriable());
        }
        let task_id = (self.new_id)().to_string();
        let task = Task::retry(task_id.clone(), letter.clone(), self.settings.course.clone());
        match self.store.retry_letter(&letter, &task).await? {
            LetterRetry::Accepted => accepted(task_id),
            LetterRetry::UnknownLetter => Err(catalogue::no_such_letter()),
            LetterRetry::Superseded(task_id) => Err(catalogue::letter_superseded(&task_id)),
            LetterRetry::Retrying(task_id) => Err(catalogue::letter_retrying(&task_id)),
        }
    }

    pub(crate) async fn discard_letter(&self, id: &str) -> Result<Response<Vec<u8>>, Problem> {
        let letter = self.read_letter(id).await?.letter;
        match self.store.discard_letter(&letter.id, &letter.task_id).await? {
            Discarded::Yes => Ok(no_content()),
            Discarded::UnknownLetter => Err(catalogue::no_such_letter()),
            Discarded::Retrying(task_id) => Err(catalogue::letter_retrying(&task_id)),
        }
    }

    async fn read_letter(&self, id: &str) -> Result<LetterView, Problem> {
        self.store.letter(id).await?.ok_or_else(catalogue::no_such_letter)
    }
}

/// The query's number called `name`, if it is there.
fn number(query: &str, name: &str, min: u64, max: u64) -> Result<Option<u64>, Problem> {
    let value = query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        (key == name).then_some(value)
    });
    let Some(value) = value else { return Ok(None) };
    let number = value.parse().ok().filter(|number| (min..=max).contains(number));
    number.map(Some).ok_or_else(|| {
        catalogue::bad_query(&format!("{name} must be a whole number from {min} to {max}."))
    })
}
