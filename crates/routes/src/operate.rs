//! Running the service: `GET /healthz`, `GET /readyz`, and `POST /maintenance/pause`, `resume` and
//! `sweep`.

use clock::rfc3339;
use drain::Report;
use http::{Method, Request, StatusCode};
use serde::Serialize;
use settings::Role;
use store::Redis;

use crate::problem::Problem;
use crate::problem_kinds;
use crate::reply::{Reply, json};
use crate::route::{Action, Route};
use crate::{Api, Call, Nodes};

pub(crate) static HEALTH: Route =
    Route { method: Method::GET, path: "/healthz", role: None, action: Action::Health };
pub(crate) static READY: Route =
    Route { method: Method::GET, path: "/readyz", role: None, action: Action::Ready };
pub(crate) static PAUSE: Route = Route {
    method: Method::POST,
    path: "/maintenance/pause",
    role: Some(Role::Operate),
    action: Action::Pause,
};
pub(crate) static RESUME: Route = Route {
    method: Method::POST,
    path: "/maintenance/resume",
    role: Some(Role::Operate),
    action: Action::Resume,
};
pub(crate) static SWEEP: Route = Route {
    method: Method::POST,
    path: "/maintenance/sweep",
    role: Some(Role::Operate),
    action: Action::Sweep,
};

/// The component runs.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct Health {
    ok: bool,
}

/// Tasks can be accepted: Redis answers and the settings are good.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct Ready {
    ready: bool,
    /// `open` when anybody may do anything, `tokens` when the setting api_tokens names tokens.
    access: &'static str,
    /// Tasks that have not been started.
    waiting: u64,
    /// How long the first of them has waited, in seconds; 0 when none does.
    oldest_waiting_s: u64,
    /// Tasks that workers have in hand.
    running: u64,
    dead_letters: u64,
    /// Callbacks that were tried too often.
    callbacks_given_up: u64,
    /// Workers that are at it now; 0 when there is nothing to do.
    drains: u64,
    /// Who paused the queue, and when; `null` when it is not paused.
    paused: Option<Pause>,
    /// Nodes that failed too often just now and are left alone for a moment.
    open_circuits: Vec<OpenCircuit>,
}

/// A node whose circuit breaker is open: calls to it fail at once.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct OpenCircuit {
    node: String,
    /// When one call will see whether the node is well.
    until: String,
}

/// A pause of the queue.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct Pause {
    by: String,
    at: String,
}

/// Whether the queue is paused now.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct PauseAnswer {
    paused: bool,
    /// Tasks that have not been started.
    waiting: u64,
}

/// What a sweep did.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct SweepAnswer {
    /// Tasks taken up.
    claimed: u64,
    /// Tasks that ended.
    ended: u64,
    /// Calls made to nodes.
    calls: u64,
}

/// The answer to `GET /healthz`, for which neither settings nor Redis are needed; `None` for any
/// other request.
#[must_use]
pub fn health<B>(request: &Request<B>) -> Option<Reply> {
    let is_health = request.method() == HEALTH.method && request.uri().path() == HEALTH.path;
    if is_health { health_reply().ok() } else { None }
}

pub(crate) fn health_reply() -> Result<Reply, Problem> {
    json(StatusCode::OK, &Health { ok: true }, &[])
}

impl<R: Redis + 'static, C: clock::Clock + 'static, N: Nodes> Api<R, C, N> {
    pub(crate) async fn ready(&self) -> Result<Reply, Problem> {
        (self.worker_settings)()?;
        let overview = self.store.overview().await?;
        let oldest_ms =
            overview.oldest_ms.map(|oldest_ms| overview.now_ms.saturating_sub(oldest_ms));
        let answer = Ready {
            ready: true,
            access: if self.settings.api_tokens.is_empty() { "open" } else { "tokens" },
            waiting: overview.waiting,
            oldest_waiting_s: oldest_ms.unwrap_or_default() / 1_000,
            running: overview.running,
            dead_letters: overview.dead_letters,
            callbacks_given_up: overview.callbacks_given_up,
            drains: overview.drains,
            paused: overview
                .paused
                .map(|paused| Pause { by: paused.by, at: rfc3339(paused.at_ms) }),
            open_circuits: overview
                .open_breakers
                .into_iter()
                .map(|(node, until_ms)| OpenCircuit { node, until: rfc3339(until_ms) })
                .collect(),
        };
        json(StatusCode::OK, &answer, &[])
    }

    pub(crate) async fn pause(&self, call: &Call<'_>, pause: bool) -> Result<Reply, Problem> {
        call.query(&[])?;
        let waiting = self.store.pause(pause, &call.caller.name).await?;
        json(StatusCode::OK, &PauseAnswer { paused: pause, waiting }, &[])
    }

    pub(crate) async fn sweep(&self) -> Result<Reply, Problem> {
        let swept = self.nodes.sweep().await;
        let report = swept.ok_or_else(|| Problem::plain(&problem_kinds::NO_NODE_ACCESS))??;
        let Report { claimed, ended, calls, .. } = report;
        json(StatusCode::OK, &SweepAnswer { claimed, ended, calls }, &[])
    }
}

#[cfg(feature = "openapi")]
pub(crate) fn document(document: &mut crate::openapi::Document) {
    document.route(&HEALTH, "Whether the service runs").answer::<Health>(200, "It does.").end();
    document
        .route(&READY, "Whether tasks can be accepted")
        .about("Redis answers and every setting is good; how much waits, and for how long.")
        .answer::<Ready>(200, "They can.")
        .end();
    document
        .route(&PAUSE, "Pause the queue")
        .about(
            "Tasks go on being accepted, and none is started. What a worker has in hand goes on, \
             and so do rollbacks.",
        )
        .answer::<PauseAnswer>(200, "The queue is paused.")
        .problems(&[&problem_kinds::BAD_QUERY])
        .end();
    document
        .route(&RESUME, "Let the queue go on")
        .answer::<PauseAnswer>(200, "The queue goes on.")
        .problems(&[&problem_kinds::BAD_QUERY])
        .end();
    document
        .route(&SWEEP, "Pick up whatever was left lying")
        .about(
            "Works on what is ready, for 15 seconds at most, and answers what it did. A cron job \
             that sends this once a minute makes sure that nothing waits for the next request.",
        )
        .answer::<SweepAnswer>(200, "What was done.")
        .problems(&[&problem_kinds::NO_NODE_ACCESS])
        .end();
}
