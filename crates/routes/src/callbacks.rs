//! Callbacks that were not delivered yet: `GET /callbacks`, `POST /callbacks/{task_id}/retry` and
//! `DELETE /callbacks/{task_id}`.

use clock::{Clock, rfc3339};
use http::{Method, StatusCode};
use serde::Serialize;
use settings::Role;
use store::{CallbackChange, CallbackSummary, CallbackView, Redis};

use crate::api::Api;
use crate::call::Call;
use crate::endpoint::Endpoint;
use crate::input;
use crate::nodes::Nodes;
use crate::page::{self, CURSOR, LIMIT};
use crate::problem::Problem;
use crate::problem_kinds;
use crate::query::{Param, ParamKind};
use crate::reply::Reply;
use crate::success::{json, no_content};
#[cfg(feature = "openapi")]
use crate::{openapi::Description, problem_kinds::Kind};

static GIVEN_UP: Param = Param {
    name: "given_up",
    kind: ParamKind::Flag,
    about: "Those that were given up, rather than those that are yet to be delivered.",
};

/// A page of callbacks.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct CallbacksAnswer {
    /// The next due first; of those given up, the oldest first.
    callbacks: Vec<ListedCallback>,
    /// How many there are in all.
    total: u64,
    /// Where the next page begins; `null` at the end.
    next_cursor: Option<String>,
}

/// A callback in a list.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct ListedCallback {
    task_id: String,
    group_id: String,
    /// How the task ended.
    state: String,
    #[serde(flatten)]
    callback: CallbackAnswer,
}

/// How far a callback has come.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", schemars(rename = "Callback"))]
pub(crate) struct CallbackAnswer {
    url: String,
    /// `not_due` until the task ends, then `waiting`, and at last `delivered` or `given_up`.
    standing: &'static str,
    /// How often it was tried.
    attempts: u64,
    last_error: Option<String>,
    /// When it is tried next.
    due_at: Option<String>,
}

impl From<CallbackView> for CallbackAnswer {
    fn from(view: CallbackView) -> Self {
        Self {
            url: view.url,
            standing: view.status.name(),
            attempts: view.attempts,
            last_error: view.last_error,
            due_at: view.due_at_ms.map(rfc3339),
        }
    }
}

impl From<CallbackSummary> for ListedCallback {
    fn from(summary: CallbackSummary) -> Self {
        Self {
            task_id: summary.callback.task_id.clone(),
            group_id: summary.group_id,
            state: summary.state,
            callback: summary.callback.into(),
        }
    }
}

pub(crate) struct ListCallbacks;

impl Endpoint for ListCallbacks {
    const METHOD: Method = Method::GET;
    const PATH: &'static str = "/callbacks";
    const ROLE: Option<Role> = Some(Role::Read);

    async fn answer<R, C, N>(api: Api<R, C, N>, call: &Call<'_>) -> Result<Reply, Problem>
    where
        R: Redis + 'static,
        C: Clock + 'static,
        N: Nodes,
    {
        let query = call.query(&[&GIVEN_UP, &LIMIT, &CURSOR])?;
        let cursor = page::cursor(&query)?;
        let limit = page::limit(&query)?;
        let page = api.store.callbacks(query.flag(&GIVEN_UP)?, cursor.as_ref(), limit).await?;
        let answer = CallbacksAnswer {
            callbacks: page.callbacks.into_iter().map(ListedCallback::from).collect(),
            total: page.total,
            next_cursor: page.next.map(|cursor| cursor.to_string()),
        };
        json(StatusCode::OK, &answer, &[])
    }

    #[cfg(feature = "openapi")]
    fn describe(route: Description<'_>) -> Description<'_> {
        route
            .named("ListCallbacks", "Callbacks that are not delivered")
            .about(
                "A task that was submitted with a callback_url tells that URL when it ends: a \
                 POST, signed as the Standard Webhooks specification says, tried again with \
                 growing delays until it is answered with a 2xx or is given up.",
            )
            .query(&[&GIVEN_UP, &LIMIT, &CURSOR])
            .answer::<CallbacksAnswer>(200, "A page of callbacks.")
            .link(200, "RetryCallback", &[("task_id", "$response.body#/callbacks/0/task_id")])
            .link(200, "DiscardCallback", &[("task_id", "$response.body#/callbacks/0/task_id")])
    }
}

/// Why a callback cannot be tried again or discarded.
#[cfg(feature = "openapi")]
static CHANGE_PROBLEMS: [&Kind; 2] =
    [&problem_kinds::NO_SUCH_CALLBACK, &problem_kinds::CALLBACK_DELIVERED];

pub(crate) struct RetryCallback;

impl Endpoint for RetryCallback {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/callbacks/{task_id}/retry";
    const ROLE: Option<Role> = Some(Role::Operate);

    async fn answer<R, C, N>(api: Api<R, C, N>, call: &Call<'_>) -> Result<Reply, Problem>
    where
        R: Redis + 'static,
        C: Clock + 'static,
        N: Nodes,
    {
        call.query(&[])?;
        let task_id = input::task_id(&call.parameter).ok_or_else(no_such_callback)?;
        changed(api.store.retry_callback(&task_id, &call.caller.name).await?)
    }

    #[cfg(feature = "openapi")]
    fn describe(route: Description<'_>) -> Description<'_> {
        route
            .named("RetryCallback", "Try a callback again")
            .about("At once, and with a fresh budget of attempts.")
            .empty(204, "It is being tried.")
            .problems(&CHANGE_PROBLEMS)
    }
}

pub(crate) struct DiscardCallback;

impl Endpoint for DiscardCallback {
    const METHOD: Method = Method::DELETE;
    const PATH: &'static str = "/callbacks/{task_id}";
    const ROLE: Option<Role> = Some(Role::Operate);

    async fn answer<R, C, N>(api: Api<R, C, N>, call: &Call<'_>) -> Result<Reply, Problem>
    where
        R: Redis + 'static,
        C: Clock + 'static,
        N: Nodes,
    {
        call.query(&[])?;
        let task_id = input::task_id(&call.parameter).ok_or_else(no_such_callback)?;
        changed(api.store.discard_callback(&task_id, &call.caller.name).await?)
    }

    #[cfg(feature = "openapi")]
    fn describe(route: Description<'_>) -> Description<'_> {
        route
            .named("DiscardCallback", "Discard a callback")
            .about("For when nobody needs to be told any more.")
            .empty(204, "It is gone.")
            .problems(&CHANGE_PROBLEMS)
    }
}

fn no_such_callback() -> Problem {
    Problem::plain(&problem_kinds::NO_SUCH_CALLBACK)
}

fn changed(change: CallbackChange) -> Result<Reply, Problem> {
    match change {
        CallbackChange::Done => Ok(no_content()),
        CallbackChange::UnknownCallback => Err(no_such_callback()),
        CallbackChange::Delivered => Err(Problem::plain(&problem_kinds::CALLBACK_DELIVERED)),
    }
}
