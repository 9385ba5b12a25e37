//! `GET /groups/task/{task_id}` and `POST /groups/task/{task_id}/cancel`.

use http::{Response, StatusCode};
use saga::{ClientState, NodeState, Operation, Phase, Task};
use serde::Serialize;
use store::{Cancelled, Note, Redis, TaskView};
use uuid::Uuid;

use crate::Api;
use crate::answer::json;
use crate::problem::{Problem, catalogue};
use crate::times::rfc3339;

/// A task as clients read it. `state` and `status` hold the same word, as in the reference.
#[derive(Serialize)]
struct TaskAnswer<'a> {
    task_id: &'a str,
    state: ClientState,
    status: ClientState,
    phase: Phase,
    operation: Operation,
    group_id: &'a str,
    nodes: Vec<NodeAnswer<'a>>,
    /// Why the task turned back.
    error: Option<&'a str>,
    /// The dead letter it retries.
    retry_of: Option<&'a str>,
    created_at: String,
    updated_at: String,
    finished_at: Option<String>,
    history: Vec<HistoryAnswer<'a>>,
    /// Entries missing from the middle of a very long history.
    history_dropped: u32,
}

#[derive(Serialize)]
struct NodeAnswer<'a> {
    node: &'a str,
    state: NodeState,
    attempts: u32,
    rollback_attempts: u32,
    last_error: Option<&'a str>,
    updated_at: Option<String>,
}

#[derive(Serialize)]
struct HistoryAnswer<'a> {
    at: String,
    event: &'a str,
    node: Option<&'a str>,
    detail: Option<&'a str>,
}

/// The answer to a cancel.
#[derive(Serialize)]
struct CancelAnswer<'a> {
    task_id: &'a str,
    state: ClientState,
    status: ClientState,
}

impl<R: Redis> Api<'_, R> {
    pub(crate) async fn show_task(&self, task_id: &str) -> Result<Response<Vec<u8>>, Problem> {
        let task_id = task_id_of(task_id)?;
        let view = self.store.poll(&task_id).await?.ok_or_else(catalogue::no_such_task)?;
        let task = view.task.as_ref().map_err(|reason| {
            catalogue::internal(&format!("the record of task {task_id} cannot be read: {reason}"))
        })?;
        json(StatusCode::OK, &task_answer(&task_id, &view, task), &[])
    }

    pub(crate) async fn cancel_task(&self, task_id: &str) -> Result<Response<Vec<u8>>, Problem> {
        let task_id = task_id_of(task_id)?;
        let state = match self.store.cancel(&task_id, self.settings.task_ttl_s).await? {
            Cancelled::UnknownTask => return Err(catalogue::no_such_task()),
            Cancelled::Ended(state) => return Err(catalogue::task_ended(state.name())),
            Cancelled::Retrying => return Err(catalogue::task_is_retry()),
            Cancelled::Revoked => ClientState::Revoked,
            Cancelled::RollingBack => ClientState::Retry,
        };
        let answer = CancelAnswer { task_id: &task_id, state, status: state };
        json(StatusCode::ACCEPTED, &answer, &[])
    }
}

/// The id in the one form it is stored in. Nothing else was ever given out.
fn task_id_of(text: &str) -> Result<String, Problem> {
    Uuid::try_parse(text).map(|id| id.to_string()).map_err(|_| catalogue::no_such_task())
}

fn task_answer<'a>(task_id: &'a str, view: &'a TaskView, task: &'a Task) -> TaskAnswer<'a> {
    // A task that was cancelled before it started ended without a worker to say so in its record.
    let revoked = view.state == ClientState::Revoked;
    TaskAnswer {
        task_id,
        state: view.state,
        status: view.state,
        phase: if revoked { Phase::Cancelled } else { task.phase() },
        operation: task.operation(),
        group_id: task.group_id(),
        nodes: task.nodes().iter().map(node_answer).collect(),
        error: task.error(),
        retry_of: task.retry_of().map(|letter| letter.id.as_str()),
        created_at: rfc3339(view.created_at_ms),
        updated_at: rfc3339(view.updated_at_ms),
        finished_at: view.finished_at_ms.map(rfc3339),
        history: history(view, task),
        history_dropped: task.history().dropped(),
    }
}

fn node_answer(node: &saga::Node) -> NodeAnswer<'_> {
    NodeAnswer {
        node: node.address(),
        state: node.state(),
        attempts: node.attempts(),
        rollback_attempts: node.rollback_attempts(),
        last_error: node.last_error(),
        updated_at: node.updated_at_ms().map(rfc3339),
    }
}

/// What the worker noted and what people did, in one timeline that begins with the acceptance.
fn history<'a>(view: &'a TaskView, task: &'a Task) -> Vec<HistoryAnswer<'a>> {
    type Line<'a> = (u64, &'a str, Option<usize>, Option<&'a str>);
    let accepted: Line<'a> = (view.created_at_ms, "accepted", None, None);
    let worked = task.history().entries().iter().map(|entry| -> Line<'a> {
        (entry.at_ms, &entry.event, entry.node, entry.detail.as_deref())
    });
    let noted = view.notes.iter().map(|Note { at_ms, event, detail }| -> Line<'a> {
        (*at_ms, event, None, detail.as_deref())
    });
    let mut lines: Vec<Line<'a>> = std::iter::once(accepted).chain(worked).chain(noted).collect();
    lines.sort_by_key(|(at_ms, ..)| *at_ms);
    let node = |index: usize| task.nodes().get(index).map(saga::Node::address);
    lines
        .into_iter()
        .map(|(at_ms, event, index, detail)| HistoryAnswer {
            at: rfc3339(at_ms),
            event,
            node: index.and_then(node),
            detail,
        })
        .collect()
}
