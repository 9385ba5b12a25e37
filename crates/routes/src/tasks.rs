//! `GET /tasks`: what has been submitted, newest first.

use clock::{Clock, rfc3339};
use http::{Method, StatusCode};
use saga::{ClientState, Operation, Phase};
use serde::Serialize;
use settings::Role;
use store::{Cursor, Redis, TaskFilter, TaskPage, TaskSummary};

use crate::api::Api;
use crate::call::Call;
use crate::endpoint::Endpoint;
use crate::input::{GROUP_ID, NODE, OPERATION, operation};
use crate::nodes::Nodes;
#[cfg(feature = "openapi")]
use crate::openapi::Description;
use crate::page::{self, CURSOR, LIMIT};
use crate::problem::Problem;
use crate::query::{Param, ParamKind};
use crate::reply::Reply;
use crate::success::json;

static STATE: Param = Param {
    name: "state",
    kind: ParamKind::Choices(&["PENDING", "STARTED", "RETRY", "SUCCESS", "FAILURE", "REVOKED"]),
    about: "Only tasks in one of these states.",
};
static PHASE: Param = Param {
    name: "phase",
    kind: ParamKind::Choices(&[
        "queued",
        "forward",
        "rollback",
        "succeeded",
        "rolled_back",
        "dead_lettered",
        "cancelled",
    ]),
    about: "Only tasks in one of these phases.",
};
static SINCE: Param =
    Param { name: "since", kind: ParamKind::Time, about: "Only tasks accepted then or later." };
static BEFORE: Param =
    Param { name: "before", kind: ParamKind::Time, about: "Only tasks accepted before then." };

static PARAMS: [&Param; 9] =
    [&STATE, &PHASE, &GROUP_ID, &OPERATION, &NODE, &SINCE, &BEFORE, &LIMIT, &CURSOR];

/// How often Redis is asked for one page at most. Each time it reads 1,000 tasks, or fewer with large
/// records, and lets others have their turn in between.
const ROUNDS_MAX: usize = 10;

/// A page of tasks.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct TaskList {
    /// Newest first.
    tasks: Vec<TaskEntry>,
    /// Where the next page begins; `null` at the end. At most 10,000 tasks are read for a page, and with
    /// `node` about 10 MB of them, so with rare matches it may be short, or empty, and still have a next
    /// one.
    next_cursor: Option<String>,
}

/// A task in a list.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", schemars(rename = "TaskSummary"))]
struct TaskEntry {
    task_id: String,
    state: ClientState,
    /// The same as `state`.
    status: ClientState,
    /// `null` when the record is damaged, or of a newer Muster and this one cannot tell.
    phase: Option<Phase>,
    /// Why the task turned back.
    error: Option<String>,
    /// `null` when the record is damaged.
    operation: Option<Operation>,
    group_id: String,
    created_at: String,
    updated_at: String,
    /// `null` until the task ends.
    finished_at: Option<String>,
}

impl From<TaskSummary> for TaskEntry {
    fn from(summary: TaskSummary) -> Self {
        Self {
            task_id: summary.task_id,
            state: summary.state,
            status: summary.state,
            phase: summary.phase,
            error: summary.error,
            operation: summary.operation,
            group_id: summary.group_id,
            created_at: rfc3339(summary.created_at_ms),
            updated_at: rfc3339(summary.updated_at_ms),
            finished_at: summary.finished_at_ms.map(rfc3339),
        }
    }
}

pub(crate) struct ListTasks;

impl Endpoint for ListTasks {
    const METHOD: Method = Method::GET;
    const PATH: &'static str = "/tasks";
    const ROLE: Option<Role> = Some(Role::Read);

    async fn answer<R, C, N>(api: Api<R, C, N>, call: &Call<'_>) -> Result<Reply, Problem>
    where
        R: Redis + 'static,
        C: Clock + 'static,
        N: Nodes,
    {
        let query = call.query(&PARAMS)?;
        let states: Vec<ClientState> =
            query.choices(&STATE)?.into_iter().filter_map(ClientState::from_name).collect();
        let phases: Vec<Phase> =
            query.choices(&PHASE)?.into_iter().filter_map(Phase::from_name).collect();
        let filter = TaskFilter {
            group_id: query.text(&GROUP_ID)?,
            operation: operation(&query)?,
            states: &states,
            phases: &phases,
            node: query.text(&NODE)?,
            since_ms: query.time(&SINCE)?,
            before_ms: query.time(&BEFORE)?,
        };
        let (limit, cursor) = (page::limit(&query)?, page::cursor(&query)?);
        let page = api.full_page(filter, cursor, limit).await?;
        let answer = TaskList {
            tasks: page.tasks.into_iter().map(TaskEntry::from).collect(),
            next_cursor: page.next.map(|cursor| cursor.to_string()),
        };
        json(StatusCode::OK, &answer, &[])
    }

    #[cfg(feature = "openapi")]
    fn describe(route: Description<'_>) -> Description<'_> {
        route
            .named("ListTasks", "Tasks, newest first")
            .query(&PARAMS)
            .answer::<TaskList>(200, "A page of tasks.")
            .link(200, "ShowTask", &[("task_id", "$response.body#/tasks/0/task_id")])
    }
}

impl<R: Redis, C, N> Api<R, C, N> {
    /// A page of `limit` tasks, as far as that many match among those that are read for it.
    async fn full_page(
        &self,
        filter: TaskFilter<'_>,
        mut cursor: Option<Cursor>,
        limit: u64,
    ) -> Result<TaskPage, Problem> {
        let mut tasks = Vec::new();
        for _ in 0..ROUNDS_MAX {
            let missing = limit.saturating_sub(tasks.len() as u64);
            let mut page = self.store.tasks(filter, cursor.as_ref(), missing).await?;
            tasks.append(&mut page.tasks);
            cursor = page.next;
            if cursor.is_none() || tasks.len() as u64 >= limit {
                break;
            }
        }
        Ok(TaskPage { tasks, next: cursor })
    }
}
