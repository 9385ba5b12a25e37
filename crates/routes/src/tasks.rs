//! `GET /tasks`: what has been asked for, newest first.

use clock::rfc3339;
use http::{Method, StatusCode};
use saga::{ClientState, Operation};
use serde::Serialize;
use settings::Role;
use store::{Redis, TaskFilter, TaskSummary};

use crate::page::{self, CURSOR, LIMIT};
use crate::problem::Problem;
use crate::query::{Param, ParamKind, Query};
use crate::reply::{Reply, json};
use crate::route::{Action, Route};
use crate::{Api, Call, Nodes};

pub(crate) static LIST: Route = Route {
    method: Method::GET,
    path: "/tasks",
    role: Some(Role::Read),
    action: Action::ListTasks,
};

static STATE: Param = Param {
    name: "state",
    kind: ParamKind::Choices(&["PENDING", "STARTED", "RETRY", "SUCCESS", "FAILURE", "REVOKED"]),
    about: "Only tasks in one of these states.",
};
pub(crate) static GROUP_ID: Param = Param {
    name: "group_id",
    kind: ParamKind::Text { bytes_max: 256 },
    about: "Only those of this group.",
};
pub(crate) static OPERATION: Param = Param {
    name: "operation",
    kind: ParamKind::Choice(&["create", "delete"]),
    about: "Only those of this operation.",
};
pub(crate) static NODE: Param = Param {
    name: "node",
    kind: ParamKind::Text { bytes_max: 512 },
    about: "Only those that deal with this node, as the setting nodes names it.",
};
static SINCE: Param =
    Param { name: "since", kind: ParamKind::Time, about: "Only tasks accepted then or later." };
static BEFORE: Param =
    Param { name: "before", kind: ParamKind::Time, about: "Only tasks accepted before then." };

/// A page of tasks.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct TaskList {
    /// Newest first.
    tasks: Vec<TaskEntry>,
    /// Where the next page begins; `null` at the end. A page looks at 1,000 tasks at most, so it may
    /// be short, or empty, and still have a next one.
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

/// The operation that a query asks for.
pub(crate) fn operation(query: &Query<'_>) -> Result<Option<Operation>, Problem> {
    Ok(query.choice(&OPERATION)?.and_then(Operation::from_name))
}

impl<R: Redis + 'static, C: clock::Clock + 'static, N: Nodes> Api<R, C, N> {
    pub(crate) async fn list_tasks(&self, call: &Call<'_>) -> Result<Reply, Problem> {
        let params = [&STATE, &GROUP_ID, &OPERATION, &NODE, &SINCE, &BEFORE, &LIMIT, &CURSOR];
        let query = call.query(&params)?;
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
        let page = self.store.tasks(filter, cursor.as_ref(), page::limit(&query)?).await?;
        let answer = TaskList {
            tasks: page.tasks.into_iter().map(TaskEntry::from).collect(),
            next_cursor: page.next.map(|cursor| cursor.to_string()),
        };
        json(StatusCode::OK, &answer, &[])
    }
}

#[cfg(feature = "openapi")]
pub(crate) fn document(document: &mut crate::openapi::Document) {
    document
        .route(&LIST, "Tasks, newest first")
        .query(&[&STATE, &GROUP_ID, &OPERATION, &NODE, &SINCE, &BEFORE, &LIMIT, &CURSOR])
        .answer::<TaskList>(200, "A page of tasks.")
        .problems(&[&crate::problem_kinds::BAD_QUERY])
        .end();
}
