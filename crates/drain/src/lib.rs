//! The worker loop: claims tasks, makes their calls, stores what came of them, and ends when there
//! is nothing left to do.
//!
//! It is generic over Redis ([`store::Redis`]), the nodes ([`NodeClient`], [`Adapter`]) and time
//! ([`Clock`]), so the very loop that runs in the worker component also runs in tests, in
//! simulation and in benchmarks. Everything happens in one task of one thread.

mod breaker;
mod callback;
mod environment;
mod node_call;
mod run;
mod tally;
mod times;
mod work;

pub use breaker::BreakerLimits;
pub use callback::CallbackLimits;
pub use environment::{
    Adapter, Clock, Finding, Log, NODE_ANSWER_BYTES_MAX, NodeClient, NodeRequest, NodeResponse,
    Prepared, SendError, Verdict,
};
pub use node_call::inspect;
pub use run::{Drain, Limits, Report};
pub use times::rfc3339;
