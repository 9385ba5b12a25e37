//! Retries of dead letters: `POST /dead-letters/{id}/retry` and `POST /dead-letters/retry`.

use clock::Clock;
use http::{Method, StatusCode};
use saga::{DeadLetterKind, Task};
use serde::Serialize;
use settings::Role;
use store::{DeadLetterRetry, DeadLetterView, Redis};

use crate::api::Api;
use crate::call::Call;
#[cfg(feature = "openapi")]
use crate::dead_letters::FILTERS;
use crate::dead_letters::retrying;
use crate::endpoint::Endpoint;
use crate::nodes::Nodes;
#[cfg(feature = "openapi")]
use crate::openapi::Description;
use crate::problem::Problem;
use crate::problem_kinds;
use crate::reply::Reply;
use crate::success::{accepted, json};

/// How often a dead letter is read again because it became part of another.
const READS_MAX: usize = 1_000;

/// What became of a retry of many.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct RetryAllAnswer {
    /// How many dead letters are now being retried.
    retried: usize,
    /// The tasks that retry them.
    task_ids: Vec<String>,
    /// Those on this page that cannot be retried: superseded, retried already, or unreadable.
    skipped: usize,
    /// Where to go on; `null` when every dead letter that matches was seen.
    next_cursor: Option<String>,
}

pub(crate) struct RetryDeadLetter;

impl Endpoint for RetryDeadLetter {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/dead-letters/{id}/retry";
    const ROLE: Option<Role> = Some(Role::Operate);

    async fn answer<R, C, N>(api: Api<R, C, N>, call: &Call<'_>) -> Result<Reply, Problem>
    where
        R: Redis + 'static,
        C: Clock + 'static,
        N: Nodes,
    {
        call.query(&[])?;
        let dead_letter = api.read_dead_letter(&call.parameter).await?;
        accepted(api.retry_dead_letter(call, dead_letter).await?, false)
    }

    #[cfg(feature = "openapi")]
    fn describe(route: Description<'_>) -> Description<'_> {
        route
            .named("RetryLetter", "Retry a dead letter")
            .about(
                "A task of its own resumes the compensation with a fresh budget, in its turn among \
                 the group's tasks. The dead letter stays until the node holds what it held before \
                 the first of its tasks.",
            )
            .accepted("The task that retries it.")
            .problems(&[
                &problem_kinds::NO_SUCH_DEAD_LETTER,
                &problem_kinds::DEAD_LETTER_SUPERSEDED,
                &problem_kinds::DEAD_LETTER_RETRYING,
                &problem_kinds::DEAD_LETTER_NOT_RETRIABLE,
            ])
    }
}

pub(crate) struct RetryDeadLetters;

impl Endpoint for RetryDeadLetters {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/dead-letters/retry";
    const ROLE: Option<Role> = Some(Role::Operate);

    async fn answer<R, C, N>(api: Api<R, C, N>, call: &Call<'_>) -> Result<Reply, Problem>
    where
        R: Redis + 'static,
        C: Clock + 'static,
        N: Nodes,
    {
        let page = api.dead_letter_page(call).await?;
        let mut task_ids = Vec::new();
        let mut skipped = 0;
        for dead_letter in page.dead_letters {
            match api.retry_dead_letter(call, dead_letter).await {
                Ok(task_id) => task_ids.push(task_id),
                // Anything but a dead letter that cannot be retried ends it here; what was begun
                // goes on.
                Err(problem) if problem.answer().status >= 500 => return Err(problem),
                Err(_) => skipped += 1,
            }
        }
        let next_cursor = page.next.map(|cursor| cursor.to_string());
        let answer = RetryAllAnswer { retried: task_ids.len(), task_ids, skipped, next_cursor };
        json(StatusCode::OK, &answer, &[])
    }

    #[cfg(feature = "openapi")]
    fn describe(route: Description<'_>) -> Description<'_> {
        route
            .named("RetryLetters", "Retry every dead letter that matches")
            .about(
                "Takes one page of dead letters, up to limit. Send it again with next_cursor until \
                 that is null.",
            )
            .query(&FILTERS)
            .answer::<RetryAllAnswer>(200, "How many are being retried now.")
    }
}

impl<R: Redis, C, N> Api<R, C, N> {
    /// Gives the id of the task that retries a dead letter.
    async fn retry_dead_letter(
        &self,
        call: &Call<'_>,
        mut view: DeadLetterView,
    ) -> Result<String, Problem> {
        let id = view.dead_letter.id.clone();
        for _ in 0..READS_MAX {
            let dead_letter = &view.dead_letter;
            if dead_letter.kind != DeadLetterKind::Compensation {
                return Err(Problem::plain(&problem_kinds::DEAD_LETTER_NOT_RETRIABLE));
            }
            let task_id = (self.new_id)().to_string();
            let policy = self.settings.policy.clone();
            let task = Task::retry(task_id.clone(), dead_letter.clone(), policy);
            let (by, ttl_s) = (&call.caller.name, self.settings.task_ttl_s);
            match self.store.retry_dead_letter(dead_letter, &task, by, ttl_s).await? {
                DeadLetterRetry::Accepted => return Ok(task_id),
                // Only of what 0.1.0 left, and each time less of that is left.
                DeadLetterRetry::Changed => view = self.read_dead_letter(&id).await?,
                DeadLetterRetry::UnknownDeadLetter => {
                    return Err(Problem::plain(&problem_kinds::NO_SUCH_DEAD_LETTER));
                }
                DeadLetterRetry::Superseded(task_id) => {
                    let detail = format!(
                        "Task {task_id} has put the node as it desired it since; undoing the \
                         older tasks now would break that."
                    );
                    return Err(Problem::new(&problem_kinds::DEAD_LETTER_SUPERSEDED, detail));
                }
                DeadLetterRetry::Retrying(task_id) => return Err(retrying(&task_id)),
            }
        }
        Err(Problem::plain(&problem_kinds::NO_SUCH_DEAD_LETTER))
    }
}
