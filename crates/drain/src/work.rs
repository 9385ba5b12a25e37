//! The tasks a drain holds, the calls it has under way, and the news it has for Redis.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

use futures::FutureExt as _;
use futures::stream::{FuturesUnordered, StreamExt as _};
use saga::{
    Answer, Call, CallKind, ClientState, DeadLetter, DeadLetterKind, Operation, Starting, Status,
    Task, Verb,
};
use store::{
    BreakerChange, CallbackOutcome, Claimed, Commit, CommitKind, DueCallback, Flag, Redis,
    StepAnswer, StoreError, Verdict,
};

use crate::breaker::Breakers;
use crate::callback;
use crate::environment::{Adapter, Clock, Log, NodeClient};
use crate::node_call;
use crate::run::{Drain, Report};
use crate::tally::Tally;

/// What was under way and came to an end.
pub(crate) enum Came {
    Answer(Answered),
    Callback(CallbackOutcome),
}

/// A call that came back.
pub(crate) struct Answered {
    task_id: String,
    epoch: u64,
    call: Call,
    answer: Answer,
    verb: Verb,
    node: String,
    /// `None` when the node's breaker was open and no call was made.
    took_ms: Option<u64>,
}

/// A call that waits until its intent is stored.
pub(crate) struct Gated {
    task_id: String,
    epoch: u64,
    call: Call,
}

struct Held {
    task: Task,
    epoch: u64,
}

type InFlight<'a> = FuturesUnordered<Pin<Box<dyn Future<Output = Came> + 'a>>>;

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
    pub(crate) tally: Tally,
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
            tally: Tally::default(),
            failure: None,
        }
    }

    /// How many tasks are held.
    pub(crate) fn held(&self) -> usize {
        self.held.len()
    }

    /// Whether there is something to tell Redis at once.
    pub(crate) fn has_news(&self) -> bool {
        !self.commits.is_empty() || !self.callback_outcomes.is_empty()
    }

    pub(crate) fn take_news(&mut self) -> (Vec<Commit>, Vec<Gated>) {
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
    /// stored, `sent_at_ms` is when it began, by our clock.
    pub(crate) fn follow(
        &mut self,
        answer: StepAnswer,
        gated: Vec<Gated>,
        sent_at_ms: u64,
    ) -> Result<Verdict, StoreError> {
        let now_ms = self.drain.clock.now_ms();
        self.clock_offset_ms = answer.now_ms.saturating_sub(now_ms);
        self.report.turns += 1;
        for task_id in &answer.stale {
            self.report.stale += 1;
            self.held.remove(task_id);
            self.drain.log.line("claim lost to another worker", &[("task_id", task_id)]);
        }
        // Long after the turn was sent (this process was frozen, say) the leases may be gone by
        // now, so nothing may be sent on their strength.
        let too_late = now_ms.saturating_sub(sent_at_ms) >= self.drain.limits.lease_ms / 2;
        for Gated { task_id, epoch, call } in gated {
            if too_late {
                self.held.remove(&task_id);
            } else if answer.cancelled.contains(&task_id) && call.kind == CallKind::Act {
                if let Some(held) = self.held.get_mut(&task_id) {
                    held.task.withdraw(call);
                }
            } else {
                self.start(&task_id, epoch, call);
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
            self.take_up(&claimed);
        }
        match self.failure.take() {
            Some(failure) => Err(failure),
            None => Ok(answer.verdict),
        }
    }

    /// Sends what was planned. It must not wait for another turn: should this process stand still
    /// during that one, a call would go out on the strength of a lease that is gone.
    pub(crate) fn begin_calls(&mut self) {
        self.take_in_with(None);
    }

    /// Takes in `first` and everything else that has come to an end by now.
    pub(crate) fn take_in_with(&mut self, first: Option<Came>) {
        let mut came: Vec<Came> = first.into_iter().collect();
        while let Some(Some(next)) = self.in_flight.next().now_or_never() {
            came.push(next);
        }
        self.take_in(came);
    }

    /// Takes in what came to an end.
    fn take_in(&mut self, came: Vec<Came>) {
        let now_ms = self.redis_now_ms();
        let mut touched = Vec::with_capacity(came.len());
        for came in came {
            let Answered { task_id, epoch, call, answer, verb, node, took_ms } = match came {
                Came::Answer(answered) => answered,
                Came::Callback(outcome) => {
                    self.callback_ended(outcome);
                    continue;
                }
            };
            if took_ms.is_some() {
                self.breakers.record(&node, &answer, self.drain.clock.now_ms());
            }
            self.tally.count(verb, node, &answer, took_ms);
            let Some(held) = self.held.get_mut(&task_id).filter(|held| held.epoch == epoch) else {
                continue;
            };
            if let Err(illegal) = held.task.answer(call, answer, now_ms) {
                let reason = illegal.to_string();
                self.drain
                    .log
                    .line("illegal answer", &[("task_id", &task_id), ("reason", &reason)]);
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

    fn take_up(&mut self, claimed: &Claimed) {
        let now_ms = self.redis_now_ms();
        let mut task: Task = match serde_json::from_slice(&claimed.record) {
            Ok(task) => task,
            Err(error) => return self.set_aside(claimed, &error.to_string()),
        };
        match claimed.flag {
            Some(Flag::Superseded) => {
                task.cancel("a later task has put this group as it wanted it", now_ms);
            }
            Some(Flag::Cancel) => task.cancel("cancelled by a client", now_ms),
            None => {}
        }
        task.take_up(claimed.recoveries, now_ms);
        self.held.insert(claimed.task_id.clone(), Held { task, epoch: claimed.epoch });
        self.advance(&claimed.task_id);
    }

    /// Ends a task whose record cannot be read, with a dead letter for a person.
    fn set_aside(&mut self, claimed: &Claimed, reason: &str) {
        let now_ms = self.redis_now_ms();
        let fields = [("task_id", claimed.task_id.as_str()), ("reason", reason)];
        self.drain.log.line("unreadable record set aside", &fields);
        let letter = DeadLetter {
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
        let commit = Commit::set_aside(claimed, letter);
        self.push_commit(commit);
    }

    /// Plans a held task's next moves: starts what may be started at once, and notes down for
    /// Redis what must be stored first or what came of the task.
    fn advance(&mut self, task_id: &str) {
        let now_ms = self.redis_now_ms();
        let starting = if self.closing { Starting::Held } else { Starting::Allowed };
        let Some(held) = self.held.get_mut(task_id) else { return };
        let plan = held.task.plan(now_ms, starting);
        let epoch = held.epoch;
        let kind = match plan.status {
            Status::Running if plan.calls.iter().any(|call| call.needs_stored_intent()) => {
                Some(CommitKind::Journal)
            }
            Status::Running => None,
            Status::Waiting { due_at_ms } => Some(CommitKind::Delay { due_at_ms }),
            Status::Held => Some(CommitKind::Release),
            Status::Ended => Some(CommitKind::Finish),
        };
        if let Some(kind) = kind {
            let commit = Commit::new(&held.task, epoch, kind, now_ms);
            self.push_commit(commit);
        }
        for call in plan.calls {
            if call.needs_stored_intent() {
                self.gated.push(Gated { task_id: task_id.to_owned(), epoch, call });
            } else {
                self.start(task_id, epoch, call);
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
        self.drain.log.line(
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

    fn start(&mut self, task_id: &str, epoch: u64, call: Call) {
        let Some(held) = self.held.get(task_id).filter(|held| held.epoch == epoch) else { return };
        let Some(node) = held.task.nodes().get(call.node) else { return };
        let drain = self.drain;
        let (task_id, node) = (task_id.to_owned(), node.address().to_owned());
        let group_id = held.task.group_id().to_owned();
        let verb = call.verb(&held.task);
        // A dead letter says that the node was tried, so the last undo is never withheld.
        let is_last_chance = call.is_last_chance(&held.task);
        if self.breakers.admit(&node, drain.clock.now_ms()).is_err() && !is_last_chance {
            let answer = node_call::withheld(verb);
            let answered = Answered { task_id, epoch, call, answer, verb, node, took_ms: None };
            self.in_flight.push(Box::pin(std::future::ready(Came::Answer(answered))));
            return;
        }
        self.report.calls += 1;
        self.in_flight.push(Box::pin(async move {
            let timeout_ms = drain.limits.node_timeout_ms;
            let started_ms = drain.clock.now_ms();
            let answer =
                node_call::call(&drain.client, &drain.adapter, verb, &node, &group_id, timeout_ms)
                    .await;
            let took_ms = Some(drain.clock.now_ms().saturating_sub(started_ms));
            Came::Answer(Answered { task_id, epoch, call, answer, verb, node, took_ms })
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
            Came::Callback(CallbackOutcome { task_id, claim, failure: delivered.err() })
        }));
    }

    fn callback_ended(&mut self, outcome: CallbackOutcome) {
        self.callbacks_under_way = self.callbacks_under_way.saturating_sub(1);
        if let Some(reason) = &outcome.failure {
            let fields = [("task_id", outcome.task_id.as_str()), ("reason", reason)];
            self.drain.log.line("callback not delivered", &fields);
        }
        self.callback_outcomes.push(outcome);
    }

    /// What the breakers have to tell since the last turn.
    pub(crate) fn breaker_changes(&mut self) -> Vec<BreakerChange> {
        self.breakers.changes(self.clock_offset_ms)
    }

    fn redis_now_ms(&self) -> u64 {
        self.drain.clock.now_ms().saturating_add(self.clock_offset_ms)
    }
}
