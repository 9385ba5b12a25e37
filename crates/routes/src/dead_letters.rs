//! Dead letters: `GET /dead-letters`, `GET` and `DELETE /dead-letters/{id}`,
//! `POST /dead-letters/{id}/retry` and `POST /dead-letters/retry`.

use clock::rfc3339;
use http::{Method, StatusCode};
use saga::{DeadLetterKind, Operation, Presence, Task};
use serde::Serialize;
use settings::Role;
use store::{DeadLetterFilter, DeadLetterRetry, DeadLetterView, Discarded, Redis};

use crate::page::{self, CURSOR, LIMIT};
use crate::problem::Problem;
use crate::problem_kinds;
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
    action: Action::ListDeadLetters,
};
pub(crate) static SHOW: Route = Route {
    method: Method::GET,
    path: "/dead-letters/{id}",
    role: Some(Role::Read),
    action: Action::ShowDeadLetter,
};
pub(crate) static RETRY: Route = Route {
    method: Method::POST,
    path: "/dead-letters/{id}/retry",
    role: Some(Role::Operate),
    action: Action::RetryDeadLetter,
};
pub(crate) static RETRY_ALL: Route = Route {
    method: Method::POST,
    path: "/dead-letters/retry",
    role: Some(Role::Operate),
    action: Action::RetryDeadLetters,
};
pub(crate) static DISCARD: Route = Route {
    method: Method::DELETE,
    path: "/dead-letters/{id}",
    role: Some(Role::Operate),
    action: Action::DiscardDeadLetter,
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
struct DeadLettersAnswer {
    /// Oldest first.
    dead_letters: Vec<DeadLetterAnswer>,
    /// How many there are in all, whatever the filter.
    total: u64,
    /// Where the next page begins; `null` at the end.
    next_cursor: Option<String>,
}

/// A node that could not be put back as it was, with everything needed to act.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", schemars(rename = "DeadLetter"))]
struct DeadLetterAnswer {
    id: String,
    /// `compensation`, or `unreadable_record` when a task's record cannot be read.
    kind: DeadLetterKind,
    /// The task whose compensation was given up.
    task_id: String,
    group_id: String,
    node: String,
    /// The task's operation; what is left to do is its reverse.
    operation: Operation,
    /// What the node held before the task, and should hold again.
    before: Option<Presence>,
    /// Undo calls that failed.
    attempts: u32,
    last_error: Option<String>,
    created_at: String,
    updated_at: String,
    /// The later task that put the group's nodes as it desired them: this dead letter can be read and
    /// discarded, never retried.
    superseded_by: Option<String>,
    /// The task that is retrying it now.
    retry_task_id: Option<String>,
}

impl From<DeadLetterView> for DeadLetterAnswer {
    fn from(view: DeadLetterView) -> Self {
        let dead_letter = view.dead_letter;
        Self {
            id: dead_letter.id,
            kind: dead_letter.kind,
            task_id: dead_letter.task_id,
            group_id: dead_letter.group_id,
            node: dead_letter.node,
            operation: dead_letter.operation,
            before: dead_letter.before,
            attempts: dead_letter.attempts,
            last_error: dead_letter.last_error,
            created_at: rfc3339(dead_letter.created_at_ms),
            updated_at: rfc3339(dead_letter.updated_at_ms),
            superseded_by: view.superseded_by,
            retry_task_id: view.retry_task_id,
        }
    }
}

/// What became of a retry of many.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct RetryAllAnswer {
    /// How many dead letters are now being retried.
    retried: usize,
    /// The tasks that retry them.
    task_ids: Vec<String>,
    /// Letters on this page that cannot be retried: superseded, retried already, or unreadable.
    skipped: usize,
    /// Where to go on; `null` when every dead letter that matches was seen.
    next_cursor: Option<String>,
}

fn filter<'a>(query: &'a Query<'_>) -> Result<DeadLetterFilter<'a>, Problem> {
    Ok(DeadLetterFilter {
        group_id: query.text(&GROUP_ID)?,
        node: query.text(&NODE)?,
        operation: operation(query)?,
        task_id: query.text(&TASK_ID)?,
    })
}

impl<R: Redis + 'static, C: clock::Clock + 'static, N: Nodes> Api<R, C, N> {
    pub(crate) async fn list_dead_letters(&self, call: &Call<'_>) -> Result<Reply, Problem> {
        let query = call.query(&[&GROUP_ID, &NODE, &OPERATION, &TASK_ID, &LIMIT, &CURSOR])?;
        let cursor = page::cursor(&query)?;
        let limit = page::limit(&query)?;
        let page = self.store.dead_letters(filter(&query)?, cursor.as_ref(), limit).await?;
        let answer = DeadLettersAnswer {
            dead_letters: page.dead_letters.into_iter().map(DeadLetterAnswer::from).collect(),
            total: page.total,
            next_cursor: page.next.map(|cursor| cursor.to_string()),
        };
        json(StatusCode::OK, &answer, &[])
    }

    pub(crate) async fn show_dead_letter(&self, call: &Call<'_>) -> Result<Reply, Problem> {
        call.query(&[])?;
        let dead_letter = self.read_dead_letter(&call.parameter).await?;
        json(StatusCode::OK, &DeadLetterAnswer::from(dead_letter), &[])
    }

    pub(crate) async fn retry_dead_letter(&self, call: &Call<'_>) -> Result<Reply, Problem> {
        call.query(&[])?;
        let dead_letter = self.read_dead_letter(&call.parameter).await?;
        accepted(self.retry(call, &dead_letter).await?, false)
    }

    pub(crate) async fn retry_dead_letters(&self, call: &Call<'_>) -> Result<Reply, Problem> {
        let query = call.query(&[&GROUP_ID, &NODE, &OPERATION, &TASK_ID, &LIMIT, &CURSOR])?;
        let cursor = page::cursor(&query)?;
        let limit = page::limit(&query)?;
        let page = self.store.dead_letters(filter(&query)?, cursor.as_ref(), limit).await?;
        let mut task_ids = Vec::new();
        let mut skipped = 0;
        // Of several for one node the newest goes first: each undo puts the node back to where the task
        // before it had left it.
        for dead_letter in page.dead_letters.iter().rev() {
            match self.retry(call, dead_letter).await {
                Ok(task_id) => task_ids.push(task_id),
                // Anything but a dead letter that cannot be retried ends it here; what was begun goes on.
                Err(problem) if problem.answer().status >= 500 => return Err(problem),
                Err(_) => skipped += 1,
            }
        }
        let next_cursor = page.next.map(|cursor| cursor.to_string());
        let answer = RetryAllAnswer { retried: task_ids.len(), task_ids, skipped, next_cursor };
        json(StatusCode::OK, &answer, &[])
    }

    async fn retry(&self, call: &Call<'_>, view: &DeadLetterView) -> Result<String, Problem> {
        let dead_letter = &view.dead_letter;
        if dead_letter.kind != DeadLetterKind::Compensation {
            return Err(Problem::plain(&problem_kinds::DEAD_LETTER_NOT_RETRIABLE));
        }
        let task_id = (self.new_id)().to_string();
        let task = Task::retry(task_id.clone(), dead_letter.clone(), self.settings.policy.clone());
        match self.store.retry_dead_letter(dead_letter, &task, &call.caller.name).await? {
            DeadLetterRetry::Accepted => Ok(task_id),
            DeadLetterRetry::UnknownDeadLetter => {
                Err(Problem::plain(&problem_kinds::NO_SUCH_DEAD_LETTER))
            }
            DeadLetterRetry::Superseded(task_id) => {
                let detail = format!(
                    "Task {task_id} has put the group's nodes as it desired them since; undoing the \
                     older task now would break that."
                );
                Err(Problem::new(&problem_kinds::DEAD_LETTER_SUPERSEDED, detail))
            }
            DeadLetterRetry::Retrying(task_id) => Err(retrying(&task_id)),
        }
    }

    pub(crate) async fn discard_dead_letter(&self, call: &Call<'_>) -> Result<Reply, Problem> {
        let query = call.query(&[&REASON])?;
        let reason = query.text(&REASON)?;
        let dead_letter = self.read_dead_letter(&call.parameter).await?.dead_letter;
        let by = &call.caller.name;
        match self
            .store
            .discard_dead_letter(&dead_letter.id, &dead_letter.task_id, by, reason)
            .await?
        {
            Discarded::Yes => Ok(no_content()),
            Discarded::UnknownDeadLetter => {
                Err(Problem::plain(&problem_kinds::NO_SUCH_DEAD_LETTER))
            }
            Discarded::Retrying(task_id) => Err(retrying(&task_id)),
        }
    }

    async fn read_dead_letter(&self, id: &str) -> Result<DeadLetterView, Problem> {
        let dead_letter = self.store.dead_letter(id).await?;
        dead_letter.ok_or_else(|| Problem::plain(&problem_kinds::NO_SUCH_DEAD_LETTER))
    }
}

fn retrying(task_id: &str) -> Problem {
    Problem::new(&problem_kinds::DEAD_LETTER_RETRYING, format!("Task {task_id} is retrying it."))
}

#[cfg(feature = "openapi")]
pub(crate) fn document(document: &mut crate::openapi::Document) {
    let filters = [&GROUP_ID, &NODE, &OPERATION, &TASK_ID, &LIMIT, &CURSOR];
    document
        .route(&LIST, "Dead letters, oldest first")
        .about("A dead letter is a node that could not be put back, and waits for a person.")
        .query(&filters)
        .answer::<DeadLettersAnswer>(200, "A page of dead letters.")
        .problems(&[&problem_kinds::BAD_QUERY])
        .end();
    document
        .route(&RETRY_ALL, "Retry every dead letter that matches")
        .about(
            "Takes one page of dead letters, up to limit. Send it again with next_cursor until that is \
             null.",
        )
        .query(&filters)
        .answer::<RetryAllAnswer>(200, "How many are being retried now.")
        .problems(&[&problem_kinds::BAD_QUERY])
        .end();
    document
        .route(&SHOW, "One dead letter")
        .answer::<DeadLetterAnswer>(200, "The dead letter.")
        .problems(&[&problem_kinds::NO_SUCH_DEAD_LETTER, &problem_kinds::BAD_QUERY])
        .end();
    document
        .route(&RETRY, "Retry a dead letter")
        .about(
            "A task of its own resumes the compensation with a fresh budget, in its turn among the \
             group's tasks. The dead_letter stays until the node has been put back. Of several dead_letters \
             for one group and node, retry the newest first: each puts the node back to where the \
             task before it had left it.",
        )
        .answer::<crate::submit::TaskAccepted>(202, "The task that retries it.")
        .problems(&[
            &problem_kinds::NO_SUCH_DEAD_LETTER,
            &problem_kinds::DEAD_LETTER_SUPERSEDED,
            &problem_kinds::DEAD_LETTER_RETRYING,
            &problem_kinds::DEAD_LETTER_NOT_RETRIABLE,
            &problem_kinds::BAD_QUERY,
        ])
        .end();
    document
        .route(&DISCARD, "Discard a dead letter")
        .about("For when a person has seen to the node. It stays in the task's timeline.")
        .query(&[&REASON])
        .empty(204, "It is gone.")
        .problems(&[
            &problem_kinds::NO_SUCH_DEAD_LETTER,
            &problem_kinds::DEAD_LETTER_RETRYING,
            &problem_kinds::BAD_QUERY,
        ])
        .end();
}
