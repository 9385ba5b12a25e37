//! Records as 0.1.0 wrote them, which bore no version. Only read.

use serde::Deserialize;

use super::Unknown;
use super::error::RecordError;
use crate::dead_letter::DeadLetter;
use crate::event::Event;
use crate::history::{History, HistoryEntry};
use crate::late_calls::LateCalls;
use crate::node::{Node, NodeState, Progress};
use crate::operation::{Operation, Presence};
use crate::phase::Phase;
use crate::policy::Policy;
use crate::task::Task;

#[derive(Deserialize)]
struct FirstRecord {
    phase: Phase,
    nodes: Vec<FirstNode>,
    course: FirstCourse,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    cancelled: bool,
    #[serde(default)]
    retry_of: Option<DeadLetter>,
    history: FirstHistory,
}

#[derive(Deserialize)]
struct FirstNode {
    address: String,
    state: NodeState,
    #[serde(default)]
    before: Option<Presence>,
    #[serde(default)]
    uncertain: bool,
    #[serde(default)]
    attempts: u32,
    #[serde(default)]
    failures: u32,
    #[serde(default)]
    rollback_attempts: u32,
    #[serde(default)]
    due_at_ms: Option<u64>,
    #[serde(default)]
    last_error: Option<String>,
    #[serde(default)]
    updated_at_ms: Option<u64>,
}

/// What is a policy now.
#[derive(Deserialize)]
struct FirstCourse {
    forward_max_attempts: u32,
    rollback_max_retries: u32,
    rollback_retry_delay_ms: u64,
    rollback_backoff_percent: u32,
    rollback_jitter_percent: u32,
    node_parallelism: u32,
    max_recoveries: u32,
}

#[derive(Deserialize)]
struct FirstHistory {
    entries: Vec<FirstEntry>,
    #[serde(default)]
    dropped: u32,
}

#[derive(Deserialize)]
struct FirstEntry {
    #[serde(rename = "t")]
    at_ms: u64,
    #[serde(rename = "e")]
    event: String,
    #[serde(rename = "n", default)]
    node: Option<usize>,
    #[serde(rename = "d", default)]
    detail: Option<String>,
}

pub(super) fn read(
    id: String,
    operation: Operation,
    group_id: String,
    record: &[u8],
) -> Result<Task, RecordError> {
    let record: FirstRecord = serde_json::from_slice(record)?;
    let entries = record.history.entries.into_iter().map(read_entry).collect::<Result<_, _>>()?;
    Ok(Task {
        id,
        operation,
        group_id,
        phase: record.phase.resumed(true),
        nodes: record.nodes.into_iter().map(read_node).collect(),
        policy: read_course(&record.course),
        error: record.error,
        cancelled: record.cancelled,
        retry_of: record.retry_of,
        history: History::new(entries, record.history.dropped),
        unknown: Unknown::default(),
        unstored: false,
        late_calls_seen: 0,
    })
}

fn read_entry(entry: FirstEntry) -> Result<HistoryEntry, RecordError> {
    let FirstEntry { at_ms, event: name, node, detail: reason } = entry;
    let event = Event::from_name(&name)
        .ok_or_else(|| RecordError::Damaged(format!("{name:?} is no event")))?;
    Ok(HistoryEntry { at_ms, event, node, reason })
}

fn read_node(node: FirstNode) -> Node {
    Node {
        address: node.address,
        state: node.state,
        before: node.before,
        uncertain: node.uncertain,
        attempts: node.attempts,
        failures: node.failures,
        rollback_attempts: node.rollback_attempts,
        due_at_ms: node.due_at_ms,
        withheld_since_ms: None,
        last_error: node.last_error,
        updated_at_ms: node.updated_at_ms,
        late_calls: LateCalls::default(),
        is_awaited: false,
        unknown: Unknown::default(),
        progress: Progress::Idle,
    }
}

fn read_course(course: &FirstCourse) -> Policy {
    Policy {
        forward_max_attempts: course.forward_max_attempts,
        rollback_max_retries: course.rollback_max_retries,
        rollback_retry_delay_ms: course.rollback_retry_delay_ms,
        rollback_backoff_percent: course.rollback_backoff_percent,
        rollback_jitter_percent: course.rollback_jitter_percent,
        node_parallelism: course.node_parallelism,
        max_recoveries: course.max_recoveries,
        ..Policy::default()
    }
}
