//! How far a stream of a task's events has come, and what of the timeline comes after that.
//!
//! A position counts what came about by itself, entries that were dropped from the middle of a long
//! history included, so that it names the same place however much is dropped meanwhile. What people did
//! has no such count, for only the newest of it is kept: there it names the last one that was sent.

use std::fmt;
use std::str::FromStr;

use store::{Note, TaskView};

use crate::timeline::{self, TimelineEntry};

/// What follows the position in the id of the last event of a stream.
const END: &str = "end";

/// How much of a timeline has been sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Position {
    /// How many of those entries that came about by themselves.
    worked: usize,
    /// The last of what people did, as a number that tells it from others; 0 = nothing.
    noted: u64,
}

/// The id of an event: where its stream stood after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct EventId {
    pub(crate) position: Position,
    /// It is that of the last event, after which the stream is over.
    pub(crate) is_end: bool,
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Position { worked, noted } = self.position;
        write!(f, "{worked}.{noted:x}")?;
        if self.is_end { write!(f, ".{END}") } else { Ok(()) }
    }
}

/// The text is not the id of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotAnEventId;

impl FromStr for EventId {
    type Err = NotAnEventId;

    fn from_str(text: &str) -> Result<Self, NotAnEventId> {
        let mut parts = text.split('.');
        let worked = parts.next().and_then(|part| part.parse().ok()).ok_or(NotAnEventId)?;
        let noted = parts.next().and_then(|part| u64::from_str_radix(part, 16).ok());
        let position = Position { worked, noted: noted.ok_or(NotAnEventId)? };
        match (parts.next(), parts.next()) {
            (None, _) => Ok(Self { position, is_end: false }),
            (Some(END), None) => Ok(Self { position, is_end: true }),
            _ => Err(NotAnEventId),
        }
    }
}

impl Position {
    /// What follows of a task's timeline, in order, each entry with the position after it. From a
    /// position that this timeline has not reached, all of it.
    pub(crate) fn following<'a>(self, view: &'a TaskView) -> Vec<(TimelineEntry<'a>, Self)> {
        let worked = timeline::worked(view);
        // The first is its acceptance, which is not in the history.
        let place = |index| view.task.as_ref().map_or(0, |task| task.history().place(index));
        let count = |index: usize| index.checked_sub(1).map_or(1, |index| place(index) + 2);
        let reached = worked.len().checked_sub(1).map_or(0, count);
        // A record that cannot be read now may have told more before, and may again.
        let is_beyond = self.worked > reached && view.task.is_ok();
        let from = if is_beyond { Self::default() } else { self };
        let known = view.notes.iter().rposition(|note| number(note) == from.noted);
        let notes = view.notes.iter().zip(timeline::noted(view));
        let mut notes = notes.skip(known.map_or(0, |index| index + 1)).peekable();
        let mut following = Vec::new();
        let mut at = from;
        let worked = worked.into_iter().enumerate().map(|(index, entry)| (count(index), entry));
        for (count, entry) in worked.filter(|(count, _)| *count > from.worked) {
            while let Some((note, noted)) = notes.next_if(|(note, _)| note.at_ms < entry.at_ms) {
                at.noted = number(note);
                following.push((noted, at));
            }
            at.worked = count;
            following.push((entry, at));
        }
        for (note, noted) in notes {
            at.noted = number(note);
            following.push((noted, at));
        }
        following
    }
}

/// A number that tells a note from others (FNV-1a), never 0.
fn number(note: &Note) -> u64 {
    let Note { at_ms, event, detail, by } = note;
    let texts = [event.name(), detail.as_deref().unwrap_or(""), by.as_deref().unwrap_or("")];
    let bytes = texts.iter().flat_map(|text| text.bytes().chain([0xff]));
    let hash = at_ms
        .to_le_bytes()
        .into_iter()
        .chain(bytes)
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    hash.max(1)
}

#[cfg(test)]
mod tests {
    use saga::{ClientState, Event, HISTORY_ENTRIES_MAX, Operation, RecordError, Task};

    use super::*;

    /// A task whose history has had `entries` entries, each at its own millisecond from 1.
    fn task(entries: usize) -> Task {
        let kept = entries.min(HISTORY_ENTRIES_MAX);
        let dropped = entries - kept;
        let head = if dropped == 0 { kept } else { HISTORY_ENTRIES_MAX / 2 };
        // Of a record, an entry's time is what has passed since the one before.
        let passed = |index: usize| if index == head { dropped + 1 } else { 1 };
        let history: Vec<String> =
            (0..kept).map(|index| format!("[{},\"U\",0]", passed(index))).collect();
        let record = format!(
            "{{\"v\":2,\"p\":\"rollback\",\"n\":[{{\"a\":\"n1:80\"}}],\"h\":[{}],\"o\":{dropped}}}",
            history.join(",")
        );
        Task::from_record("t".into(), Operation::Create, "g".into(), record.as_bytes()).unwrap()
    }

    fn view(task: &Task, notes: &[u64]) -> TaskView {
        let note = |at_ms: &u64| Note {
            at_ms: *at_ms,
            event: Event::DeadLetterRetried,
            detail: None,
            by: Some("olga".to_owned()),
        };
        TaskView {
            task: Ok(task.clone()),
            state: ClientState::Retry,
            operation: Some(Operation::Create),
            group_id: "g".to_owned(),
            created_at_ms: 0,
            updated_at_ms: 0,
            finished_at_ms: None,
            notes: notes.iter().map(note).collect(),
            callback: None,
        }
    }

    /// The times of what follows `from`, and the position after it.
    fn follow(from: Position, entries: usize, notes: &[u64]) -> (Vec<u64>, Position) {
        let task = task(entries);
        let view = view(&task, notes);
        let following = from.following(&view);
        let last = following.last().map_or(from, |(_, position)| *position);
        (following.iter().map(|(entry, _)| entry.at_ms).collect(), last)
    }

    #[test]
    fn each_entry_follows_once_in_order_of_time() {
        let (times, position) = follow(Position::default(), 3, &[2, 2, 9]);
        assert_eq!(times, [0, 1, 2, 2, 2, 3, 9]);
        assert_eq!(follow(position, 3, &[2, 2, 9]), (Vec::new(), position));
        assert_eq!(follow(position, 4, &[2, 2, 9, 11]).0, [4, 11]);
    }

    #[test]
    fn a_stream_stays_where_it_is_while_the_record_cannot_be_read() {
        let (task, longer, notes) = (task(3), task(4), [2, 9]);
        let readable = view(&task, &notes[..1]);
        let mut unreadable = view(&task, &notes);
        unreadable.task = Err(RecordError::Newer(99));
        let position = Position::default().following(&readable).last().unwrap().1;
        let times = |following: Vec<(TimelineEntry<'_>, Position)>| -> Vec<u64> {
            following.iter().map(|(entry, _)| entry.at_ms).collect()
        };
        let meanwhile = position.following(&unreadable);
        let after = meanwhile.last().unwrap().1;
        assert_eq!(times(meanwhile), [9]);
        assert_eq!(times(after.following(&view(&longer, &notes))), [4]);
        assert_eq!(times(Position::default().following(&unreadable)), [0, 2, 9]);
    }

    #[test]
    fn a_stream_may_go_on_after_any_entry() {
        let (task, notes) = (task(HISTORY_ENTRIES_MAX + 30), [5, 120, 230]);
        let view = view(&task, &notes);
        let all = Position::default().following(&view);
        assert_eq!(all.len(), HISTORY_ENTRIES_MAX + 1 + notes.len());
        for (index, (_, position)) in all.iter().enumerate() {
            let rest: Vec<u64> =
                position.following(&view).iter().map(|(entry, _)| entry.at_ms).collect();
            let expected: Vec<u64> =
                all.iter().skip(index + 1).map(|(entry, _)| entry.at_ms).collect();
            assert_eq!(rest, expected, "after entry {index}");
        }
    }

    #[test]
    fn a_history_that_loses_its_middle_meanwhile_repeats_nothing() {
        let most = HISTORY_ENTRIES_MAX;
        let (_, position) = follow(Position::default(), most + 10, &[]);
        let last = u64::try_from(most).unwrap() + 10;
        assert_eq!(follow(position, most + 12, &[]).0, [last + 1, last + 2]);
        // Those after it that were dropped before they could be sent are gone.
        let (_, early) = follow(Position::default(), most - 50, &[]);
        let (times, _) = follow(early, most + 100, &[]);
        assert_eq!(times.len(), most / 2);
    }

    #[test]
    fn notes_that_make_room_for_newer_ones_repeat_nothing() {
        let (_, position) = follow(Position::default(), 1, &[10, 11, 12]);
        assert_eq!(follow(position, 1, &[11, 12, 13]).0, [13]);
        assert_eq!(follow(position, 1, &[20, 21]).0, [20, 21], "not even the last one is kept");
        // Redis's clock may have been put back.
        assert_eq!(follow(position, 1, &[10, 11, 12, 4]).0, [4]);
    }

    #[test]
    fn what_this_timeline_never_reached_begins_anew() {
        let nowhere = "7.0".parse::<EventId>().unwrap().position;
        assert_eq!(follow(nowhere, 2, &[]).0, [0, 1, 2]);
    }

    #[test]
    fn an_id_reads_back_as_it_was_written() {
        let position = Position { worked: 12, noted: u64::MAX };
        for is_end in [false, true] {
            let id = EventId { position, is_end };
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        for wrong in ["", "1", "x.1", "1.x", "1.2.3", "1.2.end.end", "-1.0", "1.0."] {
            assert_eq!(wrong.parse::<EventId>(), Err(NotAnEventId), "{wrong}");
        }
    }
}
