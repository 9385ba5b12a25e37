//! A task's timeline: what its workers learned and did, oldest first.

use crate::event::Event;

/// The most entries a task keeps. Past it the first half and the latest entries stay.
pub const HISTORY_ENTRIES_MAX: usize = 200;

/// One entry of a timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// Milliseconds since the epoch, by Redis's clock.
    pub at_ms: u64,
    pub event: Event,
    /// The node's place in the task, from 0, where the event is about one node.
    pub node: Option<usize>,
    /// Why, for people.
    pub reason: Option<String>,
}

/// A bounded timeline, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    entries: Vec<HistoryEntry>,
    /// Entries that had to go because there were too many.
    dropped: u32,
}

impl History {
    /// A timeline as a record holds it.
    pub(crate) fn new(entries: Vec<HistoryEntry>, dropped: u32) -> Self {
        Self { entries, dropped }
    }

    #[must_use]
    pub fn entries(&self) -> &[HistoryEntry] {
        &self.entries
    }

    /// How many entries there ever were before the one at `index`, those that are missing included.
    #[must_use]
    pub fn place(&self, index: usize) -> usize {
        if index < HISTORY_ENTRIES_MAX / 2 {
            return index;
        }
        index.saturating_add(usize::try_from(self.dropped).unwrap_or(usize::MAX))
    }

    /// How many entries are missing in the middle.
    #[must_use]
    pub fn dropped(&self) -> u32 {
        self.dropped
    }

    /// Adds an entry. Workers read Redis's clock a millisecond sooner or later each time, so its
    /// time is moved up to the last one's where it would read as if it came before.
    pub(crate) fn push(
        &mut self,
        at_ms: u64,
        event: Event,
        node: Option<usize>,
        reason: Option<&str>,
    ) {
        let last_ms = self.entries.last().map_or(0, |last| last.at_ms);
        if self.entries.len() >= HISTORY_ENTRIES_MAX {
            self.entries.remove(HISTORY_ENTRIES_MAX / 2);
            self.dropped = self.dropped.saturating_add(1);
        }
        let reason = reason.map(str::to_owned);
        self.entries.push(HistoryEntry { at_ms: at_ms.max(last_ms), event, node, reason });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_never_go_back() {
        let mut history = History::default();
        history.push(5, Event::Started, None, None);
        history.push(4, Event::Applied, Some(0), None);
        let times: Vec<u64> = history.entries().iter().map(|entry| entry.at_ms).collect();
        assert_eq!(times, [5, 5]);
    }

    #[test]
    fn a_long_history_loses_its_middle_and_says_so() {
        let mut history = History::default();
        let most = u64::try_from(HISTORY_ENTRIES_MAX).unwrap();
        for at_ms in 0..most + 10 {
            history.push(at_ms, Event::UndoFailed, Some(0), None);
        }
        let entries = history.entries();
        assert_eq!(entries.len(), HISTORY_ENTRIES_MAX);
        assert_eq!(entries.first().unwrap().at_ms, 0);
        assert_eq!(entries.last().unwrap().at_ms, most + 9);
        assert_eq!(history.dropped(), 10);
        for (index, entry) in entries.iter().enumerate() {
            assert_eq!(u64::try_from(history.place(index)).unwrap(), entry.at_ms);
        }
    }
}
