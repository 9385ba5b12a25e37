//! The way of an answer into its task.

use std::fmt;

use crate::answer::{Answer, ChangeAnswer};
use crate::call::{Call, CallKind};
use crate::late_calls::Direction;
use crate::moment::Moment;
use crate::node::Progress;
use crate::phase::Phase;
use crate::task::Task;

/// An answer to a call that this task did not ask for: a mistake of the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IllegalAnswer {
    pub call: Call,
    pub reason: &'static str,
}

impl fmt::Display for IllegalAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of node {}: {}", self.call.kind, self.call.node, self.reason)
    }
}

impl std::error::Error for IllegalAnswer {}

impl Task {
    /// Takes what came back from `call`, and is known at `now`.
    ///
    /// # Errors
    /// When the task has no such call under way; it is then left as it was.
    pub fn answer(
        &mut self,
        call: Call,
        answer: Answer,
        now: impl Into<Moment>,
    ) -> Result<(), IllegalAnswer> {
        let now = now.into();
        let now_ms = now.earliest_ms;
        let illegal = |reason| Err(IllegalAnswer { call, reason });
        let Some(node) = self.nodes.get_mut(call.node) else {
            return illegal("the task has no such node");
        };
        let rolling_back = match self.phase {
            Phase::Forward => false,
            Phase::Rollback => true,
            _ => return illegal("the task is not running"),
        };
        let is_made = !matches!(answer, Answer::Withheld(_));
        match (call.kind, &node.progress, answer) {
            (CallKind::Inspect, Progress::Inspecting, Answer::Inspection(answer))
                if !rolling_back =>
            {
                self.inspected(call.node, answer, now_ms);
            }
            (CallKind::Inspect, Progress::Inspecting, Answer::Inspection(answer)) => {
                self.awaited_inspected(call.node, answer, now_ms);
            }
            (CallKind::Apply, Progress::Changing, Answer::Change(answer)) if !rolling_back => {
                self.note_late_call(call.node, Direction::Apply, &answer, now);
                self.apply_answered(call.node, answer, now_ms);
            }
            (CallKind::Undo, Progress::Changing, Answer::Change(answer)) if rolling_back => {
                self.note_late_call(call.node, Direction::Undo, &answer, now);
                self.undo_answered(call.node, answer, now_ms);
            }
            (CallKind::Inspect, Progress::Inspecting, Answer::Withheld(withheld))
            | (CallKind::Apply, Progress::Changing, Answer::Withheld(withheld))
                if !rolling_back =>
            {
                self.forward_withheld(call.node, withheld, now_ms);
            }
            (CallKind::Undo, Progress::Changing, Answer::Withheld(withheld))
            | (CallKind::Inspect, Progress::Inspecting, Answer::Withheld(withheld))
                if rolling_back =>
            {
                self.undo_withheld(call.node, &withheld, now_ms);
            }
            (CallKind::Confirm, Progress::Confirming(failure), Answer::Inspection(answer)) => {
                let failure = failure.clone();
                if rolling_back {
                    self.undo_confirmed(call.node, answer, failure, now_ms);
                } else {
                    self.apply_confirmed(call.node, answer, failure, now_ms);
                }
            }
            _ => return illegal("no such call is under way"),
        }
        if is_made && let Some(node) = self.nodes.get_mut(call.node) {
            node.withheld_since_ms = None;
        }
        Ok(())
    }

    /// A call that was given up on may still be carried out, until its window is over.
    fn note_late_call(
        &mut self,
        index: usize,
        direction: Direction,
        answer: &ChangeAnswer,
        now: Moment,
    ) {
        if let ChangeAnswer::Lost(_) = answer
            && let Some(node) = self.nodes.get_mut(index)
        {
            let window_ms = self.policy.late_call_window_ms;
            node.late_calls.give_up(direction, now.latest_ms, window_ms);
        }
    }
}
