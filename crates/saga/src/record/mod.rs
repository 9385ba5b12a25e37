//! A task as it is stored, but for its id, operation and group, which its keeper knows.
//!
//! A record bears the version of its format. This code writes version 2 and reads that and the
//! format of 0.1.0, which bore none. Version 2 is JSON with short names, since a record is what a
//! task costs in memory; what nobody reads of an ended task is left out:
//!
//! | field | holds |
//! | --- | --- |
//! | `v` | the version |
//! | `p` | the phase as clients read it, by its name |
//! | `n` | the nodes in order: `a` address, `s` code of the state unless that is `applied`, `b` what it held before (`p` or `a`), `u` whether an earlier call may have taken effect, `c` calls sent unless they are as many as usual in that state, `f` failures going forward, `r` failed undos, `d` not to be called before, `w` calls withheld since, `e` last error, `t` updated at, unless that is when the history last names it, `l` calls given up on that may still come, in either direction: how many and until when, `i` whether it is to be inspected when they must have come |
//! | `c` | the policy: `f` forward attempts, `r` rollback retries, `d` delay in ms, `b` backoff and `j` jitter in percent, `n` nodes at once, `m` recoveries, `w` window for late calls in ms; not of an ended task |
//! | `e` | why the task turned back |
//! | `x` | whether it was asked to stop |
//! | `l` | the dead letter that it retries |
//! | `h` | the history: `[ms since the entry before, code of the event, node, reason]`, cut short where nothing follows |
//! | `o` | how many entries of the history were dropped |
//!
//! A later Muster may give the task or a node members that are not in this table, and keep the version,
//! as long as a worker that does not know them may carry the task on. They are written back as they were
//! read. Whatever else changes raises the version.

mod entry;
mod error;
mod first;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::dead_letter::DeadLetter;
use crate::history::History;
use crate::late_calls::LateCalls;
use crate::node::{Node, NodeState, Progress};
use crate::operation::{Operation, Presence};
use crate::phase::Phase;
use crate::policy::Policy;
use crate::task::Task;
use entry::{Entry, entries, history};
pub use error::RecordError;
use error::VERSION;

/// Members of a record that this Muster does not know.
pub(crate) type Unknown = serde_json::Map<String, serde_json::Value>;

#[derive(Deserialize)]
struct Version {
    /// Records of 0.1.0 bear none.
    #[serde(default)]
    v: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct Record<'a> {
    v: u64,
    #[serde(rename = "p")]
    phase: Phase,
    #[serde(rename = "n", borrow)]
    nodes: Vec<NodeRecord<'a>>,
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    policy: Option<Cow<'a, Policy>>,
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    error: Option<Cow<'a, str>>,
    #[serde(rename = "x", default, skip_serializing_if = "is_false")]
    cancelled: bool,
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    retry_of: Option<Cow<'a, DeadLetter>>,
    #[serde(rename = "h", default, skip_serializing_if = "Vec::is_empty")]
    history: Vec<Entry<'a>>,
    #[serde(rename = "o", default, skip_serializing_if = "is_zero")]
    dropped: u32,
    #[serde(flatten)]
    unknown: Cow<'a, Unknown>,
}

#[derive(Serialize, Deserialize)]
struct NodeRecord<'a> {
    #[serde(rename = "a", borrow)]
    address: Cow<'a, str>,
    #[serde(
        rename = "s",
        with = "state_code",
        default = "applied",
        skip_serializing_if = "is_applied"
    )]
    state: NodeState,
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    before: Option<Before>,
    #[serde(rename = "u", default, skip_serializing_if = "is_false")]
    uncertain: bool,
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    attempts: Option<u32>,
    #[serde(rename = "f", default, skip_serializing_if = "is_zero")]
    failures: u32,
    #[serde(rename = "r", default, skip_serializing_if = "is_zero")]
    rollback_attempts: u32,
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    due_at_ms: Option<u64>,
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    withheld_since_ms: Option<u64>,
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    last_error: Option<Cow<'a, str>>,
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    updated_at_ms: Option<u64>,
    #[serde(rename = "l", default, skip_serializing_if = "LateCalls::is_empty")]
    late_calls: LateCalls,
    #[serde(rename = "i", default, skip_serializing_if = "is_false")]
    is_awaited: bool,
    #[serde(flatten)]
    unknown: Cow<'a, Unknown>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
enum Before {
    #[serde(rename = "p")]
    Present,
    #[serde(rename = "a")]
    Absent,
}

impl From<Presence> for Before {
    fn from(presence: Presence) -> Self {
        match presence {
            Presence::Present => Self::Present,
            Presence::Absent => Self::Absent,
        }
    }
}

impl From<Before> for Presence {
    fn from(before: Before) -> Self {
        match before {
            Before::Present => Self::Present,
            Before::Absent => Self::Absent,
        }
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// The state of most nodes that were ever called.
fn applied() -> NodeState {
    NodeState::Applied
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_applied(state: &NodeState) -> bool {
    *state == NodeState::Applied
}

/// How many calls that were to change it most nodes in this state were sent.
fn usual_attempts(state: NodeState) -> u32 {
    match state {
        NodeState::Pending | NodeState::Unchanged => 0,
        _ => 1,
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
fn is_zero(value: &u32) -> bool {
    *value == 0
}

mod state_code {
    use std::borrow::Cow;

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::node::NodeState;

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
    pub(super) fn serialize<S: Serializer>(state: &NodeState, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(state.code())
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<NodeState, D::Error> {
        let code = Cow::<str>::deserialize(from)?;
        NodeState::from_code(&code)
            .ok_or_else(|| D::Error::custom(format_args!("{code:?} is no state of a node")))
    }
}

impl Task {
    /// The task's record, as JSON in the format of this version.
    ///
    /// # Errors
    /// When it cannot be written as JSON, which no record of ours is known to do.
    pub fn to_record(&self) -> Result<Vec<u8>, RecordError> {
        let is_running = !self.phase.is_end();
        let nodes = self.nodes.iter().zip(last_named_ms(&self.history, self.nodes.len()));
        let record = Record {
            v: VERSION,
            phase: self.phase(),
            nodes: nodes.map(|(node, named_ms)| node_record(node, named_ms, is_running)).collect(),
            policy: is_running.then_some(Cow::Borrowed(&self.policy)),
            error: self.error.as_deref().map(Cow::Borrowed),
            cancelled: self.cancelled,
            retry_of: self.retry_of.as_ref().map(Cow::Borrowed),
            history: entries(&self.history),
            dropped: self.history.dropped(),
            unknown: Cow::Borrowed(&self.unknown),
        };
        Ok(serde_json::to_vec(&record)?)
    }

    /// The task that `record` holds.
    ///
    /// # Errors
    /// When the record is damaged, or of a later version.
    pub fn from_record(
        id: String,
        operation: Operation,
        group_id: String,
        record: &[u8],
    ) -> Result<Self, RecordError> {
        let is_ours = record.starts_with(br#"{"v":2,"#);
        if !is_ours {
            match serde_json::from_slice::<Version>(record)?.v {
                None => return first::read(id, operation, group_id, record),
                Some(version) if version > VERSION => return Err(RecordError::Newer(version)),
                Some(VERSION) => {}
                Some(version) => {
                    return Err(RecordError::Damaged(format!("there was no version {version}")));
                }
            }
        }
        let record: Record<'_> = serde_json::from_slice(record)?;
        // Only a task that goes back has a reason to, or a dead letter that it retries.
        let phase = record.phase.resumed(record.error.is_some() || record.retry_of.is_some());
        let history = history(record.history, record.dropped);
        let named_ms = last_named_ms(&history, record.nodes.len());
        let nodes = record.nodes.into_iter().zip(named_ms);
        Ok(Self {
            id,
            operation,
            group_id,
            phase,
            nodes: nodes.map(|(node, named_ms)| read_node(node, named_ms)).collect(),
            policy: record.policy.map(Cow::into_owned).unwrap_or_default(),
            error: record.error.map(Cow::into_owned),
            cancelled: record.cancelled,
            retry_of: record.retry_of.map(Cow::into_owned),
            history,
            unknown: record.unknown.into_owned(),
            unstored: false,
            late_calls_seen: 0,
        })
    }
}

/// When the history last names each of `nodes` nodes.
fn last_named_ms(history: &History, nodes: usize) -> Vec<Option<u64>> {
    let mut named_ms = vec![None; nodes];
    for entry in history.entries() {
        if let Some(last) = entry.node.and_then(|node| named_ms.get_mut(node)) {
            *last = Some(entry.at_ms);
        }
    }
    named_ms
}

fn node_record(node: &Node, named_ms: Option<u64>, is_running: bool) -> NodeRecord<'_> {
    NodeRecord {
        address: Cow::Borrowed(&node.address),
        state: node.state,
        before: node.before.filter(|_| is_running).map(Before::from),
        uncertain: node.uncertain && is_running,
        attempts: Some(node.attempts).filter(|sent| *sent != usual_attempts(node.state)),
        failures: if is_running { node.failures } else { 0 },
        rollback_attempts: node.rollback_attempts,
        due_at_ms: node.due_at_ms,
        withheld_since_ms: node.withheld_since_ms.filter(|_| is_running),
        last_error: node.last_error.as_deref().map(Cow::Borrowed),
        updated_at_ms: node.updated_at_ms.filter(|at_ms| Some(*at_ms) != named_ms),
        late_calls: if is_running { node.late_calls } else { LateCalls::default() },
        is_awaited: node.is_awaited && is_running,
        unknown: Cow::Borrowed(&node.unknown),
    }
}

fn read_node(record: NodeRecord<'_>, named_ms: Option<u64>) -> Node {
    Node {
        address: record.address.into_owned(),
        state: record.state,
        before: record.before.map(Presence::from),
        uncertain: record.uncertain,
        attempts: record.attempts.unwrap_or_else(|| usual_attempts(record.state)),
        failures: record.failures,
        rollback_attempts: record.rollback_attempts,
        due_at_ms: record.due_at_ms,
        withheld_since_ms: record.withheld_since_ms,
        last_error: record.last_error.map(Cow::into_owned),
        updated_at_ms: record.updated_at_ms.or(named_ms),
        late_calls: record.late_calls,
        is_awaited: record.is_awaited,
        unknown: record.unknown.into_owned(),
        progress: Progress::Idle,
    }
}
