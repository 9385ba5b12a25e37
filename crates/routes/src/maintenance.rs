//! Running the service: `POST /maintenance/pause`, `resume` and `sweep`.

use clock::Clock;
use drain::Report;
use http::{Method, StatusCode};
use serde::Serialize;
use settings::Role;
use store::Redis;

use crate::api::Api;
use crate::call::Call;
use crate::endpoint::Endpoint;
use crate::nodes::Nodes;
#[cfg(feature = "openapi")]
use crate::openapi::Description;
use crate::problem::Problem;
use crate::problem_kinds;
use crate::reply::Reply;
use crate::success::json;

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

pub(crate) struct PauseQueue;

impl Endpoint for PauseQueue {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/maintenance/pause";
    const ROLE: Option<Role> = Some(Role::Operate);

    async fn answer<R, C, N>(api: Api<R, C, N>, call: &Call<'_>) -> Result<Reply, Problem>
    where
        R: Redis + 'static,
        C: Clock + 'static,
        N: Nodes,
    {
        api.set_paused(call, true).await
    }

    #[cfg(feature = "openapi")]
    fn describe(route: Description<'_>) -> Description<'_> {
        route
            .named("Pause", "Pause the queue")
            .about(
                "Tasks go on being accepted, and none is begun. Those that have begun go on to their \
                 end, whatever becomes of their worker.",
            )
            .answer::<PauseAnswer>(200, "The queue is paused.")
    }
}

pub(crate) struct ResumeQueue;

impl Endpoint for ResumeQueue {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/maintenance/resume";
    const ROLE: Option<Role> = Some(Role::Operate);

    async fn answer<R, C, N>(api: Api<R, C, N>, call: &Call<'_>) -> Result<Reply, Problem>
    where
        R: Redis + 'static,
        C: Clock + 'static,
        N: Nodes,
    {
        api.set_paused(call, false).await
    }

    #[cfg(feature = "openapi")]
    fn describe(route: Description<'_>) -> Description<'_> {
        route
            .named("Resume", "Let the queue go on")
            .answer::<PauseAnswer>(200, "The queue goes on.")
    }
}

pub(crate) struct Sweep;

impl Endpoint for Sweep {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/maintenance/sweep";
    const ROLE: Option<Role> = Some(Role::Operate);

    async fn answer<R, C, N>(api: Api<R, C, N>, call: &Call<'_>) -> Result<Reply, Problem>
    where
        R: Redis + 'static,
        C: Clock + 'static,
        N: Nodes,
    {
        call.query(&[])?;
        let swept = api.nodes.sweep().await;
        let report = swept.ok_or_else(|| Problem::plain(&problem_kinds::NO_NODE_ACCESS))??;
        let Report { claimed, ended, calls, .. } = report;
        json(StatusCode::OK, &SweepAnswer { claimed, ended, calls }, &[])
    }

    #[cfg(feature = "openapi")]
    fn describe(route: Description<'_>) -> Description<'_> {
        route
            .named("Sweep", "Pick up whatever was left lying")
            .about(
                "Works on what is ready, for 15 seconds at most, and answers what it did. A cron \
                 job has to send this once a minute: what is due while no request comes is carried out \
                 by nobody else.",
            )
            .answer::<SweepAnswer>(200, "What was done.")
            .problems(&[&problem_kinds::NO_NODE_ACCESS])
    }
}

impl<R: Redis, C, N> Api<R, C, N> {
    async fn set_paused(&self, call: &Call<'_>, paused: bool) -> Result<Reply, Problem> {
        call.query(&[])?;
        let waiting = self.store.pause(paused, &call.caller.name).await?;
        json(StatusCode::OK, &PauseAnswer { paused, waiting }, &[])
    }
}
