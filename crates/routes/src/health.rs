//! Whether the service runs, and whether it can accept tasks: `GET /healthz` and `GET /readyz`.

use clock::{Clock, rfc3339};
use http::{Method, StatusCode};
use serde::Serialize;
use settings::Role;
use store::{Overview, Redis, StoreError};

use crate::api::Api;
use crate::call::Call;
use crate::endpoint::Endpoint;
use crate::nodes::Nodes;
#[cfg(feature = "openapi")]
use crate::openapi::Description;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::success::json;

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
    #[serde(flatten)]
    load: Option<Load>,
}

/// How things stand: for those who may read. A probe without a token learns only whether tasks can be
/// accepted.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct Load {
    /// Tasks that have not been started.
    waiting: u64,
    /// How long the first of them has waited, in seconds; 0 when none does.
    oldest_waiting_s: u64,
    /// Tasks that workers have in hand.
    running: u64,
    dead_letters: u64,
    /// Callbacks that were tried too often.
    callbacks_given_up: u64,
    /// Tasks whose records a newer Muster wrote, and which workers of an older version leave alone. It is 0
    /// again two minutes after the last was left so.
    newer_records: u64,
    /// Workers that are at it now; 0 when there is nothing to do.
    drains: u64,
    /// Who paused the queue, and when; `null` when it is not paused.
    paused: Option<Pause>,
    /// Nodes that failed too often just now and are left alone for a moment.
    open_circuits: Vec<OpenCircuit>,
    /// What keeps accepted tasks from being carried out at once, although they can be accepted.
    warnings: Vec<Warning>,
}

/// What keeps accepted tasks from being carried out at once. A sweep carries them out all the same, but for
/// those that need a newer worker.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum Warning {
    /// Redis does not let the service's user publish to the channel `muster:wake`.
    WakeUpsRefused,
    /// Some connection hears wake-ups, and no worker has answered them for a second or longer.
    WakeUpsUnanswered,
    /// Workers leave tasks alone whose records a newer Muster wrote: see `newer_records`. A worker of its
    /// version carries them out.
    NewerRecords,
}

fn warnings(overview: &Overview) -> Vec<Warning> {
    let refused = overview.refused_since_ms.map(|_| Warning::WakeUpsRefused);
    let unanswered = overview.unanswered_since_ms.map(|_| Warning::WakeUpsUnanswered);
    let newer = (overview.newer_records > 0).then_some(Warning::NewerRecords);
    refused.into_iter().chain(unanswered).chain(newer).collect()
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

/// The answer to `GET /healthz`, for which neither settings nor Redis are needed.
pub(crate) fn reply(call: &Call<'_>) -> Result<Reply, Problem> {
    call.query(&[])?;
    json(StatusCode::OK, &Health { ok: true }, &[])
}

pub(crate) struct ShowHealth;

impl Endpoint for ShowHealth {
    const METHOD: Method = Method::GET;
    const PATH: &'static str = "/healthz";
    const ROLE: Option<Role> = None;

    async fn answer<R, C, N>(_: Api<R, C, N>, call: &Call<'_>) -> Result<Reply, Problem>
    where
        R: Redis + 'static,
        C: Clock + 'static,
        N: Nodes,
    {
        reply(call)
    }

    #[cfg(feature = "openapi")]
    fn describe(route: Description<'_>) -> Description<'_> {
        route
            .named("Health", "Whether the service runs")
            .without_store()
            .answer::<Health>(200, "It does.")
    }
}

pub(crate) struct ShowReadiness;

impl Endpoint for ShowReadiness {
    const METHOD: Method = Method::GET;
    const PATH: &'static str = "/readyz";
    const ROLE: Option<Role> = None;

    async fn answer<R, C, N>(api: Api<R, C, N>, call: &Call<'_>) -> Result<Reply, Problem>
    where
        R: Redis + 'static,
        C: Clock + 'static,
        N: Nodes,
    {
        call.query(&[])?;
        (api.worker_settings)()?;
        let overview = api.store.overview().await?;
        if let Some(refusal) = overview.refusal {
            return Err(StoreError::Redis(refusal).into());
        }
        let answer = Ready {
            ready: true,
            access: if call.caller.tokens_set { "tokens" } else { "open" },
            load: call.caller.may(Role::Read).then(|| Load::of(overview)),
        };
        json(StatusCode::OK, &answer, &[])
    }

    #[cfg(feature = "openapi")]
    fn describe(route: Description<'_>) -> Description<'_> {
        route
            .named("Ready", "Whether tasks can be accepted")
            .about(
                "Redis answers and every setting is good. Those who may read see how much waits, \
                 and for how long; others see only whether it is so.",
            )
            .answer::<Ready>(200, "They can.")
    }
}

impl Load {
    fn of(overview: Overview) -> Self {
        let oldest_ms =
            overview.oldest_ms.map(|oldest_ms| overview.now_ms.saturating_sub(oldest_ms));
        Self {
            waiting: overview.waiting,
            oldest_waiting_s: oldest_ms.unwrap_or_default() / 1_000,
            running: overview.running,
            warnings: warnings(&overview),
            dead_letters: overview.dead_letters,
            newer_records: overview.newer_records,
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
        }
    }
}
