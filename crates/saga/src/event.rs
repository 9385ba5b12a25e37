//! What can happen to a task: one enum for its timeline, with the words that people read, the codes
//! that records hold, and the words that records of 0.1.0 held.

use serde::{Serialize, Serializer};

/// What happened to a task. Its name is the `event` of the API's timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename_all = "snake_case"))]
pub enum Event {
    /// A client asked for the task, and it was stored.
    Accepted,
    /// A worker took it in hand for the first time.
    Started,
    /// Another worker took it over, for the one before was lost.
    Recovered,
    /// The node was changed as desired.
    Applied,
    /// The node already was as desired, and was not changed.
    Unchanged,
    /// A try going forward failed, and the node will be tried again.
    AttemptFailed,
    /// The node failed too often just now and is left alone: the task waits for it.
    Withheld,
    /// A try failed, and the node may have changed.
    Unknown,
    /// The node said no, or could not be called: nothing changed there.
    Refused,
    /// The task turned back: what it changed is to be undone.
    RollingBack,
    /// The node is as it was before the task, as far as can be seen; a call to it that was given up on
    /// may still be carried out, so it is inspected once more when that can no longer be.
    AwaitingLateCall,
    /// A call that was given up on was carried out after all: the node is to be put back again.
    LateCall,
    /// The node is as it was before the task.
    Undone,
    /// An undo failed, and will be tried again.
    UndoFailed,
    /// The node's undo was given up: it is on the dead-letter list.
    Dead,
    /// Every node is as desired.
    Succeeded,
    /// Every node is as it was before the task.
    RolledBack,
    /// The nodes that could not be undone are on the dead-letter list.
    DeadLettered,
    /// The task heeds the request to cancel it, and goes forward no more.
    Cancelling,
    /// It was cancelled, and every node is as it was before the task.
    Cancelled,
    /// Somebody asked for the task to be cancelled.
    CancelRequested,
    /// Somebody had a dead letter of this task retried.
    DeadLetterRetried,
    /// Somebody discarded a dead letter of this task.
    DeadLetterDiscarded,
    /// Somebody asked for this retry of a dead letter.
    RetryRequested,
    /// Somebody had the task's callback tried again.
    CallbackRetried,
    /// Somebody discarded the task's callback.
    CallbackDiscarded,
}

/// One event's names.
struct Names {
    event: Event,
    /// In the API, in logs and in notes.
    name: &'static str,
    /// In a task's record, where every byte counts; never used for another event.
    code: &'static str,
    /// In records and notes of 0.1.0; empty where that had no such event.
    name_0_1_0: &'static str,
}

const fn names(
    event: Event,
    name: &'static str,
    code: &'static str,
    name_0_1_0: &'static str,
) -> Names {
    Names { event, name, code, name_0_1_0 }
}

const NAMES: [Names; 26] = [
    names(Event::Accepted, "accepted", "A", ""),
    names(Event::Started, "started", "s", "started"),
    names(Event::Recovered, "recovered", "v", "recovered"),
    names(Event::Applied, "applied", "a", "applied"),
    names(Event::Unchanged, "unchanged", "=", "unchanged"),
    names(Event::AttemptFailed, "attempt_failed", "f", "failed, to be tried again"),
    names(Event::Withheld, "withheld", "h", ""),
    names(Event::Unknown, "unknown", "?", "unknown"),
    names(Event::Refused, "refused", "r", "refused"),
    names(Event::RollingBack, "rolling_back", "b", "rolling back"),
    names(Event::AwaitingLateCall, "awaiting_late_call", "w", ""),
    names(Event::LateCall, "late_call", "W", ""),
    names(Event::Undone, "undone", "u", "undone"),
    names(Event::UndoFailed, "undo_failed", "U", "undo failed, to be retried"),
    names(Event::Dead, "dead", "d", "dead"),
    names(Event::Succeeded, "succeeded", "S", "succeeded"),
    names(Event::RolledBack, "rolled_back", "B", "rolled back"),
    names(Event::DeadLettered, "dead_lettered", "D", "dead-lettered"),
    names(Event::Cancelling, "cancelling", "c", "cancel requested"),
    names(Event::Cancelled, "cancelled", "C", "cancelled"),
    names(Event::CancelRequested, "cancel_requested", "q", "cancel asked for"),
    names(Event::DeadLetterRetried, "dead_letter_retried", "l", "dead letter retried"),
    names(Event::DeadLetterDiscarded, "dead_letter_discarded", "L", "dead letter discarded"),
    names(Event::RetryRequested, "retry_requested", "R", "retry asked for"),
    names(Event::CallbackRetried, "callback_retried", "k", "callback retried"),
    names(Event::CallbackDiscarded, "callback_discarded", "K", "callback discarded"),
];

impl Event {
    fn names(self) -> Option<&'static Names> {
        NAMES.iter().find(|names| names.event == self)
    }

    /// The word that people and programs read, for example `rolling_back`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.names().map_or("", |names| names.name)
    }

    /// The event of that name, or of the name that 0.1.0 had for it.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let found = NAMES.iter().find(|names| names.name == name || names.name_0_1_0 == name);
        found.map(|names| names.event).filter(|_| !name.is_empty())
    }

    /// The code that a record holds.
    pub(crate) fn code(self) -> &'static str {
        self.names().map_or("", |names| names.code)
    }

    /// The event of that code.
    pub(crate) fn from_code(code: &str) -> Option<Self> {
        NAMES.iter().find(|names| names.code == code).map(|names| names.event)
    }
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_event_has_names_of_its_own() {
        for names in &NAMES {
            assert_eq!(Event::from_code(names.event.code()), Some(names.event));
            assert_eq!(Event::from_name(names.name), Some(names.event));
            assert_eq!(names.event.name(), names.name);
            if !names.name_0_1_0.is_empty() {
                assert_eq!(Event::from_name(names.name_0_1_0), Some(names.event));
            }
            let is_snake_case = |c: char| c.is_ascii_lowercase() || c == '_';
            assert!(names.name.chars().all(is_snake_case), "{}", names.name);
        }
        let codes: BTreeSet<_> = NAMES.iter().map(|names| names.code).collect();
        assert_eq!(codes.len(), NAMES.len());
        assert_eq!(Event::from_name(""), None);
    }
}
