//! Muster under seeded faults and virtual time.
//!
//! The real saga, the real store with its real scripts, and the real worker loop, in one thread: Redis
//! is a model that runs the scripts in Lua 5.1, nodes and network are models with faults, and time
//! passes only when nothing can run. A seed says what goes wrong and in which order everything
//! happens; the same seed always goes the same way. The [`checker`] holds the promises against what
//! clients are told and what nodes see.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a simulation stops at once when it is itself amiss"
)]

mod chaos;
pub mod checker;
mod client;
pub mod connection;
pub mod crash;
pub mod executor;
pub mod fault;
pub mod mutation;
pub mod network;
mod operator;
pub mod poison;
mod probe;
pub mod random;
pub mod receiver;
pub mod redis;
pub mod report;
mod rings;
pub mod run;
pub mod server;
pub mod stranger;
pub mod trace;
mod upgrade;
mod worker;
pub mod world;
