//! Going back: compensation, its retries, and giving up.

use crate::answer::{ChangeAnswer, Failure, Inspection};
use crate::event::Event;
use crate::late_calls::{Direction, LateCalls};
use crate::node::{NodeState, Progress};
use crate::phase::Phase;
use crate::retry_delay;
use crate::task::Task;

impl Task {
    /// Turns back: every node that this task changed, or may have changed, is to be undone.
    pub(crate) fn start_rollback(&mut self, now_ms: u64) {
        self.phase = Phase::Rollback;
        self.unstored = true;
        self.withdraw_unsent();
        for node in &mut self.nodes {
            node.progress = Progress::Idle;
            node.is_awaited = false;
            let changed =
                matches!(node.state, NodeState::Applied | NodeState::Calling | NodeState::Unknown);
            if changed {
                node.rest(NodeState::Undoing, now_ms);
            }
        }
        let reason = self.error.clone();
        self.note(now_ms, Event::RollingBack, reason.as_deref());
    }

    pub(crate) fn undo_answered(&mut self, index: usize, answer: ChangeAnswer, now_ms: u64) {
        match answer {
            ChangeAnswer::Applied | ChangeAnswer::Unchanged => self.put_back(index, now_ms),
            ChangeAnswer::Inspect(failure) | ChangeAnswer::Lost(failure) => {
                self.must_confirm(index, failure);
            }
            ChangeAnswer::Refused(failure) | ChangeAnswer::Unknown(failure) => {
                self.undo_failed(index, &failure, now_ms);
            }
        }
    }

    pub(crate) fn undo_confirmed(
        &mut self,
        index: usize,
        answer: Inspection,
        failure: Failure,
        now_ms: u64,
    ) {
        let restored = self.operation.reverse().desired();
        match answer {
            Inspection::Holds(held) if held == restored => self.found_put_back(index, now_ms),
            Inspection::Holds(_) | Inspection::Failed(_) => {
                self.undo_failed(index, &failure, now_ms);
            }
        }
    }

    /// The inspection of a node that is awaited: late calls must have come by now, or a worker was lost
    /// that may have been undoing it.
    pub(crate) fn awaited_inspected(&mut self, index: usize, answer: Inspection, now_ms: u64) {
        let restored = self.operation.reverse().desired();
        match answer {
            Inspection::Holds(held) if held == restored => self.found_put_back(index, now_ms),
            _ if self.has_no_undo_left(index) => self.give_up_undo(index, now_ms),
            // An undo is sent in either case, and is what counts: a failed inspection uses up no retry.
            Inspection::Holds(_) | Inspection::Failed(_) => {
                let is_wrong = matches!(answer, Inspection::Holds(_));
                let Some(node) = self.nodes.get_mut(index) else { return };
                node.rest(NodeState::Undoing, now_ms);
                node.is_awaited = false;
                if is_wrong
                    && !node.late_calls.is_empty()
                    && node.late_calls.until_ms(now_ms).is_none()
                {
                    node.late_calls = LateCalls::default();
                    self.late_calls_seen = self.late_calls_seen.saturating_add(1);
                    self.note_node(now_ms, Event::LateCall, index, None);
                }
            }
        }
    }

    /// An inspection found the node as it was before the task.
    fn found_put_back(&mut self, index: usize, now_ms: u64) {
        if let Some(node) = self.nodes.get_mut(index)
            // Otherwise it may never have been changed, and the undo is still to come.
            && !node.uncertain
            && !node.late_calls.may_come(Direction::Apply, now_ms)
        {
            node.late_calls.see_effect(Direction::Undo);
        }
        self.put_back(index, now_ms);
    }

    /// The node is as it was before the task, and stays so unless a late call comes.
    fn put_back(&mut self, index: usize, now_ms: u64) {
        let Some(node) = self.nodes.get_mut(index) else { return };
        if let Some(until_ms) = node.late_calls.until_ms(now_ms) {
            self.await_late_call(index, until_ms, now_ms);
            return;
        }
        node.rest(NodeState::Undone, now_ms);
        node.is_awaited = false;
        self.note_node(now_ms, Event::Undone, index, None);
    }

    /// Leaves the node alone until late calls must have come, and has it inspected then.
    fn await_late_call(&mut self, index: usize, until_ms: u64, now_ms: u64) {
        let Some(node) = self.nodes.get_mut(index) else { return };
        node.rest(NodeState::Undoing, now_ms);
        node.is_awaited = true;
        node.due_at_ms = Some(until_ms);
        self.note_node(now_ms, Event::AwaitingLateCall, index, None);
    }

    fn undo_failed(&mut self, index: usize, failure: &Failure, now_ms: u64) {
        let retries_max = self.policy.rollback_max_retries;
        let Some(node) = self.nodes.get_mut(index) else { return };
        node.rollback_attempts = node.rollback_attempts.saturating_add(1);
        node.last_error = Some(failure.reason.clone());
        let attempts = node.rollback_attempts;
        self.unstored = true;
        if attempts > retries_max {
            if node.late_calls.until_ms(now_ms).is_some() {
                self.note_node(now_ms, Event::UndoFailed, index, Some(&failure.reason));
            }
            self.give_up_undo(index, now_ms);
            return;
        }
        node.rest(NodeState::Undoing, now_ms);
        let delay_ms = retry_delay::undo_ms(&self.policy, &self.id, index, attempts);
        let delay_ms = retry_delay::at_least(delay_ms, failure.retry_after_ms);
        if let Some(node) = self.nodes.get_mut(index) {
            node.due_at_ms = Some(now_ms.saturating_add(delay_ms));
        }
        self.note_node(now_ms, Event::UndoFailed, index, Some(&failure.reason));
    }

    fn has_no_undo_left(&self, index: usize) -> bool {
        let attempts = self.nodes.get(index).map_or(0, |node| node.rollback_attempts);
        attempts > self.policy.rollback_max_retries
    }

    /// The node's undo is given up, once no late call can come any more: one may yet put it right.
    fn give_up_undo(&mut self, index: usize, now_ms: u64) {
        let Some(node) = self.nodes.get_mut(index) else { return };
        if let Some(until_ms) = node.late_calls.until_ms(now_ms) {
            self.await_late_call(index, until_ms, now_ms);
            return;
        }
        node.rest(NodeState::Dead, now_ms);
        node.is_awaited = false;
        let reason = node.last_error.clone();
        self.note_node(now_ms, Event::Dead, index, reason.as_deref());
    }

    /// Gives up on everything that is still open: a task that was recovered too often would
    /// otherwise take worker after worker down with it.
    pub(crate) fn give_up(&mut self, reason: &str, now_ms: u64) {
        self.error.get_or_insert_with(|| reason.to_owned());
        for index in 0..self.nodes.len() {
            let Some(node) = self.nodes.get_mut(index) else {
                continue;
            };
            let open = matches!(
                node.state,
                NodeState::Applied | NodeState::Calling | NodeState::Unknown | NodeState::Undoing
            );
            if open {
                node.rest(NodeState::Dead, now_ms);
                node.is_awaited = false;
                node.last_error = Some(reason.to_owned());
                self.note_node(now_ms, Event::Dead, index, Some(reason));
            }
        }
        self.phase = Phase::Rollback;
    }

    /// Ends the rollback once no node is left to undo.
    pub(crate) fn end_rollback(&mut self, now_ms: u64) {
        let dead = self.nodes.iter().any(|node| node.state == NodeState::Dead);
        let (phase, event) = match (dead, self.cancelled) {
            (true, _) => (Phase::DeadLettered, Event::DeadLettered),
            (false, true) => (Phase::Cancelled, Event::Cancelled),
            (false, false) => (Phase::RolledBack, Event::RolledBack),
        };
        self.phase = phase;
        self.note(now_ms, event, None);
    }
}
