//! `GET /tasks`: what has been submitted, newest first.

use clock::{Clock, rfc3339};
use http::{Method, StatusCode};
use saga::{ClientState, Operation};
use serde::Serialize;
use settings::Role;
use store::{Redis, TaskFilter, TaskSummary};

use crate::api::Api;
use crate::call::Call;
use crate::endpoint::Endpoint;
use crate::input::{GROUP_ID, NODE, OPERATION, operation};
use crate::nodes::Nodes;
use crate::page::{self, CURSOR, LIMIT};
use crate::problem::Problem;
use crate::query::{Param, ParamKind};
use crate::reply::Reply;
use crate::success::json;
#[cfg(feature = "openapi")]
use crate::{openapi::Description, problem_kinds};

static STATE: Param = Param {
    name: "state",
    kind: ParamKind::Choices(&["PENDING", "STARTED", "RETRY", "SUCCESS", "FAILURE", "REVOKED"]),
    about: "Only tasks in one of these states.",
};
static SINCE: Param =
    Param { name: "since", kind: ParamKind::Time, about: "Only tasks accepted then or later." };
static BEFORE: Param =
    Param { name: "before", kind: ParamKind::Time, about: "Only tasks accepted before then." };

static PARAMS: [&Param; 8] =
    [&STATE, &GROUP_ID, &OPERATION, &NODE, &SINCE, &BEFORE, &LIMIT, &CURSOR];

/// A page of tasks.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct TaskList {
    /// Newest first.
    tasks: Vec<TaskEntry>,
    /// Where the next page begins; `null` at the end. At most 1,000 tasks are read for a page, and with
    /// `node` about 2 MB of them, so it may be short, or empty, and still have a next one.
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
        let filter = TaskFilter {
            group_id: query.text(&GROUP_ID)?,
            operation: operation(&query)?,
            states: &states,
            node: query.text(&NODE)?,
            since_ms: query.time(&SINCE)?,
            before_ms: query.time(&BEFORE)?,
        };
        let cursor = page::cursor(&query)?;
        let page = api.store.tasks(filter, cursor.as_ref(), page::limit(&query)?).await?;
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
            .problems(&[&problem_kinds::BAD_QUERY])
    }
}
