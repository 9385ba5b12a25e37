//! `GET /groups/task/{task_id}` and `POST /groups/task/{task_id}/cancel`.

use clock::{Clock, rfc3339};
use drain::Level;
use http::header::HeaderName;
use http::{Method, StatusCode};
use saga::{ClientState, NodeState, Operation, Phase, RecordError};
use serde::Serialize;
use settings::Role;
use store::{Cancelled, Redis, TaskView};

use crate::api::Api;
use crate::call::Call;
use crate::callbacks::CallbackAnswer;
use crate::endpoint::Endpoint;
use crate::input;
use crate::log_line::LogLine;
use crate::nodes::Nodes;
use crate::prefer;
use crate::problem::Problem;
use crate::problem_kinds;
use crate::query::{Param, ParamKind};
use crate::reply::Reply;
use crate::success::json;
use crate::timeline::{self, TimelineEntry};
#[cfg(feature = "openapi")]
use crate::{
    headers::{HeaderParam, PREFER},
    openapi::Description,
};

/// The longest that a request waits for a task to end, in seconds: HTTP hosts allow about 30.
const WAIT_S_MAX: u64 = 25;
/// Between two reads of a task that is waited for, in milliseconds: at first, and at most.
const POLL_MS_MIN: u64 = 10;
const POLL_MS_MAX: u64 = 200;

static WAIT: Param = Param {
    name: "wait",
    kind: ParamKind::Number { min: 0, max: WAIT_S_MAX },
    about: "Answer only when the task has ended, or after so many seconds. The header \
            `Prefer: wait=N` asks for the same.",
};

const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// A task as clients read it. `state` and `status` hold the same word, as in the FastAPI/Celery
/// service.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", schemars(rename = "Task"))]
pub(crate) struct TaskAnswer<'a> {
    task_id: &'a str,
    state: ClientState,
    /// The same as `state`.
    status: ClientState,
    /// `null` when the record cannot be read and `state` does not tell.
    phase: Option<Phase>,
    /// `null` when the record is damaged and it is not known.
    operation: Option<Operation>,
    group_id: &'a str,
    /// Empty when the record cannot be read.
    nodes: Vec<NodeAnswer<'a>>,
    /// Why the task turned back.
    error: Option<&'a str>,
    /// The dead letter it retries.
    retry_of: Option<&'a str>,
    /// How far its callback has come; `null` when it has none.
    callback: Option<CallbackAnswer>,
    created_at: String,
    updated_at: String,
    /// `null` until the task ends.
    finished_at: Option<String>,
    history: Vec<TimelineEntry<'a>>,
    /// Entries missing from the middle of a very long history.
    history_dropped: u32,
    /// Why the record cannot be read: a newer Muster wrote it, or it is damaged. `nodes`, `error` and
    /// most of `history` are not known then. `null` when all is well.
    unreadable: Option<String>,
}

/// How one node stands.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", schemars(rename = "Node"))]
struct NodeAnswer<'a> {
    node: &'a str,
    state: NodeState,
    /// Calls sent that were to change the node.
    attempts: u32,
    /// Undo calls that failed.
    rollback_attempts: u32,
    last_error: Option<&'a str>,
    updated_at: Option<String>,
}

/// The answer to a cancel.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct CancelAnswer<'a> {
    task_id: &'a str,
    state: ClientState,
    /// The same as `state`.
    status: ClientState,
}

pub(crate) struct ShowTask;

impl Endpoint for ShowTask {
    const METHOD: Method = Method::GET;
    const PATH: &'static str = "/groups/task/{task_id}";
    const ROLE: Option<Role> = Some(Role::Read);

    async fn answer<R, C, N>(api: Api<R, C, N>, call: &Call<'_>) -> Result<Reply, Problem>
    where
        R: Redis + 'static,
        C: Clock + 'static,
        N: Nodes,
    {
        let wait_s = call.query(&[&WAIT])?.number(&WAIT)?;
        let preferred_s = prefer::wait_s(call.headers()).map(|seconds| seconds.min(WAIT_S_MAX));
        let task_id = input::task_id(&call.parameter).ok_or_else(no_such_task)?;
        let wait_ms = wait_s.or(preferred_s).unwrap_or_default().saturating_mul(1_000);
        let view = api.view_after(&task_id, wait_ms).await?;
        let applied = preferred_s
            .filter(|_| wait_s.is_none())
            .map(|seconds| (PREFERENCE_APPLIED, format!("wait={seconds}")));
        json(StatusCode::OK, &task_answer(&task_id, &view), applied.as_slice())
    }

    #[cfg(feature = "openapi")]
    fn describe(route: Description<'_>) -> Description<'_> {
        route
            .named("ShowTask", "How a task stands")
            .about(
                "A task whose record this version cannot read, since a newer one wrote it or it is \
                 damaged, is answered as far as it is known without; `unreadable` says why.",
            )
            .query(&[&WAIT])
            .header(&HeaderParam {
                name: PREFER,
                pattern: None,
                about: "wait=N waits up to N seconds for the end.",
                example: "wait=2",
            })
            .answer::<TaskAnswer<'_>>(
                200,
                "The task, with each node's state and the whole timeline.",
            )
            .answer_header(200, "Preference-Applied", "The wait that was heeded.", false)
            .problems(&[&problem_kinds::NO_SUCH_TASK])
    }
}

pub(crate) struct CancelTask;

impl Endpoint for CancelTask {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/groups/task/{task_id}/cancel";
    const ROLE: Option<Role> = Some(Role::Submit);

    async fn answer<R, C, N>(api: Api<R, C, N>, call: &Call<'_>) -> Result<Reply, Problem>
    where
        R: Redis + 'static,
        C: Clock + 'static,
        N: Nodes,
    {
        call.query(&[])?;
        let task_id = input::task_id(&call.parameter).ok_or_else(no_such_task)?;
        let ttl_s = api.settings.task_ttl_s;
        let mut line = None;
        let state = match api.store.cancel(&task_id, ttl_s, &call.caller.name).await? {
            Cancelled::UnknownTask => return Err(no_such_task()),
            Cancelled::Ended(state) => {
                let detail =
                    format!("The task has ended as {}, which never changes.", state.name());
                return Err(Problem::new(&problem_kinds::TASK_ENDED, detail));
            }
            Cancelled::Retrying => return Err(Problem::plain(&problem_kinds::TASK_IS_RETRY)),
            Cancelled::Revoked { group_id } => {
                let state = ClientState::Revoked.name().to_owned();
                line = Some(LogLine {
                    level: Level::Info,
                    event: "task ended",
                    fields: vec![
                        ("task_id", task_id.clone()),
                        ("group_id", group_id),
                        ("state", state),
                    ],
                });
                ClientState::Revoked
            }
            Cancelled::RollingBack => ClientState::Retry,
        };
        let answer = CancelAnswer { task_id: &task_id, state, status: state };
        let mut reply = json(StatusCode::ACCEPTED, &answer, &[])?;
        // No worker ever has this task, so nobody else tells of its end.
        if let Some(line) = line {
            reply.extensions_mut().insert(line);
        }
        Ok(reply)
    }

    #[cfg(feature = "openapi")]
    fn describe(route: Description<'_>) -> Description<'_> {
        route
            .named("CancelTask", "Cancel a task")
            .about(
                "A task that waits ends at once, as REVOKED. One that runs stops going forward \
                 and is rolled back; it ends as REVOKED once every node is as it was before.",
            )
            .answer::<CancelAnswer<'_>>(202, "The task is, or is about to be, cancelled.")
            .problems(&[
                &problem_kinds::NO_SUCH_TASK,
                &problem_kinds::TASK_ENDED,
                &problem_kinds::TASK_IS_RETRY,
            ])
    }
}

impl<R: Redis, C: Clock, N> Api<R, C, N> {
    /// A task once it has ended, or as it stands after `wait_ms` milliseconds.
    async fn view_after(&self, task_id: &str, wait_ms: u64) -> Result<TaskView, Problem> {
        let started_ms = self.clock.now_ms();
        let mut poll_ms = POLL_MS_MIN;
        loop {
            let view = self.store.poll(task_id).await?.ok_or_else(no_such_task)?;
            let waited_ms = self.clock.now_ms().saturating_sub(started_ms);
            let left_ms = wait_ms.saturating_sub(waited_ms);
            if left_ms == 0 || view.finished_at_ms.is_some() {
                return Ok(view);
            }
            self.clock.sleep(poll_ms.min(left_ms)).await;
            poll_ms = poll_ms.saturating_mul(2).min(POLL_MS_MAX);
        }
    }
}

pub(crate) fn no_such_task() -> Problem {
    Problem::plain(&problem_kinds::NO_SUCH_TASK)
}

/// Why the task's record cannot be read, for people; `None` when it can.
pub(crate) fn unreadable(view: &TaskView) -> Option<String> {
    match view.task.as_ref().err()? {
        newer @ RecordError::Newer(_) => Some(format!("A newer Muster wrote the record: {newer}.")),
        damaged @ RecordError::Damaged(_) => Some(format!("The record is damaged: {damaged}.")),
    }
}

/// How far a task has come; `None` when its record cannot be read and its state does not tell. One
/// that was cancelled before it started ended without a worker to say so in its record.
pub(crate) fn phase(view: &TaskView) -> Option<Phase> {
    match (view.state, view.task.as_ref().ok().map(saga::Task::phase)) {
        (ClientState::Revoked, _) => Some(Phase::Cancelled),
        // A worker has just taken it, and has stored nothing yet.
        (ClientState::Started, Some(Phase::Queued)) => Some(Phase::Forward),
        (ClientState::Pending, None) => Some(Phase::Queued),
        (_, phase) => phase,
    }
}

fn task_answer<'a>(task_id: &'a str, view: &'a TaskView) -> TaskAnswer<'a> {
    let task = view.task.as_ref().ok();
    TaskAnswer {
        task_id,
        state: view.state,
        status: view.state,
        phase: phase(view),
        operation: view.operation,
        group_id: &view.group_id,
        nodes: task.iter().flat_map(|task| task.nodes()).map(node_answer).collect(),
        error: task.and_then(saga::Task::error),
        retry_of: task.and_then(saga::Task::retry_of).map(|dead_letter| dead_letter.id.as_str()),
        callback: view.callback.clone().map(CallbackAnswer::from),
        created_at: rfc3339(view.created_at_ms),
        updated_at: rfc3339(view.updated_at_ms),
        finished_at: view.finished_at_ms.map(rfc3339),
        history: timeline::whole(view),
        history_dropped: task.map_or(0, |task| task.history().dropped()),
        unreadable: unreadable(view),
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
