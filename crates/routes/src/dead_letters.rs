//! Dead letters: `GET /dead-letters`, `GET` and `DELETE /dead-letters/{id}`.

use clock::{Clock, rfc3339};
use http::{Method, StatusCode};
use saga::{DeadLetterKind, Operation, Presence};
use serde::Serialize;
use settings::Role;
use store::{DeadLetterFilter, DeadLetterPage, DeadLetterView, Discarded, Redis};

use crate::api::Api;
use crate::call::Call;
use crate::endpoint::Endpoint;
use crate::input::{GROUP_ID, NODE, OPERATION, operation};
use crate::nodes::Nodes;
#[cfg(feature = "openapi")]
use crate::openapi::Description;
use crate::page::{self, CURSOR, LIMIT};
use crate::problem::Problem;
use crate::problem_kinds;
use crate::query::{Param, ParamKind, Query};
use crate::reply::Reply;
use crate::success::{json, no_content};

static TASK_ID: Param = Param {
    name: "task_id",
    kind: ParamKind::Text { chars_max: 100 },
    about: "Only those that name this task.",
};
static REASON: Param = Param {
    name: "reason",
    kind: ParamKind::Text { chars_max: 500 },
    about: "Why, for the task's timeline.",
};

/// A page of dead letters.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", schemars(rename = "LettersAnswer"))]
struct DeadLettersAnswer {
    /// Oldest first.
    dead_letters: Vec<DeadLetterAnswer>,
    /// How many match; `null` when more than 1,000 would have to be read to tell.
    total: Option<u64>,
    /// Where the next page begins; `null` at the end.
    next_cursor: Option<String>,
}

/// A node that could not be put back as it was, with everything needed to act. A group and node have at most
/// one that is not superseded.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", schemars(rename = "DeadLetter"))]
struct DeadLetterAnswer {
    id: String,
    /// `compensation`, or `unreadable_record` when a task's record cannot be read.
    kind: DeadLetterKind,
    /// The task whose compensation was given up; of several, the first.
    task_id: String,
    /// Every task that left the node behind; of more than 100, the first and the latest. Each knows the
    /// dead letter by an id of its own, and every such id names it.
    task_ids: Vec<String>,
    /// How many there are.
    tasks_total: u64,
    group_id: String,
    node: String,
    /// The first task's operation; what is left to do is its reverse.
    operation: Operation,
    /// What the node held before the first task, and should hold again.
    before: Option<Presence>,
    /// Undo calls that failed.
    attempts: u32,
    last_error: Option<String>,
    created_at: String,
    updated_at: String,
    /// The later task that put the node as it desired it: this dead letter can be read and discarded,
    /// never retried.
    superseded_by: Option<String>,
    /// The task that is retrying it now.
    retry_task_id: Option<String>,
}

impl From<DeadLetterView> for DeadLetterAnswer {
    fn from(view: DeadLetterView) -> Self {
        let dead_letter = view.dead_letter;
        let task_id = |name: &String| name.rsplit_once('-').map(|(task_id, _)| task_id.to_owned());
        Self {
            id: dead_letter.id,
            kind: dead_letter.kind,
            task_id: dead_letter.task_id,
            task_ids: view.names.iter().filter_map(task_id).collect(),
            tasks_total: view.tasks_total,
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

/// The query of lists and of retries: which dead letters, and which page of them.
pub(crate) static FILTERS: [&Param; 6] = [&GROUP_ID, &NODE, &OPERATION, &TASK_ID, &LIMIT, &CURSOR];

fn filter<'a>(query: &'a Query) -> Result<DeadLetterFilter<'a>, Problem> {
    Ok(DeadLetterFilter {
        group_id: query.text(&GROUP_ID)?,
        node: query.text(&NODE)?,
        operation: operation(query)?,
        task_id: query.text(&TASK_ID)?,
    })
}

pub(crate) struct ListDeadLetters;

impl Endpoint for ListDeadLetters {
    const METHOD: Method = Method::GET;
    const PATH: &'static str = "/dead-letters";
    const ROLE: Option<Role> = Some(Role::Read);

    async fn answer<R, C, N>(api: Api<R, C, N>, call: &Call<'_>) -> Result<Reply, Problem>
    where
        R: Redis + 'static,
        C: Clock + 'static,
        N: Nodes,
    {
        let page = api.dead_letter_page(call).await?;
        let answer = DeadLettersAnswer {
            dead_letters: page.dead_letters.into_iter().map(DeadLetterAnswer::from).collect(),
            total: page.total,
            next_cursor: page.next.map(|cursor| cursor.to_string()),
        };
        json(StatusCode::OK, &answer, &[])
    }

    #[cfg(feature = "openapi")]
    fn describe(route: Description<'_>) -> Description<'_> {
        route
            .named("ListLetters", "Dead letters, oldest first")
            .about("A dead letter is a node that could not be put back, and waits for a person.")
            .query(&FILTERS)
            .answer::<DeadLettersAnswer>(200, "A page of dead letters.")
            .link(200, "ShowLetter", &[("id", "$response.body#/dead_letters/0/id")])
            .link(200, "RetryLetter", &[("id", "$response.body#/dead_letters/0/id")])
            .link(200, "DiscardLetter", &[("id", "$response.body#/dead_letters/0/id")])
    }
}

pub(crate) struct ShowDeadLetter;

impl Endpoint for ShowDeadLetter {
    const METHOD: Method = Method::GET;
    const PATH: &'static str = "/dead-letters/{id}";
    const ROLE: Option<Role> = Some(Role::Read);

    async fn answer<R, C, N>(api: Api<R, C, N>, call: &Call<'_>) -> Result<Reply, Problem>
    where
        R: Redis + 'static,
        C: Clock + 'static,
        N: Nodes,
    {
        call.query(&[])?;
        let dead_letter = api.read_dead_letter(&call.parameter).await?;
        json(StatusCode::OK, &DeadLetterAnswer::from(dead_letter), &[])
    }

    #[cfg(feature = "openapi")]
    fn describe(route: Description<'_>) -> Description<'_> {
        route
            .named("ShowLetter", "One dead letter")
            .answer::<DeadLetterAnswer>(200, "The dead letter.")
            .problems(&[&problem_kinds::NO_SUCH_DEAD_LETTER])
    }
}

pub(crate) struct DiscardDeadLetter;

impl Endpoint for DiscardDeadLetter {
    const METHOD: Method = Method::DELETE;
    const PATH: &'static str = "/dead-letters/{id}";
    const ROLE: Option<Role> = Some(Role::Operate);

    async fn answer<R, C, N>(api: Api<R, C, N>, call: &Call<'_>) -> Result<Reply, Problem>
    where
        R: Redis + 'static,
        C: Clock + 'static,
        N: Nodes,
    {
        let query = call.query(&[&REASON])?;
        let reason = query.text(&REASON)?;
        let (by, ttl_s) = (&call.caller.name, api.settings.task_ttl_s);
        match api.store.discard_dead_letter(&call.parameter, by, reason, ttl_s).await? {
            Discarded::Yes => Ok(no_content()),
            Discarded::UnknownDeadLetter => {
                Err(Problem::plain(&problem_kinds::NO_SUCH_DEAD_LETTER))
            }
            Discarded::Retrying(task_id) => Err(retrying(&task_id)),
        }
    }

    #[cfg(feature = "openapi")]
    fn describe(route: Description<'_>) -> Description<'_> {
        route
            .named("DiscardLetter", "Discard a dead letter")
            .about("For when a person has seen to the node. It stays in its tasks' timelines.")
            .query(&[&REASON])
            .empty(204, "It is gone.")
            .problems(&[&problem_kinds::NO_SUCH_DEAD_LETTER, &problem_kinds::DEAD_LETTER_RETRYING])
    }
}

impl<R: Redis, C, N> Api<R, C, N> {
    /// The page of dead letters that a call's query names: see [`FILTERS`].
    pub(crate) async fn dead_letter_page(
        &self,
        call: &Call<'_>,
    ) -> Result<DeadLetterPage, Problem> {
        let query = call.query(&FILTERS)?;
        let cursor = page::cursor(&query)?;
        let limit = page::limit(&query)?;
        Ok(self.store.dead_letters(filter(&query)?, cursor.as_ref(), limit).await?)
    }

    pub(crate) async fn read_dead_letter(&self, id: &str) -> Result<DeadLetterView, Problem> {
        let dead_letter = self.store.dead_letter(id).await?;
        dead_letter.ok_or_else(|| Problem::plain(&problem_kinds::NO_SUCH_DEAD_LETTER))
    }
}

pub(crate) fn retrying(task_id: &str) -> Problem {
    Problem::new(&problem_kinds::DEAD_LETTER_RETRYING, format!("Task {task_id} is retrying it."))
}
