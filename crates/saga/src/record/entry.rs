//! Entries of a history in a record.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::ser::SerializeSeq as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::event::Event;
use crate::history::{History, HistoryEntry};

/// `[ms since the entry before, code of the event, node, reason]`, cut short where nothing follows.
pub(super) struct Entry<'a> {
    /// Of the first entry, milliseconds since the epoch.
    since_ms: u64,
    event: Event,
    node: Option<usize>,
    reason: Option<Cow<'a, str>>,
}

impl Serialize for Entry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut values = serializer.serialize_seq(None)?;
        values.serialize_element(&self.since_ms)?;
        values.serialize_element(self.event.code())?;
        if self.node.is_some() || self.reason.is_some() {
            values.serialize_element(&self.node)?;
        }
        if let Some(reason) = &self.reason {
            values.serialize_element(reason)?;
        }
        values.end()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Entry<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an entry of a history")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Entry<'de>, A::Error> {
        let missing =
            |name| A::Error::custom(format_args!("an entry of a history lacks its {name}"));
        let since_ms = values.next_element()?.ok_or_else(|| missing("time"))?;
        let code: Cow<'de, str> = values.next_element()?.ok_or_else(|| missing("event"))?;
        let event = Event::from_code(&code)
            .ok_or_else(|| A::Error::custom(format_args!("{code:?} is no event")))?;
        let node = values.next_element::<Option<usize>>()?.flatten();
        let reason = values.next_element()?;
        Ok(Entry { since_ms, event, node, reason })
    }
}

pub(super) fn entries(history: &History) -> Vec<Entry<'_>> {
    let mut last_ms = 0;
    let entry = |entry: &'_ HistoryEntry| {
        let since_ms = entry.at_ms.saturating_sub(last_ms);
        last_ms = entry.at_ms;
        since_ms
    };
    let times: Vec<u64> = history.entries().iter().map(entry).collect();
    let entries = history.entries().iter().zip(times);
    entries
        .map(|(entry, since_ms)| Entry {
            since_ms,
            event: entry.event,
            node: entry.node,
            reason: entry.reason.as_deref().map(Cow::Borrowed),
        })
        .collect()
}

pub(super) fn history(entries: Vec<Entry<'_>>, dropped: u32) -> History {
    let mut at_ms = 0_u64;
    let entry = |entry: Entry<'_>| {
        at_ms = at_ms.saturating_add(entry.since_ms);
        let Entry { event, node, reason, .. } = entry;
        HistoryEntry { at_ms, event, node, reason: reason.map(Cow::into_owned) }
    };
    History::new(entries.into_iter().map(entry).collect(), dropped)
}
