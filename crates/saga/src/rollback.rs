//! Going back: compensation, its retries, and giving up.

use crate::answer::{ChangeAnswer, Failure, Inspection};
use crate::event::Event;
use crate::node::{NodeState, Progress};
use crate::phase::Phase;
use crate::task::Task;

/// However the delay grows, an undo is tried at least this often, in milliseconds.
const RETRY_DELAY_MS_MAX: u64 = 3_600_000;

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
        let delay = self.retry_delay_ms(index, attempts);
        if let Some(node) = self.nodes.get_mut(index) {
            node.due_at_ms = Some(now_ms.saturating_add(delay));
        }
        self.note_node(now_ms, Event::UndoFailed, index, Some(&failure.reason));
    }

    /// Milliseconds to wait after failed attempt number `attempts`: the delay, times the backoff
    /// for each attempt before, plus jitter.
    fn retry_delay_ms(&self, index: usize, attempts: u32) -> u64 {
        let policy = &self.policy;
        let mut delay = policy.rollback_retry_delay_ms;
        for _ in 1..attempts.min(64) {
            delay = delay.saturating_mul(u64::from(policy.rollback_backoff_percent)) / 100;
            delay = delay.min(RETRY_DELAY_MS_MAX);
        }
        let jitter_max = delay.saturating_mul(u64::from(policy.rollback_jitter_percent)) / 100;
        delay + spread(&self.id, index, attempts) % jitter_max.saturating_add(1)
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

/// A number that differs from task to task and from attempt to attempt, and is the same each time
/// it is asked for (FNV-1a), so that retries spread out without a source of randomness.
fn spread(id: &str, index: usize, attempts: u32) -> u64 {
    let seed = index as u64 ^ (u64::from(attempts) << 32);
    id.bytes().chain(seed.to_le_bytes()).fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
