//! The worker loop: claims tasks, makes their calls, stores what came of them, and ends when there
//! is nothing left to do.
//!
//! It is generic over Redis ([`store::Redis`]), the nodes ([`NodeClient`], [`node_adapter::Adapter`])
//! and time ([`clock::Clock`]), so the very loop that runs in the worker component also runs in
//! tests, in simulation and in benchmarks. Everything happens in one task of one thread.
//!
//! [`run`] is the loop: it takes a turn with Redis, waits for what completes, and begins again. What
//! the drain has in hand between two turns is in `drain`, which brings the parts together: held
//! tasks, their leases, calls to nodes, webhooks, and what the next turn is to commit.

mod breaker;
mod call_metrics;
mod calls_in_flight;
mod clocks;
mod completions;
mod drain;
mod ends;
mod environment;
mod held_tasks;
mod leases;
mod limits;
mod node_call;
mod node_health;
mod pending_commits;
mod progress;
mod quarantine;
mod report;
mod retry_after;
mod run;
mod webhooks;

pub use call_metrics::BOUNDS_MS;
pub use environment::{
    Environment, Level, Log, NODE_ANSWER_BYTES_MAX, NodeClient, NodeRequest, SendError,
};
pub use limits::{BreakerLimits, Limits, WebhookLimits};
pub use node_adapter::NodeResponse;
pub use node_call::inspect;
pub use report::Report;
pub use run::run;
