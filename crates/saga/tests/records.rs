//! Records that any version ever wrote stay readable, and are written as this version does.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops when something is amiss"
)]

use saga::{Event, Operation, RecordError, Task};
use serde_json::Value;

/// What 0.1.0 wrote, a record a line: tasks at every stage of their lives.
const FIRST: &str = include_str!("fixtures/records-0.1.0.jsonl");
/// The same tasks as version 2 of the format has them.
const SECOND: &str = include_str!("fixtures/records-2.jsonl");

fn read(record: &[u8]) -> Result<Task, RecordError> {
    Task::from_record("t".into(), Operation::Create, "g".into(), record)
}

/// Reads a record, and gives it back as it is written now.
fn rewritten(record: &str) -> String {
    let task = read(record.as_bytes()).unwrap_or_else(|error| panic!("{error}: {record}"));
    String::from_utf8(task.to_record().unwrap()).unwrap()
}

#[test]
fn records_of_0_1_0_are_read() {
    let rewritten: Vec<String> = FIRST.lines().map(rewritten).collect();
    assert_eq!(rewritten, SECOND.lines().collect::<Vec<_>>());
}

#[test]
fn records_of_version_2_stay_as_they_are() {
    assert!(SECOND.lines().count() >= 9);
    for record in SECOND.lines() {
        assert_eq!(rewritten(record), record);
    }
}

/// What is shown of a task reads the same from either.
#[test]
fn nothing_that_people_read_is_lost() {
    for (first, second) in FIRST.lines().zip(SECOND.lines()) {
        let (old, new) = (read(first.as_bytes()).unwrap(), read(second.as_bytes()).unwrap());
        let told: Value = serde_json::from_str(first).unwrap();
        assert_eq!(old.history(), new.history());
        assert_eq!((old.phase(), old.error()), (new.phase(), new.error()));
        assert_eq!(old.retry_of(), new.retry_of());
        for (index, (old, new)) in old.nodes().iter().zip(new.nodes()).enumerate() {
            let told = &told["nodes"][index];
            assert_eq!(told["address"], old.address());
            assert_eq!(told["last_error"].as_str(), old.last_error());
            assert_eq!(told["updated_at_ms"].as_u64(), old.updated_at_ms());
            assert_eq!((old.address(), old.state()), (new.address(), new.state()));
            assert_eq!(
                (old.attempts(), old.rollback_attempts()),
                (new.attempts(), new.rollback_attempts())
            );
            assert_eq!(
                (old.last_error(), old.updated_at_ms()),
                (new.last_error(), new.updated_at_ms())
            );
        }
        let events = told["history"]["entries"].as_array().unwrap();
        for (told, entry) in events.iter().zip(old.history().entries()) {
            assert_eq!(Event::from_name(told["e"].as_str().unwrap()), Some(entry.event));
            assert_eq!(told["t"].as_u64(), Some(entry.at_ms));
            assert_eq!(told["d"].as_str(), entry.reason.as_deref());
        }
    }
}

#[test]
fn a_record_of_a_later_version_is_told_from_a_damaged_one() {
    assert_eq!(read(br#"{"v":3,"anything":[]}"#), Err(RecordError::Newer(3)));
    assert_eq!(read(br#"{"anything":[],"v":4}"#), Err(RecordError::Newer(4)));
    let second = SECOND.lines().next().unwrap();
    for damaged in
        ["", "{}", "[]", "null", r#"{"v":0}"#, r#"{"v":2}"#, r#"{"v":"2"}"#, &second[1..]]
    {
        let read = read(damaged.as_bytes());
        assert!(matches!(read, Err(RecordError::Damaged(_))), "{damaged}: {read:?}");
    }
}

/// As of a later release that writes the same version.
#[test]
fn what_only_a_later_release_knows_is_written_back() {
    for record in SECOND.lines() {
        let mut later: Value = serde_json::from_str(record).unwrap();
        later["zone"] = serde_json::json!({"name": "eu", "weights": [1, 2.5, null]});
        later["n"][0]["z"] = serde_json::json!("a later node's");
        let written: Value = serde_json::from_str(&rewritten(&later.to_string())).unwrap();
        assert_eq!(written, later);
    }
}

#[test]
fn what_only_a_later_release_knows_outlives_the_task() {
    let record = r#"{"v":2,"p":"queued","n":[{"a":"n:1","s":"p","z":1}],"y":[7]}"#;
    let mut task = read(record.as_bytes()).unwrap();
    task.cancel("cancelled by a client", 5);
    let _ = task.plan(5, saga::Starting::Allowed);
    assert!(task.phase().is_end());
    let written: Value = serde_json::from_slice(&task.to_record().unwrap()).unwrap();
    assert_eq!((&written["y"][0], &written["n"][0]["z"]), (&7.into(), &1.into()));
}
