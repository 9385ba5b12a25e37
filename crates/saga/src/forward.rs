//! Going forward: what the answers mean before anything has failed.

use crate::answer::{ChangeAnswer, Failure, Inspection};
use crate::event::Event;
use crate::node::{NodeState, Progress};
use crate::retry_delay;
use crate::task::Task;

impl Task {
    /// The inspection before the call: what the node holds decides whether there is anything to do, and
    /// what a rollback may take back.
    pub(crate) fn inspected(&mut self, index: usize, answer: Inspection, now_ms: u64) {
        let desired = self.operation.desired();
        let Some(node) = self.nodes.get_mut(index) else { return };
        let is_intended = node.state == NodeState::Calling;
        match answer {
            Inspection::Holds(held) if held != desired => {
                node.before.get_or_insert(held);
                node.progress = if is_intended {
                    Progress::Intended { inspected_at_ms: now_ms }
                } else {
                    Progress::Inspected { at_ms: now_ms }
                };
                return;
            }
            _ if is_intended => node.withdraw(),
            _ => {}
        }
        match answer {
            Inspection::Holds(_) => self.as_desired(index, now_ms),
            Inspection::Failed(failure) => self.forward_failed(index, failure, now_ms),
        }
    }

    pub(crate) fn apply_answered(&mut self, index: usize, answer: ChangeAnswer, now_ms: u64) {
        match answer {
            ChangeAnswer::Applied => self.finish_forward(index, NodeState::Applied, now_ms),
            ChangeAnswer::Unchanged => self.as_desired(index, now_ms),
            ChangeAnswer::Refused(failure) => self.forward_failed(index, failure, now_ms),
            ChangeAnswer::Inspect(failure) => self.must_confirm(index, failure),
            ChangeAnswer::Lost(failure) => {
                self.mark_uncertain(index);
                self.must_confirm(index, failure);
            }
            ChangeAnswer::Unknown(failure) => {
                self.mark_uncertain(index);
                self.forward_failed(index, failure, now_ms);
            }
        }
    }

    pub(crate) fn apply_confirmed(
        &mut self,
        index: usize,
        answer: Inspection,
        failure: Failure,
        now_ms: u64,
    ) {
        match answer {
            Inspection::Holds(held) if held == self.operation.desired() => {
                self.as_desired(index, now_ms);
            }
            Inspection::Holds(_) | Inspection::Failed(_) => {
                self.forward_failed(index, failure, now_ms);
            }
        }
    }

    /// The node is as desired, and this call did not make it so: an earlier one of this task did
    /// when its answer is missing, and somebody else otherwise.
    fn as_desired(&mut self, index: usize, now_ms: u64) {
        let ours = self.nodes.get(index).is_some_and(|node| node.uncertain);
        let state = if ours { NodeState::Applied } else { NodeState::Unchanged };
        self.finish_forward(index, state, now_ms);
    }

    fn finish_forward(&mut self, index: usize, state: NodeState, now_ms: u64) {
        if let Some(node) = self.nodes.get_mut(index) {
            node.rest(state, now_ms);
        }
        let event = if state == NodeState::Applied { Event::Applied } else { Event::Unchanged };
        self.note_node(now_ms, event, index, None);
    }

    fn forward_failed(&mut self, index: usize, failure: Failure, now_ms: u64) {
        let attempts_max = self.policy.forward_max_attempts.max(1);
        let stopping = self.error.is_some();
        let Some(node) = self.nodes.get_mut(index) else {
            return;
        };
        node.failures = node.failures.saturating_add(1);
        let again = !stopping && failure.retriable && node.failures < attempts_max;
        let state = match (node.uncertain, again) {
            (true, _) => NodeState::Unknown,
            (false, true) => NodeState::Pending,
            (false, false) => NodeState::Refused,
        };
        node.rest(state, now_ms);
        node.last_error = Some(failure.reason.clone());
        if again {
            let delay_ms = retry_delay::forward_ms(node.failures);
            let delay_ms = retry_delay::at_least(delay_ms, failure.retry_after_ms);
            node.due_at_ms = Some(now_ms.saturating_add(delay_ms));
            self.note_node(now_ms, Event::AttemptFailed, index, Some(&failure.reason));
            return;
        }
        let event = if state == NodeState::Unknown { Event::Unknown } else { Event::Refused };
        let address = node.address.clone();
        self.note_node(now_ms, event, index, Some(&failure.reason));
        if self.error.is_none() {
            self.error = Some(format!("{address}: {}", failure.reason));
        }
    }

    fn mark_uncertain(&mut self, index: usize) {
        if let Some(node) = self.nodes.get_mut(index) {
            node.uncertain = true;
        }
    }

    pub(crate) fn must_confirm(&mut self, index: usize, failure: Failure) {
        if let Some(node) = self.nodes.get_mut(index) {
            node.progress = Progress::ConfirmDue(failure);
        }
    }
}
