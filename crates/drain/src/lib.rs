//! The worker loop: claims tasks, makes their calls, stores what completed of them, and ends when there
//! is nothing left to do.
//!
//! It is generic over Redis ([`store::Redis`]), the nodes ([`NodeClient`], [`node_adapter::Adapter`]) and
//! time ([`clock::Clock`]), so the very loop that runs in the worker component also runs in tests, in
//! simulation and in benchmarks. Everything happens in one task of one thread.

mod breaker;
mod call_metrics;
mod callback;
mod environment;
mod node_call;
mod run;
mod work;

pub use breaker::BreakerLimits;
pub use callback::CallbackLimits;
pub use environment::{
    Log, NODE_ANSWER_BYTES_MAX, NodeClient, NodeRequest, NodeResponse, SendError,
};
pub use node_call::inspect;
pub use run::{Drain, Limits, Report};
