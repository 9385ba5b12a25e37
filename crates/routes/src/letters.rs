//! Dead letters: `GET /dead-letters`, `GET` and `DELETE /dead-letters/{id}`,
//! `POST /dead-letters/{id}/retry` and `POST /dead-letters/retry`.

use drain::rfc3339;
use http::{Method, StatusCode};
use saga::{DeadLetterKind, Operation, Presence, Task};
use serde::Serialize;
use settings::Role;
use store::{Discarded, LetterFilter, LetterRetry, LetterView, Redis};

use crate::catalogue;
use crate::page::{self, CURSOR, LIMIT};
use crate::problem::Problem;
use crate::query::{Param, ParamKind, Query};
use crate::reply::{Reply, json, no_content};
use crate::route::{Action, Route};
use crate::submit::accepted;
use crate::tasks::{GROUP_ID, NODE, OPERATION, operation};
use crate::{Api, Call, Nodes};

pub(crate) static LIST: Route = Route {
    method: Method::GET,
    path: "/dead-letters",
    role: Some(Role::Read),
    action: Action::ListLetters,
};
pub(crate) static SHOW: Route = Route {
    method: Method::GET,
    path: "/dead-letters/{id}",
    role: Some(Role::Read),
    action: Action::ShowLetter,
};
pub(crate) static RETRY: Route = Route {
    method: Method::POST,
    path: "/dead-letters/{id}/retry",
    role: Some(Role::Operate),
    action: Action::RetryLetter,
};
pub(crate) static RETRY_ALL: Route = Route {
    method: Method::POST,
    path: "/dead-letters/retry",
    role: Some(Role::Operate),
    action: Action::RetryLetters,
};
pub(crate) static DISCARD: Route = Route {
    method: Method::DELETE,
    path: "/dead-letters/{id}",
    role: Some(Role::Operate),
    action: Action::DiscardLetter,
};

static TASK_ID: Param = Param {
    name: "task_id",
    kind: ParamKind::Text { bytes_max: 100 },
    about: "Only those of this task.",
};
static REASON: Param = Param {
    name: "reason",
    kind: ParamKind::Text { bytes_max: 500 },
    about: "Why, for the task's timeline.",
};

/// A page of dead letters.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct LettersAnswer {
    /// Oldest first.
    dead_letters: Vec<LetterAnswer>,
    /// How many there are in all, whatever the filter.
    total: u64,
    /// Where the next page begins; `null` at the end.
    next_cursor: Option<String>,
}

/// A node that could not be put back as it was, with everything needed to act.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", schemars(rename = "DeadLetter"))]
struct LetterAnswer {
    id: String,
    /// `compensation`, or `unreadable_record` when a task's record cannot be read.
    #[cfg_attr(feature = "openapi", schemars(with = "String"))]
    kind: DeadLetterKind,
    /// The task whose compensation was given up.
    task_id: String,
    group_id: String,
    node: String,
    /// The task's operation; what is left to do is its reverse.
    #[cfg_attr(feature = "openapi", schemars(with = "crate::openapi::OperationName"))]
    operation: Operation,
    /// What the node held before the task, and should hold again.
    #[cfg_attr(feature = "openapi", schemars(with = "Option<crate::openapi::PresenceName>"))]
    before: Option<Presence>,
    /// Undo calls that failed.
    attempts: u32,
    last_error: Option<String>,
    created_at: String,
    updated_at: String,
    /// The later task that put the group's nodes as it wanted them: this letter can be read and
    /// discarded, never retried.
    superseded_by: Option<String>,
    /// The task that is retrying it now.
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

/// What became of a retry of many.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct RetryAllAnswer {
    /// How many letters are now being retried.
    retried: usize,
    /// The tasks that retry them.
    task_ids: Vec<String>,
    /// Letters on this page that cannot be retried: superseded, retried already, or unreadable.
    skipped: usize,
    /// Where to go on; `null` when every letter that matches was seen.
    next_cursor: Option<String>,
}

fn filter<'a>(query: &'a Query<'_>) -> Result<LetterFilter<'a>, Problem> {
    Ok(LetterFilter {
        group_id: query.text(&GROUP_ID)?,
        node: query.text(&NODE)?,
        operation: operation(query)?,
        task_id: query.text(&TASK_ID)?,
    })
}

impl<R: Redis + 'static, C: drain::Clock + 'static, N: Nodes> Api<R, C, N> {
    pub(crate) async fn list_letters(&self, call: &Call<'_>) -> Result<Reply, Problem> {
        let query = call.query(&[&GROUP_ID, &NODE, &OPERATION, &TASK_ID, &LIMIT, &CURSOR])?;
        let cursor = page::cursor(&query)?;
        let limit = page::limit(&query)?;
        let page = self.store.letters(filter(&query)?, cursor.as_ref(), limit).await?;
        let answer = LettersAnswer {
            dead_letters: page.letters.into_iter().map(LetterAnswer::from).collect(),
            total: page.total,
            next_cursor: page.next.map(|cursor| cursor.to_string()),
        };
        json(StatusCode::OK, &answer, &[])
    }

    pub(crate) async fn show_letter(&self, call: &Call<'_>) -> Result<Reply, Problem> {
        call.query(&[])?;
        let letter = self.read_letter(&call.parameter).await?;
        json(StatusCode::OK, &LetterAnswer::from(letter), &[])
    }

    pub(crate) async fn retry_letter(&self, call: &Call<'_>) -> Result<Reply, Problem> {
        call.query(&[])?;
        let letter = self.read_letter(&call.parameter).await?;
        accepted(self.retry(call, &letter).await?, false)
    }

    pub(crate) async fn retry_letters(&self, call: &Call<'_>) -> Result<Reply, Problem> {
        let query = call.query(&[&GROUP_ID, &NODE, &OPERATION, &TASK_ID, &LIMIT, &CURSOR])?;
        let cursor = page::cursor(&query)?;
        let limit = page::limit(&query)?;
        let page = self.store.letters(filter(&query)?, cursor.as_ref(), limit).await?;
        let mut task_ids = Vec::new();
        let mut skipped = 0;
        // Of several for one node the newest goes first: each undo puts the node back to where the task
        // before it had left it.
        for letter in page.letters.iter().rev() {
            match self.retry(call, letter).await {
                Ok(task_id) => task_ids.push(task_id),
                // Anything but a letter that cannot be retried ends it here; what was begun goes on.
                Err(problem) if problem.answer().status >= 500 => return Err(problem),
                Err(_) => skipped += 1,
            }
        }
        let next_cursor = page.next.map(|cursor| cursor.to_string());
        let answer = RetryAllAnswer { retried: task_ids.len(), task_ids, skipped, next_cursor };
        json(StatusCode::OK, &answer, &[])
    }

    async fn retry(&self, call: &Call<'_>, view: &LetterView) -> Result<String, Problem> {
        let letter = &view.letter;
        if letter.kind != DeadLetterKind::Compensation {
            return Err(Problem::plain(&catalogue::LETTER_NOT_RETRIABLE));
        }
        let task_id = (self.new_id)().to_string();
        let task = Task::retry(task_id.clone(), letter.clone(), self.settings.course.clone());
        match self.store.retry_letter(letter, &task, &call.caller.name).await? {
            LetterRetry::Accepted => Ok(task_id),
            LetterRetry::UnknownLetter => Err(Problem::plain(&catalogue::NO_SUCH_LETTER)),
            LetterRetry::Superseded(task_id) => {
                let detail = format!(
                    "Task {task_id} has put the group's nodes as it wanted them since; undoing the \
                     older task now would break that."
                );
                Err(Problem::new(&catalogue::LETTER_SUPERSEDED, detail))
            }
            LetterRetry::Retrying(task_id) => Err(retrying(&task_id)),
        }
    }

    pub(crate) async fn discard_letter(&self, call: &Call<'_>) -> Result<Reply, Problem> {
        let query = call.query(&[&REASON])?;
        let reason = query.text(&REASON)?;
        let letter = self.read_letter(&call.parameter).await?.letter;
        let by = &call.caller.name;
        match self.store.discard_letter(&letter.id, &letter.task_id, by, reason).await? {
            Discarded::Yes => Ok(no_content()),
            Discarded::UnknownLetter => Err(Problem::plain(&catalogue::NO_SUCH_LETTER)),
            Discarded::Retrying(task_id) => Err(retrying(&task_id)),
        }
    }

    async fn read_letter(&self, id: &str) -> Result<LetterView, Problem> {
        let letter = self.store.letter(id).await?;
        letter.ok_or_else(|| Problem::plain(&catalogue::NO_SUCH_LETTER))
    }
}

fn retrying(task_id: &str) -> Problem {
    Problem::new(&catalogue::LETTER_RETRYING, format!("Task {task_id} is retrying it."))
}

#[cfg(feature = "openapi")]
pub(crate) fn document(document: &mut crate::openapi::Document) {
    let filters = [&GROUP_ID, &NODE, &OPERATION, &TASK_ID, &LIMIT, &CURSOR];
    document
        .route(&LIST, "Dead letters, oldest first")
        .about("A dead letter is a node that could not be put back, and waits for a person.")
        .query(&filters)
        .answer::<LettersAnswer>(200, "A page of dead letters.")
        .problems(&[&catalogue::BAD_QUERY])
        .end();
    document
        .route(&RETRY_ALL, "Retry every dead letter that matches")
        .about(
            "Takes one page of letters, up to limit. Send it again with next_cursor until that is \
             null.",
        )
        .query(&filters)
        .answer::<RetryAllAnswer>(200, "How many are being retried now.")
        .problems(&[&catalogue::BAD_QUERY])
        .end();
    document
        .route(&SHOW, "One dead letter")
        .answer::<LetterAnswer>(200, "The dead letter.")
        .problems(&[&catalogue::NO_SUCH_LETTER, &catalogue::BAD_QUERY])
        .end();
    document
        .route(&RETRY, "Retry a dead letter")
        .about(
            "A task of its own resumes the compensation with a fresh budget, in its turn among the \
             group's tasks. The letter stays until the node has been put back. Of several letters \
             for one group and node, retry the newest first: each puts the node back to where the \
             task before it had left it.",
        )
        .answer::<crate::submit::TaskAccepted>(202, "The task that retries it.")
        .problems(&[
            &catalogue::NO_SUCH_LETTER,
            &catalogue::LETTER_SUPERSEDED,
            &catalogue::LETTER_RETRYING,
            &catalogue::LETTER_NOT_RETRIABLE,
            &catalogue::BAD_QUERY,
        ])
        .end();
    document
        .route(&DISCARD, "Discard a dead letter")
        .about("For when a person has seen to the node. It stays in the task's timeline.")
        .query(&[&REASON])
        .empty(204, "It is gone.")
        .problems(&[&catalogue::NO_SUCH_LETTER, &catalogue::LETTER_RETRYING, &catalogue::BAD_QUERY])
        .end();
}
