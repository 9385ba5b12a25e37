//! What came back from a call.

use crate::operation::Presence;

/// The most characters of a reason that are kept.
const REASON_CHARS_MAX: usize = 300;

/// Why a call did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// For people; at most 300 characters are kept.
    pub reason: String,
    /// Whether the same call may well succeed later (429, 503, a time-out, no connection).
    pub retriable: bool,
    /// How long the node asks to be left alone, in milliseconds. It is heeded up to a bound.
    pub retry_after_ms: Option<u64>,
}

impl Failure {
    #[must_use]
    pub fn new(reason: impl Into<String>, retriable: bool) -> Self {
        let mut reason: String = reason.into();
        if let Some((end, _)) = reason.char_indices().nth(REASON_CHARS_MAX) {
            reason.truncate(end);
            reason.push('…');
        }
        Self { reason, retriable, retry_after_ms: None }
    }

    /// The same, of a node that asks to be left alone for so many milliseconds.
    #[must_use]
    pub fn with_retry_after(self, ms: Option<u64>) -> Self {
        Self { retry_after_ms: ms, ..self }
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
    /// The answer leaves open what the node holds, and inspecting it will tell.
    Inspect(Failure),
    /// No answer: it may have taken effect, and inspecting the node may tell.
    Lost(Failure),
    /// The node answered that it is in trouble: it may have taken effect.
    Unknown(Failure),
}

/// What an inspection came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inspection {
    Holds(Presence),
    Failed(Failure),
}

/// Why a call was not made: the node failed too often just now, and is left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withheld {
    /// For people.
    pub reason: String,
    /// When the node may be called again, in milliseconds since the epoch.
    pub until_ms: u64,
    /// For how long, in milliseconds, a task that has changed nothing yet may wait for such a node.
    pub wait_max_ms: u64,
}

/// What came back from a [`Call`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To [`CallKind::Apply`] and [`CallKind::Undo`].
    Change(ChangeAnswer),
    /// To [`CallKind::Inspect`] and [`CallKind::Confirm`].
    Inspection(Inspection),
    /// To any call but [`CallKind::Confirm`]: it was not made.
    Withheld(Withheld),
}
