//! A whole Muster for one test: a real Redis, real HTTP nodes, and the shipped components on a
//! host. The host is the dev host, or the Spin that the environment variable `SPIN` names.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at once when something is not as it expects"
)]

mod eventually;
mod hook;
mod world;

pub use eventually::eventually;
pub use hook::{Hook, Received, Response};
pub use testkit_node::{Fault, Kind, Node, Rule};
pub use world::{Answer, Setup, World, state};
