//! What a task does next.

use crate::call::{Call, CallKind};
use crate::event::Event;
use crate::late_calls::Direction;
use crate::moment::Moment;
use crate::node::{Node, NodeState, Progress};
use crate::phase::Phase;
use crate::task::Task;

/// For how long, in milliseconds, an inspection is good enough to act on. Somebody else may
/// change the node meanwhile.
const INSPECTION_AGE_MS_MAX: u64 = 1_000;

/// Whether [`Task::plan`] may start anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Starting {
    Allowed,
    /// The holder is about to hand the task over: what is under way ends, nothing new begins.
    Held,
}

/// What a task does next, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Calls to make now, each to be given back to [`Task::answer`] with what came of it.
    pub calls: Vec<Call>,
    /// The record, as it stands, must be stored before those of `calls` that change a node are
    /// sent: it holds the intent to.
    pub must_store: bool,
    pub status: Status,
}

/// How a task stands after planning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Calls are under way.
    Running,
    /// Nothing is under way, and nothing is to be done before this time (milliseconds since the
    /// epoch): the task can be delayed until then.
    Waiting { due_at_ms: u64 },
    /// Nothing is under way and there is more to do, but nothing may be started.
    Held,
    /// It has ended.
    Ended,
}

impl Task {
    /// Takes the task in hand, as a worker does on claiming it. `recoveries` is how often a worker
    /// was lost while holding it, and `was_lost` whether the last one to hold it was.
    ///
    /// A call whose answer was never stored may have taken effect, or may yet be carried out: so its node
    /// is `unknown` now, and a node that was being undone is inspected first.
    pub fn take_up(&mut self, recoveries: u32, was_lost: bool, now: impl Into<Moment>) {
        let Moment { earliest_ms: now_ms, latest_ms } = now.into();
        if self.phase == Phase::Queued {
            let retrying = self.retry_of.is_some();
            self.phase = if retrying { Phase::Rollback } else { Phase::Forward };
            self.unstored = retrying;
            self.note(now_ms, Event::Started, None);
        }
        let window_ms = self.policy.late_call_window_ms;
        for node in &mut self.nodes {
            node.progress = Progress::Idle;
            node.late_calls.shorten(latest_ms, window_ms);
            match node.state {
                NodeState::Calling => {
                    node.state = NodeState::Unknown;
                    node.uncertain = true;
                    node.late_calls.give_up(Direction::Apply, latest_ms, window_ms);
                }
                NodeState::Undoing if was_lost && window_ms > 0 => {
                    node.late_calls.give_up(Direction::Undo, latest_ms, window_ms);
                    node.is_awaited = true;
                    // Before another undo is sent: should this worker be lost too, nobody could tell
                    // which of them had the effect.
                    self.unstored = true;
                }
                _ => {}
            }
        }
        if recoveries > self.policy.max_recoveries {
            let reason = format!("given up: its worker was lost {recoveries} times");
            self.give_up(&reason, now_ms);
        } else if recoveries > 0 {
            let detail = format!("its worker was lost ({recoveries})");
            self.note(now_ms, Event::Recovered, Some(&detail));
        }
    }

    /// Asks the task to stop, for `reason`. Before anything failed it stops going forward and
    /// rolls back; a rollback that is under way goes on. A retry of a dead letter that has not
    /// begun ends at once and leaves the dead letter as it is.
    pub fn cancel(&mut self, reason: &str, now_ms: u64) {
        if self.phase.is_end() || self.cancelled || self.error.is_some() {
            return;
        }
        let retrying = self.retry_of.is_some();
        if retrying && self.phase != Phase::Queued {
            return;
        }
        self.cancelled = true;
        self.error = Some(reason.to_owned());
        self.note(now_ms, Event::Cancelling, Some(reason));
        if self.phase == Phase::Queued {
            self.phase = Phase::Cancelled;
            self.note(now_ms, Event::Cancelled, None);
        }
    }

    /// Takes back a planned [`CallKind::Apply`] that was never sent, so that a task which is cancelled
    /// in time does not change one more node.
    pub fn withdraw(&mut self, call: Call) {
        let Some(node) = self.nodes.get_mut(call.node) else { return };
        if call.kind == CallKind::Apply && node.state == NodeState::Calling {
            node.withdraw();
        }
    }

    /// Takes back every intent whose call was not planned yet, so that the record can be stored
    /// without doubt about nodes that were not called. The plan that records them again must be
    /// stored first.
    pub fn withdraw_unsent(&mut self) {
        let unsent = |node: &&mut Node| matches!(node.progress, Progress::Intended { .. });
        self.nodes.iter_mut().filter(unsent).for_each(Node::withdraw);
    }

    /// Whether the record holds intents whose calls were not planned yet.
    #[must_use]
    pub fn has_unsent(&self) -> bool {
        self.nodes.iter().any(|node| matches!(node.progress, Progress::Intended { .. }))
    }

    /// What to do next at `now_ms`.
    pub fn plan(&mut self, now_ms: u64, starting: Starting) -> Plan {
        let mut calls = self.confirming_calls();
        if self.phase == Phase::Forward {
            self.end_forward(now_ms);
        }
        if starting == Starting::Allowed {
            match self.phase {
                Phase::Forward if self.error.is_none() => self.start_forward(now_ms, &mut calls),
                Phase::Rollback => self.start_undo(now_ms, &mut calls),
                _ => {}
            }
        }
        let undoing = |task: &Self| task.nodes.iter().any(|n| n.state == NodeState::Undoing);
        if self.phase == Phase::Rollback && !undoing(self) {
            if self.late_until_ms(now_ms).is_some() {
                self.await_late_calls(now_ms);
            } else {
                self.end_rollback(now_ms);
            }
        }
        if starting == Starting::Allowed && self.status(now_ms) == Status::Held {
            // Only of a damaged record: it would be handed back and taken up for ever.
            self.give_up("given up: its record does not tell what to do next", now_ms);
            self.end_rollback(now_ms);
        }
        let status = self.status(now_ms);
        if status != Status::Running {
            self.withdraw_unsent();
        }
        let must_store = self.unstored && calls.iter().any(|call| call.changes_node());
        self.unstored &= !must_store;
        Plan { calls, must_store, status }
    }

    /// Ends the forward phase when it is over: every node as desired, or a failure and nothing
    /// under way any more.
    fn end_forward(&mut self, now_ms: u64) {
        if self.nodes.iter().any(Node::is_under_way) {
            return;
        }
        if self.error.is_some() {
            self.start_rollback(now_ms);
        } else if self
            .nodes
            .iter()
            .all(|node| matches!(node.state, NodeState::Applied | NodeState::Unchanged))
        {
            if self.late_until_ms(now_ms).is_some() {
                self.await_late_calls(now_ms);
                return;
            }
            self.phase = Phase::Succeeded;
            self.note(now_ms, Event::Succeeded, None);
        }
    }

    /// Until when some node is in doubt; `None` = none is.
    fn late_until_ms(&self, now_ms: u64) -> Option<u64> {
        self.nodes.iter().filter_map(|node| node.late_calls.until_ms(now_ms)).max()
    }

    /// All is done, and the task waits until no call that was given up on can be carried out any more.
    fn await_late_calls(&mut self, now_ms: u64) {
        for index in 0..self.nodes.len() {
            let Some(node) = self.nodes.get_mut(index) else { continue };
            if !node.is_awaited && node.late_calls.until_ms(now_ms).is_some() {
                node.is_awaited = true;
                self.note_node(now_ms, Event::AwaitingLateCall, index, None);
            }
        }
    }

    fn status(&self, now_ms: u64) -> Status {
        if self.phase.is_end() {
            return Status::Ended;
        }
        if self.nodes.iter().any(Node::is_under_way) {
            return Status::Running;
        }
        let open = self.nodes.iter().filter(|node| match self.phase {
            Phase::Rollback => node.state == NodeState::Undoing,
            _ => node.is_open(),
        });
        // In the forward phase a node that waits holds up the rest.
        let waiting: Vec<u64> = match self.phase {
            Phase::Rollback if open.clone().all(|node| node.is_waiting(now_ms)) => {
                open.clone().filter_map(|node| node.due_at_ms).collect()
            }
            Phase::Rollback => Vec::new(),
            _ => {
                open.clone().filter(|n| n.is_waiting(now_ms)).filter_map(|n| n.due_at_ms).collect()
            }
        };
        let is_done = open.clone().next().is_none();
        let due_at_ms = match waiting.into_iter().min() {
            None if is_done => self.late_until_ms(now_ms),
            due_at_ms => due_at_ms,
        };
        match due_at_ms {
            Some(due_at_ms) => Status::Waiting { due_at_ms },
            None => Status::Held,
        }
    }

    /// Calls that confirm what an answer left open. They change nothing, so nothing holds them up.
    fn confirming_calls(&mut self) -> Vec<Call> {
        let mut calls = Vec::new();
        for (index, node) in self.nodes.iter_mut().enumerate() {
            if let Progress::ConfirmDue(failure) = &node.progress {
                node.progress = Progress::Confirming(failure.clone());
                calls.push(Call { node: index, kind: CallKind::Confirm });
            }
        }
        calls
    }

    /// Goes forward in rounds of some nodes each. First all of a round are inspected, so
    /// that nothing is changed yet when one of them cannot even be inspected; then the intent to change
    /// them is recorded, for all at once, and they are changed in their order. A node that waits
    /// to be tried again holds up the rest.
    fn start_forward(&mut self, now_ms: u64, calls: &mut Vec<Call>) {
        if self.nodes.iter().any(|node| node.is_open() && node.is_waiting(now_ms)) {
            return;
        }
        if !self.nodes.iter().any(|node| node.state == NodeState::Calling) {
            self.start_round(now_ms, calls);
        }
        let under_way = self.nodes.iter().filter(|node| node.is_under_way()).count();
        let mut places = self.policy.parallel().saturating_sub(under_way);
        for (index, node) in self.nodes.iter_mut().enumerate() {
            let Progress::Intended { inspected_at_ms } = node.progress else { continue };
            if places == 0 {
                return;
            }
            places -= 1;
            let is_fresh = now_ms.saturating_sub(inspected_at_ms) <= INSPECTION_AGE_MS_MAX;
            let (progress, kind) = if is_fresh {
                node.late_calls.send_another(Direction::Apply);
                (Progress::Changing, CallKind::Apply)
            } else {
                (Progress::Inspecting, CallKind::Inspect)
            };
            node.progress = progress;
            calls.push(Call { node: index, kind });
        }
    }

    /// Inspects the next nodes that are not as desired yet, or, when that is done, records the
    /// intent to change them.
    fn start_round(&mut self, now_ms: u64, calls: &mut Vec<Call>) {
        let size = self.policy.round_nodes();
        let is_open = |(_, node): &(usize, &mut Node)| node.is_open();
        let mut is_inspected = true;
        for (index, node) in self.nodes.iter_mut().enumerate().filter(is_open).take(size) {
            if node.progress == Progress::Idle {
                node.progress = Progress::Inspecting;
                node.due_at_ms = None;
                calls.push(Call { node: index, kind: CallKind::Inspect });
            }
            is_inspected &= matches!(node.progress, Progress::Inspected { .. });
        }
        if !is_inspected {
            return;
        }
        for (_, node) in self.nodes.iter_mut().enumerate().filter(is_open).take(size) {
            if let Progress::Inspected { at_ms } = node.progress {
                node.intend(at_ms, now_ms);
                self.unstored = true;
            }
        }
    }

    /// Starts undo calls, last node first, and the inspections of nodes that were awaited. A node that
    /// waits holds up no other.
    fn start_undo(&mut self, now_ms: u64, calls: &mut Vec<Call>) {
        let busy = self.nodes.iter().filter(|node| node.is_under_way()).count();
        let places = self.policy.parallel().saturating_sub(busy);
        let ready = self.nodes.iter_mut().enumerate().rev().filter(|(_, node)| {
            node.state == NodeState::Undoing && !node.is_under_way() && !node.is_waiting(now_ms)
        });
        for (index, node) in ready.take(places) {
            node.due_at_ms = None;
            let (progress, kind) = if node.is_awaited {
                (Progress::Inspecting, CallKind::Inspect)
            } else {
                node.late_calls.send_another(Direction::Undo);
                (Progress::Changing, CallKind::Undo)
            };
            node.progress = progress;
            calls.push(Call { node: index, kind });
        }
    }
}
