//! A task's timeline: what its workers noted and what people did, as clients read it.

use clock::rfc3339;
use saga::Event;
use serde::Serialize;
use store::TaskView;

/// One line of a task's timeline.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct TimelineEntry<'a> {
    /// RFC 3339, by Redis's clock.
    pub(crate) at: String,
    pub(crate) event: Event,
    /// The node it happened to.
    pub(crate) node: Option<&'a str>,
    /// More about it, for people.
    pub(crate) detail: Option<&'a str>,
    /// Who did it, when it was a person or a program with a token.
    pub(crate) by: Option<&'a str>,
    #[serde(skip)]
    pub(crate) at_ms: u64,
}

impl<'a> TimelineEntry<'a> {
    fn new(at_ms: u64, event: Event) -> Self {
        Self { at: rfc3339(at_ms), event, node: None, detail: None, by: None, at_ms }
    }
}

/// What came about by itself, oldest first. Of a record that cannot be read, the acceptance is all.
pub(crate) fn worked(view: &TaskView) -> Vec<TimelineEntry<'_>> {
    let accepted = TimelineEntry::new(view.created_at_ms, Event::Accepted);
    let entries = view.task.iter().flat_map(|task| {
        task.history().entries().iter().map(|entry| {
            let node = entry.node.and_then(|index| task.nodes().get(index));
            TimelineEntry {
                node: node.map(saga::Node::address),
                detail: entry.reason.as_deref(),
                ..TimelineEntry::new(entry.at_ms, entry.event)
            }
        })
    });
    std::iter::once(accepted).chain(entries).collect()
}

/// What people did, oldest first.
pub(crate) fn noted(view: &TaskView) -> Vec<TimelineEntry<'_>> {
    let notes = view.notes.iter().map(|note| TimelineEntry {
        detail: note.detail.as_deref(),
        by: note.by.as_deref(),
        ..TimelineEntry::new(note.at_ms, note.event)
    });
    notes.collect()
}

/// Both, in order of time.
pub(crate) fn whole(view: &TaskView) -> Vec<TimelineEntry<'_>> {
    let mut entries = worked(view);
    entries.append(&mut noted(view));
    // Stable, so that what happened within one millisecond stays in order.
    entries.sort_by_key(|entry| entry.at_ms);
    entries
}
