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

    fn push(&mut self, entry: HistoryEntry) {
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
