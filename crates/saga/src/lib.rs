//! The saga: what a task does next and what each answer of a node means, as pure functions.
//!
//! No I/O, no clock and no randomness live here: time and answers come in as values, and the calls
//! to be made go out as values. A [`Task`] is the whole state. Its owner repeats three things:
//! [`Task::plan`] says which calls to make and how the task stands, the owner makes them (those
//! that change a node only after the record was stored), and [`Task::answer`] takes what came back.

mod answer;
mod call;
mod dead_letter;
mod event;
mod forward;
mod history;
mod late_calls;
mod moment;
mod node;
mod operation;
mod outcome;
mod phase;
mod plan;
mod policy;
mod receive;
mod record;
mod retry_delay;
mod rollback;
mod task;
mod withheld;

pub use answer::{Answer, ChangeAnswer, Failure, Inspection, Withheld};
pub use call::{Call, CallKind, Verb};
pub use dead_letter::{DeadLetter, DeadLetterKind};
pub use event::Event;
pub use history::{HISTORY_ENTRIES_MAX, History, HistoryEntry};
pub use moment::Moment;
pub use node::{Node, NodeState};
pub use operation::{Operation, Presence};
pub use phase::{ClientState, Phase};
pub use plan::{Plan, Starting, Status};
pub use policy::Policy;
pub use receive::IllegalAnswer;
pub use record::RecordError;
pub use task::{NODE_ADDRESS_BYTES_MAX, NODES_MAX, Task};
