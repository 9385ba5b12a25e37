//! The promises, checked from outside: by what clients are told and what nodes see.
//!
//! The checker shares no code with what it checks. It is told of every request as it is sent to a
//! node, as it arrives there and as its answer is taken; of every change of a node that Muster did
//! not ask for; and, after each command that Redis carried out, it reads what a client that asked at
//! that very instant would be told: each task's state, and the list of dead letters.
//!
//! # What is excused
//!
//! A node that answers Muster truthfully can still end up other than Muster has every reason to
//! believe, in exactly four ways, each called a *disturbance* of one group on one node:
//!
//! 1. **An overtaken request changes the node after the window for late calls.** A request whose sender
//!    gave up on it (a time-out, a lost worker) lies about in the network, and reaches the node after a
//!    request that was sent later, and later than the task reckons with (`late_call_window`). No protocol
//!    without fencing on the *node's* side can prevent that, and the node API has none. A late request
//!    within the window excuses nothing, nor does one that was not overtaken: what is asked later sees
//!    its effect. A request that the network brings twice is excused the second time.
//! 2. **The node restarts and loses the group.**
//! 3. **Somebody else changes it.**
//! 4. **Something passes itself off as the node as a create begins**: it says "absent", in a way that the
//!    node might, of a group that is there. A create goes on then, because the node's own answer to it
//!    usually tells. A delete or an undo does not, and is excused nothing.
//!
//! What a disturbance excuses is one task on one node: the task that was running when it happened,
//! and only if it had reached the node by then. Its other nodes, and other tasks, are checked as ever:
//! they inspect before they apply, so they see what is there.

mod callbacks;
mod dead_letters;
mod ends;
mod nodes;
mod truth;

use std::collections::{BTreeMap, BTreeSet};

use saga::{Operation, Policy};

use crate::redis::Keyspace;
use callbacks::Callbacks;
use dead_letters::DeadLetters;
use nodes::{Place, Sent};
pub(crate) use truth::Truth;

/// A node, by number, and a group on it.
pub type Spot = (usize, String);

/// What one task did at one node, as far as it can be seen from outside.
#[derive(Clone, Debug, Default)]
struct Visit {
    /// What the node held just before the task's first request arrived.
    baseline: Option<bool>,
    /// See the module's documentation.
    disturbed: bool,
    /// Requests that were to change the node, and how many of them were answered well.
    sent: u32,
    answered: u32,
    /// Those that were to undo a change.
    undos: u32,
}

/// A task that a client asked for.
#[derive(Clone, Debug)]
pub struct Submitted {
    pub id: String,
    pub group: String,
    pub operation: Operation,
    pub nodes: Vec<usize>,
    /// The dead letter it retries.
    pub dead_letter: Option<String>,
    /// Its idempotency key: of those with the same one, only one may be accepted.
    pub key: Option<String>,
}

#[derive(Clone, Debug)]
struct Tracked {
    submitted: Submitted,
    key: String,
    ended_key: String,
    /// As clients are told; `None` until it is accepted.
    state: Option<String>,
    promised: bool,
    visits: BTreeMap<usize, Visit>,
    /// Its dead letter was superseded before it started.
    superseded: bool,
    is_gone: bool,
    claim: Claim,
}

/// Who holds a task, as seen in Redis.
#[derive(Clone, Debug, Default)]
struct Claim {
    /// The host whose command raised the epoch last.
    holder: Option<usize>,
    epoch: String,
    record: String,
}

impl Tracked {
    /// What every node is to hold when it succeeds. A retry undoes the dead letter's operation.
    fn goal(&self) -> bool {
        (self.submitted.operation == Operation::Create) != self.submitted.dead_letter.is_some()
    }

    fn is_running(&self) -> bool {
        self.state.as_deref().is_some_and(|state| rank(state) == 1 || rank(state) == 2)
    }

    fn has_ended(&self) -> bool {
        self.state.as_deref().is_some_and(is_end)
    }
}

/// Sees all, and notes what breaks a promise.
#[derive(Debug, Default)]
pub struct Checker {
    tasks: Vec<Tracked>,
    by_id: BTreeMap<String, usize>,
    /// Tasks in the order accepted, by group.
    order: BTreeMap<String, Vec<usize>>,
    places: BTreeMap<Spot, Place>,
    sent: BTreeMap<u64, Sent>,
    /// For how long a call that was given up on is reckoned with, in milliseconds.
    window_ms: u64,
    /// Redis's clock stepped forward: when, in virtual ms, and by how much.
    pub(crate) steps: Vec<(u64, u64)>,
    dead_letters: DeadLetters,
    callbacks: Callbacks,
    discards: BTreeSet<String>,
    /// How often an undo is tried again before it becomes a dead letter.
    undo_retries: u32,
    /// Something happened that a task may fail because of.
    is_troubled: bool,
    /// Tasks of whose end a worker's log has told.
    logged_ends: BTreeSet<String>,
    /// Tasks whose dead letters say that too many workers were lost with them.
    given_up: BTreeSet<String>,
    /// Tasks of which a client was told that they roll back.
    cancelled: BTreeSet<String>,
    violations: Vec<String>,
    /// Nodes of ended tasks that were excused, and that were checked.
    pub excused: u64,
    pub checked: u64,
    /// Overtaken requests that changed a node, within the window and after it.
    pub late_in_window: u64,
    pub late_out_of_window: u64,
    /// Dead letters that were written.
    pub dead_letters_seen: u64,
    /// How often a task was added to a dead letter that was there.
    pub dead_letters_joined: u64,
}

fn rank(state: &str) -> u8 {
    match state {
        "PENDING" => 0,
        "STARTED" => 1,
        "RETRY" => 2,
        _ => 3,
    }
}

fn is_end(state: &str) -> bool {
    rank(state) == 3
}

impl Checker {
    /// A checker that has seen nothing yet of a world whose tasks have this policy.
    #[must_use]
    pub fn new(policy: &Policy) -> Self {
        Self {
            window_ms: policy.late_call_window_ms,
            undo_retries: policy.rollback_max_retries,
            ..Self::default()
        }
    }

    /// What broke a promise, in order.
    #[must_use]
    pub fn violations(&self) -> &[String] {
        &self.violations
    }

    pub(crate) fn violate(&mut self, what: String) {
        self.violations.push(what);
    }

    /// Something happens that a task may fail because of.
    pub fn went_wrong(&mut self) {
        self.is_troubled = true;
    }

    /// A client is about to ask for this; whether it comes about, the checker will see.
    pub fn submits(&mut self, submitted: Submitted) {
        self.by_id.insert(submitted.id.clone(), self.tasks.len());
        self.tasks.push(Tracked {
            key: format!("{}task:{}", store::PREFIX, submitted.id),
            ended_key: format!("{}ended:{}", store::PREFIX, submitted.id),
            submitted,
            state: None,
            promised: false,
            visits: BTreeMap::new(),
            superseded: false,
            is_gone: false,
            claim: Claim::default(),
        });
    }

    /// A client was told that this task is accepted.
    pub fn promised(&mut self, id: &str) {
        match self.by_id.get(id).map(|index| &mut self.tasks[*index]) {
            Some(task) if task.state.is_some() => task.promised = true,
            _ => self.violate(format!("{id} was accepted and is not there")),
        }
    }

    /// A client was told that this task rolls back, because it cancelled it.
    pub(crate) fn cancelled(&mut self, id: &str) {
        if self.state(id) == Some("SUCCESS") {
            self.violate(format!("a client was told that {id} rolls back, and it is SUCCESS"));
        }
        self.cancelled.insert(id.to_owned());
    }

    /// A client is about to discard this dead letter.
    pub fn discards(&mut self, dead_letter: &str) {
        self.discards.insert(dead_letter.to_owned());
    }

    /// A client was told this state of a task (`None`: unknown), having been told `before` last.
    pub fn told(&mut self, id: &str, before: Option<&str>, state: Option<&str>) {
        let Some(task) = self.by_id.get(id).map(|index| &self.tasks[*index]) else { return };
        let (gone, promised, actual) = (task.is_gone, task.promised, task.state.clone());
        match (before, state) {
            (_, None) if promised && !gone => {
                self.violate(format!("{id} was accepted, and a client is told it is unknown"));
            }
            (Some(before), Some(state)) if rank(state) < rank(before) => {
                self.violate(format!("a client is told {state} of {id} after {before}"));
            }
            (_, Some(state)) if is_end(state) && actual.as_deref() != Some(state) => {
                self.violate(format!("a client is told {state} of {id}, which is {actual:?}"));
            }
            _ => {}
        }
    }

    /// Whether every task that was accepted has ended, and every callback was delivered or given up.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        !self.callbacks.are_waiting
            && self.tasks.iter().all(|task| task.state.is_none() || task.has_ended())
    }

    /// The tasks that have not ended.
    #[must_use]
    pub fn unfinished(&self) -> Vec<String> {
        let open = self.tasks.iter().filter(|task| task.state.is_some() && !task.has_ended());
        open.map(|task| format!("{} ({})", task.submitted.id, task.state.as_deref().unwrap_or("")))
            .collect()
    }

    /// How many of a group's tasks have not ended, in the longest line.
    #[must_use]
    pub fn longest_line(&self) -> u64 {
        let open = |line: &Vec<usize>| line.iter().filter(|i| !self.tasks[**i].has_ended()).count();
        self.order.values().map(open).max().unwrap_or(0) as u64
    }

    /// Ended tasks by state.
    #[must_use]
    pub fn ends(&self) -> BTreeMap<String, u64> {
        let mut ends = BTreeMap::new();
        for state in self.tasks.iter().filter_map(|task| task.state.as_ref()) {
            *ends.entry(state.clone()).or_default() += 1;
        }
        ends
    }

    /// The state a client would be told of a task.
    #[must_use]
    pub fn state(&self, id: &str) -> Option<&str> {
        self.tasks[*self.by_id.get(id)?].state.as_deref()
    }

    /// Observes Redis now, at `now_ms`, that it has carried out a command of `host`, or of a client.
    pub fn observe(&mut self, keyspace: &Keyspace, host: Option<usize>, now_ms: u64) {
        if let Some(host) = host {
            self.observe_claims(keyspace, host, now_ms);
        }
        self.observe_states(keyspace, now_ms);
    }

    /// Only who claimed a task last may store what came of it.
    fn observe_claims(&mut self, keyspace: &Keyspace, host: usize, now_ms: u64) {
        let mut taken_over = Vec::new();
        for index in 0..self.tasks.len() {
            let Tracked { key, ended_key, claim, submitted, .. } = &mut self.tasks[index];
            let field = |name| keyspace.peek_field(key, name).unwrap_or_default();
            let ended = keyspace.peek_text(ended_key).and_then(|text| text.splitn(3, '\n').nth(2));
            let (epoch, record) = (field("epoch"), ended.unwrap_or_else(|| field("record")));
            if claim.epoch != epoch && !epoch.is_empty() {
                epoch.clone_into(&mut claim.epoch);
                if keyspace.is_full {
                    self.violations.push(format!("{} is taken though Redis is full", submitted.id));
                }
                claim.holder = Some(host);
                taken_over.push(index);
            }
            if claim.record != record {
                let is_first = claim.record.is_empty();
                record.clone_into(&mut claim.record);
                if !is_first && !record.is_empty() && claim.holder != Some(host) {
                    let what = format!("w{host} stores {}, which it does not hold", submitted.id);
                    self.violate(what);
                }
            }
        }
        for index in taken_over {
            self.taken_over(index, now_ms);
        }
    }

    /// Reads what clients would be told.
    fn observe_states(&mut self, keyspace: &Keyspace, now_ms: u64) {
        let mut started = Vec::new();
        let mut ended = Vec::new();
        for index in 0..self.tasks.len() {
            let task = &self.tasks[index];
            let as_ended = keyspace.peek_text(&task.ended_key);
            let state = match as_ended.and_then(|text| text.split(' ').next()) {
                None => keyspace.peek_field(&task.key, "state"),
                end => end,
            };
            if task.state.as_deref() == state || task.is_gone {
                continue;
            }
            let (id, old) = (task.submitted.id.clone(), task.state.clone());
            match (old.as_deref(), state) {
                (Some(old), None) if is_end(old) => self.tasks[index].is_gone = true,
                (Some(old), None) => self.violate(format!("{id} is forgotten, and was {old}")),
                (None, Some(state)) => {
                    self.tasks[index].state = Some(state.to_owned());
                    let group = self.tasks[index].submitted.group.clone();
                    self.order.entry(group).or_default().push(index);
                    self.check_idempotency(index);
                    if state != "PENDING" {
                        self.violate(format!("{id} begins as {state}"));
                    }
                }
                (Some(old), Some(state)) => {
                    if is_end(old) || rank(state) <= rank(old) {
                        self.violate(format!("{id} was {old} and is now {state}"));
                    }
                    if rank(old) == 0 && state != "REVOKED" {
                        started.push(index);
                    }
                    if is_end(state) {
                        ended.push(index);
                    }
                    self.tasks[index].state = Some(state.to_owned());
                }
                (None, None) => {}
            }
        }
        self.observe_callbacks(keyspace, &ended, now_ms);
        self.observe_dead_letters(keyspace, &ended);
        for index in ended {
            self.ended(index);
        }
        for index in started {
            self.started(index);
        }
    }

    fn check_idempotency(&mut self, index: usize) {
        let Some(key) = self.tasks[index].submitted.key.clone() else { return };
        let same =
            |task: &&Tracked| task.submitted.key.as_ref() == Some(&key) && task.state.is_some();
        if self.tasks.iter().filter(same).count() > 1 {
            self.violate(format!("two tasks are accepted for the idempotency key {key}"));
        }
    }

    /// One task at a time on a group, in the order accepted.
    fn started(&mut self, index: usize) {
        let group = self.tasks[index].submitted.group.clone();
        let line = self.order.get(&group).cloned().unwrap_or_default();
        for earlier in line.into_iter().take_while(|other| *other != index) {
            if !self.tasks[earlier].has_ended() {
                let (this, other) =
                    (&self.tasks[index].submitted.id, &self.tasks[earlier].submitted.id);
                self.violate(format!("{this} starts before {other} of its group has ended"));
            }
        }
        if let Some(dead_letter) = self.tasks[index].submitted.dead_letter.clone() {
            self.tasks[index].superseded = self.dead_letters.is_superseded(&dead_letter);
        }
    }

    /// The id of the task of a group that runs now.
    pub(crate) fn running_id(&self, group: &str) -> Option<&str> {
        Some(&self.tasks[self.running(group)?].submitted.id)
    }

    /// The tasks that were given up for the workers that were lost with them.
    pub(crate) fn given_up(&self) -> impl Iterator<Item = &str> {
        self.given_up.iter().map(String::as_str)
    }

    /// The task of a group that runs now.
    fn running(&self, group: &str) -> Option<usize> {
        let line = self.order.get(group)?;
        line.iter().copied().find(|index| self.tasks[*index].is_running())
    }
}
