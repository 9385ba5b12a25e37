//! Calls that were not made, for their node is left alone for now: the task waits. Such a call is no
//! attempt: it uses up no budget.

use crate::answer::Withheld;
use crate::event::Event;
use crate::node::{NodeState, Progress};
use crate::retry_delay;
use crate::task::Task;

impl Task {
    /// Going forward, a task waits as long as the tries it has left would have taken; while it has
    /// changed nothing yet, also for as long as the operator allows. Then it fails.
    pub(crate) fn forward_withheld(&mut self, index: usize, withheld: Withheld, now_ms: u64) {
        let Withheld { reason, until_ms, wait_max_ms } = withheld;
        let attempts_max = self.policy.forward_max_attempts;
        let is_stopping = self.error.is_some();
        let is_untouched = self.is_untouched_besides(index);
        let Some(node) = self.nodes.get_mut(index) else { return };
        if node.state == NodeState::Calling {
            node.withdraw();
        }
        let open = if node.uncertain { NodeState::Unknown } else { NodeState::Pending };
        if is_stopping {
            node.rest(open, now_ms);
            return;
        }
        let wait_max_ms = if is_untouched && !node.uncertain { wait_max_ms } else { 0 };
        let left_ms = retry_delay::forward_left_ms(node.failures, attempts_max);
        let is_first = node.withheld_since_ms.is_none();
        let since_ms = *node.withheld_since_ms.get_or_insert(now_ms);
        let deadline_ms = since_ms.saturating_add(wait_max_ms).saturating_add(left_ms);
        node.last_error = Some(reason.clone());
        if now_ms < deadline_ms {
            node.rest(open, now_ms);
            node.due_at_ms = Some(until_ms.min(deadline_ms).max(now_ms.saturating_add(1)));
            if is_first {
                self.note_node(now_ms, Event::Withheld, index, Some(&reason));
            }
            return;
        }
        let state = if node.uncertain { NodeState::Unknown } else { NodeState::Refused };
        node.rest(state, now_ms);
        self.error = Some(format!("{}: {reason}", node.address));
        let event = if state == NodeState::Unknown { Event::Unknown } else { Event::Refused };
        self.note_node(now_ms, event, index, Some(&reason));
    }

    /// Going back, a task waits until the node may be called, however long that takes.
    pub(crate) fn undo_withheld(&mut self, index: usize, withheld: &Withheld, now_ms: u64) {
        let Some(node) = self.nodes.get_mut(index) else { return };
        let is_first = node.withheld_since_ms.is_none();
        node.withheld_since_ms.get_or_insert(now_ms);
        node.rest(NodeState::Undoing, now_ms);
        node.due_at_ms = Some(withheld.until_ms.max(now_ms.saturating_add(1)));
        node.last_error = Some(withheld.reason.clone());
        if is_first {
            self.note_node(now_ms, Event::Withheld, index, Some(&withheld.reason));
        }
    }

    /// Whether no other node than `index` was changed by this task, or may be.
    fn is_untouched_besides(&self, index: usize) -> bool {
        self.nodes.iter().enumerate().filter(|(other, _)| *other != index).all(|(_, node)| {
            match node.state {
                NodeState::Pending | NodeState::Unchanged | NodeState::Refused => true,
                NodeState::Calling => matches!(node.progress, Progress::Intended { .. }),
                _ => false,
            }
        })
    }
}
