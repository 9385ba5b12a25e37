//! Every transition, on a real Redis that each test starts for itself.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops when something is amiss")]

mod admission;
mod bounds;
mod breakers;
mod callbacks;
mod dead_letters;
mod lists;
mod tasks;
mod upgrade;
mod wake_ups;
mod world;
