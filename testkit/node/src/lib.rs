//! A node simulator: the cluster manager's node API over real sockets, with faults on demand and a
//! log of every call.
//!
//! A [`Node`] lives in the process that started it, so that a test can script and observe it
//! directly; the `node` binary serves the same over `/control` (see `api.rs`).

mod api;
mod fault;
mod node;
mod state;

pub use fault::{Fault, Kind, Rule};
pub use node::Node;
pub use state::Call;
