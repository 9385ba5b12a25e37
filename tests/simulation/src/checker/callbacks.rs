//! Callbacks: each is told the truth, in time, and as often as its receiver wants.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Checker;
use crate::receiver::Receiver;
use crate::redis::Keyspace;

/// How long after its task's end a callback gets to a receiver that is well, at most, however other
/// receivers are, in milliseconds. On top comes one time-out of callbacks: a drain that hands over
/// ends what it has begun before it goes.
const WITHIN_MS: u64 = 1_500;

/// What is known of callbacks.
#[derive(Debug, Default)]
pub(super) struct Callbacks {
    /// By the task's id.
    seen: BTreeMap<String, Seen>,
    /// Something happened that may bring a callback twice or late.
    pub(super) is_disturbed: bool,
    /// Some wait to be delivered.
    pub(super) are_waiting: bool,
}

#[derive(Debug, Default)]
struct Seen {
    ended_at_ms: u64,
    /// How often the receiver was told.
    times: u64,
    /// The receiver asked not to be told again before.
    not_before_ms: u64,
}

impl Checker {
    /// Something happens that may bring a callback twice or late.
    pub fn disturbs_callbacks(&mut self) {
        self.callbacks.is_disturbed = true;
    }

    /// Takes in what waits, and that the tasks `ended` have ended with this command.
    pub(super) fn observe_callbacks(&mut self, keyspace: &Keyspace, ended: &[usize], now_ms: u64) {
        for index in ended {
            let id = self.tasks[*index].submitted.id.clone();
            let seen = Seen { ended_at_ms: now_ms, ..Seen::default() };
            self.callbacks.seen.insert(id, seen);
        }
        let waiting = format!("{}callbacks-waiting", store::PREFIX);
        self.callbacks.are_waiting = !keyspace.peek_members(&waiting).is_empty();
    }

    /// A receiver is told that a task has ended.
    pub fn told_of_end(
        &mut self,
        id: &str,
        receiver: Receiver,
        body: &Value,
        now_ms: u64,
        timeout_ms: u64,
    ) {
        let told = body["data"]["state"].as_str().unwrap_or_default();
        if body["data"]["task_id"] != id || self.state(id) != Some(told) {
            let what = format!("a receiver is told {body} of {id}, which is {:?}", self.state(id));
            self.violate(what);
        }
        let is_disturbed = self.callbacks.is_disturbed;
        let Some(seen) = self.callbacks.seen.get_mut(id) else { return };
        seen.times += 1;
        let (times, since_ms) = (seen.times, now_ms - seen.ended_at_ms);
        let is_early = now_ms < seen.not_before_ms;
        if let Receiver::Busy { seconds } = receiver {
            seen.not_before_ms = now_ms + seconds * 1_000;
        }
        if is_disturbed {
            return;
        }
        let is_once = matches!(receiver, Receiver::Well | Receiver::Slow | Receiver::Gone);
        if is_once && times > 1 {
            self.violate(format!("{receiver:?} is told of {id} {times} times"));
        }
        if is_early {
            self.violate(format!("{receiver:?} is told of {id} sooner than it asked for"));
        }
        if receiver == Receiver::Well && times == 1 && since_ms > timeout_ms + WITHIN_MS {
            self.violate(format!("a receiver that is well is told of {id} after {since_ms} ms"));
        }
    }

    /// What must be so when every callback was delivered or given up.
    pub(super) fn check_callbacks(&mut self, keyspace: &Keyspace) {
        for (id, seen) in std::mem::take(&mut self.callbacks.seen) {
            let key = format!("{}callback:{id}", store::PREFIX);
            let status = keyspace.peek_field(&key, "standing");
            let is_fine = match status {
                None => true,
                Some("delivered" | "given_up") => seen.times > 0,
                Some(_) => false,
            };
            if !is_fine {
                self.violate(format!("the callback of {id} is {status:?}, told {}", seen.times));
            }
        }
    }
}
