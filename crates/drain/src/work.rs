//! The tasks a drain holds, the calls it has under way, and the news it has for Redis.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

use clock::Clock;
use futures::FutureExt as _;
use futures::stream::{FuturesUnordered, StreamExt as _};
use node_adapter::Adapter;
use saga::{
    Answer, Call, CallKind, ClientState, DeadLetter, DeadLetterKind, Operation, Starting, Status,
    Task, Verb,
};
use store::{
    BreakerChange, CallbackOutcome, Claimed, Commit, CommitKind, DueCallback, Flag, Instruction,
    Redis, StoreError, TurnAnswer,
};

use crate::breaker::Breakers;
use crate::call_metrics::CallMetrics;
use crate::callback;
use crate::environment::{Log, NodeClient};
use crate::node_call;
use crate::run::{Drain, Report};

/// How old the stored record of a task may get, in milliseconds, before what was learned since is
/// stored: for clients to see, for less doubt after a crash, and because Redis then tells whether
/// the task was cancelled. So much later than a cancel, at most, a node is still changed.
const RECORD_AGE_MS_MAX: u64 = 100;

/// What was under way and completed to an end.
pub(crate) enum Completion {
    Answer(Answered),
    Callback(CallbackOutcome),
}

/// A call that completed back.
pub(crate) struct Answered {
    task_id: String,
    epoch: u64,
    call: Call,
    answer: Answer,
    verb: Verb,
    node: String,
    /// When it was made, by our clock; `None` when the node's breaker was open and no call was made.
    started_ms: Option<u64>,
}

/// A call that waits until the turn that stores its intent is over.
pub(crate) struct Gated {
    task_id: String,
    epoch: u64,
    call: Call,
}

struct Held {
    task: Task,
    epoch: u64,
    /// When the turn began that last began or renewed its lease, by our clock.
    leased_at_ms: u64,
    /// When its record was last put among the news for a turn.
    stored_at_ms: u64,
    /// There is more to tell than that record does.
    is_changed: bool,
    /// That record still waits for the turn.
    is_pending: bool,
}

impl Held {
    /// The task's record as news for the next turn. Times are ours, and Redis's.
    fn commit(
        &mut self,
        kind: CommitKind,
        own_now_ms: u64,
        now_ms: u64,
    ) -> Result<Commit, StoreError> {
        self.stored_at_ms = own_now_ms;
        self.is_changed = false;
        self.is_pending = true;
        Commit::new(&self.task, self.epoch, kind, now_ms)
    }

    fn is_record_old(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.stored_at_ms) >= RECORD_AGE_MS_MAX
    }

    /// Whether the lease may be gone before a call that is sent now is over, for instance because
    /// this process was frozen: nothing that changes a node may be sent on its strength.
    fn is_lease_doubtful(&self, now_ms: u64, lease_ms: u64) -> bool {
        now_ms.saturating_sub(self.leased_at_ms) >= lease_ms / 2
    }
}

type InFlight<'a> = FuturesUnordered<Pin<Box<dyn Future<Output = Completion> + 'a>>>;

pub(crate) struct Work<'a, R, N, A, C, L> {
    drain: &'a Drain<R, N, A, C, L>,
    held: BTreeMap<String, Held>,
    pub(crate) in_flight: InFlight<'a>,
    commits: Vec<Commit>,
    gated: Vec<Gated>,
    breakers: Breakers,
    pub(crate) callbacks_under_way: usize,
    pub(crate) callback_outcomes: Vec<CallbackOutcome>,
    /// Redis's clock minus ours, in milliseconds.
    clock_offset_ms: u64,
    renewed_at_ms: u64,
    pub(crate) closing: bool,
    pub(crate) report: Report,
    pub(crate) metrics: CallMetrics,
    /// A record that could not be written: the drain ends with it.
    failure: Option<StoreError>,
}

impl<'a, R: Redis, N: NodeClient, A: Adapter, C: Clock, L: Log> Work<'a, R, N, A, C, L> {
    pub(crate) fn new(drain: &'a Drain<R, N, A, C, L>) -> Self {
        Self {
            drain,
            held: BTreeMap::new(),
            in_flight: FuturesUnordered::new(),
            commits: Vec::new(),
            gated: Vec::new(),
            breakers: Breakers::new(drain.limits.breaker),
            callbacks_under_way: 0,
            callback_outcomes: Vec::new(),
            clock_offset_ms: 0,
            renewed_at_ms: drain.clock.now_ms(),
            closing: false,
            report: Report::default(),
            metrics: CallMetrics::default(),
            failure: None,
        }
    }

    /// How many tasks are held.
    pub(crate) fn held(&self) -> usize {
        self.held.len()
    }

    /// Whether there is something to tell Redis at once.
    pub(crate) fn has_pending(&self) -> bool {
        !self.commits.is_empty() || !self.callback_outcomes.is_empty()
    }

    /// What the turn that begins now is to tell Redis, and the calls that wait for it.
    pub(crate) fn take_pending(&mut self) -> (Vec<Commit>, Vec<Gated>) {
        let (own_now_ms, now_ms) = self.times();
        let mut old_records = Vec::new();
        for held in self.held.values_mut() {
            let is_worth_it = held.is_changed || held.task.has_unsent();
            if is_worth_it && !held.is_pending && held.is_record_old(own_now_ms) {
                held.task.withdraw_unsent();
                old_records.push(held.commit(CommitKind::Journal, own_now_ms, now_ms));
            }
            held.is_pending = false;
        }
        old_records.into_iter().for_each(|commit| self.push_commit(commit));
        (std::mem::take(&mut self.commits), std::mem::take(&mut self.gated))
    }

    /// The claims to renew at `now_ms`: all, three times a lease.
    pub(crate) fn due_renewals(&mut self, now_ms: u64) -> Vec<(String, u64)> {
        if now_ms.saturating_sub(self.renewed_at_ms) < self.drain.limits.lease_ms / 3 {
            return Vec::new();
        }
        self.renewed_at_ms = now_ms;
        self.held.iter().map(|(id, held)| (id.clone(), held.epoch)).collect()
    }

    /// Does what Redis's answer to a turn asks for. `gated` are the calls whose intents the turn
    /// stored, `sent_at_ms` is when it began, by our clock, and `renewed` whether it renewed every
    /// lease.
    pub(crate) fn follow(
        &mut self,
        answer: TurnAnswer,
        gated: Vec<Gated>,
        sent_at_ms: u64,
        renewed: bool,
    ) -> Result<Instruction, StoreError> {
        let (now_ms, lease_ms) = (self.drain.clock.now_ms(), self.drain.limits.lease_ms);
        self.clock_offset_ms = answer.now_ms.saturating_sub(now_ms);
        self.report.turns += 1;
        for task_id in &answer.stale {
            self.report.stale += 1;
            self.held.remove(task_id);
            self.drain.log.event("claim lost to another worker", &[("task_id", task_id)]);
        }
        if renewed {
            for held in self.held.values_mut() {
                held.leased_at_ms = sent_at_ms;
            }
        }
        for Gated { task_id, epoch, call } in gated {
            let Some(held) = self.held.get_mut(&task_id) else { continue };
            // Storing the record renewed the lease.
            held.leased_at_ms = sent_at_ms;
            if held.is_lease_doubtful(now_ms, lease_ms) {
                self.held.remove(&task_id);
            } else if answer.cancelled.contains(&task_id) && call.kind == CallKind::Apply {
                held.task.withdraw(call);
            } else {
                self.start(&task_id, epoch, call, now_ms);
            }
        }
        for task_id in answer.cancelled {
            let now_ms = self.redis_now_ms();
            if let Some(held) = self.held.get_mut(&task_id) {
                held.task.cancel("cancelled by a client", now_ms);
                self.advance(&task_id);
            }
        }
        for callback in answer.callbacks {
            self.deliver(callback);
        }
        for claimed in answer.claimed {
            self.report.claimed += 1;
            self.take_up(&claimed, sent_at_ms);
        }
        match self.failure.take() {
            Some(failure) => Err(failure),
            None => Ok(answer.instruction),
        }
    }

    /// Sends what was planned. It must not wait for another turn: should this process stand still
    /// during that one, a call would go out on the strength of a lease that is gone.
    pub(crate) fn begin_calls(&mut self) {
        self.take_in_with(None);
    }

    /// Takes in `first` and everything else that has come to an end by now, until all calls that
    /// follow from it are on their way too.
    pub(crate) fn take_in_with(&mut self, first: Option<Completion>) {
        let mut completed: Vec<Completion> = first.into_iter().collect();
        loop {
            while let Some(Some(next)) = self.in_flight.next().now_or_never() {
                completed.push(next);
            }
            if completed.is_empty() {
                return;
            }
            self.take_in(std::mem::take(&mut completed));
        }
    }

    /// Takes in what completed to an end.
    fn take_in(&mut self, completed: Vec<Completion>) {
        // Asking for the time is a call of the host, so it is asked once for all.
        let (own_now_ms, now_ms) = self.times();
        let mut touched = Vec::with_capacity(completed.len());
        for completed in completed {
            let Answered { task_id, epoch, call, answer, verb, node, started_ms } = match completed
            {
                Completion::Answer(answered) => answered,
                Completion::Callback(outcome) => {
                    self.callback_ended(outcome);
                    continue;
                }
            };
            if started_ms.is_some() {
                self.breakers.record(&node, &answer, own_now_ms);
            }
            let took_ms = started_ms.map(|started_ms| own_now_ms.saturating_sub(started_ms));
            self.metrics.count(verb, node, &answer, took_ms);
            let Some(held) = self.held.get_mut(&task_id).filter(|held| held.epoch == epoch) else {
                continue;
            };
            if let Err(illegal) = held.task.answer(call, answer, now_ms) {
                let reason = illegal.to_string();
                self.drain
                    .log
                    .event("illegal answer", &[("task_id", &task_id), ("reason", &reason)]);
                continue;
            }
            if !touched.contains(&task_id) {
                touched.push(task_id);
            }
        }
        for task_id in touched {
            self.advance(&task_id);
        }
    }

    fn take_up(&mut self, claimed: &Claimed, sent_at_ms: u64) {
        let now_ms = self.redis_now_ms();
        let mut task = match claimed.task() {
            Ok(task) => task,
            Err(error) => return self.quarantine(claimed, &error.to_string()),
        };
        match claimed.flag {
            Some(Flag::Superseded) => {
                task.cancel("a later task has put this group as it desired it", now_ms);
            }
            Some(Flag::Cancel) => task.cancel("cancelled by a client", now_ms),
            None => {}
        }
        task.take_up(claimed.recoveries, now_ms);
        let held = Held {
            task,
            epoch: claimed.epoch,
            leased_at_ms: sent_at_ms,
            stored_at_ms: sent_at_ms,
            is_changed: false,
            is_pending: false,
        };
        self.held.insert(claimed.task_id.clone(), held);
        self.advance(&claimed.task_id);
    }

    /// Ends a task whose record cannot be read, with a dead letter for a person.
    fn quarantine(&mut self, claimed: &Claimed, reason: &str) {
        let now_ms = self.redis_now_ms();
        let fields = [("task_id", claimed.task_id.as_str()), ("reason", reason)];
        self.drain.log.event("unreadable record quarantined", &fields);
        let dead_letter = DeadLetter {
            id: format!("{}-record", claimed.task_id),
            kind: DeadLetterKind::UnreadableRecord,
            task_id: claimed.task_id.clone(),
            group_id: claimed.group_id.clone(),
            node: String::new(),
            operation: Operation::Create,
            before: None,
            attempts: 0,
            last_error: Some(format!("the task's record cannot be read: {reason}")),
            created_at_ms: now_ms,
            updated_at_ms: now_ms,
        };
        let commit = Commit::quarantine(claimed, dead_letter);
        self.push_commit(commit);
    }

    /// Plans a held task's next moves: starts what may be started at once, and notes down for
    /// Redis what must be stored first or what completed of the task.
    fn advance(&mut self, task_id: &str) {
        let (own_now_ms, now_ms) = self.times();
        let starting = if self.closing { Starting::Held } else { Starting::Allowed };
        let lease_ms = self.drain.limits.lease_ms;
        let Some(held) = self.held.get_mut(task_id) else { return };
        let plan = held.task.plan(now_ms, starting);
        let epoch = held.epoch;
        let changes_node = plan.calls.iter().any(|call| call.changes_node());
        let must_ask = changes_node
            && (held.is_record_old(own_now_ms) || held.is_lease_doubtful(own_now_ms, lease_ms));
        held.is_changed = true;
        let kind = match plan.status {
            Status::Running if plan.must_store || must_ask => Some(CommitKind::Journal),
            Status::Running => None,
            Status::Waiting { due_at_ms } => Some(CommitKind::Delay { due_at_ms }),
            Status::Held => Some(CommitKind::Release),
            Status::Ended => Some(CommitKind::Finish),
        };
        let commit = kind.map(|kind| held.commit(kind, own_now_ms, now_ms));
        let is_gated = held.is_pending;
        if let Some(commit) = commit {
            self.push_commit(commit);
        }
        for call in plan.calls {
            if is_gated && call.changes_node() {
                self.gated.push(Gated { task_id: task_id.to_owned(), epoch, call });
            } else {
                self.start(task_id, epoch, call, own_now_ms);
            }
        }
        if matches!(plan.status, Status::Waiting { .. } | Status::Held | Status::Ended)
            && let Some(held) = self.held.remove(task_id)
        {
            self.report_end(&held.task);
        }
    }

    fn push_commit(&mut self, commit: Result<Commit, StoreError>) {
        match commit {
            Ok(commit) => self.commits.push(commit),
            Err(error) => self.failure = Some(error),
        }
    }

    fn report_end(&mut self, task: &Task) {
        if !task.phase().is_end() {
            return;
        }
        self.report.ended += 1;
        if task.client_state() == ClientState::Success {
            return;
        }
        let state = task.client_state().name();
        let dead: Vec<&str> = task
            .nodes()
            .iter()
            .filter(|node| node.state() == saga::NodeState::Dead)
            .map(saga::Node::address)
            .collect();
        self.drain.log.event(
            if dead.is_empty() { "task ended" } else { "task ended with dead letters" },
            &[
                ("task_id", task.id()),
                ("operation", task.operation().name()),
                ("state", state),
                ("error", task.error().unwrap_or_default()),
                ("dead_nodes", &dead.join(",")),
            ],
        );
    }

    fn start(&mut self, task_id: &str, epoch: u64, call: Call, own_now_ms: u64) {
        let Some(held) = self.held.get(task_id).filter(|held| held.epoch == epoch) else { return };
        let Some(node) = held.task.nodes().get(call.node) else { return };
        let drain = self.drain;
        let (task_id, node) = (task_id.to_owned(), node.address().to_owned());
        let group_id = held.task.group_id().to_owned();
        let verb = call.verb(&held.task);
        // A dead letter says that the node was tried, so the last undo is never withheld.
        let is_last_chance = call.is_last_chance(&held.task);
        if self.breakers.admit(&node, own_now_ms).is_err() && !is_last_chance {
            let answer = node_call::withheld(verb);
            let answered = Answered { task_id, epoch, call, answer, verb, node, started_ms: None };
            self.in_flight.push(Box::pin(std::future::ready(Completion::Answer(answered))));
            return;
        }
        self.report.calls += 1;
        self.in_flight.push(Box::pin(async move {
            let timeout_ms = drain.limits.node_timeout_ms;
            let started_ms = Some(own_now_ms);
            let answer =
                node_call::call(&drain.client, &drain.adapter, verb, &node, &group_id, timeout_ms)
                    .await;
            Completion::Answer(Answered { task_id, epoch, call, answer, verb, node, started_ms })
        }));
    }

    fn deliver(&mut self, callback: DueCallback) {
        let drain = self.drain;
        let now_ms = self.redis_now_ms();
        self.callbacks_under_way += 1;
        self.in_flight.push(Box::pin(async move {
            let limits = &drain.limits;
            let (client, timeout_ms) = (&drain.client, limits.node_timeout_ms);
            let delivered =
                callback::deliver(client, &limits.callbacks, &callback, now_ms, timeout_ms).await;
            let DueCallback { task_id, claim, .. } = callback;
            Completion::Callback(CallbackOutcome { task_id, claim, failure: delivered.err() })
        }));
    }

    fn callback_ended(&mut self, outcome: CallbackOutcome) {
        self.callbacks_under_way = self.callbacks_under_way.saturating_sub(1);
        if let Some(reason) = &outcome.failure {
            let fields = [("task_id", outcome.task_id.as_str()), ("reason", reason)];
            self.drain.log.event("callback not delivered", &fields);
        }
        self.callback_outcomes.push(outcome);
    }

    /// What the breakers have to tell since the last turn.
    pub(crate) fn breaker_changes(&mut self) -> Vec<BreakerChange> {
        self.breakers.changes(self.clock_offset_ms)
    }

    /// The time in milliseconds by our clock, and the same by Redis's.
    fn times(&self) -> (u64, u64) {
        let own_now_ms = self.drain.clock.now_ms();
        (own_now_ms, own_now_ms.saturating_add(self.clock_offset_ms))
    }

    fn redis_now_ms(&self) -> u64 {
        self.times().1
    }
}
