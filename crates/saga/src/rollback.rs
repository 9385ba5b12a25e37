//! Going back: compensation, its retries, and giving up.

use crate::answer::{ChangeAnswer, Failure, Inspection};
use crate::event::Event;
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
            ChangeAnswer::Applied | ChangeAnswer::Unchanged => self.undone(index, now_ms),
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
            Inspection::Holds(held) if held == restored => self.undone(index, now_ms),
            Inspection::Holds(_) | Inspection::Failed(_) => {
                self.undo_failed(index, &failure, now_ms);
            }
        }
    }

    fn undone(&mut self, index: usize, now_ms: u64) {
        if let Some(node) = self.nodes.get_mut(index) {
            node.rest(NodeState::Undone, now_ms);
        }
        self.note_node(now_ms, Event::Undone, index, None);
    }

    fn undo_failed(&mut self, index: usize, failure: &Failure, now_ms: u64) {
        let retries_max = self.policy.rollback_max_retries;
        let Some(node) = self.nodes.get_mut(index) else {
            return;
        };
        node.rollback_attempts = node.rollback_attempts.saturating_add(1);
        node.last_error = Some(failure.reason.clone());
        let attempts = node.rollback_attempts;
        self.unstored = true;
        if attempts > retries_max {
            node.rest(NodeState::Dead, now_ms);
            self.note_node(now_ms, Event::Dead, index, Some(&failure.reason));
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
