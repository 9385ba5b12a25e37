//! What a drain has in hand between two turns, and how it moves on: it does what Redis's answer to a
//! turn asks for, takes in what completes, and starts the calls that follow.

use clock::Clock;
use node_adapter::Adapter;
use saga::{Call, CallKind, RecordError, Starting, Task};
use store::{Claimed, Commit, DueCallback, Instruction, StoreError, TurnAnswer};

use crate::calls_in_flight::{Answered, CallsInFlight};
use crate::clocks::{Clocks, Now};
use crate::completions::{Completion, Completions};
use crate::ends::Ends;
use crate::environment::{Environment, Level, Log, NodeClient};
use crate::held_tasks::{HeldTask, HeldTasks};
use crate::leases::{Lease, LeaseRenewal};
use crate::pending_commits::{GatedCall, PendingCommits};
use crate::quarantine::quarantine;
use crate::report::Report;
use crate::webhooks::Webhooks;

/// For how long, in milliseconds, a task whose record is of a later version is left to others.
const NEWER_RECORD_DELAY_MS: u64 = 60_000;

pub(crate) struct Drain<'a, N, A, C, L> {
    log: &'a L,
    lease_ms: u64,
    pub(crate) clocks: Clocks<'a, C>,
    pub(crate) held: HeldTasks,
    pub(crate) lease_renewal: LeaseRenewal,
    pub(crate) calls: CallsInFlight<'a, N, A>,
    pub(crate) webhooks: Webhooks<'a, N, L>,
    pub(crate) completions: Completions<'a>,
    pending: PendingCommits,
    ends: Ends,
    /// It starts nothing more: see [`crate::Limits::run_ms`].
    closing: bool,
    report: Report,
}

/// A turn that was sent, as far as its answer is read with it.
pub(crate) struct SentTurn {
    /// When it began, by our clock.
    pub(crate) at_ms: u64,
    /// Whether it renewed every lease.
    pub(crate) renewed: bool,
    pub(crate) closing: bool,
    /// The calls whose intents it stored.
    pub(crate) gated: Vec<GatedCall>,
}

impl<'a, N: NodeClient, A: Adapter, C: Clock, L: Log> Drain<'a, N, A, C, L> {
    pub(crate) fn new<R>(environment: &'a Environment<R, N, A, C, L>) -> Self {
        Self {
            log: &environment.log,
            lease_ms: environment.limits.lease_ms,
            clocks: Clocks::new(&environment.clock),
            held: HeldTasks::default(),
            lease_renewal: LeaseRenewal::new(environment.clock.now_ms()),
            calls: CallsInFlight::new(environment),
            webhooks: Webhooks::new(environment),
            completions: Completions::default(),
            pending: PendingCommits::default(),
            ends: Ends::default(),
            closing: false,
            report: Report::default(),
        }
    }

    /// What the drain did so far.
    pub(crate) fn report(&self) -> Report {
        Report { calls: self.calls.made(), ..self.report }
    }

    /// Whether there is something to tell Redis at once.
    pub(crate) fn has_pending(&self) -> bool {
        !self.pending.is_empty() || self.webhooks.has_outcomes()
    }

    /// What the turn that begins now commits, and the calls that wait for it.
    pub(crate) fn take_pending(&mut self) -> (Vec<Commit>, Vec<GatedCall>) {
        let now = self.clocks.now();
        self.held.begin_turn(now, &mut self.pending);
        self.ends.begin_turn();
        self.pending.take()
    }

    /// Does what Redis's answer to a turn asks for.
    ///
    /// # Errors
    /// When a record cannot be written.
    pub(crate) fn follow(
        &mut self,
        answer: TurnAnswer,
        turn: SentTurn,
    ) -> Result<Instruction, StoreError> {
        let now = self.clocks.synchronize(answer.now_ms, turn.at_ms);
        self.closing = turn.closing;
        self.report.turns += 1;
        self.drop_stale(&answer.stale);
        // Cancelled before their success was stored: they have not ended, and roll back.
        for task_id in &answer.cancelled {
            self.ends.take_refused(task_id);
        }
        self.report.ended += self.ends.report(self.log);
        if turn.renewed {
            self.held.renew_leases(turn.at_ms);
        }
        self.open_gate(turn.gated, &answer.cancelled, turn.at_ms, now);
        self.cancel(&answer.cancelled);
        self.deliver(answer.callbacks);
        self.take_up(&answer.claimed, turn.at_ms);
        match self.pending.take_failure() {
            Some(failure) => Err(failure),
            None => Ok(answer.instruction),
        }
    }

    /// Drops the tasks whose claim is another drain's by now.
    fn drop_stale(&mut self, stale: &[String]) {
        for task_id in stale {
            self.report.stale += 1;
            let held = self.held.remove(task_id).map(|held| held.task);
            let task = self.ends.take_refused(task_id).or(held);
            let group_id = task.as_ref().map_or("", Task::group_id);
            let fields = [("task_id", task_id.as_str()), ("group_id", group_id)];
            self.log.event("claim lost to another worker", &fields);
        }
    }

    /// Starts the calls whose intents are stored now, unless the lease is in doubt or the task was
    /// cancelled in time.
    fn open_gate(
        &mut self,
        gated: Vec<GatedCall>,
        cancelled: &[String],
        sent_at_ms: u64,
        now: Now,
    ) {
        for GatedCall { task_id, epoch, call } in gated {
            let Some(held) = self.held.get_mut(&task_id) else { continue };
            // Storing the record renewed the lease.
            held.lease = Lease::new(sent_at_ms);
            if held.lease.is_doubtful(now.own_ms, self.lease_ms) {
                self.held.remove(&task_id);
            } else if call.kind == CallKind::Apply && cancelled.contains(&task_id) {
                held.task.withdraw(call);
            } else {
                self.start(&task_id, epoch, call, now);
            }
        }
    }

    /// Cancels held tasks for clients.
    fn cancel(&mut self, cancelled: &[String]) {
        for task_id in cancelled {
            let now = self.clocks.now();
            if let Some(held) = self.held.get_mut(task_id) {
                held.task.cancel("cancelled by a client", now.redis_ms);
                self.advance(task_id);
            }
        }
    }

    fn deliver(&mut self, callbacks: Vec<DueCallback>) {
        for callback in callbacks {
            let delivery = self.webhooks.start(callback, self.clocks.now().redis_ms);
            self.completions.push_delivery(delivery);
        }
    }

    /// Takes up the tasks that were claimed by the turn sent at `sent_at_ms`.
    fn take_up(&mut self, claimed: &[Claimed], sent_at_ms: u64) {
        for claimed in claimed {
            self.report.claimed += 1;
            if self.held.remove(&claimed.task_id).is_some() {
                // Redis has lost its last writes and hands the task out once more, perhaps under the
                // same epoch. Calls of the first claim may be under way: neither claim is kept.
                let fields =
                    [("task_id", claimed.task_id.as_str()), ("group_id", &claimed.group_id)];
                self.log.event("claimed twice, so Redis lost writes", &fields);
                continue;
            }
            match HeldTask::take_up(claimed, sent_at_ms, self.clocks.now()) {
                Ok(held) => {
                    self.held.insert(claimed.task_id.clone(), held);
                    self.advance(&claimed.task_id);
                }
                Err(RecordError::Newer(version)) => self.leave(claimed, version),
                Err(RecordError::Damaged(reason)) => self.quarantine(claimed, &reason),
            }
        }
    }

    /// Leaves a task whose record a later Muster wrote to a worker that can read it.
    fn leave(&mut self, claimed: &Claimed, version: u64) {
        let due_at_ms = self.clocks.now().redis_ms.saturating_add(NEWER_RECORD_DELAY_MS);
        let version = version.to_string();
        let fields = [
            ("task_id", claimed.task_id.as_str()),
            ("group_id", &claimed.group_id),
            ("record_version", &version),
        ];
        self.log.event("newer record left to a newer worker", &fields);
        self.pending.push(Ok(Commit::leave(claimed, due_at_ms)));
    }

    fn quarantine(&mut self, claimed: &Claimed, reason: &str) {
        let now = self.clocks.now();
        let fields = [
            ("task_id", claimed.task_id.as_str()),
            ("group_id", &claimed.group_id),
            ("reason", reason),
        ];
        self.log.write(Level::Error, "unreadable record quarantined", &fields);
        self.pending.push(quarantine(claimed, reason, now.redis_ms));
    }

    /// Sends what was planned. It must not wait for another turn: should this process stand still
    /// during that one, a call would go out on the strength of a lease that is gone.
    pub(crate) fn begin_calls(&mut self) {
        self.take_in_with(None);
    }

    /// Takes in `first` and everything else that has completed by now, until all calls that follow
    /// from it are on their way too.
    pub(crate) fn take_in_with(&mut self, first: Option<Completion>) {
        let mut completed: Vec<Completion> = first.into_iter().collect();
        loop {
            self.completions.take_ready(&mut completed);
            if completed.is_empty() {
                return;
            }
            self.take_in(std::mem::take(&mut completed));
        }
    }

    fn take_in(&mut self, completed: Vec<Completion>) {
        // Asking for the time is a call of the host, so it is asked once for all.
        let now = self.clocks.now();
        let mut touched = Vec::with_capacity(completed.len());
        for completion in completed {
            let call = match completion {
                Completion::Call(call) => call,
                Completion::Delivery(delivery) => {
                    self.webhooks.complete(delivery);
                    continue;
                }
            };
            let Answered { task_id, epoch, call, answer } = self.calls.complete(call, now.own_ms);
            let Some(held) = self.held.claimed_mut(&task_id, epoch) else { continue };
            if let Err(illegal) = held.task.answer(call, answer, now.moment()) {
                let reason = illegal.to_string();
                let group_id = held.task.group_id();
                let fields =
                    [("task_id", task_id.as_str()), ("group_id", group_id), ("reason", &reason)];
                self.log.write(Level::Error, "illegal answer", &fields);
                continue;
            }
            let late = held.task.take_late_calls();
            if late > 0 {
                let node = held.task.nodes().get(call.node).map_or("", |node| node.address());
                self.calls.count_late(node, late);
                let group_id = held.task.group_id();
                let fields =
                    [("task_id", task_id.as_str()), ("group_id", group_id), ("node", node)];
                self.log.event("late call found, undone again", &fields);
            }
            if !touched.contains(&task_id) {
                touched.push(task_id);
            }
        }
        for task_id in touched {
            self.advance(&task_id);
        }
    }

    /// Moves a held task on: starts what may be started at once, and commits what must be
    /// stored first or what came of the task.
    fn advance(&mut self, task_id: &str) {
        let now = self.clocks.now();
        let starting = if self.closing { Starting::Held } else { Starting::Allowed };
        let Some(held) = self.held.get_mut(task_id) else { return };
        let epoch = held.epoch;
        let next = held.advance(now, starting, self.lease_ms);
        if let Some(commit) = next.commit {
            self.pending.push(commit);
        }
        for call in next.calls {
            if next.is_gated && call.changes_node() {
                self.pending.gate(GatedCall { task_id: task_id.to_owned(), epoch, call });
            } else {
                self.start(task_id, epoch, call, now);
            }
        }
        if next.is_over
            && let Some(held) = self.held.remove(task_id)
            && held.task.phase().is_end()
        {
            self.ends.push(held.task);
        }
    }

    fn start(&mut self, task_id: &str, epoch: u64, call: Call, now: Now) {
        let Some(held) = self.held.claimed_mut(task_id, epoch) else { return };
        if let Some(call) = self.calls.start(&held.task, task_id, epoch, call, now) {
            self.completions.push_call(call);
        }
    }
}
