//! Telling operators of the tasks that have ended: of each once, and only when Redis has its end.

use saga::{ClientState, Node, NodeState, Task};

use crate::environment::{Level, Log};

/// Tasks that have ended, as far as nobody was told yet.
#[derive(Default)]
pub(crate) struct Ends {
    /// The next turn commits these.
    pending: Vec<Task>,
    /// The turn under way commits these.
    committing: Vec<Task>,
}

impl Ends {
    /// Takes in a task that has ended, and whose last commit waits for the next turn.
    pub(crate) fn push(&mut self, task: Task) {
        self.pending.push(task);
    }

    /// The turn that begins now takes all that is pending.
    pub(crate) fn begin_turn(&mut self) {
        self.committing = std::mem::take(&mut self.pending);
    }

    /// The task whose end that turn refused: its claim is another drain's by now, or it was cancelled.
    pub(crate) fn take_refused(&mut self, task_id: &str) -> Option<Task> {
        let index = self.committing.iter().position(|task| task.id() == task_id)?;
        Some(self.committing.swap_remove(index))
    }

    /// Writes a line for each task whose end is stored now, and gives their number.
    pub(crate) fn report<L: Log>(&mut self, log: &L) -> u64 {
        let stored = std::mem::take(&mut self.committing);
        stored.iter().for_each(|task| write(log, task));
        stored.len() as u64
    }
}

fn write<L: Log>(log: &L, task: &Task) {
    let dead = task.nodes().iter().filter(|node| node.state() == NodeState::Dead);
    let dead: Vec<&str> = dead.map(Node::address).collect();
    let event = if dead.is_empty() { "task ended" } else { "task ended with dead letters" };
    let state = task.client_state();
    let level = if state == ClientState::Failure { Level::Warn } else { Level::Info };
    let fields = [
        ("task_id", task.id()),
        ("group_id", task.group_id()),
        ("operation", task.operation().name()),
        ("state", state.name()),
        ("error", task.error().unwrap_or_default()),
        ("dead_nodes", &dead.join(",")),
    ];
    log.write(level, event, &fields);
}
