//! The saga: what a task does next and what each answer of a node means, as pure functions.
//!
//! No I/O, no clock and no randomness live here: time and answers come in as values, and the calls
//! to be made go out as values. A [`Task`] is the whole state. Its owner repeats three things:
//! [`Task::plan`] says which calls to make and how the task stands, the owner makes them (those
//! that change a node only after the record was stored), and [`Task::answer`] takes what came back.

mod answer;
mod call;
mod dead_letter;
mod forward;
mod history;
mod node;
mod plan;
mod rollback;
mod task;

pub use answer::{Answer, ChangeAnswer, Failure, IllegalAnswer, Inspection};
pub use call::{Call, CallKind, Verb};
pub use dead_letter::{DeadLetter, DeadLetterKind};
pub use history::{HISTORY_ENTRIES_MAX, History, HistoryEntry};
pub use node::{Node, NodeState};
pub use plan::{Plan, Starting, Status};
pub use task::{
    ClientState, NODE_ADDRESS_BYTES_MAX, NODES_MAX, Operation, Phase, Policy, Presence, Task,
};
