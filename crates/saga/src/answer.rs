//! What came back from a call, and its way into the task.

use std::fmt;

use crate::call::{Call, CallKind};
use crate::node::Progress;
use crate::task::{Phase, Presence, Task};

/// The most characters of a reason that are kept.
const REASON_CHARS_MAX: usize = 300;

/// Why a call did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// For people; at most 300 characters are kept.
    pub reason: String,
    /// Whether the same call may well succeed later (429, 503, a time-out, no connection).
    pub retriable: bool,
}

impl Failure {
    #[must_use]
    pub fn new(reason: impl Into<String>, retriable: bool) -> Self {
        let mut reason: String = reason.into();
        if let Some((end, _)) = reason.char_indices().nth(REASON_CHARS_MAX) {
            reason.truncate(end);
            reason.push('…');
        }
        Self { reason, retriable }
    }
}

/// What a call that changes a node came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeAnswer {
    /// The node changed.
    Applied,
    /// The node says that it already was so.
    Unchanged,
    /// A definite no, or the request never left: nothing changed.
    Refused(Failure),
    /// The answer leaves open what the node holds, and asking it will tell.
    Inspect(Failure),
    /// No answer: it may have taken effect, and asking the node may tell.
    Lost(Failure),
    /// The node answered that it is in trouble: it may have taken effect.
    Unknown(Failure),
}

/// What a look came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inspection {
    Holds(Presence),
    Failed(Failure),
}

/// What came back from a [`Call`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To [`CallKind::Apply`] and [`CallKind::Undo`].
    Change(ChangeAnswer),
    /// To [`CallKind::Inspect`] and [`CallKind::Confirm`].
    Inspection(Inspection),
}

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
    /// Takes what came back from `call`.
    ///
    /// # Errors
    /// When the task has no such call under way; it is then left as it was.
    pub fn answer(&mut self, call: Call, answer: Answer, now_ms: u64) -> Result<(), IllegalAnswer> {
        let illegal = |reason| Err(IllegalAnswer { call, reason });
        let Some(node) = self.nodes.get_mut(call.node) else {
            return illegal("the task has no such node");
        };
        let rolling_back = match self.phase {
            Phase::Forward => false,
            Phase::Rollback => true,
            _ => return illegal("the task is not running"),
        };
        match (call.kind, &node.progress, answer) {
            (CallKind::Inspect, Progress::Inspecting, Answer::Inspection(answer))
                if !rolling_back =>
            {
                self.inspected(call.node, answer, now_ms);
            }
            (CallKind::Apply, Progress::Changing, Answer::Change(answer)) if !rolling_back => {
                self.apply_answered(call.node, answer, now_ms);
            }
            (CallKind::Undo, Progress::Changing, Answer::Change(answer)) if rolling_back => {
                self.undo_answered(call.node, answer, now_ms);
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
        Ok(())
    }
}
