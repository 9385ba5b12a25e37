//! A task's timeline: what happened to it, for people to read.

use serde::{Deserialize, Serialize};

use crate::task::Task;

/// The most entries a task keeps. Past it the first half and the latest entries stay.
pub const HISTORY_ENTRIES_MAX: usize = 200;

/// One line of a timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// Milliseconds since the epoch, by Redis's clock.
    #[serde(rename = "t")]
    pub at_ms: u64,
    /// What happened, in a word: `started`, `applied`, `refused`, `undone` …
    #[serde(rename = "e")]
    pub event: String,
    /// The node's place in the task, from 0.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub node: Option<usize>,
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// A bounded timeline, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    entries: Vec<HistoryEntry>,
    /// Entries that had to go because there were too many.
    #[serde(default)]
    dropped: u32,
}

impl History {
    #[must_use]
    pub fn entries(&self) -> &[HistoryEntry] {
        &self.entries
    }

    /// How many entries are missing in the middle.
    #[must_use]
    pub fn dropped(&self) -> u32 {
        self.dropped
    }

    /// Adds an entry. Workers read Redis's clock a millisecond sooner or later each time, so its
    /// time is moved up to the last one's where it would read as if it came before.
    fn push(&mut self, mut entry: HistoryEntry) {
        let last_ms = self.entries.last().map_or(0, |last| last.at_ms);
        entry.at_ms = entry.at_ms.max(last_ms);
        if self.entries.len() >= HISTORY_ENTRIES_MAX {
            self.entries.remove(HISTORY_ENTRIES_MAX / 2);
            self.dropped = self.dropped.saturating_add(1);
        }
        self.entries.push(entry);
    }
}

impl Task {
    pub(crate) fn note(&mut self, at_ms: u64, event: &str, detail: Option<&str>) {
        let detail = detail.map(str::to_owned);
        self.history.push(HistoryEntry { at_ms, event: event.to_owned(), node: None, detail });
    }

    pub(crate) fn note_node(&mut self, at_ms: u64, event: &str, node: usize, detail: Option<&str>) {
        let detail = detail.map(str::to_owned);
        self.history.push(HistoryEntry {
            at_ms,
            event: event.to_owned(),
            node: Some(node),
            detail,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{Operation, Policy};

    fn task() -> Task {
        Task::new("t".to_owned(), Operation::Create, "g".to_owned(), vec![], Policy::default())
    }

    #[test]
    fn times_never_go_back() {
        let mut task = task();
        task.note(5, "first", None);
        task.note(4, "second", None);
        let times: Vec<u64> = task.history().entries().iter().map(|entry| entry.at_ms).collect();
        assert_eq!(times, [5, 5]);
    }

    #[test]
    fn a_long_history_loses_its_middle_and_says_so() {
        let mut task = task();
        let most = u64::try_from(HISTORY_ENTRIES_MAX).unwrap();
        for at_ms in 0..most + 10 {
            task.note(at_ms, "again", None);
        }
        let entries = task.history().entries();
        assert_eq!(entries.len(), HISTORY_ENTRIES_MAX);
        assert_eq!(entries.first().unwrap().at_ms, 0);
        assert_eq!(entries.last().unwrap().at_ms, most + 9);
        assert_eq!(task.history().dropped(), 10);
    }
}
